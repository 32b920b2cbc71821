//! Parameters of the Parameter Store and dynamic references: looked up at execution, never recorded.

use crate::folder::Folder;
use crate::project::*;
use kumiki_backend_local::Options;
use kumiki_engine::{Backend, ChangeSetOptions, ChangeSetRequest, StackStatus};
use kumiki_project::RehearsalConfig;

fn rehearsal() -> Options {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let rehearsal = RehearsalConfig {
        ssm: [pair("/given", "from the store"), pair("/list", "a,b")].into(),
        secrets: [
            pair("given", "{\"password\":\"swordfish\",\"class\":\"db.t4g.micro\"}"),
            pair("text", "opensesame"),
        ]
        .into(),
        exists: ["/elsewhere".to_owned()].into(),
        ..RehearsalConfig::default()
    };
    Options { rehearsal, ..Options::default() }
}

const MADE: &str = "
  Made: { Type: AWS::SSM::Parameter, Properties: { Name: /made, Type: String, Value: made } }
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: made
      GenerateSecretString: { SecretStringTemplate: '{\"user\":\"u\"}', GenerateStringKey: password }";

const DATABASE: &str =
    "Engine: postgres, DBInstanceClass: db.t4g.micro, MasterUsername: u, MasterUserPassword";

/// A value of a topic's display name or a database's password, and why it is refused, if it is.
const CASES: &[(&str, &str, Option<&str>)] = &[
    ("topic", "{{resolve:ssm:/given}}", None),
    ("topic", "{{resolve:ssm:/given:3}}", None),
    ("topic", "{{resolve:ssm:/made}}", None),
    ("topic", "{{resolve:ssm:/elsewhere}}", None),
    ("topic", "{{resolve:ssm:arn:aws:ssm:ap-northeast-1:123456789012:parameter/made}}", None),
    ("topic", "{{resolve:ssm:arn:aws:ssm:ap-northeast-1:999999999999:parameter/x}}", None),
    ("topic", "{{resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023}}", None),
    ("topic", "{{resolve:ssm:/none}}", Some("Parameters: [/none] cannot be found.")),
    ("database", "{{resolve:ssm-secure:/given}}", None),
    ("database", "{{resolve:ssm-secure:/none}}", Some("Parameters: [/none] cannot be found.")),
    ("database", "{{resolve:secretsmanager:given:SecretString:password}}", None),
    ("database", "{{resolve:secretsmanager:text}}", None),
    ("database", "{{resolve:secretsmanager:made:SecretString:password}}", None),
    (
        "database",
        "{{resolve:secretsmanager:arn:aws:secretsmanager:ap-northeast-1:999999999999:secret:x-abcdef:SecretString:k}}",
        None,
    ),
    (
        "database",
        "{{resolve:secretsmanager:none:SecretString:password}}",
        Some("Secrets Manager can't find the specified secret."),
    ),
    (
        "database",
        "{{resolve:secretsmanager:given:SecretString:pass}}",
        Some("Could not find a value associated with JSONKey in SecretString"),
    ),
    (
        "database",
        "{{resolve:secretsmanager:made:SecretString:pass}}",
        Some("Could not find a value associated with JSONKey in SecretString"),
    ),
    (
        "database",
        "{{resolve:secretsmanager:text:SecretString:password}}",
        Some("Could not parse SecretString JSON"),
    ),
];

#[test]
fn references_lead_to_what_is_there() {
    for (kind, value, refused) in CASES {
        let folder = Folder::new();
        let mut backend = open_with(&folder, rehearsal());
        let it = match *kind {
            "topic" => format!("AWS::SNS::Topic, Properties: {{ DisplayName: '{value}' }}"),
            _ => format!("AWS::RDS::DBInstance, Properties: {{ {DATABASE}: '{value}' }}"),
        };
        let text = format!("Resources:{MADE}\n  It: {{ DependsOn: [Made, Secret], Type: {it} }}\n");
        let (outcome, events) = up(&mut backend, &library(&text), &inputs("app", &[])).unwrap();
        match refused {
            None => assert!(outcome.succeeded, "{value}: {}", failures(&events)),
            Some(reason) => {
                assert_eq!(outcome.status, StackStatus::RollbackComplete, "{value}");
                assert!(outcome.cause.unwrap().reason.contains(reason), "{}", failures(&events));
            }
        }
        let public = value.contains("/aws/service/");
        let mark = "Rehearsed with made-up values of /aws/service/ami-amazon-linux-latest/al2023";
        assert_eq!(events.iter().any(|it| it.reason.as_deref() == Some(mark)), public, "{value}");
        drop(backend);
        let state = std::fs::read(folder.state().join("state.db")).unwrap();
        let state = String::from_utf8_lossy(&state).into_owned();
        for secret in ["swordfish", "opensesame"] {
            assert!(!state.contains(secret), "{value} is recorded");
        }
    }
}

#[test]
fn a_schema_sees_what_a_reference_leads_to() {
    let folder = Folder::new();
    let mut backend = open_with(&folder, rehearsal());
    let text = "Resources:
  It:
    Type: AWS::S3::Bucket
    Properties: { VersioningConfiguration: { Status: '{{resolve:ssm:/given}}' } }
";
    let (outcome, _) = up(&mut backend, &library(text), &inputs("app", &[])).unwrap();
    let reason = outcome.cause.unwrap().reason;
    assert!(reason.contains("from the store is not a valid enum value"), "{reason}");
}

const TYPED: &str = "Parameters:
  Name: { Type: 'AWS::SSM::Parameter::Value<String>' }
  Names: { Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /list }
Conditions:
  Second: !Equals [!Ref Name, second]
Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Ref Name } }
  List: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Select [1, !Ref Names] } }
  Extra: { Type: AWS::SNS::Topic, Condition: Second }
Outputs:
  Name: { Value: !Ref Name }
  List: { Value: !Join ['+', !Ref Names] }
";

#[test]
fn a_parameter_type_is_looked_up_and_followed() {
    let folder = Folder::new();
    let mut backend = open_with(&folder, rehearsal());
    let store = |value: &str| {
        format!(
            "Resources:\n  P: {{ Type: AWS::SSM::Parameter, Properties: {{ Name: /p, Type: String, Value: {value} }} }}\n"
        )
    };
    let (store_inputs, app) = (inputs("store", &[]), inputs("app", &[("Name", "/p")]));
    assert!(up(&mut backend, &library(&store("first")), &store_inputs).unwrap().0.succeeded);
    let typed = library(TYPED);
    let (outcome, events) = up(&mut backend, &typed, &app).unwrap();
    assert!(outcome.succeeded, "{}", failures(&events));
    let stack = |backend: &kumiki_backend_local::LocalBackend| {
        let stacks = backend.stacks().unwrap();
        stacks.into_iter().find(|it| it.name == "app").unwrap().settled
    };
    let settled = stack(&backend);
    assert_eq!(settled.outputs["Name"].value, "first");
    assert_eq!(settled.outputs["List"].value, "a+b");
    assert_eq!(settled.parameters["Name"], "/p");
    assert!(up(&mut backend, &typed, &app).is_none());
    // Another value is a change, though the template and its parameters are as they were.
    assert!(up(&mut backend, &library(&store("second")), &store_inputs).unwrap().0.succeeded);
    let (outcome, events) = up(&mut backend, &typed, &app).unwrap();
    assert!(outcome.succeeded, "{}", failures(&events));
    assert_eq!(stack(&backend).outputs["Name"].value, "second");
    assert!(events.iter().any(|it| it.logical_id == "Extra" && it.status == "CREATE_COMPLETE"));
    assert!(up(&mut backend, &typed, &app).is_none());
}

#[test]
fn a_parameter_that_is_missing_makes_no_change_set_and_one_of_awss_marks_its_stack() {
    let folder = Folder::new();
    let mut backend = open_with(&folder, rehearsal());
    let typed = library(TYPED);
    let given = inputs("a", &[("Name", "/none")]);
    let request = ChangeSetRequest {
        library: &typed,
        root: typed.find("stack.yaml").unwrap(),
        inputs: &given,
        plan: &planned(&backend, &typed, &given),
        name: None,
        options: &ChangeSetOptions::default(),
    };
    let error = backend.create_change_set(&request).unwrap_err();
    let reason = error.fault().message;
    assert!(reason.contains("Unable to fetch parameters [/none]"), "{reason}");
    assert!(backend.stacks().unwrap().is_empty());
    let public = "/aws/service/eks/optimized-ami/1.30/recommended/image_id";
    let (outcome, events) = up(&mut backend, &typed, &inputs("b", &[("Name", public)])).unwrap();
    assert!(outcome.succeeded, "{}", failures(&events));
    let marks = events.iter().filter_map(|it| it.reason.as_deref());
    let mark = format!("Rehearsed with made-up values of {public}");
    assert!(marks.into_iter().any(|it| it == mark));
}
