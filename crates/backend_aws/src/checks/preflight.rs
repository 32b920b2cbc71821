//! What an account has to offer before a root can be deployed to it. What is needed is what the
//! evaluated templates say, and not what anybody remembers.

use super::{About, Finding};
use crate::call::{
    Ask, CHATBOT, CLOUDFORMATION, Call, EC2, IAM, QUOTAS, RDS, ROUTE53, S3, S3_CONTROL, SECRETS,
    STS, each, text, texts,
};
use crate::error::{ServiceError, UNREACHABLE};
use kumiki_project::{Inputs, Tree};
use kumiki_source::message;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A root that is to be deployed.
#[derive(Clone, Copy, Debug)]
pub struct Preflight<'p> {
    /// Its templates with an environment's values.
    pub tree: &'p Tree,
    /// What it is given.
    pub inputs: &'p Inputs,
    /// The account that the environment is in, where the project says it.
    pub account: Option<&'p str>,
    /// The bucket that templates are uploaded to, if it takes one.
    pub bucket: Option<&'p str>,
    /// Whether a root that comes before makes the bucket.
    pub bucket_comes: bool,
}

/// One thing that is checked.
struct Check {
    name: &'static str,
    judge: fn(&'static str, &Scope<'_>) -> Vec<Finding>,
}

/// Every check, in the order in which they are told.
static CHECKS: &[Check] = &[
    Check { name: "account", judge: account },
    Check { name: "artifact-bucket", judge: artifact_bucket },
    Check { name: "availability-zone", judge: availability_zones },
    Check { name: "prefix-list", judge: prefix_lists },
    Check { name: "transit-gateway", judge: transit_gateways },
    Check { name: "quota-vpc", judge: vpcs },
    Check { name: "quota-elastic-ip", judge: elastic_ips },
    Check { name: "quota-role", judge: roles },
    Check { name: "quota-secret", judge: secrets },
    Check { name: "public-access-block", judge: public_access },
    Check { name: "service-linked-role", judge: service_linked_roles },
    Check { name: "chat", judge: chat },
    Check { name: "hosted-zone", judge: hosted_zones },
    Check { name: "engine-version", judge: engines },
    Check { name: "certificate-authority", judge: authorities },
];

/// Answers for an account that could not be reached.
struct Unreached(Option<ServiceError>);

impl Ask for Unreached {
    fn ask(&self, call: &Call) -> Result<Value, ServiceError> {
        self.0.clone().map_or_else(|| super::NoAccount.ask(call), Err)
    }
}

/// What every check looks at.
struct Scope<'s> {
    of: &'s Preflight<'s>,
    ask: &'s dyn Ask,
    /// The caller's account, if AWS says it.
    caller: Result<String, ServiceError>,
    /// Whether the root exists already, so that it has what it needs.
    deployed: bool,
}

/// Checks whether an account has what a root needs.
pub fn preflight(of: &Preflight<'_>, ask: &dyn Ask) -> Vec<Finding> {
    let region = &of.inputs.region;
    let caller = ask.ask(&Call::form(&STS, "GetCallerIdentity", region, &[]));
    // Where nobody can be reached, trying again for every question takes minutes.
    let gone = Unreached(caller.as_ref().err().filter(|it| it.code == UNREACHABLE).cloned());
    let ask: &dyn Ask = if gone.0.is_some() { &gone } else { ask };
    let account = "GetCallerIdentityResult.Account";
    let caller = caller.map(|it| text(&it, account).unwrap_or_default().to_owned());
    let stack = [("StackName", of.inputs.stack_name.as_str())];
    let deployed =
        ask.ask(&Call::form(&CLOUDFORMATION, "DescribeStacks", region, &stack)).is_ok_and(|it| {
            let status = text(&it, "DescribeStacksResult.Stacks.member.StackStatus");
            status.is_some_and(|it| it != "REVIEW_IN_PROGRESS")
        });
    let scope = Scope { of, ask, caller, deployed };
    CHECKS.iter().flat_map(|it| (it.judge)(it.name, &scope)).collect()
}

impl Scope<'_> {
    fn region(&self) -> &str {
        &self.of.inputs.region
    }

    /// The known texts of a property of all resources whose type begins so.
    fn known(&self, type_name: &str, property: &str) -> BTreeSet<String> {
        let resources = self.of.tree.resources().map(|(_, it)| it);
        resources
            .filter(|it| it.type_name.starts_with(type_name))
            .filter_map(|it| it.properties.at(property)?.as_text().map(str::to_owned))
            .collect()
    }

    /// How many resources of a type the deployment adds; nothing when the root has none at all.
    fn added(&self, type_name: &str) -> Option<usize> {
        let count = self.count(type_name);
        (count > 0).then_some(if self.deployed { 0 } else { count })
    }

    /// The account, or the environment where nobody says it.
    fn place(&self) -> String {
        self.of.account.unwrap_or(&self.of.inputs.environment).to_owned()
    }

    /// How many resources of types that begin so there are.
    fn count(&self, type_name: &str) -> usize {
        let resources = self.of.tree.resources();
        resources.filter(|(_, it)| it.type_name.starts_with(type_name)).count()
    }

    fn form(
        &self,
        service: &'static crate::call::Service,
        action: &'static str,
        fields: &[(&str, &str)],
    ) -> Result<Value, ServiceError> {
        self.ask.ask(&Call::form(service, action, self.region(), fields))
    }
}

/// What is left of a value that nobody filled in.
fn unfilled(about: About) -> Finding {
    about.fail(
        message!("the value is not filled in yet"),
        message!("write it into the parameter file"),
    )
}

/// Judges each value, but for those that are not filled in.
fn judged(
    check: &'static str,
    values: BTreeSet<String>,
    mut judge: impl FnMut(About, &str) -> Finding,
) -> Vec<Finding> {
    let judge = |value: String| {
        let about = About(check, value.clone());
        if value.contains('<') { unfilled(about) } else { judge(about, &value) }
    };
    values.into_iter().map(judge).collect()
}

fn account(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let expected = scope.of.account;
    let about = About(check, scope.place());
    vec![match (&scope.caller, expected) {
        (Err(error), _) => about.unanswered(error),
        (Ok(caller), None) => about.unknown(message!(
            "the credentials are of account `{caller}`, and `kumiki.toml` names none",
            caller
        )),
        (Ok(caller), Some(expected)) if caller == expected => {
            about.pass(message!("the credentials are of this account"))
        }
        (Ok(caller), Some(_)) => about.fail(
            message!("the credentials are of account `{caller}`", caller),
            message!("sign in to the environment's account, or name its `--profile`"),
        ),
    }]
}

fn artifact_bucket(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let Some(bucket) = scope.of.bucket else { return Vec::new() };
    let about = About(check, bucket.to_owned());
    // Needs the right `s3:ListBucket`, as every upload does.
    let path = format!("/{bucket}?list-type=2&max-keys=0");
    let call = Call::rest(&S3, "ListObjectsV2", scope.region(), "GET", &path);
    vec![match scope.ask.ask(&call) {
        Ok(_) => about.pass(message!("the bucket is there")),
        Err(error) if error.code == "NoSuchBucket" => match scope.of.bucket_comes {
            true => {
                about.pass(message!("it is not there yet, and a root before this one makes it"))
            }
            false => about.fail(
                message!("there is no such bucket"),
                message!("deploy the root that makes it first"),
            ),
        },
        Err(error) => about.unanswered(&error),
    }]
}

fn availability_zones(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let zones = scope.known("AWS::EC2::Subnet", "AvailabilityZone");
    judged(check, zones, |about, zone| {
        match scope.form(&EC2, "DescribeAvailabilityZones", &[("ZoneName.1", zone)]) {
            Ok(it) if text(&it, "availabilityZoneInfo.item.zoneState") == Some("available") => {
                let id = text(&it, "availabilityZoneInfo.item.zoneId").unwrap_or_default();
                about.pass(message!("the zone is `{id}` of this account", id))
            }
            Err(error) if error.code != "InvalidParameterValue" => about.unanswered(&error),
            _ => about.fail(
                message!("the account is not offered this zone"),
                message!("`aws ec2 describe-availability-zones` lists those that it is offered"),
            ),
        }
    })
}

fn prefix_lists(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let mut lists = scope.known("AWS::EC2::", "DestinationPrefixListId");
    lists.extend(scope.known("AWS::EC2::", "SourcePrefixListId"));
    judged(check, lists, |about, list| {
        match scope.form(&EC2, "DescribeManagedPrefixLists", &[("PrefixListId.1", list)]) {
            Ok(it) => match text(&it, "prefixListSet.item.prefixListName") {
                Some(name) => about.pass(message!("it is `{name}`", name)),
                None => no_prefix_list(about),
            },
            Err(error) if error.code.starts_with("InvalidPrefixListI") => no_prefix_list(about),
            Err(error) => about.unanswered(&error),
        }
    })
}

fn no_prefix_list(about: About) -> Finding {
    about.fail(
        message!("the Region has no such prefix list"),
        message!("`aws ec2 describe-managed-prefix-lists` lists them"),
    )
}

fn transit_gateways(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let gateways = scope.known("AWS::EC2::TransitGateway", "TransitGatewayId");
    judged(check, gateways, |about, gateway| {
        let answer =
            scope.form(&EC2, "DescribeTransitGateways", &[("TransitGatewayIds.1", gateway)]);
        let not_there = |about: About| {
            about.fail(
                message!("the account sees no such Transit Gateway"),
                message!("ask who runs the shared network to share it with this account"),
            )
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(error) if error.code.starts_with("InvalidTransitGatewayI") => {
                return not_there(about);
            }
            Err(error) => return about.unanswered(&error),
        };
        let item = |name: &str| text(&answer, &format!("transitGatewaySet.item.{name}"));
        let Some(state) = item("state") else { return not_there(about) };
        if state != "available" {
            return about.fail(
                message!("it is in state `{state}`", state),
                message!("wait until it is `available`"),
            );
        }
        let owner = item("ownerId").unwrap_or_default();
        let own = scope.caller.as_ref().is_ok_and(|it| it == owner);
        match item("options.autoAcceptSharedAttachments") {
            _ if own => about.pass(message!("it is available, and the account's own")),
            Some("enable") => about.pass(message!("it is available and accepts attachments")),
            _ => about.unknown(message!(
                "it is available; account `{owner}` has to accept the attachment",
                owner
            )),
        }
    })
}

/// Judges whether so many more fit beside those that are there.
fn fits(
    about: About,
    needed: usize,
    room: impl FnOnce() -> Result<Option<(usize, usize)>, ServiceError>,
) -> Finding {
    if needed == 0 {
        return about.pass(message!("no more are needed"));
    }
    match room() {
        Err(error) => about.unanswered(&error),
        Ok(None) => about.unknown(message!("the answer does not say how many there are")),
        Ok(Some((used, quota))) if used + needed <= quota => about.pass(message!(
            "{needed} more are needed, and {used} of {quota} are used",
            needed,
            used,
            quota
        )),
        Ok(Some((used, quota))) => about.fail(
            message!(
                "{needed} more are needed, and {used} of {quota} are used",
                needed,
                used,
                quota
            ),
            message!("ask for a higher quota, or delete what nobody uses"),
        ),
    }
}

fn quota(scope: &Scope<'_>, service: &str, code: &str) -> Result<Option<usize>, ServiceError> {
    let body = json!({ "ServiceCode": service, "QuotaCode": code });
    let answer = scope.ask.ask(&Call::json(&QUOTAS, "GetServiceQuota", scope.region(), body))?;
    Ok(each(&answer, "Quota.Value").first().and_then(|it| it.as_f64()).map(|it| it as usize))
}

/// <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
fn vpcs(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let about = About(check, scope.region().to_owned());
    let Some(needed) = scope.added("AWS::EC2::VPC") else { return Vec::new() };
    vec![fits(about, needed, || {
        let answer = scope.form(&EC2, "DescribeVpcs", &[])?;
        let used = each(&answer, "vpcSet.item").len();
        Ok(quota(scope, "vpc", "L-F678F1CE")?.map(|it| (used, it)))
    })]
}

fn elastic_ips(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let about = About(check, scope.region().to_owned());
    // That there are none is worth saying where there is a network: NAT gateways take them.
    if scope.count("AWS::EC2::VPC") == 0 {
        return Vec::new();
    }
    vec![fits(about, scope.added("AWS::EC2::EIP").unwrap_or_default(), || {
        let answer = scope.form(&EC2, "DescribeAddresses", &[])?;
        let used = each(&answer, "addressesSet.item").len();
        Ok(quota(scope, "ec2", "L-0263D0A3")?.map(|it| (used, it)))
    })]
}

fn roles(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let about = About(check, scope.of.inputs.stack_name.clone());
    let Some(needed) = scope.added("AWS::IAM::Role") else { return Vec::new() };
    vec![fits(about, needed, || {
        let answer = scope.form(&IAM, "GetAccountSummary", &[])?;
        let entries = each(&answer, "GetAccountSummaryResult.SummaryMap.entry");
        let number = |name: &str| {
            let entry = entries.iter().find(|it| text(it, "key") == Some(name))?;
            text(entry, "value")?.parse().ok()
        };
        Ok(number("Roles").zip(number("RolesQuota")))
    })]
}

/// Secrets of a Region, as documented on 2026-11-24.
/// <https://docs.aws.amazon.com/general/latest/gr/asm.html>
const SECRETS_QUOTA: usize = 500_000;

fn secrets(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let about = About(check, scope.of.inputs.stack_name.clone());
    let Some(needed) = scope.added("AWS::SecretsManager::Secret") else { return Vec::new() };
    vec![fits(about, needed, || {
        let body = json!({ "MaxResults": 100 });
        let answer = scope.ask.ask(&Call::json(&SECRETS, "ListSecrets", scope.region(), body))?;
        // More than a page is not counted: that would be thousands of calls in a full account.
        let counted = answer.get("NextToken").is_none();
        Ok(counted.then(|| (each(&answer, "SecretList").len(), SECRETS_QUOTA)))
    })]
}

/// The four settings of an account that keep buckets from being public.
pub(super) const BLOCKS: [&str; 4] =
    ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"];
pub(super) const BLOCK_PATH: &str = "/v20180820/configuration/publicAccessBlock";

fn public_access(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    if scope.count("AWS::S3::Bucket") == 0 {
        return Vec::new();
    }
    let account = match &scope.caller {
        Ok(account) => account,
        Err(error) => return vec![About(check, scope.place()).unanswered(error)],
    };
    let about = About(check, account.clone());
    let call = Call::rest(&S3_CONTROL, "GetPublicAccessBlock", scope.region(), "GET", BLOCK_PATH)
        .of_account(account);
    let open = |about: About, open: String| {
        let environment = &scope.of.inputs.environment;
        about.fail(
            message!("the account does not have {settings}", settings = open),
            message!("`kumiki post-deploy {environment} --target aws` sets it", environment),
        )
    };
    vec![match scope.ask.ask(&call) {
        Ok(answer) => {
            let missing = BLOCKS.into_iter().filter(|it| text(&answer, it) != Some("true"));
            let missing: Vec<&str> = missing.collect();
            match missing.is_empty() {
                true => about.pass(message!("no bucket of the account can be public")),
                false => open(about, missing.join(", ")),
            }
        }
        Err(error) if error.code == "NoSuchPublicAccessBlockConfiguration" => {
            open(about, BLOCKS.join(", "))
        }
        Err(error) => about.unanswered(&error),
    }]
}

/// The roles that services act with, by what needs them. CloudFormation has failed where the first
/// use was to make one.
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html>
static SERVICE_LINKED_ROLES: &[(&str, &str, &str)] = &[
    (
        "AWS::ApplicationAutoScaling::ScalableTarget",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
        "ecs.application-autoscaling.amazonaws.com",
    ),
    ("AWS::Backup::", "AWSServiceRoleForBackup", "backup.amazonaws.com"),
    (
        "AWS::EC2::TransitGateway",
        "AWSServiceRoleForVPCTransitGateway",
        "transitgateway.amazonaws.com",
    ),
    ("AWS::ECS::", "AWSServiceRoleForECS", "ecs.amazonaws.com"),
    (
        "AWS::ElasticLoadBalancingV2::",
        "AWSServiceRoleForElasticLoadBalancing",
        "elasticloadbalancing.amazonaws.com",
    ),
    ("AWS::RDS::", "AWSServiceRoleForRDS", "rds.amazonaws.com"),
];

fn service_linked_roles(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let needed = SERVICE_LINKED_ROLES.iter().filter(|(of, ..)| scope.count(of) > 0);
    let judge = |(_, role, service): &(&str, &str, &str)| {
        let about = About(check, (*role).to_owned());
        match scope.form(&IAM, "GetRole", &[("RoleName", role)]) {
            Ok(_) => about.pass(message!("the role is there")),
            Err(error) if error.code == "NoSuchEntity" => about.fail(
                message!("there is no such role"),
                message!(
                    "`aws iam create-service-linked-role --aws-service-name {service}` makes it",
                    service
                ),
            ),
            Err(error) => about.unanswered(&error),
        }
    };
    needed.map(judge).collect()
}

fn chat(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let rest = |action, path| {
        let call = Call::rest(&CHATBOT, action, scope.region(), "POST", path).with_body("{}");
        scope.ask.ask(&call)
    };
    let authorised = |about: About, known: bool| match known {
        true => about.pass(message!("it is authorised")),
        false => about.fail(
            message!("it is not authorised in this account"),
            message!("authorise it once in the console of Amazon Q Developer in chat applications"),
        ),
    };
    let slack = scope.known("AWS::Chatbot::SlackChannelConfiguration", "SlackWorkspaceId");
    let mut found = judged(check, slack, |about, workspace| {
        match rest("DescribeSlackWorkspaces", "/describe-slack-workspaces") {
            Ok(it) => {
                let known = texts(&it, "SlackWorkspaces.SlackTeamId").contains(&workspace);
                authorised(about, known)
            }
            Err(error) => about.unanswered(&error),
        }
    });
    let teams = scope.known("AWS::Chatbot::MicrosoftTeamsChannelConfiguration", "TeamId");
    found.extend(judged(check, teams, |about, team| {
        match rest("ListMicrosoftTeamsConfiguredTeams", "/list-ms-teams-configured-teams") {
            Ok(it) => authorised(about, texts(&it, "ConfiguredTeams.TeamId").contains(&team)),
            Err(error) => about.unanswered(&error),
        }
    }));
    found
}

fn hosted_zones(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let zones = scope.known("AWS::Route53::", "HostedZoneId");
    let names = scope.known("AWS::Route53::RecordSet", "Name");
    let mut delegated = Vec::new();
    let mut found = judged(check, zones, |about, zone| {
        let path = format!("/2013-04-01/hostedzone/{zone}");
        let answer = match scope.ask.ask(&Call::rest(
            &ROUTE53,
            "GetHostedZone",
            scope.region(),
            "GET",
            &path,
        )) {
            Ok(answer) => answer,
            Err(error) if ["NoSuchHostedZone", "InvalidInput"].contains(&&*error.code) => {
                return about.fail(
                    message!("there is no such hosted zone"),
                    message!("`aws route53 list-hosted-zones` lists them"),
                );
            }
            Err(error) => return about.unanswered(&error),
        };
        let name = text(&answer, "HostedZone.Name").unwrap_or_default().trim_end_matches('.');
        if text(&answer, "HostedZone.Config.PrivateZone") == Some("true") {
            return about.fail(
                message!("the zone `{name}` is private", name),
                message!("certificates are validated in a public zone: name that one"),
            );
        }
        let outside = names.iter().find(|it| {
            let rest = it.trim_end_matches('.').strip_suffix(name);
            !it.contains('<') && rest.is_none_or(|it| !it.is_empty() && !it.ends_with('.'))
        });
        if let Some(outside) = outside {
            return about.fail(
                message!("`{outside}` is not in the zone `{name}`", outside, name),
                message!("name the zone that it is in, or correct the name"),
            );
        }
        let servers = texts(&answer, "DelegationSet.NameServers.NameServer").join(", ");
        delegated.push(About("zone-delegation", name.to_owned()).unknown(message!(
            "the zone above has to name {servers}: compare `dig NS {name}`",
            servers,
            name
        )));
        about.pass(message!("it is the public zone `{name}`", name))
    });
    found.append(&mut delegated);
    found
}

fn engines(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let databases = scope.of.tree.resources().map(|(_, it)| &it.properties);
    let wanted: BTreeSet<[String; 4]> = databases
        .filter_map(|it| {
            let text = |name: &str| it.get(name)?.as_text().map(str::to_owned);
            let multi_az = it.get("MultiAZ").and_then(|it| it.as_bool()).unwrap_or_default();
            let multi_az = multi_az.to_string();
            Some([text("Engine")?, text("EngineVersion")?, text("DBInstanceClass")?, multi_az])
        })
        .collect();
    let judge = |[engine, version, class, multi_az]: [String; 4]| {
        let about = About(check, format!("{engine} {version} {class}"));
        let fields = [
            ("Engine", engine.as_str()),
            ("EngineVersion", version.as_str()),
            ("DBInstanceClass", class.as_str()),
            ("Vpc", "true"),
        ];
        let help = || {
            message!(
                "`aws rds describe-orderable-db-instance-options --engine {engine}` lists what is offered",
                engine
            )
        };
        match scope.form(&RDS, "DescribeOrderableDBInstanceOptions", &fields) {
            Ok(answer) => {
                let options = each(
                    &answer,
                    "DescribeOrderableDBInstanceOptionsResult.OrderableDBInstanceOptions.OrderableDBInstanceOption",
                );
                let several = |it: &&Value| text(it, "MultiAZCapable") == Some("true");
                if options.is_empty() {
                    about.fail(message!("this version is not offered for this class"), help())
                } else if multi_az == "true" && !options.iter().any(several) {
                    about.fail(message!("this class is not offered in several zones"), help())
                } else {
                    about.pass(message!("this version is offered for this class"))
                }
            }
            Err(error) if error.code.starts_with("InvalidParameter") => {
                about.fail(message!("this version is not offered for this class"), help())
            }
            Err(error) => about.unanswered(&error),
        }
    };
    wanted.into_iter().map(judge).collect()
}

fn authorities(check: &'static str, scope: &Scope<'_>) -> Vec<Finding> {
    let authorities = scope.known("AWS::RDS::DBInstance", "CACertificateIdentifier");
    judged(check, authorities, |about, authority| {
        let fields = [("CertificateIdentifier", authority)];
        match scope.form(&RDS, "DescribeCertificates", &fields) {
            Ok(answer) => {
                let until = "DescribeCertificatesResult.Certificates.Certificate.ValidTill";
                let until = text(&answer, until).unwrap_or_default();
                about.pass(message!("it is offered, and valid until {until}", until))
            }
            Err(error) if error.code.starts_with("CertificateNotFound") => about.fail(
                message!("the Region does not offer this authority"),
                message!("`aws rds describe-certificates` lists those that it offers"),
            ),
            Err(error) => about.unanswered(&error),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::super::NoAccount;
    use super::super::script::{Line, Script, lines};
    use super::*;
    use kumiki_project::{FileError, Files, Library};

    /// A root that needs one of everything.
    const ROOT: &str = r#"
Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  Subnet:
    Type: AWS::EC2::Subnet
    Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24, AvailabilityZone: ap-northeast-1a }
  Attachment:
    Type: AWS::EC2::TransitGatewayAttachment
    Properties: { VpcId: !Ref Vpc, SubnetIds: [!Ref Subnet], TransitGatewayId: tgw-1 }
  ToS3:
    Type: AWS::EC2::SecurityGroupEgress
    Properties: { GroupId: sg-1, IpProtocol: tcp, DestinationPrefixListId: pl-1 }
  Role: { Type: AWS::IAM::Role, Properties: { AssumeRolePolicyDocument: {} } }
  Secret: { Type: AWS::SecretsManager::Secret }
  Bucket: { Type: AWS::S3::Bucket }
  Cluster: { Type: AWS::ECS::Cluster }
  Slack:
    Type: AWS::Chatbot::SlackChannelConfiguration
    Properties: { ConfigurationName: c, IamRoleArn: r, SlackChannelId: C1, SlackWorkspaceId: T1 }
  Name:
    Type: AWS::Route53::RecordSet
    Properties: { HostedZoneId: Z1, Name: api.city.example, Type: A }
  Database:
    Type: AWS::RDS::DBInstance
    Properties:
      Engine: postgres
      EngineVersion: "14.24"
      DBInstanceClass: db.t4g.medium
      MultiAZ: true
      CACertificateIdentifier: rds-ca-rsa2048-g1
"#;

    struct One(String);

    impl Files for One {
        fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
            match path {
                "root.yaml" => Ok(self.0.clone().into_bytes()),
                _ => Err(FileError::NotFound),
            }
        }

        fn list(&self) -> Vec<String> {
            vec!["root.yaml".to_owned()]
        }
    }

    fn checked(template: &str, ask: &dyn Ask) -> Vec<Finding> {
        let mut library = Library::default();
        library.load("root.yaml", &One(template.to_owned()));
        let root = library.find("root.yaml").unwrap();
        let inputs = Inputs {
            environment: "prod".to_owned(),
            region: "ap-northeast-1".to_owned(),
            account: "111122223333".to_owned(),
            stack_name: "facility-prod-service".to_owned(),
            parameters: Vec::new(),
            parameter_file: None,
            tags: Vec::new(),
        };
        let tree = Tree::evaluate(&library, root, &inputs);
        let of = Preflight {
            tree: &tree,
            inputs: &inputs,
            account: Some("111122223333"),
            bucket: Some("artifacts"),
            bucket_comes: false,
        };
        preflight(&of, ask)
    }

    type Case = (&'static str, Vec<Line>, &'static str);

    /// A check, what the account answers, and what is judged.
    fn cases() -> Vec<Case> {
        let caller = |number: &str| Ok(json!({ "GetCallerIdentityResult": { "Account": number } }));
        let zone = |fields: Value| Ok(json!({ "availabilityZoneInfo": { "item": fields } }));
        let gateway = |owner: &str, accept: &str| {
            Ok(json!({ "transitGatewaySet": { "item": { "state": "available", "ownerId": owner,
                "options": { "autoAcceptSharedAttachments": accept } } } }))
        };
        let quota = |number: f64| Ok(json!({ "Quota": { "Value": number } }));
        let vpcs = |count: usize| Ok(json!({ "vpcSet": { "item": vec![json!({}); count] } }));
        let summary = |roles: &str| {
            Ok(json!({ "GetAccountSummaryResult": { "SummaryMap": { "entry": [
                { "key": "Roles", "value": roles }, { "key": "RolesQuota", "value": "1000" } ] } } }))
        };
        let blocked = |last: &str| {
            Ok(json!({ "BlockPublicAcls": "true", "IgnorePublicAcls": "true",
                "BlockPublicPolicy": "true", "RestrictPublicBuckets": last }))
        };
        let zoned = |name: &str, private: &str| {
            Ok(json!({ "HostedZone": { "Name": name, "Config": { "PrivateZone": private } },
                "DelegationSet": { "NameServers": { "NameServer": ["a.ns", "b.ns"] } } }))
        };
        let offered = |several: &str| {
            let option = json!({ "MultiAZCapable": several });
            let options = json!({ "OrderableDBInstanceOption": option });
            Ok(
                json!({ "DescribeOrderableDBInstanceOptionsResult": { "OrderableDBInstanceOptions": options } }),
            )
        };
        let there = || Ok(json!({}));
        let known = ("GetCallerIdentity", "", caller("111122223333"));
        let deployed = (
            "DescribeStacks",
            "facility-prod-service",
            Ok(json!({
            "DescribeStacksResult": { "Stacks": { "member": { "StackStatus": "UPDATE_COMPLETE" } } } })),
        );
        vec![
            (
                "account",
                vec![known.clone()],
                "PASS 111122223333: the credentials are of this account",
            ),
            (
                "account",
                vec![("GetCallerIdentity", "", caller("999999999999"))],
                "FAIL 111122223333: the credentials are of account `999999999999`",
            ),
            (
                "account",
                vec![("GetCallerIdentity", "", Err("ExpiredToken"))],
                "UNKNOWN 111122223333: the credentials are not valid or have expired: sign in again and run the same command (GetCallerIdentity: no)",
            ),
            (
                "artifact-bucket",
                vec![("ListObjectsV2", "/artifacts?", there())],
                "PASS artifacts: the bucket is there",
            ),
            (
                "artifact-bucket",
                vec![("ListObjectsV2", "", Err("NoSuchBucket"))],
                "FAIL artifacts: there is no such bucket",
            ),
            (
                "artifact-bucket",
                vec![("ListObjectsV2", "", Err("AccessDenied"))],
                "UNKNOWN artifacts: the credentials do not allow `ListObjectsV2`: no (AccessDenied)",
            ),
            (
                "availability-zone",
                vec![(
                    "DescribeAvailabilityZones",
                    "ap-northeast-1a",
                    zone(json!({ "zoneState": "available", "zoneId": "apne1-az4" })),
                )],
                "PASS ap-northeast-1a: the zone is `apne1-az4` of this account",
            ),
            (
                "availability-zone",
                vec![("DescribeAvailabilityZones", "", Err("InvalidParameterValue"))],
                "FAIL ap-northeast-1a: the account is not offered this zone",
            ),
            (
                "prefix-list",
                vec![(
                    "DescribeManagedPrefixLists",
                    "pl-1",
                    Ok(
                        json!({ "prefixListSet": { "item": { "prefixListName": "com.amazonaws.ap-northeast-1.s3" } } }),
                    ),
                )],
                "PASS pl-1: it is `com.amazonaws.ap-northeast-1.s3`",
            ),
            (
                "prefix-list",
                vec![("DescribeManagedPrefixLists", "", Err("InvalidPrefixListID.NotFound"))],
                "FAIL pl-1: the Region has no such prefix list",
            ),
            (
                "prefix-list",
                vec![("DescribeManagedPrefixLists", "", Err("UnauthorizedOperation"))],
                "UNKNOWN pl-1: the credentials do not allow `DescribeManagedPrefixLists`: no (UnauthorizedOperation)",
            ),
            (
                "transit-gateway",
                vec![("DescribeTransitGateways", "tgw-1", gateway("999999999999", "enable"))],
                "PASS tgw-1: it is available and accepts attachments",
            ),
            (
                "transit-gateway",
                vec![("DescribeTransitGateways", "tgw-1", gateway("999999999999", "disable"))],
                "UNKNOWN tgw-1: it is available; account `999999999999` has to accept the attachment",
            ),
            (
                "transit-gateway",
                vec![
                    known.clone(),
                    ("DescribeTransitGateways", "tgw-1", gateway("111122223333", "disable")),
                ],
                "PASS tgw-1: it is available, and the account's own",
            ),
            (
                "transit-gateway",
                vec![("DescribeTransitGateways", "", Err("InvalidTransitGatewayID.NotFound"))],
                "FAIL tgw-1: the account sees no such Transit Gateway",
            ),
            (
                "quota-vpc",
                vec![("DescribeVpcs", "", vpcs(4)), ("GetServiceQuota", "L-F678F1CE", quota(5.0))],
                "PASS ap-northeast-1: 1 more are needed, and 4 of 5 are used",
            ),
            (
                "quota-vpc",
                vec![("DescribeVpcs", "", vpcs(5)), ("GetServiceQuota", "L-F678F1CE", quota(5.0))],
                "FAIL ap-northeast-1: 1 more are needed, and 5 of 5 are used",
            ),
            (
                "quota-vpc",
                vec![
                    ("DescribeVpcs", "", vpcs(5)),
                    ("GetServiceQuota", "", Err("AccessDeniedException")),
                ],
                "UNKNOWN ap-northeast-1: the credentials do not allow `GetServiceQuota`: no (AccessDeniedException)",
            ),
            // What is there already needs no room.
            ("quota-vpc", vec![deployed], "PASS ap-northeast-1: no more are needed"),
            ("quota-elastic-ip", vec![], "PASS ap-northeast-1: no more are needed"),
            (
                "quota-role",
                vec![("GetAccountSummary", "", summary("999"))],
                "PASS facility-prod-service: 1 more are needed, and 999 of 1000 are used",
            ),
            (
                "quota-role",
                vec![("GetAccountSummary", "", summary("1000"))],
                "FAIL facility-prod-service: 1 more are needed, and 1000 of 1000 are used",
            ),
            (
                "quota-secret",
                vec![("ListSecrets", "", Ok(json!({ "SecretList": [{}] })))],
                "PASS facility-prod-service: 1 more are needed, and 1 of 500000 are used",
            ),
            (
                "quota-secret",
                vec![("ListSecrets", "", Ok(json!({ "SecretList": [{}], "NextToken": "n" })))],
                "UNKNOWN facility-prod-service: the answer does not say how many there are",
            ),
            (
                "public-access-block",
                vec![known.clone(), ("GetPublicAccessBlock", "", blocked("true"))],
                "PASS 111122223333: no bucket of the account can be public",
            ),
            (
                "public-access-block",
                vec![known.clone(), ("GetPublicAccessBlock", "", blocked("false"))],
                "FAIL 111122223333: the account does not have RestrictPublicBuckets",
            ),
            (
                "public-access-block",
                vec![
                    known,
                    ("GetPublicAccessBlock", "", Err("NoSuchPublicAccessBlockConfiguration")),
                ],
                "FAIL 111122223333: the account does not have BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets",
            ),
            (
                "service-linked-role",
                vec![("GetRole", "AWSServiceRoleForECS", there())],
                "PASS AWSServiceRoleForECS: the role is there",
            ),
            (
                "service-linked-role",
                vec![("GetRole", "AWSServiceRoleForECS", Err("NoSuchEntity"))],
                "FAIL AWSServiceRoleForECS: there is no such role",
            ),
            (
                "chat",
                vec![(
                    "DescribeSlackWorkspaces",
                    "",
                    Ok(json!({ "SlackWorkspaces": [{ "SlackTeamId": "T1" }] })),
                )],
                "PASS T1: it is authorised",
            ),
            (
                "chat",
                vec![("DescribeSlackWorkspaces", "", Ok(json!({ "SlackWorkspaces": [] })))],
                "FAIL T1: it is not authorised in this account",
            ),
            (
                "hosted-zone",
                vec![("GetHostedZone", "/hostedzone/Z1", zoned("city.example.", "false"))],
                "PASS Z1: it is the public zone `city.example`",
            ),
            (
                "zone-delegation",
                vec![("GetHostedZone", "", zoned("city.example.", "false"))],
                "UNKNOWN city.example: the zone above has to name a.ns, b.ns: compare `dig NS city.example`",
            ),
            (
                "hosted-zone",
                vec![("GetHostedZone", "", zoned("city.example.", "true"))],
                "FAIL Z1: the zone `city.example` is private",
            ),
            (
                "hosted-zone",
                vec![("GetHostedZone", "", zoned("ity.example.", "false"))],
                "FAIL Z1: `api.city.example` is not in the zone `ity.example`",
            ),
            (
                "hosted-zone",
                vec![("GetHostedZone", "", Err("NoSuchHostedZone"))],
                "FAIL Z1: there is no such hosted zone",
            ),
            (
                "engine-version",
                vec![("DescribeOrderableDBInstanceOptions", "14.24", offered("true"))],
                "PASS postgres 14.24 db.t4g.medium: this version is offered for this class",
            ),
            (
                "engine-version",
                vec![("DescribeOrderableDBInstanceOptions", "", offered("false"))],
                "FAIL postgres 14.24 db.t4g.medium: this class is not offered in several zones",
            ),
            (
                "engine-version",
                vec![("DescribeOrderableDBInstanceOptions", "", there())],
                "FAIL postgres 14.24 db.t4g.medium: this version is not offered for this class",
            ),
            (
                "certificate-authority",
                vec![(
                    "DescribeCertificates",
                    "rds-ca-rsa2048-g1",
                    Ok(
                        json!({ "DescribeCertificatesResult": { "Certificates": { "Certificate": { "ValidTill": "2061" } } } }),
                    ),
                )],
                "PASS rds-ca-rsa2048-g1: it is offered, and valid until 2061",
            ),
            (
                "certificate-authority",
                vec![("DescribeCertificates", "", Err("CertificateNotFound"))],
                "FAIL rds-ca-rsa2048-g1: the Region does not offer this authority",
            ),
        ]
    }

    #[test]
    fn each_answer_is_judged() {
        let cases = cases();
        for check in CHECKS {
            assert!(
                cases.iter().any(|(name, ..)| *name == check.name),
                "{} has no case",
                check.name
            );
        }
        for (check, answers, expected) in cases {
            let found = checked(ROOT, &Script { answers, ..Script::default() });
            let found = lines(&found, check);
            assert!(found.iter().any(|it| it == expected), "{expected} in {found:?}");
        }
    }

    /// Without an account, nothing is a pass but what needs none.
    #[test]
    fn what_nobody_was_asked_is_unknown() {
        for it in checked(ROOT, &NoAccount) {
            let expected = match it.check {
                "quota-elastic-ip" => "PASS ap-northeast-1: no more are needed".to_owned(),
                "account" | "public-access-block" => {
                    "UNKNOWN 111122223333: only an account can tell".to_owned()
                }
                _ => format!("UNKNOWN {}: only an account can tell", it.about),
            };
            assert!(lines(std::slice::from_ref(&it), it.check).contains(&expected), "{it:?}");
        }
    }

    #[test]
    fn an_account_that_cannot_be_reached_is_asked_once() {
        let answers = vec![("GetCallerIdentity", "", Err(UNREACHABLE))];
        let script = Script { answers, ..Script::default() };
        let found = checked(ROOT, &script);
        assert_eq!(*script.asked.borrow(), ["GetCallerIdentity"]);
        let account = ["UNKNOWN 111122223333: AWS cannot be asked (GetCallerIdentity): no"];
        assert_eq!(lines(&found, "account"), account);
    }

    #[test]
    fn a_value_that_is_not_filled_in_is_not_asked_about() {
        let script = Script::default();
        let found = checked(&ROOT.replace("tgw-1", "<tgw>"), &script);
        let expected = ["FAIL <tgw>: the value is not filled in yet"];
        assert_eq!(lines(&found, "transit-gateway"), expected);
        assert!(!script.asked.borrow().iter().any(|it| it == "DescribeTransitGateways"));
    }
}
