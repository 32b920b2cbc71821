//! What is certain of a value that is not known, by the function that gives it.

use super::document::Certainty;
use kumiki_project::{Library, Tree, Unknown, Value};
use kumiki_source::Span;
use kumiki_template::{Call, Expr, ExprKind};
use std::collections::HashSet;

/// Functions of a tree that tell something of values that are not known.
#[derive(Default)]
pub(super) struct Unsettled {
    /// `Fn::If` whose condition is not known: there may be nothing.
    choices: HashSet<Span>,
    /// `Ref` and `Fn::GetAtt`: what they give of a resource is not empty.
    identifiers: HashSet<Span>,
}

impl Unsettled {
    pub(super) fn of(library: &Library, tree: &Tree) -> Self {
        let mut found = Self::default();
        for stack in &tree.stacks {
            let template = library.template(stack.template);
            let unknown = |name: &str| {
                let index = template.conditions.index_of(name);
                index.is_none_or(|it| {
                    let truth = &stack.conditions[it];
                    !truth.is_true() && !truth.is_false()
                })
            };
            let mut visit = |expr: &Expr| {
                let ExprKind::Call(call) = &expr.kind else { return };
                match &**call {
                    Call::If { condition, .. } if unknown(&condition.text) => {
                        found.choices.insert(expr.span);
                    }
                    Call::Ref(_) | Call::GetAtt { .. } => {
                        found.identifiers.insert(expr.span);
                    }
                    _ => {}
                }
            };
            for decl in &template.resources {
                let attributes = [
                    &decl.properties,
                    &decl.metadata,
                    &decl.creation_policy,
                    &decl.update_policy,
                    &decl.deletion_policy,
                    &decl.update_replace_policy,
                ];
                attributes.into_iter().flatten().for_each(|it| it.walk(&mut visit));
            }
            for decl in &template.outputs {
                [Some(&decl.value), decl.export.as_ref()]
                    .into_iter()
                    .flatten()
                    .for_each(|it| it.walk(&mut visit));
            }
        }
        found
    }

    pub(super) fn certainty(&self, value: &Value) -> Certainty {
        let Some(written) = value.origin.span else { return Certainty::There };
        if value.origin.nearest().is_some_and(|it| self.choices.contains(&it)) {
            return Certainty::Nothing;
        }
        match value.as_unknown().map(|it| &**it) {
            Some(Unknown::PhysicalId(_) | Unknown::Attribute(..))
                if self.identifiers.contains(&written) =>
            {
                Certainty::NotEmpty
            }
            // After an error nobody knows what was meant, and a macro makes what it likes.
            Some(Unknown::Invalid | Unknown::Transform(_)) => Certainty::Nothing,
            _ => Certainty::There,
        }
    }
}
