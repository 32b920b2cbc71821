//! The life of an API: it starts, sheds what it cannot do, and ends without losing a request.

use crate::auth::Auth;
use crate::database::Database;
use crate::environment::Environment;
use crate::problem::{Kind, Problem};
use crate::telemetry;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

/// The longest that a request may take; the load balancer waits for a minute.
pub const REQUEST: Duration = Duration::from_secs(25);
/// The longest that one statement may take.
pub const STATEMENT: Duration = Duration::from_secs(10);
/// So many requests are worked on at a time. Each waits for one of the few connections, so that more
/// would only wait longer.
const AT_A_TIME: usize = 128;
/// The others wait so long for their turn, and are then told to come again.
const PATIENCE: Duration = Duration::from_secs(1);
const LARGEST_BODY: usize = 256 * 1024;
/// After SIGTERM the load balancer still sends for a moment: those requests are served.
const STILL_SENDING: Duration = Duration::from_secs(5);
/// `StopTimeout` of the task definitions is 30 seconds.
const UNTIL_KILLED: Duration = Duration::from_secs(28);

/// What every request can reach.
#[derive(Clone)]
pub struct ProgramState {
    /// The database.
    pub database: Database,
    /// Who may call.
    pub auth: Arc<Auth>,
    ending: Arc<AtomicBool>,
}

impl ProgramState {
    /// The state of a program that has just started.
    pub fn new(database: Database, auth: Auth) -> ProgramState {
        ProgramState { database, auth: Arc::new(auth), ending: Arc::default() }
    }

    pub(crate) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }
}

/// The routes of a program behind the limits that all have in common, with `/health` and `/ready`.
pub fn limited(routes: Router, state: &ProgramState) -> Router {
    let places = Arc::new(Semaphore::new(AT_A_TIME));
    let ready = get(ready).with_state(state.clone());
    routes
        .route("/ready", ready)
        .method_not_allowed_fallback(|| async { Problem::new(Kind::MethodNotAllowed) })
        .layer(from_fn_with_state(places, admit))
        // Liveness says that the process answers, and nothing about what it needs.
        .route("/health", get(|| async { "ok" }))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(from_fn(safe_headers))
        .layer(from_fn_with_state(state.clone(), telemetry::follow))
        .layer(CatchPanicLayer::custom(panicked))
}

async fn ready(State(state): State<ProgramState>) -> Result<Json<serde_json::Value>, Problem> {
    state.database.ready().await?;
    Ok(Json(serde_json::json!({ "status": "ready" })))
}

/// Lets a request in when there is a place for it, and sees to it that it ends. Whoever has waited
/// in vain is told to come again: told at once, callers without patience would take from those who
/// were let in.
async fn admit(State(places): State<Arc<Semaphore>>, request: Request, next: Next) -> Response {
    let place = tokio::time::timeout(PATIENCE, places.acquire_owned()).await;
    let Ok(Ok(_place)) = place else {
        tracing::warn!("a request was shed");
        return Problem::new(Kind::Unavailable).into_response();
    };
    match tokio::time::timeout(REQUEST, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable("a request took too long").into_response(),
    }
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a request panicked");
    Problem::new(Kind::Internal).into_response()
}

/// Answers are not for caches or for other sites, unless a route says so itself.
async fn safe_headers(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// Where to listen: at `PORT`, on every address of the container, or on `LISTEN_ADDRESS` alone.
pub fn listen_at(environment: &mut Environment) -> SocketAddr {
    let port = environment.required("PORT");
    let address = match environment.optional("LISTEN_ADDRESS").map(|it| it.parse()) {
        Some(Ok(address)) => address,
        Some(Err(_)) => {
            environment.mistake("`LISTEN_ADDRESS` is no IP address");
            IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        }
        None => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
    SocketAddr::new(address, port)
}

/// Serves until SIGTERM: then requests are still answered for a moment, each on a connection that
/// ends with it; nothing new is accepted; what was begun is finished; and the program ends.
pub async fn serve(routes: Router, at: SocketAddr, state: ProgramState) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let listener = TcpListener::bind(at).await?;
    tracing::info!(port = listener.local_addr()?.port(), "listening");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let server = axum::serve(listener, routes)
        .with_graceful_shutdown(async {
            let _ = stopped.await;
        })
        .into_future();
    let mut server = tokio::spawn(server);
    tokio::select! {
        ended = &mut server => return ended?,
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("asked to end");
    state.ending.store(true, Ordering::Relaxed);
    let deadline = tokio::time::Instant::now() + UNTIL_KILLED;
    tokio::time::sleep(STILL_SENDING).await;
    let _ = stop.send(());
    if tokio::time::timeout_at(deadline, server).await.is_err() {
        tracing::error!("requests were still running at the end");
    }
    tracing::info!("ended");
    Ok(())
}

/// Asks the program in this container for `/health`, for the container's own check: the image has
/// no shell and no curl.
pub async fn healthcheck(port: u16) -> std::io::Result<bool> {
    let ask = async {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await?;
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            .await?;
        let mut answer = String::new();
        stream.take(4096).read_to_string(&mut answer).await?;
        Ok(answer.starts_with("HTTP/1.1 200 "))
    };
    tokio::time::timeout(Duration::from_secs(4), ask).await?
}
