use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::services::{TASK_DEFINITION, containers};
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, closest, message};

pub(crate) static RULE: Rule = Rule {
    name: "container-dependency-broken",
    severity: Severity::Error,
    page: include_str!("container_dependency_broken.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, task) in links.certain(TASK_DEFINITION) {
        if let Some(containers) = containers(task) {
            self::task(cx, task, &containers);
        }
    }
}

fn task(cx: &mut Cx<'_>, task: &Resource, containers: &[(&str, &Value)]) {
    // For each container those that it waits for, by position, and where that is written.
    let mut waits: Vec<Vec<(usize, &Value)>> = vec![Vec::new(); containers.len()];
    for (index, (name, container)) in containers.iter().enumerate() {
        let entries = container.get("DependsOn").and_then(Value::as_list).unwrap_or_default();
        for entry in entries {
            let Some(value) = entry.get("ContainerName") else { continue };
            let Some(text) = value.as_text() else { continue };
            let Some(on) = containers.iter().position(|it| it.0 == text) else {
                unknown(cx, task, containers, (name, value, text));
                continue;
            };
            waits[index].push((on, value));
            if let Some(condition) = entry.get("Condition") {
                self::condition(cx, name, containers[on], condition);
            }
        }
    }
    let cycle = (0..containers.len()).find_map(|from| {
        waits[from].iter().find(|(to, _)| reaches(&waits, *to, from)).map(|it| (from, *it))
    });
    if let Some((from, (to, value))) = cycle {
        let (name, on) = (containers[from].0, containers[to].0);
        cx.report_value(
            value,
            message!("containers `{name}` and `{on}` wait for each other", name, on),
        )
        .help
        .push(message!("remove one of the dependencies"));
    }
}

fn unknown(
    cx: &mut Cx<'_>,
    task: &Resource,
    containers: &[(&str, &Value)],
    (name, value, text): (&str, &Value, &str),
) {
    let finding = cx.report_value(
        value,
        message!("container `{name}` waits for `{text}`, which the task does not have", name, text),
    );
    finding.hops.push(Hop { span: task.span, label: Some(message!("the task definition")) });
    if let Some(near) = closest(text, containers.iter().map(|it| it.0)) {
        finding.help.push(message!("did you mean `{near}`?", near));
    }
}

/// Checks that a container can come to be as another wants it.
fn condition(cx: &mut Cx<'_>, name: &str, (on, container): (&str, &Value), condition: &Value) {
    match condition.as_text() {
        Some("COMPLETE" | "SUCCESS")
            if container.get("Essential").is_none_or(|it| it.as_bool() == Some(true)) =>
        {
            cx.report_value(
                condition,
                message!(
                    "`{name}` waits for `{on}` to end, and the task ends with `{on}`",
                    name,
                    on
                ),
            )
            .help
            .push(message!("set `Essential: false` on container `{on}`", on));
        }
        Some("HEALTHY") if container.get("HealthCheck").is_none() => {
            cx.report_value(
                condition,
                message!(
                    "`{name}` waits for `{on}` to be healthy, and `{on}` has no `HealthCheck`",
                    name,
                    on
                ),
            )
            .help
            .push(message!("give it one, or wait for `START`"));
        }
        _ => {}
    }
}

fn reaches(waits: &[Vec<(usize, &Value)>], from: usize, to: usize) -> bool {
    let mut seen = vec![false; waits.len()];
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if !std::mem::replace(&mut seen[at], true) {
            open.extend(waits[at].iter().map(|it| it.0));
        }
    }
    false
}
