//! Networks: subnets lie in their VPC and do not overlap, routes lead somewhere.

use super::{Checked, Cx, refused, texts};
use crate::shape::text_at;
use crate::zones::zones;
use ipnet::Ipv4Net;
use std::collections::BTreeMap;

const VPC: &str = "AWS::EC2::VPC";
const SUBNET: &str = "AWS::EC2::Subnet";
const ROUTE_TABLE: &str = "AWS::EC2::RouteTable";
const ATTACHMENT: &str = "AWS::EC2::VPCGatewayAttachment";
const TRANSIT: &str = "AWS::EC2::TransitGatewayAttachment";
const ENDPOINT: &str = "AWS::EC2::VPCEndpoint";

/// A block that a VPC or subnet can have.
///
/// <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>
fn block(text: &str) -> Result<Ipv4Net, String> {
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

pub(super) fn vpc(cx: &Cx<'_>) -> Checked {
    match cx.text("CidrBlock") {
        Some(text) => block(&text).map(|_| ()),
        None if cx.text("Ipv4IpamPoolId").is_some() => Ok(()),
        None => refused("InvalidRequest", "Either CidrBlock or Ipv4IpamPoolId must be provided"),
    }
}

pub(super) fn vpc_gone(cx: &Cx<'_>) -> Checked {
    let id = cx.request.physical_id;
    let inside = [SUBNET, ROUTE_TABLE, "AWS::EC2::SecurityGroup", ATTACHMENT, ENDPOINT];
    if inside.iter().any(|it| cx.user(it, "VpcId", id).is_some()) {
        return refused(
            "InvalidRequest",
            format!("The vpc '{id}' has dependencies and cannot be deleted."),
        );
    }
    Ok(())
}

/// The VPC that a thing says it is in.
fn vpc_id(cx: &Cx<'_>) -> Result<String, String> {
    let id = cx.text("VpcId").unwrap_or_default();
    match cx.get(VPC, &id) {
        Some(_) => Ok(id),
        None => refused("NotFound", format!("The vpc ID '{id}' does not exist")),
    }
}

pub(super) fn in_vpc(cx: &Cx<'_>) -> Checked {
    vpc_id(cx).map(|_| ())
}

pub(super) fn subnet(cx: &Cx<'_>) -> Checked {
    let vpc = vpc_id(cx)?;
    let region = cx.request.region;
    if let Some(zone) = cx.text("AvailabilityZone") {
        let known = zones(region).unwrap_or_default();
        if !known.contains(&zone) {
            return refused(
                "InvalidRequest",
                format!(
                    "Value ({zone}) for parameter availabilityZone is invalid. Subnets can currently only be created in the following availability zones: {}.",
                    known.join(", ")
                ),
            );
        }
    }
    let Some(text) = cx.text("CidrBlock") else { return Ok(()) };
    let own = block(&text)?;
    let range = cx.get(VPC, &vpc).and_then(|it| text_at(&it.properties, "CidrBlock"));
    let range = range.and_then(|it| it.parse::<Ipv4Net>().ok());
    if range.is_some_and(|range| !range.contains(&own)) {
        return refused("InvalidRequest", format!("The CIDR '{text}' is invalid."));
    }
    for (_, other) in cx.others(SUBNET) {
        let same = text_at(&other.properties, "VpcId").as_deref() == Some(&vpc);
        let block = text_at(&other.properties, "CidrBlock");
        let block = block.and_then(|it| it.parse::<Ipv4Net>().ok());
        if same && block.is_some_and(|it| it.contains(&own) || own.contains(&it)) {
            return refused(
                "AlreadyExists",
                format!("The CIDR '{text}' conflicts with another subnet"),
            );
        }
    }
    Ok(())
}

pub(super) fn subnet_gone(cx: &Cx<'_>) -> Checked {
    let id = cx.request.physical_id;
    if cx.user(ENDPOINT, "SubnetIds", id).is_some() || cx.user(TRANSIT, "SubnetIds", id).is_some() {
        return refused(
            "InvalidRequest",
            format!("The subnet '{id}' has dependencies and cannot be deleted."),
        );
    }
    Ok(())
}

pub(super) fn gateway_attachment(cx: &Cx<'_>) -> Checked {
    let vpc = vpc_id(cx)?;
    let Some(gateway) = cx.text("InternetGatewayId") else {
        return match cx.text("VpnGatewayId") {
            Some(_) => Ok(()),
            None => refused(
                "InvalidRequest",
                "Either InternetGatewayId or VpnGatewayId must be provided",
            ),
        };
    };
    if cx.get("AWS::EC2::InternetGateway", &gateway).is_none() {
        return refused("NotFound", format!("The internetGateway ID '{gateway}' does not exist"));
    }
    for (_, other) in cx.others(ATTACHMENT) {
        if text_at(&other.properties, "InternetGatewayId").as_deref() == Some(&gateway) {
            return refused(
                "AlreadyExists",
                format!("resource {gateway} is already attached to network {vpc}"),
            );
        }
        if text_at(&other.properties, "VpcId").as_deref() == Some(&vpc) {
            return refused(
                "AlreadyExists",
                format!("Network {vpc} already has an internet gateway attached"),
            );
        }
    }
    Ok(())
}

pub(super) fn gateway_attachment_gone(cx: &Cx<'_>) -> Checked {
    let gateway = cx.text("InternetGatewayId").unwrap_or_default();
    match cx.user("AWS::EC2::Route", "GatewayId", &gateway) {
        // A route to a detached gateway becomes a black hole; nothing is refused.
        Some(_) | None => Ok(()),
    }
}

pub(super) fn internet_gateway_gone(cx: &Cx<'_>) -> Checked {
    let id = cx.request.physical_id;
    match cx.user(ATTACHMENT, "InternetGatewayId", id) {
        Some(_) => refused(
            "InvalidRequest",
            format!("The internetGateway '{id}' has dependencies and cannot be deleted."),
        ),
        None => Ok(()),
    }
}

fn route_table(cx: &Cx<'_>, id: &str) -> Result<String, String> {
    match cx.get(ROUTE_TABLE, id) {
        Some(table) => Ok(text_at(&table.properties, "VpcId").unwrap_or_default()),
        None => refused("NotFound", format!("The routeTable ID '{id}' does not exist")),
    }
}

pub(super) fn route_table_gone(cx: &Cx<'_>) -> Checked {
    let id = cx.request.physical_id;
    match cx.user("AWS::EC2::SubnetRouteTableAssociation", "RouteTableId", id) {
        Some(_) => refused(
            "InvalidRequest",
            format!("The routeTable '{id}' has dependencies and cannot be deleted."),
        ),
        None => Ok(()),
    }
}

fn destination(properties: &serde_json::Value) -> Option<String> {
    ["DestinationCidrBlock", "DestinationIpv6CidrBlock", "DestinationPrefixListId"]
        .iter()
        .find_map(|it| text_at(properties, it))
}

pub(super) fn route(cx: &Cx<'_>) -> Checked {
    let table = cx.text("RouteTableId").unwrap_or_default();
    let vpc = route_table(cx, &table)?;
    let Some(to) = destination(cx.request.properties) else {
        return refused(
            "InvalidRequest",
            "The request must contain exactly one of destinationCidrBlock, destinationIpv6CidrBlock, destinationPrefixListId",
        );
    };
    for (_, other) in cx.others("AWS::EC2::Route") {
        if text_at(&other.properties, "RouteTableId").as_deref() == Some(&table)
            && destination(&other.properties).as_deref() == Some(&to)
        {
            return refused(
                "AlreadyExists",
                format!("The route identified by {to} already exists."),
            );
        }
    }
    if let Some(gateway) = cx.text("GatewayId").filter(|it| it.starts_with("igw-")) {
        if cx.get("AWS::EC2::InternetGateway", &gateway).is_none() {
            return refused("NotFound", format!("The gateway ID '{gateway}' does not exist"));
        }
        let attached = cx.others(ATTACHMENT).any(|(_, it)| {
            text_at(&it.properties, "InternetGatewayId").as_deref() == Some(&gateway)
                && text_at(&it.properties, "VpcId").as_deref() == Some(&vpc)
        });
        if !attached {
            return refused(
                "InvalidRequest",
                format!(
                    "route table {table} and network gateway {gateway} belong to different networks"
                ),
            );
        }
    }
    if let Some(gateway) = cx.text("TransitGatewayId") {
        let attached = cx.others(TRANSIT).any(|(_, it)| {
            text_at(&it.properties, "TransitGatewayId").as_deref() == Some(&gateway)
                && text_at(&it.properties, "VpcId").as_deref() == Some(&vpc)
        });
        if !attached {
            return refused(
                "NotFound",
                format!("The transitGateway ID '{gateway}' does not exist."),
            );
        }
    }
    Ok(())
}

pub(super) fn association(cx: &Cx<'_>) -> Checked {
    let table = cx.text("RouteTableId").unwrap_or_default();
    let vpc = route_table(cx, &table)?;
    let id = cx.text("SubnetId").unwrap_or_default();
    let Some(subnet) = cx.get(SUBNET, &id) else {
        return refused("NotFound", format!("The subnet ID '{id}' does not exist"));
    };
    if text_at(&subnet.properties, "VpcId").as_deref() != Some(&vpc) {
        return refused(
            "InvalidRequest",
            format!("Route table {table} and subnet {id} belong to different networks"),
        );
    }
    let taken = cx
        .others("AWS::EC2::SubnetRouteTableAssociation")
        .find(|(_, it)| text_at(&it.properties, "SubnetId").as_deref() == Some(&id));
    match taken {
        Some(_) => refused(
            "AlreadyExists",
            format!(
                "the specified association for route table {table} conflicts with an existing association"
            ),
        ),
        None => Ok(()),
    }
}

/// The zone of each subnet, which must all be in the VPC; one subnet a zone.
fn subnets_in_zones(cx: &Cx<'_>, vpc: &str, ids: &[String]) -> Result<(), String> {
    let mut taken: BTreeMap<String, &String> = BTreeMap::new();
    for id in ids {
        let Some(subnet) = cx.get(SUBNET, id) else {
            return refused("NotFound", format!("The subnet ID '{id}' does not exist"));
        };
        if text_at(&subnet.properties, "VpcId").as_deref() != Some(vpc) {
            return refused("InvalidRequest", format!("Subnet '{id}' is not in VPC '{vpc}'"));
        }
        let zone = text_at(&subnet.properties, "AvailabilityZone").unwrap_or_default();
        if !zone.is_empty() && taken.insert(zone, id).is_some() {
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

pub(super) fn transit_gateway_attachment(cx: &Cx<'_>) -> Checked {
    let vpc = vpc_id(cx)?;
    let gateway = cx.text("TransitGatewayId").unwrap_or_default();
    // The gateway belongs to another account, so only its shape can be looked at.
    let digits = gateway.strip_prefix("tgw-").unwrap_or_default();
    if digits.len() != 17 || !digits.bytes().all(|it| it.is_ascii_hexdigit()) {
        return refused(
            "InvalidRequest",
            format!("Invalid id: \"{gateway}\" (expecting \"tgw-...\")"),
        );
    }
    let again = cx.others(TRANSIT).any(|(_, it)| {
        text_at(&it.properties, "VpcId").as_deref() == Some(&vpc)
            && text_at(&it.properties, "TransitGatewayId").as_deref() == Some(&gateway)
    });
    if again {
        return refused(
            "AlreadyExists",
            format!("{gateway} has non-deleted Attachments with same VPC ID: {vpc}."),
        );
    }
    subnets_in_zones(cx, &vpc, &cx.texts("SubnetIds"))
}

pub(super) fn transit_gateway_attachment_gone(_: &Cx<'_>) -> Checked {
    Ok(())
}

/// <https://docs.aws.amazon.com/vpc/latest/privatelink/create-interface-endpoint.html>
pub(super) fn endpoint(cx: &Cx<'_>) -> Checked {
    let vpc = vpc_id(cx)?;
    let service = cx.text("ServiceName").unwrap_or_default();
    let foreign = service
        .strip_prefix("com.amazonaws.")
        .is_some_and(|rest| !rest.starts_with(cx.request.region) && !rest.starts_with("vpce."));
    if foreign && cx.text("ServiceRegion").is_none() {
        return refused("NotFound", format!("The Vpc Endpoint Service '{service}' does not exist"));
    }
    for id in cx.texts("RouteTableIds") {
        if route_table(cx, &id)? != vpc {
            return refused(
                "InvalidRequest",
                format!("Route table {id} does not belong to VPC {vpc}"),
            );
        }
    }
    subnets_in_zones(cx, &vpc, &cx.texts("SubnetIds"))?;
    for id in cx.texts("SecurityGroupIds") {
        if cx.get("AWS::EC2::SecurityGroup", &id).is_none() {
            return refused("NotFound", format!("The security group '{id}' does not exist"));
        }
    }
    let private = |properties| text_at(properties, "PrivateDnsEnabled").as_deref() == Some("true");
    let conflict = cx.others(ENDPOINT).any(|(_, it)| {
        text_at(&it.properties, "VpcId").as_deref() == Some(&vpc)
            && text_at(&it.properties, "ServiceName").as_deref() == Some(&service)
            && private(&it.properties)
    });
    if private(cx.request.properties) && conflict {
        return refused(
            "InvalidRequest",
            format!(
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {service} in the VPC {vpc}"
            ),
        );
    }
    Ok(())
}

/// The zones that subnets cover, or the first that does not exist.
pub(super) fn zones_of(cx: &Cx<'_>, ids: &[String]) -> Result<Vec<String>, String> {
    let mut zones = Vec::new();
    for id in ids {
        let Some(subnet) = cx.get(SUBNET, id) else { return Err(id.clone()) };
        zones.extend(text_at(&subnet.properties, "AvailabilityZone"));
    }
    zones.sort();
    zones.dedup();
    Ok(zones)
}

/// Whether a list of the thing's properties has this value.
pub(super) fn lists(properties: &serde_json::Value, name: &str, value: &str) -> bool {
    texts(properties, name).iter().any(|it| it == value)
}
