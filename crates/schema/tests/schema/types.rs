//! Names of types, and Regions.

use kumiki_schema::{Origin, available, origin, resource_type, suggest};

#[test]
fn tells_who_defines_a_type() {
    for (name, expected, has_schema) in [
        ("AWS::RDS::DBInstance", Origin::Schema, true),
        ("AWS::Serverless::Function", Origin::Schema, true),
        ("Alexa::ASK::Skill", Origin::Schema, true),
        ("AWS::CloudFormation::CustomResource", Origin::Custom, true),
        ("Custom::DatabaseUser", Origin::Custom, true),
        ("Custom::", Origin::Unknown, false),
        ("Acme::Storage::Bucket::MODULE", Origin::Module, false),
        ("Datadog::Monitors::Monitor", Origin::ThirdParty, false),
        ("AWS::RDS::DBInstanse", Origin::Unknown, false),
        ("aws::rds::dbinstance", Origin::ThirdParty, false),
        ("DBInstance", Origin::Unknown, false),
        ("", Origin::Unknown, false),
    ] {
        assert_eq!(origin(name), expected, "{name}");
        assert_eq!(resource_type(name).is_some(), has_schema, "{name}");
    }
}

#[test]
fn suggests_the_type_that_was_meant() {
    for (written, meant) in [
        ("AWS::RDS::DBInstanse", Some("AWS::RDS::DBInstance")),
        ("aws::rds::dbinstance", Some("AWS::RDS::DBInstance")),
        ("AWS::EC2::SecurityGroups", Some("AWS::EC2::SecurityGroup")),
        (
            "AWS::ElasticLoadBalancing::LoadBalancer",
            Some("AWS::ElasticLoadBalancing::LoadBalancer"),
        ),
        ("AWS::Lamda::Function", Some("AWS::Lambda::Function")),
        ("Acme::Storage::Shelf", None),
    ] {
        assert_eq!(suggest(written), meant, "{written}");
    }
}

#[test]
fn knows_where_a_type_is_offered() {
    for (name, region, expected) in [
        ("AWS::RDS::DBInstance", "ap-northeast-1", Some(true)),
        ("AWS::RDS::DBInstance", "ap-northeast-3", Some(true)),
        ("AWS::CloudFormation::Stack", "us-east-1", Some(true)),
        ("Custom::DatabaseUser", "ap-northeast-1", Some(true)),
        ("AWS::Serverless::Function", "ap-northeast-1", None),
        ("AWS::RDS::DBInstance", "ap-northeast-9", None),
        // AWS publishes no list for isolated partitions.
        ("AWS::RDS::DBInstance", "us-iso-east-1", None),
        ("AWS::RDS::DBInstanse", "ap-northeast-1", None),
    ] {
        assert_eq!(available(name, region), expected, "{name} in {region}");
    }
    let somewhere_else = kumiki_schema::type_names()
        .filter(|name| available(name, "ap-northeast-3") == Some(false))
        .count();
    assert!(somewhere_else > 500, "Osaka lacks {somewhere_else} types");
}

#[test]
fn says_which_schemas_it_has() {
    assert_eq!(kumiki_schema::SCHEMA_VERSION, "2026-10-21T20:21:17Z");
    assert!(kumiki_schema::SCHEMA_SOURCE.starts_with("https://github.com/aws-cloudformation/"));
    assert!(kumiki_schema::regions().contains(&"ap-northeast-1"));
}
