//! The recorded state of the stacks of one root.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// The stacks of one root as they are, and what else the account offers them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Current {
    /// The stacks by path; the root's path is empty. Empty when the root does not exist.
    pub stacks: BTreeMap<String, CurrentStack>,
    /// The exports of the account and Region that stacks outside this root make: name, value.
    pub other_exports: BTreeMap<String, String>,
    /// The exports of these stacks that are in use: name, the names of the stacks that use it.
    #[serde(default)]
    pub imports: BTreeMap<String, Vec<String>>,
    /// The outputs of the account's other roots, for `Fn::GetStackOutput`: Region, stack, output,
    /// value.
    #[serde(default)]
    pub other_outputs: BTreeMap<String, BTreeMap<String, BTreeMap<String, String>>>,
    /// The values of the Parameter Store in the account and Region: name, value.
    #[serde(default)]
    pub ssm_parameters: BTreeMap<String, String>,
    /// The zones of each Region, as `Fn::GetAZs` lists them in this account.
    pub zones: BTreeMap<String, Vec<String>>,
}

/// A stack as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurrentStack {
    /// Its ARN.
    pub stack_id: String,
    /// Its name.
    pub name: String,
    /// Its status, such as `CREATE_COMPLETE`.
    pub status: String,
    /// SHA-256 of its template's text, in hexadecimal.
    pub template_digest: String,
    /// Its parameters as text; secret ones are recorded as a digest, never as they are.
    pub parameters: BTreeMap<String, String>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// Its outputs: name, value.
    pub outputs: BTreeMap<String, String>,
    /// Its exports: export name, output name.
    pub exports: BTreeMap<String, String>,
    /// Its resources by logical ID.
    pub resources: BTreeMap<String, CurrentResource>,
    /// The text of its stack policy, if it has one.
    #[serde(default)]
    pub stack_policy: Option<String>,
    /// Whether it refuses to be deleted; nested stacks have the protection of their root.
    #[serde(default)]
    pub termination_protection: bool,
}

/// A resource as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CurrentResource {
    /// Its type.
    pub type_name: String,
    /// What `Ref` gives.
    pub physical_id: String,
    /// Its status, such as `UPDATE_FAILED`.
    pub status: String,
    /// The properties that it was last given.
    pub properties: Json,
    /// What `Fn::GetAtt` gives, by attribute.
    pub attributes: Map<String, Json>,
    /// Its `Metadata`.
    pub metadata: Option<Json>,
    /// Its `DeletionPolicy`.
    pub deletion_policy: String,
    /// Its `UpdateReplacePolicy`.
    pub update_replace_policy: String,
    /// The logical IDs of the resources in the same stack that it depends on.
    pub depends_on: Vec<String>,
}

impl Current {
    /// The root stack, if it exists.
    pub fn root(&self) -> Option<&CurrentStack> {
        self.stacks.get("")
    }

    /// A resource of a stack.
    pub fn resource(&self, path: &str, logical_id: &str) -> Option<&CurrentResource> {
        self.stacks.get(path)?.resources.get(logical_id)
    }
}
