//! The embedded backend on projects, real and small.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod behaviours;
mod durable;
mod faults;
mod folder;
mod lookup;
mod project;
mod scale;
mod service;
mod sweep;
