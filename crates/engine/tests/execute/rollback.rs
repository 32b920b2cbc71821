use crate::creation::TREE;
use crate::project::*;
use kumiki_engine::{Backend, StackStatus};

#[test]
fn a_failed_nested_creation_takes_everything_back() {
    let mut engine = engine();
    engine.provider.refuse = vec!["App/Policy:create".into()];
    let (outcome, events) = up(&mut engine, TREE);
    assert_eq!((outcome.succeeded, outcome.status), (false, StackStatus::RollbackComplete));
    let cause = outcome.cause.unwrap();
    assert_eq!((cause.stack_path.as_str(), cause.logical_id.as_str()), ("App", "Policy"));
    assert_eq!(cause.reason, "App/Policy refuses to create");
    let app = engine.store.stacks.values().find(|it| it.path == "App").unwrap();
    let embedded = format!(
        ". App CREATE_FAILED Embedded stack {} was not successfully created: The following \
         resource(s) failed to create: [Policy].\n",
        app.stack_id
    );
    assert!(shown(&events).contains(&embedded), "{}", shown(&events));
    assert_eq!(
        course(&events, "App", ""),
        ["CREATE_IN_PROGRESS", "CREATE_FAILED", "DELETE_IN_PROGRESS", "DELETE_COMPLETE"]
    );
    assert_eq!(
        course(&events, "", ""),
        ["CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS", "ROLLBACK_COMPLETE"]
    );
    assert!(engine.provider.world.is_empty());
    assert!(engine.exports(ACCOUNT, REGION).unwrap().is_empty());
    // Such a stack can only be deleted.
    let refused = planned(&engine, &load(&project(TREE)), &inputs(&[]));
    assert!(matches!(refused, Err(kumiki_plan::Refusal::Status { .. })));
    engine.provider.refuse.clear();
    assert!(destroy(&mut engine).0.succeeded);
    succeeds(&mut engine, TREE);
}

#[test]
fn what_is_in_progress_is_cancelled() {
    let mut engine = engine();
    let mut text = String::from("--- stack.yaml\nResources:\n");
    for id in ["A", "B", "C", "D", "E", "F", "G", "H"] {
        text.push_str(&format!("  {id}: {{ Type: AWS::SNS::Topic }}\n"));
    }
    engine.provider.refuse = ["A", "B", "C"].map(|it| format!("{it}:create")).into();
    let (outcome, events) = up(&mut engine, &text);
    assert!(!outcome.succeeded);
    let cancelled = shown(&events).matches("CREATE_FAILED Resource creation cancelled").count();
    assert!(cancelled > 0, "{}", shown(&events));
    assert!(engine.provider.world.is_empty());
}

#[test]
fn retained_resources_of_a_failed_creation() {
    let mut engine = engine();
    let text = "--- stack.yaml
Resources:
  Kept: { Type: AWS::SNS::Topic, DeletionPolicy: Retain }
  Gone: { Type: AWS::SNS::Topic, DeletionPolicy: RetainExceptOnCreate }
  Fails: { Type: AWS::SNS::Topic, DependsOn: [Kept, Gone] }
";
    engine.provider.refuse = vec!["Fails:create".into()];
    let (_, events) = up(&mut engine, text);
    assert_eq!(course(&events, "", "Kept").last(), Some(&"DELETE_SKIPPED"));
    assert_eq!(course(&events, "", "Gone").last(), Some(&"DELETE_COMPLETE"));
    assert_eq!(engine.provider.world.len(), 1);
}

/// A tree in which an update changes, replaces, adds and removes at several depths.
fn tree(version: &str, extra: &str) -> String {
    format!(
        "--- stack.yaml
Resources:
  A: {{ Type: AWS::CloudFormation::Stack, Properties: {{ TemplateURL: a.yaml }} }}
  B:
    Type: AWS::CloudFormation::Stack
    DependsOn: A
    Properties: {{ TemplateURL: b.yaml, Parameters: {{ Topic: !GetAtt A.Outputs.Topic }} }}
--- a.yaml
Resources:
  Topic: {{ Type: AWS::SNS::Topic, Properties: {{ TopicName: topic-{version} }} }}
  Changed: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
{extra}
Outputs:
  Topic: {{ Value: !Ref Topic }}
  Name: {{ Value: {version}, Export: {{ Name: name-{version} }} }}
--- b.yaml
Parameters: {{ Topic: {{ Type: String }} }}
Resources:
  Bucket: {{ Type: AWS::S3::Bucket, Properties: {{ Tags: [{{ Key: T, Value: !Ref Topic }}] }} }}
  Last: {{ Type: AWS::SNS::Topic, DependsOn: Bucket, Properties: {{ DisplayName: {version} }} }}
"
    )
}

#[test]
fn a_failed_update_goes_back_to_what_was() {
    for fails in ["B/Last:update", "B/Bucket:update", "A/Changed:update", "A/New:create"] {
        let mut engine = engine();
        succeeds(&mut engine, &tree("one", "  Old: { Type: AWS::SNS::Topic }"));
        let (world, exports) = (engine.provider.world.clone(), engine.store.exports.clone());
        let before = engine.current("app", ACCOUNT, REGION).unwrap();
        engine.provider.refuse = vec![fails.into()];
        let (outcome, events) = up(&mut engine, &tree("two", "  New: { Type: AWS::SNS::Topic }"));
        engine.provider.refuse.clear();
        assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete, "{}", shown(&events));
        assert_eq!(engine.provider.world, world, "{fails}\n{}", shown(&events));
        assert_eq!(engine.store.exports, exports, "{fails}");
        let mut after = engine.current("app", ACCOUNT, REGION).unwrap();
        for (path, stack) in &mut after.stacks {
            stack.status.clone_from(&before.stacks[path].status);
            for (id, resource) in &mut stack.resources {
                resource.status.clone_from(&before.stacks[path].resources[id].status);
            }
        }
        assert_eq!(after, before, "{fails}");
        succeeds(&mut engine, &tree("two", "  New: { Type: AWS::SNS::Topic }"));
    }
}

#[test]
fn a_failed_way_back_says_so() {
    let mut engine = engine();
    succeeds(&mut engine, &tree("one", ""));
    engine.provider.refuse = ["update", "rollback"].map(|it| format!("B/Last:{it}")).into();
    let (outcome, events) = up(&mut engine, &tree("two", ""));
    assert_eq!(outcome.status, StackStatus::UpdateRollbackFailed, "{}", shown(&events));
    assert!(!outcome.succeeded);
    let cause = outcome.cause.unwrap();
    assert_eq!((cause.stack_path.as_str(), cause.logical_id.as_str()), ("B", "Last"));
}
