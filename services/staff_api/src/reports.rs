//! Reports: those of the batch, and those that somebody asks for.

use crate::Staffed;
use crate::staff::{Group, Member};
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use serde::{Deserialize, Serialize};
use service_kit::api::{self, Json, Page, Path, Query};
use service_kit::calendar::Period;
use service_kit::database::{Actor, begin, query, query_opt};
use service_kit::problem::{Kind, Problem, Refusals};
use service_kit::report::{self, Scope};
use service_kit::store;
use tokio_postgres::{IsolationLevel, Row};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Staffed> {
    OpenApiRouter::new().routes(routes!(list, request)).routes(routes!(download))
}

/// The longest period that somebody can ask for, in days: a year and a day.
const LONGEST: i64 = 366;

/// A report that was made.
#[derive(Serialize, ToSchema)]
struct ReportRun {
    id: Uuid,
    /// `monthly`, `yearly`, or `request` where somebody asked for it.
    job: String,
    /// The first day.
    starts_on: NaiveDate,
    /// The first day after it.
    ends_before: NaiveDate,
    company_id: Option<Uuid>,
    equipment_id: Option<Uuid>,
    rows: i64,
    /// Names of its files.
    #[schema(example = json!(["orders.csv", "stock.csv", "report.xlsx"]))]
    files: Vec<String>,
    finished_at: DateTime<Utc>,
}

/// What to report about.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewReport {
    /// The first day.
    starts_on: NaiveDate,
    /// The first day after it, at most 366 days later.
    ends_before: NaiveDate,
    /// Orders of this company only.
    company_id: Option<Uuid>,
    /// Orders and stock of this equipment only.
    equipment_id: Option<Uuid>,
}

/// Which part of the list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Part {
    /// Where to go on: `next` of the part before.
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

/// Which file of a report.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct File {
    /// Its name.
    file: String,
}

/// Where a file can be had.
#[derive(Serialize, ToSchema)]
struct Link {
    /// Works for five minutes, without a token.
    url: String,
}

const COLUMNS: &str =
    "id, job, starts_on, ends_before, company_id, equipment_id, rows, files, finished_at";

fn file_name(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or(key)
}

fn run(row: &Row) -> ReportRun {
    let keys: Vec<String> = row.get("files");
    ReportRun {
        id: row.get("id"),
        job: row.get("job"),
        starts_on: row.get("starts_on"),
        ends_before: row.get("ends_before"),
        company_id: row.get("company_id"),
        equipment_id: row.get("equipment_id"),
        rows: row.get("rows"),
        files: keys.iter().map(|it| file_name(it).to_owned()).collect(),
        finished_at: row.get("finished_at"),
    }
}

/// Lists reports, the newest first.
#[utoipa::path(
    get, path = "/api/reports", params(Part),
    responses((status = 200, body = Page<ReportRun>), Refusals)
)]
async fn list(
    State(state): State<Staffed>,
    member: Member,
    Query(part): Query<Part>,
) -> Result<Json<Page<ReportRun>>, Problem> {
    let limit = api::page_limit(part.limit)?;
    let (at, id) = api::place::<DateTime<Utc>>(part.cursor.as_deref())?.unzip();
    let statement = format!(
        "select {COLUMNS} from report_runs
        where job <> 'due-alert'
            and ($1::timestamptz is null or (finished_at, id) < ($1, $2::uuid))
        order by finished_at desc, id desc limit $3"
    );
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    let rows = query(&transaction, &statement, &[&at, &id, &limit]).await?;
    let items = rows.iter().map(run).collect();
    Ok(Json(api::page(items, limit, |it: &ReportRun| (it.finished_at.to_rfc3339(), it.id))))
}

/// Makes a report about a period, a company or equipment.
#[utoipa::path(
    post, path = "/api/reports", request_body = NewReport,
    responses((status = 201, body = ReportRun), Refusals)
)]
async fn request(
    State(state): State<Staffed>,
    member: Member,
    Json(new): Json<NewReport>,
) -> Result<(StatusCode, Json<ReportRun>), Problem> {
    member.needs(Group::Staff)?;
    let days = (new.ends_before - new.starts_on).num_days();
    let usual = |day: NaiveDate| (2000..2100).contains(&chrono::Datelike::year(&day));
    if !(1..=LONGEST).contains(&days) || !usual(new.starts_on) || !usual(new.ends_before) {
        let why = "a report is about 1 to 366 days between 2000 and 2099";
        return Err(Problem::because(Kind::Unprocessable, why));
    }
    let made = make(&state, &member.actor, &new).await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn make(state: &Staffed, actor: &Actor, new: &NewReport) -> Result<ReportRun, Problem> {
    let period = Period { starts_on: new.starts_on, ends_before: new.ends_before };
    let scope = Scope { period, company: new.company_id, equipment: new.equipment_id };
    let id = Uuid::new_v4();
    let folder = std::env::temp_dir().join(format!("report-{id}"));
    tokio::fs::create_dir(&folder).await.map_err(Problem::internal)?;
    let made = make_in(state, actor, &scope, id, &folder).await;
    if let Err(error) = tokio::fs::remove_dir_all(&folder).await {
        tracing::warn!(%error, "a temporary folder stays");
    }
    made
}

async fn make_in(
    state: &Staffed,
    actor: &Actor,
    scope: &Scope,
    id: Uuid,
    folder: &std::path::Path,
) -> Result<ReportRun, Problem> {
    let mut client = state.program.database.client().await?;
    let (rows, files) = {
        let builder = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
        let transaction = builder.start().await?;
        report::write(&transaction, scope, folder).await.map_err(Problem::internal)?
    };
    let mut keys = Vec::new();
    for file in &files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let key = format!("reports/requests/{id}/{name}");
        let put = state.reports.put(&key, file, store::content_type(&name)).await;
        put.map_err(|it| Problem::unavailable(&service_kit::problem::chain(&*it)))?;
        keys.push(key);
    }
    let transaction = begin(&mut client, actor).await?;
    let statement = format!(
        "insert into report_runs (id, job, starts_on, ends_before, company_id, equipment_id, rows, files)
        values ($1, 'request', $2, $3, $4, $5, $6, $7) returning {COLUMNS}"
    );
    let Period { starts_on, ends_before } = scope.period;
    let row = query_opt(
        &transaction,
        &statement,
        &[&id, &starts_on, &ends_before, &scope.company, &scope.equipment, &rows, &keys],
    )
    .await?;
    transaction.commit().await?;
    row.map(|it| run(&it)).ok_or(Problem::new(Kind::Internal))
}

/// A link to a file of a report.
#[utoipa::path(
    get, path = "/api/reports/{id}/download", params(("id" = Uuid, Path), File),
    responses((status = 200, body = Link), Refusals)
)]
async fn download(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Query(File { file }): Query<File>,
) -> Result<Json<Link>, Problem> {
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    let row =
        query_opt(&transaction, "select files from report_runs where id = $1", &[&id]).await?;
    let keys: Vec<String> = row.ok_or(Problem::new(Kind::NotFound))?.get(0);
    let key = keys.iter().find(|it| file_name(it) == file).ok_or(Problem::new(Kind::NotFound))?;
    let link = state.reports.link(key, &file).await;
    let url = link.map_err(|it| Problem::unavailable(&service_kit::problem::chain(&*it)))?;
    Ok(Json(Link { url }))
}
