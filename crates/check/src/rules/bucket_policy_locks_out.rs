use crate::links::{Links, Place};
use crate::policies::{Policy, Statement};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "bucket-policy-locks-out",
    severity: Severity::Error,
    page: include_str!("bucket_policy_locks_out.md"),
    check,
};

const BUCKET: &str = "AWS::S3::Bucket";

/// Keys that say from where a request comes. CloudFormation and the console come from elsewhere.
const NETWORK: [&str; 5] =
    ["aws:sourceip", "aws:sourcevpc", "aws:sourcevpcarn", "aws:sourcevpce", "aws:vpcsourceip"];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let names = links.names(BUCKET, "BucketName");
    for (_, _, policy) in links.certain("AWS::S3::BucketPolicy") {
        let bucket = policy.property("Bucket").and_then(|it| links.named(it, BUCKET, &names));
        let Some(document) = policy.property("PolicyDocument") else { continue };
        for statement in Policy::read(document).statements {
            if statement.effect() != Some("Deny")
                || !statement.for_everybody()
                || !statement.may_cover("s3:PutBucketPolicy")
                || !is_about(&links, statement, bucket)
            {
                continue;
            }
            let Some(actions) = statement.get("Action").or(statement.get("NotAction")) else {
                continue;
            };
            let finding = match keys(statement) {
                Some(keys) if keys.is_empty() => cx.report_value(
                    actions,
                    message!("nobody may change the policy of the bucket again"),
                ),
                Some(keys) => {
                    let key = keys.join("`, `");
                    cx.report_value(
                        actions,
                        message!(
                            "nobody outside `{key}` may change the policy again, nor CloudFormation",
                            key
                        ),
                    )
                }
                None => continue,
            };
            finding.help.push(message!(
                "deny the actions on objects only, or except the deployer by `aws:PrincipalArn`"
            ));
        }
    }
}

/// Whether a statement is surely about the bucket itself, not about its objects.
fn is_about(links: &Links<'_>, statement: Statement<'_>, bucket: Option<Place>) -> bool {
    let resources = statement.resources();
    let is_arn = |it: &&Value| {
        let reference = links.reference(it);
        let attribute = reference.and_then(|it| it.attribute);
        attribute == Some("Arn")
            && bucket.is_some()
            && reference.and_then(|it| links.place(it.resource)) == bucket
    };
    resources.known.iter().any(|(it, _)| *it == "*" || it.starts_with("arn:") && !it.contains('/'))
        || resources.unknown.iter().any(is_arn)
}

/// The keys of the network that the conditions look at; nothing if they look at others as well.
fn keys<'v>(statement: Statement<'v>) -> Option<Vec<&'v str>> {
    if statement.get("Condition").is_some_and(|it| it.as_map().is_none()) {
        return None;
    }
    let mut keys = Vec::new();
    let mut only = true;
    statement.conditions(&mut |operator, key, _| {
        let negated = operator.contains("Not");
        only &= negated && NETWORK.contains(&&*key.to_ascii_lowercase());
        keys.push(key);
    });
    only.then_some(keys)
}
