//! What stands at the edge: certificates, records, distributions and web ACLs.

use super::{Behaviour, Checked, Cx, Refusal, Rule, Says, behaviour, refused, stands_for_another};
use crate::shape::{text_at, texts_at};
use kumiki_source::message;
use serde_json::Value as Json;

const CERTIFICATE: &str = "AWS::CertificateManager::Certificate";
const ZONE: &str = "AWS::Route53::HostedZone";
const RECORD: &str = "AWS::Route53::RecordSet";
const DISTRIBUTION: &str = "AWS::CloudFront::Distribution";
const CONTROL: &str = "AWS::CloudFront::OriginAccessControl";
const HEADERS: &str = "AWS::CloudFront::ResponseHeadersPolicy";
const FUNCTION: &str = "AWS::CloudFront::Function";
const ACL: &str = "AWS::WAFv2::WebACL";
const IP_SET: &str = "AWS::WAFv2::IPSet";
const ASSOCIATION: &str = "AWS::WAFv2::WebACLAssociation";
const LOGGING: &str = "AWS::WAFv2::LoggingConfiguration";
const BALANCER: &str = "AWS::ElasticLoadBalancingV2::LoadBalancer";
const LISTENER: &str = "AWS::ElasticLoadBalancingV2::Listener";

const CERTIFICATE_KEPT: Says = Says("ResourceConflict", "Certificate {id} is in use.");
const NO_ACL: Says =
    Says("NotFound", "AWS WAF couldn't perform the operation because your resource doesn't exist.");
const ACL_KEPT: Says = Says(
    "ResourceConflict",
    "AWS WAF couldn't delete your resource because it's associated with another resource.",
);

#[rustfmt::skip]
pub(super) static BEHAVIOURS: &[Behaviour] = &[
    behaviour(CERTIFICATE, &[
        Rule::Write(|| message!("validation that nothing can complete: it waits until it times out"), validation),
        Rule::Keeps(LISTENER, "Certificates.CertificateArn", CERTIFICATE_KEPT),
        Rule::Keeps(DISTRIBUTION, "DistributionConfig.ViewerCertificate.AcmCertificateArn", CERTIFICATE_KEPT),
    ]),
    behaviour(DISTRIBUTION, &[
        Rule::Write(|| message!("a certificate of another Region than us-east-1, or that does not exist"), viewer_certificate),
        Rule::Write(|| message!("a web ACL of the scope REGIONAL, or that does not exist"), distribution_acl),
        Rule::Write(|| message!("an alternate name that another distribution has"), alternate_name),
        Rule::Needs("DistributionConfig.Origins.OriginAccessControlId", CONTROL, Says("InvalidRequest", "Invalid request provided: Illegal origin access control ID {value}")),
        Rule::Write(|| message!("a default behavior for an origin that is not defined"), default_origin),
    ]),
    behaviour(FUNCTION, &[
        Rule::Keeps(DISTRIBUTION, "DistributionConfig.DefaultCacheBehavior.FunctionAssociations.FunctionARN", Says("ResourceConflict", "Cannot delete function, it is in use by {user}")),
    ]),
    behaviour(CONTROL, &[
        Rule::Write(|| message!("a name that another one has"), control_name),
        Rule::Keeps(DISTRIBUTION, "DistributionConfig.Origins.OriginAccessControlId", Says("ResourceConflict", "Cannot delete the origin access control: it is in use by {user}")),
    ]),
    behaviour(HEADERS, &[
        Rule::Keeps(DISTRIBUTION, "DistributionConfig.DefaultCacheBehavior.ResponseHeadersPolicyId", Says("ResourceConflict", "Cannot delete the response headers policy because it is attached to a cache behavior of {user}")),
    ]),
    behaviour(ZONE, &[
        Rule::Keeps(RECORD, "HostedZoneId", Says("InvalidRequest", "The specified hosted zone contains non-required resource record sets and so cannot be deleted.")),
    ]),
    behaviour(RECORD, &[
        Rule::Write(|| message!("a record of this name and type that the zone has already"), record),
        Rule::Write(|| message!("neither a target nor values"), record_target),
    ]),
    behaviour(IP_SET, &[
        Rule::Write(|| message!("the scope CLOUDFRONT outside us-east-1"), scope),
        Rule::Write(|| message!("a name that is taken"), acl_name),
    ]),
    behaviour(LOGGING, &[
        Rule::Needs("ResourceArn", ACL, NO_ACL),
        Rule::Write(|| message!("a destination whose name does not begin with `aws-waf-logs-`"), log_destination),
    ]),
    behaviour(ACL, &[
        Rule::Write(|| message!("the scope CLOUDFRONT outside us-east-1"), scope),
        Rule::Write(|| message!("a name that is taken"), acl_name),
        Rule::Needs("Rules.Statement.IPSetReferenceStatement.Arn", IP_SET, NO_ACL),
        Rule::Write(|| message!("two rules of one priority"), priorities),
        Rule::Keeps(ASSOCIATION, "WebACLArn", ACL_KEPT),
        Rule::Keeps(DISTRIBUTION, "DistributionConfig.WebACLId", ACL_KEPT),
    ]),
    behaviour(ASSOCIATION, &[
        Rule::Needs("WebACLArn", ACL, NO_ACL),
        Rule::Write(|| message!("a resource that does not exist, or that has a web ACL already"), association),
    ]),
];

/// How long CloudFormation waits for the validation of a certificate.
///
/// <https://docs.aws.amazon.com/acm/latest/userguide/domain-ownership-validation.html>: 72 hours.
const VALIDATION: u64 = 72 * 3_600_000;

/// A name is validated by a record: in the zone that is named, or by hand, or by an e-mail. In a
/// zone of the world that is not an ancestor of the name, nothing can ever validate it.
fn validation(cx: &Cx<'_>) -> Checked {
    let options = cx.request.properties.get("DomainValidationOptions").and_then(Json::as_array);
    for option in options.into_iter().flatten() {
        let (Some(domain), Some(zone)) =
            (text_at(option, "DomainName"), text_at(option, "HostedZoneId"))
        else {
            continue;
        };
        let name = cx.get(ZONE, &zone).and_then(|it| text_at(&it.properties, "Name"));
        let Some(name) = name.map(|it| it.trim_end_matches('.').to_owned()) else { continue };
        if domain != name && !domain.ends_with(&format!(".{name}")) && !stands_for_another(&domain)
        {
            return Err(Refusal {
                reason: format!(
                    "Resource handler returned message: \"Exceeded attempts to wait\" (HandlerErrorCode: NotStabilized) The validation record of {domain} is not in zone {name}"
                ),
                takes: Some(VALIDATION),
            });
        }
    }
    Ok(())
}

/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cnames-and-https-requirements.html>
fn viewer_certificate(cx: &Cx<'_>) -> Checked {
    let arn = cx.text("DistributionConfig.ViewerCertificate.AcmCertificateArn");
    let Some(arn) = arn.filter(|it| it.starts_with("arn:")) else { return Ok(()) };
    let elsewhere = arn.split(':').nth(3) != Some("us-east-1") && cx.request.region != "cn-north-1";
    match elsewhere || cx.lacks(CERTIFICATE, &arn) {
        true => refused(
            "InvalidRequest",
            "Invalid request provided: AWS::CloudFront::Distribution: The specified SSL certificate doesn't exist, isn't in us-east-1 region, isn't valid, or doesn't include a valid certificate chain.",
        ),
        false => Ok(()),
    }
}

fn distribution_acl(cx: &Cx<'_>) -> Checked {
    let arn = cx.text("DistributionConfig.WebACLId");
    let Some(arn) = arn.filter(|it| it.starts_with("arn:")) else { return Ok(()) };
    match arn.contains(":regional/") || cx.lacks(ACL, &arn) {
        true => refused(
            "InvalidRequest",
            format!(
                "Invalid request provided: AWS::CloudFront::Distribution: Web ACL not found: {arn}"
            ),
        ),
        false => Ok(()),
    }
}

fn alternate_name(cx: &Cx<'_>) -> Checked {
    let path = "DistributionConfig.Aliases";
    match cx.texts(path).iter().any(|it| !cx.having(DISTRIBUTION, path, it).is_empty()) {
        true => refused(
            "AlreadyExists",
            "Invalid request provided: AWS::CloudFront::Distribution: One or more of the CNAMEs you provided are already associated with a different resource.",
        ),
        false => Ok(()),
    }
}

fn default_origin(cx: &Cx<'_>) -> Checked {
    let mut origins = cx.texts("DistributionConfig.Origins.Id");
    origins.extend(cx.texts("DistributionConfig.OriginGroups.Items.Id"));
    match cx.text("DistributionConfig.DefaultCacheBehavior.TargetOriginId") {
        Some(target) if !origins.is_empty() && !origins.contains(&target) => refused(
            "InvalidRequest",
            "Invalid request provided: AWS::CloudFront::Distribution: One or more of your origins or origin groups do not exist.",
        ),
        _ => Ok(()),
    }
}

fn control_name(cx: &Cx<'_>) -> Checked {
    let path = "OriginAccessControlConfig.Name";
    let name = cx.text(path).unwrap_or_default();
    match cx.having(CONTROL, path, &name).is_empty() {
        true => Ok(()),
        false => {
            refused("AlreadyExists", "An origin access control with the same name already exists.")
        }
    }
}

fn record(cx: &Cx<'_>) -> Checked {
    let name = cx.text("Name").unwrap_or_default();
    let own = |path: &str| cx.text(path);
    let taken = cx.things_having(RECORD, "Name", &name).any(|(_, it)| {
        let same = |path: &str| text_at(&it.properties, path) == own(path);
        same("Type") && same("HostedZoneId") && same("HostedZoneName") && same("SetIdentifier")
    });
    match taken {
        true => refused(
            "InvalidRequest",
            format!(
                "[Tried to create resource record set [name='{name}', type='{}'] but it already exists]",
                cx.text("Type").unwrap_or_default()
            ),
        ),
        false => Ok(()),
    }
}

fn record_target(cx: &Cx<'_>) -> Checked {
    let parts = ["AliasTarget", "ResourceRecords", "CidrRoutingConfig"];
    match parts.iter().any(|it| cx.request.properties.get(it).is_some()) {
        true => Ok(()),
        false => refused(
            "InvalidRequest",
            "Invalid request: Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but found none in Change",
        ),
    }
}

fn scope(cx: &Cx<'_>) -> Checked {
    let global = cx.text("Scope").as_deref() == Some("CLOUDFRONT");
    match global && cx.request.region != "us-east-1" {
        true => refused(
            "InvalidRequest",
            "Error reason: The scope is not valid., field: SCOPE_VALUE, parameter: CLOUDFRONT",
        ),
        false => Ok(()),
    }
}

fn acl_name(cx: &Cx<'_>) -> Checked {
    let type_name = if cx.request.type_name == ACL { ACL } else { IP_SET };
    let name = cx.text("Name").unwrap_or_default();
    let scope = cx.text("Scope");
    let mut others = cx.things_having(type_name, "Name", &name);
    match others.any(|(_, it)| text_at(&it.properties, "Scope") == scope) {
        true => refused(
            "AlreadyExists",
            "AWS WAF couldn't perform the operation because some resource in your request is a duplicate of an existing one.",
        ),
        false => Ok(()),
    }
}

fn priorities(cx: &Cx<'_>) -> Checked {
    let mut priorities = texts_at(cx.request.properties, "Rules.Priority");
    priorities.sort();
    match priorities.windows(2).any(|it| it[0] == it[1]) {
        true => refused(
            "InvalidRequest",
            "Error reason: You have used a priority more than once., field: PRIORITY",
        ),
        false => Ok(()),
    }
}

fn log_destination(cx: &Cx<'_>) -> Checked {
    let destinations = cx.texts("LogDestinationConfigs");
    let named = |arn: &String| {
        let name = arn.trim_end_matches(":*").rsplit([':', '/']).next().unwrap_or_default();
        name.starts_with("aws-waf-logs-") || stands_for_another(arn)
    };
    match destinations.iter().find(|it| !named(it)) {
        Some(arn) => refused(
            "InvalidRequest",
            format!(
                "Error reason: The ARN isn't valid. A valid ARN begins with arn: and includes other information separated by colons or slashes., field: LOG_DESTINATION, parameter: {arn}"
            ),
        ),
        None => Ok(()),
    }
}

/// A resource has one web ACL at most.
fn association(cx: &Cx<'_>) -> Checked {
    let arn = cx.text("ResourceArn").unwrap_or_default();
    if arn.contains(":loadbalancer/") && cx.lacks(BALANCER, &arn) {
        return refused(
            "NotFound",
            "AWS WAF couldn't perform the operation because your resource doesn't exist.",
        );
    }
    match cx.having(ASSOCIATION, "ResourceArn", &arn).is_empty() {
        true => Ok(()),
        false => refused(
            "AlreadyExists",
            format!("The resource {arn} is already associated with a web ACL."),
        ),
    }
}
