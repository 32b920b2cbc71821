use crate::links::Links;
use crate::ordering::{dependency, waits};
use crate::rule::{Cx, Rule};
use crate::services::{Names, Service, scaled};
use kumiki_source::{Hop, Severity, closest, message};

pub(crate) static RULE: Rule = Rule {
    name: "scaling-target-without-service",
    severity: Severity::Error,
    page: include_str!("scaling_target_without_service.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let tree = cx.tree;
    let links = Links::new(cx);
    let services = Service::all(&links);
    for (place, _, target) in links.certain("AWS::ApplicationAutoScaling::ScalableTarget") {
        let namespace = target.property("ServiceNamespace");
        if namespace.and_then(|it| it.as_text()) != Some("ecs") {
            continue;
        }
        let Some(id) = target.property("ResourceId") else { continue };
        let Some(text) = id.as_text() else { continue };
        let Some(names) = Names::parse(text) else {
            let name = &target.logical_id;
            cx.report_value(id, message!("`{name}` names no service of ECS", name)).help.push(
                message!("write `service/`, the name of the cluster, `/` and that of the service"),
            );
            continue;
        };
        let name = &target.logical_id;
        if let Some(service) = scaled(&links, &services, target) {
            // A name that is put together makes no dependency.
            if waits(tree, place, service) {
                continue;
            }
            let help = match dependency(tree, place, service) {
                Some((from, to)) => message!("add `DependsOn: {to}` to `{from}`", to, from),
                None => message!("let the target wait for the service"),
            };
            let service = links.at(service);
            let service_name = &service.logical_id;
            let finding = cx.report_value(
                id,
                message!(
                    "`{name}` does not wait for `{service_name}`, which it scales",
                    name,
                    service_name
                ),
            );
            finding.hops.push(Hop { span: service.span, label: Some(message!("the service")) });
            finding.help.push(help);
            continue;
        }
        let (service, cluster) = (names.service, names.cluster);
        if let Some((other, actual)) = services
            .iter()
            .filter(|it| it.name() == Some(service))
            .filter_map(|it| Some((it, it.cluster(&links)?)))
            // A service of another project may be called alike, in a cluster of its own.
            .find(|(_, actual)| closest(cluster, std::iter::once(*actual)).is_some())
        {
            let finding = cx.report_value(
                id,
                message!("`{name}` looks for its service in the wrong cluster", name),
            );
            let span = other.certain.2.span;
            finding.hops.push(Hop { span, label: Some(message!("the service")) });
            finding.help.push(message!(
                "`{service}` is in `{actual}`; take the name from the cluster itself: `{id}`",
                service,
                actual,
                id = "service/${Cluster}/…"
            ));
            continue;
        }
        // One of another project may have the name, but hardly one that is nearly ours.
        let same_cluster = services.iter().filter(|it| it.cluster(&links) == Some(cluster));
        let Some(near) = closest(service, same_cluster.filter_map(|it| it.name())) else {
            continue;
        };
        cx.report_value(
            id,
            message!("`{name}` looks for a service that its cluster does not have", name),
        )
        .help
        .push(message!("did you mean `{near}`?", near));
    }
}
