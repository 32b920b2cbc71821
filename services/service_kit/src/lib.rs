//! What the three programs behind the task definitions truly share.
//!
//! Never knows a route, a statement of one of them, or anything of the templates but the names of
//! their environment variables.

pub mod api;
pub mod auth;
pub mod calendar;
pub mod database;
pub mod environment;
pub mod order_pdf;
pub mod orders;
pub mod problem;
pub mod program;
pub mod report;
pub mod server;
pub mod sheets;
#[cfg(feature = "store")]
pub mod store;
pub mod telemetry;
