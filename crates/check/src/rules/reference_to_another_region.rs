use crate::kinds::{self, Kind};
use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Value};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "reference-to-another-region",
    severity: Severity::Error,
    page: include_str!("reference_to_another_region.md"),
    check,
};

/// What is used in its own Region only. Where things are sent to is for another rule.
const REGIONAL: &[Kind] = &[
    Kind::Certificate,
    Kind::Cluster,
    Kind::Key,
    Kind::Listener,
    Kind::LoadBalancer,
    Kind::LogGroup,
    Kind::TargetGroup,
    Kind::TaskDefinition,
];

/// Types of which some part is elsewhere: replicas, edges, and trails with their buckets.
const ELSEWHERE: &[&str] = &[
    "AWS::ApiGateway::DomainName",
    "AWS::CloudFront::Distribution",
    "AWS::CloudTrail::Trail",
    "AWS::Cognito::UserPoolDomain",
    "AWS::DynamoDB::GlobalTable",
    "AWS::SecretsManager::Secret",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let type_name = &*resource.type_name;
        let Some(schema) = kumiki_schema::resource_type(type_name) else { continue };
        if type_name.starts_with("AWS::CloudFormation::") || ELSEWHERE.contains(&type_name) {
            continue;
        }
        if type_name == "AWS::EC2::VPCEndpoint" {
            endpoint(cx, resource);
        }
        let mut found = Vec::new();
        kinds::leaves(&resource.properties, schema.root(), "", &mut |property, value| {
            if let Some(region) = region_of(value)
                && kinds::of_property(type_name, property).is_some_and(|it| REGIONAL.contains(&it))
            {
                found.push((property, value, region));
            }
        });
        let here = &cx.inputs.region;
        for (property, value, region) in found {
            if region == *here || !kumiki_schema::regions().contains(&region) {
                continue;
            }
            cx.report_value(
                value,
                message!(
                    "`{property}` names something in `{region}`, and the stack is in `{here}`",
                    property,
                    region,
                    here
                ),
            )
            .help
            .push(message!("name one of the stack's Region"));
        }
    }
}

/// The Region in an ARN.
fn region_of(value: &Value) -> Option<&str> {
    let text = value.as_text()?.strip_prefix("arn:")?;
    text.split(':').nth(2).filter(|it| !it.is_empty())
}

/// The names of AWS's own services have the Region in them.
///
/// <https://docs.aws.amazon.com/vpc/latest/privatelink/aws-services-cross-region-privatelink-support.html>
fn endpoint(cx: &mut Cx<'_>, resource: &Resource) {
    let Some(value) = resource.property("ServiceName") else { return };
    let here = &cx.inputs.region;
    let parts = value.as_text().and_then(|it| it.split_once("com.amazonaws.")?.1.split_once('.'));
    let Some((region, service)) = parts else { return };
    if region == here
        || !kumiki_schema::regions().contains(&region)
        || resource.property("ServiceRegion").is_some()
    {
        return;
    }
    cx.report_value(
        value,
        message!(
            "the endpoint is for `{service}` in `{region}`, and the stack is in `{here}`",
            service,
            region,
            here
        ),
    )
    .help
    .push(message!("write `{name}`", name = "com.amazonaws.${AWS::Region}.…"));
}
