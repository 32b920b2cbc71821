use crate::links::Links;
use crate::metrics::metrics;
use crate::paths::each;
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, closest, message};
use std::collections::{BTreeMap, HashMap};

pub(crate) static RULE: Rule = Rule {
    name: "alarm-misses-metric-filter",
    severity: Severity::Warning,
    page: include_str!("alarm_misses_metric_filter.md"),
    check,
};

/// A metric that a filter makes.
struct Made<'t> {
    filter: &'t Resource,
    dimensions: bool,
}

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    // The metrics that filters make, by namespace and name. Without all of them, nothing is said.
    let mut made: HashMap<&str, BTreeMap<&str, Vec<Made<'_>>>> = HashMap::new();
    let mut unclear = !links.whole() || !links.all_certain("AWS::Logs::MetricFilter");
    for (_, _, filter) in links.certain("AWS::Logs::MetricFilter") {
        each(&filter.properties, "MetricTransformations", &mut |it| {
            let text = |name| it.get(name).and_then(Value::as_text);
            let Some((namespace, name)) = text("MetricNamespace").zip(text("MetricName")) else {
                unclear = true;
                return;
            };
            let dimensions = it.get("Dimensions").is_some();
            let names = made.entry(namespace).or_default();
            names.entry(name).or_default().push(Made { filter, dimensions });
        });
    }
    if unclear {
        return;
    }
    for (_, _, alarm) in links.certain("AWS::CloudWatch::Alarm") {
        for metric in metrics(alarm) {
            let Some(names) = made.get(metric.namespace) else { continue };
            let name = metric.name;
            let Some(filters) = names.get(name) else {
                // An application may well make other metrics of the same namespace.
                if let Some(near) = closest(name, names.keys().copied()) {
                    let finding = cx.report_value(
                        metric.value,
                        message!("no metric filter makes `{name}`", name),
                    );
                    // Two metrics may well have names that differ in more than their case.
                    if !near.eq_ignore_ascii_case(name) {
                        finding.severity = Severity::Info;
                    }
                    finding.help.push(message!("did you mean `{near}`?", near));
                }
                continue;
            };
            let dimensions = !metric.dimensions.is_empty();
            if !metric.whole || filters.iter().any(|it| it.dimensions == dimensions) {
                continue;
            }
            let Some(first) = filters.first() else { continue };
            let finding = match dimensions {
                true => cx.report_value(
                    metric.value,
                    message!(
                        "`{name}` is made without dimensions, and the alarm asks for some",
                        name
                    ),
                ),
                false => cx.report_value(
                    metric.value,
                    message!("`{name}` is made with dimensions, and the alarm asks for none", name),
                ),
            };
            finding.hops.push(Hop { span: first.filter.span, label: Some(message!("made here")) });
            finding
                .help
                .push(message!("the alarm never has data; let both have the same dimensions"));
        }
    }
}
