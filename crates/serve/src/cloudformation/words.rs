//! Findings in the words in which CloudFormation refuses a template.

use crate::refusal::Refusal;
use kumiki_engine::{CreateChangeSetError, ExecuteError, StackError};
use kumiki_project::{Library, TemplateId};
use kumiki_source::{Diagnostic, Severity};
use kumiki_template::Template;
use std::collections::BTreeSet;

/// Refuses what has an error.
pub(crate) fn refuse(library: &Library, findings: &[Diagnostic]) -> Result<(), Refusal> {
    let error = findings.iter().find(|it| it.severity == Severity::Error);
    error.map_or(Ok(()), |it| Err(Refusal::validation(in_words(library, it))))
}

fn in_words(library: &Library, finding: &Diagnostic) -> String {
    let argument = |name: &str| {
        finding.message.arguments.iter().find(|(it, _)| it == name).map(|(_, it)| it.as_str())
    };
    match &*finding.rule {
        "cycle" => {
            let template = finding.span.map(|it| it.file);
            let cycle = library.templates().find(|(_, it)| Some(it.file) == template);
            let members: BTreeSet<&str> = cycle.map_or_else(BTreeSet::new, |(id, it)| {
                let members = library.order(id).cycles.iter().flat_map(|it| &it.members);
                members.map(|(at, _)| &*it.resources[*at].name.text).collect()
            });
            let members = members.into_iter().collect::<Vec<_>>().join(", ");
            format!("Circular dependency between resources: [{members}]")
        }
        "undefined-reference" if finding.message.template.contains("condition") => format!(
            "Template format error: Unresolved condition dependency {} in the Resources block of \
             the template",
            argument("text").unwrap_or_default()
        ),
        "undefined-reference" => format!(
            "Template format error: Unresolved resource dependencies [{}] in the Resources block \
             of the template",
            argument("text").unwrap_or_default()
        ),
        "rule-failed" => {
            let name = argument("name").unwrap_or_default();
            let why = finding.help.first().map(ToString::to_string).unwrap_or_default();
            format!("Template validation error: Rule {name} failed: {why}")
        }
        "missing-child" => {
            let why = finding.help.first().map(ToString::to_string).unwrap_or_default();
            format!("{}: {why}", finding.message)
        }
        _ => {
            let place = finding.span.map(|it| format!(" ({})", library.sources.locate(it)));
            format!("Template format error: {}{}", finding.message, place.unwrap_or_default())
        }
    }
}

/// Refuses a template by itself, before it has values.
pub(crate) fn refuse_template(library: &Library, id: TemplateId) -> Result<(), Refusal> {
    let template = library.template(id);
    let refused = |reason: String| Err(Refusal::validation(reason));
    if template.resources.is_empty() {
        let reason = "Template format error: At least one Resources member must be defined.";
        return refused(reason.to_owned());
    }
    if let Some(unknown) = unknown_types(template) {
        return refused(format!("Template format error: Unrecognized resource types: [{unknown}]"));
    }
    for resource in &template.resources {
        let type_name = &*resource.type_name.text;
        let written = [&resource.deletion_policy, &resource.update_replace_policy];
        let snapshot = written.into_iter().flatten().any(|it| it.as_text() == Some("Snapshot"));
        if snapshot && !SNAPSHOTS.contains(&type_name) {
            return refused(format!(
                "Template error: resource type {type_name} does not support deletion policy \
                 Snapshot"
            ));
        }
    }
    Ok(())
}

/// The types of which a snapshot can be taken.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>,
/// read on 2026-11-24.
const SNAPSHOTS: &[&str] = &[
    "AWS::DocDB::DBCluster",
    "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
];

/// The types that AWS does not have.
fn unknown_types(template: &Template) -> Option<String> {
    let types = template.resources.iter().map(|it| &*it.type_name.text);
    let unknown: BTreeSet<&str> =
        types.filter(|it| kumiki_schema::origin(it) == kumiki_schema::Origin::Unknown).collect();
    (!unknown.is_empty()).then(|| unknown.into_iter().collect::<Vec<_>>().join(", "))
}

/// Why no change set was made.
pub(crate) fn not_made(error: CreateChangeSetError, stack_id: &str) -> Refusal {
    match error {
        CreateChangeSetError::Store(error) => error.into(),
        CreateChangeSetError::NoChanges => Refusal::validation("No updates are to be performed."),
        CreateChangeSetError::Status { status, .. }
        | CreateChangeSetError::Paused { status, .. } => not_updatable(stack_id, status.as_str()),
        CreateChangeSetError::NameTaken { name } => {
            Refusal::new(400, "AlreadyExistsException", format!("ChangeSet {name} already exists"))
        }
        CreateChangeSetError::Capabilities { missing } => {
            let missing: Vec<&str> = missing.iter().map(|it| it.as_str()).collect();
            let reason = format!("Requires capabilities : [{}]", missing.join(", "));
            Refusal::new(400, "InsufficientCapabilitiesException", reason)
        }
        CreateChangeSetError::TypeChanged { resources } => Refusal::validation(format!(
            "Update of resource type is not permitted. The new template modifies resource type of \
             the following resources: [{}]",
            resources.join(", ")
        )),
        CreateChangeSetError::SsmParameters { .. } => Refusal::validation(error.fault().message),
        other => Refusal::validation(other.to_string()),
    }
}

/// A stack that is in no status to be updated.
pub(crate) fn not_updatable(stack_id: &str, status: &str) -> Refusal {
    Refusal::validation(format!("Stack:{stack_id} is in {status} state and can not be updated."))
}

/// Why a change set was not executed.
pub(crate) fn not_executed(error: ExecuteError, id: &str, status: &str) -> Refusal {
    match error {
        ExecuteError::Store(error) => error.into(),
        ExecuteError::NoSuchChangeSet { .. } => no_change_set(id),
        ExecuteError::NotAvailable { execution, .. } => Refusal::new(
            400,
            "InvalidChangeSetStatus",
            format!(
                "ChangeSet [{id}] cannot be executed in its current status of [{status}] and \
                 execution status of [{execution}]"
            ),
        ),
        other => Refusal::validation(other.to_string()),
    }
}

/// There is no such change set.
pub(crate) fn no_change_set(id: &str) -> Refusal {
    Refusal::new(404, "ChangeSetNotFound", format!("ChangeSet [{id}] does not exist"))
}

/// Why something was not done to a stack.
pub(crate) fn not_done(error: StackError) -> Refusal {
    match error {
        StackError::Store(error) => error.into(),
        StackError::NoSuchStack { stack } => {
            Refusal::validation(format!("Stack [{stack}] does not exist"))
        }
        StackError::Protected { stack } => Refusal::validation(format!(
            "Stack [{stack}] cannot be deleted while TerminationProtection is enabled"
        )),
        StackError::Policy { reason } => {
            Refusal::validation(format!("Error validating stack policy: {reason}"))
        }
        other => Refusal::validation(other.to_string()),
    }
}
