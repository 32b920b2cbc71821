//! How a value is written, before it is evaluated.
//!
//! AWS's rules judge what stands in one template as it is written. What they cannot see, a value
//! that arrives through a parameter or is put together, is for ours.

use kumiki_template::{Call, Expr, ExprKind, ResourceDecl};

/// The property of a resource at a path such as `GenerateSecretString.GenerateStringKey`.
pub(crate) fn property<'t>(resource: &'t ResourceDecl, path: &str) -> Option<&'t Expr> {
    path.split('.').try_fold(resource.properties.as_ref()?, |expr, part| expr.get(part))
}

/// Whether the value stands in the template itself: a scalar, or one chosen by a mapping or a
/// condition.
pub(crate) fn is_literal(expr: &Expr) -> bool {
    match &expr.kind {
        ExprKind::Call(call) => match &**call {
            Call::If { then, otherwise, .. } => is_literal(then) && is_literal(otherwise),
            Call::FindInMap { map, first, second, .. } => {
                [map, first, second].into_iter().all(|it| it.as_text().is_some())
            }
            _ => false,
        },
        _ => expr.as_text().is_some(),
    }
}
