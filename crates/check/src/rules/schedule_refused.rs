use crate::links::Links;
use crate::rule::{Cx, Rule};
use chrono::NaiveDateTime;
use kumiki_project::Value;
use kumiki_source::{Message, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "schedule-refused",
    severity: Severity::Error,
    page: include_str!("schedule_refused.md"),
    check,
};

/// Where schedules are, by type: a list, if there is one, and the property.
const SCHEDULES: [(&str, &str, &str); 6] = [
    ("AWS::ApplicationAutoScaling::ScalableTarget", "ScheduledActions", "Schedule"),
    ("AWS::Backup::BackupPlan", "BackupPlan.BackupPlanRule", "ScheduleExpression"),
    (RULES, "", "ScheduleExpression"),
    ("AWS::Glue::Crawler", "", "Schedule.ScheduleExpression"),
    ("AWS::Glue::Trigger", "", "Schedule"),
    ("AWS::Scheduler::Schedule", "", "ScheduleExpression"),
];

const RULES: &str = "AWS::Events::Rule";

const MONTHS: &[&str] =
    &["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const DAYS: &[&str] = &["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

/// A field of a cron expression: its least, most, names for 1 and up, and further marks.
type Field = (u32, u32, &'static [&'static str], &'static [char]);

const FIELDS: [Field; 6] = [
    (0, 59, &[], &[]),
    (0, 23, &[], &[]),
    (1, 31, &[], &['L', 'W', '?']),
    (1, 12, MONTHS, &[]),
    (1, 7, DAYS, &['L', '#', '?']),
    (1970, 2199, &[], &[]),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let Some((type_name, list, property)) =
            SCHEDULES.iter().find(|it| it.0 == &*resource.type_name)
        else {
            continue;
        };
        let items = match *list {
            "" => std::slice::from_ref(&resource.properties),
            list => resource.property(list).and_then(Value::as_list).unwrap_or_default(),
        };
        for value in items.iter().filter_map(|it| it.at(property)) {
            let Some(text) = value.as_text() else { continue };
            if let Some(reason) = fault(text, *type_name == RULES) {
                cx.report_value(value, message!("`{text}` is no schedule", text)).help.push(reason);
            }
        }
    }
}

/// What is wrong with a schedule; rules of EventBridge know no single moments.
///
/// <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html>
fn fault(text: &str, rule: bool) -> Option<Message> {
    let inside =
        |name: &str| text.strip_prefix(name)?.strip_prefix('(')?.strip_suffix(')').map(str::trim);
    if let Some(cron) = inside("cron") {
        return cron_fault(cron);
    }
    if let Some(rate) = inside("rate") {
        return rate_fault(rate, rule);
    }
    match inside("at") {
        Some(at) if !rule => {
            NaiveDateTime::parse_from_str(at, "%Y-%m-%dT%H:%M:%S").is_err().then(|| {
                message!("write the moment as in `{example}`", example = "at(2026-11-24T09:00:00)")
            })
        }
        _ => Some(message!("write `cron(…)` or `rate(…)`")),
    }
}

fn rate_fault(rate: &str, rule: bool) -> Option<Message> {
    let example =
        message!("write a number and a unit, as in `{example}`", example = "rate(5 minutes)");
    let Some((number, unit)) = rate.split_once(' ') else { return Some(example) };
    let unit = unit.trim();
    let single = unit.strip_suffix('s').unwrap_or(unit);
    let number = number.parse::<u32>().ok().filter(|it| *it > 0);
    let (Some(number), "minute" | "hour" | "day") = (number, single) else { return Some(example) };
    let right = if number == 1 { single.to_owned() } else { format!("{single}s") };
    (rule && unit != right).then(|| message!("after {number} the unit is `{right}`", number, right))
}

fn cron_fault(cron: &str) -> Option<Message> {
    let fields: Vec<&str> = cron.split_whitespace().collect();
    let count = fields.len();
    if count != FIELDS.len() {
        return Some(message!(
            "it has {count} fields, and six are needed: minutes, hours, day of month, month, day of week, year",
            count
        ));
    }
    let wrong = FIELDS.iter().zip(&fields).position(|(field, text)| !admits(field, text));
    if let Some(wrong) = wrong {
        let (text, (least, most, ..)) = (fields[wrong], FIELDS[wrong]);
        let name = match wrong {
            0 => message!("the minutes"),
            1 => message!("the hours"),
            2 => message!("the days of the month"),
            3 => message!("the months"),
            4 => message!("the days of the week"),
            _ => message!("the years"),
        };
        return Some(message!(
            "`{text}` does not fit {name}, which are {least} to {most}",
            text,
            name,
            least,
            most
        ));
    }
    // Each of the two days says which days there are.
    ((fields[2] == "?") == (fields[4] == "?"))
        .then(|| message!("one of day of month and day of week, and not both, is `?`"))
}

fn admits((least, most, names, marks): &Field, text: &str) -> bool {
    if text == "?" {
        return marks.contains(&'?');
    }
    let number = |text: &str| {
        let named = || names.iter().position(|it| it.eq_ignore_ascii_case(text));
        text.parse::<u32>().ok().or_else(|| named().and_then(|it| u32::try_from(it + 1).ok()))
    };
    let within = |text: &str| number(text).is_some_and(|it| (*least..=*most).contains(&it));
    text.split(',').all(|item| {
        let (item, step) = match item.split_once('/') {
            Some((item, step)) => (item, step.parse::<u32>().is_ok_and(|it| it > 0)),
            None => (item, true),
        };
        let special = match item.chars().find(|it| marks.contains(it)) {
            Some('#') => item.split_once('#').is_some_and(|(day, nth)| {
                within(day) && nth.parse::<u32>().is_ok_and(|it| (1..=5).contains(&it))
            }),
            Some('L') if *most == 31 => item == "L" || item == "LW" || item.starts_with("L-"),
            Some(mark @ ('L' | 'W')) => {
                item.strip_suffix(mark).is_some_and(|it| it.is_empty() || within(it))
            }
            _ => false,
        };
        let range = item.split_once('-').is_some_and(|(from, to)| within(from) && within(to));
        step && (item == "*" || item.is_empty() || special || range || within(item))
    })
}

#[cfg(test)]
mod tests {
    use super::fault;

    #[test]
    fn schedules_are_judged() {
        for text in [
            "cron(0 10 * * ? *)",
            "cron(15 12 ? * MON-FRI 2026)",
            "cron(0/15 8-17,20 1,15 JAN,7 ? *)",
            "cron(0 9 ? * 2#1 *)",
            "cron(0 9 ? * 6L 2026-2030)",
            "cron(0 9 L * ? *)",
            "cron(0 9 3W * ? *)",
            "cron(*/5 * * * ? *)",
            "rate(1 minute)",
            "rate(5 days)",
        ] {
            assert_eq!(fault(text, true), None, "{text}");
        }
        for text in [
            "",
            "daily",
            "cron()",
            "cron(0 10 * * *)",
            "cron(0 10 * * * *)",
            "cron(0 10 ? * ? *)",
            "cron(60 10 * * ? *)",
            "cron(0 24 * * ? *)",
            "cron(0 0 32 * ? *)",
            "cron(0 0 * 13 ? *)",
            "cron(0 0 ? * 0 *)",
            "cron(0 0 ? * MONDAY *)",
            "cron(0 0 ? * 2#6 *)",
            "cron(0/0 0 * * ? *)",
            "cron(0 0 * * ? 26)",
            "rate(0 minutes)",
            "rate(1 minutes)",
            "rate(5 minute)",
            "rate(5 weeks)",
            "rate(5)",
            "at(2026-11-24T09:00:00)",
        ] {
            assert!(fault(text, true).is_some(), "{text}");
        }
        assert_eq!(fault("at(2026-11-24T09:00:00)", false), None);
        assert!(fault("at(2026-11-31T09:00:00)", false).is_some());
    }
}
