//! News of orders that fall due in three days, each order once.

use crate::news::News;
use chrono::{Days, NaiveDate};
use service_kit::calendar;
use service_kit::program::Failure;
use tokio_postgres::Client;
use uuid::Uuid;

/// A message stays short enough to be read; the rest is counted.
const NAMED: usize = 20;

pub(crate) async fn alert(
    client: &mut Client,
    news: &News,
    today: NaiveDate,
) -> Result<i64, Failure> {
    let transaction = client.transaction().await?;
    let due = transaction
        .query(
            "select o.id, o.number, o.due_on, c.name from orders o join companies c on c.id = o.company_id
            where o.status = 'sent' and o.due_on <= $1
                and not exists (select from due_alerts a where a.order_id = o.id)
            order by o.due_on, o.number",
            &[&calendar::due_until(today)],
        )
        .await?;
    if !due.is_empty() {
        let named = due.iter().take(NAMED).map(|row| {
            let (number, day, company): (&str, NaiveDate, &str) =
                (row.get(1), row.get(2), row.get(3));
            format!("{number} {day} {company}\n")
        });
        let mut text: String = named.collect();
        if let Some(more @ 1..) = due.len().checked_sub(NAMED) {
            text.push_str(&format!("ほか {more} 件"));
        }
        let title = format!("納期の近い注文が {} 件あります", due.len());
        // Told before it is noted: a job that is killed in between tells it twice rather than never.
        news.publish(&format!("due-alert-{today}"), &title, text.trim_end()).await?;
        let ids: Vec<Uuid> = due.iter().map(|row| row.get(0)).collect();
        transaction
            .execute("insert into due_alerts (order_id) select unnest($1::uuid[])", &[&ids])
            .await?;
    }
    let rows = i64::try_from(due.len())?;
    transaction
        .execute(
            "insert into report_runs (job, starts_on, ends_before, requested_by, rows, files)
            values ('due-alert', $1, $2, null, $3, '{}')
            on conflict (job, starts_on) where job <> 'request' do nothing",
            &[&today, &(today + Days::new(1)), &rows],
        )
        .await?;
    transaction.commit().await?;
    Ok(rows)
}
