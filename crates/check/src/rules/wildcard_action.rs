use crate::links::Links;
use crate::policies::{Policy, identity_policies};
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "wildcard-action",
    severity: Severity::Info,
    page: include_str!("wildcard_action.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for policy in identity_policies(&links) {
        for statement in Policy::read(policy.document).allowing() {
            let everywhere = statement.resources().find("*").is_some();
            for (action, value) in statement.actions().known {
                let Some((service, "*")) = action.split_once(':') else { continue };
                if service == "*" {
                    continue;
                }
                let everywhere = everywhere && !statement.is_conditional();
                let finding = cx.report_value(
                    value,
                    match everywhere {
                        true => message!(
                            "every action of `{service}` is allowed on everything",
                            service
                        ),
                        false => message!("every action of `{service}` is allowed", service),
                    },
                );
                if everywhere {
                    finding.severity = Severity::Warning;
                }
                finding.help.push(message!("name the actions that are used"));
            }
        }
    }
}
