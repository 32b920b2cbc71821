//! The zones of Regions, as a new account sees them.

/// Letters of the zones of a Region. Which letters a new account gets differs in a few Regions;
/// where that is known, it is as AWS documents it.
///
/// <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html>
pub(crate) fn zones(region: &str) -> Option<Vec<String>> {
    if !kumiki_schema::regions().contains(&region) {
        return None;
    }
    let letters = match region {
        // `b` exists only for accounts that had it before; new ones see three.
        "ap-northeast-1" => "acd",
        "us-west-1" => "ac",
        "ca-central-1" => "abd",
        "us-east-1" => "abcdef",
        "us-west-2" | "ap-northeast-2" => "abcd",
        _ => "abc",
    };
    Some(letters.chars().map(|letter| format!("{region}{letter}")).collect())
}
