use crate::links::Links;
use crate::paths::each;
use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "web-acl-log-misnamed",
    severity: Severity::Error,
    page: include_str!("web_acl_log_misnamed.md"),
    check,
};

/// <https://docs.aws.amazon.com/waf/latest/developerguide/logging-destinations.html>
const PREFIX: &str = "aws-waf-logs-";

/// What takes the logs, and the property with its name.
const DESTINATIONS: [(&str, &str); 3] = [
    ("AWS::KinesisFirehose::DeliveryStream", "DeliveryStreamName"),
    ("AWS::Logs::LogGroup", "LogGroupName"),
    ("AWS::S3::Bucket", "BucketName"),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, logging) in links.certain("AWS::WAFv2::LoggingConfiguration") {
        each(&logging.properties, "LogDestinationConfigs", &mut |value| {
            let named = match value.as_text() {
                Some(arn) => name_of(arn).map(|it| (Some(it), None)),
                None => {
                    let resource = links.reference(value).map(|it| it.resource);
                    let at = resource.and_then(|it| links.place(it)).map(|it| links.at(it));
                    at.and_then(|it| {
                        let (_, property) =
                            DESTINATIONS.iter().find(|of| *of.0 == *it.type_name)?;
                        match it.property(property) {
                            Some(name) => name.as_text().map(|name| (Some(name), Some(it))),
                            // A name that CloudFormation makes begins with that of the stack.
                            None => (!cx.inputs.stack_name.starts_with(PREFIX))
                                .then_some((None, Some(it))),
                        }
                    })
                }
            };
            let Some((name, destination)) = named else { return };
            if name.is_some_and(|it| it.starts_with(PREFIX)) {
                return;
            }
            let finding = match (name, destination) {
                (Some(name), _) => cx.report_value(
                    value,
                    message!(
                        "WAF writes no log to `{name}`: the name does not begin with `{prefix}`",
                        name,
                        prefix = PREFIX
                    ),
                ),
                (None, destination) => {
                    let id = destination.map(|it| it.logical_id.clone()).unwrap_or_default();
                    cx.report_value(
                        value,
                        message!("WAF writes no log to `{id}`, which has no name that begins with `{prefix}`", id, prefix = PREFIX),
                    )
                }
            };
            if let Some(destination) = destination {
                let label = Some(message!("the destination"));
                finding.hops.push(Hop { span: destination.span, label });
            }
            finding.help.push(message!("name it `{prefix}…`", prefix = PREFIX));
        });
    }
}

/// The name in the ARN of a destination; nothing for other texts.
fn name_of(arn: &str) -> Option<&str> {
    let resource = arn.splitn(6, ':').nth(5)?;
    resource
        .strip_prefix("log-group:")
        .or(resource.strip_prefix("deliverystream/"))
        .or(arn.strip_prefix("arn:aws:s3:::"))
}

#[cfg(test)]
mod tests {
    use super::name_of;

    #[test]
    fn names_are_found_in_arns() {
        let group = "arn:aws:logs:us-east-1:123456789012:log-group:aws-waf-logs-a/b:*";
        assert_eq!(name_of(group), Some("aws-waf-logs-a/b:*"));
        assert_eq!(name_of("arn:aws:s3:::aws-waf-logs-a/b"), Some("aws-waf-logs-a/b"));
        let stream = "arn:aws:firehose:us-east-1:123456789012:deliverystream/waf";
        assert_eq!(name_of(stream), Some("waf"));
        assert_eq!(name_of("waf"), None);
    }
}
