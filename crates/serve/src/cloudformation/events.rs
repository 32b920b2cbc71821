//! `DescribeStackEvents`: newest first.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStackEvents.html>

use super::{Context, PAGE, bad_token};
use crate::refusal::Refusal;
use crate::time;
use crate::xml::Fields;
use kumiki_engine::Event;
use kumiki_engine::identity::{fingerprint, uuid};

pub(super) fn describe(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.stack()?;
    // Events come while pages are read, so a page begins below the last event of the one before.
    let below: u64 = match context.form.get("NextToken") {
        Some(token) => token.parse().map_err(|_| bad_token())?,
        None => u64::MAX,
    };
    let mut events = context.records().events(Some(&stack.root_id), 0)?;
    events.retain(|it| it.stack_id == stack.stack_id && it.sequence < below);
    let more = events.len() > PAGE;
    let page: Vec<Event> = events.into_iter().rev().take(PAGE).collect();
    let next = page.last().filter(|_| more).map(|it| it.sequence.to_string());
    let page = page.iter().map(|it| event(context, it));
    Ok(Fields::default().list("StackEvents", page).maybe("NextToken", next))
}

fn event(context: &Context<'_>, event: &Event) -> Fields {
    let sequence = event.sequence.to_string();
    let id = uuid(&fingerprint(&["event", &event.root_id, &sequence]));
    // The events of resources have readable identifiers, those of stacks have not.
    let id = match event.is_of_stack() {
        true => id,
        false => format!("{}-{}-{id}", event.logical_id, event.status),
    };
    Fields::default()
        .with("StackId", &event.stack_id)
        .with("EventId", id)
        .with("StackName", &event.stack_name)
        .maybe("OperationId", (!event.operation.is_empty()).then_some(&event.operation))
        .with("LogicalResourceId", &event.logical_id)
        .with("PhysicalResourceId", &event.physical_id)
        .with("ResourceType", &event.resource_type)
        .with("Timestamp", time::iso(event.time))
        .with("ResourceStatus", &event.status)
        .maybe("ResourceStatusReason", event.reason.as_ref())
        .maybe("ClientRequestToken", context.service.memory.token(&event.operation))
}
