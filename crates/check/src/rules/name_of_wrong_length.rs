use crate::links::Links;
use crate::names::NameRule;
use crate::rule::{Cx, Rule};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "name-of-wrong-length",
    severity: Severity::Error,
    page: include_str!("name_of_wrong_length.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let Some(rule) = NameRule::of(&resource.type_name) else { continue };
        let Some(value) = resource.property(rule.property) else { continue };
        let Some(name) = value.as_text().filter(|it| rule.is_name(it)) else { continue };
        let length = name.chars().count();
        let long = rule.most.filter(|most| length > *most);
        let short = rule.least.filter(|least| length < *least);
        let type_name = rule.type_name;
        match (long, short) {
            (Some(most), _) => {
                let over = length - most;
                cx.report_value(
                    value,
                    message!(
                        "`{name}` has {length} characters, and the name of an `{type_name}` has at most {most}",
                        name,
                        length,
                        type_name,
                        most
                    ),
                )
                .help
                .push(message!("make one of its parts shorter, by {over} in all", over));
            }
            (None, Some(least)) => {
                cx.report_value(
                    value,
                    message!(
                        "`{name}` has {length} characters, and the name of an `{type_name}` has at least {least}",
                        name,
                        length,
                        type_name,
                        least
                    ),
                )
                .help
                .push(message!("make the name longer"));
            }
            (None, None) => {}
        }
    }
}
