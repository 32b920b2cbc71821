//! Topics, logs, alarms, chat, keys and roles.

use super::{Checked, Cx, refused};
use crate::provider::is_placeholder;
use serde_json::Value as Json;

const TOPIC: &str = "AWS::SNS::Topic";
const KEY: &str = "AWS::KMS::Key";

/// Whether a key of this account and Region that is named by its ARN or ID exists. Keys elsewhere
/// cannot be looked at.
fn key_exists(cx: &Cx<'_>, named: &str) -> bool {
    let own = format!(":kms:{}:{}:", cx.request.region, cx.request.account);
    let name = match named.split_once(&own) {
        Some((_, name)) => name,
        None if named.starts_with("arn:") => return true,
        None => named,
    };
    if name.starts_with("alias/aws/") {
        return true;
    }
    match name.starts_with("alias/") {
        true => cx.get("AWS::KMS::Alias", name).is_some(),
        false => cx.get(KEY, name.trim_start_matches("key/")).is_some(),
    }
}

fn key(cx: &Cx<'_>, property: &str) -> Checked {
    match cx.text(property) {
        Some(named) if !key_exists(cx, &named) => {
            refused("NotFound", format!("Invalid keyId {named}"))
        }
        _ => Ok(()),
    }
}

/// Whether a topic of this account and Region that is named by its ARN exists.
fn topic_exists(cx: &Cx<'_>, arn: &str) -> bool {
    let own = format!(":sns:{}:{}:", cx.request.region, cx.request.account);
    !arn.contains(&own) || cx.get(TOPIC, arn).is_some()
}

pub(super) fn topic(cx: &Cx<'_>) -> Checked {
    key(cx, "KmsMasterKeyId")
}

pub(super) fn topic_policy(cx: &Cx<'_>) -> Checked {
    match cx.texts("Topics").iter().find(|it| !topic_exists(cx, it)) {
        Some(_) => refused("NotFound", "Topic does not exist"),
        None => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html>
pub(super) fn subscription(cx: &Cx<'_>) -> Checked {
    let arn = cx.text("TopicArn").unwrap_or_default();
    if !topic_exists(cx, &arn) {
        return refused("NotFound", "Topic does not exist");
    }
    let endpoint = cx.text("Endpoint").unwrap_or_default();
    let fits = match cx.text("Protocol").as_deref() {
        _ if is_placeholder(&endpoint) => true,
        Some("email" | "email-json") => endpoint.contains('@') && !endpoint.contains(' '),
        Some("https") => endpoint.starts_with("https://"),
        Some("http") => endpoint.starts_with("http://"),
        Some("sqs" | "lambda" | "firehose" | "application") => endpoint.starts_with("arn:"),
        _ => true,
    };
    match fits {
        true => Ok(()),
        false => refused("InvalidRequest", "Invalid parameter: Email address"),
    }
}

pub(super) fn log_group(cx: &Cx<'_>) -> Checked {
    match cx.text("KmsKeyId") {
        Some(named) if !key_exists(cx, &named) => refused(
            "InvalidRequest",
            "The specified KMS key does not exist or is not allowed to be used with Arn",
        ),
        _ => Ok(()),
    }
}

pub(super) fn metric_filter(cx: &Cx<'_>) -> Checked {
    let group = cx.text("LogGroupName").unwrap_or_default();
    match cx.get("AWS::Logs::LogGroup", &group) {
        Some(_) => Ok(()),
        None => refused("NotFound", "The specified log group does not exist."),
    }
}

/// An alarm watches a metric, or an expression over several.
pub(super) fn alarm(cx: &Cx<'_>) -> Checked {
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

pub(super) fn rule(cx: &Cx<'_>) -> Checked {
    let pattern = cx.request.properties.get("EventPattern").is_some();
    match pattern || cx.text("ScheduleExpression").is_some() {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            "Parameter(s) EventPattern, ScheduleExpression must be specified.",
        ),
    }
}

pub(super) fn chat_channel(cx: &Cx<'_>) -> Checked {
    let arn = cx.text("IamRoleArn").unwrap_or_default();
    let own = format!(":iam::{}:role/", cx.request.account);
    if let Some((_, name)) = arn.split_once(&own)
        && cx.get("AWS::IAM::Role", name.rsplit('/').next().unwrap_or(name)).is_none()
    {
        return refused("InvalidRequest", format!("The role {arn} does not exist"));
    }
    match cx.texts("SnsTopicArns").iter().find(|it| !topic_exists(cx, it)) {
        Some(arn) => refused("InvalidRequest", format!("The topic {arn} does not exist")),
        None => Ok(()),
    }
}

pub(super) fn key_alias(cx: &Cx<'_>) -> Checked {
    let name = cx.text("AliasName").unwrap_or_default();
    if !name.starts_with("alias/") || name.starts_with("alias/aws/") {
        return refused("InvalidRequest", format!("Alias name {name} is not valid"));
    }
    key(cx, "TargetKeyId")
}

fn policy_exists(cx: &Cx<'_>, arn: &str) -> bool {
    let own = format!(":iam::{}:policy/", cx.request.account);
    // A policy that a stack did not make may have been there before.
    !arn.contains(&own)
        || cx.get("AWS::IAM::ManagedPolicy", arn).is_some()
        || cx.others("AWS::IAM::ManagedPolicy").next().is_none()
}

pub(super) fn role(cx: &Cx<'_>) -> Checked {
    match cx.texts("ManagedPolicyArns").iter().find(|it| !policy_exists(cx, it)) {
        Some(arn) => {
            refused("NotFound", format!("Policy {arn} does not exist or is not attachable."))
        }
        None => Ok(()),
    }
}

pub(super) fn managed_policy(cx: &Cx<'_>) -> Checked {
    for name in cx.texts("Roles") {
        if cx.get("AWS::IAM::Role", &name).is_none() {
            return refused("NotFound", format!("The role with name {name} cannot be found."));
        }
    }
    Ok(())
}

pub(super) fn managed_policy_gone(cx: &Cx<'_>) -> Checked {
    match cx.user("AWS::IAM::Role", "ManagedPolicyArns", cx.request.physical_id) {
        Some(_) => refused("ResourceConflict", "Cannot delete a policy attached to entities."),
        None => Ok(()),
    }
}
