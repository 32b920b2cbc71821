//! The runbooks of `docs/runbooks`, command by command, on the embedded engine: in both languages,
//! with the output that they promise.
//!
//! What the reader types is what is run, but for ` --target aws`, which is taken off, and `DIGEST`,
//! which becomes the digest that the last plan printed. A `diff` block is applied to the file that
//! it names. Comments set the scene: `begins with`, what exists; `before`, a command that succeeds
//! and that the reader never types; `breaks`, one that fails; `sets`, a parameter. What only an
//! account can run follows the mark `On AWS only:`, and is held against the command line alone.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod project;

use project::copy;
use snapbox::IntoData;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

/// The pages; a test sees to it that none is missing.
const PAGES: [&str; 8] = [
    "credential-rotation",
    "disaster-recovery",
    "drift",
    "emergency-rollback",
    "first-deployment",
    "postgresql-upgrade",
    "release",
    "stuck-rollback",
];

/// A language of the pages: how its files end, its locale, and its words for the marks.
struct Language {
    ending: &'static str,
    locale: &'static str,
    on_aws_only: &'static str,
    exit_code: &'static str,
}

const LANGUAGES: [Language; 2] = [
    Language {
        ending: ".md",
        locale: "C.UTF-8",
        on_aws_only: "On AWS only:",
        exit_code: "  # exit code ",
    },
    Language {
        ending: ".ja.md",
        locale: "ja_JP.UTF-8",
        on_aws_only: "AWS でだけ実行できるもの:",
        exit_code: "  # 終了コード ",
    },
];

/// What only the owner of the account knows, in place of the `<…>` of the parameter files.
const OWNERS_VALUES: &[(&str, &str)] = &[
    ("Owner", "facility-team"),
    ("CostCenter", "CC-0001"),
    ("TransitGatewayId", "tgw-0123456789abcdef0"),
    ("HostedZoneId", "Z0123456789ABCDEFGHIJ"),
    ("StaffApiDomainName", "staff-api.facility.city.lg.jp"),
    ("VendorApiDomainName", "vendor-api.facility.city.lg.jp"),
    ("VendorSpaDomainName", "vendor.facility.city.lg.jp"),
    ("SesIdentityArn", "arn:aws:ses:ap-northeast-1:123456789012:identity/facility.city.lg.jp"),
    ("AlertEmail", "on-call@facility.city.lg.jp"),
    ("SlackWorkspaceId", "T0123456789"),
    ("SlackChannelId", "C0123456789"),
    ("TeamsTeamId", "01234567-89ab-cdef-0123-456789abcdef"),
    ("TeamsTenantId", "fedcba98-7654-3210-fedc-ba9876543210"),
    ("TeamsChannelId", "19%3a0123456789abcdef%40thread.tacv2"),
    ("PermissionsBoundaryArn", "arn:aws:iam::123456789012:policy/facility-bootstrap-boundary"),
    ("SpaDeployRoleArn", "arn:aws:iam::123456789012:role/facility-bootstrap-spa-deploy"),
    ("CiRepository", "city/facility"),
];

/// One thing that a page makes happen.
#[derive(Debug, PartialEq)]
enum Step {
    BeginsWith(String),
    Before(String),
    Breaks(String),
    Sets { file: String, key: String, value: String },
    Edit { file: String, from: String, to: String },
    Run { command: String, code: i32, output: String },
    OnAwsOnly(String),
}

/// The steps of a page, in the order in which they are read.
fn steps(text: &str, language: &Language) -> Vec<Step> {
    let mut found = Vec::new();
    let mut lines = text.lines();
    let mut last_words = "";
    while let Some(line) = lines.next() {
        if let Some(comment) = line.strip_prefix("<!-- ").and_then(|it| it.strip_suffix(" -->")) {
            found.push(match comment.split_once(": ") {
                Some(("begins with", it)) => Step::BeginsWith(it.to_owned()),
                Some(("before", it)) => Step::Before(it.to_owned()),
                Some(("breaks", it)) => Step::Breaks(it.to_owned()),
                Some(("sets", it)) => {
                    let mut words = it.split(' ').map(str::to_owned);
                    let (file, key) = (words.next().unwrap(), words.next().unwrap());
                    Step::Sets { file, key, value: words.next().unwrap_or_default() }
                }
                _ => panic!("what does this comment mean? {comment}"),
            });
            continue;
        }
        let Some(kind) = line.strip_prefix("```") else {
            if !line.trim().is_empty() {
                last_words = line;
            }
            continue;
        };
        let block: Vec<&str> = lines.by_ref().take_while(|it| *it != "```").collect();
        match kind {
            "console" if last_words == language.on_aws_only => {
                let commands = block.iter().map(|it| it.strip_prefix("$ ").unwrap_or(it));
                found.extend(commands.map(|it| Step::OnAwsOnly(it.to_owned())));
            }
            "console" => {
                for line in block {
                    if let Some(command) = line.strip_prefix("$ ") {
                        let (command, code) =
                            command.split_once(language.exit_code).unwrap_or((command, "0"));
                        let (command, code) = (command.to_owned(), code.parse().unwrap());
                        found.push(Step::Run { command, code, output: String::new() });
                    } else if let Some(Step::Run { output, .. }) = found.last_mut() {
                        output.push_str(line);
                        output.push('\n');
                    }
                }
            }
            "diff" => {
                let part = |sign: &str| -> String {
                    let of = block[1..].iter().filter_map(|it| it.strip_prefix(sign));
                    of.map(|it| format!("{it}\n")).collect()
                };
                found.push(Step::Edit {
                    file: block[0].strip_prefix("--- ").unwrap().to_owned(),
                    from: part("-"),
                    to: part("+"),
                });
            }
            other => panic!("a runbook has no blocks of `{other}`"),
        }
        last_words = "";
    }
    found
}

/// A copy of `infra/service` whose owner filled in the values.
struct Project {
    folder: tempfile::TempDir,
    locale: &'static str,
    digest: String,
}

impl Project {
    /// The project before anything is deployed.
    fn new(locale: &'static str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/service");
        copy(&source, folder.path());
        // What somebody rehearsed there is not what a page begins with.
        let _ = std::fs::remove_dir_all(folder.path().join(".kumiki"));
        let project = Self { folder, locale, digest: String::new() };
        for roots in ["parameters", "parameters/roots"] {
            for entry in std::fs::read_dir(project.path(roots)).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    let text = std::fs::read_to_string(&path).unwrap();
                    std::fs::write(&path, filled_in(&text)).unwrap();
                }
            }
        }
        project.edit(
            "kumiki.toml",
            "[environments.prod]\n",
            "[environments.prod]\naccount = \"123456789012\"\n",
        );
        project
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn edit(&self, file: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(file)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{file} has to say this once:\n{from}");
        std::fs::write(self.path(file), text.replace(from, to)).unwrap();
    }

    /// Gives a parameter another value.
    fn set(&self, file: &str, key: &str, value: &str) {
        let start = format!("{{\"ParameterKey\": \"{key}\", \"ParameterValue\": \"");
        let text = std::fs::read_to_string(self.path(file)).unwrap();
        let (before, rest) = text.split_once(&start).unwrap();
        let (_, after) = rest.split_once('"').unwrap();
        std::fs::write(self.path(file), format!("{before}{start}{value}\"{after}")).unwrap();
    }

    /// Runs a line of a page, and remembers the digest if it prints one.
    fn run(&mut self, line: &str) -> (i32, String) {
        let line = line.replace(" --target aws", "").replace("DIGEST", &self.digest);
        let mut words = words(&line).into_iter();
        assert_eq!(words.next().as_deref(), Some("kumiki"), "only `kumiki` is run here: {line}");
        let output = Command::new(env!("CARGO_BIN_EXE_kumiki"))
            .args(words)
            .current_dir(self.folder.path())
            .env("LC_ALL", self.locale)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = text(&output);
        let mark = if self.locale.starts_with("ja") { "ダイジェスト " } else { "digest " };
        if let Some(digest) = text.lines().rev().find_map(|it| it.strip_prefix(mark)) {
            digest.clone_into(&mut self.digest);
        }
        (output.status.code().unwrap(), text)
    }

    /// Runs a command that sets the scene.
    fn done(&mut self, line: &str) {
        let (code, text) = self.run(line);
        assert_eq!(code, 0, "{line}:\n{text}");
    }

    /// The project with prod deployed as far as its rotation: what most pages begin with.
    fn as_it_runs(locale: &'static str) -> Self {
        static DEPLOYED: OnceLock<Project> = OnceLock::new();
        let deployed = DEPLOYED.get_or_init(|| {
            let mut project = Self::new(LANGUAGES[0].locale);
            for root in ["bootstrap", "edge", "dr", "service", "service", "service", "rotation"] {
                project.done(&format!("kumiki plan prod --root {root}"));
                project.done(&format!("kumiki up prod --root {root} --approve DIGEST"));
            }
            project
        });
        let folder = tempfile::tempdir().unwrap();
        copy_whole(deployed.folder.path(), folder.path());
        Self { folder, locale, digest: String::new() }
    }
}

/// Copies a project with the state of its stacks.
fn copy_whole(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_whole(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// A parameter file with values where `<…>` stood.
fn filled_in(text: &str) -> String {
    let values: BTreeMap<&str, &str> = OWNERS_VALUES.iter().copied().collect();
    let line = |line: &str| match line.split_once("\"ParameterValue\": \"<") {
        Some((key, rest)) => {
            let name = key.split('"').nth(3).unwrap();
            let end = rest.split_once('>').unwrap().1;
            format!("{key}\"ParameterValue\": \"{}{end}\n", values[name])
        }
        None => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

/// The words of a command line; quotes keep spaces together.
fn words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for it in line.chars() {
        match (it, quote) {
            ('\'' | '"', None) => quote = Some(it),
            (_, Some(open)) if open == it => quote = None,
            (' ', None) => words.push(String::new()),
            _ => words.last_mut().unwrap().push(it),
        }
    }
    words
}

fn text(output: &Output) -> String {
    let out = String::from_utf8_lossy(&output.stdout);
    format!("{out}{}", String::from_utf8_lossy(&output.stderr))
}

fn page(name: &str, language: &Language) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks");
    std::fs::read_to_string(folder.join(format!("{name}{}", language.ending))).unwrap()
}

/// Follows a page in every language.
fn rehearse(name: &str) {
    let mut marks = Vec::new();
    for language in &LANGUAGES {
        let steps = steps(&page(name, language), language);
        let mut project = Project::new(language.locale);
        let mut run = Vec::new();
        for step in &steps {
            match step {
                Step::BeginsWith(it) => {
                    project = match it.as_str() {
                        "an empty account" => Project::new(language.locale),
                        "prod as it runs" => Project::as_it_runs(language.locale),
                        other => panic!("{name}: nobody knows how to begin with {other}"),
                    }
                }
                Step::Before(line) => project.done(line),
                Step::Breaks(line) => {
                    let (code, text) = project.run(line);
                    assert_eq!(code, 1, "{name}: {line}:\n{text}");
                }
                Step::Sets { file, key, value } => project.set(file, key, value),
                Step::Edit { file, from, to } => project.edit(file, from, to),
                Step::Run { command, code, output } => {
                    let local =
                        ["check", "tamper"].iter().any(|it| command.split(' ').nth(1) == Some(it));
                    assert!(
                        local || command.contains(" --target aws"),
                        "{name}: on AWS, this would look at the rehearsal: {command}"
                    );
                    let (actual, text) = project.run(command);
                    assert_eq!(actual, *code, "{name}: {command}:\n{text}");
                    let expected = snapbox::Assert::new().normalize_paths(false).try_eq(
                        Some(command),
                        text.into_data(),
                        output.clone().into_data(),
                    );
                    if let Err(difference) = expected {
                        panic!("{name}{}: {command}:\n{difference}", language.ending);
                    }
                    run.push(command.clone());
                }
                Step::OnAwsOnly(line) => {
                    understood(line);
                    run.push(line.clone());
                }
            }
        }
        assert!(!run.is_empty(), "{name}: a runbook without commands");
        marks.push(run);
    }
    assert_eq!(marks[0], marks[1], "{name}: the languages have other commands");
}

/// Holds a line against the command line of `kumiki`, without running it.
fn understood(line: &str) {
    let Some(arguments) = line.strip_prefix("kumiki ") else { return };
    let output = Command::new(env!("CARGO_BIN_EXE_kumiki"))
        .args(words(arguments))
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "{line}:\n{}", text(&output));
}

#[test]
fn credential_rotation() {
    rehearse("credential-rotation");
}

#[test]
fn disaster_recovery() {
    rehearse("disaster-recovery");
}

#[test]
fn drift() {
    rehearse("drift");
}

#[test]
fn emergency_rollback() {
    rehearse("emergency-rollback");
}

#[test]
fn first_deployment() {
    rehearse("first-deployment");
}

#[test]
fn postgresql_upgrade() {
    rehearse("postgresql-upgrade");
}

#[test]
fn release() {
    rehearse("release");
}

#[test]
fn stuck_rollback() {
    rehearse("stuck-rollback");
}

#[test]
fn every_page_is_rehearsed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/runbooks");
    let mut pages: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .filter_map(|it| {
            it.unwrap().file_name().to_str()?.strip_suffix(".ja.md").map(str::to_owned)
        })
        .filter(|it| it != "README")
        .collect();
    pages.sort();
    assert_eq!(pages, PAGES);
}

/// What only an account can run, in all pages: the number is a promise that it stays small.
#[test]
fn what_is_not_rehearsed_is_counted() {
    let steps = PAGES.iter().flat_map(|it| steps(&page(it, &LANGUAGES[0]), &LANGUAGES[0]));
    let (mut run, mut on_aws_only) = (0, 0);
    for step in steps {
        match step {
            Step::Run { .. } => run += 1,
            Step::OnAwsOnly(_) => on_aws_only += 1,
            _ => {}
        }
    }
    assert_eq!((run, on_aws_only), (80, 33));
}

#[test]
fn a_page_is_read_as_it_is_written() {
    let text = "# T\n\n<!-- begins with: an empty account -->\n\nLook:\n\n```console\n$ kumiki drift prod  \
                # exit code 1\none\n...\n$ kumiki plan prod\n```\n\nOn AWS only:\n\n```console\n$ aws x\n```\n\
                ```diff\n--- a.json\n-x\n+y\n```\n";
    let run = |command: &str, code, output: &str| Step::Run {
        command: command.to_owned(),
        code,
        output: output.to_owned(),
    };
    let expected = vec![
        Step::BeginsWith("an empty account".to_owned()),
        run("kumiki drift prod", 1, "one\n...\n"),
        run("kumiki plan prod", 0, ""),
        Step::OnAwsOnly("aws x".to_owned()),
        Step::Edit { file: "a.json".to_owned(), from: "x\n".to_owned(), to: "y\n".to_owned() },
    ];
    assert_eq!(steps(text, &LANGUAGES[0]), expected);
    assert_eq!(words("a 'b c' d=\"e f\""), ["a", "b c", "d=e f"]);
    assert_eq!(
        filled_in("  {\"ParameterKey\": \"Owner\", \"ParameterValue\": \"<owner>\"},\n"),
        "  {\"ParameterKey\": \"Owner\", \"ParameterValue\": \"facility-team\"},\n"
    );
}
