//! A vendor sees the orders of the own company, whatever it asks for and whoever used the connection.
#![allow(clippy::unwrap_used, reason = "tests may")]

use serde_json::{Value, json};
use service_test_bed::seed::{COMPANIES, company, seed};
use service_test_bed::{Answer, Cluster, Http, Issuer, Program, openapi};
use std::collections::HashSet;

struct Bed {
    cluster: Cluster,
    issuer: Issuer,
    program: Program,
}

impl Bed {
    async fn start() -> Bed {
        let cluster = Cluster::migrated().await;
        seed(&cluster.superuser().await, 400).await;
        let issuer = Issuer::start().await;
        let variables = [cluster.variables("facility_vendor_api"), issuer.variables("vendor")];
        let program = Program::start(env!("CARGO_BIN_EXE_vendor-api"), variables.concat()).await;
        Bed { cluster, issuer, program }
    }

    fn vendor(&self, number: usize) -> Http {
        self.program.http.with_token(self.issuer.vendor(company(number)))
    }
}

async fn ids(http: &Http, query: &str) -> HashSet<String> {
    let mut all = HashSet::new();
    let mut cursor = String::new();
    loop {
        let page = http.get(&format!("/api/orders?limit=7{query}{cursor}")).await.good();
        let items = page["items"].as_array().unwrap();
        all.extend(items.iter().map(|it| it["id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return all,
        }
    }
}

fn shut(answer: &Answer) {
    assert_eq!(answer.status, 404, "{}", answer.text());
    assert_eq!(answer.json()["type"], "urn:facility:problem:not-found");
}

#[tokio::test]
async fn every_request_as_another_company() {
    let bed = Bed::start().await;
    let (ours, theirs) = (bed.vendor(0), bed.vendor(1));
    let (our_orders, their_orders) = (ids(&ours, "").await, ids(&theirs, "").await);
    assert_eq!((our_orders.len(), their_orders.len()), (20, 20));
    assert!(our_orders.is_disjoint(&their_orders));
    // Asking for the other company, or for what its orders contain, finds nothing of it.
    assert!(ids(&ours, &format!("&company_id={}", company(1))).await.is_empty());
    assert_eq!(ids(&ours, "&keyword=%E8%A8%AD%E5%82%99").await, our_orders);
    for id in &their_orders {
        shut(&ours.get(&format!("/api/orders/{id}")).await);
        shut(&ours.get(&format!("/api/orders/{id}/pdf")).await);
        let expected = json!({ "version": 0, "expected_on": "2026-12-10" });
        shut(&ours.put(&format!("/api/orders/{id}/expected-delivery"), expected).await);
        let delivered = json!({ "version": 1, "delivered_on": "2026-12-10", "note": "" });
        shut(&ours.post(&format!("/api/orders/{id}/delivery"), delivered).await);
    }
    // Nothing of it has happened.
    let client = bed.cluster.superuser().await;
    let row = client.query_one("select count(*) from deliveries", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
    // Their own order they can work on, and an order that was not sent yet is there for nobody.
    let id = their_orders.iter().next().unwrap();
    let expected = json!({ "version": 0, "expected_on": "2026-12-10" });
    let order = theirs.put(&format!("/api/orders/{id}/expected-delivery"), expected).await.good();
    assert_eq!(order["delivery"]["expected_on"], "2026-12-10");
    let again = json!({ "version": 9, "expected_on": "2026-12-11" });
    let stale = theirs.put(&format!("/api/orders/{id}/expected-delivery"), again).await;
    assert_eq!(stale.status, 409);
    let note = "3階は立入調整中のため 1 台は後日";
    let delivered = json!({ "version": 1, "delivered_on": "2026-12-09", "note": note });
    let order = theirs.post(&format!("/api/orders/{id}/delivery"), delivered.clone()).await.good();
    assert_eq!((&order["status"], &order["delivery"]["note"]), (&json!("delivered"), &json!(note)));
    let twice = theirs.post(&format!("/api/orders/{id}/delivery"), delivered).await;
    assert_eq!(twice.status, 409);
    let pdf = theirs.get(&format!("/api/orders/{id}/pdf")).await;
    assert!(pdf.bytes.starts_with(b"%PDF-"));
    client
        .batch_execute("set session_replication_role = replica; update orders set status = 'approved', sent_at = null")
        .await
        .unwrap();
    assert!(ids(&ours, "").await.is_empty());
    shut(&theirs.get(&format!("/api/orders/{id}")).await);
    // Who did what is known, with the trace of the request.
    let log =
        "select count(*) from audit_log where company_id = $1 and program = 'facility_vendor_api'
        and actor is not null and trace_id is not null";
    let row = client.query_one(log, &[&company(1)]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 3);
}

#[tokio::test]
async fn forged_and_missing_claims() {
    let bed = Bed::start().await;
    let with = |claim: &str, value: Value| {
        let mut claims = bed.issuer.claims("vendor");
        claims[claim] = value;
        bed.program.http.with_token(bed.issuer.sign(0, &claims))
    };
    // Only the attribute that the administrators set counts.
    let cases = [
        ("email", json!("vendor@example.jp")),
        ("company_id", json!(company(1))),
        ("custom:company_id", json!("' or true --")),
        ("custom:company_id", json!("")),
        ("custom:company_id", json!(format!("{},{}", company(0), company(1)))),
    ];
    for (claim, value) in cases {
        let status = with(claim, value.clone()).get("/api/orders").await.status;
        assert_eq!(status, 403, "{claim}: {value}");
    }
    let nobody = with("custom:company_id", json!(company(COMPANIES)));
    assert!(ids(&nobody, "").await.is_empty());
    // Neither a header nor a query changes whom the token names, nor does a token in the query.
    let ours = bed.vendor(0);
    let mut request = ours.request("GET", "/api/orders", None);
    let other = company(1).to_string().parse().unwrap();
    request.headers_mut().insert("x-company-id", other);
    let page = ours.send(request).await.unwrap().good();
    let companies = page["items"].as_array().unwrap().iter().map(|it| it["company_id"].clone());
    assert!(companies.into_iter().all(|it| it == json!(company(0))));
    let token = bed.issuer.vendor(company(0));
    let query = bed.program.http.get(&format!("/api/orders?access_token={token}")).await;
    assert_eq!(query.status, 401);
    assert!(!bed.program.log().contains(&token[..40]), "a token is in the log");
    assert!(!bed.program.log().contains("SecretOfForty"), "a password is in the log");
}

#[tokio::test]
async fn the_database_alone_keeps_vendors_apart() {
    let bed = Bed::start().await;
    let client = bed.cluster.config("facility_vendor_api").connect().await.unwrap();
    let count = async |table: &str| {
        let row = client.query_one(&format!("select count(*) from {table}"), &[]).await.unwrap();
        row.get::<_, i64>(0)
    };
    let tables = ["companies", "(select id from orders) as o", "order_lines", "deliveries"];
    // A connection that nobody has set, and one that was set to nothing.
    for setting in ["select 1", "select set_config('app.company_id', '', false)"] {
        client.batch_execute(setting).await.unwrap();
        for table in tables {
            assert_eq!(count(table).await, 0, "{setting}: {table}");
        }
    }
    // What is no company is an error, and not a company.
    client.batch_execute("select set_config('app.company_id', 'x', false)").await.unwrap();
    assert!(client.batch_execute("select count(id) from orders").await.is_err());
    let ours = format!("select set_config('app.company_id', '{}', false)", company(0));
    client.batch_execute(&ours).await.unwrap();
    assert_eq!(count("companies").await, 1);
    assert_eq!(count("order_lines").await, 20);
    let others = company(1);
    let refused = [
        format!(
            "insert into deliveries (order_id, company_id) values ('0f000000-0000-4000-8000-000000000001', '{others}')"
        ),
        format!(
            "insert into deliveries (order_id, company_id) values ('0f000000-0000-4000-8000-000000000001', '{}')",
            company(0)
        ),
        "update orders set status = 'closed' where number = '2026-000001'".to_owned(),
        format!("update orders set company_id = '{others}'"),
        "update orders set total = 0".to_owned(),
        "delete from orders".to_owned(),
        "select requested_by from orders".to_owned(),
        "select * from equipment".to_owned(),
        "select * from audit_log".to_owned(),
        "set role facility_owner".to_owned(),
        "alter table orders disable row level security".to_owned(),
    ];
    for statement in refused {
        assert!(client.batch_execute(&statement).await.is_err(), "{statement}");
    }
    // The owner is bound as well.
    let owner = bed.cluster.config("facility_owner").connect().await.unwrap();
    let row = owner.query_one("select count(*) from orders", &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 0);
}

#[tokio::test]
async fn connections_that_another_company_just_used() {
    let bed = Bed::start().await;
    // Many more requests than connections, of all companies at once.
    let tasks = (0..200).map(|n| {
        let number = n % COMPANIES;
        let vendor = bed.vendor(number);
        tokio::spawn(async move {
            let page = vendor.get("/api/orders?limit=200").await.good();
            let items = page["items"].as_array().unwrap().clone();
            assert_eq!(items.len(), 20);
            assert!(items.iter().all(|it| it["company_id"] == json!(company(number))));
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let client = bed.cluster.superuser().await;
    let connections = "select count(*) from pg_stat_activity where usename = 'facility_vendor_api'";
    let connections: i64 = client.query_one(connections, &[]).await.unwrap().get(0);
    assert!(connections <= 4, "{connections} connections");
}

#[tokio::test]
async fn the_document_is_served_and_true() {
    let bed = Bed::start().await;
    let document = bed.program.http.get("/openapi.json").await.good();
    assert_eq!(document["openapi"], "3.1.0");
    openapi::verify(&bed.program, &bed.issuer.vendor(company(0))).await;
}
