//! What roles may do, as facts about IAM read it.

use crate::resource::many;
use crate::view::View;
use serde_json::Value as Json;
use std::collections::BTreeSet;

/// The statements of a policy document, one or many.
pub(super) fn statements(document: &Json) -> Vec<Json> {
    match &document["Statement"] {
        Json::Array(items) => items.clone(),
        Json::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// The statements of the managed policies of a role that are in the tree.
pub(super) fn rights(view: &View<'_>, role: &str) -> Vec<Json> {
    let policies = view.resource(role).texts("ManagedPolicyArns");
    let own = policies.iter().filter_map(|it| it.strip_prefix('<')?.strip_suffix('>'));
    own.flat_map(|it| statements(&view.resource(it).at("PolicyDocument"))).collect()
}

/// The actions of a statement.
pub(super) fn actions(statement: &Json) -> Vec<String> {
    many(&statement["Action"])
}

/// The resources of a statement.
pub(super) fn resources(statement: &Json) -> Vec<String> {
    many(&statement["Resource"])
}

/// Whether a statement is about an action of a service, such as `kms`.
pub(super) fn concerns(statement: &Json, service: &str) -> bool {
    actions(statement).iter().any(|it| it.split(':').next() == Some(service))
}

/// What a role is allowed: `ACTION on RESOURCE`.
pub(super) fn grants(view: &View<'_>, role: &str) -> BTreeSet<String> {
    let mut grants = BTreeSet::new();
    for statement in rights(view, role).iter().filter(|it| it["Effect"] == "Allow") {
        for action in actions(statement) {
            for resource in resources(statement) {
                grants.insert(format!("{action} on {resource}"));
            }
        }
    }
    grants
}
