use crate::databases::{GIB, PARAMETER_GROUP, class_memory, max_connections, parameter_group};
use crate::links::{Links, Place};
use crate::metrics::{Metric, metrics};
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "alarm-beyond-maximum",
    severity: Severity::Warning,
    page: include_str!("alarm_beyond_maximum.md"),
    check,
};

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let databases = links.names("AWS::RDS::DBInstance", "DBInstanceIdentifier");
    let groups = links.names(PARAMETER_GROUP, "DBParameterGroupName");
    for (_, _, alarm) in links.certain("AWS::CloudWatch::Alarm") {
        // Sums and counts have other limits than the metric itself.
        let statistic = alarm.property("Statistic").and_then(Value::as_text);
        if !matches!(statistic, Some("Average" | "Maximum" | "Minimum")) {
            continue;
        }
        let Some(value) = alarm.property("Threshold") else { continue };
        let Some(threshold) = value.as_text().and_then(|it| it.parse::<f64>().ok()) else {
            continue;
        };
        let operator = alarm.property("ComparisonOperator").and_then(Value::as_text);
        let Some(operator) = operator else { continue };
        for metric in metrics(alarm) {
            let database = metric
                .dimension("DBInstanceIdentifier")
                .filter(|_| metric.namespace == "AWS/RDS")
                .and_then(|it| links.named(it, "AWS::RDS::DBInstance", &databases))
                .map(|it| links.at(it));
            let Some(most) = most(&links, &groups, &metric, database) else { continue };
            let never = match operator {
                "GreaterThanThreshold" => threshold >= most.number,
                "GreaterThanOrEqualToThreshold" => threshold > most.number,
                _ => false,
            };
            let always = match operator {
                "LessThanThreshold" => threshold > most.number,
                "LessThanOrEqualToThreshold" => threshold >= most.number,
                _ => false,
            };
            if !never && !always {
                continue;
            }
            let (name, number) = (metric.name, most.number);
            let text = value.as_text().unwrap_or_default();
            let finding = cx.report_value(
                value,
                match never {
                    true => message!(
                        "`{name}` is never above {number}, so the alarm at {text} never goes off",
                        name,
                        number,
                        text
                    ),
                    false => message!(
                        "`{name}` is never above {number}, so the alarm under {text} is always on",
                        name,
                        number,
                        text
                    ),
                },
            );
            if let Some(span) = most.value.and_then(|it| it.origin.nearest()) {
                finding.hops.push(Hop { span, label: Some(message!("what limits it")) });
            }
            finding.help.push(message!("let the threshold follow the limit in every environment"));
        }
    }
}

/// The most that a metric comes to, and the value that says so.
struct Most<'t> {
    number: f64,
    value: Option<&'t Value>,
}

fn most<'t>(
    links: &Links<'t>,
    groups: &HashMap<&'t str, Place>,
    metric: &Metric<'_>,
    database: Option<&'t Resource>,
) -> Option<Most<'t>> {
    match (metric.namespace, metric.name) {
        ("AWS/RDS" | "AWS/EC2", "CPUUtilization") => Some(Most { number: 100.0, value: None }),
        ("AWS/RDS", "DatabaseConnections") => {
            let database = database?;
            let class = database.property("DBInstanceClass")?;
            let memory = class_memory(class.as_text()?)?;
            let engine = database.property("Engine")?.as_text()?;
            let group = match database.property("DBParameterGroupName") {
                Some(_) => Some(parameter_group(links, groups, database)?),
                None => None,
            };
            let written = group.and_then(|it| it.property("Parameters.max_connections"));
            let number = max_connections(group, engine, memory)?;
            Some(Most { number, value: written.or(Some(class)) })
        }
        ("AWS/RDS", "FreeableMemory") => {
            let class = database?.property("DBInstanceClass")?;
            Some(Most { number: class_memory(class.as_text()?)?, value: Some(class) })
        }
        ("AWS/RDS", "FreeStorageSpace") => {
            let database = database?;
            let most = database.property("MaxAllocatedStorage");
            let value = most.or_else(|| database.property("AllocatedStorage"))?;
            let gib = value.as_text()?.parse::<f64>().ok()?;
            Some(Most { number: gib * GIB, value: Some(value) })
        }
        _ => None,
    }
}
