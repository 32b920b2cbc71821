//! Drift: detected at once, and told as if it had taken its time.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DetectStackDrift.html>

use super::{Context, PAGE, words};
use crate::refusal::Refusal;
use crate::time;
use crate::xml::Fields;
use kumiki_engine::identity::{fingerprint, uuid};
use kumiki_engine::{
    Backend as _, DriftRecord, PropertyDifference, ResourceDrift, ResourceDriftStatus, StackRecord,
};

/// What a detection is known by: the stack, and when it was looked at.
fn detection_id(stack: &StackRecord, drift: &DriftRecord) -> String {
    uuid(&fingerprint(&["drift", &stack.stack_id, &drift.checked.to_string()]))
}

pub(super) fn detect(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.living_stack()?;
    let id = stack.stack_id.clone();
    let found = context
        .service
        .writer
        .perform(move |backend| backend.detect_drift(&id).map_err(words::not_done))?;
    Ok(Fields::default().with("StackDriftDetectionId", detection_id(&stack, &found)))
}

pub(super) fn status(context: &Context<'_>) -> Result<Fields, Refusal> {
    let id = context.needed("StackDriftDetectionId")?;
    for stack in context.stacks()? {
        if let Some(drift) = &stack.drift
            && detection_id(&stack, drift) == id
        {
            let count = drift.resources.iter().filter(|it| drifted(it.status)).count();
            return Ok(Fields::default()
                .with("StackId", &stack.stack_id)
                .with("StackDriftDetectionId", id)
                .with("StackDriftStatus", drift.status.as_str())
                .with("DetectionStatus", "DETECTION_COMPLETE")
                .with("DriftedStackResourceCount", count)
                .with("Timestamp", time::iso(drift.checked)));
        }
    }
    let reason = format!("Drift detection status for [{id}] is not found");
    Err(Refusal::validation(reason))
}

pub(super) fn resources(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.living_stack()?;
    let wanted = context.form.texts("StackResourceDriftStatusFilters");
    let Some(drift) = &stack.drift else {
        let name = context.needed("StackName")?;
        let reason = format!("Drift of stack [{name}] was never detected");
        return Err(Refusal::validation(reason));
    };
    let found = drift.resources.iter();
    let found: Vec<&ResourceDrift> =
        found.filter(|it| wanted.is_empty() || wanted.contains(&it.status.as_str())).collect();
    let (page, next) = context.page(found, PAGE)?;
    let page = page.into_iter().map(|it| {
        Fields::default()
            .with("StackId", &stack.stack_id)
            .with("LogicalResourceId", &it.logical_id)
            .with("PhysicalResourceId", &it.physical_id)
            .with("ResourceType", &it.resource_type)
            .with("ExpectedProperties", it.expected.to_string())
            .maybe("ActualProperties", it.actual.as_ref().map(ToString::to_string))
            .list("PropertyDifferences", it.differences.iter().map(difference))
            .with("StackResourceDriftStatus", it.status.as_str())
            .with("Timestamp", time::iso(drift.checked))
    });
    Ok(Fields::default().list("StackResourceDrifts", page).maybe("NextToken", next))
}

fn drifted(status: ResourceDriftStatus) -> bool {
    matches!(status, ResourceDriftStatus::Modified | ResourceDriftStatus::Deleted)
}

fn difference(it: &PropertyDifference) -> Fields {
    // A value that is not there is told as `null`.
    let value = |it: &Option<serde_json::Value>| match it {
        Some(serde_json::Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
        None => "null".to_owned(),
    };
    Fields::default()
        .with("PropertyPath", &it.path)
        .with("ExpectedValue", value(&it.expected))
        .with("ActualValue", value(&it.actual))
        .with("DifferenceType", it.kind.as_str())
}
