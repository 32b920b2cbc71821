//! YAML 1.1 and JSON text as a tree in which every node knows its bytes.
//!
//! CloudFormation reads YAML 1.1 without aliases and merge keys; `aws cloudformation package`
//! resolves those before upload. We resolve them too, within a budget, and say so.
//! Scalars keep their text: `22:22`, `010` and `2012-10-17` mean what is written, as they do for
//! CloudFormation, and not the number or date that YAML 1.1 would make of them.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html>

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};
use kumiki_source::{Diagnostic, FileId, Span, message};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

/// What a text is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// YAML 1.1, which also admits JSON's syntax.
    Yaml,
    /// JSON and nothing else.
    Json,
}

impl Format {
    /// JSON when the first character that is not white space opens an object or a list, as
    /// CloudFormation itself decides.
    pub fn of(text: &str) -> Self {
        match text.trim_start_matches('\u{feff}').trim_start().as_bytes().first() {
            Some(b'{' | b'[') => Self::Json,
            _ => Self::Yaml,
        }
    }
}

/// Bounds on what one text may cost.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Nodes after aliases are resolved.
    pub nodes: usize,
    /// Collections inside collections.
    pub depth: usize,
}

impl Default for Limits {
    /// Far above any template that CloudFormation accepts (1 MB of text, 500 resources).
    fn default() -> Self {
        Self { nodes: 1_000_000, depth: 200 }
    }
}

/// A node of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    /// The bytes of the node; a tagged one begins with its tag.
    pub span: Span,
    /// What the node holds.
    pub value: Value,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Value {
    /// A scalar, with its text after quotes and escapes are resolved.
    Scalar {
        /// The text.
        text: Arc<str>,
        /// Written without quotes, so that `true`, `null` and numbers are not strings.
        plain: bool,
    },
    /// A list.
    List(Vec<Node>),
    /// A map in the order in which it is written; keys are unique.
    Map(Vec<(Key, Node)>),
    /// A node with a local tag, such as `!GetAtt`.
    Tagged {
        /// The tag without its `!`.
        tag: Key,
        /// The node that it stands before.
        node: Box<Node>,
    },
}

/// A key of a map.
#[derive(Clone, Debug)]
pub struct Key {
    /// The text.
    pub text: Arc<str>,
    /// Where it stands.
    pub span: Span,
}

impl Node {
    /// The text of a scalar.
    pub fn as_text(&self) -> Option<&Arc<str>> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// The value under a key of a map.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.iter().find(|(it, _)| &*it.text == key).map(|(_, node)| node)
    }

    /// The entries of a map.
    pub fn as_map(&self) -> Option<&[(Key, Node)]> {
        match &self.value {
            Value::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// The items of a list.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(items) => Some(items),
            _ => None,
        }
    }

    /// Whether this is an empty value: nothing, `~` or `null` without quotes.
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar { text, plain: true }
            if matches!(&**text, "" | "~" | "null" | "Null" | "NULL"))
    }

    fn weight(&self) -> usize {
        1 + match &self.value {
            Value::Scalar { .. } => 0,
            Value::List(items) => items.iter().map(Node::weight).sum(),
            Value::Map(entries) => entries.iter().map(|(_, node)| 1 + node.weight()).sum(),
            Value::Tagged { node, .. } => node.weight(),
        }
    }
}

/// A text that was read: its tree, if it has one, and what is wrong with it.
#[derive(Debug, Default)]
pub struct Document {
    /// The root, unless the text has a syntax error or is empty.
    pub root: Option<Node>,
    /// Findings.
    pub diagnostics: Vec<Diagnostic>,
}

/// Reads one document.
pub fn parse_document(file: FileId, text: &str, format: Format, limits: Limits) -> Document {
    if let Some(at) = text.bytes().position(|byte| byte == 0) {
        return failed(
            Diagnostic::error("invalid-text", message!("the text contains a NUL byte"))
                .at(Span::new(file, at, at + 1))
                .help(message!("save the file as UTF-8 text; UTF-16 files look like this")),
        );
    }
    if let Some(at) = text.find('\u{fffd}') {
        return failed(
            Diagnostic::error("invalid-text", message!("the text is not valid UTF-8"))
                .at(Span::new(file, at, at + '\u{fffd}'.len_utf8()))
                .help(message!("save the file as UTF-8; Shift_JIS and EUC-JP are not read")),
        );
    }
    // JSON is checked strictly by `serde_json`; the tree then comes from the YAML reader, whose
    // syntax contains JSON's, so that there is one builder with spans and not two.
    if format == Format::Json
        && let Err(error) = serde_json::from_str::<serde::de::IgnoredAny>(text)
    {
        return failed(json_error(file, text, &error));
    }
    Builder::new(file, text, limits).read()
}

fn tagged(tag: Option<Key>, node: Node) -> Node {
    match tag {
        None => node,
        Some(tag) => {
            let span = tag.span.to(node.span);
            Node { span, value: Value::Tagged { tag, node: Box::new(node) } }
        }
    }
}

fn too_deep(at: Span) -> Diagnostic {
    Diagnostic::error("too-deep", message!("the text is nested too deeply"))
        .at(at)
        .help(message!("CloudFormation accepts no text nested this deeply"))
}

fn failed(diagnostic: Diagnostic) -> Document {
    Document { root: None, diagnostics: vec![diagnostic] }
}

fn json_error(file: FileId, text: &str, error: &serde_json::Error) -> Diagnostic {
    // serde_json counts columns in bytes from 1 and names the byte it stumbled over.
    let line_start = match error.line() {
        0 | 1 => 0,
        line => text.match_indices('\n').nth(line - 2).map_or(text.len(), |(at, _)| at + 1),
    };
    let mut at = (line_start + error.column().saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    let end = text[at..].chars().next().map_or(at, |it| at + it.len_utf8());
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default().to_owned();
    let diagnostic = Diagnostic::error("syntax", message!("this is not JSON: {reason}", reason))
        .at(Span::new(file, at, end));
    if text[..at].trim_end().ends_with(',') {
        return diagnostic.help(message!("remove the comma before the bracket"));
    }
    diagnostic
}

struct Builder<'t> {
    file: FileId,
    text: &'t str,
    limits: Limits,
    nodes: usize,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Anchored>,
    root: Option<Node>,
    diagnostics: Vec<Diagnostic>,
    alias_reported: bool,
}

/// A node that aliases may repeat.
struct Anchored {
    node: Rc<Node>,
    weight: usize,
    depth: usize,
}

struct Frame {
    start: Span,
    tag: Option<Key>,
    anchor: usize,
    kind: FrameKind,
    /// Collections inside collections in here, so far.
    depth: usize,
}

enum FrameKind {
    List(Vec<Node>),
    Map {
        entries: Vec<(Key, Node)>,
        /// Where each key stands first.
        seen: HashMap<Arc<str>, Span>,
        key: Option<Key>,
        merges: Vec<Node>,
    },
}

type Step = Result<(), Box<Diagnostic>>;

impl<'t> Builder<'t> {
    fn new(file: FileId, text: &'t str, limits: Limits) -> Self {
        Self {
            file,
            text,
            limits,
            nodes: 0,
            stack: Vec::new(),
            anchors: HashMap::new(),
            root: None,
            diagnostics: Vec::new(),
            alias_reported: false,
        }
    }

    fn read(mut self) -> Document {
        let options = granit_parser::options! {
            emit_comments: false,
            simple_key_max_lookahead: 64 * 1024,
            flow_nesting_limit: self.limits.depth,
            block_nesting_limit: self.limits.depth,
        };
        for next in Parser::new_from_str_with_options(self.text, options) {
            let step = match next {
                Ok((event, span)) => self.event(event, span),
                Err(error) => Err(Box::new(self.syntax_error(&error))),
            };
            if let Err(diagnostic) = step {
                self.diagnostics.push(*diagnostic);
                return Document { root: None, diagnostics: self.diagnostics };
            }
        }
        Document { root: self.root, diagnostics: self.diagnostics }
    }

    fn event(&mut self, event: Event<'_>, span: granit_parser::Span) -> Step {
        let at = self.span(&span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let (tag, forced) = self.tag(tag.as_deref(), &span);
                let plain = style == ScalarStyle::Plain && !forced;
                let node = Node { span: at, value: Value::Scalar { text: text.into(), plain } };
                self.finish(tagged(tag, node), anchor, 0)
            }
            Event::SequenceStart(_, anchor, tag) => {
                let (tag, _) = self.tag(tag.as_deref(), &span);
                let kind = FrameKind::List(Vec::new());
                self.open(Frame { start: at, tag, anchor, kind, depth: 0 })
            }
            Event::MappingStart(_, anchor, tag) => {
                let (tag, _) = self.tag(tag.as_deref(), &span);
                let kind = FrameKind::Map {
                    entries: Vec::new(),
                    seen: HashMap::new(),
                    key: None,
                    merges: Vec::new(),
                };
                self.open(Frame { start: at, tag, anchor, kind, depth: 0 })
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(at),
            Event::Alias(id) => self.alias(id, at),
            Event::DocumentStart(..) if self.root.is_some() => Err(Box::new(
                Diagnostic::error("syntax", message!("a second document begins here"))
                    .at(at)
                    .help(message!("a template is one document; remove the `---`")),
            )),
            _ => Ok(()),
        }
    }

    fn span(&self, span: &granit_parser::Span) -> Span {
        let range = span.byte_range().unwrap_or(0..0);
        Span::new(self.file, range.start, range.end)
    }

    /// The local tag of a node, and whether `!!str` makes a plain scalar a string.
    fn tag(
        &self,
        tag: Option<&granit_parser::Tag>,
        span: &granit_parser::Span,
    ) -> (Option<Key>, bool) {
        let Some(tag) = tag else { return (None, false) };
        if tag.is_yaml_core_schema_tag("str") {
            return (None, true);
        }
        if !tag.is_custom() {
            return (None, false);
        }
        let node = self.span(span);
        let at = span.tag_start().and_then(|it| it.byte_offset()).unwrap_or(node.start as usize);
        // As it is written: what a handle stands for is nothing that CloudFormation knows.
        let ends = |it: char| it.is_whitespace() || matches!(it, ',' | '[' | ']' | '{' | '}');
        let written = self.text[at..].split(ends).next().unwrap_or_default();
        let name: Arc<str> = written.trim_start_matches('!').into();
        if name.is_empty() {
            // The non-specific tag `!` makes a plain scalar a string.
            return (None, true);
        }
        let span = Span::new(self.file, at, at + written.len());
        (Some(Key { text: name, span }), false)
    }

    fn open(&mut self, frame: Frame) -> Step {
        if self.stack.len() >= self.limits.depth {
            return Err(Box::new(too_deep(frame.start)));
        }
        self.stack.push(frame);
        Ok(())
    }

    fn close(&mut self, end: Span) -> Step {
        let Some(frame) = self.stack.pop() else { return Ok(()) };
        let value = match frame.kind {
            FrameKind::List(items) => Value::List(items),
            FrameKind::Map { mut entries, mut seen, merges, .. } => {
                for merge in merges {
                    self.merge(&mut entries, &mut seen, merge);
                }
                Value::Map(entries)
            }
        };
        // A block collection ends where its last child ends; its end event sits past the
        // trailing line break, which would make every snippet one line too long.
        let last = match &value {
            Value::List(items) => items.last().map(|it| it.span),
            Value::Map(entries) => entries.last().map(|(key, it)| key.span.to(it.span)),
            Value::Scalar { .. } | Value::Tagged { .. } => None,
        };
        let flow = self.text[frame.start.range()].starts_with(['{', '[']);
        let last = if flow { Some(end) } else { last };
        let span = last.map_or(frame.start, |last| frame.start.to(last));
        self.finish(tagged(frame.tag, Node { span, value }), frame.anchor, frame.depth + 1)
    }

    /// Adds what is merged in: the map's own keys win, and then the earlier ones.
    fn merge(
        &mut self,
        entries: &mut Vec<(Key, Node)>,
        seen: &mut HashMap<Arc<str>, Span>,
        merge: Node,
    ) {
        match merge.value {
            Value::Map(merged) => {
                for (key, node) in merged {
                    if !seen.contains_key(&key.text) {
                        seen.insert(key.text.clone(), key.span);
                        entries.push((key, node));
                    }
                }
            }
            Value::List(items) => {
                for item in items {
                    self.merge(entries, seen, item);
                }
            }
            Value::Scalar { .. } | Value::Tagged { .. } => self.diagnostics.push(
                Diagnostic::error("syntax", message!("`<<` merges maps, and this is not a map"))
                    .at(merge.span),
            ),
        }
    }

    fn alias(&mut self, id: usize, at: Span) -> Step {
        let Some(target) = self.anchors.get(&id) else {
            return Err(Box::new(
                Diagnostic::error("syntax", message!("this alias refers to the node it stands in"))
                    .at(at),
            ));
        };
        let (node, depth) = (target.node.clone(), target.depth);
        self.weigh(target.weight, at)?;
        if self.stack.len() + depth > self.limits.depth {
            return Err(Box::new(too_deep(at)));
        }
        if !self.alias_reported {
            self.alias_reported = true;
            self.diagnostics.push(
                Diagnostic::warning(
                    "yaml-alias",
                    message!("CloudFormation does not read YAML aliases"),
                )
                .at(at)
                .help(message!(
                    "`kumiki` resolves them when it packages; write the value out if the file is also uploaded as it is"
                )),
            );
        }
        self.finish((*node).clone(), 0, depth)
    }

    /// Counts nodes, which are not to be more than the text is worth.
    fn weigh(&mut self, nodes: usize, at: Span) -> Step {
        self.nodes += nodes;
        let limit = self.limits.nodes;
        if self.nodes <= limit {
            return Ok(());
        }
        Err(Box::new(
            Diagnostic::error("too-large", message!("the text grows past {limit} nodes", limit))
                .at(at)
                .help(message!("aliases that repeat aliases multiply; write the values out")),
        ))
    }

    /// Puts a finished node where it belongs, with collections nested `depth` times in it.
    fn finish(&mut self, node: Node, anchor: usize, depth: usize) -> Step {
        self.weigh(1, node.span)?;
        if anchor != 0 {
            // A second copy is kept, and one of every node that is anchored in it.
            let weight = node.weight();
            self.weigh(weight, node.span)?;
            self.anchors.insert(anchor, Anchored { node: Rc::new(node.clone()), weight, depth });
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Ok(());
        };
        frame.depth = frame.depth.max(depth);
        match &mut frame.kind {
            FrameKind::List(items) => items.push(node),
            FrameKind::Map { entries, seen, key, merges } => match key.take() {
                None => match node.value {
                    Value::Scalar { text, .. } => *key = Some(Key { text, span: node.span }),
                    _ => {
                        return Err(Box::new(
                            Diagnostic::error("syntax", message!("a key must be a string"))
                                .at(node.span)
                                .help(message!(
                                    "put the value in quotes if it begins with a bracket"
                                )),
                        ));
                    }
                },
                Some(name) if &*name.text == "<<" => merges.push(node),
                Some(name) => {
                    if let Some(first) = seen.get(&name.text) {
                        let text = &name.text;
                        self.diagnostics.push(
                            Diagnostic::error(
                                "duplicate-key",
                                message!("`{text}` is here twice", text),
                            )
                            .at(name.span)
                            .help(message!(
                                "remove or rename one of them; the service keeps only one"
                            ))
                            .hop(*first, message!("first here")),
                        );
                    } else {
                        seen.insert(name.text.clone(), name.span);
                        entries.push((name, node));
                    }
                }
            },
        }
        Ok(())
    }

    fn syntax_error(&self, error: &ScanError) -> Diagnostic {
        let marker = error.marker();
        let mut at = marker.byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        while !self.text.is_char_boundary(at) {
            at -= 1;
        }
        // An error at the end of a line is shown on the character before it.
        if self.text[at..].starts_with(['\n', '\r']) || at == self.text.len() {
            at = self.text[..at].trim_end().char_indices().last().map_or(0, |(at, _)| at);
        }
        let end = self.text[at..].chars().next().map_or(at, |it| at + it.len_utf8());
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            return too_deep(Span::new(self.file, at, end));
        }
        let reason = error.info();
        let reason = reason.split(" at ").next().unwrap_or(&reason).to_owned();
        let diagnostic =
            Diagnostic::error("syntax", message!("this is not YAML: {reason}", reason))
                .at(Span::new(self.file, at, end));
        let line_start = self.text[..at].rfind('\n').map_or(0, |it| it + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        match () {
            () if line.contains('\t') => {
                diagnostic.help(message!("indent with spaces; YAML does not allow tabs"))
            }
            () if line.matches(": ").count() > 1 || line.trim_end().ends_with(':') => diagnostic
                .help(message!("put the value in quotes: it contains `: ` or ends with `:`")),
            () => diagnostic,
        }
    }
}

#[cfg(test)]
mod tests;
