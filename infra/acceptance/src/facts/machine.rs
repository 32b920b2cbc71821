//! 15 Machine checks that look across the layers.

use super::calendar::{Cron, DAY, MONTHS, Span, TOKYO, in_tokyo, meeting, window};
use super::{
    Fact, Fault,
    Level::{R, S},
};
use crate::resource::text;
use crate::view::View;
use crate::world::World;
use serde_json::Value as Json;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

const RULES: &str = "nested/batch/eventbridge-rules.yaml";
const DATABASE: &str = "nested/database/rds-postgresql.yaml";
const DATABASE_ALARMS: &str = "nested/monitoring/cloudwatch-alarms-rds.yaml";

/// The catalogue of part 8: 50 leaves by folder, in its order.
const CATALOGUE: &[(&str, &[&str])] = &[
    (
        "network",
        &[
            "vpc-and-igw",
            "subnets",
            "route-tables",
            "security-groups",
            "vpc-endpoints",
            "transit-gateway-attachment",
            "flow-logs",
            "dns-records",
        ],
    ),
    (
        "database",
        &[
            "rds-subnet-group",
            "rds-parameter-group",
            "rds-option-group",
            "rds-postgresql",
            "backup-plan",
        ],
    ),
    (
        "compute",
        &[
            "ecs-cluster",
            "ecs-execution-role",
            "ecs-task-role",
            "alb",
            "alb-target-groups",
            "staff-api-task-definition",
            "vendor-api-task-definition",
            "batch-task-definition",
            "staff-api-service",
            "vendor-api-service",
            "ecr-repositories",
            "acm-certificates",
            "db-migration-task-definition",
            "service-schedules",
            "ecs-deployment-events",
        ],
    ),
    ("security", &["kms-keys", "secrets-manager", "waf-web-acl", "cloudtrail"]),
    ("auth", &["cognito-user-pool", "cognito-user-pool-client", "cognito-identity-pool"]),
    ("frontend", &["s3-buckets", "cloudfront-oac", "cloudfront-distributions"]),
    (
        "monitoring",
        &[
            "cloudwatch-alarms-alb",
            "cloudwatch-alarms-ecs",
            "cloudwatch-alarms-rds",
            "cloudwatch-logs-groups",
            "sns-topics",
            "cloudwatch-alarms-batch",
            "dashboard",
            "budget",
        ],
    ),
    ("batch", &["eventbridge-rules"]),
    ("logging", &["log-buckets", "log-archive"]),
    ("storage", &["reports-bucket"]),
];

/// The five roots.
const ROOTS: &[&str] = &["bootstrap", "dr", "edge", "rotation", "service"];

/// What is named once in an account or Region: type, property, and whether the Region counts.
const NAMED: &[(&str, &str, bool)] = &[
    ("AWS::Logs::LogGroup", "LogGroupName", true),
    ("AWS::CloudWatch::Alarm", "AlarmName", true),
    ("AWS::SNS::Topic", "TopicName", true),
    ("AWS::Backup::BackupVault", "BackupVaultName", true),
    ("AWS::KMS::Alias", "AliasName", true),
    ("AWS::IAM::Role", "RoleName", false),
    ("AWS::IAM::ManagedPolicy", "ManagedPolicyName", false),
    ("AWS::S3::Bucket", "BucketName", false),
];

/// The memory of an instance class, in bytes.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/Concepts.DBInstanceClass.Summary.html>
const MEMORY: &[(&str, i64)] =
    &[("db.t4g.micro", 1 << 30), ("db.t4g.small", 2 << 30), ("db.t4g.medium", 4 << 30)];

/// The checks of part 15 that look across the layers.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "V-02",
        level: S,
        says: "the files are the 55 of the catalogue, and the parent references each nested one once",
        check: |world| {
            world.texts(|it| {
                let leaves = CATALOGUE.iter().flat_map(|(folder, names)| {
                    names.iter().map(move |name| format!("nested/{folder}/{name}.yaml"))
                });
                let leaves: BTreeSet<String> = leaves.collect();
                let roots = ROOTS.iter().map(|it| match *it {
                    "service" => "stack.yaml".to_owned(),
                    root => format!("{root}/stack.yaml"),
                });
                let expected: BTreeSet<String> = leaves.iter().cloned().chain(roots).collect();
                it.equal("the size of the catalogue", expected.len(), 55);
                let templates = ["yaml", "yml", "json", "template"];
                let files: BTreeSet<&str> = world
                    .texts
                    .0
                    .keys()
                    .map(String::as_str)
                    .filter(|it| !it.starts_with("parameters/") && !it.starts_with("policies/"))
                    .filter(|it| it.rsplit('.').next().is_some_and(|it| templates.contains(&it)))
                    .collect();
                for missing in expected.iter().filter(|it| !files.contains(&***it)) {
                    it.say(format!("{missing} is missing"));
                }
                for extra in files.iter().filter(|it| !expected.contains(**it)) {
                    it.say(format!("{extra} is not in the catalogue"));
                }
                let parent = world.template("stack.yaml");
                let urls: Vec<&str> = parent
                    .into_iter()
                    .flat_map(|it| it.resources.iter())
                    .filter_map(|it| it.properties.as_ref()?.get("TemplateURL")?.as_text())
                    .collect();
                for leaf in &leaves {
                    let count = urls.iter().filter(|it| **it == leaf).count();
                    it.require(count == 1, format!("{leaf} is referenced {count} times"));
                }
                it.equal("the number of references", urls.len(), leaves.len());
            })
        },
        fault: Fault {
            file: "nested/network/nat-gateway.yaml",
            from: "",
            to: "Resources: { Address: { Type: AWS::EC2::EIP } }\n",
        },
    },
    Fact {
        id: "V-12-ROOTS",
        level: R,
        says: "no root makes what another root has already named",
        check: |world| {
            let owners: RefCell<BTreeMap<String, BTreeSet<String>>> = RefCell::default();
            let mut problems = Vec::new();
            for root in ROOTS {
                problems.extend(world.root_views(root, |it| {
                    for (name, place) in names(it) {
                        // What one root makes once and again in its scenarios is one thing.
                        let place = format!("{root}/{place}");
                        owners.borrow_mut().entry(name).or_default().insert(place);
                    }
                }));
            }
            for (name, places) in owners.into_inner() {
                if places.len() > 1 {
                    let places: Vec<_> = places.into_iter().collect();
                    problems.push(format!("{} make {name}", places.join(" and ")));
                }
            }
            problems
        },
        fault: Fault {
            file: "rotation/stack.yaml",
            from: "/aws/lambda/${ProjectName}-${Environment}-rotate-batch\"",
            to: "/ecs/${ProjectName}-${Environment}/batch\"",
        },
    },
    Fact {
        id: "V-14",
        level: R,
        says: "the alarm of connections stands at 80 % of the most, by the same mapping text in both \
               templates",
        check: |world| {
            let mut problems = world.texts(|it| {
                let group = connections(world, "nested/database/rds-parameter-group.yaml");
                it.require(group.len() == 3, "the parameter group has no mapping");
                it.equal("the mapping of the alarms", connections(world, DATABASE_ALARMS), group);
            });
            problems.extend(world.views(|it| {
                let group = it.resource("RdsParameterGroupStack/DBParameterGroup");
                let most = group.number("Parameters.max_connections").unwrap_or_default();
                let alarm = it.resource("CloudWatchAlarmsRdsStack/ConnectionsAlarm");
                it.equal("the threshold", alarm.number("Threshold"), Some(most * 8 / 10));
            }));
            problems
        },
        fault: Fault {
            file: DATABASE_ALARMS,
            from: "MaxConnections: \"100\"",
            to: "MaxConnections: \"110\"",
        },
    },
    Fact {
        id: "V-15",
        level: R,
        says: "shared buffers take 25 % of the memory, and with all connections at work 44.5, 44.5 \
               and 64.1 %",
        check: |world| {
            world.views(|it| {
                let group = it.resource("RdsParameterGroupStack/DBParameterGroup");
                let class = it.resource("RdsStack/DBInstance").text("DBInstanceClass");
                let memory =
                    MEMORY.iter().find(|(name, _)| *name == class).map(|(_, bytes)| *bytes);
                let buffers = group.text("Parameters.shared_buffers");
                let pages = buffers
                    .strip_prefix("{DBInstanceClassMemory/")
                    .and_then(|it| it.strip_suffix('}')?.parse::<i64>().ok());
                let connections = group.number("Parameters.max_connections");
                let work = group.number("Parameters.work_mem");
                let (Some(memory), Some(divisor), Some(connections), Some(work)) =
                    (memory, pages, connections, work)
                else {
                    it.say(format!("{class}, {buffers}, {connections:?} or {work:?} is not known"));
                    return;
                };
                // PostgreSQL counts in pages of 8 kB, and work_mem in kB.
                let buffers = memory / divisor * 8192;
                let all = buffers + connections * work * 1024;
                let share = |bytes: i64| (bytes * 10_000 / memory + 5) / 10;
                it.equal("the share of the buffers, in tenths of a percent", share(buffers), 250);
                it.equal("the share of all", share(all), it.by(445, 445, 641));
                it.require(share(all) <= 750, "the memory is promised more than once");
            })
        },
        fault: Fault {
            file: "nested/database/rds-parameter-group.yaml",
            from: "\"{DBInstanceClassMemory/32768}\"",
            to: "\"{DBInstanceClassMemory/8192}\"",
        },
    },
    Fact {
        id: "V-16",
        level: R,
        says: "backup, maintenance, copies, rotation, schedules and batch keep out of each other's \
               way, in the time of Tokyo",
        check: |world| {
            let rotations: RefCell<BTreeMap<String, Vec<Span>>> = RefCell::default();
            let mut problems = world.root_views("rotation", |it| {
                let mut spans = Vec::new();
                for schedule in it.all("AWS::SecretsManager::RotationSchedule") {
                    it.expect(&schedule.name, "RotationRules.Duration", "2h");
                    spans.extend(runs(it, &schedule.text("RotationRules.ScheduleExpression"), 120));
                }
                rotations.borrow_mut().insert(it.environment.to_owned(), spans);
            });
            problems.extend(world.steady_views(|it| {
                let rotation = rotations.borrow().get(it.environment).cloned().unwrap_or_default();
                clocks(it, &rotation);
            }));
            problems
        },
        fault: Fault {
            file: DATABASE,
            from: "PreferredMaintenanceWindow: \"sat:18:30-sat:19:30\"",
            to: "PreferredMaintenanceWindow: \"sat:20:30-sat:21:30\"",
        },
    },
    Fact {
        id: "V-17",
        level: R,
        says: "every event that starts a task names a container of its family, and the job to do",
        check: |world| {
            world.steady_views(|it| {
                let mut jobs = BTreeSet::new();
                for rule in it.all("AWS::Events::Rule") {
                    for target in
                        rule.list("Targets").iter().filter(|it| it["EcsParameters"].is_object())
                    {
                        let Some(overrides) = overrides(&text(&target["Input"])) else {
                            it.say(format!("{}: the input overrides nothing", rule.name));
                            continue;
                        };
                        let family = text(&target["EcsParameters"]["TaskDefinitionArn"]);
                        let family =
                            family.trim_start_matches('<').trim_end_matches('>').to_owned();
                        let containers: Vec<String> = it
                            .resource(&family)
                            .list("ContainerDefinitions")
                            .iter()
                            .map(|it| text(&it["Name"]))
                            .collect();
                        for (container, variables) in overrides {
                            it.require(
                                containers.contains(&container),
                                format!("{}: {family} has no container {container}", rule.name),
                            );
                            jobs.extend(variables.into_iter().filter(|it| it.starts_with("JOB=")));
                        }
                    }
                }
                let mut expected = vec!["JOB=due-alert", "JOB=monthly"];
                if it.environment != "dev" {
                    expected.push("JOB=yearly");
                }
                it.equal("the jobs", jobs.into_iter().collect::<Vec<_>>(), expected);
            })
        },
        fault: Fault {
            file: RULES,
            from: "{\"containerOverrides\":[{\"name\":\"batch\"",
            to: "{\"containerOverrides\":[{\"name\":\"worker\"",
        },
    },
    Fact {
        id: "V-18",
        level: R,
        says: "ports, paths and container names are the same from the security group to the service",
        check: |world| {
            world.steady_views(|it| {
                for (api, side) in [("StaffApi", "Internal"), ("VendorApi", "Public")] {
                    let group = it.resource(&format!("AlbTargetGroupsStack/{api}TargetGroup"));
                    let port = group.text("Port");
                    let task = it.resource(&format!("{api}TaskDefinitionStack/TaskDefinition"));
                    let container = "ContainerDefinitions.0";
                    let name = task.text(&format!("{container}.Name"));
                    let service = it.resource(&format!("{api}ServiceStack/Service"));
                    let opened = it.resource(&format!("SecurityGroupsStack/{api}FromAlb{side}"));
                    let opening = it.resource(&format!("SecurityGroupsStack/Alb{side}To{api}"));
                    for (resource, property, expected) in [
                        (&opened, "FromPort", &*port),
                        (&opened, "ToPort", &port),
                        (&opening, "FromPort", &port),
                        (&opening, "ToPort", &port),
                        (&task, "ContainerDefinitions.0.PortMappings.0.ContainerPort", &port),
                        (&service, "LoadBalancers.0.ContainerPort", &port),
                        (&service, "LoadBalancers.0.ContainerName", &name),
                        (&service, "LoadBalancers.0.TargetGroupArn", &group.id()),
                        (&service, "TaskDefinition", &task.id()),
                        (&group, "HealthCheckPath", "/health"),
                    ] {
                        it.expect(&resource.name, property, expected);
                    }
                    let variables = task.list(&format!("{container}.Environment"));
                    let told = variables.iter().find(|it| it["Name"] == "PORT");
                    let told = told.map(|it| text(&it["Value"]));
                    it.equal(format!("the port that {api} is told"), told.as_deref(), Some(&*port));
                    let mappings = task.list(&format!("{container}.PortMappings")).len();
                    it.equal(format!("the number of ports of {api}"), mappings, 1);
                }
                let port = it.resource("RdsStack/DBInstance").text("Port");
                for rule in ["RdsFromStaffApi", "RdsFromVendorApi", "RdsFromBatch"] {
                    it.expect(&format!("SecurityGroupsStack/{rule}"), "FromPort", &port);
                }
            })
        },
        fault: Fault {
            file: "nested/compute/vendor-api-task-definition.yaml",
            from: "Value: \"4000\"",
            to: "Value: \"8080\"",
        },
    },
];

/// The names that a root takes, with their places.
fn names(view: &View<'_>) -> Vec<(String, String)> {
    let mut names = Vec::new();
    for (type_name, property, regional) in NAMED {
        for resource in view.all(type_name).into_iter().filter(|it| it.has(property)) {
            let region = if *regional { &*view.inputs.region } else { "" };
            names
                .push((format!("{type_name} {} {region}", resource.text(property)), resource.name));
        }
    }
    names
}

/// The mapping of the most connections, as text.
fn connections(world: &World, path: &str) -> Vec<(String, String)> {
    let mapping = world.template(path).and_then(|it| it.mappings.get("ByEnvironment"));
    let entries = mapping.map_or(&[][..], |it| &it.entries);
    let found = entries.iter().filter_map(|(environment, values)| {
        let (name, value) = values.iter().find(|(name, _)| &*name.text == "MaxConnections")?;
        let text = world.snippet(name.span.to(value.span));
        Some((environment.text.to_string(), text.to_owned()))
    });
    found.collect()
}

/// The runs of a cron expression of UTC, with their length in minutes.
fn runs(view: &View<'_>, expression: &str, length: i64) -> Vec<Span> {
    match Cron::parse(expression) {
        Some(cron) => cron.times().into_iter().map(|start| (start, start + length)).collect(),
        None => {
            view.say(format!("{expression:?} cannot be read"));
            Vec::new()
        }
    }
}

/// All clocks of an environment against each other.
fn clocks(view: &View<'_>, rotation: &[Span]) {
    let database = view.resource("RdsStack/DBInstance");
    let windows = ["PreferredBackupWindow", "PreferredMaintenanceWindow"];
    let [Some(backup), Some(maintenance)] = windows.map(|it| window(&database.text(it))) else {
        view.say("a window of the database cannot be read");
        return;
    };
    let plan = view.resource("BackupPlanStack/BackupPlan");
    let copies = runs(
        view,
        &plan.text("BackupPlan.BackupPlanRule.0.ScheduleExpression"),
        plan.number("BackupPlan.BackupPlanRule.0.StartWindowMinutes").unwrap_or(480),
    );
    let batch = |name: &str| {
        let rule = view.resource(&format!("EventBridgeRulesStack/{name}Rule"));
        match rule.exists() {
            true => runs(view, &rule.text("ScheduleExpression"), 60),
            false => Vec::new(),
        }
    };
    let aggregation = [batch("MonthlyAggregation"), batch("Yearly")].concat();
    let alert = batch("DueAlert");
    // A job of the backup service does not start in a window of the database, nor in the hour
    // before one (T-94).
    let hour_before =
        |spans: &[Span]| spans.iter().map(|it| (it.0 - 60, it.1)).collect::<Vec<Span>>();
    let open = opening_hours(view);
    let database_windows = [&*backup, &maintenance].concat();
    for (one, spans, other, others) in [
        ("the backup", &*backup, "the maintenance", &*maintenance),
        ("the daily copy", &copies, "a window of the database", &hour_before(&database_windows)),
        ("the rotation", rotation, "a window of the database", &database_windows),
        ("the rotation", rotation, "the batch", &[&*aggregation, &alert].concat()),
        ("the aggregation", &aggregation, "the maintenance", &maintenance),
        ("the due alert", &alert, "a window of the database", &database_windows),
        ("the backup", &backup, "the opening hours", &open),
        ("the maintenance", &maintenance, "the opening hours", &open),
        ("the rotation", rotation, "the opening hours", &open),
        ("the aggregation", &aggregation, "the opening hours", &open),
        ("the due alert", &alert, "the opening hours", &open),
    ] {
        if let Some((a, b)) = meeting(spans, others) {
            view.say(format!("{one} at {} meets {other} at {}", in_tokyo(a.0), in_tokyo(b.0)));
        }
    }
    // As people know them (C-24).
    let first = |spans: &[Span]| spans.first().map(|it| in_tokyo(it.0));
    let time = |spans: &[Span]| {
        let times: BTreeSet<_> = spans.iter().map(|it| in_tokyo(it.0)[4..].to_owned()).collect();
        times.into_iter().collect::<Vec<_>>().join(", ")
    };
    view.equal("the backup in Tokyo", time(&backup), "02:00");
    view.equal("the maintenance in Tokyo", first(&maintenance).as_deref(), Some("SUN 03:30"));
    view.equal("the daily copy in Tokyo", time(&copies), "06:00");
    view.equal("the rotation in Tokyo", first(rotation).as_deref(), Some("SUN 05:00"));
    view.equal("the number of rotations", rotation.len() as i64, 3 * MONTHS);
    view.equal("the aggregation in Tokyo", time(&aggregation), "02:00");
    view.equal("the due alert in Tokyo", time(&alert), "08:00");
}

/// When staff and vendors work: Monday to Saturday, 09:00 to 22:00 in Tokyo. The services are there
/// by then, and the schedules must not say otherwise.
fn opening_hours(view: &View<'_>) -> Vec<Span> {
    let open: Vec<Span> = super::calendar::days()
        .filter(|it| it.weekday() != 0)
        .map(|it| it.days() * DAY - TOKYO)
        .map(|midnight| (midnight + 9 * 60, midnight + 22 * 60))
        .collect();
    for schedule in view.all_in("ServiceSchedulesStack", "AWS::Scheduler::Schedule") {
        // Written in the time of Tokyo; the calendar counts in UTC.
        let local = runs(view, &schedule.text("ScheduleExpression"), 1);
        let utc: Vec<Span> = local.iter().map(|it| (it.0 - TOKYO, it.1 - TOKYO)).collect();
        if let Some((at, _)) = meeting(&utc, &open) {
            view.say(format!("{} acts at {}", schedule.name, in_tokyo(at.0)));
        }
    }
    open
}

/// The containers that an input overrides, with `NAME=value` of the variables.
fn overrides(input: &str) -> Option<Vec<(String, Vec<String>)>> {
    let input: Json = serde_json::from_str(input).ok()?;
    let containers = input["containerOverrides"].as_array().filter(|it| !it.is_empty())?;
    let variables = |it: &Json| -> Vec<String> {
        let items = it["environment"].as_array().into_iter().flatten();
        items.map(|it| format!("{}={}", text(&it["name"]), text(&it["value"]))).collect()
    };
    Some(containers.iter().map(|it| (text(&it["name"]), variables(it))).collect())
}
