//! Which resource of a tree CloudFormation creates only after which other.

use crate::links::Place;
use kumiki_project::{Stack, Tree};
use kumiki_source::{Message, message};

/// Whether a resource is created only after another, wherever in the tree both are: it depends on
/// it, or the nested stack that holds it depends on the one that holds the other.
pub(crate) fn waits(tree: &Tree, one: Place, other: Place) -> bool {
    meet(tree, one, other)
        .is_some_and(|(stack, one, other)| reaches(&tree.stacks[stack], one, other))
}

/// What to make depend on what, by logical ID, so that a resource waits for another.
pub(crate) fn dependency(tree: &Tree, one: Place, other: Place) -> Option<(&str, &str)> {
    let (stack, one, other) = meet(tree, one, other)?;
    let resources = &tree.stacks[stack].resources;
    Some((&resources[one].logical_id, &resources[other].logical_id))
}

/// Advice to make a resource wait for another.
pub(crate) fn depend_on(tree: &Tree, one: Place, other: Place) -> Option<Message> {
    let (waiting, on) = dependency(tree, one, other)?;
    Some(message!("add `DependsOn: {on}` to `{waiting}`", on, waiting))
}

/// The stack in which both lie, and the resources of it that are them or hold them.
///
/// Nothing when one holds the other.
fn meet(tree: &Tree, one: Place, other: Place) -> Option<(usize, usize, usize)> {
    let chain = |place: Place| {
        let mut chain = vec![place];
        let mut stack = place.0;
        while let Some(parent) = tree.stacks[stack].parent {
            chain.push(parent);
            stack = parent.0;
        }
        chain
    };
    let others = chain(other);
    let (stack, one, other) = chain(one).into_iter().find_map(|(stack, one)| {
        others.iter().find(|it| it.0 == stack).map(|it| (stack, one, it.1))
    })?;
    (one != other).then_some((stack, one, other))
}

/// Whether a resource of a stack waits for another, directly or through others.
pub(crate) fn reaches(stack: &Stack, from: usize, to: usize) -> bool {
    let mut seen = vec![false; stack.resources.len()];
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for edge in &stack.resources[at].dependencies {
            if edge.on == to {
                return true;
            }
            if !std::mem::replace(&mut seen[edge.on], true) {
                open.push(edge.on);
            }
        }
    }
    false
}
