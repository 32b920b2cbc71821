//! The batch image: `monthly`, `yearly` and `due-alert` as the schedules start them with `JOB`, and
//! `bootstrap`, `migrate` and `smoke` as tasks that run once. The exit code says the truth.
//!
//! Every job may be started again at any time, also after it was killed: a period has one report.

mod aggregate;
mod due;
mod news;
mod smoke;

use chrono::{NaiveDate, Utc};
use news::News;
use service_kit::calendar::{self, Period};
use service_kit::database::DatabaseConfig;
use service_kit::environment::{AppEnv, Environment};
use service_kit::program::{self, Failure};
use service_kit::store::{self, Bucket};
use service_schema::Passwords;
use std::process::ExitCode;
use std::time::Instant;

/// One job runs at a time; the others wait for their turn, as the yearly one does for that of
/// December, which starts at the same time.
const LOCK: &str = "select pg_advisory_lock(hashtext('facility batch'))";

#[tokio::main]
async fn main() -> ExitCode {
    program::run(run()).await
}

async fn run() -> Result<ExitCode, Failure> {
    let mut environment = Environment::of_process();
    let mut arguments = std::env::args().skip(1);
    let job = arguments.next().or_else(|| environment.optional("JOB"));
    let period = arguments.next().or_else(|| environment.optional("PERIOD"));
    match job.as_deref() {
        Some("bootstrap") => {
            let database = DatabaseConfig::read(&mut environment, "bootstrap");
            let passwords = Passwords::read(&mut environment);
            environment.finish()?;
            service_schema::bootstrap(&database, &passwords).await?;
        }
        Some("migrate") => {
            let database = DatabaseConfig::read(&mut environment, "migrate");
            environment.finish()?;
            let applied = service_schema::migrate(&database).await?;
            tracing::info!(applied, "the schema is up to date");
        }
        Some(name @ ("monthly" | "yearly" | "due-alert" | "smoke")) => {
            scheduled(environment, name, period.as_deref()).await?;
        }
        _ => {
            return Err("`JOB` or the first argument names what to do: monthly, yearly, \
            due-alert, bootstrap, migrate or smoke"
                .into());
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn scheduled(
    mut environment: Environment,
    job: &str,
    period: Option<&str>,
) -> Result<(), Failure> {
    let env: AppEnv = environment.required("APP_ENV");
    let database = DatabaseConfig::read(&mut environment, "batch");
    let bucket: String = environment.required("REPORTS_BUCKET");
    let topic: String = environment.required("BATCH_TOPIC_ARN");
    let namespace: String = environment.required("METRIC_NAMESPACE");
    let day = match period.map(day_of) {
        Some(None) => {
            environment.mistake("the period is a day or a month, as in 2026-10-01 or 2026-10");
            None
        }
        day => day.flatten(),
    };
    environment.finish()?;
    let today = calendar::day(Utc::now());
    let begin = Instant::now();
    let aws = store::aws().await;
    let reports = Bucket::new(&aws, env, bucket);
    let news = News::new(&aws, topic, namespace, format!("{env:?}").to_lowercase());
    let done = async {
        let mut client = database.connect().await?;
        client.execute(LOCK, &[]).await?;
        match job {
            "smoke" => smoke::look(&client, &reports, &news).await,
            "due-alert" => due::alert(&mut client, &news, day.unwrap_or(today)).await,
            "yearly" => {
                let period = day.map_or_else(|| Period::previous_year(today), Period::year_of);
                aggregate::report(&mut client, &reports, &news, job, period).await
            }
            _ => {
                let period = day.map_or_else(|| Period::previous_month(today), Period::month_of);
                aggregate::report(&mut client, &reports, &news, job, period).await
            }
        }
    }
    .await;
    // The marker of success comes last: whoever sees it can rely on everything else.
    let told = news.measure(job, begin.elapsed(), done.as_ref().ok().copied()).await;
    let rows = done?;
    told?;
    tracing::info!(job, rows, "the job is done");
    Ok(())
}

/// A day, or the first day of a month.
fn day_of(text: &str) -> Option<NaiveDate> {
    text.parse().or_else(|_| format!("{text}-01").parse()).ok()
}
