//! What the executor does, seen through the `Backend` trait with a toy provider.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod crash;
mod creation;
mod deletion;
mod laws;
mod project;
mod recovery;
mod rollback;
mod secrets;
mod settings;
mod toy;
mod transitions;
mod update;
