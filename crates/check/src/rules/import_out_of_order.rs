use crate::ordering::reaches;
use crate::rule::{Cx, Rule};
use kumiki_project::Tree;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "import-out-of-order",
    severity: Severity::Error,
    page: include_str!("import_out_of_order.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let tree = cx.tree;
    for import in &tree.imports {
        let name = &import.name;
        let Some(export) = tree.exports.iter().find(|it| it.name == *name) else { continue };
        let Some((importer, stack)) = tree.stack(&import.path) else { continue };
        let exporter = &tree.stacks[export.stack];
        if exporter.path.is_empty() || waits(tree, importer, export.stack) {
            continue;
        }
        let (from, to) = (&stack.path, &exporter.path);
        let finding = cx.report(
            import.span,
            message!("stack `{from}` imports `{name}` without waiting for `{to}`", from, name, to),
        );
        finding
            .hops
            .push(kumiki_source::Hop { span: export.span, label: Some(message!("exported here")) });
        finding.help.push(match sibling(tree, importer, export.stack) {
            Some((importer, exporter)) => {
                message!("add `DependsOn: {exporter}` to `{importer}`", exporter, importer)
            }
            None => message!("let the importing stack depend on the exporting one"),
        });
    }
}

/// The stacks of the same parent that contain one stack and the other, or are them.
fn ancestors(tree: &Tree, one: usize, other: usize) -> Option<(usize, usize, usize)> {
    let chain = |mut at: usize| {
        let mut chain = Vec::new();
        while let Some((parent, resource)) = tree.stacks[at].parent {
            chain.push((parent, resource));
            at = parent;
        }
        chain
    };
    let (one, other) = (chain(one), chain(other));
    one.iter().find_map(|(parent, resource)| {
        other
            .iter()
            .find(|(it, _)| it == parent)
            .map(|(_, exporting)| (*parent, *resource, *exporting))
    })
}

fn sibling(tree: &Tree, importer: usize, exporter: usize) -> Option<(&str, &str)> {
    let (parent, importing, exporting) = ancestors(tree, importer, exporter)?;
    let resources = &tree.stacks[parent].resources;
    Some((&resources[importing].logical_id, &resources[exporting].logical_id))
}

/// Whether the importing stack is created only after the exporting one: its nested-stack resource
/// depends on the other's, directly or through others.
fn waits(tree: &Tree, importer: usize, exporter: usize) -> bool {
    let Some((parent, importing, exporting)) = ancestors(tree, importer, exporter) else {
        return false;
    };
    reaches(&tree.stacks[parent], importing, exporting)
}
