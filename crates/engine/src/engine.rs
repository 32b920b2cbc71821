//! The embedded backend's logic over a store and a provider.

use crate::backend::{
    Backend, ChangeSetRequest, CreateChangeSetError, DeleteError, ExecuteError, Observe, Outcome,
};
use crate::clock::Clock;
use crate::event::Event;
use crate::execute::{Frame, Live, Outside, Run, STACK_TYPE};
use crate::identity::{change_set_id, digest, fingerprint, hex, stack_id};
use crate::provider::Provider;
use crate::record::{
    ChangeSetRecord, ExportRecord, ImportRecord, InputsRecord, OperationKind, OperationRecord,
    Phase, ResourceRecord, StackRecord, StackSettled,
};
use crate::secret::{Secrets, mask};
use crate::status::{ChangeSetStatus, ExecutionStatus, StackStatus};
use crate::store::{Change, StateStore, StoreError};
use kumiki_plan::Current;
use kumiki_project::{FileError, Files, Given, Inputs, Library};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The embedded backend's logic over a store, a provider and a clock.
#[derive(Debug)]
pub struct Engine<S, P, C> {
    /// Where records are kept.
    pub store: S,
    /// Who makes resources.
    pub provider: P,
    /// The time of day.
    pub clock: C,
}

/// Templates as they were recorded.
struct Recorded<'s> {
    store: &'s dyn StateStore,
    manifest: &'s BTreeMap<String, String>,
}

// The store is only ever read from one thread: `Library::load` reads before it parses.
struct Texts(BTreeMap<String, String>);

impl Files for Texts {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }
}

impl Recorded<'_> {
    fn library(&self, root: &str) -> Result<Library, ExecuteError> {
        let mut texts = BTreeMap::new();
        for (path, digest) in self.manifest {
            let missing = || ExecuteError::Template { path: path.clone() };
            texts.insert(path.clone(), self.store.text(digest)?.ok_or_else(missing)?);
        }
        let mut library = Library::default();
        library.load(root, &Texts(texts));
        if library.find(root).is_none() {
            return Err(ExecuteError::Template { path: root.to_owned() });
        }
        Ok(library)
    }
}

impl<S: StateStore, P: Provider, C: Clock> Engine<S, P, C> {
    /// The root of this name that exists.
    fn root(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
    ) -> Result<Option<StackRecord>, StoreError> {
        Ok(self
            .named(stack_name, account, region)?
            .into_iter()
            .find(|it| it.status != StackStatus::DeleteComplete))
    }

    /// Every root that had this name.
    fn named(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
    ) -> Result<Vec<StackRecord>, StoreError> {
        let mut stacks = self.store.stacks()?;
        stacks.retain(|it| {
            it.is_root() && it.name == stack_name && it.account == account && it.region == region
        });
        Ok(stacks)
    }

    fn live(&self, account: &str, region: &str) -> Result<Live, StoreError> {
        let mut outputs = HashMap::new();
        for stack in self.store.stacks()? {
            if stack.account == account && stack.status != StackStatus::DeleteComplete {
                let values = stack.settled.outputs.into_iter().map(|(name, it)| (name, it.value));
                outputs.insert((stack.region, stack.name), values.collect());
            }
        }
        let zones = self.zones().into_iter().collect();
        Ok(Live::new(self.store.exports(account, region)?, zones, outputs))
    }

    fn zones(&self) -> BTreeMap<String, Vec<String>> {
        let regions = kumiki_schema::regions().iter();
        regions.filter_map(|it| Some(((*it).to_owned(), self.provider.zones(it)?))).collect()
    }

    fn operation(
        &self,
        root: &StackRecord,
        kind: OperationKind,
        change_set: Option<String>,
    ) -> OperationRecord {
        let number = (root.revision + 1).to_string();
        OperationRecord {
            id: hex(&fingerprint(&["operation", &root.stack_id, &number]), 32),
            root_id: root.stack_id.clone(),
            stack_name: root.name.clone(),
            kind,
            phase: Phase::Forward,
            change_set,
            cause: None,
            started: self.clock.now(),
            ended: None,
            elapsed: 0,
        }
    }

    /// The name of a stack that a killed process left in the middle of an operation.
    fn interrupted(&self) -> Result<Option<String>, StoreError> {
        Ok(self.unfinished()?.map(|it| it.stack_name))
    }

    /// Runs an operation to its end.
    fn run(
        &mut self,
        operation: OperationRecord,
        root: StackRecord,
        change_set: Option<&ChangeSetRecord>,
        given: &[Given],
        observe: &mut Observe<'_>,
        resumed: bool,
    ) -> Result<Outcome, ExecuteError> {
        let forward = operation.phase == Phase::Forward;
        let secrets = Secrets::new(&root.stack_id);
        let (library, inputs) = match change_set.filter(|_| forward) {
            Some(it) => {
                let recorded = Recorded { store: &self.store, manifest: &it.manifest };
                let library = recorded.library(&it.root)?;
                (Some(library), inputs(&root.stack_id, &it.inputs, given)?)
            }
            None => (None, no_inputs(&root)),
        };
        for name in change_set.iter().flat_map(|it| &it.inputs.secrets) {
            if let Some(it) = given.iter().find(|it| *it.name == **name) {
                secrets.add(&it.value);
            }
        }
        let empty = BTreeMap::new();
        let live = self.live(&root.account, &root.region)?;
        let frame = Frame {
            library: library.as_ref(),
            inputs: &inputs,
            live: &live,
            secrets: &secrets,
            digests: change_set.map_or(&empty, |it| &it.manifest),
        };
        let mut observe = |event: &Event| observe(event);
        let outside = Outside {
            store: &mut self.store,
            provider: &mut self.provider,
            clock: &self.clock,
            observe: &mut observe,
        };
        let run = Run::new(frame, outside, operation, root)?;
        Ok(if resumed { run.resume()? } else { run.begin()? })
    }
}

/// The inputs as they were recorded, with secrets as they are given again.
fn inputs(root_id: &str, record: &InputsRecord, given: &[Given]) -> Result<Inputs, ExecuteError> {
    let mut parameters = Vec::with_capacity(record.parameters.len());
    for (name, value) in &record.parameters {
        let value: &str = if record.secrets.contains(name) {
            let again = given.iter().find(|it| *it.name == **name).map(|it| &*it.value);
            match again.filter(|it| mask(root_id, it) == *value) {
                Some(it) => it,
                None => return Err(ExecuteError::Secret { parameter: name.clone() }),
            }
        } else {
            value
        };
        parameters.push(Given {
            name: name.as_str().into(),
            value: value.into(),
            name_span: None,
            value_span: None,
        });
    }
    Ok(Inputs {
        environment: record.environment.clone(),
        region: record.region.clone(),
        account: record.account.clone(),
        stack_name: record.stack_name.clone(),
        parameters,
        parameter_file: None,
        tags: record.tags.clone(),
    })
}

fn no_inputs(root: &StackRecord) -> Inputs {
    Inputs {
        environment: root.environment.clone(),
        region: root.region.clone(),
        account: root.account.clone(),
        stack_name: root.name.clone(),
        parameters: Vec::new(),
        parameter_file: None,
        tags: Vec::new(),
    }
}

impl<S: StateStore, P: Provider, C: Clock> Backend for Engine<S, P, C> {
    fn current(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
    ) -> Result<Current, StoreError> {
        let mut current = Current { zones: self.zones(), ..Current::default() };
        let root = self.root(stack_name, account, region)?;
        let root_id = root.as_ref().map(|it| it.stack_id.as_str());
        for export in self.store.exports(account, region)? {
            if Some(export.root_id.as_str()) != root_id {
                current.other_exports.insert(export.name, export.value);
            }
        }
        let Some(root) = root else { return Ok(current) };
        // The root's tags stand for all: what nested stacks add is among their properties.
        let tags = root.settled.tags.clone();
        let mut stacks = self.store.tree(&root.stack_id)?;
        stacks.retain(|it| it.status != StackStatus::DeleteComplete);
        stacks.sort_by(|one, two| one.path.cmp(&two.path));
        for stack in stacks {
            // A stack whose parent has let go of it is no part of the tree.
            if let Some((parent, logical_id)) = parent_of(&stack.path)
                && current.resource(parent, logical_id).is_none()
            {
                continue;
            }
            let resources = self.store.resources(&stack.stack_id)?;
            current.stacks.insert(stack.path.clone(), current_stack(stack, resources, &tags));
        }
        Ok(current)
    }

    fn create_change_set(
        &mut self,
        request: &ChangeSetRequest<'_>,
    ) -> Result<ChangeSetRecord, CreateChangeSetError> {
        let &ChangeSetRequest { library, root, inputs, plan, name } = request;
        let Inputs { stack_name, account, region, .. } = inputs;
        if plan.stack_name != *stack_name || plan.region != *region || plan.account != *account {
            return Err(CreateChangeSetError::OtherStack);
        }
        if plan.is_empty() {
            return Err(CreateChangeSetError::NoChanges);
        }
        if let Some(stack) = self.interrupted()? {
            return Err(CreateChangeSetError::Unfinished { stack });
        }
        let known = self.named(stack_name, account, region)?;
        let existing = known.iter().find(|it| it.status != StackStatus::DeleteComplete).cloned();
        if let Some(existing) = &existing
            && existing.status != StackStatus::ReviewInProgress
            && !existing.status.updatable()
        {
            let (stack, status) = (stack_name.clone(), existing.status);
            return Err(CreateChangeSetError::Status { stack, status });
        }
        let changed = type_changes(plan);
        if !changed.is_empty() {
            return Err(CreateChangeSetError::TypeChanged { resources: changed });
        }
        let now = self.clock.now();
        let creates = existing.as_ref().is_none_or(|it| it.status == StackStatus::ReviewInProgress);
        let template = library.template(root);
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
            created: now,
            updated: now,
        });
        let of_stack = self.store.change_sets()?;
        let of_stack: Vec<_> =
            of_stack.into_iter().filter(|it| it.stack_id == stack.stack_id).collect();
        let number = of_stack.len() as u64 + 1;
        let name = name.map_or_else(|| format!("kumiki-{number}"), str::to_owned);
        if of_stack.iter().any(|it| it.name == name && it.status == ChangeSetStatus::CreateComplete)
        {
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
                    true => mask(&stack.stack_id, &it.value),
                    false => it.value.to_string(),
                };
                (it.name.to_string(), value)
            })
            .collect();
        let plan_text = recorded_plan(plan, inputs, &secret, &stack.stack_id).to_string();
        let record = ChangeSetRecord {
            id: change_set_id(&stack.stack_id, &name, number),
            name,
            stack_id: stack.stack_id.clone(),
            stack_name: stack_name.clone(),
            creates,
            status: ChangeSetStatus::CreateComplete,
            execution: ExecutionStatus::Available,
            plan_digest: plan.digest.clone(),
            plan: digest(&plan_text),
            revision: stack.revision,
            root: path,
            manifest,
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
            changes.push(Change::Event(&event));
        }
        self.store.commit(&changes)?;
        Ok(record)
    }

    fn execute_change_set(
        &mut self,
        id: &str,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, ExecuteError> {
        if let Some(stack) = self.interrupted()? {
            return Err(ExecuteError::Unfinished { stack });
        }
        let all = self.store.change_sets()?;
        let no_such = || ExecuteError::NoSuchChangeSet { id: id.to_owned() };
        let mut record = all.into_iter().find(|it| it.id == id).ok_or_else(no_such)?;
        let stacks = self.store.tree(&record.stack_id)?;
        let root = stacks.into_iter().find(StackRecord::is_root).ok_or_else(no_such)?;
        if record.execution == ExecutionStatus::Available && record.revision != root.revision {
            record.execution = ExecutionStatus::Obsolete;
        }
        if record.execution != ExecutionStatus::Available {
            let (name, execution) = (record.name, record.execution.as_str());
            return Err(ExecuteError::NotAvailable { name, execution });
        }
        // Whatever is missing is found out before anything is recorded.
        inputs(&root.stack_id, &record.inputs, given)?;
        Recorded { store: &self.store, manifest: &record.manifest }.library(&record.root)?;
        let kind = match record.creates {
            true => OperationKind::Create,
            false => OperationKind::Update,
        };
        let operation = self.operation(&root, kind, Some(record.id.clone()));
        self.run(operation, root, Some(&record), given, observe, false)
    }

    fn change_set_plan(&self, id: &str) -> Result<Option<serde_json::Value>, StoreError> {
        let Some(record) = self.store.change_sets()?.into_iter().find(|it| it.id == id) else {
            return Ok(None);
        };
        let Some(text) = self.store.text(&record.plan)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|it| StoreError::Damaged(it.to_string()))
    }

    fn delete_change_set(&mut self, id: &str) -> Result<(), ExecuteError> {
        let all = self.store.change_sets()?;
        let no_such = || ExecuteError::NoSuchChangeSet { id: id.to_owned() };
        let mut record = all.iter().find(|it| it.id == id).cloned().ok_or_else(no_such)?;
        if record.execution != ExecutionStatus::Available {
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
                && it.status == ChangeSetStatus::CreateComplete
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

    fn unfinished(&self) -> Result<Option<OperationRecord>, StoreError> {
        Ok(self.store.operations()?.into_iter().find(|it| it.ended.is_none()))
    }

    fn resume(
        &mut self,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Option<Outcome>, ExecuteError> {
        let Some(operation) = self.unfinished()? else {
            // Killed after the last commit, before the provider could forget.
            self.provider.forget()?;
            return Ok(None);
        };
        let root = self
            .store
            .tree(&operation.root_id)?
            .into_iter()
            .find(StackRecord::is_root)
            .ok_or_else(|| StoreError::Damaged(format!("no stack `{}`", operation.root_id)))?;
        let change_sets = self.store.change_sets()?;
        let change_set =
            change_sets.iter().find(|it| Some(&it.id) == operation.change_set.as_ref());
        self.run(operation, root, change_set, given, observe, true).map(Some)
    }

    fn delete_stack(
        &mut self,
        stack_name: &str,
        account: &str,
        region: &str,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, DeleteError> {
        if let Some(stack) = self.interrupted()? {
            return Err(DeleteError::Unfinished { stack });
        }
        let stack = stack_name.to_owned();
        let Some(root) = self.root(stack_name, account, region)? else {
            return Err(DeleteError::NoSuchStack { stack });
        };
        if root.termination_protection {
            return Err(DeleteError::Protected { stack });
        }
        let operation = self.operation(&root, OperationKind::Delete, None);
        self.run(operation, root, None, &[], observe, false).map_err(|error| match error {
            ExecuteError::Store(error) => DeleteError::Store(error),
            other => DeleteError::Store(StoreError::Damaged(other.to_string())),
        })
    }

    fn events(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
        after: u64,
    ) -> Result<Vec<Event>, StoreError> {
        let known = self.named(stack_name, account, region)?;
        let latest = known
            .iter()
            .max_by_key(|it| (it.status != StackStatus::DeleteComplete, it.created, it.updated));
        match latest {
            Some(root) => self.store.events(Some(&root.stack_id), after),
            None => Ok(Vec::new()),
        }
    }

    fn stacks(&self) -> Result<Vec<StackRecord>, StoreError> {
        let mut stacks = self.store.stacks()?;
        stacks.retain(|it| it.status != StackStatus::DeleteComplete);
        let names: HashMap<String, String> = stacks
            .iter()
            .filter(|it| it.is_root())
            .map(|it| (it.stack_id.clone(), it.name.clone()))
            .collect();
        stacks.sort_by_cached_key(|it| {
            (names.get(&it.root_id).cloned(), it.root_id.clone(), it.path.clone())
        });
        Ok(stacks)
    }

    fn resources(&self, stack_id: &str) -> Result<Vec<ResourceRecord>, StoreError> {
        self.store.resources(stack_id)
    }

    fn exports(&self, account: &str, region: &str) -> Result<Vec<ExportRecord>, StoreError> {
        self.store.exports(account, region)
    }

    fn imports(&self, account: &str, region: &str) -> Result<Vec<ImportRecord>, StoreError> {
        self.store.imports(account, region)
    }

    fn change_sets(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
    ) -> Result<Vec<ChangeSetRecord>, StoreError> {
        let Some(root) = self.root(stack_name, account, region)? else { return Ok(Vec::new()) };
        let mut all = self.store.change_sets()?;
        all.retain(|it| it.stack_id == root.stack_id);
        for it in &mut all {
            if it.execution == ExecutionStatus::Available && it.revision != root.revision {
                it.execution = ExecutionStatus::Obsolete;
            }
        }
        Ok(all)
    }
}

fn parent_of(path: &str) -> Option<(&str, &str)> {
    (!path.is_empty()).then(|| path.rsplit_once('/').unwrap_or(("", path)))
}

fn current_stack(
    stack: StackRecord,
    resources: Vec<ResourceRecord>,
    tags: &BTreeMap<String, String>,
) -> kumiki_plan::CurrentStack {
    let exports = stack.settled.outputs.iter();
    let exports =
        exports.filter_map(|(output, it)| Some((it.export.clone()?, output.clone()))).collect();
    let resources = resources
        .into_iter()
        .filter(ResourceRecord::is_owned)
        .map(|it| {
            let settled = it.settled;
            let resource = kumiki_plan::CurrentResource {
                type_name: settled.type_name,
                physical_id: settled.physical_id,
                status: it.status.as_str().to_owned(),
                properties: settled.properties,
                attributes: settled.attributes,
                metadata: settled.metadata,
                deletion_policy: settled.deletion_policy,
                update_replace_policy: settled.update_replace_policy,
                depends_on: settled.depends_on,
            };
            (it.logical_id, resource)
        })
        .collect();
    kumiki_plan::CurrentStack {
        stack_id: stack.stack_id,
        name: stack.name,
        status: stack.status.as_str().to_owned(),
        template_digest: stack.settled.template_digest,
        parameters: stack.settled.parameters,
        tags: tags.clone(),
        outputs: stack.settled.outputs.into_iter().map(|(name, it)| (name, it.value)).collect(),
        exports,
        resources,
    }
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

/// The plan as it may be recorded: without secrets.
fn recorded_plan(
    plan: &kumiki_plan::Plan,
    inputs: &Inputs,
    secret: &BTreeSet<String>,
    root_id: &str,
) -> serde_json::Value {
    let secrets = Secrets::new(root_id);
    for given in &inputs.parameters {
        if secret.contains(&*given.name) {
            secrets.add(&given.value);
        }
    }
    secrets.json(serde_json::to_value(plan).unwrap_or_default())
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
