//! The jobs of the batch as processes, with a real database and S3, SNS and CloudWatch over HTTP.
#![allow(clippy::unwrap_used, reason = "tests may")]

use calamine::{Data, Reader, Xlsx};
use chrono::{DateTime, Utc};
use service_kit::calendar;
use service_test_bed::seed::{COMPANIES, seed};
use service_test_bed::{Aws, Cluster, Program, Variables, eventually, variables};
use std::io::Cursor;
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_batch");
const FILES: [&str; 3] = ["orders.csv", "stock.csv", "report.xlsx"];

struct Bed {
    cluster: Cluster,
    aws: Aws,
}

impl Bed {
    async fn start(orders: usize) -> Bed {
        let cluster = Cluster::migrated().await;
        seed(&cluster.superuser().await, orders).await;
        Bed { cluster, aws: Aws::start().await }
    }

    fn variables(&self) -> Variables {
        let fixed = variables([("APP_ENV", "dev"), ("AWS_REGION", "ap-northeast-1")]);
        [fixed, self.cluster.variables("facility_batch"), self.aws.variables()].concat()
    }

    async fn job(&self, arguments: &[&str]) {
        let (success, log) = Program::run(BINARY, arguments, self.variables()).await;
        assert!(success, "{log}");
        assert!(!log.contains("\"level\":\"ERROR\""), "{log}");
    }

    async fn number(&self, statement: &str) -> i64 {
        self.cluster.superuser().await.query_one(statement, &[]).await.unwrap().get(0)
    }

    async fn files(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        for name in FILES {
            all.push(self.aws.report(&format!("reports/monthly/2026-10/{name}")).await.unwrap());
        }
        all
    }
}

/// The most memory that a process has held, in KiB.
fn memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}

#[tokio::test]
async fn a_month_of_ten_thousand_orders() {
    let bed = Bed::start(10_000).await;
    let begin = Instant::now();
    let mut program = Program::spawn(BINARY, &["monthly", "2026-10"], bed.variables());
    let mut most = 0;
    let status = loop {
        most = most.max(memory(program.id()).unwrap_or(0));
        tokio::select! {
            status = program.ended() => break status,
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
    };
    let took = begin.elapsed();
    assert!(status.success(), "{}", program.log());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert!(most < 150_000, "{most} KiB");

    // The CSVs open in Excel, and say the same as the workbook.
    let files = bed.files().await;
    let mut workbook: Xlsx<_> = Xlsx::new(Cursor::new(files[2].clone())).unwrap();
    let mut counts = Vec::new();
    for (csv, sheet) in files.iter().zip(["注文", "在庫"]) {
        let text = std::str::from_utf8(csv).unwrap();
        let text = text.strip_prefix('\u{feff}').expect("a byte order mark, for Excel");
        let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
        let range = workbook.worksheet_range(sheet).unwrap();
        let mut rows = range.rows();
        for record in reader.records() {
            let record = record.unwrap();
            let row: Vec<String> = rows.next().unwrap().iter().map(cell).collect();
            assert_eq!(record.iter().collect::<Vec<_>>(), row);
        }
        assert!(rows.next().is_none());
        counts.push(range.height() - 1);
    }
    assert_eq!(counts, [10_000, 500]);
    let first = String::from_utf8_lossy(&files[0]).lines().nth(1).unwrap().to_owned();
    assert_eq!(
        first,
        "2026-000001,株式会社みなと空調,設備の更新 その0,発注済み,2026-10-01,2026-12-01,,1,20000"
    );
    // Movements to the last second of the month in Japan are in it.
    let stock = String::from_utf8_lossy(&files[1]).lines().nth(1).unwrap().to_owned();
    assert_eq!(stock.split(',').skip(4).collect::<Vec<_>>(), ["6", "3", "1", "8"]);
    // Sums for the screens, one row of each company, and of each of four categories.
    let sums = "select count(*) from monthly_summaries where period = '2026-10-01' and kind = ";
    assert_eq!(bed.number(&format!("{sums}'orders'")).await, COMPANIES as i64);
    assert_eq!(bed.number(&format!("{sums}'stock'")).await, 4);
    let same = "select sum(amount)::bigint - (select sum(total)::bigint from orders) from monthly_summaries where kind = 'orders'";
    assert_eq!(bed.number(same).await, 0);
    // The year has the same rows; it is another report.
    bed.job(&["yearly", "2026-01"]).await;
    assert_eq!(bed.number("select count(*) from report_runs").await, 2);
    assert_eq!(bed.number("select rows from report_runs where job = 'yearly'").await, 10_500);
}

fn cell(data: &Data) -> String {
    match data {
        Data::Empty => String::new(),
        Data::Float(number) => number.to_string(),
        Data::DateTime(time) => {
            let day = time.as_datetime().unwrap().date();
            day.to_string()
        }
        other => other.to_string(),
    }
}

#[tokio::test]
async fn a_job_that_is_killed_leaves_one_report() {
    let bed = Bed::start(1_000).await;
    // An undisturbed run of the same month, to compare.
    bed.job(&["monthly", "2026-10"]).await;
    let expected = bed.files().await;
    let undo = "delete from report_runs; delete from monthly_summaries";
    bed.cluster.superuser().await.batch_execute(undo).await.unwrap();
    // Killed at instants from its very beginning on, until it is done before that.
    let mut killed = 0;
    for step in 0.. {
        let mut program = Program::spawn(BINARY, &["monthly", "2026-10"], bed.variables());
        let over = tokio::time::timeout(Duration::from_millis(5 * step), program.ended()).await;
        if let Ok(status) = over {
            assert!(status.success(), "{}", program.log());
            break;
        }
        program.signal("KILL");
        program.ended().await;
        killed += 1;
    }
    assert!(killed > 3, "{killed}");
    let runs = "select count(*) from report_runs where job = 'monthly' and notified_at is not null";
    assert_eq!(bed.number(runs).await, 1);
    assert_eq!(bed.number("select count(*) from report_runs").await, 1);
    assert_eq!(bed.files().await, expected);
    let keys = bed.aws.reports().await;
    assert_eq!(keys.len(), FILES.len(), "{keys:?}");
    // Once more, and twice at the same time: nothing changes, and nobody is told again.
    let told = bed.aws.messages().await.len();
    tokio::join!(bed.job(&["monthly", "2026-10"]), bed.job(&["monthly", "2026-10"]));
    assert_eq!(bed.number(runs).await, 1);
    assert_eq!(bed.aws.messages().await.len(), told);
    assert_eq!(bed.files().await, expected);
    assert!(bed.aws.successes("monthly").await >= 3.0);
}

#[tokio::test]
async fn orders_that_fall_due_are_told_once() {
    let bed = Bed::start(40).await;
    // With `JOB`, as the schedules start it. The samples fall due from December 1st on.
    let on = async |day: &str| {
        let variables =
            [bed.variables(), variables([("JOB", "due-alert"), ("PERIOD", day)])].concat();
        let (success, log) = Program::run(BINARY, &[], variables).await;
        assert!(success, "{log}");
        bed.aws.messages().await.len()
    };
    assert_eq!(on("2026-11-27").await, 0, "none falls due until November 30th");
    // A Saturday tells of Wednesday as well: nobody is told anything on Sunday.
    assert_eq!(on("2026-11-28").await, 1);
    let message = &bed.aws.messages().await[0];
    assert_eq!(message["content"]["title"], "[dev] 納期の近い注文が 4 件あります");
    assert_eq!((&message["version"], &message["source"]), (&"1.0".into(), &"custom".into()));
    let text = message["content"]["description"].as_str().unwrap();
    assert!(text.contains("2026-000001 2026-12-01 株式会社みなと空調"), "{text}");
    assert_eq!(on("2026-11-28").await, 1, "again on the same day");
    assert_eq!(on("2026-11-30").await, 2, "and those of December 3rd on Monday");
    assert_eq!(bed.number("select count(*) from due_alerts").await, 6);
    assert_eq!(bed.aws.successes("due-alert").await, 4.0);
}

#[tokio::test]
async fn without_a_period_it_is_the_one_before() {
    let bed = Bed::start(0).await;
    let before: DateTime<Utc> = Utc::now();
    bed.job(&["monthly"]).await;
    let expected = calendar::Period::previous_month(calendar::day(before));
    let client = bed.cluster.superuser().await;
    let run =
        client.query_one("select starts_on, ends_before from report_runs", &[]).await.unwrap();
    assert_eq!((run.get(0), run.get(1)), (expected.starts_on, expected.ends_before));
    let name = expected.starts_on.format("%Y-%m").to_string();
    assert!(bed.aws.report(&format!("reports/monthly/{name}/report.xlsx")).await.is_some());
    let message = &bed.aws.messages().await[0];
    assert_eq!(message["id"], format!("monthly-{name}"));
}

#[tokio::test]
async fn a_look_from_inside_the_network() {
    let bed = Bed::start(0).await;
    bed.job(&["smoke"]).await;
    bed.job(&["smoke"]).await;
    assert_eq!(bed.aws.reports().await, ["reports/smoke/answer.txt"]);
    assert_eq!(bed.aws.messages().await.len(), 2);
    assert_eq!(bed.number("select count(*) from report_runs").await, 0);
    let (success, log) = Program::run(
        BINARY,
        &["smoke"],
        [bed.variables(), variables([("REPORTS_BUCKET", "nowhere")])].concat(),
    )
    .await;
    assert!(!success, "{log}");
}

#[tokio::test]
async fn the_exit_code_says_the_truth() {
    let (success, log) = Program::run(BINARY, &[], Vec::new()).await;
    assert!(!success);
    assert!(
        log.contains("names what to do: monthly, yearly, due-alert, bootstrap, migrate or smoke")
    );
    let (success, log) = Program::run(BINARY, &["monthly", "october"], Vec::new()).await;
    assert!(!success);
    for name in ["APP_ENV", "DATABASE_URL", "REPORTS_BUCKET", "BATCH_TOPIC_ARN", "METRIC_NAMESPACE"]
    {
        assert!(log.contains(&format!("`{name}` is missing")), "{name}: {log}");
    }
    assert!(log.contains("the period is a day or a month"), "{log}");
    // A store that is not there: the error is told, the exit code says so, and nothing is noted.
    let bed = Bed::start(10).await;
    let broken = [bed.variables(), variables([("REPORTS_BUCKET", "nowhere")])].concat();
    let (success, log) = Program::run(BINARY, &["monthly", "2026-10"], broken).await;
    assert!(!success);
    assert!(log.contains("\"level\":\"ERROR\"") && log.contains("NoSuchBucket"), "{log}");
    assert_eq!(bed.number("select count(*) from report_runs").await, 0);
    assert_eq!(bed.aws.successes("monthly").await, 0.0);
    assert!(bed.aws.messages().await.is_empty());
}

#[tokio::test]
async fn the_tasks_that_run_once() {
    let cluster = Cluster::empty(&[]).await;
    let run = async |name: &'static str, variables: Variables| {
        let (success, log) = Program::run(BINARY, &[name], variables).await;
        assert!(!log.contains("SecretOfForty"), "a password is in the log");
        (success, log)
    };
    // As the task definitions start them: nothing of AWS is needed.
    let (success, log) = run("migrate", cluster.variables("facility_owner")).await;
    assert!(!success && log.contains("password authentication failed"), "{log}");
    for _ in 0..2 {
        let (success, log) = run("bootstrap", cluster.bootstrap_variables()).await;
        assert!(success, "{log}");
        let (success, log) = run("migrate", cluster.variables("facility_owner")).await;
        assert!(success, "{log}");
    }
    let client = cluster.superuser().await;
    eventually("the tables", async || {
        client.query_one("select count(*) from orders", &[]).await.ok()
    })
    .await;
}
