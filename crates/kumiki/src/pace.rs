//! How fast a rehearsal goes, and where its time goes. The clock and the sleeping are the caller's.

use kumiki_engine::Event;
use std::collections::HashMap;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// How fast a rehearsal goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Speed {
    /// As fast as it can.
    #[default]
    Fast,
    /// So many times as fast as AWS would.
    Times(NonZeroU32),
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "fast" => Ok(Self::Fast),
            "real" => Ok(Self::Times(NonZeroU32::MIN)),
            _ => text.parse().map(Self::Times).map_err(|_| "`fast`, `real` or a whole number"),
        }
    }
}

/// Something that an operation did to a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    /// Logical IDs from the root, joined by `/`.
    pub(crate) path: String,
    /// The type.
    pub(crate) type_name: String,
    /// When it began and ended, in virtual milliseconds.
    pub(crate) began: u64,
    pub(crate) ended: u64,
}

/// The events of one operation as they come.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    speed: Speed,
    /// The virtual time of the first event: an operation that is continued does not begin at 0.
    first: Option<u64>,
    began: HashMap<String, u64>,
    steps: Vec<Step>,
}

impl Pace {
    pub(crate) fn new(speed: Speed) -> Self {
        Self { speed, ..Self::default() }
    }

    /// Takes in an event, so long after the first; how long to wait before it is shown.
    pub(crate) fn event(&mut self, event: &Event, since: Duration) -> Duration {
        if event.resource_type != STACK_TYPE {
            let path = format!("{}/{}", event.stack_path, event.logical_id);
            let path = path.trim_start_matches('/').to_owned();
            if event.status.ends_with("_IN_PROGRESS") {
                self.began.entry(path).or_insert(event.elapsed);
            } else if let Some(began) = self.began.remove(&path) {
                let type_name = event.resource_type.clone();
                self.steps.push(Step { path, type_name, began, ended: event.elapsed });
            }
        }
        let virtually = event.elapsed - *self.first.get_or_insert(event.elapsed);
        match self.speed {
            Speed::Fast => Duration::ZERO,
            Speed::Times(factor) => {
                Duration::from_millis(virtually / u64::from(factor.get())).saturating_sub(since)
            }
        }
    }

    /// The steps that made the operation take as long as it did, first to last: each could begin when
    /// the one before had ended.
    pub(crate) fn slowest_path(&self) -> Vec<&Step> {
        let mut path: Vec<&Step> = Vec::new();
        let mut next = self.steps.iter().max_by_key(|it| (it.ended, it.ended - it.began));
        while let Some(step) = next {
            path.push(step);
            // The clock is virtual: what waited begins at the very instant.
            next = self
                .steps
                .iter()
                .filter(|it| it.ended == step.began && it.began < it.ended)
                .max_by_key(|it| (folder(&it.path) == folder(&step.path), it.ended - it.began));
        }
        path.reverse();
        path
    }
}

/// The stack that a resource is in.
fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(stack, _)| stack)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(path: &str, status: &str, elapsed: u64) -> Event {
        let (stack_path, logical_id) = path.rsplit_once('/').unwrap_or(("", path));
        Event {
            sequence: 0,
            time: 0,
            elapsed,
            operation: String::new(),
            stack_path: stack_path.into(),
            stack_name: String::new(),
            stack_id: String::new(),
            root_id: String::new(),
            logical_id: logical_id.into(),
            physical_id: String::new(),
            resource_type: "AWS::SNS::Topic".into(),
            status: status.into(),
            reason: None,
        }
    }

    #[test]
    fn speeds_are_read() {
        assert_eq!("fast".parse(), Ok(Speed::Fast));
        assert_eq!("real".parse(), Ok(Speed::Times(NonZeroU32::MIN)));
        assert_eq!("60".parse(), Ok(Speed::Times(NonZeroU32::new(60).unwrap())));
        assert!("0".parse::<Speed>().is_err() && "slow".parse::<Speed>().is_err());
    }

    #[test]
    fn an_event_waits_until_its_time() {
        // Speed, virtual times of two events, real time since the first, expected wait.
        let cases = [
            ("fast", 0, 90_000, 0, 0),
            ("real", 0, 90_000, 10, 89_990),
            ("60", 0, 90_000, 10, 1_490),
            ("60", 30_000, 90_000, 0, 1_000),
            ("real", 0, 5, 10, 0),
        ];
        for (speed, first, second, since, expected) in cases {
            let mut pace = Pace::new(speed.parse().unwrap());
            pace.event(&event("A", "CREATE_IN_PROGRESS", first), Duration::ZERO);
            let wait =
                pace.event(&event("A", "CREATE_COMPLETE", second), Duration::from_millis(since));
            assert_eq!(wait, Duration::from_millis(expected), "{speed}");
        }
    }

    #[test]
    fn the_slowest_path_ends_last_and_has_no_gaps() {
        let mut pace = Pace::default();
        let events = [
            ("Vpc", "CREATE_IN_PROGRESS", 0),
            ("Key", "CREATE_IN_PROGRESS", 0),
            ("Vpc", "CREATE_IN_PROGRESS", 0),
            ("Vpc", "CREATE_COMPLETE", 12),
            ("S/Subnet", "CREATE_IN_PROGRESS", 12),
            ("S/Subnet", "CREATE_COMPLETE", 18),
            ("S/Db", "CREATE_IN_PROGRESS", 18),
            ("Key", "CREATE_COMPLETE", 125),
            ("S/Db", "CREATE_COMPLETE", 618),
        ];
        for (path, status, elapsed) in events {
            pace.event(&event(path, status, elapsed), Duration::ZERO);
        }
        let path: Vec<&str> = pace.slowest_path().iter().map(|it| &*it.path).collect();
        assert_eq!(path, ["Vpc", "S/Subnet", "S/Db"]);
    }
}
