use crate::links::{Certain, Links};
use crate::policies::matches;
use crate::rule::{Cx, Rule};
use crate::windows::{Window, cron_starts, moment, zone};
use kumiki_project::{Resource, Stack, Tree, Value};
use kumiki_source::{Hop, Severity, message};

pub(crate) static RULE: Rule = Rule {
    name: "backup-inside-window",
    severity: Severity::Warning,
    page: include_str!("backup_inside_window.md"),
    check,
};

/// Minutes before a window in which no backup job starts either.
const BEFORE: u32 = 60;

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let databases: Vec<Certain<'_>> = links
        .certain("AWS::RDS::DBInstance")
        // Aurora is exempt.
        .filter(|it| it.2.property("DBClusterIdentifier").is_none())
        .collect();
    if databases.is_empty() {
        return;
    }
    for (_, _, selection) in links.certain("AWS::Backup::BackupSelection") {
        let plan = selection.property("BackupPlanId").and_then(|it| links.reference(it));
        let Some(plan) = plan.and_then(|it| links.place(it.resource)).map(|it| links.at(it)) else {
            continue;
        };
        let rules = plan.property("BackupPlan.BackupPlanRule").and_then(Value::as_list);
        for database in &databases {
            if !selects(cx, &links, selection, *database) {
                continue;
            }
            for rule in rules.unwrap_or_default() {
                compare(cx, rule, database.2);
            }
        }
    }
}

fn compare(cx: &mut Cx<'_>, rule: &Value, database: &Resource) {
    let Some(schedule) = rule.get("ScheduleExpression") else { return };
    let written = rule.get("ScheduleExpressionTimezone");
    if written.is_some_and(|it| it.as_text().is_none()) {
        return;
    }
    let written = written.and_then(Value::as_text);
    let starts = schedule.as_text().and_then(|it| cron_starts(it, written));
    let Some(starts) = starts else { return };
    let name = &database.logical_id;
    for property in ["PreferredMaintenanceWindow", "PreferredBackupWindow"] {
        let Some(value) = database.property(property) else { continue };
        let Some(text) = value.as_text() else { continue };
        let Some(window) = Window::parse(text) else { continue };
        let Some(start) = starts.iter().find(|it| window.contains(**it, BEFORE)) else { continue };
        let zone = zone(&cx.inputs.region);
        let finding = cx.report_value(
            schedule,
            message!(
                "the backup at `{at}` is inside or within an hour before `{property}` `{text}` of \
                 `{name}`",
                at = moment(*start, None),
                property,
                text,
                name
            ),
        );
        if let Some(span) = value.origin.nearest() {
            finding.hops.push(Hop { span, label: Some(message!("the window")) });
        }
        if let Some(zone) = zone {
            finding.help.push(message!(
                "in {zone} the backup is at `{at}` and the window `{text}`",
                zone = zone.name,
                at = moment(*start, Some(zone)),
                text = window.local(zone)
            ));
        }
        finding.help.push(message!(
            "such a job does not start; move the schedule or the window, which is in UTC"
        ));
    }
}

/// Whether a selection surely takes a database.
fn selects(cx: &Cx<'_>, links: &Links<'_>, selection: &Resource, database: Certain<'_>) -> bool {
    let inner = |path: &str| selection.property(&format!("BackupSelection.{path}"));
    if inner("NotResources").is_some() {
        return false;
    }
    let is = |value: &Value| {
        if let Some(reference) = links.reference(value) {
            return links.place(reference.resource) == Some(database.0);
        }
        let name = database.2.property("DBInstanceIdentifier").and_then(Value::as_text);
        name.is_some_and(|name| {
            let arn = format!(
                "arn:{}:rds:{}:{}:db:{name}",
                kumiki_project::partition(&cx.inputs.region),
                cx.inputs.region,
                cx.inputs.account
            );
            value.as_text().is_some_and(|it| matches(it, &arn))
        })
    };
    let named = inner("Resources").and_then(Value::as_list).unwrap_or_default().iter().any(is);
    let conditions = inner("Conditions");
    if named && conditions.is_none() {
        return true;
    }
    let tags = tags(cx.tree, cx, database.1, database.2);
    let tagged = |key: &str, value: &str| tags.iter().any(|it| it.0 == key && it.1 == value);
    let listed = inner("ListOfTags").and_then(Value::as_list).unwrap_or_default();
    let by_tag = listed.iter().any(|it| {
        let text = |name| it.get(name).and_then(Value::as_text);
        text("ConditionType") == Some("STRINGEQUALS")
            && text("ConditionKey").zip(text("ConditionValue")).is_some_and(|(k, v)| tagged(k, v))
    });
    let by_condition = || {
        let Some([field]) = conditions.and_then(Value::as_map) else { return false };
        &*field.name == "StringEquals"
            && field.value.as_list().is_some_and(|it| {
                it.iter().all(|it| {
                    let text = |name| it.get(name).and_then(Value::as_text);
                    let key =
                        text("ConditionKey").and_then(|it| it.strip_prefix("aws:ResourceTag/"));
                    key.zip(text("ConditionValue")).is_some_and(|(k, v)| tagged(k, v))
                })
            })
    };
    by_tag || (named && by_condition())
}

/// The tags of a resource, with those that it has from its stack and the stacks above.
fn tags<'t>(
    tree: &'t Tree,
    cx: &'t Cx<'_>,
    stack: &'t Stack,
    resource: &'t Resource,
) -> Vec<(&'t str, &'t str)> {
    let mut tags: Vec<(&str, &str)> = Vec::new();
    let mut add = |resource: &'t Resource| {
        let list = resource.property("Tags").and_then(Value::as_list).unwrap_or_default();
        for tag in list {
            let text = |name| tag.get(name).and_then(Value::as_text);
            if let (Some(key), Some(value)) = (text("Key"), text("Value"))
                && !tags.iter().any(|it| it.0 == key)
            {
                tags.push((key, value));
            }
        }
    };
    add(resource);
    let mut at = stack;
    while let Some((parent, position)) = at.parent {
        at = &tree.stacks[parent];
        add(&at.resources[position]);
    }
    tags.extend(cx.inputs.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())));
    tags
}
