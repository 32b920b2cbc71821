use crate::links::Links;
use crate::metrics::metrics;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "alarm-counts-bytes",
    severity: Severity::Warning,
    page: include_str!("alarm_counts_bytes.md"),
    check,
};

/// Metrics that count bytes, of which a MiB is nothing.
const BYTES: [(&str, &str); 4] = [
    ("AWS/RDS", "FreeStorageSpace"),
    ("AWS/RDS", "FreeableMemory"),
    ("AWS/RDS", "FreeLocalStorage"),
    ("AWS/ElastiCache", "FreeableMemory"),
];
const MIB: f64 = 1024.0 * 1024.0;

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, alarm) in links.certain("AWS::CloudWatch::Alarm") {
        let operator = alarm.property("ComparisonOperator").and_then(Value::as_text);
        if !operator.is_some_and(|it| it.starts_with("LessThan"))
            || alarm.property("Metrics").is_some()
        {
            continue;
        }
        let Some(value) = alarm.property("Threshold") else { continue };
        let Some(text) = value.as_text() else { continue };
        let Some(threshold) = text.parse::<f64>().ok().filter(|it| (1.0..MIB).contains(it)) else {
            continue;
        };
        for metric in metrics(alarm) {
            if !BYTES.contains(&(metric.namespace, metric.name)) {
                continue;
            }
            let name = metric.name;
            let finding = cx.report_value(
                value,
                message!(
                    "`{name}` counts bytes: the alarm goes off under {text} bytes",
                    name,
                    text
                ),
            );
            let bytes = threshold * 1024.0 * MIB;
            finding.help.push(message!(
                "{text} GiB are {bytes} bytes",
                text,
                bytes = format!("{bytes:.0}")
            ));
        }
    }
}
