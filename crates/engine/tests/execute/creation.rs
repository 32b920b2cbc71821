use crate::project::*;
use kumiki_engine::{Backend, StackStatus};

pub const TREE: &str = "--- stack.yaml
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
Outputs:
  Bucket: { Value: !GetAtt App.Outputs.Bucket }
--- nested/network.yaml
Parameters:
  Name: { Type: String }
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: !Ref Name }
  Other:
    Type: AWS::SNS::Topic
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
    Properties:
      Tags: [{ Key: Topic, Value: !Ref Topic }, { Key: Arn, Value: !ImportValue app-topic }]
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties: { Bucket: !Ref Bucket, PolicyDocument: { Resource: !GetAtt Bucket.Arn } }
Outputs:
  Bucket: { Value: !Ref Bucket }
";

#[test]
fn a_tree_is_created_in_the_order_of_its_dependencies() {
    let mut engine = engine();
    let events = succeeds(&mut engine, TREE);
    assert_eq!(course(&events, "", ""), ["CREATE_IN_PROGRESS", "CREATE_COMPLETE"]);
    let twice = ["CREATE_IN_PROGRESS", "CREATE_IN_PROGRESS", "CREATE_COMPLETE"];
    assert_eq!(course(&events, "", "Network"), twice);
    assert_eq!(course(&events, "App", "Bucket"), twice);
    let at = |path: &str, id: &str, status: &str| {
        let found = events
            .iter()
            .position(|it| it.stack_path == path && it.logical_id == id && it.status == status);
        found.unwrap_or_else(|| panic!("{path} {id} {status}\n{}", shown(&events)))
    };
    assert!(at("", "Network", "CREATE_COMPLETE") < at("", "App", "CREATE_IN_PROGRESS"));
    assert!(at("App", "Bucket", "CREATE_COMPLETE") < at("App", "Policy", "CREATE_IN_PROGRESS"));
    let sequences: Vec<u64> = events.iter().map(|it| it.sequence).collect();
    assert!(sequences.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{sequences:?}");
    let stacks = engine.stacks().unwrap();
    let names: Vec<_> = stacks.iter().map(|it| (it.path.as_str(), it.name.len())).collect();
    assert_eq!(names, [("", 3), ("App", 3 + 5 + 12), ("Network", 3 + 9 + 12)]);
    let output = &stacks[0].settled.outputs["Bucket"].value;
    let bucket = &engine.provider.world[output];
    assert!(bucket.1.to_string().contains("arn:aws:toy:ap-northeast-1:123456789012:Topic-"));
    let tag = |name: &str| bucket.2.iter().find(|it| it.0 == name).map(|it| it.1.as_str());
    assert_eq!(tag("Owner"), Some("team"));
    assert_eq!(tag("aws:cloudformation:logical-id"), Some("Bucket"));
    let exports = engine.exports(ACCOUNT, REGION).unwrap();
    assert_eq!(exports.len(), 1);
    assert_eq!(engine.imports(ACCOUNT, REGION).unwrap()[0].name, "app-topic");
    assert!(engine.provider.answers.is_empty());
}

#[test]
fn siblings_are_created_at_the_same_time() {
    let mut engine = engine();
    let text = "--- stack.yaml
Resources:
  A: { Type: AWS::SNS::Topic }
  B: { Type: AWS::SNS::Topic }
  C: { Type: AWS::SNS::Topic, DependsOn: A }
";
    let (outcome, events) = up(&mut engine, text);
    let first = |id: &str| events.iter().find(|it| it.logical_id == id).unwrap().elapsed;
    assert_eq!((first("A"), first("B")), (0, 0));
    assert!(first("C") > 0 && outcome.elapsed >= first("C"));
}

#[test]
fn an_import_that_nothing_exports_fails_the_stack() {
    let mut engine = engine();
    let text = "--- stack.yaml
Resources:
  A: { Type: AWS::SNS::Topic }
  Child:
    Type: AWS::CloudFormation::Stack
    DependsOn: A
    Properties: { TemplateURL: child.yaml }
--- child.yaml
Resources:
  B:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: !ImportValue nobody }
";
    let (outcome, events) = up(&mut engine, text);
    assert_eq!(outcome.status, StackStatus::RollbackComplete);
    let cause = outcome.cause.unwrap();
    assert_eq!((cause.stack_path.as_str(), cause.logical_id.as_str()), ("Child", "B"));
    assert_eq!(cause.reason, "No export named nobody found");
    assert!(
        shown(&events).contains("was not successfully created: No export named nobody found."),
        "{}",
        shown(&events)
    );
    assert!(engine.provider.world.is_empty());
}

#[test]
fn an_export_that_another_stack_makes_fails_the_stack() {
    let mut engine = engine();
    let text = "--- stack.yaml
Resources:
  A: { Type: AWS::SNS::Topic }
Outputs:
  A: { Value: !Ref A, Export: { Name: shared } }
";
    succeeds(&mut engine, text);
    let mut other = inputs(&[]);
    other.stack_name = "other".into();
    let (outcome, events) = up_with(&mut engine, text, &other).unwrap().unwrap();
    assert_eq!(outcome.status, StackStatus::RollbackComplete, "{}", shown(&events));
    assert!(outcome.cause.unwrap().reason.contains("Export with name shared is already exported"));
    assert_eq!(engine.exports(ACCOUNT, REGION).unwrap()[0].stack_name, "app");
}

#[test]
fn an_executed_change_set_is_used_up() {
    let mut engine = engine();
    succeeds(&mut engine, TREE);
    let change_sets = engine.change_sets("app", ACCOUNT, REGION).unwrap();
    assert_eq!(change_sets[0].execution.as_str(), "EXECUTE_COMPLETE");
    assert!(engine.change_set_plan(&change_sets[0].id).unwrap().unwrap()["steps"].is_array());
    let again =
        engine.execute_change_set(&change_sets[0].id, &Default::default(), &[], &mut |_| {});
    assert!(again.unwrap_err().to_string().contains("EXECUTE_COMPLETE"));
}

#[test]
fn a_nested_stack_behind_an_s3_url_is_followed() {
    let mut engine = engine();
    let text = "--- stack.yaml
Parameters: { Bucket: { Type: String, Default: artefacts } }
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: !Sub 'https://${Bucket}.s3.amazonaws.com/v1/nested/child.yaml'
--- nested/child.yaml
Resources:
  Topic: { Type: AWS::SNS::Topic }
--- nested/other.yaml
Resources:
  Topic: { Type: AWS::SNS::Topic }
";
    succeeds(&mut engine, text);
    assert_eq!(engine.provider.world.len(), 1);
}
