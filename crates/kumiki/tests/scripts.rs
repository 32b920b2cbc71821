//! The scripts beside the service account's templates, as an operator runs them, on the embedded
//! engine.
#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "tests may")]

mod project;

use project::copy;
use std::path::{Path, PathBuf};
use std::process::Command;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/service")
}

/// Runs a script of a project; its exit code and what it said.
fn run(project: &Path, script: &str, arguments: &str) -> (i32, String) {
    let done = Command::new("bash")
        .arg(project.join("scripts").join(script))
        .args(arguments.split_whitespace())
        .env("KUMIKI", env!("CARGO_BIN_EXE_kumiki"))
        .env("LC_ALL", "C.UTF-8")
        // Which other programs a machine has is its own business.
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stdout) + String::from_utf8_lossy(&done.stderr);
    (done.status.code().unwrap(), said.into_owned())
}

#[test]
fn every_script_says_what_it_does_in_both_languages() {
    let project = project();
    let scripts = std::fs::read_dir(project.join("scripts")).unwrap();
    let mut names: Vec<String> =
        scripts.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    names.retain(|it| !it.starts_with('_'));
    assert!(names.len() >= 14, "{names:?}");
    for name in names {
        let (code, said) = run(&project, &name, "--help");
        assert_eq!(code, 0, "{name}: {said}");
        let lines: Vec<&str> = said.lines().collect();
        assert!(lines[0].starts_with(&format!("{name} --env ENV")), "{said}");
        assert!(!lines[2].is_ascii() && lines[3].is_ascii(), "{said}");
    }
}

#[test]
fn a_root_goes_through_the_scripts() {
    let folder = tempfile::tempdir().unwrap();
    copy(&project(), folder.path());
    let of_bootstrap = "--env dev --root bootstrap --target local";
    let cases = [
        ("validate.sh", "--env dev", 0, "failed: 0"),
        // Without an environment, nothing is guessed.
        ("create-changeset.sh", "--target local", 2, "--env ENV"),
        ("create-changeset.sh", of_bootstrap, 0, "is made"),
        ("describe-changeset.sh", of_bootstrap, 0, "AVAILABLE"),
        ("execute-changeset.sh", &format!("{of_bootstrap} --yes"), 0, "CREATE_COMPLETE"),
        ("create-changeset.sh", of_bootstrap, 3, ""),
        ("diff.sh", of_bootstrap, 0, "no changes"),
        ("drift.sh", of_bootstrap, 0, "0 modified"),
        ("preflight.sh", of_bootstrap, 0, "UNKNOWN"),
        ("post-deploy.sh", of_bootstrap, 0, "0 failed"),
        ("smoke.sh", of_bootstrap, 0, "are in a complete state"),
        ("smoke.sh", &format!("{of_bootstrap} --strict"), 1, "UNKNOWN"),
        ("teardown-dev.sh", "--env prod --target local", 2, "dev only"),
        ("teardown-dev.sh", "--target local --include-bootstrap", 0, "is deleted"),
    ];
    for (script, arguments, code, part) in cases {
        let (ended, said) = run(folder.path(), script, arguments);
        assert_eq!(ended, code, "{script} {arguments}: {said}");
        assert!(said.contains(part), "{script} {arguments}: {said}");
    }
    // What each said is kept.
    let logs = std::fs::read_dir(folder.path().join("changeset-logs")).unwrap();
    let logs: Vec<String> = logs.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert!(logs.iter().any(|it| it.ends_with("-dev-execute-changeset.log")), "{logs:?}");
}
