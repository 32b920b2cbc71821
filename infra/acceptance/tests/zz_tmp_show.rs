use service_acceptance::world::Texts;
use service_acceptance::{World, facts};
#[test]
fn show() {
    let texts = Texts::read();
    let only = std::env::var("ONLY").unwrap_or_default();
    for fact in facts().filter(|it| only.split(',').any(|p| it.id.starts_with(p))) {
        let t = std::time::Instant::now();
        let world = World::of(fact.fault.plant(&texts).unwrap());
        let a = t.elapsed();
        let p = (fact.check)(&world);
        println!("{} ({:?} {:?}): {}", fact.id, a, t.elapsed(), p.len());
        for p in p.iter().take(3) {
            println!("     {}", p.chars().take(400).collect::<String>());
        }
    }
}
