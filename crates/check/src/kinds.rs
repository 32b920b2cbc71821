//! What kind of thing a value names, and what kind a property wants.
//!
//! Only kinds that nobody could take for one another are here, and only properties whose name means
//! the same wherever it occurs. A value whose kind is not known is never wrong.

use crate::links::Reference;
use kumiki_project::Value;
use kumiki_schema::Property;

/// What values name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Certificate,
    Cluster,
    DbParameterGroup,
    DbSubnetGroup,
    Image,
    Instance,
    InternetGateway,
    Key,
    Listener,
    LoadBalancer,
    LogGroup,
    NatGateway,
    NetworkInterface,
    OptionGroup,
    Policy,
    Queue,
    Role,
    RouteTable,
    Secret,
    SecurityGroup,
    Service,
    Subnet,
    TargetGroup,
    TaskDefinition,
    Topic,
    TransitGateway,
    UserPool,
    Volume,
    Vpc,
    VpcEndpoint,
    WebAcl,
}

impl Kind {
    /// The kind in words.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Certificate => "certificate",
            Self::Cluster => "cluster",
            Self::DbParameterGroup => "DB parameter group",
            Self::DbSubnetGroup => "DB subnet group",
            Self::Image => "image",
            Self::Instance => "instance",
            Self::InternetGateway => "internet gateway",
            Self::Key => "key",
            Self::Listener => "listener",
            Self::LoadBalancer => "load balancer",
            Self::LogGroup => "log group",
            Self::NatGateway => "NAT gateway",
            Self::NetworkInterface => "network interface",
            Self::OptionGroup => "option group",
            Self::Policy => "policy",
            Self::Queue => "queue",
            Self::Role => "role",
            Self::RouteTable => "route table",
            Self::Secret => "secret",
            Self::SecurityGroup => "security group",
            Self::Service => "service",
            Self::Subnet => "subnet",
            Self::TargetGroup => "target group",
            Self::TaskDefinition => "task definition",
            Self::Topic => "topic",
            Self::TransitGateway => "transit gateway",
            Self::UserPool => "user pool",
            Self::Volume => "volume",
            Self::Vpc => "VPC",
            Self::VpcEndpoint => "VPC endpoint",
            Self::WebAcl => "web ACL",
        }
    }
}

/// What `Ref`, and the attributes that are other names of the resource, stand for.
const RESOURCES: &[(&str, Kind, &[&str])] = &[
    ("AWS::CertificateManager::Certificate", Kind::Certificate, &[]),
    ("AWS::Cognito::UserPool", Kind::UserPool, &["Arn", "UserPoolId"]),
    ("AWS::EC2::Instance", Kind::Instance, &["InstanceId"]),
    ("AWS::EC2::InternetGateway", Kind::InternetGateway, &["InternetGatewayId"]),
    ("AWS::EC2::NatGateway", Kind::NatGateway, &["NatGatewayId"]),
    ("AWS::EC2::RouteTable", Kind::RouteTable, &["RouteTableId"]),
    ("AWS::EC2::SecurityGroup", Kind::SecurityGroup, &["GroupId", "Id"]),
    ("AWS::EC2::Subnet", Kind::Subnet, &["SubnetId"]),
    ("AWS::EC2::TransitGateway", Kind::TransitGateway, &["Id"]),
    ("AWS::EC2::VPC", Kind::Vpc, &["VpcId"]),
    ("AWS::EC2::VPCEndpoint", Kind::VpcEndpoint, &["Id"]),
    ("AWS::ECS::Cluster", Kind::Cluster, &["Arn"]),
    ("AWS::ECS::Service", Kind::Service, &["Name", "ServiceArn"]),
    ("AWS::ECS::TaskDefinition", Kind::TaskDefinition, &["TaskDefinitionArn"]),
    ("AWS::ElasticLoadBalancingV2::Listener", Kind::Listener, &["ListenerArn"]),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", Kind::LoadBalancer, &["LoadBalancerArn"]),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", Kind::TargetGroup, &["TargetGroupArn"]),
    ("AWS::IAM::ManagedPolicy", Kind::Policy, &["PolicyArn"]),
    ("AWS::IAM::Role", Kind::Role, &["Arn", "RoleId"]),
    ("AWS::KMS::Alias", Kind::Key, &[]),
    ("AWS::KMS::Key", Kind::Key, &["Arn", "KeyId"]),
    ("AWS::Logs::LogGroup", Kind::LogGroup, &["Arn"]),
    ("AWS::RDS::DBParameterGroup", Kind::DbParameterGroup, &["DBParameterGroupName"]),
    ("AWS::RDS::DBSubnetGroup", Kind::DbSubnetGroup, &[]),
    ("AWS::RDS::OptionGroup", Kind::OptionGroup, &[]),
    ("AWS::SNS::Topic", Kind::Topic, &["TopicArn", "TopicName"]),
    ("AWS::SQS::Queue", Kind::Queue, &["Arn", "QueueName", "QueueUrl"]),
    ("AWS::SecretsManager::Secret", Kind::Secret, &["Id"]),
    ("AWS::WAFv2::WebACL", Kind::WebAcl, &["Arn", "Id"]),
];

/// Attributes that stand for another thing than their resource.
const ATTRIBUTES: &[(&str, &str, Kind)] = &[
    ("AWS::EC2::SecurityGroup", "VpcId", Kind::Vpc),
    ("AWS::EC2::Subnet", "VpcId", Kind::Vpc),
    ("AWS::EC2::VPC", "DefaultSecurityGroup", Kind::SecurityGroup),
];

/// Properties by the beginning of their resource's type and by name, and what they want.
const PROPERTIES: &[(&str, &[&str], Kind)] = &[
    ("", &["AcmCertificateArn", "CertificateArn"], Kind::Certificate),
    ("AWS::ECS::", &["Cluster"], Kind::Cluster),
    ("AWS::RDS::", &["DBParameterGroupName"], Kind::DbParameterGroup),
    ("AWS::RDS::", &["DBSubnetGroupName"], Kind::DbSubnetGroup),
    (
        "",
        &["KMSKeyArn", "KMSKeyId", "KMSMasterKeyID", "KmsKeyArn", "KmsKeyId", "KmsMasterKeyId"],
        Kind::Key,
    ),
    ("AWS::ElasticLoadBalancingV2::", &["ListenerArn"], Kind::Listener),
    ("AWS::ElasticLoadBalancingV2::", &["LoadBalancerArn"], Kind::LoadBalancer),
    ("", &["LogGroupName"], Kind::LogGroup),
    ("AWS::RDS::", &["OptionGroupName"], Kind::OptionGroup),
    ("AWS::IAM::", &["ManagedPolicyArns", "PermissionsBoundary"], Kind::Policy),
    (
        "",
        &[
            "CloudWatchLogsRoleArn",
            "DeliverLogsPermissionArn",
            "ExecutionRoleArn",
            "MonitoringRoleArn",
            "RoleARN",
            "RoleArn",
            "TaskRoleArn",
        ],
        Kind::Role,
    ),
    ("AWS::Lambda::Function", &["Role"], Kind::Role),
    ("AWS::EC2::", &["RouteTableId", "RouteTableIds"], Kind::RouteTable),
    (
        "",
        &[
            "DestinationSecurityGroupId",
            "SecurityGroupId",
            "SecurityGroupIds",
            "SecurityGroups",
            "SourceSecurityGroupId",
            "VPCSecurityGroups",
            "VpcSecurityGroupIds",
        ],
        Kind::SecurityGroup,
    ),
    ("AWS::EC2::SecurityGroup", &["GroupId"], Kind::SecurityGroup),
    ("", &["SubnetId", "SubnetIds", "Subnets", "VPCZoneIdentifier"], Kind::Subnet),
    ("", &["TargetGroupARNs", "TargetGroupArn"], Kind::TargetGroup),
    ("AWS::ECS::", &["TaskDefinition"], Kind::TaskDefinition),
    ("", &["TaskDefinitionArn"], Kind::TaskDefinition),
    ("", &["SNSTopicArn", "SnsTopicArn", "TopicArn"], Kind::Topic),
    ("AWS::Cognito::", &["UserPoolId"], Kind::UserPool),
    ("", &["VPCId", "VpcId"], Kind::Vpc),
    ("AWS::WAFv2::", &["WebACLArn"], Kind::WebAcl),
];

/// Types of parameters, and what they take.
const PARAMETERS: &[(&str, Kind)] = &[
    ("AWS::EC2::Image::Id", Kind::Image),
    ("AWS::EC2::Instance::Id", Kind::Instance),
    ("AWS::EC2::SecurityGroup::Id", Kind::SecurityGroup),
    ("AWS::EC2::Subnet::Id", Kind::Subnet),
    ("AWS::EC2::VPC::Id", Kind::Vpc),
    ("AWS::EC2::Volume::Id", Kind::Volume),
];

/// Beginnings of identifiers.
const PREFIXES: &[(&str, Kind)] = &[
    ("ami", Kind::Image),
    ("eni", Kind::NetworkInterface),
    ("i", Kind::Instance),
    ("igw", Kind::InternetGateway),
    ("nat", Kind::NatGateway),
    ("rtb", Kind::RouteTable),
    ("sg", Kind::SecurityGroup),
    ("subnet", Kind::Subnet),
    ("tgw", Kind::TransitGateway),
    ("vol", Kind::Volume),
    ("vpc", Kind::Vpc),
    ("vpce", Kind::VpcEndpoint),
];

/// Services and kinds of resource in ARNs.
const ARNS: &[(&str, &str, Kind)] = &[
    ("acm", "certificate", Kind::Certificate),
    ("cognito-idp", "userpool", Kind::UserPool),
    ("ecs", "cluster", Kind::Cluster),
    ("ecs", "service", Kind::Service),
    ("ecs", "task-definition", Kind::TaskDefinition),
    ("elasticloadbalancing", "listener", Kind::Listener),
    ("elasticloadbalancing", "loadbalancer", Kind::LoadBalancer),
    ("elasticloadbalancing", "targetgroup", Kind::TargetGroup),
    ("iam", "policy", Kind::Policy),
    ("iam", "role", Kind::Role),
    ("iam", "server-certificate", Kind::Certificate),
    ("kms", "alias", Kind::Key),
    ("kms", "key", Kind::Key),
    ("logs", "log-group", Kind::LogGroup),
    ("secretsmanager", "secret", Kind::Secret),
    ("sns", "", Kind::Topic),
    ("sqs", "", Kind::Queue),
];

/// What a property of a type wants.
pub(crate) fn of_property(type_name: &str, property: &str) -> Option<Kind> {
    PROPERTIES
        .iter()
        .find(|(of, names, _)| type_name.starts_with(of) && names.contains(&property))
        .map(|it| it.2)
}

/// What a parameter of a type takes.
pub(crate) fn of_parameter(type_name: &str) -> Option<Kind> {
    let item = type_name.strip_prefix("List<").and_then(|it| it.strip_suffix('>'));
    let type_name = item.unwrap_or(type_name);
    PARAMETERS.iter().find(|it| it.0 == type_name).map(|it| it.1)
}

/// What a reference stands for.
pub(crate) fn of_reference(reference: Reference<'_>) -> Option<Kind> {
    let type_name = &*reference.resource.type_name;
    if let Some(attribute) = reference.attribute
        && let Some((.., kind)) =
            ATTRIBUTES.iter().find(|it| (it.0, it.1) == (type_name, attribute))
    {
        return Some(*kind);
    }
    let (_, kind, attributes) = RESOURCES.iter().find(|it| it.0 == type_name)?;
    reference.attribute.is_none_or(|it| attributes.contains(&it)).then_some(*kind)
}

/// What an identifier or ARN stands for.
pub(crate) fn of_text(text: &str) -> Option<Kind> {
    if let Some(arn) = text.strip_prefix("arn:") {
        let mut parts = arn.splitn(5, ':');
        let service = parts.nth(1)?;
        let kind = parts.nth(2)?.split([':', '/']).next()?;
        return ARNS
            .iter()
            .find(|it| it.0 == service && (it.1.is_empty() || it.1 == kind))
            .map(|it| it.2);
    }
    let (prefix, id) = text.split_once('-')?;
    let hexadecimal = id.bytes().all(|it| it.is_ascii_hexdigit());
    if !hexadecimal || !matches!(id.len(), 8 | 17) {
        return None;
    }
    PREFIXES.iter().find(|it| it.0 == prefix).map(|it| it.1)
}

/// Calls `visit` with every value that is no list or map, and the name of its property.
///
/// Keys that the schema does not name, such as environment variables, are no properties.
pub(crate) fn leaves<'v>(
    value: &'v Value,
    property: Property,
    name: &'static str,
    visit: &mut dyn FnMut(&'static str, &'v Value),
) {
    if let Some(items) = value.as_list() {
        let Some(item) = property.item() else { return };
        items.iter().for_each(|it| leaves(it, item, name, visit));
    } else if let Some(fields) = value.as_map() {
        if property.kind() != kumiki_schema::Kind::Object {
            return;
        }
        for field in fields {
            if let Some(inner) = property.child(&field.name).filter(|it| it.name() != "*") {
                leaves(&field.value, inner, inner.name(), visit);
            }
        }
    } else {
        visit(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::{ATTRIBUTES, Kind, RESOURCES, of_parameter, of_property, of_text};

    #[test]
    fn attributes_exist() {
        let own = RESOURCES.iter().flat_map(|it| it.2.iter().map(|attribute| (it.0, *attribute)));
        for (type_name, attribute) in own.chain(ATTRIBUTES.iter().map(|it| (it.0, it.1))) {
            let schema = kumiki_schema::resource_type(type_name);
            let known = schema.is_some_and(|it| it.attribute(attribute).is_some());
            assert!(known, "{type_name} {attribute}");
        }
    }

    #[test]
    fn texts_say_what_they_are() {
        let cases = [
            ("subnet-0123456789abcdef0", Some(Kind::Subnet)),
            ("sg-01234567", Some(Kind::SecurityGroup)),
            ("sg-of-the-office", None),
            ("arn:aws:iam::123456789012:role/path/name", Some(Kind::Role)),
            ("arn:aws:sns:ap-northeast-1:123456789012:alerts", Some(Kind::Topic)),
            (
                "arn:aws:elasticloadbalancing:ap-northeast-1:123456789012:targetgroup/a/b",
                Some(Kind::TargetGroup),
            ),
            ("arn:aws:s3:::bucket", None),
            ("facility", None),
        ];
        for (text, expected) in cases {
            assert_eq!(of_text(text), expected, "{text}");
        }
        assert_eq!(of_property("AWS::ECS::Service", "Subnets"), Some(Kind::Subnet));
        assert_eq!(of_property("AWS::MSK::Cluster", "Cluster"), None);
        assert_eq!(of_parameter("List<AWS::EC2::Subnet::Id>"), Some(Kind::Subnet));
    }
}
