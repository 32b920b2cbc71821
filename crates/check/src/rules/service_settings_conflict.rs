use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::services::Service;
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Message, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "service-settings-conflict",
    severity: Severity::Error,
    page: include_str!("service_settings_conflict.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for service in Service::all(&links) {
        let (_, _, resource) = service.certain;
        let name = &resource.logical_id;
        let launch_type = resource.property("LaunchType");
        let strategy = resource.property("CapacityProviderStrategy");
        if let (Some(value), Some(strategy)) = (launch_type, strategy)
            && strategy.as_list().is_some_and(|it| !it.is_empty())
        {
            let message = message!(
                "`{name}` has a launch type and a strategy of capacity providers, and may have one of them",
                name
            );
            report(cx, value, message, strategy, message!("remove `LaunchType`"));
        }
        grace(cx, resource);
        if let Some(value) = launch_type.filter(|it| it.as_text() == Some("EC2")) {
            for (path, text) in [
                ("PlatformVersion", None),
                ("NetworkConfiguration.AwsvpcConfiguration.AssignPublicIp", Some("ENABLED")),
            ] {
                let Some(other) = resource.property(path) else { continue };
                if text.is_some() && other.as_text() != text {
                    continue;
                }
                let property = path.rsplit('.').next().unwrap_or(path);
                let message = message!(
                    "`{property}` is for Fargate, and `{name}` has launch type `EC2`",
                    property,
                    name
                );
                report(cx, other, message, value, message!("remove it"));
            }
        }
        if let Some(task) = service.task.map(|it| links.at(it)) {
            platform(cx, resource, task);
        }
    }
}

fn report(cx: &mut Cx<'_>, value: &Value, message: Message, other: &Value, help: Message) {
    let span = other.origin.nearest();
    let finding = cx.report_value(value, message);
    if let Some(span) = span {
        finding.hops.push(Hop { span, label: Some(message!("does not go with this")) });
    }
    finding.help.push(help);
}

/// A grace period is for the checks of a load balancer.
fn grace(cx: &mut Cx<'_>, service: &Resource) {
    let Some(value) = service.property("HealthCheckGracePeriodSeconds") else { return };
    let none = |path: &str| {
        let value = service.property(path);
        value.is_none_or(|it| it.as_list().is_some_and(|it| it.is_empty()))
    };
    if value.as_integer().is_none_or(|it| it == 0)
        || !none("LoadBalancers")
        || !none("VpcLatticeConfigurations")
    {
        return;
    }
    let name = &service.logical_id;
    cx.report_value(value, message!("`{name}` has a grace period and no load balancer", name))
        .help
        .push(message!("remove it where there is no load balancer, with `Fn::If`"));
}

/// Older platforms cannot do everything.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/platform-linux-fargate.html>
fn platform(cx: &mut Cx<'_>, service: &Resource, task: &Resource) {
    let Some(value) = service.property("PlatformVersion") else { return };
    let Some(version) = value.as_text() else { return };
    if !matches!(version, "1.0.0" | "1.1.0" | "1.2.0" | "1.3.0") {
        return;
    }
    let volumes = task.property("Volumes").and_then(Value::as_list).unwrap_or_default();
    let volume = volumes.iter().find_map(|it| it.get("EFSVolumeConfiguration"));
    let Some(needed) = volume.or(task.property("EphemeralStorage")) else { return };
    let of = &task.logical_id;
    let message = message!(
        "platform version `{version}` lacks a kind of storage that task definition `{of}` uses",
        version,
        of
    );
    report(cx, value, message, needed, message!("use `1.4.0` or `LATEST`"));
}
