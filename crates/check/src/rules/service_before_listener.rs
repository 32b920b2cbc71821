use crate::links::{Links, Place};
use crate::ordering::{dependency, waits};
use crate::rule::{Cx, Rule};
use crate::services::{Registration, Service};
use kumiki_project::Unknown;
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "service-before-listener",
    severity: Severity::Error,
    page: include_str!("service_before_listener.md"),
    check,
};

/// Types that put a target group to use, and the property that names it.
const USERS: &[(&str, &str)] = &[
    ("AWS::ElasticLoadBalancingV2::Listener", "DefaultActions"),
    ("AWS::ElasticLoadBalancingV2::ListenerRule", "Actions"),
];

fn check(cx: &mut Cx<'_>) {
    let tree = cx.tree;
    let links = Links::new(cx);
    // What may be there and may use the target group keeps the rule silent.
    if !USERS.iter().all(|(type_name, _)| links.all_certain(type_name)) || !links.whole() {
        return;
    }
    let Some(users) = users(&links) else { return };
    for service in Service::all(&links) {
        let (place, _, resource) = service.certain;
        for Registration { target_group, .. } in service.registrations(&links) {
            let Some((value, group)) = target_group else { continue };
            let users = users.get(&group).map_or(&[][..], |it| it);
            if users.iter().any(|it| waits(tree, place, *it)) {
                continue;
            }
            let (name, group_name) = (&resource.logical_id, &links.at(group).logical_id);
            let Some(user) = users.first() else {
                cx.report_value(
                    value,
                    message!("no listener uses target group `{group_name}`, where `{name}` registers its tasks", group_name, name),
                )
                .help
                .push(message!("forward to it in a listener or a rule, and let the service wait for that"));
                continue;
            };
            let listener = links.at(*user);
            let help = match dependency(tree, place, *user) {
                Some((from, to)) => message!("add `DependsOn: {to}` to `{from}`", to, from),
                None => message!("let the service wait for the listener"),
            };
            let listener_name = &listener.logical_id;
            let finding = cx.report_value(
                value,
                message!("`{name}` does not wait for `{listener_name}`, which puts its target group to use", name, listener_name),
            );
            let label = Some(message!("uses target group `{group_name}`", group_name));
            finding.hops.push(Hop { span: listener.span, label });
            finding.help.push(help);
        }
    }
}

/// The listeners and rules that use each target group of the tree; nothing when what one of them
/// does is not known.
fn users(links: &Links<'_>) -> Option<HashMap<Place, Vec<Place>>> {
    let mut users: HashMap<Place, Vec<Place>> = HashMap::new();
    for (type_name, property) in USERS {
        for (place, _, resource) in links.certain(type_name) {
            let Some(actions) = resource.property(property) else { continue };
            let mut clear = true;
            actions.unknowns(&mut |it| {
                it.each(&mut |it| {
                    clear &= !matches!(it, Unknown::Invalid | Unknown::Transform(_));
                    if let Unknown::PhysicalId(group) | Unknown::Attribute(group, _) = it
                        && &*group.type_name == "AWS::ElasticLoadBalancingV2::TargetGroup"
                        && let Some(group) = links.place(group)
                    {
                        users.entry(group).or_default().push(place);
                    }
                });
            });
            if !clear {
                return None;
            }
        }
    }
    Some(users)
}
