//! Every name that a finding is reported under has a manual: a rule's page, or a section of
//! `crates/check/src/findings.md`.

use crate::root;
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The literal names in `Diagnostic::error("name", …)` and its like, tests aside.
fn names(source: &str) -> BTreeSet<&str> {
    let code = source.split("#[cfg(test)]").next().unwrap_or_default();
    let calls = ["error(", "warning(", "new("].map(|it| format!("Diagnostic::{it}"));
    let mut found = BTreeSet::new();
    for call in &calls {
        for after in code.split(call.as_str()).skip(1) {
            if let Some(text) = after.trim_start().strip_prefix('"') {
                found.extend(text.split('"').next());
            }
        }
    }
    found
}

fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join("crates")];
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            if path.is_dir() && !path.ends_with("tests") {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") && !path.ends_with("tests.rs") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_finding_has_a_manual() {
    let page = fs::read_to_string(root().join("crates/check/src/findings.md")).unwrap();
    let titles = page.lines().filter_map(|it| it.strip_prefix("# ")?.split_once(": "));
    let explained: BTreeSet<&str> = titles.map(|it| it.0).collect();
    let mut reported = BTreeSet::new();
    for path in sources() {
        let source = fs::read_to_string(&path).unwrap();
        for name in names(&source) {
            let rule = name.replace('-', "_");
            let rule = root().join(format!("crates/check/src/rules/{rule}.md")).is_file();
            assert!(
                rule || explained.contains(name),
                "{}: `{name}` is no rule and has no section in crates/check/src/findings.md",
                path.display()
            );
            reported.insert(name.to_owned());
        }
    }
    let dead: Vec<_> = explained.iter().filter(|it| !reported.contains(**it)).collect();
    assert!(dead.is_empty(), "nothing reports {dead:?}");
}

#[test]
fn names_are_found_however_they_are_written() {
    let source = r#"
        Diagnostic::error("one", message!("x"));
        Diagnostic::warning(
            "two",
            message!("x"),
        );
        Diagnostic::new(rule.name, severity, message);
        #[cfg(test)]
        mod tests { fn f() { Diagnostic::error("three", x) } }
    "#;
    assert_eq!(names(source), BTreeSet::from(["one", "two"]));
}
