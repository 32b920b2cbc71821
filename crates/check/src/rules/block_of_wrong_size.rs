use crate::links::Links;
use crate::rule::{Cx, Rule};
use ipnet::Ipv4Net;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "block-of-wrong-size",
    severity: Severity::Error,
    page: include_str!("block_of_wrong_size.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let what = match &*resource.type_name {
            "AWS::EC2::VPC" | "AWS::EC2::VPCCidrBlock" => message!("a VPC"),
            "AWS::EC2::Subnet" => message!("a subnet"),
            _ => continue,
        };
        let Some(value) = resource.property("CidrBlock") else { continue };
        let Some(block) = value.as_text().and_then(|it| it.parse::<Ipv4Net>().ok()) else {
            continue;
        };
        if (16..=28).contains(&block.prefix_len()) {
            continue;
        }
        cx.report_value(
            value,
            message!("{what} has a block of /16 to /28, and this is `{block}`", what, block),
        )
        .help
        .push(message!("choose a block of another size"));
    }
}
