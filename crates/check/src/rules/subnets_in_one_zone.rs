use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use crate::subnets::{Zone, zone};
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "subnets-in-one-zone",
    severity: Severity::Error,
    page: include_str!("subnets_in_one_zone.md"),
    check,
};

/// Types whose subnets must be in two zones at least, and where they have them.
const TWO_ZONES: &[(&str, &str)] = &[
    ("AWS::DMS::ReplicationSubnetGroup", "SubnetIds"),
    ("AWS::DocDB::DBSubnetGroup", "SubnetIds"),
    ("AWS::EKS::Cluster", "ResourcesVpcConfig.SubnetIds"),
    ("AWS::Neptune::DBSubnetGroup", "SubnetIds"),
    ("AWS::RDS::DBSubnetGroup", "SubnetIds"),
];

const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let type_name = &*resource.type_name;
        if type_name == BALANCER {
            balancer(cx, &links, resource);
            continue;
        }
        let Some((_, path)) = TWO_ZONES.iter().find(|it| it.0 == type_name) else { continue };
        let Some(list) = resource.property(path) else { continue };
        let Some(items) = list.as_list() else { continue };
        let zones: Option<Vec<(Place, Zone)>> =
            items.iter().map(|it| zone(cx, &links, it)).collect();
        let Some(zones) = zones else { continue };
        let Some((_, first)) = zones.first() else { continue };
        if zones.iter().any(|(_, it)| it != first) {
            continue;
        }
        let name = &resource.logical_id;
        let message = match first {
            Zone::Name(zone) => {
                message!("all subnets of `{name}` are in zone `{zone}`", name, zone)
            }
            Zone::Item(_) => message!("all subnets of `{name}` are in the same zone", name),
        };
        let finding = cx.report_value(list, message);
        for (place, _) in &zones {
            let subnet = links.at(*place);
            let Some(value) = subnet.property("AvailabilityZone") else { continue };
            let Some(span) = value.origin.span else { continue };
            let name = &subnet.logical_id;
            finding.hops.push(Hop { span, label: Some(message!("the zone of `{name}`", name)) });
        }
        finding.help.push(message!("give it subnets in two zones at least"));
    }
}

/// A load balancer has one subnet in a zone.
fn balancer(cx: &mut Cx<'_>, links: &Links<'_>, resource: &Resource) {
    let subnets = resource.property("Subnets").and_then(Value::as_list);
    let mappings = resource.property("SubnetMappings").and_then(Value::as_list);
    let items = subnets
        .into_iter()
        .flatten()
        .chain(mappings.into_iter().flatten().filter_map(|it| it.get("SubnetId")));
    let mut seen: Vec<(Zone, &Value)> = Vec::new();
    for item in items {
        let Some((_, zone)) = zone(cx, links, item) else { continue };
        let Some((_, first)) = seen.iter().find(|it| it.0 == zone) else {
            seen.push((zone, item));
            continue;
        };
        let name = &resource.logical_id;
        let message = match &zone {
            Zone::Name(zone) => {
                message!("load balancer `{name}` has two subnets in zone `{zone}`", name, zone)
            }
            Zone::Item(_) => {
                message!("load balancer `{name}` has two subnets in the same zone", name)
            }
        };
        let span = first.origin.nearest();
        let finding = cx.report_value(item, message);
        if let Some(span) = span {
            finding.hops.push(Hop { span, label: Some(message!("the first")) });
        }
        finding.help.push(message!("a load balancer takes one subnet from each zone"));
    }
}
