//! 6 Conventions (layout, names, tags, parameters, policies, standard statements) and the facts
//! that hold for every leaf.

use super::{
    Fact, Fault,
    Level::{R, S},
    wiring::{CLASS_S, call},
};
use crate::resource::{Resource, many};
use crate::view::View;
use crate::world::{ACCOUNT, World};
use ipnet::Ipv4Net;
use kumiki_check::{Deployments, Subject, Usages, check_tree};
use kumiki_project::Policy;
use kumiki_schema::TagShape;
use kumiki_template::{Call, Expr, ExprKind, SubPart};
use serde_json::Value as Json;
use std::collections::BTreeSet;

const FOLDERS: &[&str] = &[
    "auth",
    "batch",
    "compute",
    "database",
    "frontend",
    "logging",
    "monitoring",
    "network",
    "security",
    "storage",
];

/// The roots: name, template, name of the stack, Region.
const ROOTS: &[(&str, &str, &str, &str)] = &[
    ("bootstrap", "bootstrap/stack.yaml", "facility-bootstrap", "ap-northeast-1"),
    ("dr", "dr/stack.yaml", "facility-{environment}-dr", "ap-northeast-3"),
    ("edge", "edge/stack.yaml", "facility-{environment}-edge", "us-east-1"),
    ("rotation", "rotation/stack.yaml", "facility-{environment}-rotation", "ap-northeast-1"),
    ("service", "stack.yaml", "facility-{environment}-service", "ap-northeast-1"),
];

/// A project name of the most characters, to measure names with.
const LONGEST: &[(&str, &str)] = &[("ProjectName", "facility0123")];

/// Names with the longest project in prod: resource, property, name, limit.
const NAMES: &[(&str, &str, &str, usize)] = &[
    ("AlbStack/InternalAlb", "Name", "facility0123-prod-alb-internal", 32),
    ("AlbStack/PublicAlb", "Name", "facility0123-prod-alb-public", 32),
    ("AlbTargetGroupsStack/VendorApiTargetGroup", "Name", "facility0123-prod-vendor-api-tg", 32),
    ("EcsClusterStack/ECSCluster", "ClusterName", "facility0123-prod-cluster", 255),
    ("StaffApiServiceStack/Service", "ServiceName", "facility0123-prod-staff-api", 255),
    (
        "S3BucketsStack/VendorSpaBucket",
        "BucketName",
        "facility0123-prod-vendor-spa-123456789012",
        63,
    ),
    ("LogGroupsStack/WafLogGroup", "LogGroupName", "aws-waf-logs-facility0123-prod", 512),
    ("RdsStack/DBInstance", "DBInstanceIdentifier", "facility0123-prod-db", 63),
    (
        "EcsExecutionRoleStack/ECSTaskExecutionRole",
        "RoleName",
        "facility0123-prod-ecs-task-execution-role",
        64,
    ),
    ("SecretsManagerStack/StaffApiDbSecret", "Name", "facility0123/prod/db/staff-api", 512),
    ("EcsClusterStack/StaffApiLogGroup", "LogGroupName", "/ecs/facility0123-prod/staff-api", 512),
    ("SnsTopicsStack/AlertTopic", "TopicName", "facility0123-prod-alerts", 256),
    (
        "SnsTopicsStack/BatchNotificationTopic",
        "TopicName",
        "facility0123-prod-batch-notifications",
        256,
    ),
];

/// What is unnamed, because a name would stand in the way of its replacement.
const UNNAMED: &[(&str, &str)] = &[
    ("AWS::RDS::DBParameterGroup", "DBParameterGroupName"),
    ("AWS::RDS::OptionGroup", "OptionGroupName"),
    ("AWS::Cognito::UserPoolClient", "ClientName"),
    ("AWS::EC2::SecurityGroup", "GroupName"),
];

/// What keeps its place when a stack goes away: data, and the keys that open it.
const RETAINED: &[&str] = &[
    "AWS::KMS::Key",
    "AWS::KMS::Alias",
    "AWS::Cognito::UserPool",
    "AWS::S3::Bucket",
    "AWS::ECR::Repository",
    "AWS::Backup::BackupVault",
    "AWS::Logs::LogGroup",
];

/// What loses nothing by going away, and says so.
const DELETED: &[&str] = &[
    "AWS::EC2::VPC",
    "AWS::EC2::Subnet",
    "AWS::EC2::SecurityGroup",
    "AWS::ElasticLoadBalancingV2::TargetGroup",
    "AWS::SNS::Topic",
    "AWS::SQS::Queue",
    "AWS::CloudFormation::Stack",
];

/// Roles whose service sends neither account nor ARN when it assumes them.
const UNCONDITIONED_TRUST: &[&str] = &["CloudTrailStack/TrailLogsRole"];

/// The facts of the conventions.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "6.1",
        level: S,
        says: "templates lie in the folder of their layer or root, beside parameters and policies",
        check: |world| {
            world.texts(|it| {
                let files: BTreeSet<&str> = world.texts.0.keys().map(String::as_str).collect();
                let nested: Vec<_> = files.iter().filter(|it| it.starts_with("nested/")).collect();
                it.equal("the number of leaves", nested.len(), 50);
                for leaf in nested {
                    let parts: Vec<_> = leaf.split('/').collect();
                    let placed = matches!(&parts[..], [_, folder, name]
                        if FOLDERS.contains(folder) && name.ends_with(".yaml"));
                    it.require(placed, format!("{leaf} is in no folder of a layer"));
                }
                let mut wanted = vec!["policies/stack-policy.json".to_owned()];
                for (root, template, ..) in ROOTS {
                    wanted.push((*template).to_owned());
                    wanted.extend(["dev", "stg", "prod"].map(|it| match *root {
                        "service" => format!("parameters/{it}.json"),
                        root => format!("parameters/roots/{root}.{it}.json"),
                    }));
                }
                for file in wanted {
                    it.require(files.contains(&*file), format!("{file} is missing"));
                }
            })
        },
        fault: Fault { file: "nested/rds.yaml", from: "", to: "Resources: {}\n" },
    },
    Fact {
        id: "6.1-ROOTS",
        level: R,
        says: "the stacks of the roots are <project>-<environment>-<root>, each in its Region",
        check: |world| {
            let mut problems = Vec::new();
            for (root, _, name, region) in ROOTS {
                problems.extend(world.root_views(root, |it| {
                    let name = name.replace("{environment}", it.environment);
                    it.equal(format!("the stack of {root}"), &it.inputs.stack_name, &name);
                    it.equal(format!("the Region of {root}"), &it.inputs.region, region);
                }));
            }
            problems
        },
        fault: Fault {
            file: "kumiki.toml",
            from: "region = \"us-east-1\"",
            to: "region = \"ap-northeast-1\"",
        },
    },
    Fact {
        id: "6.2",
        level: R,
        says: "names are <project>-<environment>-<thing>, and the longest project's names fit",
        check: |world| {
            world.with("prod", "steady-state", LONGEST, |it| {
                for (resource, property, name, limit) in NAMES {
                    it.expect(resource, property, name);
                    it.require(name.len() <= *limit, format!("{name} is longer than {limit}"));
                }
                for alarm in it.all("AWS::CloudWatch::Alarm") {
                    let name = alarm.text("AlarmName");
                    let rest = name.strip_prefix("facility0123-prod-").unwrap_or_default();
                    it.require(rest.contains('-'), format!("{name} is no <layer>-<subject>…"));
                    it.require(name.len() <= 255, format!("{name} is longer than 255"));
                }
            })
        },
        fault: Fault {
            file: "nested/compute/alb.yaml",
            from: "-alb-internal\"",
            to: "-alb-internal-staff\"",
        },
    },
    Fact {
        id: "6.2-UNNAMED",
        level: S,
        says: "what is replaced by its updates has no name of its own",
        check: |world| {
            world.texts(|it| {
                for (path, template) in world.leaves() {
                    for resource in &template.resources {
                        for (type_name, property) in UNNAMED {
                            let properties = resource.properties.as_ref();
                            let named = &*resource.type_name.text == *type_name
                                && properties.is_some_and(|it| it.get(property).is_some());
                            let id = &resource.name.text;
                            it.require(!named, format!("{path}: {id} has a {property}"));
                        }
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/database/rds-parameter-group.yaml",
            from: "      Description: \"PostgreSQL parameters",
            to: "      DBParameterGroupName: !Sub \"${ProjectName}-${Environment}-db\"\n      \
                 Description: \"PostgreSQL parameters",
        },
    },
    Fact {
        id: "V-11",
        level: R,
        says: "every computed name is within its limits for the longest project, in every environment",
        check: |world| {
            findings_of(world, &["name-of-wrong-length", "name-with-illegal-characters"])
        },
        fault: Fault {
            file: "nested/compute/alb-target-groups.yaml",
            from: "-vendor-api-tg\"",
            to: "-vendor-api-group\"",
        },
    },
    Fact {
        id: "V-12",
        level: R,
        says: "names of log groups, alarms, roles, buckets and exports are taken once",
        check: |world| findings_of(world, &["name-taken-twice"]),
        fault: Fault {
            file: "nested/monitoring/cloudwatch-logs-groups.yaml",
            from: "/ecs/${ProjectName}-${Environment}/exec",
            to: "/ecs/${ProjectName}-${Environment}/batch",
        },
    },
    Fact {
        id: "6.3",
        level: R,
        says: "every root gives its resources Project, Environment, ManagedBy, Owner and CostCenter; \
               services hand their tags to their tasks",
        check: |world| {
            let mut problems = Vec::new();
            for (root, ..) in ROOTS {
                problems.extend(world.root_views(root, |it| {
                    let expected = [
                        ("CostCenter", "CC-0001"),
                        ("Environment", it.environment),
                        ("ManagedBy", "CloudFormation"),
                        ("Owner", "facility-team"),
                        ("Project", "facility"),
                    ];
                    let tags: Vec<_> =
                        it.inputs.tags.iter().map(|(key, value)| (&**key, &**value)).collect();
                    it.equal(format!("the tags of {root}"), tags, expected);
                }));
            }
            problems.extend(world.views(|it| {
                for service in it.all("AWS::ECS::Service") {
                    it.expect(&service.name, "PropagateTags", "SERVICE");
                    it.expect(&service.name, "EnableECSManagedTags", "true");
                }
            }));
            problems
        },
        fault: Fault { file: "kumiki.toml", from: "ManagedBy = \"CloudFormation\"\n", to: "" },
    },
    Fact {
        id: "6.4",
        level: S,
        says: "every leaf takes ProjectName and Environment (dev, stg, prod) as the parent does",
        check: |world| {
            world.texts(|it| {
                for (path, template) in world.leaves() {
                    let allowed = template
                        .parameters
                        .get("Environment")
                        .map(|it| it.allowed_values.iter().map(|it| &*it.text).collect::<Vec<_>>());
                    it.equal(
                        format!("{path}: Environment"),
                        allowed,
                        Some(vec!["dev", "stg", "prod"]),
                    );
                    let project = template.parameters.get("ProjectName");
                    let pattern = project.and_then(|it| it.allowed_pattern.as_ref());
                    let pattern = pattern.map(|it| &*it.text);
                    let expected = "^[a-z][a-z0-9-]{1,10}[a-z0-9]$";
                    it.equal(format!("{path}: ProjectName"), pattern, Some(expected));
                    // A default here would be a figure that no parameter file shows.
                    for name in ["ProjectName", "Environment"] {
                        let default =
                            template.parameters.get(name).and_then(|it| it.default.as_ref());
                        it.require(default.is_none(), format!("{path}: {name} has a default"));
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/network/flow-logs.yaml",
            from: "AllowedValues: [dev, stg, prod]",
            to: "AllowedValues: [dev, stg, prod, test]",
        },
    },
    Fact {
        id: "V-10",
        level: S,
        says: "what holds state says what happens to it: data and keys stay, the database leaves a \
               snapshot, secrets outlive a replacement, the rest goes",
        check: |world| {
            let mut problems = world.texts(|it| {
                for (path, template) in world.templates() {
                    for resource in &template.resources {
                        let type_name = &*resource.type_name.text;
                        let stateful = kumiki_schema::resource_type(type_name)
                            .is_some_and(|it| it.stateful())
                            || RETAINED.contains(&type_name)
                            || DELETED.contains(&type_name);
                        let says = resource.deletion_policy.is_some()
                            && resource.update_replace_policy.is_some();
                        let id = &resource.name.text;
                        it.require(!stateful || says, format!("{path}: {id} does not say"));
                    }
                }
            });
            problems.extend(world.views(|it| {
                for resource in it.resources() {
                    let Some(expected) = policies(resource.type_name()) else { continue };
                    let found = resource
                        .node()
                        .map(|it| (it.deletion_policy.as_str(), it.update_replace_policy.as_str()));
                    let expected = (expected.0.as_str(), expected.1.as_str());
                    it.equal(&resource.name, found, Some(expected));
                }
            }));
            problems
        },
        fault: Fault {
            file: "nested/storage/reports-bucket.yaml",
            from: "DeletionPolicy: RetainExceptOnCreate",
            to: "DeletionPolicy: Delete",
        },
    },
    Fact {
        id: "6.7-BUCKETS",
        level: R,
        says: "every bucket refuses plain HTTP, TLS below 1.2 and principals of other accounts",
        check: |world| {
            world.views(|it| {
                let policies = it.all("AWS::S3::BucketPolicy");
                for bucket in it.all("AWS::S3::Bucket") {
                    let policy = policies.iter().find(|it| it.text("Bucket") == bucket.id());
                    let statements =
                        policy.map(|it| it.list("PolicyDocument.Statement")).unwrap_or_default();
                    // Balancers of Tokyo write as an account of AWS, and CloudFront as one that it
                    // does not tell: the one is named, the other may only write.
                    let (account, actions) = match &*bucket.name {
                        "LogBucketsStack/AlbLogBucket" => (&[ACCOUNT, "582318560864"][..], "s3:*"),
                        "LogBucketsStack/EdgeLogBucket" => (&[ACCOUNT][..], "s3:GetObject"),
                        _ => (&[ACCOUNT][..], "s3:*"),
                    };
                    for (operator, key, values, action) in [
                        ("Bool", "aws:SecureTransport", &["false"][..], "s3:*"),
                        ("NumericLessThan", "s3:TlsVersion", &["1.2"], "s3:*"),
                        ("StringNotEquals", "aws:PrincipalAccount", account, actions),
                    ] {
                        let refuses = statements.iter().any(|it| {
                            it["Effect"] == "Deny"
                                && it["Principal"] == "*"
                                && many(&it["Action"]).iter().any(|it| it == action)
                                && many(&it["Condition"][operator][key]) == values
                                && many(&it["Resource"])
                                    == [bucket.attribute("Arn"), bucket.attribute("Arn") + "/*"]
                        });
                        it.require(refuses, format!("{} does not refuse by {key}", bucket.name));
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/storage/reports-bucket.yaml",
            from: "s3:TlsVersion: \"1.2\"",
            to: "s3:TlsVersion: \"1.0\"",
        },
    },
    Fact {
        id: "6.7-TRUST",
        level: R,
        says: "a service assumes a role for this account only",
        check: |world| {
            world.views(|it| {
                for role in it.all("AWS::IAM::Role") {
                    for statement in role.list("AssumeRolePolicyDocument.Statement") {
                        let service = statement["Principal"]["Service"].is_string();
                        let excepted = UNCONDITIONED_TRUST.contains(&&*role.name);
                        if service && !excepted {
                            let account =
                                &statement["Condition"]["StringEquals"]["aws:SourceAccount"];
                            it.equal(
                                format!("who {} is for", role.name),
                                account,
                                &Json::from(ACCOUNT),
                            );
                        }
                        it.require(
                            statement["Principal"].is_object(),
                            format!("anybody assumes {}", role.name),
                        );
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/compute/ecs-execution-role.yaml",
            from: "                aws:SourceAccount: !Ref AWS::AccountId\n",
            to: "                aws:RequestedRegion: !Ref AWS::Region\n",
        },
    },
    Fact {
        id: "6.7-ROLES",
        level: R,
        says: "roles have the boundary where one is given, managed policies only, no wildcard action, \
               and all resources only under a condition",
        check: |world| {
            world.views(|it| {
                let boundary = it.parameter("PermissionsBoundaryArn");
                let boundary = if boundary.is_empty() { "nothing" } else { boundary };
                it.require(
                    it.environment == "dev" || boundary != "nothing",
                    "stg and prod have no boundary",
                );
                for role in it.all("AWS::IAM::Role") {
                    it.expect(&role.name, "PermissionsBoundary", boundary);
                    it.require(
                        !role.has("Policies"),
                        format!("{} has an inline policy", role.name),
                    );
                }
                it.equal("inline policies", it.names("AWS::IAM::Policy"), [""; 0]);
                it.equal("inline policies", it.names("AWS::IAM::RolePolicy"), [""; 0]);
                for policy in it.all("AWS::IAM::ManagedPolicy") {
                    check_permissions(it, &policy);
                }
            })
        },
        fault: Fault {
            file: "nested/compute/ecs-execution-role.yaml",
            from: "Action: secretsmanager:GetSecretValue",
            to: "Action: secretsmanager:Get*",
        },
    },
    Fact {
        id: "AF-ALL-1",
        level: S,
        says: "every leaf is one strict YAML document with its version line, a quoted description and \
               an interface that names its parameters",
        check: |world| {
            world.texts(|it| {
                for finding in &world.library.diagnostics {
                    it.say(world.shown(finding));
                }
                for (path, template) in world.leaves() {
                    let text = world.text(path);
                    let starts = text.starts_with("AWSTemplateFormatVersion: \"2010-09-09\"\n");
                    it.require(starts, format!("{path} does not begin with the version"));
                    let described = text.lines().any(|it| it.starts_with("Description: \""));
                    it.require(described, format!("{path} has no description in double quotes"));
                    let documents = text.lines().filter(|it| it.starts_with("---")).count();
                    it.require(documents == 0, format!("{path} has several documents"));
                    it.require(!text.contains('\t'), format!("{path} has a tab"));
                    let interface = template.metadata.as_ref();
                    let interface =
                        interface.and_then(|it| it.get("AWS::CloudFormation::Interface"));
                    let groups = interface.and_then(|it| it.get("ParameterGroups"));
                    let groups = groups.and_then(Expr::as_list).unwrap_or_default();
                    let named: BTreeSet<_> = groups
                        .iter()
                        .filter_map(|it| it.get("Parameters")?.as_list())
                        .flatten()
                        .filter_map(Expr::as_text)
                        .collect();
                    let declared: BTreeSet<_> = template.parameters.names().collect();
                    it.same(format!("{path}: the names in the interface"), named, declared);
                }
            })
        },
        fault: Fault {
            file: "nested/network/flow-logs.yaml",
            from: "        Parameters: [FlowLogTrafficType]\n",
            to: "        Parameters: []\n",
        },
    },
    Fact {
        id: "AF-ALL-2",
        level: S,
        says: "every output of class S is exported under its own name; others are never imported",
        check: |world| {
            world.views(|it| {
                let prefix = format!("facility-{}-", it.environment);
                for stack in it.tree.stacks.iter().filter(|it| !it.path.is_empty()) {
                    for output in &stack.outputs {
                        let (path, name) = (&stack.path, &output.name);
                        let export = output.export.as_ref().and_then(|it| it.as_text());
                        if CLASS_S.contains(&&**name) {
                            let expected = format!("{prefix}{name}");
                            it.equal(format!("{path} {name}"), export, Some(expected.as_str()));
                        } else if let Some(export) = export {
                            let imported = it.tree.imports.iter().any(|it| &*it.name == export);
                            it.require(!imported, format!("{name} of {path} is imported"));
                        }
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/compute/alb.yaml",
            from: "    Export:\n      Name: !Sub \"${ProjectName}-${Environment}-PublicAlbFullName\"\n",
            to: "",
        },
    },
    Fact {
        id: "AF-ALL-3",
        level: R,
        says: "every resource that takes tags has the ten mandatory ones: five of its own, five of its \
               root",
        check: |world| {
            world.views(|it| {
                for resource in it.resources() {
                    check_tags(it, &resource);
                }
                it.equal("the tags of the root", it.inputs.tags.len(), 5);
            })
        },
        fault: Fault {
            file: "nested/database/rds-postgresql.yaml",
            from: "        - { Key: DataClass, Value: confidential-3 }\n        \
                   - { Key: Backup, Value: daily-osaka }\n",
            to: "        - { Key: DataClass, Value: confidential-3 }\n",
        },
    },
    Fact {
        id: "AF-ALL-4",
        level: S,
        says: "no account number, Region, partition, address range or password stands in a leaf",
        check: |world| {
            world.texts(|it| {
                for (path, template) in world.leaves() {
                    let mut exprs: Vec<&Expr> = Vec::new();
                    for resource in &template.resources {
                        exprs.extend(&resource.properties);
                    }
                    exprs.extend(template.outputs.iter().map(|it| &it.value));
                    exprs.extend(template.conditions.iter().map(|(_, it)| it));
                    for expr in exprs {
                        literals(expr, &mut |text| {
                            for word in literal_words(text) {
                                it.say(format!("{path} has {word}"));
                            }
                        });
                        expr.walk(&mut |expr| {
                            for entry in expr.as_map().unwrap_or_default() {
                                let key = &entry.key.text;
                                let literal =
                                    key.ends_with("Password") && entry.value.as_text().is_some();
                                let flag = &**key == "ManageMasterUserPassword";
                                it.require(!literal || flag, format!("{path} has a {key}"));
                            }
                        });
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/database/backup-plan.yaml",
            from: "arn:${AWS::Partition}:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup",
            to: "arn:aws:iam::aws:policy/AWSBackupServiceRolePolicyForS3Backup",
        },
    },
    Fact {
        id: "14-POLICY",
        level: S,
        says: "the stack policy denies replacing and deleting what holds state, and allows the rest",
        check: |world| {
            world.texts(|it| {
                let policy = world.text("policies/stack-policy.json");
                let policy: Json = serde_json::from_str(policy).unwrap_or_default();
                let expected = [
                    "KmsKeysStack",
                    "VpcStack",
                    "RdsStack",
                    "CognitoUserPoolStack",
                    "ReportsBucketStack",
                    "LogBucketsStack",
                ];
                let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
                let deny =
                    statements.iter().find(|it| it["Effect"] == "Deny").unwrap_or(&Json::Null);
                let allow =
                    statements.iter().find(|it| it["Effect"] == "Allow").unwrap_or(&Json::Null);
                it.equal(
                    "what is denied",
                    many(&deny["Action"]),
                    ["Update:Replace", "Update:Delete"],
                );
                let resources = expected.map(|it| format!("LogicalResourceId/{it}"));
                it.equal("to what", many(&deny["Resource"]), resources);
                it.equal("what is allowed", many(&allow["Action"]), ["Update:*"]);
                for stack in expected {
                    let there = world.declaration("stack.yaml", stack).is_some();
                    it.require(there, format!("there is no {stack}"));
                }
            })
        },
        fault: Fault {
            file: "policies/stack-policy.json",
            from: "LogicalResourceId/RdsStack",
            to: "LogicalResourceId/DatabaseStack",
        },
    },
];

/// What our own rules of these names find for the longest project.
fn findings_of(world: &World, rules: &[&str]) -> Vec<String> {
    let mut problems = Vec::new();
    for environment in ["dev", "stg", "prod"] {
        let (inputs, tree) = world.plain_with(environment, "steady-state", LONGEST);
        let findings = check_tree(Subject {
            library: &world.library,
            tree: &tree,
            usages: &Usages::of(&world.library),
            inputs: &inputs,
            protected: true,
            elsewhere: &BTreeSet::new(),
            deployments: &Deployments::default(),
            today: None,
        });
        let wanted = findings.iter().filter(|it| rules.contains(&&*it.rule));
        problems.extend(wanted.map(|it| format!("{environment}: {}", world.shown(it))));
    }
    problems
}

/// What table 6.5 says of a type, DeletionPolicy and UpdateReplacePolicy.
///
/// A resource that stays is removed all the same when its own creation fails: a repetition would
/// collide with it.
fn policies(type_name: &str) -> Option<(Policy, Policy)> {
    Some(match type_name {
        "AWS::RDS::DBInstance" => (Policy::Snapshot, Policy::Snapshot),
        "AWS::SecretsManager::Secret" => (Policy::Delete, Policy::Retain),
        it if RETAINED.contains(&it) => (Policy::RetainExceptOnCreate, Policy::Retain),
        it if DELETED.contains(&it) => (Policy::Delete, Policy::Delete),
        _ => return None,
    })
}

fn check_permissions(it: &View<'_>, policy: &Resource<'_>) {
    for statement in policy.list("PolicyDocument.Statement") {
        for action in many(&statement["Action"]) {
            it.require(!action.contains('*'), format!("{} allows {action}", policy.name));
        }
        let all = many(&statement["Resource"]).iter().any(|it| it == "*");
        let conditional = statement["Condition"].is_object();
        it.require(!all || conditional, format!("{} reaches everything: {statement}", policy.name));
        it.require(statement["NotAction"].is_null(), format!("{} has a NotAction", policy.name));
    }
}

/// The five tags of a resource itself: what it is called, what for, whose it is.
fn check_tags(it: &View<'_>, resource: &Resource<'_>) {
    // Nested stacks hand on what the root gives; they are no resources to pay or to protect.
    let tagging = kumiki_schema::resource_type(resource.type_name()).and_then(|it| it.tagging());
    let Some(tagging) = tagging.filter(|_| resource.type_name() != "AWS::CloudFormation::Stack")
    else {
        return;
    };
    let tags = resource.at(tagging.path.as_str());
    let tag = |key: &str| match tagging.shape {
        TagShape::Map => tags[key].as_str().map(str::to_owned),
        TagShape::List => {
            let tags = tags.as_array()?;
            tags.iter().find(|it| it["Key"] == key)?["Value"].as_str().map(str::to_owned)
        }
    };
    let name = &resource.name;
    for key in ["Name", "Purpose"] {
        it.require(tag(key).is_some_and(|it| !it.is_empty()), format!("{name} has no tag {key}"));
    }
    let templates = it.world.templates();
    let template = it.stack(resource.stack()).map(|it| it.template);
    let file = template.map(|id| it.world.library.template(id).file);
    let path = templates.iter().find(|(_, it)| Some(it.file) == file).map(|(path, _)| *path);
    let layer = path.and_then(|it| it.split('/').nth(1)).unwrap_or_default();
    it.equal(format!("the layer of {name}"), tag("Layer").as_deref(), Some(layer));
    for (key, values) in [
        ("DataClass", &["confidential-3", "internal", "public"][..]),
        ("Backup", &["daily-osaka", "none"]),
    ] {
        let found = tag(key).unwrap_or_default();
        it.require(values.contains(&&*found), format!("{key} of {name} is {found:?}"));
    }
}

/// Calls `visit` with every text that is written in an expression.
fn literals<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e str)) {
    expr.walk(&mut |it| match (&it.kind, call(it)) {
        (ExprKind::String(text), _) => visit(text),
        (_, Some(Call::Sub { parts, .. })) => {
            for part in parts {
                if let SubPart::Text(text) = part {
                    visit(text);
                }
            }
        }
        _ => {}
    });
}

/// The words of a text that belong in no leaf.
fn literal_words(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    if text.contains("arn:aws") {
        found.push("arn:aws".to_owned());
    }
    let word = |it: char| !it.is_ascii_alphanumeric() && it != '-';
    for word in text.split(word) {
        let account = word.len() == 12 && word.bytes().all(|it| it.is_ascii_digit());
        if account || kumiki_schema::regions().contains(&word) {
            found.push(word.to_owned());
        }
    }
    let range = |it: char| !it.is_ascii_digit() && it != '.' && it != '/';
    for word in text.split(range).filter(|it| it.contains('/')) {
        // Everybody, and nobody: what the specification fixes for groups and routes.
        let fixed = ["0.0.0.0/0", "127.0.0.1/32"].contains(&word);
        if !fixed && word.parse::<Ipv4Net>().is_ok() {
            found.push(word.to_owned());
        }
    }
    found
}
