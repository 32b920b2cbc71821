//! Going back: after a failed update, resources become what they were.

use super::stage::{Stage, StageKind, Target, edges};
use super::{Run, STACK_TYPE, child_path, exports_of};
use crate::provider::{Answer, Verb};
use crate::record::{Cause, How, Phase, ResourceRecord};
use crate::status::{ResourceStatus, StackStatus};
use kumiki_schema::ReplacementOrder;

/// The reason of a resource that a rollback leaves as it is.
const SKIPPED: &str = "Resource skipped during the rollback";

impl Run<'_> {
    /// Gives a stack that goes back its tasks.
    pub(super) fn enter_restore(&mut self, stack: usize) {
        let operation = &self.operation.id;
        let mut tasks = Vec::new();
        let mut names: Vec<(&str, &[String])> = Vec::new();
        // What could not go back before this process came stays so.
        let mut stuck = Vec::new();
        for record in self.stacks[stack].resources.values() {
            match record.touched_by(operation) {
                Some(How::Updated | How::Replaced) => {}
                Some(How::Stuck) => stuck.push(tasks.len()),
                _ => continue,
            }
            let target = match record.settled.type_name == STACK_TYPE {
                true => Target::Child,
                false => Target::Resource,
            };
            tasks.push(Some((record.logical_id.clone(), target)));
            let before = record.previous.as_deref().unwrap_or(&record.settled);
            names.push((&record.logical_id, &before.depends_on));
        }
        let edges = edges(&names, false);
        let mut stage = Stage::new(StageKind::Restore, tasks, edges);
        for task in stuck {
            stage.fail(task);
        }
        self.enter(stack, stage);
    }

    /// A resource becomes what it was.
    pub(super) fn restore(&mut self, stack: usize, task: usize) {
        let (logical_id, target) = self.task(stack, task);
        let operation = self.operation.id.clone();
        let at = child_path(&self.stacks[stack].path, &logical_id);
        let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) else { return };
        if record.pending.is_some() {
            return self.request(stack, task, Verb::Update);
        }
        if self.operation.settings.skip.contains(&at) {
            return self.resource_restored(stack, task, Some(SKIPPED.to_owned()));
        }
        if target == Target::Child {
            let resuming = record.status == ResourceStatus::UpdateInProgress;
            if !resuming {
                self.resource_status(stack, &logical_id, ResourceStatus::UpdateInProgress, None);
            }
            self.running(stack, task);
            let Some(child) = self.child(stack, &logical_id) else {
                return self.task_done(stack, task);
            };
            if self.stacks[child].record.status != StackStatus::UpdateRollbackInProgress {
                self.stack_status(child, StackStatus::UpdateRollbackInProgress, None);
            }
            return self.enter_restore(child);
        }
        // Where the old resource is deleted first, both may have the same identifier: then what
        // is there has to be changed back.
        let in_its_place = kumiki_schema::resource_type(&record.settled.type_name)
            .is_some_and(|it| it.replacement_order() == ReplacementOrder::DeleteThenCreate)
            && record
                .previous
                .as_ref()
                .is_some_and(|it| it.physical_id == record.settled.physical_id);
        if record.touched_by(&operation) == Some(How::Replaced) && !in_its_place {
            let old = record.previous.take().unwrap_or_default();
            let new = std::mem::replace(&mut record.settled, *old);
            if new.physical_id != record.settled.physical_id {
                record.previous = Some(Box::new(new));
            }
            if let Some(touched) = &mut record.touched {
                touched.how = How::Restored;
            }
            self.resource_status(stack, &logical_id, ResourceStatus::UpdateComplete, None);
            return self.task_done(stack, task);
        }
        self.request(stack, task, Verb::Update);
        self.resource_status(stack, &logical_id, ResourceStatus::UpdateInProgress, None);
    }

    /// The provider has taken a resource back, or refused to.
    pub(super) fn restored(&mut self, stack: usize, task: usize, answer: Answer) {
        let (logical_id, _) = self.task(stack, task);
        let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) else { return };
        record.pending = None;
        match answer.result {
            Ok(_) => self.resource_restored(stack, task, None),
            Err(refused) => {
                let reason = refused.reason;
                let failed = ResourceStatus::UpdateFailed;
                let resource_type = record.settled.type_name.clone();
                stuck(record);
                self.resource_status(stack, &logical_id, failed, Some(reason.clone()));
                let state = &self.stacks[stack];
                let cause = Cause {
                    stack_path: state.path.to_string(),
                    stack_name: state.record.name.clone(),
                    logical_id,
                    resource_type,
                    status: failed.as_str().to_owned(),
                    reason,
                };
                self.operation.cause.get_or_insert(cause);
                self.task_failed(stack, task);
            }
        }
    }

    fn resource_restored(&mut self, stack: usize, task: usize, reason: Option<String>) {
        let (logical_id, _) = self.task(stack, task);
        let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) else { return };
        if let Some(previous) = record.previous.take() {
            record.settled = *previous;
        }
        if let Some(touched) = &mut record.touched {
            touched.how = How::Restored;
        }
        self.resource_status(stack, &logical_id, ResourceStatus::UpdateComplete, reason);
        self.task_done(stack, task);
    }

    /// Every resource of a stack is what it was, or could not be made so.
    pub(super) fn restore_over(&mut self, stack: usize) {
        let failed = self.stacks[stack].stage.as_ref().map(|it| it.failed.clone());
        let failed = failed.unwrap_or_default();
        if !failed.is_empty() {
            let failed = failed.join(", ");
            let reason = format!("The following resource(s) failed to update: [{failed}].");
            let status = StackStatus::UpdateRollbackFailed;
            if stack == 0 {
                return self.end(status, Some(reason), false);
            }
            self.stack_status(stack, status, Some(reason.clone()));
            let Some((parent, task, logical_id)) = self.parent_task(stack) else { return };
            let id = &self.stacks[stack].record.stack_id;
            let reason = format!(
                "Embedded stack {id} was not successfully updated. Currently in {status} with \
                 reason: {reason}"
            );
            if let Some(record) = self.stacks[parent].resources.get_mut(&logical_id) {
                stuck(record);
            }
            let failed = ResourceStatus::UpdateFailed;
            self.resource_status(parent, &logical_id, failed, Some(reason));
            return self.task_failed(parent, task);
        }
        self.settle_back(stack);
        let status = StackStatus::UpdateRollbackCompleteCleanupInProgress;
        self.stack_status(stack, status, None);
        if stack == 0 {
            self.operation.phase = Phase::RollbackCleanup;
            self.journal.operation = true;
            return self.enter_cleanup(0);
        }
        if let Some((parent, task, _)) = self.parent_task(stack) {
            self.resource_restored(parent, task, None);
        }
    }

    /// A stack gives again what it gave before the update, and uses what it used.
    fn settle_back(&mut self, stack: usize) {
        let Some(previous) = self.stacks[stack].record.previous.take() else { return };
        let record = &mut self.stacks[stack].record;
        let now = exports_of(record, &record.settled);
        let before = exports_of(record, &previous);
        let mut used = record.settled.imports.clone();
        let wanted = previous.imports.clone();
        record.settled = *previous;
        for (name, export) in &now {
            if !before.contains_key(name) {
                self.set_export(export.clone(), false);
            }
        }
        for (name, export) in before {
            if now.get(&name) != Some(&export) {
                self.set_export(export, true);
            }
        }
        used.append(&mut self.stacks[stack].imports);
        let id = &self.stacks[stack].record.stack_id;
        let noted = self.importers.iter().filter(|(_, users)| users.contains_key(id));
        used.extend(noted.map(|(name, _)| name.clone()));
        for name in used.difference(&wanted) {
            self.set_import(stack, name, false);
        }
        for name in &wanted {
            self.set_import(stack, name, true);
        }
    }
}

/// Notes that a resource could not go back.
fn stuck(record: &mut ResourceRecord) {
    if let Some(touched) = &mut record.touched {
        touched.how = How::Stuck;
    }
}
