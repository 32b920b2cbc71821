//! Databases and backups.

use super::network::zones_of;
use super::{Behaviour, Checked, Cx, Rule, Says, behaviour, refused, stands_for_another};
use crate::shape::text_at;
use kumiki_source::message;

const INSTANCE: &str = "AWS::RDS::DBInstance";
const SUBNET_GROUP: &str = "AWS::RDS::DBSubnetGroup";
const PARAMETER_GROUP: &str = "AWS::RDS::DBParameterGroup";
const OPTION_GROUP: &str = "AWS::RDS::OptionGroup";
const SUBNET: &str = "AWS::EC2::Subnet";
const VAULT: &str = "AWS::Backup::BackupVault";
const PLAN: &str = "AWS::Backup::BackupPlan";
const SELECTION: &str = "AWS::Backup::BackupSelection";
const TEST_PLAN: &str = "AWS::Backup::RestoreTestingPlan";
const TEST_SELECTION: &str = "AWS::Backup::RestoreTestingSelection";
const ROLE: &str = "AWS::IAM::Role";

#[rustfmt::skip]
pub(super) static BEHAVIOURS: &[Behaviour] = &[
    behaviour(PLAN, &[
        Rule::Needs("BackupPlan.BackupPlanRule.TargetBackupVault", VAULT, Says("InvalidRequest", "Backup vault {value} does not exist.")),
        Rule::Needs("BackupPlan.BackupPlanRule.CopyActions.DestinationBackupVaultArn", VAULT, Says("InvalidRequest", "Backup vault {value} does not exist.")),
        Rule::Keeps(SELECTION, "BackupPlanId", Says("InvalidRequest", "Related backup plan selections must be deleted prior to backup plan deletion")),
    ]),
    behaviour(SELECTION, &[
        Rule::Needs("BackupPlanId", PLAN, Says("NotFound", "Cannot find Backup plan with ID {value}")),
        Rule::Needs("BackupSelection.IamRoleArn", ROLE, Says("InvalidRequest", "IAM Role {value} cannot be assumed by AWS Backup")),
    ]),
    behaviour(VAULT, &[
        Rule::Key("EncryptionKeyArn"),
    ]),
    behaviour(TEST_PLAN, &[
        Rule::Keeps(TEST_SELECTION, "RestoreTestingPlanName", Says("InvalidRequest", "Related restore testing selections must be deleted prior to restore testing plan deletion")),
    ]),
    behaviour(TEST_SELECTION, &[
        Rule::Needs("RestoreTestingPlanName", TEST_PLAN, Says("NotFound", "Restore testing plan {value} does not exist")),
        Rule::Needs("IamRoleArn", ROLE, Says("InvalidRequest", "IAM Role {value} cannot be assumed by AWS Backup")),
    ]),
    behaviour(INSTANCE, &[
        Rule::Write(|| message!("neither an engine nor something to restore from"), instance_engine),
        Rule::Write(|| message!("a subnet group that does not exist"), instance_subnets),
        Rule::Write(|| message!("a parameter group that does not exist, or of another family"), instance_parameters),
        Rule::Write(|| message!("an option group that does not exist, or of another version"), instance_options),
        Rule::Needs("VPCSecurityGroups", "AWS::EC2::SecurityGroup", Says("InvalidRequest", "Invalid security group , groupId= {value}")),
        Rule::Needs("MonitoringRoleArn", ROLE, Says("InvalidRequest", "IAM role ARN value is invalid or does not include the required permissions for: ENHANCED_MONITORING")),
        Rule::Key("KmsKeyId"),
        Rule::Write(|| message!("no master user or password, or two passwords"), instance_password),
        Rule::Write(|| message!("an engine version below the one that it has"), instance_version),
        Rule::Delete(|| message!("deletion while it is protected"), instance_protected),
    ]),
    behaviour(PARAMETER_GROUP, &[
        Rule::Write(|| message!("a family of no engine"), parameter_group),
        Rule::Keeps(INSTANCE, "DBParameterGroupName", Says("InvalidRequest", "One or more database instances are still members of this parameter group {id}, so the group cannot be deleted")),
    ]),
    behaviour(SUBNET_GROUP, &[
        Rule::Write(|| message!("the name `default`"), subnet_group_name),
        Rule::Needs("SubnetIds", SUBNET, Says("InvalidRequest", "The subnet ID '{value}' does not exist")),
        Rule::Write(|| message!("subnets in fewer than two zones"), subnet_group_zones),
        Rule::Keeps(INSTANCE, "DBSubnetGroupName", Says("InvalidRequest", "Cannot delete the subnet group '{id}' because at least one database instance: {user} is still using it.")),
    ]),
    behaviour("AWS::RDS::EventSubscription", &[
        Rule::Needs("SnsTopicArn", "AWS::SNS::Topic", Says("NotFound", "SNS topic {value} does not exist")),
    ]),
    behaviour(OPTION_GROUP, &[
        Rule::Keeps(INSTANCE, "OptionGroupName", Says("InvalidRequest", "The option group {id} cannot be deleted because it is in use.")),
    ]),
];

fn subnet_group_name(cx: &Cx<'_>) -> Checked {
    match cx.text("DBSubnetGroupName").is_some_and(|it| it.eq_ignore_ascii_case("default")) {
        true => refused("InvalidRequest", "The DBSubnetGroupName must not be Default"),
        false => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html>
fn subnet_group_zones(cx: &Cx<'_>) -> Checked {
    match zones_of(cx, &cx.texts("SubnetIds")) {
        Some(zones) if zones.len() < 2 => refused(
            "InvalidRequest",
            format!(
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {}. Add subnets to cover at least 2 AZs.",
                zones.join(", ")
            ),
        ),
        _ => Ok(()),
    }
}

/// The families that RDS offers for the engines whose names they begin with. Which majors there
/// are changes every year, so only the shape is looked at.
fn parameter_group(cx: &Cx<'_>) -> Checked {
    let family = cx.text("Family").unwrap_or_default();
    let engines = ["postgres", "mysql", "mariadb", "oracle-", "sqlserver-", "aurora-", "db2-"];
    match stands_for_another(&family) || engines.iter().any(|it| family.starts_with(it)) {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            format!("DBParameterGroupFamily {family} is not a valid parameter group family"),
        ),
    }
}

/// `postgres14` for PostgreSQL 14.24, `mysql8.0` for MySQL 8.0.35.
fn family(engine: &str, version: &str) -> Option<String> {
    let mut parts = version.split('.');
    let major = parts.next().filter(|it| !it.is_empty())?;
    Some(match engine {
        "postgres" => format!("postgres{major}"),
        "mysql" | "mariadb" => format!("{engine}{major}.{}", parts.next()?),
        _ => return None,
    })
}

fn instance_engine(cx: &Cx<'_>) -> Checked {
    let origins = ["Engine", "DBSnapshotIdentifier", "SourceDBInstanceIdentifier"];
    match origins.iter().any(|it| cx.text(it).is_some_and(|it| !it.is_empty())) {
        true => Ok(()),
        false => refused("InvalidRequest", "Engine must be provided"),
    }
}

fn instance_subnets(cx: &Cx<'_>) -> Checked {
    match cx.text("DBSubnetGroupName").filter(|it| it != "default") {
        Some(name) if cx.lacks(SUBNET_GROUP, &name) => {
            refused("NotFound", format!("DBSubnetGroup '{name}' not found."))
        }
        _ => Ok(()),
    }
}

fn instance_parameters(cx: &Cx<'_>) -> Checked {
    let Some(name) = cx.text("DBParameterGroupName").filter(|it| !it.starts_with("default."))
    else {
        return Ok(());
    };
    let Some(group) = cx.named(PARAMETER_GROUP, &name) else {
        return match cx.lacks(PARAMETER_GROUP, &name) {
            true => refused("NotFound", format!("DBParameterGroup not found: {name}")),
            false => Ok(()),
        };
    };
    let found = text_at(&group.properties, "Family").unwrap_or_default();
    let version = cx.text("EngineVersion").unwrap_or_default();
    match family(&cx.text("Engine").unwrap_or_default(), &version) {
        Some(expected) if expected != found => refused(
            "InvalidRequest",
            format!(
                "The parameter group {name} with DBParameterGroupFamily {found} can't be used for this instance. Use a parameter group with DBParameterGroupFamily {expected}."
            ),
        ),
        _ => Ok(()),
    }
}

fn instance_options(cx: &Cx<'_>) -> Checked {
    let Some(name) = cx.text("OptionGroupName").filter(|it| !it.starts_with("default:")) else {
        return Ok(());
    };
    let Some(group) = cx.named(OPTION_GROUP, &name) else {
        return match cx.lacks(OPTION_GROUP, &name) {
            true => refused("NotFound", format!("Specified OptionGroupName: {name} not found.")),
            false => Ok(()),
        };
    };
    let engine = cx.text("Engine").unwrap_or_default();
    let version = cx.text("EngineVersion").unwrap_or_default();
    let major = text_at(&group.properties, "MajorEngineVersion").unwrap_or_default();
    let same = text_at(&group.properties, "EngineName").as_deref() == Some(&engine)
        && (version.is_empty()
            || version == major
            || version.strip_prefix(&major).is_some_and(|it| it.starts_with('.')));
    match same {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            format!("The option group {name} is not compatible with {engine} {version}"),
        ),
    }
}

fn instance_password(cx: &Cx<'_>) -> Checked {
    // A cluster has the user and the password, and so have a snapshot and a source.
    let origins = ["DBSnapshotIdentifier", "DBClusterIdentifier", "SourceDBInstanceIdentifier"];
    let inherits = origins.iter().any(|it| cx.text(it).is_some());
    let managed = cx.is("ManageMasterUserPassword");
    let given = cx.text("MasterUserPassword").is_some();
    if managed && given {
        return refused(
            "InvalidRequest",
            "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.",
        );
    }
    if !inherits && cx.text("MasterUsername").is_none() {
        return refused("InvalidRequest", "MasterUsername must be provided");
    }
    match !inherits && !managed && !given {
        true => refused("InvalidRequest", "MasterUserPassword must be provided"),
        false => Ok(()),
    }
}

/// A version as numbers; nothing for one that is not made of them.
fn numbers(version: &str) -> Option<Vec<u32>> {
    version.split('.').map(|it| it.parse().ok()).collect()
}

/// A rollback goes back to what the service still runs.
fn instance_version(cx: &Cx<'_>) -> Checked {
    let there = cx.get(INSTANCE, cx.request.physical_id);
    let before = there.and_then(|it| text_at(&it.properties, "EngineVersion"));
    let (Some(before), Some(after)) = (before, cx.text("EngineVersion")) else { return Ok(()) };
    match (numbers(&before), numbers(&after)) {
        // `16` means any of 16.
        (Some(old), Some(new)) if !old.starts_with(&new) && new < old => {
            let engine = cx.text("Engine").unwrap_or_default();
            refused("InvalidRequest", format!("Cannot upgrade {engine} from {before} to {after}"))
        }
        _ => Ok(()),
    }
}

fn instance_protected(cx: &Cx<'_>) -> Checked {
    match cx.is("DeletionProtection") {
        true => refused(
            "InvalidRequest",
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        ),
        false => Ok(()),
    }
}
