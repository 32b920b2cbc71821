use crate::rule::{Cx, Rule};
use kumiki_project::{Parameter, Resource, Stack};
use kumiki_source::{Hop, Severity, Span, message};
use kumiki_template::{Call, Expr, ExprKind, SubPart, Template};

pub(crate) static RULE: Rule = Rule {
    name: "secret-shown",
    severity: Severity::Warning,
    page: include_str!("secret_shown.md"),
    check,
};

/// Where services show what they are given to everybody who may look at the resource: the type, and
/// the key of the map or value.
const SHOWN: [(&str, &str); 6] = [
    ("AWS::EC2::Instance", "UserData"),
    ("AWS::EC2::LaunchTemplate", "UserData"),
    ("AWS::ECS::TaskDefinition", "Command"),
    ("AWS::ECS::TaskDefinition", "Environment"),
    ("AWS::Lambda::Function", "Environment"),
    ("AWS::SSM::Parameter", "Value"),
];

fn check(cx: &mut Cx<'_>) {
    let tree = cx.tree;
    // For each stack its parameters that hold secrets; parents come before their children.
    let mut secrets: Vec<Vec<bool>> = Vec::with_capacity(tree.stacks.len());
    for stack in &tree.stacks {
        let template = cx.template(stack);
        let passed = |parameter: &Parameter| {
            let (parent, resource) = stack.parent?;
            let declared = &cx.template(&tree.stacks[parent]).resources[resource];
            let passed = declared.properties.as_ref()?.get("Parameters")?.get(&parameter.name)?;
            mention(passed, cx.template(&tree.stacks[parent]), &secrets[parent])?;
            Some(passed.span)
        };
        let passed: Vec<Option<Span>> = stack.parameters.iter().map(passed).collect();
        let held: Vec<bool> = stack
            .parameters
            .iter()
            .zip(&passed)
            // What is empty hides nothing.
            .map(|(it, passed)| (it.no_echo || passed.is_some()) && it.value.as_text() != Some(""))
            .collect();
        for (index, span) in passed.iter().enumerate() {
            let (Some(span), parameter) = (span, &stack.parameters[index]) else { continue };
            if parameter.no_echo || parameter.value.as_text() == Some("") {
                continue;
            }
            let name = &parameter.name;
            let finding = cx.report(
                *span,
                message!("a secret is passed to parameter `{name}`, which shows its value", name),
            );
            let declared = template.parameters[index].name.span;
            finding.hops.push(Hop { span: declared, label: Some(message!("declared here")) });
            finding.help.push(message!("set `NoEcho: true` on the parameter of the nested stack"));
        }
        inside(cx, stack, template, &held);
        secrets.push(held);
    }
}

/// Looks for secrets in what a stack shows.
fn inside(cx: &mut Cx<'_>, stack: &Stack, template: &Template, secrets: &[bool]) {
    if !secrets.contains(&true) {
        return;
    }
    for output in &stack.outputs {
        let Some(declared) = template.outputs.get(&output.name) else { continue };
        let Some(secret) = mention(&declared.value, template, secrets) else { continue };
        let name = &output.name;
        cx.report(
            declared.value.span,
            message!("output `{name}` shows `{secret}`, which is a secret", name, secret),
        )
        .help
        .push(message!("outputs are not hidden by `NoEcho`; read it from Secrets Manager instead"));
    }
    for (resource, declared) in stack.resources.iter().zip(&template.resources) {
        if let Some(properties) = &declared.properties
            && !resource.condition.is_false()
        {
            self::resource(cx, resource, properties, template, secrets);
        }
    }
}

fn resource(
    cx: &mut Cx<'_>,
    resource: &Resource,
    properties: &Expr,
    template: &Template,
    secrets: &[bool],
) {
    for (_, key) in SHOWN.iter().filter(|it| it.0 == &*resource.type_name) {
        let mut found = Vec::new();
        properties.walk(&mut |it| {
            let shown = it.get(key);
            found.extend(shown.and_then(|it| Some((it.span, mention(it, template, secrets)?))));
        });
        for (span, secret) in found {
            let name = &resource.logical_id;
            cx.report(
                span,
                message!(
                    "`{key}` of `{name}` shows `{secret}`, which is a secret",
                    key,
                    name,
                    secret
                ),
            )
            .help
            .push(message!("keep it in Secrets Manager, and let the resource read it there"));
        }
    }
}

/// The first secret parameter that an expression uses.
fn mention<'t>(expr: &Expr, template: &'t Template, secrets: &[bool]) -> Option<&'t str> {
    let mut found = None;
    let mut look = |name: &str| {
        let index = template.parameters.index_of(name).filter(|it| secrets[*it]);
        found = found.or(index.map(|it| &*template.parameters[it].name.text));
    };
    expr.walk(&mut |it| {
        let ExprKind::Call(call) = &it.kind else { return };
        match &**call {
            Call::Ref(name) => look(&name.text),
            Call::Sub { parts, variables } => {
                for part in parts {
                    let SubPart::Reference(it) = part else { continue };
                    if !variables.iter().any(|variable| variable.key.text == it.name.text) {
                        look(&it.name.text);
                    }
                }
            }
            _ => {}
        }
    });
    found
}
