//! `Fn::GetAtt`.

use kumiki_schema::Kind;

use crate::the;

#[test]
fn accepts_what_the_documentation_lists() {
    use Kind::{Any, Array, Json, Object, String};
    for (resource_type, attribute, kind) in [
        ("AWS::CertificateManager::Certificate", "CertificateArn", String),
        ("AWS::CloudFormation::CustomResource", "AnythingAtAll", Any),
        ("AWS::CloudFormation::Stack", "Outputs.VpcId", String),
        ("AWS::CloudFormation::WaitCondition", "Data", Json),
        ("AWS::CloudFront::Distribution", "DomainName", String),
        ("AWS::EC2::EIP", "AllocationId", String),
        ("AWS::EC2::NatGateway", "NatGatewayId", String),
        ("AWS::EC2::RouteTable", "RouteTableId", String),
        ("AWS::EC2::SecurityGroup", "GroupId", String),
        ("AWS::EC2::SecurityGroup", "VpcId", String),
        ("AWS::EC2::Subnet", "AvailabilityZone", String),
        ("AWS::EC2::Subnet", "Ipv6CidrBlocks", Array),
        ("AWS::EC2::VPC", "CidrBlock", String),
        ("AWS::EC2::VPC", "DefaultSecurityGroup", String),
        ("AWS::EC2::VPC", "CidrBlockAssociations", Array),
        ("AWS::EC2::VPCEndpoint", "DnsEntries", Array),
        ("AWS::ECR::Repository", "RepositoryUri", String),
        ("AWS::ECS::Cluster", "Arn", String),
        ("AWS::ECS::Service", "Name", String),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "CanonicalHostedZoneID", String),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "DNSName", String),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerFullName", String),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", "SecurityGroups", Array),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupFullName", String),
        ("AWS::ElasticLoadBalancingV2::TargetGroup", "LoadBalancerArns", Array),
        ("AWS::IAM::Role", "Arn", String),
        ("AWS::IAM::Role", "RoleId", String),
        ("AWS::KMS::Key", "Arn", String),
        ("AWS::Lambda::Function", "Arn", String),
        ("AWS::Logs::LogGroup", "Arn", String),
        ("AWS::RDS::DBInstance", "DBInstanceArn", String),
        ("AWS::RDS::DBInstance", "Endpoint", Object),
        ("AWS::RDS::DBInstance", "Endpoint.Address", String),
        ("AWS::RDS::DBInstance", "Endpoint.Port", String),
        ("AWS::RDS::DBInstance", "MasterUserSecret.SecretArn", String),
        ("AWS::S3::Bucket", "Arn", String),
        ("AWS::S3::Bucket", "RegionalDomainName", String),
        ("AWS::SNS::Topic", "TopicName", String),
        ("AWS::SQS::Queue", "QueueUrl", String),
        ("AWS::SecretsManager::Secret", "Id", String),
        ("AWS::ServiceCatalog::CloudFormationProvisionedProduct", "Outputs.Url", String),
        ("AWS::WAFv2::WebACL", "Arn", String),
        ("Custom::DatabaseUser", "Password", Any),
    ] {
        assert_eq!(
            the(resource_type).attribute(attribute),
            Some(kind),
            "!GetAtt {resource_type} {attribute}"
        );
    }
}

#[test]
fn rejects_what_is_not_there() {
    for (resource_type, attribute) in [
        ("AWS::CloudFormation::Stack", "Outputs"),
        ("AWS::CloudFormation::Stack", "Outputs."),
        ("AWS::CloudFormation::Stack", "Outputs.Vpc.Id"),
        ("AWS::CloudFormation::Stack", "VpcId"),
        ("AWS::EC2::VPC", "Arn"),
        ("AWS::KMS::Key", "arn"),
        ("AWS::KMS::Key", "Description"),
        ("AWS::RDS::DBInstance", "Endpoint.Host"),
        ("AWS::RDS::DBInstance", "Endpoint.Address.Suffix"),
        ("AWS::RDS::DBInstance", "AdditionalStorageVolumes.*.StorageOperationStatus"),
        ("AWS::RDS::DBParameterGroup", "Endpoint.Address"),
        ("AWS::S3::BucketPolicy", "Arn"),
        ("Custom::DatabaseUser", ""),
    ] {
        assert_eq!(
            the(resource_type).attribute(attribute),
            None,
            "!GetAtt {resource_type} {attribute}"
        );
    }
}

#[test]
fn suggests_the_attribute_that_was_meant() {
    assert_eq!(
        the("AWS::RDS::DBInstance").closest_attribute("Endpoint.Adress"),
        Some("Endpoint.Address")
    );
    assert_eq!(the("AWS::KMS::Key").closest_attribute("ARN"), Some("Arn"));
    assert_eq!(the("AWS::KMS::Key").closest_attribute("Policy"), None);
}
