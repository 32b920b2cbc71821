//! `make dev`: the three programs against a database of their own, with sample data and an issuer of
//! tokens. Everything listens on 127.0.0.1 and is gone afterwards.

#![allow(clippy::print_stdout, reason = "here is where people read how to try it")]
#![allow(clippy::unwrap_used, reason = "what fails here is told by the panic")]

use service_test_bed::seed::{company, seed};
use service_test_bed::{Aws, Cluster, Issuer, Program, variables};
use uuid::Uuid;

const STAFF_PORT: &str = "3000";
const VENDOR_PORT: &str = "4000";

#[tokio::main]
async fn main() {
    let folder = std::env::current_exe().unwrap().parent().unwrap().to_owned();
    let binary = |name: &str| folder.join(name).display().to_string();
    let cluster = Cluster::migrated().await;
    seed(&cluster.superuser().await, 1000).await;
    let (issuer, aws) = (Issuer::start().await, Aws::start().await);
    aws.put_page("index.html", include_str!("index.html")).await;

    let secret = variables([("APP_SECRET", "only0for0trying0it0out0at0home00")]);
    let staff = [
        cluster.variables("facility_staff_api"),
        issuer.variables("staff"),
        aws.variables(),
        secret,
        variables([("PORT", STAFF_PORT)]),
    ];
    let vendor = [
        cluster.variables("facility_vendor_api"),
        issuer.variables("vendor"),
        variables([("PORT", VENDOR_PORT)]),
    ];
    let batch = [cluster.variables("facility_batch"), issuer.variables("staff"), aws.variables()];
    let staff = Program::start(&binary("staff-api"), staff.concat()).await;
    let vendor = Program::start(&binary("vendor-api"), vendor.concat()).await;
    let (_, log) = Program::run(&binary("batch"), &["monthly", "2026-10"], batch.concat()).await;

    let admin = issuer.staff(Uuid::from_u128(1), &["admin"]);
    let approver = issuer.staff(Uuid::from_u128(2), &["approver"]);
    let member = issuer.vendor(company(0));
    let (staff, vendor) = (&staff.http.base, &vendor.http.base);
    println!("batch monthly 2026-10:\n{log}");
    println!("職員 API    {staff}   {staff}/openapi.json");
    println!("事業者 API  {vendor}   {vendor}/openapi.json\n");
    println!("export STAFF='Authorization: Bearer {admin}'\n");
    println!("export APPROVER='Authorization: Bearer {approver}'\n");
    println!("export VENDOR='Authorization: Bearer {member}'\n");
    println!(
        "curl -H \"$STAFF\" -G --data-urlencode keyword=エアコン -d limit=3 {staff}/api/equipment"
    );
    println!("curl -H \"$STAFF\" '{staff}/api/reports'");
    println!("curl -H \"$VENDOR\" '{vendor}/api/orders?limit=3'\n");
    println!("トークンは 30 分有効です。Ctrl-C で終わります。");
    tokio::signal::ctrl_c().await.unwrap();
}
