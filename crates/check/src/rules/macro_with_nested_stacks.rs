use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, Span, message};
use kumiki_template::{Call, ExprKind};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "macro-with-nested-stacks",
    severity: Severity::Warning,
    page: include_str!("macro_with_nested_stacks.md"),
    check,
};

/// An extension of the language itself, which makes no resources elsewhere.
const EXTENSIONS: &str = "AWS::LanguageExtensions";

fn check(cx: &mut Cx<'_>) {
    if cx.tree.stacks.len() < 2 {
        return;
    }
    let mut seen: HashSet<Span> = HashSet::new();
    for stack in &cx.tree.stacks {
        let template = cx.template(stack);
        let mut found: Vec<(&str, Span)> = Vec::new();
        found.extend(template.transforms.iter().map(|it| (&*it.text, it.span)));
        for properties in template.resources.iter().filter_map(|it| it.properties.as_ref()) {
            properties.walk(&mut |it| {
                if let ExprKind::Call(call) = &it.kind
                    && let Call::Transform { name, .. } = &**call
                {
                    found.push((&name.text, name.span));
                }
            });
        }
        for (name, span) in found {
            if name == EXTENSIONS || !seen.insert(span) {
                continue;
            }
            let finding = cx.report(
                span,
                message!(
                    "macro `{name}` in a tree of nested stacks makes change sets undependable",
                    name
                ),
            );
            finding.help.push(message!("keep the template that needs it in a root of its own"));
        }
    }
}
