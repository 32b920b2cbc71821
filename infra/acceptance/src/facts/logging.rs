//! 8.9 Logging.

use super::rights::statements;
use super::{Fact, Fault, Level::R};
use crate::resource::{Resource, many};
use crate::view::View;
use serde_json::{Value as Json, json};

const BUCKETS: &str = "nested/logging/log-buckets.yaml";

/// The facts of the logging layer.
pub const FACTS: &[Fact] = &[
    Fact {
        id: "LB-1",
        level: R,
        says: "the six log buckets are private, versioned, and speak TLS 1.2 or newer only",
        check: |world| {
            world.views(|it| {
                it.equal("the number of buckets", buckets(it).len(), 6);
                for bucket in buckets(it) {
                    for property in [
                        "BlockPublicAcls",
                        "BlockPublicPolicy",
                        "IgnorePublicAcls",
                        "RestrictPublicBuckets",
                    ] {
                        let property = format!("PublicAccessBlockConfiguration.{property}");
                        it.expect(&bucket.name, &property, "true");
                    }
                    it.expect(&bucket.name, "VersioningConfiguration.Status", "Enabled");
                    let denied = denials(it, &bucket);
                    for condition in [
                        json!({ "Bool": { "aws:SecureTransport": "false" } }),
                        json!({ "NumericLessThan": { "s3:TlsVersion": "1.2" } }),
                    ] {
                        let found = denied.contains(&condition);
                        it.require(found, format!("{} does not deny {condition}", bucket.name));
                    }
                }
            })
        },
        fault: Fault {
            file: BUCKETS,
            from: "                aws:SecureTransport: \"false\"",
            to: "                aws:SecureTransport: \"true\"",
        },
    },
    Fact {
        id: "LB-2",
        level: R,
        says: "every service that writes a log must come for our account",
        check: |world| {
            world.views(|it| {
                let mut writers = Vec::new();
                for bucket in buckets(it) {
                    for statement in policy(it, &bucket) {
                        if statement["Effect"] != "Allow" {
                            continue;
                        }
                        let name = format!("{} of {}", statement["Sid"], bucket.name);
                        let services = many(&statement["Principal"]["Service"]);
                        if services.is_empty() {
                            // The balancers of this Region write as an account of AWS.
                            let expected = json!({ "AWS": "arn:aws:iam::582318560864:root" });
                            it.equal(&name, &statement["Principal"], &expected);
                            let paths = many(&statement["Resource"]);
                            let own = paths.iter().all(|it| it.contains("/AWSLogs/123456789012/"));
                            it.require(own, format!("{name} writes for other accounts"));
                            continue;
                        }
                        let condition = statement["Condition"].to_string();
                        let sourced = condition.contains("\"aws:Source")
                            && condition.contains("123456789012");
                        // Access logs come from buckets, whose ARNs have no account.
                        let account = condition.contains("\"aws:SourceAccount\":\"123456789012\"");
                        it.require(sourced || account, format!("{name} takes any source"));
                        writers.extend(services);
                    }
                }
                writers.sort();
                writers.dedup();
                it.equal(
                    "the writers",
                    writers,
                    [
                        "cloudtrail.amazonaws.com",
                        "delivery.logs.amazonaws.com",
                        "logdelivery.elasticloadbalancing.amazonaws.com",
                        "logging.s3.amazonaws.com",
                    ],
                );
            })
        },
        fault: Fault {
            file: BUCKETS,
            from: "            Condition:\n              StringEquals:\n                \
                   aws:SourceAccount: !Ref AWS::AccountId\n          - Sid: DenyInsecureTransport",
            to: "          - Sid: DenyInsecureTransport",
        },
    },
    Fact {
        id: "LB-3",
        level: R,
        says: "archive and trail keep two years, and the archive is locked for 1, 90 or 731 days",
        check: |world| {
            world.views(|it| {
                for bucket in ["LogArchiveBucket", "TrailBucket", "AlbLogBucket", "EdgeLogBucket"] {
                    let bucket = it.resource(&format!("LogBucketsStack/{bucket}"));
                    let rules = bucket.list("LifecycleConfiguration.Rules");
                    let days: Vec<_> =
                        rules.iter().filter_map(|it| it["ExpirationInDays"].as_i64()).collect();
                    it.require(
                        !days.is_empty() && days.iter().all(|it| *it >= 731),
                        format!("{} expires after {days:?} days", bucket.name),
                    );
                }
                let archive = "LogBucketsStack/LogArchiveBucket";
                let lock = "ObjectLockConfiguration.Rule.DefaultRetention";
                it.expect(archive, "ObjectLockEnabled", "true");
                it.expect(archive, &format!("{lock}.Mode"), "GOVERNANCE");
                it.expect(archive, &format!("{lock}.Days"), it.by("1", "90", "731"));
            })
        },
        fault: Fault {
            file: BUCKETS,
            from: "                StorageClass: GLACIER\n            ExpirationInDays: !Ref \
                   AuditRetentionDays",
            to: "                StorageClass: GLACIER\n            ExpirationInDays: 400",
        },
    },
];

fn buckets<'w>(view: &View<'w>) -> Vec<Resource<'w>> {
    view.all_in("LogBucketsStack", "AWS::S3::Bucket")
}

/// The statements of the policies of a bucket.
pub(super) fn policy(view: &View<'_>, bucket: &Resource<'_>) -> Vec<Json> {
    let policies = view.all("AWS::S3::BucketPolicy");
    let own = policies.iter().filter(|it| it.text("Bucket") == bucket.id());
    own.flat_map(|it| statements(&it.at("PolicyDocument"))).collect()
}

/// The conditions under which a bucket denies everybody everything.
pub(super) fn denials(view: &View<'_>, bucket: &Resource<'_>) -> Vec<Json> {
    let mut statements = policy(view, bucket);
    let whole = [bucket.attribute("Arn"), format!("{}/*", bucket.attribute("Arn"))];
    statements.retain(|it| {
        it["Effect"] == "Deny"
            && it["Principal"] == "*"
            && it["Action"] == "s3:*"
            && many(&it["Resource"]) == whole
    });
    statements.into_iter().map(|it| it["Condition"].clone()).collect()
}
