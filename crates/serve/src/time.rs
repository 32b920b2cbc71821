//! Times as the services write them.

use chrono::{DateTime, SecondsFormat, Utc};

fn at(milliseconds: u64) -> DateTime<Utc> {
    let time = i64::try_from(milliseconds).ok().and_then(DateTime::from_timestamp_millis);
    time.unwrap_or_default()
}

/// `2026-11-24T12:00:00.123Z`.
pub(crate) fn iso(milliseconds: u64) -> String {
    at(milliseconds).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// `Tue, 24 Nov 2026 12:00:00 GMT`.
pub(crate) fn http(milliseconds: u64) -> String {
    at(milliseconds).format("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_are_utc() {
        assert_eq!(super::iso(1_795_521_600_123), "2026-11-24T12:00:00.123Z");
        assert_eq!(super::http(1_795_521_600_123), "Tue, 24 Nov 2026 12:00:00 GMT");
    }
}
