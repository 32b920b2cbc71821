//! The embedded engine as an endpoint for AWS's own clients: CloudFormation's Query API, and as much
//! of S3 and STS as packaging templates takes.
//!
//! [`run`] binds a port of the loopback interface, tells where, and answers until it is interrupted.
//! [`Service`] is what answers, without a network. Requests that read open the state for reading;
//! those that change something queue for the one thread that holds its lock, and are answered as
//! soon as the engine has recorded that it began.
//!
//! Templates come from bodies of requests and from the objects that were put here: nothing is ever
//! fetched, whatever a URL says. Signatures are not verified; account and Region are read from them.
//! Values of secret parameters are kept in memory only, so they have to be given again after a
//! restart.
//!
//! This is the only crate that knows HTTP and XML.

mod answer;
mod cloudformation;
mod form;
mod memory;
mod objects;
mod refusal;
mod request;
mod s3;
mod server;
mod service;
mod sts;
mod time;
mod writer;
mod xml;

pub use answer::Answer;
pub use request::{Incoming, read};
pub use server::{ServeError, run};
pub use service::{Options, Service};
