use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Unknown, Value};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "web-acl-of-wrong-scope",
    severity: Severity::Error,
    page: include_str!("web_acl_of_wrong_scope.md"),
    check,
};

const CLOUDFRONT: &str = "CLOUDFRONT";
const REGIONAL: &str = "REGIONAL";

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        match &*resource.type_name {
            "AWS::CloudFront::Distribution" => {
                if let Some(acl) = resource.property("DistributionConfig.WebACLId") {
                    protects(cx, &links, acl, CLOUDFRONT, resource);
                }
            }
            "AWS::WAFv2::WebACLAssociation" => association(cx, &links, resource),
            "AWS::WAFv2::WebACL" | "AWS::WAFv2::RuleGroup" => members(cx, &links, resource),
            _ => {}
        }
    }
}

/// Reports a web ACL whose scope is not the one that what it protects needs.
fn protects(cx: &mut Cx<'_>, links: &Links<'_>, acl: &Value, needs: &str, what: &Resource) {
    let Some((scope, place)) = scope(links, acl).filter(|it| it.0 != needs) else { return };
    let name = &what.logical_id;
    let finding = cx.report_value(
        acl,
        message!(
            "`{name}` needs a web ACL for `{needs}`, and this one is for `{scope}`",
            name,
            needs,
            scope
        ),
    );
    if let Some(span) = place {
        finding.hops.push(Hop { span, label: Some(message!("its scope")) });
    }
    finding.help.push(match needs {
        CLOUDFRONT => {
            message!("give the distribution a web ACL with `Scope: CLOUDFRONT` from `us-east-1`")
        }
        _ => message!(
            "associate a web ACL with `Scope: REGIONAL`; a distribution names its own in `WebACLId`"
        ),
    });
}

/// An association is for what lives in a Region; a distribution names its web ACL itself.
fn association(cx: &mut Cx<'_>, links: &Links<'_>, resource: &Resource) {
    if let Some(acl) = resource.property("WebACLArn") {
        protects(cx, links, acl, REGIONAL, resource);
    }
    let Some(target) = resource.property("ResourceArn") else { return };
    let mut distribution = target.as_text().is_some_and(|it| it.contains(":cloudfront:"));
    // The ARN of a distribution is put together, so its ID is all there is to see.
    target.unknowns(&mut |it| {
        it.each(&mut |it| {
            if let Unknown::PhysicalId(of) | Unknown::Attribute(of, _) = it {
                distribution |= &*of.type_name == "AWS::CloudFront::Distribution";
            }
        });
    });
    if distribution {
        cx.report_value(target, message!("a web ACL is not associated with a distribution"))
            .help
            .push(message!("name the web ACL in `WebACLId` of the distribution"));
    }
}

/// What a web ACL or rule group refers to has its scope.
fn members(cx: &mut Cx<'_>, links: &Links<'_>, resource: &Resource) {
    let Some(own) = resource.property("Scope").and_then(Value::as_text) else { return };
    let Some(rules) = resource.property("Rules") else { return };
    let mut found = Vec::new();
    arns(rules, &mut |value| {
        if let Some((scope, span)) = scope(links, value).filter(|it| it.0 != own) {
            found.push((value, scope, span));
        }
    });
    let name = &resource.logical_id;
    for (value, scope, span) in found {
        let finding = cx.report_value(
            value,
            message!(
                "`{name}` is for `{own}`, and what it refers to here is for `{scope}`",
                name,
                own,
                scope
            ),
        );
        if let Some(span) = span {
            finding.hops.push(Hop { span, label: Some(message!("its scope")) });
        }
        finding.help.push(message!("give both the same scope"));
    }
}

/// Calls `visit` with every `Arn` of a value.
fn arns<'v>(value: &'v Value, visit: &mut dyn FnMut(&'v Value)) {
    for item in value.as_list().unwrap_or_default() {
        arns(item, visit);
    }
    for field in value.as_map().unwrap_or_default() {
        match &*field.name {
            "Arn" => visit(&field.value),
            _ => arns(&field.value, visit),
        }
    }
}

/// The scope of what a value names, and where it is written: of a resource of the tree, or of an
/// ARN, which has it in its text.
fn scope(links: &Links<'_>, value: &Value) -> Option<(String, Option<kumiki_source::Span>)> {
    if let Some(arn) = value.as_text() {
        if !arn.starts_with("arn:") || !arn.contains(":wafv2:") {
            return None;
        }
        let part = arn.split(':').nth(5)?.split('/').next()?;
        let scope = match part {
            "global" => CLOUDFRONT,
            "regional" => REGIONAL,
            _ => return None,
        };
        return Some((scope.to_owned(), None));
    }
    let reference = links.reference(value)?;
    if !reference.resource.type_name.starts_with("AWS::WAFv2::")
        || reference.attribute != Some("Arn")
    {
        return None;
    }
    let scope = links.at(links.place(reference.resource)?).property("Scope")?;
    Some((scope.as_text()?.to_owned(), scope.origin.nearest()))
}
