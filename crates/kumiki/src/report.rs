//! Findings in the formats that other tools read.

use crate::language::Language;
use kumiki_source::{Diagnostic, Severity, Sources};
use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// Static Analysis Results Interchange Format 2.1.0, which GitHub's code scanning reads.
///
/// <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>
pub(crate) fn sarif(findings: &[Diagnostic], sources: &Sources, language: Language) -> Json {
    let mut rules: BTreeMap<&str, Json> = BTreeMap::new();
    let results: Vec<Json> = findings
        .iter()
        .map(|it| {
            let rule = rules.entry(&it.rule).or_insert_with(|| json!({ "id": it.rule }));
            if let Some(url) = &it.url {
                rule["helpUri"] = json!(url);
            }
            let level = match it.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "note",
            };
            let places: Vec<Json> = it.span.iter().map(|span| place(*span, sources)).collect();
            let hops: Vec<Json> = it.hops.iter().map(|hop| place(hop.span, sources)).collect();
            json!({
                "ruleId": it.rule,
                "level": level,
                "message": { "text": sentence(it, language) },
                "locations": places,
                "relatedLocations": hops,
            })
        })
        .collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "kumiki",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.into_values().collect::<Vec<_>>(),
            } },
            // Columns count characters, as ours do.
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn place(span: kumiki_source::Span, sources: &Sources) -> Json {
    let source = sources.get(span.file);
    let (start, end) = (source.line_column(span.start), source.line_column(span.end));
    json!({ "physicalLocation": {
        "artifactLocation": { "uri": source.path() },
        "region": {
            "startLine": start.line,
            "startColumn": start.column,
            "endLine": end.line,
            "endColumn": end.column,
        },
    } })
}

/// A finding in one line: what is wrong, where it holds, what to do.
fn sentence(finding: &Diagnostic, language: Language) -> String {
    let mut text = language.text(&finding.message);
    if !finding.environments.is_empty() {
        text.push_str(&format!(" [{}]", finding.environments.join(", ")));
    }
    for help in &finding.help {
        text.push_str("; ");
        text.push_str(&language.text(help));
    }
    text
}

/// Workflow commands, which GitHub Actions shows beside the lines of a pull request.
///
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>
pub(crate) fn github(findings: &[Diagnostic], sources: &Sources, language: Language) -> String {
    let escape = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
    let line = |it: &Diagnostic| {
        let command = match it.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "notice",
        };
        let place = it.span.map(|span| {
            let source = sources.get(span.file);
            let at = source.line_column(span.start);
            format!("file={},line={},col={},", property(source.path()), at.line, at.column)
        });
        let place = place.unwrap_or_default();
        let title = property(&it.rule);
        format!("::{command} {place}title={title}::{}", escape(&sentence(it, language)))
    };
    findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// JUnit XML: a suite per file, a case per finding; a run without findings is one passed case.
pub(crate) fn junit(
    findings: &[Diagnostic],
    sources: &Sources,
    language: Language,
) -> Result<String, quick_junit::SerializeError> {
    let mut report = Report::new("kumiki check");
    let mut suites: BTreeMap<String, TestSuite> = BTreeMap::new();
    for it in findings {
        let file = it.span.map_or("-", |span| sources.get(span.file).path());
        let suite = suites.entry(file.to_owned()).or_insert_with(|| TestSuite::new(file));
        // Only an error fails; the others are told and pass.
        let mut status = match it.severity {
            Severity::Error => TestCaseStatus::non_success(NonSuccessKind::Failure),
            _ => TestCaseStatus::skipped(),
        };
        let place = it.span.map(|span| sources.locate(span)).unwrap_or_default();
        status.set_message(format!("{place}: {}", sentence(it, language)));
        suite.add_test_case(TestCase::new(format!("{} {place}", it.rule), status));
    }
    if suites.is_empty() {
        let mut suite = TestSuite::new("kumiki check");
        suite.add_test_case(TestCase::new("no findings", TestCaseStatus::success()));
        report.add_test_suite(suite);
    }
    report.add_test_suites(suites.into_values());
    report.to_string()
}
