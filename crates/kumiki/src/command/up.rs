//! `kumiki up`: plan, review, execute, watch, outputs.

use crate::Exit;
use crate::args::{Global, Place, Target, Up as Args};
use crate::change_set::{self, How};
use crate::command::plan::{self, Prepared};
use crate::output::{Output, Stop, Style};
use crate::pace::Speed;
use crate::watch::{Watch, time};
use crate::{approval, review, saved, target};
use kumiki_backend_local::{Fault, Fidelity, Options, fidelity};
use kumiki_engine::{Backend, Event, ExecutionStatus, OperationRecord, Outcome};
use kumiki_plan::{Current, Guard, Plan, SavedPlan};
use kumiki_project::Tree;
use kumiki_source::message;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let faults = args.fail.iter().map(|it| Fault::parse(it));
    let random = args.fail_random.iter().map(|it| Fault::parse_random(it));
    let faults: Result<Vec<Fault>, _> = faults.chain(random).collect();
    let options = Options { faults: faults.map_err(Stop::new)?, ..Options::default() };
    target::local_only("--fail", !options.faults.is_empty(), global)?;
    target::local_only("--strict", args.strict, global)?;
    target::local_only("--speed", args.speed != Speed::Fast, global)?;
    let Some(summary) = bring_up(args, &args.target, &options, global, output)? else {
        return Ok(Exit::Failed);
    };
    if output.json {
        output.document("up", &summary);
    } else if !summary.changed {
        let stack = &summary.stack;
        output.say(&message!("stack `{stack}`: no changes", stack));
    } else {
        let width = summary.outputs.keys().map(String::len).max().unwrap_or_default();
        for (name, value) in &summary.outputs {
            output.line(&format!("  {name:width$}  {value}"));
        }
    }
    Ok(if summary.declined { Exit::CouldNotRun } else { Exit::Done })
}

/// What a run did.
#[derive(Serialize)]
struct Summary {
    stack: String,
    status: Option<String>,
    changed: bool,
    #[serde(skip)]
    declined: bool,
    /// Resources added, modified, replaced and removed.
    changes: [usize; 4],
    elapsed_seconds: u64,
    outputs: BTreeMap<String, String>,
}

impl Summary {
    fn of(prepared: &Prepared) -> Self {
        Self {
            stack: prepared.deployment.inputs.stack_name.clone(),
            status: None,
            changed: false,
            declined: false,
            changes: [0; 4],
            elapsed_seconds: 0,
            outputs: BTreeMap::new(),
        }
    }

    /// Takes in how the stacks are afterwards.
    fn see(&mut self, current: &Current) {
        let root = current.root();
        self.status = root.map(|it| it.status.clone());
        self.outputs = root.map(|it| it.outputs.clone()).unwrap_or_default();
    }
}

/// Brings a root up, and before it the roots that it needs and that do not exist. Nothing when
/// there are errors, which were shown.
fn bring_up(
    args: &Args,
    target: &Target,
    options: &Options,
    global: &Global,
    output: &Output,
) -> Result<Option<Summary>, Stop> {
    let Some(mut prepared) = plan::prepare(target, global, output)? else { return Ok(None) };
    let rehearsal = prepared.project.config.rehearsal.clone();
    let options = &Options { rehearsal, ..options.clone() };
    let saved = args.plan.as_deref().map(saved::read).transpose()?;
    // A run that changes nothing writes nothing, so the first look is a read-only one.
    let reader = target::reader(&prepared.project, &prepared.deployment, global)?;
    let unfinished = reader.unfinished().map_err(|it| Stop::new(it.message()))?.is_some();
    let mut current = self::current(&*reader, &prepared)?;
    let mut stages = prepared.stages(target, &*reader, &current)?;
    if let Some(saved) = &saved {
        stages = saved.stage.iter().cloned().collect();
        used_up(saved, &*reader, &prepared, target, global)?;
    }
    drop(reader);
    if !prepared.enter(stages.first(), output)? {
        return Ok(None);
    }
    unrehearsable(&prepared, args, options)?;
    for needed in missing_roots(&prepared, target, global, output)? {
        let environment = &target.environment;
        if prepared.deployment.environment.approval || saved.is_some() {
            // Each root has a plan and a digest of its own to be approved.
            return Err(Stop::new(message!("root `{needed}` comes first", needed)).help(message!(
                "review and execute it: `kumiki up {environment} --root {needed}`",
                environment,
                needed
            )));
        }
        let target =
            Target { root: Some(needed), environment: target.environment.clone(), scenario: None };
        // What fails on purpose, and what is allowed, is in the root that was asked for.
        let args = Args { allow: Vec::new(), ..args.clone() };
        match bring_up(&args, &target, &Options::default(), global, output)? {
            Some(summary) if !summary.declined => {}
            other => return Ok(other),
        }
        let reader = target::reader(&prepared.project, &prepared.deployment, global)?;
        current = self::current(&*reader, &prepared)?;
    }

    let mut backend = None;
    if unfinished {
        let mut writer =
            target::writer(&prepared.project, &prepared.deployment, global, options.clone())?;
        let secrets = prepared.deployment.inputs.parameters.clone();
        let outcome = resume(&mut *writer, output, |backend, observe| {
            backend.resume(&secrets, observe).map_err(|it| Stop::new(it.message()))
        })?;
        if let Some(outcome) = outcome.filter(|it| !it.succeeded) {
            return Err(failed(&outcome));
        }
        current = self::current(&*writer, &prepared)?;
        if saved.is_some() {
            // It was this plan that was interrupted.
            let mut summary = Summary::of(&prepared);
            summary.changed = true;
            summary.see(&current);
            return Ok(Some(summary));
        }
        stages = prepared.stages(target, &*writer, &current)?;
        backend = Some(writer);
    }
    let stages = if stages.is_empty() { vec![None] } else { stages.iter().map(Some).collect() };
    let mut summary = Summary::of(&prepared);
    // What is allowed in one stage need not be there in another.
    let mut unused = args.allow.clone();
    for (index, stage) in stages.iter().enumerate() {
        if !prepared.enter(*stage, output)? {
            return Ok(None);
        }
        let Some(mut plan) = plan::make(&prepared, &current, global, output)? else {
            return Ok(None);
        };
        if let Some(saved) = &saved {
            same_as(saved, &plan, target, global)?;
        }
        for name in &args.allow {
            if plan.allow(name) {
                unused.retain(|it| it != name);
            }
        }
        // What AWS's own change set shows besides is known only once it is made.
        let last = index + 1 == stages.len() && global.target == Place::Local;
        if let (Some(name), true) = (unused.first(), last) {
            return Err(Stop::new(message!(
                "no guard stops at `{name}`, so there is nothing to allow",
                name
            ))
            .help(message!("write the name as `kumiki plan` shows it, or leave it out")));
        }
        if plan.is_empty() {
            continue;
        }
        if let (Some(stage), true) = (stage, stages.len() > 1 && !output.json) {
            let (number, count) = (index + 1, stages.len());
            let text = message!("stage {number} of {count}: {stage}", number, count, stage);
            output.line(&output.paint(Style::Bold, &output.text(&text)));
        }
        if !output.json {
            review::show(&plan, output);
            output.line("");
        }
        guarded(&plan)?;
        let approval = approval::approve(
            &args.consent,
            saved.is_some(),
            &prepared.deployment.environment,
            &plan,
            global,
            output,
        )?;
        let Some(approval) = approval else {
            output.say(&message!("nothing was changed"));
            summary.declined = true;
            break;
        };
        let backend = match &mut backend {
            Some(backend) => backend,
            None => backend.insert(target::writer(
                &prepared.project,
                &prepared.deployment,
                global,
                options.clone(),
            )?),
        };
        // Another process may have been at work between the look and the lock.
        if self::current(&**backend, &prepared)? != current {
            return Err(Stop::new(message!("the stacks changed since the plan was made"))
                .help(message!("run the command again")));
        }
        if let Some(behind) = backend.clock_behind().filter(|_| !output.json) {
            output.say(&message!(
                "the clock is {time} behind the last recorded event; times go on from that event",
                time = time(behind)
            ));
        }
        let change_set = change_set::create(
            &mut **backend,
            &prepared,
            &plan,
            stage.map(String::as_str),
            Vec::new(),
            global,
            output,
        )
        .map_err(|it| Stop::new(it.message()))?;
        let how = How {
            approval: &approval,
            allow: &args.allow,
            on_failure: args.on_failure,
            speed: args.speed,
        };
        let outcome = change_set::execute(
            &mut **backend,
            &prepared,
            &plan,
            &change_set,
            &how,
            global,
            output,
        )?;
        current = self::current(&**backend, &prepared)?;
        summary.changed = true;
        summary.elapsed_seconds += outcome.elapsed / 1000;
        for (sum, count) in summary.changes.iter_mut().zip(plan.counts()) {
            *sum += count;
        }
    }
    summary.see(&current);
    Ok(Some(summary))
}

/// Refuses a saved plan that was executed already, or that another operation stands before. One
/// whose own execution was interrupted is continued.
fn used_up(
    saved: &SavedPlan,
    backend: &dyn Backend,
    prepared: &Prepared,
    target: &Target,
    global: &Global,
) -> Result<(), Stop> {
    let interrupted = backend.unfinished().map_err(|it| Stop::new(it.message()))?;
    let mut own = plan::change_sets(backend, &prepared.deployment.inputs)?;
    own.retain(|it| it.plan_digest == saved.digest);
    if own.iter().any(|it| it.execution == ExecutionStatus::ExecuteComplete) {
        return Err(Stop::new(message!("the saved plan was executed already")));
    }
    let continues =
        |it: &OperationRecord| own.iter().any(|own| Some(&own.id) == it.change_set.as_ref());
    match interrupted {
        Some(operation) if !continues(&operation) => {
            let target = target::words(target, global);
            Err(Stop::new(message!("another operation was interrupted and comes first"))
                .help(message!("finish it: `kumiki up {target}`", target)))
        }
        _ => Ok(()),
    }
}

/// Refuses to execute anything but a saved plan.
fn same_as(saved: &SavedPlan, now: &Plan, target: &Target, global: &Global) -> Result<(), Stop> {
    let reasons = saved.differences(now);
    if reasons.is_empty() {
        return Ok(());
    }
    let target = target::words(target, global);
    let mut stop =
        Stop::new(message!("the saved plan is not the plan of now: nothing was changed"));
    stop.help.extend(reasons);
    Err(stop
        .help(message!("review it and save it again: `kumiki plan {target} --out FILE`", target)))
}

/// Refuses what a guard stops and nobody allowed.
pub(crate) fn guarded(plan: &Plan) -> Result<(), Stop> {
    let stopping: Vec<&Guard> = plan.guards.iter().filter(|it| !it.allowed).collect();
    if stopping.is_empty() {
        return Ok(());
    }
    let count = stopping.len();
    let mut stop = Stop::new(message!("guards stop this plan: {count}", count));
    stop.help.extend(stopping.iter().map(|it| it.message.clone()));
    let mut names: Vec<String> =
        stopping.iter().map(|it| format!("--allow {}", it.resource)).collect();
    names.dedup();
    let names = names.join(" ");
    Err(stop.help(message!("if it is meant, allow it by name: `{names}`", names)).failed())
}

/// Refuses a failure on purpose that would meet nothing, for the run would succeed for a wrong
/// reason; and, if that is asked for, types that would be complete without having been rehearsed.
fn unrehearsable(prepared: &Prepared, args: &Args, options: &Options) -> Result<(), Stop> {
    if options.faults.is_empty() && !args.strict {
        return Ok(());
    }
    let tree =
        Tree::evaluate(&prepared.project.library, prepared.root, &prepared.deployment.inputs);
    if args.strict {
        let generic: BTreeSet<&str> = tree
            .resources()
            .filter(|(_, it)| !it.condition.is_false())
            .map(|(_, it)| &*it.type_name)
            .filter(|it| fidelity(it) != Fidelity::Modelled)
            .collect();
        if !generic.is_empty() {
            let types = generic.into_iter().map(|it| format!("`{it}`")).collect::<Vec<_>>();
            return Err(Stop::new(message!(
                "not modelled by the embedded engine: {types}",
                types = types.join(", ")
            ))
            .help(message!("without `--strict` they are checked against their schemas only")));
        }
    }
    for resource in options.faults.iter().filter_map(Fault::resource) {
        let (path, logical_id) = resource.rsplit_once('/').unwrap_or(("", resource));
        let known = tree.stack(path).and_then(|(_, it)| it.resource(logical_id)).is_some();
        if !known {
            return Err(Stop::new(message!("there is no resource `{resource}` to fail", resource))
                .help(message!(
                    "write the logical IDs from the root on, as `kumiki plan` shows them"
                )));
        }
    }
    Ok(())
}

/// The roots that a root needs with its values and that do not exist.
fn missing_roots(
    prepared: &Prepared,
    target: &Target,
    global: &Global,
    output: &Output,
) -> Result<Vec<String>, Stop> {
    let inputs = &prepared.deployment.inputs;
    let mut missing = Vec::new();
    for (root, gate) in &prepared.deployment.config.needs {
        let open = inputs.parameters.iter().any(|it| *it.name == **gate && &*it.value == "true");
        if !open {
            continue;
        }
        let target = Target {
            root: Some(root.clone()),
            environment: target.environment.clone(),
            scenario: None,
        };
        let Some(other) = plan::prepare(&target, global, output)? else { continue };
        let backend = target::reader(&other.project, &other.deployment, global)?;
        if current(&*backend, &other)?.root().is_none() {
            missing.push(root.clone());
        }
    }
    Ok(missing)
}

pub(crate) fn current(backend: &dyn Backend, prepared: &Prepared) -> Result<Current, Stop> {
    let inputs = &prepared.deployment.inputs;
    let current = backend.current(&inputs.stack_name, &inputs.account, &inputs.region);
    let mut current = current.map_err(|it| Stop::new(it.message()))?;
    // A backend that only reads knows nothing of the configuration.
    current.ssm_parameters.extend(prepared.project.config.rehearsal.ssm.clone());
    Ok(current)
}

type Observed<'o> = dyn FnMut(&Event) + 'o;

/// Finishes what a killed process left running, if anything.
pub(crate) fn resume(
    backend: &mut dyn Backend,
    output: &Output,
    run: impl FnOnce(&mut dyn Backend, &mut Observed<'_>) -> Result<Option<Outcome>, Stop>,
) -> Result<Option<Outcome>, Stop> {
    let unfinished = backend.unfinished().map_err(|it| Stop::new(it.message()))?;
    let Some(operation) = unfinished else { return Ok(None) };
    let stack = &operation.stack_name;
    output
        .say(&message!("an operation on `{stack}` was interrupted; it is continued first", stack));
    let mut watch = Watch::new(output, HashMap::new());
    run(backend, &mut |event| watch.event(event))
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
