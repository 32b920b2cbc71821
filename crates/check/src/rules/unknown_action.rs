use crate::links::Links;
use crate::policies::{Policy, actions_of, documents, matches};
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, closest, message};

pub(crate) static RULE: Rule = Rule {
    name: "unknown-action",
    severity: Severity::Warning,
    page: include_str!("unknown_action.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let mut found = Vec::new();
        documents(&resource.properties, &mut |document| {
            for statement in Policy::read(document).statements {
                let other = crate::policies::Items::read(statement.get("NotAction"));
                for (text, value) in statement.actions().known.into_iter().chain(other.known) {
                    let Some((service, action)) = text.split_once(':') else { continue };
                    let Some(known) = actions_of(service) else { continue };
                    let pattern = action.contains(['*', '?']);
                    let there = match pattern {
                        true => known.iter().any(|it| matches(action, it)),
                        false => known.contains(&action.to_ascii_lowercase().as_str()),
                    };
                    if !there {
                        let near = closest(&action.to_ascii_lowercase(), known.iter().copied());
                        found.push((text, value, service, near.filter(|_| !pattern)));
                    }
                }
            }
        });
        for (text, value, service, near) in found {
            let finding = cx
                .report_value(value, message!("`{service}` has no action `{text}`", service, text));
            finding.help.push(match near {
                Some(near) => {
                    message!("did you mean `{near}`?", near = format!("{service}:{near}"))
                }
                None => {
                    message!("the statement does nothing for it; some services refuse the policy")
                }
            });
        }
    }
}
