use crate::links::Links;
use crate::rights::{Given, needs, rights};
use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "role-lacks-rights",
    severity: Severity::Error,
    page: include_str!("role_lacks_rights.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let rights = rights(&links);
    let mut seen = HashSet::new();
    for need in needs(&links) {
        let Some(of) = rights.get(&need.role) else { continue };
        let (action, target) = (need.action, need.target.as_ref());
        if !matches!(of.give(&links, action, target), Given::No) {
            continue;
        }
        // One missing action of a role is one finding, whatever asks for it.
        if !seen.insert((need.role, action, need.target.clone())) {
            continue;
        }
        let (role, user) = (links.at(need.role), &links.at(need.of).logical_id);
        let name = &role.logical_id;
        let finding = match target {
            Some(target) => cx.report_value(
                need.value,
                message!(
                    "role `{name}` is not allowed `{action}` on `{target}`, which `{user}` needs",
                    name,
                    action,
                    target,
                    user
                ),
            ),
            None => cx.report_value(
                need.value,
                message!(
                    "role `{name}` is not allowed `{action}`, which `{user}` needs",
                    name,
                    action,
                    user
                ),
            ),
        };
        finding.hops.push(Hop { span: role.span, label: Some(message!("the role")) });
        finding.help.push(message!("add the action to a policy of the role"));
    }
}
