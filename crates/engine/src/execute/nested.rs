//! Nested stacks: resources of their parent and stacks of their own.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html>

use super::forward::touch;
use super::{Run, STACK_TYPE, child_path};
use crate::identity::{nested_stack_name, seed, stack_id};
use crate::record::{How, ResourceRecord, StackRecord, StackSettled, Touched};
use crate::status::{ResourceStatus, StackStatus};
use kumiki_plan::{UpdateAction, diff};
use kumiki_project::{Child, Value};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

impl Run<'_> {
    /// A nested stack becomes what its parent says.
    pub(super) fn apply_nested(&mut self, stack: usize, task: usize, value: &Value, json: Json) {
        let Some(desired) = &self.stacks[stack].desired else { return };
        let decl = &desired.template.resources[task];
        let logical_id = decl.name.text.to_string();
        let goal = self.goal(stack, task, decl, json);
        let library = self.frame.library;
        let path = library.and_then(|it| match it.follow(desired.template, task) {
            Child::File(path) if it.find(path).is_some() => Some(path.to_string()),
            _ => None,
        });
        let Some(path) = path else {
            let url = value.get("TemplateURL").and_then(Value::as_text).unwrap_or_default();
            let reason = format!("S3 error: The specified key does not exist: {url}");
            return self.not_started(stack, task, decl, reason);
        };
        let passed = value.get("Parameters");
        let passed = |name: &str| passed.and_then(|it| it.get(name)).cloned();
        let tags = self.child_tags(stack, value);
        let owned = self.stacks[stack].resources.get(&logical_id).filter(|it| it.is_owned());
        let Some(existing) = owned.cloned() else {
            let child = self.create_nested(stack, &logical_id, goal, &path);
            self.running(stack, task);
            return self.enter_forward(child, &path, &passed, tags);
        };
        let Some(child) = self.child(stack, &logical_id) else {
            let reason = format!("Stack [{}] does not exist", existing.settled.physical_id);
            return self.failed(stack, task, reason);
        };
        self.running(stack, task);
        if existing.status != ResourceStatus::CreateInProgress {
            let mut goal = goal;
            goal.physical_id.clone_from(&existing.settled.physical_id);
            goal.attributes.clone_from(&existing.settled.attributes);
            goal.generation = existing.settled.generation;
            let schema = kumiki_schema::resource_type(STACK_TYPE);
            let after = Value::from_json(&goal.properties);
            let mut details = diff(schema, &existing.settled.properties, &after);
            // The URL follows from the content; what is in the content shows in the child.
            details.retain(|it| it.path != "TemplateURL");
            let path = &path;
            let given = self.frame.digests.get(path);
            let edited = given != Some(&self.stacks[child].record.settled.template_digest);
            if !details.is_empty() || edited {
                let denied = self.may_update(stack, UpdateAction::Modify, &existing);
                if let Err(reason) = denied {
                    return self.failed(stack, task, reason);
                }
            }
            if !details.is_empty() || existing.status.as_str().ends_with("_FAILED") {
                self.activate(child);
            }
            if self.stacks[child].active {
                self.become_goal(stack, &logical_id, goal);
            } else if existing.settled != goal {
                self.amend(stack, &logical_id, goal);
            }
        }
        self.enter_forward(child, &path, &passed, tags);
    }

    /// The record of a nested stack that is being updated says what it becomes.
    fn become_goal(&mut self, stack: usize, logical_id: &str, goal: crate::record::Settled) {
        let operation = self.operation.id.clone();
        if let Some(record) = self.stacks[stack].resources.get_mut(logical_id) {
            touch(record, &operation, How::Updated);
            record.settled = goal;
            self.journal.resource(stack, logical_id);
        }
    }

    fn create_nested(
        &mut self,
        stack: usize,
        logical_id: &str,
        mut goal: crate::record::Settled,
        template: &str,
    ) -> usize {
        self.activate(stack);
        let operation = self.operation.id.clone();
        let known = self.stacks[stack].resources.get(logical_id);
        let generation = known.map_or(0, |it| it.generation) + 1;
        let parent = &self.stacks[stack].record;
        let seed = seed(&parent.stack_id, logical_id, generation);
        let name = nested_stack_name(&parent.name, &seed, logical_id);
        let id = stack_id(&parent.account, &parent.region, &name, 0);
        let now = self.outside.clock.now();
        let child = StackRecord {
            stack_id: id.clone(),
            name,
            account: parent.account.clone(),
            region: parent.region.clone(),
            environment: parent.environment.clone(),
            root_id: parent.root_id.clone(),
            path: child_path(&parent.path, logical_id),
            status: StackStatus::CreateInProgress,
            reason: None,
            template: template.to_owned(),
            settled: StackSettled::default(),
            previous: None,
            operation: Some(operation.clone()),
            revision: 1,
            termination_protection: false,
            stack_policy: None,
            drift: None,
            created: now,
            updated: now,
        };
        goal.generation = generation;
        let record = ResourceRecord {
            logical_id: logical_id.to_owned(),
            status: ResourceStatus::CreateInProgress,
            reason: None,
            generation,
            settled: goal,
            touched: Some(Touched::new(&operation, How::Created)),
            previous: None,
            pending: None,
        };
        self.stacks[stack].resources.insert(logical_id.to_owned(), record);
        self.resource_status(stack, logical_id, ResourceStatus::CreateInProgress, None);
        if let Some(record) = self.stacks[stack].resources.get_mut(logical_id) {
            record.settled.physical_id = id;
        }
        let child = self.add_stack(child, BTreeMap::new());
        self.stacks[child].active = true;
        self.stack_status(child, StackStatus::CreateInProgress, None);
        self.resource_event(
            stack,
            logical_id,
            ResourceStatus::CreateInProgress,
            Some("Resource creation Initiated".to_owned()),
            None,
        );
        child
    }

    /// A nested stack has its parent's tags and those of its own resource.
    fn child_tags(&self, stack: usize, value: &Value) -> BTreeMap<String, String> {
        let mut tags = self.stacks[stack].record.settled.tags.clone();
        for tag in value.get("Tags").and_then(Value::as_list).unwrap_or_default() {
            let text = |name| tag.get(name).and_then(Value::as_text).map(str::to_owned);
            if let (Some(name), Some(value)) = (text("Key"), text("Value")) {
                tags.insert(name, value);
            }
        }
        tags
    }

    /// A nested stack has become what its parent said.
    pub(super) fn nested_applied(&mut self, child: usize) {
        let Some((parent, task, logical_id)) = self.parent_task(child) else { return };
        let outputs: Map<String, Json> = self.stacks[child]
            .record
            .settled
            .outputs
            .iter()
            .map(|(name, it)| (format!("Outputs.{name}"), Json::String(it.value.clone())))
            .collect();
        let active = self.stacks[child].active;
        if let Some(record) = self.stacks[parent].resources.get_mut(&logical_id) {
            record.settled.attributes = outputs;
            if active {
                let status = match record.status {
                    ResourceStatus::CreateInProgress => ResourceStatus::CreateComplete,
                    _ => ResourceStatus::UpdateComplete,
                };
                self.resource_status(parent, &logical_id, status, None);
            }
        }
        self.learn(parent, &logical_id);
        self.task_done(parent, task);
    }
}
