//! Regular expressions of parameters, compiled once in a process.
//!
//! The same few patterns are met in every environment, and to compile one takes longer than to
//! evaluate a template.

use fancy_regex::{Regex, RegexBuilder};
use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

/// More patterns than any project has; beyond them all are compiled anew.
const MOST: usize = 4096;

/// Steps back that a match takes at most. A list has two thousand items to match.
const MOST_STEPS: usize = 100_000;

/// What patterns came to; nothing for one that is no regular expression.
type Compiled = HashMap<Box<str>, Option<Arc<Regex>>>;

static COMPILED: LazyLock<Mutex<Compiled>> = LazyLock::new(Mutex::default);

/// Whether a whole text matches a pattern; nothing where the pattern is no regular expression.
///
/// What takes too many steps to decide is taken to match.
pub fn admits(pattern: &str, text: &str) -> Option<bool> {
    let known = COMPILED.lock().unwrap_or_else(PoisonError::into_inner).get(pattern).cloned();
    let regex = known.unwrap_or_else(|| {
        let mut regex = RegexBuilder::new(&format!("^(?:{pattern})$"));
        let regex = regex.backtrack_limit(MOST_STEPS).build().ok().map(Arc::new);
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if compiled.len() >= MOST {
            compiled.clear();
        }
        compiled.insert(pattern.into(), regex.clone());
        regex
    })?;
    Some(regex.is_match(text).unwrap_or(true))
}
