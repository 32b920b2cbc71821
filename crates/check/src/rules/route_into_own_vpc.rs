use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::subnets::{Vpc, blocks, vpc};
use ipnet::Ipv4Net;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "route-into-own-vpc",
    severity: Severity::Error,
    page: include_str!("route_into_own_vpc.md"),
    check,
};

/// What lies outside the VPC. Traffic inside it may be sent through an interface, an endpoint or a
/// NAT gateway.
///
/// <https://docs.aws.amazon.com/vpc/latest/userguide/route-table-options.html>
const OUTSIDE: [&str; 6] = [
    "CarrierGatewayId",
    "EgressOnlyInternetGatewayId",
    "GatewayId",
    "LocalGatewayId",
    "TransitGatewayId",
    "VpcPeeringConnectionId",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let Some(blocks) = blocks(cx, &links) else { return };
    for (_, _, route) in links.certain("AWS::EC2::Route") {
        let Some(value) = route.property("DestinationCidrBlock") else { continue };
        let Some(to) = value.as_text().and_then(|it| it.parse::<Ipv4Net>().ok()) else { continue };
        if !OUTSIDE.iter().any(|it| route.property(it).is_some()) {
            continue;
        }
        let Some(table) = route.property("RouteTableId") else { continue };
        let Some(reference) = links.reference(table) else { continue };
        let Some(table) = links.place(reference.resource).map(|it| links.at(it)) else { continue };
        let Some(Vpc::Here(of)) = table.property("VpcId").and_then(|it| vpc(cx, &links, it)) else {
            continue;
        };
        let Some(own) = blocks.get(&of).and_then(|it| it.iter().find(|it| it.contains(&to))) else {
            continue;
        };
        let span = links.at(of).property("CidrBlock").and_then(|it| it.origin.nearest());
        let finding = cx.report_value(
            value,
            message!("`{to}` is inside the VPC itself, which has `{own}`", to, own),
        );
        if let Some(span) = span {
            finding.hops.push(Hop { span, label: Some(message!("the VPC")) });
        }
        finding.help.push(message!("route the addresses of the other side"));
    }
}
