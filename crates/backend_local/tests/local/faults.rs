//! Failures and slowness on purpose.

use crate::folder::Folder;
use crate::project::*;
use kumiki_backend_local::{Fault, Options};
use kumiki_engine::StackStatus;

const TEXT: &str = "Resources:
  A: { Type: AWS::SNS::Topic }
  B: { Type: AWS::SNS::Topic, DependsOn: A }
";

#[test]
fn what_is_slow_or_throttled_succeeds_later() {
    // A topic takes 11 seconds; 1 + 2 + 4 + 8 + 16 are waited for a service that throttles.
    let cases: [(&[&str], u64); 4] = [
        (&[], 22),
        (&["B:throttle"], 22 + 31),
        (&["A:slow"], 22 + 99),
        (&["A:slow:3", "B:slow:2"], 22 + 33),
    ];
    for (faults, seconds) in cases {
        let folder = Folder::new();
        let mut backend = open(&folder, faults);
        let (outcome, _) = up(&mut backend, &library(TEXT), &inputs("app", &[])).unwrap();
        assert!(outcome.succeeded, "{faults:?}");
        assert_eq!(outcome.elapsed, seconds * 1000, "{faults:?}");
    }
}

#[test]
fn dice_fall_the_same_way_for_the_same_seed() {
    let many = (0..60).map(|it| format!("  R{it}: {{ Type: AWS::SNS::Topic }}\n"));
    let text = format!("Resources:\n{}", many.collect::<String>());
    let run = |seed: &str| {
        let folder = Folder::new();
        let faults = vec![Fault::parse_random(seed).unwrap()];
        let mut backend = open_with(&folder, Options { faults, ..Options::default() });
        let (outcome, events) = up(&mut backend, &library(&text), &inputs("app", &[])).unwrap();
        if !outcome.succeeded {
            // The way back is not thrown for.
            assert_eq!(outcome.status, StackStatus::RollbackComplete, "{}", failures(&events));
            assert!(backend.things().unwrap().next().is_none());
        }
        outcome.cause.map(|it| (it.logical_id, it.reason))
    };
    let (id, reason) = run("7:10").unwrap();
    assert_eq!(run("7:10"), Some((id, reason.clone())));
    assert_eq!(reason, "Internal failure (injected, seed 7)");
    let causes: std::collections::BTreeSet<_> =
        (0..8).filter_map(|seed| Some(run(&format!("{seed}:10"))?.0)).collect();
    assert!(causes.len() > 2, "{causes:?}");
    assert_eq!(run("7:0"), None);
    assert!(run("7:100").is_some());
}
