//! Identifiers and attributes of types, as the "Return values" section of each type's page has
//! them.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>

use crate::shape::{Name, Shape};

const fn named(property: &'static str, longest: usize) -> Option<Name> {
    Some(Name { property, longest, small: false })
}

const fn small(property: &'static str, longest: usize) -> Option<Name> {
    Some(Name { property, longest, small: true })
}

const fn shape(
    type_name: &'static str,
    name: Option<Name>,
    id: &'static str,
    attributes: &'static [(&'static str, &'static str)],
) -> Shape {
    Shape { type_name, name, id, attributes }
}

/// The shape of a type, if it is known.
pub(crate) fn shape_of(type_name: &str) -> Option<&'static Shape> {
    let index = SHAPES.binary_search_by(|it| it.type_name.cmp(type_name)).ok()?;
    Some(&SHAPES[index])
}

/// Sorted by type.
#[rustfmt::skip]
static SHAPES: &[Shape] = &[
    shape("AWS::ApplicationAutoScaling::ScalableTarget", None,
        "{p:ResourceId}|{p:ScalableDimension}|{p:ServiceNamespace}", &[("Id", "{id}")]),
    shape("AWS::ApplicationAutoScaling::ScalingPolicy", None,
        "arn:{partition}:autoscaling:{region}:{account}:scalingPolicy:{uuid}:resource/{p:ServiceNamespace}/{p:ResourceId}:policyName/{p:PolicyName}",
        &[("Arn", "{id}")]),
    shape("AWS::Backup::BackupPlan", None, "{uuid}",
        &[("BackupPlanId", "{id}"), ("BackupPlanArn", "arn:{partition}:backup:{region}:{account}:backup-plan:{id}"),
          ("VersionId", "{mixed48}")]),
    shape("AWS::Backup::BackupVault", named("BackupVaultName", 50), "{name}",
        &[("BackupVaultName", "{id}"),
          ("BackupVaultArn", "arn:{partition}:backup:{region}:{account}:backup-vault:{id}")]),
    shape("AWS::CertificateManager::Certificate", None,
        "arn:{partition}:acm:{region}:{account}:certificate/{uuid}", &[("CertificateArn", "{id}")]),
    shape("AWS::Chatbot::MicrosoftTeamsChannelConfiguration", named("ConfigurationName", 128),
        "arn:{partition}:chatbot::{account}:chat-configuration/microsoft-teams-channel/{name}",
        &[("Arn", "{id}")]),
    shape("AWS::Chatbot::SlackChannelConfiguration", named("ConfigurationName", 128),
        "arn:{partition}:chatbot::{account}:chat-configuration/slack-channel/{name}",
        &[("Arn", "{id}")]),
    shape("AWS::CloudFormation::WaitConditionHandle", None,
        "https://cloudformation-waitcondition-{region}.s3.{region}.amazonaws.com/{uuid}", &[]),
    shape("AWS::CloudFront::Distribution", None, "E{upper13}",
        &[("Id", "{id}"), ("DomainName", "d{lower13}.cloudfront.net")]),
    shape("AWS::CloudFront::Function", named("Name", 64),
        "arn:{partition}:cloudfront::{account}:function/{name}",
        &[("FunctionARN", "{id}"), ("FunctionMetadata.FunctionARN", "{id}"), ("Stage", "LIVE")]),
    shape("AWS::CloudFront::OriginAccessControl", None, "E{upper13}", &[("Id", "{id}")]),
    shape("AWS::CloudFront::ResponseHeadersPolicy", None, "{uuid}", &[("Id", "{id}")]),
    shape("AWS::CloudTrail::Trail", named("TrailName", 128), "{name}",
        &[("Arn", "arn:{partition}:cloudtrail:{region}:{account}:trail/{id}")]),
    shape("AWS::CloudWatch::Alarm", named("AlarmName", 255), "{name}",
        &[("Arn", "arn:{partition}:cloudwatch:{region}:{account}:alarm:{id}")]),
    shape("AWS::CloudWatch::Dashboard", named("DashboardName", 255), "{name}", &[]),
    shape("AWS::Cognito::UserPool", None, "{region}_{mixed9}",
        &[("UserPoolId", "{id}"),
          ("Arn", "arn:{partition}:cognito-idp:{region}:{account}:userpool/{id}"),
          ("ProviderName", "cognito-idp.{region}.amazonaws.com/{id}"),
          ("ProviderURL", "https://cognito-idp.{region}.amazonaws.com/{id}")]),
    shape("AWS::Cognito::UserPoolClient", None, "{lower26}",
        &[("ClientId", "{id}"), ("Name", "{p:ClientName}")]),
    shape("AWS::EC2::FlowLog", None, "fl-{hex17}", &[("Id", "{id}")]),
    shape("AWS::EC2::InternetGateway", None, "igw-{hex17}", &[("InternetGatewayId", "{id}")]),
    shape("AWS::EC2::Route", None,
        "{p:RouteTableId}|{p:DestinationCidrBlock}{p:DestinationIpv6CidrBlock}{p:DestinationPrefixListId}",
        &[("CidrBlock", "{p:DestinationCidrBlock}{p:DestinationIpv6CidrBlock}{p:DestinationPrefixListId}")]),
    shape("AWS::EC2::RouteTable", None, "rtb-{hex17}", &[("RouteTableId", "{id}")]),
    shape("AWS::EC2::SecurityGroup", named("GroupName", 255), "sg-{hex17}",
        &[("GroupId", "{id}"), ("Id", "{id}"), ("GroupName", "{name}")]),
    shape("AWS::EC2::SecurityGroupEgress", None, "sgr-{hex17}", &[("Id", "{id}")]),
    shape("AWS::EC2::SecurityGroupIngress", None, "sgr-{hex17}", &[("Id", "{id}")]),
    shape("AWS::EC2::Subnet", None, "subnet-{hex17}",
        &[("SubnetId", "{id}"), ("NetworkAclAssociationId", "aclassoc-{other-hex17}")]),
    shape("AWS::EC2::SubnetRouteTableAssociation", None, "rtbassoc-{hex17}", &[("Id", "{id}")]),
    shape("AWS::EC2::TransitGatewayAttachment", None, "tgw-attach-{hex17}", &[("Id", "{id}")]),
    shape("AWS::EC2::VPC", None, "vpc-{hex17}",
        &[("VpcId", "{id}"), ("DefaultSecurityGroup", "sg-{other-hex17}"),
          ("DefaultNetworkAcl", "acl-{other-hex17}"),
          ("CidrBlockAssociations", "[\"vpc-cidr-assoc-{other-hex17}\"]"), ("Ipv6CidrBlocks", "[]")]),
    shape("AWS::EC2::VPCEndpoint", None, "vpce-{hex17}",
        &[("Id", "{id}"), ("CreationTimestamp", "1970-01-01T00:00:00Z"),
          ("DnsEntries", "[\"Z2E726K9Y6RL4W:{id}-{lower8}.{p:ServiceName}.vpce.amazonaws.com\"]"),
          ("NetworkInterfaceIds", "[\"eni-{other-hex17}\"]")]),
    shape("AWS::EC2::VPCGatewayAttachment", None, "IGW|{p:VpcId}", &[("AttachmentType", "IGW")]),
    shape("AWS::ECR::Repository", small("RepositoryName", 256), "{name}",
        &[("Arn", "arn:{partition}:ecr:{region}:{account}:repository/{id}"),
          ("RepositoryUri", "{account}.dkr.ecr.{region}.amazonaws.com/{id}")]),
    shape("AWS::ECS::Cluster", named("ClusterName", 255), "{name}",
        &[("Arn", "arn:{partition}:ecs:{region}:{account}:cluster/{id}")]),
    shape("AWS::ECS::Service", named("ServiceName", 255),
        "arn:{partition}:ecs:{region}:{account}:service/{cluster}/{name}",
        &[("ServiceArn", "{id}"), ("Name", "{name}")]),
    shape("AWS::ECS::TaskDefinition", None,
        "arn:{partition}:ecs:{region}:{account}:task-definition/{p:Family}:{revision}",
        &[("TaskDefinitionArn", "{id}")]),
    shape("AWS::ElasticLoadBalancingV2::Listener", None, "{listener}/{hex16}",
        &[("ListenerArn", "{id}")]),
    shape("AWS::ElasticLoadBalancingV2::LoadBalancer", named("Name", 32),
        "arn:{partition}:elasticloadbalancing:{region}:{account}:loadbalancer/app/{name}/{hex16}",
        &[("LoadBalancerArn", "{id}"), ("LoadBalancerName", "{name}"),
          ("LoadBalancerFullName", "app/{name}/{hex16}"),
          ("DNSName", "{internal}{name}-{digits10}.{region}.elb.amazonaws.com"),
          ("CanonicalHostedZoneID", "Z14GRHDCWA56QT")]),
    shape("AWS::ElasticLoadBalancingV2::TargetGroup", named("Name", 32),
        "arn:{partition}:elasticloadbalancing:{region}:{account}:targetgroup/{name}/{hex16}",
        &[("TargetGroupArn", "{id}"), ("TargetGroupName", "{name}"),
          ("TargetGroupFullName", "targetgroup/{name}/{hex16}")]),
    shape("AWS::Events::Rule", named("Name", 64), "{name}",
        &[("Arn", "arn:{partition}:events:{region}:{account}:rule/{id}")]),
    shape("AWS::IAM::ManagedPolicy", named("ManagedPolicyName", 128),
        "arn:{partition}:iam::{account}:policy/{name}",
        &[("PolicyArn", "{id}"), ("PolicyId", "ANPA{upper17}"), ("DefaultVersionId", "v1"),
          ("AttachmentCount", "0"), ("PermissionsBoundaryUsageCount", "0"), ("IsAttachable", "true"),
          ("CreateDate", "1970-01-01T00:00:00Z"), ("UpdateDate", "1970-01-01T00:00:00Z")]),
    shape("AWS::IAM::Role", named("RoleName", 64), "{name}",
        &[("Arn", "arn:{partition}:iam::{account}:role/{id}"), ("RoleId", "AROA{upper17}")]),
    shape("AWS::KMS::Alias", None, "{p:AliasName}", &[]),
    shape("AWS::KMS::Key", None, "{uuid}",
        &[("KeyId", "{id}"), ("Arn", "arn:{partition}:kms:{region}:{account}:key/{id}")]),
    shape("AWS::KinesisFirehose::DeliveryStream", named("DeliveryStreamName", 64), "{name}",
        &[("Arn", "arn:{partition}:firehose:{region}:{account}:deliverystream/{id}")]),
    shape("AWS::Lambda::Function", named("FunctionName", 64), "{name}",
        &[("Arn", "arn:{partition}:lambda:{region}:{account}:function:{id}")]),
    shape("AWS::Logs::LogGroup", named("LogGroupName", 512), "{name}",
        &[("Arn", "arn:{partition}:logs:{region}:{account}:log-group:{id}:*")]),
    shape("AWS::Logs::MetricFilter", named("FilterName", 512), "{name}", &[]),
    shape("AWS::RDS::DBInstance", small("DBInstanceIdentifier", 63), "{name}",
        &[("DBInstanceIdentifier", "{id}"),
          ("DBInstanceArn", "arn:{partition}:rds:{region}:{account}:db:{id}"),
          ("DBInstanceStatus", "available"), ("DbiResourceId", "db-{upper26}"),
          ("Endpoint.Address", "{id}.{home}.{region}.rds.amazonaws.com"),
          ("Endpoint.Port", "{db-port}"), ("Endpoint.HostedZoneId", "Z24O6O9L7SGTNB"),
          ("CertificateDetails.CAIdentifier", "{p:CACertificateIdentifier}"),
          ("MasterUserSecret.SecretArn",
           "?ManageMasterUserPassword arn:{partition}:secretsmanager:{region}:{account}:secret:rds!db-{uuid}-{mixed6}")]),
    shape("AWS::RDS::DBParameterGroup", small("DBParameterGroupName", 255), "{name}",
        &[("DBParameterGroupName", "{id}"),
          ("DBParameterGroupArn", "arn:{partition}:rds:{region}:{account}:pg:{id}")]),
    shape("AWS::RDS::DBSubnetGroup", small("DBSubnetGroupName", 255), "{name}",
        &[("DBSubnetGroupArn", "arn:{partition}:rds:{region}:{account}:subgrp:{id}")]),
    shape("AWS::RDS::OptionGroup", small("OptionGroupName", 255), "{name}", &[]),
    shape("AWS::Route53::RecordSet", None, "{p:Name}|{p:Type}", &[]),
    shape("AWS::S3::Bucket", small("BucketName", 63), "{name}",
        &[("Arn", "arn:{partition}:s3:::{id}"), ("DomainName", "{id}.s3.amazonaws.com"),
          ("DualStackDomainName", "{id}.s3.dualstack.{region}.amazonaws.com"),
          ("RegionalDomainName", "{id}.s3.{region}.amazonaws.com"),
          ("WebsiteURL", "http://{id}.s3-website-{region}.amazonaws.com")]),
    shape("AWS::S3::BucketPolicy", None, "{p:Bucket}", &[]),
    shape("AWS::SNS::Subscription", None, "{p:TopicArn}:{uuid}", &[("Arn", "{id}")]),
    shape("AWS::SNS::Topic", named("TopicName", 256), "arn:{partition}:sns:{region}:{account}:{name}",
        &[("TopicArn", "{id}"), ("TopicName", "{name}")]),
    shape("AWS::SNS::TopicPolicy", None, "{name}", &[("Id", "{id}")]),
    shape("AWS::SQS::Queue", named("QueueName", 80),
        "https://sqs.{region}.amazonaws.com/{account}/{name}",
        &[("QueueUrl", "{id}"), ("QueueName", "{name}"),
          ("Arn", "arn:{partition}:sqs:{region}:{account}:{name}")]),
    shape("AWS::SSM::Document", named("Name", 128), "{name}", &[]),
    shape("AWS::Scheduler::Schedule", named("Name", 64), "{name}",
        &[("Arn", "arn:{partition}:scheduler:{region}:{account}:schedule/{group}/{id}")]),
    shape("AWS::Scheduler::ScheduleGroup", named("Name", 64), "{name}",
        &[("Arn", "arn:{partition}:scheduler:{region}:{account}:schedule-group/{id}")]),
    shape("AWS::SecretsManager::ResourcePolicy", None, "{p:SecretId}", &[("Id", "{id}")]),
    shape("AWS::SecretsManager::Secret", named("Name", 512),
        "arn:{partition}:secretsmanager:{region}:{account}:secret:{name}-{mixed6}", &[("Id", "{id}")]),
    shape("AWS::WAFv2::IPSet", named("Name", 128), "{name}|{uuid}|{p:Scope}",
        &[("Id", "{uuid}"),
          ("Arn", "arn:{partition}:wafv2:{region}:{account}:{waf-scope}/ipset/{name}/{uuid}")]),
    shape("AWS::WAFv2::WebACL", named("Name", 128), "{name}|{uuid}|{p:Scope}",
        &[("Id", "{uuid}"), ("LabelNamespace", "awswaf:{account}:webacl:{name}:"),
          ("Arn", "arn:{partition}:wafv2:{region}:{account}:{waf-scope}/webacl/{name}/{uuid}")]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_sorted_and_of_real_types_and_attributes() {
        assert!(SHAPES.windows(2).all(|pair| pair[0].type_name < pair[1].type_name));
        for shape in SHAPES {
            let schema = kumiki_schema::resource_type(shape.type_name).expect(shape.type_name);
            for (attribute, _) in shape.attributes {
                let known = schema.attribute(attribute).is_some();
                assert!(known, "{} {attribute}", shape.type_name);
            }
        }
    }
}
