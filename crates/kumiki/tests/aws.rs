//! The commands on AWS, through the real SDK over HTTP. In AWS's place is `kumiki serve`, which is
//! another process and knows nothing of the project.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod project;

use project::copy;
use serde_json::Value as Json;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

const KUMIKI: &str = env!("CARGO_BIN_EXE_kumiki");

/// An account that is not ours.
struct Cloud {
    process: Child,
    url: String,
    state: tempfile::TempDir,
}

impl Cloud {
    fn start(faults: &[&str]) -> Self {
        let state = tempfile::tempdir().unwrap();
        let mut command = Command::new(KUMIKI);
        command.args(["serve", "--port", "0", "--language", "en", "--state"]).arg(state.path());
        command.args(faults.iter().flat_map(|it| ["--fail", it]));
        command.current_dir(state.path()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.as_mut().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let url = line.split(' ').find(|it| it.starts_with("http://")).unwrap();
        Self { url: url.trim_end_matches(';').to_owned(), process, state }
    }
}

impl Drop for Cloud {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A project, and somebody with the credentials of an account.
struct Project<'c> {
    folder: tempfile::TempDir,
    cloud: &'c Cloud,
}

impl<'c> Project<'c> {
    fn new(cloud: &'c Cloud, files: &[(&str, &str)]) -> Self {
        let it = Self { folder: tempfile::tempdir().unwrap(), cloud };
        for (name, text) in files {
            it.write(name, text);
        }
        it
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn run_as(&self, account: &str, arguments: &str) -> Output {
        self.command(account, arguments).output().unwrap()
    }

    fn command(&self, account: &str, arguments: &str) -> Command {
        let mut command = Command::new(KUMIKI);
        command
            .args(arguments.split(' '))
            .args(["--target", "aws", "--language", "en", "--endpoint-url", &self.cloud.url])
            .current_dir(self.folder.path())
            .env("AWS_ACCESS_KEY_ID", account)
            .env("AWS_SECRET_ACCESS_KEY", "kumiki")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .env_remove("AWS_PROFILE")
            .env_remove("GITHUB_ACTIONS")
            .env("NO_PROXY", "127.0.0.1")
            .env("AWS_MAX_ATTEMPTS", "2")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &str) -> Output {
        self.run_as("111122223333", arguments)
    }

    /// Runs a command that ends with a code; what it said.
    fn ends(&self, code: i32, arguments: &str) -> String {
        let output = self.run(arguments);
        let said = text(&output);
        assert_eq!(output.status.code(), Some(code), "kumiki {arguments}\n{said}");
        said
    }

    fn json(&self, arguments: &str) -> Json {
        let said = self.run(&format!("{arguments} --json"));
        serde_json::from_slice(&said.stdout).unwrap_or_else(|_| panic!("{}", text(&said)))
    }

    fn audit(&self) -> Vec<Json> {
        let lines = std::fs::read_to_string(self.path(".kumiki/audit/dev.jsonl")).unwrap();
        lines.lines().map(|it| serde_json::from_str(it).unwrap()).collect()
    }
}

fn text(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    said.into_owned()
}

const CONFIG: &str = r#"
default-root = "shop"

[roots.shop]
template = "stack.yaml"
stack-name = "shop-${Stage}"
region = "ap-northeast-1"
parameters = "{environment}.json"

[roots.base]
template = "base.yaml"
stack-name = "base"
region = "ap-northeast-1"
parameters = "base.json"

[aws]
artifact-bucket = "shop-artifacts-${AccountId}"
bootstrap-root = "base"

[environments.dev]

[environments.stg]
account = "999999999999"

[environments.prod]
account = "111122223333"
protected = true
approval = true
second-person = true
"#;

const BASE: &str = r#"
Resources:
  Artifacts:
    Type: AWS::S3::Bucket
    Properties: { BucketName: !Sub "shop-artifacts-${AWS::AccountId}" }
"#;

const STACK: &str = r#"
Parameters:
  Stage: { Type: String }
Resources:
  # お知らせ
  News:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: nested/news.yaml
      Parameters: { Stage: !Ref Stage }
  Log:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: nested/log.yaml
      Parameters: { TopicName: !GetAtt News.Outputs.TopicName }
Outputs:
  Topic: { Value: !GetAtt News.Outputs.TopicArn }
"#;

const NEWS: &str = r#"
Parameters:
  Stage: { Type: String }
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: !Sub "news of ${Stage}" }
  Dead:
    Type: AWS::SQS::Queue
    Properties: { MessageRetentionPeriod: 1209600 }
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      RedrivePolicy: { deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5 }
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Service: sns.amazonaws.com }
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
            Condition: { ArnEquals: { aws:SourceArn: !Ref Topic } }
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: { TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Queue.Arn }
Outputs:
  TopicArn: { Value: !Ref Topic }
  TopicName: { Value: !GetAtt Topic.TopicName }
"#;

const LOG: &str = r#"
Parameters:
  TopicName: { Type: String }
Resources:
  Group:
    Type: AWS::Logs::LogGroup
    Properties: { LogGroupName: !Sub "/shop/${TopicName}", RetentionInDays: 7 }
"#;

fn shop(cloud: &Cloud) -> Project<'_> {
    let values =
        |stage: &str| format!(r#"[{{"ParameterKey": "Stage", "ParameterValue": "{stage}"}}]"#);
    Project::new(
        cloud,
        &[
            ("kumiki.toml", CONFIG),
            ("base.yaml", BASE),
            ("base.json", "[]"),
            ("stack.yaml", STACK),
            ("nested/news.yaml", NEWS),
            ("nested/log.yaml", LOG),
            ("dev.json", &values("dev")),
            ("stg.json", &values("stg")),
            ("prod.json", &values("prod")),
        ],
    )
}

#[test]
fn a_tree_is_deployed_and_what_is_planned_is_what_happens() {
    let cloud = Cloud::start(&[]);
    let shop = shop(&cloud);
    // Nothing is there: a nested tree has no bucket to be put into.
    let said = shop.ends(2, "up dev --yes");
    assert!(said.contains("there is no bucket") || said.contains("NoSuchBucket"), "{said}");
    shop.ends(0, "up dev --root base --yes");

    shop.ends(2, "plan dev --detailed-exitcode");
    let said = shop.ends(0, "up dev --yes");
    assert!(
        said.contains("stack `shop-dev` is in CREATE_COMPLETE: 3 stacks and 8 resources"),
        "{said}"
    );
    let said = shop.ends(0, "plan dev --detailed-exitcode");
    assert!(said.contains("no changes"), "{said}");
    assert!(shop.ends(0, "up dev --yes").contains("no changes"));
    assert_eq!(shop.json("status dev")["stacks"].as_array().unwrap().len(), 3);
    let topic = shop.json("outputs dev")["outputs"][0]["value"].as_str().unwrap().to_owned();
    assert!(topic.starts_with("arn:aws:sns:ap-northeast-1:111122223333:"), "{topic}");

    // An edit is exactly that edit, and the service's change set says nothing else.
    shop.write("nested/log.yaml", &LOG.replace("7 }", "30 }"));
    shop.ends(2, "plan dev --detailed-exitcode");
    let before = shop.json("status dev");
    let made = shop.json("changeset create dev");
    assert_eq!(shop.json("status dev"), before, "what is only proposed changes nothing");
    assert_eq!(made["execution_status"], "AVAILABLE");
    let name = made["name"].as_str().unwrap();
    assert!(name.starts_with("shop-dev-change-"), "{name}");
    let described = shop.json("changeset describe dev");
    assert_eq!(described["current"], true);
    let verdicts: Vec<(&str, &str)> = described["service"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["resource"].as_str().unwrap(), it["verdict"].as_str().unwrap()))
        .collect();
    assert!(verdicts.contains(&("Log/Group", "agreed")), "{verdicts:?}");
    assert!(verdicts.iter().all(|(_, it)| *it != "unpredicted"), "{verdicts:?}");

    // Another edit makes it a change set of something that nobody reviewed.
    shop.write("nested/log.yaml", &LOG.replace("7 }", "90 }"));
    let said = shop.ends(2, "changeset execute dev --yes");
    assert!(said.contains("is not of the plan of now"), "{said}");
    shop.write("nested/log.yaml", &LOG.replace("7 }", "30 }"));
    shop.ends(0, "changeset execute dev --yes");
    shop.ends(0, "plan dev --detailed-exitcode");
    shop.ends(3, "changeset create dev");

    // What is around a value that the account does not tell shows too.
    shop.write("nested/news.yaml", &NEWS.replace("maxReceiveCount: 5", "maxReceiveCount: 9"));
    let said = shop.ends(2, "plan dev --detailed-exitcode");
    assert!(said.contains("0 to add, 2 to modify") || said.contains("1 to modify"), "{said}");
    shop.write("nested/news.yaml", NEWS);

    // Who, what, when, on whose word, and how it ended: here, and beside the stacks.
    let audit = shop.audit();
    let ends: Vec<&Json> = audit.iter().filter(|it| it["event"] == "end").collect();
    assert_eq!((audit.len(), ends.len()), (6, 3));
    assert_eq!(ends[2]["outcome"], "UPDATE_COMPLETE");
    assert_eq!(ends[2]["approval"]["how"], "yes");
    assert_eq!(ends[2]["by"], "arn:aws:iam::111122223333:user/kumiki");
    assert!(ends[2]["change_set"].as_str().unwrap().contains(name));

    shop.ends(0, "destroy dev --yes");
    assert_eq!(shop.json("status dev")["stacks"].as_array().unwrap().len(), 0);
}

#[test]
fn a_failure_is_told_by_its_first_cause_and_led_out_of() {
    let cloud = Cloud::start(&["Log/Group:create:no room"]);
    let shop = shop(&cloud);
    shop.ends(0, "up dev --root base --yes");
    let said = shop.ends(1, "up dev --yes");
    assert!(said.contains("`Log/Group` (AWS::Logs::LogGroup) failed: no room"), "{said}");
    assert!(said.contains("stack `shop-dev` is in `ROLLBACK_COMPLETE` now"), "{said}");
    let next = shop.json("recover dev");
    let command = next["next"][0]["command"].as_str().unwrap();
    assert!(command.starts_with("kumiki destroy dev --target aws"), "{command}");
    let audit = shop.audit();
    assert_eq!(audit.last().unwrap()["outcome"], "ROLLBACK_COMPLETE");
    assert!(audit.last().unwrap()["cause"].as_str().unwrap().ends_with("no room"));
    shop.ends(0, "destroy dev --yes");
    let said = shop.ends(0, "recover dev");
    assert!(said.contains("nothing to recover"), "{said}");
}

#[test]
fn nothing_goes_to_another_account_or_without_a_second_person() {
    let cloud = Cloud::start(&[]);
    let shop = shop(&cloud);
    let said = shop.ends(2, "plan stg");
    assert!(
        said.contains(
            "`stg` is account 999999999999, and the credentials are of account 111122223333"
        ),
        "{said}"
    );
    shop.ends(0, "up dev --root base --yes");

    shop.ends(0, "plan prod --out plan.json");
    let digest = shop.json("plan prod")["plan"]["digest"].as_str().unwrap()[..12].to_owned();
    let said = shop.ends(2, &format!("up prod --plan plan.json --approve {digest}"));
    assert!(said.contains("needs a second person's approval"), "{said}");
    shop.ends(2, "approve plan.json --digest 000000000000");
    shop.ends(0, &format!("approve plan.json --digest {digest}"));
    let said = shop.ends(2, "up prod --plan plan.json --approval plan.approval.json");
    assert!(said.contains("approved this plan, and cannot execute it too"), "{said}");

    // The same file, on somebody else's word.
    let file = shop.path("plan.approval.json");
    let approved = std::fs::read_to_string(&file).unwrap().replace("user/kumiki", "user/second");
    std::fs::write(&file, &approved).unwrap();
    shop.ends(0, "up prod --plan plan.json --approval plan.approval.json");
    shop.write("nested/log.yaml", &LOG.replace("7 }", "30 }"));
    let said = shop.ends(2, "up prod --approval plan.approval.json");
    assert!(said.contains("approves another plan"), "{said}");
}

#[test]
fn a_service_that_is_not_there_is_said() {
    let mut cloud = Cloud::start(&[]);
    let there = std::mem::replace(&mut cloud.url, "http://127.0.0.1:1".to_owned());
    let said = shop(&cloud).ends(2, "plan dev");
    assert!(said.contains("AWS cannot be asked"), "{said}");
    cloud.url = there;
    shop(&cloud).ends(0, "plan dev");
}

#[test]
fn a_proxy_and_its_certificates_are_used() {
    let mut cloud = Cloud::start(&[]);
    let proxy = std::mem::replace(&mut cloud.url, "http://aws.invalid".to_owned());
    let shop = shop(&cloud);
    let said =
        text(&shop.command("111122223333", "plan dev").env("HTTP_PROXY", &proxy).output().unwrap());
    assert!(said.contains("6 to add"), "{said}");
    let bundle = shop.path("missing.pem");
    let output = shop.command("111122223333", "plan dev").env("AWS_CA_BUNDLE", bundle).output();
    let said = text(&output.unwrap());
    assert!(said.contains("which `AWS_CA_BUNDLE` names, cannot be read"), "{said}");
}

/// The real service account: a plan against live stacks is empty once it is deployed.
#[test]
fn the_service_account_is_deployed_to_the_last_stage() {
    let cloud = Cloud::start(&[]);
    let service = Project { folder: tempfile::tempdir().unwrap(), cloud: &cloud };
    copy(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/service"), service.folder.path());
    for root in ["bootstrap", "edge", "service", "rotation"] {
        service.ends(0, &format!("up dev --root {root} --yes"));
        service.ends(0, &format!("plan dev --root {root} --detailed-exitcode"));
    }
    // The bucket that was lent to the first root is gone.
    let buckets = service.cloud.state.path().join("s3/buckets");
    assert!(!walk(&buckets).is_empty());
    let lent = walk(&buckets).into_iter().any(|it| it.contains("kumiki-templates"));
    assert!(!lent, "{:?}", walk(&buckets));
}

fn walk(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    entries.map(|it| it.unwrap().path().display().to_string()).collect()
}
