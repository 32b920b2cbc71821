//! `kumiki check`: every template with every environment's values.

use crate::Exit;
use crate::args::{Check, Format, Global, Level};
use crate::cache::{Cache, Findings};
use crate::checking::{Checker, Scope, warm_up};
use crate::files::Disk;
use crate::output::{Output, Stop};
use crate::project::{project_folder, split_template};
use crate::report::{self, Report};
use crate::{baseline, render};
use kumiki_check::{Accepted, Suppressed};
use kumiki_project::Files;
use kumiki_source::{Diagnostic, Severity, message};
use serde::Serialize;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(crate) fn run(args: &Check, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let scope = scope(args, global)?;
    let files = Arc::new(Disk::new(scope.folder().clone()));
    if args.watch {
        return watch(args, &scope, files, output);
    }
    let found = once(&scope, files, !args.no_cache)?;
    show(args, found, scope.folder(), output)
}

/// What the arguments ask for.
fn scope(args: &Check, global: &Global) -> Result<Scope, Stop> {
    let templates = |folder: PathBuf, names: Vec<String>| {
        Ok(Scope::Templates {
            guard: guard_files(&args.guard, &folder)?,
            folder,
            names,
            parameters: args.parameters.clone(),
            region: args.region.clone(),
        })
    };
    let folder = match args.paths.as_slice() {
        [] => project_folder(global)?,
        [folder] if folder.join("kumiki.toml").is_file() => folder.clone(),
        [folder] if folder.is_dir() => return templates(folder.clone(), Vec::new()),
        [path] if below_here(path).is_none() => {
            let (folder, name) = split_template(path).ok_or_else(|| no_template(path))?;
            return templates(folder, vec![name]);
        }
        paths => {
            let name = |it: &PathBuf| match below_here(it).or(it.to_str().map(str::to_owned)) {
                Some(name) if !it.is_dir() => Ok(name),
                _ => Err(no_template(it)),
            };
            let names: Result<Vec<String>, Stop> = paths.iter().map(name).collect();
            return templates(PathBuf::from("."), names?);
        }
    };
    let (root, environments) = (args.root.clone(), args.environments.clone());
    let guard = guard_files(&args.guard, &folder)?;
    Ok(Scope::Project { folder, root, environments, guard })
}

/// The files of Guard rules that are meant, as seen from a folder.
fn guard_files(paths: &[PathBuf], folder: &Path) -> Result<Vec<String>, Stop> {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let folder = absolute(folder);
    let mut found = Vec::new();
    for path in paths {
        let whole = absolute(path);
        let mut files = vec![whole.clone()];
        if whole.is_dir() {
            let below = Disk::new(whole.clone()).list();
            let below = below.iter().filter(|it| it.ends_with(".guard"));
            files = below.map(|it| whole.join(it)).collect();
            if files.is_empty() {
                let path = path.display();
                return Err(Stop::new(message!("there is no `*.guard` file in `{path}`", path)));
            }
        }
        let seen = |it: PathBuf| it.strip_prefix(&folder).unwrap_or(&it).display().to_string();
        found.extend(files.into_iter().map(seen));
    }
    Ok(found)
}

/// A path from the current folder, where an S3 URL may lead to any file; nothing for a file that is
/// elsewhere.
fn below_here(path: &Path) -> Option<String> {
    let parts = path.components().filter(|it| *it != Component::CurDir).map(|it| match it {
        Component::Normal(name) => name.to_str(),
        _ => None,
    });
    Some(parts.collect::<Option<Vec<_>>>()?.join("/"))
}

fn no_template(path: &Path) -> Stop {
    Stop::new(message!("`{path}` is no template", path = path.display()))
}

/// Checks once, or recalls what was found when nothing has changed since.
fn once(scope: &Scope, files: Arc<Disk>, cached: bool) -> Result<Findings, Stop> {
    let cache = Cache::of(scope).filter(|_| cached);
    if let Some(found) = cache.as_ref().and_then(|it| it.recall(&*files)) {
        return Ok(found);
    }
    warm_up();
    let answers = cache.as_ref().map(Cache::answers).unwrap_or_default();
    let mut checker = Checker::with(answers);
    let checked = checker.check(scope, files as Arc<dyn Files + Send + Sync>)?;
    if let Some(cache) = cache {
        cache.keep(&checked, &checker.answers);
    }
    Ok(Findings { sources: checked.linked.project.library.sources, found: checked.found })
}

/// How long after a file is saved it is noticed at most.
const TICK: Duration = Duration::from_millis(5);

/// How long nothing may happen until what is being saved counts as saved: some editors empty a file
/// before they write it.
const CALM: Duration = Duration::from_millis(2);

/// Checks, and again whenever a file that was read is another, until the command is interrupted.
fn watch(args: &Check, scope: &Scope, files: Arc<Disk>, output: &Output) -> Result<Exit, Stop> {
    warm_up();
    let cache = Cache::of(scope).filter(|_| !args.no_cache);
    let answers = cache.as_ref().map(Cache::answers).unwrap_or_default();
    let mut checker = Checker::with(answers);
    loop {
        let started = Instant::now();
        let checked = checker.check(scope, files.clone())?;
        let notes = checked.linked.project.files.notes();
        let stamps = files.stamps(&notes);
        let sources = checked.linked.project.library.sources;
        let found = Findings { sources, found: checked.found };
        let trees = checked.linked.jobs;
        if output.live {
            output.clear();
        }
        show(args, found, scope.folder(), output)?;
        let milliseconds = started.elapsed().as_millis();
        let count = stamps.len();
        output.say(&message!(
            "checked in {milliseconds} ms; watching {count} files, until Ctrl-C",
            milliseconds,
            count
        ));
        // To take the trees apart takes time that nobody waits for now.
        drop(trees);
        // What was saved while the check was running is not in the stamps.
        let missed = notes.iter().any(|it| it.again(&*files).is_err());
        while !missed && files.stamps(&notes) == stamps {
            std::thread::sleep(TICK);
        }
        let mut seen = files.stamps(&notes);
        loop {
            std::thread::sleep(CALM);
            let now = files.stamps(&notes);
            if now == seen {
                break;
            }
            seen = now;
        }
    }
}

fn show(args: &Check, found: Findings, folder: &Path, output: &Output) -> Result<Exit, Stop> {
    let Findings { mut sources, mut found } = found;
    let least = args.severity.into();
    found.findings.retain(|it| it.severity <= least);
    let mut counts = None;
    if let Some(file) = &args.baseline {
        if args.update_baseline {
            baseline::write(file, &found.findings, &sources)?;
        }
        let environments = &args.environments;
        let whole = args.root.is_none() && environments.is_empty();
        let compared = baseline::compare(file, found, &mut sources, environments, least, whole)?;
        (found, counts) = (compared.found, compared.counts);
        found.findings.retain(|it| it.severity <= least);
    }
    found.accepted.retain(|it| args.accepted && it.finding.severity <= least);
    let Suppressed { findings, accepted } = found;
    let report = || Report {
        findings: &findings,
        accepted: &accepted,
        sources: &sources,
        paths: report::paths(&sources, folder),
        language: output.language,
        strict: args.strict,
    };
    match if output.json { Format::Json } else { args.format } {
        Format::Text => {
            output.diagnostics(&findings, &sources);
            let accepted: Vec<Diagnostic> = accepted.iter().map(with_reason).collect();
            output.diagnostics(&accepted, &sources);
            output.summary(&findings);
            if args.accepted {
                output.say(&message!("accepted: {count}", count = accepted.len()));
            }
            if let Some((known, gone)) = counts {
                output.say(&message!(
                    "in the baseline: {known}, gone from it: {gone}",
                    known,
                    gone
                ));
            }
            if args.severity != Level::Info {
                output.say(&message!("advice is not shown: pass `--severity info`"));
            }
        }
        Format::Json => {
            #[derive(Serialize)]
            struct Content {
                findings: Vec<render::JsonDiagnostic>,
                #[serde(skip_serializing_if = "Vec::is_empty")]
                accepted: Vec<render::JsonDiagnostic>,
            }
            let accepted: Vec<Diagnostic> = accepted.iter().map(with_reason).collect();
            let json = |it: &[Diagnostic]| render::json(it, &sources, output.language);
            let content = Content { findings: json(&findings), accepted: json(&accepted) };
            output.document("check", content);
        }
        Format::Sarif => output.line(&format!("{:#}", report().sarif())),
        Format::Github => {
            let text = report().github();
            if !text.is_empty() {
                output.line(&text);
            }
        }
        Format::Junit => match report().junit() {
            Ok(text) => output.line(text.trim_end()),
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

/// An accepted finding that shows where and why it is accepted.
fn with_reason(accepted: &Accepted) -> Diagnostic {
    let label = match &accepted.reason {
        Some(reason) => message!("accepted: {reason}", reason),
        None => message!("accepted here"),
    };
    accepted.finding.clone().hop(accepted.at, label)
}
