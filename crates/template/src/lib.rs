//! One CloudFormation text: a spanned document tree, the template model and the syntax of
//! intrinsic functions.
//!
//! This crate never looks at another file and never evaluates anything. Every reader returns what
//! it understood *and* diagnostics, so that one mistake does not hide the next.

mod document;
mod expression;
mod model;
mod place;

pub use document::{Document, Format, Key, Limits, Node, Value, parse_document};
pub use expression::{Call, Entry, Expr, ExprKind, Reference, SubPart};
pub use model::{
    Assertion, MappingDecl, Name, OutputDecl, ParameterDecl, ResourceDecl, RuleDecl, Section,
    Template, parse_template, parse_template_document,
};
