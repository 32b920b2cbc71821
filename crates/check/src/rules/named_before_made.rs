use crate::links::{Links, Place};
use crate::ordering::{depend_on, waits};
use crate::paths::each;
use crate::rule::{Cx, Rule};
use kumiki_project::{Kind, Unknown, Value};
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "named-before-made",
    severity: Severity::Error,
    page: include_str!("named_before_made.md"),
    check,
};

/// A type, the path of a name without which it is not made, and what the name is of: the type and
/// its property.
const NAMES: [(&str, &str, &str, &str); 33] = [
    (
        "AWS::Backup::BackupPlan",
        "BackupPlan.BackupPlanRule.TargetBackupVault",
        VAULT,
        "BackupVaultName",
    ),
    ("AWS::ECS::Service", "Cluster", "AWS::ECS::Cluster", "ClusterName"),
    (
        "AWS::ElastiCache::CacheCluster",
        "CacheParameterGroupName",
        "AWS::ElastiCache::ParameterGroup",
        "CacheParameterGroupName",
    ),
    (
        "AWS::ElastiCache::CacheCluster",
        "CacheSubnetGroupName",
        CACHE_SUBNETS,
        "CacheSubnetGroupName",
    ),
    (
        "AWS::ElastiCache::ReplicationGroup",
        "CacheSubnetGroupName",
        CACHE_SUBNETS,
        "CacheSubnetGroupName",
    ),
    ("AWS::Events::Rule", "EventBusName", "AWS::Events::EventBus", "Name"),
    ("AWS::IAM::InstanceProfile", "Roles", ROLE, "RoleName"),
    ("AWS::IAM::ManagedPolicy", "Groups", "AWS::IAM::Group", "GroupName"),
    ("AWS::IAM::ManagedPolicy", "Roles", ROLE, "RoleName"),
    ("AWS::IAM::ManagedPolicy", "Users", "AWS::IAM::User", "UserName"),
    ("AWS::IAM::Policy", "Groups", "AWS::IAM::Group", "GroupName"),
    ("AWS::IAM::Policy", "Roles", ROLE, "RoleName"),
    ("AWS::IAM::Policy", "Users", "AWS::IAM::User", "UserName"),
    ("AWS::IAM::RolePolicy", "RoleName", ROLE, "RoleName"),
    ("AWS::IAM::UserToGroupAddition", "GroupName", "AWS::IAM::Group", "GroupName"),
    ("AWS::Lambda::EventSourceMapping", "FunctionName", FUNCTION, "FunctionName"),
    ("AWS::Lambda::Permission", "FunctionName", FUNCTION, "FunctionName"),
    ("AWS::Lambda::Version", "FunctionName", FUNCTION, "FunctionName"),
    ("AWS::Logs::LogStream", "LogGroupName", LOG_GROUP, "LogGroupName"),
    ("AWS::Logs::MetricFilter", "LogGroupName", LOG_GROUP, "LogGroupName"),
    ("AWS::Logs::SubscriptionFilter", "LogGroupName", LOG_GROUP, "LogGroupName"),
    (
        "AWS::RDS::DBCluster",
        "DBClusterParameterGroupName",
        "AWS::RDS::DBClusterParameterGroup",
        "DBClusterParameterGroupName",
    ),
    ("AWS::RDS::DBCluster", "DBSubnetGroupName", DB_SUBNETS, "DBSubnetGroupName"),
    ("AWS::RDS::DBInstance", "DBClusterIdentifier", "AWS::RDS::DBCluster", "DBClusterIdentifier"),
    (
        "AWS::RDS::DBInstance",
        "DBParameterGroupName",
        "AWS::RDS::DBParameterGroup",
        "DBParameterGroupName",
    ),
    ("AWS::RDS::DBInstance", "DBSubnetGroupName", DB_SUBNETS, "DBSubnetGroupName"),
    ("AWS::RDS::DBInstance", "OptionGroupName", "AWS::RDS::OptionGroup", "OptionGroupName"),
    (
        "AWS::RDS::DBInstance",
        "SourceDBInstanceIdentifier",
        "AWS::RDS::DBInstance",
        "DBInstanceIdentifier",
    ),
    ("AWS::S3::Bucket", "LoggingConfiguration.DestinationBucketName", BUCKET, "BucketName"),
    ("AWS::S3::BucketPolicy", "Bucket", BUCKET, "BucketName"),
    ("AWS::Scheduler::Schedule", "GroupName", "AWS::Scheduler::ScheduleGroup", "Name"),
    ("AWS::SecretsManager::Secret", "KmsKeyId", "AWS::KMS::Alias", "AliasName"),
    ("AWS::SSM::Association", "Name", "AWS::SSM::Document", "Name"),
];

const BUCKET: &str = "AWS::S3::Bucket";
const CACHE_SUBNETS: &str = "AWS::ElastiCache::SubnetGroup";
const DB_SUBNETS: &str = "AWS::RDS::DBSubnetGroup";
const FUNCTION: &str = "AWS::Lambda::Function";
const LOG_GROUP: &str = "AWS::Logs::LogGroup";
const ROLE: &str = "AWS::IAM::Role";
const VAULT: &str = "AWS::Backup::BackupVault";

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let mut names: HashMap<(&str, &str), HashMap<&str, Place>> = HashMap::new();
    for (.., type_name, property) in NAMES {
        let of = names.entry((type_name, property));
        of.or_insert_with(|| links.names(type_name, property));
    }
    let parameters = links.names("AWS::SSM::Parameter", "Name");
    let secrets = links.names("AWS::SecretsManager::Secret", "Name");
    for (place, _, resource) in links.all() {
        let mut found: Vec<(&Value, &str, Place)> = Vec::new();
        for (_, path, type_name, property) in NAMES.iter().filter(|it| it.0 == &*resource.type_name)
        {
            each(&resource.properties, path, &mut |value| {
                let text = value.as_text();
                let of =
                    text.and_then(|it| Some((it, *names.get(&(*type_name, *property))?.get(it)?)));
                found.extend(of.map(|(text, of)| (value, text, of)));
            });
        }
        dynamic(&resource.properties, &mut |value, text| {
            let mut parts = text.trim_start_matches("{{resolve:").trim_end_matches("}}").split(':');
            let of = match (parts.next(), parts.next()) {
                (Some("ssm" | "ssm-secure"), Some(name)) => Some((name, parameters.get(name))),
                (Some("secretsmanager"), Some(name)) => Some((name, secrets.get(name))),
                _ => None,
            };
            if let Some((name, Some(of))) = of {
                found.push((value, name, *of));
            }
        });
        for (value, text, of) in found {
            order(cx, &links, place, value, text, of);
        }
    }
}

/// Reports a resource that does not wait for what it names.
fn order(cx: &mut Cx<'_>, links: &Links<'_>, place: Place, value: &Value, text: &str, of: Place) {
    let tree = cx.tree;
    // What cannot be put in order, because one waits for the other already, is another fault.
    if place == of || waits(tree, place, of) || waits(tree, of, place) {
        return;
    }
    let (user, made) = (&links.at(place).logical_id, links.at(of));
    let name = &made.logical_id;
    let Some(help) = depend_on(tree, place, of) else { return };
    let finding = cx.report_value(
        value,
        message!(
            "`{user}` names `{text}` and does not wait for `{name}`, which makes it",
            user,
            text,
            name
        ),
    );
    finding.hops.push(Hop { span: made.span, label: Some(message!("made here")) });
    finding.help.push(help);
    finding.help.push(message!("or take the name by `Ref`, which makes the order by itself"));
}

/// Calls `visit` with every dynamic reference whose name is known.
fn dynamic<'v>(value: &'v Value, visit: &mut dyn FnMut(&'v Value, &'v str)) {
    match &value.kind {
        Kind::List(items) => items.iter().for_each(|it| dynamic(it, visit)),
        Kind::Map(fields) => fields.iter().for_each(|it| dynamic(&it.value, visit)),
        Kind::Unknown(unknown) => {
            if let Unknown::Dynamic(text) = &**unknown {
                visit(value, text);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::NAMES;
    use kumiki_schema::Property;

    #[test]
    fn every_property_exists() {
        for (user, path, type_name, property) in NAMES {
            for (of, path) in [(user, path), (type_name, property)] {
                let schema = kumiki_schema::resource_type(of).unwrap_or_else(|| panic!("{of}"));
                let mut at = Some(schema.root());
                for segment in path.split('.') {
                    let item = |it: Property| it.item().and_then(|it| it.child(segment));
                    at = at.and_then(|it| it.child(segment).or_else(|| item(it)));
                }
                assert!(at.is_some(), "{of} {path}");
            }
        }
        assert!(NAMES.is_sorted_by_key(|it| it.0.to_ascii_lowercase()));
    }
}
