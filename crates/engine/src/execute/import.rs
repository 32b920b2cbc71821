//! Taking over resources that exist, and giving them back when it fails: nothing about them changes.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html>

use super::Run;
use crate::import::physical_id;
use crate::provider::Verb;
use crate::record::{How, ResourceRecord, Settled, Touched};
use crate::status::{ResourceStatus, StackStatus};

impl Run<'_> {
    /// The physical ID of a resource that the stack takes over.
    pub(super) fn imported(&self, stack: usize, logical_id: &str) -> Option<String> {
        let mut listed = self.frame.import.iter().filter(|_| stack == 0);
        physical_id(listed.find(|it| it.logical_id == logical_id)?)
    }

    /// Asks for a resource to be taken over.
    pub(super) fn take_over(
        &mut self,
        stack: usize,
        task: usize,
        mut goal: Settled,
        physical_id: String,
    ) {
        let (logical_id, _) = self.task(stack, task);
        let known = self.stacks[stack].resources.get(&logical_id);
        let generation = known.map_or(0, |it| it.generation) + 1;
        goal.generation = generation;
        goal.physical_id = physical_id;
        let record = ResourceRecord {
            logical_id: logical_id.clone(),
            status: ResourceStatus::ImportInProgress,
            reason: None,
            generation,
            settled: goal,
            touched: Some(Touched::new(&self.operation.id, How::Created)),
            previous: None,
            pending: None,
        };
        self.stacks[stack].resources.insert(logical_id.clone(), record);
        self.request(stack, task, Verb::Import);
        let status = ResourceStatus::ImportInProgress;
        let reason = Some("Resource import started.".to_owned());
        self.resource_event(stack, &logical_id, status, reason, None);
    }

    /// Gives back what was taken over so far. No provider has anything to do for it.
    pub(super) fn give_back(&mut self, why: String) {
        self.stack_status(0, StackStatus::ImportRollbackInProgress, Some(why));
        self.restore_silent();
        let operation = self.operation.id.clone();
        let taken = self.stacks[0].resources.values();
        let taken: Vec<String> = taken
            .filter(|it| it.touched_by(&operation) == Some(How::Created))
            .map(|it| it.logical_id.clone())
            .collect();
        for logical_id in &taken {
            let reason = Some("Resource removed from stack".to_owned());
            self.resource_status(0, logical_id, ResourceStatus::ImportRollbackInProgress, None);
            self.resource_status(0, logical_id, ResourceStatus::ImportRollbackComplete, reason);
        }
        if let Some(previous) = self.stacks[0].record.previous.take() {
            self.stacks[0].record.settled = *previous;
        }
        self.end(StackStatus::ImportRollbackComplete, None, false);
    }
}
