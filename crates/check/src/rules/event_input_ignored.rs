use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{FileId, Hop, Severity, closest, message};
use kumiki_template::{Format, Limits, Node, parse_document};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "event-input-ignored",
    severity: Severity::Warning,
    page: include_str!("event_input_ignored.md"),
    check,
};

/// What ECS takes from the input of a task.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskOverride.html>
const OVERRIDES: [&str; 7] = [
    "containerOverrides",
    "cpu",
    "ephemeralStorage",
    "executionRoleArn",
    "inferenceAcceleratorOverrides",
    "memory",
    "taskRoleArn",
];
const TASK: &str = "AWS::ECS::TaskDefinition";

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let families = links.names(TASK, "Family");
    for (_, stack, rule) in links.certain("AWS::Events::Rule") {
        let file = cx.template(stack).file;
        for target in rule.property("Targets").and_then(Value::as_list).unwrap_or_default() {
            check_target(cx, &links, &families, target, file);
        }
    }
    for (_, stack, schedule) in links.certain("AWS::Scheduler::Schedule") {
        let file = cx.template(stack).file;
        if let Some(target) = schedule.property("Target") {
            check_target(cx, &links, &families, target, file);
        }
    }
}

fn check_target(
    cx: &mut Cx<'_>,
    links: &Links<'_>,
    families: &HashMap<&str, Place>,
    target: &Value,
    file: FileId,
) {
    let Some(parameters) = target.get("EcsParameters") else { return };
    if let Some(value) = target.at("InputTransformer.InputTemplate") {
        // Not JSON before its gaps are filled.
        if let Some(text) = value.as_text()
            && !OVERRIDES.iter().any(|it| text.contains(it))
        {
            ignored(cx, value, None);
        }
        return;
    }
    let Some(value) = target.get("Input") else { return };
    let Some(text) = value.as_text() else { return };
    let document = parse_document(file, text, Format::Json, Limits::default());
    let Some(input) = document.root.filter(|_| document.diagnostics.is_empty()) else {
        let finding = cx.report_value(value, message!("the input of an ECS task is not JSON"));
        finding.help.push(message!("write an object with `containerOverrides`"));
        return;
    };
    let keys = input.as_map().unwrap_or_default();
    if !keys.iter().any(|(key, _)| OVERRIDES.contains(&&*key.text)) {
        if input.as_map().is_none_or(|it| !it.is_empty()) {
            ignored(cx, value, keys.first().map(|(key, _)| &*key.text));
        }
        return;
    }
    let Some(task) = task(links, families, parameters.get("TaskDefinitionArn")) else { return };
    let task = links.at(task);
    let containers = task.property("ContainerDefinitions").and_then(Value::as_list);
    let containers: Option<Vec<&str>> = containers
        .and_then(|it| it.iter().map(|it| it.get("Name").and_then(Value::as_text)).collect());
    let Some(containers) = containers else { return };
    for container in input.get("containerOverrides").and_then(Node::as_list).unwrap_or_default() {
        let Some(name) = container.get("name").and_then(Node::as_text) else { continue };
        if containers.contains(&&**name) {
            continue;
        }
        let id = &task.logical_id;
        let near = closest(name, containers.iter().copied());
        let finding = cx.report_value(
            value,
            message!("task definition `{id}` has no container `{name}`", id, name),
        );
        finding.hops.push(Hop { span: task.span, label: Some(message!("the task definition")) });
        finding.help.push(match near {
            Some(near) => message!("did you mean `{near}`?", near),
            None => message!(
                "ECS refuses to run the task; its containers are {names}",
                names =
                    containers.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
            ),
        });
    }
}

fn ignored(cx: &mut Cx<'_>, value: &Value, key: Option<&str>) {
    let finding = match key {
        Some(key) => {
            cx.report_value(value, message!("ECS ignores this input: `{key}` is no override", key))
        }
        None => cx.report_value(value, message!("ECS ignores this input: it is no override")),
    };
    finding.help.push(message!(
        "write `{example}`",
        example = r#"{"containerOverrides":[{"name":"…","environment":[…]}]}"#
    ));
}

/// The task definition that a target runs: by reference, or by an ARN with its family.
fn task(
    links: &Links<'_>,
    families: &HashMap<&str, Place>,
    value: Option<&Value>,
) -> Option<Place> {
    let value = value?;
    if let Some(text) = value.as_text() {
        let family = text.rsplit_once("task-definition/").map_or(text, |it| it.1);
        return families.get(family.split(':').next()?).copied();
    }
    let reference = links.reference(value)?;
    (&*reference.resource.type_name == TASK).then(|| links.place(reference.resource)).flatten()
}
