//! Events against the documented courses of stacks and resources.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>

use kumiki_engine::Event;
use std::collections::HashMap;

/// From one status of a stack to the next. Nothing comes before the first.
const STACK: &[(&str, &[&str])] = &[
    ("", &["REVIEW_IN_PROGRESS", "CREATE_IN_PROGRESS"]),
    ("REVIEW_IN_PROGRESS", &["CREATE_IN_PROGRESS", "IMPORT_IN_PROGRESS", "DELETE_IN_PROGRESS"]),
    (
        "CREATE_IN_PROGRESS",
        &["CREATE_COMPLETE", "CREATE_FAILED", "ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"],
    ),
    ("CREATE_FAILED", &["ROLLBACK_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS"]),
    ("CREATE_COMPLETE", RESTING),
    ("ROLLBACK_IN_PROGRESS", &["ROLLBACK_COMPLETE", "ROLLBACK_FAILED"]),
    ("ROLLBACK_COMPLETE", &["DELETE_IN_PROGRESS"]),
    ("ROLLBACK_FAILED", &["DELETE_IN_PROGRESS"]),
    (
        "UPDATE_IN_PROGRESS",
        &[
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "UPDATE_FAILED",
            "ROLLBACK_IN_PROGRESS",
        ],
    ),
    ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", &["UPDATE_COMPLETE", "UPDATE_ROLLBACK_IN_PROGRESS"]),
    ("UPDATE_COMPLETE", RESTING),
    (
        "UPDATE_FAILED",
        &[
            "UPDATE_IN_PROGRESS",
            "UPDATE_ROLLBACK_IN_PROGRESS",
            "ROLLBACK_IN_PROGRESS",
            "DELETE_IN_PROGRESS",
        ],
    ),
    (
        "UPDATE_ROLLBACK_IN_PROGRESS",
        &["UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", "UPDATE_ROLLBACK_FAILED"],
    ),
    ("UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS", &["UPDATE_ROLLBACK_COMPLETE"]),
    ("UPDATE_ROLLBACK_COMPLETE", RESTING),
    ("UPDATE_ROLLBACK_FAILED", &["UPDATE_ROLLBACK_IN_PROGRESS", "DELETE_IN_PROGRESS"]),
    ("IMPORT_IN_PROGRESS", &["IMPORT_COMPLETE", "IMPORT_ROLLBACK_IN_PROGRESS"]),
    ("IMPORT_ROLLBACK_IN_PROGRESS", &["IMPORT_ROLLBACK_COMPLETE", "IMPORT_ROLLBACK_FAILED"]),
    ("IMPORT_COMPLETE", RESTING),
    ("IMPORT_ROLLBACK_COMPLETE", RESTING),
    ("DELETE_IN_PROGRESS", &["DELETE_COMPLETE", "DELETE_FAILED"]),
    ("DELETE_FAILED", &["DELETE_IN_PROGRESS"]),
    ("DELETE_COMPLETE", &[]),
];

/// What begins where a stack rests. A nested stack that was not touched goes back with its parent.
const RESTING: &[&str] = &[
    "UPDATE_IN_PROGRESS",
    "DELETE_IN_PROGRESS",
    "IMPORT_IN_PROGRESS",
    "UPDATE_ROLLBACK_IN_PROGRESS",
];

/// From one status of a resource to the next.
const RESOURCE: &[(&str, &[&str])] = &[
    ("", &["CREATE_IN_PROGRESS", "CREATE_FAILED", "IMPORT_IN_PROGRESS"]),
    ("CREATE_IN_PROGRESS", &["CREATE_IN_PROGRESS", "CREATE_COMPLETE", "CREATE_FAILED"]),
    (
        "CREATE_FAILED",
        &[
            "DELETE_IN_PROGRESS",
            "DELETE_COMPLETE",
            "DELETE_SKIPPED",
            "CREATE_IN_PROGRESS",
            "CREATE_FAILED",
            "UPDATE_IN_PROGRESS",
        ],
    ),
    ("CREATE_COMPLETE", SETTLED),
    ("UPDATE_IN_PROGRESS", &["UPDATE_IN_PROGRESS", "UPDATE_COMPLETE", "UPDATE_FAILED"]),
    ("UPDATE_COMPLETE", SETTLED),
    ("UPDATE_FAILED", SETTLED),
    ("IMPORT_IN_PROGRESS", &["IMPORT_COMPLETE", "IMPORT_FAILED"]),
    ("IMPORT_FAILED", &["IMPORT_ROLLBACK_IN_PROGRESS"]),
    ("IMPORT_ROLLBACK_IN_PROGRESS", &["IMPORT_ROLLBACK_COMPLETE"]),
    ("IMPORT_ROLLBACK_COMPLETE", &["CREATE_IN_PROGRESS", "IMPORT_IN_PROGRESS"]),
    ("IMPORT_COMPLETE", SETTLED),
    ("DELETE_IN_PROGRESS", &["DELETE_COMPLETE", "DELETE_FAILED"]),
    ("DELETE_FAILED", &["DELETE_IN_PROGRESS", "DELETE_SKIPPED", "CREATE_IN_PROGRESS"]),
    ("DELETE_COMPLETE", &["CREATE_IN_PROGRESS", "CREATE_FAILED"]),
    ("DELETE_SKIPPED", &["CREATE_IN_PROGRESS", "CREATE_FAILED"]),
];

/// What begins where a resource rests. What goes back to another physical resource does so at once.
const SETTLED: &[&str] = &[
    "UPDATE_IN_PROGRESS",
    "UPDATE_FAILED",
    "UPDATE_COMPLETE",
    "DELETE_IN_PROGRESS",
    "DELETE_SKIPPED",
    "DELETE_COMPLETE",
];

fn follows(table: &[(&str, &[&str])], before: &str, after: &str) -> bool {
    table.iter().find(|it| it.0 == before).is_some_and(|it| it.1.contains(&after))
}

/// Everything that is wrong with the order of events: all that a store has.
pub fn disorder(events: &[Event]) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut stacks: HashMap<&str, &str> = HashMap::new();
    let mut resources: HashMap<(&str, &str), (&str, &str)> = HashMap::new();
    let mut others: HashMap<(&str, &str, &str), &str> = HashMap::new();
    let mut last: Option<&Event> = None;
    for it in events {
        if let Some(last) = last {
            if it.sequence != last.sequence + 1 {
                wrong.push(format!("{} after {}", it.sequence, last.sequence));
            }
            if it.operation == last.operation && it.elapsed < last.elapsed {
                wrong.push(format!("{} goes back in time", it.sequence));
            }
        }
        last = Some(it);
        let status = it.status.as_str();
        if it.is_of_stack() && it.logical_id == it.stack_name {
            let before = stacks.insert(&it.stack_id, status).unwrap_or_default();
            // A deletion that is cancelled leaves the stack as it was.
            let cancelled = before == status
                && it.reason.as_ref().is_some_and(|it| it.starts_with("Delete canceled"));
            if !cancelled && !follows(STACK, before, status) {
                wrong.push(format!("stack {:?}: {before} then {status}", it.stack_path));
            }
            if !status.ends_with("_IN_PROGRESS") {
                let open = resources.iter().filter(|(place, _)| place.0 == it.stack_id);
                let open = open.filter(|(_, state)| state.0.ends_with("_IN_PROGRESS"));
                wrong.extend(open.map(|((_, id), state)| {
                    format!("{id} is in {} when its stack is in {status}", state.0)
                }));
            }
            continue;
        }
        let place = (it.stack_id.as_str(), it.logical_id.as_str());
        let known = resources.get(&place).copied().unwrap_or_default();
        let other =
            status.starts_with("DELETE") && !known.1.is_empty() && known.1 != it.physical_id;
        if other {
            // The old physical resource of one that was replaced, or the new one of one that was not.
            let place = (place.0, place.1, it.physical_id.as_str());
            let before = others.insert(place, status).unwrap_or_default();
            let begins =
                before.is_empty() && matches!(status, "DELETE_IN_PROGRESS" | "DELETE_SKIPPED");
            if !begins && !follows(RESOURCE, before, status) {
                wrong.push(format!("{place:?}: {before} then {status}"));
            }
            continue;
        }
        if !follows(RESOURCE, known.0, status) {
            wrong.push(format!("{}/{}: {} then {status}", it.stack_path, it.logical_id, known.0));
        }
        // A name may be taken again.
        others.remove(&(place.0, place.1, it.physical_id.as_str()));
        resources.insert(place, (status, &it.physical_id));
    }
    wrong
}

#[test]
fn disorder_is_seen() {
    use crate::creation::TREE;
    use crate::project::*;
    let mut engine = engine();
    succeeds(&mut engine, TREE);
    let events = engine.store.events.clone();
    assert_eq!(disorder(&events), [""; 0]);
    for missing in 1..events.len() {
        let mut fewer = events.clone();
        fewer.remove(missing);
        assert!(!disorder(&fewer).is_empty() || missing == events.len() - 1, "{missing}");
        let mut again = events.clone();
        again.swap(missing - 1, missing);
        assert!(!disorder(&again).is_empty(), "{missing}");
    }
}
