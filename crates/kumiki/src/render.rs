//! Diagnostics as rustc would print them, and as JSON.

use crate::language::Language;
use annotate_snippets::renderer::DecorStyle;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};
use kumiki_source::{Diagnostic, Message, Severity, Sources, Span, message};
use serde::Serialize;

fn words(language: Language) -> [&'static str; 5] {
    match language {
        Language::En => ["error", "warning", "info", "help", "note"],
        Language::Ja => ["エラー", "警告", "情報", "対処", "補足"],
    }
}

fn renderer(color: bool) -> Renderer {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    renderer.decor_style(DecorStyle::Ascii)
}

/// A finding in several lines, without a line break at the end.
pub(crate) fn diagnostic(
    finding: &Diagnostic,
    sources: &Sources,
    language: Language,
    color: bool,
) -> String {
    let [error, warning, info, help, note] = words(language);
    let level = match finding.severity {
        Severity::Error => Level::ERROR.with_name(error),
        Severity::Warning => Level::WARNING.with_name(warning),
        Severity::Info => Level::INFO.with_name(info),
    };
    let title = level.primary_title(language.text(&finding.message)).id(finding.rule.to_string());
    let title = match &finding.url {
        Some(url) if color => title.id_url(url.clone()),
        _ => title,
    };
    let mut group = Group::with_title(title);
    if let Some(span) = finding.span {
        let label = finding.label.as_ref().map(|it| language.text(it));
        group = group.element(snippet(sources, span, AnnotationKind::Primary, label));
    }
    // One line per place: a value that passes a line twice is shown there once.
    let mut shown: Vec<String> = finding.span.iter().map(|it| line(sources, *it)).collect();
    for hop in &finding.hops {
        let at = line(sources, hop.span);
        if shown.contains(&at) {
            continue;
        }
        shown.push(at);
        let label = hop.label.as_ref().map(|it| language.text(it));
        group = group.element(snippet(sources, hop.span, AnnotationKind::Context, label));
    }
    if !finding.environments.is_empty() {
        let environments = finding.environments.join(", ");
        let text = language.text(&message!("in environment {environments}", environments));
        group = group.element(Level::NOTE.with_name(note).message(text));
    }
    for text in &finding.help {
        group = group.element(Level::HELP.with_name(help).message(language.text(text)));
    }
    renderer(color).render(&[group])
}

fn line(sources: &Sources, span: Span) -> String {
    let source = sources.get(span.file);
    format!("{}:{}", source.path(), source.line_column(span.start).line)
}

/// The lines around a span. The text is cut to those lines first: the renderer's work grows with
/// what it is given.
fn snippet<'s>(
    sources: &'s Sources,
    span: Span,
    kind: AnnotationKind,
    label: Option<String>,
) -> Snippet<'s, annotate_snippets::Annotation<'s>> {
    let source = sources.get(span.file);
    let text = source.text();
    let range = span.range();
    let start = text[..range.start.min(text.len())].rfind('\n').map_or(0, |it| it + 1);
    // A whole resource is shown by its first line: the point is where, not all of it.
    let first_line_end =
        text[range.start.min(text.len())..].find('\n').map_or(text.len(), |it| range.start + it);
    let end = range.end.min(first_line_end).max(range.start);
    let annotation = kind.span(range.start - start..end - start).label(label);
    Snippet::source(&text[start..first_line_end])
        .line_start(source.line_column(span.start).line)
        .path(source.path())
        .annotation(annotation)
}

/// An error that points at no text.
pub(crate) fn stop(
    message: &Message,
    helps: &[Message],
    language: Language,
    color: bool,
) -> String {
    let [error, _, _, help, _] = words(language);
    let title = Level::ERROR.with_name(error).primary_title(language.text(message));
    let mut group = Group::with_title(title);
    for text in helps {
        group = group.element(Level::HELP.with_name(help).message(language.text(text)));
    }
    renderer(color).render(&[group])
}

/// A place, as JSON has it.
#[derive(Serialize)]
pub(crate) struct JsonPlace {
    file: String,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
}

/// A finding, as JSON has it.
#[derive(Serialize)]
pub(crate) struct JsonDiagnostic {
    rule: String,
    severity: &'static str,
    message: String,
    #[serde(flatten)]
    place: Option<JsonPlace>,
    /// The place in the words of its file, which stays when lines move.
    #[serde(skip_serializing_if = "String::is_empty")]
    path: String,
    hops: Vec<JsonPlace>,
    help: Vec<String>,
    environments: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
}

/// Findings, as JSON has them.
pub(crate) fn json(
    findings: &[Diagnostic],
    sources: &Sources,
    language: Language,
) -> Vec<JsonDiagnostic> {
    let place = |span: Span, label: Option<&Message>| {
        let source = sources.get(span.file);
        let (start, end) = (source.line_column(span.start), source.line_column(span.end));
        JsonPlace {
            file: source.path().to_owned(),
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            label: label.map(|it| language.text(it)),
        }
    };
    findings
        .iter()
        .map(|it| JsonDiagnostic {
            rule: it.rule.to_string(),
            severity: it.severity.as_str(),
            message: language.text(&it.message),
            place: it.span.map(|span| place(span, it.label.as_ref())),
            path: it.path.clone(),
            hops: it.hops.iter().map(|hop| place(hop.span, hop.label.as_ref())).collect(),
            help: it.help.iter().map(|it| language.text(it)).collect(),
            environments: it.environments.clone(),
            url: it.url.clone(),
        })
        .collect()
}
