use crate::links::{Links, Place};
use crate::policies::{Policy, identity_policies};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "admin-policy",
    severity: Severity::Error,
    page: include_str!("admin_policy.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    // A boundary gives nothing: it says what may be given at most.
    let mut boundaries: HashSet<Place> = HashSet::new();
    let mut attached: HashSet<Place> = HashSet::new();
    for (_, _, resource) in links.all() {
        let place = |it: &Value| links.reference(it).and_then(|it| links.place(it.resource));
        boundaries.extend(resource.property("PermissionsBoundary").and_then(place));
        let managed = resource.property("ManagedPolicyArns").and_then(Value::as_list);
        attached.extend(managed.unwrap_or_default().iter().filter_map(place));
    }
    for policy in identity_policies(&links) {
        let (place, _, resource) = policy.of;
        let targets = ["Roles", "Users", "Groups"];
        let standalone = &*resource.type_name == "AWS::IAM::ManagedPolicy"
            && !targets.iter().any(|it| resource.property(it).is_some())
            && !attached.contains(&place);
        let document = Policy::read(policy.document);
        let denies = document.statements.iter().any(|it| it.effect() != Some("Allow"));
        if boundaries.contains(&place)
            || resource.property("PermissionsBoundary").is_some()
            // Who attaches it later may be bounded, and much as this looks when it is a boundary.
            || (standalone && denies)
        {
            continue;
        }
        for statement in document.allowing() {
            let (actions, resources) = (statement.actions(), statement.resources());
            let everything = actions.find("*").or(actions.find("*:*"));
            let Some(value) = everything.filter(|_| resources.find("*").is_some()) else {
                continue;
            };
            if statement.is_conditional() || statement.principals("Service").present {
                continue;
            }
            let name = &resource.logical_id;
            let finding =
                cx.report_value(value, message!("`{name}` may do everything to everything", name));
            finding.help.push(message!(
                "name the actions and resources, or bound it with `PermissionsBoundary`"
            ));
        }
    }
    for (_, _, role) in links.certain("AWS::IAM::Role") {
        if role.property("PermissionsBoundary").is_some() {
            continue;
        }
        let managed = role.property("ManagedPolicyArns").and_then(Value::as_list);
        for value in managed.unwrap_or_default() {
            if value.as_text().is_some_and(|it| it.ends_with(":policy/AdministratorAccess")) {
                let name = &role.logical_id;
                let finding = cx.report_value(
                    value,
                    message!("`{name}` may do everything to everything", name),
                );
                finding.severity = Severity::Warning;
                finding.help.push(message!(
                    "name the actions and resources, or bound it with `PermissionsBoundary`"
                ));
            }
        }
    }
}
