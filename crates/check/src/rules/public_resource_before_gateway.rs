use crate::links::{Certain, Identity, Links};
use crate::ordering::{depend_on, waits};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "public-resource-before-gateway",
    severity: Severity::Error,
    page: include_str!("public_resource_before_gateway.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut attachments: HashMap<Identity<'_>, Certain<'_>> = HashMap::new();
    for attachment in links.certain("AWS::EC2::VPCGatewayAttachment") {
        let vpc = attachment.2.property("VpcId").and_then(|it| links.identity(it));
        if let Some(vpc) = vpc.filter(|_| attachment.2.property("InternetGatewayId").is_some()) {
            attachments.entry(vpc).or_insert(attachment);
        }
    }
    if attachments.is_empty() {
        return;
    }
    for resource in links.all() {
        let subnet = match &*resource.2.type_name {
            "AWS::EC2::NatGateway" if is(resource, "ConnectivityType", "public") => {
                resource.2.property("SubnetId")
            }
            "AWS::ElasticLoadBalancingV2::LoadBalancer"
                if is(resource, "Scheme", "internet-facing") =>
            {
                let mapped = resource.2.property("SubnetMappings.0.SubnetId");
                resource.2.property("Subnets.0").or(mapped)
            }
            _ => continue,
        };
        if let Some(subnet) = subnet {
            order(cx, &links, &attachments, resource, subnet);
        }
    }
}

/// Whether a property has this value, which is also its default.
fn is(resource: Certain<'_>, property: &str, value: &str) -> bool {
    resource.2.property(property).is_none_or(|it| it.as_text() == Some(value))
}

fn order<'t>(
    cx: &mut Cx<'t>,
    links: &Links<'t>,
    attachments: &HashMap<Identity<'t>, Certain<'t>>,
    resource: Certain<'t>,
    subnet: &Value,
) {
    let vpc = links.reference(subnet).and_then(|it| links.place(it.resource));
    let Some(vpc) = vpc.and_then(|it| links.at(it).property("VpcId")) else { return };
    let attachment = links.identity(vpc).and_then(|it| attachments.get(&it));
    let Some(attachment) = attachment else { return };
    let tree = cx.tree;
    if waits(tree, resource.0, attachment.0) {
        return;
    }
    let (name, gateway) = (&resource.2.logical_id, &attachment.2.logical_id);
    let finding = cx.report_value(
        subnet,
        message!(
            "`{name}` needs an internet gateway and does not wait for `{gateway}`",
            name,
            gateway
        ),
    );
    finding.hops.push(Hop { span: attachment.2.span, label: Some(message!("attached here")) });
    finding.help.extend(depend_on(tree, resource.0, attachment.0));
}
