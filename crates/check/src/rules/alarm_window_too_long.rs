use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "alarm-window-too-long",
    severity: Severity::Error,
    page: include_str!("alarm_window_too_long.md"),
    check,
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, alarm) in links.certain("AWS::CloudWatch::Alarm") {
        let Some(periods) = alarm.property("EvaluationPeriods") else { continue };
        let Some(number) = periods.as_integer() else { continue };
        let math = alarm.property("Metrics").and_then(Value::as_list).unwrap_or_default();
        let queries = math.iter().filter_map(|it| it.at("MetricStat.Period").or(it.get("Period")));
        // An expression is evaluated in the longest period of its metrics at least.
        let period =
            alarm.property("Period").into_iter().chain(queries).filter_map(Value::as_integer);
        let Some(period) = period.max() else { continue };
        let most = if period < HOUR { DAY } else { 7 * DAY };
        if number.saturating_mul(period) <= most {
            continue;
        }
        let (total, most) = (number.saturating_mul(period), most / DAY);
        let finding = cx.report_value(
            periods,
            message!(
                "the alarm looks back {total} seconds, and {most} days are the most with a period of \
                 {period} seconds",
                total,
                most,
                period
            ),
        );
        finding.help.push(message!(
            "look for something that is absent for longer with a scheduled check instead"
        ));
    }
}
