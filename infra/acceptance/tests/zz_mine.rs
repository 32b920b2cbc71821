//! Scratch.
#![allow(missing_docs, clippy::print_stdout)]
use service_acceptance::world::Texts;
use service_acceptance::{World, facts};
#[test]
fn mine() {
    let texts = Texts::read();
    let real = World::real();
    assert_eq!(real.unreadable(), [""; 0]);
    let only = std::env::var("ONLY").unwrap_or_default();
    for fact in facts().filter(|it| only.split(',').any(|p| it.id.starts_with(p))) {
        let p = (fact.check)(&real);
        if !p.is_empty() {
            println!("{} FAILS: {}", fact.id, p.len());
            for p in p.iter().take(6) {
                println!("     {}", p.chars().take(900).collect::<String>());
            }
        }
        let Some(planted) = fact.fault.plant(&texts) else {
            println!("{} PLANTS NOTHING", fact.id);
            continue;
        };
        let world = World::of(planted);
        if !world.unreadable().is_empty() {
            println!("{} UNREADABLE {:?}", fact.id, world.unreadable());
        }
        let p = (fact.check)(&world);
        println!("{}: fault gives {}", fact.id, p.len());
        for p in p.iter().take(1) {
            println!("     {}", p.chars().take(200).collect::<String>());
        }
    }
}
#[test]
fn dump() {
    let real = World::real();
    let Ok(path) = std::env::var("DUMP") else { return };
    let root = std::env::var("ROOT").unwrap_or("service".into());
    let env = std::env::var("ENVI").unwrap_or("prod".into());
    real.root_views(&root, |it| {
        if it.environment == env && it.scenario != "first-creation" {
            for r in it.resources().filter(|r| r.name.starts_with(&path)) {
                println!("{} {}", r.name, r.properties());
            }
        }
    });
}
