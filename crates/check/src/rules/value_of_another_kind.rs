use crate::kinds::{self, Kind};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{Stack, Value};
use kumiki_source::{FileId, Hop, Severity, Span, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "value-of-another-kind",
    severity: Severity::Error,
    page: include_str!("value_of_another_kind.md"),
    check,
};

/// A value, what it is wanted for, and what it is.
struct Misfit<'v> {
    value: &'v Value,
    what: String,
    wanted: Kind,
    is: Kind,
    declared: Option<Span>,
}

fn check(cx: &mut Cx<'_>) {
    let (tree, library) = (cx.tree, cx.library);
    let links = Links::new(cx);
    let mut misfits = Vec::new();
    for stack in &tree.stacks {
        let template = library.template(stack.template);
        for (parameter, declared) in stack.parameters.iter().zip(&template.parameters) {
            let Some(wanted) = kinds::of_parameter(&declared.type_name.text) else { continue };
            let Some(reference) = links.reference(&parameter.value) else { continue };
            let Some(is) = kinds::of_reference(reference).filter(|it| *it != wanted) else {
                continue;
            };
            misfits.push(Misfit {
                value: &parameter.value,
                what: parameter.name.to_string(),
                wanted,
                is,
                declared: Some(declared.type_name.span),
            });
        }
    }
    for (_, stack, resource) in links.all() {
        // The parameters of a nested stack are called what its author likes.
        if resource.type_name.starts_with("AWS::CloudFormation::") {
            continue;
        }
        let Some(schema) = kumiki_schema::resource_type(&resource.type_name) else { continue };
        kinds::leaves(&resource.properties, schema.root(), "", &mut |property, value| {
            let Some(is) = kind(&links, stack, cx.template(stack).file, value) else { return };
            let Some(wanted) = kinds::of_property(&resource.type_name, property) else { return };
            if is != wanted {
                misfits.push(Misfit {
                    value,
                    what: property.to_owned(),
                    wanted,
                    is,
                    declared: None,
                });
            }
        });
    }
    // One finding for what one stack passes to another, however often it is used there.
    let mut seen: HashSet<Span> = HashSet::new();
    for Misfit { value, what, wanted, is, declared } in misfits {
        let hops = value.origin.hops();
        let passed = match declared {
            Some(_) => hops.last(),
            None => hops.len().checked_sub(2).and_then(|it| hops.get(it)),
        };
        let passed = passed.or(hops.last()).map(|it| it.span);
        if passed.is_some_and(|it| !seen.insert(it)) {
            continue;
        }
        let (wanted, is) = (wanted.as_str(), is.as_str());
        let finding = cx.report_value(
            value,
            message!("`{what}` wants a {wanted}, and this is a {is}", what, wanted, is),
        );
        if let Some(span) = declared {
            finding.hops.push(Hop { span, label: Some(message!("declared here")) });
        }
        finding.help.push(message!("follow the value back to where it is mistaken for another"));
    }
}

/// What a value that comes from another stack or file is.
fn kind(links: &Links<'_>, stack: &Stack, file: FileId, value: &Value) -> Option<Kind> {
    if let Some(text) = value.as_text() {
        // What is written in the template itself is for AWS's rules.
        let elsewhere = value.origin.span.is_some_and(|it| it.file != file);
        return elsewhere.then(|| kinds::of_text(text)).flatten();
    }
    let reference = links.reference(value)?;
    (reference.resource.stack != stack.path).then(|| kinds::of_reference(reference)).flatten()
}
