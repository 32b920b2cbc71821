//! Which operation of S3 a request is.

use crate::refusal::Refusal;
use crate::request::Incoming;
use axum::http::Method;
use percent_encoding::percent_decode_str;
use std::collections::HashMap;

/// An operation of S3.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    ListBuckets,
    CreateBucket { bucket: String },
    HeadBucket { bucket: String },
    DeleteBucket { bucket: String },
    BucketLocation { bucket: String },
    ListObjects { bucket: String, listing: Listing },
    PutObject { bucket: String, key: String },
    GetObject { bucket: String, key: String },
    HeadObject { bucket: String, key: String },
    DeleteObject { bucket: String, key: String },
    CreateMultipartUpload { bucket: String, key: String },
    UploadPart { upload: String, part: u32 },
    CompleteMultipartUpload { upload: String },
    AbortMultipartUpload { upload: String },
}

/// Which objects of a bucket are listed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listing {
    pub(crate) prefix: String,
    pub(crate) delimiter: String,
    /// After this key.
    pub(crate) after: String,
    pub(crate) limit: usize,
    /// Whether keys are wanted in the encoding of URLs.
    pub(crate) encoded: bool,
    /// Whether it is the second version of the operation.
    pub(crate) second: bool,
}

/// The most that one answer lists.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html>
const PAGE: usize = 1000;

impl Operation {
    pub(crate) fn of(request: &Incoming) -> Result<Self, Refusal> {
        let path = percent_decode_str(request.uri.path()).decode_utf8_lossy().into_owned();
        let path = path.strip_prefix('/').unwrap_or(&path);
        let (bucket, key) = match virtual_host(request.host()) {
            Some(bucket) => (bucket, path),
            None => path.split_once('/').unwrap_or((path, "")),
        };
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        let query = request.uri.query().unwrap_or_default().as_bytes();
        let query: HashMap<String, String> = form_urlencoded::parse(query).into_owned().collect();
        let upload = query.get("uploadId").cloned();
        let part = query.get("partNumber").and_then(|it| it.parse().ok());
        // `?policy`, `?versioning` and the like ask for what is not kept here.
        let of = |name: &str| query.contains_key(name);
        let other =
            query.iter().find(|(name, value)| value.is_empty() && !KNOWN.contains(&&***name));
        let at = (bucket.is_empty(), key.is_empty());
        let operation = match (&request.method, at) {
            _ if other.is_some() => None,
            (&Method::GET, (true, _)) => Some(Self::ListBuckets),
            (_, (true, _)) => None,
            (&Method::PUT, (_, true)) => Some(Self::CreateBucket { bucket }),
            (&Method::HEAD, (_, true)) => Some(Self::HeadBucket { bucket }),
            (&Method::DELETE, (_, true)) => Some(Self::DeleteBucket { bucket }),
            (&Method::GET, (_, true)) if of("location") => Some(Self::BucketLocation { bucket }),
            (&Method::GET, (_, true)) => {
                let text = |name: &str| query.get(name).cloned().unwrap_or_default();
                let second = of("list-type");
                let after = match second {
                    true => text("continuation-token").max(text("start-after")),
                    false => text("marker"),
                };
                let limit = query.get("max-keys").and_then(|it| it.parse().ok());
                let listing = Listing {
                    prefix: text("prefix"),
                    delimiter: text("delimiter"),
                    after,
                    limit: limit.unwrap_or(PAGE).min(PAGE),
                    encoded: of("encoding-type"),
                    second,
                };
                Some(Self::ListObjects { bucket, listing })
            }
            (&Method::POST, _) if of("uploads") => {
                Some(Self::CreateMultipartUpload { bucket, key })
            }
            (&Method::POST, _) => upload.map(|upload| Self::CompleteMultipartUpload { upload }),
            (&Method::PUT, _) => match (upload, part) {
                (Some(upload), Some(part)) => Some(Self::UploadPart { upload, part }),
                (None, None) => Some(Self::PutObject { bucket, key }),
                _ => None,
            },
            (&Method::GET, _) => Some(Self::GetObject { bucket, key }),
            (&Method::HEAD, _) => Some(Self::HeadObject { bucket, key }),
            (&Method::DELETE, _) => Some(match upload {
                Some(upload) => Self::AbortMultipartUpload { upload },
                None => Self::DeleteObject { bucket, key },
            }),
            _ => None,
        };
        operation.ok_or_else(|| {
            let (method, uri) = (&request.method, &request.uri);
            let reason = format!("{method} {uri} is not served here");
            Refusal::new(501, "NotImplemented", reason)
        })
    }
}

/// Parameters that may stand without a value.
const KNOWN: &[&str] = &[
    "location",
    "uploads",
    "prefix",
    "delimiter",
    "marker",
    "start-after",
    "continuation-token",
    "fetch-owner",
];

/// The bucket that a host names: `templates.s3.ap-northeast-1.amazonaws.com`, `templates.localhost`.
fn virtual_host(host: &str) -> Option<&str> {
    let host = host.split(':').next()?;
    let named = host.strip_suffix(".localhost").or_else(|| {
        let (bucket, rest) = host.split_once(".s3.").or_else(|| host.split_once(".s3-"))?;
        rest.contains("amazonaws.com").then_some(bucket)
    });
    named.filter(|it| !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Bytes;

    #[test]
    fn operations_are_told_by_method_path_and_query() {
        let cases = [
            ("GET", "127.0.0.1:1", "/", Some("ListBuckets")),
            ("PUT", "127.0.0.1:1", "/b", Some("CreateBucket { bucket: \"b\" }")),
            (
                "PUT",
                "127.0.0.1:1",
                "/b/n%20/%E3%81%82.yaml?x-id=PutObject",
                Some("PutObject { bucket: \"b\", key: \"n /あ.yaml\" }"),
            ),
            (
                "GET",
                "b.s3.eu-west-1.amazonaws.com",
                "/a/c",
                Some("GetObject { bucket: \"b\", key: \"a/c\" }"),
            ),
            ("HEAD", "b.localhost:1", "/k", Some("HeadObject { bucket: \"b\", key: \"k\" }")),
            (
                "PUT",
                "h",
                "/b/k?partNumber=2&uploadId=u",
                Some("UploadPart { upload: \"u\", part: 2 }"),
            ),
            ("PUT", "h", "/b?versioning", None),
            ("GET", "h", "/b?policy", None),
            ("PATCH", "h", "/b/k", None),
        ];
        for (method, host, uri, expected) in cases {
            let request = Incoming {
                method: method.parse().expect("a method"),
                uri: uri.parse().expect("a URI"),
                headers: [(axum::http::header::HOST, host.parse().expect("a header"))]
                    .into_iter()
                    .collect(),
                body: Bytes::new(),
            };
            let operation = Operation::of(&request).ok().map(|it| format!("{it:?}"));
            assert_eq!(operation.as_deref(), expected, "{method} {host} {uri}");
        }
    }
}
