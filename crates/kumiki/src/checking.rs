//! From files to findings: what `check`, its watch and the language server share.
//!
//! A [`Checker`] stays warm from one check to the next: AWS's rules are compiled once, what they
//! answered is not asked again, and a template that is as it was is not parsed again.

use crate::output::Stop;
use crate::project::{Project, Trouble, parameters_from};
use kumiki_check::{
    Answers, Aws, AwsError, Deployments, Subject, Suppressed, Usages, check_guard, check_tree,
    merge, suppress,
};
use kumiki_project::{Earlier, Files, Inputs, REHEARSAL_ACCOUNT, TemplateId, Tree};
use kumiki_source::{Diagnostic, FileId, message};
use rayon::prelude::*;
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

/// What is to be checked.
#[derive(Clone, Debug, Serialize)]
pub(crate) enum Scope {
    /// A project: every root in every environment and scenario, or only those that are named.
    Project {
        folder: PathBuf,
        root: Option<String>,
        environments: Vec<String>,
        /// Files of Guard rules besides those of the project.
        guard: Vec<String>,
    },
    /// Templates of a folder that has no configuration: those that are named, or else every
    /// template that no other nests.
    Templates {
        folder: PathBuf,
        names: Vec<String>,
        parameters: Option<PathBuf>,
        region: String,
        guard: Vec<String>,
    },
}

impl Scope {
    pub(crate) fn folder(&self) -> &PathBuf {
        match self {
            Self::Project { folder, .. } | Self::Templates { folder, .. } => folder,
        }
    }

    fn guard(&self) -> &[String] {
        match self {
            Self::Project { guard, .. } | Self::Templates { guard, .. } => guard,
        }
    }
}

/// A root with the inputs of one environment and scenario.
pub(crate) struct Job {
    /// The name of the root; for a template without configuration, its path.
    pub(crate) root: String,
    pub(crate) template: TemplateId,
    /// Nothing where the parameter file alone decides.
    pub(crate) scenario: Option<String>,
    pub(crate) inputs: Inputs,
    protected: bool,
}

/// A project at one instant: its texts, and the tree of every root with the values of every
/// environment and scenario.
pub(crate) struct Linked {
    pub(crate) project: Project,
    /// Each job with its tree.
    pub(crate) jobs: Vec<(Job, Tree)>,
    /// What reading the texts stumbled over.
    pub(crate) unread: Vec<Diagnostic>,
    /// What the other roots export, for each job.
    elsewhere: Vec<BTreeSet<Arc<str>>>,
    /// Files of Guard rules.
    guard: Vec<FileId>,
    environments: Vec<String>,
    /// Whether nothing of the project was left out.
    whole: bool,
}

/// What a check saw and found.
pub(crate) struct Checked {
    pub(crate) linked: Linked,
    pub(crate) found: Suppressed,
}

/// Checks, and remembers what helps to check again.
#[derive(Default)]
pub(crate) struct Checker {
    pub(crate) answers: Answers,
    earlier: Earlier,
}

/// AWS's rules are compiled at most once in a process, and need not be taken apart at its end.
static AWS: OnceLock<Result<Aws, AwsError>> = OnceLock::new();

fn aws() -> Result<&'static Aws, AwsError> {
    AWS.get_or_init(Aws::new).as_ref().map_err(Clone::clone)
}

/// Begins to compile AWS's rules: it takes longer than to link a tree.
pub(crate) fn warm_up() {
    std::thread::spawn(|| {
        let _ = aws();
    });
}

impl Checker {
    /// One that AWS's rules have answered before.
    pub(crate) fn with(answers: Answers) -> Self {
        Self { answers, earlier: Earlier::default() }
    }

    /// Reads, links, evaluates and checks.
    ///
    /// # Errors
    /// When there is nothing that could be checked; what is wrong with the user's files is a
    /// finding.
    pub(crate) fn check(
        &mut self,
        scope: &Scope,
        files: Arc<dyn Files + Send + Sync>,
    ) -> Result<Checked, Stop> {
        let linked = Linked::new(scope, files, std::mem::take(&mut self.earlier))?;
        self.earlier = linked.project.library.read_well();
        let mut findings = linked.ours();
        findings.extend(linked.theirs(&findings, &mut self.answers)?);
        let found = linked.accept(findings);
        Ok(Checked { linked, found })
    }
}

impl Linked {
    /// Reads, links and evaluates.
    ///
    /// # Errors
    /// When there is nothing that could be read.
    pub(crate) fn new(
        scope: &Scope,
        files: Arc<dyn Files + Send + Sync>,
        earlier: Earlier,
    ) -> Result<Self, Stop> {
        let Opened { mut project, jobs, findings, environments, whole } =
            open(scope, files, earlier)?;
        let guard = project.guard_files(scope.guard())?;
        let library = &project.library;
        let trees: Vec<Tree> =
            jobs.par_iter().map(|it| Tree::evaluate(library, it.template, &it.inputs)).collect();
        let jobs: Vec<(Job, Tree)> = jobs.into_iter().zip(trees).collect();
        let elsewhere: Vec<BTreeSet<Arc<str>>> = jobs
            .iter()
            .map(|it| match it {
                (_, tree) if imports_its_own(tree) => BTreeSet::new(),
                it if whole => exports_of_others(it, &jobs),
                (job, _) => exports_elsewhere(&mut project, &job.root, &job.inputs.environment),
            })
            .collect();
        let mut unread = findings;
        unread.extend(project.library.diagnostics.iter().cloned());
        Ok(Self { project, jobs, unread, elsewhere, guard, environments, whole })
    }

    fn trees(&self) -> Vec<(&Tree, &Inputs)> {
        self.jobs.iter().map(|(job, tree)| (tree, &job.inputs)).collect()
    }

    /// What reading and evaluating stumbled over, and what our own rules and the project's find.
    pub(crate) fn ours(&self) -> Vec<Diagnostic> {
        let library = &self.project.library;
        let trees = self.trees();
        let deployments = Deployments::new(library, &trees);
        let (today, usages) = (today(), Usages::of(library));
        let found: Vec<Vec<Diagnostic>> = self
            .jobs
            .par_iter()
            .zip(&self.elsewhere)
            .map(|((job, tree), elsewhere)| {
                check_tree(Subject {
                    library,
                    tree,
                    usages: &usages,
                    inputs: &job.inputs,
                    protected: job.protected,
                    elsewhere,
                    deployments: &deployments,
                    today: Some(&today),
                })
            })
            .collect();
        let mut findings = self.unread.clone();
        findings.extend(found.into_iter().flatten());
        findings.extend(check_guard(library, &trees, &self.guard));
        findings
    }

    /// What AWS's rules find beyond `ours`.
    ///
    /// # Errors
    /// When the rules cannot be run.
    pub(crate) fn theirs(
        &self,
        ours: &[Diagnostic],
        answers: &mut Answers,
    ) -> Result<Vec<Diagnostic>, Stop> {
        let library = &self.project.library;
        let theirs = Aws::check_trees(library, &self.trees(), ours, answers, aws)
            .map_err(|error| Stop::new(message!("AWS's rules cannot be run: {error}", error)))?;
        Ok(Aws::without_repetitions(library, theirs, ours))
    }

    /// Findings in order, apart from those that the project accepts.
    pub(crate) fn accept(&self, findings: Vec<Diagnostic>) -> Suppressed {
        let findings = merge(findings, &self.environments);
        let project = &self.project;
        let config = project.config_file.map(|it| (it, &*project.config.suppressions));
        let mut found = suppress(findings, config, &project.library);
        // A part of the project does not show which suppressions are dead, and no more does a
        // template without the values of a project.
        let whole = self.whole && config.is_some();
        found.findings.retain(|it| whole || it.rule != "dead-suppression");
        found
    }
}

/// Today in UTC, as `2026-11-24`.
pub(crate) fn today() -> String {
    let now = chrono::DateTime::<chrono::Utc>::from(SystemTime::now());
    now.date_naive().to_string()
}

/// A project whose templates are loaded, and what is to be evaluated.
struct Opened {
    project: Project,
    jobs: Vec<Job>,
    findings: Vec<Diagnostic>,
    environments: Vec<String>,
    /// Whether nothing of the project was left out.
    whole: bool,
}

fn open(
    scope: &Scope,
    files: Arc<dyn Files + Send + Sync>,
    earlier: Earlier,
) -> Result<Opened, Stop> {
    match scope {
        Scope::Project { folder, root, environments, .. } => {
            let (project, trouble) = Project::open_with(folder.clone(), files, earlier)?;
            open_project(project, trouble, root.as_deref(), environments)
        }
        Scope::Templates { folder, names, parameters, region, .. } => {
            let project = Project::without_config(folder.clone(), files, earlier);
            open_templates(project, names, parameters.as_ref(), region)
        }
    }
}

fn open_templates(
    mut project: Project,
    names: &[String],
    parameters: Option<&PathBuf>,
    region: &str,
) -> Result<Opened, Stop> {
    let mut findings = Vec::new();
    let given = match parameters {
        Some(file) => {
            let (file, parameters, diagnostics) = parameters_from(&mut project.library, file)?;
            findings = diagnostics;
            Some((file, parameters))
        }
        None => None,
    };
    let roots: Vec<Arc<str>> = if names.is_empty() {
        project.library.load_folder(&project.files)
    } else {
        names.iter().map(|it| it.as_str().into()).collect()
    };
    let mut jobs = Vec::new();
    for name in &*roots {
        project.library.load(name, &project.files);
        let Some(template) = project.library.find(name) else {
            if let Some(reason) = project.library.problem(name) {
                let path = project.folder.join(&**name);
                let path = path.strip_prefix(".").unwrap_or(&path).display();
                let stop = Stop::new(message!("`{path}` cannot be read", path));
                return Err(stop.help(reason));
            }
            continue;
        };
        let stem = name.rsplit('/').next().and_then(|it| it.split('.').next());
        let inputs = Inputs {
            environment: String::new(),
            region: region.to_owned(),
            account: REHEARSAL_ACCOUNT.to_owned(),
            stack_name: stem.unwrap_or_default().to_owned(),
            parameters: given.as_ref().map(|it| it.1.clone()).unwrap_or_default(),
            parameter_file: given.as_ref().map(|it| it.0),
            tags: Vec::new(),
        };
        let root = name.to_string();
        jobs.push(Job { root, template, scenario: None, inputs, protected: false });
    }
    Ok(Opened { project, jobs, findings, environments: Vec::new(), whole: true })
}

fn open_project(
    mut project: Project,
    trouble: Option<Diagnostic>,
    root: Option<&str>,
    environments: &[String],
) -> Result<Opened, Stop> {
    let mut findings: Vec<Diagnostic> = trouble.into_iter().collect();
    let mut jobs = Vec::new();
    let whole = root.is_none() && environments.is_empty();
    let environments: Vec<String> = if environments.is_empty() {
        project.config.environments.keys().cloned().collect()
    } else {
        environments.to_vec()
    };
    let roots: Vec<String> = match root {
        Some(name) => vec![name.to_owned()],
        None => project.config.roots.keys().cloned().collect(),
    };
    for root in roots {
        let (name, root) = match project.root(Some(&root)) {
            Ok(it) => it,
            Err(trouble) => {
                collect(trouble, &mut findings)?;
                continue;
            }
        };
        for environment in &environments {
            match project.deployment(&root, environment, &mut findings) {
                Ok(deployment) => {
                    let Some(template) = deployment.template else { continue };
                    let protected = deployment.environment.protected;
                    let file = &deployment.inputs;
                    let scenarios = project.config.scenarios.iter();
                    let scenarios = scenarios
                        .map(|(name, it)| (Some(name.clone()), Project::with_scenario(file, it)))
                        // A scenario that says what the file says is no other tree.
                        .filter(|(_, it)| !same_values(it, file));
                    let every = scenarios.chain([(None, file.clone())]);
                    jobs.extend(every.map(|(scenario, inputs)| {
                        let root = name.clone();
                        Job { root, template, scenario, inputs, protected }
                    }));
                }
                Err(trouble) => collect(trouble, &mut findings)?,
            }
        }
    }
    Ok(Opened { project, jobs, findings, environments, whole })
}

fn same_values(a: &Inputs, b: &Inputs) -> bool {
    a.parameters.iter().map(|it| &it.value).eq(b.parameters.iter().map(|it| &it.value))
}

/// Whether a tree exports everything that it imports.
fn imports_its_own(tree: &Tree) -> bool {
    tree.imports.iter().all(|it| tree.exports.iter().any(|export| export.name == it.name))
}

/// The names that the other roots export in the environment and Region of a job.
fn exports_of_others((job, _): &(Job, Tree), jobs: &[(Job, Tree)]) -> BTreeSet<Arc<str>> {
    let place = |it: &Inputs| (it.environment.clone(), it.region.clone());
    let others = jobs.iter().filter(|(it, _)| {
        it.scenario.is_none() && it.root != job.root && place(&it.inputs) == place(&job.inputs)
    });
    others.flat_map(|(_, tree)| tree.exports.iter().map(|it| it.name.clone())).collect()
}

/// The same where the other roots are not among the jobs.
fn exports_elsewhere(project: &mut Project, root: &str, environment: &str) -> BTreeSet<Arc<str>> {
    match project.root(Some(root)) {
        Ok((_, root)) => project.exports_elsewhere(&root, environment),
        Err(_) => BTreeSet::new(),
    }
}

fn collect(trouble: Trouble, findings: &mut Vec<Diagnostic>) -> Result<(), Stop> {
    match trouble {
        Trouble::Finding(finding) => findings.push(*finding),
        Trouble::Stop(stop) => return Err(stop),
    }
    Ok(())
}
