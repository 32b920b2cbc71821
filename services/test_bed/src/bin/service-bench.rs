//! `make bench-services`: the vendor API beside the same in Node.js with Express and pg, on the same
//! database, under the same load of wrk.

#![allow(clippy::print_stdout, reason = "here is where people read the figures")]
#![allow(clippy::unwrap_used, reason = "what fails here is told by the panic")]

use service_test_bed::seed::{company, seed};
use service_test_bed::{Cluster, Issuer, Program, Variables};
use std::process::Command;
use std::time::Instant;

/// What is asked for: a page of a company's orders, in a transaction under row-level security.
const PATH: &str = "/api/orders?limit=50";

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let (vendor_api, folder) = (arguments.next().unwrap(), arguments.next().unwrap());
    let cluster = Cluster::migrated().await;
    seed(&cluster.superuser().await, 10_000).await;
    let issuer = Issuer::start().await;
    let variables = [cluster.variables("facility_vendor_api"), issuer.variables("vendor")].concat();
    let token = issuer.vendor(company(0));
    println!("| | start-up | load | requests/s | mean | p95 | p99 | not 2xx | memory |");
    println!("|---|---|---|---|---|---|---|---|---|");
    let peer = format!("{folder}/peer.mjs");
    measure("Rust, axum", &vendor_api, &[], &variables, &folder, &token).await;
    measure("Node.js, Express and pg", "node", &[&peer], &variables, &folder, &token).await;
}

async fn measure(
    name: &str,
    binary: &str,
    arguments: &[&str],
    variables: &Variables,
    folder: &str,
    token: &str,
) {
    let begin = Instant::now();
    let mut variables = variables.clone();
    // Node.js is found by its name.
    variables.extend(std::env::vars_os().filter_map(|(name, value)| {
        let name = name.into_string().ok().filter(|it| it == "PATH")?;
        Some((name, value.into_string().ok()?))
    }));
    let program = Program::spawn(binary, arguments, variables);
    service_test_bed::eventually("readiness", async || {
        let answer = program.http.send(program.http.request("GET", "/ready", None)).await?;
        answer.status.is_success().then_some(())
    })
    .await;
    let start_up = begin.elapsed().as_millis();
    let page = program.http.with_token(token).get(PATH).await.good();
    assert_eq!(page["items"].as_array().unwrap().len(), 50, "{name}");
    // The peak of the system is 1,000 requests a minute.
    for (load, connections, script) in [
        ("peak, 1,000/min", "1", "peak.lua"),
        ("64 callers", "64", "beyond.lua"),
        ("512 callers", "512", "beyond.lua"),
    ] {
        let output = Command::new("wrk")
            .args(["-t1", "-d15s", "--timeout", "30s", "-c", connections, "-s", script])
            .args(["-H", &format!("Authorization: Bearer {token}")])
            .arg(format!("{}{PATH}", program.http.base))
            .current_dir(folder)
            .output()
            .expect("wrk is not installed (`apt-get install wrk`)");
        let text = String::from_utf8(output.stdout).unwrap();
        let row = text.lines().find_map(|it| it.strip_prefix("row: ")).expect("a row");
        let memory = memory(program.id());
        println!("| {name} | {start_up} ms | {load} | {row} | {memory} MiB |");
    }
}

/// The most memory that a process has held, in MiB.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}
