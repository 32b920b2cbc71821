//! The shared vocabulary of every crate: files, spans, messages and diagnostics.
//!
//! Nothing here knows CloudFormation, and nothing here reads a file or prints: text comes in as
//! strings, diagnostics go out as data, and the `kumiki` binary renders them.

mod closest;
mod diagnostic;
mod message;
mod sources;

pub use closest::closest;
pub use diagnostic::{Diagnostic, Hop, Severity};
pub use message::Message;
pub use sources::{FileId, LineColumn, Source, Sources, Span};
