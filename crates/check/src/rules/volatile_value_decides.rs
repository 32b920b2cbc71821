use crate::rule::{Cx, Rule};
use crate::volatile::volatile_parameters;
use kumiki_source::{Hop, Severity, Span, message};
use kumiki_template::{Call, Expr, ExprKind, Name, SubPart};
use std::collections::{HashMap, HashSet};

pub(crate) static RULE: Rule = Rule {
    name: "volatile-value-decides",
    severity: Severity::Warning,
    page: include_str!("volatile_value_decides.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let volatile = volatile_parameters(cx);
    let mut seen: HashSet<Span> = HashSet::new();
    for (stack, volatile) in cx.tree.stacks.iter().zip(&volatile) {
        if volatile.is_empty() {
            continue;
        }
        let template = cx.template(stack);
        let mut found: Vec<(&Name, &str)> = Vec::new();
        for (_, condition) in &template.conditions {
            references(condition, &mut |it| found.push((it, "Conditions")));
        }
        for rule in &template.rules {
            let assertions = rule.assertions.iter().map(|it| &it.assert);
            for expr in rule.condition.iter().chain(assertions) {
                references(expr, &mut |it| found.push((it, "Rules")));
            }
        }
        let properties = template.resources.iter().filter_map(|it| it.properties.as_ref());
        for expr in properties.chain(template.outputs.iter().map(|it| &it.value)) {
            expr.walk(&mut |it| {
                let ExprKind::Call(call) = &it.kind else { return };
                let function = match &**call {
                    Call::Select { .. } => "Fn::Select",
                    Call::Split { .. } => "Fn::Split",
                    Call::FindInMap { .. } => "Fn::FindInMap",
                    _ => return,
                };
                call.arguments(&mut |it| references(it, &mut |it| found.push((it, function))));
            });
        }
        for (name, place) in found {
            let Some(source) = volatile.get(&*name.text) else { continue };
            if !seen.insert(name.span) {
                continue;
            }
            let text = &name.text;
            let finding = cx.report(
                name.span,
                message!(
                    "`{place}` uses `{text}`, which a nested change set does not know",
                    place,
                    text
                ),
            );
            finding.hops.push(Hop { span: *source, label: Some(message!("fed by this output")) });
            finding.help.push(message!(
                "pass what decides as a parameter of the root, or pass single elements"
            ));
        }
    }
}

/// Calls `visit` with the name of everything that an expression refers to by `Ref` or `Fn::Sub`.
fn references<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e Name)) {
    expr.walk(&mut |it| {
        let ExprKind::Call(call) = &it.kind else { return };
        match &**call {
            Call::Ref(name) => visit(name),
            Call::Sub { parts, variables } => {
                let own: HashMap<&str, ()> =
                    variables.iter().map(|it| (&*it.key.text, ())).collect();
                for part in parts {
                    if let SubPart::Reference(it) = part
                        && it.attribute.is_none()
                        && !own.contains_key(&*it.name.text)
                    {
                        visit(&it.name);
                    }
                }
            }
            _ => {}
        }
    });
}
