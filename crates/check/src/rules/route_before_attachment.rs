use crate::links::{Certain, Links};
use crate::ordering::{dependency, waits};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "route-before-attachment",
    severity: Severity::Error,
    page: include_str!("route_before_attachment.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let gateways: Vec<Certain<'_>> = links.certain("AWS::EC2::VPCGatewayAttachment").collect();
    let transit: Vec<Certain<'_>> = links
        .certain("AWS::EC2::TransitGatewayAttachment")
        .chain(links.certain("AWS::EC2::TransitGatewayVpcAttachment"))
        .collect();
    let attached = |attachment: &Certain<'_>, property: &str, gateway: &Value| {
        attachment.2.property(property).is_some_and(|it| links.same(it, gateway))
    };
    for route in links.certain("AWS::EC2::Route") {
        if let Some(gateway) = route.2.property("GatewayId") {
            let to = |it: &Certain<'_>| {
                attached(it, "InternetGatewayId", gateway) || attached(it, "VpnGatewayId", gateway)
            };
            order(cx, route, gateway, gateways.iter().copied().filter(|it| to(it)));
        }
        let vpc = route.2.property("RouteTableId").and_then(|it| links.reference(it));
        let vpc = vpc.and_then(|it| links.at(links.place(it.resource)?).property("VpcId"));
        if let (Some(gateway), Some(vpc)) = (route.2.property("TransitGatewayId"), vpc) {
            let to = |it: &Certain<'_>| {
                attached(it, "TransitGatewayId", gateway) && attached(it, "VpcId", vpc)
            };
            order(cx, route, gateway, transit.iter().copied().filter(|it| to(it)));
        }
    }
    for propagation in links.certain("AWS::EC2::VPNGatewayRoutePropagation") {
        if let Some(gateway) = propagation.2.property("VpnGatewayId") {
            let to = |it: &Certain<'_>| attached(it, "VpnGatewayId", gateway);
            order(cx, propagation, gateway, gateways.iter().copied().filter(|it| to(it)));
        }
    }
}

/// Reports a route that waits for none of the attachments of its gateway.
fn order<'t>(
    cx: &mut Cx<'t>,
    route: Certain<'t>,
    gateway: &Value,
    attachments: impl Iterator<Item = Certain<'t>>,
) {
    let attachments: Vec<Certain<'t>> = attachments.collect();
    let tree = cx.tree;
    let Some(first) = attachments.first() else { return };
    if attachments.iter().any(|it| waits(tree, route.0, it.0)) {
        return;
    }
    let (name, attachment) = (&route.2.logical_id, &first.2.logical_id);
    let finding = cx.report_value(
        gateway,
        message!(
            "route `{name}` does not wait for `{attachment}`, which attaches its gateway",
            name,
            attachment
        ),
    );
    finding.hops.push(Hop { span: first.2.span, label: Some(message!("attached here")) });
    if let Some((waiting, on)) = dependency(tree, route.0, first.0) {
        finding.help.push(message!("add `DependsOn: {on}` to `{waiting}`", on, waiting));
    }
}
