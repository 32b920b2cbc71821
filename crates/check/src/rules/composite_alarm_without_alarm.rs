use crate::links::{Links, Place};
use crate::ordering::{depend_on, waits};
use crate::rule::{Cx, Rule};
use kumiki_source::{Hop, Severity, closest, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "composite-alarm-without-alarm",
    severity: Severity::Error,
    page: include_str!("composite_alarm_without_alarm.md"),
    check,
};

const ALARMS: [&str; 2] = ["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let tree = cx.tree;
    let mut names: HashMap<&str, Place> = HashMap::new();
    for type_name in ALARMS {
        names.extend(links.names(type_name, "AlarmName"));
    }
    for (place, _, alarm) in links.certain("AWS::CloudWatch::CompositeAlarm") {
        let Some(value) = alarm.property("AlarmRule") else { continue };
        let name = &alarm.logical_id;
        for of in value.as_text().map(alarms).unwrap_or_default() {
            if let Some(other) = names.get(of).copied() {
                if place == other || waits(tree, place, other) {
                    continue;
                }
                let Some(help) = depend_on(tree, place, other) else { continue };
                let finding = cx.report_value(
                    value,
                    message!(
                        "`{name}` does not wait for alarm `{of}`, which it looks at",
                        name,
                        of
                    ),
                );
                let span = links.at(other).span;
                finding.hops.push(Hop { span, label: Some(message!("the alarm")) });
                finding.help.push(help);
                continue;
            }
            // An alarm that is not of the tree may well exist; a slip of the hand hardly does.
            if let Some(near) = closest(of, names.keys().copied()) {
                let finding =
                    cx.report_value(value, message!("no alarm of the tree is named `{of}`", of));
                finding.severity = Severity::Warning;
                finding.help.push(message!("did you mean `{near}`?", near));
            }
        }
    }
}

/// The names of the alarms that a rule looks at.
///
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html>
fn alarms(rule: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = rule;
    while let Some((before, after)) = rest.split_once('(') {
        let state = before.trim_end();
        rest = after;
        if !["ALARM", "OK", "INSUFFICIENT_DATA"].iter().any(|it| state.ends_with(it)) {
            continue;
        }
        let inner = after.trim_start();
        let name = match inner.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').map(|it| it.0),
            None => inner.split_once(')').map(|it| it.0.trim()),
        };
        // By ARN, the name is what comes last.
        found.extend(name.map(|it| it.split_once(":alarm:").map_or(it, |it| it.1)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::alarms;

    #[test]
    fn names_are_found() {
        let rule = "(ALARM(\"cpu (high)\") OR OK(disk )) AND NOT INSUFFICIENT_DATA(\
                    arn:aws:cloudwatch:ap-northeast-1:123456789012:alarm:memory)";
        assert_eq!(alarms(rule), ["cpu (high)", "disk", "memory"]);
        assert_eq!(alarms("TRUE"), [""; 0]);
        assert_eq!(alarms("ALARM("), [""; 0]);
    }
}
