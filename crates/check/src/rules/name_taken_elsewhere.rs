use crate::deployments::{Account, Deployed, names};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "name-taken-elsewhere",
    severity: Severity::Error,
    page: include_str!("name_taken_elsewhere.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let deployments = cx.deployments;
    let stack = Deployed::of(cx.inputs);
    for (key, value) in names(&Links::new(cx), cx.inputs) {
        let Some(first) = deployments.before(&key, &stack) else { continue };
        let (type_name, name, other) = (key.0, &key.1, &first.stack.name);
        let message = match (&first.stack.account, &key.2) {
            (Account::Known(account), None) => message!(
                "stack `{other}` of account {account} has an `{type_name}` of this name too",
                other,
                account,
                type_name
            ),
            _ => {
                message!("stack `{other}` has an `{type_name}` of this name too", other, type_name)
            }
        };
        let finding = cx.report_value(value, message);
        if let Some(span) = first.span {
            finding.hops.push(Hop { span, label: Some(message!("named here")) });
        }
        finding.help.push(message!("put what tells the stacks apart into the name `{name}`", name));
    }
}
