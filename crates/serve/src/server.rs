//! The port: HTTP in, HTTP out.

use crate::answer::Answer;
use crate::objects::MAX_OBJECT_BYTES;
use crate::request::Incoming;
use crate::service::{Options, Service};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Request, Response, StatusCode};
use kumiki_backend_local::OpenError;
use kumiki_source::{Message, message};
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;

/// Why nothing is served.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The state cannot be used.
    Open(#[from] OpenError),
    /// The port cannot be used.
    Port {
        /// The port.
        port: u16,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl ServeError {
    /// The error in words.
    pub fn message(&self) -> Message {
        match self {
            Self::Open(error) => error.message(),
            Self::Port { port, source } => {
                message!("port {port} cannot be used: {source}", port, source)
            }
        }
    }
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

/// Serves on a port of the loopback interface, 0 for any, until the process is interrupted.
/// `ready` hears where.
///
/// # Errors
/// When the state or the port cannot be used.
pub fn run(options: Options, port: u16, ready: impl FnOnce(SocketAddr)) -> Result<(), ServeError> {
    let failed = |source| ServeError::Port { port, source };
    let service = Arc::new(Service::open(options)?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(failed)?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(failed)?;
        ready(listener.local_addr().map_err(failed)?);
        let app = Router::new().fallback(handle).with_state(service);
        let interrupted = async {
            let _ = tokio::signal::ctrl_c().await;
        };
        // Whoever keeps a connection open does not keep the server.
        tokio::select! {
            served = async { axum::serve(listener, app).await } => served.map_err(failed),
            () = interrupted => Ok(()),
        }
    })
}

async fn handle(State(service): State<Arc<Service>>, request: Request<Body>) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, MAX_OBJECT_BYTES).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let request = Incoming { method: parts.method, uri: parts.uri, headers: parts.headers, body };
    // What answers may wait for the engine, and opens files.
    match tokio::task::spawn_blocking(move || service.answer(&request)).await {
        Ok(answer) => response(answer),
        Err(_) => plain(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn response(answer: Answer) -> Response<Body> {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        let name = HeaderName::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(&value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn plain(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}
