use crate::links::Links;
use crate::rule::{Cx, Rule};
use ipnet::Ipv4Net;
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "block-with-host-bits",
    severity: Severity::Warning,
    page: include_str!("block_with_host_bits.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let properties = &resource.properties;
        match &*resource.type_name {
            "AWS::EC2::NetworkAclEntry" | "AWS::EC2::Subnet" | "AWS::EC2::VPC" => {
                block(cx, properties.get("CidrBlock"));
            }
            "AWS::EC2::Route" => block(cx, properties.get("DestinationCidrBlock")),
            "AWS::EC2::SecurityGroupEgress" | "AWS::EC2::SecurityGroupIngress" => {
                block(cx, properties.get("CidrIp"));
            }
            "AWS::EC2::SecurityGroup" => {
                for property in ["SecurityGroupIngress", "SecurityGroupEgress"] {
                    let rules = properties.get(property).and_then(Value::as_list);
                    for rule in rules.unwrap_or_default() {
                        block(cx, rule.get("CidrIp"));
                    }
                }
            }
            _ => {}
        }
    }
}

fn block(cx: &mut Cx<'_>, value: Option<&Value>) {
    let Some(value) = value else { return };
    let Some(text) = value.as_text() else { return };
    let Ok(block) = text.parse::<Ipv4Net>() else { return };
    let whole = block.trunc();
    if whole == block {
        return;
    }
    let address = block.addr();
    cx.report_value(
        value,
        message!("`{block}` names one address, and EC2 takes all of `{whole}`", block, whole),
    )
    .help
    .push(message!("write `{whole}`, or `{address}/32` for the one address", whole, address));
}
