use crate::project::*;
use kumiki_engine::{ExecuteError, StackStatus};

const TEXT: &str = "--- stack.yaml
Parameters:
  Password: { Type: String, NoEcho: true }
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: child.yaml, Parameters: { Word: !Ref Password } }
--- child.yaml
Parameters:
  Word: { Type: String }
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: !Sub 'say ${Word}' }
Outputs:
  Said: { Value: !Sub '${Word}!' }
";

#[test]
fn secrets_are_recorded_nowhere() {
    let mut engine = engine();
    let given = inputs(&[("Password", "correct-horse")]);
    let (outcome, events) = up_with(&mut engine, TEXT, &given).unwrap().unwrap();
    assert_eq!(outcome.status, StackStatus::CreateComplete);
    let all = format!("{:?}{:?}{:?}{events:?}", engine.store, engine.provider, outcome);
    assert!(!all.contains("correct-horse"));
    assert!(all.contains("kumiki:secret:"));
}

#[test]
fn no_plan_shows_a_secret() {
    let mut engine = engine();
    let library = load(&project(TEXT));
    let plan = |engine: &Toys, password| {
        planned(engine, &library, &inputs(&[("Password", password)])).unwrap()
    };
    let first = serde_json::to_string(&plan(&engine, "correct-horse")).unwrap();
    up_with(&mut engine, TEXT, &inputs(&[("Password", "correct-horse")])).unwrap();
    // What is recorded is a digest, and the value is the same all the same.
    assert!(plan(&engine, "correct-horse").is_empty());
    let another = plan(&engine, "battery-staple");
    assert_eq!(another.counts(), [0, 1, 0, 0]);
    let another = serde_json::to_string(&another).unwrap();
    for text in [first, another] {
        for hidden in ["correct-horse", "battery-staple", "kumiki:secret:"] {
            assert!(!text.contains(hidden), "{text}");
        }
    }
}

#[test]
fn secrets_must_be_given_again() {
    let mut engine = engine();
    let given = inputs(&[("Password", "correct-horse")]);
    let library = load(&project(TEXT));
    let plan = planned(&engine, &library, &given).unwrap();
    let request = kumiki_engine::ChangeSetRequest {
        library: &library,
        root: library.find("stack.yaml").unwrap(),
        inputs: &given,
        plan: &plan,
        name: None,
        options: &Default::default(),
    };
    use kumiki_engine::Backend as _;
    let id = engine.create_change_set(&request).unwrap().id;
    for again in [inputs(&[]), inputs(&[("Password", "another")])] {
        let refused =
            engine.execute_change_set(&id, &Default::default(), &again.parameters, &mut |_| {});
        assert!(matches!(refused, Err(ExecuteError::Secret { .. })), "{refused:?}");
    }
    let outcome = engine
        .execute_change_set(&id, &Default::default(), &given.parameters, &mut |_| {})
        .unwrap();
    assert!(outcome.succeeded);
}
