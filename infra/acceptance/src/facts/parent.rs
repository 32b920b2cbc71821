//! 7 The parent stack: gates, order, outputs.

use super::{
    Fact, Fault,
    Level::{R, S},
    check_of, wiring,
};
use crate::world::World;
use kumiki_project::{Unknown, dependencies};
use kumiki_source::Severity;
use kumiki_template::Expr;
use std::collections::{BTreeMap, BTreeSet};

/// The order of 7.3: wave, nested stack, template, DependsOn. The log archive and the trail also
/// wait for the topics, to which their alarms are sent.
const ORDER: &[(usize, &str, &str, &[&str])] = &[
    (0, "KmsKeysStack", "security/kms-keys", &[]),
    (0, "VpcStack", "network/vpc-and-igw", &[]),
    (0, "RdsParameterGroupStack", "database/rds-parameter-group", &[]),
    (0, "RdsOptionGroupStack", "database/rds-option-group", &[]),
    (0, "AcmCertificatesStack", "compute/acm-certificates", &[]),
    (0, "CloudFrontOacStack", "frontend/cloudfront-oac", &[]),
    (0, "CognitoUserPoolStack", "auth/cognito-user-pool", &[]),
    (0, "BudgetStack", "monitoring/budget", &[]),
    (1, "SubnetsStack", "network/subnets", &["VpcStack"]),
    (1, "SecurityGroupsStack", "network/security-groups", &["VpcStack"]),
    (1, "LogBucketsStack", "logging/log-buckets", &["KmsKeysStack"]),
    (1, "EcrRepositoriesStack", "compute/ecr-repositories", &["KmsKeysStack"]),
    (1, "SnsTopicsStack", "monitoring/sns-topics", &["KmsKeysStack"]),
    (1, "LogGroupsStack", "monitoring/cloudwatch-logs-groups", &["KmsKeysStack"]),
    (1, "CognitoUserPoolClientStack", "auth/cognito-user-pool-client", &["CognitoUserPoolStack"]),
    (2, "EcsClusterStack", "compute/ecs-cluster", &["LogGroupsStack"]),
    (2, "TransitGatewayAttachmentStack", "network/transit-gateway-attachment", &["SubnetsStack"]),
    (2, "FlowLogsStack", "network/flow-logs", &["VpcStack", "LogBucketsStack"]),
    (2, "RdsSubnetGroupStack", "database/rds-subnet-group", &["SubnetsStack"]),
    (2, "ReportsBucketStack", "storage/reports-bucket", &["LogBucketsStack"]),
    (2, "AlbStack", "compute/alb", &["SubnetsStack", "SecurityGroupsStack", "LogBucketsStack"]),
    (2, "CognitoIdentityPoolStack", "auth/cognito-identity-pool", &[]),
    (
        3,
        "LogArchiveStack",
        "logging/log-archive",
        &["LogBucketsStack", "EcsClusterStack", "LogGroupsStack", "SnsTopicsStack"],
    ),
    (
        3,
        "CloudTrailStack",
        "security/cloudtrail",
        &["ReportsBucketStack", "LogGroupsStack", "SnsTopicsStack"],
    ),
    (
        3,
        "RouteTablesStack",
        "network/route-tables",
        &["SubnetsStack", "TransitGatewayAttachmentStack"],
    ),
    (
        3,
        "RdsStack",
        "database/rds-postgresql",
        &["RdsSubnetGroupStack", "SecurityGroupsStack", "LogGroupsStack"],
    ),
    (3, "AlbTargetGroupsStack", "compute/alb-target-groups", &["AlbStack"]),
    (3, "WafStack", "security/waf-web-acl", &["AlbStack", "LogGroupsStack"]),
    (4, "VpcEndpointsStack", "network/vpc-endpoints", &["RouteTablesStack", "SecurityGroupsStack"]),
    (4, "BackupPlanStack", "database/backup-plan", &["RdsStack", "ReportsBucketStack"]),
    (
        4,
        "CloudWatchAlarmsAlbStack",
        "monitoring/cloudwatch-alarms-alb",
        &["AlbTargetGroupsStack", "SnsTopicsStack"],
    ),
    (
        4,
        "CloudWatchAlarmsRdsStack",
        "monitoring/cloudwatch-alarms-rds",
        &["RdsStack", "SnsTopicsStack"],
    ),
    (4, "SecretsManagerStack", "security/secrets-manager", &["RdsStack"]),
    (5, "S3BucketsStack", "frontend/s3-buckets", &["VpcEndpointsStack", "LogBucketsStack"]),
    (
        5,
        "EcsExecutionRoleStack",
        "compute/ecs-execution-role",
        &["SecretsManagerStack", "EcrRepositoriesStack"],
    ),
    (
        5,
        "EcsDeploymentEventsStack",
        "compute/ecs-deployment-events",
        &["EcsClusterStack", "SnsTopicsStack", "SecretsManagerStack"],
    ),
    (
        6,
        "EcsTaskRoleStack",
        "compute/ecs-task-role",
        &["ReportsBucketStack", "SnsTopicsStack", "S3BucketsStack"],
    ),
    (
        6,
        "CloudFrontDistributionsStack",
        "frontend/cloudfront-distributions",
        &["S3BucketsStack", "LogBucketsStack"],
    ),
    (7, "StaffApiTaskDefinitionStack", "compute/staff-api-task-definition", TASK),
    (7, "VendorApiTaskDefinitionStack", "compute/vendor-api-task-definition", TASK),
    (7, "BatchTaskDefinitionStack", "compute/batch-task-definition", TASK),
    (7, "DbMigrationTaskDefinitionStack", "compute/db-migration-task-definition", TASK),
    (7, "DnsRecordsStack", "network/dns-records", &["AlbStack"]),
    (
        8,
        "StaffApiServiceStack",
        "compute/staff-api-service",
        &["AlbTargetGroupsStack", "VpcEndpointsStack"],
    ),
    (
        8,
        "VendorApiServiceStack",
        "compute/vendor-api-service",
        &["AlbTargetGroupsStack", "VpcEndpointsStack"],
    ),
    (
        8,
        "EventBridgeRulesStack",
        "batch/eventbridge-rules",
        &["EcsClusterStack", "SecurityGroupsStack", "SnsTopicsStack"],
    ),
    (
        9,
        "ServiceSchedulesStack",
        "compute/service-schedules",
        &["StaffApiServiceStack", "VendorApiServiceStack"],
    ),
    (
        9,
        "CloudWatchAlarmsEcsStack",
        "monitoring/cloudwatch-alarms-ecs",
        &["StaffApiServiceStack", "VendorApiServiceStack", "SnsTopicsStack"],
    ),
    (9, "CloudWatchAlarmsBatchStack", "monitoring/cloudwatch-alarms-batch", &[]),
    (
        9,
        "DashboardStack",
        "monitoring/dashboard",
        &["StaffApiServiceStack", "VendorApiServiceStack", "AlbTargetGroupsStack", "RdsStack"],
    ),
];

const TASK: &[&str] = &["EcsExecutionRoleStack", "EcsTaskRoleStack", "EcsClusterStack"];

/// The gates that no scenario turns, and other switches, with both of their values.
const GATES: &[(&str, &str)] = &[
    ("TransitGatewayEnabled", "false"),
    ("EdgeEnabled", "false"),
    ("DrEnabled", "true"),
    ("DrEnabled", "false"),
    ("CloudTrailEnabled", "false"),
    ("IdentityPoolEnabled", "true"),
    ("StaffDistributionEnabled", "true"),
    ("OperatingSchedule", "true"),
    ("OperatingSchedule", "false"),
    ("YearlyJobEnabled", "true"),
    ("YearlyJobEnabled", "false"),
    ("EnableExecuteCommand", "true"),
    ("EnableExecuteCommand", "false"),
    ("EndpointProfile", "seed"),
    ("EndpointProfile", "isolated"),
    ("UseCustomOptionGroup", "true"),
    ("DBSnapshotIdentifier", "facility-before-upgrade"),
    ("AllowedIpv4List", "198.51.100.0/24"),
];

/// The sections of the parent, in their order: the report's eight, then logging and storage.
const SECTIONS: &[&str] = &[
    "Network",
    "Database",
    "Compute",
    "Security",
    "Auth",
    "Frontend",
    "Monitoring",
    "Batch",
    "Logging",
    "Storage",
];

/// The outputs of the root for operators.
const OUTPUTS: &[&str] = &[
    "VpcId",
    "InternalAlbDnsName",
    "PublicAlbDnsName",
    "DBEndpoint",
    "ClusterName",
    "StaffUserPoolId",
    "VendorUserPoolId",
    "VendorDistributionDomainName",
    "StaffApiRepositoryUri",
    "VendorApiRepositoryUri",
    "BatchRepositoryUri",
    "MigrationTaskDefinitionArn",
    "AlertTopicArn",
    "EngineEndOfSupportNotice",
];

/// The facts of the parent stack.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "7.1",
        level: R,
        says: "the gates decide what is there: services, pins, owner, attachment, distribution, copy, \
               identity pool, trail",
        check: |world| {
            world.views(|it| {
                let there = |stack: &str| it.stack(stack).is_some();
                let services = it.scenario != "first-creation";
                for stack in [
                    "StaffApiServiceStack",
                    "VendorApiServiceStack",
                    "CloudWatchAlarmsEcsStack",
                    "EventBridgeRulesStack",
                    "CloudWatchAlarmsBatchStack",
                    "DashboardStack",
                ] {
                    it.equal(stack, there(stack), services);
                }
                let schedules = services && it.by(true, true, false);
                it.equal("ServiceSchedulesStack", there("ServiceSchedulesStack"), schedules);
                it.equal(
                    "TransitGatewayAttachmentStack",
                    there("TransitGatewayAttachmentStack"),
                    true,
                );
                it.equal(
                    "CloudFrontDistributionsStack",
                    there("CloudFrontDistributionsStack"),
                    true,
                );
                it.equal("CloudTrailStack", there("CloudTrailStack"), true);
                it.equal("CognitoIdentityPoolStack", there("CognitoIdentityPoolStack"), false);
                it.equal("DnsRecordsStack", there("DnsRecordsStack"), it.by(false, true, true));
                let bootstrap = "DbMigrationTaskDefinitionStack/BootstrapTaskDefinition";
                it.equal(bootstrap, it.resource(bootstrap).exists(), !services);
            })
        },
        fault: Fault { file: "stack.yaml", from: "    Condition: CreateIdentityPool\n", to: "" },
    },
    Fact {
        id: "7.1-GATES",
        level: R,
        says: "with any one of the gates turned, in any environment, the tree still resolves",
        check: |world| {
            let mut problems = Vec::new();
            for environment in ["dev", "stg", "prod"] {
                for (gate, value) in GATES {
                    // Profile seed, of dev and stg, needs the Transit Gateway.
                    if *gate == "TransitGatewayEnabled" && environment != "prod" {
                        continue;
                    }
                    let (_, tree) = world.plain_with(environment, "steady-state", &[(gate, value)]);
                    let told = tree.diagnostics.iter().map(|it| world.shown(it));
                    problems.extend(told.map(|it| format!("{environment}, {gate} {value}: {it}")));
                }
            }
            problems
        },
        fault: Fault {
            file: "stack.yaml",
            from: "VendorDistributionDomainName: !If\n          - CreateVendorDistribution\n          \
                   - !GetAtt CloudFrontDistributionsStack.Outputs.VendorDistributionDomainName\n          \
                   - \"\"\n",
            to: "VendorDistributionDomainName: !GetAtt \
                 CloudFrontDistributionsStack.Outputs.VendorDistributionDomainName\n",
        },
    },
    Fact {
        id: "V-07",
        level: S,
        says: "the nested stacks wait as table 7.3 says, and their waves are the longest paths",
        check: |world| {
            world.texts(|it| {
                let written: BTreeMap<&str, BTreeSet<&str>> = wiring::nested(world)
                    .map(|(id, it)| (id, it.depends_on.iter().map(|it| &*it.text).collect()))
                    .collect();
                let waves = waves(world);
                for (wave, stack, template, depends_on) in ORDER {
                    let expected = depends_on.iter().copied().collect();
                    it.equal(format!("DependsOn of {stack}"), written.get(stack), Some(&expected));
                    it.equal(format!("the wave of {stack}"), waves.get(*stack), Some(wave));
                    let url = format!("nested/{template}.yaml");
                    it.equal(format!("the template of {stack}"), url_of(world, stack), Some(url));
                }
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "  LogGroupsStack:\n    Type: AWS::CloudFormation::Stack\n    \
                   DependsOn: KmsKeysStack\n",
            to: "  LogGroupsStack:\n    Type: AWS::CloudFormation::Stack\n    \
                 DependsOn: LogBucketsStack\n",
        },
    },
    Fact {
        id: "S-ROOT-02",
        level: S,
        says: "the parent keeps the sections of the report, then logging and storage, and in each the \
               nested stacks of that folder",
        check: |world| {
            world.texts(|it| {
                let (mut section, mut found) = ("", Vec::new());
                let lines: Vec<&str> = world.text("stack.yaml").lines().collect();
                let rule =
                    |index: usize| lines.get(index).is_some_and(|it| it.starts_with("  # ==="));
                for (index, line) in lines.iter().enumerate() {
                    let title = line.strip_prefix("  # ").and_then(|it| it.strip_suffix(" Stack"));
                    let between = index > 0 && rule(index - 1) && rule(index + 1);
                    if let Some(title) = title.filter(|_| between) {
                        section = title;
                        found.push(title);
                    }
                    let file = line.trim().strip_prefix("TemplateURL: nested/");
                    let folder = file.and_then(|it| it.split('/').next());
                    if let Some(folder) = folder {
                        it.equal(line.trim(), section.to_lowercase(), folder);
                    }
                }
                it.same("the sections", found, SECTIONS);
            })
        },
        fault: Fault { file: "stack.yaml", from: "  # Storage Stack\n", to: "  # Reports Stack\n" },
    },
    Fact {
        id: "7.3-OUTPUTS",
        level: R,
        says: "the root's outputs are the fourteen that operators need",
        check: |world| {
            world.views(|it| {
                let outputs = it.tree.root().outputs.iter().map(|it| &it.name);
                it.same("the outputs", outputs, OUTPUTS);
                let notice = it.output("", "EngineEndOfSupportNotice");
                it.require(notice.contains("2027-02-28"), format!("the notice says {notice:?}"));
                it.equal("VpcId", it.output("", "VpcId"), "<VpcStack/VPC>");
                it.equal(
                    "DBEndpoint",
                    it.output("", "DBEndpoint"),
                    "<RdsStack/DBInstance.Endpoint.Address>",
                );
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "  MigrationTaskDefinitionArn:\n    Description:",
            to: "  MigrationArn:\n    Description:",
        },
    },
    Fact {
        id: "AF-ROOT-1",
        level: S,
        says: "the parent has 50 nested stacks and no other resource",
        check: |world| {
            world.texts(|it| {
                let resources = world.template("stack.yaml").map_or(0, |it| it.resources.len());
                let stacks = wiring::nested(world).count();
                it.equal("resources and nested stacks", (resources, stacks), (50, 50));
                it.equal("the rows of the order", ORDER.len(), 50);
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "  VpcStack:\n",
            to: "  Handle:\n    Type: AWS::CloudFormation::WaitConditionHandle\n\n  VpcStack:\n",
        },
    },
    Fact {
        id: "AF-ROOT-2",
        level: S,
        says: "every file under nested/ is referenced exactly once",
        check: |world| {
            world.texts(|it| {
                let mut used: BTreeMap<String, usize> = BTreeMap::new();
                for (stack, _) in wiring::nested(world) {
                    *used.entry(url_of(world, stack).unwrap_or_default()).or_default() += 1;
                }
                let files = world.texts.0.keys().filter(|it| it.starts_with("nested/"));
                for file in files {
                    it.equal(format!("the uses of {file}"), used.remove(file), Some(1));
                }
                it.equal("the uses of other files", used.into_keys().collect::<Vec<_>>(), [""; 0]);
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "TemplateURL: nested/network/flow-logs.yaml",
            to: "TemplateURL: nested/network/subnets.yaml",
        },
    },
    Fact {
        id: "AF-ROOT-3",
        level: S,
        says: "W-1 to W-9 hold",
        check: |world| {
            let rules = ["W-1", "W-2", "W-3", "W-4", "W-5", "W-6", "W-7", "W-8", "W-9"];
            rules.iter().flat_map(|it| check_of(it, world)).collect()
        },
        fault: Fault {
            file: "nested/network/subnets.yaml",
            from: "-PublicSubnet1Id\"",
            to: "-PublicSubnet1\"",
        },
    },
    Fact {
        id: "AF-ROOT-4",
        level: R,
        says: "the tree resolves without a finding in every environment and scenario",
        check: |world| {
            world.views(|it| {
                for finding in world.findings(it).filter(|it| it.severity != Severity::Info) {
                    it.say(world.shown(finding));
                }
                let tree = world.plain(it);
                for (stack, resource) in tree.resources() {
                    resource.properties.unknowns(&mut |unknown| {
                        unknown.each(&mut |unknown| {
                            let resolved = matches!(
                                unknown,
                                Unknown::PhysicalId(_)
                                    | Unknown::Attribute(..)
                                    | Unknown::StackOutput { .. }
                                    | Unknown::Pseudo(_)
                            );
                            let place = format!("{}/{}", stack.path, resource.logical_id);
                            it.require(
                                resolved,
                                format!("{place} waits for {}", unknown.describe()),
                            );
                        });
                    });
                }
                for import in tree.imports.iter().filter(|it| !it.in_order) {
                    it.say(format!("{} imports {} too early", import.path, import.name));
                }
            })
        },
        fault: Fault {
            file: "nested/compute/alb.yaml",
            from: "-AlbPublicSecurityGroupId\"",
            to: "-AlbPublicGroupId\"",
        },
    },
    Fact {
        id: "AF-ROOT-7",
        level: S,
        says: "every packaged template is smaller than 1 MB, and no script passes one as text",
        check: |world| {
            world.texts(|it| {
                for (path, template) in world.templates() {
                    // Packaging makes a URL of each relative path: shorter than 200 characters.
                    let packaged = world.text(path).len() + 200 * template.resources.len();
                    it.require(packaged < 1_000_000, format!("{path} has {packaged} bytes"));
                }
                for (path, text) in &world.texts.0 {
                    let body = text.contains("--template-body") || text.contains("TemplateBody");
                    it.require(!body, format!("{path} passes a template as text"));
                }
            })
        },
        fault: Fault {
            file: "bootstrap/stack.yaml",
            from: "AWSTemplateFormatVersion: \"2010-09-09\"\n",
            to: "AWSTemplateFormatVersion: \"2010-09-09\"\n# create-stack --template-body file://stack.yaml\n",
        },
    },
];

/// The template of a nested stack.
fn url_of(world: &World, stack: &str) -> Option<String> {
    let properties = world.declaration("stack.yaml", stack)?.properties.as_ref()?;
    properties.get("TemplateURL").and_then(Expr::as_text).map(str::to_owned)
}

/// The longest path to each nested stack over everything that it waits for, conditions aside.
fn waves(world: &World) -> BTreeMap<String, usize> {
    let Some(parent) = world.template("stack.yaml") else { return BTreeMap::new() };
    let on = dependencies(parent);
    let mut waves = vec![0; on.len()];
    // As many rounds as there can be waves; in a cycle the numbers grow and fit no table.
    for _ in 0..on.len() {
        for index in 0..on.len() {
            waves[index] = on[index].iter().map(|it| waves[it.on] + 1).max().unwrap_or(0);
        }
    }
    parent.resources.iter().zip(waves).map(|(it, wave)| (it.name.text.to_string(), wave)).collect()
}
