//! What the service account must be: its acceptance facts, tested on the linked trees of every
//! environment.
//!
//! A [`Fact`] is data: what it says, how it is checked, and one fault that it must notice. The
//! tests demand that every fact holds on the real project and fails on its own fault, so a fact
//! that cannot fail cannot stay. [`facts`] is the list that the traceability table refers to.
//!
//! Facts of level S read texts and declarations; facts of level R read a [`View`], the tree of one
//! environment in one scenario with all its values. What only a deployment knows stands there as a
//! marker that names its origin: `<VpcStack/VPC>` is the identifier of resource `VPC` of nested
//! stack `VpcStack`, `<AlbStack/PublicAlb.DNSName>` one of its attributes.
//!
//! Nothing here deploys, and nothing here is a rule for other projects: those are in
//! `kumiki-check`.

pub mod facts;
pub mod resource;
pub mod view;
pub mod world;

pub use facts::{Fact, Fault, Level, facts};
pub use resource::Resource;
pub use view::{Problems, View};
pub use world::World;
