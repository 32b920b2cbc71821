//! The embedded backend's logic over a store and a provider.

use crate::backend::{
    Backend, Cancel, ChangeSetRequest, CreateChangeSetError, ExecuteError, ExecuteOptions, Observe,
    Outcome, StackError,
};
use crate::clock::Clock;
use crate::event::Event;
use crate::execute::{Frame, Live, Outside, Run};
use crate::identity::{fingerprint, hex};
use crate::provider::Provider;
use crate::record::{
    ChangeSetRecord, DriftRecord, ExportRecord, ImportRecord, InputsRecord, OperationKind,
    OperationRecord, Phase, ResourceRecord, Settings, StackRecord,
};
use crate::status::{ExecutionStatus, OnFailure, StackStatus};
use crate::store::{StateStore, StoreError};
use kumiki_plan::{Current, Secrets, StackPolicy, mask_secret};
use kumiki_project::{FileError, Files, Given, Inputs, Library};
use std::collections::{BTreeMap, HashMap};

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
    change_set: &'s ChangeSetRecord,
}

struct Texts(BTreeMap<String, String>);

impl Files for Texts {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }

    // What was loaded has every file that a URL led to, so it leads there again.
    fn list(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

impl Recorded<'_> {
    fn library(&self) -> Result<Library, ExecuteError> {
        let ChangeSetRecord { root, manifest, template_urls, .. } = self.change_set;
        let mut texts = BTreeMap::new();
        for (path, digest) in manifest {
            let missing = || ExecuteError::Template { path: path.clone() };
            texts.insert(path.clone(), self.store.text(digest)?.ok_or_else(missing)?);
        }
        let mut library = Library::default();
        library.template_urls.clone_from(template_urls);
        library.load(root, &Texts(texts));
        if library.find(root).is_none() {
            return Err(ExecuteError::Template { path: root.clone() });
        }
        Ok(library)
    }
}

impl<S: StateStore, P: Provider, C: Clock> Engine<S, P, C> {
    /// The root of this name that exists.
    pub(crate) fn root(
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
    pub(crate) fn named(
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

    pub(crate) fn zones(&self) -> BTreeMap<String, Vec<String>> {
        let regions = kumiki_schema::regions().iter();
        regions.filter_map(|it| Some(((*it).to_owned(), self.provider.zones(it)?))).collect()
    }

    pub(crate) fn operation(
        &self,
        root: &StackRecord,
        kind: OperationKind,
        change_set: Option<String>,
        settings: Settings,
    ) -> OperationRecord {
        let number = (root.revision + 1).to_string();
        let backward = matches!(kind, OperationKind::Rollback | OperationKind::ContinueRollback);
        let paused = root.status.is_paused() && root.previous.is_none();
        OperationRecord {
            id: hex(&fingerprint(&["operation", &root.stack_id, &number]), 32),
            root_id: root.stack_id.clone(),
            stack_name: root.name.clone(),
            kind,
            phase: if backward { Phase::Rollback } else { Phase::Forward },
            change_set,
            settings,
            fresh: kind == OperationKind::Create || kind != OperationKind::Delete && paused,
            cause: None,
            started: self.clock.now(),
            ended: None,
            elapsed: 0,
        }
    }

    /// Continues an operation that another process began.
    pub(crate) fn take_up(
        &mut self,
        operation: OperationRecord,
        given: &[Given],
        cancel: &Cancel,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, ExecuteError> {
        let stacks = self.store.tree(&operation.root_id)?;
        let root = stacks.into_iter().find(StackRecord::is_root);
        let no_root = || StoreError::Damaged(format!("no stack `{}`", operation.root_id));
        let root = root.ok_or_else(no_root)?;
        self.run(operation, root, given, cancel, observe)
    }

    /// The name of a stack that a killed process left in the middle of an operation.
    pub(crate) fn interrupted(&self) -> Result<Option<String>, StoreError> {
        Ok(self.unfinished()?.map(|it| it.stack_name))
    }

    /// Runs an operation to its end. Whatever it takes and is missing is found out before anything is
    /// recorded.
    pub(crate) fn run(
        &mut self,
        operation: OperationRecord,
        root: StackRecord,
        given: &[Given],
        cancel: &Cancel,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, ExecuteError> {
        let resumed = root.operation.as_ref() == Some(&operation.id);
        let change_set = match &operation.change_set {
            Some(id) => self.store.change_set(id)?,
            None => None,
        };
        let change_set = change_set.as_ref();
        let forward = operation.phase == Phase::Forward;
        let secrets = Secrets::new(&root.stack_id);
        let (library, inputs) = match change_set.filter(|_| forward) {
            Some(it) => {
                let library = Recorded { store: &self.store, change_set: it }.library()?;
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
            root: change_set.map_or("", |it| &it.root),
            inputs: &inputs,
            live: &live,
            secrets: &secrets,
            digests: change_set.map_or(&empty, |it| &it.manifest),
            import: change_set.map_or(&[], |it| &it.import),
        };
        let mut observe = |event: &Event| observe(event);
        let outside = Outside {
            store: &mut self.store,
            provider: &mut self.provider,
            clock: &self.clock,
            cancel,
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
            match again.filter(|it| mask_secret(root_id, it) == *value) {
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
        self.read_current(stack_name, account, region)
    }

    fn create_change_set(
        &mut self,
        request: &ChangeSetRequest<'_>,
    ) -> Result<ChangeSetRecord, CreateChangeSetError> {
        self.make_change_set(request)
    }

    fn delete_change_set(&mut self, id: &str) -> Result<(), ExecuteError> {
        self.drop_change_set(id)
    }

    fn execute_change_set(
        &mut self,
        id: &str,
        options: &ExecuteOptions,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, ExecuteError> {
        if let Some(stack) = self.interrupted()? {
            return Err(ExecuteError::Unfinished { stack });
        }
        let no_such = || ExecuteError::NoSuchChangeSet { id: id.to_owned() };
        let mut record = self.store.change_set(id)?.ok_or_else(no_such)?;
        let stacks = self.store.tree(&record.stack_id)?;
        let root = stacks.into_iter().find(StackRecord::is_root).ok_or_else(no_such)?;
        if record.execution == ExecutionStatus::Available && record.revision != root.revision {
            record.execution = ExecutionStatus::Obsolete;
        }
        if record.execution != ExecutionStatus::Available {
            let (name, execution) = (record.name, record.execution.as_str());
            return Err(ExecuteError::NotAvailable { name, execution });
        }
        let on_failure = options.on_failure.or(record.on_failure);
        if root.status.is_paused() && on_failure != Some(OnFailure::DoNothing) {
            return Err(ExecuteError::Paused { stack: root.name, status: root.status });
        }
        if let Some(policy) = &options.stack_policy {
            StackPolicy::parse(policy).map_err(|reason| ExecuteError::Policy { reason })?;
        }
        let kind = match record.creates {
            _ if !record.import.is_empty() => OperationKind::Import,
            true => OperationKind::Create,
            false => OperationKind::Update,
        };
        let settings = Settings {
            on_failure,
            retain_except_on_create: options.retain_except_on_create,
            stack_policy: options.stack_policy.clone(),
            ..Settings::default()
        };
        let operation = self.operation(&root, kind, Some(record.id), settings);
        self.run(operation, root, given, &options.cancel, observe)
    }

    fn change_set_plan(&self, id: &str) -> Result<Option<serde_json::Value>, StoreError> {
        let Some(record) = self.store.change_set(id)? else { return Ok(None) };
        let Some(text) = self.store.text(&record.plan)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|it| StoreError::Damaged(it.to_string()))
    }

    fn recorded_text(&self, digest: &str) -> Result<Option<String>, StoreError> {
        self.store.text(digest)
    }

    fn unfinished(&self) -> Result<Option<OperationRecord>, StoreError> {
        Ok(self.store.last_operation()?.filter(|it| it.ended.is_none()))
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
        self.take_up(operation, given, &Cancel::default(), observe).map(Some)
    }

    fn delete_stack(
        &mut self,
        stack_id: &str,
        retain: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.delete(stack_id, retain, observe)
    }

    fn rollback_stack(
        &mut self,
        stack_id: &str,
        retain_except_on_create: bool,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.roll_back(stack_id, retain_except_on_create, observe)
    }

    fn continue_rollback(
        &mut self,
        stack_id: &str,
        skip: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.go_on_rolling_back(stack_id, skip, observe)
    }

    fn cancel_update(
        &mut self,
        stack_id: &str,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.cancel(stack_id, given, observe)
    }

    fn set_stack_policy(&mut self, stack_id: &str, policy: &str) -> Result<(), StackError> {
        StackPolicy::parse(policy).map_err(|reason| StackError::Policy { reason })?;
        self.amend_stack(stack_id, |it| it.stack_policy = Some(policy.to_owned()))
    }

    fn set_termination_protection(
        &mut self,
        stack_id: &str,
        protected: bool,
    ) -> Result<(), StackError> {
        let root = self.only_root(stack_id)?;
        self.amend_stack(&root.stack_id, |it| it.termination_protection = protected)
    }

    fn detect_drift(&mut self, stack_id: &str) -> Result<DriftRecord, StackError> {
        let stack = self.stack(stack_id)?;
        let drift = self.drift(&stack)?;
        self.amend_stack(stack_id, |it| it.drift = Some(Box::new(drift.clone())))?;
        Ok(drift)
    }

    fn template(&self, stack_id: &str) -> Result<Option<String>, StoreError> {
        let found = self.store.stacks()?.into_iter().find(|it| it.stack_id == stack_id);
        match found {
            Some(stack) => self.store.text(&stack.settled.template_digest),
            None => Ok(None),
        }
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
