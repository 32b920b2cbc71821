//! A plan, in CloudFormation's words.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>

use crate::saved::Basis;
use crate::secret::{HIDDEN, Secrets};
use kumiki_source::Message;
use serde::Serialize;
use serde_json::Value as Json;

/// The change sets of one root, in the order in which they take effect, and what is to be said
/// about them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Plan {
    /// The root stack's name.
    pub stack_name: String,
    /// Its Region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// The environment, if there is one.
    pub environment: String,
    /// What is deployed: SHA-256 over the basis, in hexadecimal.
    pub digest: String,
    /// What the plan was made from. Saved with it, and never shown.
    #[serde(skip)]
    pub basis: Basis,
    /// One change set for each stack that changes; the root first, parents before children.
    pub steps: Vec<Step>,
    /// What AWS's own change set shows although it will not happen.
    pub also_shown: Vec<AlsoShown>,
    /// What has to be allowed by name before the plan is executed.
    pub guards: Vec<Guard>,
    /// How long it takes.
    pub estimate: Estimate,
    /// What it changes about the cost, for those who know prices; nothing as it comes from here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Json>,
}

/// A change set on one stack.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// The path of the stack; empty for the root.
    pub path: String,
    /// The template, from the project's folder.
    pub template: String,
    /// What happens to the stack.
    pub operation: Operation,
    /// Its resources that change, in deployment order; removals last.
    pub changes: Vec<Change>,
    /// Its outputs that change.
    pub outputs: Vec<OutputChange>,
}

/// What happens to a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Operation {
    /// It is created.
    Create,
    /// It is updated.
    Update,
    /// It is deleted.
    Delete,
}

/// A resource that changes.
#[derive(Clone, Debug, Serialize)]
pub struct Change {
    /// The logical ID.
    pub logical_id: String,
    /// The type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// What `Ref` gives, when the resource exists.
    pub physical_id: Option<String>,
    /// What happens.
    pub action: Action,
    /// Whether a new resource takes its place.
    pub replacement: Replacement,
    /// The parts of the resource that change.
    pub scope: Vec<Scope>,
    /// What changes in its properties.
    pub details: Vec<Detail>,
    /// What becomes of the resource that is removed or replaced: a deletion policy.
    pub policy: Option<&'static str>,
    /// What it costs those who use the resource.
    pub effect: Effect,
}

impl Change {
    /// Whether a new resource is to be expected: the value of a create-only property changes, or
    /// waits for a resource that moves.
    pub(crate) fn expects_replacement(&self) -> bool {
        self.details.iter().any(|it| it.recreation == Recreation::Always)
    }

    /// Whether more changes than what CloudFormation itself keeps of the resource.
    pub fn reaches_provider(&self) -> bool {
        self.scope.iter().any(|it| matches!(it, Scope::Properties | Scope::Tags))
    }
}

/// What happens to a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub enum Action {
    /// It is created.
    Add,
    /// It is changed or replaced.
    Modify,
    /// It leaves the stack.
    Remove,
}

impl Action {
    /// CloudFormation's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Add => "Add",
            Self::Modify => "Modify",
            Self::Remove => "Remove",
        }
    }
}

/// Whether a change makes a new resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Replacement {
    /// No.
    False,
    /// Only a deployment can tell.
    Conditional,
    /// Yes.
    True,
}

/// A part of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Scope {
    /// Its properties.
    Properties,
    /// Its metadata.
    Metadata,
    /// Its tags, by way of the stack's.
    Tags,
    /// Its `DeletionPolicy`.
    DeletionPolicy,
    /// Its `UpdateReplacePolicy`.
    UpdateReplacePolicy,
}

/// A property that changes.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html>
#[derive(Clone, Debug, Serialize)]
pub struct Detail {
    /// The property, `Tags.0.Value`; empty for a nested stack in which something changes.
    pub path: String,
    /// Whether changing it makes a new resource.
    #[serde(rename = "requires_recreation")]
    pub recreation: Recreation,
    /// The value before; nothing when it was not there.
    pub before: Option<Json>,
    /// The value after; nothing when it goes away or is not known.
    pub after: Option<Json>,
    /// What the value after waits for, when it is not known.
    #[serde(serialize_with = "as_text")]
    pub waits_for: Option<Message>,
    /// What changes it, as seen from its own stack.
    pub change_source: ChangeSource,
    /// The parameter, resource or attribute of its stack that changes it, if one does.
    pub causing_entity: Option<String>,
    /// Why it changes, as seen from the root.
    pub cause: Cause,
}

fn text<S: serde::Serializer>(it: &Message, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&it.to_string())
}

fn as_text<S: serde::Serializer>(it: &Option<Message>, serializer: S) -> Result<S::Ok, S::Error> {
    it.as_ref().map(ToString::to_string).serialize(serializer)
}

/// Whether changing a property makes a new resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Recreation {
    /// Never.
    Never,
    /// It depends on the values.
    Conditionally,
    /// Always.
    Always,
}

/// What changes a property, in CloudFormation's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum ChangeSource {
    /// `Ref` of a resource that changes.
    ResourceReference,
    /// `Ref` of a parameter that changes.
    ParameterReference,
    /// `Fn::GetAtt` of a resource that changes.
    ResourceAttribute,
    /// The text of the template, or what it imports.
    DirectModification,
    /// A nested stack in which something changes.
    Automatic,
}

impl From<kumiki_schema::Replacement> for Recreation {
    fn from(it: kumiki_schema::Replacement) -> Self {
        match it {
            kumiki_schema::Replacement::Never => Self::Never,
            kumiki_schema::Replacement::Conditional => Self::Conditionally,
            kumiki_schema::Replacement::Always => Self::Always,
        }
    }
}

/// Why a property changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The template says so.
    Direct,
    /// A parameter of the root has another value: its name.
    Parameter(String),
    /// A resource that is itself new or changed makes the value: `path/LogicalId.Attribute`.
    Upstream(String),
}

/// What a change costs those who use the resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Nothing that we know of.
    None,
    /// A while without it.
    Interruption,
    /// Its data.
    DataLost,
}

/// A resource as AWS's own change set shows it although nothing of this will happen.
#[derive(Clone, Debug, Serialize)]
pub struct AlsoShown {
    /// The path of its stack; empty for the root.
    pub path: String,
    /// The logical ID.
    pub logical_id: String,
    /// The type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Whether AWS says that it is replaced.
    pub replacement: Replacement,
    /// What AWS gives as the source of the change.
    pub change_source: ChangeSource,
    /// The properties that AWS shows as changed.
    pub properties: Vec<ShownProperty>,
}

/// A property that AWS shows as changed.
#[derive(Clone, Debug, Serialize)]
pub struct ShownProperty {
    /// The property.
    pub path: String,
    /// Whether changing it would make a new resource.
    #[serde(rename = "requires_recreation")]
    pub recreation: Recreation,
    /// What AWS waits for before it knows the value: a parameter, a resource or an output.
    pub waits_for: String,
}

/// Something that has to be allowed by name before a plan is executed.
#[derive(Clone, Debug, Serialize)]
pub struct Guard {
    /// What it guards against.
    pub kind: GuardKind,
    /// What has to be named: the path of a resource or an output, or a stack.
    pub resource: String,
    /// What would happen.
    #[serde(serialize_with = "text")]
    pub message: Message,
    /// What to do.
    #[serde(serialize_with = "text")]
    pub help: Message,
    /// Whether it was allowed.
    pub allowed: bool,
}

/// What a guard guards against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum GuardKind {
    /// The value of an export in use changes, or it goes.
    ExportLock,
    /// A resource with data is replaced.
    StatefulReplacement,
    /// A resource with data is deleted.
    StatefulRemoval,
    /// What is to be retained is deleted all the same.
    RetainedData,
    /// The stack policy refuses it.
    StackPolicy,
    /// The stack is protected from termination.
    TerminationProtection,
}

/// How long a plan takes on AWS, by typical durations.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Estimate {
    /// From the first to the last.
    pub seconds: u64,
    /// The changes that decide how long it takes, each after the one before.
    pub critical_path: Vec<Leg>,
    /// The dependencies that nothing but a `DependsOn` makes, and that make it longer.
    pub slow_dependencies: Vec<SlowDependency>,
}

/// A change on the critical path.
#[derive(Clone, Debug, Serialize)]
pub struct Leg {
    /// The resource, by its path.
    pub resource: String,
    /// Its type.
    #[serde(rename = "type")]
    pub type_name: String,
    /// When it begins.
    pub start_seconds: u64,
    /// How long it takes.
    pub seconds: u64,
}

/// A `DependsOn` that no reference and no import needs.
#[derive(Clone, Debug, Serialize)]
pub struct SlowDependency {
    /// The resource that waits, by its path.
    pub resource: String,
    /// The resource that it waits for.
    pub depends_on: String,
    /// How much sooner everything would be done without it.
    pub seconds: u64,
}

/// An output that changes.
#[derive(Clone, Debug, Serialize)]
pub struct OutputChange {
    /// The name.
    pub name: String,
    /// The value before; nothing when it is new.
    pub before: Option<String>,
    /// The value after; nothing when it goes away or is not known.
    pub after: Option<String>,
    /// The name under which it is exported afterwards.
    pub export: Option<String>,
}

impl Guard {
    pub(crate) fn new(kind: GuardKind, resource: String, message: Message, help: Message) -> Self {
        Self { kind, resource, message, help, allowed: false }
    }
}

impl Plan {
    /// Allows what a guard of this name stops; whether there is one.
    pub fn allow(&mut self, name: &str) -> bool {
        let mut found = false;
        for guard in self.guards.iter_mut().filter(|it| it.resource == name) {
            guard.allowed = true;
            found = true;
        }
        found
    }

    /// Takes every secret out of what is shown and saved.
    pub(crate) fn hide(&mut self, secrets: &Secrets) {
        let hide = |text: &mut Option<String>| *text = text.take().map(|it| secrets.shown(it));
        let hide_json = |json: &mut Option<Json>| {
            *json = json.take().map(|it| secrets.shown_json(it));
        };
        for step in &mut self.steps {
            for change in &mut step.changes {
                hide(&mut change.physical_id);
            }
            for detail in step.changes.iter_mut().flat_map(|it| &mut it.details) {
                hide_json(&mut detail.before);
                hide_json(&mut detail.after);
                detail.waits_for =
                    detail.waits_for.take().map(|it| match secrets.hidden(&it.to_string()) {
                        true => Message::verbatim(HIDDEN.to_owned()),
                        false => it,
                    });
            }
            for output in &mut step.outputs {
                hide(&mut output.before);
                hide(&mut output.after);
                hide(&mut output.export);
            }
        }
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many resources are added, modified in place, replaced and removed. Nested stacks do
    /// not count: their resources do.
    pub fn counts(&self) -> [usize; 4] {
        let mut counts = [0; 4];
        for change in self.steps.iter().flat_map(|it| &it.changes) {
            if change.type_name == "AWS::CloudFormation::Stack" {
                continue;
            }
            let index = match (change.action, change.replacement) {
                (Action::Add, _) => 0,
                (Action::Modify, Replacement::False) => 1,
                (Action::Modify, _) => 2,
                (Action::Remove, _) => 3,
            };
            counts[index] += 1;
        }
        counts
    }
}
