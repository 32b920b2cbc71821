use crate::links::{Links, Place};
use crate::placeholders::placeholder;
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Message, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "created-twice",
    severity: Severity::Error,
    page: include_str!("created_twice.md"),
    check,
};

/// Properties that no two resources of a type have in common, each as a list of paths.
///
/// One that ends in `?` may be absent, `=` demands a value. Of a list, each item counts.
const UNIQUE: &[(&str, &[&str])] = &[
    ("AWS::ApiGateway::Method", &["RestApiId", "ResourceId", "HttpMethod"]),
    ("AWS::ApiGateway::Resource", &["RestApiId", "ParentId", "PathPart"]),
    ("AWS::ApiGatewayV2::Route", &["ApiId", "RouteKey"]),
    ("AWS::ApplicationAutoScaling::ScalableTarget", &["ResourceId", "ScalableDimension"]),
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        &["PolicyName", "ScalingTargetId?", "ResourceId?", "ScalableDimension?"],
    ),
    ("AWS::CloudFront::Distribution", &["DistributionConfig.Aliases"]),
    ("AWS::EC2::NatGateway", &["AllocationId"]),
    ("AWS::EC2::NetworkAclEntry", &["NetworkAclId", "Egress?", "RuleNumber"]),
    (
        "AWS::EC2::Route",
        &[
            "RouteTableId",
            "DestinationCidrBlock?",
            "DestinationIpv6CidrBlock?",
            "DestinationPrefixListId?",
        ],
    ),
    ("AWS::EC2::SecurityGroupEgress", PERMISSION),
    ("AWS::EC2::SecurityGroupIngress", PERMISSION),
    ("AWS::EC2::SubnetNetworkAclAssociation", &["SubnetId"]),
    ("AWS::EC2::TransitGatewayAttachment", &["TransitGatewayId", "VpcId"]),
    ("AWS::EC2::TransitGatewayVpcAttachment", &["TransitGatewayId", "VpcId"]),
    ("AWS::EC2::VPCEndpoint", &["VpcId", "ServiceName", "PrivateDnsEnabled=true"]),
    ("AWS::EC2::VPCGatewayAttachment", &["InternetGatewayId"]),
    ("AWS::EFS::MountTarget", &["FileSystemId", "SubnetId"]),
    ("AWS::ElasticLoadBalancingV2::Listener", &["LoadBalancerArn", "Port"]),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", &["ListenerArn", "Priority"]),
    ("AWS::Lambda::Alias", &["FunctionName", "Name"]),
    ("AWS::Lambda::EventSourceMapping", &["FunctionName", "EventSourceArn", "Topics?"]),
    ("AWS::Lambda::Url", &["TargetFunctionArn", "Qualifier?"]),
    (
        "AWS::Route53::RecordSet",
        &["HostedZoneId?", "HostedZoneName?", "Name", "Type", "SetIdentifier?"],
    ),
    ("AWS::S3::BucketPolicy", &["Bucket"]),
    ("AWS::SNS::TopicPolicy", &["Topics"]),
    ("AWS::SQS::QueuePolicy", &["Queues"]),
    ("AWS::SecretsManager::ResourcePolicy", &["SecretId"]),
    ("AWS::SecretsManager::RotationSchedule", &["SecretId"]),
    ("AWS::SecretsManager::SecretTargetAttachment", &["SecretId"]),
    ("AWS::WAFv2::WebACLAssociation", &["ResourceArn"]),
];

/// What makes two rules of a security group the same.
const PERMISSION: &[&str] = &[
    "GroupId",
    "IpProtocol",
    "FromPort?",
    "ToPort?",
    "CidrIp?",
    "CidrIpv6?",
    "SourceSecurityGroupId?",
    "SourceSecurityGroupName?",
    "SourceSecurityGroupOwnerId?",
    "SourcePrefixListId?",
    "DestinationSecurityGroupId?",
    "DestinationPrefixListId?",
];

/// What is there first.
struct First<'t> {
    place: Place,
    resource: &'t Resource,
}

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut taken: HashMap<(&str, String), First<'_>> = HashMap::new();
    for (place, _, resource) in links.all() {
        let index = UNIQUE.binary_search_by(|it| it.0.cmp(&*resource.type_name));
        let Some((type_name, paths)) = index.ok().map(|it| UNIQUE[it]) else {
            groups(cx, &links, place, resource, &mut taken);
            continue;
        };
        for key in keys(&links, &resource.properties, paths) {
            let first = First { place, resource };
            let Some(first) = taken.insert((type_name, key), first) else { continue };
            let value = paths.iter().rev().find_map(|it| resource.property(bare(it)));
            report(cx, value, (place, resource), first, shown(&resource.properties, paths));
        }
    }
}

/// Rules that stand in their security group itself.
fn groups<'t>(
    cx: &mut Cx<'t>,
    links: &Links<'t>,
    place: Place,
    resource: &'t Resource,
    taken: &mut HashMap<(&'static str, String), First<'t>>,
) {
    if &*resource.type_name != "AWS::EC2::SecurityGroup" {
        return;
    }
    for (property, type_name) in [
        ("SecurityGroupIngress", "AWS::EC2::SecurityGroupIngress"),
        ("SecurityGroupEgress", "AWS::EC2::SecurityGroupEgress"),
    ] {
        let rules = resource.property(property).and_then(Value::as_list);
        for rule in rules.unwrap_or_default() {
            // The group is the one that the rule stands in.
            let Some(rest) = keys(links, rule, &PERMISSION[1..]).pop() else { continue };
            let group = links.name(place);
            let first = First { place, resource };
            let Some(first) = taken.insert((type_name, format!("&{group}\n{rest}")), first) else {
                continue;
            };
            report(cx, Some(rule), (place, resource), first, shown(rule, &PERMISSION[1..]));
        }
    }
}

fn report(
    cx: &mut Cx<'_>,
    value: Option<&Value>,
    (place, resource): (Place, &Resource),
    first: First<'_>,
    shown: String,
) {
    let name = &resource.logical_id;
    let other = kumiki_project::resource_name(&cx.tree.stacks[first.place.0], first.resource);
    let message: Message = match place == first.place {
        true => message!("`{name}` has the same {shown} twice", name, shown),
        false => message!("`{name}` has the same {shown} as `{other}`", name, shown, other),
    };
    let finding = match value {
        Some(value) => cx.report_value(value, message),
        None => cx.report(resource.span, message),
    };
    if place != first.place {
        let label = Some(message!("there can be only one, and this is there first"));
        finding.hops.push(Hop { span: first.resource.span, label });
    }
    finding.help.push(message!("remove one of them, or change what tells them apart"));
}

/// The properties by which a resource is told apart, in words.
fn shown(properties: &Value, paths: &[&str]) -> String {
    let there: Vec<String> = paths
        .iter()
        .map(|it| bare(it))
        .filter(|it| properties.at(it).is_some())
        .map(|it| format!("`{}`", it.rsplit('.').next().unwrap_or_default()))
        .collect();
    there.join(", ")
}

/// A path without what is said of it.
fn bare(path: &str) -> &str {
    path.split(['?', '=']).next().unwrap_or(path)
}

/// What tells a resource apart, in as many ways as the first list has items; none when some of it is
/// not known.
fn keys(links: &Links<'_>, properties: &Value, paths: &[&str]) -> Vec<String> {
    let mut keys = vec![String::new()];
    for path in paths {
        let wanted = path.split_once('=').map(|it| it.1);
        let value = properties.at(bare(path));
        let parts: Option<Vec<String>> = match value {
            None => path.ends_with('?').then(|| vec!["-".to_owned()]),
            Some(value) => match value.as_list() {
                Some(items) => items.iter().map(|it| part(links, path, it)).collect(),
                None => part(links, path, value).map(|it| vec![it]),
            },
        };
        let Some(parts) = parts.filter(|it| wanted.is_none_or(|wanted| *it == [wanted])) else {
            return Vec::new();
        };
        keys = keys
            .iter()
            .flat_map(|key| parts.iter().map(move |part| format!("{key}{part}\n")))
            .collect();
    }
    keys
}

/// A value as it is compared: addresses without host bits, names of hosts without the last dot.
fn part(links: &Links<'_>, path: &str, value: &Value) -> Option<String> {
    let Some(text) = value.as_text() else {
        let place = links.place(links.reference(value)?.resource)?;
        return Some(format!("&{}", links.name(place)));
    };
    // Two values that are still to be written are not the same.
    if placeholder(text).is_some() {
        return None;
    }
    if matches!(path, "DestinationCidrBlock?" | "CidrIp?") {
        return Some(text.parse::<ipnet::Ipv4Net>().ok()?.trunc().to_string());
    }
    let text = text.to_ascii_lowercase();
    Some(match &*text {
        "6" if path == "IpProtocol" => "tcp".to_owned(),
        "17" if path == "IpProtocol" => "udp".to_owned(),
        "1" if path == "IpProtocol" => "icmp".to_owned(),
        "false" if path == "Egress?" => "-".to_owned(),
        _ => text.trim_end_matches('.').to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::{UNIQUE, bare};

    #[test]
    fn properties_exist() {
        assert!(UNIQUE.is_sorted_by(|a, b| a.0 < b.0));
        for (name, paths) in UNIQUE {
            let schema = kumiki_schema::resource_type(name).unwrap_or_else(|| panic!("{name}"));
            for path in *paths {
                let path = bare(path);
                let segments: Vec<&str> = path.split('.').collect();
                let other_way = matches!(
                    (*name, path),
                    ("AWS::EC2::SecurityGroupIngress", it) if it.starts_with("Destination")
                ) || matches!(
                    (*name, path),
                    ("AWS::EC2::SecurityGroupEgress", it) if it.starts_with("Source")
                );
                assert!(other_way || schema.property(&segments).is_some(), "{name} {path}");
            }
        }
    }
}
