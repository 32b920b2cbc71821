//! The embedded backend on projects, real and small.

mod behaviours;
mod durable;
mod folder;
mod project;
mod scale;
mod service;
