//! The `kumiki` command: the only place that reads arguments, files and the clock, and that prints.

mod approval;
mod args;
mod audit;
mod baseline;
mod cache;
mod change_set;
mod checking;
mod command;
mod files;
mod language;
mod lsp;
mod output;
mod pace;
mod project;
mod render;
mod report;
mod review;
mod saved;
mod target;
mod watch;

use args::{Args, Command};
use output::Output;
use std::process::ExitCode;

/// AWS's rules spend a quarter of their time in the allocator of the C library.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let args = match Args::parse_translated() {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            // clap's own code for a call that cannot be understood is 2, and 0 for help.
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    let output = Output::new(&args.global);
    let result = match &args.command {
        Command::Check(it) => command::check::run(it, &args.global, &output),
        Command::Explain(it) => command::explain::run(it, &output),
        Command::Completions(it) => Ok(command::completions::run(it, &output)),
        Command::Plan(it) => command::plan::run(it, &args.global, &output),
        Command::Up(it) => command::up::run(it, &args.global, &output),
        Command::ChangeSet(it) => command::change_set::run(it, &args.global, &output),
        Command::Import(it) => command::change_set::import(it, &args.global, &output),
        Command::DeployAll(it) => command::deploy_all::run(it, &args.global, &output),
        Command::Approve(it) => approval::run(it, &args.global, &output),
        Command::Destroy(it) => command::destroy::run(it, &args.global, &output),
        Command::Recover(it) => command::recover::run(it, &args.global, &output),
        Command::Rollback(it) => command::rollback::run(it, &args.global, &output),
        Command::Protect(it) => command::protect::protect(it, &args.global, &output),
        Command::StackPolicy(it) => command::protect::stack_policy(it, &args.global, &output),
        Command::Preflight(it) => command::preflight::run(it, &args.global, &output),
        Command::PostDeploy(it) => command::deployed::post_deploy(it, &args.global, &output),
        Command::Smoke(it) => command::deployed::smoke(it, &args.global, &output),
        Command::Teardown(it) => command::teardown::run(it, &args.global, &output),
        Command::Drift(it) => command::drift::drift(it, &args.global, &output),
        Command::Tamper(it) => command::drift::tamper(it, &args.global, &output),
        Command::Status(it) => command::show::status(it, &args.global, &output),
        Command::Events(it) => command::show::events(it, &args.global, &output),
        Command::Outputs(it) => command::show::outputs(it, &args.global, &output),
        Command::Exports(it) => command::show::exports(it, &args.global, &output),
        Command::Resources(it) => command::show::resources(it, &args.global, &output),
        Command::Permissions(it) => command::permissions::run(it, &args.global, &output),
        Command::Fidelity(it) => command::fidelity::run(it, &args.global, &output),
        Command::Serve(it) => command::serve::run(it, &args.global, &output),
        Command::Lsp => lsp::run(&args.global),
    };
    match result {
        Ok(code) => code.into(),
        Err(stop) => output.stop(&stop).into(),
    }
}

/// What a command tells the shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    /// Done, or clean.
    Done = 0,
    /// Errors were found, or the deployment failed.
    Failed = 1,
    /// It could not run; or, for `plan --detailed-exitcode`, there are changes.
    CouldNotRun = 2,
    /// There was nothing to make a change set of.
    Empty = 3,
    /// A guard stops.
    Guarded = 4,
}

impl From<Exit> for ExitCode {
    fn from(it: Exit) -> Self {
        Self::from(it as u8)
    }
}
