use crate::deliveries::{Admissions, Delivery, deliveries};
use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use kumiki_project::partition;
use kumiki_source::{Hop, Severity, message};
use std::collections::BTreeMap;

pub(crate) static RULE: Rule = Rule {
    name: "target-refuses-service",
    severity: Severity::Error,
    page: include_str!("target_refuses_service.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    // Other partitions have principals of their own.
    if partition(&cx.inputs.region) != "aws" {
        return;
    }
    let links = Links::new(cx);
    let admissions = Admissions::new(&links);
    // Target and service: the first delivery, and how many there are.
    let mut refused: BTreeMap<(Place, String), (Delivery<'_>, usize)> = BTreeMap::new();
    for delivery in deliveries(&links) {
        if admissions.of(&links, &delivery).is_none_or(|it| !it.is_empty()) {
            continue;
        }
        refused.entry((delivery.to, delivery.principal())).or_insert((delivery, 0)).1 += 1;
    }
    for ((to, service), (delivery, count)) in refused {
        let target = links.at(to);
        let (name, action) = (&target.logical_id, delivery.action);
        let finding = cx.report_value(
            delivery.value,
            message!("`{name}` does not allow `{service}` `{action}`", name, service, action),
        );
        finding.hops.push(Hop { span: target.span, label: Some(message!("the target")) });
        let kind = match &*target.type_name {
            "AWS::Lambda::Function" => "AWS::Lambda::Permission",
            "AWS::S3::Bucket" => "AWS::S3::BucketPolicy",
            "AWS::SQS::Queue" => "AWS::SQS::QueuePolicy",
            _ => "AWS::SNS::TopicPolicy",
        };
        finding.help.push(match delivery.tried {
            true => message!(
                "the service tries it, and the creation fails; add an `{kind}` that it waits for",
                kind
            ),
            false => message!("nothing is delivered; add an `{kind}` for the service", kind),
        });
        if count > 1 {
            let others = count - 1;
            finding.help.push(message!("the same holds for {others} more of the tree", others));
        }
    }
}
