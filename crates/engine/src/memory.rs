//! Records in memory, for tests and for rehearsals that leave no trace.

use crate::event::Event;
use crate::record::{
    ChangeSetRecord, ExportRecord, ImportRecord, OperationRecord, ResourceRecord, StackRecord,
};
use crate::store::{Change, StateStore, StoreError};
use std::collections::{BTreeMap, BTreeSet};

type Place = (String, String);

/// Records in memory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MemoryStore {
    /// Stacks by ARN.
    pub stacks: BTreeMap<String, StackRecord>,
    /// Resources by the ARN of their stack and their logical ID.
    pub resources: BTreeMap<String, BTreeMap<String, ResourceRecord>>,
    /// Exports by account and Region, and name.
    pub exports: BTreeMap<Place, BTreeMap<String, ExportRecord>>,
    /// Uses of exports.
    pub imports: BTreeSet<ImportRecord>,
    /// Change sets in the order in which they were made.
    pub change_sets: Vec<ChangeSetRecord>,
    /// Operations in the order in which they began.
    pub operations: Vec<OperationRecord>,
    /// Texts by digest.
    pub texts: BTreeMap<String, String>,
    /// Events.
    pub events: Vec<Event>,
}

fn place(export: &ExportRecord) -> Place {
    (export.account.clone(), export.region.clone())
}

impl StateStore for MemoryStore {
    fn stacks(&self) -> Result<Vec<StackRecord>, StoreError> {
        Ok(self.stacks.values().cloned().collect())
    }

    fn tree(&self, root_id: &str) -> Result<Vec<StackRecord>, StoreError> {
        Ok(self.stacks.values().filter(|it| it.root_id == root_id).cloned().collect())
    }

    fn resources(&self, stack_id: &str) -> Result<Vec<ResourceRecord>, StoreError> {
        let found = self.resources.get(stack_id);
        Ok(found.map(|it| it.values().cloned().collect()).unwrap_or_default())
    }

    fn exports(&self, account: &str, region: &str) -> Result<Vec<ExportRecord>, StoreError> {
        let found = self.exports.get(&(account.to_owned(), region.to_owned()));
        Ok(found.map(|it| it.values().cloned().collect()).unwrap_or_default())
    }

    fn imports(&self, account: &str, region: &str) -> Result<Vec<ImportRecord>, StoreError> {
        let here = |it: &&ImportRecord| it.account == account && it.region == region;
        Ok(self.imports.iter().filter(here).cloned().collect())
    }

    fn change_sets(&self) -> Result<Vec<ChangeSetRecord>, StoreError> {
        Ok(self.change_sets.clone())
    }

    fn change_set(&self, id: &str) -> Result<Option<ChangeSetRecord>, StoreError> {
        Ok(self.change_sets.iter().find(|it| it.id == id).cloned())
    }

    fn operation(&self, id: &str) -> Result<Option<OperationRecord>, StoreError> {
        Ok(self.operations.iter().find(|it| it.id == id).cloned())
    }

    fn last_operation(&self) -> Result<Option<OperationRecord>, StoreError> {
        Ok(self.operations.last().cloned())
    }

    fn text(&self, digest: &str) -> Result<Option<String>, StoreError> {
        Ok(self.texts.get(digest).cloned())
    }

    fn events(&self, root_id: Option<&str>, after: u64) -> Result<Vec<Event>, StoreError> {
        let wanted = |it: &&Event| {
            it.sequence > after && root_id.is_none_or(|root_id| it.root_id == root_id)
        };
        Ok(self.events.iter().filter(wanted).cloned().collect())
    }

    fn last_sequence(&self) -> Result<u64, StoreError> {
        Ok(self.events.last().map_or(0, |it| it.sequence))
    }

    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        for change in changes {
            match *change {
                Change::Stack(it) => {
                    self.stacks.insert(it.stack_id.clone(), it.clone());
                }
                Change::Resource(stack_id, it) => {
                    let resources = self.resources.entry(stack_id.to_owned()).or_default();
                    resources.insert(it.logical_id.clone(), it.clone());
                }
                Change::NoResources(stack_id) => {
                    self.resources.remove(stack_id);
                }
                Change::Export(it) => {
                    let exports = self.exports.entry(place(it)).or_default();
                    exports.insert(it.name.clone(), it.clone());
                }
                Change::NoExport(it) => {
                    self.exports.entry(place(it)).or_default().remove(&it.name);
                }
                Change::Import(it) => {
                    self.imports.insert(it.clone());
                }
                Change::NoImport(it) => {
                    self.imports.remove(it);
                }
                Change::ChangeSet(it) => {
                    match self.change_sets.iter_mut().find(|known| known.id == it.id) {
                        Some(known) => known.clone_from(it),
                        None => self.change_sets.push(it.clone()),
                    }
                }
                Change::Operation(it) => {
                    match self.operations.iter_mut().find(|known| known.id == it.id) {
                        Some(known) => known.clone_from(it),
                        None => self.operations.push(it.clone()),
                    }
                }
                Change::Text(digest, text) => {
                    self.texts.insert(digest.to_owned(), text.to_owned());
                }
                Change::Event(it) => {
                    if self.events.last().is_none_or(|last| last.sequence < it.sequence) {
                        self.events.push(it.clone());
                    }
                }
            }
        }
        Ok(())
    }
}
