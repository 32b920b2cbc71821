//! The backend against answers that a test writes down: what the service says, word for word, through
//! the real client.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use crate::Place;
use crate::account::Account;
use aws_credential_types::Credentials;
use aws_sdk_cloudformation::config::retry::RetryConfig;
use aws_sdk_cloudformation::config::{BehaviorVersion, Region};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use kumiki_engine::{
    ChangeSetOptions, ChangeSetRequest, CreateChangeSetError, Event, ExecuteError, ExecuteOptions,
    OnFailure, OperationKind, Outcome, StackError, StackStatus, StoreError,
};
use kumiki_plan::{Current, CurrentStack, plan};
use kumiki_project::{FileError, Files, Inputs, Library};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

type Form = BTreeMap<String, String>;
type Answer = Box<dyn FnMut(&Form) -> (u16, String) + Send>;

/// What was asked, and what answers.
#[derive(Clone)]
struct Script(Arc<Mutex<(Vec<Form>, Answer)>>);

impl std::fmt::Debug for Script {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Script")
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = request.body().bytes().unwrap_or_default();
        let form: Form = form_urlencoded::parse(body).into_owned().collect();
        let mut script = self.0.lock().unwrap();
        let (status, text) = (script.1)(&form);
        script.0.push(form);
        HttpConnectorFuture::ready(Ok(HttpResponse::new(
            status.try_into().unwrap(),
            SdkBody::from(text),
        )))
    }
}

impl Script {
    fn new(answer: impl FnMut(&Form) -> (u16, String) + Send + 'static) -> Self {
        Self(Arc::new(Mutex::new((Vec::new(), Box::new(answer)))))
    }

    fn account(&self) -> Account {
        let script = self.clone();
        let client = http_client_fn(move |_, _| SharedHttpConnector::new(script.clone()));
        let retry = RetryConfig::standard()
            .with_max_attempts(2)
            .with_initial_backoff(Duration::from_millis(1));
        let config = aws_sdk_cloudformation::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("ap-northeast-1"))
            .credentials_provider(Credentials::for_tests())
            .retry_config(retry)
            .http_client(client)
            .build();
        let s3 = aws_sdk_s3::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("ap-northeast-1"))
            .build();
        Account {
            cloudformation: aws_sdk_cloudformation::Client::from_conf(config),
            s3: aws_sdk_s3::Client::from_conf(s3),
            place: Place {
                stack_name: "s".to_owned(),
                account: "111122223333".to_owned(),
                region: "ap-northeast-1".to_owned(),
                environment: "dev".to_owned(),
                root: "service".to_owned(),
                ..Place::default()
            },
            endpoint: None,
        }
    }

    /// The values that a parameter of an action had, call by call.
    fn asked(&self, action: &str, parameter: &str) -> Vec<String> {
        let script = self.0.lock().unwrap();
        let calls = script.0.iter().filter(|it| it["Action"] == action);
        calls.map(|it| it.get(parameter).cloned().unwrap_or_default()).collect()
    }
}

fn ok(action: &str, result: &str) -> (u16, String) {
    let result = format!("<{action}Result>{result}</{action}Result>");
    (200, format!("<{action}Response>{result}</{action}Response>"))
}

fn refused(status: u16, code: &str, text: &str) -> (u16, String) {
    let error =
        format!("<Error><Type>Sender</Type><Code>{code}</Code><Message>{text}</Message></Error>");
    (status, format!("<ErrorResponse>{error}</ErrorResponse>"))
}

const ROOT: &str = "arn:aws:cloudformation:ap-northeast-1:111122223333:stack/s/1";
const CHILD: &str = "arn:aws:cloudformation:ap-northeast-1:111122223333:stack/s-Data-X/2";
const CHANGE_SET: &str = "arn:aws:cloudformation:ap-northeast-1:111122223333:changeSet/c/1";
const NESTED: &str = "arn:aws:cloudformation:ap-northeast-1:111122223333:changeSet/n/2";

fn stack(status: &str) -> (u16, String) {
    let member = format!(
        "<StackId>{ROOT}</StackId><StackName>s</StackName><StackStatus>{status}</StackStatus>\
         <CreationTime>2026-11-24T00:00:00Z</CreationTime>"
    );
    ok("DescribeStacks", &format!("<Stacks><member>{member}</member></Stacks>"))
}

/// An event: stack, number, which is also its second, resource (a stack by its ARN), status, reason.
fn event(stack: &str, number: u8, resource: &str, status: &str, reason: &str) -> String {
    let nested = resource.starts_with("arn:");
    let (logical_id, kind) = match resource {
        it if it == stack => ("s", "AWS::CloudFormation::Stack"),
        _ if nested => ("Data", "AWS::CloudFormation::Stack"),
        it => (it, "AWS::SNS::Topic"),
    };
    let reason = match reason {
        "" => String::new(),
        it => format!("<ResourceStatusReason>{it}</ResourceStatusReason>"),
    };
    format!(
        "<member><StackId>{stack}</StackId><EventId>e{number}</EventId><StackName>n</StackName>\
         <LogicalResourceId>{logical_id}</LogicalResourceId>\
         <PhysicalResourceId>{resource}</PhysicalResourceId><ResourceType>{kind}</ResourceType>\
         <Timestamp>2026-11-24T01:00:{number:02}Z</Timestamp>\
         <ResourceStatus>{status}</ResourceStatus>{reason}</member>"
    )
}

/// Events as they are listed: the latest first.
fn events(oldest_first: &[String]) -> (u16, String) {
    let list: String = oldest_first.iter().rev().map(String::as_str).collect();
    ok("DescribeStackEvents", &format!("<StackEvents>{list}</StackEvents>"))
}

struct Text;

impl Files for Text {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        match path {
            "t" => Ok(b"Resources:\n  Topic: { Type: AWS::SNS::Topic }\n".to_vec()),
            _ => Err(FileError::NotFound),
        }
    }
}

/// Makes a change set of a stack, new or not.
async fn create(script: &Script, exists: bool) -> (Result<String, CreateChangeSetError>, bool) {
    let mut library = Library::default();
    library.load("t", &Text);
    let root = library.find("t").unwrap();
    let inputs = Inputs {
        environment: "dev".to_owned(),
        region: "ap-northeast-1".to_owned(),
        account: "111122223333".to_owned(),
        stack_name: "s".to_owned(),
        parameters: Vec::new(),
        parameter_file: None,
        tags: Vec::new(),
    };
    let mut current = Current::default();
    if exists {
        let stack = CurrentStack { status: "UPDATE_COMPLETE".to_owned(), ..Default::default() };
        current.stacks.insert(String::new(), stack);
    }
    let plan = plan(&library, root, &inputs, &current).unwrap();
    let options = ChangeSetOptions::default();
    let (name, library, inputs) = (Some("c"), &library, &inputs);
    let request = ChangeSetRequest { library, root, inputs, plan: &plan, name, options: &options };
    match script.account().create(&request).await {
        Ok(made) => (Ok(made.record.plan_digest), made.warning.is_some()),
        Err(error) => (Err(error), false),
    }
}

fn change_set(status: &str, reason: &str) -> (u16, String) {
    ok(
        "DescribeChangeSet",
        &format!(
            "<ChangeSetId>{CHANGE_SET}</ChangeSetId><ChangeSetName>c</ChangeSetName>\
             <StackId>{ROOT}</StackId><StackName>s</StackName><Status>{status}</Status>\
             <ExecutionStatus>AVAILABLE</ExecutionStatus>\
             <Description>kumiki plan 0123</Description><StatusReason>{reason}</StatusReason>"
        ),
    )
}

fn made() -> (u16, String) {
    ok("CreateChangeSet", &format!("<Id>{CHANGE_SET}</Id><StackId>{ROOT}</StackId>"))
}

#[tokio::test]
async fn a_refused_preview_of_nested_stacks_is_tried_without() {
    let mut tries = 0;
    let script = Script::new(move |form| match &*form["Action"] {
        "DescribeStacks" => stack("UPDATE_COMPLETE"),
        "CreateChangeSet" => {
            tries += 1;
            made()
        }
        // Throttled, then still being made, then done.
        "DescribeChangeSet" if form["ChangeSetName"] == NESTED => {
            change_set("FAILED", "Nested stacks with this are not supported")
        }
        "DescribeChangeSet" if tries == 1 => change_set(
            "FAILED",
            &format!("Nested change set {NESTED} was not successfully created"),
        ),
        "DescribeChangeSet" => change_set("CREATE_COMPLETE", ""),
        _ => ok(&form["Action"], ""),
    });
    let (made, warned) = create(&script, true).await;
    assert_eq!(made.unwrap(), "0123");
    assert!(warned);
    assert_eq!(script.asked("CreateChangeSet", "IncludeNestedStacks"), ["true", "false"]);
    assert_eq!(script.asked("CreateChangeSet", "ChangeSetType"), ["UPDATE", "UPDATE"]);
    assert_eq!(script.asked("DeleteChangeSet", "ChangeSetName"), [CHANGE_SET]);
    // One request is not taken for the other.
    let tokens = script.asked("CreateChangeSet", "ClientToken");
    assert_ne!(tokens[0], tokens[1]);
}

#[tokio::test]
async fn an_empty_change_set_goes_and_with_it_a_stack_that_never_was() {
    let mut asked = false;
    let script = Script::new(move |form| match &*form["Action"] {
        "DescribeStacks" if !asked => {
            asked = true;
            refused(400, "ValidationError", "Stack with id s does not exist")
        }
        "DescribeStacks" => stack("REVIEW_IN_PROGRESS"),
        "CreateChangeSet" => made(),
        "DescribeChangeSet" => {
            change_set("FAILED", "The submitted information didn't contain changes.")
        }
        _ => ok(&form["Action"], ""),
    });
    let (made, _) = create(&script, false).await;
    assert!(matches!(made, Err(CreateChangeSetError::NoChanges)), "{made:?}");
    assert_eq!(script.asked("CreateChangeSet", "ChangeSetType"), ["CREATE"]);
    assert_eq!(script.asked("DeleteChangeSet", "ChangeSetName"), [CHANGE_SET]);
    assert_eq!(script.asked("DeleteStack", "StackName"), [ROOT]);
}

#[tokio::test]
async fn refusals_name_the_reason_and_what_to_do() {
    let cases = [
        (403, "AccessDenied", "no", "the credentials do not allow `CreateChangeSet`"),
        (400, "ExpiredToken", "old", "sign in again and run the same command"),
        (400, "ValidationError", "bad parameter", "AWS refuses CreateChangeSet: bad parameter"),
        (400, "AlreadyExistsException", "taken", "there is a change set `c` already"),
        (500, "InternalFailure", "oops", "AWS refuses CreateChangeSet: oops (InternalFailure)"),
    ];
    for (status, code, text, expected) in cases {
        let script = Script::new(move |form| match &*form["Action"] {
            "DescribeStacks" => stack("UPDATE_COMPLETE"),
            "CreateChangeSet" => refused(status, code, text),
            _ => ok(&form["Action"], ""),
        });
        let (made, _) = create(&script, true).await;
        let said = made.unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
}

/// Executes a change set of a stack that exists; the events that were shown.
async fn execute(script: &Script) -> (Result<Outcome, ExecuteError>, Vec<String>) {
    let mut shown = Vec::new();
    let options = ExecuteOptions { on_failure: Some(OnFailure::Rollback), ..Default::default() };
    let account = script.account();
    let mut show = |it: &Event| {
        shown.push(format!("{}/{} {}", it.stack_path, it.logical_id, it.status));
    };
    let outcome = account.execute(CHANGE_SET, &options, &mut show).await;
    (outcome, shown)
}

/// What a failing update of a nested stack looks like, the root's events and the child's.
fn failing() -> (Vec<String>, Vec<String>) {
    let root = vec![
        event(ROOT, 1, ROOT, "CREATE_COMPLETE", ""),
        event(ROOT, 10, ROOT, "UPDATE_IN_PROGRESS", "User Initiated"),
        event(ROOT, 11, CHILD, "UPDATE_IN_PROGRESS", ""),
        event(ROOT, 14, "Other", "UPDATE_FAILED", "Resource update cancelled"),
        event(
            ROOT,
            15,
            CHILD,
            "UPDATE_FAILED",
            &format!("Embedded stack {CHILD} was not successfully updated"),
        ),
        event(
            ROOT,
            16,
            ROOT,
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "The following resource(s) failed to update: [Data].",
        ),
        event(ROOT, 20, ROOT, "UPDATE_ROLLBACK_COMPLETE", ""),
    ];
    let child = vec![
        event(CHILD, 2, CHILD, "CREATE_COMPLETE", ""),
        event(CHILD, 12, CHILD, "UPDATE_IN_PROGRESS", ""),
        event(CHILD, 13, "Topic", "UPDATE_FAILED", "the key does not exist"),
    ];
    (root, child)
}

#[tokio::test]
async fn a_failed_update_shows_each_event_once_and_the_deepest_cause() {
    let (root, child) = failing();
    let mut rounds = 0;
    let mut troubles = 0;
    let script = Script::new(move |form| {
        let known = |all: &[String], most: usize| events(&all[..most.min(all.len())]);
        match &*form["Action"] {
            "DescribeChangeSet" => change_set("CREATE_COMPLETE", ""),
            "DescribeStacks" => {
                // Throttled, failing, and fine again; each outlasts the client's own tries.
                troubles += 1;
                match troubles {
                    3..=5 => return refused(400, "Throttling", "Rate exceeded"),
                    7..=9 => return refused(503, "ServiceUnavailable", "later"),
                    _ => {}
                }
                rounds += 1;
                let done = rounds > 6;
                stack(if done { "UPDATE_ROLLBACK_COMPLETE" } else { "UPDATE_IN_PROGRESS" })
            }
            "DescribeStackEvents" if form["StackName"] == CHILD => known(&child, rounds),
            // Nothing new at first: the service takes its time to begin.
            "DescribeStackEvents" => known(&root, if rounds < 2 { 1 } else { rounds + 1 }),
            _ => ok(&form["Action"], ""),
        }
    });
    let (outcome, shown) = execute(&script).await;
    let outcome = outcome.unwrap();
    assert!(!outcome.succeeded);
    assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete);
    assert_eq!(outcome.elapsed, 10_000);
    let cause = outcome.cause.unwrap();
    assert_eq!((&*cause.stack_path, &*cause.logical_id), ("Data", "Topic"));
    assert_eq!(cause.reason, "the key does not exist");
    let expected = [
        "/s UPDATE_IN_PROGRESS",
        "/Data UPDATE_IN_PROGRESS",
        "Data/s UPDATE_IN_PROGRESS",
        "Data/Topic UPDATE_FAILED",
        "/Other UPDATE_FAILED",
        "/Data UPDATE_FAILED",
        "/s UPDATE_ROLLBACK_IN_PROGRESS",
        "/s UPDATE_ROLLBACK_COMPLETE",
    ];
    assert_eq!(shown, expected);
    assert_eq!(script.asked("ExecuteChangeSet", "DisableRollback"), [""]);
    assert_eq!(script.asked("ExecuteChangeSet", "ClientRequestToken")[0].len(), 64);
}

#[tokio::test]
async fn nothing_that_is_not_heard_is_a_success() {
    // How the service answers once the execution has begun, and what is said.
    let cases = [
        (refused(403, "ExpiredToken", "old"), "sign in again and run the same command"),
        (refused(500, "InternalFailure", "oops"), "run the same command again, and it is followed"),
        (refused(403, "AccessDenied", "no"), "the credentials do not allow `DescribeStackEvents`"),
    ];
    for (answer, expected) in cases {
        let mut begun = false;
        let script = Script::new(move |form| match &*form["Action"] {
            "DescribeChangeSet" => change_set("CREATE_COMPLETE", ""),
            "DescribeStacks" => stack("UPDATE_COMPLETE"),
            "ExecuteChangeSet" => {
                begun = true;
                ok("ExecuteChangeSet", "")
            }
            "DescribeStackEvents" if begun => answer.clone(),
            "DescribeStackEvents" => events(&[event(ROOT, 1, ROOT, "CREATE_COMPLETE", "")]),
            _ => ok(&form["Action"], ""),
        });
        let said = execute(&script).await.0.unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
}

#[tokio::test]
async fn the_same_command_again_attaches_to_what_runs() {
    let (root, child) = failing();
    let mut rounds = 0;
    let script = Script::new(move |form| match &*form["Action"] {
        "DescribeStacks" => {
            rounds += 1;
            stack(if rounds > 3 {
                "UPDATE_ROLLBACK_COMPLETE"
            } else {
                "UPDATE_ROLLBACK_IN_PROGRESS"
            })
        }
        "DescribeStackEvents" if form["StackName"] == CHILD => events(&child),
        "DescribeStackEvents" => events(&root[..if rounds > 3 { 7 } else { 6 }]),
        _ => ok(&form["Action"], ""),
    });
    let account = script.account();
    let unfinished = account.unfinished().await.unwrap().unwrap();
    assert_eq!(unfinished.kind, OperationKind::Update);
    let mut shown = 0;
    let outcome = account.resume(&mut |_| shown += 1).await.unwrap().unwrap();
    assert!(!outcome.succeeded);
    assert_eq!(outcome.cause.unwrap().logical_id, "Topic");
    assert_eq!(shown, 8);
}

#[tokio::test]
async fn verbs_ask_first_whether_the_stack_admits_them() {
    let script = Script::new(|form| match &*form["Action"] {
        "DescribeStacks" => stack("UPDATE_ROLLBACK_COMPLETE"),
        _ => ok(&form["Action"], ""),
    });
    let account = script.account();
    let refused = account.continue_rollback(ROOT, &[], &mut |_| {}).await;
    assert!(matches!(refused, Err(StackError::Status { .. })), "{refused:?}");
    let refused = account.roll_back(ROOT, false, &mut |_| {}).await;
    assert!(matches!(refused, Err(StackError::Status { .. })), "{refused:?}");
    let refused = account.cancel(ROOT, &mut |_| {}).await;
    assert!(matches!(refused, Err(StackError::Status { .. })), "{refused:?}");
    for action in ["ContinueUpdateRollback", "RollbackStack", "CancelUpdateStack"] {
        assert!(script.asked(action, "StackName").is_empty());
    }
}

#[tokio::test]
async fn a_nested_resource_is_skipped_by_its_stacks_own_name() {
    let mut rounds = 0;
    let script = Script::new(move |form| match &*form["Action"] {
        "DescribeStacks" if form["StackName"] == CHILD => ok(
            "DescribeStacks",
            &format!(
                "<Stacks><member><StackId>{CHILD}</StackId><StackName>s-Data-X</StackName>\
                 <StackStatus>UPDATE_ROLLBACK_FAILED</StackStatus>\
                 <CreationTime>2026-11-24T00:00:00Z</CreationTime></member></Stacks>"
            ),
        ),
        "DescribeStacks" => {
            rounds += 1;
            stack(if rounds > 2 { "UPDATE_ROLLBACK_COMPLETE" } else { "UPDATE_ROLLBACK_FAILED" })
        }
        "ListStackResources" if form["StackName"] == ROOT => ok(
            "ListStackResources",
            &format!(
                "<StackResourceSummaries><member><LogicalResourceId>Data</LogicalResourceId>\
                 <PhysicalResourceId>{CHILD}</PhysicalResourceId>\
                 <ResourceType>AWS::CloudFormation::Stack</ResourceType>\
                 <ResourceStatus>UPDATE_FAILED</ResourceStatus>\
                 <LastUpdatedTimestamp>2026-11-24T00:00:00Z</LastUpdatedTimestamp></member>\
                 </StackResourceSummaries>"
            ),
        ),
        "DescribeStackEvents" if rounds < 2 => events(&[]),
        "DescribeStackEvents" => events(&[
            event(ROOT, 1, ROOT, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated"),
            event(ROOT, 2, ROOT, "UPDATE_ROLLBACK_COMPLETE", ""),
        ]),
        _ => ok(&form["Action"], ""),
    });
    let account = script.account();
    let skip = ["Data/Topic".to_owned(), "Other".to_owned()];
    let outcome = account.continue_rollback(ROOT, &skip, &mut |_| {}).await.unwrap();
    assert!(outcome.succeeded, "{outcome:?}");
    let action = "ContinueUpdateRollback";
    assert_eq!(script.asked(action, "ResourcesToSkip.member.1"), ["s-Data-X.Topic"]);
    assert_eq!(script.asked(action, "ResourcesToSkip.member.2"), ["Other"]);
    let unknown = account.continue_rollback(ROOT, &["No/Topic".to_owned()], &mut |_| {}).await;
    assert!(matches!(unknown, Err(StackError::Status { .. } | StackError::Resource { .. })));
}

const LIVE: &str = r#"
Parameters:
  Secret: { Type: String, NoEcho: true }
Resources:
  Topic:
    Type: AWS::SNS::Topic
  Bucket:
    Type: AWS::S3::Bucket
  Hidden:
    Type: AWS::SSM::Parameter
    Properties: { Type: String, Value: !Sub "x ${Secret}" }
  Other:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: !Sub "x ${Topic.TopicArn}"
      Description: !Select [1, !Split [".", !GetAtt Bucket.DomainName]]
      AllowedPattern: !Select [5, !Split [":", !GetAtt Topic.TopicArn]]
Outputs:
  Home: { Value: !Sub "https://${Bucket.DomainName}/" }
"#;

/// The plan of a template beside the live one, as the changes that it has, and its JSON.
async fn planned(template: &'static str) -> (Vec<String>, String) {
    let script = Script::new(|form| match &*form["Action"] {
        "DescribeStacks" => ok(
            "DescribeStacks",
            &format!(
                "<Stacks><member><StackId>{ROOT}</StackId><StackName>s</StackName>\
                 <StackStatus>UPDATE_COMPLETE</StackStatus>\
                 <CreationTime>2026-11-24T00:00:00Z</CreationTime>\
                 <Parameters><member><ParameterKey>Secret</ParameterKey>\
                 <ParameterValue>****</ParameterValue></member></Parameters>\
                 <Outputs><member><OutputKey>Home</OutputKey>\
                 <OutputValue>https://b.s3.amazonaws.com/</OutputValue></member></Outputs>\
                 </member></Stacks>"
            ),
        ),
        "ListStackResources" => {
            let types = [
                ("Topic", "AWS::SNS::Topic"),
                ("Bucket", "AWS::S3::Bucket"),
                ("Hidden", "AWS::SSM::Parameter"),
                ("Other", "AWS::SSM::Parameter"),
            ];
            let members = types.map(|(name, kind)| {
                format!(
                    "<member><LogicalResourceId>{name}</LogicalResourceId>\
                     <PhysicalResourceId>{name}-1</PhysicalResourceId>\
                     <ResourceType>{kind}</ResourceType>\
                     <ResourceStatus>CREATE_COMPLETE</ResourceStatus>\
                     <LastUpdatedTimestamp>2026-11-24T00:00:00Z</LastUpdatedTimestamp></member>"
                )
            });
            let members = members.concat();
            let list = format!("<StackResourceSummaries>{members}</StackResourceSummaries>");
            ok("ListStackResources", &list)
        }
        "GetTemplate" => ok("GetTemplate", &format!("<TemplateBody>{LIVE}</TemplateBody>")),
        _ => ok(&form["Action"], ""),
    });
    struct One(&'static str);
    impl Files for One {
        fn read(&self, _: &str) -> Result<Vec<u8>, FileError> {
            Ok(self.0.as_bytes().to_vec())
        }
    }
    let mut library = Library::default();
    library.load("t", &One(template));
    let given = |value: &str| kumiki_project::Given {
        name: "Secret".into(),
        value: value.into(),
        name_span: None,
        value_span: None,
    };
    let inputs = Inputs {
        environment: "dev".to_owned(),
        region: "ap-northeast-1".to_owned(),
        account: "111122223333".to_owned(),
        stack_name: "s".to_owned(),
        parameters: vec![given("hunter22")],
        parameter_file: None,
        tags: Vec::new(),
    };
    let current = script.account().current("s").await.unwrap();
    let plan = plan(&library, library.find("t").unwrap(), &inputs, &current).unwrap();
    let changes = plan.steps.iter().flat_map(|step| &step.changes);
    let changes = changes.flat_map(|it| {
        it.details.iter().map(|detail| format!("{} {}", it.logical_id, detail.path))
    });
    (changes.collect(), serde_json::to_string(&plan).unwrap())
}

#[tokio::test]
async fn a_live_secret_may_be_another_and_nothing_else_is() {
    let (changes, json) = planned(LIVE).await;
    assert_eq!(changes, ["Hidden Value"]);
    assert!(json.contains("****") && !json.contains("hunter22"), "{json}");
}

#[tokio::test]
async fn an_edit_around_what_is_not_told_shows() {
    let edited = LIVE.replace("x ${Topic.TopicArn}", "y ${Topic.TopicArn}");
    let edited = edited.replace("https://${Bucket.DomainName}/", "http://${Bucket.DomainName}/");
    let (changes, json) = planned(edited.leak()).await;
    assert_eq!(changes, ["Hidden Value", "Other Value"]);
    // What an output tells is known wherever it is used.
    assert!(json.contains("http://b.s3.amazonaws.com/"), "{json}");
}

#[test]
fn a_failure_of_the_world_is_told_from_a_refusal() {
    let error = |code: &str, text: &str| crate::ServiceError {
        action: "X",
        code: code.to_owned(),
        text: text.to_owned(),
    };
    assert!(error("Throttling", "").is_passing() && !error("ValidationError", "").is_passing());
    assert!(error("Unreachable", "no providers in chain provided credentials").is_expired());
    assert!(!error("Unreachable", "connection refused").is_expired());
    assert!(matches!(StoreError::from(error("X", "")), StoreError::Refused(_)));
}
