//! Whether what the jobs need answers from where they run: the database, as the user of the batch, a
//! report that is put and got again, and the topic. Leaves one small object, which the next look
//! replaces.

use crate::news::News;
use chrono::Utc;
use service_kit::program::Failure;
use service_kit::store::{self, Bucket};
use tokio_postgres::Client;

/// Below the only folder that the batch may read.
const KEY: &str = "reports/smoke/answer.txt";

/// Looks at each; how many reports there were so far.
pub(crate) async fn look(client: &Client, reports: &Bucket, news: &News) -> Result<i64, Failure> {
    let runs = client.query_one("select count(*) from report_runs", &[]).await?.get(0);
    let text = Utc::now().to_rfc3339();
    let file = std::env::temp_dir().join("smoke.txt");
    tokio::fs::write(&file, &text).await?;
    reports.put(KEY, &file, store::content_type(KEY)).await?;
    let Some(object) = reports.get(KEY).await? else {
        return Err("the report that was put cannot be got".into());
    };
    if object.body.collect().await?.into_bytes() != text {
        return Err("the report that was put is another one".into());
    }
    news.publish("smoke", "接続の確認", "この通知は動作確認のためのものです。対応は要りません。")
        .await?;
    Ok(runs)
}
