//! The project on disk: its configuration, its texts, and the inputs of a root.

use crate::args::Global;
use crate::files::{Disk, Noted};
use crate::output::Stop;
use kumiki_project::{
    Config, Earlier, EnvironmentConfig, FileError, Files, Given, Inputs, Library,
    REHEARSAL_ACCOUNT, RootConfig, TemplateId, Tree, fill, parse_config, parse_parameter_file,
};
use kumiki_source::{Diagnostic, FileId, Span, closest, message};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A project that was opened: its configuration and what was read of it so far.
pub(crate) struct Project {
    pub(crate) folder: PathBuf,
    pub(crate) files: Noted,
    pub(crate) library: Library,
    pub(crate) config: Config,
    pub(crate) config_file: Option<FileId>,
    /// The account that is deployed to, where AWS knows it.
    pub(crate) caller: Option<String>,
}

/// A root with the inputs of one environment.
pub(crate) struct Deployment {
    /// The template, unless it has errors of its own.
    pub(crate) template: Option<TemplateId>,
    pub(crate) inputs: Inputs,
    pub(crate) environment: EnvironmentConfig,
    pub(crate) config: RootConfig,
}

/// What keeps a command from running: a finding in a file, or something without a place.
pub(crate) enum Trouble {
    Finding(Box<Diagnostic>),
    Stop(Stop),
}

impl From<Stop> for Trouble {
    fn from(it: Stop) -> Self {
        Self::Stop(it)
    }
}

impl Project {
    /// Reads the files of Guard rules of the project, and more.
    ///
    /// # Errors
    /// When one cannot be read, or there is none in a folder.
    pub(crate) fn guard_files(&mut self, more: &[String]) -> Result<Vec<FileId>, Stop> {
        let mut found = Vec::new();
        for path in self.config.guard.iter().chain(more) {
            let mut names = vec![path.clone()];
            let read = self.library.read(path, &self.files);
            if read == Err(FileError::NotAFile) {
                let folder = format!("{}/", path.trim_end_matches('/'));
                names = self.files.list();
                names.retain(|it| it.starts_with(&folder) && it.ends_with(".guard"));
                if names.is_empty() {
                    return Err(Stop::new(message!(
                        "there is no `*.guard` file in `{path}`",
                        path
                    )));
                }
            }
            for name in names {
                found.push(self.library.read(&name, &self.files).map_err(|error| {
                    Stop::new(message!("Guard rule file `{path}` cannot be read", path = name))
                        .help(error.describe())
                })?);
            }
        }
        Ok(found)
    }

    /// Opens the project at `--project`, or the one that the current folder lies in.
    ///
    /// # Errors
    /// When there is no project; configuration errors are left in `trouble`.
    pub(crate) fn open(global: &Global) -> Result<(Self, Option<Diagnostic>), Stop> {
        Self::open_at(project_folder(global)?)
    }

    /// Opens the project in a folder.
    ///
    /// # Errors
    /// When the folder has no readable `kumiki.toml`.
    pub(crate) fn open_at(folder: PathBuf) -> Result<(Self, Option<Diagnostic>), Stop> {
        let files = Arc::new(Disk::new(folder.clone()));
        Self::open_with(folder, files, Earlier::default())
    }

    /// Opens the project in a folder whose texts come from `files`.
    ///
    /// # Errors
    /// When the folder has no readable `kumiki.toml`.
    pub(crate) fn open_with(
        folder: PathBuf,
        files: Arc<dyn Files + Send + Sync>,
        earlier: Earlier,
    ) -> Result<(Self, Option<Diagnostic>), Stop> {
        let files = Noted::new(files);
        let mut library = Library::after(earlier);
        let path = folder.display();
        let file = library.read("kumiki.toml", &files).map_err(|error| match error {
            FileError::NotFound => {
                Stop::new(message!("there is no `kumiki.toml` in `{path}`", path))
                    .help(message!("name the project's folder with `--project DIR`"))
            }
            error => Stop::new(message!("`kumiki.toml` in `{path}` cannot be read", path))
                .help(error.describe()),
        })?;
        let (config, trouble) = match parse_config(file, library.sources.get(file).text()) {
            Ok(config) => (config, None),
            Err(diagnostic) => (Config::default(), Some(*diagnostic)),
        };
        library.template_urls.clone_from(&config.template_urls);
        let config_file = Some(file);
        Ok((Self { folder, files, library, config, config_file, caller: None }, trouble))
    }

    /// A folder of templates without configuration.
    pub(crate) fn without_config(
        folder: PathBuf,
        files: Arc<dyn Files + Send + Sync>,
        earlier: Earlier,
    ) -> Self {
        Self {
            files: Noted::new(files),
            folder,
            library: Library::after(earlier),
            config: Config::default(),
            config_file: None,
            caller: None,
        }
    }

    /// A root by name, or the default one.
    pub(crate) fn root(&self, name: Option<&str>) -> Result<(String, RootConfig), Trouble> {
        let roots = &self.config.roots;
        let name = match (name, &self.config.default_root, roots.len()) {
            (Some(name), ..) => name.to_owned(),
            (None, Some(name), _) => name.clone(),
            (None, None, 1) => roots.keys().next().cloned().unwrap_or_default(),
            _ => {
                return Err(Stop::new(message!("the project has several roots and no default"))
                    .help(message!("name one with `--root`, or set `default-root`"))
                    .into());
            }
        };
        match roots.get(&name) {
            Some(root) => Ok((name, root.clone())),
            None => {
                let known = listed(roots.keys());
                let diagnostic = self
                    .in_config(message!("there is no root `{name}`", name), None)
                    .help(message!("the roots are {known}", known));
                Err(Trouble::Finding(Box::new(diagnostic)))
            }
        }
    }

    fn in_config(&self, message: kumiki_source::Message, at: Option<Span>) -> Diagnostic {
        let mut diagnostic = Diagnostic::error("configuration", message);
        diagnostic.span = at.or(self.config_file.map(Span::file_start));
        diagnostic
    }

    /// Loads a root's template.
    ///
    /// # Errors
    /// When it cannot be read. One with errors of its own is none: they are in the library.
    pub(crate) fn load(&mut self, root: &RootConfig) -> Result<Option<TemplateId>, Trouble> {
        let template = root.template.get_ref();
        self.library.load(template, &self.files);
        let Some(reason) = self.library.problem(template) else {
            return Ok(self.library.find(template));
        };
        let span = root.template.span();
        let at = self.config_file.map(|it| Span::new(it, span.start, span.end));
        let message = message!("template `{template}` cannot be read", template);
        Err(Trouble::Finding(Box::new(self.in_config(message, at).help(reason))))
    }

    /// An environment by name.
    pub(crate) fn environment(&self, name: &str) -> Result<EnvironmentConfig, Trouble> {
        let environments = &self.config.environments;
        if let Some(it) = environments.get(name) {
            return Ok(it.clone());
        }
        let text = self.config_file.map(|it| self.library.sources.get(it).text());
        // The place where environments are named is the place to look at.
        let at = self.config_file.zip(text.and_then(|it| it.find("[environments")));
        let at = at.map(|(file, start)| Span::new(file, start, start + "[environments".len()));
        let mut diagnostic = self.in_config(message!("there is no environment `{name}`", name), at);
        if let Some(near) = closest(name, environments.keys().map(String::as_str)) {
            diagnostic = diagnostic.help(message!("did you mean `{near}`?", near));
        }
        let known = listed(environments.keys());
        Err(Trouble::Finding(Box::new(
            diagnostic.help(message!("the environments are {known}", known)),
        )))
    }

    /// The inputs of a root in an environment, and findings about its parameter file.
    pub(crate) fn deployment(
        &mut self,
        root: &RootConfig,
        environment: &str,
        findings: &mut Vec<Diagnostic>,
    ) -> Result<Deployment, Trouble> {
        let settings = self.environment(environment)?;
        let path = root.parameters.get_ref().replace("{environment}", environment);
        let file = match self.library.read(&path, &self.files) {
            Ok(file) => file,
            Err(error) => {
                let span = root.parameters.span();
                let at = self.config_file.map(|it| Span::new(it, span.start, span.end));
                let message = message!("parameter file `{path}` cannot be read", path);
                let diagnostic = self.in_config(message, at).help(error.describe());
                return Err(Trouble::Finding(Box::new(diagnostic)));
            }
        };
        let parsed = parse_parameter_file(file, self.library.sources.get(file).text());
        let broken = !parsed.diagnostics.is_empty();
        findings.extend(parsed.diagnostics.into_iter().map(|mut it| {
            it.environments = vec![environment.to_owned()];
            it
        }));
        if broken && parsed.parameters.is_empty() {
            return Err(Trouble::Finding(Box::new(findings.remove(findings.len() - 1))));
        }
        let template = self.load(root)?;
        let mut inputs = Inputs {
            environment: environment.to_owned(),
            region: root.region.clone(),
            account: self.account(environment, &settings)?,
            stack_name: String::new(),
            parameters: parsed.parameters,
            parameter_file: Some(file),
            tags: Vec::new(),
        };
        self.name(root, &mut inputs)?;
        Ok(Deployment { template, inputs, environment: settings, config: root.clone() })
    }

    /// The account of an environment. What is deployed goes to the account that is meant, or nowhere.
    fn account(&self, environment: &str, settings: &EnvironmentConfig) -> Result<String, Stop> {
        let meant = settings.account.as_ref();
        let Some(caller) = &self.caller else {
            return Ok(meant.map_or_else(|| REHEARSAL_ACCOUNT.to_owned(), String::clone));
        };
        match meant {
            Some(meant) if meant != caller => Err(Stop::new(message!(
                "environment `{environment}` is account {meant}, and the credentials are of account {caller}",
                environment,
                meant,
                caller
            ))
            .help(message!("nothing was changed"))),
            None if settings.protected => Err(Stop::new(message!(
                "environment `{environment}` is protected, and its account is not named",
                environment
            ))
            .help(message!(
                "write `account` under `[environments.{environment}]` of `kumiki.toml`",
                environment
            ))),
            _ => Ok(caller.clone()),
        }
    }

    /// Fills the stack's name and tags with parameter values.
    pub(crate) fn name(&self, root: &RootConfig, inputs: &mut Inputs) -> Result<(), Trouble> {
        let stack_name = self.fill(&root.stack_name, root, inputs)?;
        let mut tags = Vec::new();
        for (name, text) in &root.tags {
            tags.push((name.clone(), self.fill(text, root, inputs)?));
        }
        inputs.stack_name = stack_name;
        inputs.tags = tags;
        Ok(())
    }

    /// A text of `kumiki.toml` with the values of a root's parameters in its gaps.
    ///
    /// # Errors
    /// When a parameter has no value.
    pub(crate) fn filled(
        &self,
        text: &str,
        root: &RootConfig,
        inputs: &Inputs,
    ) -> Result<String, Stop> {
        self.fill(text, root, inputs).map_err(|it| match it {
            Trouble::Stop(stop) => stop,
            Trouble::Finding(it) => Stop::new(it.message),
        })
    }

    fn fill(&self, text: &str, root: &RootConfig, inputs: &Inputs) -> Result<String, Trouble> {
        let template = self.library.find(root.template.get_ref());
        let template = template.map(|it| self.library.template(it));
        let value = |name: &str| {
            let given = inputs.parameters.iter().find(|it| *it.name == *name);
            let default = || template?.parameters.get(name)?.default.as_ref();
            given.map(|it| it.value.to_string()).or_else(|| default().map(|it| it.text.to_string()))
        };
        fill(text, &value).map_err(|name| {
            let message =
                message!("`{text}` needs parameter `{name}`, which has no value", text, name);
            Trouble::Finding(Box::new(self.in_config(message, None)))
        })
    }

    /// The same inputs with some parameters replaced, as a scenario does.
    pub(crate) fn with_scenario(inputs: &Inputs, scenario: &BTreeMap<String, String>) -> Inputs {
        let mut inputs = inputs.clone();
        for given in &mut inputs.parameters {
            if let Some(value) = scenario.get(&*given.name) {
                given.value = value.as_str().into();
                // What the file says is not what counts here.
                given.value_span = None;
            }
        }
        inputs
    }

    /// The names that the other roots export in an environment and Region, as far as they can be
    /// read: what is wrong with them is told when they are checked themselves.
    pub(crate) fn exports_elsewhere(
        &mut self,
        root: &RootConfig,
        environment: &str,
    ) -> BTreeSet<Arc<str>> {
        let mut names = BTreeSet::new();
        for other in self.config.roots.clone().into_values() {
            let same = other.template.get_ref() == root.template.get_ref();
            if same || other.region != root.region {
                continue;
            }
            let Ok(deployment) = self.deployment(&other, environment, &mut Vec::new()) else {
                continue;
            };
            let Some(id) = deployment.template else { continue };
            let tree = Tree::evaluate(&self.library, id, &deployment.inputs);
            names.extend(tree.exports.into_iter().map(|it| it.name));
        }
        names
    }

    /// A scenario by name.
    pub(crate) fn scenario(&self, name: &str) -> Result<&BTreeMap<String, String>, Stop> {
        let scenarios = &self.config.scenarios;
        scenarios.get(name).ok_or_else(|| {
            let known = listed(scenarios.keys());
            Stop::new(message!("there is no scenario `{name}`", name))
                .help(message!("the scenarios are {known}", known))
        })
    }

    /// Where the embedded engine keeps its state.
    pub(crate) fn state_folder(&self) -> PathBuf {
        self.folder.join(".kumiki")
    }
}

/// Names in backticks, separated by commas.
fn listed<'n>(names: impl Iterator<Item = &'n String>) -> String {
    names.map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}

/// The folder of the project: the one that is named, or the one that the current folder lies in.
pub(crate) fn project_folder(global: &Global) -> Result<PathBuf, Stop> {
    match &global.project {
        Some(folder) => Ok(folder.clone()),
        None => find_upwards(),
    }
}

fn find_upwards() -> Result<PathBuf, Stop> {
    let here = std::env::current_dir().map_err(|error| {
        Stop::new(message!("the current folder cannot be read: {error}", error))
    })?;
    match here.ancestors().find(|it| it.join("kumiki.toml").is_file()) {
        Some(folder) if folder == here => Ok(PathBuf::from(".")),
        Some(folder) => Ok(folder.to_path_buf()),
        None => Err(Stop::new(message!("there is no `kumiki.toml` here or in a folder above"))
            .help(message!("name the project's folder with `--project DIR`"))),
    }
}

/// The folder and the name of a template given by path.
pub(crate) fn split_template(path: &Path) -> Option<(PathBuf, String)> {
    let name = path.file_name()?.to_str()?.to_owned();
    let folder = match path.parent() {
        Some(it) if !it.as_os_str().is_empty() => it.to_path_buf(),
        _ => PathBuf::from("."),
    };
    Some((folder, name))
}

/// Parameters from a file outside the project.
pub(crate) fn parameters_from(
    library: &mut Library,
    path: &Path,
) -> Result<(FileId, Vec<Given>, Vec<Diagnostic>), Stop> {
    let shown = path.display();
    let unreadable = |error: FileError| {
        Stop::new(message!("parameter file `{path}` cannot be read", path = shown))
            .help(error.describe())
    };
    let (folder, name) = split_template(path).ok_or_else(|| unreadable(FileError::NotFound))?;
    let bytes = Disk::new(folder).read(&name).map_err(unreadable)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let file = library.sources.add(shown.to_string(), text);
    let parsed = parse_parameter_file(file, library.sources.get(file).text());
    Ok((file, parsed.parameters, parsed.diagnostics))
}
