//! What a report of a period says: its orders, and the stock at its end.
//!
//! The batch makes those of months and years, the staff API those that somebody asks for; both read
//! the same statements in one snapshot, row by row.

use crate::calendar::Period;
use crate::sheets::{self, Cell, Sheets};
use chrono::NaiveDate;
use futures_util::{TryStreamExt, pin_mut};
use std::path::{Path, PathBuf};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Transaction};
use uuid::Uuid;

/// What to report about.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// Which days.
    pub period: Period,
    /// Orders of this company only.
    pub company: Option<Uuid>,
    /// Orders and stock of this equipment only.
    pub equipment: Option<Uuid>,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database.
    #[error("the rows of the report cannot be read")]
    Database(#[from] tokio_postgres::Error),
    /// The files.
    #[error(transparent)]
    Files(#[from] sheets::Error),
}

/// Orders that were sent in the period.
const ORDERS: &str = "
    select o.number, c.name, o.subject, o.status, (o.sent_at at time zone 'Asia/Tokyo')::date,
        o.due_on, d.delivered_on, (select count(*) from order_lines l where l.order_id = o.id), o.total
    from orders o
    join companies c on c.id = o.company_id
    left join deliveries d on d.order_id = o.id
    where o.sent_at >= $1 and o.sent_at < $2
        and ($3::uuid is null or o.company_id = $3)
        and ($4::uuid is null or exists (
            select from order_lines l where l.order_id = o.id and l.equipment_id = $4))
    order by o.sent_at, o.number";
const ORDER_COLUMNS: [&str; 9] =
    ["注文番号", "事業者", "件名", "状態", "発注日", "納期", "納品日", "明細数", "金額(円)"];

/// Equipment that existed in the period. What is there now, less what came after, was there then.
const STOCK: &str = "
    select e.name, e.model, e.category, e.location,
        e.quantity - coalesce(m.after, 0) - coalesce(m.plus, 0) + coalesce(m.minus, 0),
        coalesce(m.plus, 0), coalesce(m.minus, 0),
        e.quantity - coalesce(m.after, 0)
    from equipment e
    left join lateral (
        select sum(delta) filter (where moved_at >= $2) as after,
            sum(delta) filter (where moved_at < $2 and delta > 0) as plus,
            -sum(delta) filter (where moved_at < $2 and delta < 0) as minus
        from stock_movements
        where equipment_id = e.id and moved_at >= $1
    ) m on true
    where e.created_at < $2 and (e.deleted_at is null or e.deleted_at >= $1)
        and ($3::uuid is null or e.id = $3)
    order by e.name, e.id";
const STOCK_COLUMNS: [&str; 8] =
    ["設備名", "型式", "区分", "設置場所", "期首数量", "入庫", "出庫", "期末数量"];

/// Writes the files into a folder, and says how many rows there are. The transaction is `repeatable
/// read`, so that all of the report is of one instant.
pub async fn write(
    transaction: &Transaction<'_>,
    scope: &Scope,
    folder: &Path,
) -> Result<(i64, Vec<PathBuf>), Error> {
    let (begin, end) = scope.period.bounds();
    let mut sheets = Sheets::new(folder, end)?;
    sheets.table("orders", "注文", &ORDER_COLUMNS)?;
    let parameters: [&(dyn ToSql + Sync); 4] = [&begin, &end, &scope.company, &scope.equipment];
    let orders = each(transaction, ORDERS, &parameters, &mut sheets, order).await?;
    sheets.table("stock", "在庫", &STOCK_COLUMNS)?;
    let parameters: [&(dyn ToSql + Sync); 3] = [&begin, &end, &scope.equipment];
    let stock = each(transaction, STOCK, &parameters, &mut sheets, equipment).await?;
    // Compressing the workbook takes a while, which others should not have to wait for.
    let files = tokio::task::block_in_place(|| sheets.finish("report"))?;
    Ok((orders + stock, files))
}

async fn each(
    transaction: &Transaction<'_>,
    statement: &str,
    parameters: &[&(dyn ToSql + Sync)],
    sheets: &mut Sheets,
    cells: fn(&Row) -> Result<Vec<Cell>, tokio_postgres::Error>,
) -> Result<i64, Error> {
    let rows = transaction.query_raw(statement, parameters.iter().copied()).await?;
    pin_mut!(rows);
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        sheets.row(&cells(&row)?)?;
        count += 1;
    }
    Ok(count)
}

fn order(row: &Row) -> Result<Vec<Cell>, tokio_postgres::Error> {
    let status: &str = row.try_get(3)?;
    Ok(vec![
        Cell::Text(row.try_get(0)?),
        Cell::Text(row.try_get(1)?),
        Cell::Text(row.try_get(2)?),
        Cell::Text(status_label(status).to_owned()),
        row.try_get::<_, Option<NaiveDate>>(4)?.into(),
        Cell::Day(row.try_get(5)?),
        row.try_get::<_, Option<NaiveDate>>(6)?.into(),
        Cell::Integer(row.try_get(7)?),
        Cell::Integer(row.try_get(8)?),
    ])
}

fn equipment(row: &Row) -> Result<Vec<Cell>, tokio_postgres::Error> {
    let category: &str = row.try_get(2)?;
    Ok(vec![
        Cell::Text(row.try_get(0)?),
        Cell::Text(row.try_get(1)?),
        Cell::Text(category_label(category).to_owned()),
        Cell::Text(row.try_get(3)?),
        Cell::Integer(row.try_get(4)?),
        Cell::Integer(row.try_get(5)?),
        Cell::Integer(row.try_get(6)?),
        Cell::Integer(row.try_get(7)?),
    ])
}

/// What people call the status of an order.
pub fn status_label(status: &str) -> &str {
    match status {
        "draft" => "下書き",
        "submitted" => "承認待ち",
        "approved" => "承認済み",
        "rejected" => "却下",
        "sent" => "発注済み",
        "delivered" => "納品済み",
        "closed" => "完了",
        other => other,
    }
}

fn category_label(category: &str) -> &str {
    match category {
        "air-conditioning" => "空調",
        "electrical" => "電気",
        "fire-protection" => "消防",
        "plumbing" => "給排水",
        "other" => "その他",
        other => other,
    }
}
