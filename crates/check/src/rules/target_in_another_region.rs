use crate::links::Links;
use crate::paths::each;
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "target-in-another-region",
    severity: Severity::Error,
    page: include_str!("target_in_another_region.md"),
    check,
};

/// A type, and the paths of ARNs that have to be of its own Region.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html>
const PATHS: [(&str, &[&str]); 6] = [
    ("AWS::CloudWatch::Alarm", &["AlarmActions", "InsufficientDataActions", "OKActions"]),
    ("AWS::CloudWatch::CompositeAlarm", &["AlarmActions", "InsufficientDataActions", "OKActions"]),
    ("AWS::Events::Rule", &["Targets.Arn"]),
    ("AWS::Logs::SubscriptionFilter", &["DestinationArn"]),
    ("AWS::RDS::EventSubscription", &["SnsTopicArn"]),
    (
        "AWS::S3::Bucket",
        &[
            "NotificationConfiguration.LambdaConfigurations.Function",
            "NotificationConfiguration.QueueConfigurations.Queue",
            "NotificationConfiguration.TopicConfigurations.Topic",
        ],
    ),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let region = cx.inputs.region.clone();
    for (_, _, resource) in links.all() {
        for (_, paths) in PATHS.iter().filter(|it| *it.0 == *resource.type_name) {
            for path in *paths {
                each(&resource.properties, path, &mut |value| {
                    let Some(of) = value.as_text().and_then(region_of) else { return };
                    if of == region {
                        return;
                    }
                    let (name, region) = (&resource.logical_id, &region);
                    let finding = cx.report_value(
                        value,
                        message!(
                            "`{name}` is in {region}, and its target in {of}",
                            name,
                            region,
                            of
                        ),
                    );
                    finding.help.push(message!("name a target of the same Region"));
                });
            }
        }
    }
}

/// The Region in an ARN. An event bus may be anywhere.
fn region_of(arn: &str) -> Option<&str> {
    let mut parts = arn.splitn(6, ':');
    let (prefix, service, region) = (parts.next()?, parts.nth(1)?, parts.next()?);
    let resource = parts.nth(1)?;
    let bus = service == "events" && resource.starts_with("event-bus/");
    // Actions on instances are written without a Region of their own.
    (prefix == "arn" && !region.is_empty() && !bus && service != "automate").then_some(region)
}

#[cfg(test)]
mod tests {
    use super::region_of;

    #[test]
    fn regions_are_found() {
        assert_eq!(region_of("arn:aws:sns:us-east-1:123456789012:alerts"), Some("us-east-1"));
        assert_eq!(region_of("arn:aws:events:us-east-1:123456789012:event-bus/default"), None);
        assert_eq!(region_of("arn:aws:automate:us-east-1:ec2:recover"), None);
        assert_eq!(region_of("arn:aws:s3:::bucket"), None);
        assert_eq!(region_of("alerts"), None);
    }
}
