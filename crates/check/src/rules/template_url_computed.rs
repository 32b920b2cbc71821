use crate::rule::{Cx, Rule};
use kumiki_source::{Message, Severity, Span, message};
use kumiki_template::{Call, Expr, ExprKind, SubPart, Template};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "template-url-computed",
    severity: Severity::Warning,
    page: include_str!("template_url_computed.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let mut seen: HashSet<Span> = HashSet::new();
    let nested: Vec<_> = cx.resources("AWS::CloudFormation::Stack").collect();
    for (stack, resource) in nested {
        let template = cx.template(stack);
        let declaration = cx.declaration(stack, resource);
        let url = declaration.properties.as_ref().and_then(|it| it.get("TemplateURL"));
        let mut found: Vec<(Span, Message)> = Vec::new();
        if let Some(url) = url {
            url.walk(&mut |it| found.extend(late(it, template)));
        }
        for (span, what) in found {
            if !seen.insert(span) {
                continue;
            }
            let name = &resource.logical_id;
            let finding = cx.report(
                span,
                message!(
                    "`TemplateURL` of `{name}` depends on {what}, which only a deployment knows",
                    name,
                    what
                ),
            );
            finding.help.push(message!(
                "write the path of the template, which packaging rewrites, or a parameter of the root"
            ));
        }
    }
}

/// What an expression takes from a deployment.
fn late(expr: &Expr, template: &Template) -> Vec<(Span, Message)> {
    let ExprKind::Call(call) = &expr.kind else { return Vec::new() };
    let of = |name: &str| message!("`{name}`", name);
    match &**call {
        Call::ImportValue(_) => vec![(expr.span, of("Fn::ImportValue"))],
        Call::GetStackOutput { .. } => vec![(expr.span, of("Fn::GetStackOutput"))],
        Call::GetAtt { resource, .. } => vec![(expr.span, of(&resource.text))],
        Call::Ref(name) if template.resources.get(&name.text).is_some() => {
            vec![(expr.span, of(&name.text))]
        }
        Call::Sub { parts, variables } => parts
            .iter()
            .filter_map(|part| match part {
                SubPart::Reference(it)
                    if template.resources.get(&it.name.text).is_some()
                        && !variables.iter().any(|variable| variable.key.text == it.name.text) =>
                {
                    Some((it.name.span, of(&it.name.text)))
                }
                _ => None,
            })
            .collect(),
        _ => Vec::new(),
    }
}
