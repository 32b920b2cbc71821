use crate::links::Links;
use crate::rule::{Cx, Rule};
use crate::windows::{Window, zone};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "database-windows-overlap",
    severity: Severity::Error,
    page: include_str!("database_windows_overlap.md"),
    check,
};

const DATABASES: [&str; 4] = [
    "AWS::RDS::DBInstance",
    "AWS::RDS::DBCluster",
    "AWS::DocDB::DBCluster",
    "AWS::Neptune::DBCluster",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let zone = zone(&cx.inputs.region);
    for (_, _, database) in links.all().filter(|it| DATABASES.contains(&&*it.2.type_name)) {
        let text = |property| database.property(property).and_then(Value::as_text);
        if text("BackupRetentionPeriod") == Some("0") {
            continue;
        }
        let Some(value) = database.property("PreferredMaintenanceWindow") else { continue };
        let Some(backup_value) = database.property("PreferredBackupWindow") else { continue };
        let (Some(maintenance), Some(backup)) = (value.as_text(), backup_value.as_text()) else {
            continue;
        };
        let (Some(one), Some(two)) = (Window::parse(maintenance), Window::parse(backup)) else {
            continue;
        };
        if !one.overlaps(two) {
            continue;
        }
        let finding = cx.report_value(
            value,
            message!(
                "maintenance window `{maintenance}` overlaps backup window `{backup}`",
                maintenance,
                backup
            ),
        );
        if let Some(span) = backup_value.origin.nearest() {
            finding.hops.push(Hop { span, label: Some(message!("the backup window")) });
        }
        if let Some(zone) = zone {
            finding.help.push(message!(
                "in {zone} they are `{maintenance}` and `{backup}`",
                zone = zone.name,
                maintenance = one.local(zone),
                backup = two.local(zone)
            ));
        }
        finding.help.push(message!("move one of them; both are written in UTC"));
    }
}
