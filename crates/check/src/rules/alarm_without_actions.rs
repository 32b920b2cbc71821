use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{Kind, Unknown, Value};
use kumiki_source::{Severity, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "alarm-without-actions",
    severity: Severity::Info,
    page: include_str!("alarm_without_actions.md"),
    check,
};

const ALARM: &str = "AWS::CloudWatch::Alarm";

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut silent: Vec<_> = links
        .certain(ALARM)
        .filter(|(_, _, alarm)| {
            let none = |property| {
                alarm
                    .property(property)
                    .is_none_or(|it: &Value| it.as_list().is_some_and(<[Value]>::is_empty))
            };
            ["AlarmActions", "OKActions", "InsufficientDataActions"].into_iter().all(none)
                && alarm.property("ActionsEnabled").and_then(Value::as_bool) != Some(false)
        })
        .collect();
    if silent.is_empty() {
        return;
    }
    // What is used otherwise: by composite alarms, deployments, dashboards, or by whoever listens to
    // alarms as events.
    let mut referenced: HashSet<(&str, &str)> = HashSet::new();
    let mut texts: Vec<&str> = Vec::new();
    for (_, resource) in cx.tree.resources() {
        if &*resource.type_name == "AWS::Events::Rule" {
            let sources = resource.property("EventPattern.source");
            let listens = match sources {
                Some(sources) => {
                    !sources.is_known() || {
                        let sources = sources.as_list().unwrap_or_default();
                        sources.iter().any(|it| it.as_text() == Some("aws.cloudwatch"))
                    }
                }
                None => resource.property("EventPattern").is_some_and(|it| it.as_map().is_none()),
            };
            if listens {
                return;
            }
        }
        uses(&resource.properties, &mut referenced, &mut texts);
    }
    for output in cx.tree.stacks.iter().flat_map(|it| &it.outputs) {
        uses(&output.value, &mut referenced, &mut texts);
    }
    silent.retain(|(_, stack, alarm)| {
        let name = alarm.property("AlarmName").and_then(Value::as_text);
        let named = name.is_some_and(|name| {
            // The alarm's own name is one.
            texts.iter().filter(|it| it.contains(name)).count() > 1
        });
        !named && !referenced.contains(&(&*stack.path, &*alarm.logical_id))
    });
    for (_, stack, alarm) in silent {
        let span = cx.declaration(stack, alarm).name.span;
        let name = &alarm.logical_id;
        let finding = cx.report(span, message!("alarm `{name}` tells nobody", name));
        finding.help.push(message!("add `AlarmActions`, or remove the alarm"));
    }
}

/// Every alarm that a value refers to, and the texts that may hold the name of one.
fn uses<'v>(
    value: &'v Value,
    referenced: &mut HashSet<(&'v str, &'v str)>,
    texts: &mut Vec<&'v str>,
) {
    match &value.kind {
        Kind::String(text) if text.len() < 65_536 => texts.push(text),
        Kind::List(items) => items.iter().for_each(|it| uses(it, referenced, texts)),
        Kind::Map(fields) => fields.iter().for_each(|it| uses(&it.value, referenced, texts)),
        Kind::Unknown(unknown) => each(unknown, referenced),
        _ => {}
    }
}

fn each<'v>(unknown: &'v Unknown, referenced: &mut HashSet<(&'v str, &'v str)>) {
    match unknown {
        Unknown::PhysicalId(it) | Unknown::Attribute(it, _) if &*it.type_name == ALARM => {
            referenced.insert((&it.stack, &it.logical_id));
        }
        Unknown::Several(parts) => parts.iter().for_each(|it| each(it, referenced)),
        _ => {}
    }
}
