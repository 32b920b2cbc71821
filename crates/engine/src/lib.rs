//! The logic of CloudFormation itself: change sets, execution in dependency order, rollback,
//! cleanup, exports and events, over traits for everything outside.
//!
//! A [`Backend`] is a place to deploy to. The usual course:
//!
//! 1. [`Backend::resume`]: finish what a killed process left, if anything.
//! 2. [`Backend::current`] gives what [`kumiki_plan::plan`] compares with.
//! 3. [`Backend::create_change_set`] records everything that execution takes.
//! 4. [`Backend::execute_change_set`] runs to the end and tells of each [`Event`]; its
//!    [`Outcome`] says whether what was asked for was done, and the first cause if not.
//! 5. [`Backend::delete_stack`] deletes a root.
//!
//! When things go wrong, [`Backend::rollback_stack`], [`Backend::continue_rollback`],
//! [`Backend::cancel_update`] and a deletion that retains lead out of every status that is no rest.
//!
//! [`Engine`] is the embedded backend's logic over a [`StateStore`] (records, atomic commits) and
//! a [`Provider`] (single resources, idempotent by token). It journals before it acts: each
//! request to the provider is recorded first, so that a process killed at any instant loses
//! nothing, and whoever resumes ends in the same state. Identifiers follow from account, Region,
//! stack name, incarnation, logical ID and generation; there is no randomness.
//!
//! Execution is a discrete-event simulation: everything whose dependencies are done starts at
//! once, takes its typical duration on a virtual clock, and ends in the order of that clock.
//!
//! No files, no network, no printing, and time only through [`Clock`].

mod backend;
mod capability;
mod change_set;
mod clock;
mod current;
mod drift;
mod engine;
mod event;
mod execute;
mod fault;
pub mod identity;
mod import;
mod memory;
mod provider;
mod quota;
mod record;
mod status;
mod store;
mod verbs;

pub use backend::{
    Backend, Cancel, ChangeSetOptions, ChangeSetRequest, CreateChangeSetError, ExecuteError,
    ExecuteOptions, Observe, Outcome, StackError,
};
pub use capability::{Capability, Demanded};
pub use clock::{Clock, Stopped};
pub use engine::Engine;
pub use event::Event;
pub use fault::Fault;
pub use import::ImportRefusal;
pub use kumiki_plan::{StackPolicy, UpdateAction};
pub use kumiki_plan::{conceal, is_mask, is_mask_of};
pub use memory::MemoryStore;
pub use provider::{Answer, Made, Provider, Refused, Request, SsmParameter, Verb};
pub use quota::{Exceeded, TEMPLATE_BODY};
pub use record::{
    Cause, ChangeSetRecord, DriftRecord, ExportRecord, How, ImportRecord, InputsRecord,
    OperationKind, OperationRecord, OutputRecord, Pending, Phase, PropertyDifference,
    ResourceDrift, ResourceRecord, ResourceToImport, Settings, Settled, StackRecord, StackSettled,
    Touched,
};
pub use status::{
    ChangeSetStatus, DifferenceType, ExecutionStatus, OnFailure, ResourceDriftStatus,
    ResourceStatus, StackDriftStatus, StackStatus,
};
pub use store::{Change, StateStore, StoreError};
