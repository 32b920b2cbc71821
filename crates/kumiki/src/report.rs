//! Findings in the formats that other tools read.

use crate::command::explain;
use crate::language::Language;
use crate::render;
use kumiki_check::{Accepted, Identity, Manual};
use kumiki_source::{Diagnostic, Hop, Severity, Sources, Span, message};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use quick_junit::{NonSuccessKind, Report as JunitReport, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

/// What is to be reported, and to whom.
pub(crate) struct Report<'r> {
    pub(crate) findings: &'r [Diagnostic],
    /// Findings that are accepted, for formats that can say so.
    pub(crate) accepted: &'r [Accepted],
    pub(crate) sources: &'r Sources,
    /// The paths of the sources as forges know them.
    pub(crate) paths: Vec<String>,
    pub(crate) language: Language,
    /// Whether a warning fails.
    pub(crate) strict: bool,
}

/// What a path in a URI keeps as it is: RFC 3986's unreserved characters and the separator.
const PATH: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

impl Report<'_> {
    /// Static Analysis Results Interchange Format 2.1.0, which GitHub's code scanning reads.
    ///
    /// <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>
    pub(crate) fn sarif(&self) -> Json {
        let accepted = self.accepted.iter().map(|it| &it.finding);
        let all: Vec<&Diagnostic> = self.findings.iter().chain(accepted).collect();
        let names: BTreeMap<&str, &Diagnostic> = all.iter().map(|it| (&*it.rule, *it)).collect();
        let indices: HashMap<&str, usize> = names.keys().copied().zip(0..).collect();
        let mut seen: HashMap<Identity, usize> = HashMap::new();
        let mut results: Vec<Json> = all
            .iter()
            .map(|it| {
                let identity = Identity::of(it, self.sources);
                let fingerprint = fingerprint(&identity);
                let count = seen.entry(identity).or_default();
                *count += 1;
                let mut result = json!({
                    "ruleId": it.rule,
                    "ruleIndex": indices[&*it.rule],
                    "level": level(it.severity),
                    "message": { "text": self.sentence(it) },
                    "locations": it.span.iter().map(|span| self.place(*span, &it.path)).collect::<Vec<_>>(),
                    "relatedLocations": self.related(&it.hops),
                    "partialFingerprints": { "kumiki/v1": format!("{fingerprint}:{count}") },
                    "properties": { "environments": it.environments },
                });
                if let Some(url) = &it.url {
                    result["properties"]["documentation"] = json!(url);
                }
                if let Some(flow) = self.flow(it) {
                    result["codeFlows"] = json!([{ "threadFlows": [{ "locations": flow }] }]);
                }
                result
            })
            .collect();
        for (result, accepted) in results[self.findings.len()..].iter_mut().zip(self.accepted) {
            let file = accepted.finding.span.map(|it| it.file);
            let kind = if file == Some(accepted.at.file) { "inSource" } else { "external" };
            let mut suppression = json!({ "kind": kind, "location": self.place(accepted.at, "") });
            if let Some(reason) = &accepted.reason {
                suppression["justification"] = json!(reason);
            }
            result["suppressions"] = json!([suppression]);
        }
        json!({
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": {
                    "name": "kumiki",
                    "version": env!("CARGO_PKG_VERSION"),
                    "semanticVersion": env!("CARGO_PKG_VERSION"),
                    "rules": names.iter().map(|(name, it)| self.rule(name, it)).collect::<Vec<_>>(),
                } },
                "language": if self.language == Language::Ja { "ja" } else { "en" },
                "invocations": [{ "executionSuccessful": true }],
                "originalUriBaseIds": { "%SRCROOT%": {
                    "description": { "text": self.language.text(&message!("the root of the repository")) },
                } },
                // Columns count characters, as ours do.
                "columnKind": "unicodeCodePoints",
                "results": results,
            }],
        })
    }

    fn rule(&self, name: &str, finding: &Diagnostic) -> Json {
        let described = |text: &str| {
            let end = text.find(". ").or_else(|| text.find('。').map(|at| at + 2));
            let sentence = end.map_or(text, |at| &text[..=at]);
            json!({
                "id": name,
                "shortDescription": { "text": sentence },
                "fullDescription": { "text": text },
                "defaultConfiguration": { "level": level(finding.severity) },
            })
        };
        let Some(manual) = Manual::of(name) else {
            return described(&self.language.text(&finding.message));
        };
        let page = explain::page(&manual.page, self.language);
        let words = page.split("\n## ").next().unwrap_or_default().trim_end();
        let mut rule = described(&words.split("\n\n").nth(1).unwrap_or(name).replace('\n', " "));
        rule["help"] = json!({ "text": words, "markdown": page });
        rule["defaultConfiguration"]["level"] = json!(level(manual.severity));
        rule
    }

    fn place(&self, span: Span, path: &str) -> Json {
        let source = self.sources.get(span.file);
        let (start, end) = (source.line_column(span.start), source.line_column(span.end));
        let shown = &self.paths[span.file.index()];
        let uri = utf8_percent_encode(shown, PATH).to_string();
        let artifact = match Path::new(shown).is_absolute() {
            true => json!({ "uri": format!("file://{uri}") }),
            false => json!({ "uri": uri, "uriBaseId": "%SRCROOT%" }),
        };
        let mut place = json!({ "physicalLocation": {
            "artifactLocation": artifact,
            "region": {
                "startLine": start.line,
                "startColumn": start.column,
                "endLine": end.line,
                "endColumn": end.column,
            },
        } });
        if !path.is_empty() {
            place["logicalLocations"] = json!([{ "fullyQualifiedName": path }]);
        }
        place
    }

    fn related(&self, hops: &[Hop]) -> Vec<Json> {
        let related = hops.iter().enumerate().map(|(index, hop)| {
            let mut place = self.place(hop.span, "");
            place["id"] = json!(index + 1);
            if let Some(label) = &hop.label {
                place["message"] = json!({ "text": self.language.text(label) });
            }
            place
        });
        related.collect()
    }

    /// The way of a value, from where it is written to where it is used: the hops that need no label.
    fn flow(&self, finding: &Diagnostic) -> Option<Vec<Json>> {
        let way = finding.hops.iter().filter(|it| it.label.is_none()).map(|it| it.span);
        let mut way: Vec<Span> = way.collect();
        if way.is_empty() {
            return None;
        }
        way.extend(finding.span);
        Some(way.into_iter().map(|it| json!({ "location": self.place(it, "") })).collect())
    }

    /// A finding in one line: what is wrong, where it holds, what to do.
    fn sentence(&self, finding: &Diagnostic) -> String {
        let mut text = self.language.text(&finding.message);
        if !finding.environments.is_empty() {
            text.push_str(&format!(" [{}]", finding.environments.join(", ")));
        }
        for help in &finding.help {
            text.push_str("; ");
            text.push_str(&self.language.text(help));
        }
        text
    }

    /// Workflow commands, which GitHub Actions shows beside the lines of a pull request.
    ///
    /// <https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands>
    pub(crate) fn github(&self) -> String {
        let escape =
            |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
        let property = |text: &str| escape(text).replace(':', "%3A").replace(',', "%2C");
        let line = |it: &Diagnostic| {
            let command = match it.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Info => "notice",
            };
            let place = it.span.map(|span| {
                let source = self.sources.get(span.file);
                let (start, end) = (source.line_column(span.start), source.line_column(span.end));
                let file = property(&self.paths[span.file.index()]);
                let mut place = format!("file={file},line={},", start.line);
                // GitHub takes columns only where a place is in one line.
                match start.line == end.line {
                    true => {
                        let last = end.column.max(start.column + 1) - 1;
                        place += &format!("col={},endColumn={last},", start.column);
                    }
                    false => place += &format!("endLine={},", end.line),
                }
                place
            });
            let place = place.unwrap_or_default();
            let title = property(&it.rule);
            format!("::{command} {place}title={title}::{}", escape(&self.sentence(it)))
        };
        self.findings.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    /// JUnit XML: a suite per file, a case per finding; a run without findings is one passed case.
    /// What does not fail the run, and what is accepted, is skipped and told.
    pub(crate) fn junit(&self) -> Result<String, quick_junit::SerializeError> {
        let mut report = JunitReport::new("kumiki check");
        let mut suites: BTreeMap<&str, TestSuite> = BTreeMap::new();
        let findings = self.findings.iter().map(|it| (it, None));
        let accepted = self.accepted.iter().map(|it| (&it.finding, it.reason.as_deref()));
        let fails = if self.strict { Severity::Warning } else { Severity::Error };
        for (index, (it, reason)) in findings.chain(accepted).enumerate() {
            let file = it.span.map_or("-", |span| self.sources.get(span.file).path());
            let suite = suites.entry(file).or_insert_with(|| TestSuite::new(file));
            let failed = index < self.findings.len() && it.severity <= fails;
            let mut status = match failed {
                true => TestCaseStatus::non_success(NonSuccessKind::Failure),
                false => TestCaseStatus::skipped(),
            };
            let place = it.span.map(|span| self.sources.locate(span)).unwrap_or_default();
            let text = render::diagnostic(it, self.sources, self.language, false);
            status.set_type(it.severity.as_str()).set_description(text);
            status.set_message(match reason {
                Some(reason) => format!("{} ({reason})", self.sentence(it)),
                None => self.sentence(it),
            });
            let mut case = TestCase::new(format!("{} {place}", it.rule), status);
            case.set_classname(file);
            suite.add_test_case(case);
        }
        if suites.is_empty() {
            let mut suite = TestSuite::new("kumiki check");
            suite.add_test_case(TestCase::new("no findings", TestCaseStatus::success()));
            report.add_test_suite(suite);
        }
        report.add_test_suites(suites.into_values());
        report.to_string()
    }
}

/// The paths of texts from the root of the repository where GitHub says it, or else from here:
/// forges know no project folder.
pub(crate) fn paths(sources: &Sources, folder: &Path) -> Vec<String> {
    let here = std::env::current_dir().unwrap_or_default();
    let workspace = std::env::var_os("GITHUB_WORKSPACE").filter(|it| !it.is_empty());
    let root = workspace.map_or_else(|| here.clone(), PathBuf::from);
    let path = |shown: &str| {
        let full = here.join(folder).join(shown);
        // Some files are named by the command line, and so from here already.
        let full = if full.exists() { full } else { here.join(shown) };
        let full = std::path::absolute(&full).unwrap_or(full);
        let relative = full.strip_prefix(&root).unwrap_or(&full);
        relative.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/")
    };
    sources.iter().map(|(_, source)| path(source.path())).collect()
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Info => "note",
    }
}

/// The identity of a finding in 16 characters.
fn fingerprint(identity: &Identity) -> String {
    let Identity { file, path, rule, about } = identity;
    let digest = Sha256::digest([file, path, rule, about].map(String::as_str).join("\n"));
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
