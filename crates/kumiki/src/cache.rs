//! What a check found, kept until one of its texts changes.
//!
//! A check is a function of the texts that it read, the day, and this program. All three are part
//! of what is kept, so that nothing has to be cleared by hand; the folder may be deleted at any
//! time. Everything that goes wrong here means a check without the cache, and nothing else.

use crate::checking::{Checked, Scope, today};
use crate::files::Note;
use kumiki_check::{Answers, Suppressed};
use kumiki_project::{Files, decode};
use kumiki_source::Sources;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The most that is kept, in files and bytes; what was written longest ago goes first.
const MOST_FILES: usize = 64;
const MOST_BYTES: u64 = 64 << 20;

/// The cache of one question.
pub(crate) struct Cache {
    folder: PathBuf,
    /// Names the question, the day and this program.
    key: String,
}

/// A check's findings and the texts that they point into.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub(crate) sources: Sources,
    pub(crate) found: Suppressed,
}

#[derive(Serialize)]
struct Keep<'c> {
    notes: Vec<Note>,
    sources: Vec<&'c str>,
    found: &'c Suppressed,
}

#[derive(Deserialize)]
struct Kept {
    notes: Vec<Note>,
    sources: Vec<String>,
    found: Suppressed,
}

impl Cache {
    /// The cache of a project; templates without configuration have none, so that looking at a
    /// folder leaves nothing in it.
    pub(crate) fn of(scope: &Scope) -> Option<Self> {
        let Scope::Project { folder, .. } = scope else { return None };
        let program = std::env::current_exe().and_then(std::fs::metadata).ok()?;
        let built = program.modified().ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        let question = serde_json::to_string(scope).ok()?;
        let version = env!("CARGO_PKG_VERSION");
        let parts = format!("{version} {} {built:?} {} {question}", program.len(), today());
        let digest = Sha256::digest(parts);
        let key = digest[..16].iter().map(|it| format!("{it:02x}")).collect();
        Some(Self { folder: folder.join(".kumiki/cache"), key })
    }

    /// What the last check found, if every text is what it was.
    pub(crate) fn recall(&self, files: &dyn Files) -> Option<Findings> {
        let kept: Kept = self.read("findings")?;
        let mut texts: HashMap<&str, String> = HashMap::new();
        for note in &kept.notes {
            let content = note.again(files).ok()?;
            if let (Note::Read(path, _), Some(content)) = (note, content) {
                texts.insert(path, decode(content));
            }
        }
        let mut sources = Sources::default();
        for path in &kept.sources {
            sources.add(path.as_str(), texts.get(path.as_str())?.as_str());
        }
        Some(Findings { sources, found: kept.found })
    }

    /// What AWS's rules answered in the last check.
    pub(crate) fn answers(&self) -> Answers {
        self.read("answers").unwrap_or_default()
    }

    /// Keeps what a check found.
    pub(crate) fn keep(&self, checked: &Checked, answers: &Answers) {
        if std::fs::create_dir_all(&self.folder).is_err() {
            return;
        }
        let ignore = self.folder.join(".gitignore");
        if !ignore.exists() {
            let _ = std::fs::write(ignore, "*\n");
        }
        let sources = checked.linked.project.library.sources.iter();
        self.write(
            "findings",
            &Keep {
                notes: checked.linked.project.files.notes(),
                sources: sources.map(|(_, it)| it.path()).collect(),
                found: &checked.found,
            },
        );
        self.write("answers", answers);
        prune(&self.folder);
    }

    fn path(&self, what: &str) -> PathBuf {
        self.folder.join(format!("{}.{what}", self.key))
    }

    /// A file begins with the digest of the rest: what was damaged is as good as not there.
    fn read<T: DeserializeOwned>(&self, what: &str) -> Option<T> {
        let bytes = std::fs::read(self.path(what)).ok()?;
        let (digest, content) = bytes.split_at_checked(32)?;
        if Sha256::digest(content).as_slice() != digest {
            return None;
        }
        postcard::from_bytes(content).ok()
    }

    /// A file appears whole or not at all, whoever else is writing.
    fn write(&self, what: &str, content: &impl Serialize) {
        let Ok(content) = postcard::to_allocvec(content) else { return };
        let Ok(mut file) = tempfile::NamedTempFile::new_in(&self.folder) else { return };
        let written =
            file.write_all(&Sha256::digest(&content)).and_then(|()| file.write_all(&content));
        if written.is_ok() {
            let _ = file.persist(self.path(what));
        }
    }
}

/// Deletes what was written longest ago until the rest is within the limits.
fn prune(folder: &Path) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
        .flatten()
        .filter_map(|it| {
            let metadata = it.metadata().ok().filter(std::fs::Metadata::is_file)?;
            Some((metadata.modified().ok()?, metadata.len(), it.path()))
        })
        .filter(|(_, _, path)| path.extension().is_some())
        .collect();
    files.sort_by(|a, b| b.cmp(a));
    let mut bytes = 0;
    for (count, (_, size, path)) in files.into_iter().enumerate() {
        bytes += size;
        if count >= MOST_FILES || bytes > MOST_BYTES {
            let _ = std::fs::remove_file(path);
        }
    }
}
