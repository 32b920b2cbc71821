//! The editor on the other side: what it can do, and how things are said to it.

use super::position::{Encoding, path_of, uri_of};
use super::snapshot::Snapshot;
use crate::language::Language;
use kumiki_source::Span;
use lsp_types::{InitializeParams, Location, MarkupKind, Uri};
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The editor.
pub(super) struct Client {
    pub(super) encoding: Encoding,
    pub(super) language: Language,
    /// What hovers are shown as.
    pub(super) markup: MarkupKind,
    /// Whether an edit can ask to be confirmed.
    pub(super) confirms: bool,
    /// Whether an edit can name the version of the document that it is for.
    pub(super) versions: bool,
    /// Whether the server may ask to be told of changes on the disk.
    pub(super) watches: bool,
    /// How the editor itself writes the URIs of what it has open, and the versions.
    pub(super) open: HashMap<PathBuf, (Uri, i32)>,
}

impl Client {
    /// What the editor tells of itself. The language of the command line counts more than the
    /// editor's, and the editor's more than the environment's.
    pub(super) fn new(parameters: &InitializeParams, language: Option<Language>) -> Self {
        let capabilities = &parameters.capabilities;
        let workspace = capabilities.workspace.as_ref();
        let text = capabilities.text_document.as_ref();
        let general = capabilities.general.as_ref();
        let edit = workspace.and_then(|it| it.workspace_edit.as_ref());
        let formats = text.and_then(|it| it.hover.as_ref()?.content_format.as_ref());
        let plain = formats.is_some_and(|it| !it.contains(&MarkupKind::Markdown));
        let locale = parameters.locale.as_deref();
        let versions = edit.and_then(|it| it.document_changes).unwrap_or(false);
        Self {
            encoding: Encoding::negotiated(general.and_then(|it| it.position_encodings.as_deref())),
            language: language
                .or(locale.map(Language::of_locale))
                .unwrap_or_else(Language::of_environment),
            markup: if plain { MarkupKind::PlainText } else { MarkupKind::Markdown },
            confirms: versions && edit.is_some_and(|it| it.change_annotation_support.is_some()),
            versions,
            watches: workspace
                .and_then(|it| it.did_change_watched_files?.dynamic_registration)
                .unwrap_or(false),
            open: HashMap::new(),
        }
    }

    /// The folders that the editor opened.
    pub(super) fn folders(parameters: &InitializeParams) -> Vec<PathBuf> {
        #[expect(deprecated, reason = "older clients send nothing else")]
        let root = parameters.root_uri.as_ref();
        match &parameters.workspace_folders {
            Some(folders) => folders.iter().filter_map(|it| path_of(&it.uri)).collect(),
            None => root.and_then(path_of).into_iter().collect(),
        }
    }

    /// The URI of a file, as the editor writes it where it has the file open.
    pub(super) fn uri(&self, path: &Path) -> Option<Uri> {
        match self.open.get(path) {
            Some((uri, _)) => Some(uri.clone()),
            None => uri_of(path),
        }
    }

    /// A place of a snapshot.
    pub(super) fn location(&self, snapshot: &Snapshot, span: Span) -> Option<Location> {
        let range = self.encoding.range(snapshot.lines(span.file), span.start, span.end);
        Some(Location { uri: self.uri(snapshot.path(span.file))?, range })
    }

    /// A place as a link of Markdown, or as its name where there is no Markdown.
    pub(super) fn link(&self, snapshot: &Snapshot, span: Span) -> String {
        let source = snapshot.library().sources.get(span.file);
        let line = source.line_column(span.start).line;
        let name = format!("{}:{line}", source.path());
        match self.uri(snapshot.path(span.file)) {
            Some(uri) if self.markup == MarkupKind::Markdown => {
                format!("[{name}]({}#L{line})", uri.as_str())
            }
            _ => name,
        }
    }
}
