use crate::declared;
use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::subnets::{Subnet, Vpc, subnets};
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "overlapping-subnets",
    severity: Severity::Error,
    page: include_str!("overlapping_subnets.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let all = subnets(cx, &links);
    let mut by_vpc: HashMap<&Vpc<'_>, Vec<&Subnet<'_>>> = HashMap::new();
    for subnet in &all {
        by_vpc.entry(&subnet.vpc).or_default().push(subnet);
    }
    let mut pairs: Vec<(&Subnet<'_>, &Subnet<'_>)> = Vec::new();
    for mut group in by_vpc.into_values() {
        group.sort_by_key(|it| (it.block.network(), it.block.prefix_len(), it.certain.0));
        let mut widest: Option<&Subnet<'_>> = None;
        for subnet in group {
            match widest {
                Some(one) if subnet.block.network() <= one.block.broadcast() => {
                    let later_first = one.certain.0 > subnet.certain.0;
                    pairs.push(if later_first { (subnet, one) } else { (one, subnet) });
                }
                _ => widest = Some(subnet),
            }
        }
    }
    pairs.sort_by_key(|(_, it)| it.certain.0);
    for (first, second) in pairs {
        let literal = |it: &Subnet<'_>| {
            let declaration = cx.declaration(it.certain.1, it.certain.2);
            declared::property(declaration, "CidrBlock").is_some_and(declared::is_literal)
        };
        // AWS's rules compare what is written in one template.
        if first.certain.0.0 == second.certain.0.0 && literal(first) && literal(second) {
            continue;
        }
        let (one, other) = (first.block, second.block);
        let place = kumiki_project::resource_name(first.certain.1, first.certain.2);
        let span = first.certain.2.property("CidrBlock").and_then(|it| it.origin.nearest());
        let Some(value) = second.certain.2.property("CidrBlock") else { continue };
        let finding = cx.report_value(
            value,
            message!("`{other}` overlaps with `{one}` of the same VPC", other, one),
        );
        if let Some(span) = span {
            let label = Some(message!("`{one}` is `{place}`", one, place));
            finding.hops.push(Hop { span, label });
        }
        finding.help.push(message!("give the subnets of a VPC addresses of their own"));
    }
}
