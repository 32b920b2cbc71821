use crate::links::Links;
use crate::ordering::{depend_on, waits};
use crate::rights::{Given, needs, rights};
use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "rights-after-use",
    severity: Severity::Error,
    page: include_str!("rights_after_use.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let tree = cx.tree;
    let rights = rights(&links);
    for need in needs(&links).iter().filter(|it| it.tried) {
        let Some(of) = rights.get(&need.role) else { continue };
        let Given::By(givers) = of.give(&links, need.action, need.target.as_ref()) else {
            continue;
        };
        let waiting = |it: &_| *it == need.role || waits(tree, need.of, *it);
        let Some(first) = givers.first().copied() else { continue };
        if givers.iter().any(waiting) {
            continue;
        }
        let (user, policy) = (&links.at(need.of).logical_id, links.at(first));
        let (name, action) = (&policy.logical_id, need.action);
        let finding = cx.report_value(
            need.value,
            message!(
                "`{user}` does not wait for `{name}`, which allows its role `{action}`",
                user,
                name,
                action
            ),
        );
        finding.hops.push(Hop { span: policy.span, label: Some(message!("allowed here")) });
        finding.help.extend(depend_on(tree, need.of, first));
    }
}
