use crate::links::Links;
use crate::rule::{Cx, Rule};
use aho_corasick::AhoCorasick;
use kumiki_project::{Kind, Resource, Unknown, Value};
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
    let named = named(silent.iter().filter_map(|(_, _, alarm)| name(alarm)), &texts);
    silent.retain(|(_, stack, alarm)| {
        !name(alarm).is_some_and(|it| named.contains(it))
            && !referenced.contains(&(&*stack.path, &*alarm.logical_id))
    });
    for (_, stack, alarm) in silent {
        let span = cx.declaration(stack, alarm).name.span;
        let name = &alarm.logical_id;
        let finding = cx.report(span, message!("alarm `{name}` tells nobody", name));
        finding.help.push(message!("add `AlarmActions`, or remove the alarm"));
    }
}

fn name(alarm: &Resource) -> Option<&str> {
    alarm.property("AlarmName").and_then(Value::as_text).filter(|it| !it.is_empty())
}

/// Those of the names that more than one text holds: an alarm's own name is one. All are sought at
/// once, as there may be as many as texts.
fn named<'n>(names: impl Iterator<Item = &'n str>, texts: &[&str]) -> HashSet<String> {
    let names: Vec<&str> = names.collect();
    // Names that cannot be sought are taken to be used.
    let Ok(sought) = AhoCorasick::new(&names) else {
        return names.into_iter().map(str::to_owned).collect();
    };
    let mut last = vec![None; names.len()];
    let mut named = HashSet::new();
    for (at, text) in texts.iter().enumerate() {
        for found in sought.find_overlapping_iter(text) {
            let name = found.pattern().as_usize();
            if last[name].replace(at).is_some_and(|before| before != at) {
                named.insert(names[name].to_owned());
            }
        }
    }
    named
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
