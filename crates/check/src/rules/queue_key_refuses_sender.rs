use crate::deliveries::deliveries;
use crate::keys::{Keys, report_refusal};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::partition;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "queue-key-refuses-sender",
    severity: Severity::Error,
    page: include_str!("queue_key_refuses_sender.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    if partition(&cx.inputs.region) == "aws-cn" {
        return;
    }
    let links = Links::new(cx);
    let keys = Keys::new(&links);
    for delivery in deliveries(&links).iter().filter(|it| it.action == "sqs:SendMessage") {
        let queue = links.at(delivery.to);
        let Some(value) = queue.property("KmsMasterKeyId") else { continue };
        let (name, service) = (&queue.logical_id, delivery.principal());
        if value.as_text().is_some_and(|it| it.ends_with("alias/aws/sqs")) {
            let finding = cx.report_value(
                delivery.value,
                message!(
                    "`{service}` cannot send to queue `{name}`, which has the key of SQS itself",
                    service,
                    name
                ),
            );
            if let Some(span) = value.origin.nearest() {
                finding.hops.push(Hop { span, label: Some(message!("the queue's key")) });
            }
            finding.help.push(message!(
                "use `SqsManagedSseEnabled`, or a key of your own that admits the service"
            ));
            continue;
        }
        let Some(key) = keys.find(value) else { continue };
        report_refusal(cx, delivery.value, key, &service, |key_name, missing| {
            message!(
                "key `{key_name}` of queue `{name}` does not allow `{service}` {missing}",
                key_name,
                name,
                service,
                missing
            )
        });
    }
}
