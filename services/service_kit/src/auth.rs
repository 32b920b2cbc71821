//! Who calls: tokens of one Cognito user pool, verified against the keys that the pool publishes,
//! and the end of a session after half an hour without a request.
//!
//! Never accepts another algorithm than RS256, and never asks the pool for keys more often than it
//! has to, whatever callers send.
//! <https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-tokens-verifying-a-jwt.html>

use crate::environment::{AppEnv, Environment};
use crate::problem::{Kind, Problem, chain};
use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD as BASE64;
use http_body_util::{BodyExt, Empty, Limited};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::Mutex;
use uuid::Uuid;

/// Clocks differ by so much.
const SKEW: u64 = 30;
/// Longer than any token of Cognito.
const LARGEST_TOKEN: usize = 8 * 1024;
/// Keys are asked for again after this time, so that a withdrawn one stops counting.
const KEYS_ARE_FRESH: Duration = Duration::from_secs(60 * 60);
/// An unknown key id makes the pool be asked at most this often.
const BETWEEN_REFRESHES: Duration = Duration::from_secs(10);
/// After a failure it may be tried again sooner.
const BETWEEN_FAILURES: Duration = Duration::from_secs(1);
const FETCH: Duration = Duration::from_secs(3);
/// A session ends when no request came for so long, in seconds.
pub const IDLE: u64 = 30 * 60;

/// Which of Cognito's two tokens a program takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenUse {
    /// The access token: `client_id` says for whom it is.
    Access,
    /// The ID token: `aud` says for whom it is. Custom attributes such as the company of a vendor
    /// are in this one only.
    Id,
}

/// Where tokens come from and what they have to say.
pub struct AuthConfig {
    issuer: String,
    keys: String,
    client: String,
    token_use: TokenUse,
}

impl AuthConfig {
    /// Reads the user pool of a program.
    pub fn read(environment: &mut Environment, env: AppEnv, token_use: TokenUse) -> AuthConfig {
        let region: String = environment.required("AWS_REGION");
        let pool: String = environment.required("USER_POOL_ID");
        let client = environment.required("USER_POOL_CLIENT_ID");
        let issuer = format!("https://cognito-idp.{region}.amazonaws.com/{pool}");
        // The SDKs' own variable for an emulator; the issuer in the token stays what it is.
        let emulator = environment.optional("AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER");
        let base = match emulator {
            Some(_) if env != AppEnv::Dev => {
                environment.mistake(
                    "`AWS_ENDPOINT_URL_COGNITO_IDENTITY_PROVIDER` is for `APP_ENV=dev` only",
                );
                issuer.clone()
            }
            Some(base) => format!("{}/{pool}", base.trim_end_matches('/')),
            None => issuer.clone(),
        };
        let keys = format!("{base}/.well-known/jwks.json");
        AuthConfig { issuer, keys, client, token_use }
    }
}

/// What a token says, as far as it is read.
#[derive(Deserialize)]
struct Claims {
    sub: Uuid,
    iss: String,
    exp: u64,
    iat: u64,
    #[serde(default)]
    nbf: u64,
    #[serde(default)]
    auth_time: u64,
    token_use: String,
    aud: Option<String>,
    client_id: Option<String>,
    origin_jti: Option<Uuid>,
    #[serde(default, rename = "cognito:groups")]
    groups: Vec<String>,
    #[serde(rename = "custom:company_id")]
    company: Option<String>,
}

/// Somebody whose token counts.
#[derive(Clone, Debug)]
pub struct Caller {
    /// `sub` of the token.
    pub id: Uuid,
    /// Groups of the pool.
    pub groups: Vec<String>,
    /// The company of a vendor, as the pool's administrators have set it.
    pub company: Option<String>,
    /// The sign-in that the token comes from, and when that was.
    pub session: (Uuid, u64),
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: String,
}

#[derive(Deserialize)]
struct Keys {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kid: String,
    kty: String,
    #[serde(default)]
    n: String,
    #[serde(default)]
    e: String,
}

type RsaKey = Arc<RsaPublicKeyComponents<Vec<u8>>>;

#[derive(Default)]
struct Known {
    keys: HashMap<String, RsaKey>,
    fetched: Option<Instant>,
    /// When the pool may be asked again.
    not_before: Option<Instant>,
}

impl Known {
    /// What it means that an id is not known: that there is none, or that nothing is known yet.
    fn nothing(&self) -> Result<Option<RsaKey>, Problem> {
        if self.fetched.is_some() { Ok(None) } else { Err(Problem::new(Kind::Unavailable)) }
    }
}

/// Verifies tokens.
pub struct Auth {
    config: AuthConfig,
    client: Client<HttpsConnector<HttpConnector>, Empty<bytes::Bytes>>,
    known: RwLock<Known>,
    /// Held by the one request that asks the pool; the others wait for its answer.
    asking: Mutex<()>,
}

impl Auth {
    /// A verifier that has not asked for keys yet.
    pub fn new(config: AuthConfig) -> std::io::Result<Auth> {
        let provider = rustls::crypto::ring::default_provider();
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(provider)?
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(https);
        Ok(Auth { config, client, known: RwLock::default(), asking: Mutex::default() })
    }

    /// The caller behind the headers of a request.
    pub async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Problem> {
        let refused = || Problem::new(Kind::Unauthorized);
        let authorization = headers.get(header::AUTHORIZATION).ok_or_else(refused)?;
        if authorization.len() > LARGEST_TOKEN {
            return Err(Problem::new(Kind::HeadersTooLarge));
        }
        let text = authorization.to_str().map_err(|_| refused())?;
        let (scheme, token) = text.split_once(' ').ok_or_else(refused)?;
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Err(refused());
        }
        let (signed, signature) = token.rsplit_once('.').ok_or_else(refused)?;
        let (head, body) = signed.split_once('.').ok_or_else(refused)?;
        let header: Header = part(head).ok_or_else(refused)?;
        if header.alg != "RS256" {
            return Err(refused());
        }
        let signature = BASE64.decode(signature).map_err(|_| refused())?;
        let key = self.key(&header.kid).await?.ok_or_else(refused)?;
        key.verify(&RSA_PKCS1_2048_8192_SHA256, signed.as_bytes(), &signature)
            .map_err(|_| refused())?;
        let claims: Claims = part(body).ok_or_else(refused)?;
        self.judge(claims, now()).ok_or_else(refused)
    }

    /// What a token that the pool has signed has to say besides.
    fn judge(&self, claims: Claims, now: u64) -> Option<Caller> {
        let AuthConfig { issuer, client, token_use, .. } = &self.config;
        let (wanted, audience) = match token_use {
            TokenUse::Access => ("access", &claims.client_id),
            TokenUse::Id => ("id", &claims.aud),
        };
        let good = claims.iss == *issuer
            && claims.token_use == wanted
            && audience.as_ref() == Some(client)
            && now < claims.exp.saturating_add(SKEW)
            && claims.nbf.max(claims.iat) <= now + SKEW;
        good.then(|| Caller {
            id: claims.sub,
            groups: claims.groups,
            company: claims.company,
            session: (claims.origin_jti.unwrap_or(claims.sub), claims.auth_time),
        })
    }

    /// What is known of an id; nothing where the pool has to be asked.
    fn known_key(&self, id: &str) -> Option<Result<Option<RsaKey>, Problem>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let fresh = known.fetched.is_some_and(|it| it.elapsed() < KEYS_ARE_FRESH);
        let wait = known.not_before.is_some_and(|it| Instant::now() < it);
        match known.keys.get(id) {
            Some(key) if fresh || wait => Some(Ok(Some(key.clone()))),
            None if wait => Some(known.nothing()),
            _ => None,
        }
    }

    /// The key of an id, after asking the pool where that may help. Keys that are known stay in use
    /// while the pool does not answer.
    async fn key(&self, id: &str) -> Result<Option<RsaKey>, Problem> {
        if let Some(known) = self.known_key(id) {
            return known;
        }
        let turn = self.asking.lock().await;
        if let Some(known) = self.known_key(id) {
            return known;
        }
        let answer = self.fetch().await;
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        drop(turn);
        match answer {
            Ok(keys) => {
                known.keys = keys;
                known.fetched = Some(Instant::now());
                known.not_before = Some(Instant::now() + BETWEEN_REFRESHES);
            }
            Err(error) => {
                tracing::error!(
                    error = chain(&*error),
                    "the keys of the user pool are not to be had"
                );
                known.not_before = Some(Instant::now() + BETWEEN_FAILURES);
            }
        }
        match known.keys.get(id) {
            Some(key) => Ok(Some(key.clone())),
            None => known.nothing(),
        }
    }

    async fn fetch(
        &self,
    ) -> Result<HashMap<String, RsaKey>, Box<dyn std::error::Error + Send + Sync>> {
        let get = async {
            let response = self.client.get(self.config.keys.parse()?).await?;
            if !response.status().is_success() {
                return Err(format!("status {}", response.status()).into());
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(
                Limited::new(response.into_body(), 64 * 1024).collect().await?.to_bytes(),
            )
        };
        let body = tokio::time::timeout(FETCH, get).await??;
        let keys: Keys = serde_json::from_slice(&body)?;
        let rsa = keys.keys.into_iter().filter(|it| it.kty == "RSA");
        rsa.map(|key| {
            let (n, e) = (BASE64.decode(key.n)?, BASE64.decode(key.e)?);
            Ok((key.kid, Arc::new(RsaPublicKeyComponents { n, e })))
        })
        .collect()
    }
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Option<T> {
    serde_json::from_slice(&BASE64.decode(text).ok()?).ok()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |it| it.as_secs())
}

/// Ends sessions without requests. A signed cookie says when a sign-in was last heard of; it is of
/// no use without a token, so there is nothing to forge across sites.
pub struct Sessions {
    /// The first one signs, all of them count: a key can be changed without ending sessions.
    keys: Vec<ring::hmac::Key>,
}

const COOKIE: &str = "__Host-session";

impl Sessions {
    /// Reads `APP_SECRET`: one key, or two with a comma between them while keys change.
    pub fn read(environment: &mut Environment) -> Sessions {
        let secret: String = environment.required("APP_SECRET");
        let keys: Vec<&str> = secret.split(',').map(str::trim).collect();
        if !secret.is_empty() && keys.iter().any(|it| it.len() < 32) {
            environment.mistake("`APP_SECRET`: a key has at least 32 characters");
        }
        let key = |it: &str| ring::hmac::Key::new(ring::hmac::HMAC_SHA256, it.as_bytes());
        Sessions { keys: keys.into_iter().map(key).collect() }
    }

    /// Whether the session goes on; if so, the cookie that says that it was heard of now.
    pub fn touch(&self, caller: &Caller, headers: &HeaderMap) -> Result<HeaderValue, Problem> {
        self.touch_at(caller, headers, now())
    }

    fn touch_at(
        &self,
        caller: &Caller,
        headers: &HeaderMap,
        now: u64,
    ) -> Result<HeaderValue, Problem> {
        let (session, signed_in) = caller.session;
        let cookies = headers.get_all(header::COOKIE).into_iter().filter_map(|it| it.to_str().ok());
        let stamps = cookies
            .flat_map(|it| it.split(';'))
            .filter_map(|it| it.trim().strip_prefix(COOKIE)?.strip_prefix('='));
        let last_heard = stamps.filter_map(|it| self.open(session, it)).max().unwrap_or(0);
        if now.saturating_sub(last_heard.max(signed_in)) > IDLE {
            return Err(Problem::new(Kind::SessionExpired));
        }
        let stamp = self.seal(session, now);
        let cookie =
            format!("{COOKIE}={stamp}; Path=/; Max-Age={IDLE}; HttpOnly; Secure; SameSite=Strict");
        HeaderValue::try_from(cookie).map_err(Problem::internal)
    }

    fn seal(&self, session: Uuid, time: u64) -> String {
        let tag = ring::hmac::sign(&self.keys[0], format!("{session}.{time}").as_bytes());
        format!("{time}.{}", BASE64.encode(tag))
    }

    fn open(&self, session: Uuid, stamp: &str) -> Option<u64> {
        let (time, tag) = stamp.split_once('.')?;
        let tag = BASE64.decode(tag).ok()?;
        let said = format!("{session}.{time}");
        let valid = |key| ring::hmac::verify(key, said.as_bytes(), &tag).is_ok();
        self.keys.iter().any(valid).then(|| time.parse().ok())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sessions(secret: &str) -> Sessions {
        let values = [("APP_SECRET".to_owned(), secret.to_owned())];
        let mut environment = Environment::of(values);
        let sessions = Sessions::read(&mut environment);
        environment.finish().unwrap();
        sessions
    }

    fn cookie(value: &HeaderValue) -> HeaderMap {
        let pair = value.to_str().unwrap().split(';').next().unwrap();
        HeaderMap::from_iter([(header::COOKIE, HeaderValue::try_from(pair).unwrap())])
    }

    #[test]
    fn a_session_ends_half_an_hour_after_the_last_request() {
        let (one, two) = ("1".repeat(64), "2".repeat(64));
        let old = sessions(&one);
        let signed_in = 1_000_000;
        let mut caller = Caller {
            id: Uuid::from_u128(1),
            groups: Vec::new(),
            company: None,
            session: (Uuid::from_u128(2), signed_in),
        };
        let nothing = HeaderMap::new();
        let ended = |it: Result<HeaderValue, Problem>| it.err().map(|it| it.kind());
        assert_eq!(ended(old.touch_at(&caller, &nothing, signed_in + IDLE)), None);
        let late = signed_in + IDLE + 1;
        assert_eq!(ended(old.touch_at(&caller, &nothing, late)), Some(Kind::SessionExpired));
        // A request in between lets it go on, and each request starts the time anew.
        let first = cookie(&old.touch_at(&caller, &nothing, signed_in + 1000).unwrap());
        let second = cookie(&old.touch_at(&caller, &first, late).unwrap());
        assert_eq!(ended(old.touch_at(&caller, &second, late + IDLE)), None);
        assert_eq!(
            ended(old.touch_at(&caller, &second, late + IDLE + 1)),
            Some(Kind::SessionExpired)
        );
        // While keys change both count; afterwards the old one does not.
        assert_eq!(ended(sessions(&format!("{two},{one}")).touch_at(&caller, &first, late)), None);
        let new = sessions(&two).touch_at(&caller, &first, late);
        assert_eq!(ended(new), Some(Kind::SessionExpired));
        // Somebody else's cookie is none.
        caller.session.0 = Uuid::from_u128(3);
        assert_eq!(ended(old.touch_at(&caller, &first, late)), Some(Kind::SessionExpired));
    }
}
