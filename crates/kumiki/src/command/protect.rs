//! What is set on stacks: `kumiki protect` and `kumiki stack-policy`, and what `kumiki.toml` says
//! that is set after a deployment.

use crate::Exit;
use crate::args::{Global, Protect, StackPolicy, Switch, Target};
use crate::command::plan::{self, Prepared};
use crate::output::{Output, Stop};
use crate::target;
use kumiki_backend_local::Options;
use kumiki_engine::{Backend, StackRecord};
use kumiki_project::{Files, Inputs};
use kumiki_source::message;
use serde::Serialize;

pub(crate) fn protect(args: &Protect, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let protected = args.protection == Switch::On;
    let (mut backend, root) = opened(&args.target, "", global, output)?;
    backend
        .set_termination_protection(&root.stack_id, protected)
        .map_err(|it| Stop::new(it.message()))?;
    let stack = &root.name;
    if output.json {
        #[derive(Serialize)]
        struct Content<'c> {
            stack: &'c str,
            termination_protection: bool,
        }
        output.document("protect", Content { stack, termination_protection: protected });
    } else if protected {
        output.say(&message!("stack `{stack}` is protected from termination", stack));
    } else {
        output.say(&message!("stack `{stack}` is no longer protected from termination", stack));
    }
    Ok(Exit::Done)
}

pub(crate) fn stack_policy(
    args: &StackPolicy,
    global: &Global,
    output: &Output,
) -> Result<Exit, Stop> {
    let path = args.file.display();
    let policy = std::fs::read_to_string(&args.file)
        .map_err(|error| Stop::new(message!("`{path}` cannot be read: {error}", path, error)))?;
    let (mut backend, stack) = opened(&args.target, &args.stack, global, output)?;
    backend.set_stack_policy(&stack.stack_id, &policy).map_err(|it| Stop::new(it.message()))?;
    let stack = &stack.name;
    if output.json {
        #[derive(Serialize)]
        struct Content<'c> {
            stack: &'c str,
        }
        output.document("stack-policy", Content { stack });
    } else {
        output.say(&message!("stack `{stack}` has the policy of `{path}` now", stack, path));
    }
    Ok(Exit::Done)
}

/// The state, and the stack at a path of an environment's tree.
fn opened(
    target: &Target,
    path: &str,
    global: &Global,
    output: &Output,
) -> Result<(Box<dyn Backend>, StackRecord), Stop> {
    let Some((project, deployment)) = plan::locate(target, global, output)? else {
        return Err(Stop::new(message!("the project has errors")).failed());
    };
    let backend = target::writer(&project, &deployment, global, Options::default())?;
    let stack = at(&*backend, &deployment.inputs, path)?;
    Ok((backend, stack))
}

/// The stack at a path of a tree.
pub(crate) fn at(backend: &dyn Backend, inputs: &Inputs, path: &str) -> Result<StackRecord, Stop> {
    let stack = &inputs.stack_name;
    let root = backend
        .stack_named(stack, &inputs.account, &inputs.region)
        .map_err(|it| Stop::new(it.message()))?;
    let Some(root) = root else {
        return Err(Stop::new(message!("there is no stack `{stack}`", stack)));
    };
    let stacks = backend.stacks().map_err(|it| Stop::new(it.message()))?;
    stacks.into_iter().find(|it| it.root_id == root.root_id && it.path == path).ok_or_else(|| {
        Stop::new(message!("there is no stack `{path}` under `{stack}`", path, stack))
    })
}

/// Sets what `kumiki.toml` says of a root that was deployed.
pub(crate) fn apply(
    backend: &mut dyn Backend,
    prepared: &Prepared,
    output: &Output,
) -> Result<(), Stop> {
    let root = at(backend, &prepared.deployment.inputs, "")?;
    let (stack, id) = (&root.name, &root.stack_id);
    if prepared.deployment.environment.termination_protection && !root.termination_protection {
        backend.set_termination_protection(id, true).map_err(|it| Stop::new(it.message()))?;
        output.say(&message!("stack `{stack}` is protected from termination", stack));
    }
    if let Some(path) = &prepared.deployment.config.stack_policy {
        let unreadable = |error: kumiki_project::FileError| {
            Stop::new(message!("stack policy `{path}` cannot be read", path)).help(error.describe())
        };
        let bytes = prepared.project.files.read(path).map_err(unreadable)?;
        let policy = String::from_utf8_lossy(&bytes).into_owned();
        if root.stack_policy.as_ref() != Some(&policy) {
            backend.set_stack_policy(id, &policy).map_err(|it| Stop::new(it.message()))?;
            output.say(&message!("stack `{stack}` has the policy of `{path}` now", stack, path));
        }
    }
    Ok(())
}
