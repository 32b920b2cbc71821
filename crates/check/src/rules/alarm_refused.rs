use crate::links::Links;
use crate::rule::{Cx, Rule, listed};
use kumiki_project::{Resource, Value};
use kumiki_source::{Severity, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "alarm-refused",
    severity: Severity::Error,
    page: include_str!("alarm_refused.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, alarm) in links.certain("AWS::CloudWatch::Alarm") {
        let periods = alarm.property("EvaluationPeriods").and_then(Value::as_integer);
        if let (Some(value), Some(periods)) = (alarm.property("DatapointsToAlarm"), periods)
            && let Some(datapoints) = value.as_integer()
            && datapoints > periods
        {
            let finding = cx.report_value(
                value,
                message!(
                    "{datapoints} of {periods} data points are asked for",
                    datapoints,
                    periods
                ),
            );
            finding.help.push(message!("make `DatapointsToAlarm` `EvaluationPeriods` at most"));
        }
        period(cx, alarm.property("Period"));
        statistic(cx, alarm.property("ExtendedStatistic"));
        let queries = alarm.property("Metrics").and_then(Value::as_list);
        for query in queries.unwrap_or_default() {
            period(cx, query.at("MetricStat.Period"));
            statistic(cx, query.at("MetricStat.Stat"));
        }
        math(cx, alarm);
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
fn period(cx: &mut Cx<'_>, value: Option<&Value>) {
    let Some(value) = value else { return };
    let Some(seconds) = value.as_integer() else { return };
    if seconds > 0 && (matches!(seconds, 10 | 20 | 30) || seconds % 60 == 0) {
        return;
    }
    let finding =
        cx.report_value(value, message!("CloudWatch has no period of {seconds} seconds", seconds));
    finding.help.push(message!("use 10, 20, 30 or a multiple of 60"));
}

/// Percentiles beyond a hundred.
fn statistic(cx: &mut Cx<'_>, value: Option<&Value>) {
    let Some(value) = value else { return };
    let Some(text) = value.as_text() else { return };
    let Some(percent) = text.strip_prefix('p').and_then(|it| it.parse::<f64>().ok()) else {
        return;
    };
    if !(0.0..=100.0).contains(&percent) {
        cx.report_value(value, message!("there is no percentile `{text}`", text))
            .help
            .push(message!("write `p` and a number from 0 to 100"));
    }
}

/// Expressions about metrics that the alarm does not have, and alarms that watch none or several.
fn math(cx: &mut Cx<'_>, alarm: &Resource) {
    let Some(value) = alarm.property("Metrics") else { return };
    let Some(queries) = value.as_list() else { return };
    let ids: Option<HashSet<&str>> =
        queries.iter().map(|it| it.get("Id").and_then(Value::as_text)).collect();
    let Some(ids) = ids else { return };
    for expression in queries.iter().filter_map(|it| it.get("Expression")) {
        let Some(text) = expression.as_text() else { continue };
        for id in words(text).into_iter().filter(|it| !ids.contains(it)) {
            let finding = cx.report_value(
                expression,
                message!("the alarm has no metric with the ID `{id}`", id),
            );
            let there = queries.iter().filter_map(|it| it.get("Id")?.as_text()).collect::<Vec<_>>();
            let there = listed(&there);
            finding.help.push(message!("its metrics are {there}", there));
        }
    }
    let returned: Option<Vec<bool>> =
        queries.iter().map(|it| it.get("ReturnData").map_or(Some(true), Value::as_bool)).collect();
    let Some(count) = returned.map(|it| it.into_iter().filter(|it| *it).count()) else { return };
    // An alarm on an anomaly watches the metric and its band.
    let anomaly = alarm.property("ThresholdMetricId").is_some();
    if count != 1 && !queries.is_empty() && !anomaly {
        let finding =
            cx.report_value(value, message!("the alarm watches {count} of its metrics", count));
        finding.help.push(message!("set `ReturnData` to `false` for all but the one to watch"));
    }
}

/// The identifiers of metrics in an expression: they begin with a small letter and are not called.
fn words(text: &str) -> Vec<&str> {
    // Searches and queries hold words of another kind.
    if text.contains(['\'', '"']) || text.to_ascii_uppercase().starts_with("SELECT") {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(|it: char| it.is_ascii_alphanumeric()) {
        rest = &rest[start..];
        let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_');
        let (word, after) = rest.split_at(end.unwrap_or(rest.len()));
        let called = after.trim_start().starts_with('(');
        if word.starts_with(|it: char| it.is_ascii_lowercase()) && !called {
            found.push(word);
        }
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::words;

    #[test]
    fn metrics_are_found_in_expressions() {
        assert_eq!(
            words("IF(requests > 0, 100 * errors / requests, 0)"),
            ["requests", "errors", "requests"]
        );
        assert_eq!(words("ANOMALY_DETECTION_BAND(m1, 2) + 1e6"), ["m1"]);
        assert_eq!(words("SUM(METRICS())"), [""; 0]);
        assert_eq!(words("SEARCH('{App} errors', 'Sum')"), [""; 0]);
    }
}
