use crate::declared;
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{ParameterType, Unknown, Value};
use kumiki_schema::Kind;
use kumiki_source::{Severity, message};
use kumiki_template::{Call, Expr, ExprKind, Template};

pub(crate) static RULE: Rule = Rule {
    name: "list-passed-as-string",
    severity: Severity::Error,
    page: include_str!("list_passed_as_string.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, stack, resource) in links.certain("AWS::CloudFormation::Stack") {
        let Some(passed) = resource.property("Parameters").and_then(Value::as_map) else {
            continue;
        };
        let declaration = cx.declaration(stack, resource);
        let Some(written) = declared::property(declaration, "Parameters").and_then(Expr::as_map)
        else {
            continue;
        };
        for (field, entry) in passed.iter().zip(written) {
            // A list that is known is reported as soon as it is passed.
            let Some(unknown) = field.value.as_unknown() else { continue };
            if **unknown == Unknown::Invalid || !is_list(cx.template(stack), &entry.value) {
                continue;
            }
            let name = &field.name;
            cx.report(
                entry.value.span,
                message!(
                    "parameter `{name}` is passed a list, and a nested stack takes strings",
                    name
                ),
            )
            .help
            .push(message!("join the items: `!Join [',', …]`"));
        }
    }
}

/// Whether what is written comes to a list.
fn is_list(template: &Template, expr: &Expr) -> bool {
    let ExprKind::Call(call) = &expr.kind else { return false };
    match &**call {
        Call::GetAZs(_) | Call::Split { .. } | Call::Cidr { .. } => true,
        Call::Ref(name) => template
            .parameters
            .get(&name.text)
            .and_then(|it| ParameterType::parse(&it.type_name.text))
            .is_some_and(|it| it.is_list()),
        Call::GetAtt { resource, attribute } => {
            let resource = template.resources.get(&resource.text);
            let schema = resource.and_then(|it| kumiki_schema::resource_type(&it.type_name.text));
            let kind = schema.zip(attribute.as_text()).and_then(|(it, name)| it.attribute(name));
            kind == Some(Kind::Array)
        }
        _ => false,
    }
}
