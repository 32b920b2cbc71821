//! Every fact holds on the real project, and notices its own fault.

use service_acceptance::world::Texts;
use service_acceptance::{Fact, World, facts};
use std::collections::HashSet;
use std::sync::Mutex;

/// Applies `check` to every fact, several at a time, and reports what it finds in order.
fn each(check: impl Fn(&'static Fact) -> Vec<String> + Sync) {
    let queue = Mutex::new(facts().enumerate());
    let found = Mutex::new(Vec::new());
    let next = || queue.lock().expect("no check panics").next();
    let threads = std::thread::available_parallelism().map_or(1, |it| it.get().min(8));
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some((index, fact)) = next() {
                    for problem in check(fact) {
                        let problem = format!("{} {problem}", fact.id);
                        found.lock().expect("no check panics").push((index, problem));
                    }
                }
            });
        }
    });
    let mut found = found.into_inner().expect("no check panics");
    found.sort_by_key(|(index, _)| *index);
    let lines: Vec<_> = found.iter().map(|(_, it)| it.as_str()).collect();
    assert!(found.is_empty(), "\n{}\n", lines.join("\n"));
}

#[test]
fn every_fact_holds() {
    let world = World::real();
    assert_eq!(world.unreadable(), [""; 0]);
    each(|fact| (fact.check)(&world));
}

#[test]
fn every_fact_notices_its_fault() {
    let texts = Texts::read();
    each(|fact| {
        let Some(faulty) = fact.fault.plant(&texts) else {
            return vec![format!("plants nothing: `{}` has no such text", fact.fault.file)];
        };
        let world = World::of(faulty).first_only();
        let unreadable = world.unreadable();
        if !unreadable.is_empty() {
            return vec![format!("plants what cannot be read: {}", unreadable.join("; "))];
        }
        match (fact.check)(&world).as_slice() {
            [] => vec!["holds in spite of its fault".to_owned()],
            _ => Vec::new(),
        }
    });
}

#[test]
fn every_fact_has_an_identifier_of_its_own() {
    let mut seen = HashSet::new();
    let twice: Vec<_> = facts().filter(|it| !seen.insert(it.id)).map(|it| it.id).collect();
    assert_eq!(twice, [""; 0]);
}
