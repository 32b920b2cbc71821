//! 8.2 Database, and 12 PostgreSQL 14.

use super::{
    Fact, Fault,
    Level::{R, S},
    check_of,
};
use crate::view::View;
use serde_json::Value as Json;
use std::collections::BTreeSet;

const PARAMETERS: &str = "nested/database/rds-parameter-group.yaml";
const OPTIONS: &str = "nested/database/rds-option-group.yaml";
const DATABASE: &str = "nested/database/rds-postgresql.yaml";
const BACKUP: &str = "nested/database/backup-plan.yaml";

const GROUP: &str = "RdsParameterGroupStack/DBParameterGroup";
const INSTANCE: &str = "RdsStack/DBInstance";
const PLAN: &str = "BackupPlanStack/BackupPlan";

/// The parameters of table 8.2.2: name, dev, stg, prod.
const PARAMETER_TABLE: &[(&str, &str, &str, &str)] = &[
    ("max_connections", "50", "100", "200"),
    ("work_mem", "4096", "4096", "8192"),
    ("maintenance_work_mem", "65536", "131072", "262144"),
    same("shared_buffers", "{DBInstanceClassMemory/32768}"),
    same("effective_cache_size", "{DBInstanceClassMemory/16384}"),
    same("rds.force_ssl", "1"),
    same("ssl_min_protocol_version", "TLSv1.2"),
    same("log_min_duration_statement", "1000"),
    same("log_statement", "none"),
    same("shared_preload_libraries", "pg_stat_statements,pgaudit"),
    same("pgaudit.log", "ddl,role"),
    same("log_connections", "1"),
    same("log_disconnections", "1"),
    same("log_lock_waits", "1"),
    same("idle_in_transaction_session_timeout", "300000"),
    same("password_encryption", "scram-sha-256"),
    same("timezone", "Asia/Tokyo"),
    same("autovacuum_vacuum_scale_factor", "0.1"),
];

const fn same(
    name: &'static str,
    value: &'static str,
) -> (&'static str, &'static str, &'static str, &'static str) {
    (name, value, value, value)
}

/// The row of each instance property in table 9.
const INSTANCE_TABLE: &[(&str, &str, &str, &str)] = &[
    ("DBInstanceClass", "db.t4g.micro", "db.t4g.small", "db.t4g.medium"),
    ("AllocatedStorage", "20", "50", "100"),
    ("MaxAllocatedStorage", "100", "200", "500"),
    ("MultiAZ", "false", "true", "true"),
    ("BackupRetentionPeriod", "7", "14", "30"),
    ("EnablePerformanceInsights", "false", "false", "true"),
    ("DeletionProtection", "false", "true", "true"),
    same("EngineVersion", "14.24"),
];

/// The facts of the database layer.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "DSG-1",
        level: R,
        says: "the subnet group holds exactly the two data subnets",
        check: |world| {
            world.views(|it| {
                it.expect(
                    "RdsSubnetGroupStack/DBSubnetGroup",
                    "SubnetIds",
                    r#"["<SubnetsStack/DataSubnet1>","<SubnetsStack/DataSubnet2>"]"#,
                );
                it.expect(INSTANCE, "DBSubnetGroupName", "<RdsSubnetGroupStack/DBSubnetGroup>");
            })
        },
        fault: Fault {
            file: "nested/database/rds-subnet-group.yaml",
            from: "-DataSubnet2Id\"",
            to: "-PrivateSubnet2Id\"",
        },
    },
    Fact {
        id: "S-DB-03",
        level: S,
        says: "DBSubnetGroupName is exported",
        check: |world| {
            exported(world, &[("DBSubnetGroupName", "RdsSubnetGroupStack/DBSubnetGroup")])
        },
        fault: Fault {
            file: "nested/database/rds-subnet-group.yaml",
            from: "    Value: !Ref DBSubnetGroup\n",
            to: "    Value: subnets\n",
        },
    },
    Fact {
        id: "PG-1",
        level: R,
        says: "max_connections is 50 in dev, 100 in stg, 200 in prod",
        check: |world| {
            world.views(|it| {
                it.expect(GROUP, "Parameters.max_connections", it.by("50", "100", "200"));
            })
        },
        fault: Fault {
            file: PARAMETERS,
            from: "MaxConnections: \"100\"",
            to: "MaxConnections: \"120\"",
        },
    },
    Fact {
        id: "PG-2",
        level: R,
        says: "shared buffers take 25 % of the class's memory, and with work_mem for every connection \
               no more than 75 % (44.5 %, 44.5 %, 64.1 %)",
        check: |world| {
            let mut problems = check_of("V-15", world);
            problems.extend(world.views(|it| {
                let class = it.by("db.t4g.micro", "db.t4g.small", "db.t4g.medium");
                it.expect(INSTANCE, "DBInstanceClass", class);
                it.expect(GROUP, "Parameters.shared_buffers", "{DBInstanceClassMemory/32768}");
                it.expect(GROUP, "Parameters.work_mem", it.by("4096", "4096", "8192"));
            }));
            problems
        },
        fault: Fault {
            file: PARAMETERS,
            from: "{DBInstanceClassMemory/32768}",
            to: "{DBInstanceClassMemory/16384}",
        },
    },
    Fact {
        id: "PG-3",
        level: R,
        says: "the family follows the major version, and so does the lowest TLS: 1.2 on 14, 1.3 from 16",
        check: |world| {
            let mut problems = Vec::new();
            for (major, version, tls) in
                [("14", "14.24", "TLSv1.2"), ("16", "16.9", "TLSv1.3"), ("17", "17.5", "TLSv1.3")]
            {
                let values = [("DBEngineMajor", major), ("DBEngineVersion", version)];
                problems.extend(world.with("prod", "steady-state", &values, |it| {
                    it.expect(GROUP, "Family", &format!("postgres{major}"));
                    it.expect(GROUP, "Parameters.ssl_min_protocol_version", tls);
                    let options = "RdsOptionGroupStack/DBOptionGroup";
                    it.expect(options, "MajorEngineVersion", major);
                    it.expect(INSTANCE, "EngineVersion", version);
                }));
            }
            problems
        },
        fault: Fault { file: PARAMETERS, from: "Family: postgres16", to: "Family: postgres14" },
    },
    Fact {
        id: "8.2.2",
        level: R,
        says: "the parameters are those of the table, all of them, with the values of the environment",
        check: |world| {
            world.views(|it| {
                let group = it.resource(GROUP);
                for (name, dev, stg, prod) in PARAMETER_TABLE {
                    let found = group.at("Parameters").get(name).cloned().unwrap_or_default();
                    let expected = it.by(*dev, *stg, *prod);
                    it.equal(name, crate::resource::text(&found), expected);
                }
                let count = group.at("Parameters").as_object().map_or(0, |it| it.len());
                it.equal("the number of parameters", count, PARAMETER_TABLE.len());
            })
        },
        fault: Fault { file: PARAMETERS, from: "timezone: Asia/Tokyo", to: "timezone: UTC" },
    },
    Fact {
        id: "S-DB-07",
        level: R,
        says: "TLS is mandatory: rds.force_ssl is 1",
        check: |world| parameter(world, "rds.force_ssl", "1"),
        fault: Fault { file: PARAMETERS, from: "rds.force_ssl: \"1\"", to: "rds.force_ssl: \"0\"" },
    },
    Fact {
        id: "S-DB-08",
        level: R,
        says: "queries of one second and more are logged",
        check: |world| parameter(world, "log_min_duration_statement", "1000"),
        fault: Fault {
            file: PARAMETERS,
            from: "log_min_duration_statement: \"1000\"",
            to: "log_min_duration_statement: \"-1\"",
        },
    },
    Fact {
        id: "V-19",
        level: R,
        says: "no statement that bears a password is logged in clear: log_statement is none, and pgaudit, \
               which redacts, is loaded for ddl and roles",
        check: |world| {
            let mut problems = parameter(world, "log_statement", "none");
            problems.extend(parameter(world, "pgaudit.log", "ddl,role"));
            problems.extend(parameter(
                world,
                "shared_preload_libraries",
                "pg_stat_statements,pgaudit",
            ));
            problems
        },
        fault: Fault { file: PARAMETERS, from: "log_statement: none", to: "log_statement: ddl" },
    },
    Fact {
        id: "S-DB-09",
        level: S,
        says: "DBParameterGroupName is exported for people, and reaches the instance by parameter",
        check: |world| {
            let mut problems = exported(world, &[("DBParameterGroupName", GROUP)]);
            problems.extend(world.views(|it| {
                it.equal(
                    "what is passed",
                    it.passed("RdsStack", "DBParameterGroupName"),
                    id(GROUP),
                );
                it.expect(INSTANCE, "DBParameterGroupName", &id(GROUP));
            }));
            problems
        },
        fault: Fault {
            file: DATABASE,
            from: "      DBParameterGroupName: !Ref DBParameterGroupName\n",
            to: "      DBParameterGroupName: default.postgres14\n",
        },
    },
    Fact {
        id: "OG-1",
        level: R,
        says: "the option group is of PostgreSQL and has no options, and the instance does not use it",
        check: |world| {
            world.views(|it| {
                let group = it.resource("RdsOptionGroupStack/DBOptionGroup");
                it.equal("the engine", group.text("EngineName"), "postgres");
                let options = group.list("OptionConfigurations").len();
                it.equal("the number of options", options, 0);
                it.expect(INSTANCE, "OptionGroupName", "nothing");
            })
        },
        fault: Fault {
            file: OPTIONS,
            from: "      MajorEngineVersion: !Ref DBEngineMajor\n",
            to: "      MajorEngineVersion: !Ref DBEngineMajor\n      OptionConfigurations:\n        \
                 - OptionName: SPATIAL\n",
        },
    },
    Fact {
        id: "OG-2",
        level: S,
        says: "a comment says that PostgreSQL has no options, and why the file exists",
        check: |world| {
            world.texts(|it| {
                let text = world.text(OPTIONS);
                let comment = text.lines().any(|it| {
                    it.trim_start().starts_with('#')
                        && it.contains("PostgreSQL")
                        && it.contains("C-15")
                });
                it.require(comment, "there is no such comment");
            })
        },
        fault: Fault { file: OPTIONS, from: "(C-15)", to: "" },
    },
    Fact {
        id: "S-DB-11",
        level: S,
        says: "DBOptionGroupName is exported for people",
        check: |world| {
            exported(world, &[("DBOptionGroupName", "RdsOptionGroupStack/DBOptionGroup")])
        },
        fault: Fault { file: OPTIONS, from: "Value: !Ref DBOptionGroup", to: "Value: none" },
    },
    Fact {
        id: "RDS-1",
        level: R,
        says: "class, storage, Multi-AZ, backups, Performance Insights and deletion protection are those \
               of the table, in each environment",
        check: |world| {
            world.views(|it| {
                for (property, dev, stg, prod) in INSTANCE_TABLE {
                    it.expect(INSTANCE, property, it.by(dev, stg, prod));
                }
            })
        },
        fault: Fault {
            file: "parameters/prod.json",
            from: "\"DBBackupRetentionPeriod\", \"ParameterValue\": \"30\"",
            to: "\"DBBackupRetentionPeriod\", \"ParameterValue\": \"31\"",
        },
    },
    Fact {
        id: "RDS-2",
        level: R,
        says: "the instance is encrypted and private, exports its logs and names its certificate authority",
        check: |world| {
            world.views(|it| {
                for (property, expected) in [
                    ("StorageEncrypted", "true"),
                    ("KmsKeyId", "<RdsStack/DBKey.Arn>"),
                    ("PubliclyAccessible", "false"),
                    ("EnableCloudwatchLogsExports", r#"["postgresql","upgrade"]"#),
                    ("CACertificateIdentifier", "rds-ca-rsa2048-g1"),
                    ("VPCSecurityGroups", r#"["<SecurityGroupsStack/RdsSecurityGroup.GroupId>"]"#),
                    ("EnableIAMDatabaseAuthentication", "true"),
                    ("CopyTagsToSnapshot", "true"),
                    ("DeleteAutomatedBackups", "false"),
                    ("AutoMinorVersionUpgrade", "true"),
                    ("AllowMajorVersionUpgrade", "false"),
                    ("MonitoringInterval", "60"),
                ] {
                    it.expect(INSTANCE, property, expected);
                }
                let insights = it.resource(INSTANCE).text("PerformanceInsightsRetentionPeriod");
                it.equal(
                    "the days of insights",
                    insights.as_str(),
                    it.by("nothing", "nothing", "7"),
                );
            })
        },
        fault: Fault {
            file: DATABASE,
            from: "EnableCloudwatchLogsExports: [postgresql, upgrade]",
            to: "EnableCloudwatchLogsExports: [postgresql]",
        },
    },
    Fact {
        id: "RDS-3",
        level: S,
        says: "the instance leaves a snapshot, and the key that opens it stays",
        check: |world| {
            world.views(|it| {
                let policies = |name: &str| {
                    let node = it.resource(name).node();
                    node.map(|it| [it.deletion_policy.as_str(), it.update_replace_policy.as_str()])
                };
                it.equal(INSTANCE, policies(INSTANCE), Some(["Snapshot", "Snapshot"]));
                // Stays, except when its own creation fails.
                let stays = Some(["RetainExceptOnCreate", "Retain"]);
                it.equal("the key", policies("RdsStack/DBKey"), stays);
                it.equal("its alias", policies("RdsStack/DBKeyAlias"), stays);
            })
        },
        fault: Fault {
            file: DATABASE,
            from: "    UpdateReplacePolicy: Snapshot\n",
            to: "    UpdateReplacePolicy: Delete\n",
        },
    },
    Fact {
        id: "RDS-4",
        level: R,
        says: "backups run 02:00-03:00 JST, maintenance on Sunday 03:30-04:30 JST, the backup plan at \
               06:00 JST: none within an hour of another",
        check: |world| {
            let mut problems = check_of("V-16", world);
            // In UTC.
            problems.extend(world.views(|it| {
                it.expect(INSTANCE, "PreferredBackupWindow", "17:00-18:00");
                it.expect(INSTANCE, "PreferredMaintenanceWindow", "sat:18:30-sat:19:30");
                it.expect(
                    PLAN,
                    "BackupPlan.BackupPlanRule.0.ScheduleExpression",
                    "cron(0 21 * * ? *)",
                );
            }));
            problems
        },
        fault: Fault { file: DATABASE, from: "sat:18:30-sat:19:30", to: "sat:17:30-sat:18:30" },
    },
    Fact {
        id: "RDS-7",
        level: S,
        says: "no template has a MasterUserPassword: RDS makes the master secret and rotates it",
        check: |world| {
            let mut problems = world.texts(|it| {
                for (path, text) in &world.texts.0 {
                    let found = text.contains("MasterUserPassword:")
                        && text
                            .lines()
                            .any(|it| it.trim_start().starts_with("MasterUserPassword:"));
                    it.require(!found, format!("{path} has one"));
                }
            });
            problems.extend(world.views(|it| {
                it.expect(INSTANCE, "ManageMasterUserPassword", "true");
            }));
            problems
        },
        fault: Fault {
            file: DATABASE,
            from: "      ManageMasterUserPassword: true\n",
            to: "      MasterUserPassword: hunter2hunter2\n",
        },
    },
    Fact {
        id: "RDS-8",
        level: R,
        says: "the life-cycle support is explicit: disabled in dev and stg, enabled in prod",
        check: |world| {
            world.views(|it| {
                let enabled = "open-source-rds-extended-support";
                let disabled = "open-source-rds-extended-support-disabled";
                it.expect(INSTANCE, "EngineLifecycleSupport", it.by(disabled, disabled, enabled));
            })
        },
        fault: Fault {
            file: DATABASE,
            from: "      EngineLifecycleSupport: !Ref DBEngineLifecycleSupport\n",
            to: "",
        },
    },
    Fact {
        id: "S-DB-12",
        level: R,
        says: "the instance is PostgreSQL 14",
        check: |world| {
            world.views(|it| {
                it.expect(INSTANCE, "Engine", "postgres");
                let version = it.resource(INSTANCE).text("EngineVersion");
                it.require(version.starts_with("14."), format!("it is {version}"));
            })
        },
        fault: Fault { file: DATABASE, from: "Engine: postgres\n", to: "Engine: mysql\n" },
    },
    Fact {
        id: "S-DB-13",
        level: R,
        says: "storage is encrypted with the customer managed key that this template makes",
        check: |world| {
            world.views(|it| {
                it.expect(INSTANCE, "StorageEncrypted", "true");
                it.expect(INSTANCE, "KmsKeyId", "<RdsStack/DBKey.Arn>");
                it.equal("the key", it.resource("RdsStack/DBKey").type_name(), "AWS::KMS::Key");
                it.expect("RdsStack/DBKeyAlias", "TargetKeyId", "<RdsStack/DBKey>");
                let alias = format!("alias/facility-{}-rds", it.environment);
                it.expect("RdsStack/DBKeyAlias", "AliasName", &alias);
            })
        },
        fault: Fault { file: DATABASE, from: "      KmsKeyId: !GetAtt DBKey.Arn\n", to: "" },
    },
    Fact {
        id: "S-DB-14",
        level: R,
        says: "Secrets Manager holds the master's and the owner's credentials under the secrets key",
        check: |world| {
            world.views(|it| {
                let key = "<KmsKeysStack/SecretsKey.Arn>";
                it.expect(INSTANCE, "ManageMasterUserPassword", "true");
                it.expect(INSTANCE, "MasterUserSecret.KmsKeyId", key);
                it.expect("RdsStack/DBSecret", "KmsKeyId", key);
                it.equal(
                    "DBMasterSecretArn",
                    it.exported("DBMasterSecretArn"),
                    "<RdsStack/DBInstance.MasterUserSecret.SecretArn>",
                );
            })
        },
        fault: Fault {
            file: DATABASE,
            from: "      MasterUserSecret:\n        KmsKeyId:\n          Fn::ImportValue: !Sub \
                   \"${ProjectName}-${Environment}-SecretsKeyArn\"\n",
            to: "",
        },
    },
    Fact {
        id: "S-DB-21",
        level: S,
        says: "DBEndpoint, DBPort, DBSecretArn and DBEncryptionKey are exported",
        check: |world| {
            world.views(|it| {
                for (export, expected) in [
                    ("DBEndpoint", "<RdsStack/DBInstance.Endpoint.Address>"),
                    ("DBPort", "<RdsStack/DBInstance.Endpoint.Port>"),
                    ("DBSecretArn", "<RdsStack/DBSecret>"),
                    ("DBEncryptionKey", "<RdsStack/DBKey.Arn>"),
                    ("DBInstanceIdentifier", "<RdsStack/DBInstance>"),
                ] {
                    it.equal(export, it.exported(export), expected);
                }
            })
        },
        fault: Fault { file: DATABASE, from: "-DBEncryptionKey\"", to: "-DBKeyArn\"" },
    },
    Fact {
        id: "S-DB-28",
        level: R,
        says: "storage is gp3 and grows by itself",
        check: |world| {
            world.views(|it| {
                it.expect(INSTANCE, "StorageType", "gp3");
                let (now, most) = ("AllocatedStorage", "MaxAllocatedStorage");
                let instance = it.resource(INSTANCE);
                it.require(instance.number(now) < instance.number(most), "it does not grow");
            })
        },
        fault: Fault { file: DATABASE, from: "StorageType: gp3", to: "StorageType: gp2" },
    },
    Fact {
        id: "S-SEC-09",
        level: S,
        says: "the secret of the schema owner is made beside the database: 40 characters without \
               punctuation, used by nobody but the migration",
        check: |world| {
            world.views(|it| {
                let secret = "RdsStack/DBSecret";
                it.expect(secret, "Name", &format!("facility/{}/db/owner", it.environment));
                it.expect(secret, "GenerateSecretString.PasswordLength", "40");
                it.expect(secret, "GenerateSecretString.ExcludePunctuation", "true");
                let template =
                    it.resource(secret).text("GenerateSecretString.SecretStringTemplate");
                let template: Json = serde_json::from_str(&template).unwrap_or_default();
                it.equal("the user", &template["username"], &Json::from("facility_owner"));
                let users: BTreeSet<_> = it
                    .tree
                    .imports
                    .iter()
                    .filter(|it| it.name.ends_with("-DBSecretArn"))
                    .map(|it| &*it.path)
                    .collect();
                let expected = ["DbMigrationTaskDefinitionStack", "EcsExecutionRoleStack"];
                it.equal("who imports it", users, expected.into_iter().collect::<BTreeSet<_>>());
            })
        },
        fault: Fault { file: DATABASE, from: "PasswordLength: 40", to: "PasswordLength: 12" },
    },
    Fact {
        id: "BAK-1",
        level: R,
        says: "prod copies every backup to Osaka and keeps the copy seven days; dev and stg do not",
        check: |world| {
            world.views(|it| {
                let copies = it.resource(PLAN).list("BackupPlan.BackupPlanRule.0.CopyActions");
                it.equal("the number of copies", copies.len(), it.by(0, 0, 1));
                for copy in copies {
                    let vault = crate::resource::text(&copy["DestinationBackupVaultArn"]);
                    it.require(vault.contains("ap-northeast-3"), format!("it goes to {vault}"));
                    it.equal("its days", &copy["Lifecycle"]["DeleteAfterDays"], &Json::from(7));
                }
                it.expect(PLAN, "BackupPlan.BackupPlanRule.0.Lifecycle.DeleteAfterDays", "35");
                it.expect(PLAN, "BackupPlan.BackupPlanRule.0.StartWindowMinutes", "60");
                it.expect(PLAN, "BackupPlan.BackupPlanRule.0.CompletionWindowMinutes", "240");
            })
        },
        fault: Fault {
            file: "parameters/prod.json",
            from: "\"DrEnabled\", \"ParameterValue\": \"true\"",
            to: "\"DrEnabled\", \"ParameterValue\": \"false\"",
        },
    },
    Fact {
        id: "BAK-3",
        level: R,
        says: "the database and the reports bucket carry the tag by which the plan selects, and nothing \
               else does",
        check: |world| {
            world.views(|it| {
                let mut tagged: Vec<_> = it
                    .resources()
                    .filter(|it| it.tag("Backup").as_deref() == Some("daily-osaka"))
                    .map(|it| it.name)
                    .collect();
                tagged.sort();
                it.equal("what is tagged", tagged, [INSTANCE, "ReportsBucketStack/ReportsBucket"]);
                let selection = it.resource("BackupPlanStack/BackupSelection");
                let conditions = selection.list("BackupSelection.Conditions.StringEquals");
                let keys: Vec<_> = conditions
                    .iter()
                    .map(|it| {
                        [&it["ConditionKey"], &it["ConditionValue"]].map(crate::resource::text)
                    })
                    .collect();
                let expected = [
                    ["aws:ResourceTag/Backup", "daily-osaka"],
                    ["aws:ResourceTag/Project", "facility"],
                    ["aws:ResourceTag/Environment", it.environment],
                ];
                it.equal("what is selected", keys, expected);
            })
        },
        fault: Fault {
            file: "nested/storage/reports-bucket.yaml",
            from: "Value: daily-osaka",
            to: "Value: none",
        },
    },
    Fact {
        id: "8.2.5",
        level: R,
        says: "the vault is under the data key, locked for 7 to 400 days in prod, and prod tests its \
               restores every month",
        check: |world| {
            world.views(|it| {
                let vault = "BackupPlanStack/BackupVault";
                it.expect(vault, "EncryptionKeyArn", "<KmsKeysStack/DataKey.Arn>");
                it.expect(
                    vault,
                    "LockConfiguration",
                    it.by("nothing", "nothing", r#"{"MinRetentionDays":7,"MaxRetentionDays":400}"#),
                );
                let tests = it.names("AWS::Backup::RestoreTestingPlan").len();
                it.equal("the number of restore tests", tests, it.by(0, 0, 1));
            })
        },
        fault: Fault { file: BACKUP, from: "MaxRetentionDays: 400", to: "MaxRetentionDays: 30" },
    },
    Fact {
        id: "EOL-1",
        level: R,
        says: "another major version alone resolves everywhere and replaces the two groups only, neither \
               of which is imported",
        check: |world| {
            let mut problems = Vec::new();
            for environment in ["dev", "stg", "prod"] {
                for (major, version) in [("16", "16.9"), ("17", "17.5")] {
                    let values = [("DBEngineMajor", major), ("DBEngineVersion", version)];
                    let (_, tree) = world.plain_with(environment, "steady-state", &values);
                    let found = tree.diagnostics.iter().map(|it| world.shown(it));
                    problems.extend(found.map(|it| format!("{environment} on {major}: {it}")));
                    problems.extend(world.with(environment, "steady-state", &[], |before| {
                        let found = world.with(environment, "steady-state", &values, |after| {
                            let groups = [GROUP, "RdsOptionGroupStack/DBOptionGroup"];
                            after.equal(
                                format!("what {major} replaces"),
                                replaced(before, after),
                                groups,
                            );
                            let imported = after.tree.imports.iter().find(|it| {
                                it.name.ends_with("ParameterGroupName")
                                    || it.name.ends_with("OptionGroupName")
                            });
                            after.require(imported.is_none(), "a group is imported");
                        });
                        found.into_iter().for_each(|it| before.say(it));
                    }));
                }
            }
            problems
        },
        fault: Fault {
            file: DATABASE,
            from: "      StorageType: gp3\n",
            to: "      StorageType: gp3\n      CharacterSetName: !Ref DBEngineVersion\n",
        },
    },
    Fact {
        id: "EOL-3",
        level: S,
        says: "the ends of support are constants of one dated file with its source; the parent's notice \
               and the acknowledgement say the same",
        check: |world| {
            world.texts(|it| {
                let dated = ENGINES.lines().any(|it| it.starts_with("# as of 20"));
                it.require(dated, "the file of the constants has no date");
                let parent = world.template("stack.yaml");
                let mapping = parent.and_then(|it| it.mappings.get("EngineEndOfSupport"));
                let entries = mapping.map_or(&[][..], |it| &it.entries);
                let allowed = parent.and_then(|it| it.parameters.get("DBEngineMajor"));
                let majors = allowed.map(|it| it.allowed_values.iter().map(|it| &*it.text));
                let majors: Vec<&str> = majors.into_iter().flatten().collect();
                it.equal("the majors", &majors, &["14", "16", "17"]);
                for major in majors {
                    let entry = entries.iter().find(|(it, _)| &*it.text == major);
                    let said = entry.and_then(|(_, it)| it.first()?.1.as_text());
                    it.equal(format!("the end of {major}"), said, support_end(major));
                }
                it.equal("the end of 14", support_end("14"), Some("2027-02-28"));
                let acknowledged = "ACCEPTED-2027-02-28";
                let prod = world.text("parameters/prod.json");
                it.require(prod.contains(acknowledged), "prod does not acknowledge that date");
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "StandardSupportEnds: \"2027-02-28\"",
            to: "StandardSupportEnds: \"2027-03-31\"",
        },
    },
];

/// The constants of `kumiki check`: its rules and its pages take them from here.
const ENGINES: &str = include_str!("../../../../crates/check/data/rds-engines.txt");

/// The last day of standard support of a major version of PostgreSQL.
fn support_end(major: &str) -> Option<&'static str> {
    let rows = ENGINES.lines().map(|it| it.split_whitespace().collect::<Vec<_>>());
    let row = rows.into_iter().find(|it| it.len() == 4 && it[0] == "postgres" && it[1] == major)?;
    Some(row[3])
}

fn id(resource: &str) -> String {
    format!("<{resource}>")
}

fn exported(world: &crate::World, exports: &[(&str, &str)]) -> Vec<String> {
    world.views(|it| {
        for (export, resource) in exports {
            it.equal(export, it.exported(export), id(resource));
        }
    })
}

fn parameter(world: &crate::World, name: &str, expected: &str) -> Vec<String> {
    world.views(|it| {
        // Names of parameters have dots.
        let parameters = it.resource(GROUP).at("Parameters");
        it.equal(name, parameters[name].as_str(), Some(expected));
    })
}

/// The resources that a change from one tree to another replaces.
fn replaced(before: &View<'_>, after: &View<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for old in before.resources() {
        let new = after.resource(&old.name).properties();
        let (Json::Object(old_fields), Json::Object(new_fields)) = (old.properties(), &new) else {
            continue;
        };
        let Some(schema) = kumiki_schema::resource_type(old.type_name()) else { continue };
        let names: BTreeSet<&String> = old_fields.keys().chain(new_fields.keys()).collect();
        let replaces = names.into_iter().any(|name| {
            old_fields.get(name) != new_fields.get(name)
                && schema.replacement(&[name]) == kumiki_schema::Replacement::Always
        });
        if replaces {
            found.push(old.name);
        }
    }
    found
}
