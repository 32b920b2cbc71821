//! What must not be shown: parameters with `NoEcho`, and all that is made of them, however many
//! stacks away. Conditions are not followed: what they tell is a yes or a no.

use super::snapshot::Sample;
use kumiki_template::{Call, Expr, ExprKind, SubPart};
use std::collections::HashSet;

/// Whether an expression of a stack shows anything of a parameter with `NoEcho`.
pub(super) fn in_expression(sample: Sample<'_>, stack: usize, expr: &Expr) -> bool {
    Search { sample, seen: HashSet::new() }.in_expression(stack, expr)
}

/// Whether a parameter of a stack must not be shown: for its own `NoEcho`, or that of what it is
/// given.
pub(super) fn in_parameter(sample: Sample<'_>, stack: usize, name: &str) -> bool {
    Search { sample, seen: HashSet::new() }.in_parameter(stack, name)
}

struct Search<'s> {
    sample: Sample<'s>,
    /// The parameters that were looked at: what comes back to one shows nothing new.
    seen: HashSet<(usize, String)>,
}

impl Search<'_> {
    fn in_parameter(&mut self, stack: usize, name: &str) -> bool {
        if !self.seen.insert((stack, name.to_owned())) {
            return false;
        }
        if self.sample.template(stack).parameters.get(name).is_some_and(|it| it.no_echo) {
            return true;
        }
        let Some((parent, resource)) = self.sample.tree.stacks[stack].parent else { return false };
        let properties = self.sample.template(parent).resources[resource].properties.as_ref();
        let Some(passed) = properties.and_then(|it| it.get("Parameters")) else { return false };
        match (passed.as_map(), passed.get(name)) {
            (Some(_), Some(value)) => self.in_expression(parent, value),
            (Some(_), None) => false,
            (None, _) => self.in_expression(parent, passed),
        }
    }

    fn in_expression(&mut self, stack: usize, expr: &Expr) -> bool {
        let mut hidden = false;
        expr.walk(&mut |it| {
            let ExprKind::Call(call) = &it.kind else { return };
            hidden = hidden
                || match &**call {
                    Call::Ref(name) => self.in_parameter(stack, &name.text),
                    Call::GetAtt { resource, attribute } => {
                        self.in_output(stack, &resource.text, attribute.as_text())
                    }
                    Call::Sub { parts, .. } => parts.iter().any(|part| match part {
                        SubPart::Reference(it) => match &it.attribute {
                            Some(name) => self.in_output(stack, &it.name.text, Some(name)),
                            None => self.in_parameter(stack, &it.name.text),
                        },
                        SubPart::Text(_) => false,
                    }),
                    Call::ImportValue(_) => self.in_import(it),
                    _ => false,
                };
        });
        hidden
    }

    fn in_output(&mut self, stack: usize, resource: &str, attribute: Option<&str>) -> bool {
        let Some(name) = attribute.and_then(|it| it.strip_prefix("Outputs.")) else { return false };
        let child = self.sample.tree.stacks[stack].resource(resource).and_then(|it| it.child);
        child.is_some_and(|it| self.in_output_of(it, name))
    }

    fn in_import(&mut self, import: &Expr) -> bool {
        let tree = &self.sample.tree;
        let imports = tree.imports.iter().filter(|it| it.span == import.span);
        let exports = imports.filter_map(|it| tree.exports.iter().find(|e| e.name == it.name));
        let exports: Vec<(usize, usize)> = exports.map(|it| (it.stack, it.output)).collect();
        exports.into_iter().any(|(stack, output)| {
            let name = tree.stacks[stack].outputs[output].name.clone();
            self.in_output_of(stack, &name)
        })
    }

    fn in_output_of(&mut self, stack: usize, name: &str) -> bool {
        // A name that no parameter can have: outputs are their own kind.
        if !self.seen.insert((stack, format!("Outputs.{name}"))) {
            return false;
        }
        let declared = self.sample.template(stack).outputs.get(name);
        declared.is_some_and(|it| self.in_expression(stack, &it.value))
    }
}
