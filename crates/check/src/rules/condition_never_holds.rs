use crate::links::Links;
use crate::policies::{Items, Policy, documents};
use crate::rule::{Cx, Rule};
use ipnet::IpNet;
use kumiki_source::{Severity, closest, message};
use std::net::IpAddr;

pub(crate) static RULE: Rule = Rule {
    name: "condition-never-holds",
    severity: Severity::Warning,
    page: include_str!("condition_never_holds.md"),
    check,
};

/// Keys that every service knows.
///
/// As of 2026-11-24, <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html>
const KEYS: [&str; 45] = [
    "aws:AssumedRoot",
    "aws:CalledVia",
    "aws:CalledViaFirst",
    "aws:CalledViaLast",
    "aws:ChatbotSourceArn",
    "aws:CurrentTime",
    "aws:Ec2InstanceSourcePrivateIPv4",
    "aws:Ec2InstanceSourceVpc",
    "aws:EpochTime",
    "aws:FederatedProvider",
    "aws:MultiFactorAuthAge",
    "aws:MultiFactorAuthPresent",
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalIsAWSService",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalServiceName",
    "aws:PrincipalServiceNamesList",
    "aws:PrincipalType",
    "aws:Referer",
    "aws:RequestedRegion",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
    "aws:SecureTransport",
    "aws:SignInSessionArn",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceIdentity",
    "aws:SourceIp",
    "aws:SourceOrgID",
    "aws:SourceOrgPaths",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpcArn",
    "aws:SourceVpce",
    "aws:TagKeys",
    "aws:TokenIssueTime",
    "aws:UserAgent",
    "aws:ViaAWSService",
    "aws:VpcSourceIp",
    "aws:VpceAccount",
    "aws:VpceOrgID",
    "aws:VpceOrgPaths",
];

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, resource) in links.all() {
        let mut conditions = Vec::new();
        documents(&resource.properties, &mut |document| {
            for statement in Policy::read(document).statements {
                statement.conditions(&mut |operator, key, value| {
                    conditions.push((operator, key, value));
                });
            }
        });
        for (operator, key, value) in conditions {
            let known = |it: &&str| it.eq_ignore_ascii_case(key);
            let values = Items::read(Some(value));
            let whole = values.unknown.is_empty() && !values.known.is_empty();
            if key.to_ascii_lowercase().starts_with("aws:")
                && !KEYS.iter().any(known)
                && !key.contains('/')
            {
                // A key that is not here may be new; a slip of the hand is not.
                let near = closest(key, KEYS.into_iter());
                let free = ["aws:userid", "aws:username"].iter().any(known);
                if let Some(near) = near.filter(|_| !free) {
                    let finding = cx.report_value(
                        value,
                        message!("no request has a condition key `{key}`", key),
                    );
                    finding.help.push(message!("did you mean `{near}`?", near));
                }
            } else if key.eq_ignore_ascii_case("kms:ViaService") {
                let short = |text: &str| !text.contains('*') && text.split('.').count() == 3;
                for (text, value) in values.known.iter().filter(|it| short(it.0)) {
                    let service = text.split('.').next().unwrap_or(text);
                    let example = format!("{service}.{}.amazonaws.com", cx.inputs.region);
                    let finding = cx
                        .report_value(value, message!("`kms:ViaService` is never `{text}`", text));
                    finding.help.push(message!("write the Region as well: `{example}`", example));
                }
            } else if key.eq_ignore_ascii_case("aws:SourceIp")
                && operator.contains("IpAddress")
                && whole
                && values.known.iter().all(|it| is_private(it.0))
            {
                let finding = cx.report_value(
                    value,
                    message!(
                        "`aws:SourceIp` is the public address of a request, never a private one"
                    ),
                );
                finding.help.push(message!(
                    "compare `aws:VpcSourceIp`, `aws:SourceVpc` or `aws:SourceVpce` instead"
                ));
            }
        }
    }
}

fn is_private(text: &str) -> bool {
    let address = text.parse::<IpNet>().map(|it| it.network()).or_else(|_| text.parse::<IpAddr>());
    matches!(address, Ok(IpAddr::V4(it)) if it.is_private())
}
