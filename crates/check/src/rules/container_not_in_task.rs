use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::services::{Service, containers, ports};
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, closest, message};

pub(crate) static RULE: Rule = Rule {
    name: "container-not-in-task",
    severity: Severity::Error,
    page: include_str!("container_not_in_task.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for service in Service::all(&links) {
        let Some(task) = service.task.map(|it| links.at(it)) else { continue };
        let Some(containers) = containers(task) else { continue };
        for property in ["LoadBalancers", "ServiceRegistries"] {
            let entries = service.certain.2.property(property).and_then(Value::as_list);
            for entry in entries.unwrap_or_default() {
                container(cx, task, &containers, entry);
            }
        }
    }
}

/// Checks what a service says of a container of its task.
fn container(cx: &mut Cx<'_>, task: &Resource, containers: &[(&str, &Value)], entry: &Value) {
    let Some(name) = entry.get("ContainerName") else { return };
    let Some(text) = name.as_text() else { return };
    let of = &task.logical_id;
    let defined = Hop { span: task.span, label: Some(message!("the task definition")) };
    let Some((_, container)) = containers.iter().find(|it| it.0 == text) else {
        let near = closest(text, containers.iter().map(|it| it.0));
        let all = containers.iter().map(|it| format!("`{}`", it.0)).collect::<Vec<_>>().join(", ");
        let finding = cx.report_value(
            name,
            message!("task definition `{of}` has no container `{text}`", of, text),
        );
        finding.hops.push(defined);
        finding.help.push(match near {
            Some(near) => message!("did you mean `{near}`?", near),
            None => message!("its containers are {all}", all),
        });
        return;
    };
    let Some(value) = entry.get("ContainerPort") else { return };
    let (Some(port), Some(ports)) = (value.as_integer(), ports(container)) else { return };
    if ports.contains(&port) {
        return;
    }
    let finding = cx.report_value(
        value,
        message!("container `{text}` of task definition `{of}` has no port {port}", text, of, port),
    );
    let span = container.get("PortMappings").and_then(|it| it.origin.nearest());
    finding.hops.push(Hop { span: span.unwrap_or(task.span), ..defined });
    finding.help.push(match ports[..] {
        [] => message!("give the container `PortMappings` with this port"),
        _ => {
            let all = ports.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
            message!("its ports are {all}", all)
        }
    });
}
