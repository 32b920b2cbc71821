//! A vendor's orders: what was sent to the company, and what the company says about it.

use axum::extract::{FromRequestParts, State};
use axum::http::request::Parts;
use axum::response::Response;
use chrono::NaiveDate;
use serde::Deserialize;
use service_kit::api::{self, Json, Page, Path, Query};
use service_kit::database::{Actor, begin, query_opt};
use service_kit::orders::{self, Delivered, Filter, Order, OrderDetail};
use service_kit::problem::{Kind, Problem, Refusals};
use service_kit::server::ProgramState;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

pub(crate) fn routes() -> OpenApiRouter<ProgramState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(read))
        .routes(routes!(pdf))
        .routes(routes!(expect))
        .routes(routes!(deliver))
}

/// The caller of a request, with the company that the token names.
struct Vendor(Actor);

impl<S: Sync> FromRequestParts<S> for Vendor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Vendor, Problem> {
        let (caller, actor) = api::caller(&parts.extensions)?;
        let company = caller.company.and_then(|it| it.parse().ok());
        match company {
            Some(company) => Ok(Vendor(Actor { company: Some(company), ..actor })),
            None => Err(Problem::because(Kind::Forbidden, "the user belongs to no company")),
        }
    }
}

/// Lists orders.
#[utoipa::path(
    get, path = "/api/orders", params(Filter),
    responses((status = 200, body = Page<Order>), Refusals)
)]
async fn list(
    State(state): State<ProgramState>,
    Vendor(actor): Vendor,
    Query(filter): Query<Filter>,
) -> Result<Json<Page<Order>>, Problem> {
    let mut client = state.database.client().await?;
    let transaction = begin(&mut client, &actor).await?;
    Ok(Json(orders::list(&transaction, &filter).await?))
}

/// Shows an order.
#[utoipa::path(
    get, path = "/api/orders/{id}", params(("id" = Uuid, Path)),
    responses((status = 200, body = OrderDetail), Refusals)
)]
async fn read(
    State(state): State<ProgramState>,
    Vendor(actor): Vendor,
    Path(id): Path<Uuid>,
) -> Result<Json<OrderDetail>, Problem> {
    let mut client = state.database.client().await?;
    let transaction = begin(&mut client, &actor).await?;
    Ok(Json(orders::read(&transaction, id).await?))
}

/// An order as a PDF in Japanese.
#[utoipa::path(
    get, path = "/api/orders/{id}/pdf", params(("id" = Uuid, Path)),
    responses((status = 200, content_type = "application/pdf", body = Vec<u8>), Refusals)
)]
async fn pdf(
    State(state): State<ProgramState>,
    Vendor(actor): Vendor,
    Path(id): Path<Uuid>,
) -> Result<Response, Problem> {
    let mut client = state.database.client().await?;
    let transaction = begin(&mut client, &actor).await?;
    orders::pdf(&transaction, id).await
}

/// When a delivery is expected.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Expected {
    /// The version of the delivery that was read; 0 where nothing was said yet.
    version: i32,
    expected_on: NaiveDate,
}

/// Says when an order that was sent is expected to be delivered.
#[utoipa::path(
    put, path = "/api/orders/{id}/expected-delivery", params(("id" = Uuid, Path)),
    request_body = Expected, responses((status = 200, body = OrderDetail), Refusals)
)]
async fn expect(
    State(state): State<ProgramState>,
    Vendor(actor): Vendor,
    Path(id): Path<Uuid>,
    Json(expected): Json<Expected>,
) -> Result<Json<OrderDetail>, Problem> {
    let mut client = state.database.client().await?;
    let transaction = begin(&mut client, &actor).await?;
    let statement = "insert into deliveries (order_id, company_id, expected_on)
        select id, company_id, $2 from orders where id = $1 and status = 'sent'
        on conflict (order_id) do update set expected_on = excluded.expected_on
        where deliveries.version = $3
        returning version";
    let said = query_opt(&transaction, statement, &[&id, &expected.expected_on, &expected.version])
        .await?;
    if said.is_none() {
        return Err(orders::conflict(&transaction, id).await);
    }
    let order = orders::read(&transaction, id).await?;
    transaction.commit().await?;
    Ok(Json(order))
}

/// Reports that an order was delivered.
#[utoipa::path(
    post, path = "/api/orders/{id}/delivery", params(("id" = Uuid, Path)),
    request_body = Delivered, responses((status = 200, body = OrderDetail), Refusals)
)]
async fn deliver(
    State(state): State<ProgramState>,
    Vendor(actor): Vendor,
    Path(id): Path<Uuid>,
    Json(report): Json<Delivered>,
) -> Result<Json<OrderDetail>, Problem> {
    let mut client = state.database.client().await?;
    let transaction = begin(&mut client, &actor).await?;
    orders::deliver(&transaction, id, &report).await?;
    let order = orders::read(&transaction, id).await?;
    transaction.commit().await?;
    Ok(Json(order))
}
