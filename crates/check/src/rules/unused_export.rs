use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, closest, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "unused-export",
    severity: Severity::Info,
    page: include_str!("unused_export.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let tree = cx.tree;
    let mut asked: HashSet<&str> = tree.imports.iter().map(|it| &*it.name).collect();
    let exported: HashSet<&str> = tree.exports.iter().map(|it| &*it.name).collect();
    // An import that misses its export by a slip is reported itself.
    for import in tree.imports.iter().filter(|it| !exported.contains(&*it.name)) {
        asked.extend(closest(&import.name, exported.iter().copied()));
    }
    let mut unasked = tree.exports.iter().filter(|it| !asked.contains(&*it.name)).peekable();
    if unasked.peek().is_none() {
        return;
    }
    let patterns = cx.usages.imports();
    for export in unasked {
        let stack = &tree.stacks[export.stack];
        // What a root exports is for other projects.
        let Some((parent, resource)) = stack.parent else { continue };
        let parent = &tree.stacks[parent];
        let usage = cx.usages.template(parent.template);
        let name = &stack.outputs[export.output].name;
        if usage.reads(resource, name) || patterns.may_ask_for(&export.name) {
            continue;
        }
        cx.report(
            export.span,
            message!("output `{name}` is exported, and nothing imports it", name),
        )
        .help
        .push(message!("leave it if people or other projects read it, or remove the export"));
    }
}
