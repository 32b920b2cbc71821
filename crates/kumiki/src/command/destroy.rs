//! `kumiki destroy`: delete a root, as its policies say.

use crate::Exit;
use crate::args::{Destroy as Args, Global};
use crate::command::{plan, recover, up};
use crate::output::{Output, Stop};
use crate::watch::{Watch, time};
use crate::{review, target};
use kumiki_backend_local::Options;
use kumiki_engine::StackError;
use kumiki_plan::plan_removal;
use kumiki_source::message;
use serde::Serialize;
use std::collections::HashMap;

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some((project, deployment)) = plan::locate(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let inputs = &deployment.inputs;
    let stack = &inputs.stack_name;
    // What was interrupted may be anything.
    let rehearsal = project.config.rehearsal.clone();
    let options = Options { rehearsal, ..Options::default() };
    let mut backend = target::writer(&project, &deployment, global, options)?;
    up::resume(&mut *backend, output, |backend, observe| {
        backend.resume(&inputs.parameters, observe).map_err(|it| Stop::new(it.message()))
    })?;
    let current = backend
        .current(stack, &inputs.account, &inputs.region)
        .map_err(|it| Stop::new(it.message()))?;
    let Some(root) = current.root() else {
        if output.json {
            output.document("destroy", Content { stack, deleted: false, retained: Vec::new() });
        } else {
            output.say(&message!("there is no stack `{stack}`: nothing to delete", stack));
        }
        return Ok(Exit::Done);
    };
    let removal = plan_removal(stack, &inputs.region, &inputs.account, &current);
    if !output.json {
        review::show(&removal, output);
        output.line("");
    }
    confirm(args, deployment.environment.protected, stack, output)?;

    let sizes: HashMap<String, usize> =
        removal.steps.iter().map(|it| (it.path.clone(), it.changes.len())).collect();
    let mut watch = Watch::new(output, sizes);
    let mut retained = Vec::new();
    let outcome = backend
        .delete_stack(&root.stack_id, &args.retain, &mut |event| {
            if event.status == "DELETE_SKIPPED" {
                let path = match event.stack_path.as_str() {
                    "" => event.logical_id.clone(),
                    path => format!("{path}/{}", event.logical_id),
                };
                retained.push(Retained {
                    path,
                    r#type: event.resource_type.clone(),
                    physical_id: event.physical_id.clone(),
                });
            }
            watch.event(event);
        })
        .map_err(|error| {
            let target = target::words(&args.target, global);
            let stop = Stop::new(error.message());
            match error {
                StackError::Protected { .. } => stop
                    .help(message!("lift the protection: `kumiki protect {target} off`", target)),
                _ => stop,
            }
        })?;
    drop(watch);
    if !outcome.succeeded {
        return Err(up::failed(&outcome).help(recover::hint(&args.target, global)));
    }
    if output.json {
        output.document("destroy", Content { stack, deleted: true, retained });
        return Ok(Exit::Done);
    }
    output.line("");
    output.say(&message!(
        "stack `{stack}` is deleted; AWS would take about {time}",
        stack,
        time = time(outcome.elapsed)
    ));
    if !retained.is_empty() {
        let count = retained.len();
        output
            .say(&message!("{count} resources stay in the account, as their policies say:", count));
        for it in &retained {
            output.line(&format!("  {}  {}  {}", it.path, it.r#type, it.physical_id));
        }
    }
    Ok(Exit::Done)
}

#[derive(Serialize)]
struct Content<'c> {
    stack: &'c str,
    deleted: bool,
    retained: Vec<Retained>,
}

/// A resource that stays.
#[derive(Serialize)]
struct Retained {
    path: String,
    r#type: String,
    physical_id: String,
}

/// A protected environment goes only when its stack's name is typed out.
fn confirm(args: &Args, protected: bool, stack: &str, output: &Output) -> Result<(), Stop> {
    let refused = |text| Err(Stop::new(text).help(message!("nothing was changed")));
    match &args.confirm {
        Some(name) if name == stack => return Ok(()),
        Some(name) => {
            return refused(message!("`{name}` is not the stack's name, `{stack}`", name, stack));
        }
        None if protected && args.yes => {
            return Err(Stop::new(message!("`--yes` is not enough: the environment is protected"))
                .help(message!("type the stack's name: `--confirm {stack}`", stack)));
        }
        None if args.yes => return Ok(()),
        None => {}
    }
    let question = message!("Type the stack's name, `{stack}`, to delete it:", stack);
    if output.ask(&question, stack)? {
        Ok(())
    } else {
        refused(message!("that is not the stack's name"))
    }
}
