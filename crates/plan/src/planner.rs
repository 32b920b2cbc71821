//! The walk that compares a desired tree with the current stacks.

use crate::also_shown::also_shown;
use crate::cause::Lineage;
use crate::current::{Current, CurrentResource, CurrentStack};
use crate::diff::diff;
use crate::effects::effect;
use crate::guards::{guards, removal_guards};
use crate::saved::Basis;
use crate::schedule::estimate;
use crate::secret::{Secrets, same};
use crate::steps::{
    Action, Cause, Change, ChangeSource, Detail, Effect, Operation, OutputChange, Plan, Recreation,
    Replacement, Scope, Step,
};
use kumiki_project::{
    Cloud, Inputs, Kind, Library, Policy, Resource, ResourceRef, Stack, TemplateId, Tree, Value,
    resource_name,
};
use kumiki_source::Diagnostic;
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The type of a nested stack.
pub(crate) const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// Why there is no plan.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// The tree has errors.
    Errors(Vec<Diagnostic>),
    /// The root stack is in a status that admits no update.
    Status {
        /// The stack's name.
        stack: String,
        /// Its status.
        status: String,
    },
}

/// Compares a root with the current stacks.
///
/// # Errors
/// When the tree has errors, or the root stack cannot be updated in its status.
pub fn plan(
    library: &Library,
    root: TemplateId,
    inputs: &Inputs,
    current: &Current,
) -> Result<Plan, Refusal> {
    if let Some(stack) = current.root()
        && !plannable(&stack.status)
    {
        return Err(Refusal::Status { stack: stack.name.clone(), status: stack.status.clone() });
    }
    let planner = Planner::new(current);
    let mut changes: BTreeMap<String, Vec<Change>> = BTreeMap::new();
    let tree = Tree::evaluate_with(library, root, inputs, &planner, &mut |stack, resource| {
        if resource.condition.is_false() {
            return;
        }
        if let Some(change) = planner.resource(stack, resource, &changes, inputs) {
            changes.entry(stack.path.to_string()).or_default().push(change);
        }
    });
    let errors: Vec<Diagnostic> = tree
        .diagnostics
        .iter()
        .filter(|it| it.severity == kumiki_source::Severity::Error)
        .cloned()
        .collect();
    if !errors.is_empty() {
        return Err(Refusal::Errors(errors));
    }
    let mut steps = Vec::new();
    for stack in &tree.stacks {
        let step = planner.step(library, stack, changes.remove(&*stack.path).unwrap_or_default());
        steps.extend(step);
    }
    // Stacks that are no longer in the tree go with the resource that they are of their parent.
    for (path, stack) in &current.stacks {
        if tree.stack(path).is_none() {
            steps.push(removal(path, stack));
        }
    }
    let lineage = Lineage::new(library, &tree, current);
    annotate(&mut steps, &tree, &lineage, current);
    let basis = Basis::new(library, &tree, inputs, current);
    let mut plan = Plan {
        stack_name: inputs.stack_name.clone(),
        region: inputs.region.clone(),
        account: inputs.account.clone(),
        environment: inputs.environment.clone(),
        digest: basis.digest(),
        basis,
        also_shown: also_shown(&tree, &lineage, current, &steps),
        guards: guards(&tree, current, &steps),
        estimate: estimate(&tree, current, &steps),
        steps,
        cost: None,
    };
    plan.hide(&secrets(&tree));
    Ok(plan)
}

/// Adds to each change why it happens and what it costs.
fn annotate(steps: &mut [Step], tree: &Tree, lineage: &Lineage<'_>, current: &Current) {
    let moving: HashSet<String> = steps
        .iter()
        .flat_map(|step| step.changes.iter().map(|it| child_path(&step.path, &it.logical_id)))
        .collect();
    let positions: HashMap<&str, usize> =
        tree.stacks.iter().enumerate().map(|(at, it)| (&*it.path, at)).collect();
    for step in steps {
        let stack = positions.get(&*step.path).copied();
        let of_stack: HashMap<&str, usize> = stack
            .map(|at| tree.stacks[at].resources.iter().enumerate())
            .into_iter()
            .flatten()
            .map(|(at, it)| (&*it.logical_id, at))
            .collect();
        for change in &mut step.changes {
            if let (Some(stack), Some(at)) = (stack, of_stack.get(&*change.logical_id)) {
                for detail in &mut change.details {
                    lineage.explain(stack, *at, detail, &|it| moving.contains(it));
                }
            }
            change.effect = effect(change, current.resource(&step.path, &change.logical_id));
        }
    }
}

/// The values of the parameters of a tree that hide them.
pub(crate) fn secrets(tree: &Tree) -> Secrets {
    let secrets = Secrets::default();
    for parameter in tree.stacks.iter().flat_map(|it| &it.parameters).filter(|it| it.no_echo) {
        match &parameter.value.kind {
            Kind::List(items) => {
                items.iter().filter_map(Value::as_text).for_each(|it| secrets.add(it));
            }
            _ => parameter.value.as_text().into_iter().for_each(|it| secrets.add(it)),
        }
    }
    secrets
}

/// The plan that deletes a root.
pub fn plan_removal(stack_name: &str, region: &str, account: &str, current: &Current) -> Plan {
    let mut plan = Plan {
        stack_name: stack_name.to_owned(),
        region: region.to_owned(),
        account: account.to_owned(),
        steps: current.stacks.iter().map(|(path, stack)| removal(path, stack)).collect(),
        guards: removal_guards(stack_name, current),
        ..Plan::default()
    };
    for step in &mut plan.steps {
        for change in &mut step.changes {
            change.effect = effect(change, current.resource(&step.path, &change.logical_id));
        }
    }
    plan.hide(&Secrets::default());
    plan
}

/// Whether a change set can be made for a stack in this status: it rests, and its last operation
/// left it whole, or what failed in it as it was, to be taken up again.
fn plannable(status: &str) -> bool {
    matches!(
        status,
        "REVIEW_IN_PROGRESS"
            | "CREATE_COMPLETE"
            | "UPDATE_COMPLETE"
            | "UPDATE_ROLLBACK_COMPLETE"
            | "IMPORT_COMPLETE"
            | "IMPORT_ROLLBACK_COMPLETE"
    ) || paused(status)
}

/// Whether an operation failed in this status and was left so.
fn paused(status: &str) -> bool {
    matches!(status, "CREATE_FAILED" | "UPDATE_FAILED")
}

fn removal(path: &str, stack: &CurrentStack) -> Step {
    let changes = stack.resources.iter().map(|(logical_id, it)| removed(logical_id, it)).collect();
    Step {
        path: path.to_owned(),
        template: String::new(),
        operation: Operation::Delete,
        changes,
        outputs: Vec::new(),
    }
}

fn removed(logical_id: &str, resource: &CurrentResource) -> Change {
    Change {
        logical_id: logical_id.to_owned(),
        type_name: resource.type_name.clone(),
        physical_id: Some(resource.physical_id.clone()),
        action: Action::Remove,
        replacement: Replacement::False,
        scope: Vec::new(),
        details: Vec::new(),
        policy: Policy::parse(&resource.deletion_policy).map(Policy::as_str),
        effect: Effect::None,
    }
}

/// The path of a resource: that of its stack, and its logical ID.
pub(crate) fn child_path(stack: &str, logical_id: &str) -> String {
    if stack.is_empty() { logical_id.to_owned() } else { format!("{stack}/{logical_id}") }
}

/// What the current stacks make known while a desired tree is evaluated.
pub(crate) struct Planner<'c> {
    current: &'c Current,
    facts: RefCell<HashMap<ResourceRef, Fact>>,
}

/// What the walk found out about a resource that it passed.
struct Fact {
    /// It stays the resource that it is, so its identifier and attributes are known.
    stays: bool,
    /// The properties that it should have.
    properties: Value,
}

impl<'c> Planner<'c> {
    pub(crate) fn new(current: &'c Current) -> Self {
        Self { current, facts: RefCell::default() }
    }

    fn existing(&self, resource: &ResourceRef) -> Option<&CurrentResource> {
        let existing = self.current.resource(&resource.stack, &resource.logical_id)?;
        let facts = self.facts.borrow();
        let stays = facts.get(resource).is_none_or(|it| it.stays);
        (stays && existing.type_name == *resource.type_name).then_some(existing)
    }

    fn resource(
        &self,
        stack: &Stack,
        resource: &Resource,
        changes: &BTreeMap<String, Vec<Change>>,
        inputs: &Inputs,
    ) -> Option<Change> {
        let reference = resource_name(stack, resource);
        let existing = self
            .current
            .resource(&stack.path, &resource.logical_id)
            .filter(|it| it.type_name == *resource.type_name && it.status != "DELETE_COMPLETE");
        let change = match existing {
            None => Some(Change {
                logical_id: resource.logical_id.to_string(),
                type_name: resource.type_name.to_string(),
                physical_id: None,
                action: Action::Add,
                replacement: Replacement::False,
                scope: Vec::new(),
                details: Vec::new(),
                policy: None,
                effect: Effect::None,
            }),
            Some(existing) => self.modification(stack, resource, existing, changes, inputs),
        };
        let stays = existing.is_some()
            && change.as_ref().is_none_or(|it| it.replacement == Replacement::False);
        let fact = Fact { stays, properties: resource.properties.clone() };
        self.facts.borrow_mut().insert(reference, fact);
        change
    }

    fn modification(
        &self,
        stack: &Stack,
        resource: &Resource,
        existing: &CurrentResource,
        changes: &BTreeMap<String, Vec<Change>>,
        inputs: &Inputs,
    ) -> Option<Change> {
        let nested = &*resource.type_name == STACK_TYPE;
        let schema = kumiki_schema::resource_type(&resource.type_name);
        let mut details = diff(schema, &existing.properties, &resource.properties);
        if nested {
            // Packaging makes the URL from the content, and that shows as changes of the child;
            // what the child is given shows there too, where it has an effect.
            details.retain(|it| it.path != "TemplateURL");
            let inside = resource.child.is_some() && {
                changes
                    .get(&child_path(&stack.path, &resource.logical_id))
                    .is_some_and(|it| !it.is_empty())
            };
            details.retain(|it| it.waits_for.is_none());
            if !inside && details.is_empty() {
                return None;
            }
        }
        if nested && details.is_empty() {
            details.push(Detail {
                path: String::new(),
                recreation: Recreation::Never,
                before: None,
                after: None,
                waits_for: None,
                change_source: ChangeSource::Automatic,
                causing_entity: None,
                cause: Cause::Direct,
            });
        }
        let mut scope = Vec::new();
        let failed = existing.status.ends_with("_FAILED");
        if !details.is_empty() || nested || failed {
            scope.push(Scope::Properties);
        }
        let recorded = self.current.stacks.get(&*stack.path);
        let tags_differ = recorded.is_some_and(|it| {
            it.tags.len() != inputs.tags.len()
                || inputs.tags.iter().any(|(name, value)| it.tags.get(name) != Some(value))
        });
        if tags_differ && schema.is_some_and(|it| it.tagging().is_some()) {
            scope.push(Scope::Tags);
        }
        let nothing = Json::Null;
        let metadata = existing.metadata.as_ref().unwrap_or(&nothing);
        // What was not known when it was recorded is null there.
        if diff(None, metadata, &resource.metadata)
            .iter()
            .any(|it| it.waits_for.is_none() || it.before.is_some())
        {
            scope.push(Scope::Metadata);
        }
        if existing.deletion_policy != resource.deletion_policy.as_str() {
            scope.push(Scope::DeletionPolicy);
        }
        if existing.update_replace_policy != resource.update_replace_policy.as_str() {
            scope.push(Scope::UpdateReplacePolicy);
        }
        if scope.is_empty() {
            return None;
        }
        let replacement = if nested { Replacement::False } else { replacement(&details) };
        Some(Change {
            logical_id: resource.logical_id.to_string(),
            type_name: resource.type_name.to_string(),
            physical_id: Some(existing.physical_id.clone()),
            action: Action::Modify,
            replacement,
            scope,
            details,
            policy: (replacement != Replacement::False)
                .then(|| resource.update_replace_policy.as_str()),
            effect: Effect::None,
        })
    }

    fn step(&self, library: &Library, stack: &Stack, mut changes: Vec<Change>) -> Option<Step> {
        let current = self.current.stacks.get(&*stack.path);
        if let Some(current) = current {
            for (logical_id, it) in &current.resources {
                let desired = stack.resource(logical_id);
                let goes = desired.is_none_or(|desired| {
                    desired.condition.is_false() || *desired.type_name != *it.type_name
                });
                if goes && it.status != "DELETE_COMPLETE" {
                    changes.push(removed(logical_id, it));
                }
            }
        }
        let outputs = output_changes(stack, current);
        if changes.is_empty()
            && outputs.is_empty()
            && current.is_some_and(|it| it.status != "REVIEW_IN_PROGRESS" && !paused(&it.status))
        {
            return None;
        }
        let template = library.template(stack.template);
        Some(Step {
            path: stack.path.to_string(),
            template: library.sources.get(template.file).path().to_owned(),
            operation: match current {
                Some(it) if it.status != "REVIEW_IN_PROGRESS" => Operation::Update,
                _ => Operation::Create,
            },
            changes,
            outputs,
        })
    }
}

fn output_changes(stack: &Stack, current: Option<&CurrentStack>) -> Vec<OutputChange> {
    let mut outputs = Vec::new();
    for output in &stack.outputs {
        let before = current.and_then(|it| it.outputs.get(&*output.name));
        let after = text(&output.value);
        let export = output.export.as_ref().and_then(|it| it.as_text()).map(str::to_owned);
        let exported_before = current.and_then(|it| {
            it.exports.iter().find(|(_, name)| **name == *output.name).map(|(export, _)| export)
        });
        let unknown = after.is_none() && before.is_some();
        let equal = match (before, &after) {
            (Some(before), Some(after)) => same(before, after),
            (before, after) => before == after.as_ref(),
        };
        if !(equal || unknown && output.value.is_known()) || exported_before != export.as_ref() {
            outputs.push(OutputChange {
                name: output.name.to_string(),
                before: before.cloned(),
                after,
                export,
            });
        }
    }
    if let Some(current) = current {
        for (name, before) in &current.outputs {
            if stack.output(name).is_none() {
                outputs.push(OutputChange {
                    name: name.clone(),
                    before: Some(before.clone()),
                    after: None,
                    export: None,
                });
            }
        }
    }
    outputs
}

/// An output's value as text: a list is joined by commas, as the service does.
pub(crate) fn text(value: &Value) -> Option<String> {
    match &value.kind {
        Kind::List(items) => {
            let items: Option<Vec<&str>> = items.iter().map(Value::as_text).collect();
            items.map(|it| it.join(","))
        }
        _ => value.as_text().map(str::to_owned),
    }
}

fn replacement(details: &[Detail]) -> Replacement {
    let of = |detail: &Detail| match detail.recreation {
        Recreation::Never => Replacement::False,
        Recreation::Conditionally => Replacement::Conditional,
        // A value that is not known may turn out to be the one that is there.
        Recreation::Always if matches!(detail.cause, Cause::Upstream(_)) => {
            Replacement::Conditional
        }
        Recreation::Always => Replacement::True,
    };
    details.iter().map(of).max().unwrap_or(Replacement::False)
}

impl Cloud for Planner<'_> {
    fn physical_id(&self, resource: &ResourceRef) -> Option<Value> {
        self.existing(resource).map(|it| Value::text(it.physical_id.as_str()))
    }

    fn attribute(&self, resource: &ResourceRef, name: &str) -> Option<Value> {
        let existing = self.existing(resource)?;
        // A property that was just changed in place is what it will be, not what it was.
        if let Some(fact) = self.facts.borrow().get(resource)
            && let Some(value) = fact.properties.at(name)
            && value.is_known()
        {
            return Some(value.clone());
        }
        existing.attributes.get(name).map(Value::from_json)
    }

    fn import(&self, name: &str) -> Option<Value> {
        self.current.other_exports.get(name).map(|it| Value::text(it.as_str()))
    }

    fn stack_output(&self, stack: &str, output: &str, region: &str) -> Option<Value> {
        let outputs = self.current.other_outputs.get(region)?.get(stack)?;
        outputs.get(output).map(|it| Value::text(it.as_str()))
    }

    fn zones(&self, region: &str) -> Option<Vec<String>> {
        self.current.zones.get(region).cloned()
    }

    fn ssm_parameter(&self, name: &str) -> Option<String> {
        self.current.ssm_parameters.get(name).cloned()
    }

    fn stack_id(&self, path: &str) -> Option<String> {
        self.current.stacks.get(path).map(|it| it.stack_id.clone())
    }

    fn stack_name(&self, path: &str) -> Option<String> {
        self.current.stacks.get(path).map(|it| it.name.clone())
    }
}
