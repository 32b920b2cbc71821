//! Deleting: whole stacks, and what an update no longer needs.

use super::journal::and_list;
use super::stage::{Stage, StageKind, Target, edges};
use super::{Run, STACK_TYPE, child_path, exports_of};
use crate::provider::{Answer, Verb};
use crate::record::{Cause, How, OperationKind, Phase, ResourceRecord, Touched};
use crate::status::{OnFailure, ResourceStatus, StackStatus};
use kumiki_project::Policy;

impl Run<'_> {
    /// Begins to delete a stack, unless something uses its exports.
    pub(super) fn begin_delete(&mut self, stack: usize, reason: Option<String>) {
        let record = &self.stacks[stack].record;
        for name in exports_of(record, &record.settled).keys() {
            let users = self.importers(stack, name);
            if !users.is_empty() {
                let reason = format!(
                    "Delete canceled. Cannot delete export {name} as it is in use by {}.",
                    and_list(&users)
                );
                return self.delete_cancelled(stack, reason);
            }
        }
        self.stacks[stack].active = true;
        self.stack_status(stack, StackStatus::DeleteInProgress, reason);
        self.enter_delete(stack);
    }

    /// The stack stays as it is.
    fn delete_cancelled(&mut self, stack: usize, reason: String) {
        let status = self.stacks[stack].record.status;
        self.stack_status(stack, status, Some(reason.clone()));
        let record = &self.stacks[stack].record;
        let cause = Cause {
            stack_path: record.path.clone(),
            stack_name: record.name.clone(),
            logical_id: record.name.clone(),
            resource_type: STACK_TYPE.to_owned(),
            status: status.as_str().to_owned(),
            reason: reason.clone(),
        };
        self.operation.cause.get_or_insert(cause);
        if stack == 0 {
            return self.finish(false);
        }
        self.nested_not_removed(stack, &reason);
    }

    /// Gives a stack that is being deleted its tasks.
    pub(super) fn enter_delete(&mut self, stack: usize) {
        let there: Vec<&ResourceRecord> =
            self.stacks[stack].resources.values().filter(|it| !it.status.is_gone()).collect();
        let names: Vec<(&str, &[String])> =
            there.iter().map(|it| (it.logical_id.as_str(), &*it.settled.depends_on)).collect();
        let mut edges = edges(&names, true);
        // What could not be deleted before this process came stays so.
        let failed: Vec<usize> = there
            .iter()
            .enumerate()
            .filter(|(_, it)| {
                it.status == ResourceStatus::DeleteFailed
                    && it.touched_by(&self.operation.id) == Some(How::Removed)
            })
            .map(|(index, _)| index)
            .collect();
        let mut tasks: Vec<_> =
            there.iter().map(|it| Some((it.logical_id.clone(), Target::Resource))).collect();
        // A rollback that failed leaves two physical resources, one of which is in the way.
        for (index, it) in there.iter().enumerate() {
            if it.other_physical().is_some() {
                edges.push((tasks.len(), index));
                tasks.push(Some((it.logical_id.clone(), Target::Previous)));
            }
        }
        let mut stage = Stage::new(StageKind::Delete, tasks, edges);
        for task in failed {
            stage.fail(task);
        }
        self.enter(stack, stage);
    }

    /// Deletes what a task is about, as policies say.
    pub(super) fn remove(&mut self, stack: usize, task: usize) {
        let (logical_id, target) = self.task(stack, task);
        let operation = self.operation.id.clone();
        let at = child_path(&self.stacks[stack].path, &logical_id);
        let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) else { return };
        let (resuming, status) = (record.pending.is_some(), record.status);
        match target {
            Target::Child => {
                self.running(stack, task);
                if let Some(child) = self.child(stack, &logical_id) {
                    self.enter_cleanup(child);
                }
                return;
            }
            Target::Previous => {
                let Some(previous) = &record.previous else { return };
                let physical = (previous.type_name.clone(), previous.physical_id.clone());
                let policy = Policy::parse(&record.settled.update_replace_policy);
                if self.operation.phase == Phase::Cleanup
                    && matches!(policy, Some(Policy::Retain | Policy::RetainExceptOnCreate))
                {
                    record.previous = None;
                    self.journal.resource(stack, &logical_id);
                    let status = ResourceStatus::DeleteSkipped;
                    self.resource_event(stack, &logical_id, status, None, Some(physical));
                    return self.task_done(stack, task);
                }
                if !resuming {
                    let status = ResourceStatus::DeleteInProgress;
                    self.resource_event(stack, &logical_id, status, None, Some(physical));
                }
                return self.request(stack, task, Verb::Delete);
            }
            Target::Resource => {}
        }
        if resuming && status == ResourceStatus::DeleteInProgress {
            return self.request(stack, task, Verb::Delete);
        }
        let nested = record.settled.type_name == STACK_TYPE;
        if status != ResourceStatus::DeleteInProgress {
            let fresh = record.touched_by(&operation) == Some(How::Created);
            let rolled_back = self.operation.phase != Phase::Forward && fresh;
            let settings = &self.operation.settings;
            let except = rolled_back && settings.retain_except_on_create;
            let skip = match Policy::parse(&record.settled.deletion_policy) {
                _ if settings.retain.contains(&at) => true,
                Some(Policy::Retain) => !record.settled.physical_id.is_empty() && !except,
                Some(Policy::RetainExceptOnCreate) => !rolled_back,
                _ => false,
            };
            // `Created` stays noted: a rollback of its creation is not a removal.
            if !fresh {
                let how = How::Removed;
                record.touched = Some(Touched::new(&operation, how));
            }
            record.pending = None;
            if skip {
                self.resource_status(stack, &logical_id, ResourceStatus::DeleteSkipped, None);
                if nested {
                    self.set_free(stack, &logical_id);
                }
                return self.task_done(stack, task);
            }
            if record.settled.physical_id.is_empty() {
                self.resource_status(stack, &logical_id, ResourceStatus::DeleteComplete, None);
                return self.task_done(stack, task);
            }
            self.resource_status(stack, &logical_id, ResourceStatus::DeleteInProgress, None);
        }
        if !nested {
            return self.request(stack, task, Verb::Delete);
        }
        self.running(stack, task);
        match self.child(stack, &logical_id) {
            Some(child)
                if self.stacks[child].record.status == StackStatus::DeleteInProgress
                    && self.stacks[child].record.operation.as_deref()
                        == Some(&self.operation.id) =>
            {
                self.enter_delete(child);
            }
            Some(child) => self.begin_delete(child, None),
            None => {
                self.resource_status(stack, &logical_id, ResourceStatus::DeleteComplete, None);
                self.task_done(stack, task);
            }
        }
    }

    /// The provider has deleted a resource, or refused to.
    pub(super) fn removed(&mut self, stack: usize, task: usize, answer: Answer) {
        let (logical_id, target) = self.task(stack, task);
        let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) else { return };
        record.pending = None;
        if target == Target::Previous {
            let previous = record.previous.take().unwrap_or_default();
            self.journal.resource(stack, &logical_id);
            let (status, reason) = match answer.result {
                Ok(_) => (ResourceStatus::DeleteComplete, None),
                Err(refused) if self.operation.kind == OperationKind::Delete => {
                    record.previous = Some(previous.clone());
                    (ResourceStatus::DeleteFailed, Some(refused.reason))
                }
                Err(refused) => {
                    if let Some(touched) = &mut record.touched {
                        touched.how = How::Stuck;
                    }
                    (ResourceStatus::DeleteFailed, Some(refused.reason))
                }
            };
            let physical = Some((previous.type_name, previous.physical_id));
            self.resource_event(stack, &logical_id, status, reason.clone(), physical);
            return match reason {
                None => self.task_done(stack, task),
                Some(reason) => self.not_removed(stack, task, reason),
            };
        }
        match answer.result {
            Ok(_) => {
                self.resource_status(stack, &logical_id, ResourceStatus::DeleteComplete, None);
                self.task_done(stack, task);
            }
            Err(refused) => {
                record.touched = Some(Touched::new(&self.operation.id, How::Removed));
                let reason = Some(refused.reason.clone());
                self.resource_status(stack, &logical_id, ResourceStatus::DeleteFailed, reason);
                self.not_removed(stack, task, refused.reason);
            }
        }
    }

    /// Something could not be deleted: the first such thing is the cause.
    fn not_removed(&mut self, stack: usize, task: usize, reason: String) {
        let (logical_id, _) = self.task(stack, task);
        let state = &self.stacks[stack];
        let resource_type = state.resources.get(&logical_id).map(|it| it.settled.type_name.clone());
        let cause = Cause {
            stack_path: state.path.to_string(),
            stack_name: state.record.name.clone(),
            logical_id,
            resource_type: resource_type.unwrap_or_default(),
            status: ResourceStatus::DeleteFailed.as_str().to_owned(),
            reason,
        };
        self.operation.cause.get_or_insert(cause);
        self.journal.operation = true;
        // A cleanup leaves what it cannot delete and goes on.
        match self.stacks[stack].stage.as_ref().map(|it| it.kind) {
            Some(StageKind::Cleanup) => self.task_done(stack, task),
            _ => self.task_failed(stack, task),
        }
    }

    /// Nothing is left to delete in a stack.
    pub(super) fn delete_over(&mut self, stack: usize) {
        let failed = self.stacks[stack].stage.as_ref().map(|it| it.failed.clone());
        let failed = failed.unwrap_or_default();
        let deletes = self.operation.settings.on_failure == Some(OnFailure::Delete);
        let rollback = stack == 0
            && self.undoes_creation()
            && !(deletes && self.operation.kind == OperationKind::Create);
        if !failed.is_empty() {
            let failed = failed.join(", ");
            let reason = format!("The following resource(s) failed to delete: [{failed}].");
            let status = match rollback {
                true => StackStatus::RollbackFailed,
                false => StackStatus::DeleteFailed,
            };
            if stack == 0 {
                return self.end(status, Some(reason), false);
            }
            self.stack_status(stack, status, Some(reason.clone()));
            return self.nested_not_removed(stack, &reason);
        }
        let record = &self.stacks[stack].record;
        for export in exports_of(record, &record.settled).into_values() {
            // Of the exports of a creation that was rolled back, some may be another's.
            let own = self.frame.live.export(&export.name);
            if own.is_some_and(|it| it.stack_id == export.stack_id) {
                self.set_export(export, false);
            }
        }
        let mut imports = std::mem::take(&mut self.stacks[stack].record.settled.imports);
        imports.append(&mut self.stacks[stack].imports);
        let id = &self.stacks[stack].record.stack_id;
        let used = self.importers.iter().filter(|(_, users)| users.contains_key(id));
        imports.extend(used.map(|(name, _)| name.clone()));
        for name in imports {
            self.set_import(stack, &name, false);
        }
        self.stacks[stack].record.settled.outputs.clear();
        if rollback {
            let asked = self.operation.kind == OperationKind::Rollback;
            return self.end(StackStatus::RollbackComplete, None, asked);
        }
        self.clear_resources(stack);
        if stack == 0 {
            let asked = self.operation.kind == OperationKind::Delete;
            return self.end(StackStatus::DeleteComplete, None, asked);
        }
        self.stack_status(stack, StackStatus::DeleteComplete, None);
        let Some((parent, task, logical_id)) = self.parent_task(stack) else { return };
        self.by_path.remove(&*self.stacks[stack].path);
        self.resource_status(parent, &logical_id, ResourceStatus::DeleteComplete, None);
        self.task_done(parent, task);
    }

    fn nested_not_removed(&mut self, child: usize, why: &str) {
        let Some((parent, task, logical_id)) = self.parent_task(child) else { return };
        let id = &self.stacks[child].record.stack_id;
        let reason = format!("Embedded stack {id} was not successfully deleted: {why}");
        if let Some(record) = self.stacks[parent].resources.get_mut(&logical_id) {
            record.touched = Some(Touched::new(&self.operation.id, How::Removed));
        }
        let failed = ResourceStatus::DeleteFailed;
        self.resource_status(parent, &logical_id, failed, Some(reason.clone()));
        self.not_removed(parent, task, reason);
    }

    /// A nested stack that is retained becomes the root of a tree of its own.
    fn set_free(&mut self, stack: usize, logical_id: &str) {
        let Some(child) = self.child(stack, logical_id) else { return };
        let root_id = self.stacks[child].record.stack_id.clone();
        let path = self.stacks[child].path.clone();
        for index in 0..self.stacks.len() {
            let record = &mut self.stacks[index].record;
            let Some(rest) = record.path.strip_prefix(&*path) else { continue };
            if rest.is_empty() || rest.starts_with('/') {
                let rest = rest.trim_start_matches('/').to_owned();
                self.by_path.remove(&record.path);
                record.path = rest;
                record.root_id.clone_from(&root_id);
                self.journal.stack(index);
            }
        }
    }

    /// Gives a stack whose update, or whose way back, has ended its tasks: to delete what is no
    /// longer needed.
    pub(super) fn enter_cleanup(&mut self, stack: usize) {
        let operation = &self.operation.id;
        let rollback = self.operation.phase == Phase::RollbackCleanup;
        let mut tasks = Vec::new();
        let mut names: Vec<(&str, &[String])> = Vec::new();
        for record in self.stacks[stack].resources.values() {
            let Some(how) = record.touched_by(operation) else { continue };
            let child = || {
                let child = self.child(stack, &record.logical_id)?;
                let status = self.stacks[child].record.status;
                (record.settled.type_name == STACK_TYPE
                    && matches!(
                        status,
                        StackStatus::UpdateCompleteCleanupInProgress
                            | StackStatus::UpdateRollbackCompleteCleanupInProgress
                    ))
                .then_some(Target::Child)
            };
            let target = match (how, rollback) {
                (How::Removed, false) | (How::Created, true)
                    if !record.status.is_gone()
                        && record.status != ResourceStatus::DeleteFailed =>
                {
                    Some(Target::Resource)
                }
                (How::Replaced, false) | (How::Restored, true)
                    if record.other_physical().is_some() =>
                {
                    Some(Target::Previous)
                }
                (How::Updated | How::Created, false) | (How::Restored, true) => child(),
                _ => None,
            };
            if let Some(target) = target {
                tasks.push(Some((record.logical_id.clone(), target)));
                let depends_on = match (target, &record.previous) {
                    (Target::Previous, Some(previous)) => &previous.depends_on,
                    _ => &record.settled.depends_on,
                };
                names.push((&record.logical_id, depends_on));
            }
        }
        let edges = edges(&names, true);
        let stage = Stage::new(StageKind::Cleanup, tasks, edges);
        self.enter(stack, stage);
    }

    /// Everything that a stack no longer needs is deleted, or could not be.
    pub(super) fn cleanup_over(&mut self, stack: usize) {
        let status = match self.operation.phase {
            Phase::RollbackCleanup => StackStatus::UpdateRollbackComplete,
            _ => StackStatus::UpdateComplete,
        };
        // By the records: another process may have come this far.
        let failed = self.stacks[stack].resources.values().any(|it| {
            match it.touched_by(&self.operation.id) {
                Some(How::Stuck) => true,
                Some(How::Removed) => it.status == ResourceStatus::DeleteFailed,
                _ => false,
            }
        });
        let reason = failed.then(|| "One or more resources could not be deleted.".to_owned());
        if stack == 0 {
            let asked = match self.operation.kind {
                OperationKind::Rollback | OperationKind::ContinueRollback => true,
                _ => self.operation.phase == Phase::Cleanup,
            };
            return self.end(status, reason, asked);
        }
        self.stack_status(stack, status, reason);
        if let Some((parent, task, _)) = self.parent_task(stack) {
            self.task_done(parent, task);
        }
    }
}
