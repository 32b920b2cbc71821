//! Companies that orders go to: master data of the administrators.

use crate::Staffed;
use crate::staff::{Group, Member};
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use service_kit::api::{Json, Path};
use service_kit::database::{begin, query, query_opt};
use service_kit::problem::{Kind, Problem, Refusals};
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Staffed> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(change))
}

/// A company.
#[derive(Serialize, ToSchema)]
struct Company {
    id: Uuid,
    #[schema(example = "株式会社みなと空調")]
    name: String,
    version: i32,
}

/// A company as it shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCompany {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// A company as it shall be from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangedCompany {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    version: i32,
}

fn company(row: &Row) -> Company {
    Company { id: row.get("id"), name: row.get("name"), version: row.get("version") }
}

/// All companies, by name.
#[utoipa::path(get, path = "/api/companies", responses((status = 200, body = Vec<Company>), Refusals))]
async fn list(State(state): State<Staffed>, member: Member) -> Result<Json<Vec<Company>>, Problem> {
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    let statement =
        "select id, name, version from companies where deleted_at is null order by name, id";
    let rows = query(&transaction, statement, &[]).await?;
    Ok(Json(rows.iter().map(company).collect()))
}

/// Adds a company. Vendors are given its `id` as `custom:company_id` in their user pool.
#[utoipa::path(
    post, path = "/api/companies", request_body = NewCompany,
    responses((status = 201, body = Company), Refusals)
)]
async fn create(
    State(state): State<Staffed>,
    member: Member,
    Json(new): Json<NewCompany>,
) -> Result<(StatusCode, Json<Company>), Problem> {
    member.needs(Group::Admin)?;
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    let statement = "insert into companies (name) values ($1) returning id, name, version";
    let row = query_opt(&transaction, statement, &[&new.name]).await?;
    transaction.commit().await?;
    let row = row.ok_or(Problem::new(Kind::Internal))?;
    Ok((StatusCode::CREATED, Json(company(&row))))
}

/// Changes a company.
#[utoipa::path(
    put, path = "/api/companies/{id}", params(("id" = Uuid, Path)), request_body = ChangedCompany,
    responses((status = 200, body = Company), Refusals)
)]
async fn change(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(changed): Json<ChangedCompany>,
) -> Result<Json<Company>, Problem> {
    member.needs(Group::Admin)?;
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    let statement = "update companies set name = $3
        where id = $1 and version = $2 and deleted_at is null returning id, name, version";
    let row = query_opt(&transaction, statement, &[&id, &changed.version, &changed.name]).await?;
    let Some(row) = row else {
        let exists = "select from companies where id = $1 and deleted_at is null";
        let exists = query_opt(&transaction, exists, &[&id]).await?;
        return Err(Problem::new(exists.map_or(Kind::NotFound, |_| Kind::Conflict)));
    };
    transaction.commit().await?;
    Ok(Json(company(&row)))
}
