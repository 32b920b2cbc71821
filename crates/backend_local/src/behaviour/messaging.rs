//! Topics, queues, rules, schedules, streams and chat.

use super::{
    Behaviour, Checked, Cx, Rule, Says, behaviour, is_placeholder, refused, stands_for_another,
};
use crate::shape::text_at;
use kumiki_source::message;
use serde_json::Value as Json;

const TOPIC: &str = "AWS::SNS::Topic";
const QUEUE: &str = "AWS::SQS::Queue";
const RULE: &str = "AWS::Events::Rule";
const ROLE: &str = "AWS::IAM::Role";
const GROUP: &str = "AWS::Scheduler::ScheduleGroup";
const SCHEDULE: &str = "AWS::Scheduler::Schedule";
const STREAM: &str = "AWS::KinesisFirehose::DeliveryStream";
const FILTER: &str = "AWS::Logs::SubscriptionFilter";

const NO_TOPIC: Says = Says("NotFound", "Topic does not exist");
const NO_CHAT_ROLE: Says = Says("InvalidRequest", "The role {value} does not exist");
const NO_CHAT_TOPIC: Says = Says("InvalidRequest", "The topic {value} does not exist");

#[rustfmt::skip]
pub(super) static BEHAVIOURS: &[Behaviour] = &[
    behaviour("AWS::Chatbot::MicrosoftTeamsChannelConfiguration", &[
        Rule::Needs("IamRoleArn", ROLE, NO_CHAT_ROLE),
        Rule::Needs("SnsTopicArns", TOPIC, NO_CHAT_TOPIC),
    ]),
    behaviour("AWS::Chatbot::SlackChannelConfiguration", &[
        Rule::Needs("IamRoleArn", ROLE, NO_CHAT_ROLE),
        Rule::Needs("SnsTopicArns", TOPIC, NO_CHAT_TOPIC),
    ]),
    behaviour(RULE, &[
        Rule::Write(|| message!("neither a pattern nor a schedule"), rule),
        Rule::Write(|| message!("two targets of one identifier, or more than five"), rule_targets),
        Rule::Needs("Targets.RoleArn", ROLE, Says("InvalidRequest", "Provided role '{value}' cannot be assumed by principal 'events.amazonaws.com'.")),
        Rule::Write(|| message!("a target that does not exist"), rule_target),
    ]),
    behaviour(STREAM, &[
        Rule::Needs("ExtendedS3DestinationConfiguration.BucketARN", "AWS::S3::Bucket", Says("InvalidRequest", "The specified bucket {value} does not exist")),
        Rule::Needs("ExtendedS3DestinationConfiguration.RoleARN", ROLE, Says("InvalidRequest", "Firehose is unable to assume role {value}. Please check the role provided.")),
        Rule::Keeps(FILTER, "DestinationArn", Says("ResourceConflict", "The delivery stream {id} is the destination of {user}")),
    ]),
    behaviour(TOPIC, &[
        Rule::Key("KmsMasterKeyId"),
        Rule::Write(|| message!("a name that does not end in `.fifo` for a FIFO topic"), topic_name),
    ]),
    behaviour("AWS::SNS::Subscription", &[
        Rule::Needs("TopicArn", TOPIC, NO_TOPIC),
        Rule::Write(|| message!("an endpoint that does not fit the protocol"), subscription),
    ]),
    behaviour("AWS::SNS::TopicPolicy", &[
        Rule::Needs("Topics", TOPIC, NO_TOPIC),
    ]),
    behaviour(QUEUE, &[
        Rule::Key("KmsMasterKeyId"),
        Rule::Write(|| message!("a name that does not end in `.fifo` for a FIFO queue"), queue_name),
        Rule::Needs("RedrivePolicy.deadLetterTargetArn", QUEUE, Says("InvalidRequest", "Value {value} for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist.")),
    ]),
    behaviour("AWS::SQS::QueuePolicy", &[
        Rule::Needs("Queues", QUEUE, Says("NotFound", "The specified queue does not exist.")),
    ]),
    behaviour(SCHEDULE, &[
        Rule::Needs("GroupName", GROUP, Says("NotFound", "Schedule group {value} does not exist.")),
        Rule::Needs("Target.RoleArn", ROLE, Says("InvalidRequest", "The execution role you provide must allow AWS EventBridge Scheduler to assume the role.")),
        Rule::Needs("Target.DeadLetterConfig.Arn", QUEUE, Says("InvalidRequest", "Dead-letter queue {value} does not exist.")),
    ]),
    behaviour(GROUP, &[]),
];

/// Whether a name and what it is for agree about being FIFO.
fn fifo(cx: &Cx<'_>, property: &str, is: &str) -> bool {
    cx.text(property)
        .is_none_or(|name| stands_for_another(&name) || name.ends_with(".fifo") == cx.is(is))
}

fn topic_name(cx: &Cx<'_>) -> Checked {
    match fifo(cx, "TopicName", "FifoTopic") {
        true => Ok(()),
        false => refused("InvalidRequest", "Invalid parameter: Topic Name"),
    }
}

fn queue_name(cx: &Cx<'_>) -> Checked {
    match fifo(cx, "QueueName", "FifoQueue") {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length",
        ),
    }
}

/// <https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html>
fn subscription(cx: &Cx<'_>) -> Checked {
    let endpoint = cx.text("Endpoint").unwrap_or_default();
    if is_placeholder(&endpoint) || stands_for_another(&endpoint) {
        return Ok(());
    }
    let (fits, what) = match cx.text("Protocol").as_deref() {
        Some("email" | "email-json") => {
            (endpoint.contains('@') && !endpoint.contains(' '), "Email address")
        }
        Some("https") => {
            (endpoint.starts_with("https://"), "Endpoint must match the specified protocol")
        }
        Some("http") => {
            (endpoint.starts_with("http://"), "Endpoint must match the specified protocol")
        }
        Some("sqs") => (endpoint.starts_with("arn:"), "SQS endpoint ARN"),
        Some("lambda") => (endpoint.starts_with("arn:"), "Lambda endpoint ARN"),
        _ => (true, ""),
    };
    match fits {
        true => Ok(()),
        false => refused("InvalidRequest", format!("Invalid parameter: {what}")),
    }
}

fn rule(cx: &Cx<'_>) -> Checked {
    let pattern = cx.request.properties.get("EventPattern").is_some();
    match pattern || cx.text("ScheduleExpression").is_some() {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            "Parameter(s) EventPattern, ScheduleExpression must be specified.",
        ),
    }
}

/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html>: five targets a rule.
fn rule_targets(cx: &Cx<'_>) -> Checked {
    let mut ids = cx.texts("Targets.Id");
    if ids.len() > 5 {
        return refused(
            "ServiceLimitExceeded",
            "The requested resource exceeds the maximum number allowed.",
        );
    }
    ids.sort();
    match ids.windows(2).any(|it| it[0] == it[1]) {
        true => refused("InvalidRequest", "Target ID must be unique within a rule."),
        false => Ok(()),
    }
}

/// Targets of kinds that are modelled; EventBridge looks for no others than these itself.
fn rule_target(cx: &Cx<'_>) -> Checked {
    let targets = cx.request.properties.get("Targets").and_then(Json::as_array);
    for target in targets.into_iter().flatten() {
        let arn = text_at(target, "Arn").unwrap_or_default();
        let service = arn.split(':').nth(2).unwrap_or_default();
        let missing = match service {
            "sns" => cx.lacks(TOPIC, &arn),
            "sqs" => cx.lacks(QUEUE, &arn),
            "ecs" => cx.lacks("AWS::ECS::Cluster", &arn),
            "lambda" => cx.lacks("AWS::Lambda::Function", &arn),
            _ => false,
        };
        if missing {
            return refused("NotFound", format!("The target {arn} does not exist."));
        }
    }
    Ok(())
}
