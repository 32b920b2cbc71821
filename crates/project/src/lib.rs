//! The one idea of Kumiki: a linked, evaluated tree.
//!
//! A [`Library`] holds every template that a root reaches, each parsed once. [`Tree::evaluate`]
//! walks from the root through every nested stack with the values of one environment and links
//! parameters, outputs, exports and imports. Each property ends as a value, as
//! [`Unknown`](Kind::Unknown) with what it waits for, or as [`Absent`](Kind::Absent).
//!
//! Rules, planner and engine read this tree, so they agree. What a deployment has made known
//! reaches the same evaluator through a [`Cloud`].
//!
//! This crate reads no file, no clock and no environment: texts arrive through [`Files`].

mod config;
mod inputs;
mod library;
mod order;
mod parameter;
mod pattern;
mod scope;
mod tree;
mod value;

pub use config::{
    AwsConfig, Config, DeployStep, EnvironmentConfig, RehearsalConfig, RootConfig, Suppression,
    fill, parse_config,
};
pub use inputs::{
    Given, Inputs, ParameterFile, REHEARSAL_ACCOUNT, parse_parameter_file, partition,
};
pub use library::{
    Child, Earlier, FileError, Files, Library, MAX_FILE_BYTES, TemplateId, decode, join_path,
};
pub use order::{Cycle, Order, dependencies, order};
pub use parameter::{ParameterType, check_value};
pub use pattern::admits;
pub use scope::{Cloud, Nothing, Scope, Truth};
pub use tree::{
    Edge, Export, Import, Output, Parameter, Policy, Resource, Stack, Tree, Visit,
    parameter_values, resource_name, stored,
};
pub use value::{Field, Kind, Origin, ResourceRef, Unknown, Value, Via, holds_stand_in, stand_in};
