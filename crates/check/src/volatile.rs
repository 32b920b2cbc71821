//! Parameters of nested stacks that a nested change set does not know: they are fed by outputs of
//! other nested stacks, directly or through a parameter of the parent.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets-create.html>

use crate::rule::Cx;
use kumiki_project::Stack;
use kumiki_source::Span;
use kumiki_template::{Call, Expr, ExprKind, Name, SubPart, Template};
use std::collections::HashMap;

/// For each stack of a tree: its volatile parameters by name, and where the output is taken.
pub(crate) fn volatile_parameters<'t>(cx: &Cx<'t>) -> Vec<HashMap<&'t str, Span>> {
    let tree = cx.tree;
    let mut volatile: Vec<HashMap<&'t str, Span>> = Vec::with_capacity(tree.stacks.len());
    for stack in &tree.stacks {
        let mut own = HashMap::new();
        if let Some((parent, position)) = stack.parent {
            let above = &tree.stacks[parent];
            let template = cx.template(above);
            let passed = template.resources[position].properties.as_ref();
            let passed = passed.and_then(|it| it.get("Parameters")).and_then(Expr::as_map);
            for entry in passed.unwrap_or_default() {
                let mut source = None;
                find(&entry.value, above, template, &volatile[parent], &mut source);
                if let Some(source) = source {
                    own.insert(&*entry.key.text, source);
                }
            }
        }
        volatile.push(own);
    }
    volatile
}

/// Where an expression takes the output of a nested stack.
fn find(
    expr: &Expr,
    stack: &Stack,
    template: &Template,
    volatile: &HashMap<&str, Span>,
    source: &mut Option<Span>,
) {
    let mut name = |name: &Name, attribute: bool| {
        let nested = template.resources.get(&name.text);
        if attribute && nested.is_some_and(|it| &*it.type_name.text == "AWS::CloudFormation::Stack")
        {
            source.get_or_insert(name.span);
        } else if let Some(span) = volatile.get(&*name.text).filter(|_| !attribute) {
            source.get_or_insert(*span);
        }
    };
    match &expr.kind {
        ExprKind::List(items) => {
            items.iter().for_each(|it| find(it, stack, template, volatile, source));
        }
        ExprKind::Map(entries) => {
            entries.iter().for_each(|it| find(&it.value, stack, template, volatile, source));
        }
        ExprKind::Call(call) => match &**call {
            Call::Ref(it) => name(it, false),
            Call::GetAtt { resource, .. } => name(resource, true),
            Call::If { condition, then, otherwise } => {
                let index = template.conditions.index_of(&condition.text);
                let truth = index.and_then(|it| stack.conditions.get(it));
                if truth.is_none_or(|it| !it.is_false()) {
                    find(then, stack, template, volatile, source);
                }
                if truth.is_none_or(|it| !it.is_true()) {
                    find(otherwise, stack, template, volatile, source);
                }
            }
            other => {
                if let Call::Sub { parts, variables } = other {
                    for part in parts {
                        if let SubPart::Reference(it) = part
                            && !variables.iter().any(|variable| variable.key.text == it.name.text)
                        {
                            name(&it.name, it.attribute.is_some());
                        }
                    }
                }
                other.arguments(&mut |it| find(it, stack, template, volatile, source));
            }
        },
        _ => {}
    }
}
