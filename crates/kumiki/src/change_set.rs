//! Makes change sets of plans and executes them: on record, and only what was reviewed.

use crate::approval::Approval;
use crate::args::{Global, OnFailure, Place};
use crate::audit::Record;
use crate::command::plan::{self, Prepared};
use crate::command::{protect, recover, up};
use crate::output::{Output, Stop, Style};
use crate::pace::{Pace, Speed, Step};
use crate::watch::{Watch, time};
use kumiki_backend_aws::change_set_name;
use kumiki_engine::{
    Backend, ChangeSetOptions, ChangeSetRecord, ChangeSetRequest, CreateChangeSetError, Demanded,
    ExecuteOptions, Outcome, ResourceToImport, StackStatus,
};
use kumiki_plan::{GuardKind, Plan, Verdict, reconcile};
use kumiki_source::message;
use std::thread;
use std::time::{Instant, SystemTime};

/// How a change set is executed.
pub(crate) struct How<'h> {
    pub(crate) approval: &'h Approval,
    /// Names of what may differ from the plan, or that a guard stops.
    pub(crate) allow: &'h [String],
    pub(crate) on_failure: OnFailure,
    pub(crate) speed: Speed,
}

/// Makes a change set of a plan; one that takes over `import` does nothing else.
///
/// # Errors
/// When nothing was made.
pub(crate) fn create(
    backend: &mut dyn Backend,
    prepared: &Prepared,
    plan: &Plan,
    stage: Option<&str>,
    import: Vec<ResourceToImport>,
    global: &Global,
    output: &Output,
) -> Result<ChangeSetRecord, CreateChangeSetError> {
    let inputs = &prepared.deployment.inputs;
    let name = match (global.target, stage) {
        (Place::Aws, stage) => {
            let (root, environment) = (&prepared.deployment.config.name, &inputs.environment);
            Some(change_set_name(root, environment, stage, &plan.digest, SystemTime::now()))
        }
        (Place::Local, Some(stage)) => Some(plan::change_set_name(backend, inputs, stage)?),
        (Place::Local, None) => None,
    };
    let made = backend.create_change_set(&ChangeSetRequest {
        library: &prepared.project.library,
        root: prepared.root,
        inputs,
        plan,
        name: name.as_deref(),
        // The plan that was reviewed shows what these acknowledge.
        options: &ChangeSetOptions {
            capabilities: Demanded::by(&prepared.project.library, prepared.root).capabilities,
            nested: true,
            import,
            ..ChangeSetOptions::default()
        },
    });
    for warning in backend.take_warnings() {
        output.note(&output.text(&warning));
    }
    made
}

/// Executes a change set that was made of a plan.
///
/// # Errors
/// When it is not executed, or did not come to a good end.
pub(crate) fn execute(
    backend: &mut dyn Backend,
    prepared: &Prepared,
    plan: &Plan,
    change_set: &ChangeSetRecord,
    how: &How<'_>,
    global: &Global,
    output: &Output,
) -> Result<Outcome, Stop> {
    let (inputs, target) = (&prepared.deployment.inputs, &prepared.target);
    as_predicted(backend, plan, change_set, how.allow)?;
    let mut record = Record::begin(prepared, plan, change_set, how, global);
    record.write(&prepared.project, backend)?;
    let started = Instant::now();
    let sizes = plan.steps.iter().map(|it| (it.path.clone(), it.changes.len())).collect();
    let mut watch = Watch::new(output, sizes);
    let mut pace = Pace::new(how.speed);
    let executed = backend.execute_change_set(
        &change_set.id,
        &ExecuteOptions {
            on_failure: Some(how.on_failure.into()),
            stack_policy: allowing(plan),
            ..ExecuteOptions::default()
        },
        &inputs.parameters,
        &mut |it| {
            thread::sleep(pace.event(it, started.elapsed()));
            watch.event(it);
        },
    );
    drop(watch);
    record.end(&executed);
    let recorded = record.write(&prepared.project, backend);
    let hint = || recover::hint(target, global);
    let outcome = executed.map_err(|it| Stop::new(it.message()).help(hint()))?;
    recorded?;
    if !outcome.succeeded {
        let stop = up::failed(&outcome);
        let rests = outcome.status.updatable() || outcome.status == StackStatus::DeleteComplete;
        return Err(if rests { stop } else { stop.help(hint()) });
    }
    protect::apply(backend, prepared, output)?;
    if !output.json {
        let after = up::current(backend, prepared)?;
        output.line("");
        let resources: usize = after.stacks.values().map(|it| it.resources.len()).sum();
        let (stack, status) = (&outcome.stack_name, outcome.status);
        let (stacks, took) = (after.stacks.len(), time(outcome.elapsed));
        let text = match global.target {
            Place::Local => message!(
                "stack `{stack}` is in {status}: {stacks} stacks and {resources} resources, rehearsed in {seconds} s; AWS would take about {time}",
                stack,
                status,
                stacks,
                resources,
                seconds = format!("{:.2}", started.elapsed().as_secs_f64()),
                time = took
            ),
            Place::Aws => message!(
                "stack `{stack}` is in {status}: {stacks} stacks and {resources} resources, after {time}",
                stack,
                status,
                stacks,
                resources,
                time = took
            ),
        };
        output.line(&output.paint(Style::Bold, &output.text(&text)));
        slowest(&pace, outcome.elapsed, output);
        output.line("");
    }
    Ok(outcome)
}

/// Refuses a change set that does what the plan does not say, where the service shows one.
fn as_predicted(
    backend: &dyn Backend,
    plan: &Plan,
    change_set: &ChangeSetRecord,
    allow: &[String],
) -> Result<(), Stop> {
    let shown = backend.service_change_set(&change_set.id);
    let Some(shown) = shown.map_err(|it| Stop::new(it.message()))? else { return Ok(()) };
    let mut stop: Option<Stop> = None;
    let mut names = String::new();
    for it in reconcile(plan, &shown) {
        let Verdict::Unpredicted(reason) = it.verdict else { continue };
        if allow.contains(&it.resource) {
            continue;
        }
        names.push_str(&format!(" --allow {}", it.resource));
        let first = || Stop::new(message!("AWS's change set does what the plan does not say"));
        stop = Some(stop.take().unwrap_or_else(first).help(reason));
    }
    let Some(stop) = stop else { return Ok(()) };
    let names = names.trim();
    Err(stop
        .help(message!("nothing was executed; if it is meant, allow it by name: `{names}`", names))
        .failed())
}

/// A policy in the place of the root's own for one update, where somebody allowed by name what that
/// refuses: all other changes of the plan it allows already.
fn allowing(plan: &Plan) -> Option<String> {
    const EVERYTHING: &str = r#"{"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}]}"#;
    let refused = plan.guards.iter().any(|it| it.kind == GuardKind::StackPolicy);
    refused.then(|| EVERYTHING.to_owned())
}

/// Where the time goes: what is long on the path that took longest, first to last.
fn slowest(pace: &Pace, elapsed: u64, output: &Output) {
    const MOST: usize = 5;
    let mut path = pace.slowest_path();
    let took = |it: &&Step| it.ended - it.began;
    let mut longest: Vec<u64> = path.iter().map(took).collect();
    longest.sort_unstable_by(|one, two| two.cmp(one));
    let least = longest.get(MOST - 1).copied().unwrap_or(0).max(elapsed / 20);
    path.retain(|it| took(it) >= least);
    if path.len() < 2 {
        return;
    }
    output.line(&output.text(&message!("on the slowest path:")));
    for it in path {
        let (took, resource, type_name) = (time(took(&it)), &it.path, &it.type_name);
        output.line(&format!("{took:>8}  {resource} ({type_name})"));
    }
}
