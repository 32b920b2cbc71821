//! One binary for all targets: `KUMIKI_FUZZ_TARGET` names the one to run.
#![no_main]

use kumiki_fuzz::TARGETS;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static TARGET: LazyLock<fn(&str)> = LazyLock::new(|| {
    let name = std::env::var("KUMIKI_FUZZ_TARGET").unwrap_or_default();
    let target = TARGETS.iter().find(|(it, _)| *it == name);
    target.unwrap_or_else(|| panic!("KUMIKI_FUZZ_TARGET names no target: `{name}`")).1
});

fuzz_target!(|text: &str| (TARGET)(text));
