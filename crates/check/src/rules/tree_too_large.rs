use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "tree-too-large",
    severity: Severity::Error,
    page: include_str!("tree_too_large.md"),
    check,
};

/// The most resources that one operation on nested stacks takes.
const MOST: usize = 2500;

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let count = links.all().count();
    if count <= MOST || cx.tree.stacks.len() < 2 {
        return;
    }
    let nested = cx.tree.root().resources.iter().find(|it| it.child.is_some());
    let Some(nested) = nested else { return };
    let span = cx.declaration(cx.tree.root(), nested).name.span;
    let stacks = cx.tree.stacks.len();
    let finding = cx
        .report(span, message!("the tree has {count} resources in {stacks} stacks", count, stacks));
    finding.help.push(message!(
        "one operation takes {most}; deploy a part of the tree as a root of its own",
        most = MOST
    ));
}
