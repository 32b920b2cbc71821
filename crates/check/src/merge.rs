//! One finding for what several environments share.

use kumiki_source::{Diagnostic, Message, Span};
use std::borrow::Cow;
use std::collections::HashMap;

/// Sorts findings by place and makes one of those that are equal but for their environments.
///
/// `environments` are all that were checked: a finding made in every one of them names none.
pub fn merge(findings: Vec<Diagnostic>, environments: &[String]) -> Vec<Diagnostic> {
    type Key = (Cow<'static, str>, Option<Span>, Message);
    let mut merged: Vec<Diagnostic> = Vec::new();
    let mut by_key: HashMap<Key, usize> = HashMap::new();
    for finding in findings {
        let key = (finding.rule.clone(), finding.span, finding.message.clone());
        match by_key.get(&key) {
            Some(&index) => {
                for it in finding.environments {
                    if !merged[index].environments.contains(&it) {
                        merged[index].environments.push(it);
                    }
                }
            }
            None => {
                by_key.insert(key, merged.len());
                merged.push(finding);
            }
        }
    }
    for finding in &mut merged {
        if finding.environments.len() == environments.len() {
            finding.environments.clear();
        }
        let place = |it: &String| environments.iter().position(|other| other == it);
        finding.environments.sort_by_key(place);
    }
    merged.sort_by(|a, b| {
        let key = |it: &Diagnostic| (it.severity, it.span, it.rule.clone());
        key(a).cmp(&key(b))
    });
    merged
}
