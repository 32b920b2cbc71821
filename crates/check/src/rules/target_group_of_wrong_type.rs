use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::services::Service;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "target-group-of-wrong-type",
    severity: Severity::Error,
    page: include_str!("target_group_of_wrong_type.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for service in Service::all(&links) {
        let Some(task) = service.task.map(|it| links.at(it)) else { continue };
        let Some(mode) = task.property("NetworkMode") else { continue };
        let needed = match mode.as_text() {
            Some("awsvpc") => "ip",
            Some("bridge" | "host") => "instance",
            _ => continue,
        };
        for (value, place) in service.target_groups(&links) {
            let group = links.at(place);
            let target_type = group.property("TargetType");
            let actual = match target_type {
                None => "instance",
                Some(it) => match it.as_text() {
                    Some(text) => text,
                    None => continue,
                },
            };
            if actual == needed {
                continue;
            }
            let (group_name, mode_text) = (&group.logical_id, mode.as_text().unwrap_or_default());
            let finding = cx.report_value(
                value,
                message!(
                    "target group `{group_name}` takes targets of type `{actual}`, and tasks of network mode `{mode_text}` need `{needed}`",
                    group_name,
                    actual,
                    mode_text,
                    needed
                ),
            );
            let span = target_type.and_then(|it| it.origin.nearest()).unwrap_or(group.span);
            finding.hops.push(Hop { span, label: Some(message!("the target group")) });
            if let Some(span) = mode.origin.nearest() {
                finding.hops.push(Hop { span, label: Some(message!("the network mode")) });
            }
            finding.help.push(message!("set `TargetType: {needed}` on the target group", needed));
        }
    }
}
