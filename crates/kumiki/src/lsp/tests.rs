//! Each file of `tests/lsp/` is a project in one text, with questions about it.
//!
//! `=== name` begins a file of the project; `$1` in it is a place that is asked about. `=== hover
//! $1`, and the like, is followed by the answer. `KUMIKI_BLESS=1` writes what is answered instead;
//! read the difference.

use super::navigate::Outline;
use super::rename::prepare;
use super::snapshot::Snapshot;
use super::workspace::Workspace;
use super::{complete, hover, navigate};
use crate::language::Language;
use kumiki_source::{FileId, Span};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const FOLDER: &str = "/case";

const QUESTIONS: &[&str] =
    &["hover", "hover-ja", "definition", "references", "rename", "complete", "symbols"];

struct Case {
    /// The parts in order: what follows `===`, and the text below.
    parts: Vec<(String, String)>,
    workspace: Workspace,
    /// The places by mark, with their file.
    marks: BTreeMap<String, (String, usize)>,
}

impl Case {
    fn read(text: &str) -> Self {
        let mut case =
            Self { parts: Vec::new(), workspace: Workspace::default(), marks: BTreeMap::new() };
        for part in text.split("=== ").skip(1) {
            let (title, content) = part.split_once('\n').unwrap();
            case.parts.push((title.to_owned(), content.to_owned()));
            if !is_question(title) {
                let text = case.unmark(title, content);
                case.workspace.set_text(Path::new(FOLDER).join(title), Some(text));
            }
        }
        case.workspace.refresh();
        case
    }

    /// Takes the marks out of a text.
    fn unmark(&mut self, file: &str, content: &str) -> String {
        let mut text = String::new();
        let mut rest = content;
        while let Some(at) = rest.find('$') {
            let digits = rest[at + 1..].chars().take_while(char::is_ascii_digit).count();
            text.push_str(&rest[..at]);
            let mark = &rest[at..at + 1 + digits];
            if digits > 0 {
                self.marks.insert(mark.to_owned(), (file.to_owned(), text.len()));
            } else {
                text.push('$');
            }
            rest = &rest[at + 1 + digits..];
        }
        text + rest
    }

    fn place(&self, mark: &str) -> (&Arc<Snapshot>, FileId, u32) {
        let (file, offset) = &self.marks[mark];
        let path: PathBuf = Path::new(FOLDER).join(file);
        let (_, snapshot, file) = self.workspace.owner(&path).unwrap();
        (snapshot, file, *offset as u32)
    }

    fn answer(&self, question: &str) -> String {
        let mut words = question.splitn(3, ' ');
        let (what, mark) = (words.next().unwrap(), words.next().unwrap());
        let (snapshot, file, offset) = self.place(mark);
        match what {
            "hover" | "hover-ja" => {
                let language = if what == "hover" { Language::En } else { Language::Ja };
                let link = |span: Span| snapshot.library().sources.locate(span);
                match hover::hover(snapshot, file, offset, language, &link) {
                    Some((span, text)) => format!("[{}]\n{text}\n", slice(snapshot, span)),
                    None => "nothing\n".to_owned(),
                }
            }
            "definition" => lines(navigate::definition(snapshot, file, offset), snapshot),
            "references" => {
                let places = navigate::references(snapshot, file, offset, true);
                lines(places.iter().map(|it| it.span), snapshot)
            }
            "rename" => renamed(snapshot, file, offset, words.next().unwrap_or_default()),
            "complete" => {
                let found = complete::complete(snapshot, file, offset as usize);
                let shown = found.iter().take(20).map(|it| match &it.detail {
                    Some(detail) => format!("{}: {detail}\n", it.name),
                    None => format!("{}\n", it.name),
                });
                shown.collect()
            }
            "symbols" => {
                let mut text = String::new();
                outline(&navigate::outline(snapshot.template(file).unwrap()), 0, &mut text);
                text
            }
            _ => panic!("there is no question {what}"),
        }
    }
}

fn is_question(title: &str) -> bool {
    QUESTIONS.iter().any(|it| title.split(' ').next() == Some(it))
}

fn slice(snapshot: &Snapshot, span: Span) -> &str {
    let text = snapshot.library().sources.slice(span).unwrap();
    text.lines().next().unwrap_or_default()
}

fn lines(spans: impl IntoIterator<Item = Span>, snapshot: &Snapshot) -> String {
    let line = |span: Span| {
        format!("{} {}\n", snapshot.library().sources.locate(span), slice(snapshot, span))
    };
    spans.into_iter().map(line).collect()
}

/// The lines that a new name changes, as they become; or why it does not.
fn renamed(snapshot: &Snapshot, file: FileId, offset: u32, new: &str) -> String {
    let renaming = match prepare(snapshot, file, offset) {
        Ok(renaming) => renaming,
        Err(reason) => return format!("refused: {reason}\n"),
    };
    if let Err(reason) = renaming.admits(snapshot, new) {
        return format!("refused: {reason}\n");
    }
    let mut text = String::new();
    if let Some(warning) = &renaming.confirm {
        writeln!(text, "to confirm: {warning}").unwrap();
    }
    for (file, source) in snapshot.library().sources.iter() {
        let mut changed = source.text().to_owned();
        for span in renaming.places.iter().rev().filter(|it| it.file == file) {
            assert_eq!(&changed[span.range()], renaming.name);
            changed.replace_range(span.range(), new);
        }
        for (number, (before, after)) in source.text().lines().zip(changed.lines()).enumerate() {
            if before != after {
                writeln!(text, "{}:{} {}", source.path(), number + 1, after.trim()).unwrap();
            }
        }
    }
    text
}

fn outline(found: &[Outline], depth: usize, text: &mut String) {
    for it in found {
        let detail = it.detail.as_deref().unwrap_or_default();
        let (start, end) = (it.span.start, it.span.end);
        assert!(start <= it.name_span.start && it.name_span.end <= end);
        writeln!(text, "{}", format!("{}{} {detail}", "  ".repeat(depth), it.name).trim_end())
            .unwrap();
        outline(&it.members, depth + 1, text);
    }
}

#[test]
fn questions_are_answered() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lsp");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let text = std::fs::read_to_string(&path).unwrap();
        let case = Case::read(&text);
        let head = text.split("=== ").next().unwrap();
        let mut actual = head.to_owned();
        for (title, content) in &case.parts {
            let answer = if is_question(title) { &(case.answer(title) + "\n") } else { content };
            write!(actual, "=== {title}\n{answer}").unwrap();
        }
        let actual = actual.trim_end().to_owned() + "\n";
        if std::env::var_os("KUMIKI_BLESS").is_some() {
            std::fs::write(&path, actual).unwrap();
        } else {
            assert_eq!(actual, text, "{}", path.display());
        }
    }
}
