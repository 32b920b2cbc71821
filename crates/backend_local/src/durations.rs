//! How long a request to a provider takes on the virtual clock.

use kumiki_engine::Verb;
use kumiki_plan::typical_durations;

/// How long a refusal takes: most are immediate.
pub(crate) const REFUSAL: u64 = 2_000;

/// How long AWS typically takes, in milliseconds.
pub fn typical_duration(type_name: &str, verb: Verb) -> u64 {
    let typical = typical_durations(type_name);
    match verb {
        Verb::Create => typical.create,
        Verb::Update => typical.update,
        Verb::Delete => typical.delete,
        // Nothing about the resource changes.
        Verb::Import => 1_000,
    }
}
