//! The ways out of every status that is no rest.

use crate::creation::TREE;
use crate::project::*;
use kumiki_engine::*;

/// Two paths that do not depend on each other, one of which has a second resource.
fn paths(version: &str) -> String {
    format!(
        "--- stack.yaml
Resources:
  A: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
  After: {{ Type: AWS::SNS::Topic, DependsOn: A, Properties: {{ DisplayName: {version} }} }}
  B: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
  Child: {{ Type: AWS::CloudFormation::Stack, Properties: {{ TemplateURL: child.yaml }} }}
Outputs:
  Name: {{ Value: !Ref B }}
--- child.yaml
Resources:
  C: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
  D: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
Outputs:
  C: {{ Value: !Ref C, Export: {{ Name: c }} }}
"
    )
}

fn refusing(resources: &[&str]) -> Vec<String> {
    resources.iter().map(|it| (*it).to_owned()).collect()
}

/// Rolls back, and gives what happened.
fn roll_back(engine: &mut Toys) -> (Outcome, Vec<Event>) {
    let root = root_id(engine);
    let mut events = Vec::new();
    let outcome = engine.rollback_stack(&root, false, &mut |it| events.push(it.clone())).unwrap();
    (outcome, events)
}

#[test]
fn a_failure_that_is_left_stops_only_what_depends_on_it() {
    let mut engine = engine();
    engine.provider.refuse = refusing(&["A:create", "Child/C:create"]);
    let (outcome, events) = up_leaving(&mut engine, &paths("one"));
    assert_eq!((outcome.succeeded, outcome.status), (false, StackStatus::CreateFailed));
    assert_eq!(course(&events, "", "After"), [""; 0], "{}", shown(&events));
    for (path, id, last) in [
        ("", "B", "CREATE_COMPLETE"),
        ("Child", "D", "CREATE_COMPLETE"),
        ("", "A", "CREATE_FAILED"),
    ] {
        assert_eq!(course(&events, path, id).last(), Some(&last), "{}", shown(&events));
    }
    let child = &engine.stacks().unwrap()[1].stack_id;
    let end = format!(
        "Child (stack) CREATE_FAILED The following resource(s) failed to create: [C].
. Child CREATE_FAILED Embedded stack {child} was not successfully created: The following resource(s) \
         failed to create: [C].
. A CREATE_FAILED A refuses to create
. (stack) CREATE_FAILED The following resource(s) failed to create: [A, Child].
"
    );
    assert!(shown(&events).ends_with(&end), "{}", shown(&events));

    // Taken up again, it does what is missing and nothing else.
    let b = engine.provider.world.keys().find(|it| it.starts_with("B-")).cloned();
    engine.provider.refuse.clear();
    let refused = up_with(&mut engine, &paths("one"), &inputs(&[])).unwrap_err();
    assert!(matches!(refused, ExecuteError::Paused { .. }), "{refused}");
    let (outcome, events) = up_leaving(&mut engine, &paths("one"));
    assert!(outcome.succeeded, "{}", shown(&events));
    assert_eq!(outcome.status, StackStatus::UpdateComplete);
    assert_eq!(
        course(&events, "", "A"),
        ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"]
    );
    assert_eq!(course(&events, "", "B"), [""; 0]);
    assert!(engine.provider.world.contains_key(&b.unwrap()));
    assert_eq!(engine.provider.world.len(), 5);
    let again = planned(&engine, &load(&project(&paths("one"))), &inputs(&[])).unwrap();
    assert!(again.is_empty(), "{again:#?}");
    assert!(destroy(&mut engine).0.succeeded);
    assert!(engine.provider.world.is_empty());
}

#[test]
fn a_creation_that_was_left_is_taken_back_to_nothing() {
    for tries in 1..3 {
        let mut engine = engine();
        engine.provider.refuse = refusing(&["A:create", "Child/C:create"]);
        for _ in 0..tries {
            let (outcome, _) = up_leaving(&mut engine, &paths("one"));
            assert!(!outcome.succeeded);
        }
        let (outcome, events) = roll_back(&mut engine);
        assert!(outcome.succeeded, "{}", shown(&events));
        assert_eq!(outcome.status, StackStatus::RollbackComplete);
        assert_eq!(course(&events, "", ""), ["ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]);
        assert!(
            engine.provider.world.is_empty() && engine.exports(ACCOUNT, REGION).unwrap().is_empty()
        );
    }
}

#[test]
fn an_update_that_was_left_goes_back_to_what_it_was_before_the_first() {
    let mut engine = engine();
    succeeds(&mut engine, &paths("one"));
    let (world, before) =
        (engine.provider.world.clone(), engine.current("app", ACCOUNT, REGION).unwrap());
    engine.provider.refuse = refusing(&["A:update"]);
    for version in ["two", "three"] {
        // What is new since then goes again, also when it was changed since.
        let new = format!(
            "  New: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}\nOutputs:\n  Name"
        );
        let text = paths(version).replace("Outputs:\n  Name", &new);
        let (outcome, events) = up_leaving(&mut engine, &text);
        assert_eq!(outcome.status, StackStatus::UpdateFailed, "{}", shown(&events));
        assert_eq!(course(&events, "", "After"), [""; 0], "{}", shown(&events));
        assert_eq!(
            course(&events, "Child", ""),
            ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_COMPLETE"]
        );
    }
    assert_ne!(engine.provider.world, world);
    let (outcome, events) = roll_back(&mut engine);
    assert!(outcome.succeeded, "{}", shown(&events));
    assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete);
    assert_eq!(engine.provider.world, world, "{}", shown(&events));
    let mut after = engine.current("app", ACCOUNT, REGION).unwrap();
    for (path, stack) in &mut after.stacks {
        stack.status.clone_from(&before.stacks[path].status);
        for (id, resource) in &mut stack.resources {
            resource.status.clone_from(&before.stacks[path].resources[id].status);
        }
    }
    assert_eq!(after, before);
    succeeds(
        &mut engine,
        &paths("one").replace("Outputs", "  More: { Type: AWS::SNS::Topic }\nOutputs"),
    );
}

#[test]
fn an_update_that_was_left_is_taken_up_again() {
    let mut engine = engine();
    succeeds(&mut engine, &paths("one"));
    engine.provider.refuse = refusing(&["Child/D:update"]);
    let (outcome, _) = up_leaving(&mut engine, &paths("two"));
    assert_eq!(outcome.status, StackStatus::UpdateFailed);
    engine.provider.refuse.clear();
    let (outcome, events) = up_leaving(&mut engine, &paths("two"));
    assert!(outcome.succeeded, "{}", shown(&events));
    assert_eq!(course(&events, "Child", "D"), ["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE"]);
    assert_eq!(course(&events, "", "A"), [""; 0]);
    let again = planned(&engine, &load(&project(&paths("two"))), &inputs(&[])).unwrap();
    assert!(again.is_empty(), "{again:#?}");
    let refused = engine.rollback_stack(&root_id(&engine), false, &mut |_| {}).unwrap_err();
    assert!(matches!(refused, StackError::Status { .. }), "{refused}");
}

#[test]
fn what_could_not_be_taken_back_is_not_replaced() {
    let text = |name: &str| {
        format!(
            "--- stack.yaml\nResources:\n  A: {{ Type: AWS::SNS::Topic, Properties: {{ TopicName: {name} }} }}\n"
        )
    };
    let mut engine = engine();
    succeeds(&mut engine, &text("one"));
    let (outcome, _) = up_leaving(&mut engine, &text("two"));
    assert_eq!(outcome.status, StackStatus::UpdateFailed);
    let reason = outcome.cause.unwrap().reason;
    assert_eq!(reason, "Replacement type updates not supported on stack with disable-rollback.");
    assert!(roll_back(&mut engine).0.succeeded);
    succeeds(&mut engine, &text("two"));
}

#[test]
fn a_stack_that_could_not_be_created_is_deleted_where_asked() {
    let mut engine = engine();
    engine.provider.refuse = refusing(&["App/Policy:create"]);
    let options =
        ExecuteOptions { on_failure: Some(OnFailure::Delete), ..ExecuteOptions::default() };
    let (outcome, events) = up_as(&mut engine, TREE, &inputs(&[]), &options).unwrap().unwrap();
    assert_eq!((outcome.succeeded, outcome.status), (false, StackStatus::DeleteComplete));
    assert_eq!(
        course(&events, "", ""),
        ["CREATE_IN_PROGRESS", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    );
    assert!(shown(&events).contains("Delete requested by user."), "{}", shown(&events));
    assert!(engine.provider.world.is_empty() && engine.stacks().unwrap().is_empty());
    engine.provider.refuse.clear();
    succeeds(&mut engine, TREE);
}

#[test]
fn new_resources_that_are_to_be_retained_go_where_asked() {
    let text = "--- stack.yaml
Resources:
  Kept: { Type: AWS::SNS::Topic, DeletionPolicy: Retain }
  Fails: { Type: AWS::SNS::Topic, DependsOn: Kept }
";
    for (except, left) in [(false, 1), (true, 0)] {
        let mut engine = engine();
        engine.provider.refuse = refusing(&["Fails:create"]);
        let options =
            ExecuteOptions { retain_except_on_create: except, ..ExecuteOptions::default() };
        up_as(&mut engine, text, &inputs(&[]), &options).unwrap().unwrap();
        assert_eq!(engine.provider.world.len(), left);
    }
}

/// A stack in `UPDATE_ROLLBACK_FAILED`: `stuck` could not go back.
fn stuck(stuck: &str, fails: &str) -> (Toys, kumiki_plan::Current) {
    let mut engine = engine();
    succeeds(&mut engine, &paths("one"));
    let before = engine.current("app", ACCOUNT, REGION).unwrap();
    engine.provider.refuse = vec![format!("{fails}:update"), format!("{stuck}:rollback")];
    let (outcome, events) = up(&mut engine, &paths("two"));
    assert_eq!(outcome.status, StackStatus::UpdateRollbackFailed, "{}", shown(&events));
    (engine, before)
}

fn go_on(engine: &mut Toys, skip: &[&str]) -> Result<(Outcome, Vec<Event>), StackError> {
    let (root, mut events) = (root_id(engine), Vec::new());
    let skip = refusing(skip);
    let outcome = engine.continue_rollback(&root, &skip, &mut |it| events.push(it.clone()))?;
    Ok((outcome, events))
}

#[test]
fn a_rollback_that_failed_is_taken_up_again() {
    for (id, fails) in [("A", "After"), ("Child/C", "After"), ("Child/D", "After")] {
        let (mut engine, before) = stuck(id, fails);
        let (outcome, events) = go_on(&mut engine, &[]).unwrap();
        assert_eq!(outcome.status, StackStatus::UpdateRollbackFailed, "{}", shown(&events));
        engine.provider.refuse.clear();
        let (outcome, events) = go_on(&mut engine, &[]).unwrap();
        assert!(outcome.succeeded, "{}", shown(&events));
        assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete);
        let after = engine.current("app", ACCOUNT, REGION).unwrap();
        for (path, stack) in &before.stacks {
            for (id, resource) in &stack.resources {
                let found = after.resource(path, id).unwrap();
                assert_eq!(found.properties, resource.properties, "{path}/{id}");
                assert_eq!(
                    engine.provider.world.get(&found.physical_id).map(|it| &it.1),
                    (found.type_name != "AWS::CloudFormation::Stack").then_some(&found.properties)
                );
            }
        }
        let settled = engine.stacks().unwrap();
        assert!(settled.iter().all(|it| !it.status.in_progress()), "{settled:#?}");
        succeeds(&mut engine, &paths("two"));
    }
}

#[test]
fn what_cannot_go_back_is_skipped_by_name() {
    let (mut engine, _) = stuck("Child/C", "After");
    let child = engine.stacks().unwrap()[1].name.clone();
    // Only what failed, by a path that leads there; a nested stack only when it is gone.
    for wrong in ["C", "Child/D", "Child", "Nowhere/C", "A"] {
        let refused = go_on(&mut engine, &[wrong]).unwrap_err();
        assert!(matches!(refused, StackError::Resource { .. }), "{wrong}: {refused}");
    }
    for name in ["Child/C".to_owned(), format!("{child}.C")] {
        let mut engine = Toys {
            store: engine.store.clone(),
            provider: engine.provider.clone(),
            clock: Stopped(7),
        };
        let (outcome, events) = go_on(&mut engine, &[&name]).unwrap();
        assert!(outcome.succeeded, "{}", shown(&events));
        let skipped = "Child C UPDATE_COMPLETE Resource skipped during the rollback\n";
        assert!(shown(&events).contains(skipped), "{}", shown(&events));
        // The world is not as the template says, and a comparison sees it.
        let child = engine.stacks().unwrap()[1].stack_id.clone();
        assert_eq!(engine.detect_drift(&child).unwrap().status, StackDriftStatus::Drifted);
    }
}

#[test]
fn what_cannot_be_deleted_is_left_by_name() {
    let mut engine = engine();
    succeeds(&mut engine, TREE);
    let root = root_id(&engine);
    let retain = refusing(&["Network/Topic"]);
    let early = engine.delete_stack(&root, &retain, &mut |_| {}).unwrap_err();
    assert!(matches!(early, StackError::Status { .. }), "{early}");
    engine.provider.refuse = refusing(&["Network/Topic:delete"]);
    assert_eq!(destroy(&mut engine).0.status, StackStatus::DeleteFailed);
    let other = engine.delete_stack(&root, &refusing(&["Network/Other"]), &mut |_| {}).unwrap_err();
    assert!(matches!(other, StackError::Resource { .. }), "{other}");
    let mut events = Vec::new();
    let outcome = engine.delete_stack(&root, &retain, &mut |it| events.push(it.clone())).unwrap();
    assert!(outcome.succeeded, "{}", shown(&events));
    assert_eq!(course(&events, "Network", "Topic"), ["DELETE_SKIPPED"]);
    assert_eq!(engine.provider.world.len(), 1);
}

#[test]
fn deletion_forgets_nothing_that_a_failed_rollback_left() {
    let text = |name: &str, version: &str| {
        format!(
            "--- stack.yaml
Resources:
  A: {{ Type: AWS::SNS::Topic, Properties: {{ TopicName: {name} }} }}
  B: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
  C: {{ Type: AWS::SNS::Topic, DependsOn: [A, B], Properties: {{ DisplayName: {version} }} }}
"
        )
    };
    let mut engine = engine();
    succeeds(&mut engine, &text("one", "one"));
    engine.provider.refuse = refusing(&["C:update", "B:rollback"]);
    let (outcome, _) = up(&mut engine, &text("two", "two"));
    assert_eq!(outcome.status, StackStatus::UpdateRollbackFailed);
    assert_eq!(engine.provider.world.len(), 4);
    let (outcome, events) = destroy(&mut engine);
    assert!(outcome.succeeded, "{}", shown(&events));
    assert!(engine.provider.world.is_empty(), "{:?}\n{}", engine.provider.world, shown(&events));
}

#[test]
fn an_update_is_cancelled_while_it_runs() {
    let mut engine = engine();
    succeeds(&mut engine, &paths("one"));
    let world = engine.provider.world.clone();
    let library = load(&project(&paths("two")));
    let given = inputs(&[]);
    let plan = planned(&engine, &library, &given).unwrap();
    let root = library.find("stack.yaml").unwrap();
    let options = &Default::default();
    let request = ChangeSetRequest {
        library: &library,
        root,
        inputs: &given,
        plan: &plan,
        name: None,
        options,
    };
    let id = engine.create_change_set(&request).unwrap().id;
    let options = ExecuteOptions::default();
    let cancel = options.cancel.clone();
    let mut events = Vec::new();
    let outcome = engine
        .execute_change_set(&id, &options, &[], &mut |it| {
            events.push(it.clone());
            if it.status == "UPDATE_COMPLETE" {
                cancel.cancel();
            }
        })
        .unwrap();
    assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete, "{}", shown(&events));
    assert!(!outcome.succeeded && outcome.cause.is_none());
    assert!(shown(&events).contains(". (stack) UPDATE_ROLLBACK_IN_PROGRESS User Initiated\n"));
    assert!(shown(&events).contains("Resource update cancelled"), "{}", shown(&events));
    assert_eq!(engine.provider.world, world);
    let refused = engine.cancel_update(&root_id(&engine), &[], &mut |_| {}).unwrap_err();
    assert!(matches!(refused, StackError::Status { .. }), "{refused}");
}
