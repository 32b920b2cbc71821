//! AWS CloudFormation as a place to deploy to: the only crate that knows AWS's SDK.
//!
//! Deploys by change sets and by nothing else. Keeps no state of its own: each command asks the
//! account. Never prints, and no secret reaches a message.

mod error;
mod session;

pub use error::ServiceError;
pub use session::{Caller, Session, Settings};
