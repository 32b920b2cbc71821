//! Equipment of public buildings, and how its stock moves.

use crate::Staffed;
use crate::staff::{Group, Member};
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, NaiveDate, Utc};
use deadpool_postgres::Transaction;
use serde::{Deserialize, Serialize};
use service_kit::api::{self, Json, Page, Path, Query, Version};
use service_kit::database::{begin, query, query_opt};
use service_kit::orders::like;
use service_kit::problem::{Kind, Problem, Refusals};
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Staffed> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, change, delete))
        .routes(routes!(movements, adjust))
}

/// The kinds of equipment.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
enum Category {
    AirConditioning,
    Electrical,
    FireProtection,
    Plumbing,
    Other,
}

impl Category {
    fn name(self) -> &'static str {
        match self {
            Category::AirConditioning => "air-conditioning",
            Category::Electrical => "electrical",
            Category::FireProtection => "fire-protection",
            Category::Plumbing => "plumbing",
            Category::Other => "other",
        }
    }
}

/// A kind of equipment at a place.
#[derive(Serialize, ToSchema)]
struct Equipment {
    id: Uuid,
    #[schema(example = "業務用エアコン")]
    name: String,
    #[schema(example = "FDTV-1405")]
    model: String,
    #[schema(value_type = Category)]
    category: String,
    #[schema(example = "本庁舎3階")]
    location: String,
    purchased_on: NaiveDate,
    /// How many there are; it changes with movements.
    quantity: i32,
    updated_at: DateTime<Utc>,
    version: i32,
}

/// Equipment as it shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewEquipment {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(min_length = 1, max_length = 200)]
    model: String,
    category: Category,
    #[schema(min_length = 1, max_length = 200)]
    location: String,
    purchased_on: NaiveDate,
    /// How many there are to begin with.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 1_000_000)]
    quantity: i32,
}

/// Equipment as it shall be from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangedEquipment {
    version: i32,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(min_length = 1, max_length = 200)]
    model: String,
    category: Category,
    #[schema(min_length = 1, max_length = 200)]
    location: String,
    purchased_on: NaiveDate,
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Sort {
    #[default]
    Name,
    PurchasedOn,
    Quantity,
    UpdatedAt,
}

impl Sort {
    /// The column and its type: parts of a statement, so they come from here and from nowhere else.
    fn column(self) -> (&'static str, &'static str) {
        match self {
            Sort::Name => ("name", "text"),
            Sort::PurchasedOn => ("purchased_on", "date"),
            Sort::Quantity => ("quantity", "integer"),
            Sort::UpdatedAt => ("updated_at", "timestamptz"),
        }
    }

    fn value(self, equipment: &Equipment) -> String {
        match self {
            Sort::Name => equipment.name.clone(),
            Sort::PurchasedOn => equipment.purchased_on.to_string(),
            Sort::Quantity => equipment.quantity.to_string(),
            Sort::UpdatedAt => equipment.updated_at.to_rfc3339(),
        }
    }
}

/// Which equipment to list.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Filter {
    /// Name, model or location contain this.
    keyword: Option<String>,
    /// Of this kind.
    category: Option<Category>,
    /// At this place.
    location: Option<String>,
    /// Bought on this day or later.
    from: Option<NaiveDate>,
    /// Bought on this day or earlier.
    to: Option<NaiveDate>,
    /// What to sort by.
    #[serde(default)]
    sort: Sort,
    /// The other way round.
    #[serde(default)]
    descending: bool,
    /// Where to go on: `next` of the part before, with the same sorting.
    cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200)]
    limit: Option<i64>,
}

const COLUMNS: &str =
    "id, name, model, category, location, purchased_on, quantity, updated_at, version";

fn equipment(row: &Row) -> Equipment {
    Equipment {
        id: row.get("id"),
        name: row.get("name"),
        model: row.get("model"),
        category: row.get("category"),
        location: row.get("location"),
        purchased_on: row.get("purchased_on"),
        quantity: row.get("quantity"),
        updated_at: row.get("updated_at"),
        version: row.get("version"),
    }
}

/// Lists and searches equipment.
#[utoipa::path(
    get, path = "/api/equipment", params(Filter),
    responses((status = 200, body = Page<Equipment>), Refusals)
)]
async fn list(
    State(state): State<Staffed>,
    member: Member,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<Equipment>>, Problem> {
    let limit = api::page_limit(filter.limit)?;
    let (after, id) = api::place::<String>(filter.cursor.as_deref())?.unzip();
    let (column, kind) = filter.sort.column();
    let (order, beyond) = if filter.descending { ("desc", "<") } else { ("asc", ">") };
    let statement = format!(
        "select {COLUMNS} from equipment
        where deleted_at is null
            and ($1::text is null or name || ' ' || model || ' ' || location ilike $1)
            and ($2::text is null or category = $2)
            and ($3::text is null or location = $3)
            and ($4::date is null or purchased_on >= $4)
            and ($5::date is null or purchased_on <= $5)
            and ($6::text is null or ({column}, id) {beyond} ($6::text::{kind}, $7::uuid))
        order by {column} {order}, id {order}
        limit $8"
    );
    let keyword = like(filter.keyword.as_deref());
    let category = filter.category.map(Category::name);
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    let rows = query(
        &transaction,
        &statement,
        &[&keyword, &category, &filter.location, &filter.from, &filter.to, &after, &id, &limit],
    )
    .await?;
    let items = rows.iter().map(equipment).collect();
    Ok(Json(api::page(items, limit, |it: &Equipment| (filter.sort.value(it), it.id))))
}

/// Adds equipment.
#[utoipa::path(
    post, path = "/api/equipment", request_body = NewEquipment,
    responses((status = 201, body = Equipment), Refusals)
)]
async fn create(
    State(state): State<Staffed>,
    member: Member,
    Json(new): Json<NewEquipment>,
) -> Result<(StatusCode, Json<Equipment>), Problem> {
    member.needs(Group::Staff)?;
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    let row = query_opt(
        &transaction,
        "insert into equipment (name, model, category, location, purchased_on)
        values ($1, $2, $3, $4, $5) returning id",
        &[&new.name, &new.model, &new.category.name(), &new.location, &new.purchased_on],
    )
    .await?;
    let id: Uuid = row.ok_or(Problem::new(Kind::Internal))?.get(0);
    if new.quantity != 0 {
        move_stock(&transaction, id, new.quantity, "登録時の数量").await?;
    }
    let made = find(&transaction, id).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(made)))
}

async fn find(transaction: &Transaction<'_>, id: Uuid) -> Result<Equipment, Problem> {
    let statement = format!("select {COLUMNS} from equipment where id = $1 and deleted_at is null");
    let row = query_opt(transaction, &statement, &[&id]).await?;
    row.map(|it| equipment(&it)).ok_or(Problem::new(Kind::NotFound))
}

/// Shows equipment.
#[utoipa::path(
    get, path = "/api/equipment/{id}", params(("id" = Uuid, Path)),
    responses((status = 200, body = Equipment), Refusals)
)]
async fn read(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<Equipment>, Problem> {
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    Ok(Json(find(&transaction, id).await?))
}

/// Changes equipment.
#[utoipa::path(
    put, path = "/api/equipment/{id}", params(("id" = Uuid, Path)), request_body = ChangedEquipment,
    responses((status = 200, body = Equipment), Refusals)
)]
async fn change(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(new): Json<ChangedEquipment>,
) -> Result<Json<Equipment>, Problem> {
    member.needs(Group::Staff)?;
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    let statement = format!(
        "update equipment set name = $3, model = $4, category = $5, location = $6, purchased_on = $7
        where id = $1 and version = $2 and deleted_at is null returning {COLUMNS}"
    );
    let row = query_opt(
        &transaction,
        &statement,
        &[
            &id,
            &new.version,
            &new.name,
            &new.model,
            &new.category.name(),
            &new.location,
            &new.purchased_on,
        ],
    )
    .await?;
    let Some(row) = row else {
        find(&transaction, id).await?;
        return Err(Problem::new(Kind::Conflict));
    };
    transaction.commit().await?;
    Ok(Json(equipment(&row)))
}

/// Deletes equipment; what was written about it stays.
#[utoipa::path(
    delete, path = "/api/equipment/{id}", params(("id" = Uuid, Path), ("version" = i32, Query)),
    responses((status = 204), Refusals)
)]
async fn delete(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Query(Version { version }): Query<Version>,
) -> Result<StatusCode, Problem> {
    member.needs(Group::Staff)?;
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    let statement = "update equipment set deleted_at = now()
        where id = $1 and version = $2 and deleted_at is null returning id";
    if query_opt(&transaction, statement, &[&id, &version]).await?.is_none() {
        find(&transaction, id).await?;
        return Err(Problem::new(Kind::Conflict));
    }
    transaction.commit().await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A change of the stock.
#[derive(Serialize, ToSchema)]
struct Movement {
    /// How many came, or went.
    delta: i32,
    reason: String,
    moved_at: DateTime<Utc>,
}

/// A change of the stock to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewMovement {
    /// How many came, or went.
    #[schema(minimum = -1_000_000, maximum = 1_000_000)]
    delta: i32,
    #[schema(min_length = 1, max_length = 500)]
    reason: String,
}

async fn move_stock(
    transaction: &Transaction<'_>,
    id: Uuid,
    delta: i32,
    reason: &str,
) -> Result<(), Problem> {
    let statement = "insert into stock_movements (equipment_id, delta, reason) values ($1, $2, $3)";
    query(transaction, statement, &[&id, &delta, &reason]).await.map(|_| ())
}

/// How the stock of equipment moved, the latest 200 movements first.
#[utoipa::path(
    get, path = "/api/equipment/{id}/movements", params(("id" = Uuid, Path)),
    responses((status = 200, body = Vec<Movement>), Refusals)
)]
async fn movements(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<Vec<Movement>>, Problem> {
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    find(&transaction, id).await?;
    let statement = "select delta, reason, moved_at from stock_movements
        where equipment_id = $1 order by moved_at desc, id desc limit 200";
    let rows = query(&transaction, statement, &[&id]).await?;
    let movement =
        |row: &Row| Movement { delta: row.get(0), reason: row.get(1), moved_at: row.get(2) };
    Ok(Json(rows.iter().map(movement).collect()))
}

/// Adjusts the stock.
#[utoipa::path(
    post, path = "/api/equipment/{id}/movements", params(("id" = Uuid, Path)),
    request_body = NewMovement, responses((status = 201, body = Equipment), Refusals)
)]
async fn adjust(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(new): Json<NewMovement>,
) -> Result<(StatusCode, Json<Equipment>), Problem> {
    member.needs(Group::Staff)?;
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    find(&transaction, id).await?;
    move_stock(&transaction, id, new.delta, &new.reason).await?;
    let adjusted = find(&transaction, id).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(adjusted)))
}
