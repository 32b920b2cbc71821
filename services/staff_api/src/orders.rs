//! Orders on their way: draft, submitted, approved or rejected, sent, delivered, closed. The database
//! knows the way, and that nobody approves what they have requested.

use crate::Staffed;
use crate::staff::{Group, Member};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use chrono::{DateTime, NaiveDate, Utc};
use deadpool_postgres::Transaction;
use serde::{Deserialize, Serialize};
use service_kit::api::{Json, Page, Path, Query, Version};
use service_kit::database::{begin, query, query_opt};
use service_kit::orders::{self, Delivered, Filter, Order, OrderLine, Status};
use service_kit::problem::{Kind, Problem, Refusals};
use tokio_postgres::Row;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<Staffed> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(read, change))
        .routes(routes!(pdf))
        .routes(routes!(history))
        .routes(routes!(submit))
        .routes(routes!(approve))
        .routes(routes!(reject))
        .routes(routes!(send))
        .routes(routes!(deliver))
        .routes(routes!(close))
}

/// An order, and who of the staff had to do with it.
#[derive(Serialize, ToSchema)]
struct OrderDetail {
    #[serde(flatten)]
    order: orders::OrderDetail,
    requested_by: Uuid,
    /// Who approved or rejected it.
    approved_by: Option<Uuid>,
}

/// An order as it shall be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOrder {
    company_id: Uuid,
    #[schema(min_length = 1, max_length = 200, example = "本庁舎3階の空調機更新")]
    subject: String,
    due_on: NaiveDate,
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<OrderLine>,
}

/// A draft as it shall be from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangedOrder {
    version: i32,
    company_id: Uuid,
    #[schema(min_length = 1, max_length = 200)]
    subject: String,
    due_on: NaiveDate,
    #[schema(min_items = 1, max_items = 100)]
    lines: Vec<OrderLine>,
}

/// A change in the history of an order.
#[derive(Serialize, ToSchema)]
struct Change {
    at: DateTime<Utc>,
    /// Who did it, of the staff or of the vendor.
    actor: Option<Uuid>,
    /// The company, where a vendor did it.
    company_id: Option<Uuid>,
    /// What changed: `orders`, `order_lines` or `deliveries`.
    entity: String,
    /// `insert`, `update` or `delete`.
    action: String,
    /// The values before, of what changed.
    before: Option<serde_json::Value>,
    /// The values after, of what changed.
    after: Option<serde_json::Value>,
}

async fn detail(transaction: &Transaction<'_>, id: Uuid) -> Result<OrderDetail, Problem> {
    let order = orders::read(transaction, id).await?;
    let people = "select requested_by, approved_by from orders where id = $1";
    let people = query_opt(transaction, people, &[&id]).await?;
    let people = people.ok_or(Problem::new(Kind::NotFound))?;
    Ok(OrderDetail { order, requested_by: people.get(0), approved_by: people.get(1) })
}

/// Lists and searches orders.
#[utoipa::path(
    get, path = "/api/orders", params(Filter),
    responses((status = 200, body = Page<Order>), Refusals)
)]
async fn list(
    State(state): State<Staffed>,
    member: Member,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<Order>>, Problem> {
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    Ok(Json(orders::list(&transaction, &filter).await?))
}

/// Writes the lines of a draft anew, and what they cost together.
async fn write_lines(
    transaction: &Transaction<'_>,
    id: Uuid,
    lines: &[OrderLine],
) -> Result<(), Problem> {
    if !(1..=100).contains(&lines.len()) {
        return Err(Problem::because(Kind::Unprocessable, "an order has 1 to 100 lines"));
    }
    query(transaction, "delete from order_lines where order_id = $1", &[&id]).await?;
    let items: Vec<&str> = lines.iter().map(|it| it.item.as_str()).collect();
    let equipment: Vec<Option<Uuid>> = lines.iter().map(|it| it.equipment_id).collect();
    let quantities: Vec<i32> = lines.iter().map(|it| it.quantity).collect();
    let prices: Vec<i64> = lines.iter().map(|it| it.unit_price).collect();
    query(
        transaction,
        "insert into order_lines (order_id, line, item, equipment_id, quantity, unit_price)
        select $1, number, item, equipment, quantity, price
        from unnest($2::text[], $3::uuid[], $4::integer[], $5::bigint[])
            with ordinality as line (item, equipment, quantity, price, number)",
        &[&id, &items, &equipment, &quantities, &prices],
    )
    .await?;
    query(
        transaction,
        "update orders set total =
            (select sum(quantity * unit_price) from order_lines where order_id = $1)
        where id = $1",
        &[&id],
    )
    .await
    .map(|_| ())
}

/// Refuses a company that orders cannot go to any more.
async fn company_exists(transaction: &Transaction<'_>, id: Uuid) -> Result<(), Problem> {
    let statement = "select from companies where id = $1 and deleted_at is null";
    match query_opt(transaction, statement, &[&id]).await? {
        Some(_) => Ok(()),
        None => Err(Problem::because(Kind::Unprocessable, "there is no such company")),
    }
}

/// Writes a draft.
#[utoipa::path(
    post, path = "/api/orders", request_body = NewOrder,
    responses((status = 201, body = OrderDetail), Refusals)
)]
async fn create(
    State(state): State<Staffed>,
    member: Member,
    Json(new): Json<NewOrder>,
) -> Result<(StatusCode, Json<OrderDetail>), Problem> {
    member.needs(Group::Staff)?;
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    company_exists(&transaction, new.company_id).await?;
    let row = query_opt(
        &transaction,
        "insert into orders (company_id, subject, due_on) values ($1, $2, $3) returning id",
        &[&new.company_id, &new.subject, &new.due_on],
    )
    .await?;
    let id: Uuid = row.ok_or(Problem::new(Kind::Internal))?.get(0);
    write_lines(&transaction, id, &new.lines).await?;
    let made = detail(&transaction, id).await?;
    transaction.commit().await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Shows an order.
#[utoipa::path(
    get, path = "/api/orders/{id}", params(("id" = Uuid, Path)),
    responses((status = 200, body = OrderDetail), Refusals)
)]
async fn read(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<OrderDetail>, Problem> {
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    Ok(Json(detail(&transaction, id).await?))
}

/// Changes a draft.
#[utoipa::path(
    put, path = "/api/orders/{id}", params(("id" = Uuid, Path)), request_body = ChangedOrder,
    responses((status = 200, body = OrderDetail), Refusals)
)]
async fn change(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(new): Json<ChangedOrder>,
) -> Result<Json<OrderDetail>, Problem> {
    member.needs(Group::Staff)?;
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    company_exists(&transaction, new.company_id).await?;
    let statement = "update orders set company_id = $3, subject = $4, due_on = $5
        where id = $1 and version = $2 and status = 'draft' returning id";
    let changed = query_opt(
        &transaction,
        statement,
        &[&id, &new.version, &new.company_id, &new.subject, &new.due_on],
    )
    .await?;
    if changed.is_none() {
        return Err(orders::conflict(&transaction, id).await);
    }
    write_lines(&transaction, id, &new.lines).await?;
    let changed = detail(&transaction, id).await?;
    transaction.commit().await?;
    Ok(Json(changed))
}

/// An order as a PDF in Japanese.
#[utoipa::path(
    get, path = "/api/orders/{id}/pdf", params(("id" = Uuid, Path)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>), Refusals)
)]
async fn pdf(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    orders::pdf(&transaction, id).await
}

/// Everything that happened to an order, the first thing first.
#[utoipa::path(
    get, path = "/api/orders/{id}/history", params(("id" = Uuid, Path)),
    responses((status = 200, body = Vec<Change>), Refusals)
)]
async fn history(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
) -> Result<Json<Vec<Change>>, Problem> {
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    if query_opt(&transaction, "select from orders where id = $1", &[&id]).await?.is_none() {
        return Err(Problem::new(Kind::NotFound));
    }
    let statement = "select at, actor, company_id, entity, action, before, after from audit_log
        where entity in ('orders', 'deliveries') and entity_id = $1
            or entity = 'order_lines' and entity_id >= $1 || '/' and entity_id < $1 || '0'
        order by id limit 1000";
    let rows = query(&transaction, statement, &[&id.to_string()]).await?;
    let change = |row: &Row| Change {
        at: row.get(0),
        actor: row.get(1),
        company_id: row.get(2),
        entity: row.get(3),
        action: row.get(4),
        before: row.get(5),
        after: row.get(6),
    };
    Ok(Json(rows.iter().map(change).collect()))
}

async fn moved(
    state: &Staffed,
    member: &Member,
    id: Uuid,
    version: i32,
    status: Status,
) -> Result<Json<OrderDetail>, Problem> {
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    orders::move_to(&transaction, id, version, status).await?;
    let moved = detail(&transaction, id).await?;
    transaction.commit().await?;
    Ok(Json(moved))
}

/// Submits a draft for approval.
#[utoipa::path(
    post, path = "/api/orders/{id}/submit", params(("id" = Uuid, Path)), request_body = Version,
    responses((status = 200, body = OrderDetail), Refusals)
)]
async fn submit(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(Version { version }): Json<Version>,
) -> Result<Json<OrderDetail>, Problem> {
    member.needs(Group::Staff)?;
    moved(&state, &member, id, version, Status::Submitted).await
}

/// Decides about an order that somebody else has requested.
async fn decide(
    state: &Staffed,
    member: &Member,
    id: Uuid,
    version: i32,
    status: Status,
) -> Result<Json<OrderDetail>, Problem> {
    member.needs(Group::Approver)?;
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    // The database refuses this as well; here it becomes an answer that explains it.
    let own = "select from orders where id = $1 and requested_by = $2";
    if query_opt(&transaction, own, &[&id, &member.id()]).await?.is_some() {
        let why = "an order is approved by somebody else than the one who requested it";
        return Err(Problem::because(Kind::Forbidden, why));
    }
    drop(transaction);
    drop(client);
    moved(state, member, id, version, status).await
}

/// Approves an order.
#[utoipa::path(
    post, path = "/api/orders/{id}/approve", params(("id" = Uuid, Path)), request_body = Version,
    responses((status = 200, body = OrderDetail), Refusals)
)]
async fn approve(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(Version { version }): Json<Version>,
) -> Result<Json<OrderDetail>, Problem> {
    decide(&state, &member, id, version, Status::Approved).await
}

/// Rejects an order.
#[utoipa::path(
    post, path = "/api/orders/{id}/reject", params(("id" = Uuid, Path)), request_body = Version,
    responses((status = 200, body = OrderDetail), Refusals)
)]
async fn reject(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(Version { version }): Json<Version>,
) -> Result<Json<OrderDetail>, Problem> {
    decide(&state, &member, id, version, Status::Rejected).await
}

/// Sends an approved order to the vendor, who sees it from now on.
#[utoipa::path(
    post, path = "/api/orders/{id}/send", params(("id" = Uuid, Path)), request_body = Version,
    responses((status = 200, body = OrderDetail), Refusals)
)]
async fn send(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(Version { version }): Json<Version>,
) -> Result<Json<OrderDetail>, Problem> {
    member.needs(Group::Staff)?;
    moved(&state, &member, id, version, Status::Sent).await
}

/// Notes a delivery that the vendor has not reported.
#[utoipa::path(
    post, path = "/api/orders/{id}/deliver", params(("id" = Uuid, Path)), request_body = Delivered,
    responses((status = 200, body = OrderDetail), Refusals)
)]
async fn deliver(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(report): Json<Delivered>,
) -> Result<Json<OrderDetail>, Problem> {
    member.needs(Group::Staff)?;
    let mut client = state.program.database.client().await?;
    let transaction = begin(&mut client, &member.actor).await?;
    orders::deliver(&transaction, id, &report).await?;
    let delivered = detail(&transaction, id).await?;
    transaction.commit().await?;
    Ok(Json(delivered))
}

/// Closes an order whose delivery was inspected.
#[utoipa::path(
    post, path = "/api/orders/{id}/close", params(("id" = Uuid, Path)), request_body = Version,
    responses((status = 200, body = OrderDetail), Refusals)
)]
async fn close(
    State(state): State<Staffed>,
    member: Member,
    Path(id): Path<Uuid>,
    Json(Version { version }): Json<Version>,
) -> Result<Json<OrderDetail>, Problem> {
    member.needs(Group::Staff)?;
    moved(&state, &member, id, version, Status::Closed).await
}
