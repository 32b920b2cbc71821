use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "health-check-refused",
    severity: Severity::Error,
    page: include_str!("health_check_refused.md"),
    check,
};

/// How many seconds target groups of HTTP and HTTPS wait unless they say otherwise.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
const DEFAULT: i64 = 5;

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, group) in links.certain("AWS::ElasticLoadBalancingV2::TargetGroup") {
        let Some(interval_value) = group.property("HealthCheckIntervalSeconds") else { continue };
        let Some(interval) = interval_value.as_integer() else { continue };
        let protocol = group.property("Protocol").and_then(Value::as_text);
        let http = matches!(protocol, Some("HTTP" | "HTTPS"));
        let timeout_value = group.property("HealthCheckTimeoutSeconds");
        let timeout = match timeout_value {
            Some(value) => value.as_integer(),
            None => http.then_some(DEFAULT),
        };
        // Network load balancers may ask again at the very moment when they stop waiting.
        let least = if http { interval } else { interval + 1 };
        let Some(timeout) = timeout.filter(|it| *it >= least) else { continue };
        let name = &group.logical_id;
        let span = timeout_value.and(interval_value.origin.nearest());
        let finding = cx.report_value(
            timeout_value.unwrap_or(interval_value),
            message!(
                "target group `{name}` waits {timeout} s for an answer and asks every {interval} s",
                name,
                timeout,
                interval
            ),
        );
        if let Some(span) = span {
            finding.hops.push(Hop { span, label: Some(message!("the interval")) });
        }
        finding.help.push(message!("make the timeout shorter than the interval"));
    }
}
