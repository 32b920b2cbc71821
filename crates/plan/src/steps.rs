//! A plan, in CloudFormation's words.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>

use crate::secret::{HIDDEN, Secrets};
use kumiki_source::Message;
use serde::Serialize;
use serde_json::Value as Json;

/// The change sets of one root, in the order in which they take effect.
#[derive(Clone, Debug, Serialize)]
pub struct Plan {
    /// The root stack's name.
    pub stack_name: String,
    /// Its Region.
    pub region: String,
    /// Its account.
    pub account: String,
    /// The environment, if there is one.
    pub environment: String,
    /// What is deployed: SHA-256 over templates, parameters, tags, current state and version of
    /// this program, in hexadecimal.
    pub digest: String,
    /// One change set for each stack that changes; the root first, parents before children.
    pub steps: Vec<Step>,
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
#[derive(Clone, Debug, Serialize)]
pub struct Detail {
    /// The property, `Tags.0.Value`.
    pub path: String,
    /// Whether changing it makes a new resource.
    pub recreation: Recreation,
    /// The value before; nothing when it was not there.
    pub before: Option<Json>,
    /// The value after; nothing when it goes away or is not known.
    pub after: Option<Json>,
    /// What the value after waits for, when it is not known.
    #[serde(serialize_with = "as_text")]
    pub waits_for: Option<Message>,
    /// Why it changes.
    pub cause: Cause,
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

/// Why a property changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// The template or a parameter says so.
    Direct,
    /// A resource that is itself new or replaced makes the value: `path/LogicalId.Attribute`.
    Upstream(String),
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

impl Plan {
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
