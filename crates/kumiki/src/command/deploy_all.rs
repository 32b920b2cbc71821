//! `kumiki deploy-all`: every root of an environment, in the order of the project.
//!
//! Keeps no note of how far it came: each step asks the account, so a run that was interrupted goes
//! on where it was. Each step is a `kumiki` of its own, with a log of its own.

use crate::args::{DeployAll as Args, Global, Place, Target};
use crate::audit::now;
use crate::command::{plan, up};
use crate::output::{Output, Stop, Style};
use crate::project::Project;
use crate::{Exit, target};
use kumiki_project::DeployStep;
use kumiki_source::{Message, message};
use serde::Serialize;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// What was done about a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Taken {
    /// It was taken, and ended well.
    Done,
    /// It did not end well.
    Failed,
    /// It would be taken.
    Due,
    /// The account is further already.
    Behind,
    /// The environment does not have it.
    NotThere,
    /// A rehearsal does not have it.
    OnlyOnAws,
}

#[derive(Serialize)]
struct Row {
    step: String,
    taken: Taken,
    #[serde(skip_serializing_if = "Option::is_none")]
    log: Option<String>,
}

/// A step that is to be taken.
struct Due {
    number: usize,
    name: String,
    program: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
}

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let target = Target { environment: args.environment.clone(), root: None, scenario: None };
    let Some((project, deployment)) = plan::locate(&target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let steps = match project.config.deploy_all.as_slice() {
        [] => by_needs(&project),
        steps => steps.to_vec(),
    };
    let count = steps.len();
    let open = |gate: &Option<String>| {
        let Some(gate) = gate else { return true };
        deployment.inputs.parameters.iter().any(|it| *it.name == **gate && &*it.value == "true")
    };
    let logs = project.folder.join("changeset-logs").join(&args.environment);
    let began = now().replace(':', "");
    let mut rows = Vec::new();
    let mut rest = steps.iter().enumerate().peekable();
    while let Some(first) = rest.next() {
        let mut group = vec![first];
        while let Some(it) = rest.next_if(|(_, it)| it.beside) {
            group.push(it);
        }
        let mut due = Vec::new();
        for (index, step) in group {
            let name = name(step)?;
            let taken = match step.run.is_some() && global.target == Place::Local {
                _ if !open(&step.when) => Taken::NotThere,
                true => Taken::OnlyOnAws,
                false if behind(step, args, global, output)? => Taken::Behind,
                false => Taken::Due,
            };
            if taken != Taken::Due || args.dry_run {
                say(index + 1, count, &name, taken, output);
                rows.push(Row { step: name, taken, log: None });
                continue;
            }
            let log = logs.join(format!(
                "{began}-{:02}-{}.log",
                index + 1,
                name.replace([' ', '/'], "-")
            ));
            due.push(command(step, index + 1, name, log, args, &project, global)?);
        }
        for (it, well) in take(due, count, args, global, output)? {
            let taken = if well { Taken::Done } else { Taken::Failed };
            rows.push(Row { step: it.name, taken, log: Some(it.log.display().to_string()) });
        }
        if rows.iter().any(|it| it.taken == Taken::Failed) {
            break;
        }
    }
    let failed = rows.iter().find(|it| it.taken == Taken::Failed).map(|it| it.step.clone());
    if output.json {
        #[derive(Serialize)]
        struct Content {
            steps: Vec<Row>,
        }
        output.document("deploy-all", Content { steps: rows });
        return Ok(if failed.is_some() { Exit::Failed } else { Exit::Done });
    }
    let Some(step) = failed else {
        if !args.dry_run {
            output.say(&message!("every step is done"));
        }
        return Ok(Exit::Done);
    };
    let words = target::words(&target, global);
    Err(Stop::new(message!("step `{step}` failed", step))
        .help(message!("run the command again once it is mended: it goes on there"))
        .help(message!("what leads out of a stuck stack: `kumiki recover {words}`", words))
        .failed())
}

/// The roots in the order of their needs, each after those whose outputs it reads.
fn by_needs(project: &Project) -> Vec<DeployStep> {
    fn visit(
        name: &str,
        project: &Project,
        seen: &mut BTreeSet<String>,
        steps: &mut Vec<DeployStep>,
    ) {
        if !seen.insert(name.to_owned()) {
            return;
        }
        let Some(root) = project.config.roots.get(name) else { return };
        for needed in root.needs.keys() {
            visit(needed, project, seen, steps);
        }
        steps.push(DeployStep { root: Some(name.to_owned()), ..DeployStep::default() });
    }
    let (mut seen, mut steps) = (BTreeSet::new(), Vec::new());
    // What makes the bucket for the others is before them.
    let first = project.config.aws.bootstrap_root.iter().map(String::as_str);
    let names: Vec<&str> = first.chain(project.config.roots.keys().map(String::as_str)).collect();
    for name in names {
        visit(name, project, &mut seen, &mut steps);
    }
    steps
}

/// A step in a word or two.
fn name(step: &DeployStep) -> Result<String, Stop> {
    match (&step.root, &step.stage, &step.run) {
        (Some(root), Some(stage), None) => Ok(format!("{root} {stage}")),
        (Some(root), None, None) => Ok(root.clone()),
        (None, None, Some(run)) => Ok(run.trim_start_matches("./").to_owned()),
        _ => Err(Stop::new(message!(
            "a step under `[[deploy-all]]` needs either `root` or `run`; `stage` goes with `root`"
        ))),
    }
}

/// Whether the account is further than a stage.
fn behind(step: &DeployStep, args: &Args, global: &Global, output: &Output) -> Result<bool, Stop> {
    let Some(stage) = &step.stage else { return Ok(false) };
    let environment = args.environment.clone();
    let target = Target { environment, root: step.root.clone(), scenario: None };
    let Some(prepared) = plan::prepare(&target, global, output)? else { return Ok(false) };
    let backend = target::reader(&prepared.project, &prepared.deployment, global)?;
    let current = up::current(&*backend, &prepared)?;
    let left = prepared.stages(&target, &*backend, &current)?;
    // Where each stage is approved by itself, only the next is told.
    let run = &prepared.deployment.config.first_run;
    let at = |stage: &String| run.iter().position(|it| it == stage);
    Ok(left.first().and_then(at).zip(at(stage)).is_some_and(|(next, this)| this < next))
}

fn command(
    step: &DeployStep,
    number: usize,
    name: String,
    log: PathBuf,
    args: &Args,
    project: &Project,
    global: &Global,
) -> Result<Due, Stop> {
    let itself = std::env::current_exe()
        .map_err(|error| Stop::new(message!("this program cannot be run again: {error}", error)))?;
    let environment = args.environment.clone();
    let mut arguments = Vec::new();
    let program = match (&step.run, &step.root) {
        (Some(run), _) if run.starts_with("./") => {
            arguments.extend(["--env".to_owned(), environment]);
            project.folder.join(run)
        }
        (Some(run), _) => {
            arguments.extend([run.clone(), environment]);
            itself
        }
        (None, root) => {
            arguments.extend(["up".to_owned(), environment]);
            arguments.extend(root.iter().flat_map(|it| ["--root".to_owned(), it.clone()]));
            arguments
                .extend(step.stage.iter().flat_map(|it| ["--scenario".to_owned(), it.clone()]));
            if args.yes {
                arguments.push("--yes".to_owned());
            }
            itself
        }
    };
    arguments.extend(["--project".to_owned(), project.folder.display().to_string()]);
    if global.target == Place::Aws {
        arguments.extend(["--target".to_owned(), "aws".to_owned()]);
    }
    for (option, value) in
        [("--profile", &global.profile), ("--endpoint-url", &global.endpoint_url)]
    {
        arguments.extend(value.iter().flat_map(|it| [option.to_owned(), it.clone()]));
    }
    Ok(Due { number, name, program, arguments, log })
}

/// Takes steps: side by side where nobody is to be asked and nothing is shared, else one after the
/// other. The embedded engine is one, and works for one at a time.
fn take(
    due: Vec<Due>,
    count: usize,
    args: &Args,
    global: &Global,
    output: &Output,
) -> Result<Vec<(Due, bool)>, Stop> {
    for it in &due {
        let folder = it.log.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| {
            let folder = folder.display();
            Stop::new(message!("folder `{folder}` cannot be made: {error}", folder, error))
        })?;
    }
    let heading = |it: &Due| say(it.number, count, &it.name, Taken::Due, output);
    if due.len() > 1 && args.yes && global.target == Place::Aws {
        due.iter().for_each(heading);
        let ended: Vec<_> = thread::scope(|scope| {
            let running: Vec<_> =
                due.iter().map(|it| scope.spawn(|| take_one(it, output.json))).collect();
            running.into_iter().map(thread::ScopedJoinHandle::join).collect()
        });
        let well = |it: thread::Result<std::io::Result<bool>>| matches!(it, Ok(Ok(true)));
        return Ok(due.into_iter().zip(ended.into_iter().map(well)).collect());
    }
    let mut taken = Vec::new();
    for it in due {
        heading(&it);
        let well = take_one(&it, output.json).map_err(|error| {
            let program = it.program.display();
            Stop::new(message!("`{program}` cannot be run: {error}", program, error))
        })?;
        taken.push((it, well));
        if !well {
            break;
        }
    }
    Ok(taken)
}

/// Runs a program whose output is shown and kept; whether it ended well.
fn take_one(due: &Due, quiet: bool) -> std::io::Result<bool> {
    let mut log = File::create(&due.log)?;
    writeln!(log, "$ {} {}", due.program.display(), due.arguments.join(" "))?;
    let (mut reader, writer) = std::io::pipe()?;
    let mut command = Command::new(&due.program);
    command.args(&due.arguments).stdout(writer.try_clone()?).stderr(writer);
    command.stdin(if quiet { Stdio::null() } else { Stdio::inherit() });
    let mut child = command.spawn()?;
    // It holds the ends that are written to; with them here, reading would not end.
    drop(command);
    let mut buffer = [0; 8192];
    loop {
        let read = reader.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        log.write_all(&buffer[..read])?;
        if !quiet {
            let mut stdout = std::io::stdout().lock();
            let _ = stdout.write_all(&buffer[..read]).and_then(|()| stdout.flush());
        }
    }
    log.sync_all()?;
    Ok(child.wait()?.success())
}

fn say(number: usize, count: usize, step: &str, taken: Taken, output: &Output) {
    if output.json {
        return;
    }
    let said: Message = match taken {
        Taken::Behind => {
            message!("step {number} of {count}: {step}: done already", number, count, step)
        }
        Taken::NotThere => {
            message!(
                "step {number} of {count}: {step}: this environment has it not",
                number,
                count,
                step
            )
        }
        Taken::OnlyOnAws => {
            message!("step {number} of {count}: {step}: on AWS only", number, count, step)
        }
        _ => message!("step {number} of {count}: {step}", number, count, step),
    };
    output.line(&output.paint(Style::Bold, &output.text(&said)));
}
