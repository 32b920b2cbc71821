//! What the engine remembers: stacks, resources, exports, change sets and operations.
//!
//! Records are serialised as JSON. A field that is added later needs `#[serde(default)]`.

use crate::capability::Capability;
use crate::status::{
    ChangeSetStatus, DifferenceType, ExecutionStatus, OnFailure, ResourceDriftStatus,
    ResourceStatus, StackDriftStatus, StackStatus,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::{BTreeMap, BTreeSet};

/// A stack, its resources apart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StackRecord {
    /// Its ARN.
    pub stack_id: String,
    /// Its name.
    pub name: String,
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The environment it was made for, if any.
    pub environment: String,
    /// The ARN of the root of its tree; its own for a root.
    pub root_id: String,
    /// Its path in the tree; empty for a root.
    pub path: String,
    /// Its status.
    pub status: StackStatus,
    /// Why it has this status.
    pub reason: Option<String>,
    /// The path of its template in the project.
    pub template: String,
    /// What it was last given.
    pub settled: StackSettled,
    /// What it goes back to when the running update fails.
    pub previous: Option<Box<StackSettled>>,
    /// The operation that last touched it.
    pub operation: Option<String>,
    /// How many operations it went through; a change set made before the last one is obsolete.
    pub revision: u64,
    /// Whether it refuses to be deleted. A nested stack has the protection of its root.
    #[serde(default)]
    pub termination_protection: bool,
    /// The text of its stack policy, if it has one.
    #[serde(default)]
    pub stack_policy: Option<String>,
    /// What was found when it was last compared with what exists.
    #[serde(default)]
    pub drift: Option<Box<DriftRecord>>,
    /// When it was created: milliseconds since 1970, UTC.
    pub created: u64,
    /// When it was last changed.
    pub updated: u64,
}

/// What a stack was given and what it gives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StackSettled {
    /// SHA-256 of the template's text, in hexadecimal.
    pub template_digest: String,
    /// Its parameters as text; secret ones as a digest.
    pub parameters: BTreeMap<String, String>,
    /// Its tags: the root's, and what its parents add.
    pub tags: BTreeMap<String, String>,
    /// Its outputs.
    pub outputs: BTreeMap<String, OutputRecord>,
    /// The names of the exports that it uses.
    pub imports: BTreeSet<String>,
}

/// An output of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutputRecord {
    /// Its value.
    pub value: String,
    /// The name under which it is exported.
    pub export: Option<String>,
    /// Its description.
    pub description: Option<String>,
}

/// A resource of a stack.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceRecord {
    /// Its logical ID.
    pub logical_id: String,
    /// Its status.
    pub status: ResourceStatus,
    /// Why it has this status.
    pub reason: Option<String>,
    /// How many physical resources this logical ID had so far.
    pub generation: u32,
    /// What it was last given.
    pub settled: Settled,
    /// The operation that last touched it.
    pub touched: Option<Touched>,
    /// While an update runs: what the resource was before, or, after it went back, the new
    /// physical resource that is still to be removed.
    pub previous: Option<Box<Settled>>,
    /// What was asked of the provider and not yet recorded as done.
    pub pending: Option<Pending>,
}

/// What a resource was given, and what it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// Its type.
    pub type_name: String,
    /// What `Ref` gives; empty as long as there is none.
    pub physical_id: String,
    /// Which of the physical resources of its logical ID it is, from 1.
    pub generation: u32,
    /// The properties that it was given, without what the stack's tags add.
    pub properties: Json,
    /// What `Fn::GetAtt` gives, by attribute.
    pub attributes: Map<String, Json>,
    /// Its `Metadata`.
    pub metadata: Option<Json>,
    /// Its `DeletionPolicy`.
    pub deletion_policy: String,
    /// Its `UpdateReplacePolicy`.
    pub update_replace_policy: String,
    /// The logical IDs of the resources of the same stack that it depends on.
    pub depends_on: Vec<String>,
    /// What the provider does not model about it, if it says so.
    pub fidelity: Option<String>,
}

/// How an operation touched a resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Touched {
    /// The operation.
    pub operation: String,
    /// What it did.
    pub how: How,
    /// Whether an earlier operation did it, which failed and was left so, and this one only took
    /// it over.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inherited: bool,
}

/// What an operation did to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// It is new.
    Created,
    /// It was changed in place.
    Updated,
    /// A new physical resource takes its place.
    Replaced,
    /// Only what CloudFormation itself keeps of it was changed, such as a policy.
    Amended,
    /// It is as it was before, after an update failed.
    Restored,
    /// It could not be made as it was before, or what it was before could not be deleted.
    Stuck,
    /// It leaves the stack.
    Removed,
}

/// A request to a provider that was recorded before it was made.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pending {
    /// The token under which the provider makes it happen once.
    pub token: String,
    /// When it was made, in the operation's virtual milliseconds.
    pub started: u64,
    /// Whether the provider's first answer was recorded.
    pub initiated: bool,
}

/// An export of an account and Region.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportRecord {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// The ARN of the stack that exports.
    pub stack_id: String,
    /// The name of that stack.
    pub stack_name: String,
    /// The ARN of its root.
    pub root_id: String,
    /// The output.
    pub output: String,
}

/// A stack that uses an export.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ImportRecord {
    /// The account.
    pub account: String,
    /// The Region.
    pub region: String,
    /// The name of the export.
    pub name: String,
    /// The name of the stack that uses it.
    pub stack_name: String,
    /// The ARN of that stack.
    pub stack_id: String,
}

/// Everything that executing a change set takes, whatever becomes of the working tree.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeSetRecord {
    /// Its ARN.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The ARN of the root.
    pub stack_id: String,
    /// The name of the root.
    pub stack_name: String,
    /// Whether it creates the stack.
    pub creates: bool,
    /// Its description.
    #[serde(default)]
    pub description: Option<String>,
    /// The capabilities that were acknowledged.
    #[serde(default)]
    pub capabilities: BTreeSet<Capability>,
    /// What becomes of the stack when it fails, if that was asked for.
    #[serde(default)]
    pub on_failure: Option<OnFailure>,
    /// The existing resources that it takes over.
    #[serde(default)]
    pub import: Vec<ResourceToImport>,
    /// Whether the change sets of nested stacks are shown.
    #[serde(default)]
    pub nested: bool,
    /// Its status.
    pub status: ChangeSetStatus,
    /// Why it has this status, in CloudFormation's words.
    #[serde(default)]
    pub reason: Option<String>,
    /// Whether it can be executed.
    pub execution: ExecutionStatus,
    /// The digest of the plan that it was made from.
    pub plan_digest: String,
    /// SHA-256 of the text of the plan, as JSON.
    pub plan: String,
    /// The revision of the root that it was made against.
    pub revision: u64,
    /// The path of the root's template.
    pub root: String,
    /// The templates by path: SHA-256 of their texts.
    pub manifest: BTreeMap<String, String>,
    /// Beginnings of `TemplateURL`s and the folders that they stand for.
    #[serde(default)]
    pub template_urls: BTreeMap<String, String>,
    /// What the root is given.
    pub inputs: InputsRecord,
    /// When it was made: milliseconds since 1970, UTC.
    pub created: u64,
}

/// What a root is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct InputsRecord {
    /// The environment's name.
    pub environment: String,
    /// The Region.
    pub region: String,
    /// The account.
    pub account: String,
    /// The root stack's name.
    pub stack_name: String,
    /// Parameter values; secret ones as a digest.
    pub parameters: BTreeMap<String, String>,
    /// The parameters whose values are secret.
    pub secrets: BTreeSet<String>,
    /// Tags.
    pub tags: Vec<(String, String)>,
}

/// An existing resource that a stack is to take over.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceToImport.html>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceToImport {
    /// Its type.
    pub resource_type: String,
    /// The logical ID that it gets.
    pub logical_id: String,
    /// The properties that identify it, such as `BucketName`.
    pub identifier: BTreeMap<String, String>,
}

/// What is being done to a tree of stacks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationRecord {
    /// Its identifier.
    pub id: String,
    /// The ARN of the root.
    pub root_id: String,
    /// The name of the root.
    pub stack_name: String,
    /// What is done.
    pub kind: OperationKind,
    /// How far it came.
    pub phase: Phase,
    /// The change set that is executed.
    pub change_set: Option<String>,
    /// How it is done.
    #[serde(default)]
    pub settings: Settings,
    /// Whether the stack was never whole, so that there is nothing to go back to.
    #[serde(default)]
    pub fresh: bool,
    /// The first cause of its failure.
    pub cause: Option<Cause>,
    /// When it began: milliseconds since 1970, UTC.
    pub started: u64,
    /// When it ended.
    pub ended: Option<u64>,
    /// How long AWS would have taken so far, in milliseconds.
    pub elapsed: u64,
}

/// How an operation is done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// What becomes of what was done when it fails; it is rolled back when nothing is said.
    pub on_failure: Option<OnFailure>,
    /// Whether new resources that are to be retained are deleted all the same by a rollback.
    pub retain_except_on_create: bool,
    /// The policy that stands in for the root's own.
    pub stack_policy: Option<String>,
    /// Resources that a rollback leaves as they are: paths of logical IDs.
    pub skip: BTreeSet<String>,
    /// Resources that a deletion leaves in the account: paths of logical IDs.
    pub retain: BTreeSet<String>,
}

/// What is done to a tree of stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OperationKind {
    /// It is created.
    Create,
    /// It is updated.
    Update,
    /// It is deleted.
    Delete,
    /// What a failed operation had done and left so is taken back.
    Rollback,
    /// A rollback that failed is taken up again.
    ContinueRollback,
    /// Existing resources are taken over.
    Import,
}

/// How far an operation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    /// It does what was asked.
    Forward,
    /// It removes what an update no longer needs.
    Cleanup,
    /// It takes back what it did.
    Rollback,
    /// It removes what a failed update had made.
    RollbackCleanup,
}

/// Why an operation failed: the deepest resource that failed first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// The path of its stack.
    pub stack_path: String,
    /// The name of its stack.
    pub stack_name: String,
    /// Its logical ID.
    pub logical_id: String,
    /// Its type.
    pub resource_type: String,
    /// Its status, `CREATE_FAILED`.
    pub status: String,
    /// The reason, in the words of the service.
    pub reason: String,
}

/// What was found when a stack was compared with what exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriftRecord {
    /// Whether the stack is as its template says.
    pub status: StackDriftStatus,
    /// When it was compared: milliseconds since 1970, UTC.
    pub checked: u64,
    /// Its resources, in the order of their logical IDs.
    pub resources: Vec<ResourceDrift>,
}

/// What was found when a resource was compared with what exists.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceDrift {
    /// Its logical ID.
    pub logical_id: String,
    /// Its physical ID.
    pub physical_id: String,
    /// Its type.
    pub resource_type: String,
    /// Whether it is as the template says.
    pub status: ResourceDriftStatus,
    /// The properties that it should have, as far as they can be compared.
    pub expected: Json,
    /// The properties that it has; nothing when it does not exist.
    pub actual: Option<Json>,
    /// In what they differ.
    pub differences: Vec<PropertyDifference>,
}

/// A property that is not as the template says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PropertyDifference {
    /// The property as a JSON pointer: `/Tags/0/Value`.
    pub path: String,
    /// How it differs.
    pub kind: DifferenceType,
    /// What the template says.
    pub expected: Option<Json>,
    /// What is there.
    pub actual: Option<Json>,
}

impl Touched {
    /// An operation does something to a resource.
    pub fn new(operation: &str, how: How) -> Self {
        Self { operation: operation.to_owned(), how, inherited: false }
    }
}

impl ResourceRecord {
    /// The physical resource that it was, or nearly became, besides the one that it is.
    pub fn other_physical(&self) -> Option<&Settled> {
        let other = |it: &&Settled| {
            it.physical_id != self.settled.physical_id && !it.physical_id.is_empty()
        };
        self.previous.as_deref().filter(other)
    }

    /// Whether the stack still has the resource.
    pub fn is_owned(&self) -> bool {
        let removed = self.touched.as_ref().is_some_and(|it| it.how == How::Removed);
        let left_behind = self.status == ResourceStatus::DeleteFailed && removed;
        !self.status.is_gone() && !left_behind
    }

    /// How the given operation touched it.
    pub fn touched_by(&self, operation: &str) -> Option<How> {
        self.touched.as_ref().filter(|it| it.operation == operation).map(|it| it.how)
    }
}

impl StackRecord {
    /// Whether it is the root of its tree.
    pub fn is_root(&self) -> bool {
        self.path.is_empty()
    }
}
