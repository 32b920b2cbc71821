use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::services::Service;
use kumiki_project::{Resource, Value};
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "deployment-stands-still",
    severity: Severity::Error,
    page: include_str!("deployment_stands_still.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for service in Service::all(&links) {
        let (_, _, resource) = service.certain;
        let is = |path: &str, text: &str| {
            resource.property(path).is_none_or(|it| it.as_text() == Some(text))
        };
        if is("DeploymentController.Type", "ECS")
            && is("DeploymentConfiguration.Strategy", "ROLLING")
            && is("SchedulingStrategy", "REPLICA")
        {
            percentages(cx, resource);
        }
    }
}

/// ECS replaces tasks while it keeps their number between two bounds: the lower is rounded up, the
/// upper down.
fn percentages(cx: &mut Cx<'_>, service: &Resource) {
    let Some(configuration) = service.property("DeploymentConfiguration") else { return };
    let number = |name: &str, default: u64| match configuration.get(name) {
        None => configuration.as_map().map(|_| default),
        Some(value) => value.as_text()?.parse().ok(),
    };
    let (Some(least), Some(most)) =
        (number("MinimumHealthyPercent", 100), number("MaximumPercent", 200))
    else {
        return;
    };
    let value = configuration.get("MaximumPercent").or(configuration.get("MinimumHealthyPercent"));
    let Some(value) = value else { return };
    let name = &service.logical_id;
    if most < least || most <= 100 && least >= 100 {
        cx.report_value(
            value,
            message!(
                "`{name}` keeps {least} to {most} percent of its tasks, so none can be replaced",
                name,
                least,
                most
            ),
        )
        .help
        .push(message!("raise `MaximumPercent`, or lower `MinimumHealthyPercent`"));
        return;
    }
    let desired = service.property("DesiredCount").and_then(Value::as_text);
    let Some(desired) = desired.and_then(|it| it.parse::<u64>().ok()) else { return };
    let fewest = desired.saturating_mul(least).div_ceil(100);
    let many = desired.saturating_mul(most) / 100;
    if desired == 0 || many > desired || fewest < desired {
        return;
    }
    // The number of tasks may be another by then.
    let finding = cx.report_value(
        value,
        message!(
            "of {desired} tasks, `{name}` keeps {least} to {most} percent: not one less, and not one more",
            desired,
            name,
            least,
            most
        ),
    );
    finding.severity = Severity::Warning;
    finding.help.push(message!("raise `MaximumPercent`, or lower `MinimumHealthyPercent`"));
}
