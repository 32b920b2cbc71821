use crate::ordering::reaches;
use crate::rule::{Cx, Rule};
use kumiki_project::{Export, Import, Tree};
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "import-out-of-order",
    severity: Severity::Error,
    page: include_str!("import_out_of_order.md"),
    check,
};

/// Which nested stacks of a parent import from which, by position: parent, importing, exporting.
type Imports = HashMap<(usize, usize), Vec<usize>>;

fn check(cx: &mut Cx<'_>) {
    let tree = cx.tree;
    let stacks: HashMap<&str, usize> =
        tree.stacks.iter().enumerate().map(|(index, it)| (&*it.path, index)).collect();
    let exports: HashMap<&str, &Export> = tree.exports.iter().map(|it| (&*it.name, it)).collect();
    let links: Vec<(&Import, usize, &Export)> = tree
        .imports
        .iter()
        .filter_map(|it| Some((it, *stacks.get(&*it.path)?, *exports.get(&*it.name)?)))
        .collect();
    let mut imports = Imports::new();
    for (_, importer, export) in &links {
        if let Some((parent, importing, exporting)) = ancestors(tree, *importer, export.stack)
            && importing != exporting
        {
            imports.entry((parent, importing)).or_default().push(exporting);
        }
    }
    for (import, importer, export) in links {
        let (stack, exporter) = (&tree.stacks[importer], &tree.stacks[export.stack]);
        let siblings = ancestors(tree, importer, export.stack);
        let waits = siblings.is_some_and(|(parent, importing, exporting)| {
            importing == exporting || reaches(&tree.stacks[parent], importing, exporting)
        });
        let cycle = siblings.is_some_and(|(parent, importing, exporting)| {
            importing != exporting && leads(tree, &imports, parent, exporting, importing)
        });
        if exporter.path.is_empty() || waits && !cycle {
            continue;
        }
        let (name, from, to) = (&import.name, &stack.path, &exporter.path);
        let message = match cycle {
            true => message!(
                "stack `{from}` imports `{name}` of stack `{to}`, which waits for `{from}`",
                from,
                name,
                to
            ),
            false => message!(
                "stack `{from}` imports `{name}` without waiting for `{to}`",
                from,
                name,
                to
            ),
        };
        let finding = cx.report(import.span, message);
        finding.hops.push(Hop { span: export.span, label: Some(message!("exported here")) });
        finding.help.push(match siblings {
            _ if cycle => {
                message!(
                    "neither can be created first: make the value in a stack that both wait for"
                )
            }
            Some((parent, importing, exporting)) => {
                let resources = &tree.stacks[parent].resources;
                let (importer, exporter) =
                    (&resources[importing].logical_id, &resources[exporting].logical_id);
                message!("add `DependsOn: {exporter}` to `{importer}`", exporter, importer)
            }
            None => message!("let the importing stack depend on the exporting one"),
        });
    }
}

/// Whether a nested stack waits for another of the same parent, or imports from it, directly or
/// through others.
fn leads(tree: &Tree, imports: &Imports, parent: usize, from: usize, to: usize) -> bool {
    let resources = &tree.stacks[parent].resources;
    let mut seen = vec![false; resources.len()];
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        if at == to {
            return true;
        }
        if std::mem::replace(&mut seen[at], true) {
            continue;
        }
        open.extend(resources[at].dependencies.iter().map(|it| it.on));
        open.extend(imports.get(&(parent, at)).into_iter().flatten());
    }
    false
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
