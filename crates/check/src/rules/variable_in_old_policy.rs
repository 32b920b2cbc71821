use crate::links::Links;
use crate::policies::{Items, Policy, documents};
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "variable-in-old-policy",
    severity: Severity::Warning,
    page: include_str!("variable_in_old_policy.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let mut found = Vec::new();
        documents(&resource.properties, &mut |document| {
            let version = document.get("Version");
            if version.is_some_and(|it| it.as_text() != Some("2008-10-17")) {
                return;
            }
            for statement in Policy::read(document).statements {
                let mut items = statement.resources().known;
                statement
                    .conditions(&mut |_, _, value| items.extend(Items::read(Some(value)).known));
                found.extend(items.into_iter().filter(|it| it.0.contains("${")));
            }
        });
        for (text, value) in found {
            let finding = cx.report_value(
                value,
                message!(
                    "a policy without version `2012-10-17` takes `{text}` letter by letter",
                    text
                ),
            );
            finding.help.push(message!("add version `2012-10-17` to the policy"));
        }
    }
}
