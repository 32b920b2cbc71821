//! Requests to the programs, as their callers send them.

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use http_body_util::BodyExt;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// Sends requests, over connections that it keeps.
#[derive(Clone)]
pub struct Http {
    client: Client<HttpConnector, Body>,
    /// What every address begins with.
    pub base: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The body, if the status is that of a success.
    pub fn good(self) -> Value {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

impl Http {
    /// A client for one program.
    pub fn new(base: String) -> Http {
        Http { client: Client::builder(TokioExecutor::new()).build_http(), base, token: None }
    }

    /// The same, with a token.
    pub fn with_token(&self, token: impl Into<String>) -> Http {
        Http { token: Some(token.into()), ..self.clone() }
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path, None)).await.unwrap()
    }

    /// Posts JSON to a path.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(self.request("POST", path, Some(body))).await.unwrap()
    }

    /// Puts JSON to a path.
    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.send(self.request("PUT", path, Some(body))).await.unwrap()
    }

    /// Deletes a path.
    pub async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path, None)).await.unwrap()
    }

    /// A request that can still be changed.
    pub fn request(&self, method: &str, path: &str, body: Option<Value>) -> Request<Body> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        let body = body.map(|it| it.to_string());
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        request.body(Body::from(body.unwrap_or_default())).unwrap()
    }

    /// Sends a request; none where the connection fails.
    pub async fn send(&self, request: Request<Body>) -> Option<Answer> {
        let (parts, body) = self.client.request(request).await.ok()?.into_parts();
        let bytes = body.collect().await.ok()?.to_bytes().to_vec();
        Some(Answer { status: parts.status, headers: parts.headers, bytes })
    }
}
