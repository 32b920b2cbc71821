use crate::links::{Certain, Links, Place};
use crate::listeners::{LISTENERS, each_target};
use crate::ordering::{dependency, waits};
use crate::rule::{Cx, Rule};
use kumiki_project::{Unknown, Value};
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "service-before-listener",
    severity: Severity::Error,
    page: include_str!("service_before_listener.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut forwarding: HashMap<Place, Vec<Certain<'_>>> = HashMap::new();
    // Whether some listener may forward to anything.
    let mut open = !links.whole();
    for (type_name, actions) in LISTENERS {
        open |= !links.all_certain(type_name);
        for listener in links.certain(type_name) {
            let Some(actions) = listener.2.property(actions) else { continue };
            open |= !each_target(actions, &mut |value| match links
                .reference(value)
                .and_then(|it| links.place(it.resource))
            {
                Some(group) => forwarding.entry(group).or_default().push(listener),
                None => open |= value.as_text().is_none(),
            });
        }
    }
    let tree = cx.tree;
    for service in links.certain("AWS::ECS::Service") {
        let balancers = service.2.property("LoadBalancers").and_then(Value::as_list);
        for balancer in balancers.unwrap_or_default() {
            let Some(value) = balancer.get("TargetGroupArn") else { continue };
            let Some(reference) = links.reference(value) else { continue };
            let Some(group) = links.place(reference.resource) else { continue };
            let (name, target) = (&service.2.logical_id, &links.at(group).logical_id);
            match forwarding.get(&group) {
                None if open || is_handed_out(cx, group) => {}
                None => {
                    let finding = cx.report_value(
                        value,
                        message!("no listener forwards to target group `{target}`", target),
                    );
                    finding.help.push(message!(
                        "ECS refuses a service whose target group has no load balancer; add a \
                         listener or a listener rule"
                    ));
                }
                Some(listeners) if listeners.iter().any(|it| waits(tree, service.0, it.0)) => {}
                Some(listeners) => {
                    let listener = listeners[0];
                    let by = &listener.2.logical_id;
                    let finding = cx.report_value(
                        value,
                        message!(
                            "service `{name}` does not wait for `{by}`, which forwards to it",
                            name,
                            by
                        ),
                    );
                    finding
                        .hops
                        .push(Hop { span: listener.2.span, label: Some(message!("the listener")) });
                    if let Some((waiting, on)) = dependency(tree, service.0, listener.0) {
                        finding.help.push(message!(
                            "add `DependsOn: {on}` to `{waiting}`",
                            on,
                            waiting
                        ));
                    }
                }
            }
        }
    }
}

/// Whether somebody outside the tree can know the target group, and make a listener for it.
fn is_handed_out(cx: &Cx<'_>, group: Place) -> bool {
    let resource = &cx.tree.stacks[group.0].resources[group.1];
    let path = &cx.tree.stacks[group.0].path;
    let exported = |it: &&kumiki_project::Output| it.export.is_some();
    let outputs = cx.tree.stacks.iter().enumerate();
    outputs
        .flat_map(|(index, it)| it.outputs.iter().filter(move |it| index == 0 || exported(it)))
        .any(|output| {
            let mut found = false;
            output.value.unknowns(&mut |it| {
                it.each(&mut |it| {
                    if let Unknown::PhysicalId(it) | Unknown::Attribute(it, _) = it {
                        found |= it.logical_id == resource.logical_id && it.stack == *path;
                    }
                });
            });
            found
        })
}
