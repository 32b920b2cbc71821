use crate::links::Links;
use crate::metrics::metrics;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "replica-lag-without-replica",
    severity: Severity::Warning,
    page: include_str!("replica_lag_without_replica.md"),
    check,
};

/// What makes an instance a replica, or a member of something that has replicas.
const SOURCES: [&str; 4] = [
    "SourceDBInstanceIdentifier",
    "SourceDBClusterIdentifier",
    "DBClusterIdentifier",
    "SourceDbiResourceId",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let databases = links.names("AWS::RDS::DBInstance", "DBInstanceIdentifier");
    for (_, _, alarm) in links.certain("AWS::CloudWatch::Alarm") {
        for metric in metrics(alarm) {
            if (metric.namespace, metric.name) != ("AWS/RDS", "ReplicaLag") {
                continue;
            }
            let database = metric.dimension("DBInstanceIdentifier");
            let place = database.and_then(|it| links.named(it, "AWS::RDS::DBInstance", &databases));
            let Some(database) = place.map(|it| links.at(it)) else { continue };
            let engine = database.property("Engine").and_then(Value::as_text);
            // MySQL and MariaDB can be replicas of something outside RDS.
            if SOURCES.iter().any(|it| database.property(it).is_some())
                || !engine.is_some_and(|it| !matches!(it, "mysql" | "mariadb"))
            {
                continue;
            }
            let name = &database.logical_id;
            let finding = cx.report_value(
                metric.value,
                message!("`{name}` is no read replica, so it has no `ReplicaLag`", name),
            );
            finding.hops.push(Hop { span: database.span, label: Some(message!("the database")) });
            finding.help.push(message!(
                "the standby of a Multi-AZ instance is no replica; remove the alarm"
            ));
        }
    }
}
