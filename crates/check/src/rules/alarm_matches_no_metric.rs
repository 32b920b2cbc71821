use crate::links::Links;
use crate::metrics::{DIMENSIONS, Dimension, Metric, dimension_of, metrics};
use crate::rule::{Cx, Rule};
use kumiki_project::{Value, partition};
use kumiki_source::{Severity, Span, closest, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "alarm-matches-no-metric",
    severity: Severity::Warning,
    page: include_str!("alarm_matches_no_metric.md"),
    check,
};

/// Namespaces whose metrics are in one Region only.
///
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/monitoring-using-cloudwatch.html>
/// <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-cloudwatch.html>
const GLOBAL: [&str; 3] = ["AWS/CloudFront", "AWS/Billing", "AWS/Route53"];

/// Metrics that exist only together with another dimension: a dimension, the one it needs, and how
/// the metrics begin for which that is so.
const TOGETHER: [(&str, &str, &[&str]); 3] = [
    ("ServiceName", "ClusterName", &[""]),
    // Some metrics are also there for a target group alone.
    (
        "TargetGroup",
        "LoadBalancer",
        &["HTTPCode_Target_", "HealthyHostCount", "TargetResponseTime", "UnHealthyHostCount"],
    ),
    ("DistributionId", "Region", &[""]),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut names = Names { links: &links, known: HashMap::new() };
    for (_, _, alarm) in links.certain("AWS::CloudWatch::Alarm") {
        for metric in metrics(alarm) {
            place(cx, &metric);
            shape(cx, &metric);
            for (name, value) in &metric.dimensions {
                let Some(dimension) = dimension_of(metric.namespace, name) else { continue };
                origin(cx, &mut names, dimension, metric.namespace, value);
            }
        }
    }
}

/// Metrics of global services outside their Region.
fn place(cx: &mut Cx<'_>, metric: &Metric<'_>) {
    let region = cx.inputs.region.as_str();
    if !GLOBAL.contains(&metric.namespace) || region == "us-east-1" || partition(region) != "aws" {
        return;
    }
    let namespace = metric.namespace;
    let finding = cx.report_value(
        metric.value,
        message!(
            "metrics of `{namespace}` are in us-east-1 only, not in {region}",
            namespace,
            region
        ),
    );
    finding.help.push(message!("move the alarm to a root in us-east-1"));
}

/// Dimensions under which no such metric exists.
fn shape(cx: &mut Cx<'_>, metric: &Metric<'_>) {
    if !metric.whole {
        return;
    }
    let (name, namespace) = (metric.name, metric.namespace);
    for (dimension, needed, metrics) in TOGETHER {
        if dimension_of(namespace, dimension).is_some()
            && metric.dimension(dimension).is_some()
            && metric.dimension(needed).is_none()
            && metrics.iter().any(|it| name.starts_with(it))
        {
            let finding = cx.report_value(
                metric.value,
                message!(
                    "`{name}` has no metric with `{dimension}` and without `{needed}`",
                    name,
                    dimension,
                    needed
                ),
            );
            finding.help.push(message!("add dimension `{needed}`", needed));
        }
    }
    if matches!(namespace, "AWS/ApplicationELB" | "AWS/NetworkELB")
        && matches!(name, "HealthyHostCount" | "UnHealthyHostCount")
        && metric.dimension("TargetGroup").is_none()
    {
        let finding = cx.report_value(
            metric.value,
            message!("`{name}` has no metric without dimension `TargetGroup`", name),
        );
        finding.help.push(message!("add dimension `{needed}`", needed = "TargetGroup"));
    }
    for (written, value) in &metric.dimensions {
        let meant = DIMENSIONS.iter().find(|it| {
            dimension_of(namespace, it.name).is_some()
                && it.name != *written
                && it.name.eq_ignore_ascii_case(written)
        });
        if let Some(Dimension { name: meant, .. }) = meant {
            let finding = cx.report_value(
                value,
                message!("`{namespace}` has no dimension `{written}`", namespace, written),
            );
            finding.help.push(message!("did you mean `{near}`?", near = meant));
        }
    }
}

/// The names of resources by type, for dimensions that hold names.
struct Names<'l, 't> {
    links: &'l Links<'t>,
    /// Nothing for a type with a resource whose name only a deployment can tell.
    known: HashMap<&'static str, Option<Vec<&'t str>>>,
}

impl<'t> Names<'_, 't> {
    fn of(&mut self, dimension: &Dimension, property: &'static str) -> Option<&[&'t str]> {
        let links = self.links;
        let known = self.known.entry(dimension.type_name).or_insert_with(|| {
            if !links.whole() || !links.all_certain(dimension.type_name) {
                return None;
            }
            let all = links.certain(dimension.type_name);
            all.map(|(_, _, it)| it.property(property)?.as_text()).collect()
        });
        known.as_deref()
    }
}

/// A value that comes from the wrong place.
fn origin(
    cx: &mut Cx<'_>,
    names: &mut Names<'_, '_>,
    dimension: &Dimension,
    namespace: &str,
    value: &Value,
) {
    let name = dimension.name;
    if let Some(reference) = names.links.reference(value) {
        let type_name = &reference.resource.type_name;
        let attribute = reference.attribute.unwrap_or_default();
        let ours = **type_name == *dimension.type_name;
        // Other types may have attributes that hold anything.
        let judged = DIMENSIONS.iter().any(|it| *it.type_name == **type_name);
        if !judged || ours && dimension.attributes.contains(&attribute) {
            return;
        }
        let what = if attribute.is_empty() { "Ref" } else { attribute };
        let resource = reference.resource;
        let finding = cx.report_value(
            value,
            message!(
                "`{what}` of `{resource}` is not what dimension `{name}` holds",
                what,
                resource,
                name
            ),
        );
        let expected = dimension.attributes.first().filter(|it| !it.is_empty());
        finding.help.push(match (ours, expected) {
            (true, Some(expected)) => message!("use its attribute `{expected}`", expected),
            (true, None) => message!("use `Ref`"),
            (false, _) => message!("it holds a value of `{kind}`", kind = dimension.type_name),
        });
        return;
    }
    let Some(text) = value.as_text() else { return };
    if let Some(prefix) = prefix(namespace, name)
        && !text.starts_with(prefix)
    {
        let finding = cx.report_value(
            value,
            message!("`{text}` is not what dimension `{name}` holds", text, name),
        );
        let attribute = dimension.attributes.first().copied().unwrap_or_default();
        finding.help.push(message!(
            "it holds the end of the ARN, from `{prefix}` on; use attribute `{attribute}`",
            prefix,
            attribute
        ));
        return;
    }
    let Some(property) = dimension.property else { return };
    // A name that was given from outside may be of something outside.
    let places = value.origin.hops();
    if !places.iter().any(|it| is_in_resource(cx, it.span) && !names.links.is_reference(it.span)) {
        return;
    }
    let Some(known) = names.of(dimension, property) else { return };
    if known.is_empty() || known.contains(&text) {
        return;
    }
    let near = closest(text, known.iter().copied());
    let finding = cx.report_value(
        value,
        message!("no resource of this tree is the `{name}` `{text}`", name, text),
    );
    finding.help.push(match near {
        Some(near) => message!("did you mean `{near}`?", near),
        None => {
            let there: Vec<String> = known.iter().take(5).map(|it| format!("`{it}`")).collect();
            let there = there.join(", ");
            message!("the tree has {there}; take the value from the resource by `Ref`", there)
        }
    });
}

/// What the values of a dimension begin with.
fn prefix(namespace: &str, name: &str) -> Option<&'static str> {
    match (namespace, name) {
        ("AWS/ApplicationELB", "LoadBalancer") => Some("app/"),
        ("AWS/NetworkELB", "LoadBalancer") => Some("net/"),
        ("AWS/GatewayELB", "LoadBalancer") => Some("gwy/"),
        (_, "TargetGroup") => Some("targetgroup/"),
        _ => None,
    }
}

/// Whether a value is written in a resource of a template, not among parameters.
fn is_in_resource(cx: &Cx<'_>, span: Span) -> bool {
    cx.library.templates().any(|(_, template)| {
        template.file == span.file
            && template
                .resources
                .iter()
                .any(|it| it.span.start <= span.start && span.end <= it.span.end)
    })
}
