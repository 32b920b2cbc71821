//! Requests to the provider: recorded first, made after.

use super::stage::{StageKind, Target};
use super::{Place, Run, StackState};
use crate::identity::{fingerprint, hex, seed};
use crate::provider::{Answer, Request, Verb};
use crate::record::{Pending, ResourceRecord, Settled};
use crate::status::ResourceStatus;
use crate::store::StoreError;
use kumiki_project::Policy;
use std::cmp::Reverse;

impl Run<'_> {
    /// Records a request before it is made.
    pub(super) fn request(&mut self, stack: usize, task: usize, verb: Verb) {
        let (logical_id, target) = self.task(stack, task);
        self.running(stack, task);
        let (now, operation) = (self.now, self.operation.id.clone());
        let phase = format!("{:?}", self.operation.phase);
        let stack_id = self.stacks[stack].record.stack_id.clone();
        let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) else { return };
        if record.pending.is_none() {
            let number = record.generation.to_string();
            let target = format!("{target:?}");
            let parts = [&stack_id, &logical_id, &*number, verb.as_str(), &target, &phase];
            let token = format!("{operation}:{}", hex(&fingerprint(&parts), 40));
            record.pending = Some(Pending { token, started: now, initiated: false });
            self.journal.resource(stack, &logical_id);
        }
        let place = self.place(stack, task);
        self.calls.insert(place, verb);
    }

    /// Makes the requests that were recorded, and makes the answers durable.
    pub(super) fn call(&mut self) -> Result<(), StoreError> {
        let calls = std::mem::take(&mut self.calls);
        let mut answered = Vec::with_capacity(calls.len());
        for (place, verb) in calls {
            let (logical_id, target) = self.task(place.stack, place.task);
            let state = &self.stacks[place.stack];
            let Some(record) = state.resources.get(&logical_id) else { continue };
            let Some(pending) = &record.pending else { continue };
            let kind = state.stage.as_ref().map(|it| it.kind);
            let goal = request_goal(record, target, kind);
            let tags = self.tags(place.stack, &logical_id);
            let made = record.settled.generation;
            let request = Request {
                verb,
                type_name: &goal.type_name,
                account: &state.record.account,
                region: &state.record.region,
                stack_path: &state.path,
                stack_name: &state.record.name,
                stack_id: &state.record.stack_id,
                logical_id: &logical_id,
                physical_id: match verb {
                    Verb::Create => "",
                    Verb::Update | Verb::Import => &record.settled.physical_id,
                    Verb::Delete => &goal.physical_id,
                },
                replaces: match (verb, &record.previous) {
                    (Verb::Create, Some(previous)) => Some(&*previous.physical_id),
                    _ => None,
                },
                properties: &goal.properties,
                previous: match kind {
                    Some(StageKind::Restore) => Some(&record.settled.properties),
                    _ => record.previous.as_ref().map(|it| &it.properties),
                },
                tags: &tags,
                snapshot: verb == Verb::Delete && self.takes_snapshot(record, target),
                rollback: self.rolling_back(),
                operation: &self.operation.id,
                token: &pending.token,
                seed: seed(&state.record.stack_id, &logical_id, made),
            };
            let answer = self.outside.provider.perform(&request)?;
            let at = pending.started.saturating_add(answer.takes.max(1)).max(self.now);
            self.due.push(Reverse((at, place.clone())));
            answered.push((place, verb, answer));
        }
        self.outside.provider.flush()?;
        for (place, verb, answer) in answered {
            self.initiated(&place, verb, &answer);
            self.answers.insert(place, answer);
        }
        Ok(())
    }

    /// Records the first answer: a new resource has its physical ID from now on.
    fn initiated(&mut self, place: &Place, verb: Verb, answer: &Answer) {
        let (logical_id, target) = self.task(place.stack, place.task);
        let Some(record) = self.stacks[place.stack].resources.get_mut(&logical_id) else { return };
        let Some(pending) = &mut record.pending else { return };
        let Ok(made) = &answer.result else { return };
        if pending.initiated || verb != Verb::Create || target != Target::Resource {
            return;
        }
        pending.initiated = true;
        record.settled.physical_id.clone_from(&made.physical_id);
        let status: ResourceStatus = record.status;
        let reason = Some("Resource creation Initiated".to_owned());
        self.journal.resource(place.stack, &logical_id);
        self.resource_event(place.stack, &logical_id, status, reason, None);
    }

    /// The tags that a resource gets from its stack, and those that CloudFormation adds.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html>
    fn tags(&self, stack: usize, logical_id: &str) -> Vec<(String, String)> {
        let StackState { record, stage, .. } = &self.stacks[stack];
        let restores = stage.as_ref().is_some_and(|it| it.kind == StageKind::Restore);
        let settled = record.previous.as_deref().filter(|_| restores).unwrap_or(&record.settled);
        let own = settled.tags.iter().map(|(name, value)| (name.clone(), value.clone()));
        let added = [
            ("aws:cloudformation:stack-name", record.name.as_str()),
            ("aws:cloudformation:logical-id", logical_id),
            ("aws:cloudformation:stack-id", record.stack_id.as_str()),
        ];
        own.chain(added.map(|(name, value)| (name.to_owned(), value.to_owned()))).collect()
    }

    fn takes_snapshot(&self, record: &ResourceRecord, target: Target) -> bool {
        let policy = match target {
            Target::Previous => &record.settled.update_replace_policy,
            _ => &record.settled.deletion_policy,
        };
        policy == Policy::Snapshot.as_str() && !self.rolling_back()
    }
}

/// What a request is for: the resource as it should be, or as it is when it goes away.
fn request_goal(record: &ResourceRecord, target: Target, kind: Option<StageKind>) -> &Settled {
    match (target, kind, &record.previous) {
        (Target::Previous, _, Some(previous)) | (_, Some(StageKind::Restore), Some(previous)) => {
            previous
        }
        _ => &record.settled,
    }
}
