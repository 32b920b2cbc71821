//! Values that are recorded nowhere.

use crate::identity::{fingerprint, hex};
use serde_json::Value as Json;
use std::cell::RefCell;

/// What stands in a record in place of a secret.
const MASK: &str = "kumiki:secret:";

/// Shorter secrets are hidden only where they are the whole of a string: they would be found in
/// half of all names.
const SHORTEST_PART: usize = 6;

/// The secret values of one execution.
#[derive(Debug)]
pub(crate) struct Secrets {
    salt: String,
    values: RefCell<Vec<String>>,
}

/// What is recorded of a secret of the tree with this root: a digest, with its salt in front.
pub fn mask(root_id: &str, value: &str) -> String {
    let salt = hex(&fingerprint(&["salt", root_id]), 16);
    let digest = hex(&fingerprint(&["secret", &salt, value]), 64);
    format!("{MASK}{salt}:{digest}")
}

/// Whether `recorded` stands in place of a secret.
pub fn is_mask(recorded: &str) -> bool {
    recorded.starts_with(MASK)
}

/// Whether `recorded` is what was recorded of `value`. Needs nothing but the two.
pub fn is_mask_of(recorded: &str, value: &str) -> bool {
    let parts = recorded.strip_prefix(MASK).and_then(|it| it.split_once(':'));
    parts.is_some_and(|(salt, digest)| hex(&fingerprint(&["secret", salt, value]), 64) == digest)
}

/// A text with what stands in place of secrets as AWS shows it: `****`.
pub fn conceal(text: &str) -> String {
    let mut parts = text.split(MASK);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        shown.push_str("****");
        shown.push_str(part.trim_start_matches(|it: char| it == ':' || it.is_ascii_hexdigit()));
    }
    shown
}

impl Secrets {
    pub(crate) fn new(root_id: &str) -> Self {
        Self { salt: root_id.to_owned(), values: RefCell::default() }
    }

    /// Notes a secret value.
    pub(crate) fn add(&self, value: &str) {
        let mut values = self.values.borrow_mut();
        if !value.is_empty() && !value.starts_with(MASK) && !values.iter().any(|it| it == value) {
            values.push(value.to_owned());
        }
    }

    /// The text as it may be recorded.
    pub(crate) fn text(&self, text: String) -> String {
        let values = self.values.borrow();
        let hidden = values.iter().any(|secret| {
            text == *secret || secret.len() >= SHORTEST_PART && text.contains(secret.as_str())
        });
        if hidden { mask(&self.salt, &text) } else { text }
    }

    /// The document as it may be recorded.
    pub(crate) fn json(&self, json: Json) -> Json {
        if self.values.borrow().is_empty() {
            return json;
        }
        match json {
            Json::String(text) => Json::String(self.text(text)),
            Json::Array(items) => items.into_iter().map(|it| self.json(it)).collect(),
            Json::Object(map) => {
                map.into_iter().map(|(name, value)| (name, self.json(value))).collect()
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_leave_no_trace() {
        let secrets = Secrets::new("root");
        secrets.add("hunter22");
        secrets.add("a");
        let json = serde_json::json!({"p": ["hunter22", "x-hunter22-y", "a", "banana"]});
        let text = secrets.json(json).to_string();
        assert!(!text.contains("hunter22") && text.contains("banana"), "{text}");
        assert_eq!(secrets.text("hunter22".into()), mask("root", "hunter22"));
        assert_ne!(mask("root", "x"), mask("other", "x"));
        assert!(is_mask_of(&mask("root", "x"), "x") && !is_mask_of(&mask("root", "x"), "y"));
        assert!(!is_mask_of("x", "x"));
        assert_eq!(conceal(&format!("a {} b", mask("root", "x"))), "a **** b");
    }
}
