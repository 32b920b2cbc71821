//! Logs, alarms, trails, budgets and parameters.

use super::{Behaviour, Checked, Cx, Rule, Says, behaviour, identity, refused, stands_for_another};
use crate::shape::text_at;
use kumiki_source::message;
use serde_json::Value as Json;

const LOG_GROUP: &str = "AWS::Logs::LogGroup";
const STREAM: &str = "AWS::Logs::LogStream";
const SUBSCRIPTION: &str = "AWS::Logs::SubscriptionFilter";
const ALARM: &str = "AWS::CloudWatch::Alarm";
const TRAIL: &str = "AWS::CloudTrail::Trail";
const TOPIC: &str = "AWS::SNS::Topic";
const ROLE: &str = "AWS::IAM::Role";
const BUCKET: &str = "AWS::S3::Bucket";
const BUCKET_POLICY: &str = "AWS::S3::BucketPolicy";

const NO_LOG_GROUP: Says = Says("NotFound", "The specified log group does not exist.");

#[rustfmt::skip]
pub(super) static BEHAVIOURS: &[Behaviour] = &[
    behaviour("AWS::Budgets::Budget", &[
        Rule::Write(|| message!("a topic that does not exist"), budget_topics),
    ]),
    behaviour(TRAIL, &[
        Rule::Needs("S3BucketName", BUCKET, Says("InvalidRequest", "S3 bucket {value} does not exist!")),
        Rule::Write(|| message!("a bucket whose policy does not let CloudTrail write"), trail_bucket),
        Rule::Needs("CloudWatchLogsLogGroupArn", LOG_GROUP, Says("InvalidRequest", "Access denied. Check the permissions for your role.")),
        Rule::Needs("CloudWatchLogsRoleArn", ROLE, Says("InvalidRequest", "Access denied. Check the trust relationships for your role.")),
        Rule::Key("KMSKeyId"),
    ]),
    behaviour(ALARM, &[
        Rule::Write(|| message!("neither a metric nor an expression, or both"), alarm),
        Rule::Write(|| message!("a period longer than a day together with its evaluations"), alarm_period),
    ]),
    behaviour("AWS::CloudWatch::Dashboard", &[
        Rule::Write(|| message!("a body that is not JSON"), dashboard),
    ]),
    behaviour(LOG_GROUP, &[
        Rule::Write(|| message!("a KMS key that does not exist"), log_group_key),
    ]),
    behaviour(STREAM, &[
        Rule::Needs("LogGroupName", LOG_GROUP, NO_LOG_GROUP),
        Rule::Write(|| message!("a name that another stream of the group has"), log_stream),
    ]),
    behaviour("AWS::Logs::MetricFilter", &[
        Rule::Needs("LogGroupName", LOG_GROUP, NO_LOG_GROUP),
    ]),
    behaviour("AWS::Logs::ResourcePolicy", &[
        Rule::Write(|| message!("a document that is not JSON"), log_policy),
    ]),
    behaviour(SUBSCRIPTION, &[
        Rule::Needs("LogGroupName", LOG_GROUP, NO_LOG_GROUP),
        Rule::Needs("RoleArn", ROLE, Says("InvalidRequest", "Could not deliver test message to specified Firehose stream. Check if the given Firehose stream is in ACTIVE state.")),
        Rule::Write(|| message!("a destination that does not exist"), subscription_destination),
        Rule::Write(|| message!("more than two filters of a log group"), subscription_count),
    ]),
    behaviour("AWS::SSM::Document", &[
        Rule::Write(|| message!("content that is not JSON where JSON is said"), document),
    ]),
    behaviour("AWS::SSM::Parameter", &[
        Rule::Once("Name", Says("AlreadyExists", "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")),
        Rule::Write(|| message!("a value that its pattern does not allow"), parameter_value),
    ]),
];

fn budget_topics(cx: &Cx<'_>) -> Checked {
    let path = "NotificationsWithSubscribers.Subscribers.Address";
    let mut topics = cx.texts(path).into_iter().filter(|it| it.starts_with("arn:"));
    match topics.find(|it| cx.lacks(TOPIC, it)) {
        Some(arn) => refused("InvalidRequest", format!("SNS topic {arn} does not exist.")),
        None => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/create-s3-bucket-policy-for-cloudtrail.html>
fn trail_bucket(cx: &Cx<'_>) -> Checked {
    let bucket = cx.text("S3BucketName").unwrap_or_default();
    let policy = cx.get(BUCKET_POLICY, &bucket);
    let lets =
        policy.is_some_and(|it| it.properties.to_string().contains("cloudtrail.amazonaws.com"));
    match cx.get(BUCKET, &bucket).is_some() && !lets {
        true => refused(
            "InvalidRequest",
            format!("Incorrect S3 bucket policy is detected for bucket: {bucket}"),
        ),
        false => Ok(()),
    }
}

/// An alarm watches a metric, or an expression over several.
fn alarm(cx: &Cx<'_>) -> Checked {
    let metric = cx.text("MetricName").is_some();
    let metrics = cx.request.properties.get("Metrics").and_then(Json::as_array).is_some();
    match (metric, metrics) {
        (true, true) => refused(
            "InvalidRequest",
            "The parameters MetricName and Metrics are mutually exclusive",
        ),
        (false, false) => refused(
            "InvalidRequest",
            "At least one of the parameters MetricName, Metrics must be specified.",
        ),
        _ => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>: a day
/// for periods below an hour, seven days for others.
fn alarm_period(cx: &Cx<'_>) -> Checked {
    let number = |name| cx.text(name).and_then(|it| it.parse::<u64>().ok());
    let (Some(period), Some(evaluations)) = (number("Period"), number("EvaluationPeriods")) else {
        return Ok(());
    };
    let most = if period < 3600 { 86_400 } else { 604_800 };
    match period.saturating_mul(evaluations) > most {
        true => refused(
            "InvalidRequest",
            "Metrics cannot be checked across more than a day (EvaluationPeriods * Period must be <= 86400).",
        ),
        false => Ok(()),
    }
}

/// Whether a property is JSON, as far as it is known.
fn is_json(cx: &Cx<'_>, property: &str) -> bool {
    cx.text(property)
        .is_none_or(|it| stands_for_another(&it) || serde_json::from_str::<Json>(&it).is_ok())
}

fn dashboard(cx: &Cx<'_>) -> Checked {
    match is_json(cx, "DashboardBody") {
        true => Ok(()),
        false => refused("InvalidRequest", "The field DashboardBody must be a valid JSON object"),
    }
}

fn log_policy(cx: &Cx<'_>) -> Checked {
    match is_json(cx, "PolicyDocument") {
        true => Ok(()),
        false => refused("InvalidRequest", "Invalid policy document."),
    }
}

fn log_group_key(cx: &Cx<'_>) -> Checked {
    let known = identity::key(cx, "KmsKeyId");
    known.or_else(|_| {
        refused(
            "InvalidRequest",
            "The specified KMS key does not exist or is not allowed to be used with Arn",
        )
    })
}

fn log_stream(cx: &Cx<'_>) -> Checked {
    let group = cx.text("LogGroupName").unwrap_or_default();
    let name = cx.text("LogStreamName");
    let mut others = cx.things_having(STREAM, "LogGroupName", &group);
    match name.is_some() && others.any(|(_, it)| text_at(&it.properties, "LogStreamName") == name) {
        true => refused("AlreadyExists", "The specified log stream already exists"),
        false => Ok(()),
    }
}

fn subscription_destination(cx: &Cx<'_>) -> Checked {
    let arn = cx.text("DestinationArn").unwrap_or_default();
    let missing = match arn.split(':').nth(2) {
        Some("firehose") => cx.lacks("AWS::KinesisFirehose::DeliveryStream", &arn),
        Some("lambda") => cx.lacks("AWS::Lambda::Function", &arn),
        Some("kinesis") => cx.lacks("AWS::Kinesis::Stream", &arn),
        _ => false,
    };
    match missing {
        true => refused(
            "InvalidRequest",
            "Could not deliver test message to specified destination. Check if the destination is valid.",
        ),
        false => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
fn subscription_count(cx: &Cx<'_>) -> Checked {
    let group = cx.text("LogGroupName").unwrap_or_default();
    match cx.having(SUBSCRIPTION, "LogGroupName", &group).len() > 1 {
        true => refused("ServiceLimitExceeded", "Resource limit exceeded."),
        false => Ok(()),
    }
}

fn document(cx: &Cx<'_>) -> Checked {
    let json = cx.text("DocumentFormat").is_none_or(|it| it == "JSON");
    match json && !is_json(cx, "Content") {
        true => refused("InvalidRequest", "JSON not well-formed."),
        false => Ok(()),
    }
}

fn parameter_value(cx: &Cx<'_>) -> Checked {
    let (Some(pattern), Some(value)) = (cx.text("AllowedPattern"), cx.text("Value")) else {
        return Ok(());
    };
    match stands_for_another(&value) || kumiki_project::admits(&pattern, &value) != Some(false) {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            format!("Parameter value, cannot be validated against allowedPattern: {pattern}"),
        ),
    }
}
