//! Taking over resources that exist.
//!
//! An import does nothing else: no other resource and no output changes with it.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/import-resources.html>

use crate::record::ResourceToImport;
use kumiki_plan::{Action, Plan};
use kumiki_source::{Message, message};
use kumiki_template::Template;

/// Why a resource cannot be taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ImportRefusal {
    /// The template has no such resource of that type.
    NotInTemplate {
        /// The logical ID.
        resource: String,
    },
    /// It names no `DeletionPolicy`.
    NoPolicy {
        /// The logical ID.
        resource: String,
    },
    /// It belongs to a stack already.
    Owned {
        /// The logical ID.
        resource: String,
    },
    /// It is not identified by what identifies its type.
    Identifier {
        /// The logical ID.
        resource: String,
        /// The properties that do.
        expected: String,
    },
    /// Something else would change.
    Other {
        /// The resource or output.
        resource: String,
    },
}

impl ImportRefusal {
    /// The error in words.
    pub fn message(&self) -> Message {
        match self {
            Self::NotInTemplate { resource } => message!(
                "the template has no resource `{resource}` of this type to take over",
                resource
            ),
            Self::NoPolicy { resource } => {
                message!("`{resource}` needs a `DeletionPolicy` to be taken over", resource)
            }
            Self::Owned { resource } => {
                message!("`{resource}` belongs to a stack already", resource)
            }
            Self::Identifier { resource, expected } => message!(
                "`{resource}` is identified by {expected}: give exactly that",
                resource,
                expected
            ),
            Self::Other { resource } => message!(
                "`{resource}` would change too, and an import changes nothing else",
                resource
            ),
        }
    }
}

/// What keeps resources from being taken over by a root, if anything does.
pub(crate) fn refusal(
    template: &Template,
    plan: &Plan,
    import: &[ResourceToImport],
) -> Option<ImportRefusal> {
    for it in import {
        let resource = it.logical_id.clone();
        let Some(decl) = template
            .resources
            .get(&resource)
            .filter(|decl| *decl.type_name.text == *it.resource_type)
        else {
            return Some(ImportRefusal::NotInTemplate { resource });
        };
        if decl.deletion_policy.is_none() {
            return Some(ImportRefusal::NoPolicy { resource });
        }
        if physical_id(it).is_none() {
            let schema = kumiki_schema::resource_type(&it.resource_type);
            let names = schema.into_iter().flat_map(|it| it.primary_identifier());
            let names: Vec<String> = names.map(|it| it.as_str().to_owned()).collect();
            return Some(ImportRefusal::Identifier { resource, expected: names.join(", ") });
        }
        let added = plan.steps.iter().filter(|it| it.path.is_empty()).flat_map(|it| &it.changes);
        let mut added = added.filter(|it| it.action == Action::Add);
        if !added.any(|it| it.logical_id == resource) {
            return Some(ImportRefusal::Owned { resource });
        }
    }
    let listed = |id: &str| import.iter().any(|it| it.logical_id == id);
    plan.steps.iter().find_map(|step| {
        let change =
            step.changes.iter().find(|it| !step.path.is_empty() || !listed(&it.logical_id));
        let change = change.map(|it| crate::execute::child_path(&step.path, &it.logical_id));
        let output = || step.outputs.first().map(|it| it.name.clone());
        change.or_else(output).map(|resource| ImportRefusal::Other { resource })
    })
}

/// The physical ID of a resource by what identifies it; nothing when that is something else.
pub(crate) fn physical_id(it: &ResourceToImport) -> Option<String> {
    let schema = kumiki_schema::resource_type(&it.resource_type)?;
    let parts: Option<Vec<&str>> = schema
        .primary_identifier()
        .map(|path| it.identifier.get(path.as_str()).map(String::as_str))
        .collect();
    let parts = parts?;
    (!parts.is_empty() && parts.len() == it.identifier.len()).then(|| parts.join("|"))
}
