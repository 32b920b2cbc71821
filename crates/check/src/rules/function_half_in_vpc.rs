use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "function-half-in-vpc",
    severity: Severity::Error,
    page: include_str!("function_half_in_vpc.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, function) in links.certain("AWS::Lambda::Function") {
        let Some(vpc) = function.property("VpcConfig").filter(|it| it.as_map().is_some()) else {
            continue;
        };
        // How many there are, as far as that is known.
        let count = |property: &str| match vpc.get(property) {
            None => Some(0),
            Some(value) => value.as_list().map(<[_]>::len),
        };
        let (Some(subnets), Some(groups)) = (count("SubnetIds"), count("SecurityGroupIds")) else {
            continue;
        };
        let missing = match (subnets, groups) {
            (0, 1..) => "SubnetIds",
            (1.., 0) => "SecurityGroupIds",
            _ => continue,
        };
        let name = &function.logical_id;
        cx.report_value(vpc, message!("`VpcConfig` of `{name}` has no `{missing}`", name, missing))
            .help
            .push(message!("give both, or neither"));
    }
}
