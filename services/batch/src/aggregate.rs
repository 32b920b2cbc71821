//! The report of a month or a year: files in the report store, sums in the database, news of it.
//!
//! The row of `report_runs` comes with the sums, after the files: a job that was killed before finds
//! no row and writes the same files again, one that was killed later finds it and tells what it has
//! not told.

use crate::news::News;
use service_kit::calendar::Period;
use service_kit::program::Failure;
use service_kit::report::{self, Scope};
use service_kit::store::{self, Bucket};
use std::path::{Path, PathBuf};
use tokio_postgres::{Client, IsolationLevel, Transaction};
use uuid::Uuid;

pub(crate) async fn report(
    client: &mut Client,
    reports: &Bucket,
    news: &News,
    job: &str,
    period: Period,
) -> Result<i64, Failure> {
    let run = "select id, rows, notified_at is not null, files from report_runs
        where job = $1 and starts_on = $2";
    let known = client.query_opt(run, &[&job, &period.starts_on]).await?;
    let (id, rows, told, files): (Uuid, i64, bool, Vec<String>) = match known {
        Some(row) => (row.get(0), row.get(1), row.get(2), row.get(3)),
        None => {
            let (id, rows, files) = make(client, reports, job, period).await?;
            (id, rows, false, files)
        }
    };
    if !told {
        let name = name_of(job, period);
        let title = match job {
            "yearly" => format!("{name} 年の年次集計が完了しました"),
            _ => format!("{name} の月次集計が完了しました"),
        };
        let description = format!("{rows} 行\n{}", files.join("\n"));
        news.publish(&format!("{job}-{name}"), &title, &description).await?;
        client.execute("update report_runs set notified_at = now() where id = $1", &[&id]).await?;
    }
    Ok(rows)
}

/// What people call the period.
fn name_of(job: &str, period: Period) -> String {
    period.starts_on.format(if job == "yearly" { "%Y" } else { "%Y-%m" }).to_string()
}

async fn make(
    client: &mut Client,
    reports: &Bucket,
    job: &str,
    period: Period,
) -> Result<(Uuid, i64, Vec<String>), Failure> {
    let folder = std::env::temp_dir().join(format!("report-{}", Uuid::new_v4()));
    tokio::fs::create_dir(&folder).await?;
    let made = make_in(client, reports, job, period, &folder).await;
    tokio::fs::remove_dir_all(&folder).await?;
    made
}

async fn make_in(
    client: &mut Client,
    reports: &Bucket,
    job: &str,
    period: Period,
    folder: &Path,
) -> Result<(Uuid, i64, Vec<String>), Failure> {
    let builder = client.build_transaction().isolation_level(IsolationLevel::RepeatableRead);
    let transaction = builder.start().await?;
    let scope = Scope { period, company: None, equipment: None };
    let (rows, files) = report::write(&transaction, &scope, folder).await?;
    let keys = put(reports, &format!("reports/{job}/{}", name_of(job, period)), &files).await?;
    sum(&transaction, job, period).await?;
    let Period { starts_on, ends_before } = period;
    let row = transaction
        .query_one(
            "insert into report_runs (job, starts_on, ends_before, requested_by, rows, files)
            values ($1, $2, $3, null, $4, $5) returning id",
            &[&job, &starts_on, &ends_before, &rows, &keys],
        )
        .await?;
    transaction.commit().await?;
    Ok((row.get(0), rows, keys))
}

async fn put(reports: &Bucket, prefix: &str, files: &[PathBuf]) -> Result<Vec<String>, Failure> {
    let mut keys = Vec::new();
    for file in files {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let key = format!("{prefix}/{name}");
        reports.put(&key, file, store::content_type(&name)).await?;
        keys.push(key);
    }
    Ok(keys)
}

/// Sums for the screens: what each company was sent, and what there was of each category at the end.
async fn sum(transaction: &Transaction<'_>, job: &str, period: Period) -> Result<(), Failure> {
    let table = if job == "yearly" { "yearly_summaries" } else { "monthly_summaries" };
    let (begin, end) = period.bounds();
    let delete = format!("delete from {table} where period = $1");
    transaction.execute(&delete, &[&period.starts_on]).await?;
    let orders = format!(
        "insert into {table} (period, kind, key, count, amount)
        select $1, 'orders', company_id::text, count(*), sum(total)::bigint
        from orders where sent_at >= $2 and sent_at < $3 group by company_id"
    );
    transaction.execute(&orders, &[&period.starts_on, &begin, &end]).await?;
    let stock = format!(
        "insert into {table} (period, kind, key, count, amount)
        select $1, 'stock', category, count(*), sum(quantity - coalesce(
            (select sum(delta) from stock_movements where equipment_id = e.id and moved_at >= $2), 0))::bigint
        from equipment e
        where created_at < $2 and (deleted_at is null or deleted_at >= $2) group by category"
    );
    transaction.execute(&stock, &[&period.starts_on, &end]).await?;
    Ok(())
}
