use crate::links::Links;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Severity, message};
use std::collections::HashSet;

pub(crate) static RULE: Rule = Rule {
    name: "lifecycle-refused",
    severity: Severity::Error,
    page: include_str!("lifecycle_refused.md"),
    check,
};

/// Storage classes in the order in which objects may go down.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>
const CLASSES: [&str; 6] =
    ["STANDARD_IA", "INTELLIGENT_TIERING", "ONEZONE_IA", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"];

/// The fewest days before objects go to these classes, and that they stay there.
const LEAST: i64 = 30;

fn is_infrequent(class: &str) -> bool {
    matches!(class, "STANDARD_IA" | "ONEZONE_IA")
}

/// Where objects go, after how many days, and the value that says so.
type Move<'v> = (&'v str, i64, &'v Value);

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, bucket) in links.certain("AWS::S3::Bucket") {
        let rules = bucket.property("LifecycleConfiguration.Rules").and_then(Value::as_list);
        let mut names = HashSet::new();
        for rule in rules.unwrap_or_default() {
            if let Some(value) = rule.get("Id")
                && let Some(id) = value.as_text()
                && !names.insert(id)
            {
                let finding =
                    cx.report_value(value, message!("two lifecycle rules are named `{id}`", id));
                finding.help.push(message!("give each rule a name of its own"));
            }
            let mut moves = moves(rule);
            moves.sort_by_key(|it| it.1);
            transitions(cx, &moves);
            if let (Some(value), Some((class, last, _))) =
                (rule.get("ExpirationInDays"), moves.last())
                && let Some(days) = value.as_integer()
                && days <= *last
            {
                let finding = cx.report_value(
                    value,
                    message!(
                        "objects expire after {days} days, not after they go to `{class}` after {last}",
                        days,
                        class,
                        last
                    ),
                );
                finding.help.push(message!("let them expire later, or leave the transition out"));
            }
        }
    }
}

/// The transitions of a rule whose days are known.
fn moves(rule: &Value) -> Vec<Move<'_>> {
    let list = rule.get("Transitions").and_then(Value::as_list).unwrap_or_default();
    list.iter()
        .chain(rule.get("Transition"))
        .filter_map(|it| {
            let days = it.get("TransitionInDays")?;
            Some((it.get("StorageClass")?.as_text()?, days.as_integer()?, days))
        })
        .collect()
}

/// Transitions that come too early, or lead upwards.
fn transitions(cx: &mut Cx<'_>, moves: &[Move<'_>]) {
    for (class, days, value) in moves.iter().filter(|it| is_infrequent(it.0) && it.1 < LEAST) {
        let finding = cx.report_value(
            value,
            message!(
                "objects go to `{class}` after {days} days, and 30 are the least",
                class,
                days
            ),
        );
        finding.help.push(message!("let the transition come after 30 days or more"));
    }
    for pair in moves.windows(2) {
        let [(from, begin, _), (to, end, value)] = pair else { continue };
        let at = |class: &str| CLASSES.iter().position(|it| *it == class);
        let (Some(high), Some(low)) = (at(from), at(to)) else { continue };
        if low < high {
            let finding = cx.report_value(
                value,
                message!("objects cannot go from `{from}` to `{to}`", from, to),
            );
            finding
                .help
                .push(message!("the order is downwards only; change the days or the classes"));
        } else if is_infrequent(from) && end - begin < LEAST {
            let finding = cx.report_value(
                value,
                message!(
                    "objects go from `{from}` to `{to}` after {days} days, and 30 are the least",
                    from,
                    to,
                    days = end - begin
                ),
            );
            finding.help.push(message!("leave 30 days or more between the two transitions"));
        }
    }
}
