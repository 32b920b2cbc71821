use crate::links::Links;
use crate::policies::{Policy, Statement, identity_policies, matches};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Message, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "statement-matches-nothing",
    severity: Severity::Warning,
    page: include_str!("statement_matches_nothing.md"),
    check,
};

/// Actions on objects of a bucket.
const OBJECTS: [&str; 6] = [
    "s3:AbortMultipartUpload",
    "s3:DeleteObject",
    "s3:GetObject",
    "s3:ListMultipartUploadParts",
    "s3:PutObject",
    "s3:RestoreObject",
];
/// Actions on a bucket itself.
const BUCKETS: [&str; 5] = [
    "s3:GetBucketLocation",
    "s3:GetBucketPolicy",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
];
/// Actions that take no resource.
const WITHOUT: [&str; 6] = [
    "cloudwatch:PutMetricData",
    "ec2:DescribeNetworkInterfaces",
    "ecr:GetAuthorizationToken",
    "s3:ListAllMyBuckets",
    "ssmmessages:OpenDataChannel",
    "xray:PutTraceSegments",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for policy in identity_policies(&links) {
        for statement in Policy::read(policy.document).allowing() {
            judge(cx, &links, statement, Severity::Warning);
        }
    }
    for (_, _, policy) in links.certain("AWS::S3::BucketPolicy") {
        let Some(document) = policy.property("PolicyDocument") else { continue };
        for statement in Policy::read(document).statements {
            // S3 refuses such a statement: `Action does not apply to any resource(s) in statement`.
            judge(cx, &links, statement, Severity::Error);
        }
    }
}

/// Reports each action of a statement that applies to none of its resources.
fn judge(cx: &mut Cx<'_>, links: &Links<'_>, statement: Statement<'_>, severity: Severity) {
    let resources = statement.resources();
    let all: Vec<&Value> =
        resources.known.iter().map(|it| it.1).chain(resources.unknown.iter().copied()).collect();
    if all.is_empty() {
        return;
    }
    let every = |is: &dyn Fn(&Value) -> bool| all.iter().all(|it| is(it));
    for (action, value) in statement.actions().known {
        // A pattern may cover actions of both kinds.
        let covers = |of: &[&str]| !action.contains('*') && of.iter().any(|it| matches(action, it));
        let (fault, help): (bool, Message) = if covers(&OBJECTS) {
            (every(&|it| is_bucket(links, it)), message!("add `/*` to the ARN of the bucket"))
        } else if covers(&BUCKETS) {
            (every(&|it| is_objects(cx, it)), message!("name the ARN of the bucket without `/*`"))
        } else if covers(&WITHOUT) {
            let named = |it: &Value| it.as_text().is_none_or(|it| it != "*");
            (
                every(&|it| it.as_text().is_some() && named(it)),
                message!("the action takes no resource: write `*`"),
            )
        } else if action.starts_with("kms:") {
            let alias = |it: &Value| it.as_text().is_some_and(|it| it.contains(":alias/"));
            let aliased = !matches!(
                action,
                "kms:CreateAlias" | "kms:DeleteAlias" | "kms:UpdateAlias" | "kms:*"
            );
            (
                aliased && every(&alias),
                message!(
                    "name the key; an alias may stand in a condition on `kms:ResourceAliases`"
                ),
            )
        } else if matches(action, "secretsmanager:GetSecretValue") {
            (
                every(&|it| it.as_text().is_some_and(is_short_secret)),
                message!("add `-??????` to the name: ARNs of secrets end in six more characters"),
            )
        } else if covers(&["logs:PutLogEvents", "logs:CreateLogStream"]) {
            let group = |it: &Value| {
                let name = it.as_text().and_then(|it| it.split_once(":log-group:"));
                name.is_some_and(|(_, it)| !it.contains(':') && !it.ends_with('*'))
            };
            (
                covers(&["logs:PutLogEvents"]) && every(&group),
                message!("add `:*` to the ARN of the log group"),
            )
        } else {
            continue;
        };
        if fault {
            let finding = cx.report_value(
                value,
                message!("`{action}` applies to none of the resources of its statement", action),
            );
            finding.severity = severity;
            finding.help.push(help);
        }
    }
}

/// Whether a value is surely the ARN of a bucket and of nothing in it.
fn is_bucket(links: &Links<'_>, value: &Value) -> bool {
    if let Some(text) = value.as_text() {
        return text.starts_with("arn:aws:s3:::") && !text.contains(['/', '*', '?', '$']);
    }
    links.reference(value).is_some_and(|it| {
        &*it.resource.type_name == "AWS::S3::Bucket" && it.attribute == Some("Arn")
    })
}

/// Whether a value surely covers objects only.
fn is_objects(cx: &Cx<'_>, value: &Value) -> bool {
    if let Some(text) = value.as_text() {
        return text.starts_with("arn:aws:s3:::") && text.contains('/');
    }
    // `!Sub "${Bucket.Arn}/*"`
    let written = value.origin.span.and_then(|it| cx.library.sources.slice(it));
    written.is_some_and(|it| {
        it.contains("Sub") && it.contains(".Arn}/") && it.matches("${").count() == 1
    })
}

/// Whether the ARN of a secret lacks the six characters that Secrets Manager adds.
fn is_short_secret(arn: &str) -> bool {
    let Some((_, name)) = arn.split_once(":secret:") else { return false };
    let suffixed = name
        .rsplit_once('-')
        .is_some_and(|(_, it)| it.len() == 6 && it.bytes().all(|it| it.is_ascii_alphanumeric()));
    !name.contains(['*', '?', '$']) && !suffixed
}
