//! What single services refuse and give: one template a case.

use crate::folder::Folder;
use crate::project::*;
use kumiki_backend_local::Options;
use kumiki_engine::{Backend, StackStatus};
use kumiki_project::RehearsalConfig;

const VPC: &str = "
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }";
const SUBNETS: &str = "
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  A:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: ap-northeast-1a }
  C:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: ap-northeast-1c }";

/// A load balancer with everything that it takes.
const BALANCED: &str = "
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  A:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: ap-northeast-1a }
  C:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24, AvailabilityZone: ap-northeast-1c }
  Balancer:
    Type: AWS::ElasticLoadBalancingV2::LoadBalancer
    Properties: { Name: b, Scheme: internal, Subnets: [!Ref A, !Ref C] }
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Name: t, VpcId: !Ref Vpc, TargetType: ip, Protocol: HTTP, Port: 80 }";

/// A cluster and a task of an image that exists.
const TASK: &str = "
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: c } }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: f
      ContainerDefinitions:
        - { Name: web, Image: 'public.ecr.aws/x/y:1', PortMappings: [{ ContainerPort: 80 }] }";

const TASK_AND_BALANCER: &str = "
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: c } }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: f
      ContainerDefinitions:
        - { Name: web, Image: 'public.ecr.aws/x/y:1', PortMappings: [{ ContainerPort: 80 }] }
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Targets:
    Type: AWS::ElasticLoadBalancingV2::TargetGroup
    Properties: { Name: t, VpcId: !Ref Vpc, TargetType: ip, Protocol: HTTP, Port: 80 }";

/// A task of an image of the account's own repository, and of a secret with keys.
const PRIVATE_TASK: &str = "
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: c } }
  Repository: { Type: AWS::ECR::Repository, Properties: { RepositoryName: r } }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: f
      ContainerDefinitions: [{ Name: web, Image: !Sub '${Repository.RepositoryUri}:1' }]";

const SECRET_TASK: &str = "
  Cluster: { Type: AWS::ECS::Cluster, Properties: { ClusterName: c } }
  Secret:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: s
      GenerateSecretString: { SecretStringTemplate: '{\"user\":\"u\"}', GenerateStringKey: password }
  Task:
    Type: AWS::ECS::TaskDefinition
    Properties:
      Family: f
      ContainerDefinitions:
        - { Name: web, Image: 'x:1', Secrets: [{ Name: P, ValueFrom: !Sub '${Secret}:pass::' }] }";

/// Resources before, the resource that is refused, and a part of the reason.
const REFUSED: &[(&str, &str, &str)] = &[
    ("", "{ Type: AWS::SNS::Topic, Properties: { Nope: 1 } }", "extraneous key [Nope] is not permitted"),
    ("", "{ Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/8 } }", "The CIDR '10.0.0.0/8' is invalid."),
    ("", "{ Type: AWS::EC2::Subnet, Properties: { VpcId: vpc-0, CidrBlock: 10.0.0.0/24 } }", "The vpc ID 'vpc-0' does not exist"),
    (VPC, "{ Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.1.0.0/24 } }", "The CIDR '10.1.0.0/24' is invalid."),
    (SUBNETS, "{ Type: AWS::EC2::Subnet, DependsOn: A, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.128/25 } }", "conflicts with another subnet"),
    (VPC, "{ Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: ap-northeast-1b } }", "Subnets can currently only be created in the following availability zones: ap-northeast-1a, ap-northeast-1c, ap-northeast-1d"),
    (SUBNETS, "{ Type: AWS::RDS::DBSubnetGroup, Properties: { DBSubnetGroupDescription: d, SubnetIds: [!Ref A] } }", "Current AZ coverage: ap-northeast-1a."),
    (
        "
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Table: { Type: AWS::EC2::RouteTable, Properties: { VpcId: !Ref Vpc } }
  Gateway: { Type: AWS::EC2::InternetGateway }",
        "{ Type: AWS::EC2::Route, Properties: { RouteTableId: !Ref Table, GatewayId: !Ref Gateway, DestinationCidrBlock: 0.0.0.0/0 } }",
        "belong to different networks",
    ),
    (
        "
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Table: { Type: AWS::EC2::RouteTable, Properties: { VpcId: !Ref Vpc } }",
        "{ Type: AWS::EC2::Route, Properties: { RouteTableId: !Ref Table, TransitGatewayId: tgw-00000000000000000, DestinationCidrBlock: 0.0.0.0/0 } }",
        "The transitGateway ID 'tgw-00000000000000000' does not exist.",
    ),
    (
        "
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Group: { Type: AWS::EC2::SecurityGroup, Properties: { GroupDescription: g, VpcId: !Ref Vpc } }
  Rule: { Type: AWS::EC2::SecurityGroupIngress, Properties: { GroupId: !Ref Group, IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8 } }",
        "{ Type: AWS::EC2::SecurityGroupIngress, DependsOn: Rule, Properties: { GroupId: !Ref Group, IpProtocol: tcp, FromPort: 443, ToPort: 443, CidrIp: 10.0.0.0/8 } }",
        "the specified rule \"peer: 10.0.0.0/8, TCP, from port: 443, to port: 443, ALLOW\" already exists",
    ),
    ("", "{ Type: AWS::SNS::Subscription, Properties: { TopicArn: 'arn:aws:sns:ap-northeast-1:123456789012:no', Protocol: email, Endpoint: a@b.jp } }", "Topic does not exist"),
    ("
  Topic: { Type: AWS::SNS::Topic }", "{ Type: AWS::SNS::Subscription, Properties: { TopicArn: !Ref Topic, Protocol: email, Endpoint: nobody } }", "Invalid parameter: Email address"),
    ("
  First: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /same } }", "{ Type: AWS::Logs::LogGroup, DependsOn: First, Properties: { LogGroupName: /same } }", "/same already exists in stack arn:aws:cloudformation:"),
    ("", "{ Type: AWS::Logs::MetricFilter, Properties: { LogGroupName: /none, FilterPattern: x, MetricTransformations: [{ MetricName: m, MetricNamespace: n, MetricValue: '1' }] } }", "The specified log group does not exist."),
    ("", "{ Type: AWS::S3::Bucket, Properties: { BucketName: Upper } }", "Bucket name should be between 3 and 63 characters"),
    ("", "{ Type: AWS::KMS::Alias, Properties: { AliasName: alias/x, TargetKeyId: nothing } }", "Invalid keyId nothing"),
    ("", "{ Type: AWS::CloudWatch::Alarm, Properties: { ComparisonOperator: GreaterThanThreshold, EvaluationPeriods: 1 } }", "MetricName, Metrics must be specified"),
    (
        "
  Group: { Type: AWS::RDS::DBParameterGroup, Properties: { Description: d, Family: postgres16 } }",
        "{ Type: AWS::RDS::DBInstance, Properties: { Engine: postgres, EngineVersion: '14.24', DBInstanceClass: db.t4g.micro, AllocatedStorage: '20', MasterUsername: u, ManageMasterUserPassword: true, DBParameterGroupName: !Ref Group } }",
        "Use a parameter group with DBParameterGroupFamily postgres14.",
    ),
    ("", "{ Type: AWS::RDS::DBInstance, Properties: { Engine: postgres, DBInstanceClass: db.t4g.micro, DBSubnetGroupName: none } }", "DBSubnetGroup 'none' not found."),
    (BALANCED, "{ Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: { Scheme: internal, Subnets: [!Ref A] } }", "At least two subnets in two different Availability Zones must be specified"),
    (BALANCED, "{ Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: { Subnets: [!Ref A, !Ref C] } }", "has no internet gateway"),
    (BALANCED, "{ Type: AWS::ElasticLoadBalancingV2::LoadBalancer, DependsOn: Balancer, Properties: { Name: b, Scheme: internal, Subnets: [!Ref A, !Ref C] } }", "A load balancer with the same name 'b' exists"),
    (BALANCED, "{ Type: AWS::ElasticLoadBalancingV2::LoadBalancer, Properties: { Scheme: internal, Subnets: [!Ref A, !Ref C], LoadBalancerAttributes: [{ Key: access_logs.s3.enabled, Value: 'true' }, { Key: access_logs.s3.bucket, Value: none }] } }", "Access Denied for bucket: none."),
    (BALANCED, "{ Type: AWS::ElasticLoadBalancingV2::Listener, Properties: { LoadBalancerArn: !Ref Balancer, Port: 443, Protocol: HTTPS, DefaultActions: [{ Type: forward, TargetGroupArn: !Ref Targets }] } }", "A certificate must be specified for HTTPS listeners"),
    (BALANCED, "{ Type: AWS::ElasticLoadBalancingV2::Listener, Properties: { LoadBalancerArn: !Ref Balancer, Port: 443, Protocol: HTTPS, Certificates: [{ CertificateArn: 'arn:aws:acm:ap-northeast-1:123456789012:certificate/no' }], DefaultActions: [{ Type: forward, TargetGroupArn: !Ref Targets }] } }", "Certificate 'arn:aws:acm:ap-northeast-1:123456789012:certificate/no' not found"),
    (BALANCED, "{ Type: AWS::ElasticLoadBalancingV2::Listener, Properties: { LoadBalancerArn: no, Port: 80, Protocol: HTTP, DefaultActions: [{ Type: forward, TargetGroupArn: !Ref Targets }] } }", "One or more load balancers not found"),
    (BALANCED, "{ Type: AWS::ElasticLoadBalancingV2::TargetGroup, DependsOn: Targets, Properties: { Name: t, VpcId: !Ref Vpc } }", "A target group with the same name 't' exists"),
    (TASK, "{ Type: AWS::ECS::Service, Properties: { Cluster: none, TaskDefinition: !Ref Task } }", "Cluster not found."),
    (TASK, "{ Type: AWS::ECS::Service, Properties: { Cluster: !Ref Cluster, TaskDefinition: 'arn:aws:ecs:ap-northeast-1:123456789012:task-definition/f:9' } }", "TaskDefinition not found."),
    (TASK, "{ Type: AWS::ECS::Service, Properties: { Cluster: !Ref Cluster, TaskDefinition: !Ref Task, NetworkConfiguration: { AwsvpcConfiguration: { Subnets: [subnet-0] } } } }", "The subnet ID 'subnet-0' does not exist"),
    (TASK_AND_BALANCER, "{ Type: AWS::ECS::Service, Properties: { Cluster: !Ref Cluster, TaskDefinition: !Ref Task, LoadBalancers: [{ ContainerName: web, ContainerPort: 80, TargetGroupArn: !Ref Targets }] } }", "does not have an associated load balancer."),
    (PRIVATE_TASK, "{ Type: AWS::ECS::Service, Properties: { Cluster: !Ref Cluster, TaskDefinition: !Ref Task, DeploymentConfiguration: { DeploymentCircuitBreaker: { Enable: true, Rollback: true } } } }", "ECS Deployment Circuit Breaker was triggered"),
    (PRIVATE_TASK, "{ Type: AWS::ECS::Service, Properties: { Cluster: !Ref Cluster, TaskDefinition: !Ref Task } }", "Exceeded attempts to wait"),
    (SECRET_TASK, "{ Type: AWS::ECS::Service, Properties: { Cluster: !Ref Cluster, TaskDefinition: !Ref Task } }", "did not contain json key pass"),
    (TASK, "{ Type: AWS::ECS::Service, Properties: { Cluster: !Ref Cluster, TaskDefinition: !Ref Task, LoadBalancers: [{ ContainerName: api, ContainerPort: 80, TargetGroupArn: 'arn:aws:elasticloadbalancing:ap-northeast-1:999999999999:targetgroup/x/1' }] } }", "The container api does not exist in the task definition."),
    (TASK, "{ Type: AWS::ECS::Service, Properties: { Cluster: !Ref Cluster, TaskDefinition: !Ref Task, LoadBalancers: [{ ContainerName: web, ContainerPort: 81, TargetGroupArn: 'arn:aws:elasticloadbalancing:ap-northeast-1:999999999999:targetgroup/x/1' }] } }", "The container web did not have a container port 81 defined."),
    ("", "{ Type: AWS::ECS::TaskDefinition, Properties: { Family: f, RequiresCompatibilities: [FARGATE], Cpu: '256', Memory: '4096' } }", "No Fargate configuration exists for given values: 256 CPU, 4096 memory."),
    ("", "{ Type: AWS::ECS::TaskDefinition, Properties: { Family: f, RequiresCompatibilities: [FARGATE], Cpu: '256', Memory: '1536' } }", "No Fargate configuration exists for given values: 256 CPU, 1536 memory."),
    ("", "{ Type: AWS::ECS::TaskDefinition, Properties: { Family: f, ContainerDefinitions: [{ Name: n, Image: i, MountPoints: [{ SourceVolume: v }] }] } }", "Unknown volume 'v'."),
    ("", "{ Type: AWS::ApplicationAutoScaling::ScalableTarget, Properties: { ServiceNamespace: ecs, ScalableDimension: 'ecs:service:DesiredCount', ResourceId: service/c/s, MinCapacity: 1, MaxCapacity: 2 } }", "ECS service doesn't exist: service/c/s"),
    ("", "{ Type: AWS::ApplicationAutoScaling::ScalableTarget, Properties: { ServiceNamespace: dynamodb, ScalableDimension: 'dynamodb:table:ReadCapacityUnits', ResourceId: table/t, MinCapacity: 3, MaxCapacity: 2 } }", "Maximum capacity cannot be less than minimum capacity"),
    ("
  Target: { Type: AWS::ApplicationAutoScaling::ScalableTarget, Properties: { ServiceNamespace: dynamodb, ScalableDimension: 'dynamodb:table:ReadCapacityUnits', ResourceId: table/t, MinCapacity: 1, MaxCapacity: 2 } }", "{ Type: AWS::ApplicationAutoScaling::ScalableTarget, DependsOn: Target, Properties: { ServiceNamespace: dynamodb, ScalableDimension: 'dynamodb:table:ReadCapacityUnits', ResourceId: table/t, MinCapacity: 1, MaxCapacity: 2 } }", "already exists"),
    ("", "{ Type: AWS::ApplicationAutoScaling::ScalingPolicy, Properties: { PolicyName: p, PolicyType: TargetTrackingScaling, ServiceNamespace: ecs, ScalableDimension: 'ecs:service:DesiredCount', ResourceId: service/c/s } }", "No scalable target registered for service namespace: ecs, resource ID: service/c/s"),
    ("", "{ Type: AWS::EC2::NatGateway, Properties: { SubnetId: subnet-0, AllocationId: eipalloc-0 } }", "The subnet ID 'subnet-0' does not exist"),
    (SUBNETS, "{ Type: AWS::EC2::NatGateway, Properties: { SubnetId: !Ref A, AllocationId: eipalloc-0 } }", "The elastic-ip ID 'eipalloc-0' does not exist"),
    ("
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  A: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24 } }
  Address: { Type: AWS::EC2::EIP }", "{ Type: AWS::EC2::NatGateway, Properties: { SubnetId: !Ref A, AllocationId: !GetAtt Address.AllocationId } }", "has no Internet gateway attached"),
    ("", "{ Type: AWS::SecretsManager::Secret, Properties: { SecretString: a, GenerateSecretString: {} } }", "You can't specify both GenerateSecretString and SecretString."),
    ("
  First: { Type: AWS::SecretsManager::Secret, Properties: { Name: s, GenerateSecretString: {} } }", "{ Type: AWS::SecretsManager::Secret, DependsOn: First, Properties: { Name: s, GenerateSecretString: {} } }", "the secret s already exists."),
    ("", "{ Type: AWS::IAM::InstanceProfile, Properties: { Roles: [none] } }", "The role with name none cannot be found."),
    ("", "{ Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: {}, ManagedPolicyArns: ['arn:aws:iam::123456789012:policy/none'] } }", "Policy arn:aws:iam::123456789012:policy/none does not exist or is not attachable."),
    ("
  First: { Type: AWS::IAM::Role, Properties: { RoleName: r, AssumeRolePolicyDocument: {} } }", "{ Type: AWS::IAM::Role, DependsOn: First, Properties: { RoleName: r, AssumeRolePolicyDocument: {} } }", "r already exists"),
    ("", "{ Type: AWS::KMS::Key, Properties: { KeyPolicy: { Statement: [{ Effect: Allow, Principal: '*', Action: 'kms:Decrypt', Resource: '*' }] } } }", "will not allow you to update the key policy in the future."),
    ("", "{ Type: AWS::Cognito::UserPoolClient, Properties: { UserPoolId: none } }", "User pool none does not exist."),
    ("
  Pool: { Type: AWS::Cognito::UserPool }
  Other: { Type: AWS::Cognito::UserPool }
  First: { Type: AWS::Cognito::UserPoolDomain, Properties: { UserPoolId: !Ref Pool, Domain: d } }", "{ Type: AWS::Cognito::UserPoolDomain, DependsOn: First, Properties: { UserPoolId: !Ref Other, Domain: d } }", "Domain already associated with another user pool."),
    ("", "{ Type: AWS::WAFv2::WebACL, Properties: { Name: n, Scope: CLOUDFRONT, DefaultAction: { Allow: {} }, VisibilityConfig: { CloudWatchMetricsEnabled: true, MetricName: m, SampledRequestsEnabled: true } } }", "The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT"),
    ("
  Acl: { Type: AWS::WAFv2::WebACL, Properties: { Name: n, Scope: REGIONAL, DefaultAction: { Allow: {} }, VisibilityConfig: { CloudWatchMetricsEnabled: true, MetricName: m, SampledRequestsEnabled: true } } }
  First: { Type: AWS::WAFv2::WebACLAssociation, Properties: { ResourceArn: 'arn:aws:apigateway:x', WebACLArn: !GetAtt Acl.Arn } }", "{ Type: AWS::WAFv2::WebACLAssociation, DependsOn: First, Properties: { ResourceArn: 'arn:aws:apigateway:x', WebACLArn: !GetAtt Acl.Arn } }", "is already associated with a web ACL."),
    ("", "{ Type: AWS::WAFv2::LoggingConfiguration, Properties: { ResourceArn: 'arn:aws:wafv2:ap-northeast-1:123456789012:regional/webacl/n/i', LogDestinationConfigs: ['arn:aws:s3:::aws-waf-logs-x'] } }", "AWS WAF couldn't perform the operation because your resource doesn't exist."),
    ("
  First: { Type: AWS::Route53::RecordSet, Properties: { HostedZoneId: Z1, Name: a.example.jp, Type: A, TTL: '60', ResourceRecords: [192.0.2.1] } }", "{ Type: AWS::Route53::RecordSet, DependsOn: First, Properties: { HostedZoneId: Z1, Name: a.example.jp, Type: A, TTL: '60', ResourceRecords: [192.0.2.2] } }", "already exists"),
    ("
  Zone: { Type: AWS::Route53::HostedZone, Properties: { Name: example.jp } }", "{ Type: AWS::CertificateManager::Certificate, Properties: { DomainName: www.example.com, ValidationMethod: DNS, DomainValidationOptions: [{ DomainName: www.example.com, HostedZoneId: !Ref Zone }] } }", "NotStabilized"),
    ("", "{ Type: AWS::CloudFront::Distribution, Properties: { DistributionConfig: { Enabled: true, Origins: [{ Id: o, DomainName: d }], DefaultCacheBehavior: { TargetOriginId: o, ViewerProtocolPolicy: https-only }, ViewerCertificate: { AcmCertificateArn: 'arn:aws:acm:ap-northeast-1:123456789012:certificate/c' } } } }", "isn't in us-east-1 region"),
    ("", "{ Type: AWS::CloudFront::Distribution, Properties: { DistributionConfig: { Enabled: true, Origins: [{ Id: o, DomainName: d }], DefaultCacheBehavior: { TargetOriginId: x, ViewerProtocolPolicy: https-only } } } }", "One or more of your origins or origin groups do not exist."),
    ("
  Bucket: { Type: AWS::S3::Bucket, Properties: { BucketName: trail-logs } }", "{ Type: AWS::CloudTrail::Trail, Properties: { IsLogging: true, S3BucketName: !Ref Bucket } }", "Incorrect S3 bucket policy is detected for bucket: trail-logs"),
    ("", "{ Type: AWS::Logs::SubscriptionFilter, Properties: { LogGroupName: /none, FilterPattern: '', DestinationArn: 'arn:aws:firehose:ap-northeast-1:123456789012:deliverystream/n' } }", "The specified log group does not exist."),
    ("
  Group: { Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /g } }", "{ Type: AWS::Logs::SubscriptionFilter, Properties: { LogGroupName: !Ref Group, FilterPattern: '', DestinationArn: 'arn:aws:firehose:ap-northeast-1:123456789012:deliverystream/n' } }", "Could not deliver test message"),
    ("", "{ Type: AWS::CloudWatch::Alarm, Properties: { MetricName: m, Namespace: n, Statistic: Sum, Threshold: 1, Period: 300, EvaluationPeriods: 289, ComparisonOperator: GreaterThanThreshold } }", "EvaluationPeriods * Period must be <= 86400"),
    ("", "{ Type: AWS::Events::Rule, Properties: { ScheduleExpression: rate(1 day), Targets: [{ Id: a, Arn: 'arn:aws:sqs:ap-northeast-1:123456789012:none' }] } }", "The target arn:aws:sqs:ap-northeast-1:123456789012:none does not exist."),
    ("", "{ Type: AWS::SQS::QueuePolicy, Properties: { Queues: ['https://sqs.ap-northeast-1.amazonaws.com/123456789012/none'], PolicyDocument: {} } }", "The specified queue does not exist."),
    ("", "{ Type: AWS::SQS::Queue, Properties: { QueueName: q, FifoQueue: true } }", "Can only include alphanumeric characters"),
    ("", "{ Type: AWS::Backup::BackupSelection, Properties: { BackupPlanId: none, BackupSelection: { SelectionName: s, IamRoleArn: 'arn:aws:iam::999999999999:role/r' } } }", "Cannot find Backup plan with ID none"),
    ("", "{ Type: AWS::SSM::Parameter, Properties: { Name: p, Type: String, Value: abc, AllowedPattern: '^[0-9]+$' } }", "cannot be validated against allowedPattern"),
];

#[test]
fn services_refuse_what_they_refuse_on_aws() {
    for (before, resource, reason) in REFUSED {
        let folder = Folder::new();
        let mut backend = open(&folder, &[]);
        let text = format!("Resources:{before}\n  Refused: {resource}\n");
        let (outcome, events) = up(&mut backend, &library(&text), &inputs("app", &[])).unwrap();
        assert_eq!(outcome.status, StackStatus::RollbackComplete, "{text}");
        let cause = outcome.cause.unwrap();
        assert_eq!(cause.logical_id, "Refused", "{text}\n{}", failures(&events));
        assert!(cause.reason.contains(reason), "{text}\n{}", cause.reason);
    }
}

/// A template, what it outputs, and how that must look: `#` a hexadecimal digit, `*` anything.
const SHAPES: &[(&str, &str, &str)] = &[
    (
        "{ Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }",
        "!Ref It",
        "vpc-#################",
    ),
    (
        "{ Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }",
        "!GetAtt It.CidrBlock",
        "10.0.0.0/16",
    ),
    ("{ Type: AWS::SNS::Topic }", "!Ref It", "arn:aws:sns:ap-northeast-1:123456789012:app-It-*"),
    ("{ Type: AWS::SNS::Topic, Properties: { TopicName: t } }", "!GetAtt It.TopicName", "t"),
    (
        "{ Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /g } }",
        "!GetAtt It.Arn",
        "arn:aws:logs:ap-northeast-1:123456789012:log-group:/g:*",
    ),
    (
        "{ Type: AWS::KMS::Key, Properties: { KeyPolicy: {} } }",
        "!GetAtt It.Arn",
        "arn:aws:kms:ap-northeast-1:123456789012:key/########-####-####-####-############",
    ),
    (
        "{ Type: AWS::S3::Bucket }",
        "!GetAtt It.RegionalDomainName",
        "app-it-*.s3.ap-northeast-1.amazonaws.com",
    ),
    (
        "{ Type: AWS::SecretsManager::Secret, Properties: { Name: s, GenerateSecretString: {} } }",
        "!Ref It",
        "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:s-*",
    ),
    (
        "{ Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: {} } }",
        "!GetAtt It.Arn",
        "arn:aws:iam::123456789012:role/app-It-*",
    ),
    (
        "{ Type: AWS::RDS::DBInstance, Properties: { DBInstanceIdentifier: Db, Engine: postgres, DBInstanceClass: db.t4g.micro, MasterUsername: u, ManageMasterUserPassword: true } }",
        "!Sub '${It.Endpoint.Address}:${It.Endpoint.Port}'",
        "db.c*.ap-northeast-1.rds.amazonaws.com:5432",
    ),
    (
        "{ Type: AWS::RDS::DBInstance, Properties: { Engine: mysql, DBInstanceClass: db.t4g.micro, MasterUsername: u, ManageMasterUserPassword: true } }",
        "!Sub '${It.MasterUserSecret.SecretArn}:${It.Endpoint.Port}'",
        "arn:aws:secretsmanager:ap-northeast-1:123456789012:secret:rds!db-*:3306",
    ),
    // A type with no shape of its own.
    (
        "{ Type: AWS::Kinesis::Stream }",
        "!GetAtt It.Arn",
        "arn:aws:kinesis:ap-northeast-1:123456789012:stream/app-It-*",
    ),
];

fn looks_like(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        Some((head, tail)) => {
            text.len() > head.len() + tail.len()
                && looks_like(&text[..head.len()], head)
                && text.ends_with(tail)
        }
        None => {
            text.len() == pattern.len()
                && text.chars().zip(pattern.chars()).all(|(it, wanted)| match wanted {
                    '#' => it.is_ascii_hexdigit(),
                    wanted => it == wanted,
                })
        }
    }
}

#[test]
fn identifiers_and_attributes_look_as_on_aws() {
    for (resource, output, pattern) in SHAPES {
        let folder = Folder::new();
        let mut backend = open(&folder, &[]);
        let text = format!("Resources:\n  It: {resource}\nOutputs:\n  It: {{ Value: {output} }}\n");
        let (outcome, events) = up(&mut backend, &library(&text), &inputs("app", &[])).unwrap();
        assert!(outcome.succeeded, "{text}\n{}", failures(&events));
        let value = backend.stacks().unwrap()[0].settled.outputs["It"].value.clone();
        assert!(looks_like(&value, pattern), "{value} is not {pattern}");
        assert!(up(&mut backend, &library(&text), &inputs("app", &[])).is_none(), "{text}");
    }
}

#[test]
fn what_is_unknown_is_never_complete_unmarked() {
    let folder = Folder::new();
    let mut backend = open(&folder, &[]);
    let text = "Resources:\n  It: { Type: Custom::Thing, Properties: { ServiceToken: 'arn:x' } }\n";
    let (outcome, events) = up(&mut backend, &library(text), &inputs("app", &[])).unwrap();
    assert!(outcome.succeeded, "{}", failures(&events));
    let complete = events.iter().find(|it| it.logical_id == "It" && it.status == "CREATE_COMPLETE");
    assert!(complete.unwrap().reason.as_ref().unwrap().starts_with("Not modelled"));
}

#[test]
fn a_protected_database_is_not_deleted() {
    let folder = Folder::new();
    let mut backend = open(&folder, &[]);
    let text = |protected: bool| {
        format!(
            "Resources:
  Db:
    Type: AWS::RDS::DBInstance
    DeletionPolicy: Delete
    Properties:
      Engine: postgres
      DBInstanceClass: db.t4g.micro
      MasterUsername: u
      ManageMasterUserPassword: true
      DeletionProtection: {protected}
"
        )
    };
    let app = inputs("app", &[]);
    assert!(up(&mut backend, &library(&text(true)), &app).unwrap().0.succeeded);
    let outcome = backend.delete_stack(&root_id(&backend, "app"), &[], &mut |_| {}).unwrap();
    assert_eq!(outcome.status, StackStatus::DeleteFailed);
    assert!(outcome.cause.unwrap().reason.contains("Cannot delete protected DB Instance"));
}

#[test]
fn an_association_moves_to_another_table() {
    let folder = Folder::new();
    let mut backend = open(&folder, &[]);
    let text = |table: &str| {
        format!(
            "Resources:{SUBNETS}
  One: {{ Type: AWS::EC2::RouteTable, Properties: {{ VpcId: !Ref Vpc }} }}
  Two: {{ Type: AWS::EC2::RouteTable, Properties: {{ VpcId: !Ref Vpc }} }}
  Association:
    Type: AWS::EC2::SubnetRouteTableAssociation
    Properties: {{ SubnetId: !Ref A, RouteTableId: !Ref {table} }}
"
        )
    };
    let app = inputs("app", &[]);
    assert!(up(&mut backend, &library(&text("One")), &app).unwrap().0.succeeded);
    let (outcome, events) = up(&mut backend, &library(&text("Two")), &app).unwrap();
    assert!(outcome.succeeded, "{}", failures(&events));
    let outcome = backend.delete_stack(&root_id(&backend, "app"), &[], &mut |_| {}).unwrap();
    assert!(outcome.succeeded, "{:?}", outcome.cause);
}

/// What one stack makes, what another does with it by its name, and why the first is not deleted.
const KEPT: &[(&str, &str, &str)] = &[
    (
        "{ Type: AWS::ECS::Cluster, Properties: { ClusterName: c } }",
        "{ Type: AWS::ECS::Service, Properties: { Cluster: c, TaskDefinition: f } }",
        "The Cluster cannot be deleted while Services are active.",
    ),
    (
        "{ Type: AWS::IAM::Role, Properties: { RoleName: r, AssumeRolePolicyDocument: {} } }",
        "{ Type: AWS::IAM::InstanceProfile, Properties: { Roles: [r] } }",
        "must remove roles from instance profile first.",
    ),
    (
        "{ Type: AWS::IAM::ManagedPolicy, Properties: { ManagedPolicyName: p, PolicyDocument: {} } }",
        "{ Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: {}, ManagedPolicyArns: ['arn:aws:iam::123456789012:policy/p'] } }",
        "Cannot delete a policy attached to entities.",
    ),
    (
        "{ Type: AWS::RDS::DBParameterGroup, Properties: { DBParameterGroupName: g, Description: d, Family: postgres16 } }",
        "{ Type: AWS::RDS::DBInstance, Properties: { Engine: postgres, EngineVersion: '16', DBInstanceClass: db.t4g.micro, MasterUsername: u, ManageMasterUserPassword: true, DBParameterGroupName: g } }",
        "are still members of this parameter group g",
    ),
    (
        "{ Type: AWS::KinesisFirehose::DeliveryStream, Properties: { DeliveryStreamName: d } }",
        "{ Type: AWS::Logs::SubscriptionFilter, Properties: { LogGroupName: /g, FilterPattern: '', DestinationArn: 'arn:aws:firehose:ap-northeast-1:123456789012:deliverystream/d' } }",
        "is the destination of",
    ),
];

#[test]
fn what_is_in_use_is_not_deleted() {
    for (kept, user, reason) in KEPT {
        let folder = Folder::new();
        let exists = ["/g".to_owned()].into();
        let rehearsal = RehearsalConfig { exists, ..RehearsalConfig::default() };
        let mut backend = open_with(&folder, Options { rehearsal, ..Options::default() });
        for (name, resource) in [("first", kept), ("second", user)] {
            let text = format!("Resources:\n  It: {resource}\n");
            let (outcome, events) = up(&mut backend, &library(&text), &inputs(name, &[])).unwrap();
            assert!(outcome.succeeded, "{text}\n{}", failures(&events));
        }
        let outcome = backend.delete_stack(&root_id(&backend, "first"), &[], &mut |_| {}).unwrap();
        assert_eq!(outcome.status, StackStatus::DeleteFailed, "{kept}");
        let cause = outcome.cause.unwrap().reason;
        assert!(cause.contains(reason), "{cause}");
        for name in ["second", "first"] {
            let root = root_id(&backend, name);
            assert!(backend.delete_stack(&root, &[], &mut |_| {}).unwrap().succeeded);
        }
    }
}

/// A service whose image nobody can have pushed when the repository comes to be with it, and can
/// have pushed afterwards.
#[test]
fn a_service_waits_for_its_image() {
    let service = "
  Service: { Type: AWS::ECS::Service, Properties: { Cluster: !Ref Cluster, TaskDefinition: !Ref Task } }";
    let text = |service: &str| format!("Resources:{PRIVATE_TASK}{service}\n");
    let app = inputs("app", &[]);
    for (images, at_once, later) in
        [(None, false, true), (Some(true), true, true), (Some(false), false, false)]
    {
        let rehearsal = RehearsalConfig { images, ..RehearsalConfig::default() };
        let options = Options { rehearsal, ..Options::default() };
        let folder = Folder::new();
        let mut backend = open_with(&folder, options.clone());
        let (outcome, _) = up(&mut backend, &library(&text(service)), &app).unwrap();
        assert_eq!(outcome.succeeded, at_once, "{images:?}");
        let folder = Folder::new();
        let mut backend = open_with(&folder, options);
        assert!(up(&mut backend, &library(&text("")), &app).unwrap().0.succeeded);
        let (outcome, _) = up(&mut backend, &library(&text(service)), &app).unwrap();
        assert_eq!(outcome.succeeded, later, "{images:?}");
    }
}

/// What another resource names by an ARN that is put together by hand, whatever its attribute is
/// called.
#[test]
fn arns_that_are_put_together_lead_to_what_is_there() {
    let arn = |rest: &str| format!("arn:aws:{rest}");
    let cases = [
        (
            "{ Type: AWS::Backup::BackupVault, Properties: { BackupVaultName: v } }",
            format!(
                "{{ Type: AWS::Backup::BackupPlan, Properties: {{ BackupPlan: {{ BackupPlanName: p, BackupPlanRule: [{{ RuleName: r, TargetBackupVault: v, CopyActions: [{{ DestinationBackupVaultArn: '{}' }}] }}] }} }} }}",
                arn("backup:ap-northeast-1:123456789012:backup-vault:v")
            ),
        ),
        (
            "{ Type: AWS::IAM::Role, Properties: { RoleName: r, AssumeRolePolicyDocument: {} } }",
            format!(
                "{{ Type: AWS::Logs::SubscriptionFilter, Properties: {{ LogGroupName: /g, FilterPattern: '', DestinationArn: 'arn:aws:firehose:ap-northeast-1:999999999999:deliverystream/d', RoleArn: '{}' }} }}",
                arn("iam::123456789012:role/r")
            ),
        ),
        (
            "{ Type: AWS::Logs::LogGroup, Properties: { LogGroupName: /t } }",
            format!(
                "{{ Type: AWS::CloudTrail::Trail, Properties: {{ IsLogging: true, S3BucketName: b, CloudWatchLogsLogGroupArn: '{}' }} }}",
                arn("logs:ap-northeast-1:123456789012:log-group:/t")
            ),
        ),
    ];
    for (first, second) in cases {
        let folder = Folder::new();
        let exists = ["/g".to_owned(), "b".to_owned()].into();
        let rehearsal = RehearsalConfig { exists, ..RehearsalConfig::default() };
        let mut backend = open_with(&folder, Options { rehearsal, ..Options::default() });
        let text = format!("Resources:\n  A: {first}\n  B: {{ DependsOn: A, {}\n", &second[2..]);
        let (outcome, events) = up(&mut backend, &library(&text), &inputs("app", &[])).unwrap();
        assert!(outcome.succeeded, "{text}\n{}", failures(&events));
    }
}

#[test]
fn what_exists_elsewhere_can_be_named() {
    let text = "Resources:
  It: { Type: AWS::EC2::Subnet, Properties: { VpcId: vpc-1, CidrBlock: 10.0.0.0/24 } }
";
    let folder = Folder::new();
    let exists = ["vpc-1".to_owned()].into();
    let rehearsal = RehearsalConfig { exists, ..RehearsalConfig::default() };
    let mut backend = open_with(&folder, Options { rehearsal, ..Options::default() });
    assert!(up(&mut backend, &library(text), &inputs("app", &[])).unwrap().0.succeeded);
}

#[test]
fn a_bucket_that_logs_were_written_to_is_not_deleted() {
    let text = "Resources:
  Bucket: { Type: AWS::S3::Bucket }
  Policy:
    Type: AWS::S3::BucketPolicy
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument: { Statement: [{ Principal: { Service: cloudtrail.amazonaws.com } }] }
  Trail:
    Type: AWS::CloudTrail::Trail
    DependsOn: Policy
    Properties: { IsLogging: true, S3BucketName: !Ref Bucket }
";
    for logs_written in [false, true] {
        let folder = Folder::new();
        let rehearsal = RehearsalConfig { logs_written, ..RehearsalConfig::default() };
        let mut backend = open_with(&folder, Options { rehearsal, ..Options::default() });
        assert!(up(&mut backend, &library(text), &inputs("app", &[])).unwrap().0.succeeded);
        let outcome = backend.delete_stack(&root_id(&backend, "app"), &[], &mut |_| {}).unwrap();
        assert_eq!(outcome.succeeded, !logs_written, "{:?}", outcome.cause);
    }
}
