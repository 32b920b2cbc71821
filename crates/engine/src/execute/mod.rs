//! The executor: one operation on one tree of stacks, as a discrete-event simulation.
//!
//! At each instant of the virtual clock, everything that can start is started and recorded in one
//! commit; then the provider is asked, and its answers are made durable; then the clock moves to
//! the next completion. A process that is killed between any two of these steps leaves records
//! from which [`Run::resume`] continues as if nothing had happened.

mod calls;
mod desired;
mod forward;
mod import;
mod journal;
mod live;
mod nested;
mod outputs;
mod pause;
mod remove;
mod restore;
mod rollback;
mod stage;

pub(crate) use live::Live;

use crate::backend::{Cancel, Observe, Outcome};
use crate::clock::Clock;
use crate::current::parent_of;
use crate::provider::{Answer, Provider, Verb};
use crate::record::{
    Cause, ExportRecord, ImportRecord, OperationKind, OperationRecord, Phase, ResourceRecord,
    ResourceToImport, StackRecord, StackSettled,
};
use crate::status::{ExecutionStatus, StackStatus};
use crate::store::{StateStore, StoreError};
use journal::Journal;
use kumiki_plan::{Secrets, StackPolicy};
use kumiki_project::{Inputs, Library, Order, Scope};
use kumiki_template::Template;
use stage::{Stage, StageKind, State, Target};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};
use std::rc::Rc;
use std::sync::Arc;

/// The type of a nested stack.
pub(crate) const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// What expressions are evaluated with. Only going forward takes the templates.
pub(crate) struct Frame<'a> {
    pub(crate) library: Option<&'a Library>,
    /// The path of the root's template.
    pub(crate) root: &'a str,
    pub(crate) inputs: &'a Inputs,
    pub(crate) live: &'a Live,
    pub(crate) secrets: &'a Secrets,
    /// SHA-256 of the templates' texts by path.
    pub(crate) digests: &'a BTreeMap<String, String>,
    /// The resources that the root takes over.
    pub(crate) import: &'a [ResourceToImport],
}

/// Everything outside.
pub(crate) struct Outside<'a> {
    pub(crate) store: &'a mut dyn StateStore,
    pub(crate) provider: &'a mut dyn Provider,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) cancel: &'a Cancel,
    pub(crate) observe: &'a mut Observe<'a>,
}

/// One operation under way.
pub(crate) struct Run<'a> {
    frame: Frame<'a>,
    outside: Outside<'a>,
    operation: OperationRecord,
    stacks: Vec<StackState<'a>>,
    by_path: HashMap<String, usize>,
    orders: HashMap<String, Rc<Order>>,
    /// Importers of each export: ARN and name of the stack.
    importers: BTreeMap<String, BTreeMap<String, String>>,
    ready: BTreeSet<Place>,
    due: BinaryHeap<Reverse<(u64, Place)>>,
    answers: HashMap<Place, Answer>,
    calls: BTreeMap<Place, Verb>,
    failures: Vec<Failure>,
    journal: Journal,
    now: u64,
    ended: Option<Outcome>,
}

/// A task of a stack. The path comes first, so that places sort alike in every process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Place {
    path: Arc<str>,
    task: usize,
    stack: usize,
}

/// A stack of the tree.
struct StackState<'a> {
    path: Arc<str>,
    /// The parent, and the logical ID there.
    parent: Option<(usize, String)>,
    record: StackRecord,
    resources: BTreeMap<String, ResourceRecord>,
    desired: Option<Desired<'a>>,
    stage: Option<Stage>,
    /// Whether the operation has shown itself on this stack.
    active: bool,
    imports: BTreeSet<String>,
    policy: Option<StackPolicy>,
}

/// What a stack should become.
struct Desired<'a> {
    template: &'a Template,
    scope: Rc<Scope<'a>>,
    order: Rc<Order>,
    /// Parameters whose values only AWS knows, with others in their place.
    made_up: Vec<String>,
}

/// Something that failed while going forward: a task, or a stack as a whole.
struct Failure {
    stack: usize,
    cause: Cause,
    /// Set when no resource but the stack itself failed.
    whole: Option<String>,
}

impl<'a> Run<'a> {
    /// An operation on the tree under `root`, whose stacks are loaded from the store.
    pub(crate) fn new(
        frame: Frame<'a>,
        outside: Outside<'a>,
        operation: OperationRecord,
        root: StackRecord,
    ) -> Result<Self, StoreError> {
        let mut importers: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for ImportRecord { name, stack_id, stack_name, .. } in
            outside.store.imports(&root.account, &root.region)?
        {
            importers.entry(name).or_default().insert(stack_id, stack_name);
        }
        let mut records: Vec<StackRecord> = outside.store.tree(&root.stack_id)?;
        records.retain(|it| it.status != StackStatus::DeleteComplete);
        records.sort_by(|one, two| one.path.cmp(&two.path));
        let journal = Journal::new(outside.store.last_sequence()?);
        let now = operation.elapsed;
        let mut run = Self {
            frame,
            outside,
            operation,
            stacks: Vec::with_capacity(records.len()),
            by_path: HashMap::new(),
            orders: HashMap::new(),
            importers,
            ready: BTreeSet::new(),
            due: BinaryHeap::new(),
            answers: HashMap::new(),
            calls: BTreeMap::new(),
            failures: Vec::new(),
            journal,
            now,
            ended: None,
        };
        for record in records {
            if !run.is_owned(&record) {
                continue;
            }
            let resources = run.outside.store.resources(&record.stack_id)?;
            let resources = resources.into_iter().map(|it| (it.logical_id.clone(), it)).collect();
            run.add_stack(record, resources);
        }
        Ok(run)
    }

    /// Whether a stack's parent, which is loaded before it, still has it: what a cleanup could not
    /// delete is let go of, and another may have its place by now.
    fn is_owned(&self, stack: &StackRecord) -> bool {
        let Some((parent, logical_id)) = parent_of(&stack.path) else { return true };
        let parent = self.by_path.get(parent).map(|it| &self.stacks[*it]);
        let resource = parent.and_then(|it| it.resources.get(logical_id));
        resource.is_some_and(|it| it.settled.physical_id == stack.stack_id)
    }

    fn add_stack(
        &mut self,
        record: StackRecord,
        resources: BTreeMap<String, ResourceRecord>,
    ) -> usize {
        let index = self.stacks.len();
        let path: Arc<str> = record.path.as_str().into();
        let parent = parent_of(&path).map(|(parent, logical_id)| {
            (self.by_path.get(parent).copied().unwrap_or_default(), logical_id.to_owned())
        });
        self.frame.live.add_stack(&path, &record.stack_id, &record.name);
        self.by_path.insert(record.path.clone(), index);
        let active =
            record.operation.as_deref() == Some(&self.operation.id) && record.status.in_progress();
        let during = self.operation.settings.stack_policy.as_ref().filter(|_| path.is_empty());
        let policy = during.or(record.stack_policy.as_ref());
        let policy = policy.and_then(|it| StackPolicy::parse(it).ok());
        let stack = StackState {
            path,
            parent,
            record,
            resources,
            desired: None,
            stage: None,
            active,
            imports: BTreeSet::new(),
            policy,
        };
        self.stacks.push(stack);
        index
    }

    fn child(&self, stack: usize, logical_id: &str) -> Option<usize> {
        self.by_path.get(&child_path(&self.stacks[stack].path, logical_id)).copied()
    }

    /// Begins the operation: what it records first.
    pub(crate) fn begin(mut self) -> Result<Outcome, StoreError> {
        let root = &mut self.stacks[0].record;
        let before = root.operation.replace(self.operation.id.clone());
        root.revision += 1;
        if let Some(before) = before
            && (root.status.is_paused() || self.operation.phase == Phase::Rollback)
        {
            self.inherit(&before);
        }
        self.journal.stack(0);
        self.journal.operation = true;
        self.journal.execution = Some(ExecutionStatus::ExecuteInProgress);
        match self.operation.kind {
            OperationKind::Create | OperationKind::Update | OperationKind::Import => {
                let status = match self.operation.kind {
                    OperationKind::Create => StackStatus::CreateInProgress,
                    OperationKind::Import => StackStatus::ImportInProgress,
                    _ => StackStatus::UpdateInProgress,
                };
                self.stacks[0].active = true;
                self.stack_status(0, status, Some("User Initiated".to_owned()));
                self.begin_forward(0);
            }
            OperationKind::Delete => self.begin_delete(0, Some("User Initiated".to_owned())),
            OperationKind::Rollback | OperationKind::ContinueRollback => {
                self.go_back("User Initiated".to_owned());
            }
        }
        self.run()
    }

    /// Continues an operation that another process began.
    pub(crate) fn resume(mut self) -> Result<Outcome, StoreError> {
        match (self.operation.phase, self.operation.kind) {
            (Phase::Forward, OperationKind::Delete) => self.enter_delete(0),
            (Phase::Forward, _) => self.begin_forward(0),
            (Phase::Rollback, _) if self.undoes_creation() => self.enter_delete(0),
            (Phase::Rollback, _) => self.enter_restore(0),
            (Phase::Cleanup | Phase::RollbackCleanup, _) => self.enter_cleanup(0),
        }
        self.run()
    }

    fn run(mut self) -> Result<Outcome, StoreError> {
        loop {
            self.settle();
            self.commit()?;
            if let Some(outcome) = self.ended.take() {
                // Only now that the last answers are recorded.
                self.outside.provider.forget()?;
                return Ok(outcome);
            }
            self.call()?;
            // What is in progress is known to the provider by now, so that nothing is left over.
            if self.outside.cancel.is_cancelled()
                && self.operation.kind == OperationKind::Update
                && self.operation.phase == Phase::Forward
            {
                self.begin_rollback();
                continue;
            }
            let Some(Reverse((next, _))) = self.due.peek() else {
                return Err(StoreError::Damaged(format!(
                    "operation `{}` has nothing left to wait for and no end",
                    self.operation.id
                )));
            };
            self.now = *next;
            self.operation.elapsed = self.now;
            self.journal.operation = true;
            while let Some(Reverse((time, place))) = self.due.pop() {
                if time > self.now {
                    self.due.push(Reverse((time, place)));
                    break;
                }
                self.complete(&place);
            }
        }
    }

    /// Starts everything that can start now, until nothing more can.
    fn settle(&mut self) {
        loop {
            if !self.failures.is_empty() && self.operation.phase == Phase::Forward {
                self.begin_rollback();
            }
            let Some(place) = self.ready.pop_first() else { return };
            let (stack, task) = (place.stack, place.task);
            match self.stacks[stack].stage.as_ref().map(|it| it.kind) {
                Some(StageKind::Forward) => self.apply(stack, task),
                Some(StageKind::Delete | StageKind::Cleanup) => self.remove(stack, task),
                Some(StageKind::Restore) => self.restore(stack, task),
                None => {}
            }
        }
    }

    /// Gives a stack its tasks and makes the first of them ready.
    fn enter(&mut self, stack: usize, stage: Stage) {
        let first = stage.first();
        let over = stage.is_over();
        self.stacks[stack].stage = Some(stage);
        for task in first {
            self.make_ready(stack, task);
        }
        if over {
            self.stage_over(stack);
        }
    }

    fn place(&self, stack: usize, task: usize) -> Place {
        Place { path: self.stacks[stack].path.clone(), task, stack }
    }

    fn make_ready(&mut self, stack: usize, task: usize) {
        let place = self.place(stack, task);
        self.ready.insert(place);
    }

    fn running(&mut self, stack: usize, task: usize) {
        if let Some(stage) = &mut self.stacks[stack].stage {
            stage.tasks[task].state = State::Running;
        }
    }

    fn task(&self, stack: usize, task: usize) -> (String, Target) {
        match &self.stacks[stack].stage {
            Some(stage) => (stage.tasks[task].logical_id.clone(), stage.tasks[task].target),
            None => (String::new(), Target::Resource),
        }
    }

    /// A task is done: what waited for it can start.
    fn task_done(&mut self, stack: usize, task: usize) {
        let Some(stage) = &mut self.stacks[stack].stage else { return };
        let ready = stage.done(task);
        let over = stage.is_over();
        for next in ready {
            self.make_ready(stack, next);
        }
        if over {
            self.stage_over(stack);
        }
    }

    /// A task of a phase that goes on in spite of failures has failed.
    fn task_failed(&mut self, stack: usize, task: usize) {
        let Some(stage) = &mut self.stacks[stack].stage else { return };
        stage.fail(task);
        if stage.is_over() {
            self.stage_over(stack);
        }
    }

    /// The task of the parent that waits for a nested stack.
    fn parent_task(&self, stack: usize) -> Option<(usize, usize, String)> {
        let (parent, logical_id) = self.stacks[stack].parent.clone()?;
        let stage = self.stacks[parent].stage.as_ref()?;
        let task = stage
            .tasks
            .iter()
            .position(|it| it.logical_id == logical_id && it.state == State::Running)?;
        Some((parent, task, logical_id))
    }

    fn stage_over(&mut self, stack: usize) {
        match self.stacks[stack].stage.as_ref().map(|it| it.kind) {
            Some(StageKind::Forward) => self.forward_over(stack),
            Some(StageKind::Delete) => self.delete_over(stack),
            Some(StageKind::Restore) => self.restore_over(stack),
            Some(StageKind::Cleanup) => self.cleanup_over(stack),
            None => {}
        }
    }

    /// An operation of a resource has come to its end.
    fn complete(&mut self, place: &Place) {
        let Some(answer) = self.answers.remove(place) else { return };
        let (stack, task) = (place.stack, place.task);
        match self.stacks[stack].stage.as_ref().map(|it| it.kind) {
            Some(StageKind::Forward) => self.applied(stack, task, answer),
            Some(StageKind::Delete | StageKind::Cleanup) => self.removed(stack, task, answer),
            Some(StageKind::Restore) => self.restored(stack, task, answer),
            None => {}
        }
    }

    /// Whether the way back ends with nothing left, as there is nothing to go back to.
    fn undoes_creation(&self) -> bool {
        self.operation.fresh || self.operation.kind == OperationKind::Create
    }

    fn rolling_back(&self) -> bool {
        matches!(self.operation.phase, Phase::Rollback | Phase::RollbackCleanup)
    }

    /// The operation has ended with the root in this status.
    fn end(&mut self, status: StackStatus, reason: Option<String>, succeeded: bool) {
        self.stack_status(0, status, reason);
        self.finish(succeeded);
    }

    /// The operation has ended with the root as it is.
    fn finish(&mut self, succeeded: bool) {
        // What a tree goes back to is still needed when it could not, or did not yet.
        let status = self.stacks[0].record.status;
        let kept = status == StackStatus::UpdateRollbackFailed || status.is_paused();
        for stack in 0..if kept { 0 } else { self.stacks.len() } {
            let state = &mut self.stacks[stack];
            if state.record.previous.take().is_some() {
                self.journal.stack(stack);
            }
            for (logical_id, record) in &mut state.resources {
                if record.previous.take().is_some() {
                    self.journal.resource(stack, logical_id);
                }
            }
        }
        self.operation.ended = Some(self.outside.clock.now());
        self.journal.operation = true;
        self.journal.execution = Some(match succeeded {
            true => ExecutionStatus::ExecuteComplete,
            false => ExecutionStatus::ExecuteFailed,
        });
        let root = &self.stacks[0].record;
        self.ended = Some(Outcome {
            stack_id: root.stack_id.clone(),
            stack_name: root.name.clone(),
            status: root.status,
            succeeded,
            cause: self.operation.cause.clone(),
            elapsed: self.now,
            operation: self.operation.id.clone(),
        });
    }
}

/// The path of a nested stack.
pub(crate) fn child_path(parent: &str, logical_id: &str) -> String {
    if parent.is_empty() { logical_id.to_owned() } else { format!("{parent}/{logical_id}") }
}

/// The exports that a stack makes by what it was given.
fn exports_of(record: &StackRecord, settled: &StackSettled) -> BTreeMap<String, ExportRecord> {
    let outputs = settled.outputs.iter();
    outputs
        .filter_map(|(output, it)| {
            let name = it.export.clone()?;
            let export = ExportRecord {
                account: record.account.clone(),
                region: record.region.clone(),
                name: name.clone(),
                value: it.value.clone(),
                stack_id: record.stack_id.clone(),
                stack_name: record.name.clone(),
                root_id: record.root_id.clone(),
                output: output.clone(),
            };
            Some((name, export))
        })
        .collect()
}
