//! What the staff does, from the first entry to the report, against the real program.
#![allow(clippy::unwrap_used, reason = "tests may")]

use serde_json::{Value, json};
use service_test_bed::seed::{company, seed};
use service_test_bed::{Aws, Cluster, Http, Issuer, Program, Variables, openapi, variables};
use std::io::Write;
use std::process::{Command, Stdio};
use uuid::Uuid;

const REQUESTER: Uuid = Uuid::from_u128(1);
const APPROVER: Uuid = Uuid::from_u128(2);
const ADMIN: Uuid = Uuid::from_u128(3);

struct Bed {
    cluster: Cluster,
    issuer: Issuer,
    aws: Aws,
    program: Program,
}

impl Bed {
    async fn start(orders: usize) -> Bed {
        let cluster = Cluster::migrated().await;
        seed(&cluster.superuser().await, orders).await;
        let (issuer, aws) = (Issuer::start().await, Aws::start().await);
        let secret = variables([("APP_SECRET", "5e55101a5e55101a5e55101a5e55101a")]);
        let all: Variables = [
            cluster.variables("facility_staff_api"),
            issuer.variables("staff"),
            aws.variables(),
            secret,
        ]
        .concat();
        let program = Program::start(env!("CARGO_BIN_EXE_staff-api"), all).await;
        Bed { cluster, issuer, aws, program }
    }

    fn caller(&self, id: Uuid, group: &str) -> Http {
        self.program.http.with_token(self.issuer.staff(id, &[group]))
    }
}

#[tokio::test]
async fn an_order_goes_its_way() {
    let bed = Bed::start(0).await;
    let (staff, approver) = (bed.caller(REQUESTER, "staff"), bed.caller(APPROVER, "approver"));
    let admin = bed.caller(ADMIN, "admin");
    // Companies are the administrators' business.
    let name = json!({ "name": "髙﨑電設株式会社" });
    assert_eq!(staff.post("/api/companies", name.clone()).await.status, 403);
    let company = admin.post("/api/companies", name).await.good();
    let renamed = json!({ "name": "髙﨑電設 株式会社", "version": 1 });
    let path = format!("/api/companies/{}", company["id"].as_str().unwrap());
    assert_eq!(admin.put(&path, renamed.clone()).await.good()["version"], 2);
    assert_eq!(admin.put(&path, renamed).await.status, 409);

    let draft = json!({
        "company_id": company["id"], "subject": "本庁舎3階の空調機更新", "due_on": "2026-12-25",
        "lines": [
            { "item": "業務用エアコン 5馬力", "quantity": 2, "unit_price": 398_000 },
            { "item": "設置工事", "quantity": 1, "unit_price": 120_000 },
        ],
    });
    let order = staff.post("/api/orders", draft.clone()).await.good();
    assert_eq!((&order["status"], &order["total"]), (&json!("draft"), &json!(916_000)));
    let path = format!("/api/orders/{}", order["id"].as_str().unwrap());
    let mut version = order["version"].clone();
    let mut next = async |caller: &Http, action: &str| {
        let mut body = json!({ "version": version });
        if action == "deliver" {
            body["delivered_on"] = json!("2026-12-24");
        }
        let answer = caller.post(&format!("{path}/{action}"), body).await;
        if answer.status == 200 {
            version = answer.json()["version"].clone();
        }
        answer.status.as_u16()
    };
    // No step can be left out, nobody approves the own order, and who may not may not.
    assert_eq!(next(&staff, "send").await, 409);
    assert_eq!(next(&staff, "submit").await, 200);
    assert_eq!(next(&staff, "submit").await, 409);
    assert_eq!(next(&staff, "approve").await, 403);
    assert_eq!(next(&bed.caller(REQUESTER, "approver"), "approve").await, 403);
    assert_eq!(next(&approver, "approve").await, 200);
    assert_eq!(next(&approver, "reject").await, 409);
    let changed = json!({
        "version": 3, "company_id": company["id"], "subject": "別の件", "due_on": "2026-12-25",
        "lines": draft["lines"],
    });
    assert_eq!(staff.put(&path, changed).await.status, 409);
    assert_eq!(next(&staff, "send").await, 200);
    assert_eq!(next(&staff, "deliver").await, 200);
    assert_eq!(next(&staff, "close").await, 200);
    let closed = staff.get(&path).await.good();
    assert_eq!(closed["approved_by"], json!(APPROVER));
    assert_eq!(closed["delivery"]["delivered_on"], "2026-12-24");

    // All of it is in the history.
    let history = staff.get(&format!("{path}/history")).await.good();
    let steps = history.as_array().unwrap().iter().filter(|it| it["entity"] == "orders");
    let steps: Vec<_> = steps.filter_map(|it| it["after"]["status"].as_str()).collect();
    assert_eq!(steps, ["draft", "submitted", "approved", "sent", "delivered", "closed"]);
    assert!(history.as_array().unwrap().iter().any(|it| it["entity"] == "order_lines"));

    // The PDF can be read, in Japanese.
    let pdf = staff.get(&format!("{path}/pdf")).await;
    assert_eq!(pdf.headers["content-type"], "application/pdf");
    let text = pdf_text(&pdf.bytes);
    for expected in
        ["発注書", "髙﨑電設 株式会社 御中", "業務用エアコン 5馬力", "916,000", "2026年12月25日"]
    {
        assert!(text.contains(expected), "{expected}: {text}");
    }

    // Lists by status, period, company and keyword.
    let found = async |query: &str| {
        let page = staff.get(&format!("/api/orders?{query}")).await.good();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(found("status=closed").await, 1);
    assert_eq!(found("status=draft").await, 0);
    assert_eq!(found("keyword=%E8%A8%AD%E7%BD%AE").await, 1, "設置, in a line");
    assert_eq!(found("keyword=%25").await, 0, "a percent sign is no pattern");
    assert_eq!(found("from=2100-01-01").await, 0);
    assert_eq!(staff.get("/api/orders?status=lost").await.status, 400);
    // Drafts that make no sense.
    for (change, status) in [
        (json!({ "company_id": Uuid::from_u128(9) }), 422),
        (json!({ "lines": [] }), 422),
        (json!({ "due_on": "2026-02-29" }), 422),
        (json!({ "due_on": "+12345-01-01" }), 422),
        (json!({ "subject": "" }), 422),
        (json!({ "subject": "\u{0}" }), 422),
        (json!({ "subject": "長".repeat(201) }), 422),
        (json!({ "approved_by": APPROVER }), 422),
        (json!({ "lines": [{ "item": "x", "quantity": 0, "unit_price": 1 }] }), 422),
        (json!({ "lines": [{ "item": "x", "quantity": 1, "unit_price": -1 }] }), 422),
    ] {
        let mut body = draft.clone();
        body.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(staff.post("/api/orders", body).await.status, status, "{change}");
    }
    let too_large = json!({ "subject": "x".repeat(300_000) });
    assert_eq!(staff.post("/api/orders", too_large).await.status, 413);
}

/// What a reader of PDFs sees, by poppler.
fn pdf_text(pdf: &[u8]) -> String {
    let mut reader = Command::new("pdftotext")
        .args(["-layout", "-", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("pdftotext is not installed (`apt-get install poppler-utils`)");
    reader.stdin.take().unwrap().write_all(pdf).unwrap();
    String::from_utf8(reader.wait_with_output().unwrap().stdout).unwrap()
}

#[tokio::test]
async fn equipment_is_found_and_its_stock_moves() {
    let bed = Bed::start(0).await;
    let staff = bed.caller(REQUESTER, "staff");
    // Each sorting, both ways, a page at a time: everything once, in order.
    for sort in ["name", "purchased_on", "quantity", "updated_at"] {
        for descending in [false, true] {
            let mut all: Vec<Value> = Vec::new();
            let mut cursor = String::new();
            loop {
                let query = format!("sort={sort}&descending={descending}&limit=120{cursor}");
                let page = staff.get(&format!("/api/equipment?{query}")).await.good();
                all.extend(page["items"].as_array().unwrap().iter().cloned());
                let Some(next) = page["next"].as_str() else { break };
                cursor = format!("&cursor={next}");
            }
            let mut ids: Vec<&str> = all.iter().map(|it| it["id"].as_str().unwrap()).collect();
            ids.sort_unstable();
            ids.dedup();
            assert_eq!((all.len(), ids.len()), (500, 500), "{sort} {descending}");
            let in_order = all.windows(2).all(|pair| {
                let [one, two] = [&pair[0][sort], &pair[1][sort]];
                let order = match (one.as_i64(), two.as_i64()) {
                    (Some(one), Some(two)) => one.cmp(&two),
                    _ => one.as_str().cmp(&two.as_str()),
                };
                order
                    != if descending {
                        std::cmp::Ordering::Less
                    } else {
                        std::cmp::Ordering::Greater
                    }
            });
            assert!(in_order, "{sort} {descending}");
        }
    }
    let found = async |query: &str| {
        let page = staff.get(&format!("/api/equipment?limit=200&{query}")).await.good();
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(found("category=plumbing").await, 100);
    assert_eq!(found("keyword=KM-0123").await, 1);
    assert_eq!(found("location=%E5%9B%B3%E6%9B%B8%E9%A4%A8&category=plumbing").await, 20);
    assert_eq!(found("from=2020-04-01&to=2020-04-10").await, 10);
    for bad in ["cursor=x", "limit=0", "limit=201", "sort=password", "nothing=1", "from=x"] {
        assert_eq!(staff.get(&format!("/api/equipment?{bad}")).await.status, 400, "{bad}");
    }

    let new = json!({
        "name": "非常用発電機", "model": "EG-50", "category": "electrical", "location": "消防署",
        "purchased_on": "2026-11-01", "quantity": 2,
    });
    let made = staff.post("/api/equipment", new).await.good();
    assert_eq!(made["quantity"], 2);
    let path = format!("/api/equipment/{}", made["id"].as_str().unwrap());
    let gone = json!({ "delta": -1, "reason": "故障により廃棄" });
    let left = staff.post(&format!("{path}/movements"), gone).await.good();
    assert_eq!(left["quantity"], 1);
    let too_many = json!({ "delta": -2, "reason": "x" });
    assert_eq!(staff.post(&format!("{path}/movements"), too_many).await.status, 422);
    let movements = staff.get(&format!("{path}/movements")).await.good();
    assert_eq!(movements.as_array().unwrap().len(), 2);
    let changed = json!({
        "version": made["version"], "name": "非常用発電機", "model": "EG-50", "category": "electrical",
        "location": "本庁舎地下", "purchased_on": "2026-11-01",
    });
    // The stock has moved since, and with it the version.
    assert_eq!(staff.put(&path, changed.clone()).await.status, 409);
    let mut changed = changed;
    changed["version"] = left["version"].clone();
    let version = staff.put(&path, changed).await.good()["version"].clone();
    assert_eq!(staff.delete(&format!("{path}?version=1")).await.status, 409);
    assert_eq!(staff.delete(&format!("{path}?version={version}")).await.status, 204);
    assert_eq!(staff.get(&path).await.status, 404);
    assert_eq!(staff.get("/api/equipment/x").await.status, 404);
    // It is gone from the lists, not from the database.
    let kept = "select count(*) from equipment where deleted_at is not null";
    let row = bed.cluster.superuser().await.query_one(kept, &[]).await.unwrap();
    assert_eq!(row.get::<_, i64>(0), 1);
}

#[tokio::test]
async fn reports_and_pages() {
    let bed = Bed::start(200).await;
    let staff = bed.caller(REQUESTER, "staff");
    let asked =
        json!({ "starts_on": "2026-10-01", "ends_before": "2026-11-01", "company_id": company(3) });
    let made = staff.post("/api/reports", asked).await.good();
    assert_eq!(made["rows"], 510);
    assert_eq!(made["files"], json!(["orders.csv", "stock.csv", "report.xlsx"]));
    let listed = staff.get("/api/reports").await.good();
    assert_eq!(listed["items"][0], made);
    // The link works without a token, and hands out the file.
    let path = format!("/api/reports/{}/download", made["id"].as_str().unwrap());
    let link = staff.get(&format!("{path}?file=orders.csv")).await.good();
    let (base, rest) = link["url"].as_str().unwrap().split_at(bed_base(&link).len());
    let csv = Http::new(base.to_owned()).get(rest).await;
    assert_eq!(csv.status, 200);
    let text = csv.text();
    assert_eq!(text.lines().count(), 11);
    assert!(text.lines().skip(1).all(|it| it.contains("有限会社さくら管工")), "{text}");
    assert_eq!(staff.get(&format!("{path}?file=../../secret")).await.status, 404);
    for (starts_on, ends_before) in
        [("2026-10-01", "2026-10-01"), ("2020-01-01", "2026-01-01"), ("+9999-01-01", "+9999-01-02")]
    {
        let odd = json!({ "starts_on": starts_on, "ends_before": ends_before });
        assert_eq!(staff.post("/api/reports", odd).await.status, 422);
    }

    // The pages of the staff need no token.
    bed.aws.put_page("index.html", "<!doctype html><title>設備管理</title>").await;
    bed.aws.put_page("assets/app-1a2b.js", "export {}").await;
    let http = &bed.program.http;
    let page = http.get("/orders/2026").await;
    assert!(page.text().contains("設備管理"));
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers["cache-control"], "no-cache");
    assert!(page.headers["content-security-policy"].to_str().unwrap().contains("ap-northeast-1"));
    let script = http.get("/assets/app-1a2b.js").await;
    assert_eq!(script.headers["cache-control"], "public, max-age=31536000, immutable");
    let mut again = http.request("GET", "/assets/app-1a2b.js", None);
    again.headers_mut().insert("if-none-match", script.headers["etag"].clone());
    assert_eq!(http.send(again).await.unwrap().status, 304);
    assert_eq!(http.get("/assets/none.js").await.status, 404);
    assert_eq!(http.get("/api/nothing").await.status, 404);
    assert_eq!(http.post("/orders", json!({})).await.status, 405);
}

/// Scheme, host and port of a link.
fn bed_base(link: &Value) -> String {
    let url = link["url"].as_str().unwrap();
    let path = url.match_indices('/').nth(2).unwrap().0;
    url[..path].to_owned()
}

#[tokio::test]
async fn who_may_come_in() {
    let bed = Bed::start(0).await;
    let http = &bed.program.http;
    assert_eq!(http.get("/api/equipment").await.status, 401);
    assert_eq!(bed.caller(REQUESTER, "cleaners").get("/api/equipment").await.status, 403);
    // Tokens of vendors, and ID tokens of the staff.
    let vendor = http.with_token(bed.issuer.vendor(company(0)));
    assert_eq!(vendor.get("/api/equipment").await.status, 401);
    let mut claims = bed.issuer.claims("staff");
    claims["token_use"] = json!("id");
    claims["aud"] = claims["client_id"].clone();
    let id_token = http.with_token(bed.issuer.sign(0, &claims));
    assert_eq!(id_token.get("/api/equipment").await.status, 401);
    // Somebody who signed in an hour ago needs the cookie of a request since then.
    let mut claims = bed.issuer.claims("staff");
    claims["cognito:groups"] = json!(["staff"]);
    let fresh = http.with_token(bed.issuer.sign(0, &claims)).get("/api/equipment").await;
    let cookie = fresh.headers["set-cookie"].to_str().unwrap().to_owned();
    for expected in ["__Host-session=", "HttpOnly", "Secure", "SameSite=Strict", "Max-Age=1800"] {
        assert!(cookie.contains(expected), "{cookie}");
    }
    claims["auth_time"] = json!(claims["auth_time"].as_u64().unwrap() - 3600);
    let later = http.with_token(bed.issuer.sign(0, &claims));
    let idle = later.get("/api/equipment").await;
    assert_eq!(idle.status, 401);
    assert_eq!(idle.json()["type"], "urn:facility:problem:session-expired");
    let mut request = later.request("GET", "/api/equipment", None);
    let pair = cookie.split(';').next().unwrap().parse().unwrap();
    request.headers_mut().insert("cookie", pair);
    assert_eq!(later.send(request).await.unwrap().status, 200);
}

#[tokio::test]
async fn the_document_is_served_and_true() {
    let bed = Bed::start(0).await;
    let document = bed.program.http.get("/openapi.json").await.good();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["paths"].as_object().unwrap().len(), 17);
    assert_eq!(document["security"], json!([{ "token": [] }]));
    openapi::verify(&bed.program, &bed.issuer.staff(ADMIN, &["admin"])).await;
}
