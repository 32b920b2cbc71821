//! What a change costs those who use the resource: its data, or a while without it.
//!
//! As of 2026-11-24. AWS's schemas do not tell what interrupts: the two tables follow the "Update
//! requires" of the template reference and what the types are for. A type that is in neither
//! interrupts nobody that we know of.

use crate::current::CurrentResource;
use crate::steps::{Action, Change, Effect, Replacement};

/// Properties whose change in place the reference calls "some interruptions".
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-rds-dbinstance.html>
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-ec2-instance.html>
const INTERRUPTING: &[(&str, &[&str])] = &[
    ("AWS::EC2::Instance", &["InstanceType", "UserData"]),
    (
        "AWS::RDS::DBInstance",
        &["DBInstanceClass", "DBParameterGroupName", "EngineVersion", "CACertificateIdentifier"],
    ),
];

/// Types that requests or connections go through: one in the place of another is another address,
/// or none for a while.
const SERVING: &[&str] = &[
    "AWS::ApiGateway::RestApi",
    "AWS::ApiGatewayV2::Api",
    "AWS::CloudFront::Distribution",
    "AWS::DocDB::DBCluster",
    "AWS::DocDB::DBInstance",
    "AWS::EC2::Instance",
    "AWS::EC2::NatGateway",
    "AWS::EC2::Route",
    "AWS::EC2::TransitGatewayAttachment",
    "AWS::EC2::VPCEndpoint",
    "AWS::EC2::VPNConnection",
    "AWS::ECS::Service",
    "AWS::EFS::MountTarget",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::ElasticLoadBalancingV2::Listener",
    "AWS::ElasticLoadBalancingV2::LoadBalancer",
    "AWS::Neptune::DBCluster",
    "AWS::Neptune::DBInstance",
    "AWS::OpenSearchService::Domain",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Route53::RecordSet",
];

/// Whether losing the resource loses data: AWS's list of stateful types, without what belongs to a
/// cluster or copies another database.
pub(crate) fn holds_data(type_name: &str, existing: &CurrentResource) -> bool {
    let given = |name: &str| existing.properties.get(name).is_some();
    type_name != crate::planner::STACK_TYPE
        && kumiki_schema::resource_type(type_name).is_some_and(|it| it.stateful())
        && !given("DBClusterIdentifier")
        && !given("SourceDBInstanceIdentifier")
}

/// Whether the resource that goes away is deleted: it neither stays nor leaves a snapshot.
pub(crate) fn is_deleted(change: &Change) -> bool {
    change.policy.is_none_or(|it| it == "Delete")
}

/// Whether the resource that goes away stays in the account.
fn is_retained(change: &Change) -> bool {
    change.policy.is_some_and(|it| it.starts_with("Retain"))
}

/// What a change costs.
pub(crate) fn effect(change: &Change, existing: Option<&CurrentResource>) -> Effect {
    let Some(existing) = existing else { return Effect::None };
    let type_name = &*change.type_name;
    let goes = match (change.action, change.replacement) {
        (Action::Add, _) => return Effect::None,
        (Action::Remove, _) => true,
        (Action::Modify, replacement) => replacement != Replacement::False,
    };
    if goes && is_deleted(change) && holds_data(type_name, existing) {
        return Effect::DataLost;
    }
    let interrupts = if goes {
        !(change.action == Action::Remove && is_retained(change)) && SERVING.contains(&type_name)
    } else {
        let properties =
            INTERRUPTING.iter().find(|it| it.0 == type_name).map_or(&[][..], |it| it.1);
        change
            .details
            .iter()
            .any(|it| properties.contains(&it.path.split('.').next().unwrap_or_default()))
    };
    if interrupts { Effect::Interruption } else { Effect::None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_name_real_types_and_properties() {
        assert!(SERVING.is_sorted());
        for type_name in SERVING {
            assert!(kumiki_schema::resource_type(type_name).is_some(), "{type_name}");
        }
        for (type_name, properties) in INTERRUPTING {
            let schema = kumiki_schema::resource_type(type_name);
            for name in *properties {
                assert!(
                    schema.is_some_and(|it| it.property(&[*name]).is_some()),
                    "{type_name} {name}"
                );
            }
        }
    }
}
