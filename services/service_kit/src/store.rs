//! The report store and the pages of the staff: two buckets of S3.

use crate::environment::AppEnv;
use aws_config::BehaviorVersion;
pub use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
pub use aws_sdk_s3::primitives::ByteStream;
use aws_smithy_http_client::tls;
use std::path::Path;
use std::time::Duration;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// How long a link to a report works.
const LINK: Duration = Duration::from_secs(5 * 60);

/// What all clients of AWS share: the Region and rights of the task, and TLS by rustls with ring.
pub async fn aws() -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    aws_config::defaults(BehaviorVersion::latest()).http_client(http).load().await
}

/// A bucket.
#[derive(Clone)]
pub struct Bucket {
    client: Client,
    name: String,
}

/// An object that is being read.
pub struct Object {
    /// The content, as it arrives.
    pub body: ByteStream,
    /// Its length.
    pub length: Option<i64>,
    /// What it is, by its digest.
    pub etag: Option<String>,
}

impl Bucket {
    /// A bucket, seen with the rights of the task.
    pub fn new(aws: &SdkConfig, env: AppEnv, name: String) -> Bucket {
        let config = aws_sdk_s3::config::Builder::from(aws)
            // Emulators know buckets by path.
            .force_path_style(env == AppEnv::Dev && aws.endpoint_url().is_some())
            .build();
        Bucket { client: Client::from_conf(config), name }
    }

    /// Puts a file there. The same key again replaces it.
    pub async fn put(&self, key: &str, file: &Path, content_type: &str) -> Result<(), Error> {
        let body = ByteStream::from_path(file).await?;
        let put = self.client.put_object().bucket(&self.name).key(key).content_type(content_type);
        put.body(body).send().await?;
        Ok(())
    }

    /// Reads an object; none where there is none.
    pub async fn get(&self, key: &str) -> Result<Option<Object>, Error> {
        match self.client.get_object().bucket(&self.name).key(key).send().await {
            Ok(object) => Ok(Some(Object {
                body: object.body,
                length: object.content_length,
                etag: object.e_tag,
            })),
            Err(error) => {
                let error = error.into_service_error();
                // Without the right to list, S3 says that access is denied where nothing is.
                let code = error.meta().code();
                if error.is_no_such_key() || code == Some("AccessDenied") {
                    return Ok(None);
                }
                Err(error.into())
            }
        }
    }

    /// A link that works for some minutes, without a token.
    pub async fn link(&self, key: &str, name: &str) -> Result<String, Error> {
        let get = self.client.get_object().bucket(&self.name).key(key);
        let get = get.response_content_disposition(format!("attachment; filename=\"{name}\""));
        Ok(get.presigned(PresigningConfig::expires_in(LINK)?).await?.uri().to_owned())
    }
}

/// What the files of a report are called by browsers.
pub fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map(|it| it.1) {
        Some("csv") => "text/csv; charset=utf-8",
        Some("xlsx") => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
