//! `kumiki rollback`: takes back what an operation did, with the verb that the status asks for.

use crate::Exit;
use crate::args::{Global, Rollback as Args};
use crate::command::{plan, recover, up};
use crate::output::{Output, Stop};
use crate::target;
use crate::watch::{Watch, time};
use kumiki_backend_local::Options;
use kumiki_engine::{OperationKind, Phase, StackStatus};
use kumiki_source::message;
use serde::Serialize;
use std::collections::HashMap;

/// What the status asks for.
enum Verb {
    /// An update was interrupted while it went forward.
    Cancel,
    /// A rollback was interrupted.
    Resume,
    /// A failure was left as it is.
    RollBack,
    /// A rollback failed.
    Continue,
}

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some((project, deployment)) = plan::locate(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let inputs = &deployment.inputs;
    let stack = &inputs.stack_name;
    let store = |it: kumiki_engine::StoreError| Stop::new(it.message());
    let mut backend = target::writer(&project, &deployment, global, Options::default())?;
    let root = backend.stack_named(stack, &inputs.account, &inputs.region).map_err(store)?;
    let Some(root) = root else {
        return Err(Stop::new(message!("there is no stack `{stack}`", stack)));
    };
    let status = root.status;
    let unfinished = backend.unfinished().map_err(store)?;
    let verb = match unfinished.filter(|it| it.root_id == root.stack_id) {
        Some(it) if it.phase == Phase::Forward && it.kind == OperationKind::Update => Verb::Cancel,
        Some(it) if matches!(it.phase, Phase::Rollback | Phase::RollbackCleanup) => Verb::Resume,
        None if status.is_paused() => Verb::RollBack,
        None if status == StackStatus::UpdateRollbackFailed => Verb::Continue,
        _ => {
            let text = message!(
                "stack `{stack}` is in {status}: there is nothing to take back",
                stack,
                status
            );
            return Err(Stop::new(text).help(recover::hint(&args.target, global)));
        }
    };
    if !args.yes && !output.ask(&message!("Roll back `{stack}`? Type `yes`:", stack), "yes")? {
        output.say(&message!("nothing was changed"));
        return Ok(Exit::CouldNotRun);
    }
    let mut watch = Watch::new(output, HashMap::new());
    let mut observe = |event: &kumiki_engine::Event| watch.event(event);
    let (id, given) = (&root.stack_id, &inputs.parameters);
    let ended = match verb {
        Verb::Cancel => backend.cancel_update(id, given, &mut observe),
        Verb::Resume => match backend.resume(given, &mut observe) {
            Ok(Some(outcome)) => Ok(outcome),
            Ok(None) => return Ok(Exit::Done),
            Err(error) => Err(error.into()),
        },
        Verb::RollBack => backend.rollback_stack(id, args.retain_except_on_create, &mut observe),
        Verb::Continue => backend.continue_rollback(id, &args.skip, &mut observe),
    };
    let outcome =
        ended.map_err(|it| Stop::new(it.message()).help(recover::hint(&args.target, global)))?;
    drop(watch);
    let back = [StackStatus::UpdateRollbackComplete, StackStatus::RollbackComplete];
    if !back.contains(&outcome.status) {
        return Err(up::failed(&outcome).help(recover::hint(&args.target, global)));
    }
    let status = outcome.status;
    if output.json {
        #[derive(Serialize)]
        struct Content<'c> {
            stack: &'c str,
            status: &'static str,
        }
        output.document("rollback", Content { stack, status: status.as_str() });
    } else {
        output.say(&message!(
            "stack `{stack}` is in {status} now; AWS would take about {time}",
            stack,
            status,
            time = time(outcome.elapsed)
        ));
    }
    Ok(Exit::Done)
}
