//! The turn from going forward to going back.
//!
//! A failure anywhere fails the whole tree at once: what is in progress is cancelled, a failed
//! nested stack fails its parent, and the root begins to roll back.

use super::stage::State;
use super::{Failure, Run};
use crate::record::{How, OperationKind, Phase};
use crate::status::{OnFailure, ResourceStatus, StackStatus};
use std::collections::HashSet;

impl Run<'_> {
    /// Ends going forward because of what failed.
    pub(super) fn begin_rollback(&mut self) {
        let failures = std::mem::take(&mut self.failures);
        self.ready.clear();
        self.due.clear();
        self.answers.clear();
        self.calls.clear();
        let mut chain = HashSet::new();
        for failure in &failures {
            let mut at = Some(failure.stack);
            while let Some(stack) = at {
                chain.insert(stack);
                at = self.stacks[stack].parent.as_ref().map(|it| it.0);
            }
        }
        let why = self.abort(0, &chain, &failures);
        if let Some(first) = failures.first() {
            self.operation.cause.get_or_insert(first.cause.clone());
        }
        self.operation.phase = Phase::Rollback;
        self.journal.operation = true;
        for state in &mut self.stacks {
            state.stage = None;
        }
        let cancelled = failures.is_empty();
        let deletes = self.operation.settings.on_failure == Some(OnFailure::Delete);
        match self.operation.kind {
            OperationKind::Import => self.give_back(why),
            _ if cancelled => self.go_back("User Initiated".to_owned()),
            OperationKind::Create if deletes => {
                let reason = Some(format!("{why} Delete requested by user."));
                self.stack_status(0, StackStatus::DeleteInProgress, reason);
                self.enter_delete(0);
            }
            OperationKind::Create => self.go_back(format!("{why} Rollback requested by user.")),
            _ => self.go_back(why),
        }
    }

    /// The root begins to go back to what it last was, or to nothing.
    pub(super) fn go_back(&mut self, why: String) {
        if self.undoes_creation() {
            self.stack_status(0, StackStatus::RollbackInProgress, Some(why));
            return self.enter_delete(0);
        }
        self.stack_status(0, StackStatus::UpdateRollbackInProgress, Some(why));
        for stack in 0..self.stacks.len() {
            self.stacks[stack].active |= self.has_shown(stack);
        }
        self.restore_silent();
        self.enter_restore(0);
    }

    /// Cancels what is in progress in a stack and everything under it, deepest first. Returns why
    /// the stack failed, in CloudFormation's words.
    fn abort(&mut self, stack: usize, chain: &HashSet<usize>, failures: &[Failure]) -> String {
        let running: Vec<String> = self.stacks[stack]
            .stage
            .iter()
            .flat_map(|it| &it.tasks)
            .filter(|it| it.state == State::Running)
            .map(|it| it.logical_id.clone())
            .collect();
        let mut failed =
            self.stacks[stack].stage.as_ref().map(|it| it.failed.clone()).unwrap_or_default();
        for logical_id in running {
            let reason = match self.child(stack, &logical_id) {
                None => None,
                Some(child) => {
                    let why = self.abort(child, chain, failures);
                    if !self.stacks[child].active {
                        continue;
                    }
                    self.aborted_nested(child, &why);
                    let id = &self.stacks[child].record.stack_id;
                    let creating = self.stacks[child].record.status == StackStatus::CreateFailed;
                    chain.contains(&child).then(|| match creating {
                        true => format!("Embedded stack {id} was not successfully created: {why}"),
                        false => format!(
                            "Embedded stack {id} was not successfully updated. Currently in \
                             UPDATE_ROLLBACK_IN_PROGRESS with reason: {why}"
                        ),
                    })
                }
            };
            let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) else {
                continue;
            };
            record.pending = None;
            let (status, cancelled) = match record.status {
                ResourceStatus::CreateInProgress => {
                    (ResourceStatus::CreateFailed, "Resource creation cancelled")
                }
                ResourceStatus::ImportInProgress => {
                    (ResourceStatus::ImportFailed, "Resource import cancelled")
                }
                _ => (ResourceStatus::UpdateFailed, "Resource update cancelled"),
            };
            let reason = reason.unwrap_or_else(|| cancelled.to_owned());
            self.resource_status(stack, &logical_id, status, Some(reason));
            failed.push(logical_id);
        }
        let whole = failures.iter().find(|it| it.stack == stack && it.whole.is_some());
        if let Some(reason) = whole.and_then(|it| it.whole.clone()) {
            return format!("{}.", reason.trim_end_matches('.'));
        }
        self.why(stack, &failed)
    }

    pub(super) fn why(&self, stack: usize, failed: &[String]) -> String {
        let resources = &self.stacks[stack].resources;
        let of = |status: ResourceStatus| -> Vec<&str> {
            failed
                .iter()
                .filter(|it| resources.get(*it).is_some_and(|it| it.status == status))
                .map(String::as_str)
                .collect()
        };
        let parts = [
            ("create", ResourceStatus::CreateFailed),
            ("update", ResourceStatus::UpdateFailed),
            ("import", ResourceStatus::ImportFailed),
        ]
        .map(|(verb, status)| (verb, of(status)));
        let parts: Vec<String> = parts
            .into_iter()
            .filter(|(_, names)| !names.is_empty())
            .map(|(verb, names)| {
                let names = names.join(", ");
                format!("The following resource(s) failed to {verb}: [{names}].")
            })
            .collect();
        parts.join(" ")
    }

    fn aborted_nested(&mut self, child: usize, why: &str) {
        let status = match self.stacks[child].record.status {
            StackStatus::CreateInProgress => StackStatus::CreateFailed,
            _ => StackStatus::UpdateRollbackInProgress,
        };
        let reason = (!why.is_empty()).then(|| why.to_owned());
        self.stack_status(child, status, reason);
    }

    /// Takes back what the operation changed without showing itself: what was passed through
    /// unchanged on the way.
    pub(super) fn restore_silent(&mut self) {
        let operation = self.operation.id.clone();
        for stack in 0..self.stacks.len() {
            let state = &mut self.stacks[stack];
            if !state.active
                && state.record.operation.as_deref() == Some(&operation)
                && let Some(previous) = state.record.previous.take()
            {
                state.record.settled = *previous;
                self.journal.stack(stack);
            }
            for (logical_id, record) in &mut state.resources {
                match record.touched_by(&operation) {
                    Some(How::Amended) => {
                        if let Some(previous) = record.previous.take() {
                            record.settled = *previous;
                        }
                    }
                    Some(How::Removed) => {}
                    _ => continue,
                }
                if let Some(touched) = &mut record.touched {
                    touched.how = How::Restored;
                }
                self.journal.resource(stack, logical_id);
            }
        }
    }
}
