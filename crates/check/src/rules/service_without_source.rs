use super::confused_deputy::SOURCES;
use crate::links::Links;
use crate::policies::Policy;
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "service-without-source",
    severity: Severity::Warning,
    page: include_str!("service_without_source.md"),
    check,
};

/// A type, the property that is its policy, and the services that say for whom they come; none
/// means that every service is judged, by any condition at all.
const POLICIES: [(&str, &str, &[&str]); 5] = [
    ("AWS::SNS::TopicPolicy", "PolicyDocument", PUBLISHERS),
    ("AWS::SQS::QueuePolicy", "PolicyDocument", SENDERS),
    ("AWS::S3::BucketPolicy", "PolicyDocument", WRITERS),
    ("AWS::KMS::Key", "KeyPolicy", &[]),
    ("AWS::KMS::ReplicaKey", "KeyPolicy", &[]),
];

/// EventBridge is not among them: it publishes to topics, and uses their keys, without saying for
/// whom.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-use-resource-based.html>
const PUBLISHERS: &[&str] = &[
    "backup.amazonaws.com",
    "budgets.amazonaws.com",
    "cloudwatch.amazonaws.com",
    "events.rds.amazonaws.com",
    "s3.amazonaws.com",
];
const SENDERS: &[&str] = &["events.amazonaws.com", "s3.amazonaws.com", "sns.amazonaws.com"];
const WRITERS: &[&str] = &[
    "cloudtrail.amazonaws.com",
    "config.amazonaws.com",
    "delivery.logs.amazonaws.com",
    "logging.s3.amazonaws.com",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (type_name, property, services) in POLICIES {
        for (_, _, resource) in links.certain(type_name) {
            let Some(document) = resource.property(property) else { continue };
            for statement in Policy::read(document).allowing() {
                let bound = match services.is_empty() {
                    true => statement.is_conditional(),
                    false => statement.looks_at(&SOURCES),
                };
                if bound {
                    continue;
                }
                for (service, value) in statement.principals("Service").known {
                    let judged = match services.is_empty() {
                        true => service != "events.amazonaws.com",
                        false => services.contains(&service),
                    };
                    if !judged {
                        continue;
                    }
                    let name = &resource.logical_id;
                    let finding = cx.report_value(
                        value,
                        message!(
                            "`{name}` admits `{service}` on behalf of any account",
                            name,
                            service
                        ),
                    );
                    finding.help.push(message!(
                        "add a condition on `aws:SourceAccount`, and on `aws:SourceArn` if it can be known"
                    ));
                }
            }
        }
    }
}
