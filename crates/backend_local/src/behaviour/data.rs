//! Databases, buckets and secrets.

use super::network::zones_of;
use super::{Checked, Cx, refused};
use crate::shape::text_at;

const INSTANCE: &str = "AWS::RDS::DBInstance";

/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_VPC.WorkingWithRDSInstanceinaVPC.html>
pub(super) fn subnet_group(cx: &Cx<'_>) -> Checked {
    if cx.text("DBSubnetGroupName").is_some_and(|it| it.eq_ignore_ascii_case("default")) {
        return refused("InvalidRequest", "The DBSubnetGroupName must not be Default");
    }
    match zones_of(cx, &cx.texts("SubnetIds")) {
        Err(id) => refused("InvalidRequest", format!("The subnet ID '{id}' does not exist")),
        Ok(zones) if zones.len() < 2 => refused(
            "InvalidRequest",
            format!(
                "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: {}. Add subnets to cover at least 2 AZs.",
                zones.join(", ")
            ),
        ),
        Ok(_) => Ok(()),
    }
}

fn unused(cx: &Cx<'_>, property: &str, what: &str) -> Checked {
    let id = cx.request.physical_id;
    let user = cx.others(INSTANCE).find(|(_, it)| {
        text_at(&it.properties, property).is_some_and(|it| it.eq_ignore_ascii_case(id))
    });
    match user {
        Some((user, _)) => refused(
            "InvalidRequest",
            format!(
                "Cannot delete the {what} '{id}' because at least one database instance: {user} is still using it."
            ),
        ),
        None => Ok(()),
    }
}

pub(super) fn subnet_group_gone(cx: &Cx<'_>) -> Checked {
    unused(cx, "DBSubnetGroupName", "subnet group")
}

pub(super) fn parameter_group_gone(cx: &Cx<'_>) -> Checked {
    unused(cx, "DBParameterGroupName", "parameter group")
}

pub(super) fn option_group_gone(cx: &Cx<'_>) -> Checked {
    unused(cx, "OptionGroupName", "option group")
}

/// The families that RDS offers for the engines whose names they begin with. Which majors there
/// are changes every year, so only the shape is looked at.
pub(super) fn parameter_group(cx: &Cx<'_>) -> Checked {
    let family = cx.text("Family").unwrap_or_default();
    let engines = ["postgres", "mysql", "mariadb", "oracle-", "sqlserver-", "aurora-", "db2-"];
    match engines.iter().any(|it| family.starts_with(it)) {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            format!("DBParameterGroupFamily {family} is not a valid parameter group family"),
        ),
    }
}

pub(super) fn option_group(cx: &Cx<'_>) -> Checked {
    let engine = cx.text("EngineName").unwrap_or_default();
    match engine.is_empty() {
        true => refused("InvalidRequest", "Invalid DB engine: "),
        false => Ok(()),
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

pub(super) fn instance(cx: &Cx<'_>) -> Checked {
    let engine = cx.text("Engine").unwrap_or_default();
    let version = cx.text("EngineVersion").unwrap_or_default();
    let restored = cx.text("DBSnapshotIdentifier").is_some();
    if engine.is_empty() && !restored && cx.text("SourceDBInstanceIdentifier").is_none() {
        return refused("InvalidRequest", "Engine must be provided");
    }
    if let Some(name) = cx.text("DBSubnetGroupName")
        && name != "default"
        && cx.get("AWS::RDS::DBSubnetGroup", &name.to_lowercase()).is_none()
    {
        return refused("NotFound", format!("DBSubnetGroup '{name}' not found."));
    }
    if let Some(name) = cx.text("DBParameterGroupName").filter(|it| !it.starts_with("default.")) {
        let Some(group) = cx.get("AWS::RDS::DBParameterGroup", &name.to_lowercase()) else {
            return refused("NotFound", format!("DBParameterGroup not found: {name}"));
        };
        let found = text_at(&group.properties, "Family").unwrap_or_default();
        if let Some(expected) = family(&engine, &version)
            && expected != found
        {
            return refused(
                "InvalidRequest",
                format!(
                    "The parameter group {name} with DBParameterGroupFamily {found} can't be used for this instance. Use a parameter group with DBParameterGroupFamily {expected}."
                ),
            );
        }
    }
    if let Some(name) = cx.text("OptionGroupName").filter(|it| !it.starts_with("default:")) {
        let Some(group) = cx.get("AWS::RDS::OptionGroup", &name.to_lowercase()) else {
            return refused("NotFound", format!("Specified OptionGroupName: {name} not found."));
        };
        let major = text_at(&group.properties, "MajorEngineVersion").unwrap_or_default();
        let same = text_at(&group.properties, "EngineName").as_deref() == Some(&engine)
            && (version.is_empty()
                || version == major
                || version.strip_prefix(&major).is_some_and(|it| it.starts_with('.')));
        if !same {
            return refused(
                "InvalidRequest",
                format!("The option group {name} is not compatible with {engine} {version}"),
            );
        }
    }
    for id in cx.texts("VPCSecurityGroups") {
        if cx.get("AWS::EC2::SecurityGroup", &id).is_none() {
            return refused("InvalidRequest", format!("Invalid security group , groupId= {id}"));
        }
    }
    // A cluster has the user and the password, and so have a snapshot and a source.
    let inherits = restored
        || cx.text("DBClusterIdentifier").is_some()
        || cx.text("SourceDBInstanceIdentifier").is_some();
    let managed = cx.text("ManageMasterUserPassword").as_deref() == Some("true");
    if managed && cx.text("MasterUserPassword").is_some() {
        return refused(
            "InvalidRequest",
            "You can't specify MasterUserPassword for an instance with ManageMasterUserPassword enabled.",
        );
    }
    if !inherits && cx.text("MasterUsername").is_none() {
        return refused("InvalidRequest", "MasterUsername must be provided");
    }
    if !inherits && !managed && cx.text("MasterUserPassword").is_none() {
        return refused("InvalidRequest", "MasterUserPassword must be provided");
    }
    Ok(())
}

pub(super) fn instance_gone(cx: &Cx<'_>) -> Checked {
    match cx.text("DeletionProtection").as_deref() {
        Some("true") => refused(
            "InvalidRequest",
            "Cannot delete protected DB Instance, please disable deletion protection and try again.",
        ),
        _ => Ok(()),
    }
}

/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html>
pub(super) fn bucket(cx: &Cx<'_>) -> Checked {
    let Some(name) = cx.text("BucketName") else { return Ok(()) };
    let edge =
        |it: Option<char>| it.is_some_and(|it| it.is_ascii_lowercase() || it.is_ascii_digit());
    let inside =
        |it: char| it.is_ascii_lowercase() || it.is_ascii_digit() || matches!(it, '-' | '.');
    let valid = (3..=63).contains(&name.len())
        && edge(name.chars().next())
        && edge(name.chars().last())
        && name.chars().all(inside)
        && !name.contains("..");
    if !valid {
        return Err(format!(
            "Bucket name should be between 3 and 63 characters long and should contain only lowercase letters, numbers, periods, and dashes: {name}"
        ));
    }
    if let Some(target) = cx.text("LoggingConfiguration.DestinationBucketName")
        && target != name
        && cx.get("AWS::S3::Bucket", &target).is_none()
    {
        return refused("InvalidRequest", "The target bucket for logging does not exist");
    }
    Ok(())
}

pub(super) fn bucket_policy(cx: &Cx<'_>) -> Checked {
    let bucket = cx.text("Bucket").unwrap_or_default();
    if cx.get("AWS::S3::Bucket", &bucket).is_none() {
        return refused("NotFound", "The specified bucket does not exist");
    }
    match cx.others("AWS::S3::BucketPolicy").any(|(id, _)| *id == bucket) {
        true => refused(
            "AlreadyExists",
            format!("The bucket policy already exists on bucket {bucket}."),
        ),
        false => Ok(()),
    }
}

pub(super) fn secret(cx: &Cx<'_>) -> Checked {
    let Some(name) = cx.text("Name") else { return Ok(()) };
    let taken = cx
        .others("AWS::SecretsManager::Secret")
        .any(|(_, it)| text_at(&it.properties, "Name").as_deref() == Some(&name));
    match taken {
        true => refused(
            "AlreadyExists",
            format!("The operation failed because the secret {name} already exists."),
        ),
        false => Ok(()),
    }
}

pub(super) fn secret_policy(cx: &Cx<'_>) -> Checked {
    let id = cx.text("SecretId").unwrap_or_default();
    match cx.get("AWS::SecretsManager::Secret", &id) {
        Some(_) => Ok(()),
        None => refused("NotFound", "Secrets Manager can't find the specified secret."),
    }
}
