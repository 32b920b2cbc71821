use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "route-without-target",
    severity: Severity::Error,
    page: include_str!("route_without_target.md"),
    check,
};

const TARGETS: [&str; 12] = [
    "CarrierGatewayId",
    "CoreNetworkArn",
    "EgressOnlyInternetGatewayId",
    "GatewayId",
    "InstanceId",
    "LocalGatewayId",
    "NatGatewayId",
    "NetworkInterfaceId",
    "OdbNetworkArn",
    "TransitGatewayId",
    "VpcEndpointId",
    "VpcPeeringConnectionId",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, route) in links.certain("AWS::EC2::Route") {
        let Some(fields) = route.properties.as_map() else { continue };
        let mut targets =
            fields.iter().filter(|it| TARGETS.contains(&&*it.name) && !it.value.is_absent());
        let name = &route.logical_id;
        let Some(first) = targets.next() else {
            let dropped = fields.iter().find(|it| TARGETS.contains(&&*it.name));
            let span = dropped.and_then(|it| it.span).unwrap_or(route.span);
            cx.report(span, message!("route `{name}` leads nowhere", name))
                .help
                .push(message!("give it a target, or the condition under which it has one"));
            continue;
        };
        let Some(second) = targets.next() else { continue };
        let (one, other) = (&first.name, &second.name);
        let finding = cx.report_value(
            &second.value,
            message!("route `{name}` has two targets, `{one}` and `{other}`", name, one, other),
        );
        if let Some(span) = first.span {
            finding.hops.push(Hop { span, label: Some(message!("the first")) });
        }
        finding.help.push(message!("keep one of them"));
    }
}
