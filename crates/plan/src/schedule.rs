//! How long a plan takes, and where the time goes: the engine's order of events, played through with
//! typical durations.
//!
//! Everything starts as soon as what it depends on is done; a nested stack is done when all in it
//! is. What goes away goes last, in reverse. What does not change takes no time.

use crate::Current;
use crate::durations::typical_durations;
use crate::planner::{STACK_TYPE, child_path};
use crate::steps::{Action, Change, Estimate, Leg, SlowDependency, Step};
use kumiki_project::{Resource, Stack, Tree};
use std::collections::{BTreeMap, HashMap, HashSet};

/// How many dependencies are tried, first in the order of the tree: each costs as much as the estimate.
const MOST_TRIED: usize = 100;

/// A point in time of the way forward: when something is done, and by which way it came to that.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    at: u64,
    /// The task that it waited for last.
    after: Option<usize>,
}

/// A resource on the way forward.
struct Task<'t> {
    stack: &'t Stack,
    resource: &'t Resource,
    start: u64,
    /// When it is done.
    done: u64,
    /// The task that it waited for last.
    after: Option<usize>,
}

/// Estimates a plan of a desired tree.
pub(crate) fn estimate(tree: &Tree, current: &Current, steps: &[Step]) -> Estimate {
    let changes: Changes<'_> = steps
        .iter()
        .flat_map(|step| step.changes.iter().map(|it| ((&*step.path, &*it.logical_id), it)))
        .collect();
    if changes.is_empty() {
        return Estimate::default();
    }
    let forward = Forward::play(tree, &changes, None);
    let mut cleanup = Cleanup::default();
    let end = cleanup.play(current, steps);
    let mut critical_path = forward.critical_path();
    critical_path.extend(cleanup.critical_path(end, forward.end.at / 1000));
    Estimate {
        seconds: (forward.end.at + end.at) / 1000,
        slow_dependencies: slow_dependencies(tree, &changes, &forward),
        critical_path,
    }
}

type Changes<'s> = HashMap<(&'s str, &'s str), &'s Change>;

struct Forward<'t> {
    tree: &'t Tree,
    changes: &'t Changes<'t>,
    /// A dependency that is left out: stack, resource, the resource that it depends on.
    without: Option<(usize, usize, usize)>,
    tasks: Vec<Task<'t>>,
    end: Done,
}

impl<'t> Forward<'t> {
    fn play(
        tree: &'t Tree,
        changes: &'t Changes<'t>,
        without: Option<(usize, usize, usize)>,
    ) -> Self {
        let mut forward = Self { tree, changes, without, tasks: Vec::new(), end: Done::default() };
        forward.end = forward.stack(0, Done::default());
        forward
    }

    /// Plays a stack that starts at a time; when all of it is done.
    fn stack(&mut self, index: usize, start: Done) -> Done {
        let stack = &self.tree.stacks[index];
        let mut done: Vec<Done> = vec![start; stack.resources.len()];
        let mut end = start;
        for &at in &stack.sequence {
            let resource = &stack.resources[at];
            if resource.condition.is_false() {
                continue;
            }
            let mut from = start;
            for edge in &resource.dependencies {
                let left_out = edge.explicit && self.without == Some((index, at, edge.on));
                // Members of a cycle, which the plan refuses anyway, have no end yet.
                if !left_out && done[edge.on].at > from.at {
                    from = done[edge.on];
                }
            }
            let change = self.changes.get(&(&*stack.path, &*resource.logical_id));
            done[at] = match (resource.child, change) {
                (Some(child), _) => self.stack(child, from),
                (None, None) => from,
                (None, Some(change)) => {
                    let finish = from.at + duration(change);
                    self.tasks.push(Task {
                        stack,
                        resource,
                        start: from.at,
                        done: finish,
                        after: from.after,
                    });
                    Done { at: finish, after: Some(self.tasks.len() - 1) }
                }
            };
            if done[at].at > end.at {
                end = done[at];
            }
        }
        end
    }

    /// The tasks that decide how long it takes, first to last.
    fn critical_path(&self) -> Vec<Leg> {
        let mut legs = Vec::new();
        let mut at = self.end.after;
        while let Some(index) = at {
            let task = &self.tasks[index];
            legs.push(Leg {
                resource: child_path(&task.stack.path, &task.resource.logical_id),
                type_name: task.resource.type_name.to_string(),
                start_seconds: task.start / 1000,
                seconds: (task.done - task.start) / 1000,
            });
            at = task.after;
        }
        legs.reverse();
        legs
    }
}

/// How long a change takes on the way forward.
fn duration(change: &Change) -> u64 {
    let typical = typical_durations(&change.type_name);
    match change.action {
        Action::Add => typical.create,
        Action::Modify if change.expects_replacement() => typical.create,
        // Only policies or metadata: no provider hears of it.
        Action::Modify if !change.reaches_provider() => 0,
        Action::Modify => typical.update,
        Action::Remove => 0,
    }
}

/// The removals after the way forward: each leg with the one that it waited for.
#[derive(Default)]
struct Cleanup {
    legs: Vec<(Leg, Option<usize>)>,
}

impl Cleanup {
    /// Plays all removals; when the last is done.
    fn play(&mut self, current: &Current, steps: &[Step]) -> Done {
        let by_path: BTreeMap<&str, &Step> = steps.iter().map(|it| (&*it.path, it)).collect();
        self.stack(current, &by_path, "", Done::default())
    }

    /// Plays the removals of one stack: each after everything that depends on it, those inside
    /// nested stacks in the place of the nested stack.
    fn stack(
        &mut self,
        current: &Current,
        steps: &BTreeMap<&str, &Step>,
        path: &str,
        start: Done,
    ) -> Done {
        let (Some(step), Some(stack)) = (steps.get(path), current.stacks.get(path)) else {
            return start;
        };
        let going: BTreeMap<&str, &Change> = step
            .changes
            .iter()
            .filter(|it| {
                it.type_name == STACK_TYPE
                    || it.action == Action::Remove
                    || it.expects_replacement()
            })
            .filter(|it| it.policy.is_none_or(|it| it == "Delete" || it == "Snapshot"))
            .map(|it| (&*it.logical_id, it))
            .collect();
        let mut dependents: HashMap<&str, Vec<&str>> = HashMap::new();
        for name in going.keys() {
            for on in stack.resources.get(*name).map_or(&[][..], |it| &it.depends_on) {
                dependents.entry(on).or_default().push(name);
            }
        }
        let mut ends: HashMap<&str, Done> = HashMap::new();
        // Each after its dependents: depth first, without recursion.
        for first in going.keys() {
            let mut open = vec![(*first, false)];
            let mut under_way = HashSet::new();
            while let Some((name, ready)) = open.pop() {
                if ends.contains_key(name) {
                    continue;
                }
                let before = dependents.get(name).map_or(&[][..], Vec::as_slice);
                if !ready && under_way.insert(name) {
                    open.push((name, true));
                    open.extend(before.iter().map(|it| (*it, false)));
                    continue;
                }
                let from = before.iter().filter_map(|it| ends.get(it)).copied().fold(start, later);
                let (change, child) = (going[name], child_path(path, name));
                let end = match change.type_name == STACK_TYPE {
                    true => self.stack(current, steps, &child, from),
                    false => self.delete(change, child, from),
                };
                ends.insert(name, end);
            }
        }
        ends.into_values().fold(start, later)
    }

    fn delete(&mut self, change: &Change, resource: String, from: Done) -> Done {
        let takes = typical_durations(&change.type_name).delete;
        let leg = Leg {
            resource,
            type_name: change.type_name.clone(),
            start_seconds: from.at / 1000,
            seconds: takes / 1000,
        };
        self.legs.push((leg, from.after));
        Done { at: from.at + takes, after: Some(self.legs.len() - 1) }
    }

    /// The removals that decide how long it takes, each `later` seconds later.
    fn critical_path(&self, end: Done, later: u64) -> Vec<Leg> {
        let mut legs = Vec::new();
        let mut at = end.after;
        while let Some(index) = at {
            let (leg, after) = &self.legs[index];
            legs.push(Leg { start_seconds: leg.start_seconds + later, ..leg.clone() });
            at = *after;
        }
        legs.reverse();
        legs
    }
}

/// The later of two; the one that came about first where they are equal, so that the same plan has
/// the same bytes.
fn later(one: Done, other: Done) -> Done {
    let wins = other.at > one.at || other.at == one.at && other.after < one.after;
    if wins { other } else { one }
}

/// The `DependsOn` of changing resources that only slow the deployment down.
fn slow_dependencies(
    tree: &Tree,
    changes: &Changes<'_>,
    forward: &Forward<'_>,
) -> Vec<SlowDependency> {
    let critical: HashSet<String> = forward
        .critical_path()
        .iter()
        .flat_map(|it| {
            // A nested stack is on the path when something in it is.
            let ends = it.resource.match_indices('/').map(|(at, _)| at);
            let prefixes = ends.chain([it.resource.len()]);
            prefixes.map(|end| it.resource[..end].to_owned()).collect::<Vec<_>>()
        })
        .collect();
    let mut found = Vec::new();
    let mut tried = 0;
    for (index, stack) in tree.stacks.iter().enumerate() {
        for (at, resource) in stack.resources.iter().enumerate() {
            let name = child_path(&stack.path, &resource.logical_id);
            if resource.condition.is_false() || !critical.contains(&name) {
                continue;
            }
            for edge in resource.dependencies.iter().filter(|it| it.explicit) {
                let on = child_path(&stack.path, &stack.resources[edge.on].logical_id);
                // One that a reference needs too, or that another way implies, costs nothing.
                if !critical.contains(&on) || implied(stack, at, edge.on) {
                    continue;
                }
                if imports_from(tree, &name, &on) {
                    continue;
                }
                // Each is tried by playing the whole plan without it.
                tried += 1;
                if tried > MOST_TRIED {
                    return found;
                }
                let without = Forward::play(tree, changes, Some((index, at, edge.on)));
                let saved = (forward.end.at - without.end.at.min(forward.end.at)) / 1000;
                if saved > 0 {
                    found.push(SlowDependency {
                        resource: name.clone(),
                        depends_on: on,
                        seconds: saved,
                    });
                }
            }
        }
    }
    found
}

/// Whether a resource waits for another without the `DependsOn` between the two.
fn implied(stack: &Stack, from: usize, to: usize) -> bool {
    let mut seen = HashSet::from([from]);
    let mut open = vec![from];
    while let Some(at) = open.pop() {
        for edge in &stack.resources[at].dependencies {
            if edge.on == to && !(at == from && edge.explicit) {
                return true;
            }
            if edge.on != to && seen.insert(edge.on) {
                open.push(edge.on);
            }
        }
    }
    false
}

/// Whether anything in one nested stack imports what another exports.
fn imports_from(tree: &Tree, importer: &str, exporter: &str) -> bool {
    let inside = |path: &str, stack: &str| {
        path.strip_prefix(stack).is_some_and(|it| it.is_empty() || it.starts_with('/'))
    };
    let exports: HashSet<&str> = tree
        .exports
        .iter()
        .filter(|it| inside(&tree.stacks[it.stack].path, exporter))
        .map(|it| &*it.name)
        .collect();
    !exports.is_empty()
        && tree.imports.iter().any(|it| inside(&it.path, importer) && exports.contains(&*it.name))
}
