//! `kumiki check`: every template with every environment's values.

use crate::Exit;
use crate::args::{Check, Format, Global, Level};
use crate::cache::{Cache, Findings};
use crate::checking::{Checker, Scope, warm_up};
use crate::files::Disk;
use crate::output::{Output, Stop};
use crate::project::{project_folder, split_template};
use crate::{render, report};
use kumiki_project::Files;
use kumiki_source::{Diagnostic, Severity, message};
use serde::Serialize;
use std::sync::Arc;

pub(crate) fn run(args: &Check, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let scope = scope(args, global)?;
    let files = Arc::new(Disk::new(scope.folder().clone()));
    let found = once(&scope, files, !args.no_cache)?;
    show(args, &found, output)
}

/// What the arguments ask for.
fn scope(args: &Check, global: &Global) -> Result<Scope, Stop> {
    let folder = match &args.path {
        None => project_folder(global)?,
        Some(path) if path.is_dir() => path.clone(),
        Some(path) => {
            let (folder, name) = split_template(path).ok_or_else(|| {
                Stop::new(message!("`{path}` is no template", path = path.display()))
            })?;
            return Ok(Scope::Templates {
                folder,
                names: vec![name],
                parameters: args.parameters.clone(),
                region: args.region.clone(),
            });
        }
    };
    let (root, environments) = (args.root.clone(), args.environments.clone());
    Ok(Scope::Project { folder, root, environments })
}

/// Checks once, or recalls what was found when nothing has changed since.
fn once(scope: &Scope, files: Arc<Disk>, cached: bool) -> Result<Findings, Stop> {
    let cache = Cache::of(scope).filter(|_| cached);
    if let Some(found) = cache.as_ref().and_then(|it| it.recall(&*files)) {
        return Ok(found);
    }
    warm_up();
    let answers = cache.as_ref().map(Cache::answers).unwrap_or_default();
    let mut checker = Checker { answers };
    let checked = checker.check(scope, files as Arc<dyn Files + Send + Sync>)?;
    if let Some(cache) = cache {
        cache.keep(&checked, &checker.answers);
    }
    Ok(Findings { sources: checked.project.library.sources, findings: checked.findings })
}

fn show(args: &Check, found: &Findings, output: &Output) -> Result<Exit, Stop> {
    let Findings { sources, findings } = found;
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
