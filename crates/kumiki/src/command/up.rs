//! `kumiki up`: plan, review, execute, watch, outputs.

use crate::Exit;
use crate::args::{Global, Up as Args};
use crate::command::plan::{self, Prepared};
use crate::output::{Output, Stop, Style};
use crate::watch::{Watch, time};
use kumiki_backend_local::{Fault, LocalBackend, Options};
use kumiki_engine::{Backend, ChangeSetRequest, Clock, Event, Outcome};
use kumiki_plan::{Current, Plan};
use kumiki_source::message;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let faults: Result<Vec<Fault>, _> = args.fail.iter().map(|it| Fault::parse(it)).collect();
    let options = Options { faults: faults.map_err(Stop::new)? };
    let Some(prepared) = plan::prepare(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let inputs = &prepared.deployment.inputs;
    let folder = prepared.project.state_folder();

    // A run that changes nothing writes nothing, so the first look is a read-only one.
    let reader = reader(&folder)?;
    if reader.unfinished().map_err(|it| Stop::new(it.message()))?.is_none() {
        let current = current(&reader, &prepared)?;
        let Some(plan) = plan::make(&prepared, &current, output)? else {
            return Ok(Exit::Failed);
        };
        if plan.is_empty() {
            return no_changes(&plan, &current, output);
        }
    }
    drop(reader);

    let mut backend = writer(&folder, options)?;
    if let Some(outcome) = resume(&mut backend, output, |backend, observe| {
        backend.resume(&inputs.parameters, observe).map_err(|it| Stop::new(it.message()))
    })? {
        if !outcome.succeeded {
            return Err(failed(&outcome));
        }
    }
    let current = current(&backend, &prepared)?;
    let Some(plan) = plan::make(&prepared, &current, output)? else {
        return Ok(Exit::Failed);
    };
    if plan.is_empty() {
        return no_changes(&plan, &current, output);
    }
    if !output.json {
        plan::show(&plan, output);
        output.line("");
    }
    if !approved(args, prepared.deployment.environment.approval, &plan, output)? {
        output.say(&message!("nothing was changed"));
        return Ok(Exit::CouldNotRun);
    }

    let request = ChangeSetRequest {
        library: &prepared.project.library,
        root: prepared.root,
        inputs,
        plan: &plan,
        name: None,
    };
    let started = Instant::now();
    let change_set = backend.create_change_set(&request).map_err(|it| Stop::new(it.message()))?;
    let sizes = plan.steps.iter().map(|it| (it.path.clone(), it.changes.len())).collect();
    let mut watch = Watch::new(output, sizes);
    let outcome = backend
        .execute_change_set(&change_set.id, &inputs.parameters, &mut |it| watch.event(it))
        .map_err(|it| Stop::new(it.message()))?;
    drop(watch);
    if !outcome.succeeded {
        return Err(failed(&outcome));
    }
    let after = self::current(&backend, &prepared)?;
    done(&plan, &outcome, &after, started, output);
    Ok(Exit::Done)
}

/// How much of a digest is typed: 48 bits, far more than a person could collide by chance.
pub(crate) const SHORT_DIGEST: usize = 12;

/// Whether the plan may be executed. Where approval is demanded, it is bound to the digest of what
/// was reviewed: another plan has another digest.
fn approved(args: &Args, demanded: bool, plan: &Plan, output: &Output) -> Result<bool, Stop> {
    let short = &plan.digest[..SHORT_DIGEST];
    match &args.approve {
        Some(digest)
            if digest.len() >= SHORT_DIGEST && plan.digest.starts_with(digest.as_str()) =>
        {
            return Ok(true);
        }
        Some(digest) => {
            return Err(Stop::new(message!("`{digest}` is not the digest of this plan", digest))
                .help(message!("review the plan again: its digest is `{short}`", short)));
        }
        None if demanded && args.yes => {
            return Err(Stop::new(message!(
                "`--yes` is not enough: this environment needs an approval"
            ))
            .help(message!("review the plan, then pass its digest: `--approve {short}`", short)));
        }
        None if args.yes => return Ok(true),
        None => {}
    }
    if demanded {
        let question = message!("Execute these changes? Type the plan's digest, `{short}`:", short);
        return output.ask(&question, short);
    }
    output.ask(&message!("Execute these changes? Type `yes`:"), "yes")
}

/// The engine for reading.
pub(crate) fn reader(folder: &Path) -> Result<LocalBackend, Stop> {
    LocalBackend::open_read_only(folder, Box::new(Wall)).map_err(|error| Stop::new(error.message()))
}

/// The engine for writing, with its lock.
pub(crate) fn writer(folder: &Path, options: Options) -> Result<LocalBackend, Stop> {
    let command: Vec<String> = std::env::args().collect();
    LocalBackend::open(folder, Box::new(Wall), &command.join(" "), options)
        .map_err(|error| Stop::new(error.message()))
}

/// The time of day.
struct Wall;

impl Clock for Wall {
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}

fn current(backend: &LocalBackend, prepared: &Prepared) -> Result<Current, Stop> {
    let inputs = &prepared.deployment.inputs;
    backend
        .current(&inputs.stack_name, &inputs.account, &inputs.region)
        .map_err(|it| Stop::new(it.message()))
}

type Observed<'o> = dyn FnMut(&Event) + 'o;

/// Finishes what a killed process left running, if anything.
pub(crate) fn resume(
    backend: &mut LocalBackend,
    output: &Output,
    run: impl FnOnce(&mut LocalBackend, &mut Observed<'_>) -> Result<Option<Outcome>, Stop>,
) -> Result<Option<Outcome>, Stop> {
    let unfinished = backend.unfinished().map_err(|it| Stop::new(it.message()))?;
    let Some(operation) = unfinished else { return Ok(None) };
    let stack = &operation.stack_name;
    output
        .say(&message!("an operation on `{stack}` was interrupted; it is continued first", stack));
    let mut watch = Watch::new(output, HashMap::new());
    run(backend, &mut |event| watch.event(event))
}

fn no_changes(plan: &Plan, current: &Current, output: &Output) -> Result<Exit, Stop> {
    if output.json {
        output.document("up", Content::new(plan, None, current));
    } else {
        let stack = &plan.stack_name;
        output.say(&message!("stack `{stack}`: no changes", stack));
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Content<'c> {
    stack: &'c str,
    status: Option<String>,
    changes: [usize; 4],
    elapsed_seconds: u64,
    outputs: BTreeMap<String, String>,
}

impl<'c> Content<'c> {
    fn new(plan: &'c Plan, outcome: Option<&Outcome>, current: &Current) -> Self {
        Self {
            stack: &plan.stack_name,
            status: current.root().map(|it| it.status.clone()),
            changes: plan.counts(),
            elapsed_seconds: outcome.map_or(0, |it| it.elapsed / 1000),
            outputs: current.root().map(|it| it.outputs.clone()).unwrap_or_default(),
        }
    }
}

fn done(plan: &Plan, outcome: &Outcome, after: &Current, started: Instant, output: &Output) {
    if output.json {
        output.document("up", Content::new(plan, Some(outcome), after));
        return;
    }
    output.line("");
    let resources: usize = after.stacks.values().map(|it| it.resources.len()).sum();
    let seconds = format!("{:.2}", started.elapsed().as_secs_f64());
    let summary = message!(
        "stack `{stack}` is in {status}: {stacks} stacks and {resources} resources, rehearsed in {seconds} s; AWS would take about {time}",
        stack = outcome.stack_name,
        status = outcome.status,
        stacks = after.stacks.len(),
        resources,
        seconds,
        time = time(outcome.elapsed)
    );
    output.line(&output.paint(Style::Bold, &output.text(&summary)));
    let Some(root) = after.root() else { return };
    let width = root.outputs.keys().map(String::len).max().unwrap_or_default();
    for (name, value) in &root.outputs {
        output.line(&format!("  {name:width$}  {value}"));
    }
}

/// What a failed operation tells, the first cause on top.
pub(crate) fn failed(outcome: &Outcome) -> Stop {
    let (stack, status) = (&outcome.stack_name, &outcome.status);
    let stop = match &outcome.cause {
        Some(cause) => {
            let path = match cause.stack_path.as_str() {
                "" => cause.logical_id.clone(),
                path => format!("{path}/{}", cause.logical_id),
            };
            let (type_name, reason) = (&cause.resource_type, &cause.reason);
            Stop::new(message!("`{path}` ({type_name}) failed: {reason}", path, type_name, reason))
                .help(message!("stack `{stack}` is in `{status}` now", stack, status))
        }
        None => Stop::new(message!("stack `{stack}` is in `{status}`", stack, status)),
    };
    stop.failed()
}
