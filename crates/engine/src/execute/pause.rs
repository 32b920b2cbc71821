//! Failures that are left as they are: what is independent of them goes on, and the stack stays
//! between what it was and what it should be, until it is updated again or rolled back.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html>

use super::{Desired, Run};
use crate::record::{Cause, How, OperationKind, ResourceRecord};
use crate::status::{OnFailure, ResourceStatus, StackStatus};
use kumiki_plan::UpdateAction;

impl Run<'_> {
    /// Whether failures are left as they are.
    pub(super) fn leaves_failures(&self) -> bool {
        self.operation.settings.on_failure == Some(OnFailure::DoNothing)
            && self.operation.kind != OperationKind::Import
    }

    /// The first cause is the one that counts.
    pub(super) fn note_cause(&mut self, cause: Cause) {
        self.operation.cause.get_or_insert(cause);
        self.journal.operation = true;
    }

    /// Takes over what an operation did that was left unfinished: it can still be taken back.
    pub(super) fn inherit(&mut self, before: &str) {
        let operation = self.operation.id.clone();
        for stack in 0..self.stacks.len() {
            let state = &mut self.stacks[stack];
            if state.record.operation.as_deref() == Some(before) && state.record.previous.is_some()
            {
                state.record.operation = Some(operation.clone());
                self.journal.stack(stack);
            }
            for (logical_id, record) in &mut state.resources {
                let Some(touched) = record.touched.as_mut().filter(|it| it.operation == before)
                else {
                    continue;
                };
                touched.operation.clone_from(&operation);
                touched.inherited = true;
                // It is tried again.
                if touched.how == How::Stuck {
                    touched.how = How::Updated;
                }
                self.journal.resource(stack, logical_id);
            }
        }
    }

    /// Whether the operation, or one that it took over, has shown itself on a stack.
    pub(super) fn has_shown(&self, stack: usize) -> bool {
        let state = &self.stacks[stack];
        let Some((parent, logical_id)) = &state.parent else { return true };
        let record = self.stacks[*parent].resources.get(logical_id);
        record.is_some_and(|it| {
            let how = it.touched_by(&self.operation.id);
            matches!(how, Some(How::Updated | How::Replaced | How::Restored))
        })
    }

    /// A stack ends as what failed in it left it; `whole` is the reason when the stack itself failed.
    pub(super) fn left_failed(&mut self, stack: usize, whole: Option<String>) {
        let failed = self.stacks[stack].stage.as_ref().map(|it| it.failed.clone());
        let mut failed = failed.unwrap_or_default();
        failed.sort();
        let why = whole.unwrap_or_else(|| self.why(stack, &failed));
        let (status, verb) = match self.stacks[stack].record.status {
            StackStatus::CreateInProgress => (StackStatus::CreateFailed, "created"),
            _ => (StackStatus::UpdateFailed, "updated"),
        };
        let mut imports = std::mem::take(&mut self.stacks[stack].imports);
        self.stacks[stack].record.settled.imports.append(&mut imports);
        if stack == 0 {
            self.leave_nested();
            return self.end(status, Some(why), false);
        }
        self.stack_status(stack, status, Some(why.clone()));
        let Some((parent, task, logical_id)) = self.parent_task(stack) else { return };
        let id = &self.stacks[stack].record.stack_id;
        let reason = format!("Embedded stack {id} was not successfully {verb}: {why}");
        let creating = self.stacks[parent]
            .resources
            .get(&logical_id)
            .is_some_and(|it| it.status == ResourceStatus::CreateInProgress);
        let failed = match creating {
            true => ResourceStatus::CreateFailed,
            false => ResourceStatus::UpdateFailed,
        };
        self.resource_status(parent, &logical_id, failed, Some(reason));
        self.task_failed(parent, task);
    }

    /// Nested stacks that wait for the cleanup do so no longer: what they no longer need stays until
    /// the next update.
    fn leave_nested(&mut self) {
        for stack in 1..self.stacks.len() {
            let status = self.stacks[stack].record.status;
            if status == StackStatus::UpdateCompleteCleanupInProgress {
                self.stack_status(stack, StackStatus::UpdateComplete, None);
            }
        }
    }

    /// Whether the policy of a stack lets an update do this to a resource.
    pub(super) fn may_update(
        &self,
        stack: usize,
        action: UpdateAction,
        resource: &ResourceRecord,
    ) -> Result<(), String> {
        let state = &self.stacks[stack];
        match &state.policy {
            Some(policy) if self.operation.kind == OperationKind::Update => {
                policy.decide(action, &resource.logical_id, &resource.settled.type_name)
            }
            _ => Ok(()),
        }
    }

    /// Whether the policy of a stack lets what is no longer in its template leave it; else why not,
    /// and the first resource that has to stay.
    pub(super) fn may_remove(&self, stack: usize) -> Result<(), (String, String)> {
        let state = &self.stacks[stack];
        let Some(Desired { template, scope, .. }) = &state.desired else { return Ok(()) };
        if state.policy.is_none() {
            return Ok(());
        }
        for logical_id in self.leaving(stack, template, scope) {
            if let Some(record) = state.resources.get(&logical_id) {
                self.may_update(stack, UpdateAction::Delete, record)
                    .map_err(|reason| (reason, logical_id))?;
            }
        }
        Ok(())
    }
}
