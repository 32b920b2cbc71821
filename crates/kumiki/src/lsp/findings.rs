//! The findings of `kumiki check`, as an editor shows them.

use super::client::Client;
use super::snapshot::Snapshot;
use crate::output::Stop;
use kumiki_check::is_aws;
use kumiki_source::{Diagnostic, Message, Severity, Span, message};
use lsp_types::{
    CodeDescription, DiagnosticRelatedInformation, DiagnosticSeverity, NumberOrString, Uri,
};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;

/// Findings by file.
pub(super) type Findings = BTreeMap<PathBuf, Vec<lsp_types::Diagnostic>>;

/// Findings as the editor shows them: those that `kumiki check` shows when nothing else is asked.
pub(super) fn shown(snapshot: &Snapshot, findings: &[Diagnostic], client: &Client) -> Findings {
    let mut shown = Findings::new();
    for it in findings.iter().filter(|it| it.severity <= Severity::Warning) {
        // What concerns no text concerns the project.
        let file = it.span.map(|it| it.file).or(snapshot.linked.project.config_file);
        let Some(file) = file else { continue };
        let found = finding(snapshot, it, it.span.unwrap_or(Span::file_start(file)), client);
        shown.entry(snapshot.path(file).to_path_buf()).or_default().push(found);
    }
    shown
}

/// Why a project could not be read, at the beginning of its configuration.
pub(super) fn unread(stop: &Stop, client: &Client) -> lsp_types::Diagnostic {
    let lines: Vec<String> = std::iter::once(&stop.message)
        .chain(&stop.help)
        .map(|it| client.language.text(it))
        .collect();
    lsp_types::Diagnostic {
        severity: Some(DiagnosticSeverity::ERROR),
        code: Some(NumberOrString::String("configuration".to_owned())),
        source: Some("kumiki".to_owned()),
        message: lines.join("\n"),
        ..Default::default()
    }
}

fn finding(
    snapshot: &Snapshot,
    finding: &Diagnostic,
    span: Span,
    client: &Client,
) -> lsp_types::Diagnostic {
    // A whole resource is marked at its first line: the point is where, not all of it.
    let text = &snapshot.text(span.file)[span.range()];
    let line = text.find('\n').map_or(span.end, |it| span.start + it as u32);
    let severity = match finding.severity {
        Severity::Error => DiagnosticSeverity::ERROR,
        Severity::Warning => DiagnosticSeverity::WARNING,
        Severity::Info => DiagnosticSeverity::INFORMATION,
    };
    let say = |it: &Message| client.language.text(it);
    let mut lines = vec![say(&finding.message)];
    lines.extend(finding.label.as_ref().map(say));
    if !finding.environments.is_empty() {
        let environments = finding.environments.join(", ");
        lines.push(say(&message!("in environment {environments}", environments)));
    }
    lines.extend(finding.help.iter().map(say));
    let hops = finding.hops.iter().filter(|it| it.span != span);
    let related = hops.filter_map(|it| {
        let message = match &it.label {
            Some(label) => say(label),
            None => say(&message!("the value comes through here")),
        };
        Some(DiagnosticRelatedInformation {
            location: client.location(snapshot, it.span)?,
            message,
        })
    });
    let related: Vec<DiagnosticRelatedInformation> = related.collect();
    let page = finding.url.as_deref().and_then(|it| Uri::from_str(it).ok());
    lsp_types::Diagnostic {
        range: client.encoding.range(snapshot.lines(span.file), span.start, line),
        severity: Some(severity),
        code: Some(NumberOrString::String(finding.rule.to_string())),
        code_description: page.map(|href| CodeDescription { href }),
        source: Some("kumiki".to_owned()),
        message: lines.join("\n"),
        related_information: (!related.is_empty()).then_some(related),
        ..Default::default()
    }
}

/// The rule that made a finding.
pub(super) fn rule(finding: &lsp_types::Diagnostic) -> Option<&str> {
    match &finding.code {
        Some(NumberOrString::String(rule)) => Some(rule),
        _ => None,
    }
}

/// Whether only a complete check shows the findings of a rule: AWS's rules, which take longer than
/// ours, and what follows from both.
pub(super) fn is_slow(rule: &str) -> bool {
    rule == "dead-suppression" || is_aws(rule)
}
