//! The bucket of artifacts: templates and plans by what they hold.
//!
//! Objects are written once and never again: their names follow from their content.

use crate::account::{Account, at_once};
use crate::error::ServiceError;
use crate::package::digest_key;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{BucketLocationConstraint, ChecksumAlgorithm, CreateBucketConfiguration};
use std::collections::BTreeMap;

impl Account {
    /// The bucket of artifacts, if it is there: the root that makes it is first deployed without.
    pub(crate) async fn bucket(&self) -> Result<Option<&str>, ServiceError> {
        let Some(bucket) = self.place.bucket.as_deref() else { return Ok(None) };
        if !self.place.bootstraps {
            return Ok(Some(bucket));
        }
        let head = self.s3.head_bucket().bucket(bucket);
        match head.expected_bucket_owner(&self.place.account).send().await {
            Ok(_) => Ok(Some(bucket)),
            Err(error) => match ServiceError::new("HeadBucket", &error) {
                error if error.is_missing() => Ok(None),
                error => Err(error),
            },
        }
    }

    /// Puts objects into a bucket that are not there yet.
    pub(crate) async fn upload(
        &self,
        bucket: &str,
        objects: &BTreeMap<String, String>,
    ) -> Result<(), ServiceError> {
        at_once(objects.iter().map(|(key, text)| self.put(bucket, key, text))).await?;
        Ok(())
    }

    /// Puts an object into a bucket, unless it is there.
    pub(crate) async fn put(
        &self,
        bucket: &str,
        key: &str,
        text: &str,
    ) -> Result<(), ServiceError> {
        let owner = &self.place.account;
        let head = self.s3.head_object().bucket(bucket).key(key).expected_bucket_owner(owner);
        match head.send().await {
            Ok(_) => return Ok(()),
            Err(error) => match ServiceError::new("HeadObject", &error) {
                // Who may not list a bucket is not told that an object is missing either.
                error if error.is_missing() || error.is_denied() || error.code == "Unknown" => {}
                error => return Err(error),
            },
        }
        let put = self.s3.put_object().bucket(bucket).key(key).expected_bucket_owner(owner);
        let put = put.body(ByteStream::from(text.as_bytes().to_vec()));
        // Nobody's object is overwritten, and what arrives is what was sent.
        // <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>
        let put = put.if_none_match("*").checksum_algorithm(ChecksumAlgorithm::Sha256);
        match put.send().await {
            Ok(_) => Ok(()),
            Err(error) => match ServiceError::new("PutObject", &error) {
                error if error.code == "PreconditionFailed" => Ok(()),
                error => Err(error),
            },
        }
    }

    /// A bucket for as long as a change set is being made, as the console of CloudFormation makes one.
    /// One that a killed process left is taken again.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cfn-console-create-stack.html>
    pub(crate) async fn lend_bucket(&self) -> Result<String, ServiceError> {
        let region = &self.place.bucket_region;
        let bucket = format!("kumiki-templates-{}-{region}", self.place.account);
        // Everywhere but where S3 began, a bucket's Region is said.
        let place = (region != "us-east-1").then(|| {
            let here = BucketLocationConstraint::from(region.as_str());
            CreateBucketConfiguration::builder().location_constraint(here).build()
        });
        let create = self.s3.create_bucket().bucket(&bucket).set_create_bucket_configuration(place);
        match create.send().await {
            Ok(_) => Ok(bucket),
            Err(error) => match ServiceError::new("CreateBucket", &error) {
                error if error.code == "BucketAlreadyOwnedByYou" => Ok(bucket),
                error => Err(error),
            },
        }
    }

    /// Deletes a lent bucket with what was put into it.
    pub(crate) async fn take_back(&self, bucket: &str, key: &str) -> Result<(), ServiceError> {
        let object = self.s3.delete_object().bucket(bucket).key(key);
        let object = object.expected_bucket_owner(&self.place.account).send().await;
        object.map_err(|it| ServiceError::new("DeleteObject", &it))?;
        let gone = self.s3.delete_bucket().bucket(bucket);
        let gone = gone.expected_bucket_owner(&self.place.account).send().await;
        gone.map(|_| ()).map_err(|it| ServiceError::new("DeleteBucket", &it))
    }

    /// The text of an object, if there is one.
    pub(crate) async fn object(&self, key: &str) -> Result<Option<String>, ServiceError> {
        let Some(bucket) = self.bucket().await? else { return Ok(None) };
        let get = self.s3.get_object().bucket(bucket).key(key);
        let found = match get.expected_bucket_owner(&self.place.account).send().await {
            Ok(found) => found,
            Err(error) => match ServiceError::new("GetObject", &error) {
                error if error.is_missing() => return Ok(None),
                error => return Err(error),
            },
        };
        let bytes = found.body.collect().await.map_err(|it| ServiceError {
            action: "GetObject",
            code: crate::error::UNREACHABLE.to_owned(),
            text: it.to_string(),
        })?;
        Ok(Some(String::from_utf8_lossy(&bytes.into_bytes()).into_owned()))
    }

    /// The template with this digest, if it was put here.
    pub(crate) async fn recorded(&self, digest: &str) -> Result<Option<String>, ServiceError> {
        self.object(&digest_key(digest)).await
    }
}
