use crate::links::{Links, Place};
use crate::listeners::forwards;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, Span, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "target-group-of-wrong-protocol",
    severity: Severity::Error,
    page: include_str!("target_group_of_wrong_protocol.md"),
    check,
};

/// The protocols of target groups by the type of load balancer.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
const PROTOCOLS: [(&str, &[&str]); 3] = [
    ("application", &["HTTP", "HTTPS"]),
    ("network", &["TCP", "TLS", "UDP", "TCP_UDP", "QUIC", "TCP_QUIC"]),
    ("gateway", &["GENEVE"]),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut first: HashMap<Place, (Place, Option<Span>)> = HashMap::new();
    for forward in forwards(&links) {
        let (group, balancer) = (links.at(forward.group), links.at(forward.balancer));
        let (group_name, balancer_name) = (&group.logical_id, &balancer.logical_id);
        let span = forward.value.origin.nearest();
        let (other, other_span) = *first.entry(forward.group).or_insert((forward.balancer, span));
        if other != forward.balancer {
            let other = &links.at(other).logical_id;
            let finding = cx.report_value(
                forward.value,
                message!(
                    "target group `{group_name}` is used by two load balancers, `{other}` and `{balancer_name}`",
                    group_name,
                    other,
                    balancer_name
                ),
            );
            if let Some(span) = other_span {
                finding.hops.push(Hop { span, label: Some(message!("the first")) });
            }
            finding.help.push(message!("make a target group for each of them"));
            continue;
        }
        let balancer_type = match balancer.property("Type") {
            None => Some("application"),
            Some(it) => it.as_text(),
        };
        let Some(protocol_value) = group.property("Protocol") else { continue };
        let known = balancer_type.zip(protocol_value.as_text());
        let Some((balancer_type, protocol)) = known else { continue };
        let Some((_, protocols)) = PROTOCOLS.iter().find(|it| it.0 == balancer_type) else {
            continue;
        };
        // Functions have no protocol.
        if protocols.contains(&protocol)
            || group.property("TargetType").and_then(Value::as_text) == Some("lambda")
        {
            continue;
        }
        let finding = cx.report_value(
            forward.value,
            message!(
                "target group `{group_name}` has protocol `{protocol}`, and `{balancer_name}` is of type `{balancer_type}`",
                group_name,
                protocol,
                balancer_name,
                balancer_type
            ),
        );
        if let Some(span) = protocol_value.origin.nearest() {
            finding.hops.push(Hop { span, label: Some(message!("the protocol")) });
        }
        let protocols = protocols.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        finding.help.push(message!("such a load balancer forwards to {protocols}", protocols));
    }
}
