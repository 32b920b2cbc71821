//! The corpus, and what a few edits make of it.
//!
//! The same edits each time: `KUMIKI_FUZZ_RUNS` says how many texts each target gets. What libFuzzer
//! finds goes into the tests of the crate that had the bug, and into the corpus.

#![allow(clippy::unwrap_used, reason = "a corpus that cannot be read fails the test")]

use kumiki_fuzz::TARGETS;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::path::Path;

/// Texts that mean something somewhere.
const TOKENS: &[&str] = &[
    "\n",
    "  ",
    ": ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    "\"",
    "'",
    "&a ",
    "*a",
    "<<: *a",
    "!",
    "|\n",
    "#",
    "---\n",
    "\n===\n",
    "\u{feff}",
    "日本",
    "\0",
    "${",
    "${!",
    "}",
    "!Ref ",
    "!Sub ",
    "!GetAtt ",
    "!If ",
    "!Join ",
    "!Select ",
    "!Split ",
    "!FindInMap ",
    "!ImportValue ",
    "!Cidr ",
    "Fn::ForEach::",
    "Fn::Length",
    "Fn::ToJsonString",
    "AWS::NoValue",
    "AWS::StackId",
    "{{resolve:ssm:a}}",
    "Resources:\n",
    "Outputs:\n",
    "Conditions:\n",
    "Mappings:\n",
    "Rules:\n",
    "DependsOn: ",
    "1.yaml",
    "-1",
    "99999999999999999999",
    "1e999",
    "0.0.0.0/0",
    "when ",
    "rule ",
    "let ",
    "%a",
    "<<",
    ">>",
    "some ",
    "not ",
    " or ",
    "exists",
    "empty",
    "in ",
    "==",
    "/a(/",
    "r(1,2]",
    "AWS::S3::Bucket ",
    "this",
    ".*",
    "[*]",
    "[[x]]",
    "= ",
    "\"\"\"",
];

/// An edit of a text, with places between 0 and 1.
#[derive(Clone, Debug)]
enum Edit {
    Delete(f64, usize),
    Insert(f64, usize),
    Repeat(f64, usize, usize),
    /// From the place on, what another text of the corpus has.
    Splice(f64, usize, f64),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let place = || 0.0..1.0_f64;
    let edit = prop_oneof![
        1 => (place(), 1..40_usize).prop_map(|(at, count)| Edit::Delete(at, count)),
        3 => (place(), 0..TOKENS.len()).prop_map(|(at, token)| Edit::Insert(at, token)),
        1 => (place(), 1..60_usize, 1..30_usize).prop_map(|(at, count, times)| Edit::Repeat(at, count, times)),
        1 => (place(), any::<usize>(), place()).prop_map(|(at, other, from)| Edit::Splice(at, other, from)),
    ];
    prop::collection::vec(edit, 0..6)
}

/// The byte at a place of a text, on a character boundary.
fn byte(text: &str, place: f64) -> usize {
    let mut at = (text.len() as f64 * place) as usize;
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

fn end(text: &str, start: usize, count: usize) -> usize {
    text[start..].char_indices().nth(count).map_or(text.len(), |(at, _)| start + at)
}

fn apply(text: &mut String, edit: &Edit, corpus: &[String]) {
    match *edit {
        Edit::Delete(place, count) => {
            let at = byte(text, place);
            text.replace_range(at..end(text, at, count), "");
        }
        Edit::Insert(place, token) => text.insert_str(byte(text, place), TOKENS[token]),
        Edit::Repeat(place, count, times) => {
            let at = byte(text, place);
            let end = end(text, at, count);
            let repeated = text[at..end].repeat(times);
            text.insert_str(end, &repeated);
        }
        Edit::Splice(place, other, from) => {
            let other = &corpus[other % corpus.len()];
            text.truncate(byte(text, place));
            text.push_str(&other[byte(other, from)..]);
        }
    }
}

fn corpus(target: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target);
    let mut paths: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|it| std::fs::read_to_string(it).unwrap()).collect()
}

#[test]
fn targets_survive() {
    let runs = std::env::var("KUMIKI_FUZZ_RUNS").ok().and_then(|it| it.parse().ok()).unwrap_or(300);
    std::thread::scope(|scope| {
        let handles: Vec<_> = TARGETS
            .iter()
            .map(|(name, target)| scope.spawn(move || survive(name, *target, runs)))
            .collect();
        for handle in handles {
            handle.join().unwrap();
        }
    });
}

fn survive(name: &str, target: fn(&str), runs: u32) {
    let corpus = corpus(name);
    for text in &corpus {
        target(text);
    }
    let config = Config { cases: runs, failure_persistence: None, ..Config::default() };
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(config, rng);
    let strategy = (0..corpus.len(), edits()).prop_map(|(seed, edits)| {
        let mut text = corpus[seed].clone();
        edits.iter().for_each(|it| apply(&mut text, it, &corpus));
        text
    });
    let result = runner.run(&strategy, |text| {
        target(&text);
        Ok(())
    });
    if let Err(error) = result {
        panic!("{name}: {error}");
    }
}
