use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};
use std::collections::BTreeMap;

pub(crate) static RULE: Rule = Rule {
    name: "too-many-managed-policies",
    severity: Severity::Warning,
    page: include_str!("too_many_managed_policies.md"),
    check,
};

/// How many managed policies a role, user or group has unless the quota was raised.
const MOST: usize = 10;

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut attached: BTreeMap<Place, usize> = BTreeMap::new();
    for (place, _, resource) in links.all() {
        match &*resource.type_name {
            "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" => {
                let own = resource.property("ManagedPolicyArns").and_then(Value::as_list);
                *attached.entry(place).or_default() += own.map_or(0, <[Value]>::len);
            }
            "AWS::IAM::ManagedPolicy" => {
                for to in ["Roles", "Users", "Groups"] {
                    let to = resource.property(to).and_then(Value::as_list).unwrap_or_default();
                    for target in to.iter().filter_map(|it| links.reference(it)) {
                        if let Some(target) = links.place(target.resource) {
                            *attached.entry(target).or_default() += 1;
                        }
                    }
                }
            }
            _ => {}
        }
    }
    for (place, count) in attached.into_iter().filter(|it| it.1 > MOST) {
        let resource = links.at(place);
        let span = cx.declaration(&cx.tree.stacks[place.0], resource).name.span;
        let name = &resource.logical_id;
        let finding =
            cx.report(span, message!("`{name}` has {count} managed policies", name, count));
        finding.help.push(message!(
            "{most} is the most unless the account's quota was raised; join some of them",
            most = MOST
        ));
    }
}
