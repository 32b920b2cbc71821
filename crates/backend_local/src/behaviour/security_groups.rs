//! Security groups and their rules.

use super::network::{in_vpc, lists};
use super::{Checked, Cx, refused};
use crate::shape::text_at;
use serde_json::Value as Json;

const GROUP: &str = "AWS::EC2::SecurityGroup";
const RULES: [&str; 2] = ["AWS::EC2::SecurityGroupIngress", "AWS::EC2::SecurityGroupEgress"];

pub(super) fn group(cx: &Cx<'_>) -> Checked {
    if cx.text("VpcId").is_some() {
        in_vpc(cx)?;
    }
    let Some(name) = cx.text("GroupName") else { return Ok(()) };
    if name.starts_with("sg-") {
        return refused(
            "InvalidRequest",
            format!(
                "Value ({name}) for parameter GroupName is invalid. Group names may not be in the format sg-*."
            ),
        );
    }
    let vpc = cx.text("VpcId");
    let taken = cx.others(GROUP).any(|(_, it)| {
        text_at(&it.properties, "GroupName").as_deref() == Some(&name)
            && text_at(&it.properties, "VpcId") == vpc
    });
    if taken {
        return refused(
            "AlreadyExists",
            format!(
                "The security group '{name}' already exists for VPC '{}'",
                vpc.unwrap_or_default()
            ),
        );
    }
    Ok(())
}

pub(super) fn group_gone(cx: &Cx<'_>) -> Checked {
    let id = cx.request.physical_id;
    let in_rule = RULES.iter().any(|rules| {
        cx.others(rules).any(|(_, it)| {
            peers(&it.properties).contains(&Some(id.to_owned()))
                && text_at(&it.properties, "GroupId").as_deref() != Some(id)
        })
    });
    let users = [
        ("AWS::EC2::VPCEndpoint", "SecurityGroupIds"),
        ("AWS::RDS::DBInstance", "VPCSecurityGroups"),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "SecurityGroups"),
    ];
    let used = users.iter().any(|(type_name, property)| {
        cx.others(type_name).any(|(_, it)| lists(&it.properties, property, id))
    });
    match in_rule || used {
        true => refused("InvalidRequest", format!("resource {id} has a dependent object")),
        false => Ok(()),
    }
}

/// What a rule is about on the other side.
fn peers(rule: &Json) -> [Option<String>; 7] {
    [
        "CidrIp",
        "CidrIpv6",
        "SourceSecurityGroupId",
        "SourceSecurityGroupName",
        "SourcePrefixListId",
        "DestinationSecurityGroupId",
        "DestinationPrefixListId",
    ]
    .map(|it| text_at(rule, it))
}

/// What makes two rules the same.
fn identity(rule: &Json) -> (Vec<Option<String>>, [Option<String>; 7]) {
    let parts = ["GroupId", "IpProtocol", "FromPort", "ToPort"];
    (parts.map(|it| text_at(rule, it)).into(), peers(rule))
}

pub(super) fn rule(cx: &Cx<'_>) -> Checked {
    let properties = cx.request.properties;
    let group = cx.text("GroupId").unwrap_or_default();
    if cx.text("GroupName").is_none() && cx.get(GROUP, &group).is_none() {
        return refused("NotFound", format!("The security group '{group}' does not exist"));
    }
    for property in ["SourceSecurityGroupId", "DestinationSecurityGroupId"] {
        if let Some(id) = cx.text(property)
            && cx.get(GROUP, &id).is_none()
        {
            return refused("NotFound", format!("The security group '{id}' does not exist"));
        }
    }
    if peers(properties).iter().all(Option::is_none) {
        return refused(
            "InvalidRequest",
            "The request must contain exactly one of: CidrIp, CidrIpv6, a prefix list or a security group",
        );
    }
    if let Some(block) = cx.text("CidrIp")
        && block.parse::<ipnet::Ipv4Net>().is_err()
    {
        return refused("InvalidRequest", format!("CIDR block {block} is malformed"));
    }
    let protocol = cx.text("IpProtocol").unwrap_or_default();
    if matches!(protocol.as_str(), "tcp" | "udp" | "6" | "17")
        && (cx.text("FromPort").is_none() || cx.text("ToPort").is_none())
    {
        return refused(
            "InvalidRequest",
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
        );
    }
    let own = identity(properties);
    match cx.others(cx.request.type_name).any(|(_, it)| identity(&it.properties) == own) {
        true => {
            let peer = peers(properties).into_iter().flatten().next().unwrap_or_default();
            let port = |name| cx.text(name).unwrap_or_default();
            refused(
                "AlreadyExists",
                format!(
                    "the specified rule \"peer: {peer}, {}, from port: {}, to port: {}, ALLOW\" already exists",
                    protocol.to_uppercase(),
                    port("FromPort"),
                    port("ToPort")
                ),
            )
        }
        false => Ok(()),
    }
}
