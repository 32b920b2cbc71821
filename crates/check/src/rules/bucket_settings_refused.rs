use crate::deliveries::log_buckets;
use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use kumiki_project::Value;
use kumiki_source::{Hop, Severity, message};
use std::collections::HashMap;

pub(crate) static RULE: Rule = Rule {
    name: "bucket-settings-refused",
    severity: Severity::Error,
    page: include_str!("bucket_settings_refused.md"),
    check,
};

const BUCKET: &str = "AWS::S3::Bucket";

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    for (_, _, bucket) in links.certain(BUCKET) {
        let versioning = bucket.property("VersioningConfiguration.Status").map(Value::as_text);
        let off = matches!(versioning, None | Some(Some("Suspended")));
        if let Some(value) = bucket.property("ReplicationConfiguration").filter(|_| off) {
            let finding =
                cx.report_value(value, message!("a bucket without versioning is to be replicated"));
            finding.help.push(message!("set `VersioningConfiguration.Status` to `Enabled`"));
        }
        let lock = bucket.property("ObjectLockEnabled").map(Value::as_bool);
        if let Some(value) = bucket.property("ObjectLockConfiguration")
            && off
            && matches!(lock, None | Some(Some(false)))
        {
            let finding = cx.report_value(
                value,
                message!("a bucket without object lock has a retention for it"),
            );
            finding.help.push(message!("add `ObjectLockEnabled: true`"));
        }
        if let (Some(value), Some(Some(true))) =
            (bucket.property("VersioningConfiguration.Status"), lock)
            && value.as_text() == Some("Suspended")
        {
            let finding = cx.report_value(
                value,
                message!("a bucket with object lock cannot suspend its versions"),
            );
            finding.help.push(message!("make it `Enabled`"));
        }
        let ownership = bucket.property("OwnershipControls.Rules.0.ObjectOwnership");
        // Buckets are made so by default.
        let enforced = ownership.is_none_or(|it| it.as_text() == Some("BucketOwnerEnforced"));
        if let Some(value) = bucket.property("AccessControl")
            && let Some(acl) = value.as_text()
            && !matches!(acl, "Private" | "BucketOwnerFullControl")
            && enforced
        {
            let finding = cx
                .report_value(value, message!("the bucket has no ACLs, and is given `{acl}`", acl));
            finding.help.push(message!(
                "use a bucket policy, or set `ObjectOwnership` to `BucketOwnerPreferred`"
            ));
        }
    }
    let names = links.names(BUCKET, "BucketName");
    balancers(cx, &links, &names);
    // CloudFront writes its standard logs by ACL.
    for (_, _, distribution) in links.certain("AWS::CloudFront::Distribution") {
        let Some(value) = distribution.property("DistributionConfig.Logging.Bucket") else {
            continue;
        };
        let place = match value.as_text() {
            Some(text) => text.split_once(".s3").and_then(|it| names.get(it.0)).copied(),
            None => links
                .reference(value)
                .filter(|it| *it.resource.type_name == *BUCKET)
                .and_then(|it| links.place(it.resource)),
        };
        let Some(bucket) = place.map(|it| links.at(it)) else { continue };
        let ownership = bucket.property("OwnershipControls.Rules.0.ObjectOwnership");
        if ownership.is_none_or(|it| it.as_text() == Some("BucketOwnerEnforced")) {
            let name = &bucket.logical_id;
            let finding = cx.report_value(
                value,
                message!("CloudFront writes logs by ACL, and bucket `{name}` has none", name),
            );
            finding
                .help
                .push(message!("set `ObjectOwnership` of the bucket to `BucketOwnerPreferred`"));
        }
    }
}

/// Application load balancers write logs to no bucket that is encrypted with a key.
///
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/enable-access-logging.html>
fn balancers(cx: &mut Cx<'_>, links: &Links<'_>, names: &HashMap<&str, Place>) {
    const ENCRYPTION: &str = "BucketEncryption.ServerSideEncryptionConfiguration.0.\
                              ServerSideEncryptionByDefault.SSEAlgorithm";
    for (_, _, balancer) in links.certain("AWS::ElasticLoadBalancingV2::LoadBalancer") {
        let kind = balancer.property("Type").map(Value::as_text);
        if !matches!(kind, None | Some(Some("application"))) {
            continue;
        }
        for value in log_buckets(balancer) {
            let Some(bucket) = links.named(value, BUCKET, names).map(|it| links.at(it)) else {
                continue;
            };
            let Some(algorithm) = bucket.property(ENCRYPTION) else { continue };
            if algorithm.as_text().is_none_or(|it| it == "AES256") {
                continue;
            }
            let name = &bucket.logical_id;
            let finding = cx.report_value(
                value,
                message!(
                    "an application load balancer writes no logs to `{name}`, which has a key of KMS",
                    name
                ),
            );
            if let Some(span) = algorithm.origin.nearest() {
                finding.hops.push(Hop { span, label: Some(message!("the bucket's encryption")) });
            }
            finding.help.push(message!("use `AES256` for the bucket with these logs"));
        }
    }
}
