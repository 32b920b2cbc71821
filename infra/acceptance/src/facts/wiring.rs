//! 6.6 Reference wiring: which values travel by export, which by parameter.

use super::{
    Fact, Fault,
    Level::{R, S},
};
use crate::view::{Problems, View};
use crate::world::World;
use kumiki_template::{Call, Expr, ExprKind, ResourceDecl, SubPart, Template};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

/// Class S: what never changes in the life of an environment, and is exported and imported.
pub const CLASS_S: &[&str] = &[
    "VpcId",
    "VpcCidr",
    "InternetGatewayId",
    "PublicSubnet1Id",
    "PublicSubnet2Id",
    "PrivateSubnet1Id",
    "PrivateSubnet2Id",
    "DataSubnet1Id",
    "DataSubnet2Id",
    "PublicRouteTableId",
    "PrivateRouteTableId",
    "DataRouteTableId",
    "AlbInternalSecurityGroupId",
    "AlbPublicSecurityGroupId",
    "StaffApiSecurityGroupId",
    "VendorApiSecurityGroupId",
    "BatchSecurityGroupId",
    "RdsSecurityGroupId",
    "VpcEndpointSecurityGroupId",
    "S3GatewayEndpointId",
    "LogsKeyArn",
    "MessagingKeyArn",
    "DataKeyArn",
    "SecretsKeyArn",
    "AuditKeyArn",
    "DBEncryptionKey",
    "DBSubnetGroupName",
    "DBInstanceIdentifier",
    "DBEndpoint",
    "DBPort",
    "DBSecretArn",
    "DBMasterSecretArn",
    "StaffApiDbSecretArn",
    "VendorApiDbSecretArn",
    "BatchDbSecretArn",
    "AppSecretArn",
    "ExternalApiSecretArn",
    "ECSClusterName",
    "ECSClusterArn",
    "StaffApiLogGroupName",
    "VendorApiLogGroupName",
    "BatchLogGroupName",
    "MigrationLogGroupName",
    "ECSTaskExecutionRoleArn",
    "MigrationTaskExecutionRoleArn",
    "ECSTaskRoleArn",
    "VendorApiTaskRoleArn",
    "BatchTaskRoleArn",
    "MigrationTaskRoleArn",
    "StaffApiRepositoryUri",
    "VendorApiRepositoryUri",
    "BatchRepositoryUri",
    "InternalAlbArn",
    "InternalAlbFullName",
    "InternalAlbDnsName",
    "InternalAlbHostedZoneId",
    "PublicAlbArn",
    "PublicAlbFullName",
    "PublicAlbDnsName",
    "PublicAlbHostedZoneId",
    "StaffApiTargetGroupArn",
    "StaffApiTargetGroupFullName",
    "VendorApiTargetGroupArn",
    "VendorApiTargetGroupFullName",
    "StaffApiServiceName",
    "VendorApiServiceName",
    "StaffUserPoolId",
    "VendorUserPoolId",
    "StaffSpaBucketName",
    "VendorSpaBucketName",
    "VendorSpaBucketArn",
    "VendorSpaBucketRegionalDomainName",
    "ReportsBucketName",
    "ReportsBucketArn",
    "AlbLogBucketName",
    "EdgeLogBucketDomainName",
    "S3AccessLogBucketName",
    "LogArchiveBucketArn",
    "FlowLogBucketArn",
    "TrailBucketName",
    "TrailLogGroupArn",
    "AlertTopicArn",
    "BatchNotificationTopicArn",
    "WafLogGroupArn",
    "RdsLogGroupName",
];

/// What is exported and nobody imports.
const FOR_PEOPLE: &[&str] =
    &["VpcCidr", "PublicRouteTableId", "DataRouteTableId", "DBEncryptionKey"];

/// Class V: what changes in normal work, and reaches consumers by parameter only.
const CLASS_V: &[&str] = &[
    "TaskDefinitionArn",
    "VendorApiTaskDefinitionArn",
    "BatchTaskDefinitionArn",
    "MigrationTaskDefinitionArn",
    "DBParameterGroupName",
    "DBOptionGroupName",
    "InternalCertificateArn",
    "PublicCertificateArn",
    "StaffUserPoolClientId",
    "VendorUserPoolClientId",
    "VendorOacId",
    "StaffOacId",
    "WebAclArn",
    "WebAclName",
    "VendorDistributionId",
    "VendorDistributionDomainName",
    "BackupVaultName",
    "BackupPlanId",
    "TransitGatewayAttachmentId",
];

/// The facts of the wiring.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "W-1",
        level: S,
        says: "an import names exactly one exporter of the same root; the rotation root alone imports \
               class S values of the service root",
        check: |world| {
            let mut problems = world.views(|it| {
                for import in &it.tree.imports {
                    let exporters = exporters(it, &import.name);
                    it.equal(format!("the number of exporters of {}", import.name), exporters, 1);
                }
            });
            for root in ["bootstrap", "edge", "dr"] {
                problems.extend(world.root_views(root, |it| {
                    it.equal(format!("the imports of {root}"), it.tree.imports.len(), 0);
                }));
            }
            problems.extend(world.root_views("rotation", |it| {
                it.require(!it.tree.imports.is_empty(), "the rotation root imports nothing");
                for import in &it.tree.imports {
                    let stable = suffix(it, &import.name).is_some_and(|it| CLASS_S.contains(&it));
                    it.require(stable, format!("the rotation root imports {}", import.name));
                }
            }));
            problems
        },
        fault: Fault {
            file: "nested/network/subnets.yaml",
            from: "-PrivateSubnet1Id\"",
            to: "-PublicSubnet1Id\"",
        },
    },
    Fact {
        id: "W-2",
        level: S,
        says: "who imports waits for the exporter, and no DependsOn repeats what a GetAtt says",
        check: |world| {
            world.views(|it| {
                let waits = closure(it);
                for import in &it.tree.imports {
                    let exporter = it.tree.exports.iter().find(|export| export.name == import.name);
                    let exporter = exporter.map(|export| &*it.tree.stacks[export.stack].path);
                    let waiting = exporter.is_some_and(|exporter| {
                        waits.get(&*import.path).is_some_and(|it| it.contains(exporter))
                    });
                    let (importer, name) = (&import.path, &import.name);
                    it.require(
                        waiting,
                        format!("{importer} imports {name} and does not wait for {exporter:?}"),
                    );
                }
                for stack in it.all("AWS::CloudFormation::Stack") {
                    let edges = stack.node().map_or(&[][..], |it| &it.dependencies);
                    let said = |on| edges.iter().any(|edge| edge.on == on && !edge.explicit);
                    for edge in edges.iter().filter(|edge| edge.explicit && said(edge.on)) {
                        let on = &it.tree.root().resources[edge.on].logical_id;
                        it.say(format!("the DependsOn of {} repeats {on}", stack.name));
                    }
                }
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "  RdsSubnetGroupStack:\n    Type: AWS::CloudFormation::Stack\n    \
                   DependsOn: SubnetsStack\n",
            to: "  RdsSubnetGroupStack:\n    Type: AWS::CloudFormation::Stack\n",
        },
    },
    Fact {
        id: "W-3",
        level: S,
        says: "no value that changes in normal work (class V) is imported",
        check: |world| {
            world.views(|it| {
                for import in &it.tree.imports {
                    let volatile = suffix(it, &import.name).is_some_and(|it| CLASS_V.contains(&it));
                    it.require(!volatile, format!("{} imports {}", import.path, import.name));
                }
            })
        },
        fault: Fault {
            file: "nested/database/rds-postgresql.yaml",
            from: "      DBParameterGroupName: !Ref DBParameterGroupName\n",
            to: "      DBParameterGroupName:\n        Fn::ImportValue: !Sub \
                 \"${ProjectName}-${Environment}-DBParameterGroupName\"\n",
        },
    },
    Fact {
        id: "W-4",
        level: S,
        says: "nothing outside class S is imported, and class S has 85 values, all exported once the \
               services are there",
        check: |world| {
            let mut problems = world.texts(|it| {
                let all: BTreeSet<_> = CLASS_S.iter().collect();
                it.equal("the size of class S", (CLASS_S.len(), all.len()), (85, 85));
                for both in CLASS_S.iter().filter(|it| CLASS_V.contains(it)) {
                    it.say(format!("{both} is of class S and of class V"));
                }
            });
            problems.extend(world.views(|it| {
                for import in &it.tree.imports {
                    let stable = suffix(it, &import.name).is_some_and(|it| CLASS_S.contains(&it));
                    it.require(stable, format!("{} imports {}", import.path, import.name));
                }
            }));
            problems.extend(world.steady_views(|it| {
                for name in CLASS_S {
                    it.require(it.exported(name) != "nothing", format!("{name} is not exported"));
                }
            }));
            problems
        },
        fault: Fault { file: "nested/network/subnets.yaml", from: "-VpcId\"", to: "-VpcNumber\"" },
    },
    Fact {
        id: "V-05",
        level: S,
        says: "the values of class S that nobody imports are for people: VpcCidr, PublicRouteTableId, \
               DataRouteTableId, DBEncryptionKey",
        check: |world| {
            let used = RefCell::new(BTreeSet::new());
            let note = |it: &View<'_>| {
                let names = it.tree.imports.iter().filter_map(|import| suffix(it, &import.name));
                used.borrow_mut().extend(names.map(str::to_owned));
            };
            world.views(note);
            world.root_views("rotation", note);
            world.texts(|it| {
                let used = used.borrow();
                let unused = CLASS_S.iter().filter(|it| !used.contains(**it));
                it.same("the values that nobody imports", unused, FOR_PEOPLE);
            })
        },
        fault: Fault {
            file: "nested/network/flow-logs.yaml",
            from: "        Fn::ImportValue: !Sub \"${ProjectName}-${Environment}-FlowLogBucketArn\"\n",
            to: "        Fn::ImportValue: !Sub \"${ProjectName}-${Environment}-TrailBucketName\"\n",
        },
    },
    Fact {
        id: "W-5",
        level: S,
        says: "export names are exactly ${ProjectName}-${Environment}- and a suffix that ends in the \
               name of the output",
        check: |world| {
            world.texts(|it| {
                for (path, template) in world.leaves() {
                    for output in &template.outputs {
                        let Some(export) = &output.export else { continue };
                        let (name, export) = (&*output.name.text, written(export));
                        let suffix = export.strip_prefix("!Sub ${ProjectName}-${Environment}-");
                        let exact = suffix.is_some_and(|it| {
                            it.ends_with(name) && it.chars().all(|it| it.is_ascii_alphanumeric())
                        });
                        it.require(exact, format!("{path}: {name} is exported as {export}"));
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/database/rds-postgresql.yaml",
            from: "Name: !Sub \"${ProjectName}-${Environment}-DBPort\"",
            to: "Name: !Sub \"${ProjectName}-DBPort\"",
        },
    },
    Fact {
        id: "W-6",
        level: S,
        says: "GetAtt, imports and DependsOn together make no cycle",
        check: |world| {
            world.views(|it| {
                let mut waits = edges(it);
                for import in &it.tree.imports {
                    let exporter = it.tree.exports.iter().find(|export| export.name == import.name);
                    if let Some(exporter) = exporter {
                        let from = it.tree.stacks[exporter.stack].path.to_string();
                        waits.entry(import.path.to_string()).or_default().insert(from);
                    }
                }
                // Taking away, again and again, whatever waits for nothing leaves the cycles.
                loop {
                    let free: Vec<_> = waits
                        .iter()
                        .filter(|(_, on)| !on.iter().any(|it| waits.contains_key(it)))
                        .map(|(it, _)| it.clone())
                        .collect();
                    if free.is_empty() {
                        break;
                    }
                    waits.retain(|it, _| !free.contains(it));
                }
                it.equal("what waits for itself", waits.into_keys().collect::<Vec<_>>(), [""; 0]);
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "  VpcStack:\n    Type: AWS::CloudFormation::Stack\n",
            to: "  VpcStack:\n    Type: AWS::CloudFormation::Stack\n    DependsOn: VpcEndpointsStack\n",
        },
    },
    Fact {
        id: "W-7",
        level: S,
        says: "a parameter that is fed by GetAtt is a String without pattern, and no condition, \
               mapping, Select, Split or rule uses it",
        check: |world| {
            world.texts(|it| {
                for (stack, child, name, value) in passed(world) {
                    let mut fed = false;
                    value.walk(&mut |it| fed |= matches!(call(it), Some(Call::GetAtt { .. })));
                    if fed {
                        check_fed(it, stack, child, name);
                    }
                }
            })
        },
        fault: Fault {
            file: "nested/database/rds-postgresql.yaml",
            from: "  DBParameterGroupName:\n    Type: String\n",
            to: "  DBParameterGroupName:\n    Type: String\n    AllowedPattern: \"^.+$\"\n",
        },
    },
    Fact {
        id: "W-8",
        level: S,
        says: "lists are passed as single elements: nothing is joined on the way, and no leaf takes a list",
        check: |world| {
            world.texts(|it| {
                for (stack, _, name, value) in passed(world) {
                    let mut list = false;
                    value.walk(&mut |it| {
                        list |=
                            it.as_list().is_some() || matches!(call(it), Some(Call::Join { .. }));
                    });
                    it.require(!list, format!("{stack} is passed a list as {name}"));
                }
                for (path, template) in world.leaves() {
                    for parameter in &template.parameters {
                        let kind = &parameter.type_name.text;
                        let list = kind.starts_with("List<") || &**kind == "CommaDelimitedList";
                        it.require(!list, format!("{path}: {} is a list", parameter.name.text));
                    }
                }
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "        AvailabilityZone1: !Ref AvailabilityZone1\n",
            to: "        AvailabilityZone1: !Join [\",\", [!Ref AvailabilityZone1]]\n",
        },
    },
    Fact {
        id: "W-9",
        level: S,
        says: "every TemplateURL is a relative path without functions: packaging makes a URL of it",
        check: |world| {
            world.texts(|it| {
                for (stack, resource) in nested(world) {
                    let url = resource.properties.as_ref().and_then(|it| it.get("TemplateURL"));
                    let url = url.and_then(Expr::as_text).unwrap_or_default();
                    it.require(url.starts_with("nested/"), format!("{stack} has {url:?}"));
                }
            })
        },
        fault: Fault {
            file: "stack.yaml",
            from: "TemplateURL: nested/network/subnets.yaml",
            to: "TemplateURL: !Sub nested/network/subnets.yaml",
        },
    },
    Fact {
        id: "6.6-X",
        level: R,
        says: "what other roots own is read by GetStackOutput, and a root parameter takes precedence",
        check: |world| {
            let mut problems = world.views(|it| {
                let edge = |name: &str| {
                    format!("<{name} of facility-{}-edge in us-east-1>", it.environment)
                };
                let distribution = "CloudFrontDistributionsStack/VendorDistribution";
                let acl = "DistributionConfig.WebACLId";
                it.expect(distribution, acl, &edge("EdgeWebAclArn"));
                if it.environment != "dev" {
                    let certificate = "DistributionConfig.ViewerCertificate.AcmCertificateArn";
                    it.expect(distribution, certificate, &edge("EdgeCertificateArn"));
                }
                if it.environment == "prod" {
                    let copy =
                        "BackupPlan.BackupPlanRule.0.CopyActions.0.DestinationBackupVaultArn";
                    let vault = "<DrVaultArn of facility-prod-dr in ap-northeast-3>";
                    it.expect("BackupPlanStack/BackupPlan", copy, vault);
                }
            });
            let acl = "arn:aws:wafv2:us-east-1:123456789012:global/webacl/edge/1";
            problems.extend(world.with("prod", "steady-state", &[("EdgeWebAclArn", acl)], |it| {
                let distribution = "CloudFrontDistributionsStack/VendorDistribution";
                it.expect(distribution, "DistributionConfig.WebACLId", acl);
            }));
            problems
        },
        fault: Fault {
            file: "nested/frontend/cloudfront-distributions.yaml",
            from: "OutputName: EdgeWebAclArn",
            to: "OutputName: EdgeStaffWebAclArn",
        },
    },
];

fn check_fed(it: &Problems, stack: &str, child: &Template, name: &str) {
    let Some(parameter) = child.parameters.get(name) else { return };
    let constrained = parameter.allowed_pattern.is_some()
        || !parameter.allowed_values.is_empty()
        || parameter.min_length.is_some()
        || parameter.max_length.is_some();
    it.require(&*parameter.type_name.text == "String", format!("{stack}: {name} is no String"));
    it.require(!constrained, format!("{stack}: {name} has a constraint"));
    let mut uses = Vec::new();
    for (condition, expr) in &child.conditions {
        if refers(expr, name) {
            uses.push(format!("condition {}", condition.text));
        }
    }
    for rule in &child.rules {
        let exprs = rule.condition.iter().chain(rule.assertions.iter().map(|it| &it.assert));
        if exprs.into_iter().any(|it| refers(it, name)) {
            uses.push(format!("rule {}", rule.name.text));
        }
    }
    let values = child.resources.iter().filter_map(|it| it.properties.as_ref());
    for expr in values.chain(child.outputs.iter().map(|it| &it.value)) {
        expr.walk(&mut |it| match call(it) {
            Some(Call::FindInMap { .. } | Call::Select { .. } | Call::Split { .. })
                if refers(it, name) =>
            {
                uses.push("a mapping, Select or Split".to_owned());
            }
            _ => {}
        });
    }
    for place in uses {
        it.say(format!("{stack}: {name} is used in {place}"));
    }
}

/// Whether an expression refers to a parameter.
fn refers(expr: &Expr, name: &str) -> bool {
    let mut found = false;
    expr.walk(&mut |it| match call(it) {
        Some(Call::Ref(it)) => found |= &*it.text == name,
        Some(Call::Sub { parts, .. }) => {
            found |= parts
                .iter()
                .any(|it| matches!(it, SubPart::Reference(it) if &*it.name.text == name));
        }
        _ => {}
    });
    found
}

/// The function that an expression is.
pub(super) fn call(expr: &Expr) -> Option<&Call> {
    match &expr.kind {
        ExprKind::Call(call) => Some(call),
        _ => None,
    }
}

/// A simple expression as it would be written: text, or `!Sub` and its text.
fn written(expr: &Expr) -> String {
    match call(expr) {
        Some(Call::Sub { parts, variables }) if variables.is_empty() => {
            let part = |it: &SubPart| match it {
                SubPart::Text(text) => text.to_string(),
                SubPart::Reference(it) => format!("${{{}}}", it.name.text),
            };
            format!("!Sub {}", parts.iter().map(part).collect::<String>())
        }
        Some(_) => "a function".to_owned(),
        None => expr.as_text().unwrap_or("no text").to_owned(),
    }
}

/// The nested stacks of the parent as they are written.
pub(super) fn nested(world: &World) -> impl Iterator<Item = (&str, &ResourceDecl)> {
    let parent = world.template("stack.yaml");
    let resources = parent.into_iter().flat_map(|it| &it.resources);
    resources
        .filter(|it| &*it.type_name.text == "AWS::CloudFormation::Stack")
        .map(|it| (&*it.name.text, it))
}

/// What the parent passes: nested stack, its template, parameter, value.
fn passed(world: &World) -> Vec<(&str, &Template, &str, &Expr)> {
    let mut passed = Vec::new();
    for (stack, resource) in nested(world) {
        let Some(properties) = &resource.properties else { continue };
        let url = properties.get("TemplateURL").and_then(Expr::as_text).unwrap_or_default();
        let Some(child) = world.template(url) else { continue };
        let entries = properties.get("Parameters").and_then(Expr::as_map).unwrap_or_default();
        passed.extend(entries.iter().map(|it| (stack, child, &*it.key.text, &it.value)));
    }
    passed
}

/// What an export's name says after project and environment.
fn suffix<'n>(view: &View<'_>, name: &'n str) -> Option<&'n str> {
    name.strip_prefix(&*format!("{}-{}-", view.parameter("ProjectName"), view.environment))
}

/// How many outputs of a tree export a name.
fn exporters(view: &View<'_>, name: &str) -> usize {
    let outputs = view.tree.stacks.iter().flat_map(|it| &it.outputs);
    let exports = outputs.filter_map(|it| it.export.as_ref()?.as_text());
    exports.filter(|it| *it == name).count()
}

/// What each nested stack waits for directly, by GetAtt or DependsOn.
fn edges(view: &View<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let root = view.tree.root();
    let id = |index: usize| root.resources[index].logical_id.to_string();
    root.resources
        .iter()
        .filter(|it| !it.condition.is_false())
        .map(|it| {
            let on = it.dependencies.iter().map(|edge| id(edge.on)).collect();
            (it.logical_id.to_string(), on)
        })
        .collect()
}

/// What each nested stack waits for, directly or through others.
fn closure(view: &View<'_>) -> BTreeMap<String, BTreeSet<String>> {
    let direct = edges(view);
    let all = |stack: &str| {
        let mut seen = BTreeSet::new();
        let mut open = vec![stack.to_owned()];
        while let Some(it) = open.pop() {
            for on in direct.get(&it).into_iter().flatten() {
                if seen.insert(on.clone()) {
                    open.push(on.clone());
                }
            }
        }
        seen
    };
    direct.keys().map(|it| (it.clone(), all(it))).collect()
}
