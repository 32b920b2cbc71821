//! What the routes of both APIs are made of: extractors that refuse with problem details, pages of a
//! list, and the caller of a request.

use crate::auth::{Auth, Caller, Sessions};
use crate::database::Actor;
use crate::problem::{Kind, Problem};
use crate::telemetry::Trace;
use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::http::{Extensions, HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use uuid::Uuid;

/// A body of JSON.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(Problem))]
pub struct Json<T>(pub T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The query of an address.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(Problem))]
pub struct Query<T>(pub T);

/// The identifiers in a path.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(Problem))]
pub struct Path<T>(pub T);

/// Part of a list, and where the next part begins.
#[derive(Debug, Serialize, ToSchema)]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// What to send as `cursor` for the next part; none after the last one.
    pub next: Option<String>,
}

/// The longest part of a list, and the usual one.
pub const LONGEST_PAGE: i64 = 200;

/// How many rows to read for a page: one more than it has, to see whether there is a next one.
pub fn page_limit(limit: Option<i64>) -> Result<i64, Problem> {
    match limit.unwrap_or(50) {
        limit @ 1..=LONGEST_PAGE => Ok(limit + 1),
        _ => Err(Problem::because(Kind::BadRequest, "`limit` is between 1 and 200")),
    }
}

/// Makes a page of rows, of which there are as many as [`page_limit`] said if there are more.
pub fn page<T>(mut items: Vec<T>, limit: i64, place: impl Fn(&T) -> (String, Uuid)) -> Page<T> {
    let more = i64::try_from(items.len()).is_ok_and(|it| it == limit);
    if more {
        items.pop();
    }
    let next = items.last().filter(|_| more).map(|it| cursor(&place(it)));
    Page { items, next }
}

fn cursor(place: &(String, Uuid)) -> String {
    BASE64.encode(serde_json::json!(place).to_string())
}

/// The place that a cursor stands for.
pub fn place<T: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<(T, Uuid)>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let place = BASE64.decode(cursor).ok().and_then(|it| serde_json::from_slice(&it).ok());
    place.map(Some).ok_or_else(|| Problem::because(Kind::BadRequest, "`cursor` is none of ours"))
}

/// The version of a thing that a change is based on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// What was read; a change of something newer is refused.
    pub version: i32,
}

/// What callers are verified with, and whether their sessions end without requests.
#[derive(Clone)]
pub struct Door {
    /// Verifies tokens.
    pub auth: Arc<Auth>,
    /// Ends sessions, for the staff.
    pub sessions: Option<Arc<Sessions>>,
}

/// Lets a request in with its caller, or refuses it.
pub async fn authenticate(State(door): State<Door>, mut request: Request, next: Next) -> Response {
    let caller = match door.auth.caller(request.headers()).await {
        Ok(caller) => caller,
        Err(problem) => return problem.into_response(),
    };
    let cookie: Option<HeaderValue> = match &door.sessions {
        None => None,
        Some(sessions) => match sessions.touch(&caller, request.headers()) {
            Ok(cookie) => Some(cookie),
            Err(problem) => return problem.into_response(),
        },
    };
    request.extensions_mut().insert(caller);
    let mut response = next.run(request).await;
    if let Some(cookie) = cookie {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// The caller that [`authenticate`] let in, and for whom transactions act.
pub fn caller(extensions: &Extensions) -> Result<(Caller, Actor), Problem> {
    let caller = extensions.get::<Caller>().ok_or(Problem::new(Kind::Unauthorized))?.clone();
    let trace = extensions.get::<Trace>().cloned().unwrap_or_default().id;
    let actor = Actor { id: caller.id, company: None, trace };
    Ok((caller, actor))
}

/// Serves the OpenAPI document, in which every route needs a token. It is written once and shared:
/// each connection has a copy of whatever its routes hold.
pub fn document<S>(mut document: OpenApi) -> Result<MethodRouter<S>, serde_json::Error>
where
    S: Clone + Send + Sync + 'static,
{
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    document.security = Some(vec![SecurityRequirement::new("token", [""; 0])]);
    let text = Bytes::from(document.to_json()?);
    let json = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(get(|| async { ([json], text) }))
}
