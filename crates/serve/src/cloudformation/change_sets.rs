//! Change sets, nested ones included.
//!
//! The engine makes one for a whole tree. Clients see one for each stack of it that changes, under
//! identifiers that follow from the root's and the stack's path.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/change-sets-for-nested-stacks.html>

use super::deploy::{DIRECT, execute as begin_execution, execute_options, stack_name};
use super::{Context, PAGE, stacks, words};
use crate::refusal::Refusal;
use crate::time;
use crate::xml::Fields;
use kumiki_engine::identity::{
    CAPITALS, change_set_id, fingerprint, letters, nested_stack_name, seed, stack_id,
};
use kumiki_engine::{
    Backend as _, ChangeSetRecord, ChangeSetStatus, ExecutionStatus, ResourceToImport, StackStatus,
};
use serde_json::Value as Json;

const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateChangeSet.html>
pub(super) fn create(context: &Context<'_>) -> Result<Fields, Refusal> {
    let form = &context.form;
    let given = context.needed("StackName")?;
    let name = change_set_name(context.needed("ChangeSetName")?)?.to_owned();
    let before = context.find(given)?.filter(|it| it.status != StackStatus::DeleteComplete);
    let kind = form.get("ChangeSetType").unwrap_or("UPDATE");
    let reviewed = |status| status == StackStatus::ReviewInProgress;
    match (kind, &before) {
        ("CREATE", Some(stack)) if !reviewed(stack.status) => {
            let reason = format!(
                "Stack [{}] already exists and cannot be created again with the changeSet [{name}].",
                stack.name
            );
            return Err(Refusal::validation(reason));
        }
        ("UPDATE", None) => {
            return Err(Refusal::validation(format!("Stack [{given}] does not exist")));
        }
        ("UPDATE", Some(stack)) if reviewed(stack.status) || stack.status.in_progress() => {
            return Err(words::not_updatable(&stack.stack_id, stack.status.as_str()));
        }
        ("CREATE" | "UPDATE" | "IMPORT", _) => {}
        (other, _) => {
            return Err(Refusal::validation(format!("{other} is no value of ChangeSetType")));
        }
    }
    let stack = before.as_ref().map_or(given, |it| &it.name);
    let mut desired = context.desired(stack_name(stack)?, before.as_ref())?;
    desired.options.keep_failed = true;
    desired.options.nested = form.flag("IncludeNestedStacks");
    desired.options.import = form.structures("ResourcesToImport").iter().map(to_import).collect();
    if (kind == "IMPORT") == desired.options.import.is_empty() {
        let reason = "ResourcesToImport must be given for change sets of type IMPORT, and for \
                      these only.";
        return Err(Refusal::validation(reason));
    }
    if form.flag("ImportExistingResources") {
        // Taken for a creation, it would fail where AWS does not.
        let reason = "ImportExistingResources is not rehearsed: name the resources in \
                      ResourcesToImport of a change set of type IMPORT.";
        return Err(Refusal::validation(reason));
    }
    let memory = context.service.memory.clone();
    let record = context
        .service
        .writer
        .perform(move |backend| desired.change_set(backend, &memory, Some(&name)))?;
    Ok(Fields::default().with("Id", record.id).with("StackId", record.stack_id))
}

fn to_import(it: &crate::form::Form) -> ResourceToImport {
    let text = |name: &str| it.get(name).unwrap_or_default().to_owned();
    ResourceToImport {
        resource_type: text("ResourceType"),
        logical_id: text("LogicalResourceId"),
        identifier: it.entries("ResourceIdentifier"),
    }
}

fn change_set_name(name: &str) -> Result<&str, Refusal> {
    let good = name.len() <= 128
        && name.starts_with(|it: char| it.is_ascii_alphabetic())
        && name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'-')
        && !name.starts_with(DIRECT);
    match good {
        true => Ok(name),
        false => Err(Refusal::validation(format!(
            "1 validation error detected: Value '{name}' at 'changeSetName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        ))),
    }
}

/// A change set of one stack of a tree.
struct Nested {
    id: String,
    name: String,
    stack_id: String,
    stack_name: String,
}

/// What clients are told of the change sets of a tree, by the path of the stack.
struct Family<'f> {
    context: &'f Context<'f>,
    record: &'f ChangeSetRecord,
    steps: Vec<Json>,
}

impl<'f> Family<'f> {
    fn of(context: &'f Context<'f>, record: &'f ChangeSetRecord) -> Result<Self, Refusal> {
        let text = context.records().text(&record.plan)?.unwrap_or_default();
        let mut plan: Json = serde_json::from_str(&text).unwrap_or_default();
        let steps = match plan["steps"].take() {
            Json::Array(steps) => steps,
            _ => Vec::new(),
        };
        Ok(Self { context, record, steps })
    }

    fn step(&self, path: &str) -> Option<&Json> {
        self.steps.iter().find(|it| it["path"] == path)
    }

    /// The change set of the stack at a path, which exists or will.
    fn member(&self, path: &str) -> Result<Nested, Refusal> {
        let record = self.record;
        if path.is_empty() {
            return Ok(Nested {
                id: record.id.clone(),
                name: record.name.clone(),
                stack_id: record.stack_id.clone(),
                stack_name: record.stack_name.clone(),
            });
        }
        let records = self.context.records();
        let tree = records.tree(&record.stack_id)?;
        let known =
            tree.iter().find(|it| it.path == path && it.status != StackStatus::DeleteComplete);
        let (parent, logical_id) = path.rsplit_once('/').unwrap_or(("", path));
        let (id, stack) = match known {
            Some(it) => (it.stack_id.clone(), it.name.clone()),
            None => {
                // As the engine will name it.
                let parent = self.member(parent)?;
                let resources = records.resources(&parent.stack_id)?;
                let before = resources.iter().find(|it| it.logical_id == logical_id);
                let generation = before.map_or(0, |it| it.generation) + 1;
                let seed = seed(&parent.stack_id, logical_id, generation);
                let name = nested_stack_name(&parent.stack_name, &seed, logical_id);
                let inputs = &record.inputs;
                (stack_id(&inputs.account, &inputs.region, &name, 0), name)
            }
        };
        let suffix = letters(&fingerprint(&["nested", &record.id, path]), 12, CAPITALS);
        let mut name = format!("{}-{logical_id}", record.name);
        name.truncate(115);
        let name = format!("{name}-{suffix}");
        Ok(Nested { id: change_set_id(&id, &name, 1), name, stack_id: id, stack_name: stack })
    }
}

/// Whether the change sets of nested stacks are shown.
fn shows_nested(record: &ChangeSetRecord) -> bool {
    record.nested && record.status == ChangeSetStatus::CreateComplete
}

impl Context<'_> {
    /// The change set that `ChangeSetName` names, with the path of its stack.
    pub(super) fn change_set(&self) -> Result<(ChangeSetRecord, String), Refusal> {
        let name = self.needed("ChangeSetName")?;
        let missing = || words::no_change_set(name);
        let all = self.records().change_sets()?;
        let caller = &self.caller;
        let seen = |it: &&ChangeSetRecord| {
            it.status != ChangeSetStatus::DeleteComplete
                && it.inputs.account == caller.account
                && it.inputs.region == caller.region
        };
        let seen = all.iter().rev().filter(seen);
        let (record, path) = if name.starts_with("arn:") {
            let mut found = None;
            for record in seen {
                if record.id == name {
                    found = Some((record, String::new()));
                } else if shows_nested(record) {
                    let family = Family::of(self, record)?;
                    for step in &family.steps {
                        let path = step["path"].as_str().unwrap_or_default();
                        if family.member(path)?.id == name {
                            found = Some((record, path.to_owned()));
                        }
                    }
                }
                if found.is_some() {
                    break;
                }
            }
            found.ok_or_else(missing)?
        } else {
            if self.form.get("StackName").is_none() {
                let reason = "StackName must be specified if ChangeSetName is not specified as an \
                              ARN.";
                return Err(Refusal::validation(reason));
            }
            let stack = self.living_stack()?;
            let found = seen
                .filter(|it| it.stack_id == stack.stack_id)
                .find(|it| it.name == name && !it.name.starts_with(DIRECT));
            (found.ok_or_else(missing)?, String::new())
        };
        // The backend knows whether the stack has changed since.
        let known = self.reader.change_sets(
            &record.stack_name,
            &record.inputs.account,
            &record.inputs.region,
        )?;
        let known = known.into_iter().find(|it| it.id == record.id);
        Ok((known.unwrap_or_else(|| record.clone()), path))
    }
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DescribeChangeSet.html>
pub(super) fn describe(context: &Context<'_>) -> Result<Fields, Refusal> {
    let (record, path) = context.change_set()?;
    let family = Family::of(context, &record)?;
    let member = family.member(&path)?;
    let with_values = context.form.flag("IncludePropertyValues");
    let mut changes = Vec::new();
    for change in family.step(&path).and_then(|it| it["changes"].as_array()).into_iter().flatten() {
        changes.push(self::change(&family, &path, change, with_values)?);
    }
    let (changes, next) = context.page(changes, PAGE)?;
    let parameters = match path.is_empty() {
        true => record.inputs.parameters.clone(),
        false => Default::default(),
    };
    let parameters = parameters.iter().map(|(name, value)| {
        Fields::default().with("ParameterKey", name).with("ParameterValue", value)
    });
    let tags = record.inputs.tags.iter().map(|(key, value)| (key, value));
    let mut fields = summary(&record, &member)
        .list("Parameters", parameters)
        .list("NotificationARNs", [""; 0])
        .with("RollbackConfiguration", Fields::default())
        .list("Capabilities", record.capabilities.iter().map(|it| it.as_str()))
        .list("Tags", stacks::tags(tags))
        .maybe("OnStackFailure", record.on_failure.map(|it| it.as_str()))
        .list("Changes", changes)
        .maybe("NextToken", next);
    if !path.is_empty() {
        let parent = path.rsplit_once('/').map_or("", |(it, _)| it);
        fields = fields
            .with("ParentChangeSetId", family.member(parent)?.id)
            .with("RootChangeSetId", &record.id);
    }
    Ok(fields)
}

fn summary(record: &ChangeSetRecord, member: &Nested) -> Fields {
    Fields::default()
        .with("ChangeSetName", &member.name)
        .with("ChangeSetId", &member.id)
        .with("StackId", &member.stack_id)
        .with("StackName", &member.stack_name)
        .maybe("Description", record.description.as_ref())
        .with("CreationTime", time::iso(record.created))
        .with("ExecutionStatus", record.execution.as_str())
        .with("Status", record.status.as_str())
        .maybe("StatusReason", record.reason.as_ref())
        .with("IncludeNestedStacks", record.nested)
        .with("ImportExistingResources", false)
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChange.html>
fn change(
    family: &Family<'_>,
    path: &str,
    change: &Json,
    with_values: bool,
) -> Result<Fields, Refusal> {
    let text = |name: &str| change[name].as_str();
    let logical_id = text("logical_id").unwrap_or_default();
    let importing = family.record.import.iter().any(|it| it.logical_id == logical_id);
    let action = match text("action") {
        Some("Add") if importing => "Import",
        other => other.unwrap_or_default(),
    };
    let replaced = action == "Modify" && text("replacement") != Some("False");
    let policy = match (action, replaced, text("policy")) {
        ("Remove", _, Some("RetainExceptOnCreate")) => Some("Retain"),
        ("Remove", _, policy) => Some(policy.unwrap_or("Delete")),
        (_, true, Some("Retain" | "RetainExceptOnCreate")) => Some("ReplaceAndRetain"),
        (_, true, Some("Snapshot")) => Some("ReplaceAndSnapshot"),
        (_, true, _) => Some("ReplaceAndDelete"),
        _ => None,
    };
    let nested = match text("type") {
        Some(STACK_TYPE) if shows_nested(family.record) => {
            let child = match path {
                "" => logical_id.to_owned(),
                path => format!("{path}/{logical_id}"),
            };
            match family.step(&child) {
                Some(_) => Some(family.member(&child)?.id),
                None => None,
            }
        }
        _ => None,
    };
    let scope = change["scope"].as_array().into_iter().flatten().filter_map(Json::as_str);
    let details = change["details"].as_array().into_iter().flatten();
    let details: Vec<Fields> = match action {
        "Modify" => details.map(|it| detail(it, with_values)).collect(),
        _ => Vec::new(),
    };
    let fields = Fields::default()
        .maybe("PolicyAction", policy)
        .with("Action", action)
        .with("LogicalResourceId", logical_id)
        .maybe("PhysicalResourceId", text("physical_id").filter(|it| !it.is_empty()))
        .with("ResourceType", text("type").unwrap_or_default())
        .maybe("Replacement", text("replacement").filter(|_| action == "Modify"))
        .list("Scope", scope)
        .list("Details", details)
        .maybe("ChangeSetId", nested);
    Ok(Fields::default().with("Type", "Resource").with("ResourceChange", fields))
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ResourceChangeDetail.html>
fn detail(detail: &Json, with_values: bool) -> Fields {
    let path = detail["path"].as_str().unwrap_or_default();
    let value = |name: &str| match &detail[name] {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let (before, after) = (value("before"), value("after"));
    let waits = !detail["waits_for"].is_null();
    let kind = match (&before, &after) {
        (None, _) => "Add",
        (_, None) if !waits => "Remove",
        _ => "Modify",
    };
    // Whether the value is known before it is executed.
    let evaluation = if waits { "Dynamic" } else { "Static" };
    let text = |name: &str| detail[name].as_str();
    let mut target = Fields::default()
        .with("Attribute", "Properties")
        .maybe("Name", path.split('.').next().filter(|it| !it.is_empty()))
        .with("RequiresRecreation", text("requires_recreation").unwrap_or("Never"));
    if with_values {
        target = target
            .with("Path", format!("/Properties/{}", path.replace('.', "/")))
            .maybe("BeforeValue", before)
            .maybe("AfterValue", after)
            .with("AttributeChangeType", kind);
    }
    Fields::default()
        .with("Target", target)
        .with("Evaluation", evaluation)
        .maybe("ChangeSource", text("change_source"))
        .maybe("CausingEntity", text("causing_entity"))
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ExecuteChangeSet.html>
pub(super) fn execute(context: &Context<'_>) -> Result<Fields, Refusal> {
    let (record, path) = context.change_set()?;
    if !path.is_empty() {
        let reason = format!(
            "ChangeSet [{}] is nested and cannot be executed: execute the root change set",
            context.needed("ChangeSetName")?
        );
        return Err(Refusal::new(400, "InvalidChangeSetStatus", reason));
    }
    let options = execute_options(context)?;
    let memory = context.service.memory.clone();
    let token = context.form.get("ClientRequestToken").map(str::to_owned);
    context.service.writer.begin(move |backend, answer| {
        begin_execution(backend, &memory, &record, options, token.as_deref(), answer);
    })?;
    Ok(Fields::default())
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_DeleteChangeSet.html>
pub(super) fn delete(context: &Context<'_>) -> Result<Fields, Refusal> {
    let (record, path) = match context.change_set() {
        // What is not there is as good as deleted.
        Err(it) if it.code == "ChangeSetNotFound" => return Ok(Fields::default()),
        other => other?,
    };
    if !path.is_empty() {
        let reason = "A nested change set cannot be deleted: delete the root change set";
        return Err(Refusal::new(400, "InvalidChangeSetStatus", reason));
    }
    context.service.writer.perform(move |backend| {
        let status = record.status.as_str();
        let deleted = backend.delete_change_set(&record.id);
        deleted.map_err(|error| words::not_executed(error, &record.name, status))
    })?;
    Ok(Fields::default())
}

/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_ListChangeSets.html>
pub(super) fn list(context: &Context<'_>) -> Result<Fields, Refusal> {
    let stack = context.living_stack()?;
    let caller = &context.caller;
    let mut summaries = Vec::new();
    let root = match stack.is_root() {
        true => Some(stack.clone()),
        false => context.records().tree(&stack.root_id)?.into_iter().find(|it| it.is_root()),
    };
    let name = root.map(|it| it.name).unwrap_or_default();
    for record in context.reader.change_sets(&name, &caller.account, &caller.region)? {
        // Whatever was executed has done its part.
        if record.status == ChangeSetStatus::DeleteComplete
            || record.execution == ExecutionStatus::ExecuteComplete
            || record.name.starts_with(DIRECT)
        {
            continue;
        }
        let family = Family::of(context, &record)?;
        let listed = stack.is_root() || shows_nested(&record) && family.step(&stack.path).is_some();
        if listed {
            let path = if stack.is_root() { "" } else { &stack.path };
            summaries.push(summary(&record, &family.member(path)?));
        }
    }
    let (page, next) = context.page(summaries, PAGE)?;
    Ok(Fields::default().list("Summaries", page).maybe("NextToken", next))
}
