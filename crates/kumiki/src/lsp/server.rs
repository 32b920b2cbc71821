//! The conversation with one editor: from the methods of the protocol to questions to a snapshot,
//! and back.
//!
//! <https://microsoft.github.io/language-server-protocol/specifications/lsp/3.17/specification/>

use super::client::Client;
use super::findings::{Findings, is_slow, rule, shown, unread};
use super::names::{Role, SymbolKind};
use super::navigate::{self, Outline};
use super::position::path_of;
use super::snapshot::Snapshot;
use super::workspace::Workspace;
use super::{complete, hover, rename};
use crate::checking::warm_up;
use crate::language::Language;
use crossbeam_channel::{Receiver, Sender, unbounded};
use kumiki_check::Answers;
use kumiki_source::{Diagnostic, FileId, Message, Span, message};
use lsp_server::{ErrorCode, ResponseError};
use lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidChangeWorkspaceFolders, DidCloseTextDocument,
    DidOpenTextDocument, DidSaveTextDocument, Initialized, Notification, PublishDiagnostics,
    ShowMessage,
};
use lsp_types::request::{
    Completion, DocumentHighlightRequest, DocumentSymbolRequest, GotoDefinition, HoverRequest,
    Initialize, PrepareRenameRequest, References, RegisterCapability, Rename, Request, Shutdown,
};
use lsp_types::*;
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where the conversation stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lifecycle {
    /// Before `initialize`.
    Waiting,
    Running,
    /// After `shutdown`: only `exit` may follow.
    ShutDown,
}

/// A project whose templates AWS's rules are to see.
struct Question {
    key: PathBuf,
    snapshot: Arc<Snapshot>,
    ours: Vec<Diagnostic>,
}

/// Everything that was found in a snapshot, or why AWS's rules could not be asked.
pub(super) struct Answer {
    key: PathBuf,
    snapshot: Arc<Snapshot>,
    findings: Result<Vec<Diagnostic>, Message>,
}

/// One editor's server.
pub(super) struct Server {
    pub(super) lifecycle: Lifecycle,
    /// The language of the command line.
    language: Option<Language>,
    /// The project of the command line.
    folder: Option<PathBuf>,
    client: Client,
    workspace: Workspace,
    /// Whether something changed since the projects were last read.
    changed: bool,
    /// The projects that were read since they were last checked.
    unchecked: BTreeSet<PathBuf>,
    /// What was found in each project.
    found: BTreeMap<PathBuf, Findings>,
    /// What the editor shows.
    sent: Findings,
    questions: Sender<Question>,
}

/// A request that is refused, in the protocol's words.
pub(super) fn refused(code: ErrorCode, message: impl Into<String>) -> ResponseError {
    ResponseError { code: code as i32, message: message.into(), data: None }
}

fn parameters<T: serde::de::DeserializeOwned>(json: Json) -> Result<T, ResponseError> {
    serde_json::from_value(json).map_err(|it| refused(ErrorCode::InvalidParams, it.to_string()))
}

fn json(value: impl Serialize) -> Result<Json, ResponseError> {
    serde_json::to_value(value).map_err(|it| refused(ErrorCode::InternalError, it.to_string()))
}

impl Server {
    /// A server, and where what AWS's rules find comes back.
    pub(super) fn new(
        language: Option<Language>,
        folder: Option<PathBuf>,
    ) -> (Self, Receiver<Answer>) {
        let (questions, asked) = unbounded();
        let (answers, answered) = unbounded();
        warm_up();
        std::thread::spawn(move || answer(&asked, &answers));
        let server = Self {
            lifecycle: Lifecycle::Waiting,
            language,
            folder,
            client: Client::new(&InitializeParams::default(), language),
            workspace: Workspace::default(),
            changed: false,
            unchecked: BTreeSet::new(),
            found: BTreeMap::new(),
            sent: Findings::new(),
            questions,
        };
        (server, answered)
    }

    /// Writes a message.
    pub(super) fn send(&self, message: lsp_server::Message) -> io::Result<()> {
        message.write(&mut io::stdout().lock())
    }

    /// Writes what the library has no message for.
    pub(super) fn send_json(&self, message: &Json) -> io::Result<()> {
        let text = message.to_string();
        let mut output = io::stdout().lock();
        write!(output, "Content-Length: {}\r\n\r\n{text}", text.len())?;
        output.flush()
    }

    fn notify<N: Notification>(&self, parameters: N::Params) -> io::Result<()> {
        let notification = lsp_server::Notification::new(N::METHOD.to_owned(), parameters);
        self.send(lsp_server::Message::Notification(notification))
    }

    /// Answers a request.
    pub(super) fn request(&mut self, method: &str, params: Json) -> Result<Json, ResponseError> {
        match (self.lifecycle, method) {
            (Lifecycle::Waiting, Initialize::METHOD) => return self.initialize(params),
            (Lifecycle::Waiting, _) => {
                return Err(refused(ErrorCode::ServerNotInitialized, "`initialize` comes first"));
            }
            (Lifecycle::ShutDown, _) => {
                return Err(refused(ErrorCode::InvalidRequest, "only `exit` follows `shutdown`"));
            }
            (Lifecycle::Running, Initialize::METHOD) => {
                return Err(refused(ErrorCode::InvalidRequest, "`initialize` comes only once"));
            }
            (Lifecycle::Running, Shutdown::METHOD) => {
                self.lifecycle = Lifecycle::ShutDown;
                return Ok(Json::Null);
            }
            (Lifecycle::Running, _) => {}
        }
        self.refresh();
        match method {
            HoverRequest::METHOD => json(self.hover(parameters(params)?)),
            GotoDefinition::METHOD => json(self.definition(parameters(params)?)),
            References::METHOD => json(self.references(parameters(params)?)),
            DocumentHighlightRequest::METHOD => json(self.highlights(parameters(params)?)),
            DocumentSymbolRequest::METHOD => json(self.symbols(parameters(params)?)),
            Completion::METHOD => json(self.completion(parameters(params)?)),
            PrepareRenameRequest::METHOD => json(self.prepare_rename(parameters(params)?)?),
            Rename::METHOD => json(self.rename(parameters(params)?)?),
            _ => Err(refused(ErrorCode::MethodNotFound, format!("there is no `{method}`"))),
        }
    }

    /// Takes in a notification. One that cannot be understood, or comes at the wrong time, has no
    /// effect: nobody waits for an answer.
    pub(super) fn notification(&mut self, method: &str, params: Json) -> io::Result<()> {
        if self.lifecycle != Lifecycle::Running {
            return Ok(());
        }
        match method {
            Initialized::METHOD => self.initialized()?,
            DidOpenTextDocument::METHOD => {
                if let Ok(DidOpenTextDocumentParams { text_document: it }) = parameters(params) {
                    self.set_text(it.uri, it.version, Some(it.text));
                }
            }
            DidChangeTextDocument::METHOD => {
                if let Ok(DidChangeTextDocumentParams { text_document: it, content_changes }) =
                    parameters(params)
                    && let Some(whole) = content_changes.into_iter().rfind(|it| it.range.is_none())
                {
                    self.set_text(it.uri, it.version, Some(whole.text));
                }
            }
            DidCloseTextDocument::METHOD => {
                if let Ok(DidCloseTextDocumentParams { text_document: it }) = parameters(params) {
                    self.set_text(it.uri, 0, None);
                }
            }
            DidSaveTextDocument::METHOD | DidChangeWatchedFiles::METHOD => {
                self.workspace.disk_changed();
                self.changed = true;
            }
            DidChangeWorkspaceFolders::METHOD => {
                if let Ok(DidChangeWorkspaceFoldersParams { event }) = parameters(params) {
                    let removed = event.removed.iter().filter_map(|it| path_of(&it.uri));
                    removed.for_each(|it| self.workspace.remove_folder(&it));
                    let added = event.added.iter().filter_map(|it| path_of(&it.uri));
                    added.for_each(|it| self.workspace.add_folder(it));
                    self.changed = true;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn set_text(&mut self, uri: Uri, version: i32, text: Option<String>) {
        let Some(path) = path_of(&uri) else { return };
        match text {
            Some(_) => self.client.open.insert(path.clone(), (uri, version)),
            None => self.client.open.remove(&path),
        };
        self.workspace.set_text(path, text);
        self.changed = true;
    }

    fn initialize(&mut self, params: Json) -> Result<Json, ResponseError> {
        let parameters: InitializeParams = parameters(params)?;
        self.client = Client::new(&parameters, self.language);
        let folders = Client::folders(&parameters).into_iter().chain(self.folder.take());
        folders.for_each(|it| self.workspace.add_folder(it));
        self.changed = true;
        self.lifecycle = Lifecycle::Running;
        let sync = TextDocumentSyncOptions {
            open_close: Some(true),
            change: Some(TextDocumentSyncKind::FULL),
            save: Some(TextDocumentSyncSaveOptions::Supported(true)),
            ..Default::default()
        };
        let rename = RenameOptions {
            prepare_provider: Some(true),
            work_done_progress_options: Default::default(),
        };
        let completion = CompletionOptions {
            trigger_characters: Some([" ", ".", "{", "["].map(str::to_owned).to_vec()),
            ..Default::default()
        };
        let folders = WorkspaceFoldersServerCapabilities {
            supported: Some(true),
            change_notifications: Some(OneOf::Left(true)),
        };
        json(InitializeResult {
            capabilities: ServerCapabilities {
                position_encoding: Some(self.client.encoding.kind()),
                text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
                hover_provider: Some(HoverProviderCapability::Simple(true)),
                definition_provider: Some(OneOf::Left(true)),
                references_provider: Some(OneOf::Left(true)),
                document_highlight_provider: Some(OneOf::Left(true)),
                document_symbol_provider: Some(OneOf::Left(true)),
                rename_provider: Some(OneOf::Right(rename)),
                completion_provider: Some(completion),
                workspace: Some(WorkspaceServerCapabilities {
                    workspace_folders: Some(folders),
                    file_operations: None,
                }),
                ..Default::default()
            },
            server_info: Some(ServerInfo {
                name: "kumiki".to_owned(),
                version: Some(env!("CARGO_PKG_VERSION").to_owned()),
            }),
        })
    }

    /// Asks to be told when files change that the editor does not hold.
    fn initialized(&self) -> io::Result<()> {
        if !self.client.watches {
            return Ok(());
        }
        let watcher = FileSystemWatcher {
            glob_pattern: GlobPattern::String("**/*.{yaml,yml,json,template,toml}".to_owned()),
            kind: None,
        };
        let options = DidChangeWatchedFilesRegistrationOptions { watchers: vec![watcher] };
        let registration = Registration {
            id: "watch".to_owned(),
            method: DidChangeWatchedFiles::METHOD.to_owned(),
            register_options: serde_json::to_value(options).ok(),
        };
        let request = lsp_server::Request::new(
            "watch".to_owned().into(),
            RegisterCapability::METHOD.to_owned(),
            RegistrationParams { registrations: vec![registration] },
        );
        self.send(lsp_server::Message::Request(request))
    }

    /// Reads what changed.
    fn refresh(&mut self) {
        if std::mem::take(&mut self.changed) {
            self.unchecked.extend(self.workspace.refresh());
        }
    }

    /// Whether something changed since the last check.
    pub(super) fn is_unchecked(&self) -> bool {
        self.changed || !self.unchecked.is_empty()
    }

    /// Checks what changed with our own rules, shows what they find, and asks AWS's.
    pub(super) fn check(&mut self) -> io::Result<()> {
        self.refresh();
        for key in std::mem::take(&mut self.unchecked) {
            let before = self.found.remove(&key).unwrap_or_default();
            let snapshot = match self.workspace.project(&key) {
                Some(Ok(snapshot)) => snapshot.clone(),
                Some(Err(stop)) => {
                    let reason = vec![unread(stop, &self.client)];
                    self.found.insert(key.clone(), Findings::from([(key, reason)]));
                    continue;
                }
                None => continue,
            };
            let ours = snapshot.ours();
            let mut quick = snapshot.linked.accept(ours.clone()).findings;
            quick.retain(|it| !is_slow(&it.rule));
            let mut found = shown(&snapshot, &quick, &self.client);
            // What takes longer stays as it was until it is known again.
            for (path, slow) in before {
                let slow = slow.into_iter().filter(|it| rule(it).is_some_and(is_slow));
                found.entry(path).or_default().extend(slow);
            }
            self.found.insert(key.clone(), found);
            // The thread lives as long as this server; were it gone, ours would still be shown.
            let _ = self.questions.send(Question { key, snapshot, ours });
        }
        self.publish()
    }

    /// Takes in what AWS's rules found, unless the texts are others by now.
    pub(super) fn take_answer(&mut self, answer: Answer) -> io::Result<()> {
        let Answer { key, snapshot, findings } = answer;
        match self.workspace.project(&key) {
            Some(Ok(it)) if Arc::ptr_eq(it, &snapshot) => {}
            _ => return Ok(()),
        }
        match findings {
            Ok(findings) => {
                let found = shown(&snapshot, &findings, &self.client);
                self.found.insert(key, found);
                self.publish()
            }
            Err(reason) => self.notify::<ShowMessage>(ShowMessageParams {
                typ: MessageType::ERROR,
                message: self.client.language.text(&reason),
            }),
        }
    }

    /// Sends the findings of every file for which they differ from what the editor shows.
    fn publish(&mut self) -> io::Result<()> {
        let mut wanted = Findings::new();
        for (key, found) in &self.found {
            for (path, found) in found {
                let owner = self.workspace.owner(path);
                let owned = owner.map_or(path == key, |(owner, ..)| owner == key);
                if owned && !found.is_empty() {
                    wanted.insert(path.clone(), found.clone());
                }
            }
        }
        let paths: BTreeSet<&PathBuf> = wanted.keys().chain(self.sent.keys()).collect();
        for path in paths {
            if wanted.get(path) == self.sent.get(path) {
                continue;
            }
            let Some(uri) = self.client.uri(path) else { continue };
            self.notify::<PublishDiagnostics>(PublishDiagnosticsParams {
                uri,
                diagnostics: wanted.get(path).cloned().unwrap_or_default(),
                version: self.client.open.get(path).map(|(_, version)| *version),
            })?;
        }
        self.sent = wanted;
        Ok(())
    }

    /// The snapshot that answers for a document.
    fn document(&self, uri: &Uri) -> Option<(&Snapshot, FileId)> {
        let (_, snapshot, file) = self.workspace.owner(&path_of(uri)?)?;
        Some((snapshot, file))
    }

    /// The snapshot and the byte at a position.
    fn place(&self, at: &TextDocumentPositionParams) -> Option<(&Snapshot, FileId, u32)> {
        let (snapshot, file) = self.document(&at.text_document.uri)?;
        let (lines, text) = (snapshot.lines(file), snapshot.text(file));
        Some((snapshot, file, self.client.encoding.offset(lines, text, at.position)))
    }

    fn range(&self, snapshot: &Snapshot, span: Span) -> Range {
        self.client.encoding.range(snapshot.lines(span.file), span.start, span.end)
    }

    fn locations(&self, snapshot: &Snapshot, spans: impl Iterator<Item = Span>) -> Vec<Location> {
        spans.filter_map(|it| self.client.location(snapshot, it)).collect()
    }

    fn hover(&self, params: HoverParams) -> Option<Hover> {
        let (snapshot, file, offset) = self.place(&params.text_document_position_params)?;
        let link = |span| self.client.link(snapshot, span);
        let (span, value) = hover::hover(snapshot, file, offset, self.client.language, &link)?;
        Some(Hover {
            contents: HoverContents::Markup(MarkupContent {
                kind: self.client.markup.clone(),
                value,
            }),
            range: Some(self.range(snapshot, span)),
        })
    }

    fn definition(&self, params: GotoDefinitionParams) -> Option<Vec<Location>> {
        let (snapshot, file, offset) = self.place(&params.text_document_position_params)?;
        let places = navigate::definition(snapshot, file, offset);
        Some(self.locations(snapshot, places.into_iter()))
    }

    fn references(&self, params: ReferenceParams) -> Option<Vec<Location>> {
        let (snapshot, file, offset) = self.place(&params.text_document_position)?;
        let declarations = params.context.include_declaration;
        let places = navigate::references(snapshot, file, offset, declarations);
        Some(self.locations(snapshot, places.iter().map(|it| it.span)))
    }

    fn highlights(&self, params: DocumentHighlightParams) -> Option<Vec<DocumentHighlight>> {
        let (snapshot, file, offset) = self.place(&params.text_document_position_params)?;
        let places = navigate::references(snapshot, file, offset, true);
        let here = places.into_iter().filter(|it| it.span.file == file);
        let highlight = here.map(|it| DocumentHighlight {
            range: self.range(snapshot, it.span),
            kind: Some(match it.role {
                Role::Declaration | Role::Passed => DocumentHighlightKind::WRITE,
                Role::Use | Role::Export | Role::Import => DocumentHighlightKind::READ,
            }),
        });
        Some(highlight.collect())
    }

    fn symbols(&self, params: DocumentSymbolParams) -> Option<DocumentSymbolResponse> {
        let (snapshot, file) = self.document(&params.text_document.uri)?;
        let outline = navigate::outline(snapshot.template(file)?);
        Some(DocumentSymbolResponse::Nested(self.document_symbols(snapshot, outline)))
    }

    fn document_symbols(&self, snapshot: &Snapshot, outline: Vec<Outline>) -> Vec<DocumentSymbol> {
        let symbol = |it: Outline| {
            #[expect(deprecated, reason = "the field is part of the type")]
            DocumentSymbol {
                name: it.name,
                detail: it.detail,
                kind: match it.kind {
                    None => lsp_types::SymbolKind::NAMESPACE,
                    Some(SymbolKind::Parameter) => lsp_types::SymbolKind::VARIABLE,
                    Some(SymbolKind::Mapping) => lsp_types::SymbolKind::ENUM,
                    Some(SymbolKind::Condition) => lsp_types::SymbolKind::BOOLEAN,
                    Some(SymbolKind::Rule) => lsp_types::SymbolKind::OPERATOR,
                    Some(SymbolKind::Resource) => lsp_types::SymbolKind::OBJECT,
                    Some(SymbolKind::Output) => lsp_types::SymbolKind::PROPERTY,
                },
                tags: None,
                deprecated: None,
                range: self.range(snapshot, it.span),
                selection_range: self.range(snapshot, it.name_span),
                children: (!it.members.is_empty())
                    .then(|| self.document_symbols(snapshot, it.members)),
            }
        };
        outline.into_iter().map(symbol).collect()
    }

    fn completion(&self, params: CompletionParams) -> Option<CompletionResponse> {
        let (snapshot, file, offset) = self.place(&params.text_document_position)?;
        let candidates = complete::complete(snapshot, file, offset as usize);
        let items = candidates.into_iter().map(|it| CompletionItem {
            label: it.name,
            detail: it.detail,
            kind: Some(CompletionItemKind::REFERENCE),
            ..Default::default()
        });
        Some(CompletionResponse::Array(items.collect()))
    }

    fn renaming(
        &self,
        at: &TextDocumentPositionParams,
    ) -> Result<(&Snapshot, rename::Renaming), ResponseError> {
        let nothing = || self.refusal(&message!("there is no name to change here"));
        let (snapshot, file, offset) = self.place(at).ok_or_else(nothing)?;
        let renaming = rename::prepare(snapshot, file, offset).map_err(|it| self.refusal(&it))?;
        match &renaming.confirm {
            Some(warning) if !self.client.confirms => Err(self.refusal(warning)),
            _ => Ok((snapshot, renaming)),
        }
    }

    fn refusal(&self, reason: &Message) -> ResponseError {
        refused(ErrorCode::RequestFailed, self.client.language.text(reason))
    }

    fn prepare_rename(
        &self,
        at: TextDocumentPositionParams,
    ) -> Result<PrepareRenameResponse, ResponseError> {
        let (snapshot, renaming) = self.renaming(&at)?;
        let range = self.range(snapshot, renaming.span);
        Ok(PrepareRenameResponse::RangeWithPlaceholder { range, placeholder: renaming.name })
    }

    fn rename(&self, params: RenameParams) -> Result<WorkspaceEdit, ResponseError> {
        let (snapshot, renaming) = self.renaming(&params.text_document_position)?;
        let new = params.new_name;
        renaming.admits(snapshot, &new).map_err(|it| self.refusal(&it))?;
        let mut edits: BTreeMap<&Path, Vec<TextEdit>> = BTreeMap::new();
        for span in renaming.places {
            let edit = TextEdit { range: self.range(snapshot, span), new_text: new.clone() };
            edits.entry(snapshot.path(span.file)).or_default().push(edit);
        }
        let edits =
            edits.into_iter().filter_map(|(path, it)| Some((path, self.client.uri(path)?, it)));
        if !self.client.versions {
            #[expect(clippy::mutable_key_type, reason = "the protocol's own type")]
            let changes: HashMap<Uri, Vec<TextEdit>> =
                edits.map(|(_, uri, edits)| (uri, edits)).collect();
            return Ok(WorkspaceEdit { changes: Some(changes), ..Default::default() });
        }
        let annotation = "replacement".to_owned();
        let annotated = |edit: TextEdit| match &renaming.confirm {
            None => OneOf::Left(edit),
            Some(_) => OneOf::Right(AnnotatedTextEdit {
                text_edit: edit,
                annotation_id: annotation.clone(),
            }),
        };
        let edits = edits.map(|(path, uri, edits)| TextDocumentEdit {
            text_document: OptionalVersionedTextDocumentIdentifier {
                uri,
                version: self.client.open.get(path).map(|(_, version)| *version),
            },
            edits: edits.into_iter().map(annotated).collect(),
        });
        let warning = renaming.confirm.as_ref().map(|it| ChangeAnnotation {
            label: self.client.language.text(it),
            needs_confirmation: Some(true),
            description: None,
        });
        Ok(WorkspaceEdit {
            changes: None,
            document_changes: Some(DocumentChanges::Edits(edits.collect())),
            change_annotations: warning.map(|it| HashMap::from([(annotation.clone(), it)])),
        })
    }
}

/// Asks AWS's rules about one snapshot after the other, as long as there is a server. Of several
/// snapshots of one project only the latest is looked at, and of that only what was not asked
/// before.
///
/// The last snapshot is kept until the next comes, so that it is taken apart here: the editor waits
/// for the other thread.
fn answer(questions: &Receiver<Question>, answers: &Sender<Answer>) {
    let mut known: HashMap<PathBuf, Answers> = HashMap::new();
    let mut last: HashMap<PathBuf, Arc<Snapshot>> = HashMap::new();
    while let Ok(first) = questions.recv() {
        let latest: BTreeMap<PathBuf, Question> = std::iter::once(first)
            .chain(questions.try_iter())
            .map(|it| (it.key.clone(), it))
            .collect();
        for Question { key, snapshot, ours } in latest.into_values() {
            let known = known.entry(key.clone()).or_default();
            let findings = snapshot.linked.theirs(&ours, known).map_err(|stop| stop.message);
            let findings = findings.map(|it| snapshot.linked.accept([ours, it].concat()).findings);
            last.insert(key.clone(), snapshot.clone());
            if answers.send(Answer { key, snapshot, findings }).is_err() {
                return;
            }
        }
    }
}
