//! 8.3 Compute.

use super::rights::{actions, concerns, grants, resources, rights};
use super::{
    Fact, Fault,
    Level::{R, S},
};
use crate::resource::{Resource, many, text};
use crate::view::View;
use kumiki_project::Policy;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

const CLUSTER: &str = "nested/compute/ecs-cluster.yaml";
const EXECUTION_ROLES: &str = "nested/compute/ecs-execution-role.yaml";
const TASK_ROLES: &str = "nested/compute/ecs-task-role.yaml";
const BALANCERS: &str = "nested/compute/alb.yaml";
const TARGETS: &str = "nested/compute/alb-target-groups.yaml";
const STAFF_TASK: &str = "nested/compute/staff-api-task-definition.yaml";
const STAFF_SERVICE: &str = "nested/compute/staff-api-service.yaml";
const REPOSITORIES: &str = "nested/compute/ecr-repositories.yaml";
const EVENTS: &str = "nested/compute/ecs-deployment-events.yaml";

/// The two APIs: words of logical IDs, word of names, balancer.
const APIS: [(&str, &str, &str); 2] =
    [("StaffApi", "staff-api", "Internal"), ("VendorApi", "vendor-api", "Public")];

/// The memory that Fargate gives with so many CPU units, in MiB: least, most, step. With 256 units
/// the steps are doublings.
///
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html>
const FARGATE: &[(i64, i64, i64, i64)] = &[
    (256, 512, 2048, 512),
    (512, 1024, 4096, 1024),
    (1024, 2048, 8192, 1024),
    (2048, 4096, 16384, 1024),
    (4096, 8192, 30720, 1024),
];

/// Programs that a container without a shell does not have (T-32).
const SHELL_TOOLS: &[&str] = &["bash", "curl", "nc", "sh", "wget", "python", "node"];

/// The facts of the compute layer.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "CLU-1",
        level: R,
        says: "the cluster has Container Insights",
        check: |world| {
            world.views(|it| {
                it.equal(
                    "the settings of the cluster",
                    it.resource("EcsClusterStack/ECSCluster").at("ClusterSettings"),
                    json!([{ "Name": "containerInsights", "Value": "enabled" }]),
                );
            })
        },
        fault: Fault { file: CLUSTER, from: "Value: enabled", to: "Value: disabled" },
    },
    Fact {
        id: "CLU-2",
        level: R,
        says: "the log groups of the four programs are encrypted and expire after 30 or 90 days",
        check: |world| {
            world.views(|it| {
                let groups = it.all_in("EcsClusterStack", "AWS::Logs::LogGroup");
                let prefix = format!("/ecs/facility-{}/", it.environment);
                let names: BTreeSet<_> = groups.iter().map(|it| it.text("LogGroupName")).collect();
                let expected = ["batch", "db-migration", "staff-api", "vendor-api"];
                let expected: BTreeSet<_> =
                    expected.iter().map(|it| format!("{prefix}{it}")).collect();
                it.equal("the log groups", names, expected);
                for group in groups {
                    it.expect(&group.name, "KmsKeyId", "<KmsKeysStack/LogsKey.Arn>");
                    it.expect(&group.name, "RetentionInDays", it.by("30", "90", "90"));
                }
            })
        },
        fault: Fault {
            file: CLUSTER,
            from: "      RetentionInDays: !Ref LogRetentionDays\n",
            to: "",
        },
    },
    Fact {
        id: "CLU-3",
        level: R,
        says: "no template but the cluster's makes the log group of a program",
        check: |world| {
            world.views(|it| {
                let (own, others): (Vec<_>, Vec<_>) = it
                    .all("AWS::Logs::LogGroup")
                    .into_iter()
                    .partition(|it| it.stack() == "EcsClusterStack");
                it.require(!own.is_empty(), "the cluster has no log groups");
                for group in own {
                    let name = group.text("LogGroupName");
                    for other in others.iter().filter(|it| it.text("LogGroupName") == name) {
                        it.say(format!("{} and {} both make {name}", group.name, other.name));
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/monitoring/cloudwatch-logs-groups.yaml",
            from: "${Environment}/exec\"",
            to: "${Environment}/batch\"",
        },
    },
    Fact {
        id: "EXR-1",
        level: R,
        says: "execution roles read named secrets, and decrypt with a named key through Secrets \
               Manager only",
        check: |world| {
            world.views(|it| {
                for role in execution_roles() {
                    let rights = rights(it, &role);
                    for service in ["secretsmanager", "kms"] {
                        let found = rights.iter().any(|it| concerns(it, service));
                        it.require(found, format!("{role} has no right of {service}"));
                    }
                    for statement in &rights {
                        let named = resources(statement).iter().all(|it| !it.contains('*'));
                        it.require(named, format!("{role}: {} has a wildcard", statement["Sid"]));
                        if concerns(statement, "kms") {
                            it.equal(
                                format!("the condition of {} of {role}", statement["Sid"]),
                                &statement["Condition"],
                                &via("secretsmanager"),
                            );
                        }
                    }
                }
            })
        },
        fault: Fault {
            file: EXECUTION_ROLES,
            from: "            Resource:\n              Fn::ImportValue: !Sub \
                   \"${ProjectName}-${Environment}-SecretsKeyArn\"",
            to: "            Resource: \"*\"",
        },
    },
    Fact {
        id: "EXR-2",
        level: R,
        says: "only the migration's execution role reads the owner's secret, and the master's while \
               the database is set up",
        check: |world| {
            world.views(|it| {
                let migration = "EcsExecutionRoleStack/MigrationTaskExecutionRole";
                let readers = |secret: &str| -> Vec<String> {
                    let grant = format!("secretsmanager:GetSecretValue on {secret}");
                    let mut roles = it.names("AWS::IAM::Role");
                    roles.retain(|role| grants(it, role).contains(&grant));
                    roles
                };
                it.equal(
                    "who reads the owner's secret",
                    readers("<RdsStack/DBSecret>"),
                    [migration],
                );
                let of_master = readers("<RdsStack/DBInstance.MasterUserSecret.SecretArn>");
                match it.parameter("BootstrapOwner") {
                    "true" => it.equal("who reads the master's secret", of_master, [migration]),
                    _ => it.equal("who reads the master's secret", of_master, [""; 0]),
                }
                // A service's task definition cannot inject what its execution role cannot read.
                for task in it.all("AWS::ECS::TaskDefinition") {
                    let once = ["db-migration", "db-bootstrap"];
                    let once = once.iter().any(|name| task.text("Family").ends_with(name));
                    let role =
                        if once { "MigrationTaskExecutionRole" } else { "ECSTaskExecutionRole" };
                    let role = format!("<EcsExecutionRoleStack/{role}.Arn>");
                    it.expect(&task.name, "ExecutionRoleArn", &role);
                }
            })
        },
        fault: Fault {
            file: EXECUTION_ROLES,
            from: "-ExternalApiSecretArn\"",
            to: "-DBSecretArn\"",
        },
    },
    Fact {
        id: "EXR-3",
        level: S,
        says: "every role has the permissions boundary when one is given",
        check: |world| {
            world.views(|it| {
                let boundary = match it.parameter("PermissionsBoundaryArn") {
                    "" => "nothing",
                    given => given,
                };
                let roles = it.all("AWS::IAM::Role");
                it.require(!roles.is_empty(), "there are no roles");
                for role in roles {
                    it.expect(&role.name, "PermissionsBoundary", boundary);
                }
            })
        },
        fault: Fault {
            file: EXECUTION_ROLES,
            from: "      PermissionsBoundary: !If [HasPermissionsBoundary, !Ref \
                   PermissionsBoundaryArn, !Ref AWS::NoValue]\n",
            to: "",
        },
    },
    Fact {
        id: "TRL-1",
        level: R,
        says: "each program has a role of its own, and the vendor's reaches no report",
        check: |world| {
            world.views(|it| {
                for (role, expected) in task_roles() {
                    let own: BTreeSet<String> = grants(it, &role)
                        .into_iter()
                        .filter(|it| it.starts_with("s3:") || it.starts_with("sns:"))
                        .collect();
                    it.require(it.resource(&role).exists(), format!("{role} is missing"));
                    it.equal(format!("what {role} may do"), own, expected);
                }
                it.equal("the number of roles", it.all_in("EcsTaskRoleStack", ROLE).len(), 4);
            })
        },
        fault: Fault { file: TASK_ROLES, from: "/vendor-uploads/*\"", to: "/reports/*\"" },
    },
    Fact {
        id: "TRL-2",
        level: R,
        says: "metrics are put into the namespace of the environment only",
        check: |world| {
            world.views(|it| {
                let namespace = format!("Facility/{}", it.environment);
                let mut found = 0;
                for (role, _) in task_roles() {
                    for statement in rights(it, &role) {
                        if actions(&statement).iter().any(|it| it == "cloudwatch:PutMetricData") {
                            found += 1;
                            it.equal(
                                format!("the condition of {} of {role}", statement["Sid"]),
                                &statement["Condition"],
                                &json!({ "StringEquals": { "cloudwatch:namespace": namespace } }),
                            );
                        }
                    }
                }
                it.equal("the number of roles that put metrics", found, 3);
            })
        },
        fault: Fault {
            file: TASK_ROLES,
            from: "                cloudwatch:namespace: !Sub \"Facility/${Environment}\"",
            to: "                aws:RequestedRegion: !Ref AWS::Region",
        },
    },
    Fact {
        id: "TRL-3",
        level: R,
        says: "no program may touch IAM, delete objects, or do everything of a service; the keys of \
               data and messages serve through S3 and SNS only",
        check: |world| {
            world.views(|it| {
                for (role, _) in task_roles() {
                    for statement in rights(it, &role) {
                        for action in actions(&statement) {
                            let mild = !action.starts_with("iam:")
                                && !action.starts_with("s3:Delete")
                                && !action.contains('*');
                            it.require(mild, format!("{role} may {action}"));
                        }
                        let condition = &statement["Condition"];
                        let through = *condition == via("s3") || *condition == via("sns");
                        // The key of the session log, where sessions are possible.
                        let session = resources(&statement) == ["<KmsKeysStack/LogsKey.Arn>"];
                        it.require(
                            through || session || !concerns(&statement, "kms"),
                            format!("{role}: {} reaches the key directly", statement["Sid"]),
                        );
                    }
                }
                let session = it.resource("EcsTaskRoleStack/ExecPolicy").exists();
                it.equal("whether sessions are possible", session, it.by(true, false, false));
            })
        },
        fault: Fault {
            file: TASK_ROLES,
            from: "              - s3:GetObject\n              - s3:PutObject",
            to: "              - s3:DeleteObject\n              - s3:GetObject\n              - \
                 s3:PutObject",
        },
    },
    Fact {
        id: "ALB-1",
        level: R,
        says: "the internal balancer is in the private subnets, the public one faces the Internet",
        check: |world| {
            world.views(|it| {
                for (side, scheme, tier) in
                    [("Internal", "internal", "Private"), ("Public", "internet-facing", "Public")]
                {
                    let balancer = it.resource(&format!("AlbStack/{side}Alb"));
                    it.expect(&balancer.name, "Scheme", scheme);
                    it.expect(&balancer.name, "Type", "application");
                    it.equal(
                        format!("the subnets of {}", balancer.name),
                        balancer.texts("Subnets"),
                        [1, 2].map(|index| format!("<SubnetsStack/{tier}Subnet{index}>")),
                    );
                    it.equal(
                        format!("the groups of {}", balancer.name),
                        balancer.texts("SecurityGroups"),
                        [format!("<SecurityGroupsStack/Alb{side}SecurityGroup.GroupId>")],
                    );
                }
            })
        },
        fault: Fault { file: BALANCERS, from: "-PrivateSubnet1Id\"", to: "-PublicSubnet1Id\"" },
    },
    Fact {
        id: "ALB-2",
        level: R,
        says: "both balancers log, drop invalid headers and are protected as their environment needs",
        check: |world| {
            world.views(|it| {
                for (side, prefix) in [("Internal", "internal"), ("Public", "public")] {
                    let balancer = it.resource(&format!("AlbStack/{side}Alb"));
                    it.equal(
                        format!("the attributes of {}", balancer.name),
                        attributes(&balancer, "LoadBalancerAttributes"),
                        balancer_attributes(it, prefix),
                    );
                }
            })
        },
        fault: Fault {
            file: BALANCERS,
            from: "        - Key: routing.http.drop_invalid_header_fields.enabled\n          Value: \
                   \"true\"",
            to: "        - Key: routing.http.drop_invalid_header_fields.enabled\n          Value: \
                 \"false\"",
        },
    },
    Fact {
        id: "ALB-4",
        level: R,
        says: "the names of balancers and target groups have at most 32 characters, whatever the \
               project's name",
        check: |world| {
            let longest = [("ProjectName", "abcdefghijkl")];
            world.with("prod", "steady-state", &longest, |it| {
                let named = it.all("AWS::ElasticLoadBalancingV2::LoadBalancer");
                let named =
                    named.into_iter().chain(it.all("AWS::ElasticLoadBalancingV2::TargetGroup"));
                let lengths: Vec<_> =
                    named.map(|it| (it.text("Name").len(), it.text("Name"))).collect();
                it.equal("the number of names", lengths.len(), 4);
                for (length, name) in lengths {
                    it.require(length <= 32, format!("{name} has {length} characters"));
                }
            })
        },
        fault: Fault {
            file: BALANCERS,
            from: "Name: !Sub \"${ProjectName}-${Environment}-alb-internal\"",
            to: "Name: !Sub \"${ProjectName}-${Environment}-alb-internal-staff\"",
        },
    },
    Fact {
        id: "TG-1",
        level: R,
        says: "target groups on ports 3000 and 4000 ask /health, with the thresholds of 8.3.5",
        check: |world| {
            world.views(|it| {
                for (api, port) in [("StaffApi", "3000"), ("VendorApi", "4000")] {
                    let group = it.resource(&format!("AlbTargetGroupsStack/{api}TargetGroup"));
                    for (property, expected) in [
                        ("Port", port),
                        ("Protocol", "HTTP"),
                        ("TargetType", "ip"),
                        ("VpcId", "<VpcStack/VPC>"),
                        ("HealthCheckPath", "/health"),
                        ("HealthCheckIntervalSeconds", "30"),
                        ("HealthCheckTimeoutSeconds", "5"),
                        ("HealthyThresholdCount", "2"),
                        ("UnhealthyThresholdCount", "2"),
                        ("Matcher.HttpCode", "200"),
                    ] {
                        it.expect(&group.name, property, expected);
                    }
                    let expected = [
                        ("deregistration_delay.timeout_seconds", "30"),
                        ("load_balancing.algorithm.type", "least_outstanding_requests"),
                    ];
                    it.equal(
                        format!("the attributes of {}", group.name),
                        attributes(&group, "TargetGroupAttributes"),
                        expected.map(|(key, value)| (key.to_owned(), value.to_owned())).into(),
                    );
                }
            })
        },
        fault: Fault {
            file: TARGETS,
            from: "UnhealthyThresholdCount: 2",
            to: "UnhealthyThresholdCount: 5",
        },
    },
    Fact {
        id: "TG-2",
        level: R,
        says: "with a certificate there are an HTTPS listener and a redirect to it; without one only \
               dev forwards plain HTTP",
        check: |world| {
            world.views(|it| {
                for (api, _, side) in APIS {
                    let listener = |kind: &str| {
                        it.resource(&format!("AlbTargetGroupsStack/{side}{kind}Listener"))
                    };
                    let target = format!("<AlbTargetGroupsStack/{api}TargetGroup>");
                    let forward = json!([{ "Type": "forward", "TargetGroupArn": target }]);
                    let redirect = json!([{
                        "Type": "redirect",
                        "RedirectConfig":
                            { "Protocol": "HTTPS", "Port": "443", "StatusCode": "HTTP_301" },
                    }]);
                    let plain = listener("Http");
                    let balancer = format!("<AlbStack/{side}Alb>");
                    it.expect(&plain.name, "Port", "80");
                    it.expect(&plain.name, "LoadBalancerArn", &balancer);
                    let expected = it.by(&forward, &redirect, &redirect);
                    let actions = plain.at("DefaultActions");
                    it.equal(format!("what {} does", plain.name), &actions, expected);
                    let secure = listener("Https");
                    let needed = it.by(false, true, true);
                    it.equal(format!("whether {} exists", secure.name), secure.exists(), needed);
                    if !needed {
                        continue;
                    }
                    it.expect(&secure.name, "Port", "443");
                    it.expect(&secure.name, "Protocol", "HTTPS");
                    it.expect(&secure.name, "LoadBalancerArn", &balancer);
                    it.expect(&secure.name, "SslPolicy", "ELBSecurityPolicy-TLS13-1-3-2021-06");
                    it.expect(
                        &secure.name,
                        "Certificates.0.CertificateArn",
                        &format!("<AcmCertificatesStack/{side}Certificate>"),
                    );
                    let actions = secure.at("DefaultActions");
                    it.equal(format!("what {} does", secure.name), &actions, &forward);
                }
                it.equal(
                    "the number of listeners",
                    it.all("AWS::ElasticLoadBalancingV2::Listener").len(),
                    it.by(2, 4, 4),
                );
            })
        },
        fault: Fault {
            file: TARGETS,
            from: "          - Type: redirect\n            RedirectConfig:\n              Protocol: \
                   HTTPS\n              Port: \"443\"\n              StatusCode: HTTP_301",
            to: "          - Type: forward\n            TargetGroupArn: !Ref StaffApiTargetGroup",
        },
    },
    Fact {
        id: "TD-1",
        level: R,
        says: "every task has a size that Fargate offers: 256/512 or 512/1024 for the APIs, \
               1024/2048 or 2048/4096 for the batch",
        check: |world| {
            world.views(|it| {
                let tasks = it.all("AWS::ECS::TaskDefinition");
                let count = if it.parameter("BootstrapOwner") == "true" { 5 } else { 4 };
                it.equal("the number of tasks", tasks.len(), count);
                for task in tasks {
                    let size = (task.number("Cpu"), task.number("Memory"));
                    let (Some(cpu), Some(memory)) = size else {
                        it.say(format!("{} has no size", task.name));
                        continue;
                    };
                    it.require(
                        on_fargate(cpu, memory),
                        format!("{}: Fargate offers no {cpu}/{memory}", task.name),
                    );
                    let expected = match task.stack() {
                        "BatchTaskDefinitionStack" => {
                            it.by((1024, 2048), (2048, 4096), (2048, 4096))
                        }
                        "DbMigrationTaskDefinitionStack" => (512, 1024),
                        _ => it.by((256, 512), (512, 1024), (512, 1024)),
                    };
                    it.equal(format!("the size of {}", task.name), (cpu, memory), expected);
                }
            })
        },
        fault: Fault {
            file: "parameters/stg.json",
            from: "\"ECSTaskMemory\", \"ParameterValue\": \"1024\"",
            to: "\"ECSTaskMemory\", \"ParameterValue\": \"512\"",
        },
    },
    Fact {
        id: "TD-2",
        level: R,
        says: "DATABASE_URL is injected from a secret that really has this key, and so is every \
               other secret",
        check: |world| {
            world.views(|it| {
                for task in it.all("AWS::ECS::TaskDefinition") {
                    let secrets = task.list("ContainerDefinitions.0.Secrets");
                    for secret in &secrets {
                        let from = text(&secret["ValueFrom"]);
                        let Some((name, key)) = from.trim_start_matches('<').split_once('>') else {
                            it.say(format!("{}: {} is from {from}", task.name, secret["Name"]));
                            continue;
                        };
                        let key = key.trim_matches(':');
                        let found = key.is_empty() || secret_keys(it, name).contains(key);
                        it.require(found, format!("{}: {name} has no {key}", task.name));
                    }
                    let (_, program, _) = APIS
                        .into_iter()
                        .chain([("Batch", "batch", "")])
                        .find(|(api, ..)| task.stack() == format!("{api}TaskDefinitionStack"))
                        .unwrap_or_default();
                    let url = secrets.iter().find(|it| it["Name"] == "DATABASE_URL");
                    let url = url.map(|it| text(&it["ValueFrom"])).unwrap_or_default();
                    it.require(
                        program.is_empty() || url.ends_with("DbSecret>:DATABASE_URL::"),
                        format!("{}: DATABASE_URL is from {url:?}", task.name),
                    );
                }
            })
        },
        fault: Fault {
            file: "nested/security/secrets-manager.yaml",
            from: "\"DATABASE_URL\":",
            to: "\"DATABASE_URI\":",
        },
    },
    Fact {
        id: "TD-3",
        level: R,
        says: "no container writes its root, runs as root or keeps a capability",
        check: |world| {
            world.views(|it| {
                for task in it.all("AWS::ECS::TaskDefinition") {
                    let containers = task.list("ContainerDefinitions").len();
                    it.equal(format!("the containers of {}", task.name), containers, 1);
                    for (property, expected) in [
                        ("ReadonlyRootFilesystem", "true"),
                        ("User", "10001:10001"),
                        ("Privileged", "nothing"),
                        ("LinuxParameters.InitProcessEnabled", "true"),
                        ("LinuxParameters.Capabilities.Drop", "[\"ALL\"]"),
                        ("LinuxParameters.Capabilities.Add", "nothing"),
                    ] {
                        let property = format!("ContainerDefinitions.0.{property}");
                        it.expect(&task.name, &property, expected);
                    }
                }
            })
        },
        fault: Fault { file: STAFF_TASK, from: "User: \"10001:10001\"", to: "User: \"0:0\"" },
    },
    Fact {
        id: "TD-4",
        level: S,
        says: "the APIs ask themselves for their health: the program's own command, and no shell",
        check: |world| {
            world.views(|it| {
                for (api, name, _) in APIS {
                    let task = format!("{api}TaskDefinitionStack/TaskDefinition");
                    let health = "ContainerDefinitions.0.HealthCheck";
                    let command = it.resource(&task).texts(&format!("{health}.Command"));
                    let expected = ["CMD", &format!("/{name}"), "healthcheck"];
                    it.equal(format!("the command of {api}"), command, expected);
                    for (property, expected) in [
                        ("Interval", "30"),
                        ("Timeout", "5"),
                        ("Retries", "3"),
                        ("StartPeriod", "60"),
                    ] {
                        it.expect(&task, &format!("{health}.{property}"), expected);
                    }
                }
                for task in it.all("AWS::ECS::TaskDefinition") {
                    let command = task.texts("ContainerDefinitions.0.HealthCheck.Command");
                    let words = command.iter().flat_map(|it| it.split([' ', '/']));
                    let tools: Vec<_> =
                        words.filter(|it| SHELL_TOOLS.contains(it) || *it == "CMD-SHELL").collect();
                    it.equal(format!("the tools of {}", task.name), tools, [""; 0]);
                }
            })
        },
        fault: Fault {
            file: STAFF_TASK,
            from: "Command: [CMD, /staff-api, healthcheck]",
            to: "Command: [CMD-SHELL, \"curl -f http://localhost:3000/health\"]",
        },
    },
    Fact {
        id: "TD-5",
        level: R,
        says: "every image is of our own registry, with a commit or a digest and never `latest`",
        check: |world| {
            world.views(|it| {
                for task in it.all("AWS::ECS::TaskDefinition") {
                    let image = task.text("ContainerDefinitions.0.Image");
                    let version = image
                        .strip_prefix("<EcrRepositoriesStack/")
                        .and_then(|it| it.split_once(".RepositoryUri>"))
                        .map_or("", |(_, version)| version);
                    let hexadecimal = |it: &str| it.chars().all(|it| it.is_ascii_hexdigit());
                    let immutable = match version.strip_prefix("@sha256:") {
                        Some(digest) => digest.len() == 64 && hexadecimal(digest),
                        None => version
                            .strip_prefix(':')
                            .is_some_and(|it| (7..=40).contains(&it.len()) && hexadecimal(it)),
                    };
                    it.require(immutable, format!("{} runs {image}", task.name));
                }
            })
        },
        fault: Fault {
            file: STAFF_TASK,
            from: "\"${RepositoryUri}${Separator}${ImageTag}\"",
            to: "\"${RepositoryUri}:latest\"",
        },
    },
    Fact {
        id: "TD-6",
        level: R,
        says: "services and schedules call the containers by the names that they have",
        check: |world| {
            world.steady_views(|it| {
                for (api, name, _) in APIS {
                    let task = format!("{api}TaskDefinitionStack/TaskDefinition");
                    it.expect(&task, "ContainerDefinitions.0.Name", name);
                    let service = format!("{api}ServiceStack/Service");
                    it.expect(&service, "LoadBalancers.0.ContainerName", name);
                }
                let batch = "BatchTaskDefinitionStack/TaskDefinition";
                it.expect(batch, "ContainerDefinitions.0.Name", "batch");
                for rule in it.all_in("EventBridgeRulesStack", "AWS::Events::Rule") {
                    let input: Json =
                        serde_json::from_str(&rule.text("Targets.0.Input")).unwrap_or_default();
                    let name = text(&input["containerOverrides"][0]["name"]);
                    it.equal(format!("the container of {}", rule.name), name, "batch");
                }
            })
        },
        fault: Fault {
            file: STAFF_SERVICE,
            from: "ContainerName: staff-api",
            to: "ContainerName: staff",
        },
    },
    Fact {
        id: "SVC-1",
        level: R,
        says: "the services are in the private subnets, without public addresses",
        check: |world| {
            world.steady_views(|it| {
                for (api, ..) in APIS {
                    let service = it.resource(&format!("{api}ServiceStack/Service"));
                    let network = "NetworkConfiguration.AwsvpcConfiguration";
                    it.expect(&service.name, "LaunchType", "FARGATE");
                    it.expect(&service.name, &format!("{network}.AssignPublicIp"), "DISABLED");
                    it.equal(
                        format!("the subnets of {api}"),
                        service.texts(&format!("{network}.Subnets")),
                        [1, 2].map(|index| format!("<SubnetsStack/PrivateSubnet{index}>")),
                    );
                    it.equal(
                        format!("the groups of {api}"),
                        service.texts(&format!("{network}.SecurityGroups")),
                        [format!("<SecurityGroupsStack/{api}SecurityGroup.GroupId>")],
                    );
                    it.equal(
                        format!("the deployments of {api}"),
                        service.at("DeploymentConfiguration"),
                        json!({
                            "MinimumHealthyPercent": 100,
                            "MaximumPercent": 200,
                            "DeploymentCircuitBreaker": { "Enable": true, "Rollback": true },
                        }),
                    );
                }
            })
        },
        fault: Fault {
            file: STAFF_SERVICE,
            from: "AssignPublicIp: DISABLED",
            to: "AssignPublicIp: ENABLED",
        },
    },
    Fact {
        id: "SVC-2",
        level: R,
        says: "an account at work has no desired count, so that an update keeps what scaling chose",
        check: |world| {
            let mut problems = world.steady_views(|it| {
                for (api, ..) in APIS {
                    let service = format!("{api}ServiceStack/Service");
                    it.require(it.resource(&service).exists(), format!("{service} is missing"));
                    it.expect(&service, "DesiredCount", "nothing");
                }
            });
            let pinned = [("PinDesiredCount", "true")];
            problems.extend(world.with("prod", "steady-state", &pinned, |it| {
                it.expect("StaffApiServiceStack/Service", "DesiredCount", "2");
            }));
            problems
        },
        fault: Fault {
            file: STAFF_SERVICE,
            from: "DesiredCount: !If [PinCount, !Ref DesiredCount, !Ref AWS::NoValue]",
            to: "DesiredCount: !Ref DesiredCount",
        },
    },
    Fact {
        id: "SVC-3",
        level: R,
        says: "least, desired and most tasks are 1/1/3, 1/1/5 and 2/2/10",
        check: |world| {
            world.steady_views(|it| {
                for (api, name, _) in APIS {
                    let target = it.resource(&format!("{api}ServiceStack/ScalableTarget"));
                    let desired = it.passed(&format!("{api}ServiceStack"), "DesiredCount");
                    it.equal(
                        format!("the tasks of {api}"),
                        [target.text("MinCapacity"), desired, target.text("MaxCapacity")],
                        it.by(["1", "1", "3"], ["1", "1", "5"], ["2", "2", "10"]),
                    );
                    it.expect(
                        &target.name,
                        "ResourceId",
                        &format!(
                            "service/<EcsClusterStack/ECSCluster>/<{api}ServiceStack/Service.Name>"
                        ),
                    );
                    it.expect(&target.name, "RoleARN", "nothing");
                    let service = format!("{api}ServiceStack/Service");
                    let full = format!("facility-{}-{name}", it.environment);
                    it.expect(&service, "ServiceName", &full);
                }
                // A second one would take the first one's away when it is deleted (T-91).
                let targets = it.all("AWS::ApplicationAutoScaling::ScalableTarget");
                it.equal("the number of targets", targets.len(), 2);
            })
        },
        fault: Fault {
            file: "parameters/prod.json",
            from: "\"ECSMinCapacity\", \"ParameterValue\": \"2\"",
            to: "\"ECSMinCapacity\", \"ParameterValue\": \"3\"",
        },
    },
    Fact {
        id: "ECR-1",
        level: R,
        says: "three registries: tags never move, images are scanned and encrypted, and expire",
        check: |world| {
            world.views(|it| {
                let registries = it.all("AWS::ECR::Repository");
                it.equal("the number of registries", registries.len(), 3);
                for registry in registries {
                    for (property, expected) in [
                        ("ImageTagMutability", "IMMUTABLE"),
                        ("ImageScanningConfiguration.ScanOnPush", "true"),
                        ("EncryptionConfiguration.EncryptionType", "KMS"),
                        ("EncryptionConfiguration.KmsKey", "<KmsKeysStack/DataKey.Arn>"),
                    ] {
                        it.expect(&registry.name, property, expected);
                    }
                    let policy = registry.text("LifecyclePolicy.LifecyclePolicyText");
                    let policy: Json = serde_json::from_str(&policy).unwrap_or_default();
                    let rules: BTreeSet<String> = policy["rules"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .map(|it| {
                            let selection = &it["selection"];
                            format!("{} {}", selection["tagStatus"], selection["countNumber"])
                        })
                        .collect();
                    let untagged = rules.contains("\"untagged\" 7");
                    let tagged = rules.iter().any(|it| it.ends_with(" 30"));
                    it.require(untagged && tagged, format!("{} keeps {rules:?}", registry.name));
                }
            })
        },
        fault: Fault {
            file: REPOSITORIES,
            from: "ImageTagMutability: IMMUTABLE",
            to: "ImageTagMutability: MUTABLE",
        },
    },
    Fact {
        id: "ECR-2",
        level: S,
        says: "registries stay when their stack goes",
        check: |world| {
            world.views(|it| {
                for registry in it.all("AWS::ECR::Repository") {
                    let policies =
                        registry.node().map(|it| (it.deletion_policy, it.update_replace_policy));
                    it.equal(
                        format!("the policies of {}", registry.name),
                        policies,
                        Some((Policy::RetainExceptOnCreate, Policy::Retain)),
                    );
                }
            })
        },
        fault: Fault {
            file: REPOSITORIES,
            from: "DeletionPolicy: RetainExceptOnCreate",
            to: "DeletionPolicy: Delete",
        },
    },
    Fact {
        id: "ACM-2",
        level: R,
        says: "a certificate that is given is used, and none is issued",
        check: |world| {
            let arn = "arn:aws:acm:ap-northeast-1:123456789012:certificate/given";
            let given = [("AcmInternalCertificateArn", arn)];
            world.with("prod", "steady-state", &given, |it| {
                let issued = it.resource("AcmCertificatesStack/InternalCertificate");
                it.require(!issued.exists(), "one is issued nevertheless");
                let listener = "AlbTargetGroupsStack/InternalHttpsListener";
                it.expect(listener, "Certificates.0.CertificateArn", arn);
                let listener = "AlbTargetGroupsStack/PublicHttpsListener";
                let issued = "<AcmCertificatesStack/PublicCertificate>";
                it.expect(listener, "Certificates.0.CertificateArn", issued);
            })
        },
        fault: Fault {
            file: "nested/compute/acm-certificates.yaml",
            from: "    - !Equals [!Ref AcmInternalCertificateArn, \"\"]\n",
            to: "",
        },
    },
    Fact {
        id: "MIG-3",
        level: R,
        says: "once the account is at work nothing refers to the master's secret",
        check: |world| {
            world.steady_views(|it| {
                let master = "DBInstance.MasterUserSecret";
                for resource in it.resources() {
                    let used = resource.properties().to_string().contains(master);
                    it.require(!used, format!("{} refers to it", resource.name));
                }
            })
        },
        fault: Fault {
            file: "nested/compute/db-migration-task-definition.yaml",
            from: "    Condition: IsBootstrap\n",
            to: "",
        },
    },
    Fact {
        id: "SCH-1",
        level: R,
        says: "the APIs stop outside operating hours in dev and stg, and never in prod",
        check: |world| {
            world.steady_views(|it| {
                let schedules = it.all_in("ServiceSchedulesStack", "AWS::Scheduler::Schedule");
                it.equal("the number of schedules", schedules.len(), it.by(4, 4, 0));
            })
        },
        fault: Fault {
            file: "parameters/prod.json",
            from: "\"OperatingSchedule\", \"ParameterValue\": \"false\"",
            to: "\"OperatingSchedule\", \"ParameterValue\": \"true\"",
        },
    },
    Fact {
        id: "SCH-2",
        level: R,
        says: "operating hours are written in the time of Tokyo: start 08:45, stop 22:15, Monday to \
               Saturday",
        check: |world| {
            world.steady_views(|it| {
                for schedule in it.all_in("ServiceSchedulesStack", "AWS::Scheduler::Schedule") {
                    let start = schedule.logical_id().ends_with("StartSchedule");
                    let expression = if start {
                        "cron(45 8 ? * MON-SAT *)"
                    } else {
                        "cron(15 22 ? * MON-SAT *)"
                    };
                    it.expect(&schedule.name, "ScheduleExpression", expression);
                    it.expect(&schedule.name, "ScheduleExpressionTimezone", "Asia/Tokyo");
                    it.expect(&schedule.name, "FlexibleTimeWindow.Mode", "OFF");
                    let input: Json =
                        serde_json::from_str(&schedule.text("Target.Input")).unwrap_or_default();
                    let capacity = [text(&input["MinCapacity"]), text(&input["MaxCapacity"])];
                    let expected = match start {
                        true => [it.parameter("ECSMinCapacity"), it.parameter("ECSMaxCapacity")],
                        false => ["0", "0"],
                    };
                    it.equal(format!("the capacity of {}", schedule.name), capacity, expected);
                }
            })
        },
        fault: Fault {
            file: "nested/compute/service-schedules.yaml",
            from: "ScheduleExpressionTimezone: Asia/Tokyo",
            to: "ScheduleExpressionTimezone: UTC",
        },
    },
    Fact {
        id: "EVT-1",
        level: R,
        says: "every target of a deployment event is retried and has a dead-letter queue",
        check: |world| {
            world.views(|it| {
                let rules = it.all_in("EcsDeploymentEventsStack", "AWS::Events::Rule");
                it.equal("the number of rules", rules.len(), 8);
                for rule in rules {
                    for target in rule.list("Targets") {
                        let queue = text(&target["DeadLetterConfig"]["Arn"]);
                        let expected = "<EcsDeploymentEventsStack/EventDlq.Arn>";
                        it.equal(format!("the queue of {}", rule.name), queue, expected);
                        let retries = target["RetryPolicy"]["MaximumRetryAttempts"].as_i64();
                        it.require(
                            retries.is_some_and(|it| it > 0),
                            format!("{} is not retried", rule.name),
                        );
                    }
                }
                let queue = "EcsDeploymentEventsStack/EventDlq";
                it.expect(queue, "KmsMasterKeyId", "<KmsKeysStack/MessagingKey.Arn>");
            })
        },
        fault: Fault {
            file: EVENTS,
            from: "          DeadLetterConfig:\n            Arn: !GetAtt EventDlq.Arn\n",
            to: "",
        },
    },
    Fact {
        id: "EVT-4",
        level: R,
        says: "a trail records the management events that the rotation rules wait for",
        check: |world| {
            world.views(|it| {
                let trail = it.resource("CloudTrailStack/Trail");
                let waiting = it.all("AWS::Events::Rule").into_iter().any(|it| {
                    let kinds = many(&it.at("EventPattern.detail-type"));
                    kinds.iter().any(|it| it.ends_with("via CloudTrail"))
                });
                it.require(waiting, "no rule waits for calls");
                // Where the organisation's trail records them, the gate is off.
                it.equal(
                    "whether a trail records",
                    trail.exists(),
                    it.parameter("CloudTrailEnabled") == "true",
                );
                it.expect("CloudTrailStack/Trail", "IsLogging", "true");
            })
        },
        fault: Fault {
            file: "nested/security/cloudtrail.yaml",
            from: "IsLogging: true",
            to: "IsLogging: false",
        },
    },
];

const ROLE: &str = "AWS::IAM::Role";

fn execution_roles() -> [String; 2] {
    ["ECSTaskExecutionRole", "MigrationTaskExecutionRole"]
        .map(|it| format!("EcsExecutionRoleStack/{it}"))
}

/// The condition of a right that serves through another service only.
fn via(service: &str) -> Json {
    let service = format!("{service}.ap-northeast-1.amazonaws.com");
    json!({ "StringEquals": { "kms:ViaService": service } })
}

/// The roles of the programs, and what they may do in S3 and SNS (8.3.3).
fn task_roles() -> [(String, BTreeSet<String>); 4] {
    let bucket = "<ReportsBucketStack/ReportsBucket.Arn>";
    let on = |action: &str, path: &str| format!("s3:{action} on {bucket}/{path}/*");
    let publish = |topic: &str| format!("sns:Publish on <SnsTopicsStack/{topic}>");
    let set = |items: &[String]| items.iter().cloned().collect::<BTreeSet<_>>();
    [
        (
            "EcsTaskRoleStack/ECSTaskRole".to_owned(),
            set(&[
                on("GetObject", "reports"),
                on("PutObject", "reports"),
                "s3:GetObject on arn:aws:s3:::<S3BucketsStack/StaffSpaBucket>/*".to_owned(),
                publish("AlertTopic"),
            ]),
        ),
        (
            "EcsTaskRoleStack/VendorApiTaskRole".to_owned(),
            set(&[
                on("GetObject", "vendor-uploads"),
                on("PutObject", "vendor-uploads"),
                publish("AlertTopic"),
            ]),
        ),
        (
            "EcsTaskRoleStack/BatchTaskRole".to_owned(),
            set(&[
                on("GetObject", "reports"),
                on("PutObject", "reports"),
                on("PutObject", "aggregates"),
                publish("BatchNotificationTopic"),
            ]),
        ),
        ("EcsTaskRoleStack/MigrationTaskRole".to_owned(), BTreeSet::new()),
    ]
}

/// A list of `Key` and `Value` as a map.
fn attributes(resource: &Resource<'_>, property: &str) -> BTreeMap<String, String> {
    let items = resource.list(property);
    items.iter().map(|it| (text(&it["Key"]), text(&it["Value"]))).collect()
}

fn balancer_attributes(view: &View<'_>, prefix: &str) -> BTreeMap<String, String> {
    let logs = "<LogBucketsStack/AlbLogBucket>";
    let mut expected = vec![
        ("access_logs.s3.bucket", logs),
        ("access_logs.s3.enabled", "true"),
        ("access_logs.s3.prefix", prefix),
        ("connection_logs.s3.enabled", view.by("false", "false", "true")),
        ("deletion_protection.enabled", view.by("false", "false", "true")),
        ("idle_timeout.timeout_seconds", "60"),
        ("routing.http.drop_invalid_header_fields.enabled", "true"),
        ("routing.http2.enabled", "true"),
    ];
    if view.environment == "prod" {
        expected.push(("connection_logs.s3.bucket", logs));
        expected.push(("connection_logs.s3.prefix", prefix));
    }
    let mode = "routing.http.desync_mitigation_mode";
    if prefix == "public" {
        expected.push((mode, view.by("defensive", "defensive", "strictest")));
        expected.push(("waf.fail_open.enabled", "false"));
    } else {
        expected.push((mode, "defensive"));
    }
    expected.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// Whether Fargate offers this size.
fn on_fargate(cpu: i64, memory: i64) -> bool {
    FARGATE.iter().any(|&(units, least, most, step)| {
        let offered = (least..=most).contains(&memory) && memory % step == 0;
        units == cpu && offered && (cpu != 256 || memory != 1536)
    })
}

/// The keys of a secret, by the name of the resource that makes it.
pub(super) fn secret_keys(view: &View<'_>, name: &str) -> BTreeSet<String> {
    // RDS writes its own secret of the master.
    if name.ends_with("DBInstance.MasterUserSecret.SecretArn") {
        return ["password", "username"].map(String::from).into();
    }
    let secret = view.resource(name);
    let template = secret.text("GenerateSecretString.SecretStringTemplate");
    let template: Json = serde_json::from_str(&template).unwrap_or_default();
    let mut keys: BTreeSet<String> =
        template.as_object().into_iter().flat_map(|it| it.keys().cloned()).collect();
    keys.insert(secret.text("GenerateSecretString.GenerateStringKey"));
    keys
}
