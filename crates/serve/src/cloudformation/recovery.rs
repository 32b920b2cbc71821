//! What is done to a stack besides making it: going back, going on, and protecting it.

use super::deploy::begun;
use super::{Context, words};
use crate::refusal::Refusal;
use crate::writer::FirstAnswer;
use crate::xml::Fields;
use kumiki_backend_local::LocalBackend;
use kumiki_engine::{Backend as _, Observe, Outcome, StackError, StackStatus};

/// Begins an operation on a stack, and answers once it began.
fn begin(
    context: &Context<'_>,
    stack_id: String,
    work: impl FnOnce(&mut LocalBackend, &str, &mut Observe<'_>) -> Result<Outcome, StackError>
    + Send
    + 'static,
) -> Result<Fields, Refusal> {
    let memory = context.service.memory.clone();
    let token = context.form.get("ClientRequestToken").map(str::to_owned);
    context.service.writer.begin(move |backend, answer: &mut FirstAnswer<Fields>| {
        let mut begun = begun(&memory, token.as_deref(), &stack_id, answer);
        let result = work(backend, &stack_id, &mut begun);
        drop(begun);
        let done = Fields::default().with("StackId", &stack_id);
        answer.give(result.map(|_| done).map_err(words::not_done));
    })
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ContinueUpdateRollback.html>
pub(super) fn continue_rollback(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.living_stack()?;
    if stack.status != StackStatus::UpdateRollbackFailed {
        return Err(Refusal::validation(format!(
            "Stack:{} is in {} state and can not continue rollback.",
            stack.stack_id, stack.status
        )));
    }
    let skip: Vec<String> =
        context.form.texts("ResourcesToSkip").into_iter().map(str::to_owned).collect();
    begin(context, stack.stack_id, move |backend, id, observe| {
        backend.continue_rollback(id, &skip, observe)
    })?;
    Ok(Fields::default())
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html>
pub(super) fn rollback(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.living_stack()?;
    if !stack.status.is_paused() {
        return Err(Refusal::validation(format!(
            "Stack:{} is in {} state and can not be rolled back.",
            stack.stack_id, stack.status
        )));
    }
    let retain_except_on_create = context.form.flag("RetainExceptOnCreate");
    begin(context, stack.stack_id, move |backend, id, observe| {
        backend.rollback_stack(id, retain_except_on_create, observe)
    })
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CancelUpdateStack.html>
pub(super) fn cancel_update(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.living_stack()?;
    let running = stack.status == StackStatus::UpdateInProgress;
    if running && context.service.memory.cancel(&stack.stack_id) {
        return Ok(Fields::default());
    }
    Err(Refusal::validation("CancelUpdateStack cannot be called from current stack status"))
}

impl Context<'_> {
    /// The text of a policy that a request gives as a body or as the URL of an object.
    pub(super) fn policy(&self, name: &str) -> Result<Option<String>, Refusal> {
        let (body, url) = (format!("{name}Body"), format!("{name}URL"));
        match (self.form.get(&body), self.form.get(&url)) {
            (Some(_), Some(_)) => {
                Err(Refusal::validation(format!("You cannot specify both {body} and {url}")))
            }
            (Some(body), None) => Ok(Some(body.to_owned())),
            (None, Some(url)) => self.object(url).map(Some),
            (None, None) => Ok(None),
        }
    }
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_SetStackPolicy.html>
pub(super) fn set_stack_policy(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.living_stack()?;
    let policy = context.policy("StackPolicy")?.unwrap_or_default();
    context.service.writer.perform(move |backend| {
        backend.set_stack_policy(&stack.stack_id, &policy).map_err(words::not_done)
    })?;
    Ok(Fields::default())
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_GetStackPolicy.html>
pub(super) fn stack_policy(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.living_stack()?;
    Ok(Fields::default().maybe("StackPolicyBody", stack.stack_policy))
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateTerminationProtection.html>
pub(super) fn termination_protection(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.living_stack()?;
    let Some(protected) = context.form.choice("EnableTerminationProtection") else {
        context.needed("EnableTerminationProtection")?;
        return Err(Refusal::validation("EnableTerminationProtection is true or false"));
    };
    let id = stack.stack_id.clone();
    context.service.writer.perform(move |backend| {
        backend.set_termination_protection(&stack.stack_id, protected).map_err(words::not_done)
    })?;
    Ok(Fields::default().with("StackId", id))
}
