use crate::declared;
use crate::links::Links;
use crate::names::{NameRule, Unique};
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Stack};
use kumiki_source::{Hop, Severity, Span, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "name-taken-twice",
    severity: Severity::Error,
    page: include_str!("name_taken_twice.md"),
    check,
};

/// The resource that has a name first.
struct First<'t> {
    stack: &'t Stack,
    resource: &'t Resource,
    span: Option<Span>,
}

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut taken: HashMap<(&str, String, String), First<'_>> = HashMap::new();
    for (_, stack, resource) in links.all() {
        let Some(rule) = NameRule::of(&resource.type_name) else { continue };
        let Some(value) = resource.property(rule.property) else { continue };
        let Some(name) = value.as_text().filter(|it| rule.is_name(it)) else { continue };
        let Some(among) = among(&links, rule, resource) else { continue };
        let key = (rule.type_name, among, rule.folded(name));
        let first = match taken.entry(key) {
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(First { stack, resource, span: value.origin.nearest() });
                continue;
            }
            std::collections::hash_map::Entry::Occupied(first) => first.into_mut(),
        };
        if said_by_aws(cx, rule, first, (stack, resource)) {
            continue;
        }
        let type_name = rule.type_name;
        let (span, place) = (first.span, place(first.stack, first.resource));
        let finding = cx.report_value(
            value,
            message!("two `{type_name}` of this tree have the same name", type_name),
        );
        if let Some(span) = span {
            let label = Some(message!("`{place}` has it first", place));
            finding.hops.push(Hop { span, label });
        }
        finding.help.push(message!("give one of them another name than `{name}`, or none", name));
    }
}

fn place(stack: &Stack, resource: &Resource) -> String {
    kumiki_project::resource_name(stack, resource).to_string()
}

/// What two names must share to be in each other's way; nothing when that is not known.
fn among(links: &Links<'_>, rule: &NameRule, resource: &Resource) -> Option<String> {
    let properties = match &rule.unique {
        Unique::No => return None,
        Unique::Account | Unique::Region | Unique::Everywhere => return Some(String::new()),
        Unique::Among(properties) => properties,
    };
    let mut among = String::new();
    for property in properties {
        match resource.property(property) {
            None => among.push('-'),
            Some(value) => match value.as_text() {
                Some(text) => among.push_str(text),
                None => {
                    let reference = links.reference(value)?;
                    among.push('&');
                    among.push_str(&reference.resource.to_string());
                }
            },
        }
        among.push('\n');
    }
    Some(among)
}

/// Whether AWS's rules compare the two names as well: in one template, for the property that is
/// all of the identifier, when both are written alike.
fn said_by_aws(
    cx: &Cx<'_>,
    rule: &NameRule,
    first: &First<'_>,
    second: (&Stack, &Resource),
) -> bool {
    if !std::ptr::eq(first.stack, second.0) {
        return false;
    }
    let identifies = kumiki_schema::resource_type(rule.type_name).is_some_and(|it| {
        it.primary_identifier().len() == 1
            && it.primary_identifier().any(|it| it.segments().eq([rule.property]))
    });
    let text = |stack: &Stack, resource: &Resource| {
        let expr = declared::property(cx.declaration(stack, resource), rule.property)?;
        cx.library.sources.slice(expr.span)
    };
    identifies && text(first.stack, first.resource) == text(second.0, second.1)
}
