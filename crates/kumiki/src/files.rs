//! Where texts come from: the disk, and a note of everything that was asked of it.

use kumiki_project::{FileError, Files, MAX_FILE_BYTES};
use sha2::{Digest, Sha256};
use std::io::Read;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// The files below a folder.
pub(crate) struct Disk {
    root: PathBuf,
}

impl Disk {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// What the system says of the files that were noted, without reading them: it changes when one
    /// of them does.
    pub(crate) fn stamps(&self, notes: &[Note]) -> Vec<Stamp> {
        let stamp = |path: &str| {
            let metadata = std::fs::metadata(self.root.join(path)).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        };
        notes
            .iter()
            .map(|note| match note {
                Note::Read(path, _) => Stamp::File(stamp(path)),
                Note::List(_) => Stamp::Names(self.list()),
            })
            .collect()
    }
}

/// The state of a file, or of the names of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stamp {
    File(Option<(SystemTime, u64)>),
    Names(Vec<String>),
}

impl Files for Disk {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let other = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory => FileError::NotFound,
            _ => FileError::Other(error.to_string()),
        };
        let file = std::fs::File::open(self.root.join(path)).map_err(other)?;
        let metadata = file.metadata().map_err(other)?;
        if !metadata.is_file() {
            return Err(FileError::NotAFile);
        }
        if metadata.len() > MAX_FILE_BYTES {
            return Err(FileError::TooLarge(metadata.len()));
        }
        let mut bytes = Vec::with_capacity(metadata.len() as usize);
        // The length may change between the two calls; the limit holds all the same.
        file.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(other)?;
        Ok(bytes)
    }

    fn list(&self) -> Vec<String> {
        let mut found = Vec::new();
        let mut open = vec![String::new()];
        while let Some(folder) = open.pop() {
            let Ok(entries) = std::fs::read_dir(self.root.join(&folder)) else { continue };
            for entry in entries.flatten() {
                let name = entry.file_name();
                let Some(name) = name.to_str().filter(|it| !it.starts_with('.')) else { continue };
                let path =
                    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
                // A symbolic link may lead in a circle, so none is followed.
                match entry.file_type() {
                    Ok(it) if it.is_dir() && !matches!(name, "node_modules" | "target") => {
                        open.push(path);
                    }
                    Ok(it) if it.is_file() && is_wanted(name) => found.push(path),
                    _ => {}
                }
            }
        }
        found.sort();
        found
    }
}

/// Whether a file of this name may be a template, or has Guard rules.
pub(crate) fn is_wanted(name: &str) -> bool {
    [".yaml", ".yml", ".json", ".template", ".guard"].iter().any(|it| name.ends_with(it))
}

/// What was asked of the files, and the digest of the answer.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Note {
    /// A file, and its content; nothing where it could not be read.
    Read(String, Option<[u8; 32]>),
    /// The names of the files.
    List([u8; 32]),
}

impl Note {
    /// The content of a file whose answer is what it was, and nothing of the names.
    ///
    /// # Errors
    /// When the answer is another one now.
    pub(crate) fn again(&self, files: &dyn Files) -> Result<Option<Vec<u8>>, Changed> {
        match self {
            Self::Read(path, digest) => {
                let content = files.read(path).ok();
                let now = content.as_ref().map(|it| Sha256::digest(it).into());
                if now == *digest { Ok(content) } else { Err(Changed) }
            }
            Self::List(digest) => {
                let now: [u8; 32] = Sha256::digest(files.list().join("\n")).into();
                if now == *digest { Ok(None) } else { Err(Changed) }
            }
        }
    }
}

/// A file is no longer what it was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Changed;

/// Files that note what they are asked: a result that follows from the texts holds as long as the
/// same questions have the same answers.
pub(crate) struct Noted {
    files: Arc<dyn Files + Send + Sync>,
    notes: Mutex<Vec<Note>>,
}

impl Noted {
    pub(crate) fn new(files: Arc<dyn Files + Send + Sync>) -> Self {
        Self { files, notes: Mutex::default() }
    }

    /// What was asked so far.
    pub(crate) fn notes(&self) -> Vec<Note> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: Note) {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(note);
    }
}

impl Files for Noted {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let content = self.files.read(path);
        let digest = content.as_ref().ok().map(|it| Sha256::digest(it).into());
        self.note(Note::Read(path.to_owned(), digest));
        content
    }

    fn list(&self) -> Vec<String> {
        let names = self.files.list();
        self.note(Note::List(Sha256::digest(names.join("\n")).into()));
        names
    }
}
