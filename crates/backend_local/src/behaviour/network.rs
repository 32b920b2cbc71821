//! Networks: subnets lie in their VPC and do not overlap, routes lead somewhere, rules of security
//! groups are told apart.

use super::{Behaviour, Checked, Cx, Refusal, Rule, Says, behaviour, refused, stands_for_another};
use crate::shape::text_at;
use crate::zones::zones;
use ipnet::Ipv4Net;
use kumiki_source::message;
use serde_json::Value as Json;
use std::collections::BTreeMap;

const VPC: &str = "AWS::EC2::VPC";
const SUBNET: &str = "AWS::EC2::Subnet";
const ROUTE: &str = "AWS::EC2::Route";
const ROUTE_TABLE: &str = "AWS::EC2::RouteTable";
const ASSOCIATION: &str = "AWS::EC2::SubnetRouteTableAssociation";
const GATEWAY: &str = "AWS::EC2::InternetGateway";
const ATTACHMENT: &str = "AWS::EC2::VPCGatewayAttachment";
const TRANSIT: &str = "AWS::EC2::TransitGatewayAttachment";
const ENDPOINT: &str = "AWS::EC2::VPCEndpoint";
const NAT: &str = "AWS::EC2::NatGateway";
const ADDRESS: &str = "AWS::EC2::EIP";
const GROUP: &str = "AWS::EC2::SecurityGroup";
const INGRESS: &str = "AWS::EC2::SecurityGroupIngress";
const EGRESS: &str = "AWS::EC2::SecurityGroupEgress";
const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const DATABASE: &str = "AWS::RDS::DBInstance";
const SERVICE: &str = "AWS::ECS::Service";

const NO_VPC: Rule =
    Rule::Needs("VpcId", VPC, Says("NotFound", "The vpc ID '{value}' does not exist"));
const NO_GROUP: Says = Says("NotFound", "The security group '{value}' does not exist");
const NO_SUBNET: Says = Says("NotFound", "The subnet ID '{value}' does not exist");
const NO_TABLE: Says = Says("NotFound", "The routeTable ID '{value}' does not exist");
const VPC_KEPT: Says =
    Says("InvalidRequest", "The vpc '{id}' has dependencies and cannot be deleted.");
const SUBNET_KEPT: Says =
    Says("InvalidRequest", "The subnet '{id}' has dependencies and cannot be deleted.");
const GROUP_KEPT: Says = Says("InvalidRequest", "resource {id} has a dependent object");

#[rustfmt::skip]
pub(super) static BEHAVIOURS: &[Behaviour] = &[
    behaviour(ADDRESS, &[
        Rule::Keeps(NAT, "AllocationId", Says("InvalidRequest", "The address '{id}' is in use by {user} and cannot be released.")),
    ]),
    behaviour("AWS::EC2::FlowLog", &[
        Rule::Write(|| message!("a resource that does not exist"), flow_log),
    ]),
    behaviour(GATEWAY, &[
        Rule::Keeps(ATTACHMENT, "InternetGatewayId", Says("InvalidRequest", "The internetGateway '{id}' has dependencies and cannot be deleted.")),
    ]),
    behaviour(NAT, &[
        Rule::Needs("SubnetId", SUBNET, NO_SUBNET),
        Rule::Write(|| message!("an address that does not exist, or that is in use"), nat_address),
        Rule::Write(|| message!("a public NAT gateway in a VPC without an Internet gateway"), nat_gateway),
    ]),
    behaviour(ROUTE, &[
        Rule::Needs("RouteTableId", ROUTE_TABLE, NO_TABLE),
        Rule::Needs("NatGatewayId", NAT, Says("NotFound", "The natGateway ID '{value}' does not exist")),
        Rule::Write(|| message!("no destination, or one that the table has already"), route_destination),
        Rule::Write(|| message!("an Internet gateway that is not attached to the VPC"), route_to_gateway),
        Rule::Write(|| message!("a transit gateway that is not attached to the VPC"), route_to_transit),
    ]),
    behaviour(ROUTE_TABLE, &[
        NO_VPC,
        Rule::Keeps(ASSOCIATION, "RouteTableId", Says("InvalidRequest", "The routeTable '{id}' has dependencies and cannot be deleted.")),
    ]),
    behaviour(GROUP, &[
        NO_VPC,
        Rule::Write(|| message!("a `GroupName` that is taken in the VPC, or begins with `sg-`"), group_name),
        Rule::Keeps(INGRESS, "SourceSecurityGroupId", GROUP_KEPT),
        Rule::Keeps(EGRESS, "DestinationSecurityGroupId", GROUP_KEPT),
        Rule::Keeps(ENDPOINT, "SecurityGroupIds", GROUP_KEPT),
        Rule::Keeps(DATABASE, "VPCSecurityGroups", GROUP_KEPT),
        Rule::Keeps(BALANCER, "SecurityGroups", GROUP_KEPT),
        Rule::Keeps(SERVICE, "NetworkConfiguration.AwsvpcConfiguration.SecurityGroups", GROUP_KEPT),
    ]),
    behaviour(EGRESS, &[
        Rule::Needs("GroupId", GROUP, NO_GROUP),
        Rule::Needs("DestinationSecurityGroupId", GROUP, NO_GROUP),
        Rule::Write(|| message!("a rule without a peer or without ports, or with a malformed CIDR block"), rule),
        Rule::Write(|| message!("the same rule again"), same_rule),
    ]),
    behaviour(INGRESS, &[
        Rule::Needs("GroupId", GROUP, NO_GROUP),
        Rule::Needs("SourceSecurityGroupId", GROUP, NO_GROUP),
        Rule::Write(|| message!("a rule without a peer or without ports, or with a malformed CIDR block"), rule),
        Rule::Write(|| message!("the same rule again"), same_rule),
    ]),
    behaviour(SUBNET, &[
        NO_VPC,
        Rule::Write(|| message!("a zone that new accounts do not see"), subnet_zone),
        Rule::Write(|| message!("a CIDR block outside the VPC's, or over another subnet's"), subnet_block),
        Rule::Keeps(ENDPOINT, "SubnetIds", SUBNET_KEPT),
        Rule::Keeps(TRANSIT, "SubnetIds", SUBNET_KEPT),
        Rule::Keeps(NAT, "SubnetId", SUBNET_KEPT),
        Rule::Keeps(BALANCER, "Subnets", SUBNET_KEPT),
        Rule::Keeps(SERVICE, "NetworkConfiguration.AwsvpcConfiguration.Subnets", SUBNET_KEPT),
    ]),
    behaviour(ASSOCIATION, &[
        Rule::Needs("RouteTableId", ROUTE_TABLE, NO_TABLE),
        Rule::Needs("SubnetId", SUBNET, NO_SUBNET),
        Rule::Write(|| message!("a table of another VPC, or a subnet that has one already"), association),
    ]),
    behaviour(TRANSIT, &[
        NO_VPC,
        Rule::Write(|| message!("a malformed identifier of the gateway, or a second attachment of the VPC"), transit_gateway_attachment),
        Rule::Write(|| message!("subnets of another VPC, or two in one zone"), subnets_in_zones),
    ]),
    behaviour(VPC, &[
        Rule::Write(|| message!("a CIDR block larger than /16 or smaller than /28"), vpc),
        Rule::Keeps(SUBNET, "VpcId", VPC_KEPT),
        Rule::Keeps(ROUTE_TABLE, "VpcId", VPC_KEPT),
        Rule::Keeps(GROUP, "VpcId", VPC_KEPT),
        Rule::Keeps(ATTACHMENT, "VpcId", VPC_KEPT),
        Rule::Keeps(ENDPOINT, "VpcId", VPC_KEPT),
    ]),
    behaviour(ENDPOINT, &[
        NO_VPC,
        Rule::Needs("SecurityGroupIds", GROUP, NO_GROUP),
        Rule::Needs("RouteTableIds", ROUTE_TABLE, NO_TABLE),
        Rule::Write(|| message!("a service of another Region"), endpoint_service),
        Rule::Write(|| message!("a route table of another VPC"), endpoint_tables),
        Rule::Write(|| message!("subnets of another VPC, or two in one zone"), subnets_in_zones),
        Rule::Write(|| message!("a private DNS name that the VPC has already"), endpoint_name),
    ]),
    behaviour(ATTACHMENT, &[
        NO_VPC,
        Rule::Needs("InternetGatewayId", GATEWAY, Says("NotFound", "The internetGateway ID '{value}' does not exist")),
        Rule::Write(|| message!("no gateway, or a second one"), gateway_attachment),
    ]),
];

/// A block that a VPC or subnet can have.
///
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>
fn block(text: &str) -> Result<Ipv4Net, Refusal> {
    match text.parse::<Ipv4Net>() {
        Ok(block) if block.trunc() != block => refused(
            "InvalidRequest",
            format!(
                "Value ({text}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
            ),
        ),
        Ok(block) if (16..=28).contains(&block.prefix_len()) => Ok(block),
        _ => refused("InvalidRequest", format!("The CIDR '{text}' is invalid.")),
    }
}

fn vpc(cx: &Cx<'_>) -> Checked {
    match cx.text("CidrBlock") {
        Some(text) if stands_for_another(&text) => Ok(()),
        Some(text) => block(&text).map(|_| ()),
        None if cx.text("Ipv4IpamPoolId").is_some() => Ok(()),
        None => refused("InvalidRequest", "Either CidrBlock or Ipv4IpamPoolId must be provided"),
    }
}

fn flow_log(cx: &Cx<'_>) -> Checked {
    let id = cx.text("ResourceId").unwrap_or_default();
    let (type_name, kind) = match cx.text("ResourceType").as_deref() {
        Some("VPC") => (VPC, "vpc"),
        Some("Subnet") => (SUBNET, "subnet"),
        _ => return Ok(()),
    };
    match cx.lacks(type_name, &id) {
        true => refused("NotFound", format!("The {kind} ID '{id}' does not exist")),
        false => Ok(()),
    }
}

fn nat_address(cx: &Cx<'_>) -> Checked {
    let Some(id) = cx.text("AllocationId") else { return Ok(()) };
    // `AllocationId` of an address is an attribute; `Ref` gives the address itself.
    let (account, region) = (cx.request.account, cx.request.region);
    let known = cx.world.having(account, region, ADDRESS, "@AllocationId", &id);
    if known.is_empty() && cx.lacks(ADDRESS, &id) {
        return refused("NotFound", format!("The elastic-ip ID '{id}' does not exist"));
    }
    match cx.having(NAT, "AllocationId", &id).is_empty() {
        true => Ok(()),
        false => {
            refused("InvalidRequest", format!("Elastic IP address [{id}] is already associated"))
        }
    }
}

fn nat_gateway(cx: &Cx<'_>) -> Checked {
    let subnet = cx.text("SubnetId").unwrap_or_default();
    let Some(subnet_thing) = cx.get(SUBNET, &subnet) else { return Ok(()) };
    let vpc = text_at(&subnet_thing.properties, "VpcId").unwrap_or_default();
    let private = cx.text("ConnectivityType").as_deref() == Some("private");
    match private || has_gateway(cx, &vpc) {
        true => Ok(()),
        false => {
            refused("NotStabilized", format!("Network {vpc} has no Internet gateway attached"))
        }
    }
}

/// Whether an Internet gateway is attached to a VPC, as far as the VPC is known.
pub(super) fn has_gateway(cx: &Cx<'_>, vpc: &str) -> bool {
    cx.get(VPC, vpc).is_none()
        || cx
            .things_having(ATTACHMENT, "VpcId", vpc)
            .any(|(_, it)| text_at(&it.properties, "InternetGatewayId").is_some())
}

fn subnet_zone(cx: &Cx<'_>) -> Checked {
    let known = zones(cx.request.region).unwrap_or_default();
    match cx.text("AvailabilityZone") {
        Some(zone) if !known.contains(&zone) && !stands_for_another(&zone) => refused(
            "InvalidRequest",
            format!(
                "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
                known.join(", ")
            ),
        ),
        _ => Ok(()),
    }
}

fn subnet_block(cx: &Cx<'_>) -> Checked {
    let Some(text) = cx.text("CidrBlock").filter(|it| !stands_for_another(it)) else {
        return Ok(());
    };
    let own = block(&text)?;
    let vpc = cx.text("VpcId").unwrap_or_default();
    let range = cx.get(VPC, &vpc).and_then(|it| text_at(&it.properties, "CidrBlock"));
    let range = range.and_then(|it| it.parse::<Ipv4Net>().ok());
    if range.is_some_and(|range| !range.contains(&own)) {
        return refused("InvalidRequest", format!("The CIDR '{text}' is invalid."));
    }
    let overlaps = cx.things_having(SUBNET, "VpcId", &vpc).any(|(_, other)| {
        let block = text_at(&other.properties, "CidrBlock");
        let block = block.and_then(|it| it.parse::<Ipv4Net>().ok());
        block.is_some_and(|it| it.contains(&own) || own.contains(&it))
    });
    match overlaps {
        true => {
            refused("AlreadyExists", format!("The CIDR '{text}' conflicts with another subnet"))
        }
        false => Ok(()),
    }
}

fn gateway_attachment(cx: &Cx<'_>) -> Checked {
    let vpc = cx.text("VpcId").unwrap_or_default();
    let Some(gateway) = cx.text("InternetGatewayId") else {
        return match cx.text("VpnGatewayId") {
            Some(_) => Ok(()),
            None => refused(
                "InvalidRequest",
                "Either InternetGatewayId or VpnGatewayId must be provided",
            ),
        };
    };
    if !cx.having(ATTACHMENT, "InternetGatewayId", &gateway).is_empty() {
        return refused(
            "AlreadyExists",
            format!("resource {gateway} is already attached to network {vpc}"),
        );
    }
    let other = cx.things_having(ATTACHMENT, "VpcId", &vpc);
    match other.into_iter().any(|(_, it)| text_at(&it.properties, "InternetGatewayId").is_some()) {
        true => refused(
            "AlreadyExists",
            format!("Network {vpc} already has an internet gateway attached"),
        ),
        false => Ok(()),
    }
}

/// The VPC of a route table, as far as it is known.
fn vpc_of_table(cx: &Cx<'_>, id: &str) -> Option<String> {
    text_at(&cx.get(ROUTE_TABLE, id)?.properties, "VpcId")
}

fn destination(properties: &Json) -> Option<String> {
    ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"]
        .iter()
        .find_map(|it| text_at(properties, it))
}

fn route_destination(cx: &Cx<'_>) -> Checked {
    let Some(to) = destination(cx.request.properties) else {
        return refused(
            "InvalidRequest",
            "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, destinationPrefixListId",
        );
    };
    let table = cx.text("RouteTableId").unwrap_or_default();
    let mut others = cx.things_having(ROUTE, "RouteTableId", &table);
    match others.any(|(_, it)| destination(&it.properties).as_deref() == Some(&to)) {
        true => refused("AlreadyExists", format!("The route identified by {to} already exists.")),
        false => Ok(()),
    }
}

fn route_to_gateway(cx: &Cx<'_>) -> Checked {
    let table = cx.text("RouteTableId").unwrap_or_default();
    let gateway = cx.text("GatewayId").filter(|it| it.starts_with("igw-"));
    let (Some(gateway), Some(vpc)) = (gateway, vpc_of_table(cx, &table)) else { return Ok(()) };
    if cx.lacks(GATEWAY, &gateway) {
        return refused("NotFound", format!("The gateway ID '{gateway}' does not exist"));
    }
    let attached = cx
        .things_having(ATTACHMENT, "InternetGatewayId", &gateway)
        .any(|(_, it)| text_at(&it.properties, "VpcId").as_deref() == Some(&vpc));
    match attached || cx.rehearsal.exists.contains(&gateway) {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            format!(
                "route table {table} and network gateway {gateway} belong to different networks"
            ),
        ),
    }
}

fn route_to_transit(cx: &Cx<'_>) -> Checked {
    let table = cx.text("RouteTableId").unwrap_or_default();
    let vpc = vpc_of_table(cx, &table);
    let (Some(gateway), Some(vpc)) = (cx.text("TransitGatewayId"), vpc) else { return Ok(()) };
    let attached = cx
        .things_having(TRANSIT, "TransitGatewayId", &gateway)
        .any(|(_, it)| text_at(&it.properties, "VpcId").as_deref() == Some(&vpc));
    match attached || cx.rehearsal.exists.contains(&gateway) {
        true => Ok(()),
        false => refused("NotFound", format!("The transitGateway ID '{gateway}' does not exist.")),
    }
}

fn association(cx: &Cx<'_>) -> Checked {
    let table = cx.text("RouteTableId").unwrap_or_default();
    let id = cx.text("SubnetId").unwrap_or_default();
    let subnet = cx.get(SUBNET, &id).and_then(|it| text_at(&it.properties, "VpcId"));
    if let (Some(vpc), Some(own)) = (vpc_of_table(cx, &table), subnet)
        && vpc != own
    {
        return refused(
            "InvalidRequest",
            format!("Route table {table} and subnet {id} belong to different networks"),
        );
    }
    match cx.having(ASSOCIATION, "SubnetId", &id).is_empty() {
        true => Ok(()),
        false => refused(
            "AlreadyExists",
            format!(
                "the specified association for route table {table} conflicts with an existing association"
            ),
        ),
    }
}

/// Subnets that are all in the VPC, one a zone.
fn subnets_in_zones(cx: &Cx<'_>) -> Checked {
    let vpc = cx.text("VpcId").unwrap_or_default();
    let mut taken: BTreeMap<String, String> = BTreeMap::new();
    for id in cx.texts("SubnetIds") {
        let Some(subnet) = cx.get(SUBNET, &id) else {
            match cx.lacks(SUBNET, &id) {
                true => {
                    return refused("NotFound", format!("The subnet ID '{id}' does not exist"));
                }
                false => continue,
            }
        };
        if text_at(&subnet.properties, "VpcId").as_deref() != Some(&vpc) {
            return refused("InvalidRequest", format!("Subnet '{id}' is not in VPC '{vpc}'"));
        }
        let zone = text_at(&subnet.properties, "AvailabilityZone").unwrap_or_default();
        if !zone.is_empty() && taken.insert(zone, id.clone()).is_some() {
            return refused(
                "InvalidRequest",
                format!(
                    "Found another subnet in the availability zone of subnet '{id}'. Only one subnet per availability zone is accepted."
                ),
            );
        }
    }
    Ok(())
}

fn transit_gateway_attachment(cx: &Cx<'_>) -> Checked {
    let vpc = cx.text("VpcId").unwrap_or_default();
    let gateway = cx.text("TransitGatewayId").unwrap_or_default();
    if stands_for_another(&gateway) {
        return Ok(());
    }
    // The gateway belongs to another account, so only its shape can be looked at.
    let digits = gateway.strip_prefix("tgw-").unwrap_or_default();
    if digits.len() != 17 || !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
        return refused(
            "InvalidRequest",
            format!("Invalid id: \"{gateway}\" (expecting \"tgw-...\")"),
        );
    }
    let again = cx
        .things_having(TRANSIT, "VpcId", &vpc)
        .any(|(_, it)| text_at(&it.properties, "TransitGatewayId").as_deref() == Some(&gateway));
    match again {
        true => refused(
            "AlreadyExists",
            format!("{gateway} has non-deleted Attachments with same VPC ID: {vpc}."),
        ),
        false => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html>
fn endpoint_service(cx: &Cx<'_>) -> Checked {
    let service = cx.text("ServiceName").unwrap_or_default();
    let foreign = service
        .strip_prefix("com.amazonaws.")
        .is_some_and(|rest| !rest.starts_with(cx.request.region) && !rest.starts_with("vpce."));
    match foreign && cx.text("ServiceRegion").is_none() {
        true => refused("NotFound", format!("The Vpc Endpoint Service '{service}' does not exist")),
        false => Ok(()),
    }
}

fn endpoint_tables(cx: &Cx<'_>) -> Checked {
    let vpc = cx.text("VpcId");
    let tables = cx.texts("RouteTableIds");
    match tables.iter().find(|it| vpc_of_table(cx, it).is_some_and(|it| Some(it) != vpc)) {
        Some(id) => refused(
            "InvalidRequest",
            format!("Route table {id} does not belong to VPC {}", vpc.unwrap_or_default()),
        ),
        None => Ok(()),
    }
}

fn endpoint_name(cx: &Cx<'_>) -> Checked {
    let vpc = cx.text("VpcId").unwrap_or_default();
    let service = cx.text("ServiceName").unwrap_or_default();
    let conflict = cx.things_having(ENDPOINT, "VpcId", &vpc).any(|(_, it)| {
        text_at(&it.properties, "ServiceName").as_deref() == Some(&service)
            && text_at(&it.properties, "PrivateDnsEnabled").as_deref() == Some("true")
    });
    match cx.is("PrivateDnsEnabled") && conflict {
        true => refused(
            "InvalidRequest",
            format!(
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {service} in the VPC {vpc}"
            ),
        ),
        false => Ok(()),
    }
}

/// The zones that subnets cover, unless one of them is not known.
pub(super) fn zones_of(cx: &Cx<'_>, ids: &[String]) -> Option<Vec<String>> {
    let mut zones = Vec::new();
    for id in ids {
        zones.extend(text_at(&cx.get(SUBNET, id)?.properties, "AvailabilityZone"));
    }
    zones.sort();
    zones.dedup();
    Some(zones)
}

fn group_name(cx: &Cx<'_>) -> Checked {
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
    let taken = cx
        .things_having(GROUP, "GroupName", &name)
        .any(|(_, it)| text_at(&it.properties, "VpcId") == vpc);
    match taken {
        true => refused(
            "AlreadyExists",
            format!(
                "The security group '{name}' already exists for VPC '{}'",
                vpc.unwrap_or_default()
            ),
        ),
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

fn rule(cx: &Cx<'_>) -> Checked {
    if peers(cx.request.properties).iter().all(Option::is_none) {
        return refused(
            "InvalidRequest",
            "The request must contain exactly one of: CidrIp, CidrIpv6, a prefix list or a security group",
        );
    }
    if let Some(block) = cx.text("CidrIp").filter(|it| !stands_for_another(it))
        && block.parse::<Ipv4Net>().is_err()
    {
        return refused("InvalidRequest", format!("CIDR block {block} is malformed"));
    }
    let protocol = cx.text("IpProtocol").unwrap_or_default();
    let ports = cx.text("FromPort").is_some() && cx.text("ToPort").is_some();
    match matches!(protocol.as_str(), "tcp" | "udp" | "6" | "17") && !ports {
        true => refused(
            "InvalidRequest",
            "Invalid value 'Must specify both from and to ports with TCP/UDP.' for portRange.",
        ),
        false => Ok(()),
    }
}

fn same_rule(cx: &Cx<'_>) -> Checked {
    let type_name = if cx.request.type_name == INGRESS { INGRESS } else { EGRESS };
    let group = cx.text("GroupId").unwrap_or_default();
    let own = identity(cx.request.properties);
    let mut others = cx.things_having(type_name, "GroupId", &group);
    if !others.any(|(_, it)| identity(&it.properties) == own) {
        return Ok(());
    }
    let peer = peers(cx.request.properties).into_iter().flatten().next().unwrap_or_default();
    let text = |name| cx.text(name).unwrap_or_default();
    refused(
        "AlreadyExists",
        format!(
            "the specified rule \"peer: {peer}, {}, from port: {}, to port: {}, ALLOW\" already exists",
            text("IpProtocol").to_uppercase(),
            text("FromPort"),
            text("ToPort")
        ),
    )
}
