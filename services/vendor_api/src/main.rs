//! The API of the vendors on port 4000: the orders of their own company.
//!
//! `vendor-api` serves; `vendor-api healthcheck` asks the one that serves in this container. Which
//! orders there are for a vendor is decided by row-level security, and by nothing in here.

mod orders;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use service_kit::api::{self, Door, authenticate};
use service_kit::auth::{Auth, AuthConfig, TokenUse};
use service_kit::database::DatabaseConfig;
use service_kit::environment::{AppEnv, Environment};
use service_kit::problem::{Kind, Problem};
use service_kit::program::{self, Failure};
use service_kit::server::{self, ProgramState};
use std::process::ExitCode;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

#[derive(OpenApi)]
#[openapi(info(
    title = "事業者 API",
    description = "The orders of a vendor's own company. `company_id` comes from the ID token alone."
))]
struct Document;

#[tokio::main]
async fn main() -> ExitCode {
    program::run(run()).await
}

async fn run() -> Result<ExitCode, Failure> {
    let mut environment = Environment::of_process();
    let at = server::listen_at(&mut environment);
    if std::env::args().nth(1).as_deref() == Some("healthcheck") {
        environment.finish()?;
        let healthy = server::healthcheck(at.port()).await?;
        return Ok(if healthy { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let env: AppEnv = environment.required("APP_ENV");
    let database = DatabaseConfig::read(&mut environment, "vendor-api");
    // The company is a custom attribute, and those are in the ID token only.
    let auth = AuthConfig::read(&mut environment, env, TokenUse::Id);
    environment.finish()?;

    let program =
        ProgramState::new(database.statement_timeout(server::STATEMENT).pool()?, Auth::new(auth)?);
    let routes = server::limited(routes(program.clone())?, &program);
    server::serve(routes.layer(from_fn(pages_of_others)), at, program).await?;
    Ok(ExitCode::SUCCESS)
}

fn routes(state: ProgramState) -> Result<Router, serde_json::Error> {
    let door = Door { auth: state.auth.clone(), sessions: None };
    let (routes, document) =
        OpenApiRouter::with_openapi(Document::openapi()).merge(orders::routes()).split_for_parts();
    let routes = routes
        .route_layer(from_fn_with_state(door, authenticate))
        .route("/openapi.json", api::document(document)?)
        .fallback(|| async { Problem::new(Kind::NotFound) })
        .with_state(state);
    Ok(routes)
}

/// The vendors' pages come from CloudFront, under another name. Any page may call: a call counts by
/// the token that it carries, and nothing is sent along by itself, such as a cookie.
async fn pages_of_others(request: Request, next: Next) -> Response {
    let asks = request.method() == Method::OPTIONS
        && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut response =
        if asks { StatusCode::NO_CONTENT.into_response() } else { next.run(request).await };
    let fixed = [
        (header::ACCESS_CONTROL_ALLOW_ORIGIN, "*"),
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type, traceparent"),
        (header::ACCESS_CONTROL_EXPOSE_HEADERS, "x-request-id, retry-after"),
        (header::ACCESS_CONTROL_MAX_AGE, "7200"),
    ];
    for (name, value) in fixed {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}
