//! Values that are shown and recorded nowhere: those of parameters with `NoEcho`, and whatever
//! text holds one.
//!
//! A record keeps a digest instead, so that it can still be told whether the value is another.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::cell::RefCell;

/// What stands in a record in place of a secret.
const MASK: &str = "kumiki:secret:";

/// What people see in place of a secret.
pub(crate) const HIDDEN: &str = "****";

/// Shorter secrets are hidden only where they are the whole of a string: they would be found in
/// half of all names.
const SHORTEST_PART: usize = 6;

/// The secret values of one tree.
#[derive(Debug, Default)]
pub struct Secrets {
    salt: String,
    values: RefCell<Vec<String>>,
}

/// SHA-256 of a text or of anything, in hexadecimal.
pub fn digest(bytes: impl AsRef<[u8]>) -> String {
    hex(&Sha256::digest(bytes).into(), 64)
}

/// SHA-256 over several texts, none of which can run into the next.
pub fn fingerprint(parts: &[&str]) -> [u8; 32] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().into()
}

/// The first `length` digits of a fingerprint in hexadecimal.
pub fn hex(fingerprint: &[u8; 32], length: usize) -> String {
    let mut text: String = fingerprint.iter().map(|byte| format!("{byte:02x}")).collect();
    text.truncate(length);
    text
}

/// What is recorded of a secret of the tree with this root: a digest, with its salt in front.
pub fn mask_secret(root_id: &str, value: &str) -> String {
    let salt = hex(&fingerprint(&["salt", root_id]), 16);
    let digest = hex(&fingerprint(&["secret", &salt, value]), 64);
    format!("{MASK}{salt}:{digest}")
}

/// Whether `recorded` stands in place of a secret.
pub fn is_mask(recorded: &str) -> bool {
    recorded.starts_with(MASK)
}

/// A text with what stands in place of secrets as AWS shows it: `****`.
pub fn conceal(text: &str) -> String {
    let mut parts = text.split(MASK);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str(HIDDEN);
        shown.push_str(part.trim_start_matches(|it: char| it == ':' || it.is_ascii_hexdigit()));
    }
    shown
}

/// Whether `recorded` is what was recorded of `value`. Needs nothing but the two.
pub fn is_mask_of(recorded: &str, value: &str) -> bool {
    let parts = recorded.strip_prefix(MASK).and_then(|it| it.split_once(':'));
    parts.is_some_and(|(salt, digest)| hex(&fingerprint(&["secret", salt, value]), 64) == digest)
}

/// Whether two texts are one value, of which either may stand as it was recorded.
pub(crate) fn same(one: &str, two: &str) -> bool {
    one == two || is_mask_of(one, two) || is_mask_of(two, one)
}

impl Secrets {
    /// No secrets yet, of the tree with this root.
    pub fn new(root_id: &str) -> Self {
        Self { salt: root_id.to_owned(), values: RefCell::default() }
    }

    /// Notes a secret value.
    pub fn add(&self, value: &str) {
        let mut values = self.values.borrow_mut();
        if !value.is_empty() && !value.starts_with(MASK) && !values.iter().any(|it| it == value) {
            values.push(value.to_owned());
        }
    }

    /// Whether a text holds a secret, as it is or in Base64, as user data has it.
    fn holds(&self, text: &str) -> bool {
        let values = self.values.borrow();
        let within = |text: &str| {
            values.iter().any(|secret| {
                text == *secret || secret.len() >= SHORTEST_PART && text.contains(secret.as_str())
            })
        };
        let decoded = || {
            let bytes = BASE64_STANDARD.decode(text).ok()?;
            String::from_utf8(bytes).ok()
        };
        !values.is_empty() && (within(text) || decoded().is_some_and(|it| within(&it)))
    }

    /// The text as it may be recorded.
    pub fn text(&self, text: String) -> String {
        if self.holds(&text) { mask_secret(&self.salt, &text) } else { text }
    }

    /// The document as it may be recorded.
    pub fn json(&self, json: Json) -> Json {
        if self.values.borrow().is_empty() {
            return json;
        }
        map(json, &|text| self.holds(text).then(|| mask_secret(&self.salt, text)))
    }

    /// The text as it may be shown.
    pub fn shown(&self, text: String) -> String {
        if self.hidden(&text) { HIDDEN.to_owned() } else { text }
    }

    /// The document as it may be shown.
    pub fn shown_json(&self, json: Json) -> Json {
        map(json, &|text| self.hidden(text).then(|| HIDDEN.to_owned()))
    }

    /// Whether a text may not be shown: it holds a secret, or is what was recorded of one.
    pub fn hidden(&self, text: &str) -> bool {
        text.contains(MASK) || self.holds(text)
    }
}

/// Replaces scalars by what `other` makes of their text.
fn map(json: Json, other: &dyn Fn(&str) -> Option<String>) -> Json {
    match json {
        Json::String(text) => Json::String(other(&text).unwrap_or(text)),
        // A secret of type `Number` is one too.
        Json::Number(number) => {
            other(&number.to_string()).map_or(Json::Number(number), Json::String)
        }
        Json::Array(items) => items.into_iter().map(|it| map(it, other)).collect(),
        Json::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, map(value, other))).collect()
        }
        scalar => scalar,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

    use super::*;

    #[test]
    fn secrets_leave_no_trace() {
        let secrets = Secrets::new("root");
        secrets.add("hunter22");
        secrets.add("a");
        secrets.add("4711");
        let encoded = BASE64_STANDARD.encode("#!/bin/sh\nlogin hunter22\n");
        let json = serde_json::json!({"p": ["hunter22", "x-hunter22-y", "a", "banana", encoded]});
        let text = secrets.json(json.clone()).to_string();
        assert!(!text.contains("hunter22") && text.contains("banana"), "{text}");
        assert!(!text.contains(&encoded), "{text}");
        let shown = secrets.shown_json(serde_json::json!([json, 4711, 1, mask_secret("r", "x")]));
        let expected = r#"[{"p":["****","****","****","banana","****"]},"****",1,"****"]"#;
        assert_eq!(shown.to_string(), expected);
        assert_eq!(secrets.text("hunter22".into()), mask_secret("root", "hunter22"));
        assert_ne!(mask_secret("root", "x"), mask_secret("other", "x"));
        let mask = mask_secret("root", "x");
        assert_eq!(conceal(&format!("a {mask} b")), "a **** b");
        assert!(is_mask_of(&mask, "x") && !is_mask_of(&mask, "y") && !is_mask_of("x", "x"));
        assert!(same(&mask, "x") && same("x", &mask) && same("x", "x") && !same(&mask, "y"));
    }
}
