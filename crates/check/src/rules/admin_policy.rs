use crate::links::Links;
use crate::policies::{Policy, identity_policies};
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Value};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "admin-policy",
    severity: Severity::Error,
    page: include_str!("admin_policy.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for policy in identity_policies(&links) {
        let (_, _, resource) = policy.of;
        // A policy of its own is bounded when everybody that it names is.
        let named = ["Roles", "Users", "RoleName", "UserName"];
        let named = named
            .iter()
            .filter_map(|it| resource.property(it))
            .flat_map(|it| it.as_list().unwrap_or(std::slice::from_ref(it)).iter());
        let mut bounded = named.map(|it| {
            let identity = links.reference(it).and_then(|it| links.place(it.resource));
            identity.is_some_and(|it| is_bounded(links.at(it)))
        });
        let first = bounded.next();
        if is_bounded(resource) || first.is_some_and(|it| it && bounded.all(|it| it)) {
            continue;
        }
        let document = Policy::read(policy.document);
        for statement in document.allowing() {
            let (actions, resources) = (statement.actions(), statement.resources());
            let everything = actions.find("*").or(actions.find("*:*"));
            let Some(value) = everything.filter(|_| resources.find("*").is_some()) else {
                continue;
            };
            if statement.is_conditional() {
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
        if is_bounded(role) {
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

fn is_bounded(identity: &Resource) -> bool {
    identity.property("PermissionsBoundary").is_some()
}
