//! The pages of the staff, from their bucket. They are for everybody who reaches the internal load
//! balancer; what they show is not.

use crate::Staffed;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use service_kit::problem::{Kind, Problem, chain};
use service_kit::store;

/// What the pages may load, as the distribution of the vendors' pages says it
/// (`cloudfront-distributions.yaml`).
pub(crate) fn policy(region: &str) -> String {
    format!(
        "default-src 'self'; connect-src 'self' https://cognito-idp.{region}.amazonaws.com; \
        img-src 'self' data:; object-src 'none'; base-uri 'self'; form-action 'self'; \
        frame-ancestors 'none'"
    )
}

/// The key of a path: a path without extension is a page of the application, which is one file.
fn key(path: &str) -> Option<&str> {
    let path = path.trim_start_matches('/');
    let plain = |it: char| it.is_ascii_alphanumeric() || "-_./".contains(it);
    if path == "api" || path.starts_with("api/") || !path.chars().all(plain) || path.contains("..")
    {
        return None;
    }
    let name = path.rsplit('/').next().unwrap_or(path);
    Some(if name.contains('.') { path } else { "index.html" })
}

pub(crate) async fn serve(
    State(state): State<Staffed>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let Some(key) = key(uri.path()) else { return Err(Problem::new(Kind::NotFound)) };
    if method != Method::GET && method != Method::HEAD {
        return Err(Problem::new(Kind::MethodNotAllowed));
    }
    let object = state.pages.get(key).await;
    let object = object.map_err(|it| Problem::unavailable(&chain(&*it)))?;
    let object = object.ok_or(Problem::new(Kind::NotFound))?;
    let mut answer = HeaderMap::new();
    let mut set = |name, value: &str| {
        if let Ok(value) = HeaderValue::try_from(value) {
            answer.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, store::content_type(key));
    set(header::CONTENT_SECURITY_POLICY, &state.page_policy);
    // Files with a digest in their name never change; the page that names them does.
    let changes = !key.starts_with("assets/");
    set(
        header::CACHE_CONTROL,
        if changes { "no-cache" } else { "public, max-age=31536000, immutable" },
    );
    let known = headers.get(header::IF_NONE_MATCH).and_then(|it| it.to_str().ok());
    if let Some(etag) = &object.etag {
        set(header::ETAG, etag);
        if known == Some(etag) {
            return Ok((StatusCode::NOT_MODIFIED, answer).into_response());
        }
    }
    if let Some(length) = object.length {
        set(header::CONTENT_LENGTH, &length.to_string());
    }
    let body = if method == Method::HEAD { Body::empty() } else { body(object.body) };
    Ok((answer, body).into_response())
}

/// The object as it arrives, without holding it.
fn body(stream: store::ByteStream) -> Body {
    Body::from_stream(futures_util::stream::unfold(stream, |mut stream| async {
        let piece = stream.next().await?;
        Some((piece, stream))
    }))
}

#[cfg(test)]
mod tests {
    use super::key;

    #[test]
    fn paths() {
        let cases = [
            ("/", Some("index.html")),
            ("/orders/2026", Some("index.html")),
            ("/assets/app-1a2b.js", Some("assets/app-1a2b.js")),
            ("/favicon.ico", Some("favicon.ico")),
            ("/api/nothing", None),
            ("/../secret.txt", None),
            ("/a%2e%2e/b", None),
        ];
        for (path, expected) in cases {
            assert_eq!(key(path), expected, "{path}");
        }
    }
}
