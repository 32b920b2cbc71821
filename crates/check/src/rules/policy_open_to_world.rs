use crate::links::Links;
use crate::policies::{Policy, Statement};
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Value};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "policy-open-to-world",
    severity: Severity::Error,
    page: include_str!("policy_open_to_world.md"),
    check,
};

/// A type, and its policy.
const POLICIES: [(&str, &str); 12] = [
    ("AWS::Backup::BackupVault", "AccessPolicy"),
    ("AWS::ECR::Repository", "RepositoryPolicyText"),
    ("AWS::Events::EventBus", "Policy"),
    ("AWS::KMS::Key", "KeyPolicy"),
    ("AWS::KMS::ReplicaKey", "KeyPolicy"),
    ("AWS::S3::BucketPolicy", "PolicyDocument"),
    ("AWS::SNS::TopicInlinePolicy", "PolicyDocument"),
    ("AWS::SNS::TopicPolicy", "PolicyDocument"),
    ("AWS::SQS::QueueInlinePolicy", "PolicyDocument"),
    ("AWS::SQS::QueuePolicy", "PolicyDocument"),
    ("AWS::SecretsManager::ResourcePolicy", "ResourcePolicy"),
    ("AWS::SecretsManager::Secret", "ResourcePolicy"),
];

/// Keys that say nothing of who asks.
const ANYBODY: [&str; 5] =
    ["aws:currenttime", "aws:epochtime", "aws:securetransport", "aws:useragent", "s3:tlsversion"];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let buckets = links.names("AWS::S3::Bucket", "BucketName");
    for (_, _, resource) in links.all() {
        let name = &resource.logical_id;
        for (_, property) in POLICIES.iter().filter(|it| *it.0 == *resource.type_name) {
            let Some(document) = resource.property(property) else { continue };
            for statement in Policy::read(document).allowing() {
                let Some(principal) = statement.get("Principal").filter(|_| is_open(statement))
                else {
                    continue;
                };
                let bucket = resource.property("Bucket");
                let bucket = bucket.and_then(|it| links.named(it, "AWS::S3::Bucket", &buckets));
                let bucket = bucket.map(|it| links.at(it));
                open(cx, principal, name, &resource.type_name, bucket);
            }
        }
        if &*resource.type_name == "AWS::Lambda::Permission"
            && let Some(principal) = resource.property("Principal")
            && principal.as_text() == Some("*")
            && ![
                "EventSourceToken",
                "FunctionUrlAuthType",
                "PrincipalOrgID",
                "SourceAccount",
                "SourceArn",
            ]
            .iter()
            .any(|it| resource.property(it).is_some())
        {
            open(cx, principal, name, &resource.type_name, None);
        }
    }
}

/// Whether a statement is for everybody, whatever its conditions.
fn is_open(statement: Statement<'_>) -> bool {
    if !statement.for_everybody()
        || statement.get("Condition").is_some_and(|it| it.as_map().is_none())
    {
        return false;
    }
    let mut open = true;
    statement.conditions(&mut |_, key, _| open &= ANYBODY.contains(&&*key.to_ascii_lowercase()));
    open
}

fn open(
    cx: &mut Cx<'_>,
    principal: &Value,
    name: &str,
    type_name: &str,
    bucket: Option<&Resource>,
) {
    let finding =
        cx.report_value(principal, message!("`{name}` admits everybody, from any account", name));
    if type_name == "AWS::S3::BucketPolicy" {
        // A bucket that was opened on purpose says so.
        let block =
            bucket.and_then(|it| it.property("PublicAccessBlockConfiguration.BlockPublicPolicy"));
        if block.is_some_and(|it| it.as_bool() == Some(false)) {
            finding.severity = Severity::Warning;
        } else {
            finding.help.push(message!("S3 refuses such a policy while public access is blocked"));
        }
    }
    finding.help.push(message!(
        "name the principals, or add a condition on `aws:PrincipalOrgID`, `aws:SourceAccount` or \
         `aws:SourceArn`"
    ));
}
