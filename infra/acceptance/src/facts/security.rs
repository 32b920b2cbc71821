//! 8.4 Security: keys, web ACL, trail. What is in the secrets is in `credentials`.

use super::{
    Fact, Fault,
    Level::{R, S},
};
use crate::resource::{Resource, many, text};
use crate::world::ACCOUNT;
use serde_json::Value as Json;
use std::collections::BTreeSet;

const KEYS: &str = "nested/security/kms-keys.yaml";
const SECRETS: &str = "nested/security/secrets-manager.yaml";
const WAF: &str = "nested/security/waf-web-acl.yaml";
const TRAIL: &str = "nested/security/cloudtrail.yaml";

const WEB_ACL: &str = "WafStack/WebAcl";

/// The keys: resource, alias, the services that its policy admits by themselves, the services
/// through which the account uses it. Administration is the account's, and nobody else's.
const KEY_TABLE: &[(&str, &str, &[&str], &[&str])] = &[
    ("KmsKeysStack/LogsKey", "logs", &["logs.ap-northeast-1"], &[]),
    (
        "KmsKeysStack/MessagingKey",
        "messaging",
        &["backup", "budgets", "cloudwatch", "events", "events.rds", "scheduler", "sns"],
        &["sns", "sqs"],
    ),
    ("KmsKeysStack/DataKey", "data", &[], &["backup", "ecr", "s3"]),
    ("KmsKeysStack/SecretsKey", "secrets", &[], &["rds", "secretsmanager"]),
    (
        "KmsKeysStack/AuditKey",
        "audit",
        &["cloudtrail", "delivery.logs", "firehose", "logs.ap-northeast-1"],
        &["firehose", "s3"],
    ),
    ("RdsStack/DBKey", "rds", &[], &["backup", "rds"]),
];

/// Every action of KMS, without its service.
///
/// <https://docs.aws.amazon.com/service-authorization/latest/reference/list_awskeymanagementservice.html>
const KMS_ACTIONS: &[&str] = &[
    "CancelKeyDeletion",
    "ConnectCustomKeyStore",
    "CreateAlias",
    "CreateCustomKeyStore",
    "CreateGrant",
    "CreateKey",
    "Decrypt",
    "DeleteAlias",
    "DeleteCustomKeyStore",
    "DeleteImportedKeyMaterial",
    "DeriveSharedSecret",
    "DescribeCustomKeyStores",
    "DescribeKey",
    "DisableKey",
    "DisableKeyRotation",
    "DisconnectCustomKeyStore",
    "EnableKey",
    "EnableKeyRotation",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyPair",
    "GenerateDataKeyPairWithoutPlaintext",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "GenerateRandom",
    "GetKeyPolicy",
    "GetKeyRotationStatus",
    "GetParametersForImport",
    "GetPublicKey",
    "ImportKeyMaterial",
    "ListAliases",
    "ListGrants",
    "ListKeyPolicies",
    "ListKeyRotations",
    "ListKeys",
    "ListResourceTags",
    "ListRetirableGrants",
    "PutKeyPolicy",
    "ReEncryptFrom",
    "ReEncryptTo",
    "ReplicateKey",
    "RetireGrant",
    "RevokeGrant",
    "RotateKeyOnDemand",
    "ScheduleKeyDeletion",
    "Sign",
    "SynchronizeMultiRegionKey",
    "TagResource",
    "UntagResource",
    "UpdateAlias",
    "UpdateCustomKeyStore",
    "UpdateKeyDescription",
    "UpdatePrimaryRegion",
    "Verify",
    "VerifyMac",
];

/// What uses a key, as opposed to what administers it.
const CRYPTOGRAPHY: &[&str] =
    &["Decrypt", "Encrypt", "GenerateDataKey", "ReEncrypt", "CreateGrant"];

/// The rules of the web ACL: priority, name, what it is made of, its capacity.
///
/// <https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html>
const RULES: &[(i64, &str, &str, i64)] = &[
    (10, "RateLimit", "RateBasedStatement", 2),
    (20, "AmazonIpReputationList", "AWSManagedRulesAmazonIpReputationList", 25),
    (30, "CommonRuleSet", "AWSManagedRulesCommonRuleSet", 700),
    (40, "KnownBadInputsRuleSet", "AWSManagedRulesKnownBadInputsRuleSet", 200),
    (50, "SQLiRuleSet", "AWSManagedRulesSQLiRuleSet", 200),
    // A label, a pattern and two transformations of the path.
    (60, "LargeBody", "AndStatement", 1 + 3 + 10 + 10),
    (70, "NonJapan", "NotStatement", 1),
];

/// The facts of the security layer.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "KMS-1",
        level: R,
        says: "six keys: five here and the database's in its own template, each with its alias, rotated, \
               and 30 days from its deletion",
        check: |world| {
            world.views(|it| {
                let expected: BTreeSet<_> = KEY_TABLE.iter().map(|it| it.0).collect();
                it.same("the keys", it.names("AWS::KMS::Key"), expected);
                for (key, alias, ..) in KEY_TABLE {
                    it.expect(key, "EnableKeyRotation", "true");
                    it.expect(key, "PendingWindowInDays", "30");
                    it.expect(key, "KeySpec", "nothing");
                    let alias_of = format!("{key}Alias");
                    let name = format!("alias/facility-{}-{alias}", it.environment);
                    it.expect(&alias_of, "AliasName", &name);
                    it.expect(&alias_of, "TargetKeyId", &format!("<{key}>"));
                }
            })
        },
        fault: Fault {
            file: KEYS,
            from: "EnableKeyRotation: true",
            to: "EnableKeyRotation: false",
        },
    },
    Fact {
        id: "KMS-2",
        level: R,
        says: "every statement of a key policy that admits a service has a condition, and nobody is \
               admitted as anybody",
        check: |world| {
            world.views(|it| {
                for key in it.all("AWS::KMS::Key") {
                    for statement in statements(&key) {
                        let (name, principal) = (&key.name, &statement["Principal"]);
                        let service = !principal["Service"].is_null();
                        let conditional = statement["Condition"].is_object();
                        it.require(!service || conditional, format!("{name}: {statement}"));
                        it.require(principal.is_object(), format!("{name} admits anybody"));
                        let anybody = many(&principal["AWS"]).iter().any(|it| it == "*");
                        it.require(!anybody, format!("{name} admits anybody"));
                    }
                }
            })
        },
        fault: Fault {
            file: KEYS,
            from: "            Condition:\n              ArnLike:\n                \
                   kms:EncryptionContext:aws:logs:arn: !Sub \
                   \"arn:${AWS::Partition}:logs:${AWS::Region}:${AWS::AccountId}:log-group:*\"\n",
            to: "",
        },
    },
    Fact {
        id: "KMS-3",
        level: S,
        says: "key policies name existing actions of KMS, in full",
        check: |world| {
            world.views(|it| {
                for key in it.all("AWS::KMS::Key") {
                    for statement in statements(&key) {
                        for action in many(&statement["Action"]) {
                            let known = action.strip_prefix("kms:");
                            let known = known.is_some_and(|it| KMS_ACTIONS.contains(&it));
                            it.require(known, format!("{} names {action}", key.name));
                        }
                    }
                }
            })
        },
        fault: Fault { file: KEYS, from: "- kms:ReEncryptFrom", to: "- kms:ReEncrypt" },
    },
    Fact {
        id: "8.4.1",
        level: R,
        says: "the account administers a key and does not use it; it is used by the services of the \
               table, and by the account through the services of the table",
        check: |world| {
            world.views(|it| {
                for (name, _, by_themselves, through) in KEY_TABLE {
                    let key = it.resource(name);
                    let mut services = BTreeSet::new();
                    let mut via = BTreeSet::new();
                    let root = format!("arn:aws:iam::{ACCOUNT}:root");
                    for statement in statements(&key) {
                        let condition = &statement["Condition"]["StringEquals"];
                        let uses = many(&statement["Action"]).iter().any(|action| {
                            CRYPTOGRAPHY.iter().any(|it| action.starts_with(&format!("kms:{it}")))
                        });
                        services.extend(
                            many(&statement["Principal"]["Service"]).iter().map(|it| short(it)),
                        );
                        let here = ".ap-northeast-1.amazonaws.com";
                        let through = many(&condition["kms:ViaService"]);
                        via.extend(through.iter().map(|it| it.trim_end_matches(here).to_owned()));
                        let by_root = many(&statement["Principal"]["AWS"]);
                        it.require(
                            by_root.iter().all(|it| *it == root),
                            format!("{name} admits {by_root:?}"),
                        );
                        let caller = condition["kms:CallerAccount"] == ACCOUNT;
                        it.require(
                            by_root.is_empty() || !uses || caller,
                            format!("{name} is used by the account without a condition"),
                        );
                    }
                    it.same(format!("the services that use {name}"), services, *by_themselves);
                    it.same(format!("the ways to use {name}"), via, *through);
                }
            })
        },
        fault: Fault { file: KEYS, from: "                - cloudwatch.amazonaws.com\n", to: "" },
    },
    Fact {
        id: "T-62",
        level: R,
        says: "EventBridge reaches the encrypted topics and queues: bound by the encryption context, for \
               it sends no source account",
        check: |world| {
            world.views(|it| {
                let key = it.resource("KmsKeysStack/MessagingKey");
                let of_events: Vec<_> = statements(&key)
                    .into_iter()
                    .filter(|it| it["Principal"]["Service"] == "events.amazonaws.com")
                    .collect();
                let bound: Vec<_> = of_events
                    .iter()
                    .filter_map(|it| it["Condition"]["ArnLike"].as_object())
                    .flat_map(|it| it.iter().map(|(key, value)| format!("{key} {}", text(value))))
                    .collect();
                let prefix = format!("facility-{}-*", it.environment);
                let place = format!("ap-northeast-1:{ACCOUNT}:{prefix}");
                let expected = [
                    format!("kms:EncryptionContext:aws:sns:topicArn arn:aws:sns:{place}"),
                    format!("kms:EncryptionContext:aws:sqs:arn arn:aws:sqs:{place}"),
                ];
                it.equal("what binds it", bound, expected);
                for statement in of_events {
                    let actions = many(&statement["Action"]);
                    it.equal("what it may", actions, ["kms:Decrypt", "kms:GenerateDataKey"]);
                    let account = statement.to_string().contains("aws:SourceAccount");
                    it.require(!account, "a source account is asked of it");
                }
            })
        },
        fault: Fault { file: KEYS, from: "kms:EncryptionContext:aws:sqs:arn", to: "aws:SourceArn" },
    },
    Fact {
        id: "8.4.2",
        level: R,
        says: "the session key has 64 generated characters, the external API's secret only a structure, \
               and every secret refuses other accounts and plain HTTP",
        check: |world| {
            world.views(|it| {
                let session = "SecretsManagerStack/AppSecret";
                it.expect(session, "GenerateSecretString.PasswordLength", "64");
                let external = "SecretsManagerStack/ExternalApiSecret";
                it.expect(external, "SecretString", r#"{"status":"unset"}"#);
                it.expect(external, "GenerateSecretString", "nothing");
                let policies = it.all("AWS::SecretsManager::ResourcePolicy");
                let secrets = it.all("AWS::SecretsManager::Secret");
                it.equal("the number of secrets", secrets.len(), 6);
                for secret in secrets {
                    let policy = policies.iter().find(|it| it.text("SecretId") == secret.id());
                    let statements = policy.map(|it| it.list("ResourcePolicy.Statement"));
                    let statements = statements.unwrap_or_default();
                    for (operator, key, value) in [
                        ("StringNotEquals", "aws:PrincipalAccount", ACCOUNT),
                        ("Bool", "aws:SecureTransport", "false"),
                    ] {
                        let refuses = statements.iter().any(|it| {
                            it["Effect"] == "Deny"
                                && it["Principal"] == "*"
                                && it["Action"] == "secretsmanager:GetSecretValue"
                                && it["Condition"][operator][key] == value
                        });
                        it.require(refuses, format!("{} does not refuse by {key}", secret.name));
                    }
                }
            })
        },
        fault: Fault {
            file: SECRETS,
            from: "  AppSecretPolicy:\n    Type: AWS::SecretsManager::ResourcePolicy\n    \
                   Properties:\n      SecretId: !Ref AppSecret\n",
            to: "  AppSecretPolicy:\n    Type: AWS::SecretsManager::ResourcePolicy\n    \
                 Properties:\n      SecretId: !Ref BatchDbSecret\n",
        },
    },
    Fact {
        id: "WAF-1",
        level: R,
        says: "the five rules of the report are there with their figures: 2,000 requests in five minutes \
               from one address, core rules, known bad inputs, reputation, and Japan only in stg and prod",
        check: |world| {
            world.views(|it| {
                let rate = rule(&it.resource(WEB_ACL), "RateLimit");
                let rate_based = &rate["Statement"]["RateBasedStatement"];
                it.equal("the limit", text(&rate_based["Limit"]), "2000");
                it.equal("the window", text(&rate_based["EvaluationWindowSec"]), "300");
                it.equal("by what", text(&rate_based["AggregateKeyType"]), "IP");
                let answer = &rate["Action"]["Block"]["CustomResponse"]["ResponseCode"];
                it.equal("the answer", text(answer), "429");
                for name in ["AmazonIpReputationList", "CommonRuleSet", "KnownBadInputsRuleSet"] {
                    let group = rule(&it.resource(WEB_ACL), name);
                    let managed = &group["Statement"]["ManagedRuleGroupStatement"];
                    it.equal(name, text(&managed["Name"]), format!("AWSManagedRules{name}"));
                    let acts = group["OverrideAction"]["None"].is_object();
                    it.require(acts, format!("{name} only counts"));
                }
                let geo = rule(&it.resource(WEB_ACL), "NonJapan");
                let inner = &geo["Statement"]["NotStatement"]["Statement"];
                let countries = many(&inner["GeoMatchStatement"]["CountryCodes"]);
                let japan = ["JP"];
                it.equal("the countries", countries, it.by(&japan[..0], &japan[..], &japan[..]));
                it.require(
                    geo.is_null() || geo["Action"]["Block"].is_object(),
                    "other countries are not blocked",
                );
            })
        },
        fault: Fault {
            file: "parameters/stg.json",
            from: "\"RateLimit\", \"ParameterValue\": \"2000\"",
            to: "\"RateLimit\", \"ParameterValue\": \"20000\"",
        },
    },
    Fact {
        id: "WAF-2",
        level: R,
        says: "the web ACL is REGIONAL and guards the public balancer",
        check: |world| {
            world.views(|it| {
                it.expect(WEB_ACL, "Scope", "REGIONAL");
                let association = "WafStack/WebAclAssociation";
                it.expect(association, "ResourceArn", "<AlbStack/PublicAlb>");
                it.expect(association, "WebACLArn", "<WafStack/WebAcl.Arn>");
                it.expect("AlbStack/PublicAlb", "Scheme", "internet-facing");
            })
        },
        fault: Fault { file: WAF, from: "-PublicAlbArn\"", to: "-InternalAlbArn\"" },
    },
    Fact {
        id: "WAF-4",
        level: R,
        says: "the rules stand in the order of the table and take at most 1,500 capacity units",
        check: |world| {
            let mut problems = world.views(|it| {
                let geo = it.by(false, true, true);
                let expected: Vec<_> = RULES
                    .iter()
                    .filter(|it| geo || it.1 != "NonJapan")
                    .map(|it| (it.0, it.1))
                    .collect();
                let acl = it.resource(WEB_ACL);
                let rules = acl.list("Rules");
                let found: Vec<_> = rules
                    .iter()
                    .map(|it| (it["Priority"].as_i64().unwrap_or(-1), text(&it["Name"])))
                    .collect();
                let found: Vec<_> = found.iter().map(|(it, name)| (*it, name.as_str())).collect();
                it.equal("the rules", found, expected);
                it.expect(WEB_ACL, "DefaultAction", r#"{"Allow":{}}"#);
                let mut capacity = 0;
                for rule in &rules {
                    let written = rule["Statement"].to_string();
                    let row = RULES.iter().find(|it| rule["Name"] == it.1);
                    it.require(
                        row.is_some_and(|it| written.contains(it.2)),
                        format!("the capacity of {} is not known", rule["Name"]),
                    );
                    capacity += row.map_or(0, |it| it.3);
                    let measured = rule["VisibilityConfig"]["CloudWatchMetricsEnabled"] == true;
                    it.require(measured, format!("{} has no metrics", rule["Name"]));
                }
                it.equal("the capacity", capacity, it.by(1151, 1152, 1152));
                it.require(capacity <= 1500, format!("{capacity} units cost extra"));
            });
            // A list of addresses comes first and costs one unit more.
            let list = [("AllowedIpv4List", "198.51.100.0/24,203.0.113.7/32")];
            problems.extend(world.with("prod", "steady-state", &list, |it| {
                let first = &it.resource(WEB_ACL).list("Rules")[0];
                it.equal("the first rule", text(&first["Name"]), "AllowListedSources");
                it.equal("its priority", text(&first["Priority"]), "0");
                let addresses = it.resource("WafStack/AllowedIpSet").texts("Addresses");
                it.equal("its addresses", addresses, ["198.51.100.0/24", "203.0.113.7/32"]);
            }));
            problems
        },
        fault: Fault {
            file: WAF,
            from: "Name: AWSManagedRulesSQLiRuleSet",
            to: "Name: AWSManagedRulesUnixRuleSet",
        },
    },
    Fact {
        id: "8.4.3",
        level: R,
        says: "the ACL logs what it blocks and counts to its group without authorization and cookies, and \
               a body too large to inspect passes on the upload path only",
        check: |world| {
            world.views(|it| {
                let logging = it.resource("WafStack/WebAclLogging");
                it.equal("what is logged", logging.text("ResourceArn"), "<WafStack/WebAcl.Arn>");
                // WAF refuses the `:*` at the end of a group's attribute.
                let group = format!(
                    "arn:aws:logs:ap-northeast-1:{ACCOUNT}:log-group:<LogGroupsStack/WafLogGroup>"
                );
                it.equal("where to", logging.texts("LogDestinationConfigs"), [group]);
                let redacted = logging.list("RedactedFields");
                let redacted: Vec<_> =
                    redacted.iter().map(|it| text(&it["SingleHeader"]["Name"])).collect();
                it.equal("what is hidden", redacted, ["authorization", "cookie"]);
                it.equal("the rest", logging.text("LoggingFilter.DefaultBehavior"), "DROP");
                let kept = logging.list("LoggingFilter.Filters.0.Conditions");
                let kept: Vec<_> =
                    kept.iter().map(|it| text(&it["ActionCondition"]["Action"])).collect();
                it.equal("what is kept", kept, ["BLOCK", "COUNT", "EXCLUDED_AS_COUNT"]);
                let acl = it.resource(WEB_ACL);
                let counted = rule(&acl, "CommonRuleSet")["Statement"].to_string();
                it.require(
                    counted.contains(r#""Name":"SizeRestrictions_BODY","ActionToUse":{"Count""#),
                    "the core rules block large bodies by themselves",
                );
                let large = rule(&acl, "LargeBody");
                let parts = &large["Statement"]["AndStatement"]["Statements"];
                let label = text(&parts[0]["LabelMatchStatement"]["Key"]);
                let path = &parts[1]["NotStatement"]["Statement"]["RegexMatchStatement"];
                let expected = "awswaf:managed:aws:core-rule-set:SizeRestrictions_Body";
                it.equal("the label", label.as_str(), expected);
                it.equal("the path", text(&path["RegexString"]), "^/api/v1/uploads(/|$)");
            })
        },
        fault: Fault {
            file: WAF,
            from: "            Name: cookie\n",
            to: "            Name: user-agent\n",
        },
    },
    Fact {
        id: "TRA-1",
        level: R,
        says: "the trail covers every Region, validates its files, is encrypted, and goes to its bucket \
               and log group",
        check: |world| {
            world.views(|it| {
                for (property, expected) in [
                    ("IsLogging", "true"),
                    ("IsMultiRegionTrail", "true"),
                    ("IncludeGlobalServiceEvents", "true"),
                    ("EnableLogFileValidation", "true"),
                    ("KMSKeyId", "<KmsKeysStack/AuditKey.Arn>"),
                    ("S3BucketName", "<LogBucketsStack/TrailBucket>"),
                    ("CloudWatchLogsLogGroupArn", "<LogGroupsStack/TrailLogGroup.Arn>"),
                ] {
                    it.expect("CloudTrailStack/Trail", property, expected);
                }
                let selectors =
                    it.resource("CloudTrailStack/Trail").at("AdvancedEventSelectors").to_string();
                for bucket in
                    ["ReportsBucketStack/ReportsBucket", "LogBucketsStack/LogArchiveBucket"]
                {
                    let data = selectors.contains(&format!("<{bucket}.Arn>/"));
                    it.require(data, format!("objects of {bucket} leave no trace"));
                }
            })
        },
        fault: Fault {
            file: TRAIL,
            from: "EnableLogFileValidation: true",
            to: "EnableLogFileValidation: false",
        },
    },
    Fact {
        id: "TRA-3",
        level: R,
        says: "one trail of management events in all the roots of an account, none where the \
               organisation has one",
        check: |world| {
            let mut problems = world.views(|it| {
                it.equal(
                    "the trails",
                    it.names("AWS::CloudTrail::Trail"),
                    ["CloudTrailStack/Trail"],
                );
            });
            for root in ["bootstrap", "edge", "dr", "rotation"] {
                problems.extend(world.root_views(root, |it| {
                    it.equal("the trails", it.names("AWS::CloudTrail::Trail"), [""; 0]);
                }));
            }
            let organisation = [("CloudTrailEnabled", "false")];
            problems.extend(world.with("prod", "steady-state", &organisation, |it| {
                it.equal("the trails", it.names("AWS::CloudTrail::Trail"), [""; 0]);
            }));
            problems
        },
        fault: Fault { file: "stack.yaml", from: "    Condition: CreateTrail\n", to: "" },
    },
    Fact {
        id: "8.4.4",
        level: R,
        says: "root use, refused calls, sign-in without a second factor, and changes of IAM, groups, \
               network ACLs, routes, trail and keys raise alarms",
        check: |world| {
            world.views(|it| {
                let metrics: BTreeSet<_> = it
                    .all_in("CloudTrailStack", "AWS::Logs::MetricFilter")
                    .iter()
                    .map(|it| it.text("MetricTransformations.0.MetricName"))
                    .collect();
                let alarms = it.all_in("CloudTrailStack", "AWS::CloudWatch::Alarm");
                let watched: BTreeSet<_> = alarms.iter().map(|it| it.text("MetricName")).collect();
                it.same("the watched metrics", &watched, &metrics);
                it.equal("the number of alarms", (alarms.len(), watched.len()), (9, 9));
                for alarm in alarms {
                    it.equal(
                        &alarm.name,
                        alarm.texts("AlarmActions"),
                        ["<SnsTopicsStack/AlertTopic>"],
                    );
                }
            })
        },
        fault: Fault {
            file: TRAIL,
            from: "          MetricName: RootUse\n",
            to: "          MetricName: RootUsed\n",
        },
    },
];

fn statements(key: &Resource<'_>) -> Vec<Json> {
    key.list("KeyPolicy.Statement")
}

/// A service's principal without its end: `sns` of `sns.amazonaws.com`.
fn short(service: &str) -> String {
    service.strip_suffix(".amazonaws.com").unwrap_or(service).to_owned()
}

fn rule(acl: &Resource<'_>, name: &str) -> Json {
    acl.list("Rules").into_iter().find(|it| it["Name"] == name).unwrap_or_default()
}
