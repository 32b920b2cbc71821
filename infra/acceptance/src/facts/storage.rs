//! 8.10 Storage.

use super::logging::{denials, policy};
use super::{Fact, Fault, Level::R};
use serde_json::json;

/// The facts of the storage layer.
pub const FACTS: &[Fact] = &[Fact {
    id: "REP-1",
    level: R,
    says: "the report store is encrypted with the key of data, and denies other keys, old TLS and \
           strangers",
    check: |world| {
        world.views(|it| {
            let bucket = it.resource("ReportsBucketStack/ReportsBucket");
            let encryption = "BucketEncryption.ServerSideEncryptionConfiguration.0";
            let default = format!("{encryption}.ServerSideEncryptionByDefault");
            it.expect(&bucket.name, &format!("{default}.SSEAlgorithm"), "aws:kms");
            let key = "<KmsKeysStack/DataKey.Arn>";
            it.expect(&bucket.name, &format!("{default}.KMSMasterKeyID"), key);
            it.expect(&bucket.name, &format!("{encryption}.BucketKeyEnabled"), "true");
            it.expect(&bucket.name, "VersioningConfiguration.Status", "Enabled");
            it.equal("the tag", bucket.tag("Backup").as_deref(), Some("daily-osaka"));
            let denied = denials(it, &bucket);
            for condition in [
                json!({ "Bool": { "aws:SecureTransport": "false" } }),
                json!({ "NumericLessThan": { "s3:TlsVersion": "1.2" } }),
                json!({
                    "StringNotEquals": { "aws:PrincipalAccount": "123456789012" },
                    "BoolIfExists": { "aws:PrincipalIsAWSService": "false" },
                }),
            ] {
                let found = denied.contains(&condition);
                it.require(found, format!("the bucket does not deny {condition}"));
            }
            let header = "s3:x-amz-server-side-encryption";
            let given = json!({ header: "false" });
            let puts: Vec<_> = policy(it, &bucket)
                .into_iter()
                .filter(|it| it["Effect"] == "Deny" && it["Action"] == "s3:PutObject")
                .map(|it| it["Condition"].clone())
                .collect();
            for condition in [
                json!({ "Null": given, "StringNotEquals": { header: "aws:kms" } }),
                json!({
                    "Null": given,
                    "StringNotEquals": { format!("{header}-aws-kms-key-id"): key },
                }),
                json!({ "Null": { format!("{header}-customer-algorithm"): "false" } }),
            ] {
                let found = puts.contains(&condition);
                it.require(found, format!("the bucket does not deny a put with {condition}"));
            }
        })
    },
    fault: Fault {
        file: "nested/storage/reports-bucket.yaml",
        from: "                s3:x-amz-server-side-encryption: aws:kms",
        to: "                s3:x-amz-server-side-encryption: AES256",
    },
}];
