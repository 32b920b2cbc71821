//! Everything that reaches the terminal.

use crate::Exit;
use crate::args::{Color, Global};
use crate::language::Language;
use crate::render;
use kumiki_source::{Diagnostic, Message, Severity, Sources, message};
use serde::Serialize;
use std::io::{BufRead, IsTerminal, Write};

/// The version of the JSON that `--json` prints. It changes when a field changes its meaning or
/// goes away; new fields do not change it.
const JSON_VERSION: u32 = 1;

/// The terminal, as the user wants it.
pub(crate) struct Output {
    pub(crate) language: Language,
    pub(crate) json: bool,
    pub(crate) color: bool,
    /// Whether a person is watching, so that a display may move.
    pub(crate) live: bool,
}

/// Why a command ends before its end.
#[derive(Debug)]
pub(crate) struct Stop {
    pub(crate) message: Message,
    pub(crate) help: Vec<Message>,
    pub(crate) exit: Exit,
}

impl Stop {
    /// The command could not run.
    pub(crate) fn new(message: Message) -> Self {
        Self { message, help: Vec::new(), exit: Exit::CouldNotRun }
    }

    pub(crate) fn help(mut self, help: Message) -> Self {
        self.help.push(help);
        self
    }

    /// The command ran, and failed.
    pub(crate) fn failed(mut self) -> Self {
        self.exit = Exit::Failed;
        self
    }
}

#[derive(Serialize)]
struct Envelope<'a, T: Serialize> {
    version: u32,
    command: &'a str,
    #[serde(flatten)]
    content: T,
}

impl Output {
    pub(crate) fn new(global: &Global) -> Self {
        let terminal = std::io::stdout().is_terminal();
        let dumb = std::env::var_os("TERM").is_some_and(|it| it == "dumb");
        let plain = std::env::var_os("NO_COLOR").is_some_and(|it| !it.is_empty());
        Self {
            language: global.language.unwrap_or_else(Language::of_environment),
            json: global.json,
            color: match global.color {
                Color::Always => true,
                Color::Never => false,
                Color::Auto => terminal && !dumb && !plain,
            },
            live: terminal && !dumb && !global.json,
        }
    }

    pub(crate) fn text(&self, message: &Message) -> String {
        self.language.text(message)
    }

    /// A line on standard output. A reader that went away is no error: `kumiki events | head`.
    pub(crate) fn line(&self, text: &str) {
        let _ = writeln!(std::io::stdout().lock(), "{text}");
    }

    /// Clears the screen (ECMA-48: ED 2, CUP).
    pub(crate) fn clear(&self) {
        let _ = write!(std::io::stdout().lock(), "\u{1b}[2J\u{1b}[H");
    }

    /// A message on standard output; in JSON mode only the document goes there.
    pub(crate) fn say(&self, message: &Message) {
        if !self.json {
            self.line(&self.text(message));
        }
    }

    /// A line on standard error.
    pub(crate) fn note(&self, text: &str) {
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    }

    /// The one JSON document of a command.
    pub(crate) fn document(&self, command: &str, content: impl Serialize) {
        let envelope = Envelope { version: JSON_VERSION, command, content };
        match serde_json::to_string_pretty(&envelope) {
            Ok(text) => self.line(&text),
            Err(error) => self.note(&error.to_string()),
        }
    }

    /// Findings for people.
    pub(crate) fn diagnostics(&self, findings: &[Diagnostic], sources: &Sources) {
        for finding in findings {
            self.line(&render::diagnostic(finding, sources, self.language, self.color));
            self.line("");
        }
    }

    /// How many errors and warnings there were.
    pub(crate) fn summary(&self, findings: &[Diagnostic]) {
        let count =
            |severity: Severity| findings.iter().filter(|it| it.severity == severity).count();
        self.say(&message!(
            "errors: {errors}, warnings: {warnings}",
            errors = count(Severity::Error),
            warnings = count(Severity::Warning)
        ));
    }

    /// Says why a command ends.
    pub(crate) fn stop(&self, stop: &Stop) -> Exit {
        if self.json {
            #[derive(Serialize)]
            struct Content {
                error: String,
                help: Vec<String>,
            }
            let help = stop.help.iter().map(|it| self.text(it)).collect();
            self.document("error", Content { error: self.text(&stop.message), help });
        } else {
            self.note(&render::stop(&stop.message, &stop.help, self.language, self.color));
        }
        stop.exit
    }

    /// Asks a question whose only affirmative answer is `expected`.
    ///
    /// # Errors
    /// When nobody is there to answer.
    pub(crate) fn ask(&self, question: &Message, expected: &str) -> Result<bool, Stop> {
        if !std::io::stdin().is_terminal() {
            return Err(Stop::new(message!("nobody is there to answer: this is not a terminal"))
                .help(message!("pass `--yes`, or `--confirm STACK` for a protected environment")));
        }
        let mut stdout = std::io::stdout().lock();
        let _ = write!(stdout, "{} ", self.text(question));
        let _ = stdout.flush();
        drop(stdout);
        let mut answer = String::new();
        let _ = std::io::stdin().lock().read_line(&mut answer);
        Ok(answer.trim() == expected)
    }

    /// Text in a colour, where there is colour.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if self.color { format!("\u{1b}[{}m{text}\u{1b}[0m", style as u8) } else { text.to_owned() }
    }
}

/// The colours that are used, by their SGR numbers (ECMA-48).
#[derive(Clone, Copy, Debug)]
pub(crate) enum Style {
    Bold = 1,
    Faint = 2,
    Red = 31,
    Green = 32,
    Yellow = 33,
}
