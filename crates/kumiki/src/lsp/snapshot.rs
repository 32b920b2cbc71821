//! One project at one instant: its texts, its trees with every environment's values, its names.
//! What is asked of the editor's server is answered from here, and nothing here changes.

use super::names::Names;
use crate::checking::{Job, Linked, Scope as Checking};
use crate::output::Stop;
use kumiki_project::{Cloud, Earlier, Files, Library, ResourceRef, Scope, Tree, Value};
use kumiki_source::{Diagnostic, FileId, Source};
use kumiki_template::{Expr, Template};
use line_index::LineIndex;
use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// The Region of a template that no project gives one: that of `kumiki check` without `--region`.
const REGION: &str = "ap-northeast-1";

/// One project at one instant.
pub(super) struct Snapshot {
    pub(super) linked: Linked,
    /// Found when somebody asks: findings do without.
    names: OnceLock<Names>,
    /// Where each text lies on the disk, and its lines.
    places: Vec<(PathBuf, LineIndex)>,
    by_path: HashMap<PathBuf, FileId>,
}

/// A root with the values of one environment and scenario.
#[derive(Clone, Copy)]
pub(super) struct Sample<'s> {
    pub(super) job: &'s Job,
    pub(super) tree: &'s Tree,
    library: &'s Library,
}

impl Snapshot {
    /// The project in a folder.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub(super) fn of_project(
        folder: PathBuf,
        files: Arc<dyn Files + Send + Sync>,
        earlier: Earlier,
    ) -> Result<Self, Stop> {
        Self::new(
            &Checking::Project { folder, root: None, environments: Vec::new(), guard: Vec::new() },
            files,
            earlier,
        )
    }

    /// A template by itself, without configuration or parameter file.
    ///
    /// # Errors
    /// When it cannot be read at all.
    pub(super) fn of_template(
        folder: PathBuf,
        name: &str,
        files: Arc<dyn Files + Send + Sync>,
        earlier: Earlier,
    ) -> Result<Self, Stop> {
        let (names, region) = (vec![name.to_owned()], REGION.to_owned());
        Self::new(
            &Checking::Templates { folder, names, parameters: None, region, guard: Vec::new() },
            files,
            earlier,
        )
    }

    fn new(
        scope: &Checking,
        files: Arc<dyn Files + Send + Sync>,
        earlier: Earlier,
    ) -> Result<Self, Stop> {
        let linked = Linked::new(scope, files, earlier)?;
        let folder = &linked.project.folder;
        let sources = &linked.project.library.sources;
        let place = |it: &Source| (absolute(folder, it.path()), LineIndex::new(it.text()));
        let places: Vec<(PathBuf, LineIndex)> = sources.iter().map(|(_, it)| place(it)).collect();
        let paths = places.iter().map(|(path, _)| path.clone());
        let by_path = paths.zip(sources.iter().map(|(file, _)| file)).collect();
        Ok(Self { linked, names: OnceLock::new(), places, by_path })
    }

    /// The names in the texts, and where they lead.
    pub(super) fn names(&self) -> &Names {
        self.names.get_or_init(|| Names::of(self))
    }

    /// The roots, in every environment and scenario.
    pub(super) fn samples(&self) -> impl Iterator<Item = Sample<'_>> + Clone {
        let library = self.library();
        self.linked.jobs.iter().map(move |(job, tree)| Sample { job, tree, library })
    }

    /// What our own rules find.
    pub(super) fn ours(&self) -> Vec<Diagnostic> {
        let mut findings = self.linked.ours();
        if self.linked.project.config_file.is_none() {
            // Nobody was asked for the values of a template by itself, so none is missing.
            let roots: Vec<FileId> = self.samples().map(Sample::root).collect();
            findings.retain(|it| {
                it.rule != "missing-parameter" || it.span.is_none_or(|it| !roots.contains(&it.file))
            });
        }
        findings
    }

    pub(super) fn library(&self) -> &Library {
        &self.linked.project.library
    }

    /// The text at a path.
    pub(super) fn file(&self, path: &Path) -> Option<FileId> {
        self.by_path.get(path).copied()
    }

    /// Where a text lies.
    pub(super) fn path(&self, file: FileId) -> &Path {
        &self.places[file.index()].0
    }

    /// The lines of a text.
    pub(super) fn lines(&self, file: FileId) -> &LineIndex {
        &self.places[file.index()].1
    }

    pub(super) fn text(&self, file: FileId) -> &str {
        self.library().sources.get(file).text()
    }

    /// The template that a text is, if it is one.
    pub(super) fn template(&self, file: FileId) -> Option<&Template> {
        let library = self.library();
        library.find(library.sources.get(file).path()).map(|it| library.template(it))
    }
}

impl<'s> Sample<'s> {
    /// Where an export of this name is seen: the environment and Region that share it.
    pub(super) fn exporting(self, name: &'s str) -> (&'s str, &'s str, &'s str) {
        (&self.job.inputs.environment, &self.job.inputs.region, name)
    }

    /// The file of the root.
    pub(super) fn root(self) -> FileId {
        self.library.template(self.job.template).file
    }

    /// The template of a stack.
    pub(super) fn template(self, stack: usize) -> &'s Template {
        self.library.template(self.tree.stacks[stack].template)
    }

    /// The value of an expression of a stack.
    pub(super) fn evaluate(self, stack: usize, expr: &Expr) -> Value {
        let template = self.template(stack);
        let stack = &self.tree.stacks[stack];
        let parameters = stack.parameters.iter().map(|it| it.value.clone()).collect();
        let cloud = Linking(self.tree);
        let inputs = &self.job.inputs;
        Scope::alone(template, stack.path.clone(), inputs, parameters, &cloud).evaluate(expr)
    }

    /// The stacks that are made of a template, by position.
    pub(super) fn stacks_of(self, file: FileId) -> impl Iterator<Item = usize> {
        (0..self.tree.stacks.len()).filter(move |it| self.template(*it).file == file)
    }
}

/// A finished tree as what its own stacks wait for: outputs of nested stacks, and imports.
struct Linking<'t>(&'t Tree);

impl Cloud for Linking<'_> {
    fn physical_id(&self, _: &ResourceRef) -> Option<Value> {
        None
    }

    fn attribute(&self, resource: &ResourceRef, name: &str) -> Option<Value> {
        let output = name.strip_prefix("Outputs.")?;
        let (_, stack) = self.0.stack(&resource.to_string())?;
        stack.output(output).map(|it| it.value.clone())
    }

    fn import(&self, name: &str) -> Option<Value> {
        let export = self.0.exports.iter().find(|it| &*it.name == name)?;
        Some(self.0.stacks[export.stack].outputs[export.output].value.clone())
    }

    fn stack_output(&self, _: &str, _: &str, _: &str) -> Option<Value> {
        None
    }

    fn zones(&self, _: &str) -> Option<Vec<String>> {
        None
    }

    fn stack_id(&self, _: &str) -> Option<String> {
        None
    }

    fn stack_name(&self, _: &str) -> Option<String> {
        None
    }
}

/// A path of a project as one of the disk, without `..`.
pub(super) fn absolute(folder: &Path, path: &str) -> PathBuf {
    let mut absolute = PathBuf::new();
    for part in folder.join(path).components() {
        match part {
            Component::ParentDir => {
                absolute.pop();
            }
            Component::CurDir => {}
            part => absolute.push(part),
        }
    }
    absolute
}
