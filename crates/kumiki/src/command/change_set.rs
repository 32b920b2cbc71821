//! `kumiki changeset`: make, review, execute and delete change sets in separate steps.

use crate::args::{
    ChangeSet, CreateChangeSet, ExecuteChangeSet, Global, Import, NamedChangeSet, OnFailure, Show,
    Target,
};
use crate::change_set::{self, How};
use crate::command::plan::{self, Prepared};
use crate::command::up;
use crate::output::{Output, Stop, Style};
use crate::pace::Speed;
use crate::review::SHORT_DIGEST;
use crate::{Exit, approval, review, target};
use kumiki_backend_local::Options;
use kumiki_engine::{
    Backend, ChangeSetRecord, CreateChangeSetError, ExecutionStatus, Outcome, ResourceToImport,
};
use kumiki_plan::{Action, Plan, Reconciled, Replacement, Verdict, reconcile};
use kumiki_source::message;
use serde::Serialize;

pub(crate) fn run(args: &ChangeSet, global: &Global, output: &Output) -> Result<Exit, Stop> {
    match args {
        ChangeSet::Create(it) => create(it, global, output),
        ChangeSet::Describe(it) => describe(it, global, output),
        ChangeSet::Execute(it) => execute(it, global, output),
        ChangeSet::Delete(it) => delete(it, global, output),
        ChangeSet::List(it) => list(it, global, output),
    }
}

/// A change set, as machines read it.
#[derive(Serialize)]
struct Row<'r> {
    name: &'r str,
    id: &'r str,
    stack: &'r str,
    status: &'static str,
    execution_status: &'static str,
    plan: &'r str,
}

impl<'r> Row<'r> {
    fn of(it: &'r ChangeSetRecord) -> Self {
        Self {
            name: &it.name,
            id: &it.id,
            stack: &it.stack_name,
            status: it.status.as_str(),
            execution_status: it.execution.as_str(),
            plan: &it.plan_digest,
        }
    }
}

/// A root, the place that it is in, and the plan of now for its next stage.
struct Planned {
    prepared: Prepared,
    backend: Box<dyn Backend>,
    stage: Option<String>,
    plan: Plan,
}

/// Plans, to change something or only to look; nothing when there are errors, which were shown.
fn planned(
    target: &Target,
    change: bool,
    global: &Global,
    output: &Output,
) -> Result<Option<Planned>, Stop> {
    let Some(mut prepared) = plan::prepare(target, global, output)? else { return Ok(None) };
    let Prepared { project, deployment, .. } = &prepared;
    let rehearsal = project.config.rehearsal.clone();
    let backend = match change {
        true => {
            let options = Options { rehearsal, ..Options::default() };
            target::writer(project, deployment, global, options)?
        }
        false => target::reader(project, deployment, global)?,
    };
    if backend.unfinished().map_err(|it| Stop::new(it.message()))?.is_some() {
        let target = target::words(target, global);
        return Err(Stop::new(message!("an operation is running, or was interrupted"))
            .help(message!("finish it: `kumiki up {target}`", target)));
    }
    let current = up::current(&*backend, &prepared)?;
    let stages = prepared.stages(target, &*backend, &current)?;
    if !prepared.enter(stages.first(), output)? {
        return Ok(None);
    }
    let Some(plan) = plan::make(&prepared, &current, global, output)? else { return Ok(None) };
    Ok(Some(Planned { prepared, backend, stage: stages.into_iter().next(), plan }))
}

fn create(args: &CreateChangeSet, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some(mut it) = planned(&args.target, true, global, output)? else {
        return Ok(Exit::Failed);
    };
    let stack = &it.plan.stack_name;
    let made = match it.plan.is_empty() {
        true => Err(CreateChangeSetError::NoChanges),
        false => {
            let stage = it.stage.as_deref();
            let import = Vec::new();
            change_set::create(
                &mut *it.backend,
                &it.prepared,
                &it.plan,
                stage,
                import,
                global,
                output,
            )
        }
    };
    let made = match made {
        Err(CreateChangeSetError::NoChanges) => {
            if output.json {
                output.document("changeset", NoChanges { stack });
            } else {
                output.say(&message!("stack `{stack}`: no changes", stack));
            }
            return Ok(Exit::Empty);
        }
        made => made.map_err(|it| Stop::new(it.message()))?,
    };
    if output.json {
        output.document("changeset", Row::of(&made));
        return Ok(Exit::Done);
    }
    review::show(&it.plan, output);
    let (name, target) = (&made.name, target::words(&args.target, global));
    output.say(&message!("change set `{name}` is made", name));
    output.say(&message!("review it: `kumiki changeset describe {target}`", target));
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct NoChanges<'c> {
    stack: &'c str,
}

/// The change set that is meant.
fn named(
    backend: &dyn Backend,
    prepared: &Prepared,
    name: Option<&str>,
) -> Result<ChangeSetRecord, Stop> {
    let inputs = &prepared.deployment.inputs;
    let mut made = plan::change_sets(backend, inputs)?;
    let stack = &inputs.stack_name;
    match name {
        Some(name) => made.retain(|it| it.name == name || it.id == name),
        None => made.retain(|it| it.execution == ExecutionStatus::Available),
    }
    made.pop().ok_or_else(|| match name {
        Some(name) => {
            Stop::new(message!("stack `{stack}` has no change set `{name}`", stack, name))
        }
        None => {
            Stop::new(message!("stack `{stack}` has no change set that can be executed", stack))
        }
    })
}

fn describe(args: &NamedChangeSet, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some(it) = planned(&args.target, false, global, output)? else { return Ok(Exit::Failed) };
    let made = named(&*it.backend, &it.prepared, args.name.as_deref())?;
    let same = made.plan_digest == it.plan.digest;
    let shown = it.backend.service_change_set(&made.id).map_err(|it| Stop::new(it.message()))?;
    let reconciled = shown.map(|shown| reconcile(&it.plan, &shown)).unwrap_or_default();
    let unpredicted = reconciled.iter().any(|it| matches!(it.verdict, Verdict::Unpredicted(_)));
    let guarded = it.plan.guards.iter().any(|it| !it.allowed);
    let exit = if guarded || unpredicted { Exit::Guarded } else { Exit::Done };
    if output.json {
        #[derive(Serialize)]
        struct Shown {
            resource: String,
            r#type: String,
            action: Option<Action>,
            replacement: Replacement,
            verdict: &'static str,
            reason: Option<String>,
        }
        #[derive(Serialize)]
        struct Content<'c> {
            change_set: Row<'c>,
            /// Whether the plan of now is the one that the change set was made of.
            current: bool,
            plan: &'c Plan,
            service: Vec<Shown>,
        }
        let service = reconciled.into_iter().map(|it| {
            let (verdict, reason) = words(&it.verdict, output);
            Shown {
                resource: it.resource,
                r#type: it.type_name,
                action: it.action,
                replacement: it.replacement,
                verdict,
                reason,
            }
        });
        let change_set = Row::of(&made);
        let service = service.collect();
        output
            .document("changeset", Content { change_set, current: same, plan: &it.plan, service });
        return Ok(exit);
    }
    review::show(&it.plan, output);
    output.line("");
    let (name, execution) = (&made.name, made.execution.as_str());
    output.say(&message!("change set `{name}`: {execution}", name, execution));
    if !same {
        let short = made.plan_digest.get(..SHORT_DIGEST).unwrap_or("-");
        output.say(&message!(
            "it was made of another plan, {short}: the templates, the values or the stacks changed since",
            short
        ));
    }
    if !reconciled.is_empty() {
        output.say(&message!("AWS's change set beside the plan:"));
        reconciled.iter().for_each(|it| show(it, output));
    }
    Ok(exit)
}

fn words(verdict: &Verdict, output: &Output) -> (&'static str, Option<String>) {
    match verdict {
        Verdict::Unpredicted(why) => ("unpredicted", Some(output.text(why))),
        Verdict::Agreed => ("agreed", None),
        Verdict::Unshown => ("unshown", None),
        Verdict::Noise(why) => ("noise", Some(output.text(why))),
    }
}

fn show(it: &Reconciled, output: &Output) {
    let mark = match (it.action, it.replacement) {
        (Some(Action::Add), _) => "+",
        (Some(Action::Remove), _) => "-",
        (_, Replacement::False) => "~",
        _ => "-/+",
    };
    let (style, text) = match &it.verdict {
        Verdict::Unpredicted(why) => (Style::Red, output.text(why)),
        Verdict::Agreed => (Style::Green, output.text(&message!("as the plan says"))),
        Verdict::Unshown => {
            (Style::Yellow, output.text(&message!("in the plan, and not shown by AWS")))
        }
        Verdict::Noise(why) => {
            (Style::Faint, output.text(&message!("will not happen: {why}", why = output.text(why))))
        }
    };
    let (resource, type_name) = (&it.resource, &it.type_name);
    output.line(&format!("{mark:>3} {resource}  {type_name}  {}", output.paint(style, &text)));
}

fn execute(args: &ExecuteChangeSet, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let target = &args.change_set.target;
    let Some(mut it) = planned(target, true, global, output)? else { return Ok(Exit::Failed) };
    let made = named(&*it.backend, &it.prepared, args.change_set.name.as_deref())?;
    if made.plan_digest != it.plan.digest {
        let (name, target) = (&made.name, target::words(target, global));
        return Err(Stop::new(message!(
            "change set `{name}` is not of the plan of now: the templates, the values or the stacks changed since",
            name
        ))
        .help(message!("make another and review it: `kumiki changeset create {target}`", target)));
    }
    for name in &args.allow {
        it.plan.allow(name);
    }
    if !output.json {
        review::show(&it.plan, output);
        output.line("");
    }
    up::guarded(&it.plan).map_err(|mut stop| {
        stop.exit = Exit::Guarded;
        stop
    })?;
    let environment = &it.prepared.deployment.environment;
    let consent = &args.consent;
    let Some(approval) = approval::approve(consent, false, environment, &it.plan, global, output)?
    else {
        output.say(&message!("nothing was changed"));
        return Ok(Exit::CouldNotRun);
    };
    let how = How {
        approval: &approval,
        allow: &args.allow,
        on_failure: args.on_failure,
        speed: Speed::Fast,
    };
    let Planned { prepared, mut backend, plan, .. } = it;
    let outcome =
        change_set::execute(&mut *backend, &prepared, &plan, &made, &how, global, output)?;
    if output.json {
        executed(&outcome, &made, output);
    }
    Ok(Exit::Done)
}

fn executed(outcome: &Outcome, made: &ChangeSetRecord, output: &Output) {
    #[derive(Serialize)]
    struct Content<'c> {
        stack: &'c str,
        status: &'static str,
        change_set: &'c str,
    }
    let (stack, status) = (&outcome.stack_name, outcome.status.as_str());
    output.document("changeset", Content { stack, status, change_set: &made.id });
}

/// `kumiki import`: a change set that takes resources over and does nothing else.
pub(crate) fn import(args: &Import, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some(it) = planned(&args.target, true, global, output)? else { return Ok(Exit::Failed) };
    let Planned { prepared, mut backend, stage, plan } = it;
    let template = prepared.project.library.template(prepared.root);
    let parsed = args.resources.iter().map(|text| {
        let wrong = || {
            Stop::new(message!("`{text}` does not say what is to be taken over", text)).help(message!(
                "write `LogicalId:Property=Value`, such as `Archive:BucketName=old-archive`"
            ))
        };
        let (logical_id, identifier) = text.split_once(':').ok_or_else(wrong)?;
        let pairs = identifier.split(',').map(|it| it.split_once('='));
        let pairs: Option<Vec<_>> = pairs.collect();
        let resource = template.resources.get(logical_id).ok_or_else(|| {
            Stop::new(message!("the template has no resource `{logical_id}`", logical_id)).help(
                message!("write it into the template first, as the existing resource is, with a `DeletionPolicy`"),
            )
        })?;
        Ok(ResourceToImport {
            resource_type: resource.type_name.text.to_string(),
            logical_id: logical_id.to_owned(),
            identifier: pairs
                .ok_or_else(wrong)?
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
        })
    });
    let resources = parsed.collect::<Result<Vec<_>, Stop>>()?;
    if !output.json {
        review::show(&plan, output);
        output.line("");
    }
    up::guarded(&plan)?;
    let environment = &prepared.deployment.environment;
    let Some(approval) =
        approval::approve(&args.consent, false, environment, &plan, global, output)?
    else {
        output.say(&message!("nothing was changed"));
        return Ok(Exit::CouldNotRun);
    };
    let stage = stage.as_deref();
    let made =
        change_set::create(&mut *backend, &prepared, &plan, stage, resources, global, output)
            .map_err(|it| Stop::new(it.message()))?;
    let how = How {
        approval: &approval,
        allow: &[],
        on_failure: OnFailure::Rollback,
        speed: Speed::Fast,
    };
    let outcome =
        change_set::execute(&mut *backend, &prepared, &plan, &made, &how, global, output)?;
    if output.json {
        executed(&outcome, &made, output);
    }
    Ok(Exit::Done)
}

fn delete(args: &NamedChangeSet, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some(prepared) = plan::prepare(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let mut backend =
        target::writer(&prepared.project, &prepared.deployment, global, Options::default())?;
    let made = named(&*backend, &prepared, args.name.as_deref())?;
    backend.delete_change_set(&made.id).map_err(|it| Stop::new(it.message()))?;
    let name = &made.name;
    if output.json {
        #[derive(Serialize)]
        struct Content<'c> {
            deleted: &'c str,
        }
        output.document("changeset", Content { deleted: name });
    } else {
        output.say(&message!("change set `{name}` is deleted; nothing was changed by it", name));
    }
    Ok(Exit::Done)
}

fn list(args: &Show, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some((project, deployment)) = plan::locate(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let backend = target::reader(&project, &deployment, global)?;
    let made = plan::change_sets(&*backend, &deployment.inputs)?;
    let rows: Vec<Row<'_>> = made.iter().map(Row::of).collect();
    if output.json {
        #[derive(Serialize)]
        struct Content<'c> {
            change_sets: Vec<Row<'c>>,
        }
        output.document("changeset", Content { change_sets: rows });
        return Ok(Exit::Done);
    }
    if rows.is_empty() {
        let stack = &deployment.inputs.stack_name;
        output.say(&message!("stack `{stack}` has no change sets", stack));
    }
    for it in rows {
        let short = it.plan.get(..SHORT_DIGEST).unwrap_or("-");
        output.line(&format!("{}  {}  {}  {short}", it.name, it.status, it.execution_status));
    }
    Ok(Exit::Done)
}
