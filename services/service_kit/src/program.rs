//! The beginning and the end of a program.

use crate::{problem, telemetry};
use std::process::ExitCode;

/// What ends a program.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs a program: its logs begin before it does, and what ends it is their last line.
pub async fn run(program: impl Future<Output = Result<ExitCode, Failure>>) -> ExitCode {
    telemetry::start();
    match program.await {
        Ok(code) => code,
        Err(error) => {
            tracing::error!(error = problem::chain(&*error), "the program ends");
            ExitCode::FAILURE
        }
    }
}
