use crate::deliveries::{Admissions, deliveries};
use crate::links::Links;
use crate::ordering::{depend_on, waits};
use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "delivery-before-permission",
    severity: Severity::Error,
    page: include_str!("delivery_before_permission.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let tree = cx.tree;
    let admissions = Admissions::new(&links);
    for delivery in deliveries(&links).iter().filter(|it| it.tried) {
        let from = delivery.from;
        let Some(admitting) = admissions.of(&links, delivery) else { continue };
        let Some(first) = admitting.first().copied() else { continue };
        if admitting.iter().any(|it| waits(tree, from, *it)) {
            continue;
        }
        let (name, policy) = (&links.at(from).logical_id, links.at(first));
        let on = &policy.logical_id;
        let finding = cx.report_value(
            delivery.value,
            message!("`{name}` does not wait for `{on}`, which admits the delivery", name, on),
        );
        finding.hops.push(Hop { span: policy.span, label: Some(message!("admitted here")) });
        finding.help.push(match waits(tree, first, from) {
            true => message!(
                "`{on}` waits for `{name}`: give `{name}` a name and write it out in `{on}`, so that \
                 the order can be turned round",
                on,
                name
            ),
            false => match depend_on(tree, from, first) {
                Some(help) => help,
                None => continue,
            },
        });
    }
}
