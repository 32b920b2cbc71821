//! `kumiki plan`: what would change.

use crate::Exit;
use crate::args::{Global, Plan as Args, Target};
use crate::command::up::current;
use crate::output::{Output, Stop};
use crate::project::{Deployment, Project, Trouble};
use crate::{render, review, saved, target};
use kumiki_check::{Deployments, Subject, Usages, check_tree, merge, suppress};
use kumiki_engine::{Backend, ChangeSetRecord, ExecutionStatus, StoreError};
use kumiki_plan::{Current, Divergence, Plan, Refusal, SavedPlan, is_mask_of, plan, settled};
use kumiki_project::{FileError, Files, Given, Inputs, Library, TemplateId, Tree};
use kumiki_source::{Diagnostic, Severity, message};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    // As Terraform has it: 0 no changes, 1 error, 2 changes.
    let error = if args.detailed_exitcode { Exit::Failed } else { Exit::CouldNotRun };
    let changes = run_with(args, global, output).map_err(|mut stop| {
        if stop.exit == Exit::CouldNotRun {
            stop.exit = error;
        }
        stop
    })?;
    Ok(match changes {
        None => Exit::Failed,
        Some(true) if args.detailed_exitcode => Exit::CouldNotRun,
        Some(_) => Exit::Done,
    })
}

/// Shows a plan; whether it has changes, or nothing when there are errors, which were shown.
fn run_with(args: &Args, global: &Global, output: &Output) -> Result<Option<bool>, Stop> {
    let Some(mut prepared) = prepare(&args.target, global, output)? else { return Ok(None) };
    let earlier = match args.against.as_str() {
        "live" | "last" => None,
        file => Some(saved::read(Path::new(file))?),
    };
    let backend = target::reader(&prepared.project, &prepared.deployment, global)?;
    let mut current = current(&*backend, &prepared)?;
    let stages = prepared.stages(&args.target, &*backend, &current)?;
    // A saved plan is compared with that of the same stage.
    let stage = match &earlier {
        Some(earlier) => earlier.stage.as_ref(),
        None => stages.first(),
    };
    if !prepared.enter(stage, output)? {
        return Ok(None);
    }
    if let ([stage, _, ..], None, false) = (stages.as_slice(), &earlier, output.json) {
        let count = stages.len();
        output.say(&message!("the first run has {count} stages; this is `{stage}`", count, stage));
    }
    if args.against == "last" {
        current = after_last(&*backend, &prepared, &current)?;
    }
    let Some(plan) = make(&prepared, &current, global, output)? else { return Ok(None) };
    if let Some(earlier) = earlier {
        return Ok(Some(compare(&earlier, &plan, output)));
    }
    if let Some(file) = &args.out {
        saved::write(file, &SavedPlan::new(&plan, stage.map(String::as_str)))?;
    }
    if output.json {
        #[derive(Serialize)]
        struct Content<'p> {
            stage: Option<&'p String>,
            plan: &'p Plan,
        }
        output.document("plan", Content { stage, plan: &plan });
        return Ok(Some(!plan.is_empty()));
    }
    review::show(&plan, output);
    if let Some(file) = &args.out {
        let (file, target) = (file.display(), target::words(&args.target, global));
        output.say(&message!(
            "saved: `kumiki up {target} --plan {file}` executes it, and nothing else",
            target,
            file
        ));
    }
    Ok(Some(!plan.is_empty()))
}

/// Says how a saved plan differs from the plan of now; whether it does.
fn compare(saved: &SavedPlan, now: &Plan, output: &Output) -> bool {
    let (reasons, divergences) = (saved.differences(now), saved.diverges(now));
    let differs = !reasons.is_empty();
    if output.json {
        #[derive(Serialize)]
        struct Content {
            differences: Vec<String>,
            changes: Vec<Divergence>,
        }
        let differences = reasons.iter().map(|it| output.text(it)).collect();
        output.document("plan", Content { differences, changes: divergences });
        return differs;
    }
    if !differs {
        output.say(&message!("the saved plan is the plan of now"));
    }
    for reason in &reasons {
        output.say(reason);
    }
    for it in divergences {
        let mark = match (&it.saved, &it.now) {
            (None, _) => "+",
            (_, None) => "-",
            _ => "~",
        };
        output.line(&format!("  {mark} {}", it.resource));
    }
    differs
}

/// The stacks as the change set that was executed last left them.
fn after_last(
    backend: &dyn Backend,
    prepared: &Prepared,
    current: &Current,
) -> Result<Current, Stop> {
    let inputs = &prepared.deployment.inputs;
    let last = change_sets(backend, inputs)?
        .into_iter()
        .rfind(|it| it.execution == ExecutionStatus::ExecuteComplete);
    let Some(last) = last else {
        let stack = &inputs.stack_name;
        return Err(Stop::new(message!(
            "no change set of stack `{stack}` was executed yet",
            stack
        )));
    };
    let mut texts = Recorded(BTreeMap::new());
    for (path, digest) in &last.manifest {
        let text = backend.recorded_text(digest).map_err(|it| Stop::new(it.message()))?;
        texts.0.extend(text.map(|text| (path.clone(), text)));
    }
    let mut library = Library::default();
    library.template_urls.clone_from(&prepared.project.library.template_urls);
    library.load(&last.root, &texts);
    let Some(root) = library.find(&last.root) else {
        let path = &last.root;
        return Err(Stop::new(message!("the recorded template `{path}` cannot be read", path)));
    };
    // A secret that is still the same is taken from what is given now.
    let value = |name: &str, recorded: &str| -> Arc<str> {
        let now = inputs.parameters.iter().find(|it| *it.name == *name).map(|it| &it.value);
        now.filter(|it| is_mask_of(recorded, it)).cloned().unwrap_or_else(|| recorded.into())
    };
    let parameters = last.inputs.parameters.iter().map(|(name, recorded)| Given {
        name: name.as_str().into(),
        value: value(name, recorded),
        name_span: None,
        value_span: None,
    });
    let then = Inputs {
        environment: last.inputs.environment.clone(),
        region: last.inputs.region.clone(),
        account: last.inputs.account.clone(),
        stack_name: last.inputs.stack_name.clone(),
        parameters: parameters.collect(),
        parameter_file: None,
        tags: last.inputs.tags.clone(),
    };
    Ok(settled(&library, root, &then, current))
}

/// Templates as they were recorded.
struct Recorded(BTreeMap<String, String>);

impl Files for Recorded {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }

    fn list(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}

/// A root that was opened, and whose files can be read.
pub(crate) struct Prepared {
    /// What was asked for.
    pub(crate) target: Target,
    pub(crate) project: Project,
    pub(crate) deployment: Deployment,
    pub(crate) root: TemplateId,
    /// The inputs as the parameter file has them.
    given: Inputs,
    /// What other roots export, once this one imports something that it does not export itself.
    elsewhere: Option<BTreeSet<Arc<str>>>,
    /// The stage whose values were taken and checked last.
    entered: Option<Option<String>>,
}

impl Prepared {
    /// The scenarios that a deployment goes through: the one that was asked for, else the stages
    /// of the first run that the stack has not been through, else the last of them. Where an
    /// approval is demanded, one stage at a time: each has a digest of its own.
    ///
    /// Stages are recognised by the names of the change sets that were executed, so a first run
    /// that was interrupted goes on where it was.
    pub(crate) fn stages(
        &self,
        target: &Target,
        backend: &dyn Backend,
        current: &Current,
    ) -> Result<Vec<String>, Stop> {
        if let Some(name) = &target.scenario {
            self.project.scenario(name)?;
            return Ok(vec![name.clone()]);
        }
        let (root, environment) = (&self.deployment.config, &self.target.environment);
        let executed: Vec<String> = match current.root() {
            Some(root) => change_sets(backend, &self.deployment.inputs)?
                .into_iter()
                .filter(|it| it.stack_id == root.stack_id)
                .filter(|it| it.execution == ExecutionStatus::ExecuteComplete)
                .map(|it| stage_of(&it.name, &root.name, environment).to_owned())
                .collect(),
            None => Vec::new(),
        };
        let status = current.root().map(|it| &*it.status);
        let mut stages = stages_left(&root.first_run, status, &executed);
        if self.deployment.environment.approval {
            stages.truncate(1);
        }
        Ok(stages)
    }

    /// Takes the values of a stage; false when the tree has errors with them, which were shown.
    pub(crate) fn enter(&mut self, stage: Option<&String>, output: &Output) -> Result<bool, Stop> {
        if self.entered.as_ref().map(Option::as_ref) == Some(stage) {
            return Ok(true);
        }
        self.deployment.inputs = match stage {
            None => self.given.clone(),
            Some(stage) => Project::with_scenario(&self.given, self.project.scenario(stage)?),
        };
        let mut findings = self.check();
        findings.retain(|it| it.severity == Severity::Error);
        if findings.is_empty() {
            self.entered = Some(stage.cloned());
            return Ok(true);
        }
        errors(findings, &self.project, output);
        Ok(false)
    }

    /// What our own rules find in the root and the project does not accept.
    fn check(&mut self) -> Vec<Diagnostic> {
        let Deployment { inputs, environment, config, .. } = &self.deployment;
        let tree = Tree::evaluate(&self.project.library, self.root, inputs);
        if self.elsewhere.is_none() {
            let exports: BTreeSet<&str> = tree.exports.iter().map(|it| &*it.name).collect();
            if tree.imports.iter().any(|it| !exports.contains(&*it.name)) {
                self.elsewhere = Some(self.project.exports_elsewhere(config, &inputs.environment));
            }
        }
        let findings = check_tree(Subject {
            library: &self.project.library,
            tree: &tree,
            usages: &Usages::of(&self.project.library),
            inputs,
            protected: environment.protected,
            elsewhere: self.elsewhere.as_ref().unwrap_or(&BTreeSet::new()),
            // A plan is of one root in one environment.
            deployments: &Deployments::default(),
            // A plan says the same on every day.
            today: None,
        });
        let config = self.project.config_file.map(|it| (it, &*self.project.config.suppressions));
        suppress(findings, config, &self.project.library).findings
    }
}

/// Opens the project here, if there is one.
pub(crate) fn locate_any(global: &Global) -> Option<Project> {
    Project::open(global).ok().map(|(project, _)| project)
}

/// Opens a root without looking at what is wrong with its templates: enough to say which stack is
/// meant. Nothing when even that cannot be read, which has been shown.
pub(crate) fn locate(
    target: &Target,
    global: &Global,
    output: &Output,
) -> Result<Option<(Project, Deployment)>, Stop> {
    let (mut project, trouble) = Project::open(global)?;
    project.caller = target::caller(&project, global)?.map(|it| it.account.clone());
    let mut findings: Vec<Diagnostic> = trouble.into_iter().collect();
    if findings.is_empty() {
        let found = project
            .root(target.root.as_deref())
            .and_then(|(_, root)| project.deployment(&root, &target.environment, &mut findings));
        match found {
            Ok(it) => return Ok(Some((project, it))),
            Err(Trouble::Finding(finding)) => findings.push(*finding),
            Err(Trouble::Stop(stop)) => return Err(stop),
        }
    }
    errors(findings, &project, output);
    Ok(None)
}

/// Opens a root; nothing when its files have errors, which have been shown.
pub(crate) fn prepare(
    target: &Target,
    global: &Global,
    output: &Output,
) -> Result<Option<Prepared>, Stop> {
    let (mut project, trouble) = Project::open(global)?;
    project.caller = target::caller(&project, global)?.map(|it| it.account.clone());
    let mut findings: Vec<Diagnostic> = trouble.into_iter().collect();
    let mut deployment = None;
    if findings.is_empty() {
        let found = project
            .root(target.root.as_deref())
            .and_then(|(_, root)| project.deployment(&root, &target.environment, &mut findings));
        match found {
            Ok(it) => deployment = Some(it),
            Err(Trouble::Finding(finding)) => findings.push(*finding),
            Err(Trouble::Stop(stop)) => return Err(stop),
        }
    }
    findings.extend(project.library.diagnostics.iter().cloned());
    findings.retain(|it| it.severity == Severity::Error);
    if !findings.is_empty() {
        errors(findings, &project, output);
        return Ok(None);
    }
    let root = deployment.as_ref().and_then(|it| it.template);
    let (Some(deployment), Some(root)) = (deployment, root) else { return Ok(None) };
    let given = deployment.inputs.clone();
    let target = target.clone();
    Ok(Some(Prepared { target, project, deployment, root, given, elsewhere: None, entered: None }))
}

fn errors(findings: Vec<Diagnostic>, project: &Project, output: &Output) {
    let findings = merge(findings, &[]);
    let sources = &project.library.sources;
    if output.json {
        #[derive(Serialize)]
        struct Content {
            findings: Vec<render::JsonDiagnostic>,
        }
        let findings = render::json(&findings, sources, output.language);
        output.document("error", Content { findings });
    } else {
        output.diagnostics(&findings, sources);
        output.summary(&findings);
    }
}

/// The change sets of a root.
pub(crate) fn change_sets(
    backend: &dyn Backend,
    inputs: &Inputs,
) -> Result<Vec<ChangeSetRecord>, Stop> {
    backend
        .change_sets(&inputs.stack_name, &inputs.account, &inputs.region)
        .map_err(|it| Stop::new(it.message()))
}

/// The name of the next change set of a stage: the stage and a number, as names are used once.
pub(crate) fn change_set_name(
    backend: &dyn Backend,
    inputs: &Inputs,
    stage: &str,
) -> Result<String, StoreError> {
    let made = backend.change_sets(&inputs.stack_name, &inputs.account, &inputs.region)?;
    Ok(format!("{stage}-{}", made.len() + 1))
}

/// The stages of a first run that are still to come, or the last where all are behind: by the status
/// of the root stack and the names of the change sets that were executed on it.
fn stages_left(first_run: &[String], status: Option<&str>, executed: &[String]) -> Vec<String> {
    // A stack that is only being reviewed was never created.
    if matches!(status, None | Some("REVIEW_IN_PROGRESS")) {
        return first_run.to_vec();
    }
    let through = |stage: &String| executed.contains(stage);
    // A stack that was never in a first run is not put through one.
    let next = first_run.iter().rposition(through).map_or(first_run.len(), |it| it + 1);
    first_run[next.min(first_run.len().saturating_sub(1))..].to_vec()
}

/// The stage that the name of a change set tells: the engine's end in a number.
fn stage_of<'n>(change_set: &'n str, root: &str, environment: &str) -> &'n str {
    kumiki_backend_aws::stage_of(change_set, root, environment)
        .unwrap_or_else(|| change_set.rsplit_once('-').map_or(change_set, |(stage, _)| stage))
}

/// Makes the plan; nothing when the tree has errors, which have been shown.
pub(crate) fn make(
    prepared: &Prepared,
    current: &Current,
    global: &Global,
    output: &Output,
) -> Result<Option<Plan>, Stop> {
    let Prepared { project, deployment, root, .. } = prepared;
    match plan(&project.library, *root, &deployment.inputs, current) {
        Ok(plan) => Ok(Some(plan)),
        Err(Refusal::Errors(findings)) => {
            errors(findings, project, output);
            Ok(None)
        }
        Err(Refusal::Status { stack, status }) => {
            let target = target::words(&prepared.target, global);
            let stop = Stop::new(message!("stack `{stack}` is in `{status}`", stack, status));
            Err(match status.as_str() {
                "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" | "DELETE_FAILED" => stop
                    .help(message!(
                        "such a stack can only be deleted: `kumiki destroy {target}`",
                        target
                    )),
                _ => stop.help(message!(
                    "an operation was interrupted: `kumiki up {target}` finishes it",
                    target
                )),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{stage_of, stages_left};

    #[test]
    fn a_first_run_goes_on_where_it_ended() {
        let run = ["one", "two", "three"].map(str::to_owned);
        let created = Some("CREATE_COMPLETE");
        let cases: [(_, &[&str], &[&str]); 6] = [
            (None, &[], &["one", "two", "three"]),
            // Killed after the change set was made and before it was executed.
            (Some("REVIEW_IN_PROGRESS"), &[], &["one", "two", "three"]),
            (created, &["one"], &["two", "three"]),
            (created, &["one", "two"], &["three"]),
            (created, &["one", "two", "three"], &["three"]),
            (created, &[], &["three"]),
        ];
        for (status, executed, expected) in cases {
            let executed: Vec<String> = executed.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(stages_left(&run, status, &executed), expected, "{status:?} {executed:?}");
        }
        assert!(stages_left(&[], created, &[]).is_empty());
    }

    #[test]
    fn change_sets_tell_their_stages() {
        let cases = [
            ("steady-state-3", "steady-state"),
            ("service-dev-steady-state-0123456789ab-20261124T100000Z", "steady-state"),
            ("service-dev-change-0123456789ab-20261124T100000Z", "change"),
            ("somebodys", "somebodys"),
        ];
        for (name, expected) in cases {
            assert_eq!(stage_of(name, "service", "dev"), expected);
        }
    }
}
