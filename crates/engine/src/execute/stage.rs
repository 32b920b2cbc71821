//! The tasks of one stack in one phase, in the order of their dependencies.

use std::collections::HashMap;

/// What a stack goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StageKind {
    /// Its resources become what the template says.
    Forward,
    /// Everything in it is deleted.
    Delete,
    /// Its resources become what they were.
    Restore,
    /// What is no longer needed is deleted.
    Cleanup,
}

/// What a task is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// The resource.
    Resource,
    /// The physical resource that it was before, or nearly became.
    Previous,
    /// The nested stack that it is.
    Child,
}

/// How far a task came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Waiting,
    Running,
    Done,
    Failed,
    /// Something that it waits for failed.
    Skipped,
}

/// A task.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    pub(crate) logical_id: String,
    pub(crate) target: Target,
    pub(crate) state: State,
    waiting: usize,
    dependents: Vec<usize>,
}

/// The tasks of one stack in one phase.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) kind: StageKind,
    pub(crate) tasks: Vec<Task>,
    left: usize,
    /// Logical IDs of what failed, in the order in which it did.
    pub(crate) failed: Vec<String>,
}

impl Stage {
    /// A stage of the given tasks. `None` in the place of a task is one that there is nothing to
    /// do for; nothing waits for it.
    pub(crate) fn new(
        kind: StageKind,
        tasks: Vec<Option<(String, Target)>>,
        edges: impl IntoIterator<Item = (usize, usize)>,
    ) -> Self {
        let present: Vec<bool> = tasks.iter().map(Option::is_some).collect();
        let mut tasks: Vec<Task> = tasks
            .into_iter()
            .map(|it| {
                let state = if it.is_some() { State::Waiting } else { State::Done };
                let (logical_id, target) = it.unwrap_or((String::new(), Target::Resource));
                Task { logical_id, target, state, waiting: 0, dependents: Vec::new() }
            })
            .collect();
        for (before, after) in edges {
            if present[before] && present[after] && before != after {
                tasks[before].dependents.push(after);
            }
        }
        for index in 0..tasks.len() {
            tasks[index].dependents.sort_unstable();
            tasks[index].dependents.dedup();
            for after in tasks[index].dependents.clone() {
                tasks[after].waiting += 1;
            }
        }
        let left = present.iter().filter(|it| **it).count();
        Self { kind, tasks, left, failed: Vec::new() }
    }

    /// The tasks that wait for nothing.
    pub(crate) fn first(&self) -> Vec<usize> {
        let tasks = self.tasks.iter().enumerate();
        tasks
            .filter(|(_, it)| it.state == State::Waiting && it.waiting == 0)
            .map(|(index, _)| index)
            .collect()
    }

    /// Marks a task as done; the tasks that waited for it alone.
    pub(crate) fn done(&mut self, task: usize) -> Vec<usize> {
        self.tasks[task].state = State::Done;
        self.left -= 1;
        let mut ready = Vec::new();
        for after in self.tasks[task].dependents.clone() {
            let after_task = &mut self.tasks[after];
            after_task.waiting -= 1;
            if after_task.waiting == 0 && after_task.state == State::Waiting {
                ready.push(after);
            }
        }
        ready
    }

    /// Marks a task as failed, and everything that waits for it as never to be done.
    pub(crate) fn fail(&mut self, task: usize) {
        self.tasks[task].state = State::Failed;
        self.left -= 1;
        let logical_id = self.tasks[task].logical_id.clone();
        self.failed.push(logical_id);
        let mut skipped = self.tasks[task].dependents.clone();
        while let Some(next) = skipped.pop() {
            if self.tasks[next].state == State::Waiting {
                self.tasks[next].state = State::Skipped;
                self.left -= 1;
                skipped.extend(self.tasks[next].dependents.iter().copied());
            }
        }
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_over(&self) -> bool {
        self.left == 0
    }
}

/// The edges that make `tasks` respect what each depends on; reversed for deletions.
pub(crate) fn edges<'t>(tasks: &[(&'t str, &'t [String])], reversed: bool) -> Vec<(usize, usize)> {
    let mut by_name: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, (name, _)) in tasks.iter().enumerate() {
        by_name.entry(name).or_default().push(index);
    }
    let mut edges = Vec::new();
    for (index, (_, depends_on)) in tasks.iter().enumerate() {
        for on in depends_on.iter().filter_map(|it| by_name.get(it.as_str())).flatten() {
            edges.push(if reversed { (index, *on) } else { (*on, index) });
        }
    }
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_wait_for_what_is_there() {
        let tasks = ["A", "B", "C"].map(|it| Some((it.to_owned(), Target::Resource)));
        let [a, _, c] = tasks;
        let mut stage = Stage::new(StageKind::Forward, vec![a, None, c], [(0, 1), (1, 2), (0, 2)]);
        assert_eq!(stage.first(), [0]);
        assert_eq!(stage.done(0), [2]);
        assert!(!stage.is_over());
        stage.fail(2);
        assert!(stage.is_over());
        assert_eq!(stage.failed, ["C"]);
    }

    #[test]
    fn what_waits_for_a_failure_is_skipped() {
        let tasks = ["A", "B", "C", "D"].map(|it| Some((it.to_owned(), Target::Resource)));
        let mut stage = Stage::new(StageKind::Delete, tasks.into(), [(0, 1), (1, 2)]);
        stage.fail(0);
        assert_eq!(stage.tasks[2].state, State::Skipped);
        assert!(!stage.is_over());
        stage.done(3);
        assert!(stage.is_over());
    }
}
