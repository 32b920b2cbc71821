//! 8.11 The other roots.

use super::rights::{actions, resources, rights};
use super::{
    Fact, Fault,
    Level::{R, S},
};
use std::collections::BTreeSet;

const EDGE: &str = "edge/stack.yaml";
const ROTATION: &str = "rotation/stack.yaml";

/// What executes, and does not only look or plan.
const EXECUTING: &[&str] = &[
    "cloudformation:CancelUpdateStack",
    "cloudformation:ContinueUpdateRollback",
    "cloudformation:CreateStack",
    "cloudformation:DeleteStack",
    "cloudformation:ExecuteChangeSet",
    "cloudformation:RollbackStack",
    "cloudformation:SetStackPolicy",
    "cloudformation:UpdateStack",
    "cloudformation:UpdateTerminationProtection",
];

/// The facts of the roots beside the parent.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "BOO-2",
        level: R,
        says: "the role that plans in CI cannot execute, whatever else is attached to it",
        check: |world| {
            world.root_views("bootstrap", |it| {
                if it.parameter("CiRepository").is_empty() {
                    it.require(!it.resource("PlanRole").exists(), "there is a role without a CI");
                    return;
                }
                let (mut allowed, mut denied) = (BTreeSet::new(), BTreeSet::new());
                for statement in rights(it, "PlanRole") {
                    match &statement["Effect"] {
                        effect if effect == "Allow" => allowed.extend(actions(&statement)),
                        _ if resources(&statement) == ["*"] => denied.extend(actions(&statement)),
                        _ => {}
                    }
                }
                it.require(allowed.contains("cloudformation:CreateChangeSet"), "it cannot plan");
                for action in EXECUTING {
                    it.require(!allowed.contains(*action), format!("it may {action}"));
                    it.require(denied.contains(*action), format!("nothing denies {action}"));
                }
                let wildcard = allowed.iter().find(|it| it.contains('*'));
                it.equal("a wildcard", wildcard, None);
            })
        },
        fault: Fault {
            file: "bootstrap/stack.yaml",
            from: "               cloudformation:DeleteStack, cloudformation:ExecuteChangeSet, \
                   cloudformation:RollbackStack,\n               cloudformation:SetStackPolicy, \
                   cloudformation:UpdateStack",
            to: "               cloudformation:DeleteStack, cloudformation:RollbackStack,\n               \
                 cloudformation:SetStackPolicy, cloudformation:UpdateStack",
        },
    },
    Fact {
        id: "EDG-1",
        level: R,
        says: "the edge's web ACL has the scope of CloudFront and the rules of the public balancer's",
        check: |world| {
            world.root_views("edge", |it| {
                it.expect("EdgeWebAcl", "Scope", "CLOUDFRONT");
                it.equal("the Region", &*it.inputs.region, "us-east-1");
                let rules: Vec<_> = it
                    .resource("EdgeWebAcl")
                    .list("Rules")
                    .iter()
                    .map(|it| format!("{} {}", it["Priority"], it["Name"].as_str().unwrap_or("")))
                    .collect();
                let mut expected = vec![
                    "10 RateLimit",
                    "20 AmazonIpReputationList",
                    "30 CommonRuleSet",
                    "40 KnownBadInputsRuleSet",
                    "50 SQLiRuleSet",
                ];
                if it.environment != "dev" {
                    expected.push("70 NonJapan");
                }
                it.equal("the rules", rules, expected);
                let certificate = it.resource("EdgeCertificate");
                it.equal(
                    "whether there is a certificate",
                    certificate.exists(),
                    it.by(false, true, true),
                );
            })
        },
        fault: Fault { file: EDGE, from: "Scope: CLOUDFRONT", to: "Scope: REGIONAL" },
    },
    Fact {
        id: "EDG-2",
        level: S,
        says: "the edge root refuses every Region but us-east-1",
        check: |world| {
            world.texts(|it| {
                let rule = world.template(EDGE).and_then(|it| it.rules.get("RegionFixed"));
                let always = rule.is_some_and(|it| it.condition.is_none());
                it.require(always, "no rule holds always");
                let assertion = rule.and_then(|it| it.assertions.first());
                let written = assertion.map_or("", |it| world.snippet(it.assert.span));
                it.equal("the assertion", written, "!Equals [!Ref AWS::Region, us-east-1]");
                let configured = world.config.roots.get("edge").map(|it| &*it.region);
                it.equal("the Region of the root", configured, Some("us-east-1"));
            })
        },
        fault: Fault {
            file: EDGE,
            from: "!Equals [!Ref AWS::Region, us-east-1]",
            to: "!Not [!Equals [!Ref AWS::Region, ap-northeast-1]]",
        },
    },
    Fact {
        id: "ROT-1",
        level: R,
        says: "no credential is rotated at once: monthly, on the first Saturday 20:00 UTC",
        check: |world| {
            world.root_views("rotation", |it| {
                let schedules = it.all("AWS::SecretsManager::RotationSchedule");
                it.equal("the number of schedules", schedules.len(), 3);
                for schedule in schedules {
                    let service = schedule.logical_id().trim_end_matches("RotationSchedule");
                    let secret =
                        format!("<import facility-{}-{service}DbSecretArn>", it.environment);
                    for (property, expected) in [
                        ("RotateImmediatelyOnUpdate", "false"),
                        ("RotationRules.ScheduleExpression", "cron(0 20 ? * 7#1 *)"),
                        ("RotationRules.Duration", "2h"),
                        ("SecretId", &secret),
                        ("HostedRotationLambda.RotationType", "PostgreSQLSingleUser"),
                    ] {
                        it.expect(&schedule.name, property, expected);
                    }
                }
            })
        },
        fault: Fault {
            file: ROTATION,
            from: "      RotateImmediatelyOnUpdate: false",
            to: "      RotateImmediatelyOnUpdate: true",
        },
    },
    Fact {
        id: "ROT-3",
        level: S,
        says: "the rotation root is the only template with a transform",
        check: |world| {
            world.texts(|it| {
                let found: Vec<_> = world
                    .templates()
                    .into_iter()
                    .flat_map(|(path, template)| {
                        template.transforms.iter().map(move |it| (path, &*it.text))
                    })
                    .collect();
                it.equal("the transforms", found, [(ROTATION, "AWS::SecretsManager-2024-09-16")]);
            })
        },
        fault: Fault {
            file: "nested/security/secrets-manager.yaml",
            from: "AWSTemplateFormatVersion: \"2010-09-09\"\n",
            to: "AWSTemplateFormatVersion: \"2010-09-09\"\nTransform: AWS::SecretsManager-2024-09-16\n",
        },
    },
];
