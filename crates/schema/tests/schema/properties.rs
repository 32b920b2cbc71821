//! The property tree.

use kumiki_schema::{Kind, TagShape};

use crate::{path, the};

#[test]
fn knows_the_kind_of_a_property() {
    use Kind::{Any, Array, Boolean, Integer, Json, Map, Object, String};
    for (resource_type, property, kind) in [
        ("AWS::CloudFormation::Stack", "Parameters", Map),
        ("AWS::CloudFormation::Stack", "Parameters.VpcId", Any),
        ("AWS::CloudFormation::Stack", "NotificationARNs.0", String),
        ("AWS::EC2::SecurityGroup", "SecurityGroupIngress", Array),
        ("AWS::EC2::SecurityGroup", "SecurityGroupIngress.*", Object),
        ("AWS::EC2::SecurityGroup", "SecurityGroupIngress.12.FromPort", Integer),
        ("AWS::EC2::VPC", "EnableDnsSupport", Boolean),
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions.0.Environment.0.Value", String),
        ("AWS::ECS::TaskDefinition", "ContainerDefinitions.*.LogConfiguration.Options", Map),
        (
            "AWS::ECS::TaskDefinition",
            "ContainerDefinitions.0.LogConfiguration.Options.awslogs-group",
            String,
        ),
        ("AWS::IAM::ManagedPolicy", "PolicyDocument", Json),
        ("AWS::IAM::Role", "AssumeRolePolicyDocument", Json),
        ("AWS::IAM::Role", "AssumeRolePolicyDocument.Statement.0.Effect", Any),
        ("AWS::IAM::Role", "Policies.0.PolicyDocument", Json),
        ("AWS::KMS::Key", "KeyPolicy", Json),
        ("AWS::Lambda::Function", "Environment.Variables", Map),
        ("AWS::RDS::DBInstance", "AllocatedStorage", String),
        ("AWS::RDS::DBInstance", "BackupRetentionPeriod", Integer),
        ("AWS::RDS::DBInstance", "MultiAZ", Boolean),
        ("AWS::RDS::DBInstance", "Tags.0.Key", String),
        ("AWS::RDS::DBParameterGroup", "Parameters", Json),
        (
            "AWS::S3::Bucket",
            "LifecycleConfiguration.Rules.0.Transitions.1.TransitionInDays",
            Integer,
        ),
        ("AWS::SQS::Queue", "RedrivePolicy", Object),
        ("AWS::WAFv2::WebACL", "Rules.0.Statement.AndStatement.Statements.0.NotStatement", Object),
        ("Custom::DatabaseUser", "ServiceToken", String),
        ("Custom::DatabaseUser", "Grants.0", Any),
    ] {
        let found = the(resource_type).property(&path(property)).map(|it| it.kind());
        assert_eq!(found, Some(kind), "{resource_type} {property}");
    }
}

#[test]
fn excludes_what_the_schema_excludes() {
    for (resource_type, property) in [
        ("AWS::CloudFormation::Stack", "TemplateUrl"),
        ("AWS::EC2::VPC", "EnableDnsSupport.Value"),
        ("AWS::EC2::VPC", "Tags.Name"),
        ("AWS::EC2::VPC", "Tags.0.Nmae"),
        ("AWS::RDS::DBInstance", "DBInstanceSize"),
        ("AWS::WAFv2::WebACL", "Rules.0.Statement.AndStatement.Statements.0.Not"),
    ] {
        assert!(
            the(resource_type).property(&path(property)).is_none(),
            "{resource_type} {property}"
        );
    }
}

#[test]
fn a_definition_that_holds_itself_can_be_walked_without_end() {
    let mut statement = the("AWS::WAFv2::WebACL").property(&path("Rules.0.Statement"));
    for _ in 0..1000 {
        statement = statement.and_then(|it| it.child("NotStatement")?.child("Statement"));
    }
    assert_eq!(statement.map(|it| it.kind()), Some(Kind::Object));
}

#[test]
fn knows_what_is_required() {
    for (resource_type, required) in [
        ("AWS::CloudFormation::Stack", &["TemplateURL"][..]),
        ("AWS::EC2::SecurityGroup", &["GroupDescription"]),
        ("AWS::IAM::Role", &["AssumeRolePolicyDocument"]),
        ("AWS::RDS::DBParameterGroup", &["Description", "Family"]),
        ("AWS::S3::Bucket", &[]),
        ("Custom::DatabaseUser", &["ServiceToken"]),
    ] {
        let found: Vec<&str> = the(resource_type).required().collect();
        assert_eq!(found, required, "{resource_type}");
    }
    let ingress = the("AWS::EC2::SecurityGroup")
        .property(&["SecurityGroupIngress", "*", "IpProtocol"])
        .expect("it is declared");
    assert!(ingress.required());
}

#[test]
fn lists_the_values_a_string_may_take() {
    let values = |resource_type, property| {
        let property = the(resource_type).property(&path(property)).expect("it is declared");
        property.allowed_values()
    };
    assert_eq!(values("AWS::ECS::Service", "SchedulingStrategy"), ["DAEMON", "REPLICA"],);
    assert!(values("AWS::Logs::LogGroup", "LogGroupClass").contains(&"INFREQUENT_ACCESS"));
    assert!(values("AWS::EC2::VPC", "CidrBlock").is_empty());
}

#[test]
fn only_custom_resources_accept_any_property() {
    let open: Vec<&str> =
        kumiki_schema::type_names().filter(|name| the(name).additional_properties()).collect();
    assert_eq!(open, ["AWS::CloudFormation::CustomResource"]);
}

#[test]
fn knows_what_the_service_sets() {
    for (resource_type, property, read_only) in [
        ("AWS::EC2::SecurityGroup", "GroupId", true),
        ("AWS::EC2::SecurityGroup", "GroupName", false),
        ("AWS::RDS::DBInstance", "Endpoint", true),
        ("AWS::RDS::DBInstance", "Endpoint.Address", true),
        ("AWS::RDS::DBInstance", "MasterUserSecret", false),
        ("AWS::RDS::DBInstance", "MasterUserSecret.KmsKeyId", false),
        ("AWS::RDS::DBInstance", "MasterUserSecret.SecretArn", true),
        ("AWS::RDS::DBInstance", "AdditionalStorageVolumes.3.StorageOperationStatus", true),
    ] {
        let found = the(resource_type).is_read_only(&path(property));
        assert_eq!(found, read_only, "{resource_type} {property}");
    }
}

#[test]
fn knows_where_tags_go() {
    use TagShape::{List, Map};
    for (resource_type, tags) in [
        ("AWS::AutoScaling::AutoScalingGroup", Some(("Tags", List))),
        ("AWS::Backup::BackupPlan", Some(("BackupPlanTags", Map))),
        ("AWS::Budgets::Budget", Some(("ResourceTags", List))),
        ("AWS::CloudFormation::Stack", Some(("Tags", List))),
        ("AWS::Cognito::UserPool", Some(("UserPoolTags", Map))),
        ("AWS::EC2::LaunchTemplate", Some(("TagSpecifications.*.Tags", List))),
        ("AWS::EC2::Route", None),
        ("AWS::EC2::VPC", Some(("Tags", List))),
        ("AWS::EFS::FileSystem", Some(("FileSystemTags", List))),
        ("AWS::ECS::Service", Some(("Tags", List))),
        ("AWS::ECR::RepositoryCreationTemplate", None),
        ("AWS::Inspector::ResourceGroup", None),
        ("AWS::KMS::Alias", None),
        ("AWS::Logs::LogGroup", Some(("Tags", List))),
        ("AWS::RDS::DBInstance", Some(("Tags", List))),
        ("AWS::Route53::HostedZone", Some(("HostedZoneTags", List))),
        ("AWS::SSM::Parameter", Some(("Tags", Map))),
        ("AWS::Scheduler::Schedule", None),
        ("Custom::DatabaseUser", None),
    ] {
        let found = the(resource_type).tagging().map(|it| (it.path.as_str(), it.shape));
        assert_eq!(found, tags, "{resource_type}");
    }
}

#[test]
fn suggests_the_property_that_was_meant() {
    let instance = the("AWS::RDS::DBInstance");
    for (written, meant) in [
        ("DbInstanceClass", Some("DBInstanceClass")),
        ("BackupRetensionPeriod", Some("BackupRetentionPeriod")),
        ("PubliclyAccessable", Some("PubliclyAccessible")),
        ("Colour", None),
    ] {
        assert_eq!(instance.closest_property(written), meant, "{written}");
    }
    let tag = instance.property(&["Tags", "*"]).expect("it is declared");
    assert_eq!(tag.closest_property("Valeu"), Some("Value"));
}
