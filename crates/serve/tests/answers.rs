//! Requests and answers without a network and without a client.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use kumiki_engine::{Clock, Stopped};
use kumiki_serve::{Answer, Incoming, Options, Service};
use std::path::Path;

fn clock() -> Box<dyn Clock> {
    Box::new(Stopped(1_795_521_600_000))
}

fn open(folder: &Path) -> Service {
    let (folder, command) = (folder.join("state"), "test".to_owned());
    Service::open(Options { folder, clock, command, backend: Default::default() }).unwrap()
}

fn ask(service: &Service, method: &str, uri: &str, body: &str) -> Answer {
    service.answer(&Incoming {
        method: method.parse().unwrap(),
        uri: uri.parse().unwrap(),
        headers: Default::default(),
        body: body.to_owned().into(),
    })
}

/// What an action of CloudFormation is answered: the status and the text.
fn action(service: &Service, form: &str) -> (u16, String) {
    let answer = ask(service, "POST", "/", form);
    (answer.status, String::from_utf8(answer.body).unwrap())
}

/// Waits until a stack rests; operations are short here.
fn settle(service: &Service, stack: &str) -> String {
    loop {
        let (_, text) = action(service, &format!("Action=DescribeStacks&StackName={stack}"));
        if !text.contains("_IN_PROGRESS</StackStatus>") {
            return text;
        }
        std::thread::yield_now();
    }
}

const PARENT: &str = "Resources: {Child: {Type: AWS::CloudFormation::Stack, Properties: \
    {TemplateURL: 'https://templates.s3.amazonaws.com/nested/child.yaml'}}}";
const CHILD: &str = "Resources: {Topic: {Type: AWS::SNS::Topic}}";

#[test]
fn templates_come_from_the_buckets_that_were_made_here() {
    let folder = tempfile::tempdir().unwrap();
    let service = open(folder.path());
    let create =
        "Action=CreateStack&StackName=a&TemplateURL=https://s3.amazonaws.com/templates/parent";
    assert!(action(&service, create).1.contains("The specified key does not exist"));
    assert_eq!(ask(&service, "PUT", "/templates", "").status, 200);
    assert_eq!(ask(&service, "PUT", "/templates/parent", PARENT).status, 200);
    let (status, text) = action(&service, create);
    assert!(status == 400 && text.contains("nested/child.yaml"), "{text}");
    assert_eq!(ask(&service, "PUT", "/templates/nested/child.yaml", CHILD).status, 200);
    assert_eq!(action(&service, create).0, 200);
    let text = settle(&service, "a");
    assert!(text.contains("<StackStatus>CREATE_COMPLETE</StackStatus>"), "{text}");
    let (_, text) =
        action(&service, "Action=ListStacks&StackStatusFilter.member.1=CREATE_COMPLETE");
    assert_eq!(text.matches("<RootId>").count(), 1, "{text}");

    // What was recorded is there for the next process.
    drop(service);
    let service = open(folder.path());
    assert!(settle(&service, "a").contains("CREATE_COMPLETE"));
    assert_eq!(ask(&service, "GET", "/templates/parent", "").body, PARENT.as_bytes());
}

#[test]
fn a_secret_leaves_no_trace_and_has_to_be_given_again_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let service = open(folder.path());
    let template = "Parameters: {P: {Type: String, NoEcho: true}, W: {Type: String, Default: a}}\n\
                    Resources: {T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref W}}}";
    let encoded: String = url_encoded(template);
    let form = format!(
        "Action=CreateStack&StackName=a&TemplateBody={encoded}&Parameters.member.1.ParameterKey=P\
         &Parameters.member.1.ParameterValue=hunter22"
    );
    assert_eq!(action(&service, &form).0, 200);
    let text = settle(&service, "a");
    assert!(text.contains("<ParameterValue>****</ParameterValue>"), "{text}");
    assert!(!text.contains("hunter22") && !text.contains("kumiki:secret"), "{text}");
    let again = "Action=UpdateStack&StackName=a&UsePreviousTemplate=true&Parameters.member.1.\
                 ParameterKey=P&Parameters.member.1.UsePreviousValue=true&Parameters.member.2.\
                 ParameterKey=W&Parameters.member.2.ParameterValue=b";
    drop(service);
    let service = open(folder.path());
    let (status, text) = action(&service, again);
    assert!(status == 400 && text.contains("give its value again"), "{text}");
}

#[test]
fn what_is_not_served_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let service = open(folder.path());
    let (status, text) = action(&service, "Action=CreateStackSet");
    assert!(status == 400 && text.contains("Could not find operation CreateStackSet"), "{text}");
    let (status, text) = action(&service, "Action=CreateStackRefactor");
    assert!(
        status == 400 && text.contains("Could not find operation CreateStackRefactor"),
        "{text}"
    );
    let form = "Action=CreateChangeSet&StackName=a&ChangeSetName=a&ChangeSetType=CREATE\
                &ImportExistingResources=true&TemplateBody=";
    let (status, text) = action(&service, &format!("{form}{}", url_encoded(CHILD)));
    assert!(status == 400 && text.contains("ImportExistingResources is not rehearsed"), "{text}");
    let (status, text) = action(&service, "Action=DescribeStacks&StackName=a");
    assert_eq!(status, 400);
    assert!(text.contains("<Code>ValidationError</Code>"), "{text}");
    assert_eq!(ask(&service, "PUT", "/templates?versioning", "").status, 501);
}

fn url_encoded(text: &str) -> String {
    text.bytes().map(|it| format!("%{it:02X}")).collect()
}
