//! What single services refuse and give: one template a case.

use crate::folder::Folder;
use crate::project::*;
use kumiki_engine::{Backend, StackStatus};

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
