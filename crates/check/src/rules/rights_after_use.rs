use crate::links::{Links, Place};
use crate::ordering::{depend_on, waits};
use crate::rights::{Given, needs, rights};
use crate::rule::{Cx, Rule};
use crate::services::{Service, named};
use kumiki_project::Value;
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
    for (user, value, role) in running(&links) {
        let Some(of) = rights.get(&role) else { continue };
        let late = |it: &Place| {
            *it != role
                && !waits(tree, role, *it)
                && !waits(tree, user, *it)
                && !waits(tree, *it, user)
        };
        let Some(first) = of.givers().find(late) else { continue };
        let (user_name, policy, role) =
            (&links.at(user).logical_id, links.at(first), &links.at(role).logical_id);
        let name = &policy.logical_id;
        let finding = cx.report_value(
            value,
            message!(
                "`{user_name}` may run as `{role}` before `{name}` gives the role its rights",
                user_name,
                role,
                name
            ),
        );
        finding.severity = Severity::Warning;
        finding.hops.push(Hop { span: policy.span, label: Some(message!("allowed here")) });
        finding.help.extend(depend_on(tree, user, first));
    }
}

/// What runs as a role as soon as it is made: custom resources and services.
fn running<'t>(links: &Links<'t>) -> Vec<(Place, &'t Value, Place)> {
    const FUNCTION: &str = "AWS::Lambda::Function";
    const ROLE: &str = "AWS::IAM::Role";
    let mut found = Vec::new();
    for (place, _, resource) in links.all() {
        let type_name = &*resource.type_name;
        if type_name == "AWS::CloudFormation::CustomResource" || type_name.starts_with("Custom::") {
            let Some(token) = resource.property("ServiceToken") else { continue };
            let Some(function) = named(links, token, FUNCTION) else { continue };
            let role = links.at(function).property("Role").and_then(|it| named(links, it, ROLE));
            found.extend(role.map(|role| (place, token, role)));
        }
    }
    for service in Service::all(links) {
        let Some(task) = service.task.map(|it| links.at(it)) else { continue };
        let Some(value) = service.certain.2.property("TaskDefinition") else { continue };
        for property in ["ExecutionRoleArn", "TaskRoleArn"] {
            let role = task.property(property).and_then(|it| named(links, it, ROLE));
            found.extend(role.map(|role| (service.certain.0, value, role)));
        }
    }
    found
}
