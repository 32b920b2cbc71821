//! Stands in for Cognito: signs tokens, and publishes the keys to verify them.

use crate::{Variables, variables};
use axum::extract::{Path, State};
use axum::{Json, Router, routing::get};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use ring::rand::SystemRandom;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair, RsaPublicKeyComponents};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpListener;
use uuid::Uuid;

/// Two keys that protect nothing, so that tests need not wait for new ones.
const KEYS: [&[u8]; 2] = [include_bytes!("../keys/1.der"), include_bytes!("../keys/2.der")];
const STAFF_POOL: &str = "ap-northeast-1_Staff0000";
const VENDOR_POOL: &str = "ap-northeast-1_Vendor000";
const CLIENT: &str = "7client0of0the0screens0";

struct Shared {
    keys: Vec<RsaKeyPair>,
    /// Which keys are published.
    published: Mutex<Vec<usize>>,
    asked: AtomicUsize,
}

/// An issuer that listens until it is dropped.
pub struct Issuer {
    address: String,
    shared: Arc<Shared>,
}

impl Issuer {
    /// Starts one that has published its first key.
    pub async fn start() -> Issuer {
        let keys = KEYS.map(|it| RsaKeyPair::from_der(it).unwrap()).into_iter().collect();
        let published = Mutex::new(vec![0]);
        let shared = Arc::new(Shared { keys, published, asked: AtomicUsize::new(0) });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/{pool}/.well-known/jwks.json", get(keys_of))
            .with_state(shared.clone());
        tokio::spawn(axum::serve(listener, router).into_future());
        Issuer { address, shared }
    }

    /// What an API is started with, to accept the tokens of a pool: `staff` or `vendor`.
    pub fn variables(&self, pool: &str) -> Variables {
        variables([
            ("APP_ENV", "dev"),
            ("AWS_REGION", "ap-northeast-1"),
            ("USER_POOL_ID", pool_id(pool)),
            ("USER_POOL_CLIENT_ID", CLIENT),
            ("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER", &self.address),
        ])
    }

    /// Publishes other keys from now on.
    pub fn publish(&self, keys: &[usize]) {
        *self.shared.published.lock().unwrap() = keys.to_vec();
    }

    /// How often the keys were asked for.
    pub fn asked(&self) -> usize {
        self.shared.asked.load(Ordering::SeqCst)
    }

    /// The access token of somebody of the staff.
    pub fn staff(&self, id: Uuid, groups: &[&str]) -> String {
        let mut claims = self.claims("staff");
        claims["sub"] = json!(id);
        claims["cognito:groups"] = json!(groups);
        self.sign(0, &claims)
    }

    /// The ID token of somebody of a company.
    pub fn vendor(&self, company: Uuid) -> String {
        let mut claims = self.claims("vendor");
        claims["custom:company_id"] = json!(company);
        self.sign(0, &claims)
    }

    /// What a token of a pool says, if nothing is wrong with it.
    pub fn claims(&self, pool: &str) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let mut claims = json!({
            "sub": Uuid::from_u128(0xA11CE),
            "iss": format!("https://cognito-idp.ap-northeast-1.amazonaws.com/{}", pool_id(pool)),
            "iat": now,
            "exp": now + 1800,
            "auth_time": now,
            "origin_jti": Uuid::new_v4(),
        });
        if pool == "staff" {
            claims["token_use"] = json!("access");
            claims["client_id"] = json!(CLIENT);
        } else {
            claims["token_use"] = json!("id");
            claims["aud"] = json!(CLIENT);
        }
        claims
    }

    /// A token with these claims, by one of the keys.
    pub fn sign(&self, key: usize, claims: &Value) -> String {
        self.sign_with_header(key, &json!({ "alg": "RS256", "kid": key.to_string() }), claims)
    }

    /// A token that says about itself what it likes, by one of the keys.
    pub fn sign_with_header(&self, key: usize, header: &Value, claims: &Value) -> String {
        let part = |it: &Value| BASE64.encode(it.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let key = &self.shared.keys[key];
        let mut signature = vec![0; key.public().modulus_len()];
        key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), text.as_bytes(), &mut signature).unwrap();
        format!("{text}.{}", BASE64.encode(signature))
    }

    /// The public key as an attacker has it, to be misused as the secret of HS256.
    pub fn public_key(&self) -> Vec<u8> {
        self.shared.keys[0].public().as_ref().to_vec()
    }
}

fn pool_id(pool: &str) -> &'static str {
    if pool == "staff" { STAFF_POOL } else { VENDOR_POOL }
}

async fn keys_of(State(shared): State<Arc<Shared>>, Path(_): Path<String>) -> Json<Value> {
    shared.asked.fetch_add(1, Ordering::SeqCst);
    let published = shared.published.lock().unwrap().clone();
    let keys: Vec<Value> = published
        .into_iter()
        .map(|index| {
            let key = RsaPublicKeyComponents::<Vec<u8>>::from(shared.keys[index].public());
            let (n, e) = (BASE64.encode(key.n), BASE64.encode(key.e));
            json!({ "kid": index.to_string(), "kty": "RSA", "alg": "RS256", "use": "sig", "n": n, "e": e })
        })
        .collect();
    Json(json!({ "keys": keys }))
}
