//! The embedded backend: durable state, a world of resources, and providers that behave like the
//! services as far as their schemas and a table of behaviours go.
//!
//! [`LocalBackend::open`] takes the exclusive lock of a `.kumiki` folder and implements
//! [`Backend`]; [`LocalBackend::open_read_only`] reads while another process works. [`fidelity`]
//! says how well a type is rehearsed, [`Fault`]s make resources fail on purpose.
//!
//! This is the only crate that touches the state file. It has no clock: time is handed in.

mod backend;
mod behaviour;
mod database;
mod durations;
mod faults;
mod lock;
mod lookup;
mod provider;
mod shape;
mod shapes;
mod store;
mod validate;
mod world;
mod zones;

pub use backend::{LocalBackend, OpenError, Options};
pub use durations::typical_duration;
pub use faults::{Fault, Meets};
pub use lock::Holder;
pub use provider::{Fidelity, LocalProvider, fidelity, refusals};
pub use store::SqliteStore;
pub use world::Thing;

#[cfg(doc)]
use kumiki_engine::Backend;
