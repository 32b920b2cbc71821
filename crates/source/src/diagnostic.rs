//! What is wrong, where, and what to do: as data.

use crate::{Message, Span};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// How much a finding matters, by what happens on AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Severity {
    /// The deployment fails, loses data or opens access.
    Error,
    /// It will hurt, but not at once.
    Warning,
    /// Advice.
    Info,
}

impl Severity {
    /// The word used in output and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// A place that a finding also concerns: where a value came from or passed through, or the other
/// side of a conflict.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Hop {
    /// The place.
    pub span: Span,
    /// What happens there, if the place does not say it by itself.
    pub label: Option<Message>,
}

/// One finding about the user's files.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The rule's name, `import-without-exporter`, or AWS's own identifier, `E3012`.
    pub rule: Cow<'static, str>,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in one sentence.
    pub message: Message,
    /// The place to change. `None` only where there is no text at all, such as a missing file.
    pub span: Option<Span>,
    /// The place in the words of its file instead of lines, such as
    /// `Resources.Bucket.Properties.BucketName`; named once all findings are together.
    pub path: String,
    /// A few words beside the place.
    pub label: Option<Message>,
    /// Other places, in the order in which a value travelled through them.
    pub hops: Vec<Hop>,
    /// What to do about it.
    pub help: Vec<Message>,
    /// The environments that the finding was made in; empty when it holds in all.
    pub environments: Vec<String>,
    /// The page that explains the rule.
    pub url: Option<String>,
}

impl Diagnostic {
    /// A finding without a place yet.
    pub fn new(rule: impl Into<Cow<'static, str>>, severity: Severity, message: Message) -> Self {
        Self {
            rule: rule.into(),
            severity,
            message,
            span: None,
            path: String::new(),
            label: None,
            hops: Vec::new(),
            help: Vec::new(),
            environments: Vec::new(),
            url: None,
        }
    }

    /// An error.
    pub fn error(rule: impl Into<Cow<'static, str>>, message: Message) -> Self {
        Self::new(rule, Severity::Error, message)
    }

    /// A warning.
    pub fn warning(rule: impl Into<Cow<'static, str>>, message: Message) -> Self {
        Self::new(rule, Severity::Warning, message)
    }

    /// Points at the place to change.
    pub fn at(mut self, span: Span) -> Self {
        self.span = Some(span);
        self
    }

    /// A few words beside the place.
    pub fn label(mut self, label: Message) -> Self {
        self.label = Some(label);
        self
    }

    /// Another place that the finding concerns.
    pub fn hop(mut self, span: Span, label: Message) -> Self {
        self.hops.push(Hop { span, label: Some(label) });
        self
    }

    /// What to do.
    pub fn help(mut self, help: Message) -> Self {
        self.help.push(help);
        self
    }
}
