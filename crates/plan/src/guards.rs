//! What has to be said aloud before it happens: a plan that does one of these stops, unless the
//! resource is named.
//!
//! Nothing here guards what does not exist yet: a first creation is never stopped.

use crate::current::{Current, CurrentStack};
use crate::effects::{holds_data, is_deleted};
use crate::planner::child_path;
use crate::stack_policy::{StackPolicy, UpdateAction};
use crate::steps::{Action, Change, Guard, GuardKind, Operation, OutputChange, Replacement, Step};
use kumiki_project::Tree;
use kumiki_source::message;
use std::collections::HashSet;

/// What stops a plan of a desired tree.
pub(crate) fn guards(tree: &Tree, current: &Current, steps: &[Step]) -> Vec<Guard> {
    let mut guards = Vec::new();
    for step in steps.iter().filter(|it| it.operation != Operation::Create) {
        let Some(stack) = current.stacks.get(&step.path) else { continue };
        match step.operation {
            Operation::Update => {
                for output in &step.outputs {
                    guards.extend(changed_export(tree, current, step, stack, output));
                }
            }
            _ => guards.extend(lost_exports(tree, current, step, stack)),
        }
        // A policy that is none is the engine's to complain about.
        let policy = stack.stack_policy.as_deref().and_then(|it| StackPolicy::parse(it).ok());
        for change in &step.changes {
            let name = child_path(&step.path, &change.logical_id);
            guards.extend(data(&name, change, stack));
            if step.operation == Operation::Update {
                guards.extend(denied(&name, change, policy.as_ref()));
            }
        }
    }
    guards
}

/// What stops the deletion of a root.
pub(crate) fn removal_guards(stack_name: &str, current: &Current) -> Vec<Guard> {
    if !current.root().is_some_and(|it| it.termination_protection) {
        return Vec::new();
    }
    vec![Guard::new(
        GuardKind::TerminationProtection,
        stack_name.to_owned(),
        message!("stack `{stack}` is protected from termination", stack = stack_name),
        message!("take the protection away first, and say why where it is recorded"),
    )]
}

/// A resource with data that is replaced or removed.
fn data(name: &str, change: &Change, stack: &CurrentStack) -> Option<Guard> {
    let existing = stack.resources.get(&change.logical_id)?;
    let type_name = &change.type_name;
    let replaced = match (change.action, change.replacement) {
        (Action::Modify, Replacement::True) => Some(true),
        (Action::Modify, Replacement::Conditional) => Some(false),
        (Action::Remove, _) => None,
        _ => return None,
    };
    let retained = matches!(&*existing.deletion_policy, "Retain" | "RetainExceptOnCreate");
    if replaced.is_some() && retained && is_deleted(change) {
        return Some(Guard::new(
            GuardKind::RetainedData,
            name.to_owned(),
            message!(
                "`{name}` ({type_name}) is to be retained, but its replacement deletes it: its \
                 `UpdateReplacePolicy` is `Delete`",
                name,
                type_name
            ),
            message!("set `UpdateReplacePolicy: Retain`; it is a policy of its own"),
        ));
    }
    if !holds_data(type_name, existing) {
        return None;
    }
    let deleted = is_deleted(change);
    let (kind, message, help) = match (replaced, deleted) {
        // It stays in the account, and so does what is in it.
        (None, false) => return None,
        (None, true) => (
            GuardKind::StatefulRemoval,
            message!("`{name}` ({type_name}) is deleted with its data", name, type_name),
            message!("set `DeletionPolicy` to `Retain` or `Snapshot` in a release before this one"),
        ),
        (Some(certain), deleted) => (
            GuardKind::StatefulReplacement,
            match (certain, deleted) {
                (true, true) => message!(
                    "`{name}` ({type_name}) is replaced by an empty one, and deleted with its data",
                    name,
                    type_name
                ),
                (true, false) => message!(
                    "`{name}` ({type_name}) is replaced by an empty one; its data stays behind in \
                     the old one or its snapshot",
                    name,
                    type_name
                ),
                (false, true) => message!(
                    "`{name}` ({type_name}) may be replaced by an empty one, and deleted with its data",
                    name,
                    type_name
                ),
                (false, false) => message!(
                    "`{name}` ({type_name}) may be replaced by an empty one; its data would stay \
                     behind in the old one or its snapshot",
                    name,
                    type_name
                ),
            },
            message!("back it up, and plan how the data reaches the new one"),
        ),
    };
    Some(Guard::new(kind, name.to_owned(), message, help))
}

/// A change that the stack's policy refuses.
fn denied(name: &str, change: &Change, policy: Option<&StackPolicy>) -> Option<Guard> {
    let action = match (change.action, change.replacement) {
        (Action::Add, _) => return None,
        (Action::Remove, _) => UpdateAction::Delete,
        (Action::Modify, Replacement::False) => UpdateAction::Modify,
        // One that may be replaced has to be allowed to be.
        (Action::Modify, _) => UpdateAction::Replace,
    };
    policy?.decide(action, &change.logical_id, &change.type_name).err()?;
    Some(Guard::new(
        GuardKind::StackPolicy,
        name.to_owned(),
        message!(
            "the stack policy does not allow `{action}` of `{name}`",
            action = action.as_str(),
            name
        ),
        message!("ask whoever set the policy; the update fails as long as it stands"),
    ))
}

/// An export in use whose value changes or that goes while its stack is updated.
fn changed_export(
    tree: &Tree,
    current: &Current,
    step: &Step,
    stack: &CurrentStack,
    output: &OutputChange,
) -> Option<Guard> {
    let (export, _) = stack.exports.iter().find(|(_, name)| **name == output.name)?;
    let stays = output.export.as_deref() == Some(export);
    let users = users(tree, current, &step.path, export, false);
    if users.is_empty() {
        return None;
    }
    let (name, by) = (child_path(&step.path, &output.name), users.join("`, `"));
    let message = match (stays, output.after.is_some()) {
        (false, _) => {
            message!("export `{export}` goes, and is in use by `{by}`", export, by)
        }
        (true, true) => {
            message!("the value of export `{export}` changes, and is in use by `{by}`", export, by)
        }
        (true, false) => message!(
            "the value of export `{export}` may change, and is in use by `{by}`",
            export,
            by
        ),
    };
    Some(Guard::new(GuardKind::ExportLock, name, message, two_phases(export)))
}

/// The exports in use of a stack that is deleted.
fn lost_exports(tree: &Tree, current: &Current, step: &Step, stack: &CurrentStack) -> Vec<Guard> {
    let used = stack.exports.iter().filter_map(|(export, output)| {
        let users = users(tree, current, &step.path, export, true);
        let by = users.join("`, `");
        (!users.is_empty()).then(|| {
            Guard::new(
                GuardKind::ExportLock,
                child_path(&step.path, output),
                message!("export `{export}` goes, and is in use by `{by}`", export, by),
                two_phases(export),
            )
        })
    });
    used.collect()
}

/// CloudFormation refuses the update as long as another stack imports the value.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html>
fn two_phases(export: &str) -> kumiki_source::Message {
    message!(
        "go in two releases: first add the new resource beside the old one, with an export of its \
         own such as `{export}2`, and let the importers use that; then remove the old resource and \
         `{export}`",
        export
    )
}

/// The stacks that still import an export when its stack comes to change it. Those of the tree that
/// stop importing it count unless they are updated before: the exporter does not wait for others.
/// With `at_cleanup` everything is updated already.
fn users<'c>(
    tree: &Tree,
    current: &'c Current,
    exporter: &str,
    export: &str,
    at_cleanup: bool,
) -> Vec<&'c str> {
    let Some(users) = current.imports.get(export) else { return Vec::new() };
    let of_tree = |name: &str| {
        current.stacks.iter().find(|(_, it)| it.name == name).map(|(path, _)| path.as_str())
    };
    let still: HashSet<&str> =
        tree.imports.iter().filter(|it| *it.name == *export).map(|it| &*it.path).collect();
    users
        .iter()
        .map(String::as_str)
        .filter(|name| match of_tree(name) {
            None => true,
            Some(path) if path == exporter => false,
            Some(path) => still.contains(path) || !at_cleanup && !waits(tree, exporter, path),
        })
        .collect()
}

/// Whether one stack of a tree is updated only after another.
fn waits(tree: &Tree, one: &str, other: &str) -> bool {
    let parts = |path: &str| -> Vec<String> { path.split('/').map(str::to_owned).collect() };
    let (one, other) = (parts(one), parts(other));
    let common = one.iter().zip(&other).take_while(|(one, other)| one == other).count();
    let (Some(from), Some(to)) = (one.get(common), other.get(common)) else { return false };
    let Some((_, parent)) = tree.stack(&one[..common].join("/")) else { return false };
    let index = |name: &String| parent.resources.iter().position(|it| *it.logical_id == **name);
    let (Some(from), Some(to)) = (index(from), index(to)) else { return false };
    let mut seen = HashSet::from([from]);
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for edge in &parent.resources[at].dependencies {
            if edge.on == to {
                return true;
            }
            if seen.insert(edge.on) {
                open.push(edge.on);
            }
        }
    }
    false
}
