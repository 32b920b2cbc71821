use crate::declared;
use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use crate::subnets::{Subnet, Vpc, blocks, subnets};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "subnet-outside-vpc",
    severity: Severity::Error,
    page: include_str!("subnet_outside_vpc.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let Some(blocks) = blocks(cx, &links) else { return };
    for Subnet { certain: (place, _, resource), vpc, block } in subnets(cx, &links) {
        let Vpc::Here(of) = vpc else { continue };
        let Some(admitted) = blocks.get(&of) else { continue };
        if admitted.iter().any(|it| it.contains(&block)) {
            continue;
        }
        let literal = |place: Place| {
            let stack = &cx.tree.stacks[place.0];
            let declaration = cx.declaration(stack, &stack.resources[place.1]);
            declared::property(declaration, "CidrBlock").is_some_and(declared::is_literal)
        };
        // AWS's rules compare what is written in one template.
        if place.0 == of.0 && literal(place) && literal(of) {
            continue;
        }
        let Some(value) = resource.property("CidrBlock") else { continue };
        let whole = admitted.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        let subnet = &resource.logical_id;
        let span = links.at(of).property("CidrBlock").and_then(|it| it.origin.nearest());
        let finding = cx.report_value(
            value,
            message!(
                "`{block}` of subnet `{subnet}` is not inside its VPC, which has {whole}",
                block,
                subnet,
                whole
            ),
        );
        if let Some(span) = span {
            finding.hops.push(Hop { span, label: Some(message!("the VPC")) });
        }
        finding.help.push(message!("take a block out of the VPC's, or add one to the VPC"));
    }
}
