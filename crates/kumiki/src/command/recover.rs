//! `kumiki recover`: from the state that stacks are in to the exact next command.
//!
//! Reads only. It knows every status that is no rest, and what each command would do there.

use crate::Exit;
use crate::args::{Global, Show, Target};
use crate::command::plan;
use crate::output::{Output, Stop, Style};
use crate::target;
use kumiki_engine::{
    Backend, How, OperationKind, OperationRecord, Phase, ResourceStatus, StackRecord, StackStatus,
};
use kumiki_source::{Message, message};
use serde::Serialize;

/// The type of a nested stack: what failed is in it.
const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// What is said after a failure that leaves a stack where it is no rest.
pub(crate) fn hint(target: &Target, global: &Global) -> Message {
    let target = target::words(target, global);
    message!("what leads out of it: `kumiki recover {target}`", target)
}

/// A resource that failed.
#[derive(Serialize)]
pub(crate) struct Failed {
    path: String,
    r#type: String,
    status: &'static str,
    reason: Option<String>,
    /// Whether it could not go back, and did not only wait for one that could not.
    #[serde(skip)]
    stuck: bool,
}

/// A command and what it does.
struct Way {
    command: String,
    consequence: Message,
}

pub(crate) fn run(args: &Show, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some((project, deployment)) = plan::locate(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let inputs = &deployment.inputs;
    let stack = &inputs.stack_name;
    let backend = target::reader(&project, &deployment, global)?;
    let store = |it: kumiki_engine::StoreError| Stop::new(it.message());
    let root = backend.stack_named(stack, &inputs.account, &inputs.region).map_err(store)?;
    let failed = match &root {
        Some(root) => failed(&*backend, root)?,
        None => Vec::new(),
    };
    let unfinished = backend.unfinished().map_err(store)?;
    let unfinished =
        unfinished.filter(|it| root.as_ref().is_some_and(|root| root.stack_id == it.root_id));
    let status = root.as_ref().map(|it| it.status);
    let ways = ways(status, unfinished.as_ref(), &failed, &target::words(&args.target, global));
    let exit = if ways.is_empty() { Exit::Done } else { Exit::Failed };
    if output.json {
        show_json(stack, status, failed, &ways, output);
        return Ok(exit);
    }
    match status {
        None => output.say(&message!("there is no stack `{stack}`: nothing to recover", stack)),
        Some(status) if ways.is_empty() => {
            output.say(&message!(
                "stack `{stack}` is in {status}: nothing to recover",
                stack,
                status
            ));
        }
        Some(status) => {
            let text = message!("stack `{stack}` is in `{status}`", stack, status);
            let text = match &unfinished {
                Some(_) => {
                    message!("an operation on `{stack}` was interrupted in {status}", stack, status)
                }
                None => text,
            };
            output.line(&output.paint(Style::Bold, &output.text(&text)));
            for it in &failed {
                let reason = it.reason.as_deref().unwrap_or_default();
                output.line(&format!("  {}  {}  {}  {reason}", it.status, it.path, it.r#type));
            }
            for way in &ways {
                output.line("");
                output.line(&output.paint(Style::Bold, &way.command));
                output.line(&format!("  {}", output.text(&way.consequence)));
            }
        }
    }
    Ok(exit)
}

fn show_json(
    stack: &str,
    status: Option<StackStatus>,
    failed: Vec<Failed>,
    ways: &[Way],
    output: &Output,
) {
    #[derive(Serialize)]
    struct Step<'w> {
        command: &'w str,
        consequence: String,
    }
    #[derive(Serialize)]
    struct Content<'c> {
        stack: &'c str,
        status: Option<&'static str>,
        failed: Vec<Failed>,
        next: Vec<Step<'c>>,
    }
    let step = |it: &'_ Way| output.text(&it.consequence);
    let next = ways.iter().map(|it| Step { command: &it.command, consequence: step(it) }).collect();
    let status = status.map(StackStatus::as_str);
    output.document("recover", Content { stack, status, failed, next });
}

/// The resources of a tree that failed; of nested stacks, what failed in them.
fn failed(backend: &dyn Backend, root: &StackRecord) -> Result<Vec<Failed>, Stop> {
    let store = |it: kumiki_engine::StoreError| Stop::new(it.message());
    let mut failed = Vec::new();
    let stacks = backend.stacks().map_err(store)?;
    for stack in stacks.iter().filter(|it| it.root_id == root.stack_id) {
        for it in backend.resources(&stack.stack_id).map_err(store)? {
            let path = match stack.path.as_str() {
                "" => it.logical_id,
                path => format!("{path}/{}", it.logical_id),
            };
            let nested = it.settled.type_name == STACK_TYPE
                && stacks.iter().any(|child| child.root_id == root.stack_id && child.path == path);
            if it.status.is_failed() && !nested {
                failed.push(Failed {
                    path,
                    r#type: it.settled.type_name,
                    status: it.status.as_str(),
                    reason: it.reason,
                    stuck: it.touched.is_some_and(|it| it.how == How::Stuck),
                });
            }
        }
    }
    Ok(failed)
}

/// What leads out of a status; nothing where the stack rests.
fn ways(
    status: Option<StackStatus>,
    unfinished: Option<&OperationRecord>,
    failed: &[Failed],
    target: &str,
) -> Vec<Way> {
    let way = |command: String, consequence: Message| Way { command, consequence };
    let each = |option: &str, status: ResourceStatus| -> String {
        let waits = |it: &&Failed| status == ResourceStatus::UpdateFailed && !it.stuck;
        let those = failed.iter().filter(|it| it.status == status.as_str() && !waits(it));
        those.map(|it| format!(" {option} {}", it.path)).collect()
    };
    let up = format!("kumiki up {target}");
    let destroy = format!("kumiki destroy {target}");
    let rollback = format!("kumiki rollback {target}");
    if let Some(it) = unfinished {
        let mut ways = vec![match it.kind {
            OperationKind::Delete => {
                way(destroy, message!("continues the deletion where it was interrupted"))
            }
            OperationKind::Rollback | OperationKind::ContinueRollback => {
                way(rollback.clone(), message!("continues the rollback where it was interrupted"))
            }
            _ => way(
                up,
                message!("continues where it was interrupted, and ends as if it never had been"),
            ),
        }];
        if it.kind == OperationKind::Update && it.phase == Phase::Forward {
            ways.push(way(
                rollback,
                message!(
                    "cancels the update instead: every resource goes back to what it was before"
                ),
            ));
        }
        return ways;
    }
    match status {
        Some(StackStatus::ReviewInProgress) => vec![
            way(
                up,
                message!("makes a new change set and creates the stack: nothing exists so far"),
            ),
            way(
                destroy,
                message!("deletes the empty stack and its change sets: no resource is lost"),
            ),
        ],
        Some(StackStatus::RollbackComplete) => vec![way(
            format!("{destroy} && {up}"),
            message!(
                "deletes what the failed creation left, which is nothing but the stack's name and retained resources, and creates the stack anew: it cannot be updated"
            ),
        )],
        Some(StackStatus::RollbackFailed) => vec![way(
            destroy,
            message!(
                "tries again to delete what the failed creation left; what cannot be deleted can then be retained by name"
            ),
        )],
        Some(StackStatus::CreateFailed | StackStatus::UpdateFailed) => vec![
            way(
                format!("{up} --on-failure do-nothing"),
                message!(
                    "takes up the failed resources again, with what the templates say by then; what is done stays"
                ),
            ),
            way(
                rollback,
                match status {
                    Some(StackStatus::CreateFailed) => {
                        message!("deletes everything that was created")
                    }
                    _ => message!(
                        "takes every resource back to what it was when the stack was last whole"
                    ),
                },
            ),
        ],
        Some(StackStatus::UpdateRollbackFailed) => {
            let skip = each("--skip", ResourceStatus::UpdateFailed);
            let mut ways = vec![way(
                rollback.clone(),
                message!(
                    "tries again to take back what could not go back: first remove the reason"
                ),
            )];
            if !skip.is_empty() {
                ways.push(way(
                    format!("{rollback}{skip}"),
                    message!("leaves these as they are and takes back the rest: they differ from the template until they are updated, as `kumiki drift` shows"),
                ));
            }
            ways
        }
        Some(StackStatus::DeleteFailed) => {
            let retain = each("--retain", ResourceStatus::DeleteFailed);
            let mut ways = vec![way(
                destroy.clone(),
                message!(
                    "tries again to delete what could not be deleted: first remove the reason"
                ),
            )];
            if !retain.is_empty() {
                ways.push(way(
                    format!("{destroy}{retain}"),
                    message!(
                        "deletes the stack and leaves these in the account: no stack owns them then"
                    ),
                ));
            }
            ways
        }
        _ => Vec::new(),
    }
}
