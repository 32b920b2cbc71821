use crate::placeholders::{placeholder, word};
use crate::rule::{Cx, Rule};
use kumiki_project::{Kind, Value};
use kumiki_source::{Severity, Span, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "placeholder-left",
    severity: Severity::Error,
    page: include_str!("placeholder_left.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    if !cx.protected {
        return;
    }
    let tree = cx.tree;
    // What its own parameter does not admit has been reported where it is written.
    let mut seen: HashSet<Span> = tree
        .diagnostics
        .iter()
        .filter(|it| it.rule == "parameter-value")
        .filter_map(|it| it.span)
        .collect();
    for stack in &tree.stacks {
        for parameter in &stack.parameters {
            // One finding for a value, however far it travels.
            let span = parameter.value.origin.span;
            if span.is_some_and(|it| !seen.insert(it)) {
                continue;
            }
            let Some(part) = text_of(&parameter.value).and_then(|it| placeholder(&it)) else {
                continue;
            };
            let name = &parameter.name;
            let value = Value { kind: Kind::Null, origin: parameter.value.origin.clone() };
            let message = match parameter.no_echo {
                true => message!("parameter `{name}` still has a placeholder", name),
                false => {
                    message!("parameter `{name}` still has the placeholder `{part}`", name, part)
                }
            };
            let finding = match span {
                Some(span) => cx.report(span, message),
                None => cx.report_value(&value, message),
            };
            finding.help.push(message!("write the real value; this environment is protected"));
        }
    }
    for (_, resource) in tree.resources() {
        words_inside(&resource.properties, &mut |value, part| {
            let Some(span) = value.origin.span.filter(|it| seen.insert(*it)) else { return };
            cx.report(span, message!("this value still has the placeholder `{part}`", part))
                .help
                .push(message!("write the real value; this environment is protected"));
        });
    }
}

/// The text of a value, or of the items of a list.
fn text_of(value: &Value) -> Option<String> {
    match value.as_list() {
        Some(items) => {
            let items: Vec<&str> = items.iter().filter_map(Value::as_text).collect();
            Some(items.join(","))
        }
        None => value.as_text().map(str::to_owned),
    }
}

/// Calls `visit` with every text of a template that has one of the words in it.
///
/// Angle brackets and names for examples mean something in the texts of templates.
fn words_inside(value: &Value, visit: &mut dyn FnMut(&Value, String)) {
    match &value.kind {
        Kind::String(text) => {
            if let Some(part) = word(text) {
                visit(value, part);
            }
        }
        Kind::List(items) => items.iter().for_each(|it| words_inside(it, visit)),
        Kind::Map(fields) => fields.iter().for_each(|it| words_inside(&it.value, visit)),
        _ => {}
    }
}
