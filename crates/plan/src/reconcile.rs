//! A plan beside the change set that the service made from the same templates and values.

use crate::steps::{Action, ChangeSource, Recreation, Replacement};
use serde::Serialize;

/// A change set as the service shows it.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html>
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ServiceChangeSet {
    /// Whether the change sets of nested stacks are part of it.
    pub nested: bool,
    /// The changes of all its stacks, those of a stack before those of the stacks under it.
    pub changes: Vec<ServiceChange>,
}

/// A change of a resource as the service shows it.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceChange {
    /// The path of the stack: logical IDs from the root on, empty for the root.
    pub path: String,
    /// The logical ID.
    pub logical_id: String,
    /// The type.
    pub type_name: String,
    /// The physical ID, if there is one.
    pub physical_id: Option<String>,
    /// What happens to it; nothing when only the execution can tell (`Dynamic`).
    pub action: Option<Action>,
    /// Whether it is replaced.
    pub replacement: Replacement,
    /// What changes in it.
    pub details: Vec<ServiceDetail>,
}

/// What changes in a resource as the service shows it.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html>
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ServiceDetail {
    /// The scope, `Properties`, with the property where there is one: `Properties.CidrBlock`.
    pub target: String,
    /// Whether the change needs a replacement.
    pub recreation: Recreation,
    /// Whether only the execution can tell the new value (`Evaluation` is `Dynamic`).
    pub dynamic: bool,
    /// Where the change comes from.
    pub source: Option<ChangeSource>,
    /// The parameter, resource or attribute that causes it.
    pub causing_entity: Option<String>,
}
