//! The calls of S3 that packaging templates takes.
//!
//! <https://docs.aws.amazon.com/AmazonS3/latest/API/API_Operations_Amazon_Simple_Storage_Service.html>

mod chunks;
mod operation;
mod uploads;

pub(crate) use operation::Operation;
pub(crate) use uploads::Uploads;

use crate::answer::Answer;
use crate::objects::{Object, Objects, bucket_name};
use crate::refusal::Refusal;
use crate::request::{Caller, Incoming};
use crate::time;
use crate::xml::Fields;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";

/// What a key keeps in a listing with `encoding-type=url`.
const IN_KEYS: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'/');

/// What an operation works with.
pub(crate) struct Context<'c> {
    pub(crate) objects: &'c Objects,
    pub(crate) uploads: &'c Uploads,
    pub(crate) caller: &'c Caller,
    pub(crate) now: u64,
    /// Whether a stack of the caller's account made a bucket of this name.
    pub(crate) made_by_a_stack: &'c dyn Fn(&str) -> bool,
}

/// Answers one request.
pub(crate) fn answer(
    context: &Context<'_>,
    request: &Incoming,
    operation: Result<Operation, Refusal>,
    request_id: &str,
) -> Answer {
    let result = operation.and_then(|it| context.perform(request, it));
    let answer = result.unwrap_or_else(|Refusal { status, code, message }| {
        let fields = Fields::default()
            .with("Code", code)
            .with("Message", message)
            .with("Resource", request.uri.path())
            .with("RequestId", request_id);
        let mut answer = Answer::xml(status, "Error", "", fields);
        if request.method == axum::http::Method::HEAD {
            answer.body.clear();
        }
        answer
    });
    answer.with("x-amz-request-id", request_id)
}

fn failed(error: &io::Error) -> Refusal {
    Refusal::new(500, "InternalError", error.to_string())
}

fn no_such_key() -> Refusal {
    Refusal::new(404, "NoSuchKey", "The specified key does not exist.")
}

impl Context<'_> {
    fn perform(&self, request: &Incoming, operation: Operation) -> Result<Answer, Refusal> {
        let objects = self.objects;
        match operation {
            Operation::ListBuckets => Ok(self.list_buckets()),
            Operation::CreateBucket { bucket } => {
                if !bucket_name(&bucket) {
                    let reason = "The specified bucket is not valid.";
                    return Err(Refusal::new(400, "InvalidBucketName", reason));
                }
                let region = &self.caller.region;
                let made = objects.create_bucket(&bucket, region, self.now);
                if !made.map_err(|it| failed(&it))? && region != "us-east-1" {
                    let reason = "Your previous request to create the named bucket succeeded and \
                                  you already own it.";
                    return Err(Refusal::new(409, "BucketAlreadyOwnedByYou", reason));
                }
                Ok(Answer::of(200, Vec::new()).with("location", format!("/{bucket}")))
            }
            Operation::HeadBucket { bucket } => {
                let region = self.bucket(&bucket)?;
                Ok(Answer::of(200, Vec::new()).with("x-amz-bucket-region", region))
            }
            Operation::DeleteBucket { bucket } => {
                self.bucket(&bucket)?;
                match objects.delete_bucket(&bucket).map_err(|it| failed(&it))? {
                    true => Ok(Answer::of(204, Vec::new())),
                    false => {
                        let reason = "The bucket you tried to delete is not empty";
                        Err(Refusal::new(409, "BucketNotEmpty", reason))
                    }
                }
            }
            Operation::BucketLocation { bucket } => {
                let region = self.bucket(&bucket)?;
                let region = if region == "us-east-1" { String::new() } else { region };
                let fields = Fields::default().with("LocationConstraint", region);
                Ok(Answer::xml(200, "LocationConstraint", NAMESPACE, fields))
            }
            Operation::ListObjects { bucket, listing } => {
                self.bucket(&bucket)?;
                Ok(self.list(&bucket, &listing))
            }
            Operation::PutObject { bucket, key } => {
                self.bucket(&bucket)?;
                let content = match request.header("x-amz-copy-source") {
                    Some(source) => return self.copy(source, &bucket, &key),
                    None => content(request)?,
                };
                let object = objects
                    .put(&bucket, &key, &content, kept_headers(request), self.now)
                    .map_err(|it| failed(&it))?;
                Ok(Answer::of(200, Vec::new()).with("etag", object.etag()))
            }
            Operation::GetObject { bucket, key } => {
                self.bucket(&bucket)?;
                let object = objects.find(&bucket, &key).ok_or_else(no_such_key)?;
                let content = objects.read(&object).map_err(|it| failed(&it))?;
                let range = request.header("range").and_then(|it| range(it, content.len()));
                let answer = match range {
                    Some((from, to)) => Answer::of(206, content[from..=to].to_vec())
                        .with("content-range", format!("bytes {from}-{to}/{}", object.size)),
                    None => Answer::of(200, content),
                };
                Ok(described(answer, &object))
            }
            Operation::HeadObject { bucket, key } => {
                self.bucket(&bucket)?;
                let object = objects.find(&bucket, &key).ok_or_else(no_such_key)?;
                let answer = Answer::of(200, Vec::new());
                Ok(described(answer.with("content-length", object.size.to_string()), &object))
            }
            Operation::DeleteObject { bucket, key } => {
                self.bucket(&bucket)?;
                objects.delete(&bucket, &key).map_err(|it| failed(&it))?;
                Ok(Answer::of(204, Vec::new()))
            }
            Operation::CreateMultipartUpload { bucket, key } => {
                self.bucket(&bucket)?;
                let id = self.uploads.begin(&bucket, &key, kept_headers(request));
                let fields =
                    Fields::default().with("Bucket", bucket).with("Key", key).with("UploadId", id);
                Ok(Answer::xml(200, "InitiateMultipartUploadResult", NAMESPACE, fields))
            }
            Operation::UploadPart { upload, part } => {
                let etag = self.uploads.part(&upload, part, content(request)?)?;
                Ok(Answer::of(200, Vec::new()).with("etag", etag))
            }
            Operation::CompleteMultipartUpload { upload } => {
                let done = self.uploads.complete(&upload)?;
                let object = objects
                    .put(&done.bucket, &done.key, &done.content, done.headers, self.now)
                    .map_err(|it| failed(&it))?;
                let fields = Fields::default()
                    .with("Bucket", done.bucket)
                    .with("Key", done.key)
                    .with("ETag", object.etag());
                Ok(Answer::xml(200, "CompleteMultipartUploadResult", NAMESPACE, fields))
            }
            Operation::AbortMultipartUpload { upload } => {
                self.uploads.complete(&upload)?;
                Ok(Answer::of(204, Vec::new()))
            }
        }
    }

    /// The Region of a bucket. One that a stack made comes to be when it is first asked for.
    fn bucket(&self, name: &str) -> Result<String, Refusal> {
        if !self.objects.has_bucket(name) && bucket_name(name) && (self.made_by_a_stack)(name) {
            let made = self.objects.create_bucket(name, &self.caller.region, self.now);
            made.map_err(|it| failed(&it))?;
        }
        let known = self.objects.buckets().into_iter().find(|(it, _)| it == name);
        known
            .map(|(_, it)| it.region)
            .ok_or_else(|| Refusal::new(404, "NoSuchBucket", "The specified bucket does not exist"))
    }

    fn list_buckets(&self) -> Answer {
        let mut buckets = Fields::default();
        for (name, bucket) in self.objects.buckets() {
            let fields = Fields::default()
                .with("Name", name)
                .with("CreationDate", time::iso(bucket.created));
            buckets = buckets.with("Bucket", fields);
        }
        let owner = Fields::default().with("ID", &self.caller.account);
        let fields = Fields::default().with("Owner", owner).with("Buckets", buckets);
        Answer::xml(200, "ListAllMyBucketsResult", NAMESPACE, fields)
    }

    fn list(&self, bucket: &str, listing: &operation::Listing) -> Answer {
        let mut contents = Fields::default();
        let mut folders = BTreeSet::new();
        let (mut count, mut last) = (0, None);
        let mut truncated = false;
        let encoded = |text: &str| match listing.encoded {
            true => utf8_percent_encode(text, IN_KEYS).to_string(),
            false => text.to_owned(),
        };
        for object in self.objects.list(bucket, &listing.prefix, &listing.after) {
            let rest = &object.key[listing.prefix.len()..];
            let folder = match listing.delimiter.as_str() {
                "" => None,
                delimiter => rest.find(delimiter).map(|at| &rest[..at + delimiter.len()]),
            };
            let folder = folder.map(|it| format!("{}{it}", listing.prefix));
            if folder.as_ref().is_some_and(|it| folders.contains(it)) {
                last = Some(object.key);
                continue;
            }
            if count == listing.limit {
                truncated = true;
                break;
            }
            count += 1;
            match folder {
                Some(folder) => {
                    folders.insert(folder);
                }
                None => {
                    let fields = Fields::default()
                        .with("Key", encoded(&object.key))
                        .with("LastModified", time::iso(object.modified))
                        .with("ETag", object.etag())
                        .with("Size", object.size)
                        .with("StorageClass", "STANDARD");
                    contents = contents.with("Contents", fields);
                }
            }
            last = Some(object.key);
        }
        let mut fields = Fields::default()
            .with("Name", bucket)
            .with("Prefix", encoded(&listing.prefix))
            .with("MaxKeys", listing.limit)
            .with("IsTruncated", truncated);
        if listing.encoded {
            fields = fields.with("EncodingType", "url");
        }
        if !listing.delimiter.is_empty() {
            fields = fields.with("Delimiter", encoded(&listing.delimiter));
        }
        let next = last.filter(|_| truncated);
        fields = match listing.second {
            true => fields.with("KeyCount", count).maybe("NextContinuationToken", next),
            false => fields.maybe("NextMarker", next.map(|it| encoded(&it))),
        };
        fields = fields.and(contents);
        for folder in folders {
            let prefix = Fields::default().with("Prefix", encoded(&folder));
            fields = fields.with("CommonPrefixes", prefix);
        }
        Answer::xml(200, "ListBucketResult", NAMESPACE, fields)
    }

    fn copy(&self, source: &str, bucket: &str, key: &str) -> Result<Answer, Refusal> {
        let source = percent_encoding::percent_decode_str(source).decode_utf8_lossy();
        let source = source.trim_start_matches('/');
        let (from, name) = source.split_once('/').ok_or_else(no_such_key)?;
        let object = self.objects.find(from, name).ok_or_else(no_such_key)?;
        let content = self.objects.read(&object).map_err(|it| failed(&it))?;
        let object = self
            .objects
            .put(bucket, key, &content, object.headers, self.now)
            .map_err(|it| failed(&it))?;
        let fields = Fields::default()
            .with("LastModified", time::iso(object.modified))
            .with("ETag", object.etag());
        Ok(Answer::xml(200, "CopyObjectResult", NAMESPACE, fields))
    }
}

/// The headers that an object keeps.
fn kept_headers(request: &Incoming) -> BTreeMap<String, String> {
    let kept = |name: &str| name == "content-type" || name.starts_with("x-amz-meta-");
    let headers = request.headers.iter().filter(|(name, _)| kept(name.as_str()));
    headers
        .filter_map(|(name, value)| Some((name.to_string(), value.to_str().ok()?.to_owned())))
        .collect()
}

/// An answer with what an object says of itself.
fn described(mut answer: Answer, object: &Object) -> Answer {
    answer = answer
        .with("etag", object.etag())
        .with("last-modified", time::http(object.modified))
        .with("accept-ranges", "bytes");
    for (name, value) in &object.headers {
        answer = answer.with(name.clone(), value);
    }
    answer
}

/// What a request brings, without the frame that some clients put around each piece.
pub(crate) fn content(request: &Incoming) -> Result<Vec<u8>, Refusal> {
    let framed =
        request.header("x-amz-content-sha256").is_some_and(|it| it.starts_with("STREAMING-"))
            || request.header("content-encoding").is_some_and(|it| it.contains("aws-chunked"));
    match framed {
        false => Ok(request.body.to_vec()),
        true => chunks::unframed(&request.body).ok_or_else(|| {
            let reason = "The request body is not framed as its headers say.";
            Refusal::new(400, "IncompleteBody", reason)
        }),
    }
}

/// The first and last byte of `bytes=0-99`, if they lie in an object of so many bytes.
fn range(header: &str, size: usize) -> Option<(usize, usize)> {
    let (from, to) = header.strip_prefix("bytes=")?.split_once('-')?;
    let last = size.checked_sub(1)?;
    let (from, to) = match (from, to) {
        ("", count) => (size.saturating_sub(count.parse().ok()?), last),
        (from, "") => (from.parse().ok()?, last),
        (from, to) => (from.parse().ok()?, last.min(to.parse().ok()?)),
    };
    (from <= to).then_some((from, to))
}

#[cfg(test)]
mod tests {
    use super::range;

    #[test]
    fn ranges_lie_in_the_object() {
        let cases = [
            ("bytes=0-3", 10, Some((0, 3))),
            ("bytes=5-", 10, Some((5, 9))),
            ("bytes=-4", 10, Some((6, 9))),
            ("bytes=-40", 10, Some((0, 9))),
            ("bytes=8-99", 10, Some((8, 9))),
            ("bytes=10-", 10, None),
            ("bytes=0-", 0, None),
            ("bytes=3-1", 10, None),
            ("lines=1-2", 10, None),
        ];
        for (header, size, expected) in cases {
            assert_eq!(range(header, size), expected, "{header} of {size}");
        }
    }
}
