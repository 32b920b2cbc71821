//! Whole stacks.

use super::deploy::{DIRECT, begun, execute, execute_options, stack_name};
use super::{Context, PAGE, words};
use crate::refusal::Refusal;
use crate::time;
use crate::xml::Fields;
use kumiki_engine::{Backend as _, ExecuteOptions, OnFailure, StackRecord, StackStatus};
use kumiki_source::Sources;
use kumiki_template::parse_template;

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html>
pub(super) fn create(context: &Context<'_>) -> Result<Fields, Refusal> {
    let name = stack_name(context.needed("StackName")?)?.to_owned();
    if context.find(&name)?.is_some() {
        let reason = format!("Stack [{name}] already exists");
        return Err(Refusal::new(400, "AlreadyExistsException", reason));
    }
    let mut desired = context.desired(&name, None)?;
    desired.options.unreviewed = true;
    let protected = context.form.flag("EnableTerminationProtection");
    let policy = context.policy("StackPolicy")?;
    let options = ExecuteOptions {
        retain_except_on_create: context.form.flag("RetainExceptOnCreate"),
        ..ExecuteOptions::default()
    };
    let memory = context.service.memory.clone();
    let token = context.form.get("ClientRequestToken").map(str::to_owned);
    context.service.writer.begin(move |backend, answer| {
        let made = desired.change_set(backend, &memory, None).and_then(|record| {
            if let Some(policy) = &policy {
                let set = backend.set_stack_policy(&record.stack_id, policy);
                set.map_err(words::not_done)?;
            }
            if protected {
                let set = backend.set_termination_protection(&record.stack_id, true);
                set.map_err(words::not_done)?;
            }
            Ok(record)
        });
        match made {
            Ok(record) => {
                execute(backend, &memory, &record, options, token.as_deref(), answer);
            }
            Err(refusal) => answer.give(Err(refusal)),
        }
    })
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_UpdateStack.html>
pub(super) fn update(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.living_stack()?;
    if stack.status == StackStatus::ReviewInProgress || stack.status.in_progress() {
        return Err(words::not_updatable(&stack.stack_id, stack.status.as_str()));
    }
    let mut desired = context.desired(&stack.name, Some(&stack))?;
    desired.options.unreviewed = true;
    let policy = context.policy("StackPolicy")?;
    let options = execute_options(context)?;
    let memory = context.service.memory.clone();
    let token = context.form.get("ClientRequestToken").map(str::to_owned);
    context.service.writer.begin(move |backend, answer| {
        match desired.change_set(backend, &memory, None) {
            Ok(record) => {
                execute(backend, &memory, &record, options, token.as_deref(), answer);
                if let Some(policy) = policy {
                    // It was found to be a policy before.
                    let _ = backend.set_stack_policy(&record.stack_id, &policy);
                }
            }
            Err(refusal) => answer.give(Err(refusal)),
        }
    })
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteStack.html>
pub(super) fn delete(context: &Context<'_>) -> Result<Fields, Refusal> {
    let name = context.needed("StackName")?;
    let stack = context.find(name)?.filter(|it| it.status != StackStatus::DeleteComplete);
    // What is not there is as good as deleted.
    let Some(stack) = stack else { return Ok(Fields::default()) };
    let retain: Vec<String> =
        context.form.texts("RetainResources").into_iter().map(str::to_owned).collect();
    let memory = context.service.memory.clone();
    let token = context.form.get("ClientRequestToken").map(str::to_owned);
    context.service.writer.begin(move |backend, answer| {
        let mut begun = begun(&memory, token.as_deref(), &stack.stack_id, answer);
        let result = backend.delete_stack(&stack.stack_id, &retain, &mut begun);
        drop(begun);
        let result = result.map(|_| Fields::default()).map_err(words::not_done);
        answer.give(result);
    })?;
    Ok(Fields::default())
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeStacks.html>
pub(super) fn describe(context: &Context<'_>) -> Result<Fields, Refusal> {
    let mut stacks = match context.form.get("StackName") {
        Some(_) => vec![context.stack()?],
        None => {
            let mut stacks = context.stacks()?;
            stacks.retain(|it| it.status != StackStatus::DeleteComplete);
            stacks
        }
    };
    newest_first(&mut stacks);
    let (page, next) = context.page(stacks, PAGE)?;
    let page: Result<Vec<Fields>, Refusal> = page.iter().map(|it| stack(context, it)).collect();
    Ok(Fields::default().list("Stacks", page?).maybe("NextToken", next))
}

fn newest_first(stacks: &mut [StackRecord]) {
    stacks.sort_by(|one, two| two.created.cmp(&one.created).then(one.stack_id.cmp(&two.stack_id)));
}

/// The parent of a nested stack, and its root.
fn family(context: &Context<'_>, stack: &StackRecord) -> Result<Fields, Refusal> {
    if stack.is_root() {
        return Ok(Fields::default());
    }
    let parent = stack.path.rsplit_once('/').map_or("", |(it, _)| it);
    let tree = context.records().tree(&stack.root_id)?;
    let parent = tree.into_iter().find(|it| it.path == parent);
    Ok(Fields::default()
        .maybe("ParentId", parent.map(|it| it.stack_id))
        .with("RootId", &stack.root_id))
}

fn drift(stack: &StackRecord) -> Fields {
    match &stack.drift {
        Some(drift) => Fields::default()
            .with("StackDriftStatus", drift.status.as_str())
            .with("LastCheckTimestamp", time::iso(drift.checked)),
        None => Fields::default().with("StackDriftStatus", "NOT_CHECKED"),
    }
}

/// The description in a template.
fn description(context: &Context<'_>, stack: &StackRecord) -> Result<Option<String>, Refusal> {
    let Some(text) = context.records().text(&stack.settled.template_digest)? else {
        return Ok(None);
    };
    let file = Sources::default().add("template", "");
    let template = parse_template(file, &text).0;
    Ok(template.and_then(|it| it.description).map(|it| it.text.to_string()))
}

/// What has become of a stack, as lists and descriptions tell it alike.
fn times(stack: &StackRecord) -> Fields {
    let deleted = stack.status == StackStatus::DeleteComplete;
    let updated = (stack.updated > stack.created).then(|| time::iso(stack.updated));
    Fields::default()
        .with("CreationTime", time::iso(stack.created))
        .maybe("DeletionTime", updated.clone().filter(|_| deleted))
        .maybe("LastUpdatedTime", updated.filter(|_| !deleted))
        .with("StackStatus", stack.status.as_str())
        .maybe("StackStatusReason", stack.reason.as_ref())
}

fn stack(context: &Context<'_>, stack: &StackRecord) -> Result<Fields, Refusal> {
    let records = context.records();
    let operation = match &stack.operation {
        Some(id) => records.operation(id)?,
        None => None,
    };
    let change_set = match operation.as_ref().and_then(|it| it.change_set.as_ref()) {
        Some(id) => records.change_set(id)?,
        None => None,
    };
    let keeps = operation.as_ref().and_then(|it| it.settings.on_failure);
    let capabilities = change_set.iter().flat_map(|it| &it.capabilities).map(|it| it.as_str());
    let seen = change_set.as_ref().filter(|it| stack.is_root() && !it.name.starts_with(DIRECT));
    let parameters = stack.settled.parameters.iter().map(|(name, value)| {
        Fields::default().with("ParameterKey", name).with("ParameterValue", value)
    });
    let outputs = stack.settled.outputs.iter().map(|(name, it)| {
        Fields::default()
            .with("OutputKey", name)
            .with("OutputValue", &it.value)
            .maybe("Description", it.description.as_ref())
            .maybe("ExportName", it.export.as_ref())
    });
    Ok(Fields::default()
        .with("StackId", &stack.stack_id)
        .with("StackName", &stack.name)
        .maybe("ChangeSetId", seen.map(|it| &it.id))
        .maybe("Description", description(context, stack)?)
        .list("Parameters", parameters)
        .and(times(stack))
        .with("RollbackConfiguration", Fields::default())
        .with("DisableRollback", keeps == Some(OnFailure::DoNothing))
        .list("NotificationARNs", [""; 0])
        .list("Capabilities", capabilities)
        .list("Outputs", outputs)
        .list("Tags", tags(stack.settled.tags.iter()))
        .with("EnableTerminationProtection", stack.termination_protection)
        .and(family(context, stack)?)
        .with("DriftInformation", drift(stack)))
}

/// Tags as every action tells them.
pub(super) fn tags<'t>(
    tags: impl Iterator<Item = (&'t String, &'t String)>,
) -> impl Iterator<Item = Fields> {
    tags.map(|(key, value)| Fields::default().with("Key", key).with("Value", value))
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListStacks.html>
pub(super) fn list(context: &Context<'_>) -> Result<Fields, Refusal> {
    let wanted = context.form.texts("StackStatusFilter");
    if let Some(unknown) = wanted.iter().find(|it| StackStatus::parse(it).is_none()) {
        return Err(Refusal::validation(format!(
            "1 validation error detected: Value '[{unknown}]' at 'stackStatusFilter' failed to \
             satisfy constraint: Member must satisfy enum value set"
        )));
    }
    let mut stacks = context.stacks()?;
    stacks.retain(|it| wanted.is_empty() || wanted.contains(&it.status.as_str()));
    newest_first(&mut stacks);
    let (page, next) = context.page(stacks, PAGE)?;
    let summary = |it: &StackRecord| -> Result<Fields, Refusal> {
        Ok(Fields::default()
            .with("StackId", &it.stack_id)
            .with("StackName", &it.name)
            .maybe("TemplateDescription", description(context, it)?)
            .and(times(it))
            .and(family(context, it)?)
            .with("DriftInformation", drift(it)))
    };
    let page: Result<Vec<Fields>, Refusal> = page.iter().map(summary).collect();
    Ok(Fields::default().list("StackSummaries", page?).maybe("NextToken", next))
}

/// What an account can have, as AWS sets it.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_AccountLimit.html>, read on
/// 2026-11-24.
pub(super) fn account_limits(_: &Context<'_>) -> Result<Fields, Refusal> {
    let limits =
        [("StackLimit", 2000), ("StackOutputsLimit", 200), ("ConcurrentResourcesLimit", 2500)];
    let limits =
        limits.map(|(name, value)| Fields::default().with("Name", name).with("Value", value));
    Ok(Fields::default().list("AccountLimits", limits))
}
