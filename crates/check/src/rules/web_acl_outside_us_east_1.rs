use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::partition;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "web-acl-outside-us-east-1",
    severity: Severity::Error,
    page: include_str!("web_acl_outside_us_east_1.md"),
    check,
};

/// The types of WAF that have a scope.
const SCOPED: &[&str] = &[
    "AWS::WAFv2::IPSet",
    "AWS::WAFv2::RegexPatternSet",
    "AWS::WAFv2::RuleGroup",
    "AWS::WAFv2::WebACL",
];

fn check(cx: &mut Cx<'_>) {
    let region = &cx.inputs.region;
    if region == "us-east-1" || partition(region) != "aws" {
        return;
    }
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        if !SCOPED.contains(&&*resource.type_name) {
            continue;
        }
        let Some(scope) = resource.property("Scope") else { continue };
        if scope.as_text() != Some("CLOUDFRONT") {
            continue;
        }
        let name = &resource.logical_id;
        cx.report_value(
            scope,
            message!("`{name}` is for CloudFront, and this stack is in `{region}`", name, region),
        )
        .help
        .push(message!("create what protects CloudFront in a stack in `us-east-1`"));
    }
}
