//! `kumiki completions`: what a shell needs to complete the command line.

use crate::Exit;
use crate::args::{Args, Completions};
use crate::output::Output;

pub(crate) fn run(args: &Completions, output: &Output) -> Exit {
    let mut script = Vec::new();
    let mut command = Args::translated(output.language);
    clap_complete::generate(args.shell, &mut command, "kumiki", &mut script);
    output.line(String::from_utf8_lossy(&script).trim_end());
    Exit::Done
}
