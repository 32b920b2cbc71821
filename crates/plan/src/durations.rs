//! How long AWS typically takes.
//!
//! As of 2026-11-24. AWS publishes no such figures: these are our estimates, rounded, from stack
//! events seen in public logs and from what the services' own pages say ("several minutes").
//! They tell where the time of a deployment goes; they promise nothing.

/// Type, creation, update in place, deletion, in seconds.
type Row = (&'static str, u32, u32, u32);

/// What a type takes that is not in the table.
const OTHERS: Row = ("", 10, 10, 5);

/// Sorted by type.
#[rustfmt::skip]
static DURATIONS: &[Row] = &[
    ("AWS::ApplicationAutoScaling::ScalableTarget", 3, 3, 3),
    ("AWS::ApplicationAutoScaling::ScalingPolicy", 3, 3, 3),
    ("AWS::Backup::BackupPlan", 5, 5, 5),
    ("AWS::Backup::BackupVault", 5, 5, 5),
    ("AWS::CertificateManager::Certificate", 180, 10, 10),
    ("AWS::CloudFront::Distribution", 240, 240, 300),
    ("AWS::CloudTrail::Trail", 10, 10, 5),
    ("AWS::CloudWatch::Alarm", 3, 3, 3),
    ("AWS::CloudWatch::Dashboard", 3, 3, 3),
    ("AWS::Cognito::UserPool", 5, 5, 5),
    ("AWS::DynamoDB::Table", 30, 60, 30),
    ("AWS::EC2::FlowLog", 5, 5, 5),
    ("AWS::EC2::InternetGateway", 16, 5, 5),
    ("AWS::EC2::NatGateway", 110, 30, 60),
    ("AWS::EC2::Route", 6, 6, 16),
    ("AWS::EC2::RouteTable", 11, 5, 5),
    ("AWS::EC2::SecurityGroup", 7, 7, 5),
    ("AWS::EC2::SecurityGroupEgress", 3, 3, 3),
    ("AWS::EC2::SecurityGroupIngress", 3, 3, 3),
    ("AWS::EC2::Subnet", 6, 6, 5),
    ("AWS::EC2::SubnetRouteTableAssociation", 5, 5, 5),
    ("AWS::EC2::TransitGatewayAttachment", 90, 60, 90),
    ("AWS::EC2::VPC", 12, 10, 5),
    ("AWS::EC2::VPCEndpoint", 75, 45, 60),
    ("AWS::EC2::VPCGatewayAttachment", 6, 6, 6),
    ("AWS::ECR::Repository", 3, 3, 3),
    ("AWS::ECS::Cluster", 8, 8, 8),
    ("AWS::ECS::Service", 180, 180, 120),
    ("AWS::ECS::TaskDefinition", 3, 3, 3),
    ("AWS::ElastiCache::ReplicationGroup", 600, 600, 420),
    ("AWS::ElasticLoadBalancingV2::Listener", 3, 3, 3),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", 150, 30, 20),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", 16, 5, 5),
    ("AWS::Events::Rule", 60, 10, 10),
    ("AWS::IAM::InstanceProfile", 120, 10, 5),
    ("AWS::IAM::ManagedPolicy", 16, 10, 5),
    ("AWS::IAM::Policy", 16, 10, 5),
    ("AWS::IAM::Role", 18, 16, 5),
    ("AWS::KMS::Alias", 6, 6, 6),
    ("AWS::KMS::Key", 125, 30, 10),
    ("AWS::Lambda::Function", 15, 10, 5),
    ("AWS::Logs::LogGroup", 5, 5, 3),
    ("AWS::Logs::MetricFilter", 3, 3, 3),
    ("AWS::RDS::DBCluster", 600, 300, 300),
    ("AWS::RDS::DBInstance", 600, 300, 360),
    ("AWS::RDS::DBParameterGroup", 15, 15, 5),
    ("AWS::RDS::DBSubnetGroup", 5, 5, 5),
    ("AWS::RDS::OptionGroup", 15, 15, 5),
    ("AWS::Route53::RecordSet", 40, 40, 40),
    ("AWS::S3::Bucket", 21, 21, 5),
    ("AWS::S3::BucketPolicy", 3, 3, 3),
    ("AWS::SNS::Subscription", 3, 3, 3),
    ("AWS::SNS::Topic", 11, 6, 5),
    ("AWS::SNS::TopicPolicy", 3, 3, 3),
    ("AWS::SQS::Queue", 70, 70, 60),
    ("AWS::SQS::QueuePolicy", 3, 3, 3),
    ("AWS::SSM::Parameter", 3, 3, 3),
    ("AWS::SecretsManager::ResourcePolicy", 3, 3, 3),
    ("AWS::SecretsManager::Secret", 5, 5, 5),
    ("AWS::WAFv2::WebACL", 15, 15, 5),
    ("AWS::WAFv2::WebACLAssociation", 10, 10, 10),
];

/// How long AWS typically takes for one resource, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durations {
    /// To create it.
    pub create: u64,
    /// To update it in place.
    pub update: u64,
    /// To delete it.
    pub delete: u64,
}

/// How long AWS typically takes for a resource of a type.
pub fn typical_durations(type_name: &str) -> Durations {
    let row = DURATIONS.binary_search_by(|it| it.0.cmp(type_name));
    let (_, create, update, delete) = row.map_or(OTHERS, |index| DURATIONS[index]);
    let [create, update, delete] = [create, update, delete].map(|it| u64::from(it) * 1000);
    Durations { create, update, delete }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_sorted_and_of_real_types() {
        assert!(DURATIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for row in DURATIONS {
            assert!(kumiki_schema::resource_type(row.0).is_some(), "{}", row.0);
        }
        assert_eq!(typical_durations("AWS::RDS::DBInstance").create, 600_000);
        assert_eq!(typical_durations("AWS::No::Thing").delete, 5_000);
    }
}
