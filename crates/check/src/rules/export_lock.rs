use crate::declared;
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{ResourceRef, Unknown, Value};
use kumiki_source::{Hop, Severity, message};
use kumiki_template::{Call, ExprKind, SubPart};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "export-lock",
    severity: Severity::Error,
    page: include_str!("export_lock.md"),
    check,
};

/// Types that a normal release replaces: everything about them is create-only, or a change makes
/// another revision.
const REVISIONS: &[&str] = &[
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGatewayV2::Deployment",
    "AWS::AutoScaling::LaunchConfiguration",
    "AWS::Batch::JobDefinition",
    "AWS::ECS::TaskDefinition",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version",
];

/// Attributes that a normal release changes, of resources that stay.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("AWS::EC2::LaunchTemplate", "DefaultVersionNumber"),
    ("AWS::EC2::LaunchTemplate", "LatestVersionNumber"),
];

/// Types that an engine upgrade replaces, and the property that carries the version.
const VERSIONED: &[(&str, &str)] = &[
    ("AWS::DocDB::DBClusterParameterGroup", "Family"),
    ("AWS::ElastiCache::ParameterGroup", "CacheParameterGroupFamily"),
    ("AWS::Neptune::DBClusterParameterGroup", "Family"),
    ("AWS::Neptune::DBParameterGroup", "Family"),
    ("AWS::RDS::DBClusterParameterGroup", "Family"),
    ("AWS::RDS::DBParameterGroup", "Family"),
    ("AWS::RDS::OptionGroup", "MajorEngineVersion"),
];

fn check(cx: &mut Cx<'_>) {
    let tree = cx.tree;
    let links = Links::new(cx);
    let exports: HashMap<&str, usize> =
        tree.exports.iter().enumerate().map(|(index, it)| (&*it.name, index)).collect();
    for import in &tree.imports {
        let Some(export) = exports.get(&*import.name).map(|it| &tree.exports[*it]) else {
            continue;
        };
        let value = &tree.stacks[export.stack].outputs[export.output].value;
        let Some((resource, severity)) = moving(cx, &links, value) else { continue };
        let type_name = &resource.type_name;
        let message = match severity {
            Severity::Error => message!(
                "what is imported here changes with every release: it comes from the `{type_name}` `{resource}`",
                type_name,
                resource
            ),
            _ => message!(
                "what is imported here changes with an engine upgrade: it comes from the `{type_name}` `{resource}`",
                type_name,
                resource
            ),
        };
        let finding = cx.report(import.span, message);
        finding.severity = severity;
        finding.hops.push(Hop { span: export.span, label: Some(message!("exported here")) });
        if let Some(span) = value.origin.span {
            finding.hops.push(Hop { span, label: Some(message!("its value")) });
        }
        finding.help.push(message!(
            "pass it as a parameter from the output; an export cannot change while it is imported"
        ));
    }
}

/// The resource that makes a value change with a release, if one does.
fn moving(cx: &Cx<'_>, links: &Links<'_>, value: &Value) -> Option<(ResourceRef, Severity)> {
    // What is cut out of an ARN may be the part that stays.
    let text = value.origin.span.and_then(|it| cx.library.sources.slice(it))?;
    if text.contains("Select") || text.contains("Split") {
        return None;
    }
    let mut found = None;
    value.unknowns(&mut |it| {
        it.each(&mut |it| {
            if found.is_some() {
                return;
            }
            let (resource, attribute) = match it {
                Unknown::PhysicalId(resource) => (resource, None),
                Unknown::Attribute(resource, attribute) => (resource, Some(&**attribute)),
                _ => return,
            };
            let type_name = &*resource.type_name;
            let revision = REVISIONS.contains(&type_name)
                || attribute.is_some_and(|it| ATTRIBUTES.contains(&(type_name, it)));
            if revision {
                found = Some((resource.clone(), Severity::Error));
            } else if let Some((_, property)) = VERSIONED.iter().find(|it| it.0 == type_name)
                && varies(cx, links, resource, property)
            {
                found = Some((resource.clone(), Severity::Warning));
            }
        });
    });
    found
}

/// Whether a property comes from a parameter, so that the next release may change it.
fn varies(cx: &Cx<'_>, links: &Links<'_>, resource: &ResourceRef, property: &str) -> bool {
    let Some((stack, position)) = links.place(resource) else { return false };
    let stack = &cx.tree.stacks[stack];
    let template = cx.template(stack);
    let declaration = cx.declaration(stack, &stack.resources[position]);
    let Some(expr) = declared::property(declaration, property) else { return false };
    let mut varies = false;
    expr.walk(&mut |it| {
        let ExprKind::Call(call) = &it.kind else { return };
        varies |= match &**call {
            Call::Ref(name) => template.parameters.get(&name.text).is_some(),
            Call::Sub { parts, .. } => parts.iter().any(|it| {
                matches!(it, SubPart::Reference(it) if template.parameters.get(&it.name.text).is_some())
            }),
            _ => false,
        };
    });
    varies
}
