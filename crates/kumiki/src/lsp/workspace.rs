//! What the editor has open, and the projects that it belongs to.
//!
//! A text that the editor holds counts more than the file on the disk. A folder belongs to the
//! project whose `kumiki.toml` lies in it or above it; a template that no project reaches is one
//! by itself.

use super::snapshot::{Snapshot, absolute};
use crate::files::{Disk, is_wanted};
use crate::output::Stop;
use kumiki_project::{FileError, Files};
use kumiki_source::FileId;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const CONFIGURATION: &str = "kumiki.toml";

/// The texts that the editor holds, by path.
type Texts = BTreeMap<PathBuf, Arc<str>>;

/// The files below a folder, as the editor has them.
struct Overlay {
    folder: PathBuf,
    disk: Disk,
    texts: Texts,
}

impl Files for Overlay {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        match self.texts.get(&absolute(&self.folder, path)) {
            Some(text) => Ok(text.as_bytes().to_vec()),
            None => self.disk.read(path),
        }
    }

    fn list(&self) -> Vec<String> {
        let mut found: BTreeSet<String> = self.disk.list().into_iter().collect();
        let held = self.texts.keys().filter_map(|it| it.strip_prefix(&self.folder).ok()?.to_str());
        found.extend(held.filter(|it| is_wanted(it)).map(|it| it.replace('\\', "/")));
        found.into_iter().collect()
    }
}

/// The projects in the editor, each under its `kumiki.toml`, or the template that it is.
#[derive(Default)]
pub(super) struct Workspace {
    folders: Vec<PathBuf>,
    texts: Texts,
    projects: BTreeMap<PathBuf, Opened>,
}

/// A project that is open.
#[derive(Default)]
struct Opened {
    /// What was read, or why nothing could be; nothing before the first time.
    read: Option<Result<Arc<Snapshot>, Stop>>,
    /// Whether a text changed since.
    stale: bool,
}

impl Opened {
    fn snapshot(&self) -> Option<&Arc<Snapshot>> {
        self.read.as_ref()?.as_ref().ok()
    }
}

impl Workspace {
    /// Opens a folder.
    pub(super) fn add_folder(&mut self, folder: PathBuf) {
        self.folders.push(folder);
    }

    /// Closes a folder.
    pub(super) fn remove_folder(&mut self, folder: &Path) {
        self.folders.retain(|it| it != folder);
    }

    /// Takes in a text that the editor holds, or holds no more.
    pub(super) fn set_text(&mut self, path: PathBuf, text: Option<String>) {
        let reaches = |it: &Opened| it.snapshot().is_some_and(|it| it.file(&path).is_some());
        let known = self.projects.values().any(reaches);
        for it in self.projects.values_mut() {
            // What no project has read yet may be what one of them misses.
            it.stale |= !known || reaches(it);
        }
        match text {
            Some(text) => self.texts.insert(path, text.into()),
            None => self.texts.remove(&path),
        };
    }

    /// Takes notice of changes on the disk.
    pub(super) fn disk_changed(&mut self) {
        self.projects.values_mut().for_each(|it| it.stale = true);
    }

    /// Reads again what changed; the projects that were read, and those that are gone.
    pub(super) fn refresh(&mut self) -> BTreeSet<PathBuf> {
        let homes = self.folders.iter().map(PathBuf::as_path);
        let homes = homes.chain(self.texts.keys().filter_map(|it| it.parent()));
        let mut wanted: BTreeSet<PathBuf> = homes.filter_map(|it| self.configuration(it)).collect();
        let mut changed = self.read(&wanted);
        let alone: BTreeSet<PathBuf> = self
            .texts
            .iter()
            .filter(|(path, text)| {
                let reached = |it: &PathBuf| {
                    let snapshot = self.projects.get(it).and_then(Opened::snapshot);
                    snapshot.is_some_and(|it| it.file(path).is_some())
                };
                is_template(path, text) && !wanted.iter().any(reached)
            })
            .map(|(path, _)| path.clone())
            .collect();
        changed.extend(self.read(&alone));
        wanted.extend(alone);
        changed.extend(self.projects.keys().filter(|it| !wanted.contains(*it)).cloned());
        self.projects.retain(|it, _| wanted.contains(it));
        changed
    }

    /// Reads those of the projects that are stale or new.
    fn read(&mut self, keys: &BTreeSet<PathBuf>) -> BTreeSet<PathBuf> {
        let mut changed = BTreeSet::new();
        for key in keys {
            let opened = self.projects.entry(key.clone()).or_default();
            if opened.read.is_some() && !opened.stale {
                continue;
            }
            let (Some(folder), Some(name)) =
                (key.parent(), key.file_name().and_then(|it| it.to_str()))
            else {
                continue;
            };
            let folder = folder.to_path_buf();
            let files = Arc::new(Overlay {
                folder: folder.clone(),
                disk: Disk::new(folder.clone()),
                texts: self.texts.clone(),
            });
            let earlier = opened.snapshot().map(|it| it.library().read_well()).unwrap_or_default();
            let read = match name {
                CONFIGURATION => Snapshot::of_project(folder, files, earlier),
                name => Snapshot::of_template(folder, name, files, earlier),
            };
            *opened = Opened { read: Some(read.map(Arc::new)), stale: false };
            changed.insert(key.clone());
        }
        changed
    }

    /// The configuration that a folder belongs to.
    fn configuration(&self, folder: &Path) -> Option<PathBuf> {
        let mut paths = folder.ancestors().map(|it| it.join(CONFIGURATION));
        paths.find(|it| self.texts.contains_key(it) || it.is_file())
    }

    /// A project as it was last read, or why it could not be; nothing when it is closed.
    pub(super) fn project(&self, key: &Path) -> Option<&Result<Arc<Snapshot>, Stop>> {
        self.projects.get(key)?.read.as_ref()
    }

    /// The project that answers for a file: the one that is configured, else one that nests the
    /// template, else the template by itself.
    pub(super) fn owner(&self, path: &Path) -> Option<(&Path, &Arc<Snapshot>, FileId)> {
        let owners = self.projects.iter().filter_map(|(key, it)| {
            let snapshot = it.snapshot()?;
            Some((key.as_path(), snapshot, snapshot.file(path)?))
        });
        owners.min_by_key(|(key, ..)| (!key.ends_with(CONFIGURATION), *key == path))
    }
}

/// Whether a text that the editor opened is meant to be a template: it holds YAML of every kind.
fn is_template(path: &Path, text: &str) -> bool {
    let named = path.file_name().and_then(|it| it.to_str()).is_some_and(is_wanted);
    let written = text.contains("AWSTemplateFormatVersion")
        || text.contains("Resources") && text.contains("AWS::");
    named && written
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEMPLATE: &str = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n";
    const PARENT: &str = "Resources:\n  Child:\n    Type: AWS::CloudFormation::Stack\n    \
                          Properties: { TemplateURL: child.yaml }\n";

    /// What answers for a file, after texts were opened (or closed) one after the other.
    fn owner(texts: &[(&str, Option<&str>)], path: &str) -> Option<String> {
        let mut workspace = Workspace::default();
        for (path, text) in texts {
            workspace.set_text(PathBuf::from(path), text.map(str::to_owned));
            workspace.refresh();
        }
        let (key, ..) = workspace.owner(Path::new(path))?;
        Some(key.display().to_string())
    }

    #[test]
    fn a_text_belongs_to_the_project_that_reaches_it() {
        let child = ("/nowhere/child.yaml", Some(TEMPLATE));
        let parent = ("/nowhere/parent.yaml", Some(PARENT));
        let alone = Some("/nowhere/child.yaml".to_owned());
        let nested = Some("/nowhere/parent.yaml".to_owned());
        let closed = ("/nowhere/parent.yaml", None);
        assert_eq!(owner(&[child], child.0), alone);
        assert_eq!(owner(&[child, parent], child.0), nested);
        assert_eq!(owner(&[parent, child], child.0), nested);
        assert_eq!(owner(&[parent, child, closed], child.0), alone);
        assert_eq!(
            owner(&[("/nowhere/compose.yaml", Some("services: {}"))], "/nowhere/compose.yaml"),
            None
        );
        let configuration = "[roots.a]\ntemplate = \"parent.yaml\"\nstack-name = \"a\"\n\
                             region = \"eu-west-1\"\nparameters = \"{environment}.json\"\n\
                             [environments.dev]\n";
        let texts = [
            child,
            parent,
            ("/nowhere/kumiki.toml", Some(configuration)),
            ("/nowhere/dev.json", Some("[]")),
        ];
        assert_eq!(owner(&texts, child.0), Some("/nowhere/kumiki.toml".to_owned()));
    }
}
