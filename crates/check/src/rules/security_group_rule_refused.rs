use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "security-group-rule-refused",
    severity: Severity::Error,
    page: include_str!("security_group_rule_refused.md"),
    check,
};

/// The most characters of a description.
const MOST: usize = 255;

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        match &*resource.type_name {
            "AWS::EC2::SecurityGroup" => {
                for property in ["SecurityGroupIngress", "SecurityGroupEgress"] {
                    let rules = resource.property(property).and_then(Value::as_list);
                    rules.unwrap_or_default().iter().for_each(|it| rule(cx, it));
                }
            }
            "AWS::EC2::SecurityGroupEgress" | "AWS::EC2::SecurityGroupIngress" => {
                rule(cx, &resource.properties);
            }
            _ => {}
        }
    }
}

fn rule(cx: &mut Cx<'_>, rule: &Value) {
    let protocol = rule.get("IpProtocol").and_then(Value::as_text);
    if matches!(protocol, Some("tcp" | "udp" | "6" | "17")) {
        for property in ["FromPort", "ToPort"] {
            let Some(value) = rule.get(property) else { continue };
            let Some(port) = value.as_integer() else { continue };
            // -1 stands for all ports.
            if !(-1..=65_535).contains(&port) {
                cx.report_value(value, message!("there is no port {port}", port))
                    .help
                    .push(message!("ports are 0 to 65535"));
            }
        }
    }
    let Some(value) = rule.get("Description") else { return };
    let Some(text) = value.as_text() else { return };
    let length = text.chars().count();
    if let Some(character) = text.chars().find(|it| !admitted(*it)) {
        cx.report_value(
            value,
            message!("the description of a rule must not have `{character}` in it", character),
        )
        .help
        .push(message!(
            "EC2 takes letters and digits of English, spaces and `{marks}`",
            marks = MARKS
        ));
    } else if length > MOST {
        cx.report_value(
            value,
            message!(
                "the description of a rule has {length} characters, and {most} is the most",
                length,
                most = MOST
            ),
        );
    }
}

/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpRange.html>
const MARKS: &str = "._-:/()#,@[]+=&;{}!$*";

fn admitted(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == ' ' || MARKS.contains(character)
}
