use crate::project::*;
use kumiki_engine::{Backend, StackStatus};

/// A topic of the given properties, and a bucket that refers to it.
fn pair(topic: &str) -> String {
    format!(
        "--- stack.yaml
Resources:
  Topic:
    Type: AWS::SNS::Topic
    {topic}
  Bucket:
    Type: AWS::S3::Bucket
    Properties: {{ Tags: [{{ Key: T, Value: !Ref Topic }}] }}
  Bystander: {{ Type: AWS::SNS::Topic }}
"
    )
}

#[test]
fn an_update_in_place_keeps_the_resource_and_its_dependents() {
    let mut engine = engine();
    succeeds(&mut engine, &pair("Properties: { DisplayName: one }"));
    let before: Vec<String> = engine.provider.world.keys().cloned().collect();
    let events = succeeds(&mut engine, &pair("Properties: { DisplayName: two }"));
    assert_eq!(
        shown(&events),
        ". (stack) UPDATE_IN_PROGRESS User Initiated
. Topic UPDATE_IN_PROGRESS
. Topic UPDATE_COMPLETE
. (stack) UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
. (stack) UPDATE_COMPLETE
"
    );
    assert_eq!(engine.provider.world.keys().cloned().collect::<Vec<_>>(), before);
}

#[test]
fn a_replacement_is_created_first_and_the_old_one_deleted_last() {
    let mut engine = engine();
    succeeds(&mut engine, &pair("Properties: { TopicName: one }"));
    let events = succeeds(&mut engine, &pair("Properties: { TopicName: two }"));
    let replacing = "Requested update requires the creation of a new physical resource; hence \
                     creating one.";
    assert_eq!(
        shown(&events),
        format!(
            ". (stack) UPDATE_IN_PROGRESS User Initiated
. Topic UPDATE_IN_PROGRESS {replacing}
. Topic UPDATE_IN_PROGRESS Resource creation Initiated
. Topic UPDATE_COMPLETE
. Bucket UPDATE_IN_PROGRESS
. Bucket UPDATE_COMPLETE
. (stack) UPDATE_COMPLETE_CLEANUP_IN_PROGRESS
. Topic DELETE_IN_PROGRESS
. Topic DELETE_COMPLETE
. (stack) UPDATE_COMPLETE
"
        )
    );
    assert!(
        engine.provider.world.contains_key("two") && !engine.provider.world.contains_key("one")
    );
    let old: Vec<_> = events.iter().filter(|it| it.physical_id == "one").collect();
    assert_eq!(old.len(), 3, "{old:#?}");
}

#[test]
fn policies_decide_what_stays() {
    // Attributes of the topic, whether it is replaced or removed, and what stays of it.
    let cases = [
        ("UpdateReplacePolicy: Retain", true, "stays"),
        ("UpdateReplacePolicy: Delete", true, "goes"),
        ("UpdateReplacePolicy: Snapshot", true, "snapshot"),
        ("DeletionPolicy: Retain", false, "stays"),
        ("DeletionPolicy: RetainExceptOnCreate", false, "stays"),
        ("DeletionPolicy: Delete", false, "goes"),
        ("DeletionPolicy: Snapshot", false, "snapshot"),
        ("DeletionPolicy: Delete", true, "goes"),
    ];
    for (policy, replaced, expected) in cases {
        let text = |name: &str| {
            format!(
                "--- stack.yaml
Resources:
  Topic:
    Type: AWS::SNS::Topic
    {policy}
    Properties: {{ TopicName: {name} }}
  Other: {{ Type: AWS::SNS::Topic }}
"
            )
        };
        let mut engine = engine();
        succeeds(&mut engine, &text("one"));
        let without = "--- stack.yaml\nResources:\n  Other: { Type: AWS::SNS::Topic }\n";
        let next = if replaced { text("two") } else { without.to_owned() };
        let events = succeeds(&mut engine, &next);
        let skipped = course(&events, "", "Topic").contains(&"DELETE_SKIPPED");
        let found =
            match (engine.provider.world.contains_key("one"), engine.provider.snapshots.as_slice())
            {
                (true, []) if skipped => "stays",
                (false, []) if !skipped => "goes",
                (false, [one]) if one == "one" => "snapshot",
                other => panic!("{policy} {other:?}\n{}", shown(&events)),
            };
        assert_eq!(found, expected, "{policy}\n{}", shown(&events));
    }
}

#[test]
fn only_the_stacks_that_change_show_themselves() {
    let text = |name: &str| {
        format!(
            "--- stack.yaml
Resources:
  A:
    Type: AWS::CloudFormation::Stack
    Properties: {{ TemplateURL: a.yaml }}
  B:
    Type: AWS::CloudFormation::Stack
    Properties: {{ TemplateURL: b.yaml, Parameters: {{ Topic: !GetAtt A.Outputs.Topic }} }}
--- a.yaml
Resources:
  Topic: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {name} }} }}
Outputs:
  Topic: {{ Value: !Ref Topic }}
--- b.yaml
Parameters: {{ Topic: {{ Type: String }} }}
Resources:
  Bucket: {{ Type: AWS::S3::Bucket, Properties: {{ Tags: [{{ Key: T, Value: !Ref Topic }}] }} }}
"
        )
    };
    let mut engine = engine();
    succeeds(&mut engine, &text("one"));
    let events = succeeds(&mut engine, &text("two"));
    assert!(events.iter().all(|it| it.logical_id != "B" && it.stack_path != "B"), "{events:#?}");
    let cleanup = "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS";
    assert_eq!(course(&events, "A", ""), ["UPDATE_IN_PROGRESS", cleanup, "UPDATE_COMPLETE"]);
}

#[test]
fn an_export_in_use_cannot_change() {
    let exporter = |topic: &str| {
        format!(
            "--- stack.yaml
Resources:
  Topic: {{ Type: AWS::SNS::Topic, Properties: {{ {topic} }} }}
  Plain: {{ Type: AWS::SNS::Topic }}
Outputs:
  Topic: {{ Value: !Ref Topic, Export: {{ Name: shared }} }}
"
        )
    };
    let importer = "--- stack.yaml
Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: !ImportValue shared } }
";
    let mut engine = engine();
    succeeds(&mut engine, &exporter("TopicName: one"));
    let mut other = inputs(&[]);
    other.stack_name = "user".into();
    assert!(up_with(&mut engine, importer, &other).unwrap().unwrap().0.succeeded);
    let world = engine.provider.world.clone();
    let (outcome, events) = up(&mut engine, &exporter("TopicName: two"));
    assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete, "{}", shown(&events));
    let reason = outcome.cause.unwrap().reason;
    assert_eq!(reason, "Cannot update export shared as it is in use by user.");
    assert_eq!(engine.provider.world, world);
    let (outcome, _) = destroy(&mut engine);
    assert!(!outcome.succeeded);
    assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete);
    let reason = outcome.cause.unwrap().reason;
    assert_eq!(reason, "Delete canceled. Cannot delete export shared as it is in use by user.");
}

#[test]
fn tags_of_the_stack_reach_its_resources() {
    let mut engine = engine();
    let text = "--- stack.yaml
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: child.yaml }
--- child.yaml
Resources:
  Topic: { Type: AWS::SNS::Topic }
";
    succeeds(&mut engine, text);
    let mut tagged = inputs(&[]);
    tagged.tags = vec![("Owner".into(), "other".into())];
    let (outcome, _) = up_with(&mut engine, text, &tagged).unwrap().unwrap();
    assert!(outcome.succeeded);
    let (_, _, tags) = engine.provider.world.values().next().unwrap();
    assert!(tags.contains(&("Owner".into(), "other".into())), "{tags:?}");
    assert!(up_with(&mut engine, text, &tagged).unwrap().is_none());
}

#[test]
fn a_change_set_made_before_another_was_executed_is_obsolete() {
    let mut engine = engine();
    let text = pair("Properties: { DisplayName: one }");
    succeeds(&mut engine, &text);
    let later = load(&project(&pair("Properties: { DisplayName: two }")));
    let given = inputs(&[]);
    let plan = planned(&engine, &later, &given).unwrap();
    let request = kumiki_engine::ChangeSetRequest {
        library: &later,
        root: later.find("stack.yaml").unwrap(),
        inputs: &given,
        plan: &plan,
        name: Some("stale"),
        options: &Default::default(),
    };
    let stale = engine.create_change_set(&request).unwrap().id;
    succeeds(&mut engine, &pair("Properties: { DisplayName: three }"));
    let refused = engine
        .execute_change_set(&stale, &Default::default(), &[], &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(refused.contains("OBSOLETE"), "{refused}");
}

#[test]
fn a_cleanup_leaves_what_it_cannot_delete() {
    let mut engine = engine();
    let text = "--- stack.yaml
Resources:
  A: { Type: AWS::SNS::Topic }
  B: { Type: AWS::SNS::Topic, DependsOn: A }
  C: { Type: AWS::SNS::Topic }
";
    succeeds(&mut engine, text);
    engine.provider.refuse = vec!["B:delete".into()];
    let next = "--- stack.yaml\nResources:\n  C: { Type: AWS::SNS::Topic }\n";
    let events = succeeds(&mut engine, next);
    assert_eq!(course(&events, "", "B"), ["DELETE_IN_PROGRESS", "DELETE_FAILED"]);
    assert_eq!(course(&events, "", "A"), ["DELETE_IN_PROGRESS", "DELETE_COMPLETE"]);
    assert_eq!(engine.provider.world.len(), 2);
}
