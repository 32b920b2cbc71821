//! Making and deleting change sets.

use crate::backend::{ChangeSetRequest, CreateChangeSetError, ExecuteError};
use crate::capability::Demanded;
use crate::clock::Clock;
use crate::engine::Engine;
use crate::event::Event;
use crate::execute::STACK_TYPE;
use crate::fault::NO_CHANGES;
use crate::identity::{change_set_id, digest, stack_id};
use crate::import;
use crate::provider::Provider;
use crate::quota::{exceeded, is_stack_name};
use crate::record::{ChangeSetRecord, InputsRecord, ResourceToImport, StackRecord, StackSettled};
use crate::status::{ChangeSetStatus, ExecutionStatus, OnFailure, StackStatus};
use crate::store::{Change, StateStore, StoreError};
use kumiki_plan::mask_secret;
use kumiki_project::{Inputs, ParameterType};
use kumiki_template::Template;
use std::collections::{BTreeMap, BTreeSet};

impl<S: StateStore, P: Provider, C: Clock> Engine<S, P, C> {
    pub(crate) fn make_change_set(
        &mut self,
        request: &ChangeSetRequest<'_>,
    ) -> Result<ChangeSetRecord, CreateChangeSetError> {
        let &ChangeSetRequest { library, root, inputs, plan, name, options } = request;
        let Inputs { stack_name, account, region, .. } = inputs;
        if plan.stack_name != *stack_name || plan.region != *region || plan.account != *account {
            return Err(CreateChangeSetError::OtherStack);
        }
        if plan.is_empty() && !options.keep_failed {
            return Err(CreateChangeSetError::NoChanges);
        }
        if let Some(stack) = self.interrupted()? {
            return Err(CreateChangeSetError::Unfinished { stack });
        }
        let template = library.template(root);
        refused(request, template)?;
        let missing = self.missing_ssm_parameters(template, inputs)?;
        if !missing.is_empty() {
            return Err(CreateChangeSetError::SsmParameters { missing });
        }
        let known = self.named(stack_name, account, region)?;
        let existing = known.iter().find(|it| it.status != StackStatus::DeleteComplete).cloned();
        if let Some(existing) = &existing {
            let (stack, status) = (stack_name.clone(), existing.status);
            // Whether failures are left as they are may also be said at its execution.
            let leaves = options.on_failure.is_none_or(|it| it == OnFailure::DoNothing);
            if status.is_paused() && !leaves {
                return Err(CreateChangeSetError::Paused { stack, status });
            }
            let rests = status.updatable() || status.is_paused();
            if status != StackStatus::ReviewInProgress && !rests {
                return Err(CreateChangeSetError::Status { stack, status });
            }
        }
        let changed = type_changes(plan);
        if !changed.is_empty() {
            return Err(CreateChangeSetError::TypeChanged { resources: changed });
        }
        let now = self.clock.now();
        let failed = plan.is_empty();
        let creates = existing.as_ref().is_none_or(|it| it.status == StackStatus::ReviewInProgress);
        let path = library.sources.get(template.file).path().to_owned();
        let fresh = existing.is_none();
        let stack = existing.unwrap_or_else(|| StackRecord {
            stack_id: stack_id(account, region, stack_name, known.len() as u64),
            name: stack_name.clone(),
            account: account.clone(),
            region: region.clone(),
            environment: inputs.environment.clone(),
            root_id: stack_id(account, region, stack_name, known.len() as u64),
            path: String::new(),
            status: StackStatus::ReviewInProgress,
            reason: Some("User Initiated".to_owned()),
            template: path.clone(),
            settled: StackSettled::default(),
            previous: None,
            operation: None,
            revision: 0,
            termination_protection: false,
            stack_policy: None,
            drift: None,
            created: now,
            updated: now,
        });
        self.unowned(&options.import, account, region)?;
        let of_stack = self.store.change_sets()?;
        let of_stack: Vec<_> =
            of_stack.into_iter().filter(|it| it.stack_id == stack.stack_id).collect();
        let number = of_stack.len() as u64 + 1;
        let name = name.map_or_else(|| format!("kumiki-{number}"), str::to_owned);
        // What was executed to its end is history, and CloudFormation gives its name away.
        let taken = |it: &ChangeSetRecord| {
            it.status != ChangeSetStatus::DeleteComplete
                && it.execution != ExecutionStatus::ExecuteComplete
        };
        if of_stack.iter().any(|it| it.name == name && taken(it)) {
            return Err(CreateChangeSetError::NameTaken { name });
        }
        let mut manifest = BTreeMap::new();
        let mut texts = BTreeMap::new();
        for (_, template) in library.templates() {
            let source = library.sources.get(template.file);
            let digest = digest(source.text());
            manifest.insert(source.path().to_owned(), digest.clone());
            texts.insert(digest, source.text());
        }
        let secret: BTreeSet<String> = template
            .parameters
            .iter()
            .filter(|it| it.no_echo)
            .map(|it| it.name.text.to_string())
            .collect();
        let parameters: BTreeMap<String, String> = inputs
            .parameters
            .iter()
            .map(|it| {
                let value = match secret.contains(&*it.name) {
                    true => mask_secret(&stack.stack_id, &it.value),
                    false => it.value.to_string(),
                };
                (it.name.to_string(), value)
            })
            .collect();
        let plan_text = serde_json::to_string(plan).unwrap_or_default();
        let record = ChangeSetRecord {
            id: change_set_id(&stack.stack_id, &name, number),
            name,
            stack_id: stack.stack_id.clone(),
            stack_name: stack_name.clone(),
            creates,
            description: options.description.clone(),
            capabilities: options.capabilities.clone(),
            on_failure: options.on_failure,
            import: options.import.clone(),
            nested: options.nested,
            status: if failed { ChangeSetStatus::Failed } else { ChangeSetStatus::CreateComplete },
            reason: failed.then(|| NO_CHANGES.to_owned()),
            execution: match failed {
                true => ExecutionStatus::Unavailable,
                false => ExecutionStatus::Available,
            },
            plan_digest: plan.digest.clone(),
            plan: digest(&plan_text),
            revision: stack.revision,
            root: path,
            manifest,
            template_urls: library.template_urls.clone(),
            inputs: InputsRecord {
                environment: inputs.environment.clone(),
                region: region.clone(),
                account: account.clone(),
                stack_name: stack_name.clone(),
                secrets: secret.into_iter().filter(|it| parameters.contains_key(it)).collect(),
                parameters,
                tags: inputs.tags.clone(),
            },
            created: now,
        };
        let event = review_event(&stack, self.store.last_sequence()? + 1, now);
        let mut changes: Vec<Change<'_>> =
            texts.iter().map(|(digest, text)| Change::Text(digest, text)).collect();
        changes.push(Change::Text(&record.plan, &plan_text));
        changes.push(Change::ChangeSet(&record));
        if fresh {
            changes.push(Change::Stack(&stack));
        }
        if fresh && !options.unreviewed {
            changes.push(Change::Event(&event));
        }
        self.store.commit(&changes)?;
        Ok(record)
    }

    /// What parameters of the root are looked up from in the Parameter Store, which does not have it.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-supplied-parameter-types.html>
    fn missing_ssm_parameters(
        &mut self,
        template: &Template,
        inputs: &Inputs,
    ) -> Result<Vec<String>, StoreError> {
        let mut missing = Vec::new();
        for decl in &template.parameters {
            if !matches!(ParameterType::parse(&decl.type_name.text), Some(ParameterType::Ssm(_))) {
                continue;
            }
            let given = inputs.parameters.iter().find(|it| it.name == decl.name.text);
            let default = decl.default.as_ref().map(|it| &it.text);
            let Some(name) = given.map(|it| &it.value).or(default) else { continue };
            let found = self.provider.ssm_parameter(&inputs.account, &inputs.region, name)?;
            if found.is_none() {
                missing.push(name.to_string());
            }
        }
        Ok(missing)
    }

    /// Refuses to take over what a stack of the account and Region owns.
    fn unowned(
        &self,
        import: &[ResourceToImport],
        account: &str,
        region: &str,
    ) -> Result<(), CreateChangeSetError> {
        if import.is_empty() {
            return Ok(());
        }
        for stack in self.store.stacks()? {
            if stack.account != account || stack.region != region {
                continue;
            }
            for owned in self.store.resources(&stack.stack_id)? {
                let same = |it: &&ResourceToImport| {
                    it.resource_type == owned.settled.type_name
                        && import::physical_id(it).as_ref() == Some(&owned.settled.physical_id)
                };
                if let Some(it) = import.iter().find(same).filter(|_| owned.is_owned()) {
                    let resource = it.logical_id.clone();
                    let refusal = import::ImportRefusal::Owned { resource };
                    return Err(CreateChangeSetError::Import(refusal));
                }
            }
        }
        Ok(())
    }

    pub(crate) fn drop_change_set(&mut self, id: &str) -> Result<(), ExecuteError> {
        let all = self.store.change_sets()?;
        let no_such = || ExecuteError::NoSuchChangeSet { id: id.to_owned() };
        let mut record = all.iter().find(|it| it.id == id).cloned().ok_or_else(no_such)?;
        let failed = record.status == ChangeSetStatus::Failed;
        if record.execution != ExecutionStatus::Available && !failed {
            let (name, execution) = (record.name, record.execution.as_str());
            return Err(ExecuteError::NotAvailable { name, execution });
        }
        record.status = ChangeSetStatus::DeleteComplete;
        record.execution = ExecutionStatus::Unavailable;
        let mut changes = vec![Change::ChangeSet(&record)];
        // A stack that was only reviewed goes with its last change set.
        let more = all.iter().any(|it| {
            it.stack_id == record.stack_id
                && it.id != record.id
                && it.status != ChangeSetStatus::DeleteComplete
        });
        let stacks = self.store.tree(&record.stack_id)?;
        let mut root = stacks.into_iter().find(StackRecord::is_root);
        if let Some(root) = root.as_mut()
            && root.status == StackStatus::ReviewInProgress
            && !more
        {
            root.status = StackStatus::DeleteComplete;
            changes.push(Change::Stack(root));
        }
        Ok(self.store.commit(&changes)?)
    }
}

/// Refuses what CloudFormation refuses whatever the stack.
fn refused(
    request: &ChangeSetRequest<'_>,
    template: &Template,
) -> Result<(), CreateChangeSetError> {
    let &ChangeSetRequest { library, root, inputs, plan, options, .. } = request;
    if !is_stack_name(&inputs.stack_name) {
        return Err(CreateChangeSetError::StackName { stack: inputs.stack_name.clone() });
    }
    if let Some(exceeded) = exceeded(library, inputs, plan) {
        return Err(CreateChangeSetError::Quota(exceeded));
    }
    let demanded = Demanded::by(library, root);
    let missing = demanded.missing(&options.capabilities, !options.unreviewed);
    if !missing.is_empty() {
        return Err(CreateChangeSetError::Capabilities { missing });
    }
    if !options.import.is_empty()
        && let Some(refusal) = import::refusal(template, plan, &options.import)
    {
        return Err(CreateChangeSetError::Import(refusal));
    }
    Ok(())
}

/// Logical IDs that a plan both adds and removes in one stack: their types differ.
fn type_changes(plan: &kumiki_plan::Plan) -> Vec<String> {
    let mut changed = Vec::new();
    for step in &plan.steps {
        let added: BTreeSet<&str> = step
            .changes
            .iter()
            .filter(|it| it.action == kumiki_plan::Action::Add)
            .map(|it| it.logical_id.as_str())
            .collect();
        for it in &step.changes {
            if it.action == kumiki_plan::Action::Remove && added.contains(it.logical_id.as_str()) {
                changed.push(crate::execute::child_path(&step.path, &it.logical_id));
            }
        }
    }
    changed
}

fn review_event(stack: &StackRecord, sequence: u64, time: u64) -> Event {
    Event {
        sequence,
        time,
        elapsed: 0,
        operation: String::new(),
        stack_path: String::new(),
        stack_name: stack.name.clone(),
        stack_id: stack.stack_id.clone(),
        root_id: stack.root_id.clone(),
        logical_id: stack.name.clone(),
        physical_id: stack.stack_id.clone(),
        resource_type: STACK_TYPE.to_owned(),
        status: stack.status.as_str().to_owned(),
        reason: stack.reason.clone(),
    }
}
