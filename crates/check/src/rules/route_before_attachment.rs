use crate::links::{Certain, Identity, Links};
use crate::ordering::{depend_on, waits};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "route-before-attachment",
    severity: Severity::Error,
    page: include_str!("route_before_attachment.md"),
    check,
};

const TRANSIT: [&str; 2] =
    ["AWS::EC2::TransitGatewayAttachment", "AWS::EC2::TransitGatewayVpcAttachment"];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    // Attachments by gateway, and by transit gateway and VPC.
    let mut gateways: HashMap<Identity<'_>, Vec<Certain<'_>>> = HashMap::new();
    for attachment in links.certain("AWS::EC2::VPCGatewayAttachment") {
        for property in ["InternetGatewayId", "VpnGatewayId"] {
            let gateway = attachment.2.property(property).and_then(|it| links.identity(it));
            if let Some(gateway) = gateway {
                gateways.entry(gateway).or_default().push(attachment);
            }
        }
    }
    let mut transit: HashMap<(Identity<'_>, Identity<'_>), Vec<Certain<'_>>> = HashMap::new();
    for type_name in TRANSIT {
        for attachment in links.certain(type_name) {
            let identity = |it| attachment.2.property(it).and_then(|it| links.identity(it));
            if let Some(key) = identity("TransitGatewayId").zip(identity("VpcId")) {
                transit.entry(key).or_default().push(attachment);
            }
        }
    }
    for route in links.certain("AWS::EC2::Route") {
        if let Some(gateway) = route.2.property("GatewayId") {
            let attachments = links.identity(gateway).and_then(|it| gateways.get(&it));
            order(cx, route, gateway, attachments);
        }
        let table = route.2.property("RouteTableId").and_then(|it| links.reference(it));
        let vpc = table.and_then(|it| links.at(links.place(it.resource)?).property("VpcId"));
        if let (Some(gateway), Some(vpc)) = (route.2.property("TransitGatewayId"), vpc) {
            let key = links.identity(gateway).zip(links.identity(vpc));
            order(cx, route, gateway, key.and_then(|it| transit.get(&it)));
        }
    }
    for propagation in links.certain("AWS::EC2::VPNGatewayRoutePropagation") {
        if let Some(gateway) = propagation.2.property("VpnGatewayId") {
            let attachments = links.identity(gateway).and_then(|it| gateways.get(&it));
            order(cx, propagation, gateway, attachments);
        }
    }
}

/// Reports a route that waits for none of the attachments of its gateway.
fn order<'t>(
    cx: &mut Cx<'t>,
    route: Certain<'t>,
    gateway: &Value,
    attachments: Option<&Vec<Certain<'t>>>,
) {
    let attachments = attachments.map(Vec::as_slice).unwrap_or_default();
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
    finding.help.extend(depend_on(tree, route.0, first.0));
}
