use crate::links::{Certain, Identity, Links, Place};
use crate::ordering::{depend_on, waits};
use crate::paths::each;
use crate::rule::{Cx, Rule};
use crate::services::named;
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "made-too-early",
    severity: Severity::Error,
    page: include_str!("made_too_early.md"),
    check,
};

/// Types that exist once in a Region, and the types that cannot be made before them.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-config-configrule.html>
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-securityhub-standard.html>
const ONCE: [(&str, &[&str]); 3] = [
    (
        "AWS::Config::ConfigurationRecorder",
        &["AWS::Config::ConfigRule", "AWS::Config::ConformancePack"],
    ),
    ("AWS::Macie::Session", &["AWS::Macie::AllowList", "AWS::Macie::CustomDataIdentifier"]),
    (
        "AWS::SecurityHub::Hub",
        &[
            "AWS::SecurityHub::AutomationRule",
            "AWS::SecurityHub::Insight",
            "AWS::SecurityHub::Standard",
        ],
    ),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (first, types) in ONCE {
        let needed: Vec<Place> = links.certain(first).map(|it| it.0).collect();
        for resource in links.all().filter(|(_, _, it)| types.contains(&&*it.type_name)) {
            order(cx, &links, resource, &needed);
        }
    }
    deployments(cx, &links);
    stages(cx, &links);
    providers(cx, &links);
    file_systems(cx, &links);
}

/// By the identity that a property gives, the resources of a type.
fn by<'t>(links: &Links<'t>, type_name: &str, property: &str) -> HashMap<Identity<'t>, Vec<Place>> {
    let mut found: HashMap<Identity<'t>, Vec<Place>> = HashMap::new();
    for (place, _, resource) in links.certain(type_name) {
        if let Some(of) = resource.property(property).and_then(|it| links.identity(it)) {
            found.entry(of).or_default().push(place);
        }
    }
    found
}

/// A deployment of a REST API before the API has a method.
fn deployments(cx: &mut Cx<'_>, links: &Links<'_>) {
    let methods = by(links, "AWS::ApiGateway::Method", "RestApiId");
    for deployment in links.certain("AWS::ApiGateway::Deployment") {
        let api = deployment.2.property("RestApiId").and_then(|it| links.identity(it));
        if let Some(methods) = api.and_then(|it| methods.get(&it)) {
            order(cx, links, deployment, methods);
        }
    }
}

/// A stage that logs before the account has a role for it.
fn stages(cx: &mut Cx<'_>, links: &Links<'_>) {
    let accounts: Vec<Place> = links
        .certain("AWS::ApiGateway::Account")
        .filter(|it| it.2.property("CloudWatchRoleArn").is_some())
        .map(|it| it.0)
        .collect();
    for stage in links.certain("AWS::ApiGateway::Stage") {
        let mut logs = false;
        each(&stage.2.properties, "MethodSettings.LoggingLevel", &mut |it| {
            logs |= matches!(it.as_text(), Some("INFO" | "ERROR"));
        });
        if logs || stage.2.property("AccessLogSetting.DestinationArn").is_some() {
            order(cx, links, stage, &accounts);
        }
    }
}

/// A service on a capacity provider before its cluster has it.
fn providers(cx: &mut Cx<'_>, links: &Links<'_>) {
    const CLUSTER: &str = "AWS::ECS::Cluster";
    let cluster = |it: &Resource| named(links, it.property("Cluster")?, CLUSTER);
    let mut associations: HashMap<Place, Vec<Place>> = HashMap::new();
    for (place, _, it) in links.certain("AWS::ECS::ClusterCapacityProviderAssociations") {
        if let Some(cluster) = cluster(it) {
            associations.entry(cluster).or_default().push(place);
        }
    }
    for service in links.certain("AWS::ECS::Service") {
        let strategy = service.2.property("CapacityProviderStrategy").and_then(Value::as_list);
        if strategy.is_none_or(<[Value]>::is_empty) {
            continue;
        }
        if let Some(found) = cluster(service.2).and_then(|it| associations.get(&it)) {
            order(cx, links, service, found);
        }
    }
}

/// A function with a file system that has no mount target yet.
fn file_systems(cx: &mut Cx<'_>, links: &Links<'_>) {
    let targets = by(links, "AWS::EFS::MountTarget", "FileSystemId");
    for function in links.certain("AWS::Lambda::Function") {
        let point = function.2.property("FileSystemConfigs.0.Arn");
        let point = point.and_then(|it| named(links, it, "AWS::EFS::AccessPoint"));
        let system = point.and_then(|it| links.at(it).property("FileSystemId"));
        let system = system.and_then(|it| links.identity(it));
        if let Some(targets) = system.and_then(|it| targets.get(&it)) {
            order(cx, links, function, targets);
        }
    }
}

/// Reports a resource that waits for none of those that it needs one of.
fn order(cx: &mut Cx<'_>, links: &Links<'_>, resource: Certain<'_>, needed: &[Place]) {
    let tree = cx.tree;
    let (place, stack, early) = resource;
    let Some(first) = needed.first().copied() else { return };
    if needed.iter().any(|it| waits(tree, place, *it) || waits(tree, *it, place)) {
        return;
    }
    let Some(help) = depend_on(tree, place, first) else { return };
    let (name, needed) = (&early.logical_id, links.at(first));
    let other = &needed.logical_id;
    let span = cx.declaration(stack, early).name.span;
    let finding = cx.report(
        span,
        message!("`{name}` does not wait for `{other}`, without which it is not made", name, other),
    );
    finding.hops.push(Hop { span: needed.span, label: Some(message!("needed first")) });
    finding.help.push(help);
}
