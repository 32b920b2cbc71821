//! Chores that a shell script would do worse, and the tests of the house itself.
//!
//! `cargo xtask` runs the chores; `cargo test -p xtask` guards the walls between the crates, the
//! Japanese catalogue and the documents.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "chores speak on the terminal")]

mod bench;
mod catalogue;
#[cfg(test)]
mod documents;
mod fixtures;
mod generated;
mod handlers;
#[cfg(test)]
mod manual;
mod sentences;
mod traceability;
#[cfg(test)]
mod walls;

use std::path::PathBuf;
use std::process::ExitCode;

const HELP: &str = "\
Usage: cargo xtask CHORE

Chores:
  messages  Print the sentences without a Japanese translation, as TOML to fill in
  bench     Measure the release binary, beside cfn-lint if that is installed
  fixtures  Compare with cfn-lint on the templates that it is tested with
  handlers  Write crates/schema/data/handlers.txt of the schemas that cfn-lint ships; with
            `check`, say whether it is up to date
  traceability
            Write docs/traceability.md and its Japanese twin, of docs/traceability.toml
";

fn main() -> ExitCode {
    let chore = std::env::args().nth(1);
    let result = match chore.as_deref() {
        Some("messages") => catalogue::print_missing(),
        Some("bench") => bench::run(),
        Some("fixtures") => fixtures::run(),
        Some("handlers") => handlers::run(std::env::args().nth(2).as_deref() == Some("check")),
        Some("traceability") => traceability::write_pages(),
        None | Some("help" | "--help" | "-h") => {
            print!("{HELP}");
            Ok(())
        }
        Some(other) => Err(format!("there is no chore `{other}`\n\n{HELP}")),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("error: {reason}");
            ExitCode::FAILURE
        }
    }
}

/// The folder of the workspace.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Where Cargo builds.
fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| root().join("target"))
}
