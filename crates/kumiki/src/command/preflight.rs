//! `kumiki preflight`: whether the account has what a deployment needs.

use crate::Exit;
use crate::args::{Global, Place, Preflight as Args};
use crate::output::{Output, Stop, Style};
use crate::project::{Deployment, Project, Trouble};
use crate::target;
use kumiki_backend_aws::Ask;
use kumiki_backend_aws::checks::{Finding, NoAccount, Preflight, Verdict, preflight};
use kumiki_project::{Tree, fill};
use kumiki_source::message;
use serde::Serialize;
use std::collections::BTreeSet;
use unicode_width::UnicodeWidthStr;

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let (mut project, trouble) = Project::open(global)?;
    let stop = |trouble: Trouble| match trouble {
        Trouble::Stop(stop) => stop,
        Trouble::Finding(it) => Stop::new(it.message.clone()).failed(),
    };
    if let Some(trouble) = trouble {
        return Err(stop(Trouble::Finding(Box::new(trouble))));
    }
    if project.environment(&args.environment).map_err(stop)?.account.is_none() {
        // Without credentials the checks say so, one by one; so does the check of another account.
        let caller = target::caller(&project, global).ok().flatten();
        project.caller = caller.map(|it| it.account.clone());
    }
    let names = match &args.root {
        Some(root) => vec![project.root(Some(root)).map_err(stop)?.0],
        None => used(&mut project, &args.environment).map_err(stop)?,
    };
    let bootstrap = project.config.aws.bootstrap_root.clone();
    let bootstrap_comes = bootstrap.as_ref().is_some_and(|it| names.contains(it));
    let mut findings = Vec::new();
    let mut told = BTreeSet::new();
    for name in names {
        let (_, root) = project.root(Some(&name)).map_err(stop)?;
        let deployment =
            project.deployment(&root, &args.environment, &mut Vec::new()).map_err(stop)?;
        let Some(template) = deployment.template else {
            return Err(Stop::new(message!("the templates of root `{name}` have errors", name))
                .help(message!("`kumiki check` shows them"))
                .failed());
        };
        let inputs = match root.first_run.last() {
            // What the last stage has, the account has to offer.
            Some(stage) => Project::with_scenario(&deployment.inputs, project.scenario(stage)?),
            None => deployment.inputs.clone(),
        };
        let tree = Tree::evaluate(&project.library, template, &inputs);
        let bucket = bucket(&project, &deployment);
        let of = Preflight {
            tree: &tree,
            inputs: &inputs,
            account: deployment.environment.account.as_deref(),
            bucket: bucket.as_deref().filter(|_| bootstrap.as_ref() != Some(&name)),
            bucket_comes: bootstrap_comes,
        };
        let found = preflight(&of, &*asker(&root.region, global)?);
        // Several roots need the same.
        findings.extend(
            found.into_iter().filter(|it| told.insert((it.check, it.about.clone(), it.verdict))),
        );
    }
    Ok(report("preflight", &findings, args.strict, output))
}

/// The roots of an environment, without those that its default root's values turn off.
fn used(project: &mut Project, environment: &str) -> Result<Vec<String>, Trouble> {
    let all: Vec<String> = project.config.roots.keys().cloned().collect();
    let Ok((_, root)) = project.root(None) else { return Ok(all) };
    let deployment = project.deployment(&root, environment, &mut Vec::new())?;
    let off = |name: &String| {
        let gate = root.needs.get(name)?;
        deployment.inputs.parameters.iter().find(|it| *it.name == **gate)
    };
    Ok(all.into_iter().filter(|it| off(it).is_none_or(|gate| &*gate.value == "true")).collect())
}

/// The artifact bucket's name in an environment.
fn bucket(project: &Project, deployment: &Deployment) -> Option<String> {
    let account = &deployment.inputs.account;
    let value = |name: &str| match name {
        "AccountId" => Some(account.clone()),
        name => {
            let given = deployment.inputs.parameters.iter().find(|it| &*it.name == name);
            given.map(|it| it.value.to_string())
        }
    };
    fill(project.config.aws.artifact_bucket.as_ref()?, &value).ok()
}

/// Who is asked: the account, or nobody in a rehearsal.
pub(crate) fn asker(region: &str, global: &Global) -> Result<Box<dyn Ask>, Stop> {
    if global.target == Place::Local {
        return Ok(Box::new(NoAccount));
    }
    Ok(Box::new(target::session(region, global)?))
}

/// Tells findings as a table; the exit code says whether one failed.
pub(crate) fn report(command: &str, findings: &[Finding], strict: bool, output: &Output) -> Exit {
    let count = |verdict| findings.iter().filter(|it| it.verdict == verdict).count();
    let (passed, failed, unknown) =
        (count(Verdict::Pass), count(Verdict::Fail), count(Verdict::Unknown));
    let exit = match failed > 0 || strict && unknown > 0 {
        true => Exit::Failed,
        false => Exit::Done,
    };
    if output.json {
        let findings = findings.iter().map(|it| Row {
            check: it.check,
            about: &it.about,
            verdict: it.verdict.as_str(),
            evidence: output.text(&it.evidence),
            help: it.help.as_ref().map(|it| output.text(it)),
        });
        output.document(command, Content { findings: findings.collect() });
        return exit;
    }
    let width = |text: fn(&Finding) -> &str| {
        findings.iter().map(|it| text(it).width()).max().unwrap_or_default()
    };
    let (checks, abouts) = (width(|it| it.check), width(|it| &it.about));
    for it in findings {
        let style = match it.verdict {
            Verdict::Pass => Style::Green,
            Verdict::Fail => Style::Red,
            Verdict::Unknown => Style::Yellow,
        };
        let verdict = output.paint(style, &format!("{:7}", it.verdict.as_str()));
        let evidence = output.text(&it.evidence);
        output.line(&format!("{verdict}  {:checks$}  {:abouts$}  {evidence}", it.check, it.about));
        if let Some(help) = &it.help {
            let indent = checks + abouts + 13;
            output.line(&format!("{:indent$}= {}", "", output.text(help)));
        }
    }
    output.say(&message!(
        "{passed} passed, {failed} failed, {unknown} unknown",
        passed,
        failed,
        unknown
    ));
    exit
}

#[derive(Serialize)]
struct Content<'c> {
    findings: Vec<Row<'c>>,
}

#[derive(Serialize)]
struct Row<'r> {
    check: &'static str,
    about: &'r str,
    verdict: &'static str,
    evidence: String,
    help: Option<String>,
}
