//! Starting, ending, and what goes on when the database does not.
#![allow(clippy::unwrap_used, reason = "tests may")]

use service_test_bed::seed::{company, seed};
use service_test_bed::{Cluster, Http, Issuer, Program, Variables, eventually};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

const BINARY: &str = env!("CARGO_BIN_EXE_vendor-api");

struct Bed {
    cluster: Cluster,
    issuer: Issuer,
}

impl Bed {
    async fn start() -> Bed {
        let cluster = Cluster::migrated().await;
        seed(&cluster.superuser().await, 100).await;
        Bed { cluster, issuer: Issuer::start().await }
    }

    fn variables(&self) -> Variables {
        [self.cluster.variables("facility_vendor_api"), self.issuer.variables("vendor")].concat()
    }

    fn vendor(&self, program: &Program) -> Http {
        program.http.with_token(self.issuer.vendor(company(0)))
    }
}

/// Callers that ask one after the other, without a pause, until they are told to stop.
struct Load {
    stop: Arc<AtomicBool>,
    good: Arc<AtomicUsize>,
    bad: Arc<AtomicUsize>,
    callers: Vec<JoinHandle<()>>,
}

impl Load {
    /// Each caller asks the first address, and the second one from a time on, as a load balancer
    /// that has deregistered the first.
    fn on(first: &Http, second: &Http, moved: Arc<AtomicBool>) -> Load {
        let (stop, good, bad) = (Arc::<AtomicBool>::default(), Arc::default(), Arc::default());
        let caller = |_| {
            let (first, second) = (first.clone(), second.clone());
            let (stop, moved): (Arc<AtomicBool>, _) = (stop.clone(), moved.clone());
            let (good, bad): (Arc<AtomicUsize>, Arc<AtomicUsize>) =
                (Arc::clone(&good), Arc::clone(&bad));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let http = if moved.load(Ordering::SeqCst) { &second } else { &first };
                    let answer = http.send(http.request("GET", "/api/orders?limit=5", None)).await;
                    let counter = match answer {
                        Some(answer) if answer.status == 200 => &good,
                        _ => &bad,
                    };
                    counter.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
            })
        };
        let callers = (0..8).map(caller).collect();
        Load { stop, good, bad, callers }
    }

    fn steady(http: &Http) -> Load {
        Load::on(http, http, Arc::default())
    }

    fn good(&self) -> usize {
        self.good.load(Ordering::SeqCst)
    }

    fn bad(&self) -> usize {
        self.bad.load(Ordering::SeqCst)
    }

    async fn goes_on(&self) {
        let before = self.good();
        eventually("more answers", async || (self.good() > before + 50).then_some(())).await;
    }

    async fn end(self) {
        self.stop.store(true, Ordering::SeqCst);
        for caller in self.callers {
            caller.await.unwrap();
        }
    }
}

#[tokio::test]
async fn the_end_under_load_loses_no_request() {
    let bed = Bed::start().await;
    let mut old = Program::start(BINARY, bed.variables()).await;
    let new = Program::start(BINARY, bed.variables()).await;
    let moved = Arc::<AtomicBool>::default();
    let load = Load::on(&bed.vendor(&old), &bed.vendor(&new), moved.clone());
    load.goes_on().await;
    old.signal("TERM");
    // The load balancer sends to both for a moment, and then to the new one.
    load.goes_on().await;
    moved.store(true, Ordering::SeqCst);
    assert!(old.ended().await.success(), "{}", old.log());
    load.goes_on().await;
    assert_eq!(load.bad(), 0);
    load.end().await;
}

#[tokio::test]
async fn the_database_restarts_under_load() {
    let mut bed = Bed::start().await;
    let program = Program::start(BINARY, bed.variables()).await;
    let load = Load::steady(&bed.vendor(&program));
    load.goes_on().await;
    bed.cluster.stop();
    let before = load.bad();
    eventually("refusals", async || (load.bad() > before + 20).then_some(())).await;
    // Alive, and not ready; and whoever asks is told when to come again.
    assert_eq!(program.http.get("/health").await.status, 200);
    let ready = program.http.get("/ready").await;
    assert_eq!(
        (ready.status.as_u16(), &ready.headers["retry-after"]),
        (503, &"1".parse().unwrap())
    );
    bed.cluster.start().await;
    load.goes_on().await;
    let bad = load.bad();
    load.goes_on().await;
    assert_eq!(load.bad(), bad, "it has recovered by itself");
    assert_eq!(program.http.get("/ready").await.status, 200);
    load.end().await;
    let client = bed.cluster.superuser().await;
    let connections = "select count(*) from pg_stat_activity where usename = 'facility_vendor_api'";
    assert!(client.query_one(connections, &[]).await.unwrap().get::<_, i64>(0) <= 4);
}

#[tokio::test]
async fn the_password_changes_under_load() {
    let bed = Bed::start().await;
    let old = Program::start(BINARY, bed.variables()).await;
    let moved = Arc::<AtomicBool>::default();
    let client = bed.cluster.superuser().await;
    // As the rotation function does, and then the new deployment.
    let mut variables = bed.variables();
    for (name, value) in &mut variables {
        if name == "PGPASSWORD" {
            *value = "AnotherSecretOfForty0000000000000000000".to_owned();
        }
    }
    let load_on_old = Load::steady(&bed.vendor(&old));
    load_on_old.goes_on().await;
    client
        .batch_execute(
            "alter role facility_vendor_api password 'AnotherSecretOfForty0000000000000000000'",
        )
        .await
        .unwrap();
    load_on_old.goes_on().await;
    assert_eq!(load_on_old.bad(), 0, "open connections go on");
    load_on_old.end().await;
    let new = Program::start(BINARY, variables).await;
    let load = Load::on(&bed.vendor(&old), &bed.vendor(&new), moved.clone());
    moved.store(true, Ordering::SeqCst);
    old.signal("TERM");
    load.goes_on().await;
    assert_eq!(load.bad(), 0);
    load.end().await;
    // The old password is refused, and nobody learns it.
    let late = Program::spawn(BINARY, &[], bed.variables());
    eventually("a refusal", async || {
        let answer = late.http.send(late.http.request("GET", "/ready", None)).await?;
        (answer.status == 503).then_some(())
    })
    .await;
    assert!(late.log().contains("password authentication failed"), "{}", late.log());
    assert!(late.log().contains("\"level\":\"ERROR\""));
    assert!(!late.log().contains("SecretOfForty"));
}

#[tokio::test]
async fn a_slow_database_and_too_many_requests() {
    let bed = Bed::start().await;
    let program = Program::start(BINARY, bed.variables()).await;
    let mut blocker = bed.cluster.superuser().await;
    let lock = blocker.transaction().await.unwrap();
    lock.batch_execute("lock table orders in access exclusive mode").await.unwrap();
    let begin = Instant::now();
    let vendor = bed.vendor(&program);
    let requests = (0..400).map(|_| {
        let vendor = vendor.clone();
        tokio::spawn(async move { vendor.get("/api/orders").await })
    });
    let requests: Vec<_> = requests.collect();
    // Meanwhile the program is alive, at once.
    let asked = Instant::now();
    assert_eq!(program.http.get("/health").await.status, 200);
    assert!(asked.elapsed() < Duration::from_secs(1));
    for request in requests {
        let answer = request.await.unwrap();
        assert_eq!(answer.status, 503);
        assert_eq!(answer.headers["retry-after"], "1");
    }
    // The database ended the statements that waited; no request waited longer than one may.
    assert!(begin.elapsed() < Duration::from_secs(25), "{:?}", begin.elapsed());
    assert!(program.log().contains("a request was shed"));
    lock.rollback().await.unwrap();
    eventually("recovery", async || (vendor.get("/api/orders").await.status == 200).then_some(()))
        .await;
}

#[tokio::test]
async fn a_wrong_environment_is_told_at_once() {
    let (success, log) = Program::run(BINARY, &[], Vec::new()).await;
    assert!(!success);
    for name in [
        "APP_ENV",
        "DATABASE_URL",
        "PGPASSWORD",
        "AWS_REGION",
        "USER_POOL_ID",
        "USER_POOL_CLIENT_ID",
    ] {
        assert!(log.contains(&format!("`{name}` is missing")), "{name}: {log}");
    }
    // The container's own check, when nobody answers.
    let (healthy, _) = Program::run(BINARY, &["healthcheck"], Vec::new()).await;
    assert!(!healthy);
}

#[tokio::test]
async fn the_containers_check_and_the_pages_of_others() {
    let bed = Bed::start().await;
    let program = Program::start(BINARY, bed.variables()).await;
    let port = program.http.base.rsplit(':').next().unwrap().to_owned();
    let (healthy, _) =
        Program::run(BINARY, &["healthcheck"], vec![("PORT".to_owned(), port)]).await;
    assert!(healthy);
    let mut preflight = program.http.request("OPTIONS", "/api/orders", None);
    preflight.headers_mut().insert("access-control-request-method", "GET".parse().unwrap());
    let answer = program.http.send(preflight).await.unwrap();
    assert_eq!(
        (answer.status.as_u16(), &answer.headers["access-control-allow-origin"]),
        (204, &"*".parse().unwrap())
    );
    // Refusals are problem details, also where no route is.
    let nothing = program.http.get("/nothing").await;
    assert_eq!(nothing.status, 404);
    let problem = nothing.json();
    assert_eq!(problem["title"], "見つかりません");
    assert_eq!(problem["title_en"], "There is no such thing");
    assert_eq!(program.http.delete("/api/orders").await.status, 405);
    assert!(nothing.headers.contains_key("x-request-id"));
}
