//! The load balancers of a tree: which listeners they have, and where these forward to.

use crate::links::{Links, Place};
use kumiki_project::{Resource, Value};

const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";
const RULE: &str = "AWS::ElasticLoadBalancingV2::ListenerRule";

/// What forwards, and the property that says where to.
pub(crate) const LISTENERS: [(&str, &str); 2] = [(LISTENER, "DefaultActions"), (RULE, "Actions")];

/// A use of a target group of the tree.
pub(crate) struct Forward<'t> {
    /// The value that names the target group.
    pub(crate) value: &'t Value,
    /// The target group.
    pub(crate) group: Place,
    /// The load balancer that forwards to it.
    pub(crate) balancer: Place,
}

/// Every use of a target group of the tree by a load balancer of the tree.
pub(crate) fn forwards<'t>(links: &Links<'t>) -> Vec<Forward<'t>> {
    let place = |resource: &'t Resource, property: &str| {
        links.place(links.reference(resource.property(property)?)?.resource)
    };
    let mut forwards = Vec::new();
    for (type_name, actions) in LISTENERS {
        for (at, _, resource) in links.certain(type_name) {
            let listener = match type_name {
                RULE => place(resource, "ListenerArn").map(|it| links.at(it)),
                _ => Some(resource),
            };
            let Some(listener) = listener.filter(|it| &*it.type_name == LISTENER) else { continue };
            let Some(balancer) = place(listener, "LoadBalancerArn") else { continue };
            let Some(actions) = resource.property(actions) else { continue };
            each_target(actions, &mut |value| {
                let group = links.reference(value).and_then(|it| links.place(it.resource));
                if let Some(group) = group {
                    forwards.push((at, Forward { value, group, balancer }));
                }
            });
        }
    }
    // As they are written, whether by listeners or by rules.
    forwards.sort_by_key(|it| it.0);
    forwards.into_iter().map(|it| it.1).collect()
}

/// Calls `visit` with each target group of a list of actions; whether all of them are known to be
/// there.
pub(crate) fn each_target<'v>(actions: &'v Value, visit: &mut dyn FnMut(&'v Value)) -> bool {
    let Some(list) = actions.as_list() else { return false };
    let mut whole = true;
    for action in list {
        whole &= action.as_map().is_some();
        if let Some(target) = action.get("TargetGroupArn") {
            visit(target);
        }
        let Some(groups) = action.at("ForwardConfig.TargetGroups") else { continue };
        whole &= groups.as_list().is_some();
        for group in groups.as_list().unwrap_or_default() {
            if let Some(target) = group.get("TargetGroupArn") {
                visit(target);
            }
        }
    }
    whole
}
