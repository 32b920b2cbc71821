//! Holds a program against the document that it serves, by Schemathesis.
//! <https://schemathesis.readthedocs.io/en/stable/reference/checks/>

use crate::Program;
use std::process::Command;

/// Sends requests that the document allows, and some that it does not: every answer has to be one
/// that the document describes, and none may be a failure of the server.
pub async fn verify(program: &Program, token: &str) {
    let base = &program.http.base;
    // It keeps what it has found in the folder where it runs.
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new("schemathesis");
    command
        .current_dir(folder.path())
        .args(["run", &format!("{base}/openapi.json"), "--no-color", "--workers=1"])
        .args(["--header", &format!("Authorization: Bearer {token}")])
        .args(["--phases=examples,coverage,fuzzing", "--max-examples=10", "--max-time=45"])
        .args(["--generation-deterministic", "--warnings=off"])
        // Values can make sense to a document and not to the state of things.
        .args(["--exclude-checks=positive_data_acceptance"]);
    // The issuer that the program asks for keys lives in this process, and must not be kept waiting.
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap();
    let output = output.expect("Schemathesis is not installed (`make emulators`)");
    let text = String::from_utf8_lossy(&output.stdout);
    let log = program.log();
    let told: Vec<&str> = log.lines().filter(|it| !it.contains("\"level\":\"INFO\"")).collect();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}\n{errors}\n{}", told.join("\n"));
    assert!(told.is_empty(), "{}", told.join("\n"));
}
