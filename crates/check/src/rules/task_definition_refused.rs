use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::services::{TASK_DEFINITION, containers};
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, closest, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "task-definition-refused",
    severity: Severity::Error,
    page: include_str!("task_definition_refused.md"),
    check,
};

/// What the numbers of a health check may be.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_HealthCheck.html>
const HEALTH: [(&str, i64, i64); 4] =
    [("Interval", 5, 300), ("Timeout", 2, 60), ("Retries", 1, 10), ("StartPeriod", 0, 300)];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, task) in links.certain(TASK_DEFINITION) {
        let Some(containers) = containers(task) else { continue };
        names(cx, &containers);
        let volumes = volumes(task);
        let awsvpc = task.property("NetworkMode").and_then(Value::as_text) == Some("awsvpc");
        for (name, container) in &containers {
            if let Some(volumes) = &volumes {
                mounts(cx, task, volumes, name, container);
            }
            if awsvpc {
                ports(cx, name, container);
            }
            if let Some(health) = container.get("HealthCheck") {
                self::health(cx, name, health);
            }
        }
        beyond(cx, task, &containers, "Cpu", &["Cpu"]);
        beyond(cx, task, &containers, "Memory", &["MemoryReservation", "Memory"]);
    }
}

fn names(cx: &mut Cx<'_>, containers: &[(&str, &Value)]) {
    let mut first: HashMap<&str, &Value> = HashMap::new();
    for (name, container) in containers {
        let Some(value) = container.get("Name") else { continue };
        let Some(other) = first.insert(name, value) else { continue };
        let span = other.origin.nearest();
        let finding = cx
            .report_value(value, message!("two containers of the task are called `{name}`", name));
        if let Some(span) = span {
            finding.hops.push(Hop { span, label: Some(message!("the first")) });
        }
        finding.help.push(message!("give each container a name of its own"));
    }
}

/// The names of the volumes of a task, if all are known.
fn volumes(task: &Resource) -> Option<Vec<&str>> {
    let Some(volumes) = task.property("Volumes") else { return Some(Vec::new()) };
    volumes.as_list()?.iter().map(|it| it.get("Name")?.as_text()).collect()
}

fn mounts(cx: &mut Cx<'_>, task: &Resource, volumes: &[&str], name: &str, container: &Value) {
    let mounts = container.get("MountPoints").and_then(Value::as_list);
    for value in mounts.unwrap_or_default().iter().filter_map(|it| it.get("SourceVolume")) {
        let Some(volume) = value.as_text().filter(|it| !volumes.contains(it)) else { continue };
        let finding = cx.report_value(
            value,
            message!(
                "container `{name}` mounts volume `{volume}`, which the task does not have",
                name,
                volume
            ),
        );
        finding.hops.push(Hop { span: task.span, label: Some(message!("the task definition")) });
        finding.help.push(match closest(volume, volumes.iter().copied()) {
            Some(near) => message!("did you mean `{near}`?", near),
            None => message!("add it to `Volumes`"),
        });
    }
}

/// In network mode `awsvpc` a task has an address of its own, and nothing to map its ports to.
fn ports(cx: &mut Cx<'_>, name: &str, container: &Value) {
    let mappings = container.get("PortMappings").and_then(Value::as_list);
    for mapping in mappings.unwrap_or_default() {
        let Some(value) = mapping.get("HostPort") else { continue };
        let container_port = mapping.get("ContainerPort").and_then(Value::as_integer);
        let (Some(host), Some(port)) = (value.as_integer(), container_port) else { continue };
        if host == port {
            continue;
        }
        cx.report_value(
            value,
            message!(
                "container `{name}` maps port {port} to {host}, which network mode `awsvpc` cannot",
                name,
                port,
                host
            ),
        )
        .help
        .push(message!("leave out `HostPort`"));
    }
}

fn health(cx: &mut Cx<'_>, name: &str, health: &Value) {
    if let Some(command) = health.get("Command")
        && let Some(first) = command.at("0").and_then(Value::as_text)
        && !matches!(first, "CMD" | "CMD-SHELL" | "NONE")
    {
        cx.report_value(
            command,
            message!("the health command of `{name}` begins with `{first}`", name, first),
        )
        .help
        .push(message!("begin it with `CMD` or `CMD-SHELL`"));
    }
    for (property, least, most) in HEALTH {
        let Some(value) = health.get(property) else { continue };
        let Some(number) = value.as_integer().filter(|it| !(least..=most).contains(it)) else {
            continue;
        };
        cx.report_value(
            value,
            message!(
                "`{property}` of a health check is {least} to {most}, not {number}",
                property,
                least,
                most,
                number
            ),
        );
    }
}

/// Reports containers that need more of something than their task has.
fn beyond(
    cx: &mut Cx<'_>,
    task: &Resource,
    containers: &[(&str, &Value)],
    of: &'static str,
    properties: &[&str],
) {
    let Some(whole_value) = task.property(of) else { return };
    let Some(whole) = whole_value.as_integer() else { return };
    let mut sum = 0;
    for (_, container) in containers {
        let Some(value) = properties.iter().find_map(|it| container.get(it)) else { continue };
        let Some(number) = value.as_integer() else { return };
        sum += number;
        if sum <= whole {
            continue;
        }
        let span = whole_value.origin.nearest();
        let name = &task.logical_id;
        let finding = cx.report_value(
            value,
            message!(
                "the containers of `{name}` need {sum} of `{of}`, and the task has {whole}",
                name,
                sum,
                of,
                whole
            ),
        );
        if let Some(span) = span {
            finding.hops.push(Hop { span, label: Some(message!("what the task has")) });
        }
        finding.help.push(message!("give the task more, or its containers less"));
        return;
    }
}
