use crate::creation::TREE;
use crate::project::*;
use kumiki_engine::{Backend, StackStatus};

#[test]
fn a_tree_is_deleted_in_reverse() {
    let mut engine = engine();
    succeeds(&mut engine, TREE);
    let (outcome, events) = destroy(&mut engine);
    assert!(outcome.succeeded);
    assert_eq!(outcome.status, StackStatus::DeleteComplete);
    assert_eq!(
        shown(&events),
        ". (stack) DELETE_IN_PROGRESS User Initiated
. App DELETE_IN_PROGRESS
App (stack) DELETE_IN_PROGRESS
App Policy DELETE_IN_PROGRESS
App Policy DELETE_COMPLETE
App Bucket DELETE_IN_PROGRESS
App Bucket DELETE_COMPLETE
App (stack) DELETE_COMPLETE
. App DELETE_COMPLETE
. Network DELETE_IN_PROGRESS
Network (stack) DELETE_IN_PROGRESS
Network Other DELETE_IN_PROGRESS
Network Topic DELETE_IN_PROGRESS
Network Other DELETE_COMPLETE
Network Topic DELETE_COMPLETE
Network (stack) DELETE_COMPLETE
. Network DELETE_COMPLETE
. (stack) DELETE_COMPLETE
"
    );
    assert!(engine.provider.world.is_empty() && engine.stacks().unwrap().is_empty());
    assert!(engine.exports(ACCOUNT, REGION).unwrap().is_empty());
    assert!(engine.imports(ACCOUNT, REGION).unwrap().is_empty());
    assert!(!engine.events("app", ACCOUNT, REGION, 0).unwrap().is_empty());
    // The next stack of this name is another one.
    let first = outcome.stack_id;
    succeeds(&mut engine, TREE);
    assert_ne!(engine.stacks().unwrap()[0].stack_id, first);
}

#[test]
fn a_resource_that_stays_fails_the_deletion_until_it_goes() {
    let mut engine = engine();
    succeeds(&mut engine, TREE);
    engine.provider.refuse = vec!["App/Bucket:delete".into()];
    let (outcome, events) = destroy(&mut engine);
    assert_eq!((outcome.succeeded, outcome.status), (false, StackStatus::DeleteFailed));
    let cause = outcome.cause.unwrap();
    assert_eq!((cause.stack_path.as_str(), cause.logical_id.as_str()), ("App", "Bucket"));
    assert_eq!(course(&events, "", "Network"), [""; 0]);
    assert!(
        shown(&events).ends_with(
            ". (stack) DELETE_FAILED The following resource(s) failed to delete: [App].\n"
        )
    );
    engine.provider.refuse.clear();
    let (outcome, _) = destroy(&mut engine);
    assert!(outcome.succeeded);
    assert!(engine.provider.world.is_empty());
}

#[test]
fn what_is_retained_stays_in_the_world() {
    let mut engine = engine();
    let text = "--- stack.yaml
Resources:
  A: { Type: AWS::SNS::Topic, DeletionPolicy: Retain, Properties: { TopicName: kept } }
  B: { Type: AWS::SNS::Topic, DeletionPolicy: RetainExceptOnCreate, DependsOn: A }
  C: { Type: AWS::SNS::Topic, DependsOn: B }
";
    succeeds(&mut engine, text);
    let (outcome, events) = destroy(&mut engine);
    assert!(outcome.succeeded);
    assert_eq!(course(&events, "", "A"), ["DELETE_SKIPPED"]);
    assert_eq!(course(&events, "", "B"), ["DELETE_SKIPPED"]);
    assert_eq!(course(&events, "", "C"), ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]);
    assert_eq!(engine.provider.world.len(), 2);
    // Its name stays taken.
    let (outcome, _) = up(&mut engine, text);
    assert_eq!(outcome.cause.unwrap().reason, "kept already exists");
}

#[test]
fn a_nested_stack_that_is_retained_stands_alone() {
    let mut engine = engine();
    let text = "--- stack.yaml
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    DeletionPolicy: Retain
    Properties: { TemplateURL: child.yaml }
--- child.yaml
Resources:
  Topic: { Type: AWS::SNS::Topic }
";
    succeeds(&mut engine, text);
    assert!(destroy(&mut engine).0.succeeded);
    let left = engine.stacks().unwrap();
    assert_eq!((left.len(), left[0].path.as_str()), (1, ""));
    let outcome = engine.delete_stack(&left[0].stack_id, &[], &mut |_| {}).unwrap();
    assert!(outcome.succeeded);
    assert!(engine.provider.world.is_empty());
}

#[test]
fn there_must_be_a_stack_to_delete() {
    let mut engine = engine();
    let refused = engine.delete_stack("app", &[], &mut |_| {}).unwrap_err();
    assert_eq!(refused.to_string(), "there is no stack `app`");
}
