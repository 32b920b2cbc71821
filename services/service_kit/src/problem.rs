//! One error type, which becomes responses: RFC 9457 problem details in Japanese and English.
//!
//! Never tells a caller what went wrong inside; that goes to the log.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use deadpool_postgres::{PoolError, TimeoutType};
use serde::Serialize;
use tokio_postgres::error::SqlState;
use utoipa::{IntoResponses, ToSchema};

/// The kinds of refusal: the slug of `type`, the status, and the two titles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The request cannot be read.
    BadRequest,
    /// No token, or one that does not count.
    Unauthorized,
    /// Half an hour without a request.
    SessionExpired,
    /// The caller is known and may not.
    Forbidden,
    /// There is none, or none that the caller may see.
    NotFound,
    /// The path is known, the method is not.
    MethodNotAllowed,
    /// Somebody else was faster, or the state does not allow it.
    Conflict,
    /// The body is too large.
    TooLarge,
    /// The body is not JSON.
    UnsupportedMediaType,
    /// The request can be read and makes no sense.
    Unprocessable,
    /// The token is too large.
    HeadersTooLarge,
    /// Our mistake.
    Internal,
    /// Too much to do, or something that is needed does not answer.
    Unavailable,
}

impl Kind {
    fn row(self) -> (&'static str, StatusCode, &'static str, &'static str) {
        use StatusCode as S;
        match self {
            Kind::BadRequest => (
                "bad-request",
                S::BAD_REQUEST,
                "リクエストを読み取れません",
                "The request cannot be read",
            ),
            Kind::Unauthorized => {
                ("unauthorized", S::UNAUTHORIZED, "サインインが必要です", "Signing in is needed")
            }
            Kind::SessionExpired => (
                "session-expired",
                S::UNAUTHORIZED,
                "操作がないままセッションの期限が切れました",
                "The session ended after a time without requests",
            ),
            Kind::Forbidden => {
                ("forbidden", S::FORBIDDEN, "この操作の権限がありません", "This needs other rights")
            }
            Kind::NotFound => {
                ("not-found", S::NOT_FOUND, "見つかりません", "There is no such thing")
            }
            Kind::MethodNotAllowed => (
                "method-not-allowed",
                S::METHOD_NOT_ALLOWED,
                "このメソッドは使えません",
                "The method cannot be used here",
            ),
            Kind::Conflict => (
                "conflict",
                S::CONFLICT,
                "現在の状態ではこの操作を行えません",
                "The present state does not allow this",
            ),
            Kind::TooLarge => {
                ("too-large", S::PAYLOAD_TOO_LARGE, "本文が大きすぎます", "The body is too large")
            }
            Kind::UnsupportedMediaType => (
                "unsupported-media-type",
                S::UNSUPPORTED_MEDIA_TYPE,
                "本文は JSON で送ってください",
                "The body has to be JSON",
            ),
            Kind::Unprocessable => (
                "unprocessable",
                S::UNPROCESSABLE_ENTITY,
                "入力内容に誤りがあります",
                "The values cannot be used",
            ),
            Kind::HeadersTooLarge => (
                "headers-too-large",
                S::REQUEST_HEADER_FIELDS_TOO_LARGE,
                "ヘッダーが大きすぎます",
                "The headers are too large",
            ),
            Kind::Internal => (
                "internal",
                S::INTERNAL_SERVER_ERROR,
                "サーバーで問題が起きました",
                "Something went wrong in the server",
            ),
            Kind::Unavailable => (
                "unavailable",
                S::SERVICE_UNAVAILABLE,
                "混み合っています。しばらくしてからお試しください",
                "The service is busy; try again in a moment",
            ),
        }
    }
}

/// Why a request is refused.
#[derive(Debug)]
pub struct Problem {
    kind: Kind,
    detail: Option<String>,
}

/// The body of a refusal, RFC 9457. <https://www.rfc-editor.org/rfc/rfc9457>
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Problem)]
pub struct ProblemBody {
    /// Names the kind of problem.
    #[schema(example = "urn:facility:problem:not-found")]
    r#type: String,
    /// What it is, in Japanese.
    #[schema(example = "見つかりません")]
    title: &'static str,
    /// What it is, in English.
    #[schema(example = "There is no such thing")]
    title_en: &'static str,
    /// The status of the response.
    #[schema(example = 404)]
    status: u16,
    /// What is special about this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// The refusals that every path may answer with, for the OpenAPI document.
#[derive(IntoResponses)]
pub enum Refusals {
    /// The request cannot be read.
    #[response(status = 400, content_type = "application/problem+json")]
    BadRequest(#[to_schema] ProblemBody),
    /// No token, or one that does not count; or the session ended.
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthorized(#[to_schema] ProblemBody),
    /// The caller may not do this.
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(#[to_schema] ProblemBody),
    /// There is none, or none that the caller may see.
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(#[to_schema] ProblemBody),
    /// Somebody else was faster, or the state does not allow it.
    #[response(status = 409, content_type = "application/problem+json")]
    Conflict(#[to_schema] ProblemBody),
    /// The body is too large.
    #[response(status = 413, content_type = "application/problem+json")]
    TooLarge(#[to_schema] ProblemBody),
    /// The body is not JSON.
    #[response(status = 415, content_type = "application/problem+json")]
    UnsupportedMediaType(#[to_schema] ProblemBody),
    /// The values cannot be used.
    #[response(status = 422, content_type = "application/problem+json")]
    Unprocessable(#[to_schema] ProblemBody),
    /// Too much to do; `Retry-After` says when to come again.
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(#[to_schema] ProblemBody),
}

impl Problem {
    /// A problem that its kind describes well enough.
    pub fn new(kind: Kind) -> Problem {
        Problem { kind, detail: None }
    }

    /// A problem with what is special about it; the caller reads this.
    pub fn because(kind: Kind, detail: impl Into<String>) -> Problem {
        Problem { kind, detail: Some(detail.into()) }
    }

    /// Something of ours failed, and the log says what.
    pub fn internal(error: impl std::error::Error) -> Problem {
        tracing::error!(error = chain(&error), "a request failed");
        Problem::new(Kind::Internal)
    }

    /// Something that is needed does not answer, and the log says what.
    pub fn unavailable(what: &str) -> Problem {
        tracing::error!("{what}");
        Problem::new(Kind::Unavailable)
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }
}

/// An error and its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let (slug, status, title, title_en) = self.kind.row();
        let body = ProblemBody {
            r#type: format!("urn:facility:problem:{slug}"),
            title,
            title_en,
            status: status.as_u16(),
            detail: self.detail,
        };
        let mut response = (status, axum::Json(body)).into_response();
        let headers = response.headers_mut();
        let problem = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, problem);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<PoolError> for Problem {
    fn from(error: PoolError) -> Problem {
        match error {
            PoolError::Backend(error) => {
                Problem::unavailable(&format!("no connection to the database: {}", chain(&error)))
            }
            PoolError::Timeout(TimeoutType::Wait) => {
                tracing::warn!("all connections to the database are in use");
                Problem::new(Kind::Unavailable)
            }
            other => Problem::unavailable(&format!("no connection to the database: {other}")),
        }
    }
}

/// What the database refuses is the caller's mistake where it is one, and never more than that is
/// said. <https://www.postgresql.org/docs/current/errcodes-appendix.html>
impl From<tokio_postgres::Error> for Problem {
    fn from(error: tokio_postgres::Error) -> Problem {
        let Some(state) = error.code() else {
            // No answer of the server: the connection broke.
            return Problem::unavailable(&format!("the database went away: {}", chain(&error)));
        };
        let kind = match state {
            &SqlState::UNIQUE_VIOLATION
            | &SqlState::T_R_SERIALIZATION_FAILURE
            | &SqlState::T_R_DEADLOCK_DETECTED
            | &SqlState::RAISE_EXCEPTION => Kind::Conflict,
            &SqlState::FOREIGN_KEY_VIOLATION
            | &SqlState::CHECK_VIOLATION
            | &SqlState::NOT_NULL_VIOLATION
            | &SqlState::NUMERIC_VALUE_OUT_OF_RANGE
            | &SqlState::CHARACTER_NOT_IN_REPERTOIRE
            | &SqlState::UNTRANSLATABLE_CHARACTER
            | &SqlState::DATETIME_FIELD_OVERFLOW => Kind::Unprocessable,
            // Cancelled by `statement_timeout`, no more connections, or shutting down.
            other if ["08", "53", "57"].iter().any(|class| other.code().starts_with(class)) => {
                return Problem::unavailable(&format!("the database cannot: {}", chain(&error)));
            }
            _ => return Problem::internal(error),
        };
        tracing::info!(state = state.code(), "the database refused a change");
        Problem::new(kind)
    }
}

impl From<JsonRejection> for Problem {
    fn from(rejection: JsonRejection) -> Problem {
        let kind = match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Kind::TooLarge,
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Kind::UnsupportedMediaType,
            StatusCode::UNPROCESSABLE_ENTITY => Kind::Unprocessable,
            _ => Kind::BadRequest,
        };
        Problem::because(kind, rejection.body_text())
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Problem {
        Problem::because(Kind::BadRequest, rejection.body_text())
    }
}

impl From<PathRejection> for Problem {
    fn from(_: PathRejection) -> Problem {
        // An identifier that cannot be one belongs to nothing.
        Problem::new(Kind::NotFound)
    }
}
