use crate::links::Links;
use crate::rule::{Cx, Rule, listed};
use kumiki_project::Value;
use kumiki_source::{Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "log-export-of-another-engine",
    severity: Severity::Error,
    page: include_str!("log_export_of_another_engine.md"),
    check,
};

/// The logs that an engine publishes, by the beginning of its name.
///
/// As of 2026-11-24, <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html>
/// and <https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBCluster.html>
const LOGS: [(&str, &[&str]); 7] = [
    ("aurora-mysql", &["audit", "error", "general", "iam-db-auth-error", "instance", "slowquery"]),
    ("aurora-postgresql", &["iam-db-auth-error", "instance", "postgresql"]),
    ("mariadb", &["audit", "error", "general", "iam-db-auth-error", "slowquery"]),
    ("mysql", &["audit", "error", "general", "iam-db-auth-error", "slowquery"]),
    ("oracle-", &["alert", "audit", "listener", "oemagent", "trace"]),
    ("postgres", &["iam-db-auth-error", "postgresql", "upgrade"]),
    ("sqlserver-", &["agent", "error"]),
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        if !matches!(&*resource.type_name, "AWS::RDS::DBInstance" | "AWS::RDS::DBCluster") {
            continue;
        }
        let Some(engine) = resource.property("Engine").and_then(Value::as_text) else { continue };
        let Some((_, logs)) = LOGS.iter().find(|it| engine.starts_with(it.0)) else { continue };
        // A cluster of several zones that is not of Aurora has the logs of an instance.
        let exports = resource.property("EnableCloudwatchLogsExports").and_then(Value::as_list);
        for value in exports.unwrap_or_default() {
            let Some(log) = value.as_text().filter(|it| !logs.contains(it)) else { continue };
            let finding = cx.report_value(
                value,
                message!("`{engine}` has no log `{log}` to export", engine, log),
            );
            let logs = listed(logs);
            finding.help.push(message!("it has {logs}", logs));
        }
    }
}
