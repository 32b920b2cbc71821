use crate::keys::Keys;
use crate::links::{Links, Place};
use crate::policies::Policy;
use crate::rule::{Cx, Rule};
use kumiki_project::{Value, partition};
use kumiki_source::{Hop, Severity, message};
use std::collections::BTreeMap;

pub(crate) static RULE: Rule = Rule {
    name: "topic-key-refuses-publisher",
    severity: Severity::Error,
    page: include_str!("topic_key_refuses_publisher.md"),
    check,
};

/// A type, the path of the topics it publishes to, and the service that publishes.
const PUBLISHERS: [(&str, &[&str], &str); 6] = [
    (
        "AWS::CloudWatch::Alarm",
        &["AlarmActions", "OKActions", "InsufficientDataActions"],
        "cloudwatch.amazonaws.com",
    ),
    (
        "AWS::CloudWatch::CompositeAlarm",
        &["AlarmActions", "OKActions", "InsufficientDataActions"],
        "cloudwatch.amazonaws.com",
    ),
    ("AWS::Events::Rule", &["Targets"], "events.amazonaws.com"),
    ("AWS::RDS::EventSubscription", &["SnsTopicArn"], "events.rds.amazonaws.com"),
    ("AWS::Backup::BackupVault", &["Notifications.SNSTopicArn"], "backup.amazonaws.com"),
    (
        "AWS::Budgets::Budget",
        &["NotificationsWithSubscribers.Subscribers.Address"],
        "budgets.amazonaws.com",
    ),
];

fn check(cx: &mut Cx<'_>) {
    if partition(&cx.inputs.region) == "aws-cn" {
        return;
    }
    let links = Links::new(cx);
    let keys = Keys::new(&links);
    // Topic and service: the first that publishes so, and how many do.
    let mut uses: BTreeMap<(Place, &str), (&Value, usize)> = BTreeMap::new();
    for (_, _, resource) in links.all() {
        for (_, paths, service) in PUBLISHERS.iter().filter(|it| *it.0 == *resource.type_name) {
            for path in *paths {
                each(&resource.properties, path, &mut |value| {
                    let value = match value.get("Arn") {
                        // With a role of its own, the target publishes as that role.
                        Some(_) if value.get("RoleArn").is_some() => return,
                        Some(arn) => arn,
                        None => value,
                    };
                    let Some(reference) = links.reference(value) else { return };
                    if &*reference.resource.type_name != "AWS::SNS::Topic" {
                        return;
                    }
                    if let Some(topic) = links.place(reference.resource) {
                        uses.entry((topic, service)).or_insert((value, 0)).1 += 1;
                    }
                });
            }
        }
    }
    for ((topic, service), (value, count)) in uses {
        let topic = links.at(topic);
        let Some(key) = topic.property("KmsMasterKeyId") else { continue };
        let name = &topic.logical_id;
        let others = count - 1;
        let more = message!("the same holds for {others} more of the tree", others);
        if key.as_text().is_some_and(|it| it.ends_with("alias/aws/sns")) {
            let finding = cx.report_value(
                value,
                message!(
                    "`{service}` cannot publish to topic `{name}`, which has the key of SNS itself",
                    service,
                    name
                ),
            );
            if let Some(span) = key.origin.nearest() {
                finding.hops.push(Hop { span, label: Some(message!("the topic's key")) });
            }
            finding.help.push(message!(
                "the policy of `alias/aws/sns` cannot be changed; use a key of your own that admits \
                 the service"
            ));
            finding.help.extend((others > 0).then_some(more));
            continue;
        }
        let Some(key) = keys.find(key) else { continue };
        let document = key.property("KeyPolicy");
        let policy = document.map(Policy::read);
        let missing: Vec<&str> = ["kms:GenerateDataKey", "kms:Decrypt"]
            .into_iter()
            .filter(|action| {
                policy
                    .as_ref()
                    .is_none_or(|it| it.whole && it.may_allow(service, action).next().is_none())
            })
            .collect();
        if missing.is_empty() {
            continue;
        }
        let key_name = &key.logical_id;
        let missing = missing.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        let finding = cx.report_value(
            value,
            message!(
                "key `{key_name}` of topic `{name}` does not allow `{service}` {missing}",
                key_name,
                name,
                service,
                missing
            ),
        );
        let span = document.and_then(|it| it.origin.nearest()).unwrap_or(key.span);
        finding.hops.push(Hop { span, label: Some(message!("the key's policy")) });
        finding.help.push(message!("nothing is delivered; add the service to the key policy"));
        finding.help.extend((others > 0).then_some(more));
    }
}

/// Calls `visit` with every value at a path of fields, in every item of a list.
fn each<'v>(value: &'v Value, path: &str, visit: &mut dyn FnMut(&'v Value)) {
    if let Some(items) = value.as_list() {
        items.iter().for_each(|it| each(it, path, visit));
        return;
    }
    if path.is_empty() {
        visit(value);
        return;
    }
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    if let Some(value) = value.get(first) {
        each(value, rest, visit);
    }
}
