//! Replacement.

use kumiki_schema::Replacement::{self, Always, Conditional, Never};
use kumiki_schema::ReplacementOrder;

use crate::{path, the};

/// Create-only properties as the specification lists them (W-10), where it lists them all.
#[test]
fn agrees_with_the_static_analysis_of_the_specification() {
    for (resource_type, create_only) in [
        ("AWS::EC2::SecurityGroup", &["GroupDescription", "GroupName", "VpcId"][..]),
        ("AWS::ElasticLoadBalancingV2::LoadBalancer", &["Name", "Scheme", "Type"]),
        (
            "AWS::ElasticLoadBalancingV2::TargetGroup",
            &[
                "IpAddressType",
                "Name",
                "Port",
                "Protocol",
                "ProtocolVersion",
                "TargetType",
                "VpcId",
            ],
        ),
        ("AWS::Logs::LogGroup", &["LogGroupName"]),
        ("AWS::RDS::DBParameterGroup", &["DBParameterGroupName", "Description", "Family"]),
        // The specification says "all"; AWS now updates the options in place, and tags.
        (
            "AWS::RDS::OptionGroup",
            &["EngineName", "MajorEngineVersion", "OptionGroupDescription", "OptionGroupName"],
        ),
        ("AWS::SNS::Topic", &["FifoTopic", "TopicName"]),
        ("AWS::SecretsManager::Secret", &["Name"]),
    ] {
        let found: Vec<&str> = the(resource_type).create_only().map(|it| it.as_str()).collect();
        assert_eq!(found, create_only, "{resource_type}");
        assert_eq!(the(resource_type).conditional_create_only().len(), 0, "{resource_type}");
    }
}

/// The rest of W-10, and what the stacks of this project change most.
#[test]
fn knows_what_a_change_replaces() {
    let expected: &[(&str, &[(Replacement, &str)])] = &[
        (
            "AWS::RDS::DBInstance",
            &[
                (Always, "DBInstanceIdentifier"),
                (Always, "DBName"),
                (Always, "DBSubnetGroupName"),
                (Always, "KmsKeyId"),
                (Always, "MasterUsername"),
                (Always, "StorageEncrypted"),
                (Conditional, "AvailabilityZone"),
                (Never, "DBParameterGroupName"),
                (Conditional, "Engine"),
                (Conditional, "MultiAZ"),
                (Never, "AllocatedStorage"),
                (Never, "CACertificateIdentifier"),
                (Never, "DBInstanceClass"),
                (Never, "EngineVersion"),
                // The documentation said "Replacement" for years; it is updated in place now.
                (Never, "Port"),
                (Never, "StorageType"),
                (Never, "VPCSecurityGroups.0"),
            ],
        ),
        (
            "AWS::ECS::Service",
            &[
                (Always, "Cluster"),
                (Always, "SchedulingStrategy"),
                (Always, "ServiceName"),
                (Conditional, "LaunchType"),
                (Never, "DeploymentConfiguration.MaximumPercent"),
                (Never, "DesiredCount"),
                (Never, "LoadBalancers.0.TargetGroupArn"),
                (Never, "NetworkConfiguration.AwsvpcConfiguration.Subnets.0"),
                (Never, "TaskDefinition"),
            ],
        ),
        (
            "AWS::ECS::TaskDefinition",
            &[
                (Always, "ContainerDefinitions"),
                (Always, "ContainerDefinitions.0.Image"),
                (Always, "Cpu"),
                (Always, "ExecutionRoleArn"),
                (Always, "Family"),
                (Always, "Memory"),
                (Always, "NetworkMode"),
                (Always, "TaskRoleArn"),
                (Always, "Volumes.0.Name"),
                (Never, "Tags.0.Value"),
            ],
        ),
        ("AWS::CertificateManager::Certificate", &[(Always, "ValidationMethod")]),
        ("AWS::CloudFormation::Stack", &[(Never, "Parameters.VpcCidr"), (Never, "TemplateURL")]),
        ("AWS::EC2::EIP", &[(Always, "Domain"), (Never, "InstanceId")]),
        (
            "AWS::EC2::Subnet",
            &[
                (Always, "AvailabilityZone"),
                (Always, "CidrBlock"),
                (Always, "VpcId"),
                (Conditional, "Ipv6CidrBlock"),
                (Never, "MapPublicIpOnLaunch"),
            ],
        ),
        (
            "AWS::EC2::VPC",
            &[
                (Always, "CidrBlock"),
                (Conditional, "InstanceTenancy"),
                (Never, "EnableDnsHostnames"),
            ],
        ),
        (
            "AWS::EC2::VPCEndpoint",
            &[
                (Always, "DnsOptions.PrivateDnsPreference"),
                (Conditional, "DnsOptions"),
                (Never, "DnsOptions.DnsRecordIpType"),
                (Never, "PolicyDocument"),
            ],
        ),
        ("AWS::IAM::Role", &[(Always, "Path"), (Always, "RoleName"), (Never, "Policies")]),
        ("AWS::KMS::Key", &[(Never, "KeyPolicy"), (Never, "EnableKeyRotation")]),
        ("AWS::Route53::RecordSet", &[(Always, "Name"), (Never, "ResourceRecords.0")]),
        ("AWS::S3::Bucket", &[(Always, "BucketName"), (Never, "VersioningConfiguration.Status")]),
        ("Custom::DatabaseUser", &[(Always, "ServiceToken"), (Never, "Grants.0")]),
    ];
    for (resource_type, changes) in expected {
        for (replacement, property) in *changes {
            let found = the(resource_type).replacement(&path(property));
            assert_eq!(found, *replacement, "{resource_type} {property}");
        }
    }
}

#[test]
fn names_the_property_that_is_the_cause() {
    let cause = |resource_type, property| {
        let cause = the(resource_type).replacement_cause(&path(property));
        cause.map(|(replacement, stated)| (replacement, stated.as_str()))
    };
    assert_eq!(
        cause("AWS::ECS::TaskDefinition", "ContainerDefinitions.0.Image"),
        Some((Always, "ContainerDefinitions"))
    );
    assert_eq!(
        cause("AWS::EC2::VPCEndpoint", "DnsOptions"),
        Some((Conditional, "DnsOptions.PrivateDnsPreference"))
    );
    assert_eq!(cause("AWS::EC2::VPCEndpoint", "PolicyDocument"), None);
}

#[test]
fn orders_creation_and_deletion() {
    for (resource_type, order) in [
        ("AWS::RDS::DBInstance", ReplacementOrder::CreateThenDelete),
        ("AWS::EC2::SecurityGroup", ReplacementOrder::CreateThenDelete),
    ] {
        assert_eq!(the(resource_type).replacement_order(), order, "{resource_type}");
    }
    let deletes_first = kumiki_schema::type_names()
        .filter(|name| the(name).replacement_order() == ReplacementOrder::DeleteThenCreate);
    assert_eq!(deletes_first.count(), 92);
}

#[test]
fn knows_what_loses_data() {
    for (resource_type, stateful) in [
        ("AWS::CloudFormation::Stack", true),
        ("AWS::EC2::SecurityGroup", false),
        ("AWS::ECS::Service", false),
        ("AWS::KMS::Key", true),
        ("AWS::Logs::LogGroup", true),
        ("AWS::RDS::DBInstance", true),
        ("AWS::S3::Bucket", true),
        ("AWS::SecretsManager::Secret", true),
    ] {
        assert_eq!(the(resource_type).stateful(), stateful, "{resource_type}");
    }
}

/// Laws over all the data: what a change means at one depth bounds what it means at another.
#[test]
fn depth_does_not_lose_a_replacement() {
    for name in kumiki_schema::type_names() {
        let resource_type = the(name);
        for stated in resource_type.create_only() {
            let at: Vec<&str> = stated.segments().collect();
            assert_eq!(resource_type.replacement(&at), Always, "{name} {stated}");

            let inside: Vec<&str> = at.iter().copied().chain(["0", "Key"]).collect();
            assert_eq!(resource_type.replacement(&inside), Always, "inside {name} {stated}");

            let indexed: Vec<&str> =
                at.iter().map(|it| if *it == "*" { "7" } else { it }).collect();
            assert_eq!(resource_type.replacement(&indexed), Always, "{name} {stated}, item 7");

            for depth in 1..at.len() {
                let above = resource_type.replacement(&at[..depth]);
                assert!(above >= Conditional, "above {name} {stated}: {:?}", &at[..depth]);
            }
        }
        for stated in resource_type.conditional_create_only() {
            let at: Vec<&str> = stated.segments().collect();
            assert!(resource_type.replacement(&at) >= Conditional, "{name} {stated}");
        }
    }
}
