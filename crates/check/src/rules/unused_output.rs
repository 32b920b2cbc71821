use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, Span, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "unused-output",
    severity: Severity::Info,
    page: include_str!("unused_output.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let (library, tree) = (cx.library, cx.tree);
    let mut read: HashSet<Span> = HashSet::new();
    let mut unread: Vec<(Span, &str)> = Vec::new();
    for stack in &tree.stacks {
        let template = library.template(stack.template);
        let Some((parent, resource)) = stack.parent else {
            // The outputs of a root are for people.
            read.extend(template.outputs.iter().map(|it| it.name.span));
            continue;
        };
        let parent = &tree.stacks[parent];
        let usage = cx.usages.template(parent.template);
        for output in &template.outputs {
            let name = &output.name;
            if output.export.is_some() || usage.reads(resource, &name.text) {
                read.insert(name.span);
            } else {
                unread.push((name.span, &name.text));
            }
        }
    }
    for (span, name) in unread {
        // A template may be several stacks, and one parent that reads it is enough.
        if read.insert(span) {
            cx.report(span, message!("nothing reads output `{name}`", name))
                .help
                .push(message!("remove it, or read it in the parent"));
        }
    }
}
