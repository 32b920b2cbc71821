//! A process that dies at any commit, or between two, loses nothing.

use crate::creation::TREE;
use crate::project::*;
use crate::toy::Toy;
use kumiki_engine::*;
use kumiki_project::Inputs;
use std::cell::Cell;
use std::rc::Rc;

/// Dies at the commit whose number `fuse` counts down to: before it takes effect, or just after.
pub struct Dying {
    pub inner: MemoryStore,
    fuse: Rc<Cell<i64>>,
    after: bool,
}

fn burn(fuse: &Cell<i64>) -> bool {
    fuse.set(fuse.get() - 1);
    fuse.get() < 0
}

fn dead() -> StoreError {
    StoreError::Damaged("killed".into())
}

impl StateStore for Dying {
    fn stacks(&self) -> Result<Vec<StackRecord>, StoreError> {
        self.inner.stacks()
    }
    fn tree(&self, root_id: &str) -> Result<Vec<StackRecord>, StoreError> {
        self.inner.tree(root_id)
    }
    fn resources(&self, stack_id: &str) -> Result<Vec<ResourceRecord>, StoreError> {
        self.inner.resources(stack_id)
    }
    fn exports(&self, account: &str, region: &str) -> Result<Vec<ExportRecord>, StoreError> {
        self.inner.exports(account, region)
    }
    fn imports(&self, account: &str, region: &str) -> Result<Vec<ImportRecord>, StoreError> {
        self.inner.imports(account, region)
    }
    fn change_sets(&self) -> Result<Vec<ChangeSetRecord>, StoreError> {
        self.inner.change_sets()
    }
    fn change_set(&self, id: &str) -> Result<Option<ChangeSetRecord>, StoreError> {
        self.inner.change_set(id)
    }
    fn operation(&self, id: &str) -> Result<Option<OperationRecord>, StoreError> {
        self.inner.operation(id)
    }
    fn last_operation(&self) -> Result<Option<OperationRecord>, StoreError> {
        self.inner.last_operation()
    }
    fn text(&self, digest: &str) -> Result<Option<String>, StoreError> {
        self.inner.text(digest)
    }
    fn events(&self, root_id: Option<&str>, after: u64) -> Result<Vec<Event>, StoreError> {
        self.inner.events(root_id, after)
    }
    fn last_sequence(&self) -> Result<u64, StoreError> {
        self.inner.last_sequence()
    }
    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        if burn(&self.fuse) {
            if self.after && self.fuse.get() == -1 {
                self.inner.commit(changes)?;
            }
            return Err(dead());
        }
        self.inner.commit(changes)
    }
}

/// A toy that dies while it makes its answers durable.
pub struct DyingToy {
    inner: Toy,
    fuse: Rc<Cell<i64>>,
    after: bool,
}

impl Provider for DyingToy {
    fn perform(&mut self, request: &Request<'_>) -> Result<Answer, StoreError> {
        self.inner.perform(request)
    }
    fn flush(&mut self) -> Result<(), StoreError> {
        if burn(&self.fuse) {
            if self.after && self.fuse.get() == -1 {
                self.inner.flush()?;
            }
            return Err(dead());
        }
        self.inner.flush()
    }
    fn forget(&mut self) -> Result<(), StoreError> {
        self.inner.forget()
    }
    fn read(
        &mut self,
        account: &str,
        region: &str,
        type_name: &str,
        id: &str,
    ) -> Result<Option<serde_json::Value>, StoreError> {
        self.inner.read(account, region, type_name, id)
    }
    fn replaces(&self, type_name: &str, details: &[kumiki_plan::Detail]) -> bool {
        self.inner.replaces(type_name, details)
    }
    fn zones(&self, region: &str) -> Option<Vec<String>> {
        self.inner.zones(region)
    }
}

/// What is asked of the engine.
pub enum Ask<'t> {
    Up(&'t str),
    /// Failures are treated so.
    UpAs(&'t str, OnFailure),
    Destroy,
    /// All but these.
    DestroyBut(&'t [&'t str]),
    RollBack,
    /// All but these.
    GoOnRollingBack(&'t [&'t str]),
    /// A project that takes over the bucket of this name.
    Import(&'t str, &'t str),
}

type Mortal = Engine<Dying, DyingToy, Stopped>;

/// When a process dies: at the commit or flush with this number, and whether just after it.
pub type Kill = (i64, bool);

const NEVER: Kill = (i64::MAX, false);

fn mortal(start: &Toys, (kill_at, after): Kill) -> Mortal {
    let fuse = Rc::new(Cell::new(kill_at));
    Engine {
        store: Dying { inner: start.store.clone(), fuse: fuse.clone(), after },
        provider: DyingToy { inner: start.provider.clone(), fuse, after },
        clock: Stopped(7),
    }
}

/// What is left of it, and what the next process finds.
fn remains(dead: Mortal) -> Toys {
    let mut toy = dead.provider.inner;
    toy.crash();
    Engine { store: dead.store.inner, provider: toy, clock: Stopped(7) }
}

fn perform(engine: &mut Mortal, ask: &Ask<'_>, inputs: &Inputs) -> Result<bool, String> {
    let names = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
    let ended = |result: Result<Outcome, StackError>| match result {
        Ok(outcome) => Ok(outcome.succeeded),
        Err(error) => Err(error.to_string()),
    };
    match ask {
        Ask::Destroy => ended(engine.delete_stack(&root_id(engine), &[], &mut |_| {})),
        Ask::DestroyBut(retain) => {
            ended(engine.delete_stack(&root_id(engine), &names(retain), &mut |_| {}))
        }
        Ask::RollBack => ended(engine.rollback_stack(&root_id(engine), false, &mut |_| {})),
        Ask::GoOnRollingBack(skip) => {
            ended(engine.continue_rollback(&root_id(engine), &names(skip), &mut |_| {}))
        }
        Ask::Up(text) | Ask::UpAs(text, _) | Ask::Import(text, _) => {
            let import = match ask {
                Ask::Import(_, name) => vec![ResourceToImport {
                    resource_type: "AWS::S3::Bucket".to_owned(),
                    logical_id: "Bucket".to_owned(),
                    identifier: [("BucketName".to_owned(), (*name).to_owned())].into(),
                }],
                _ => Vec::new(),
            };
            let asked = ChangeSetOptions { import, ..ChangeSetOptions::default() };
            let on_failure = match ask {
                Ask::UpAs(_, it) => Some(*it),
                _ => None,
            };
            let options = ExecuteOptions { on_failure, ..ExecuteOptions::default() };
            let library = load(&project(text));
            let root = library.find("stack.yaml").unwrap();
            let current = engine.current("app", ACCOUNT, REGION).unwrap();
            let plan = match kumiki_plan::plan(&library, root, inputs, &current) {
                Ok(plan) if !plan.is_empty() => plan,
                _ => return Ok(true),
            };
            // One that was made before the kill has the same name, as it was not executed.
            let mut executed = engine.change_sets("app", ACCOUNT, REGION).unwrap();
            executed.retain(|it| it.execution != ExecutionStatus::Available);
            let name = format!("number-{}", executed.len());
            let request = ChangeSetRequest {
                library: &library,
                root,
                inputs,
                plan: &plan,
                name: Some(&name),
                options: &asked,
            };
            let id = match engine.create_change_set(&request) {
                Ok(it) => it.id,
                Err(CreateChangeSetError::NameTaken { .. }) => {
                    let sets = engine.change_sets("app", ACCOUNT, REGION).unwrap();
                    sets.last().unwrap().id.clone()
                }
                Err(error) => return Err(error.to_string()),
            };
            engine
                .execute_change_set(&id, &options, &inputs.parameters, &mut |_| {})
                .map(|it| it.succeeded)
                .map_err(|it| it.to_string())
        }
    }
}

/// What an undisturbed run leaves, and at how many instants it could have been killed.
pub fn undisturbed(start: &Toys, ask: &Ask<'_>, inputs: &Inputs) -> (Toys, i64) {
    let mut whole = mortal(start, NEVER);
    perform(&mut whole, ask, inputs).unwrap();
    let instants = i64::MAX - whole.store.fuse.get();
    let toys =
        Engine { store: whole.store.inner, provider: whole.provider.inner, clock: Stopped(7) };
    (toys, instants)
}

/// What is left when a process is killed, and those that continue its work are killed too, and the
/// last of them is not.
pub fn killed(start: &Toys, ask: &Ask<'_>, inputs: &Inputs, kills: &[Kill], whole: &Toys) -> Toys {
    let mut state =
        Engine { store: start.store.clone(), provider: start.provider.clone(), clock: Stopped(7) };
    let mut first = true;
    for kill in kills.iter().chain([&NEVER]) {
        let mut process = mortal(&state, *kill);
        let resumed = match std::mem::take(&mut first) {
            true => Ok(false),
            false => match process.resume(&inputs.parameters, &mut |_| {}) {
                Ok(outcome) => Ok(outcome.is_some()),
                Err(error) => Err(error.to_string()),
            },
        };
        let result = resumed.and_then(|resumed| {
            // Killed before it began, or after it had ended.
            if resumed || process.store.inner == whole.store {
                return Ok(true);
            }
            perform(&mut process, ask, inputs)
        });
        if let Err(error) = &result {
            assert_eq!(*error, dead().to_string(), "killed at {kills:?}");
        }
        state = remains(process);
        if result.is_ok() {
            break;
        }
    }
    state
}

/// Kills the process at every commit and flush in turn, and compares with an undisturbed run.
fn survives(start: &Toys, ask: &Ask<'_>) -> Toys {
    let inputs = inputs(&[]);
    let (whole, instants) = undisturbed(start, ask, &inputs);
    assert!(instants > 0, "nothing was done");
    for kill_at in 0..instants {
        for after in [false, true] {
            let again = killed(start, ask, &inputs, &[(kill_at, after)], &whole);
            assert_eq!(difference(&again, &whole), None, "killed at {kill_at}, after: {after}");
        }
    }
    whole
}

/// Nothing, or the first records in which two states differ.
pub fn difference(one: &Toys, two: &Toys) -> Option<String> {
    fn first<T: PartialEq + std::fmt::Debug>(one: &[T], two: &[T]) -> Option<String> {
        let differ = (0..one.len().max(two.len())).find(|at| one.get(*at) != two.get(*at))?;
        Some(format!("{:#?}\ninstead of\n{:#?}", one.get(differ), two.get(differ)))
    }
    let (records, others) = (&one.store, &two.store);
    let values = |store: &MemoryStore| store.stacks.values().cloned().collect::<Vec<_>>();
    let resources = |store: &MemoryStore| {
        store.resources.values().flat_map(|it| it.values()).cloned().collect::<Vec<_>>()
    };
    first(&records.events, &others.events)
        .or_else(|| first(&values(records), &values(others)))
        .or_else(|| first(&resources(records), &resources(others)))
        .or_else(|| first(&records.operations, &others.operations))
        .or_else(|| first(&records.change_sets, &others.change_sets))
        .or_else(|| (records != others).then(|| "exports, imports or texts".to_owned()))
        .or_else(|| {
            (one.provider != two.provider)
                .then(|| format!("{:#?}\ninstead of\n{:#?}", one.provider, two.provider))
        })
}

const CHANGED: &str = "--- stack.yaml
Resources:
  Network:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: nested/network.yaml
      Parameters: { Name: !Ref AWS::StackName }
  App:
    Type: AWS::CloudFormation::Stack
    DependsOn: Network
    Properties:
      TemplateURL: nested/app.yaml
      Parameters: { Topic: !GetAtt Network.Outputs.Topic }
  More:
    Type: AWS::CloudFormation::Stack
    DependsOn: App
    Properties: { TemplateURL: nested/more.yaml }
Outputs:
  Bucket: { Value: !GetAtt App.Outputs.Bucket }
--- nested/network.yaml
Parameters:
  Name: { Type: String }
Resources:
  Topic:
    Type: AWS::SNS::Topic
    DeletionPolicy: RetainExceptOnCreate
    Properties: { DisplayName: !Sub 'new ${Name}' }
Outputs:
  Topic: { Value: !Ref Topic }
  Exported:
    Value: !GetAtt Topic.TopicArn
    Export: { Name: !Sub '${Name}-topic' }
--- nested/app.yaml
Parameters:
  Topic: { Type: String }
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    UpdateReplacePolicy: Retain
    Properties:
      BucketName: other
      Tags: [{ Key: Topic, Value: !Ref Topic }, { Key: Arn, Value: !ImportValue app-topic }]
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties: { Bucket: !Ref Bucket, PolicyDocument: { Resource: !GetAtt Bucket.Arn } }
Outputs:
  Bucket: { Value: !Ref Bucket }
--- nested/more.yaml
Resources:
  A: { Type: AWS::SNS::Topic }
  B: { Type: AWS::SNS::Topic, DependsOn: A }
";

#[test]
fn a_creation_survives() {
    survives(&engine(), &Ask::Up(TREE));
}

#[test]
fn a_failed_creation_survives() {
    let mut start = engine();
    start.provider.refuse = vec!["App/Policy:create".into()];
    let end = survives(&start, &Ask::Up(TREE));
    assert_eq!(end.stacks().unwrap()[0].status, StackStatus::RollbackComplete);
    assert!(end.provider.world.is_empty());
}

#[test]
fn an_update_survives() {
    let mut start = engine();
    succeeds(&mut start, TREE);
    let end = survives(&start, &Ask::Up(CHANGED));
    assert_eq!(end.stacks().unwrap()[0].status, StackStatus::UpdateComplete);
}

#[test]
fn a_failed_update_survives() {
    let mut start = engine();
    succeeds(&mut start, TREE);
    let before = start.provider.world.clone();
    start.provider.refuse = vec!["More/B:create".into()];
    let end = survives(&start, &Ask::Up(CHANGED));
    assert_eq!(end.stacks().unwrap()[0].status, StackStatus::UpdateRollbackComplete);
    assert_eq!(end.provider.world, before);
}

#[test]
fn a_deletion_survives() {
    let mut start = engine();
    succeeds(&mut start, TREE);
    let end = survives(&start, &Ask::Destroy);
    assert!(end.stacks().unwrap().is_empty());
    assert!(end.provider.world.is_empty());
}

#[test]
fn a_failed_deletion_survives() {
    let mut start = engine();
    succeeds(&mut start, TREE);
    start.provider.refuse = vec!["Network/Topic:delete".into()];
    let end = survives(&start, &Ask::Destroy);
    assert_eq!(end.stacks().unwrap()[0].status, StackStatus::DeleteFailed);
}

#[test]
fn a_failed_way_back_survives() {
    let mut start = engine();
    succeeds(&mut start, TREE);
    start.provider.refuse = ["More/B:create", "Network/Topic:rollback"].map(str::to_owned).into();
    let end = survives(&start, &Ask::Up(CHANGED));
    assert_eq!(end.stacks().unwrap()[0].status, StackStatus::UpdateRollbackFailed);
}

#[test]
fn a_failed_cleanup_survives() {
    let mut start = engine();
    succeeds(&mut start, TREE);
    start.provider.refuse = vec!["Network/Other:delete".into()];
    let end = survives(&start, &Ask::Up(CHANGED));
    let root = &end.stacks().unwrap()[0];
    assert_eq!(root.status, StackStatus::UpdateComplete);
    // What could not be deleted is no longer the stack's.
    let again = planned(&end, &load(&project(CHANGED)), &inputs(&[])).unwrap();
    assert!(again.is_empty(), "{again:#?}");
}

#[test]
fn one_that_cannot_go_back_among_others_survives() {
    let text = |version: &str| {
        let mut text = String::from("--- stack.yaml\nResources:\n");
        for id in ["A", "B", "C", "D", "E"] {
            text.push_str(&format!(
                "  {id}: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}\n"
            ));
        }
        let last = "Type: AWS::SNS::Topic, DependsOn: [A, B, C, D, E]";
        text + &format!("  F: {{ {last}, Properties: {{ DisplayName: {version} }} }}\n")
    };
    let mut start = engine();
    succeeds(&mut start, &text("one"));
    for stuck in ["A", "B", "C", "D", "E"] {
        start.provider.refuse = vec!["F:update".into(), format!("{stuck}:rollback")];
        let end = survives(&start, &Ask::Up(&text("two")));
        assert_eq!(end.stacks().unwrap()[0].status, StackStatus::UpdateRollbackFailed);
    }
}

#[test]
fn cleanup_that_fails_among_others_survives() {
    let text = |version: &str, more: &str| {
        let mut text = String::from("--- stack.yaml\nResources:\n");
        for id in ["A", "B", "C"] {
            text.push_str(&format!(
                "  {id}: {{ Type: AWS::SNS::Topic, Properties: {{ TopicName: {id}-{version} }} }}\n"
            ));
        }
        text + more
    };
    let mut start = engine();
    let more = "  D: { Type: AWS::SNS::Topic }\n  E: { Type: AWS::SNS::Topic }\n";
    succeeds(&mut start, &text("one", more));
    for stuck in ["A", "B", "C", "D", "E"] {
        start.provider.refuse = vec![format!("{stuck}:delete")];
        let end = survives(&start, &Ask::Up(&text("two", "")));
        let root = &end.stacks().unwrap()[0];
        assert_eq!(root.status, StackStatus::UpdateComplete);
        assert!(root.reason.is_some());
    }
}

#[test]
fn failures_that_are_left_survive() {
    let mut start = engine();
    start.provider.refuse = ["App/Policy:create", "Network/Other:create"].map(str::to_owned).into();
    let left = survives(&start, &Ask::UpAs(TREE, OnFailure::DoNothing));
    assert_eq!(left.stacks().unwrap()[0].status, StackStatus::CreateFailed);
    let again = survives(&left, &Ask::UpAs(TREE, OnFailure::DoNothing));
    assert_eq!(again.stacks().unwrap()[0].status, StackStatus::UpdateFailed);
    let end = survives(&again, &Ask::RollBack);
    assert_eq!(end.stacks().unwrap()[0].status, StackStatus::RollbackComplete);
    assert!(end.provider.world.is_empty());
    let mut left = left;
    left.provider.refuse.clear();
    let end = survives(&left, &Ask::UpAs(TREE, OnFailure::DoNothing));
    assert_eq!(end.stacks().unwrap()[0].status, StackStatus::UpdateComplete);
}

#[test]
fn updates_whose_failures_are_left_survive() {
    let text = |version: &str| {
        format!(
            "--- stack.yaml
Resources:
  A: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
  B: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
  {version}: {{ Type: AWS::SNS::Topic, DependsOn: B }}
  Child: {{ Type: AWS::CloudFormation::Stack, Properties: {{ TemplateURL: child.yaml }} }}
--- child.yaml
Resources:
  C: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
  D: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
"
        )
    };
    let mut start = engine();
    succeeds(&mut start, &text("one"));
    let world = start.provider.world.clone();
    for fails in [["A:update", "Child/C:update"], ["B:update", "Child/D:update"]] {
        start.provider.refuse = fails.map(str::to_owned).into();
        let left = survives(&start, &Ask::UpAs(&text("two"), OnFailure::DoNothing));
        assert_eq!(left.stacks().unwrap()[0].status, StackStatus::UpdateFailed);
        let end = survives(&left, &Ask::RollBack);
        assert_eq!(end.stacks().unwrap()[0].status, StackStatus::UpdateRollbackComplete);
        assert_eq!(end.provider.world, world);
        let mut left = left;
        left.provider.refuse.clear();
        let end = survives(&left, &Ask::UpAs(&text("three"), OnFailure::DoNothing));
        assert_eq!(end.stacks().unwrap()[0].status, StackStatus::UpdateComplete);
        assert_eq!(end.provider.world.len(), 5);
    }
}

#[test]
fn a_creation_that_is_deleted_survives() {
    let mut start = engine();
    start.provider.refuse = vec!["App/Policy:create".into()];
    let end = survives(&start, &Ask::UpAs(TREE, OnFailure::Delete));
    assert!(end.stacks().unwrap().is_empty());
    assert!(end.provider.world.is_empty());
}

#[test]
fn a_rollback_that_is_taken_up_again_survives() {
    let mut start = engine();
    succeeds(&mut start, TREE);
    let before = start.provider.world.clone();
    start.provider.refuse = ["More/B:create", "Network/Topic:rollback"].map(str::to_owned).into();
    let (outcome, _) = up(&mut start, CHANGED);
    assert_eq!(outcome.status, StackStatus::UpdateRollbackFailed);
    let again = survives(&start, &Ask::GoOnRollingBack(&[]));
    assert_eq!(again.stacks().unwrap()[0].status, StackStatus::UpdateRollbackFailed);
    let skipped = survives(&again, &Ask::GoOnRollingBack(&["Network/Topic"]));
    assert_eq!(skipped.stacks().unwrap()[0].status, StackStatus::UpdateRollbackComplete);
    let mut again = again;
    again.provider.refuse.clear();
    let end = survives(&again, &Ask::GoOnRollingBack(&[]));
    assert_eq!(end.provider.world, before);
}

#[test]
fn a_deletion_that_retains_survives() {
    let mut start = engine();
    succeeds(&mut start, TREE);
    start.provider.refuse = vec!["Network/Topic:delete".into()];
    assert!(!destroy(&mut start).0.succeeded);
    let end = survives(&start, &Ask::DestroyBut(&["Network/Topic"]));
    assert!(end.stacks().unwrap().is_empty());
    assert_eq!(end.provider.world.len(), 1);
}

#[test]
fn an_interrupted_update_is_cancelled_instead_of_continued() {
    let mut start = engine();
    succeeds(&mut start, TREE);
    let before = start.provider.world.clone();
    let mut cancelled = 0;
    for kill_at in 1.. {
        let mut dying = mortal(&start, (kill_at, false));
        if perform(&mut dying, &Ask::Up(CHANGED), &inputs(&[])).is_ok() {
            break;
        }
        let mut again = remains(dying);
        let unfinished = again.unfinished().unwrap();
        let root = root_id(&again);
        match again.cancel_update(&root, &[], &mut |_| {}) {
            Ok(outcome) => {
                assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete, "{kill_at}");
                assert_eq!(again.provider.world, before, "{kill_at}");
                cancelled += 1;
            }
            // What was begun is done by then: only what is no longer needed is still there.
            Err(error) => {
                assert!(unfinished.is_none_or(|it| it.phase != Phase::Forward), "{error}")
            }
        }
    }
    assert!(cancelled > 4);
}

#[test]
fn an_import_survives() {
    let mut start = engine();
    succeeds(&mut start, "--- stack.yaml\nResources:\n  Own: { Type: AWS::SNS::Topic }\n");
    let there = ("AWS::S3::Bucket".to_owned(), serde_json::json!({}), Vec::new());
    start.provider.world.insert("there".to_owned(), there);
    let text = "--- stack.yaml
Resources:
  Own: { Type: AWS::SNS::Topic }
  Bucket: { Type: AWS::S3::Bucket, DeletionPolicy: Retain }
";
    for (name, status) in
        [("there", StackStatus::ImportComplete), ("nowhere", StackStatus::ImportRollbackComplete)]
    {
        let end = survives(&start, &Ask::Import(text, name));
        assert_eq!(end.stacks().unwrap()[0].status, status);
        assert_eq!(end.provider.world, start.provider.world);
    }
}
