//! What is done to stacks besides change sets, and what is read of them.

use crate::account::{Account, Member, Pause, at_once, is_gone, millis, name_in, status_of};
use crate::error::ServiceError;
use crate::live::original;
use crate::watch::{Watch, beginning, good};
use aws_sdk_cloudformation::types::{Stack, StackResourceDrift, StackResourceSummary};
use kumiki_engine::{
    DifferenceType, DriftRecord, Event, ExecuteError, ExecuteOptions, ExportRecord, ImportRecord,
    Observe, OnFailure, OperationKind, OperationRecord, Outcome, OutputRecord, Phase,
    PropertyDifference, ResourceDrift, ResourceDriftStatus, ResourceRecord, ResourceStatus,
    Settings, Settled, StackDriftStatus, StackError, StackRecord, StackSettled, StackStatus,
    StoreError,
};
use kumiki_plan::{conceal, digest};
use kumiki_source::message;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// How often a drift detection is asked for before it is given up: about ten minutes.
const PATIENCE: usize = 150;

impl Account {
    /// Executes a change set and follows it to its end.
    pub(crate) async fn execute(
        &self,
        id: &str,
        options: &ExecuteOptions,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, ExecuteError> {
        let described = match self.describe(id).await {
            Ok(described) => described,
            Err(error) if error.is_missing() => {
                return Err(ExecuteError::NoSuchChangeSet { id: id.to_owned() });
            }
            Err(error) => return Err(StoreError::from(error).into()),
        };
        let stack_id = described.stack_id().unwrap_or_default().to_owned();
        let stack = self.stack(&stack_id).await.map_err(StoreError::from)?;
        let status = stack.as_ref().map_or(StackStatus::DeleteComplete, status_of);
        let said = described.on_stack_failure().map(|it| it.as_str().to_owned());
        let leaves = options.on_failure == Some(OnFailure::DoNothing);
        if options.on_failure == Some(OnFailure::Delete) && said.as_deref() != Some("DELETE") {
            return Err(ExecuteError::Store(StoreError::Refused(message!(
                "that a stack is deleted when it cannot be created has to be said when the change set is made"
            ))));
        }
        // A policy that stands in for the root's own is set for as long as the update takes.
        let own = match &options.stack_policy {
            Some(policy) => {
                let own = self.policy(&stack_id).await.map_err(StoreError::from)?;
                self.put_policy(&stack_id, policy).await.map_err(StoreError::from)?;
                own
            }
            None => None,
        };
        let watch = Watch::before(self, &stack_id).await?;
        let ask = self.cloudformation.execute_change_set();
        let ask = ask
            .change_set_name(described.change_set_id().unwrap_or(id))
            // Executed twice, it is executed once.
            .client_request_token(&digest(described.change_set_id().unwrap_or(id))[..64])
            .set_disable_rollback((leaves && said.as_deref() != Some("DO_NOTHING")).then_some(true))
            .set_retain_except_on_create(options.retain_except_on_create.then_some(true));
        let executed = ask.send().await.map_err(|it| ServiceError::new("ExecuteChangeSet", &it));
        let outcome = match executed {
            Ok(_) => {
                let whole = match status {
                    StackStatus::ReviewInProgress => StackStatus::CreateComplete,
                    _ => StackStatus::UpdateComplete,
                };
                let good = [whole, StackStatus::ImportComplete];
                watch.follow(&good, Some(&options.cancel), observe).await.map_err(Into::into)
            }
            Err(error) if error.code == "InvalidChangeSetStatus" => {
                let name = described.change_set_name().unwrap_or(id).to_owned();
                let execution = described.execution_status().map_or("", |it| it.as_str());
                let execution = kumiki_engine::ExecutionStatus::parse(execution)
                    .map_or("UNAVAILABLE", kumiki_engine::ExecutionStatus::as_str);
                Err(ExecuteError::NotAvailable { name, execution })
            }
            Err(error) => Err(StoreError::from(error).into()),
        };
        if let Some(own) = own {
            self.put_policy(&stack_id, &own).await.map_err(StoreError::from)?;
        }
        outcome
    }

    /// The operation that the root is in the middle of.
    pub(crate) async fn unfinished(&self) -> Result<Option<OperationRecord>, ServiceError> {
        let Some((stack, status)) = self.working().await? else { return Ok(None) };
        let root_id = stack.stack_id().unwrap_or_default();
        let Some((kind, (started, id))) = beginning(self, root_id).await? else { return Ok(None) };
        Ok(Some(OperationRecord {
            id,
            root_id: root_id.to_owned(),
            stack_name: self.place.stack_name.clone(),
            kind,
            phase: match status.as_str() {
                it if it.ends_with("ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS") => {
                    Phase::RollbackCleanup
                }
                it if it.ends_with("CLEANUP_IN_PROGRESS") => Phase::Cleanup,
                it if it.contains("ROLLBACK") => Phase::Rollback,
                _ => Phase::Forward,
            },
            change_set: stack.change_set_id().map(str::to_owned),
            settings: Settings::default(),
            fresh: kind == OperationKind::Create,
            cause: None,
            started,
            ended: None,
            elapsed: 0,
        }))
    }

    /// Follows such an operation to its end.
    pub(crate) async fn resume(
        &self,
        observe: &mut Observe<'_>,
    ) -> Result<Option<Outcome>, StoreError> {
        let Some((stack, _)) = self.working().await? else { return Ok(None) };
        let root_id = stack.stack_id().unwrap_or_default();
        let Some((kind, began)) = beginning(self, root_id).await? else { return Ok(None) };
        let watch = Watch::since(self, root_id, began);
        watch.follow(good(kind), None, observe).await.map(Some)
    }

    async fn working(&self) -> Result<Option<(Stack, StackStatus)>, ServiceError> {
        let stack = self.stack(&self.place.stack_name).await?;
        Ok(stack
            .map(|it| (status_of(&it), it))
            .filter(|it| it.0.in_progress())
            .map(|it| (it.1, it.0)))
    }

    /// A root at rest that something may be done to.
    async fn root(
        &self,
        stack_id: &str,
        action: &'static str,
        admits: &dyn Fn(StackStatus) -> bool,
    ) -> Result<Stack, StackError> {
        let no_such = || StackError::NoSuchStack { stack: stack_id.to_owned() };
        let stack = self.stack(stack_id).await.map_err(StoreError::from)?.ok_or_else(no_such)?;
        let name = stack.stack_name().unwrap_or(stack_id).to_owned();
        if let Some(root) = stack.root_id() {
            let root = name_in(root).to_owned();
            return Err(StackError::Nested { stack: name, root });
        }
        let status = status_of(&stack);
        match admits(status) {
            true => Ok(stack),
            false if status == StackStatus::DeleteComplete => Err(no_such()),
            false => Err(StackError::Status { stack: name, status, action }),
        }
    }

    /// Deletes a root.
    pub(crate) async fn delete(
        &self,
        stack_id: &str,
        retain: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        let admits = |it: StackStatus| it != StackStatus::DeleteComplete && !it.in_progress();
        let stack = self.root(stack_id, "DeleteStack", &admits).await?;
        if stack.enable_termination_protection() == Some(true) {
            let stack = stack.stack_name().unwrap_or(stack_id).to_owned();
            return Err(StackError::Protected { stack });
        }
        let mut by_stack: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for path in retain {
            let (parent, logical_id) = path.rsplit_once('/').unwrap_or(("", path));
            by_stack.entry(parent).or_default().push(logical_id.to_owned());
        }
        let of_root = by_stack.remove("");
        // Each stack is told only of its own: nested ones go first, the deepest before the others.
        if !by_stack.is_empty() {
            let tree = self.tree(stack.clone()).await.map_err(StoreError::from)?;
            for (path, retained) in by_stack.into_iter().rev() {
                let nested = tree.iter().find(|it| it.path == path);
                let nested = nested.ok_or_else(|| StackError::Resource {
                    resource: format!("{path}/{}", retained.join(", ")),
                })?;
                let gone = self.delete_one(nested.id(), Some(retained), observe).await?;
                if !gone.succeeded {
                    return Ok(gone);
                }
            }
        }
        Ok(self.delete_one(stack.stack_id().unwrap_or(stack_id), of_root, observe).await?)
    }

    async fn delete_one(
        &self,
        stack_id: &str,
        retain: Option<Vec<String>>,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StoreError> {
        let watch = Watch::before(self, stack_id).await?;
        let role = self.place.service_role.clone().filter(|_| !self.place.bootstraps);
        let ask = self.cloudformation.delete_stack().stack_name(stack_id);
        let asked = ask.set_retain_resources(retain).set_role_arn(role).send().await;
        asked.map_err(|it| ServiceError::new("DeleteStack", &it))?;
        watch.follow(good(OperationKind::Delete), None, observe).await
    }

    /// Takes back what a failed operation left.
    pub(crate) async fn roll_back(
        &self,
        stack_id: &str,
        retain_except_on_create: bool,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.root(stack_id, "RollbackStack", &StackStatus::is_paused).await?;
        let watch = Watch::before(self, stack_id).await?;
        let ask = self.cloudformation.rollback_stack().stack_name(stack_id);
        let ask = ask.set_retain_except_on_create(retain_except_on_create.then_some(true));
        let asked = ask.set_role_arn(self.place.service_role.clone()).send().await;
        asked.map_err(|it| StoreError::from(ServiceError::new("RollbackStack", &it)))?;
        Ok(watch.follow(good(OperationKind::Rollback), None, observe).await?)
    }

    /// Takes up again a rollback that failed.
    pub(crate) async fn continue_rollback(
        &self,
        stack_id: &str,
        skip: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        let action = "ContinueUpdateRollback";
        let admits = |it| it == StackStatus::UpdateRollbackFailed;
        let stack = self.root(stack_id, action, &admits).await?;
        let mut named = Vec::new();
        if !skip.is_empty() {
            let tree = self.tree(stack).await.map_err(StoreError::from)?;
            for path in skip {
                named.push(
                    skipped(&tree, path)
                        .ok_or_else(|| StackError::Resource { resource: path.clone() })?,
                );
            }
        }
        let watch = Watch::before(self, stack_id).await?;
        let ask = self.cloudformation.continue_update_rollback().stack_name(stack_id);
        let ask = ask.set_resources_to_skip((!named.is_empty()).then_some(named));
        let asked = ask.set_role_arn(self.place.service_role.clone()).send().await;
        asked.map_err(|it| StoreError::from(ServiceError::new(action, &it)))?;
        Ok(watch.follow(good(OperationKind::ContinueRollback), None, observe).await?)
    }

    /// Cancels an update that runs.
    pub(crate) async fn cancel(
        &self,
        stack_id: &str,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        let admits = |it| it == StackStatus::UpdateInProgress;
        self.root(stack_id, "CancelUpdateStack", &admits).await?;
        let began = beginning(self, stack_id).await.map_err(StoreError::from)?;
        let began = began.map(|it| it.1).unwrap_or_default();
        let asked = self.cloudformation.cancel_update_stack().stack_name(stack_id).send().await;
        asked.map_err(|it| StoreError::from(ServiceError::new("CancelUpdateStack", &it)))?;
        let watch = Watch::since(self, stack_id, began);
        Ok(watch.follow(good(OperationKind::ContinueRollback), None, observe).await?)
    }

    /// The policy of a stack, if it has one.
    pub(crate) async fn policy(&self, stack_id: &str) -> Result<Option<String>, ServiceError> {
        let found = self.cloudformation.get_stack_policy().stack_name(stack_id).send().await;
        let found = found.map_err(|it| ServiceError::new("GetStackPolicy", &it))?;
        Ok(found.stack_policy_body)
    }

    async fn put_policy(&self, stack_id: &str, policy: &str) -> Result<(), ServiceError> {
        let ask = self.cloudformation.set_stack_policy().stack_name(stack_id);
        let asked = ask.stack_policy_body(policy).send().await;
        asked.map(|_| ()).map_err(|it| ServiceError::new("SetStackPolicy", &it))
    }

    /// Gives a stack a policy.
    pub(crate) async fn set_policy(&self, stack_id: &str, policy: &str) -> Result<(), StackError> {
        self.put_policy(stack_id, policy).await.map_err(|it| said_of(it, stack_id))
    }

    /// Protects a root from termination, or no longer.
    pub(crate) async fn protect(&self, stack_id: &str, protected: bool) -> Result<(), StackError> {
        let admits = |it| it != StackStatus::DeleteComplete;
        self.root(stack_id, "UpdateTerminationProtection", &admits).await?;
        let ask = self.cloudformation.update_termination_protection().stack_name(stack_id);
        let asked = ask.enable_termination_protection(protected).send().await;
        asked
            .map(|_| ())
            .map_err(|it| said_of(ServiceError::new("UpdateTerminationProtection", &it), stack_id))
    }

    /// Compares a stack with what exists.
    pub(crate) async fn drift(&self, stack_id: &str) -> Result<DriftRecord, StackError> {
        let asked = self.cloudformation.detect_stack_drift().stack_name(stack_id).send().await;
        let asked =
            asked.map_err(|it| said_of(ServiceError::new("DetectStackDrift", &it), stack_id))?;
        let detection = asked.stack_drift_detection_id.unwrap_or_default();
        let checked = self.detected(&detection, stack_id).await?;
        let mut resources = Vec::new();
        let mut next = None;
        loop {
            let ask = self.cloudformation.describe_stack_resource_drifts().stack_name(stack_id);
            let page = ask.set_next_token(next).send().await;
            let page = page.map_err(|it| {
                said_of(ServiceError::new("DescribeStackResourceDrifts", &it), stack_id)
            })?;
            resources.extend(page.stack_resource_drifts().iter().map(resource_drift));
            next = page.next_token;
            if next.is_none() {
                break;
            }
        }
        resources.sort_by(|one, two| one.logical_id.cmp(&two.logical_id));
        Ok(DriftRecord { status: checked.0, checked: checked.1, resources })
    }

    async fn detected(
        &self,
        detection: &str,
        stack_id: &str,
    ) -> Result<(StackDriftStatus, u64), StackError> {
        let action = "DescribeStackDriftDetectionStatus";
        let mut pause = Pause::new(1, 5);
        for _ in 0..PATIENCE {
            let ask = self.cloudformation.describe_stack_drift_detection_status();
            let asked = ask.stack_drift_detection_id(detection).send().await;
            match asked.map_err(|it| ServiceError::new(action, &it)) {
                Ok(it) => match it.detection_status().map(|it| it.as_str()) {
                    Some("DETECTION_IN_PROGRESS") | None => {}
                    // Of a detection that failed, what was found counts: the others are not checked.
                    Some(_) => {
                        let status = it.stack_drift_status().map_or("", |it| it.as_str());
                        let status =
                            StackDriftStatus::parse(status).unwrap_or(StackDriftStatus::NotChecked);
                        return Ok((status, millis(it.timestamp())));
                    }
                },
                Err(error) if error.is_passing() => {}
                Err(error) => return Err(said_of(error, stack_id)),
            }
            pause.wait().await;
        }
        let stack = name_in(stack_id);
        Err(StackError::Store(StoreError::Refused(message!(
            "AWS is still comparing stack `{stack}` with what exists: run the same command again later",
            stack
        ))))
    }

    /// The text of the template of a stack.
    pub(crate) async fn template(&self, stack_id: &str) -> Result<Option<String>, ServiceError> {
        match original(self, stack_id).await {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.is_missing() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The events of a root and everything under it.
    pub(crate) async fn events(
        &self,
        stack_name: &str,
        after: u64,
    ) -> Result<Vec<Event>, ServiceError> {
        let Some(stack) = self.stack(stack_name).await? else { return Ok(Vec::new()) };
        let mut events = Vec::new();
        let root_id = stack.stack_id().unwrap_or(stack_name);
        let mut keep = |it: &Event| events.push(it.clone());
        Watch::all(self, root_id, &mut keep).await?;
        events.retain(|it| it.sequence > after);
        Ok(events)
    }

    /// The stacks of the root that is worked on.
    pub(crate) async fn stacks(&self) -> Result<Vec<StackRecord>, ServiceError> {
        let tree = self.tree_of(&self.place.stack_name).await?;
        let root_id = tree.first().map(|it| it.id().to_owned()).unwrap_or_default();
        let protected = tree.first().and_then(|it| it.stack.enable_termination_protection());
        let read = tree.into_iter().map(|it| {
            let root_id = &root_id;
            async move {
                let policy = self.policy(it.id()).await?;
                let mut record = self.stack_record(&it.stack, &it.path, root_id);
                record.stack_policy = policy;
                record.termination_protection = protected == Some(true);
                Ok::<_, ServiceError>(record)
            }
        });
        at_once(read).await
    }

    /// The stack of a name.
    pub(crate) async fn named(&self, name: &str) -> Result<Option<StackRecord>, ServiceError> {
        let Some(stack) = self.stack(name).await?.filter(|it| !is_gone(it)) else {
            return Ok(None);
        };
        let id = stack.stack_id().unwrap_or_default();
        let root_id = stack.root_id().unwrap_or(id);
        // Where in its tree a nested stack is, only its parents tell.
        let path = match stack.root_id() {
            None => String::new(),
            Some(root) => {
                let tree = self.tree_of(root).await?;
                let found = tree.iter().find(|it| it.id() == id);
                found.map(|it| it.path.clone()).unwrap_or_default()
            }
        };
        let mut record = self.stack_record(&stack, &path, root_id);
        record.stack_policy = self.policy(id).await?;
        Ok(Some(record))
    }

    fn stack_record(&self, stack: &Stack, path: &str, root_id: &str) -> StackRecord {
        let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
        let outputs = stack.outputs().iter().map(|it| {
            let output = OutputRecord {
                value: text(it.output_value()),
                export: it.export_name().map(str::to_owned),
                description: it.description().map(str::to_owned),
            };
            (text(it.output_key()), output)
        });
        let parameters = stack
            .parameters()
            .iter()
            .map(|it| (text(it.parameter_key()), text(it.parameter_value())));
        let created = millis(stack.creation_time());
        StackRecord {
            stack_id: text(stack.stack_id()),
            name: text(stack.stack_name()),
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            environment: self.place.environment.clone(),
            root_id: root_id.to_owned(),
            path: path.to_owned(),
            status: status_of(stack),
            reason: stack.stack_status_reason().map(str::to_owned),
            template: String::new(),
            settled: StackSettled {
                template_digest: String::new(),
                parameters: parameters.collect(),
                tags: stack.tags().iter().map(|it| (text(it.key()), text(it.value()))).collect(),
                outputs: outputs.collect(),
                imports: BTreeSet::new(),
            },
            previous: None,
            operation: None,
            revision: 0,
            termination_protection: stack.enable_termination_protection() == Some(true),
            stack_policy: None,
            drift: None,
            created,
            updated: millis(stack.last_updated_time()).max(created),
        }
    }

    /// The resources of a stack.
    pub(crate) async fn resource_records(
        &self,
        stack_id: &str,
    ) -> Result<Vec<ResourceRecord>, ServiceError> {
        let mut records: Vec<ResourceRecord> =
            self.resources(stack_id).await?.iter().map(resource_record).collect();
        records.sort_by(|one, two| one.logical_id.cmp(&two.logical_id));
        Ok(records)
    }

    /// The exports of the account and Region.
    pub(crate) async fn export_records(&self) -> Result<Vec<ExportRecord>, ServiceError> {
        let tree = self.tree_of(&self.place.stack_name).await?;
        let ours: BTreeSet<&str> = tree.iter().map(Member::id).collect();
        let outputs: BTreeMap<(&str, &str), &str> = tree
            .iter()
            .flat_map(|it| it.stack.outputs().iter().map(move |output| (it.id(), output)))
            .filter_map(|(id, it)| Some(((id, it.export_name()?), it.output_key()?)))
            .collect();
        let records = self.exports().await?.into_iter().map(|it| {
            let stack_id = it.exporting_stack_id.unwrap_or_default();
            let name = it.name.unwrap_or_default();
            // What exports elsewhere is only known by itself.
            let root_id = tree.first().filter(|_| ours.contains(&*stack_id)).map(Member::id);
            ExportRecord {
                account: self.place.account.clone(),
                region: self.place.region.clone(),
                output: outputs.get(&(&*stack_id, &*name)).unwrap_or(&"").to_string(),
                name,
                value: it.value.unwrap_or_default(),
                stack_name: name_in(&stack_id).to_owned(),
                root_id: root_id.unwrap_or(&stack_id).to_owned(),
                stack_id,
            }
        });
        Ok(records.collect())
    }

    /// The uses of the exports of the root that is worked on.
    pub(crate) async fn import_records(&self) -> Result<Vec<ImportRecord>, ServiceError> {
        let tree = self.tree_of(&self.place.stack_name).await?;
        let exported = tree.iter().flat_map(|it| it.stack.outputs());
        let exported = exported.filter_map(|it| it.export_name().map(str::to_owned)).collect();
        let importers = self.importers(exported).await?.into_iter();
        Ok(importers
            .flat_map(|(name, stacks)| {
                stacks.into_iter().map(move |stack_name| ImportRecord {
                    account: self.place.account.clone(),
                    region: self.place.region.clone(),
                    name: name.clone(),
                    stack_name,
                    stack_id: String::new(),
                })
            })
            .collect())
    }
}

/// A resource to skip as the service names it: one of a nested stack after that stack's own name.
fn skipped(tree: &[Member], path: &str) -> Option<String> {
    if path.contains('.') {
        return Some(path.to_owned());
    }
    match path.rsplit_once('/') {
        None => Some(path.to_owned()),
        Some((parent, logical_id)) => {
            let nested = tree.iter().find(|it| it.path == parent)?;
            Some(format!("{}.{logical_id}", nested.stack.stack_name()?))
        }
    }
}

/// An error about a stack.
fn said_of(error: ServiceError, stack_id: &str) -> StackError {
    match error.is_missing() {
        true => StackError::NoSuchStack { stack: name_in(stack_id).to_owned() },
        false => StackError::Store(error.into()),
    }
}

fn resource_record(it: &StackResourceSummary) -> ResourceRecord {
    let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
    let status = it.resource_status().map_or("", |it| it.as_str());
    ResourceRecord {
        logical_id: text(it.logical_resource_id()),
        // A status that is newer than this program is certainly no rest.
        status: ResourceStatus::parse(status).unwrap_or(ResourceStatus::UpdateInProgress),
        reason: it.resource_status_reason().map(conceal),
        generation: 1,
        settled: Settled {
            type_name: text(it.resource_type()),
            physical_id: text(it.physical_resource_id()),
            generation: 1,
            ..Settled::default()
        },
        touched: None,
        previous: None,
        pending: None,
    }
}

fn resource_drift(it: &StackResourceDrift) -> ResourceDrift {
    let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
    let json = |it: Option<&str>| it.and_then(|it| serde_json::from_str::<Json>(it).ok());
    let value =
        |it: Option<&str>| it.map(|it| serde_json::from_str(it).unwrap_or_else(|_| Json::from(it)));
    let status = it.stack_resource_drift_status().map_or("", |it| it.as_str());
    ResourceDrift {
        logical_id: text(it.logical_resource_id()),
        physical_id: text(it.physical_resource_id()),
        resource_type: text(it.resource_type()),
        status: ResourceDriftStatus::parse(status).unwrap_or(ResourceDriftStatus::NotChecked),
        expected: json(it.expected_properties()).unwrap_or(Json::Null),
        actual: json(it.actual_properties()),
        differences: it
            .property_differences()
            .iter()
            .filter_map(|it| {
                Some(PropertyDifference {
                    path: text(it.property_path()),
                    kind: DifferenceType::parse(it.difference_type()?.as_str())?,
                    expected: value(it.expected_value()),
                    actual: value(it.actual_value()),
                })
            })
            .collect(),
    }
}
