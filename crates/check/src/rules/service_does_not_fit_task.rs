use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::services::Service;
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "service-does-not-fit-task",
    severity: Severity::Error,
    page: include_str!("service_does_not_fit_task.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for service in Service::all(&links) {
        let Some(place) = service.task else { continue };
        let (task, resource) = (links.at(place), service.certain.2);
        let Some(mode) = network_mode(task) else { continue };
        let span = task.property("NetworkMode").and_then(|it| it.origin.nearest());
        let hop =
            Hop { span: span.unwrap_or(task.span), label: Some(message!("the network mode")) };
        let of = &task.logical_id;
        match (mode == "awsvpc", resource.property("NetworkConfiguration")) {
            (false, Some(value)) => {
                let finding = cx.report_value(
                    value,
                    message!("`NetworkConfiguration` is for network mode `awsvpc`, and task definition `{of}` has `{mode}`", of, mode),
                );
                finding.hops.push(hop.clone());
                finding.help.push(message!(
                    "remove it, or set `NetworkMode: awsvpc` on the task definition"
                ));
            }
            // Both in one template is for AWS's rules.
            (true, None) if place.0 != service.certain.0.0 => {
                let Some(value) = resource.property("TaskDefinition") else { continue };
                let name = &resource.logical_id;
                let finding = cx.report_value(
                    value,
                    message!("`{name}` needs `NetworkConfiguration`: task definition `{of}` has network mode `awsvpc`", name, of),
                );
                finding.hops.push(hop.clone());
                finding.help.push(message!("give the service subnets and security groups"));
            }
            _ => {}
        }
        if mode != "awsvpc"
            && place.0 != service.certain.0.0
            && let Some(value) = fargate(resource)
        {
            let finding = cx.report_value(
                value,
                message!(
                    "task definition `{of}` does not run on Fargate: it has network mode `{mode}`",
                    of,
                    mode
                ),
            );
            finding.hops.push(hop);
            finding.help.push(message!(
                "set `NetworkMode: awsvpc` and `RequiresCompatibilities: [FARGATE]`"
            ));
        }
    }
}

/// The network mode of a task definition, if it is known.
fn network_mode(task: &Resource) -> Option<&str> {
    match task.property("NetworkMode") {
        Some(mode) => mode.as_text(),
        None => task.properties.as_map().map(|_| "bridge"),
    }
}

/// The value that puts a service on Fargate.
fn fargate(service: &Resource) -> Option<&Value> {
    let providers = service.property("CapacityProviderStrategy").and_then(Value::as_list);
    let provider = providers.unwrap_or_default().iter().find_map(|it| {
        it.get("CapacityProvider")
            .filter(|it| it.as_text().is_some_and(|it| matches!(it, "FARGATE" | "FARGATE_SPOT")))
    });
    service.property("LaunchType").filter(|it| it.as_text() == Some("FARGATE")).or(provider)
}
