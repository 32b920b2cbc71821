use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use crate::services::{Service, scaled};
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "capacity-out-of-range",
    severity: Severity::Error,
    page: include_str!("capacity_out_of_range.md"),
    check,
};

const TARGET: &str = "AWS::ApplicationAutoScaling::ScalableTarget";
const GROUP: &str = "AWS::AutoScaling::AutoScalingGroup";

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let services = Service::all(&links);
    let mut limits: HashMap<Place, &Resource> = HashMap::new();
    for (_, _, target) in links.certain(TARGET) {
        range(cx, target, "MinCapacity", "MaxCapacity");
        for action in
            target.property("ScheduledActions").and_then(Value::as_list).unwrap_or_default()
        {
            let Some(of) = action.get("ScalableTargetAction") else { continue };
            pair(cx, of.get("MinCapacity"), of.get("MaxCapacity"), &target.logical_id);
        }
        if let Some(service) = scaled(&links, &services, target) {
            limits.insert(service, target);
        }
    }
    for service in &services {
        let (place, _, resource) = service.certain;
        let Some(target) = limits.get(&place) else { continue };
        let desired = resource.property("DesiredCount");
        outside(cx, desired, target, ("MinCapacity", "MaxCapacity"), resource, Severity::Warning);
    }
    for (_, _, group) in links.certain(GROUP) {
        // Its least and most are compared by AWS's rules.
        let desired = group.property("DesiredCapacity");
        outside(cx, desired, group, ("MinSize", "MaxSize"), group, Severity::Error);
    }
}

fn range(cx: &mut Cx<'_>, resource: &Resource, least: &str, most: &str) {
    pair(cx, resource.property(least), resource.property(most), &resource.logical_id);
}

fn pair(cx: &mut Cx<'_>, least: Option<&Value>, most: Option<&Value>, name: &str) {
    let (Some(least_value), Some(most_value)) = (least, most) else { return };
    let (Some(least), Some(most)) = (least_value.as_integer(), most_value.as_integer()) else {
        return;
    };
    if least <= most {
        return;
    }
    let span = most_value.origin.span;
    let finding = cx.report_value(
        least_value,
        message!(
            "the least capacity of `{name}` is {least}, more than the most, {most}",
            name,
            least,
            most
        ),
    );
    if let Some(span) = span {
        finding.hops.push(Hop { span, label: Some(message!("the most")) });
    }
    finding.help.push(message!("make the most at least as much as the least"));
}

/// Reports a wanted capacity that is not between the least and the most.
fn outside(
    cx: &mut Cx<'_>,
    desired: Option<&Value>,
    limits: &Resource,
    (least, most): (&str, &str),
    of: &Resource,
    severity: Severity,
) {
    let number = |property| limits.property(property).and_then(Value::as_integer);
    let Some(desired) = desired else { return };
    let (Some(count), Some(least_number), Some(most_number)) =
        (desired.as_integer(), number(least), number(most))
    else {
        return;
    };
    // A range that is empty has been reported.
    if least_number > most_number || (least_number..=most_number).contains(&count) {
        return;
    }
    let bound = if count < least_number { least } else { most };
    let (name, least, most) = (&of.logical_id, least_number, most_number);
    let span = limits.property(bound).and_then(|it| it.origin.span);
    let finding = cx.report_value(
        desired,
        message!(
            "`{name}` begins with {count}, outside its capacity of {least} to {most}",
            name,
            count,
            least,
            most
        ),
    );
    finding.severity = severity;
    if let Some(span) = span {
        finding.hops.push(Hop { span, label: Some(message!("the limit")) });
    }
    finding.help.push(match severity {
        Severity::Error => message!("choose a number in the range"),
        _ => message!("choose a number in the range; auto scaling changes it at once"),
    });
}
