//! What is to be recorded at the next commit.

use super::{Run, STACK_TYPE};
use crate::event::Event;
use crate::record::{ExportRecord, ImportRecord};
use crate::status::{ExecutionStatus, ResourceStatus, StackStatus};
use crate::store::{Change, StoreError};
use std::collections::BTreeSet;

/// What is to be recorded at the next commit.
pub(super) struct Journal {
    sequence: u64,
    stacks: BTreeSet<usize>,
    resources: BTreeSet<(usize, String)>,
    /// ARNs of stacks whose resources are no longer kept.
    cleared: Vec<String>,
    exports: Vec<(ExportRecord, bool)>,
    imports: Vec<(ImportRecord, bool)>,
    events: Vec<Event>,
    pub(super) operation: bool,
    /// What becomes of the change set.
    pub(super) execution: Option<ExecutionStatus>,
}

impl Journal {
    pub(super) fn new(sequence: u64) -> Self {
        Self {
            sequence,
            stacks: BTreeSet::new(),
            resources: BTreeSet::new(),
            cleared: Vec::new(),
            exports: Vec::new(),
            imports: Vec::new(),
            events: Vec::new(),
            operation: false,
            execution: None,
        }
    }

    /// A stack's record is to be written.
    pub(super) fn stack(&mut self, stack: usize) {
        self.stacks.insert(stack);
    }

    /// A resource's record is to be written.
    pub(super) fn resource(&mut self, stack: usize, logical_id: &str) {
        self.resources.insert((stack, logical_id.to_owned()));
    }
}

impl Run<'_> {
    /// Writes what is to be written in one commit, then tells of the events.
    pub(super) fn commit(&mut self) -> Result<(), StoreError> {
        let mut change_set = None;
        if let (Some(execution), Some(id)) = (self.journal.execution, &self.operation.change_set) {
            change_set = self.outside.store.change_set(id)?;
            if let Some(it) = &mut change_set {
                it.execution = execution;
            }
        }
        let journal = &self.journal;
        let mut changes = Vec::with_capacity(journal.resources.len() + journal.events.len() + 8);
        if journal.operation {
            changes.push(Change::Operation(&self.operation));
        }
        changes.extend(change_set.as_ref().map(Change::ChangeSet));
        for stack in &journal.stacks {
            changes.push(Change::Stack(&self.stacks[*stack].record));
        }
        for (stack, logical_id) in &journal.resources {
            let state = &self.stacks[*stack];
            if let Some(record) = state.resources.get(logical_id) {
                changes.push(Change::Resource(&state.record.stack_id, record));
            }
        }
        changes.extend(journal.cleared.iter().map(|it| Change::NoResources(it)));
        for (export, there) in &journal.exports {
            changes.push(if *there { Change::Export(export) } else { Change::NoExport(export) });
        }
        for (import, there) in &journal.imports {
            changes.push(if *there { Change::Import(import) } else { Change::NoImport(import) });
        }
        changes.extend(journal.events.iter().map(Change::Event));
        if !changes.is_empty() {
            self.outside.store.commit(&changes)?;
        }
        drop(changes);
        for event in &self.journal.events {
            (self.outside.observe)(event);
        }
        self.journal = Journal::new(self.journal.sequence);
        Ok(())
    }

    /// Sets a stack's status and tells of it.
    pub(super) fn stack_status(
        &mut self,
        stack: usize,
        status: StackStatus,
        reason: Option<String>,
    ) {
        let now = self.outside.clock.now();
        let record = &mut self.stacks[stack].record;
        record.status = status;
        record.reason.clone_from(&reason);
        record.operation = Some(self.operation.id.clone());
        record.updated = now;
        if status == StackStatus::UpdateInProgress {
            record.drift = None;
        }
        self.journal.stack(stack);
        let (name, id) = (record.name.clone(), record.stack_id.clone());
        self.event(stack, name, id, STACK_TYPE.to_owned(), status.as_str(), reason);
    }

    /// Tells of a resource, which has the given physical ID or the one in its record.
    pub(super) fn resource_event(
        &mut self,
        stack: usize,
        logical_id: &str,
        status: ResourceStatus,
        reason: Option<String>,
        physical: Option<(String, String)>,
    ) {
        let Some(record) = self.stacks[stack].resources.get(logical_id) else { return };
        let (type_name, physical_id) = physical.unwrap_or_else(|| {
            (record.settled.type_name.clone(), record.settled.physical_id.clone())
        });
        let reason = reason.map(|it| self.frame.secrets.text(it));
        self.event(stack, logical_id.to_owned(), physical_id, type_name, status.as_str(), reason);
    }

    /// Sets a resource's status and tells of it.
    pub(super) fn resource_status(
        &mut self,
        stack: usize,
        logical_id: &str,
        status: ResourceStatus,
        reason: Option<String>,
    ) {
        let Some(record) = self.stacks[stack].resources.get_mut(logical_id) else { return };
        record.status = status;
        record.reason.clone_from(&reason);
        self.journal.resource(stack, logical_id);
        self.resource_event(stack, logical_id, status, reason, None);
    }

    fn event(
        &mut self,
        stack: usize,
        logical_id: String,
        physical_id: String,
        resource_type: String,
        status: &str,
        reason: Option<String>,
    ) {
        self.journal.sequence += 1;
        let record = &self.stacks[stack].record;
        self.journal.events.push(Event {
            sequence: self.journal.sequence,
            time: self.outside.clock.now(),
            elapsed: self.now,
            operation: self.operation.id.clone(),
            stack_path: record.path.clone(),
            stack_name: record.name.clone(),
            stack_id: record.stack_id.clone(),
            root_id: record.root_id.clone(),
            logical_id,
            physical_id,
            resource_type,
            status: status.to_owned(),
            reason,
        });
    }

    /// Forgets the resources of a stack that is gone.
    pub(super) fn clear_resources(&mut self, stack: usize) {
        self.stacks[stack].resources.clear();
        self.journal.cleared.push(self.stacks[stack].record.stack_id.clone());
    }

    /// Makes or ends an export.
    pub(super) fn set_export(&mut self, export: ExportRecord, there: bool) {
        if there {
            self.frame.live.put_export(export.clone());
        } else {
            self.frame.live.remove_export(&export.name);
        }
        self.journal.exports.push((export, there));
    }

    /// Notes that a stack uses an export, or no longer does.
    pub(super) fn set_import(&mut self, stack: usize, name: &str, there: bool) {
        let record = &self.stacks[stack].record;
        let users = self.importers.entry(name.to_owned()).or_default();
        let changed = if there {
            users.insert(record.stack_id.clone(), record.name.clone()).is_none()
        } else {
            users.remove(&record.stack_id).is_some()
        };
        if changed {
            let import = ImportRecord {
                account: record.account.clone(),
                region: record.region.clone(),
                name: name.to_owned(),
                stack_name: record.name.clone(),
                stack_id: record.stack_id.clone(),
            };
            self.journal.imports.push((import, there));
        }
    }

    /// The names of the stacks, other than this one, that use an export.
    pub(super) fn importers(&self, stack: usize, name: &str) -> Vec<String> {
        let own = &self.stacks[stack].record.stack_id;
        let users = self.importers.get(name).into_iter().flatten();
        let mut names: Vec<String> =
            users.filter(|(id, _)| *id != own).map(|(_, name)| name.clone()).collect();
        names.sort();
        names
    }
}

/// `A, B and C`, as CloudFormation lists stacks.
pub(super) fn and_list(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}
