//! `kumiki plan`: what would change, and how a plan is shown.

use crate::Exit;
use crate::args::{Global, Plan as Args, Target};
use crate::command::up::{SHORT_DIGEST, current, reader};
use crate::output::{Output, Stop, Style};
use crate::project::{Deployment, Project, Trouble};
use crate::render;
use kumiki_backend_local::LocalBackend;
use kumiki_check::{Deployments, Subject, Usages, check_tree, merge};
use kumiki_engine::{Backend, ChangeSetRecord, ExecutionStatus};
use kumiki_plan::{
    Action, Change, Current, Detail, Operation, Plan, Recreation, Refusal, Replacement, Step, plan,
};
use kumiki_project::{Inputs, TemplateId, Tree};
use kumiki_source::{Diagnostic, Severity, message};
use serde::Serialize;
use std::collections::BTreeSet;
use std::sync::Arc;

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    // As Terraform has it: 0 no changes, 1 error, 2 changes.
    let error = if args.detailed_exitcode { Exit::Failed } else { Exit::CouldNotRun };
    let with_code = |mut stop: Stop| {
        if stop.exit == Exit::CouldNotRun {
            stop.exit = error;
        }
        stop
    };
    let Some(prepared) = prepare(&args.target, global, output).map_err(with_code)? else {
        return Ok(Exit::Failed);
    };
    let mut prepared = prepared;
    let backend = reader(&prepared.project.state_folder()).map_err(with_code)?;
    let current = current(&backend, &prepared).map_err(with_code)?;
    let stages = prepared.stages(&args.target, &backend, &current).map_err(with_code)?;
    if !prepared.enter(stages.first(), output).map_err(with_code)? {
        return Ok(Exit::Failed);
    }
    if let ([stage, _, ..], false) = (stages.as_slice(), output.json) {
        let count = stages.len();
        output.say(&message!("the first run has {count} stages; this is `{stage}`", count, stage));
    }
    let plan = match make(&prepared, &current, output) {
        Ok(Some(plan)) => plan,
        Ok(None) => return Ok(Exit::Failed),
        Err(stop) => return Err(with_code(stop)),
    };
    if output.json {
        #[derive(Serialize)]
        struct Content<'p> {
            plan: &'p Plan,
        }
        output.document("plan", Content { plan: &plan });
    } else {
        show(&plan, output);
    }
    let changes = args.detailed_exitcode && !plan.is_empty();
    Ok(if changes { Exit::CouldNotRun } else { Exit::Done })
}

/// A root whose tree was linked and has no errors.
pub(crate) struct Prepared {
    pub(crate) project: Project,
    pub(crate) deployment: Deployment,
    pub(crate) root: TemplateId,
    /// The inputs as the parameter file has them.
    given: Inputs,
    /// What other roots export, where this one imports something that it does not export itself.
    elsewhere: BTreeSet<Arc<str>>,
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
        backend: &LocalBackend,
        current: &Current,
    ) -> Result<Vec<String>, Stop> {
        if let Some(name) = &target.scenario {
            self.project.scenario(name)?;
            return Ok(vec![name.clone()]);
        }
        let executed: Vec<String> = match current.root() {
            Some(root) => change_sets(backend, &self.deployment.inputs)?
                .into_iter()
                .filter(|it| it.stack_id == root.stack_id)
                .filter(|it| it.execution == ExecutionStatus::ExecuteComplete)
                .map(|it| it.name)
                .collect(),
            None => Vec::new(),
        };
        let status = current.root().map(|it| &*it.status);
        let mut stages = stages_left(&self.deployment.config.first_run, status, &executed);
        if self.deployment.environment.approval {
            stages.truncate(1);
        }
        Ok(stages)
    }

    /// Takes the values of a stage; false when the tree has errors with them, which were shown.
    pub(crate) fn enter(&mut self, stage: Option<&String>, output: &Output) -> Result<bool, Stop> {
        let Some(stage) = stage else { return Ok(true) };
        let scenario = self.project.scenario(stage)?;
        self.deployment.inputs = Project::with_scenario(&self.given, scenario);
        let mut findings = link(&self.project, &self.deployment, self.root, &self.elsewhere);
        findings.retain(|it| it.severity == Severity::Error);
        if findings.is_empty() {
            return Ok(true);
        }
        errors(findings, &self.project, output);
        Ok(false)
    }
}

/// Opens a root without looking at what is wrong with its templates: enough to say which stack is
/// meant. Nothing when even that cannot be read, which has been shown.
pub(crate) fn locate(
    target: &Target,
    global: &Global,
    output: &Output,
) -> Result<Option<(Project, Deployment)>, Stop> {
    let (mut project, trouble) = Project::open(global)?;
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

/// Opens and links a root; nothing when there are errors, which have been shown.
pub(crate) fn prepare(
    target: &Target,
    global: &Global,
    output: &Output,
) -> Result<Option<Prepared>, Stop> {
    let (mut project, trouble) = Project::open(global)?;
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
    let root = deployment.as_ref().and_then(|it| it.template);
    let mut elsewhere = BTreeSet::new();
    if let (Some(deployment), Some(id)) = (&deployment, root) {
        let tree = Tree::evaluate(&project.library, id, &deployment.inputs);
        if tree.imports.iter().any(|it| !tree.exports.iter().any(|export| export.name == it.name)) {
            elsewhere = project.exports_elsewhere(&deployment.config, &target.environment);
        }
        findings.extend(link(&project, deployment, id, &elsewhere));
    }
    findings.extend(project.library.diagnostics.iter().cloned());
    findings.retain(|it| it.severity == Severity::Error);
    if !findings.is_empty() {
        errors(findings, &project, output);
        return Ok(None);
    }
    let (Some(deployment), Some(root)) = (deployment, root) else { return Ok(None) };
    let given = deployment.inputs.clone();
    Ok(Some(Prepared { project, deployment, root, given, elsewhere }))
}

/// What our own rules find in a root.
fn link(
    project: &Project,
    deployment: &Deployment,
    root: TemplateId,
    elsewhere: &BTreeSet<Arc<str>>,
) -> Vec<Diagnostic> {
    let tree = Tree::evaluate(&project.library, root, &deployment.inputs);
    check_tree(Subject {
        library: &project.library,
        tree: &tree,
        usages: &Usages::of(&project.library),
        inputs: &deployment.inputs,
        protected: deployment.environment.protected,
        elsewhere,
        // A plan is of one root in one environment.
        deployments: &Deployments::default(),
        // A plan says the same on every day.
        today: None,
    })
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
fn change_sets(backend: &LocalBackend, inputs: &Inputs) -> Result<Vec<ChangeSetRecord>, Stop> {
    backend
        .change_sets(&inputs.stack_name, &inputs.account, &inputs.region)
        .map_err(|it| Stop::new(it.message()))
}

/// The name of the next change set of a stage: the stage and a number, as names are used once.
pub(crate) fn change_set_name(
    backend: &LocalBackend,
    inputs: &Inputs,
    stage: &str,
) -> Result<String, Stop> {
    Ok(format!("{stage}-{}", change_sets(backend, inputs)?.len() + 1))
}

/// The stages of a first run that are still to come, or the last where all are behind: by the status
/// of the root stack and the names of the change sets that were executed on it.
fn stages_left(first_run: &[String], status: Option<&str>, executed: &[String]) -> Vec<String> {
    // A stack that is only being reviewed was never created.
    if matches!(status, None | Some("REVIEW_IN_PROGRESS")) {
        return first_run.to_vec();
    }
    let through = |stage: &String| executed.iter().any(|it| stage_of(it) == *stage);
    // A stack that was never in a first run is not put through one.
    let next = first_run.iter().rposition(through).map_or(first_run.len(), |it| it + 1);
    first_run[next.min(first_run.len().saturating_sub(1))..].to_vec()
}

fn stage_of(change_set: &str) -> &str {
    change_set.rsplit_once('-').map_or(change_set, |(stage, _)| stage)
}

/// Makes the plan; nothing when the tree has errors, which have been shown.
pub(crate) fn make(
    prepared: &Prepared,
    current: &Current,
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
            let environment = &deployment.inputs.environment;
            let stop = Stop::new(message!("stack `{stack}` is in `{status}`", stack, status));
            Err(match status.as_str() {
                "ROLLBACK_COMPLETE" | "ROLLBACK_FAILED" | "CREATE_FAILED" | "DELETE_FAILED" => stop
                    .help(message!(
                        "such a stack can only be deleted: `kumiki destroy {environment}`",
                        environment
                    )),
                _ => stop.help(message!(
                    "an operation was interrupted: `kumiki up {environment}` finishes it",
                    environment
                )),
            })
        }
    }
}

/// A plan for people.
pub(crate) fn show(plan: &Plan, output: &Output) {
    let (stack, region, account) = (&plan.stack_name, &plan.region, &plan.account);
    output.say(&message!("stack `{stack}` in {region}, account {account}", stack, region, account));
    if plan.is_empty() {
        output.say(&message!("no changes"));
        return;
    }
    for step in &plan.steps {
        output.line("");
        output.line(&heading(step, plan, output));
        for change in &step.changes {
            resource(change, step.operation, output);
        }
        if step.operation == Operation::Update {
            for it in &step.outputs {
                let before = it.before.as_deref().unwrap_or("-");
                let after = it.after.as_deref().unwrap_or("?");
                let name = &it.name;
                let text = output.text(&message!(
                    "output {name}: {before} → {after}",
                    name,
                    before,
                    after
                ));
                output.line(&format!("    {text}"));
            }
        }
    }
    output.line("");
    let [added, modified, replaced, removed] = plan.counts();
    let stacks = plan.steps.len();
    output.say(&message!(
        "{added} to add, {modified} to modify, {replaced} to replace, {removed} to remove, in {stacks} change sets",
        added,
        modified,
        replaced,
        removed,
        stacks
    ));
    if let Some(digest) = plan.digest.get(..SHORT_DIGEST) {
        output.say(&message!("digest {digest}", digest));
    }
}

fn heading(step: &Step, plan: &Plan, output: &Output) -> String {
    let path = if step.path.is_empty() { &plan.stack_name } else { &step.path };
    let mark = match step.operation {
        Operation::Create => output.paint(Style::Green, "+"),
        Operation::Update => output.paint(Style::Yellow, "~"),
        Operation::Delete => output.paint(Style::Red, "-"),
    };
    let template = output.paint(Style::Faint, &step.template);
    format!("{mark} {}  {template}", output.paint(Style::Bold, path))
}

fn resource(change: &Change, operation: Operation, output: &Output) {
    let replaced = change.replacement != Replacement::False;
    let (mark, style) = match (change.action, replaced) {
        (Action::Add, _) => ("  +", Style::Green),
        (Action::Modify, false) => ("  ~", Style::Yellow),
        (Action::Modify, true) => ("-/+", Style::Red),
        (Action::Remove, _) => ("  -", Style::Red),
    };
    let mark = output.paint(style, mark);
    let (id, type_name) = (&change.logical_id, output.paint(Style::Faint, &change.type_name));
    output.line(&format!("{mark} {id}  {type_name}"));
    if replaced {
        let cause = change.details.iter().max_by_key(|it| it.recreation).map(|it| it.path.as_str());
        let cause = cause.unwrap_or_default();
        let policy = change.policy.unwrap_or("Delete");
        let text = match change.replacement {
            Replacement::True => message!(
                "replaced, because `{cause}` changes; policy for the old one: {policy}",
                cause,
                policy
            ),
            _ => message!(
                "may be replaced, depending on `{cause}`; policy for the old one: {policy}",
                cause,
                policy
            ),
        };
        output.line(&format!("      {}", output.text(&text)));
    } else if change.action == Action::Remove
        && let Some(policy) = change.policy.filter(|it| *it != "Delete")
    {
        let text = message!("stays in the account: policy {policy}", policy);
        output.line(&format!("      {}", output.text(&text)));
    }
    if operation == Operation::Update {
        for detail in &change.details {
            output.line(&format!("      {}", property(detail, output)));
        }
    }
}

fn property(detail: &Detail, output: &Output) -> String {
    let value = |it: &serde_json::Value| {
        let text = it.to_string();
        match text.char_indices().nth(60) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text,
        }
    };
    let before = detail.before.as_ref().map_or_else(|| "-".to_owned(), value);
    let after = match (&detail.after, &detail.waits_for) {
        (Some(after), _) => value(after),
        (None, Some(waits_for)) => format!("({})", output.text(waits_for)),
        (None, None) => "-".to_owned(),
    };
    let mark = match detail.recreation {
        Recreation::Never => "",
        Recreation::Conditionally => " (?)",
        Recreation::Always => " (!)",
    };
    format!("{}: {before} → {after}{mark}", detail.path)
}

#[cfg(test)]
mod tests {
    use super::stages_left;

    #[test]
    fn a_first_run_goes_on_where_it_ended() {
        let run = ["one", "two", "three"].map(str::to_owned);
        let created = Some("CREATE_COMPLETE");
        let cases: [(_, &[&str], &[&str]); 6] = [
            (None, &[], &["one", "two", "three"]),
            // Killed after the change set was made and before it was executed.
            (Some("REVIEW_IN_PROGRESS"), &[], &["one", "two", "three"]),
            (created, &["one-1"], &["two", "three"]),
            (created, &["one-1", "two-2"], &["three"]),
            (created, &["one-1", "two-2", "three-3"], &["three"]),
            (created, &[], &["three"]),
        ];
        for (status, executed, expected) in cases {
            let executed: Vec<String> = executed.iter().map(|it| (*it).to_owned()).collect();
            assert_eq!(stages_left(&run, status, &executed), expected, "{status:?} {executed:?}");
        }
        assert!(stages_left(&[], created, &[]).is_empty());
    }
}
