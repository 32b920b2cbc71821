//! Orders as both APIs show them. The statements are the same for both: what a vendor sees of them is
//! the business of the database.

use crate::api::{self, Page};
use crate::database::{query, query_opt};
use crate::order_pdf::{self, PrintedLine, PrintedOrder};
use crate::problem::{Kind, Problem};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, NaiveDate, Utc};
use deadpool_postgres::Transaction;
use serde::{Deserialize, Serialize};
use tokio_postgres::Row;
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Where an order is on its way.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Being written.
    Draft,
    /// Waits for approval.
    Submitted,
    /// Approved by somebody else.
    Approved,
    /// Not approved.
    Rejected,
    /// Sent to the vendor.
    Sent,
    /// Delivered by the vendor.
    Delivered,
    /// Done.
    Closed,
}

impl Status {
    /// As the database has it.
    pub fn name(self) -> &'static str {
        match self {
            Status::Draft => "draft",
            Status::Submitted => "submitted",
            Status::Approved => "approved",
            Status::Rejected => "rejected",
            Status::Sent => "sent",
            Status::Delivered => "delivered",
            Status::Closed => "closed",
        }
    }
}

/// An order in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct Order {
    /// Identifies it.
    pub id: Uuid,
    /// Its number, as people say it.
    #[schema(example = "2026-000001")]
    pub number: String,
    /// Whom it goes to.
    pub company_id: Uuid,
    /// The name of the company.
    pub company: String,
    /// What it is about.
    pub subject: String,
    /// Where it is on its way.
    #[schema(value_type = Status)]
    pub status: String,
    /// When it has to be delivered.
    pub due_on: NaiveDate,
    /// What it costs, in yen.
    pub total: i64,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
    /// To be sent along with changes.
    pub version: i32,
}

/// An order with everything that belongs to it.
#[derive(Debug, Serialize, ToSchema)]
pub struct OrderDetail {
    /// The order.
    #[serde(flatten)]
    pub order: Order,
    /// What is ordered.
    pub lines: Vec<OrderLine>,
    /// What the vendor has said.
    pub delivery: Option<Delivery>,
}

/// A line of an order.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderLine {
    /// What is ordered.
    #[schema(min_length = 1, max_length = 200, example = "業務用エアコン 5馬力")]
    pub item: String,
    /// The equipment that it is for.
    pub equipment_id: Option<Uuid>,
    /// How many.
    #[schema(minimum = 1, maximum = 100_000)]
    pub quantity: i32,
    /// Price of one, in yen.
    #[schema(minimum = 0, maximum = 100_000_000)]
    pub unit_price: i64,
}

/// What a vendor says about an order.
#[derive(Debug, Serialize, ToSchema)]
pub struct Delivery {
    /// When it is expected to be delivered.
    pub expected_on: Option<NaiveDate>,
    /// When it was delivered.
    pub delivered_on: Option<NaiveDate>,
    /// What has to be said about it.
    pub note: String,
    /// To be sent along with changes.
    pub version: i32,
}

/// Which orders to list, the newest first.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Filter {
    /// Orders of this status.
    pub status: Option<Status>,
    /// Orders written on this day or later, in Japan.
    pub from: Option<NaiveDate>,
    /// Orders written on this day or earlier, in Japan.
    pub to: Option<NaiveDate>,
    /// Orders that go to this company.
    pub company_id: Option<Uuid>,
    /// Orders whose number, subject or lines contain this.
    pub keyword: Option<String>,
    /// Where to go on: `next` of the part before.
    pub cursor: Option<String>,
    /// How many at most.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<i64>,
}

const COLUMNS: &str =
    "o.id, o.number, o.company_id, c.name as company, o.subject, o.status, o.due_on,
    o.total, o.created_at, o.sent_at, o.version";

fn order(row: &Row) -> Order {
    Order {
        id: row.get("id"),
        number: row.get("number"),
        company_id: row.get("company_id"),
        company: row.get("company"),
        subject: row.get("subject"),
        status: row.get("status"),
        due_on: row.get("due_on"),
        total: row.get("total"),
        created_at: row.get("created_at"),
        sent_at: row.get("sent_at"),
        version: row.get("version"),
    }
}

/// A text as part of a pattern of `like`.
pub fn like(keyword: Option<&str>) -> Option<String> {
    let escaped = keyword?.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Some(format!("%{escaped}%"))
}

/// Lists orders.
pub async fn list(transaction: &Transaction<'_>, filter: &Filter) -> Result<Page<Order>, Problem> {
    let limit = api::page_limit(filter.limit)?;
    let (at, id) = api::place::<DateTime<Utc>>(filter.cursor.as_deref())?.unzip();
    let statement = format!(
        "select {COLUMNS} from orders o join companies c on c.id = o.company_id
        where ($1::text is null or o.status = $1)
            and ($2::date is null or o.created_at >= $2::date::timestamp at time zone 'Asia/Tokyo')
            and ($3::date is null or o.created_at < ($3::date + 1)::timestamp at time zone 'Asia/Tokyo')
            and ($4::uuid is null or o.company_id = $4)
            and ($5::text is null or o.number ilike $5 or o.subject ilike $5
                or exists (select from order_lines l where l.order_id = o.id and l.item ilike $5))
            and ($6::timestamptz is null or (o.created_at, o.id) < ($6, $7::uuid))
        order by o.created_at desc, o.id desc
        limit $8"
    );
    let status = filter.status.map(Status::name);
    let keyword = like(filter.keyword.as_deref());
    let rows = query(
        transaction,
        &statement,
        &[&status, &filter.from, &filter.to, &filter.company_id, &keyword, &at, &id, &limit],
    )
    .await?;
    let orders = rows.iter().map(order).collect();
    Ok(api::page(orders, limit, |it: &Order| (it.created_at.to_rfc3339(), it.id)))
}

/// An order with all that belongs to it.
pub async fn read(transaction: &Transaction<'_>, id: Uuid) -> Result<OrderDetail, Problem> {
    let statement = format!(
        "select {COLUMNS} from orders o join companies c on c.id = o.company_id where o.id = $1"
    );
    let row = query_opt(transaction, &statement, &[&id]).await?;
    let order = order(&row.ok_or(Problem::new(Kind::NotFound))?);
    let lines = query(
        transaction,
        "select item, equipment_id, quantity, unit_price from order_lines where order_id = $1 order by line",
        &[&id],
    )
    .await?;
    let lines = lines
        .iter()
        .map(|row| OrderLine {
            item: row.get(0),
            equipment_id: row.get(1),
            quantity: row.get(2),
            unit_price: row.get(3),
        })
        .collect();
    let delivery = query_opt(
        transaction,
        "select expected_on, delivered_on, note, version from deliveries where order_id = $1",
        &[&id],
    )
    .await?;
    let delivery = delivery.map(|row| Delivery {
        expected_on: row.get(0),
        delivered_on: row.get(1),
        note: row.get(2),
        version: row.get(3),
    });
    Ok(OrderDetail { order, lines, delivery })
}

/// Moves an order on, if nobody else has changed it since it was read.
pub async fn move_to(
    transaction: &Transaction<'_>,
    id: Uuid,
    version: i32,
    status: Status,
) -> Result<(), Problem> {
    let moved = query_opt(
        transaction,
        "update orders set status = $3 where id = $1 and version = $2 and status <> $3 returning id",
        &[&id, &version, &status.name()],
    )
    .await?;
    if moved.is_some() {
        return Ok(());
    }
    Err(conflict(transaction, id).await)
}

/// Why an order did not change: there is none, or it is another one by now.
pub async fn conflict(transaction: &Transaction<'_>, id: Uuid) -> Problem {
    match query_opt(transaction, "select from orders where id = $1", &[&id]).await {
        Ok(None) => Problem::new(Kind::NotFound),
        Ok(Some(_)) => Problem::new(Kind::Conflict),
        Err(problem) => problem,
    }
}

/// A report that an order was delivered.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Delivered {
    /// The version of the order.
    pub version: i32,
    /// When.
    pub delivered_on: NaiveDate,
    /// What has to be said about it.
    #[serde(default)]
    #[schema(max_length = 2000)]
    pub note: String,
}

/// Notes that an order was delivered.
pub async fn deliver(
    transaction: &Transaction<'_>,
    id: Uuid,
    report: &Delivered,
) -> Result<(), Problem> {
    query(
        transaction,
        "insert into deliveries (order_id, company_id, delivered_on, note)
        select id, company_id, $2, $3 from orders where id = $1 and status = 'sent'
        on conflict (order_id) do update
        set delivered_on = excluded.delivered_on, note = excluded.note",
        &[&id, &report.delivered_on, &report.note],
    )
    .await?;
    move_to(transaction, id, report.version, Status::Delivered).await
}

/// An order as a PDF to be saved.
pub async fn pdf(transaction: &Transaction<'_>, id: Uuid) -> Result<Response, Problem> {
    let OrderDetail { order, lines, .. } = read(transaction, id).await?;
    let printed = PrintedOrder {
        number: order.number,
        company: order.company,
        subject: order.subject,
        status: order.status,
        sent_on: order.sent_at.map(crate::calendar::day),
        due_on: order.due_on,
        total: order.total,
        lines: lines
            .into_iter()
            .map(|it| PrintedLine {
                item: it.item,
                quantity: it.quantity,
                unit_price: it.unit_price,
            })
            .collect(),
    };
    let name = format!("attachment; filename=\"order-{}.pdf\"", printed.number);
    let made = tokio::task::spawn_blocking(move || order_pdf::print(&printed)).await;
    let bytes = made.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let kind = (header::CONTENT_TYPE, "application/pdf".to_owned());
    Ok(([kind, (header::CONTENT_DISPOSITION, name)], bytes).into_response())
}
