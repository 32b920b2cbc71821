//! One module per command, or per family of commands that differ in a table only.

pub(crate) mod change_set;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod deploy_all;
pub(crate) mod deployed;
pub(crate) mod destroy;
pub(crate) mod drift;
pub(crate) mod explain;
pub(crate) mod fidelity;
pub(crate) mod permissions;
pub(crate) mod plan;
pub(crate) mod preflight;
pub(crate) mod protect;
pub(crate) mod recover;
pub(crate) mod rollback;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod teardown;
pub(crate) mod up;
