//! What is set on stacks, what is demanded of who deploys them, and what they are compared with.

use crate::project::*;
use kumiki_engine::*;
use serde_json::json;

fn guarded(name: &str, version: &str, more: &str) -> String {
    format!(
        "--- stack.yaml
Resources:
  Named: {{ Type: AWS::SNS::Topic, Properties: {{ TopicName: {name}, DisplayName: {version} }} }}
  Free: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
  Child: {{ Type: AWS::CloudFormation::Stack, Properties: {{ TemplateURL: child.yaml }} }}
{more}--- child.yaml
Resources:
  Inner: {{ Type: AWS::SNS::Topic, Properties: {{ DisplayName: {version} }} }}
"
    )
}

const MORE: &str = "  More: { Type: AWS::SNS::Topic }\n";

fn policy(effect: &str, action: &str, resource: &str) -> String {
    let all = r#"{"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}"#;
    format!(
        r#"{{"Statement": [{{"Effect": "{effect}", "Principal": "*", "Action": "Update:{action}",
            "Resource": "LogicalResourceId/{resource}"}}, {all}]}}"#
    )
}

#[test]
fn a_stack_policy_stops_an_update() {
    // The stack that has the policy, what is denied, what changes, and why it fails.
    let denied = |action: &str, id: &str| {
        Some(format!(
            "Action denied by stack policy: Statement [#1] does not allow [Update:{action}] for \
             resource [{id}]"
        ))
    };
    let same = guarded("one", "one", MORE);
    let changed = guarded("one", "two", MORE);
    let cases = [
        ("", policy("Deny", "Modify", "Named"), &changed, denied("Modify", "Named")),
        ("", policy("Deny", "Replace", "Named"), &changed, None),
        (
            "",
            policy("Deny", "Replace", "Named"),
            &guarded("two", "one", MORE),
            denied("Replace", "Named"),
        ),
        (
            "",
            policy("Deny", "Delete", "More"),
            &guarded("one", "one", ""),
            denied("Delete", "More"),
        ),
        ("", policy("Deny", "*", "Child"), &changed, denied("Modify", "Child")),
        ("", policy("Deny", "*", "Inner"), &changed, None),
        ("Child", policy("Deny", "*", "Inner"), &changed, denied("Modify", "Inner")),
        ("", policy("Allow", "*", "Named"), &changed, None),
    ];
    for (path, policy, next, expected) in cases {
        let mut engine = engine();
        succeeds(&mut engine, &same);
        let world = engine.provider.world.clone();
        let stacks = engine.stacks().unwrap();
        let stack = stacks.iter().find(|it| it.path == path).unwrap();
        engine.set_stack_policy(&stack.stack_id, &policy).unwrap();
        let current = engine.current("app", ACCOUNT, REGION).unwrap();
        assert_eq!(current.stacks[path].stack_policy.as_ref(), Some(&policy));
        let (outcome, events) = up(&mut engine, next);
        let Some(expected) = expected else {
            assert!(outcome.succeeded, "{policy}\n{}", shown(&events));
            continue;
        };
        assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete, "{}", shown(&events));
        assert_eq!(outcome.cause.unwrap().reason, expected);
        assert_eq!(engine.provider.world, world, "{policy}");
        // Another policy may stand in while the root is updated.
        let all = r#"{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "Update:*", "Resource": "*"}}"#;
        let options =
            ExecuteOptions { stack_policy: Some(all.to_owned()), ..ExecuteOptions::default() };
        let (outcome, _) = up_as(&mut engine, next, &inputs(&[]), &options).unwrap().unwrap();
        assert_eq!(outcome.succeeded, path.is_empty(), "{policy}");
    }
}

#[test]
fn what_is_no_policy_is_not_set() {
    let mut engine = engine();
    succeeds(&mut engine, &guarded("one", "one", ""));
    let root = root_id(&engine);
    let refused = engine.set_stack_policy(&root, "{}").unwrap_err();
    assert_eq!(refused.to_string(), "this is no stack policy: Statement is missing");
    assert_eq!(refused.fault().code, "ValidationError");
}

#[test]
fn a_protected_root_is_not_deleted_and_a_nested_stack_never_by_itself() {
    let mut engine = engine();
    succeeds(&mut engine, &guarded("one", "one", ""));
    let (root, child) = (root_id(&engine), engine.stacks().unwrap()[1].stack_id.clone());
    engine.set_termination_protection(&root, true).unwrap();
    assert!(matches!(
        engine.delete_stack(&root, &[], &mut |_| {}),
        Err(StackError::Protected { .. })
    ));
    let current = engine.current("app", ACCOUNT, REGION).unwrap();
    assert!(current.stacks.values().all(|it| it.termination_protection));
    for refused in [
        engine.delete_stack(&child, &[], &mut |_| {}).map(|_| ()),
        engine.set_termination_protection(&child, false),
        engine.rollback_stack(&child, false, &mut |_| {}).map(|_| ()),
    ] {
        assert!(matches!(refused, Err(StackError::Nested { .. })), "{refused:?}");
    }
    engine.set_termination_protection(&root, false).unwrap();
    assert!(destroy(&mut engine).0.succeeded);
}

/// What becomes of a request for a change set of a template.
fn requested(
    text: &str,
    name: &str,
    capabilities: &[Capability],
    reviewed: bool,
) -> Result<(), Fault> {
    let mut engine = engine();
    let library = load(&project(text));
    let mut given = inputs(&[]);
    given.stack_name = name.to_owned();
    let plan = planned(&engine, &library, &given).unwrap();
    let options = ChangeSetOptions {
        capabilities: capabilities.iter().copied().collect(),
        unreviewed: !reviewed,
        ..ChangeSetOptions::default()
    };
    let root = library.find("stack.yaml").unwrap();
    let request = ChangeSetRequest {
        library: &library,
        root,
        inputs: &given,
        plan: &plan,
        name: None,
        options: &options,
    };
    engine.create_change_set(&request).map(|_| ()).map_err(|it| it.fault())
}

#[test]
fn capabilities_are_demanded_of_the_whole_tree() {
    use Capability::{AutoExpand, Iam, NamedIam};
    let nested = |resource: &str, head: &str| {
        format!(
            "--- stack.yaml
Resources:
  Child: {{ Type: AWS::CloudFormation::Stack, Properties: {{ TemplateURL: child.yaml }} }}
--- child.yaml
{head}Resources:
  It: {{ {resource} }}
"
        )
    };
    let role = |properties: &str| {
        nested(
            &format!(
                "Type: AWS::IAM::Role, Properties: {{ AssumeRolePolicyDocument: {{}}{properties} }}"
            ),
            "",
        )
    };
    let topic = "Type: AWS::SNS::Topic";
    let cases: [(String, &[Capability], bool, &str); 9] = [
        (nested(topic, ""), &[], true, ""),
        (role(""), &[], true, "CAPABILITY_IAM"),
        (role(""), &[Iam], true, ""),
        (role(""), &[NamedIam], true, ""),
        (role(", RoleName: r"), &[Iam], true, "CAPABILITY_NAMED_IAM"),
        (role(", RoleName: r"), &[NamedIam], true, ""),
        (nested(topic, "Transform: AWS::LanguageExtensions\n"), &[], true, ""),
        (
            nested(topic, "Transform: AWS::LanguageExtensions\n"),
            &[],
            false,
            "CAPABILITY_AUTO_EXPAND",
        ),
        (nested(topic, "Transform: AWS::LanguageExtensions\n"), &[AutoExpand], false, ""),
    ];
    for (text, acknowledged, reviewed, missing) in cases {
        let expected = match missing {
            "" => Ok(()),
            it => Err(Fault {
                code: "InsufficientCapabilitiesException",
                message: format!("Requires capabilities : [{it}]"),
            }),
        };
        assert_eq!(requested(&text, "app", acknowledged, reviewed), expected, "{text}");
    }
}

#[test]
fn what_is_too_large_is_refused() {
    let with =
        |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>();
    let topics = |count: usize| {
        format!(
            "--- stack.yaml\nResources:\n{}",
            with(count, &|it| format!("  T{it}: {{ Type: AWS::SNS::Topic }}\n"))
        )
    };
    let outputs = |count: usize| {
        format!(
            "{}Outputs:\n{}",
            topics(1),
            with(count, &|it| format!("  O{it}: {{ Value: x }}\n"))
        )
    };
    let parameters = |count: usize| {
        let lines = with(count, &|it| format!("  P{it}: {{ Type: String, Default: x }}\n"));
        format!("{}Parameters:\n{lines}", topics(1))
    };
    let long = |length: usize| {
        let name = "T".repeat(length);
        format!("--- stack.yaml\nResources:\n  {name}: {{ Type: AWS::SNS::Topic }}\n")
    };
    let count = |what: &str, found: usize, most: usize| {
        format!(
            "Template format error: Number of {what}, {found}, is greater than maximum allowed, {most}"
        )
    };
    let cases = [
        (topics(500), "app".to_owned(), String::new()),
        (topics(501), "app".to_owned(), count("resources", 501, 500)),
        (outputs(201), "app".to_owned(), count("outputs", 201, 200)),
        (parameters(201), "app".to_owned(), count("parameters", 201, 200)),
        (long(255), "app".to_owned(), String::new()),
        (long(256), "app".to_owned(), "less than or equal to 255".to_owned()),
        (topics(1), "n".repeat(128), String::new()),
        (topics(1), "n".repeat(129), "less than or equal to 128".to_owned()),
        (topics(1), "under_score".to_owned(), "'under_score' at 'stackName'".to_owned()),
        (topics(1), "1st".to_owned(), "'1st' at 'stackName'".to_owned()),
    ];
    for (text, name, expected) in cases {
        match requested(&text, &name, &[], true) {
            Ok(()) => assert_eq!(expected, "", "{name}"),
            Err(fault) => {
                assert!(!expected.is_empty() && fault.message.contains(&expected), "{fault:?}");
            }
        }
    }
}

#[test]
fn drift_is_what_differs_from_the_template() {
    let text = "--- stack.yaml
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: one, Tags: [{ Key: A, Value: a }] }
  Gone: { Type: AWS::SNS::Topic }
  Queue: { Type: AWS::SQS::Queue, Properties: { DelaySeconds: '5' } }
  Child: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: child.yaml } }
--- child.yaml
Resources:
  Inner: { Type: AWS::SNS::Topic }
";
    let mut engine = engine();
    succeeds(&mut engine, text);
    let root = root_id(&engine);
    assert_eq!(engine.stacks().unwrap()[0].drift, None);
    let found = engine.detect_drift(&root).unwrap();
    assert_eq!(found.status, StackDriftStatus::InSync);
    let status = |of: &DriftRecord, id: &str| {
        of.resources.iter().find(|it| it.logical_id == id).unwrap().status
    };
    assert_eq!(status(&found, "Child"), ResourceDriftStatus::NotChecked);

    let world = &mut engine.provider.world;
    world.retain(|id, _| !id.starts_with("Gone-"));
    for (id, (_, properties, _)) in world.iter_mut() {
        if id.starts_with("Topic-") {
            // What the template does not name is the service's affair.
            *properties = json!({
                "KmsMasterKeyId": "other",
                "DisplayName": "two",
                "Tags": [{"Key": "A", "Value": "a"}, {"Key": "B", "Value": "b"}],
            });
        }
        if id.starts_with("Queue-") {
            *properties = json!({"DelaySeconds": 5});
        }
    }
    let found = engine.detect_drift(&root).unwrap();
    assert_eq!(found.status, StackDriftStatus::Drifted);
    assert_eq!(status(&found, "Gone"), ResourceDriftStatus::Deleted);
    assert_eq!(status(&found, "Queue"), ResourceDriftStatus::InSync);
    let topic = found.resources.iter().find(|it| it.logical_id == "Topic").unwrap();
    let differences: Vec<String> =
        topic.differences.iter().map(|it| format!("{} {}", it.kind, it.path)).collect();
    assert_eq!(differences, ["NOT_EQUAL /DisplayName", "ADD /Tags/1"]);
    assert_eq!(engine.stacks().unwrap()[0].drift.as_deref(), Some(&found));
    assert!(engine.detect_drift("no such stack").is_err());
    // After an update, what was found may be no longer true.
    engine.provider.world.insert("Gone".into(), ("AWS::SNS::Topic".into(), json!({}), Vec::new()));
    succeeds(&mut engine, &text.replace("DelaySeconds: '5'", "DelaySeconds: '6'"));
    assert_eq!(engine.stacks().unwrap()[0].drift, None);
}

#[test]
fn a_change_set_without_changes_is_kept_where_asked() {
    let text = "--- stack.yaml\nResources:\n  Topic: { Type: AWS::SNS::Topic }\n";
    let mut engine = engine();
    succeeds(&mut engine, text);
    let library = load(&project(text));
    let given = inputs(&[]);
    let plan = planned(&engine, &library, &given).unwrap();
    for keep_failed in [false, true] {
        let options = ChangeSetOptions { keep_failed, ..ChangeSetOptions::default() };
        let request = ChangeSetRequest {
            library: &library,
            root: library.find("stack.yaml").unwrap(),
            inputs: &given,
            plan: &plan,
            name: Some("empty"),
            options: &options,
        };
        match engine.create_change_set(&request) {
            Ok(record) => {
                assert!(keep_failed);
                assert_eq!(record.status, ChangeSetStatus::Failed);
                assert!(record.reason.unwrap().starts_with("The submitted information didn't"));
                let refused =
                    engine.execute_change_set(&record.id, &Default::default(), &[], &mut |_| {});
                assert!(matches!(refused, Err(ExecuteError::NotAvailable { .. })));
                engine.delete_change_set(&record.id).unwrap();
            }
            Err(error) => assert!(!keep_failed, "{error}"),
        }
    }
}

#[test]
fn resources_that_exist_are_taken_over_unchanged() {
    let text = |policy: &str, more: &str| {
        format!(
            "--- stack.yaml
Resources:
  Own: {{ Type: AWS::SNS::Topic }}
  Bucket:
    Type: AWS::S3::Bucket
    {policy}
    Properties: {{ BucketName: there }}
{more}"
        )
    };
    let own = "--- stack.yaml\nResources:\n  Own: { Type: AWS::SNS::Topic }\n";
    let kept = "DeletionPolicy: Retain";
    let bucket = |name: &str| ResourceToImport {
        resource_type: "AWS::S3::Bucket".to_owned(),
        logical_id: "Bucket".to_owned(),
        identifier: [("BucketName".to_owned(), name.to_owned())].into(),
    };
    let start = || {
        let mut engine = engine();
        succeeds(&mut engine, own);
        let there = ("AWS::S3::Bucket".to_owned(), json!({"BucketName": "there"}), Vec::new());
        engine.provider.world.insert("there".to_owned(), there);
        engine
    };
    let made = |engine: &mut Toys, text: &str, import: ResourceToImport| {
        let library = load(&project(text));
        let given = inputs(&[]);
        let plan = planned(engine, &library, &given).unwrap();
        let options = ChangeSetOptions { import: vec![import], ..ChangeSetOptions::default() };
        engine.create_change_set(&ChangeSetRequest {
            library: &library,
            root: library.find("stack.yaml").unwrap(),
            inputs: &given,
            plan: &plan,
            name: None,
            options: &options,
        })
    };
    let run = |engine: &mut Toys, id: &str| {
        let mut events = Vec::new();
        let outcome = engine
            .execute_change_set(id, &Default::default(), &[], &mut |it| events.push(it.clone()))
            .unwrap();
        assert_eq!(crate::transitions::disorder(&engine.store.events), [""; 0]);
        (outcome, shown(&events))
    };

    let mut engine = start();
    let world = engine.provider.world.clone();
    let id = made(&mut engine, &text(kept, ""), bucket("there")).unwrap().id;
    let (outcome, events) = run(&mut engine, &id);
    assert!(outcome.succeeded, "{events}");
    assert_eq!(
        events,
        ". (stack) IMPORT_IN_PROGRESS User Initiated
. Bucket IMPORT_IN_PROGRESS Resource import started.
. Bucket IMPORT_COMPLETE
. (stack) IMPORT_COMPLETE
"
    );
    assert_eq!(engine.provider.world, world);
    let again = planned(&engine, &load(&project(&text(kept, ""))), &inputs(&[])).unwrap();
    assert!(again.is_empty(), "{again:#?}");
    // A second stack does not get what one has.
    let twice = text(kept, "").replace("Bucket:", "Second:");
    let second = ResourceToImport { logical_id: "Second".to_owned(), ..bucket("there") };
    let refused = made(&mut engine, &twice, second).unwrap_err();
    assert!(matches!(refused, CreateChangeSetError::Import(_)), "{refused}");

    let mut engine = start();
    let world = engine.provider.world.clone();
    let id = made(&mut engine, &text(kept, ""), bucket("nowhere")).unwrap().id;
    let (outcome, events) = run(&mut engine, &id);
    assert_eq!(outcome.status, StackStatus::ImportRollbackComplete, "{events}");
    assert_eq!(engine.provider.world, world);
    succeeds(&mut engine, &own.replace("}", ", Properties: { DisplayName: x } }"));

    let more = "  More: { Type: AWS::SNS::Topic }\n";
    let wrong = ResourceToImport {
        identifier: [("Arn".to_owned(), "arn".to_owned())].into(),
        ..bucket("there")
    };
    let other = ResourceToImport { logical_id: "Other".to_owned(), ..bucket("there") };
    let cases = [
        (text("", ""), bucket("there"), "must have DeletionPolicy attribute"),
        (text(kept, more), bucket("there"), "You have modified resources [More]"),
        (text(kept, ""), wrong, "Expected [BucketName]"),
        (text(kept, ""), other, "Resource Other to import is not in the template"),
    ];
    for (text, import, expected) in cases {
        let fault = made(&mut start(), &text, import).unwrap_err().fault();
        assert!(fault.message.contains(expected), "{fault:?}");
    }
}

#[test]
fn values_that_a_template_refuses_make_no_change_set() {
    let text = "--- stack.yaml
Parameters:
  Size: { Type: String, Default: small, AllowedValues: [small, large] }
  Count: { Type: Number, Default: 1, MaxValue: 3 }
Rules:
  LargeIsAlone:
    RuleCondition: !Equals [!Ref Size, large]
    Assertions:
      - Assert: !Equals [!Ref Count, '1']
        AssertDescription: a large one is alone
Resources:
  Topic: { Type: AWS::SNS::Topic }
";
    type Case<'c> = (&'c [(&'c str, &'c str)], Option<&'c str>);
    let cases: [Case<'_>; 6] = [
        (&[], None),
        (&[("Size", "large")], None),
        (&[("Size", "huge")], Some("parameter-value")),
        (&[("Count", "4")], Some("parameter-value")),
        (&[("Size", "large"), ("Count", "2")], Some("rule-failed")),
        (&[("Sise", "large")], Some("unknown-parameter")),
    ];
    for (given, expected) in cases {
        let found = match planned(&engine(), &load(&project(text)), &inputs(given)) {
            Ok(_) => Vec::new(),
            Err(kumiki_plan::Refusal::Errors(found)) => found,
            Err(other) => panic!("{other:?}"),
        };
        let rules: Vec<&str> = found.iter().map(|it| &*it.rule).collect();
        assert_eq!(rules, expected.into_iter().collect::<Vec<_>>(), "{given:?}");
    }
}
