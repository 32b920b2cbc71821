//! A real database, a token issuer, an emulator of AWS and the programs themselves as processes: for
//! tests, and for `make dev`.
//!
//! No release image contains this; everything listens on 127.0.0.1 and ends with its owner.

#![allow(clippy::unwrap_used, reason = "tests are built from this: what fails here fails them")]

mod aws;
mod cluster;
mod http;
mod issuer;
pub mod openapi;
mod program;
pub mod seed;

pub use aws::Aws;
pub use cluster::Cluster;
pub use http::{Answer, Http};
pub use issuer::Issuer;
pub use program::Program;

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

/// Variables for a program.
pub type Variables = Vec<(String, String)>;

/// Variables from pairs of texts.
pub fn variables<const N: usize>(pairs: [(&str, &str); N]) -> Variables {
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Asks again until there is an answer, for at most half a minute.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begin.elapsed() < Duration::from_secs(30), "{what} does not happen");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
