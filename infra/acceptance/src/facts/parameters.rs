//! 9 Parameter files, and the rules of the parent that refuse them (7.2).

use super::{
    Fact, Fault,
    Level::{R, S},
};
use crate::view::Problems;
use crate::world::World;
use kumiki_project::parse_parameter_file;
use std::collections::BTreeSet;

/// A row: parameter, dev, stg, prod, whether the report gives it in dev, stg and prod.
type Row = (&'static str, [&'static str; 3], [bool; 3]);

const ALL: [bool; 3] = [true; 3];
const NONE: [bool; 3] = [false; 3];

const fn same(name: &'static str, value: &'static str) -> Row {
    (name, [value; 3], NONE)
}

/// Table 9, in its order. `<…>` is a value that only the owner knows; dev is rehearsed with values
/// of documentation where the parameter takes no placeholder.
const TABLE: &[Row] = &[
    ("Environment", ["dev", "stg", "prod"], NONE),
    same("ProjectName", "facility"),
    same("Owner", "<owner>"),
    same("CostCenter", "<code>"),
    ("VpcCidr", ["10.0.0.0/16", "10.1.0.0/16", "10.2.0.0/16"], ALL),
    same("AvailabilityZone1", "ap-northeast-1a"),
    same("AvailabilityZone2", "ap-northeast-1c"),
    same("OnPremCidr", "192.168.0.0/16"),
    same("ClientVpnCidr", "172.16.0.0/16"),
    same("TransitGatewayEnabled", "true"),
    ("TransitGatewayId", ["tgw-00000000000000000", "<tgw>", "<tgw>"], NONE),
    ("EndpointProfile", ["seed", "seed", "isolated"], NONE),
    ("EndpointAzCount", ["1", "2", "2"], NONE),
    same("S3PrefixListId", "pl-61a54008"),
    ("DevAllowedCidr", ["192.0.2.1/32", "", ""], NONE),
    ("FlowLogTrafficType", ["REJECT", "ALL", "ALL"], NONE),
    ("DBEngineMajor", ["14", "14", "14"], ALL),
    same("DBEngineVersion", "14.24"),
    (
        "DBEngineLifecycleSupport",
        [
            "open-source-rds-extended-support-disabled",
            "open-source-rds-extended-support-disabled",
            "open-source-rds-extended-support",
        ],
        NONE,
    ),
    ("AcknowledgePostgres14Eol", ["", "", "ACCEPTED-2027-02-28"], NONE),
    ("DBInstanceClass", ["db.t4g.micro", "db.t4g.small", "db.t4g.medium"], ALL),
    ("DBAllocatedStorage", ["20", "50", "100"], [true, false, true]),
    ("DBMaxAllocatedStorage", ["100", "200", "500"], NONE),
    ("DBMultiAZ", ["false", "true", "true"], ALL),
    ("DBBackupRetentionPeriod", ["7", "14", "30"], ALL),
    ("EnablePerformanceInsights", ["false", "false", "true"], [false, false, true]),
    ("DeletionProtection", ["false", "true", "true"], NONE),
    same("DBCACertificateIdentifier", "rds-ca-rsa2048-g1"),
    same("UseCustomOptionGroup", "false"),
    same("DBSnapshotIdentifier", ""),
    ("ECSTaskCpu", ["256", "512", "512"], ALL),
    ("ECSTaskMemory", ["512", "1024", "1024"], ALL),
    ("ECSDesiredCount", ["1", "1", "2"], ALL),
    ("ECSMinCapacity", ["1", "1", "2"], NONE),
    ("ECSMaxCapacity", ["3", "5", "10"], [false, false, true]),
    ("EcsCpuTarget", ["70", "70", "70"], [true, false, false]),
    ("BatchTaskCpu", ["1024", "2048", "2048"], [false, false, true]),
    ("BatchTaskMemory", ["2048", "4096", "4096"], [false, false, true]),
    same("CpuArchitecture", "X86_64"),
    same("StaffApiImageTag", UNBUILT),
    same("VendorApiImageTag", UNBUILT),
    same("BatchImageTag", UNBUILT),
    ("EnableExecuteCommand", ["true", "false", "false"], NONE),
    ("OperatingSchedule", ["true", "true", "false"], NONE),
    ("AlbDeletionProtection", ["false", "false", "true"], NONE),
    ("AlbConnectionLogs", ["false", "false", "true"], NONE),
    same("AlbSslPolicy", "ELBSecurityPolicy-TLS13-1-3-2021-06"),
    ("HostedZoneId", ["", "<zone>", "<zone>"], NONE),
    ("StaffApiDomainName", ["", "<names>", "<names>"], NONE),
    ("VendorApiDomainName", ["", "<names>", "<names>"], NONE),
    ("VendorSpaDomainName", ["", "<names>", "<names>"], NONE),
    same("AcmInternalCertificateArn", ""),
    same("AcmPublicCertificateArn", ""),
    same("EdgeWebAclArn", ""),
    same("EdgeCertificateArn", ""),
    same("DrVaultArn", ""),
    ("GeoRestrictionEnabled", ["false", "true", "true"], [false, true, true]),
    ("RateLimit", ["2000", "2000", "2000"], [true, false, false]),
    same("AllowedIpv4List", ""),
    ("StaffMfa", ["OPTIONAL", "OPTIONAL", "OPTIONAL"], [true, false, false]),
    same("UserPoolTier", "ESSENTIALS"),
    ("SesIdentityArn", ["", "<identity>", "<identity>"], NONE),
    ("LogRetentionDays", ["30", "90", "90"], NONE),
    same("AuditLogRetentionDays", "400"),
    ("AlertEmail", ["<team>", "<team>", "<on-call>"], NONE),
    ("SlackWorkspaceId", ["", "", "<ids>"], NONE),
    ("SlackChannelId", ["", "", "<ids>"], NONE),
    ("TeamsTeamId", ["", "", "<ids>"], NONE),
    ("TeamsTenantId", ["", "", "<ids>"], NONE),
    ("TeamsChannelId", ["", "", "<ids>"], NONE),
    ("MonthlyBudgetUsd", ["300", "500", "900"], NONE),
    ("YearlyJobEnabled", ["false", "true", "true"], NONE),
    ("VaultLockEnabled", ["false", "false", "true"], NONE),
    ("PermissionsBoundaryArn", ["", "<from bootstrap>", "<from bootstrap>"], NONE),
    ("SpaDeployRoleArn", ["", "<from bootstrap>", "<from bootstrap>"], NONE),
    same("ServicesEnabled", "false"),
    same("PinDesiredCount", "true"),
    same("BootstrapOwner", "true"),
    same("EdgeEnabled", "true"),
    ("DrEnabled", ["false", "false", "true"], NONE),
    same("CloudTrailEnabled", "true"),
    same("IdentityPoolEnabled", "false"),
    same("StaffDistributionEnabled", "false"),
];

/// What stands for an image that CI has not built yet.
const UNBUILT: &str = "0000000000000000000000000000000000000000";

/// Values by parameter.
type Values = [(&'static str, &'static str)];

/// One wrong value for each clause of each rule: rule, environment, values.
const REFUSED: &[(&str, &str, &Values)] = &[
    ("R1CertificateAvailable", "stg", &[("HostedZoneId", "")]),
    ("R1CertificateAvailable", "prod", &[("StaffApiDomainName", "")]),
    ("R1CertificateAvailable", "prod", &[("VendorApiDomainName", "")]),
    ("R2FargateSizes", "dev", &[("ECSTaskMemory", "4096")]),
    ("R2FargateSizes", "prod", &[("BatchTaskCpu", "256")]),
    ("R3SeedProfileNeedsTransitGateway", "dev", &[("TransitGatewayEnabled", "false")]),
    ("R4OperatorsKnown", "stg", &[("AlertEmail", "")]),
    ("R4OperatorsKnown", "prod", &[("AlertEmail", "changeme@example.com")]),
    ("R4OperatorsKnown", "prod", &[("Owner", "")]),
    ("R4OperatorsKnown", "prod", &[("CostCenter", "")]),
    ("R5ProductionAvailability", "prod", &[("DBMultiAZ", "false")]),
    ("R5ProductionAvailability", "prod", &[("DBBackupRetentionPeriod", "29")]),
    ("R5ProductionAvailability", "prod", &[("ECSDesiredCount", "1")]),
    ("R5ProductionAvailability", "prod", &[("ECSMinCapacity", "1")]),
    ("R6DevNotOpenToWorld", "dev", &[("DevAllowedCidr", "0.0.0.0/0")]),
    ("R7EngineVersionMatchesMajor", "dev", &[("DBEngineMajor", "16")]),
    ("R7EngineVersionMatchesMajor", "prod", &[("DBEngineVersion", "17.5")]),
    ("R8Postgres14Acknowledged", "prod", &[("AcknowledgePostgres14Eol", "")]),
];

/// What is refused only where it matters: values that the same rules let pass.
const ADMITTED: &[(&str, &Values)] = &[
    ("dev", &[("AlertEmail", "")]),
    ("stg", &[("DBMultiAZ", "false")]),
    ("stg", &[("AcknowledgePostgres14Eol", "")]),
    ("prod", &[("TransitGatewayEnabled", "false")]),
    (
        "prod",
        &[("AcknowledgePostgres14Eol", ""), ("DBEngineMajor", "17"), ("DBEngineVersion", "17.5")],
    ),
];

/// The facts of the parameter files.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "PAR-1",
        level: S,
        says: "the three files have the same keys in the same order, and they are the parameters of the \
               parent",
        check: |world| {
            world.texts(|it| {
                let declared: Vec<_> = world
                    .template("stack.yaml")
                    .into_iter()
                    .flat_map(|it| it.parameters.iter().map(|it| it.name.text.to_string()))
                    .collect();
                for environment in ["dev", "stg", "prod"] {
                    let keys: Vec<_> =
                        given(world, environment).into_iter().map(|(name, _)| name).collect();
                    it.same(format!("the keys of {environment}"), keys, &declared);
                }
                for root in ["bootstrap", "edge", "dr", "rotation"] {
                    let template = world.template(&format!("{root}/stack.yaml"));
                    let parameters = template.into_iter().flat_map(|it| it.parameters.names());
                    let declared: BTreeSet<_> = parameters.map(str::to_owned).collect();
                    for environment in ["dev", "stg", "prod"] {
                        let file = format!("roots/{root}.{environment}");
                        let keys: BTreeSet<_> =
                            given(world, &file).into_iter().map(|(name, _)| name).collect();
                        it.same(format!("the keys of {file}"), keys, &declared);
                    }
                }
            })
        },
        fault: Fault {
            file: "parameters/stg.json",
            from: "  {\"ParameterKey\": \"RateLimit\", \"ParameterValue\": \"2000\"},\n",
            to: "",
        },
    },
    Fact {
        id: "PAR-2",
        level: S,
        says: "the figures that the report gives are the report's",
        check: |world| world.texts(|it| check_table(world, it, |given| given)),
        fault: Fault {
            file: "parameters/stg.json",
            from: "\"ECSDesiredCount\", \"ParameterValue\": \"1\"",
            to: "\"ECSDesiredCount\", \"ParameterValue\": \"2\"",
        },
    },
    Fact {
        id: "9-TABLE",
        level: S,
        says: "every other figure is that of the table, and there is no parameter beside it",
        check: |world| {
            world.texts(|it| {
                check_table(world, it, |given| !given);
                let keys = given(world, "dev").into_iter().map(|(name, _)| name);
                it.same("the parameters", keys, TABLE.iter().map(|it| it.0));
            })
        },
        fault: Fault {
            file: "parameters/prod.json",
            from: "\"MonthlyBudgetUsd\", \"ParameterValue\": \"900\"",
            to: "\"MonthlyBudgetUsd\", \"ParameterValue\": \"9000\"",
        },
    },
    Fact {
        id: "PAR-3",
        level: S,
        says: "no secret, account number or private host name stands in a parameter file",
        check: |world| {
            world.texts(|it| {
                for (path, text) in &world.texts.0 {
                    if !path.starts_with("parameters/") {
                        continue;
                    }
                    for line in text.lines() {
                        let account = line
                            .split(|it: char| !it.is_ascii_alphanumeric())
                            .any(|it| it.len() == 12 && it.bytes().all(|it| it.is_ascii_digit()));
                        it.require(!account, format!("{path} has an account: {line}"));
                        let lower = line.to_lowercase();
                        for word in [
                            "password",
                            "secretstring",
                            "begin private key",
                            "akia",
                            ".internal",
                            ".local\"",
                            ".lan\"",
                            ".corp",
                            "amazonaws.com",
                        ] {
                            it.require(!lower.contains(word), format!("{path} has {word}: {line}"));
                        }
                    }
                }
            })
        },
        fault: Fault {
            file: "parameters/stg.json",
            from: "\"StaffApiDomainName\", \"ParameterValue\": \"<names>\"",
            to: "\"StaffApiDomainName\", \"ParameterValue\": \"staff.facility.internal\"",
        },
    },
    Fact {
        id: "PAR-4",
        level: R,
        says: "rules R-1 to R-8 let the three files pass, and refuse each of them with one wrong value",
        check: |world| {
            let mut problems = world.views(|it| {
                for finding in world.findings(it).filter(|it| it.rule == "rule-failed") {
                    it.say(world.shown(finding));
                }
            });
            let failed = |environment: &str, values: &[(&str, &str)]| -> Vec<String> {
                let (_, tree) = world.plain_with(environment, "first-creation", values);
                let failed = tree.diagnostics.iter().filter(|it| it.rule == "rule-failed");
                failed.map(|it| it.message.to_string()).collect()
            };
            problems.extend(world.texts(|it| {
                let rules = world.template("stack.yaml").map_or(0, |it| it.rules.len());
                let tried: BTreeSet<_> = REFUSED.iter().map(|it| it.0).collect();
                it.equal("the number of rules", (rules, tried.len()), (8, 8));
                for (rule, environment, values) in REFUSED {
                    let message = format!("rule `{rule}` does not hold");
                    let refused = failed(environment, values).contains(&message);
                    it.require(refused, format!("{rule} lets {values:?} pass in {environment}"));
                }
                for (environment, values) in ADMITTED {
                    let found = failed(environment, values);
                    it.equal(format!("what refuses {values:?} in {environment}"), found, [""; 0]);
                }
            }));
            problems
        },
        fault: Fault {
            file: "stack.yaml",
            from: "                - [\"0\", \"1\"]\n                - !Ref ECSMinCapacity\n",
            to: "                - [\"0\"]\n                - !Ref ECSMinCapacity\n",
        },
    },
    Fact {
        id: "PAR-5",
        level: S,
        says: "the parent has fewer than the 200 parameters that the service admits: 83",
        check: |world| {
            world.texts(|it| {
                let count = world.template("stack.yaml").map_or(0, |it| it.parameters.len());
                it.equal("the number of parameters", (count, TABLE.len()), (83, 83));
                for (path, template) in world.templates() {
                    let count = template.parameters.len();
                    it.require(count < 200, format!("{path} has {count} parameters"));
                }
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "Parameters:\n  # ---",
            to: "Parameters:\n  Another:\n    Type: String\n    Default: \"\"\n  # ---",
        },
    },
];

/// The parameters of a file under `parameters/`, in its order.
fn given(world: &World, file: &str) -> Vec<(String, String)> {
    let path = format!("parameters/{file}.json");
    let sources = &world.library.sources;
    let Some((id, source)) = sources.iter().find(|(_, it)| it.path() == path) else {
        return Vec::new();
    };
    let read = parse_parameter_file(id, source.text());
    read.parameters.iter().map(|it| (it.name.to_string(), it.value.to_string())).collect()
}

/// The cells of the table that are wanted, by whether the report gives them.
fn check_table(world: &World, it: &Problems, wanted: impl Fn(bool) -> bool) {
    for (index, environment) in ["dev", "stg", "prod"].into_iter().enumerate() {
        let values = given(world, environment);
        for (name, expected, by_report) in TABLE.iter().filter(|it| wanted(it.2[index])) {
            let found = values.iter().find(|(it, _)| it == name).map(|(_, it)| it.as_str());
            let seed = if by_report[index] { " (the report's)" } else { "" };
            it.equal(format!("{environment}: {name}{seed}"), found, Some(expected[index]));
        }
    }
}
