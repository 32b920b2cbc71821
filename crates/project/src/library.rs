//! Every template that a root reaches, each read and parsed once.

use crate::order::{Order, order};
use kumiki_source::{Diagnostic, FileId, Message, Sources, message};
use kumiki_template::{
    Call, Document, Expr, ExprKind, Format, Limits, Node, SubPart, Template, parse_document,
    parse_template, parse_template_document,
};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// The largest text that is read. CloudFormation accepts templates up to 1 MB.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;

/// Where texts come from. Paths are relative to the project and use `/`.
pub trait Files: Sync {
    /// The bytes of a file.
    ///
    /// # Errors
    /// When the file cannot be read or is larger than [`MAX_FILE_BYTES`].
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError>;

    /// The files that may be templates, to find what an S3 URL means. Asked only when one is met.
    fn list(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Why a file could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileError {
    /// There is no such file.
    NotFound,
    /// It is a folder or a device.
    NotAFile,
    /// It is larger than [`MAX_FILE_BYTES`].
    TooLarge(u64),
    /// The system refuses, in its own words.
    Other(String),
}

impl FileError {
    /// The reason in words.
    pub fn describe(&self) -> Message {
        match self {
            Self::NotFound => message!("there is no such file"),
            Self::NotAFile => message!("it is not a file"),
            Self::TooLarge(bytes) => {
                message!(
                    "it has {bytes} bytes, and {limit} is the most that is read",
                    bytes,
                    limit = MAX_FILE_BYTES
                )
            }
            Self::Other(reason) => Message::verbatim(reason.clone()),
        }
    }
}

/// Identifies a template of a [`Library`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TemplateId(u32);

/// The texts and templates of one project.
#[derive(Debug, Default)]
pub struct Library {
    /// Every text that was read, in a stable order.
    pub sources: Sources,
    /// What is wrong with single texts.
    pub diagnostics: Vec<Diagnostic>,
    /// Beginnings of `TemplateURL`s and the folders that they stand for, as in
    /// [`Config::template_urls`](crate::Config::template_urls).
    pub template_urls: BTreeMap<String, String>,
    templates: Vec<Read>,
    earlier: Earlier,
    loaded: HashMap<Arc<str>, Result<TemplateId, Problem>>,
    files: HashMap<Arc<str>, FileId>,
    /// What the nested stacks of a template lead to: template, position of the resource.
    followed: HashMap<(FileId, usize), Child>,
    /// The files that may be templates, by the last part of their path.
    listing: Option<HashMap<String, Vec<String>>>,
}

/// The local file that a `TemplateURL` means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Child {
    /// This file.
    File(Arc<str>),
    /// Any of these: the URL's end fits them equally well.
    Ambiguous(Vec<String>),
    /// None, as far as the URL can be read without values.
    Unknown,
}

#[derive(Clone, Debug)]
enum Problem {
    Unreadable(FileError),
    Malformed,
}

/// A template, and the order of its resources.
#[derive(Clone, Debug)]
struct Read {
    template: Arc<Template>,
    order: Arc<Order>,
}

/// What comes of a text.
type Parsed = (Option<Read>, Vec<Diagnostic>);

/// Templates as a library read them, each with its text, for a library that comes after it: what is
/// written as it was is not parsed again.
#[derive(Clone, Debug, Default)]
pub struct Earlier(HashMap<Arc<str>, (Arc<str>, Read)>);

impl Library {
    /// A library in the place of an earlier one.
    pub fn after(earlier: Earlier) -> Self {
        Self { earlier, ..Self::default() }
    }

    /// The templates in whose texts nothing is wrong.
    pub fn read_well(&self) -> Earlier {
        let wrong: HashSet<FileId> =
            self.diagnostics.iter().filter_map(|it| it.span.map(|it| it.file)).collect();
        let well = self.templates.iter().filter(|it| !wrong.contains(&it.template.file));
        let well = well.map(|it| {
            let source = self.sources.get(it.template.file);
            (source.shared_path(), (source.shared_text(), it.clone()))
        });
        Earlier(well.collect())
    }

    /// Reads a text that is not a template, such as a parameter file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&mut self, path: &str, files: &dyn Files) -> Result<FileId, FileError> {
        if let Some(file) = self.files.get(path) {
            return Ok(*file);
        }
        let text = decode(files.read(path)?);
        let path: Arc<str> = path.into();
        let file = self.sources.add(path.clone(), text);
        self.files.insert(path, file);
        Ok(file)
    }

    /// Loads a template and every template below it, several at a time.
    ///
    /// Only literal `TemplateURL`s can be followed before there are values; a relative one is a
    /// path from the folder of the template that names it.
    pub fn load(&mut self, root: &str, files: &dyn Files) {
        self.load_waves(vec![root.into()], files, false);
    }

    /// Loads every template among the files, whatever else lies beside them, and tells which are
    /// roots: those that no other template nests. Where templates only nest each other, the first
    /// of them is a root.
    pub fn load_folder(&mut self, files: &dyn Files) -> Vec<Arc<str>> {
        let mut paths: Vec<Arc<str>> = files.list().into_iter().map(Arc::from).collect();
        self.load_waves(paths.clone(), files, true);
        paths.retain(|it| self.loaded.contains_key(it));
        let nested: HashSet<&Arc<str>> = paths
            .iter()
            .flat_map(|from| self.children(from).filter(move |child| *child != from))
            .collect();
        let (nested, mut candidates): (Vec<_>, Vec<_>) =
            paths.iter().partition(|it| nested.contains(it));
        candidates.extend(nested);
        let mut roots = Vec::new();
        let mut reached = HashSet::new();
        for root in candidates {
            if reached.contains(root) {
                continue;
            }
            roots.push(root.clone());
            let mut open = vec![root];
            while let Some(path) = open.pop() {
                if reached.insert(path) {
                    open.extend(self.children(path));
                }
            }
        }
        roots
    }

    /// The files that the nested stacks of the template at a path lead to.
    fn children(&self, path: &str) -> impl Iterator<Item = &Arc<str>> {
        let template = self.find(path).map(|it| self.template(it));
        template.into_iter().flat_map(|template| {
            (0..template.resources.len()).filter_map(|it| match self.follow(template, it) {
                Child::File(file) => Some(file),
                Child::Ambiguous(_) | Child::Unknown => None,
            })
        })
    }

    /// Loads files, then what they nest, and so on. When the first files are `candidates`, those
    /// that are no templates are left alone.
    fn load_waves(&mut self, mut wave: Vec<Arc<str>>, files: &dyn Files, mut candidates: bool) {
        while !wave.is_empty() {
            wave.retain(|path| !self.loaded.contains_key(path));
            wave.sort();
            wave.dedup();
            let mut parsing = Vec::new();
            for path in wave.drain(..) {
                match self.read(&path, files) {
                    Ok(file) => parsing.push((path, file)),
                    Err(_) if candidates => {}
                    Err(error) => {
                        self.loaded.insert(path, Err(Problem::Unreadable(error)));
                    }
                }
            }
            for (path, parsed) in self.parse(parsing, candidates) {
                let Some((read, diagnostics)) = parsed else { continue };
                self.diagnostics.extend(diagnostics);
                let Some(read) = read else {
                    self.loaded.insert(path, Err(Problem::Malformed));
                    continue;
                };
                let template = &read.template;
                for (index, resource) in template.resources.iter().enumerate() {
                    if &*resource.type_name.text != "AWS::CloudFormation::Stack" {
                        continue;
                    }
                    let url = resource.properties.as_ref().and_then(|it| it.get("TemplateURL"));
                    let child = url.map_or(Child::Unknown, |it| self.child(&path, it, files));
                    if let Child::File(child) = &child {
                        wave.push(child.clone());
                    }
                    self.followed.insert((template.file, index), child);
                }
                self.loaded.insert(path, Ok(TemplateId(self.templates.len() as u32)));
                self.templates.push(read);
            }
            candidates = false;
        }
    }

    /// The file that a `TemplateURL` means: a relative path from the template's folder, a file of
    /// the folder that the configuration names for it, or the file whose path has the longest end
    /// in common with the URL. A name alone says little: it counts only below the template's folder.
    fn child(&mut self, from: &str, url: &Expr, files: &dyn Files) -> Child {
        let written = written(url);
        if written.contains("{{resolve:") {
            return Child::Unknown;
        }
        if !written.contains("${")
            && let Some(path) = join_path(from, &written)
        {
            return Child::File(path.into());
        }
        // A query names a version of the object.
        let path = written.split(['?', '#']).next().unwrap_or_default();
        let folders = self.template_urls.iter().filter_map(|(start, folder)| {
            let rest = path.strip_prefix(start.as_str())?;
            Some((start.len(), format!("{folder}/{rest}")))
        });
        if let Some((_, path)) = folders.max()
            && !path.contains("${")
            && let Some(path) = join_path("", &path)
        {
            return Child::File(path.into());
        }
        let tail = path.rsplit('}').next().unwrap_or_default();
        let wanted: Vec<&str> = tail.rsplit('/').take_while(|it| !it.contains(':')).collect();
        let listing = self.listing.get_or_insert_with(|| {
            let mut listing: HashMap<String, Vec<String>> = HashMap::new();
            for file in files.list() {
                let name = file.rsplit('/').next().unwrap_or_default();
                listing.entry(name.to_owned()).or_default().push(file);
            }
            listing
        });
        let named = wanted.first().and_then(|it| listing.get(*it));
        let folder = from.rfind('/').map_or("", |it| &from[..=it]);
        let mut best = (1, Vec::new());
        // A template does not nest itself: the URL means another of its name.
        for file in named.into_iter().flatten().filter(|it| *it != from) {
            let common = file.rsplit('/').zip(&wanted).take_while(|(a, b)| a == *b).count();
            if common > best.0 {
                best = (common, vec![file.clone()]);
            } else if common == best.0 && (common > 1 || file.starts_with(folder)) {
                best.1.push(file.clone());
            }
        }
        match best.1.as_slice() {
            [] => Child::Unknown,
            [one] => Child::File(one.as_str().into()),
            _ => Child::Ambiguous(best.1),
        }
    }

    /// What the nested stack at a position of a template leads to.
    pub fn follow(&self, template: &Template, resource: usize) -> &Child {
        self.followed.get(&(template.file, resource)).unwrap_or(&Child::Unknown)
    }

    /// Parses texts on as many threads as the work is worth; nothing comes of `candidates` that are
    /// no templates.
    fn parse(
        &self,
        texts: Vec<(Arc<str>, FileId)>,
        candidates: bool,
    ) -> Vec<(Arc<str>, Option<Parsed>)> {
        // Spans name the text by its identity.
        let known = |path: &Arc<str>, file: FileId| {
            let (text, read) = self.earlier.0.get(path)?;
            let same = read.template.file == file && **text == *self.sources.get(file).text();
            same.then_some(read)
        };
        let parse = |(path, file): (Arc<str>, FileId)| {
            if let Some(read) = known(&path, file) {
                return (path, Some((Some(read.clone()), Vec::new())));
            }
            let text = self.sources.get(file).text();
            let parsed = match candidates {
                false => Some(parse_template(file, text)),
                true => parse_candidate(file, text)
                    .map(|document| parse_template_document(file, text, document)),
            };
            (path, parsed.map(ordered))
        };
        let threads = std::thread::available_parallelism().map_or(1, |it| it.get().min(8));
        let new = texts.iter().filter(|(path, file)| known(path, *file).is_none()).count();
        // A thread costs about as much as parsing two small templates.
        if threads == 1 || new < 8 {
            return texts.into_iter().map(parse).collect();
        }
        let share = texts.len().div_ceil(threads);
        std::thread::scope(|scope| {
            let shares: Vec<_> = texts
                .chunks(share)
                .map(|texts| {
                    let texts = texts.to_vec();
                    scope.spawn(move || texts.into_iter().map(parse).collect::<Vec<_>>())
                })
                .collect();
            shares.into_iter().flat_map(|it| it.join().unwrap_or_default()).collect()
        })
    }

    /// The template at a path that was loaded.
    pub fn find(&self, path: &str) -> Option<TemplateId> {
        self.loaded.get(path)?.as_ref().ok().copied()
    }

    /// Why there is no template at a path: in words, or nothing when its text has errors of its
    /// own that were reported.
    pub fn problem(&self, path: &str) -> Option<Message> {
        match self.loaded.get(path) {
            Some(Err(Problem::Unreadable(error))) => Some(error.describe()),
            Some(Err(Problem::Malformed) | Ok(_)) => None,
            None => Some(message!("it was not read")),
        }
    }

    /// A template.
    pub fn template(&self, id: TemplateId) -> &Template {
        &self.templates[id.0 as usize].template
    }

    /// The order in which a template's resources are created.
    pub fn order(&self, id: TemplateId) -> &Order {
        &self.templates[id.0 as usize].order
    }

    /// Every template, in the order in which they were loaded.
    pub fn templates(&self) -> impl Iterator<Item = (TemplateId, &Template)> {
        let templates = self.templates.iter().map(|it| &*it.template);
        templates.enumerate().map(|(index, it)| (TemplateId(index as u32), it))
    }
}

/// A template that was parsed, with the order of its resources.
fn ordered((template, mut diagnostics): (Option<Template>, Vec<Diagnostic>)) -> Parsed {
    let read = template.map(|template| {
        let order = order(&template);
        diagnostics.extend(order.cycles.iter().map(|it| it.finding(&template)));
        Read { template: Arc::new(template), order: Arc::new(order) }
    });
    (read, diagnostics)
}

/// Reads a file that may be a template or anything else that is YAML or JSON: nothing if it is none.
///
/// A template has `AWSTemplateFormatVersion`, or a map of `Resources`. One with an error of syntax
/// has no sections, so these words decide.
fn parse_candidate(file: FileId, text: &str) -> Option<Document> {
    const VERSION: &str = "AWSTemplateFormatVersion";
    const RESOURCES: &str = "Resources";
    // Most other files contain neither word, and need no parsing.
    if !text.contains(VERSION) && !text.contains(RESOURCES) {
        return None;
    }
    let document = parse_document(file, text, Format::of(text), Limits::default());
    let is_template = match &document.root {
        Some(root) => {
            let resources = root.get(RESOURCES).and_then(Node::as_map);
            root.get(VERSION).is_some() || resources.is_some()
        }
        None => text.contains(VERSION) || text.lines().any(|it| it.trim_end() == "Resources:"),
    };
    is_template.then_some(document)
}

/// UTF-8 with a byte-order mark or without; what is not UTF-8 becomes a replacement character,
/// which the parser reports at its place.
pub fn decode(bytes: Vec<u8>) -> String {
    let text = String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

/// A text as it is written, with `${Name}` for what only values tell:
/// `https://${Bucket}.s3.amazonaws.com/nested/a.yaml`.
fn written(expr: &Expr) -> String {
    if let Some(text) = expr.as_text() {
        return text.to_owned();
    }
    let unknown = "${}".to_owned();
    let ExprKind::Call(call) = &expr.kind else { return unknown };
    match &**call {
        Call::Ref(name) => format!("${{{}}}", name.text),
        Call::Sub { parts, .. } => {
            let part = |it: &SubPart| match it {
                SubPart::Text(text) => text.to_string(),
                SubPart::Reference(reference) => match &reference.attribute {
                    Some(attribute) => format!("${{{}.{attribute}}}", reference.name.text),
                    None => format!("${{{}}}", reference.name.text),
                },
            };
            parts.iter().map(part).collect()
        }
        Call::Join { separator, items } => match (separator.as_text(), items.as_list()) {
            (Some(separator), Some(items)) => {
                items.iter().map(written).collect::<Vec<_>>().join(separator)
            }
            _ => unknown,
        },
        _ => unknown,
    }
}

/// The path that `url` means in a template at `from`, or nothing when it is no relative path.
pub fn join_path(from: &str, url: &str) -> Option<String> {
    if url.is_empty() || url.starts_with('/') || url.contains("://") {
        return None;
    }
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in url.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|it| *it != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}
