use crate::deliveries::deliveries;
use crate::keys::{Keys, report_refusal};
use crate::links::{Links, Place};
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

fn check(cx: &mut Cx<'_>) {
    if partition(&cx.inputs.region) == "aws-cn" {
        return;
    }
    let links = Links::new(cx);
    let keys = Keys::new(&links);
    // Topic and service: the first that publishes so, and how many do.
    let mut uses: BTreeMap<(Place, String), (&Value, usize)> = BTreeMap::new();
    for delivery in deliveries(&links).iter().filter(|it| it.action == "sns:Publish") {
        uses.entry((delivery.to, delivery.principal())).or_insert((delivery.value, 0)).1 += 1;
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
        let finding = report_refusal(cx, value, key, &service, |key_name, missing| {
            message!(
                "key `{key_name}` of topic `{name}` does not allow `{service}` {missing}",
                key_name,
                name,
                service,
                missing
            )
        });
        if let Some(finding) = finding {
            finding.help.extend((others > 0).then_some(more));
        }
    }
}
