//! The API of the staff on port 3000, and the pages that use it.
//!
//! `staff-api` serves; `staff-api healthcheck` asks the one that serves in this container.

mod companies;
mod equipment;
mod orders;
mod pages;
mod reports;
mod staff;

use axum::Router;
use axum::middleware::from_fn_with_state;
use service_kit::api::{self, Door, authenticate};
use service_kit::auth::{Auth, AuthConfig, Sessions, TokenUse};
use service_kit::database::DatabaseConfig;
use service_kit::environment::{AppEnv, Environment};
use service_kit::program::{self, Failure};
use service_kit::server::{self, ProgramState};
use service_kit::store::{self, Bucket};
use std::process::ExitCode;
use std::sync::Arc;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

/// What the routes of the staff need.
#[derive(Clone)]
struct Staffed {
    program: ProgramState,
    reports: Bucket,
    pages: Bucket,
    page_policy: Arc<str>,
}

#[derive(OpenApi)]
#[openapi(info(
    title = "職員 API",
    description = "Equipment, orders and reports of the municipal facility management, for its staff. \
        A session ends after 30 minutes without a request; the cookie of each answer keeps it."
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
    let database = DatabaseConfig::read(&mut environment, "staff-api");
    let auth = AuthConfig::read(&mut environment, env, TokenUse::Access);
    let sessions = Sessions::read(&mut environment);
    let reports = environment.required("REPORTS_BUCKET");
    let pages = environment.required("STAFF_SPA_BUCKET");
    let region: String = environment.required("AWS_REGION");
    environment.finish()?;

    let aws = store::aws().await;
    let program =
        ProgramState::new(database.statement_timeout(server::STATEMENT).pool()?, Auth::new(auth)?);
    let door = Door { auth: program.auth.clone(), sessions: Some(Arc::new(sessions)) };
    let staffed = Staffed {
        program: program.clone(),
        reports: Bucket::new(&aws, env, reports),
        pages: Bucket::new(&aws, env, pages),
        page_policy: pages::policy(&region).into(),
    };
    server::serve(server::limited(routes(staffed, door)?, &program), at, program).await?;
    Ok(ExitCode::SUCCESS)
}

fn routes(state: Staffed, door: Door) -> Result<Router, serde_json::Error> {
    let (routes, document) = OpenApiRouter::with_openapi(Document::openapi())
        .merge(companies::routes())
        .merge(equipment::routes())
        .merge(orders::routes())
        .merge(reports::routes())
        .split_for_parts();
    let routes = routes
        .route_layer(from_fn_with_state(door, authenticate))
        .route("/openapi.json", api::document(document)?)
        .fallback(pages::serve)
        .with_state(state);
    Ok(routes)
}
