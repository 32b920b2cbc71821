use crate::links::{Links, Place};
use crate::paths::each;
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "backup-rule-refused",
    severity: Severity::Error,
    page: include_str!("backup_rule_refused.md"),
    check,
};

const VAULT: &str = "AWS::Backup::BackupVault";
/// The fewest days in cold storage, and the most that a continuous backup is kept.
///
/// <https://docs.aws.amazon.com/aws-backup/latest/devguide/API_BackupRule.html>
const COLD: i64 = 90;
const CONTINUOUS: i64 = 35;

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let vaults = links.names(VAULT, "BackupVaultName");
    for (_, _, plan) in links.certain("AWS::Backup::BackupPlan") {
        each(&plan.properties, "BackupPlan.BackupPlanRule", &mut |rule| {
            kept(cx, rule);
            windows(cx, rule);
            lock(
                cx,
                &links,
                &vaults,
                rule.get("TargetBackupVault"),
                rule.at("Lifecycle.DeleteAfterDays"),
            );
            each(rule, "CopyActions", &mut |copy| {
                let kept = copy.at("Lifecycle.DeleteAfterDays");
                lock(cx, &links, &vaults, copy.get("DestinationBackupVaultArn"), kept);
            });
        });
    }
}

/// How long copies are kept.
fn kept(cx: &mut Cx<'_>, rule: &Value) {
    let days = |name| {
        let value = rule.at(name)?;
        Some((value, value.as_integer()?))
    };
    let Some((value, delete)) = days("Lifecycle.DeleteAfterDays") else { return };
    if let Some((_, cold)) = days("Lifecycle.MoveToColdStorageAfterDays")
        && delete < cold + COLD
    {
        let finding = cx.report_value(
            value,
            message!(
                "a copy goes cold after {cold} days and is deleted after {delete}",
                cold,
                delete
            ),
        );
        finding.help.push(message!("keep it for {least} days or more", least = cold + COLD));
    }
    let continuous = rule.get("EnableContinuousBackup").and_then(Value::as_bool);
    if continuous == Some(true) && delete > CONTINUOUS {
        let finding = cx.report_value(
            value,
            message!("a continuous backup is kept for {delete} days, and 35 are the most", delete),
        );
        finding
            .help
            .push(message!("keep it for 35 days at most, and add a rule for what is kept longer"));
    }
}

/// The time that a job has.
fn windows(cx: &mut Cx<'_>, rule: &Value) {
    let minutes = |name| {
        let value = rule.get(name)?;
        Some((value, value.as_integer()?))
    };
    let Some((value, start)) = minutes("StartWindowMinutes") else { return };
    if start < 60 {
        let finding = cx.report_value(
            value,
            message!("a job has {start} minutes to start, and 60 are the least", start),
        );
        finding.help.push(message!("give it 60 minutes or more"));
    } else if let Some((value, end)) = minutes("CompletionWindowMinutes")
        && end < start
    {
        let finding = cx.report_value(
            value,
            message!("a job has {start} minutes to start and {end} to end", start, end),
        );
        finding.help.push(message!("give it more time to end than to start"));
    }
}

/// What a locked vault does not take.
fn lock(
    cx: &mut Cx<'_>,
    links: &Links<'_>,
    vaults: &HashMap<&str, Place>,
    vault: Option<&Value>,
    kept: Option<&Value>,
) {
    let Some(vault) = vault.and_then(|it| links.named(it, VAULT, vaults)) else { return };
    let vault = links.at(vault);
    let (Some(value), Some(lock)) = (kept, vault.property("LockConfiguration")) else { return };
    let Some(days) = value.as_integer() else { return };
    let bound = |name| lock.get(name).and_then(Value::as_integer);
    let (least, most) = (bound("MinRetentionDays"), bound("MaxRetentionDays"));
    if least.is_some_and(|it| days < it) || most.is_some_and(|it| days > it) {
        let name = &vault.logical_id;
        let finding = cx.report_value(
            value,
            message!(
                "vault `{name}` is locked and does not keep copies for {days} days",
                name,
                days
            ),
        );
        if let Some(span) = lock.origin.nearest() {
            finding.hops.push(Hop { span, label: Some(message!("the vault's lock")) });
        }
        finding.help.push(message!("every job fails; keep copies within the limits of the lock"));
    }
}
