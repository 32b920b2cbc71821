//! The resources of stacks.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackResources.html>

use super::{Context, PAGE};
use crate::refusal::Refusal;
use crate::time;
use crate::xml::Fields;
use kumiki_engine::{ResourceRecord, StackRecord, StackStatus};

/// The resources of a stack: those that it has, or, when it is deleted, those that it had.
fn of_stack(context: &Context<'_>, stack: &StackRecord) -> Result<Vec<ResourceRecord>, Refusal> {
    let mut resources = context.records().resources(&stack.stack_id)?;
    if stack.status != StackStatus::DeleteComplete {
        resources.retain(|it| !it.status.is_gone());
    }
    Ok(resources)
}

/// What every action tells of a resource, but for its time, of which the names differ.
fn described(stack: &StackRecord, it: &ResourceRecord) -> Fields {
    let physical_id = &it.settled.physical_id;
    let drift = stack.drift.as_ref().and_then(|drift| {
        let found = drift.resources.iter().find(|found| found.logical_id == it.logical_id)?;
        Some((found.status.as_str(), time::iso(drift.checked)))
    });
    let drift = match drift {
        Some((status, checked)) => Fields::default()
            .with("StackResourceDriftStatus", status)
            .with("LastCheckTimestamp", checked),
        None => Fields::default().with("StackResourceDriftStatus", "NOT_CHECKED"),
    };
    Fields::default()
        .with("LogicalResourceId", &it.logical_id)
        .maybe("PhysicalResourceId", (!physical_id.is_empty()).then_some(physical_id))
        .with("ResourceType", &it.settled.type_name)
        .with("ResourceStatus", it.status.as_str())
        .maybe("ResourceStatusReason", it.reason.as_ref())
        .with("DriftInformation", drift)
}

pub(super) fn list(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.stack()?;
    let (page, next) = context.page(of_stack(context, &stack)?, PAGE)?;
    let page = page
        .iter()
        .map(|it| described(&stack, it).with("LastUpdatedTimestamp", time::iso(stack.updated)));
    Ok(Fields::default().list("StackResourceSummaries", page).maybe("NextToken", next))
}

pub(super) fn describe(context: &Context<'_>) -> Result<Fields, Refusal> {
    let form = &context.form;
    let (stacks, physical_id) = match (form.get("StackName"), form.get("PhysicalResourceId")) {
        (Some(_), None) => (vec![context.stack()?], None),
        (None, Some(id)) => (context.stacks()?, Some(id)),
        _ => {
            let reason = "Either StackName or PhysicalResourceId must be specified.";
            return Err(Refusal::validation(reason));
        }
    };
    let logical_id = form.get("LogicalResourceId");
    for stack in stacks {
        let mut resources = of_stack(context, &stack)?;
        if let Some(id) = physical_id
            && (stack.status == StackStatus::DeleteComplete
                || !resources.iter().any(|it| it.settled.physical_id == id))
        {
            continue;
        }
        resources.retain(|it| logical_id.is_none_or(|id| it.logical_id == id));
        let resources = resources.iter().take(PAGE).map(|it| {
            described(&stack, it)
                .with("StackId", &stack.stack_id)
                .with("StackName", &stack.name)
                .with("Timestamp", time::iso(stack.updated))
        });
        return Ok(Fields::default().list("StackResources", resources));
    }
    let id = physical_id.unwrap_or_default();
    Err(Refusal::validation(format!("Stack for {id} does not exist")))
}

pub(super) fn describe_one(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.stack()?;
    let logical_id = context.needed("LogicalResourceId")?;
    let resources = of_stack(context, &stack)?;
    let Some(found) = resources.into_iter().find(|it| it.logical_id == logical_id) else {
        let name = context.needed("StackName")?;
        let reason = format!("Resource {logical_id} does not exist for stack {name}");
        return Err(Refusal::validation(reason));
    };
    let metadata = found.settled.metadata.as_ref().map(ToString::to_string);
    let detail = described(&stack, &found)
        .with("StackId", &stack.stack_id)
        .with("StackName", &stack.name)
        .with("LastUpdatedTimestamp", time::iso(stack.updated))
        .with("Metadata", metadata.unwrap_or_else(|| "{}".to_owned()));
    Ok(Fields::default().with("StackResourceDetail", detail))
}
