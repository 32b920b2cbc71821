//! The subnets of a tree: in which VPC, with which addresses, in which zone.

use crate::links::{Certain, Links, Place};
use crate::rule::Cx;
use ipnet::Ipv4Net;
use kumiki_project::{Resource, Unknown, Value};
use std::collections::HashMap;

/// A VPC that values name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Vpc<'t> {
    /// One of the tree.
    Here(Place),
    /// One of the account, by its ID.
    Id(&'t str),
    /// One that is imported from outside the tree.
    Import(&'t str),
}

/// The VPC that a value names, if it names one and nothing else.
pub(crate) fn vpc<'t>(cx: &Cx<'t>, links: &Links<'t>, value: &'t Value) -> Option<Vpc<'t>> {
    if let Some(id) = value.as_text() {
        return Some(Vpc::Id(id));
    }
    if let Unknown::Import(name) = &**value.as_unknown()? {
        let text = value.origin.span.and_then(|it| cx.library.sources.slice(it))?;
        let text = text.trim_start_matches(['!', '{', '"', '\'', ' ']);
        let plain = text.starts_with("ImportValue") || text.starts_with("Fn::ImportValue");
        return plain.then_some(Vpc::Import(name));
    }
    let reference = links.reference(value)?;
    let is_id = matches!(reference.attribute, None | Some("VpcId"));
    if &*reference.resource.type_name != "AWS::EC2::VPC" || !is_id {
        return None;
    }
    links.place(reference.resource).map(Vpc::Here)
}

/// The addresses that a resource's `CidrBlock` is known to have.
pub(crate) fn block(resource: &Resource) -> Option<Ipv4Net> {
    Some(resource.property("CidrBlock")?.as_text()?.parse::<Ipv4Net>().ok()?.trunc())
}

/// A subnet that surely is created, whose VPC and addresses are known.
pub(crate) struct Subnet<'t> {
    pub(crate) certain: Certain<'t>,
    pub(crate) vpc: Vpc<'t>,
    pub(crate) block: Ipv4Net,
}

/// Every subnet whose VPC and addresses are known.
pub(crate) fn subnets<'t>(cx: &Cx<'t>, links: &Links<'t>) -> Vec<Subnet<'t>> {
    links
        .certain("AWS::EC2::Subnet")
        .filter_map(|certain| {
            let (_, _, resource) = certain;
            let vpc = vpc(cx, links, resource.property("VpcId")?)?;
            Some(Subnet { certain, vpc, block: block(resource)? })
        })
        .collect()
}

/// The addresses of each VPC of the tree; nothing when some are in a VPC that is not known.
pub(crate) fn blocks<'t>(cx: &Cx<'t>, links: &Links<'t>) -> Option<HashMap<Place, Vec<Ipv4Net>>> {
    let mut blocks: HashMap<Place, Vec<Ipv4Net>> = links
        .certain("AWS::EC2::VPC")
        .filter_map(|(place, _, resource)| Some((place, vec![block(resource)?])))
        .collect();
    for (_, resource) in cx.resources("AWS::EC2::VPCCidrBlock") {
        match vpc(cx, links, resource.property("VpcId")?)? {
            Vpc::Here(place) => match block(resource) {
                Some(block) => {
                    if let Some(blocks) = blocks.get_mut(&place) {
                        blocks.push(block);
                    }
                }
                None if resource.property("AmazonProvidedIpv6CidrBlock").is_some() => {}
                None => {
                    blocks.remove(&place);
                }
            },
            Vpc::Id(_) | Vpc::Import(_) => {}
        }
    }
    Some(blocks)
}

/// A zone, as far as it can be compared with others.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Zone {
    /// By name or ID.
    Name(String),
    /// The same item of the Region's list, whatever zone that is in the account.
    Item(String),
}

/// The zone of the subnet of this tree that a value names.
pub(crate) fn zone(cx: &Cx<'_>, links: &Links<'_>, value: &Value) -> Option<(Place, Zone)> {
    let reference = links.reference(value)?;
    let is_id = matches!(reference.attribute, None | Some("SubnetId"));
    if &*reference.resource.type_name != "AWS::EC2::Subnet" || !is_id {
        return None;
    }
    let place = links.place(reference.resource)?;
    let subnet = links.at(place);
    let zone =
        subnet.property("AvailabilityZone").or_else(|| subnet.property("AvailabilityZoneId"))?;
    if let Some(name) = zone.as_text() {
        return Some((place, Zone::Name(name.to_owned())));
    }
    let Unknown::Zones(_) = &**zone.as_unknown()? else { return None };
    // The list is in an order of the account's own, but the same item is the same zone.
    let text = zone.origin.span.and_then(|it| cx.library.sources.slice(it))?;
    let text: String =
        text.chars().filter(|it| !it.is_whitespace() && !matches!(it, '"' | '\'')).collect();
    let text = text.replace("!RefAWS::Region", "").replace("{Ref:AWS::Region}", "");
    let fixed = text.contains("Select") && !text.contains("Ref") && !text.contains('$');
    fixed.then_some((place, Zone::Item(text)))
}
