//! 8.1 Network.

use super::{Fact, Fault, Level::R};
use crate::World;

/// The facts of the network layer.
pub const FACTS: &[Fact] = &[Fact {
    id: "VPC-1",
    level: R,
    says: "the address space is 10.0.0.0/16 in dev, 10.1.0.0/16 in stg and 10.2.0.0/16 in prod",
    check: vpc_1,
    fault: Fault { file: "parameters/stg.json", from: "10.1.0.0/16", to: "10.4.0.0/16" },
}];

fn vpc_1(world: &World) -> Vec<String> {
    world.views(|it| {
        it.expect("VpcStack/VPC", "CidrBlock", it.by("10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"));
    })
}
