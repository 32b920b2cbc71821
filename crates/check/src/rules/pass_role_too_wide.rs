use crate::links::Links;
use crate::policies::{Policy, identity_policies, matches};
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "pass-role-too-wide",
    severity: Severity::Warning,
    page: include_str!("pass_role_too_wide.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for policy in identity_policies(&links) {
        for statement in Policy::read(policy.document).allowing() {
            let actions = statement.actions().known;
            let pass = actions.iter().find(|(it, _)| *it != "*" && matches(it, "iam:PassRole"));
            let Some((_, action)) = pass else { continue };
            let bound = statement.looks_at(&["iam:PassedToService", "iam:AssociatedResourceArn"]);
            let resources = statement.resources().known;
            let wide = resources.iter().find(|(it, _)| *it == "*" || it.ends_with(":role/*"));
            let finding = match (wide, bound) {
                (Some((_, value)), false) => {
                    let message = message!("every role may be passed to every service");
                    cx.report_value(value, message)
                }
                (Some((_, value)), true) => {
                    let finding = cx.report_value(value, message!("every role may be passed"));
                    finding.severity = Severity::Info;
                    finding
                }
                (None, false) => {
                    let message = message!("the role may be passed to every service");
                    let finding = cx.report_value(action, message);
                    finding.severity = Severity::Info;
                    finding
                }
                (None, true) => continue,
            };
            finding.help.push(message!(
                "name the roles, and the service in a condition on `iam:PassedToService`"
            ));
        }
    }
}
