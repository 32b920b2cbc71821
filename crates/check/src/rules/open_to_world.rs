use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "open-to-world",
    severity: Severity::Warning,
    page: include_str!("open_to_world.md"),
    check,
};

/// Ports that are there for everybody.
const PUBLIC: [i64; 2] = [80, 443];
/// Ports that AWS's own rule W2508 reports.
const REPORTED: [i64; 7] = [22, 3389, 3306, 5432, 1433, 6379, 27017];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        match &*resource.type_name {
            "AWS::EC2::SecurityGroup" => {
                let rules = resource.property("SecurityGroupIngress").and_then(Value::as_list);
                rules.unwrap_or_default().iter().for_each(|it| ingress(cx, it));
            }
            "AWS::EC2::SecurityGroupIngress" => ingress(cx, &resource.properties),
            _ => {}
        }
    }
}

fn ingress(cx: &mut Cx<'_>, rule: &Value) {
    let world = [("CidrIp", "0.0.0.0/0"), ("CidrIpv6", "::/0")]
        .into_iter()
        .find_map(|(property, all)| rule.get(property).filter(|it| it.as_text() == Some(all)));
    let Some(source) = world else { return };
    let port = |name| rule.get(name).and_then(Value::as_integer);
    let protocol = rule.get("IpProtocol").and_then(Value::as_text);
    // Everything (-1) is W2508's too.
    let Some(protocol @ ("tcp" | "udp" | "6" | "17")) = protocol else { return };
    let (Some(from), Some(to)) = (port("FromPort"), port("ToPort")) else { return };
    if from == to && PUBLIC.contains(&from) || REPORTED.iter().any(|it| (from..=to).contains(it)) {
        return;
    }
    let protocol = match protocol {
        "6" => "tcp",
        "17" => "udp",
        name => name,
    };
    let ports = if from == to { from.to_string() } else { format!("{from}-{to}") };
    let all = source.as_text().unwrap_or_default();
    let finding = cx.report_value(
        source,
        message!("{protocol} port {ports} is open to `{all}`", protocol, ports, all),
    );
    finding.help.push(message!("admit the networks that need it, or a security group"));
}
