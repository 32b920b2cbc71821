use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use kumiki_project::{Resource, Value};
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "database-settings-refused",
    severity: Severity::Error,
    page: include_str!("database_settings_refused.md"),
    check,
};

const INSTANCE: &str = "AWS::RDS::DBInstance";

/// Classes without Performance Insights for MariaDB and MySQL.
///
/// As of 2026-11-24, <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_PerfInsights.Overview.Engines.html>
const WITHOUT_INSIGHTS: [&str; 6] =
    ["db.t2.micro", "db.t2.small", "db.t3.micro", "db.t3.small", "db.t4g.micro", "db.t4g.small"];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let names = links.names(INSTANCE, "DBInstanceIdentifier");
    for (_, _, database) in links.certain(INSTANCE) {
        alone(cx, database);
        replica(cx, &links, &names, database);
    }
}

/// Settings that exclude each other.
fn alone(cx: &mut Cx<'_>, database: &Resource) {
    let set = |property| database.property(property).filter(|it| it.as_bool() == Some(true));
    if let (Some(_), Some(value)) = (set("MultiAZ"), database.property("AvailabilityZone")) {
        let finding =
            cx.report_value(value, message!("a database in several zones is given a single one"));
        finding.help.push(message!("leave out `AvailabilityZone`, or set `MultiAZ` to `false`"));
    }
    if let (Some(_), Some(value)) =
        (set("ManageMasterUserPassword"), database.property("MasterUserPassword"))
    {
        let finding = cx.report_value(
            value,
            message!("RDS is to manage the password of the master user, and is given one"),
        );
        finding.help.push(message!("leave out `MasterUserPassword`"));
    }
    let interval = database.property("MonitoringInterval");
    if let Some(value) = interval.filter(|it| it.as_integer().is_some_and(|it| it > 0))
        && database.property("MonitoringRoleArn").is_none()
    {
        let finding = cx.report_value(value, message!("enhanced monitoring has no role"));
        finding.help.push(message!("add `MonitoringRoleArn`, or make `MonitoringInterval` 0"));
    }
    let text = |property| database.property(property).and_then(Value::as_text);
    if let (Some(value), Some("mariadb" | "mysql"), Some(class)) =
        (set("EnablePerformanceInsights"), text("Engine"), text("DBInstanceClass"))
        && WITHOUT_INSIGHTS.contains(&class)
    {
        let finding =
            cx.report_value(value, message!("`{class}` has no Performance Insights", class));
        finding.help.push(message!("use a larger class where it is on"));
    }
}

/// A replica of a database that keeps no backups.
fn replica(cx: &mut Cx<'_>, links: &Links<'_>, names: &HashMap<&str, Place>, replica: &Resource) {
    let Some(value) = replica.property("SourceDBInstanceIdentifier") else { return };
    let Some(source) = links.named(value, INSTANCE, names) else { return };
    let source = links.at(source);
    let Some(retention) = source.property("BackupRetentionPeriod") else { return };
    if retention.as_integer() != Some(0) {
        return;
    }
    let name = &source.logical_id;
    let finding = cx.report_value(
        value,
        message!("`{name}` keeps no backups, so that it can have no replica", name),
    );
    if let Some(span) = retention.origin.nearest() {
        finding.hops.push(Hop { span, label: Some(message!("no backups")) });
    }
    finding.help.push(message!("keep backups of the source for a day or more"));
}
