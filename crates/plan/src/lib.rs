//! What would change: a pure function from a desired tree and the current stacks to change sets.
//!
//! [`plan`] walks the desired tree in deployment order with what the current stacks have made
//! known, and compares each resource with its recorded state. A value that an untouched resource
//! makes is known, so nothing downstream of it moves; a value that a new or replaced resource
//! will make is unknown, and only its consumers are shown to change.
//!
//! No clock, no files, no network: the same input gives the same bytes.

mod also_shown;
mod cause;
mod current;
mod diff;
mod durations;
mod effects;
mod guards;
mod planner;
mod reconcile;
mod saved;
mod schedule;
mod secret;
mod settled;
mod stack_policy;
mod steps;

pub use current::{Current, CurrentResource, CurrentStack};
pub use diff::{desired_json, diff};
pub use durations::{Durations, typical_durations};
pub use planner::{Refusal, plan, plan_removal};
pub use reconcile::{
    Reconciled, ServiceChange, ServiceChangeSet, ServiceDetail, Verdict, reconcile,
};
pub use saved::{Basis, Divergence, SavedPlan};
pub use secret::{Secrets, conceal, digest, fingerprint, hex, is_mask, is_mask_of, mask_secret};
pub use settled::settled;
pub use stack_policy::{StackPolicy, UpdateAction};
pub use steps::{
    Action, AlsoShown, Cause, Change, ChangeSource, Detail, Effect, Estimate, Guard, GuardKind,
    Leg, Operation, OutputChange, Plan, Recreation, Replacement, Scope, ShownProperty,
    SlowDependency, Step,
};
