//! JSON logs, request ids, and the W3C trace context that a request belongs to.
//!
//! Never logs a query, a body, a token or a name: paths are logged as the routes that they match.

use crate::server::ProgramState;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use uuid::Uuid;

/// Logs go to standard output as lines of JSON, from `INFO` on. The metric filters of
/// `cloudwatch-alarms-ecs.yaml` count those with `"level":"ERROR"`.
pub fn start() {
    let json = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_target(false);
    let level = tracing_subscriber::filter::LevelFilter::INFO;
    tracing_subscriber::registry().with(level).with(json).init();
}

/// The trace that a request belongs to. <https://www.w3.org/TR/trace-context/>
#[derive(Clone, Debug)]
pub struct Trace {
    /// 32 hexadecimal digits.
    pub id: String,
}

impl Trace {
    /// A trace that begins here.
    pub fn new() -> Trace {
        Trace { id: Uuid::new_v4().simple().to_string() }
    }

    /// That of the caller, if there is a valid one.
    fn of(headers: &HeaderMap) -> Option<Trace> {
        let text = headers.get("traceparent")?.to_str().ok()?;
        let mut parts = text.split('-');
        let (version, id, parent, flags) =
            (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
        let hex = |part: &str, length| {
            part.len() == length && part.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'))
        };
        let zero = |part: &str| part.bytes().all(|it| it == b'0');
        // Version 00 has four parts; a later one may have more, and ff is none.
        let whole = version != "ff" && (version != "00" || parts.next().is_none());
        let valid = whole && hex(version, 2) && hex(id, 32) && hex(parent, 16) && hex(flags, 2);
        (valid && !zero(id) && !zero(parent)).then(|| Trace { id: id.to_owned() })
    }

    /// The header for whoever is called next.
    pub fn parent(&self) -> String {
        let span = &Uuid::new_v4().simple().to_string()[..16];
        format!("00-{}-{span}-01", self.id)
    }
}

impl Default for Trace {
    fn default() -> Trace {
        Trace::new()
    }
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The caller's request id, where it is harmless, or a new one.
fn request_id(headers: &HeaderMap) -> HeaderValue {
    let harmless = |it: &&HeaderValue| {
        let bytes = it.as_bytes();
        (1..=64).contains(&bytes.len())
            && bytes.iter().all(|it| it.is_ascii_alphanumeric() || *it == b'-')
    };
    let given = headers.get(&REQUEST_ID).filter(harmless).cloned();
    given.unwrap_or_else(|| {
        HeaderValue::try_from(Uuid::new_v4().to_string()).unwrap_or(HeaderValue::from_static("-"))
    })
}

/// Gives each request its ids and one line in the log.
pub(crate) async fn follow(
    State(state): State<ProgramState>,
    mut request: Request,
    next: Next,
) -> Response {
    let begin = Instant::now();
    let id = request_id(request.headers());
    let trace = Trace::of(request.headers()).unwrap_or_default();
    let matched = request.extensions().get::<MatchedPath>();
    let route = matched.map_or("-", |it| it.as_str()).to_owned();
    let span = tracing::info_span!(
        "request",
        request_id = id.to_str().unwrap_or("-"),
        trace_id = trace.id,
        method = %request.method(),
        route,
    );
    request.extensions_mut().insert(trace);
    let mut response = next.run(request).instrument(span.clone()).await;
    response.headers_mut().insert(REQUEST_ID, id);
    if state.is_ending() {
        // The caller's next request needs another connection, and finds another task.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(axum::http::header::CONNECTION, close);
    }
    let status = response.status().as_u16();
    let milliseconds = u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX);
    if route != "/health" {
        span.in_scope(|| tracing::info!(status, milliseconds, "answered"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_contexts() {
        let id = "0af7651916cd43dd8448eb211c80319c";
        let cases = [
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true),
            ("01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true),
            ("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false),
            ("ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false),
            ("00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", false),
            ("00-00000000000000000000000000000000-b7ad6b7169203331-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false),
            ("00-0af7651916cd43dd8448eb211c80319c", false),
            ("", false),
        ];
        for (header, valid) in cases {
            let headers = [("traceparent", header)].map(|(name, value)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value))
            });
            let trace = Trace::of(&HeaderMap::from_iter(headers));
            assert_eq!(trace.as_ref().map(|it| it.id.as_str()), valid.then_some(id), "{header}");
        }
        let next = Trace { id: id.to_owned() }.parent();
        let headers = HeaderMap::from_iter([(
            HeaderName::from_static("traceparent"),
            HeaderValue::try_from(next).unwrap(),
        )]);
        assert_eq!(Trace::of(&headers).unwrap().id, id);
    }
}
