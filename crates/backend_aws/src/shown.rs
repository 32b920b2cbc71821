//! Changes in the service's words as changes in ours.

use aws_sdk_cloudformation::types::{ResourceChange, ResourceChangeDetail};
use kumiki_plan::{Action, ChangeSource, Recreation, Replacement, ServiceChange, ServiceDetail};

/// A change of a resource of the stack at a path.
pub(crate) fn change(path: &str, change: &ResourceChange) -> ServiceChange {
    let text = |it: Option<&str>| it.unwrap_or_default().to_owned();
    ServiceChange {
        path: path.to_owned(),
        logical_id: text(change.logical_resource_id()),
        type_name: text(change.resource_type()),
        physical_id: change.physical_resource_id().map(str::to_owned),
        action: match change.action().map(|it| it.as_str()) {
            Some("Add" | "Import") => Some(Action::Add),
            Some("Modify" | "SyncWithActual") => Some(Action::Modify),
            Some("Remove") => Some(Action::Remove),
            _ => None,
        },
        replacement: match change.replacement().map(|it| it.as_str()) {
            Some("True") => Replacement::True,
            Some("Conditional") => Replacement::Conditional,
            _ => Replacement::False,
        },
        details: change.details().iter().map(detail).collect(),
    }
}

fn detail(detail: &ResourceChangeDetail) -> ServiceDetail {
    let target = detail.target();
    let scope = target.and_then(|it| it.attribute()).map_or("", |it| it.as_str());
    let name = target.and_then(|it| it.name());
    ServiceDetail {
        target: name.map_or_else(|| scope.to_owned(), |it| format!("{scope}.{it}")),
        recreation: match target.and_then(|it| it.requires_recreation()).map(|it| it.as_str()) {
            Some("Always") => Recreation::Always,
            Some("Conditionally") => Recreation::Conditionally,
            _ => Recreation::Never,
        },
        dynamic: detail.evaluation().is_some_and(|it| it.as_str() == "Dynamic"),
        source: match detail.change_source().map(|it| it.as_str()) {
            Some("ParameterReference") => Some(ChangeSource::ParameterReference),
            Some("ResourceReference") => Some(ChangeSource::ResourceReference),
            Some("ResourceAttribute") => Some(ChangeSource::ResourceAttribute),
            Some("DirectModification") => Some(ChangeSource::DirectModification),
            Some("Automatic") => Some(ChangeSource::Automatic),
            _ => None,
        },
        causing_entity: detail.causing_entity().map(str::to_owned),
    }
}
