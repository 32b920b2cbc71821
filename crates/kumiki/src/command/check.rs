//! `kumiki check`: every template with every environment's values.

use crate::Exit;
use crate::args::{Check, Format, Global, Level};
use crate::output::{Output, Stop};
use crate::project::{Project, REHEARSAL_ACCOUNT, Trouble, parameters_from, split_template};
use crate::{render, report};
use kumiki_check::{Aws, AwsError, Subject, check_tree, merge, suppress};
use kumiki_project::{Inputs, TemplateId, Tree};
use kumiki_source::{Diagnostic, Severity, message};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::SystemTime;

pub(crate) fn run(args: &Check, global: &Global, output: &Output) -> Result<Exit, Stop> {
    // AWS's rules take longer to compile than a tree to link, so they begin first.
    let least = args.severity.into();
    let aws = std::thread::spawn(move || Aws::new(least));
    let (project, jobs, mut findings, environments) = match template_path(args) {
        Some(path) => of_template(args, path)?,
        None => of_project(args, global)?,
    };
    let library = &project.library;
    findings.extend(library.diagnostics.iter().cloned());
    let mut trees = Vec::new();
    let today = today();
    for job in &jobs {
        let tree = Tree::evaluate(library, job.root, &job.inputs);
        findings.extend(check_tree(Subject {
            library,
            tree: &tree,
            inputs: &job.inputs,
            protected: job.protected,
            elsewhere: &job.elsewhere,
            today: Some(&today),
        }));
        trees.push((tree, &job.inputs));
    }
    let aws = join(aws)?;
    let theirs = aws.check_trees(library, &trees, &findings).map_err(|error| aws_failed(&error))?;
    findings.extend(Aws::without_repetitions(theirs, &findings));
    let mut findings = merge(findings, &environments);
    // A part of the project does not show which suppressions are dead.
    let whole = args.root.is_none() && args.environments.is_empty();
    if let Some(config) = project.config_file {
        let suppressions = &project.config.suppressions;
        findings = suppress(findings, suppressions, &project.library, config);
        findings.retain(|it| whole || it.rule != "dead-suppression");
    }
    show(args, &project, &findings, output)
}

/// Today in UTC, as `2026-11-24`.
fn today() -> String {
    let now = chrono::DateTime::<chrono::Utc>::from(SystemTime::now());
    now.date_naive().to_string()
}

/// The template that PATH names, unless it is a project's folder.
fn template_path(args: &Check) -> Option<&Path> {
    args.path.as_deref().filter(|it| !it.is_dir())
}

/// A root with the inputs of one environment and scenario.
struct Job {
    root: TemplateId,
    inputs: Inputs,
    protected: bool,
    elsewhere: Rc<BTreeSet<Arc<str>>>,
}

/// A project, what is to be checked, findings so far, and the environments.
type Jobs = (Project, Vec<Job>, Vec<Diagnostic>, Vec<String>);

fn of_template(args: &Check, path: &Path) -> Result<Jobs, Stop> {
    let shown = path.display();
    let (folder, name) = split_template(path)
        .ok_or_else(|| Stop::new(message!("`{path}` is no template", path = shown)))?;
    let mut project = Project::of_template(folder);
    project.library.load(&name, &project.files);
    let root = match project.library.find(&name) {
        Some(root) => vec![root],
        None => match project.library.problem(&name) {
            Some(reason) => {
                return Err(
                    Stop::new(message!("`{path}` cannot be read", path = shown)).help(reason)
                );
            }
            None => Vec::new(),
        },
    };
    let mut inputs = Inputs {
        environment: String::new(),
        region: args.region.clone(),
        account: REHEARSAL_ACCOUNT.to_owned(),
        stack_name: name.split('.').next().unwrap_or_default().to_owned(),
        parameters: Vec::new(),
        parameter_file: None,
        tags: Vec::new(),
    };
    let mut findings = Vec::new();
    if let Some(file) = &args.parameters {
        let (file, parameters, diagnostics) = parameters_from(&mut project.library, file)?;
        inputs.parameter_file = Some(file);
        inputs.parameters = parameters;
        findings = diagnostics;
    }
    let jobs = root
        .into_iter()
        .map(|root| Job {
            root,
            inputs: inputs.clone(),
            protected: false,
            elsewhere: Rc::default(),
        })
        .collect();
    Ok((project, jobs, findings, Vec::new()))
}

fn of_project(args: &Check, global: &Global) -> Result<Jobs, Stop> {
    let (mut project, trouble) = match &args.path {
        Some(folder) => Project::open_at(folder.clone())?,
        None => Project::open(global)?,
    };
    let mut findings: Vec<Diagnostic> = trouble.into_iter().collect();
    let mut jobs = Vec::new();
    let environments: Vec<String> = if args.environments.is_empty() {
        project.config.environments.keys().cloned().collect()
    } else {
        args.environments.clone()
    };
    let roots = match &args.root {
        Some(name) => vec![Some(name.clone())],
        None => project.config.roots.keys().cloned().map(Some).collect(),
    };
    for root in roots {
        let root = match project.root(root.as_deref()) {
            Ok((_, root)) => root,
            Err(trouble) => {
                collect(trouble, &mut findings)?;
                continue;
            }
        };
        for environment in &environments {
            match project.deployment(&root, environment, &mut findings) {
                Ok(deployment) => {
                    let Some(id) = deployment.template else { continue };
                    let tree = Tree::evaluate(&project.library, id, &deployment.inputs);
                    let own = |name: &str| tree.exports.iter().any(|it| *it.name == *name);
                    let elsewhere = match tree.imports.iter().all(|it| own(&it.name)) {
                        true => Rc::default(),
                        false => Rc::new(project.exports_elsewhere(&root, environment)),
                    };
                    let protected = deployment.environment.protected;
                    let scenarios = project.config.scenarios.values();
                    let scenarios =
                        scenarios.map(|it| Project::with_scenario(&deployment.inputs, it));
                    // A scenario that says what the file says is no other tree.
                    let same = |it: &Inputs| {
                        let values = |it: &Inputs| -> Vec<Arc<str>> {
                            it.parameters.iter().map(|it| it.value.clone()).collect()
                        };
                        values(it) == values(&deployment.inputs)
                    };
                    let scenarios = scenarios.filter(|it| !same(it));
                    let inputs = scenarios.chain([deployment.inputs.clone()]);
                    jobs.extend(inputs.map(|inputs| Job {
                        root: id,
                        inputs,
                        protected,
                        elsewhere: elsewhere.clone(),
                    }));
                }
                Err(trouble) => collect(trouble, &mut findings)?,
            }
        }
    }
    Ok((project, jobs, findings, environments))
}

fn collect(trouble: Trouble, findings: &mut Vec<Diagnostic>) -> Result<(), Stop> {
    match trouble {
        Trouble::Finding(finding) => findings.push(*finding),
        Trouble::Stop(stop) => return Err(stop),
    }
    Ok(())
}

fn join(aws: JoinHandle<Result<Aws, AwsError>>) -> Result<Aws, Stop> {
    match aws.join() {
        Ok(Ok(aws)) => Ok(aws),
        Ok(Err(error)) => Err(aws_failed(&error)),
        Err(_) => Err(Stop::new(message!("AWS's rules ended unexpectedly"))),
    }
}

fn aws_failed(error: &AwsError) -> Stop {
    Stop::new(message!("AWS's rules cannot be run: {error}", error))
}

fn show(
    args: &Check,
    project: &Project,
    findings: &[Diagnostic],
    output: &Output,
) -> Result<Exit, Stop> {
    let sources = &project.library.sources;
    let least = args.severity.into();
    let shown: Vec<Diagnostic> =
        findings.iter().filter(|it| it.severity <= least).cloned().collect();
    let format = if output.json { Format::Json } else { args.format };
    match format {
        Format::Text => {
            output.diagnostics(&shown, sources);
            output.summary(&shown);
            if args.severity != Level::Info {
                output.say(&message!("advice is not shown: pass `--severity info`"));
            }
        }
        Format::Json => {
            #[derive(Serialize)]
            struct Content {
                findings: Vec<render::JsonDiagnostic>,
            }
            let findings = render::json(&shown, sources, output.language);
            output.document("check", Content { findings });
        }
        Format::Sarif => output.line(&report::sarif(&shown, sources, output.language).to_string()),
        Format::Github => {
            let text = report::github(&shown, sources, output.language);
            if !text.is_empty() {
                output.line(&text);
            }
        }
        Format::Junit => match report::junit(&shown, sources, output.language) {
            Ok(text) => output.line(&text),
            Err(error) => {
                return Err(Stop::new(message!("the report cannot be written: {error}", error)));
            }
        },
    }
    let worst = findings.iter().map(|it| it.severity).min();
    let failed = worst == Some(Severity::Error)
        || args.strict && worst.is_some_and(|it| it <= Severity::Warning);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}
