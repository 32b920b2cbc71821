use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "scaling-policy-refused",
    severity: Severity::Error,
    page: include_str!("scaling_policy_refused.md"),
    check,
};

const POLICY: &str = "AWS::ApplicationAutoScaling::ScalingPolicy";
const TARGET: &str = "AWS::ApplicationAutoScaling::ScalableTarget";
const TRACKING: &str = "TargetTrackingScalingPolicyConfiguration";

/// Beginnings of predefined metrics, the namespace that has them, and whether they are percentages.
///
/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html>
const METRICS: &[(&str, &str, bool)] = &[
    ("ALBRequestCountPerTarget", "ecs", false),
    ("AppStreamAverageCapacityUtilization", "appstream", true),
    ("CassandraReadCapacityUtilization", "cassandra", true),
    ("CassandraWriteCapacityUtilization", "cassandra", true),
    ("DynamoDBReadCapacityUtilization", "dynamodb", true),
    ("DynamoDBWriteCapacityUtilization", "dynamodb", true),
    ("ECSServiceAverageCPUUtilization", "ecs", true),
    ("ECSServiceAverageMemoryUtilization", "ecs", true),
    ("ElastiCache", "elasticache", true),
    ("RDSReaderAverageCPUUtilization", "rds", true),
    ("RDSReaderAverageDatabaseConnections", "rds", false),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, policy) in links.certain(POLICY) {
        let Some(tracking) = policy.property(TRACKING) else { continue };
        let Some(value) = tracking.at("PredefinedMetricSpecification.PredefinedMetricType") else {
            continue;
        };
        let Some(metric) = value.as_text() else { continue };
        let Some((_, namespace, percent)) = METRICS.iter().find(|it| metric.starts_with(it.0))
        else {
            continue;
        };
        of_namespace(cx, &links, policy, (value, metric), namespace);
        if metric == "ALBRequestCountPerTarget"
            && tracking.at("PredefinedMetricSpecification.ResourceLabel").is_none()
        {
            cx.report_value(value, message!("`{metric}` needs `ResourceLabel`", metric)).help.push(
                message!("it names the load balancer and the target group: `app/…/targetgroup/…`"),
            );
        }
        let target = tracking.get("TargetValue");
        let Some((target, text)) = target.and_then(|it| Some((it, it.as_text()?))) else {
            continue;
        };
        if *percent && text.parse::<f64>().is_ok_and(|it| it > 100.0) {
            let finding = cx.report_value(
                target,
                message!(
                    "`{metric}` is a percentage, and the policy waits for {text}",
                    metric,
                    text
                ),
            );
            finding.severity = Severity::Warning;
            finding.help.push(message!("choose a target under 100, or nothing is ever added"));
        }
    }
}

/// Compares the namespace of a metric with that of what is scaled.
fn of_namespace(
    cx: &mut Cx<'_>,
    links: &Links<'_>,
    policy: &Resource,
    (value, metric): (&Value, &str),
    namespace: &str,
) {
    let target = policy.property("ScalingTargetId").and_then(|it| links.reference(it));
    let target = target.filter(|it| &*it.resource.type_name == TARGET);
    let target = target.and_then(|it| links.place(it.resource)).map(|it| links.at(it));
    let scaled = target.unwrap_or(policy).property("ServiceNamespace");
    let Some((scaled, actual)) = scaled.and_then(|it| Some((it, it.as_text()?))) else { return };
    if actual == namespace {
        return;
    }
    let name = &policy.logical_id;
    let span = scaled.origin.nearest();
    let finding = cx.report_value(
        value,
        message!(
            "`{name}` scales `{actual}`, which has no metric `{metric}`",
            name,
            actual,
            metric
        ),
    );
    if let Some(span) = span {
        finding.hops.push(Hop { span, label: Some(message!("what is scaled")) });
    }
    finding.help.push(message!("this metric is of `{namespace}`", namespace));
}
