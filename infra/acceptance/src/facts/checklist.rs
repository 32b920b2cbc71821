//! What the report's checklist asks for and no fact of parts 7 to 15 says, under the identifiers of
//! the checklist.

use super::rights::{actions, grants, rights};
use super::{
    Fact, Fault,
    Level::{R, S},
};
use crate::resource::text;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// What an environment's name decides inside the leaves: file, and condition or mapping value. The
/// specification gives these figures by environment (8.2.2, 8.2.5, 8.3.4, 8.7, 8.9.1, C-28).
const BY_NAME: &[(&str, &str)] = &[
    ("compute/alb", "PublicDesyncMode"),
    ("database/backup-plan", "IsProduction"),
    ("database/rds-parameter-group", "MaintenanceWorkMemKb"),
    ("database/rds-parameter-group", "MaxConnections"),
    ("database/rds-parameter-group", "WorkMemKb"),
    ("logging/log-buckets", "ArchiveLockDays"),
    ("monitoring/budget", "DatabaseDailyUsd"),
    ("monitoring/cloudwatch-alarms-ecs", "IsProduction"),
    ("monitoring/cloudwatch-alarms-rds", "ConnectionsThreshold"),
    ("monitoring/cloudwatch-alarms-rds", "MaxConnections"),
    ("network/security-groups", "DevAccess"),
    ("network/security-groups", "IsNotDev"),
];

/// What outlives releases, and what a release or an engine replaces.
const KEPT: &[&str] = &[
    "AWS::Backup::BackupVault",
    "AWS::Cognito::UserPool",
    "AWS::ECR::Repository",
    "AWS::KMS::Key",
    "AWS::RDS::DBInstance",
    "AWS::S3::Bucket",
    "AWS::SecretsManager::Secret",
];
const REPLACED: &[&str] = &[
    "AWS::CertificateManager::Certificate",
    "AWS::Cognito::UserPoolClient",
    "AWS::ECS::Service",
    "AWS::ECS::TaskDefinition",
    "AWS::RDS::DBParameterGroup",
    "AWS::RDS::OptionGroup",
];

/// What the system gets more of as it grows, and the one file that grows with it.
const GROWING: &[(&str, &str)] = &[
    ("AWS::CloudFront::Distribution", "frontend/cloudfront-distributions"),
    ("AWS::Cognito::UserPool", "auth/cognito-user-pool"),
    ("AWS::EC2::Route", "network/route-tables"),
    ("AWS::EC2::SecurityGroup", "network/security-groups"),
    ("AWS::EC2::SecurityGroupIngress", "network/security-groups"),
    ("AWS::EC2::Subnet", "network/subnets"),
    ("AWS::EC2::VPCEndpoint", "network/vpc-endpoints"),
    ("AWS::ECR::Repository", "compute/ecr-repositories"),
    ("AWS::ElasticLoadBalancingV2::Listener", "compute/alb-target-groups"),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", "compute/alb-target-groups"),
    ("AWS::Route53::RecordSet", "network/dns-records"),
    ("AWS::WAFv2::WebACL", "security/waf-web-acl"),
];

/// The facts of the checklist.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "S-NET-08",
        level: R,
        says: "the private tier reaches the Internet through the Transit Gateway",
        check: |world| {
            world.views(|it| {
                let gateway = it.parameter("TransitGatewayId");
                for (route, destination) in [
                    ("PrivateDefaultRoute", "0.0.0.0/0"),
                    ("PrivateOnPremRoute", it.parameter("OnPremCidr")),
                    ("PrivateClientVpnRoute", it.parameter("ClientVpnCidr")),
                ] {
                    let route = format!("RouteTablesStack/{route}");
                    it.expect(&route, "DestinationCidrBlock", destination);
                    it.expect(&route, "TransitGatewayId", gateway);
                    it.expect(&route, "RouteTableId", "<RouteTablesStack/PrivateRouteTable>");
                }
            })
        },
        fault: Fault {
            file: "parameters/stg.json",
            from: "\"TransitGatewayEnabled\", \"ParameterValue\": \"true\"",
            to: "\"TransitGatewayEnabled\", \"ParameterValue\": \"false\"",
        },
    },
    Fact {
        id: "S-NET-19",
        level: R,
        says: "the ID of every endpoint is exported",
        check: |world| {
            world.views(|it| {
                let endpoints = it.all("AWS::EC2::VPCEndpoint");
                it.require(endpoints.len() >= 5, "endpoints are missing");
                for endpoint in endpoints {
                    let name = format!("{}Id", endpoint.logical_id());
                    it.equal(&name, it.exported(&name), endpoint.id());
                }
            })
        },
        fault: Fault {
            file: "nested/network/vpc-endpoints.yaml",
            from: "    Export:\n      Name: !Sub \"${ProjectName}-${Environment}-LogsEndpointId\"\n",
            to: "",
        },
    },
    Fact {
        id: "S-CMP-02",
        level: R,
        says: "the cluster runs on Fargate, by default and with one task at least",
        check: |world| {
            world.views(|it| {
                let cluster = it.resource("EcsClusterStack/ECSCluster");
                let providers = cluster.texts("CapacityProviders");
                it.equal("the providers", providers, ["FARGATE", "FARGATE_SPOT"]);
                it.equal(
                    "the strategy",
                    cluster.at("DefaultCapacityProviderStrategy"),
                    json!([{ "CapacityProvider": "FARGATE", "Base": 1, "Weight": 1 }]),
                );
            })
        },
        fault: Fault {
            file: "nested/compute/ecs-cluster.yaml",
            from: "        - CapacityProvider: FARGATE\n",
            to: "        - CapacityProvider: FARGATE_SPOT\n",
        },
    },
    Fact {
        id: "S-CMP-07",
        level: R,
        says: "both execution roles have AWS's managed policy, and the services' reads its five secrets",
        check: |world| {
            world.views(|it| {
                let managed =
                    "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy";
                for role in ["ECSTaskExecutionRole", "MigrationTaskExecutionRole"] {
                    let role = it.resource(&format!("EcsExecutionRoleStack/{role}"));
                    let found = role.texts("ManagedPolicyArns").iter().any(|it| it == managed);
                    it.require(found, format!("{} lacks {managed}", role.name));
                }
                let secrets = ["StaffApiDb", "VendorApiDb", "BatchDb", "App", "ExternalApi"];
                let read = secrets.map(|secret| {
                    format!("secretsmanager:GetSecretValue on <SecretsManagerStack/{secret}Secret>")
                });
                let decrypt = "kms:Decrypt on <KmsKeysStack/SecretsKey.Arn>".to_owned();
                it.equal(
                    "what the role of the services may do",
                    grants(it, "EcsExecutionRoleStack/ECSTaskExecutionRole"),
                    read.into_iter().chain([decrypt]).collect::<BTreeSet<_>>(),
                );
            })
        },
        fault: Fault {
            file: "nested/compute/ecs-execution-role.yaml",
            from: "            Action: kms:Decrypt\n",
            to: "            Action: kms:Encrypt\n",
        },
    },
    Fact {
        id: "S-CMP-31",
        level: R,
        says: "the task definitions of the three programs are exported, under names of their own",
        check: |world| {
            world.views(|it| {
                for program in ["StaffApi", "VendorApi", "Batch"] {
                    let name = format!("{program}TaskDefinitionArn");
                    let expected = format!("<{program}TaskDefinitionStack/TaskDefinition>");
                    it.equal(&name, it.exported(&name), &*expected);
                    let stack = format!("{program}TaskDefinitionStack");
                    it.equal(&stack, it.output(&stack, "TaskDefinitionArn"), &*expected);
                }
            })
        },
        fault: Fault {
            file: "nested/compute/batch-task-definition.yaml",
            from: "-BatchTaskDefinitionArn\"",
            to: "-TaskDefinitionArn\"",
        },
    },
    Fact {
        id: "S-CMP-39",
        level: R,
        says: "both services follow their CPU at 70 %, fast outwards and slowly inwards",
        check: |world| {
            world.steady_views(|it| {
                for api in ["StaffApi", "VendorApi"] {
                    let policy = it.resource(&format!("{api}ServiceStack/ScalingPolicy"));
                    let target = format!("<{api}ServiceStack/ScalableTarget>");
                    it.expect(&policy.name, "ScalingTargetId", &target);
                    it.expect(&policy.name, "PolicyType", "TargetTrackingScaling");
                    let tracking = "TargetTrackingScalingPolicyConfiguration";
                    for (property, expected) in [
                        (
                            "PredefinedMetricSpecification.PredefinedMetricType",
                            "ECSServiceAverageCPUUtilization",
                        ),
                        ("TargetValue", "70"),
                        ("ScaleOutCooldown", "60"),
                        ("ScaleInCooldown", "300"),
                    ] {
                        it.expect(&policy.name, &format!("{tracking}.{property}"), expected);
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/compute/vendor-api-service.yaml",
            from: "ECSServiceAverageCPUUtilization",
            to: "ECSServiceAverageMemoryUtilization",
        },
    },
    Fact {
        id: "S-MON-13",
        level: R,
        says: "the topic of alerts has the name of the report, and a key",
        check: |world| {
            world.views(|it| {
                let topic = "SnsTopicsStack/AlertTopic";
                it.expect(topic, "TopicName", &format!("facility-{}-alerts", it.environment));
                it.expect(topic, "KmsMasterKeyId", "<KmsKeysStack/MessagingKey.Arn>");
            })
        },
        fault: Fault {
            file: "nested/monitoring/sns-topics.yaml",
            from: "TopicName: !Sub \"${ProjectName}-${Environment}-alerts\"",
            to: "TopicName: !Sub \"${ProjectName}-${Environment}-alarms\"",
        },
    },
    Fact {
        id: "S-MON-14",
        level: R,
        says: "both topics reach the e-mail address, and in prod Slack and Teams behind a read-only \
               guardrail",
        check: |world| {
            world.views(|it| {
                let topics = ["AlertTopic", "BatchNotificationTopic"]
                    .map(|topic| format!("<SnsTopicsStack/{topic}>"));
                let mails = it.all_in("SnsTopicsStack", "AWS::SNS::Subscription");
                let mailed: Vec<_> = mails.iter().map(|it| it.text("TopicArn")).collect();
                it.equal("the topics by e-mail", mailed, topics.clone());
                for mail in mails {
                    it.expect(&mail.name, "Protocol", "email");
                    it.expect(&mail.name, "Endpoint", it.parameter("AlertEmail"));
                }
                let channels = it.by(&[][..], &[], &["SlackChannel", "TeamsChannel"]);
                for channel in channels {
                    let channel = it.resource(&format!("SnsTopicsStack/{channel}"));
                    it.require(channel.exists(), format!("{} is missing", channel.name));
                    let told = channel.texts("SnsTopicArns");
                    it.equal(format!("the topics of {}", channel.name), told, topics.clone());
                    let guard = channel.texts("GuardrailPolicies");
                    let expected = ["<SnsTopicsStack/ChatReadOnlyPolicy>"];
                    it.equal(format!("the guardrail of {}", channel.name), guard, expected);
                }
                for statement in rights(it, "SnsTopicsStack/ChatRole") {
                    for action in actions(&statement) {
                        let verb = action.strip_prefix("cloudwatch:").unwrap_or_default();
                        let reads =
                            ["Describe", "Get", "List"].iter().any(|it| verb.starts_with(it));
                        it.require(reads, format!("chat may {action}"));
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/monitoring/sns-topics.yaml",
            from: "      GuardrailPolicies:\n        - !Ref ChatReadOnlyPolicy\n",
            to: "",
        },
    },
    Fact {
        id: "S-BAT-03",
        level: R,
        says: "every schedule starts one Fargate task of the batch in the private subnets",
        check: |world| {
            world.steady_views(|it| {
                let rules = it.all_in("EventBridgeRulesStack", "AWS::Events::Rule");
                it.require(!rules.is_empty(), "there are no schedules");
                for rule in rules {
                    let network =
                        "Targets.0.EcsParameters.NetworkConfiguration.AwsVpcConfiguration";
                    for (property, expected) in [
                        ("Targets.0.Arn", "<EcsClusterStack/ECSCluster.Arn>"),
                        ("Targets.0.RoleArn", "<EventBridgeRulesStack/BatchEventsRole.Arn>"),
                        (
                            "Targets.0.EcsParameters.TaskDefinitionArn",
                            "<BatchTaskDefinitionStack/TaskDefinition>",
                        ),
                        ("Targets.0.EcsParameters.TaskCount", "1"),
                        ("Targets.0.EcsParameters.LaunchType", "FARGATE"),
                        ("Targets.0.RetryPolicy.MaximumRetryAttempts", "2"),
                        ("Targets.0.RetryPolicy.MaximumEventAgeInSeconds", "3600"),
                        ("Targets.0.DeadLetterConfig.Arn", "<EventBridgeRulesStack/BatchDlq.Arn>"),
                    ] {
                        it.expect(&rule.name, property, expected);
                    }
                    it.expect(&rule.name, &format!("{network}.AssignPublicIp"), "DISABLED");
                    it.equal(
                        format!("the subnets of {}", rule.name),
                        rule.texts(&format!("{network}.Subnets")),
                        [1, 2].map(|index| format!("<SubnetsStack/PrivateSubnet{index}>")),
                    );
                }
            })
        },
        fault: Fault {
            file: "nested/batch/eventbridge-rules.yaml",
            from: "            LaunchType: FARGATE\n",
            to: "            LaunchType: EC2\n",
        },
    },
    Fact {
        id: "S-ROOT-11",
        level: R,
        says: "CI changes stacks by change sets only: one role makes them, another executes them",
        check: |world| {
            world.root_views("bootstrap", |it| {
                if it.environment == "dev" {
                    return;
                }
                for (role, owned, lacked) in [
                    ("PlanRole", "CreateChangeSet", "ExecuteChangeSet"),
                    ("ApplyRole", "ExecuteChangeSet", "CreateChangeSet"),
                ] {
                    let allowed: BTreeSet<String> = rights(it, role)
                        .iter()
                        .filter(|it| it["Effect"] == "Allow")
                        .flat_map(actions)
                        .filter_map(|it| Some(it.strip_prefix("cloudformation:")?.to_owned()))
                        .collect();
                    it.require(allowed.contains(owned), format!("{role} lacks {owned}"));
                    for action in [lacked, "CreateStack", "UpdateStack", "*"] {
                        let found = allowed.contains(action);
                        it.require(!found, format!("{role} may {action}"));
                    }
                }
            })
        },
        fault: Fault {
            file: "bootstrap/stack.yaml",
            from: "              [cloudformation:CancelUpdateStack, \
                   cloudformation:ContinueUpdateRollback,\n               \
                   cloudformation:DeleteChangeSet,",
            to: "              [cloudformation:UpdateStack, cloudformation:ContinueUpdateRollback,\n               \
                 cloudformation:DeleteChangeSet,",
        },
    },
    Fact {
        id: "S-PAR-25",
        level: S,
        says: "beside the parameter files, an environment's name decides only the figures that the \
               specification gives by environment",
        check: |world| {
            world.texts(|it| {
                let mut found = BTreeSet::new();
                for (path, template) in world.leaves() {
                    let file = path.trim_start_matches("nested/").trim_end_matches(".yaml");
                    for (name, condition) in template.conditions.iter() {
                        if world.snippet(condition.span).contains("!Ref Environment") {
                            found.insert((file, &*name.text));
                        }
                    }
                    let mapping = template.mappings.get("ByEnvironment");
                    for (name, _) in mapping.iter().flat_map(|it| &it.entries).flat_map(|it| &it.1)
                    {
                        found.insert((file, &*name.text));
                    }
                    for parameter in template.parameters.iter() {
                        let default = parameter.default.as_ref().map_or("", |it| &*it.text);
                        let named = ["dev", "stg", "prod"].contains(&default);
                        it.require(
                            !named,
                            format!("{path}: {} is of one environment", parameter.name.text),
                        );
                    }
                }
                it.equal("what the name decides", found, BY_NAME.iter().copied().collect());
            })
        },
        fault: Fault {
            file: "nested/compute/ecs-cluster.yaml",
            from: "\nResources:\n",
            to: "\nConditions:\n  IsProduction: !Equals [!Ref Environment, prod]\n\nResources:\n",
        },
    },
    Fact {
        id: "S-STD-02",
        level: R,
        says: "every file lies in the folder of its layer, and its resources say so in their tags",
        check: |world| {
            world.views(|it| {
                for resource in it.resources() {
                    let Some(layer) = resource.tag("Layer") else { continue };
                    let stack = it.resource(resource.stack());
                    let url = stack.text("TemplateURL");
                    let folder = url.split('/').nth(1).unwrap_or_default();
                    it.require(
                        layer == folder,
                        format!("{} lies in {folder} and says {layer}", resource.name),
                    );
                }
            })
        },
        fault: Fault {
            file: "nested/compute/ecr-repositories.yaml",
            from: "{ Key: Layer, Value: compute }",
            to: "{ Key: Layer, Value: storage }",
        },
    },
    Fact {
        id: "S-STD-03",
        level: S,
        says: "no file holds both what outlives releases and what a release or an engine replaces",
        check: |world| {
            world.texts(|it| {
                for (path, template) in world.leaves() {
                    let holds = |types: &[&str]| {
                        let mut resources = template.resources.iter();
                        resources
                            .find(|it| types.contains(&&*it.type_name.text))
                            .map(|it| it.name.text.to_string())
                    };
                    if let (Some(kept), Some(replaced)) = (holds(KEPT), holds(REPLACED)) {
                        it.say(format!("{path} holds {kept} and {replaced}"));
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/frontend/s3-buckets.yaml",
            from: "\nResources:\n",
            to: "\nResources:\n  Task:\n    Type: AWS::ECS::TaskDefinition\n\n",
        },
    },
    Fact {
        id: "S-STD-04",
        level: S,
        says: "what the system gets more of has one file that grows; alarms have one for each thing \
               that they watch",
        check: |world| {
            let mut problems = world.texts(|it| {
                for (path, template) in world.leaves() {
                    let file = path.trim_start_matches("nested/").trim_end_matches(".yaml");
                    for resource in template.resources.iter() {
                        let type_name = &*resource.type_name.text;
                        let home = GROWING.iter().find(|(name, _)| *name == type_name);
                        if let Some((_, home)) = home.filter(|(_, home)| *home != file) {
                            let name = &resource.name.text;
                            it.say(format!("{path} has {name}, which belongs into {home}"));
                        }
                    }
                }
            });
            problems.extend(world.views(|it| {
                let mut watched: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
                for alarm in it.all("AWS::CloudWatch::Alarm") {
                    let mut namespaces = vec![alarm.at("Namespace")];
                    for metric in alarm.list("Metrics") {
                        namespaces.push(metric["MetricStat"]["Metric"]["Namespace"].clone());
                    }
                    let named = namespaces.iter().filter(|it| it.is_string()).map(text);
                    watched.entry(alarm.stack()).or_default().extend(named);
                }
                for (stack, expected) in [
                    ("Alb", &["AWS/ApplicationELB", "AWS/CertificateManager"][..]),
                    ("Ecs", &["AWS/ECS", "ECS/ContainerInsights"]),
                    ("Rds", &["AWS/RDS"]),
                    ("Batch", &["AWS/Events", "AWS/SQS"]),
                ] {
                    let stack = format!("CloudWatchAlarms{stack}Stack");
                    let found: Vec<_> = watched.get(&*stack).into_iter().flatten().collect();
                    it.require(
                        found.iter().all(|it| expected.contains(&&***it)),
                        format!("{stack} watches {found:?}"),
                    );
                }
            }));
            problems
        },
        fault: Fault {
            file: "nested/monitoring/cloudwatch-alarms-rds.yaml",
            from: "      Namespace: AWS/RDS\n",
            to: "      Namespace: AWS/ECS\n",
        },
    },
];
