//! Going forward: resources become what the template says.

use super::desired::unresolved;
use super::stage::State;
use super::{Failure, Run, STACK_TYPE};
use crate::provider::{Answer, Verb};
use crate::record::{Cause, How, Pending, ResourceRecord, Settled, Touched};
use crate::status::{ResourceStatus, StackStatus};
use kumiki_plan::{Recreation, UpdateAction, desired_json, diff};
use kumiki_project::{Kind, Value};
use kumiki_template::ResourceDecl;
use serde_json::Value as Json;

/// The reason that CloudFormation gives while it replaces a resource.
const REPLACING: &str = "Requested update requires the creation of a new physical resource; hence \
                         creating one.";

/// The reason that CloudFormation gives where failures are left as they are: with what it replaced
/// it could not go back.
const NO_REPLACEMENT: &str =
    "Replacement type updates not supported on stack with disable-rollback.";

impl Run<'_> {
    /// The operation shows itself on a stack that turns out to change.
    pub(super) fn activate(&mut self, stack: usize) {
        if self.stacks[stack].active {
            return;
        }
        self.stacks[stack].active = true;
        if let Some((parent, logical_id)) = self.stacks[stack].parent.clone() {
            self.activate(parent);
            let operation = self.operation.id.clone();
            if let Some(record) = self.stacks[parent].resources.get_mut(&logical_id) {
                touch(record, &operation, How::Updated);
            }
            self.resource_status(parent, &logical_id, ResourceStatus::UpdateInProgress, None);
        }
        self.stack_status(stack, StackStatus::UpdateInProgress, None);
    }

    /// A resource whose dependencies are done becomes what the template says.
    pub(super) fn apply(&mut self, stack: usize, task: usize) {
        let Some(desired) = &self.stacks[stack].desired else { return };
        let (template, scope) = (desired.template, desired.scope.clone());
        let decl = &template.resources[task];
        let logical_id = decl.name.text.to_string();
        let operation = self.operation.id.clone();
        let nested = &*decl.type_name.text == STACK_TYPE;
        if let Some(record) = self.stacks[stack].resources.get(&logical_id)
            && let Some(touched) = record.touched.as_ref().filter(|it| it.operation == operation)
            && touched.how != How::Removed
            && !touched.inherited
        {
            // Another process came this far.
            if record.pending.is_some() {
                let verb = match (record.status, touched.how) {
                    (ResourceStatus::ImportInProgress, _) => Verb::Import,
                    (ResourceStatus::CreateInProgress, _) | (_, How::Replaced) => Verb::Create,
                    _ => Verb::Update,
                };
                return self.request(stack, task, verb);
            }
            if record.status.is_settled() && touched.how != How::Amended {
                self.learn(stack, &logical_id);
                return self.task_done(stack, task);
            }
            if self.leaves_failures() && record.status.is_failed() {
                return self.task_failed(stack, task);
            }
        }
        let value = match &decl.properties {
            Some(properties) => scope.evaluate(properties),
            None => Value { kind: Kind::Map(Vec::new()), origin: Default::default() },
        };
        self.note_imports(stack);
        let Some(json) = desired_json(&value) else {
            let reason = unresolved(&value);
            return self.not_started(stack, task, decl, reason);
        };
        let json = self.frame.secrets.json(json);
        if nested {
            return self.apply_nested(stack, task, &value, json);
        }
        let goal = self.goal(stack, task, decl, json);
        // What could not be created before is created anew.
        let existing = self.stacks[stack].resources.get(&logical_id);
        let there =
            |it: &&ResourceRecord| it.is_owned() && it.status != ResourceStatus::CreateFailed;
        let existing = existing.filter(there).cloned();
        match existing {
            None => match self.imported(stack, &logical_id) {
                Some(physical_id) => self.take_over(stack, task, goal, physical_id),
                None => self.create(stack, task, goal),
            },
            Some(existing) if existing.settled.type_name != goal.type_name => {
                let reason = format!(
                    "Update of resource type is not permitted. The new template modifies resource \
                     type of the following resources: [{logical_id}]"
                );
                self.failed(stack, task, reason);
            }
            Some(existing) => self.update(stack, task, existing, goal),
        }
    }

    fn create(&mut self, stack: usize, task: usize, mut goal: Settled) {
        self.activate(stack);
        let (logical_id, _) = self.task(stack, task);
        let known = self.stacks[stack].resources.get(&logical_id);
        let generation = known.map_or(0, |it| it.generation) + 1;
        goal.generation = generation;
        let record = ResourceRecord {
            logical_id: logical_id.clone(),
            status: ResourceStatus::CreateInProgress,
            reason: None,
            generation,
            settled: goal,
            touched: Some(Touched::new(&self.operation.id, How::Created)),
            previous: None,
            pending: None,
        };
        self.stacks[stack].resources.insert(logical_id.clone(), record);
        self.request(stack, task, Verb::Create);
        self.resource_event(stack, &logical_id, ResourceStatus::CreateInProgress, None, None);
    }

    fn update(&mut self, stack: usize, task: usize, existing: ResourceRecord, mut goal: Settled) {
        let logical_id = existing.logical_id.clone();
        let before = &existing.settled;
        goal.generation = before.generation;
        goal.physical_id.clone_from(&before.physical_id);
        goal.attributes.clone_from(&before.attributes);
        goal.fidelity.clone_from(&before.fidelity);
        let schema = kumiki_schema::resource_type(&goal.type_name);
        let details = diff(schema, &before.properties, &Value::from_json(&goal.properties));
        let tagged = self.tags_changed(stack) && schema.is_some_and(|it| it.tagging().is_some());
        let broken = existing.status.is_failed();
        if details.is_empty() && !tagged && !broken {
            if existing.settled != goal {
                self.amend(stack, &logical_id, goal);
            }
            self.learn(stack, &logical_id);
            return self.task_done(stack, task);
        }
        let replaces = details.iter().any(|it| it.recreation == Recreation::Always)
            || details.iter().any(|it| it.recreation == Recreation::Conditionally)
                && self.outside.provider.replaces(&goal.type_name, &details);
        let action = if replaces { UpdateAction::Replace } else { UpdateAction::Modify };
        if let Err(reason) = self.may_update(stack, action, &existing) {
            return self.failed(stack, task, reason);
        }
        if replaces && self.leaves_failures() {
            return self.failed(stack, task, NO_REPLACEMENT.to_owned());
        }
        self.activate(stack);
        let operation = self.operation.id.clone();
        let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) else { return };
        touch(record, &operation, if replaces { How::Replaced } else { How::Updated });
        if replaces {
            record.generation += 1;
            goal.generation = record.generation;
            goal.attributes.clear();
        }
        record.settled = goal;
        record.status = ResourceStatus::UpdateInProgress;
        record.reason = replaces.then(|| REPLACING.to_owned());
        let reason = record.reason.clone();
        self.request(stack, task, if replaces { Verb::Create } else { Verb::Update });
        self.resource_event(stack, &logical_id, ResourceStatus::UpdateInProgress, reason, None);
    }

    /// Changes what CloudFormation itself keeps of a resource; no provider hears of it.
    pub(super) fn amend(&mut self, stack: usize, logical_id: &str, goal: Settled) {
        let policies =
            |it: &Settled| (it.deletion_policy.clone(), it.update_replace_policy.clone());
        let operation = self.operation.id.clone();
        let Some(record) = self.stacks[stack].resources.get_mut(logical_id) else { return };
        let shows = policies(&record.settled) != policies(&goal);
        if record.touched_by(&operation) != Some(How::Amended) {
            touch(record, &operation, How::Amended);
        }
        record.settled = goal;
        self.journal.resource(stack, logical_id);
        if shows {
            self.activate(stack);
        }
    }

    /// The provider has done, or refused, what was asked while going forward.
    pub(super) fn applied(&mut self, stack: usize, task: usize, answer: Answer) {
        let (logical_id, _) = self.task(stack, task);
        let made = match answer.result {
            Ok(made) => made,
            Err(refused) => return self.failed(stack, task, refused.reason),
        };
        let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) else { return };
        record.settled.physical_id = made.physical_id;
        record.settled.attributes = made.attributes;
        record.settled.fidelity = made.fidelity;
        record.pending = None;
        let status = match record.status {
            ResourceStatus::CreateInProgress => ResourceStatus::CreateComplete,
            ResourceStatus::ImportInProgress => ResourceStatus::ImportComplete,
            _ => ResourceStatus::UpdateComplete,
        };
        let reason = record.settled.fidelity.clone();
        self.resource_status(stack, &logical_id, status, reason);
        self.learn(stack, &logical_id);
        self.task_done(stack, task);
    }

    /// From now on the resource can be referred to.
    pub(super) fn learn(&self, stack: usize, logical_id: &str) {
        let state = &self.stacks[stack];
        if let Some(record) = state.resources.get(logical_id) {
            self.frame.live.learn(&state.path, logical_id, &record.settled);
        }
    }

    /// A resource whose properties cannot be made fails before it is begun.
    pub(super) fn not_started(
        &mut self,
        stack: usize,
        task: usize,
        decl: &ResourceDecl,
        reason: String,
    ) {
        self.activate(stack);
        let logical_id = decl.name.text.to_string();
        let owned = self.stacks[stack].resources.get(&logical_id).is_some_and(|it| it.is_owned());
        if !owned {
            let goal = self.goal(stack, task, decl, Json::Null);
            let touched = Touched::new(&self.operation.id, How::Created);
            let known = self.stacks[stack].resources.get(&logical_id);
            let record = ResourceRecord {
                logical_id: logical_id.clone(),
                status: ResourceStatus::CreateInProgress,
                reason: None,
                generation: known.map_or(0, |it| it.generation),
                settled: goal,
                touched: Some(touched),
                previous: None,
                pending: None,
            };
            self.stacks[stack].resources.insert(logical_id, record);
        } else if let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) {
            touch(record, &self.operation.id, How::Updated);
        }
        self.failed(stack, task, reason);
    }

    /// A resource failed while going forward.
    pub(super) fn failed(&mut self, stack: usize, task: usize, reason: String) {
        let (logical_id, _) = self.task(stack, task);
        self.activate(stack);
        let operation = self.operation.id.clone();
        let leaves = self.leaves_failures();
        let Some(record) = self.stacks[stack].resources.get_mut(&logical_id) else { return };
        record.pending = None;
        let importing = record.status == ResourceStatus::ImportInProgress;
        let creating = record.status == ResourceStatus::CreateInProgress || importing;
        if !creating {
            touch(record, &operation, How::Updated);
        }
        // A failure that is left so leaves the resource as it was.
        if let (true, false, Some(previous)) = (leaves, creating, &record.previous) {
            record.settled = (**previous).clone();
        }
        let status = match (importing, creating) {
            (true, _) => ResourceStatus::ImportFailed,
            (_, true) => ResourceStatus::CreateFailed,
            _ => ResourceStatus::UpdateFailed,
        };
        let resource_type = record.settled.type_name.clone();
        self.resource_status(stack, &logical_id, status, Some(reason.clone()));
        let state = &self.stacks[stack];
        let cause = Cause {
            stack_path: state.path.to_string(),
            stack_name: state.record.name.clone(),
            logical_id: logical_id.clone(),
            resource_type,
            status: status.as_str().to_owned(),
            reason,
        };
        if leaves {
            self.note_cause(cause);
            return self.task_failed(stack, task);
        }
        if let Some(stage) = &mut self.stacks[stack].stage {
            stage.tasks[task].state = State::Failed;
            stage.failed.push(logical_id);
        }
        self.failures.push(Failure { stack, cause, whole: None });
    }

    /// A stack failed as a whole; `at` is the resource that is the reason, if one is.
    pub(super) fn stack_failed(&mut self, stack: usize, reason: String, at: Option<String>) {
        self.activate(stack);
        let state = &self.stacks[stack];
        let decl = at
            .as_ref()
            .and_then(|at| state.desired.as_ref().and_then(|it| it.template.resources.get(at)));
        let status = match state.record.status {
            StackStatus::CreateInProgress => ResourceStatus::CreateFailed,
            _ => ResourceStatus::UpdateFailed,
        };
        let cause = Cause {
            stack_path: state.path.to_string(),
            stack_name: state.record.name.clone(),
            resource_type: decl
                .map_or_else(|| STACK_TYPE.to_owned(), |it| it.type_name.text.to_string()),
            logical_id: at.unwrap_or_else(|| state.record.name.clone()),
            status: status.as_str().to_owned(),
            reason: reason.clone(),
        };
        if self.leaves_failures() {
            self.note_cause(cause);
            return self.left_failed(stack, Some(reason));
        }
        self.failures.push(Failure { stack, cause, whole: Some(reason) });
    }
}

/// Notes how an operation touches a resource, and what the resource was before.
pub(super) fn touch(record: &mut ResourceRecord, operation: &str, how: How) {
    let how = match (record.touched_by(operation), how) {
        (Some(How::Created), _) => How::Created,
        // What was changed in the world has to be changed back.
        (Some(done @ (How::Updated | How::Replaced)), How::Amended) => done,
        _ => how,
    };
    if how != How::Created && record.previous.is_none() {
        record.previous = Some(Box::new(record.settled.clone()));
    }
    record.touched = Some(Touched::new(operation, how));
    record.pending = None::<Pending>;
}
