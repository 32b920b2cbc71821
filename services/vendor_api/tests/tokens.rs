//! Which tokens count.
#![allow(clippy::unwrap_used, reason = "tests may")]

use axum::http::HeaderValue;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};
use service_test_bed::seed::company;
use service_test_bed::{Cluster, Issuer, Program, eventually};

#[tokio::test]
async fn tokens() {
    let cluster = Cluster::migrated().await;
    let issuer = Issuer::start().await;
    let variables = [cluster.variables("facility_vendor_api"), issuer.variables("vendor")].concat();
    let program = Program::start(env!("CARGO_BIN_EXE_vendor-api"), variables).await;
    let status =
        async |token: &str| program.http.with_token(token).get("/api/orders").await.status.as_u16();
    let good = {
        let mut claims = issuer.claims("vendor");
        claims["custom:company_id"] = json!(company(0));
        claims
    };
    let now = good["iat"].as_u64().unwrap();
    let with = |changes: &[(&str, Value)]| {
        let mut claims = good.clone();
        for (name, value) in changes {
            claims[*name] = value.clone();
        }
        issuer.sign(0, &claims)
    };
    let header = |header: Value| issuer.sign_with_header(0, &header, &good);
    let part = |it: &Value| BASE64.encode(it.to_string());
    let unsigned =
        |alg: &str| format!("{}.{}.", part(&json!({ "alg": alg, "kid": "0" })), part(&good));
    // The public key, which everybody knows, as the secret of HS256.
    let hs256 = {
        let text = format!("{}.{}", part(&json!({ "alg": "HS256", "kid": "0" })), part(&good));
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &issuer.public_key());
        format!("{text}.{}", BASE64.encode(ring::hmac::sign(&key, text.as_bytes())))
    };
    let other_pool = "https://cognito-idp.ap-northeast-1.amazonaws.com/ap-northeast-1_Staff0000";
    let other_region = "https://cognito-idp.us-east-1.amazonaws.com/ap-northeast-1_Vendor000";
    let tampered = {
        let token = issuer.sign(0, &good);
        let mut parts = token.split('.');
        let (head, _, tag) = (parts.next().unwrap(), parts.next(), parts.next().unwrap());
        let mut claims = good.clone();
        claims["custom:company_id"] = json!(company(1));
        format!("{head}.{}.{tag}", part(&claims))
    };
    let cases = [
        ("good", issuer.sign(0, &good), 200),
        ("wrong pool", with(&[("iss", json!(other_pool))]), 401),
        ("wrong Region", with(&[("iss", json!(other_region))]), 401),
        ("wrong client", with(&[("aud", json!("another0client"))]), 401),
        ("several clients", with(&[("aud", json!(["7client0of0the0screens0"]))]), 401),
        ("access token", with(&[("token_use", json!("access"))]), 401),
        ("no use", with(&[("token_use", Value::Null)]), 401),
        ("expired", with(&[("exp", json!(now - 31))]), 401),
        ("expired a moment ago", with(&[("exp", json!(now - 5))]), 200),
        ("never expires", with(&[("exp", Value::Null)]), 401),
        ("not yet valid", with(&[("nbf", json!(now + 120))]), 401),
        ("valid in a moment", with(&[("nbf", json!(now + 5))]), 200),
        ("issued in the future", with(&[("iat", json!(now + 120))]), 401),
        ("alg none", unsigned("none"), 401),
        ("alg None", unsigned("None"), 401),
        ("no signature", unsigned("RS256"), 401),
        ("HS256 with the public key", hs256, 401),
        ("RS512", header(json!({ "alg": "RS512", "kid": "0" })), 401),
        ("no key id", header(json!({ "alg": "RS256" })), 401),
        ("unknown key id", header(json!({ "alg": "RS256", "kid": "other" })), 401),
        (
            "key of the token's own",
            header(json!({ "alg": "RS256", "kid": "x", "jku": "http://evil/", "jwk": {} })),
            401,
        ),
        (
            "another key under a known id",
            issuer.sign_with_header(1, &json!({ "alg": "RS256", "kid": "0" }), &good),
            401,
        ),
        ("tampered", tampered, 401),
        ("nothing", String::new(), 401),
        ("noise", "a.b.c".to_owned(), 401),
        (
            "oversized",
            format!("{}.{}.x", part(&json!({ "alg": "RS256", "kid": "0" })), "x".repeat(9000)),
            431,
        ),
    ];
    for (name, token, expected) in &cases {
        assert_eq!(status(token).await, *expected, "{name}");
    }
    assert_eq!(program.http.get("/api/orders").await.status, 401);
    // Other schemes, and what is no text.
    for text in [&b"Basic dXNlcjpwYXNz"[..], b"Bearer", b"Bearer \xff\xfe"] {
        let mut request = program.http.request("GET", "/api/orders", None);
        request.headers_mut().insert("authorization", HeaderValue::from_bytes(text).unwrap());
        let answer = program.http.send(request).await.unwrap();
        assert_eq!(answer.status, 401);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert_eq!(answer.headers["content-type"], "application/problem+json");
    }
    // Unknown ids, however many, do not make us ask the pool again and again.
    let before = issuer.asked();
    for _ in 0..50 {
        assert_eq!(status(&cases[19].1).await, 401);
    }
    assert!(issuer.asked() <= before + 1, "{} times", issuer.asked() - before);
    // Keys are rotated: the new one is found soon, and the one that was withdrawn ends with that.
    issuer.publish(&[1]);
    let new = issuer.sign(1, &good);
    eventually("the new key", async || (status(&new).await == 200).then_some(())).await;
    assert_eq!(status(&issuer.sign(0, &good)).await, 401);
}
