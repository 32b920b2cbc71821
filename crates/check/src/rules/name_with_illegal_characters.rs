use crate::links::Links;
use crate::names::{Fault, NameRule};
use crate::rule::{Cx, Rule};
use kumiki_source::{Message, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "name-with-illegal-characters",
    severity: Severity::Error,
    page: include_str!("name_with_illegal_characters.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let Some(rule) = NameRule::of(&resource.type_name) else { continue };
        let Some(value) = resource.property(rule.property) else { continue };
        let Some(name) = value.as_text().filter(|it| rule.is_name(it)) else { continue };
        let Some(fault) = rule.fault(name) else { continue };
        let help = describe(&fault);
        let type_name = rule.type_name;
        cx.report_value(
            value,
            message!("`{name}` cannot be the name of an `{type_name}`", name, type_name),
        )
        .help
        .push(help);
    }
}

fn describe(fault: &Fault) -> Message {
    match fault {
        Fault::Character(' ') => message!("leave out the spaces"),
        Fault::Character(character) => {
            message!("such a name has no `{character}`", character)
        }
        Fault::Beginning(part) => message!("such a name does not begin with `{part}`", part),
        Fault::End(part) => message!("such a name does not end with `{part}`", part),
        Fault::Part(part) => message!("such a name has no `{part}` in it", part),
        Fault::Address => message!("such a name does not look like an IP address"),
        Fault::Without(part) => message!("such a name begins with `{part}`", part),
    }
}
