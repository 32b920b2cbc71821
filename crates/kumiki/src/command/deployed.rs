//! `kumiki post-deploy` sets what templates cannot say; `kumiki smoke` asks whether what was deployed
//! works.

use crate::args::{Global, Place, PostDeploy, Smoke};
use crate::command::preflight::{asker, report};
use crate::command::{plan, protect};
use crate::output::{Output, Stop};
use crate::{Exit, target};
use kumiki_backend_aws::checks::{self, Deployed, Finding, Placed, Probe, Verdict};
use kumiki_backend_local::Options;
use kumiki_engine::{Backend, StackRecord};
use kumiki_source::{Message, message};
use std::thread;
use std::time::Duration;

pub(crate) fn post_deploy(
    args: &PostDeploy,
    global: &Global,
    output: &Output,
) -> Result<Exit, Stop> {
    let Some(prepared) = plan::prepare(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let inputs = &prepared.deployment.inputs;
    let mut backend =
        target::writer(&prepared.project, &prepared.deployment, global, Options::default())?;
    protect::apply(&mut *backend, &prepared, output)?;
    let root = protect::at(&*backend, inputs, "")?;
    let environment = &prepared.deployment.environment;
    let mut findings = Vec::new();
    if environment.termination_protection {
        findings.push(finding(
            "termination-protection",
            &root.name,
            root.termination_protection,
            match root.termination_protection {
                true => message!("the stack is protected from termination"),
                false => message!("the stack is not protected from termination"),
            },
        ));
    }
    if let Some(path) = &prepared.deployment.config.stack_policy {
        let set = root.stack_policy.is_some();
        let evidence = match set {
            true => message!("the stack has the policy of `{path}`", path),
            false => message!("there is no policy on the stack"),
        };
        findings.push(finding("stack-policy", &root.name, set, evidence));
    }
    let (placed, _) = placed(&*backend, &root)?;
    let of = Deployed { region: &inputs.region, account: &root.account, resources: &placed };
    let restart = args.allow_reboot || !environment.protected;
    findings.extend(checks::post_deploy(&of, restart, &*asker(&inputs.region, global)?));
    Ok(report("post-deploy", &findings, args.strict, output))
}

pub(crate) fn smoke(args: &Smoke, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let Some((project, deployment)) = plan::locate(&args.target, global, output)? else {
        return Ok(Exit::Failed);
    };
    let inputs = &deployment.inputs;
    let backend = target::reader(&project, &deployment, global)?;
    let root = protect::at(&*backend, inputs, "")?;
    let (placed, unsettled) = placed(&*backend, &root)?;
    let count = placed.len();
    let settled = unsettled.is_none();
    let evidence =
        unsettled.unwrap_or(message!("{count} resources are in a complete state", count));
    let mut findings = vec![finding("resources", &root.name, settled, evidence)];
    let of = Deployed { region: &inputs.region, account: &root.account, resources: &placed };
    let ask = asker(&inputs.region, global)?;
    findings.extend(checks::smoke(&of, &*ask));
    if args.probe && global.target == Place::Aws {
        // Ten minutes: the image has to be fetched first.
        let mut rounds = 120;
        let mut wait = || {
            rounds -= 1;
            thread::sleep(Duration::from_secs(5));
            rounds > 0
        };
        findings.push(Probe { of: &of, wait: &mut wait }.run(&*ask));
    }
    Ok(report("smoke", &findings, args.strict, output))
}

fn finding(check: &'static str, about: &str, passed: bool, evidence: Message) -> Finding {
    let verdict = if passed { Verdict::Pass } else { Verdict::Fail };
    Finding { check, about: about.to_owned(), verdict, evidence, help: None }
}

/// The resources of a tree of stacks, and what is said of the first that is in no complete state.
fn placed(
    backend: &dyn Backend,
    root: &StackRecord,
) -> Result<(Vec<Placed>, Option<Message>), Stop> {
    let stacks = backend.stacks().map_err(|it| Stop::new(it.message()))?;
    let (mut placed, mut unsettled) = (Vec::new(), None);
    for stack in stacks.into_iter().filter(|it| it.root_id == root.root_id) {
        let records = backend.resources(&stack.stack_id).map_err(|it| Stop::new(it.message()))?;
        for it in records.into_iter().filter(kumiki_engine::ResourceRecord::is_owned) {
            let path = match stack.path.as_str() {
                "" => it.logical_id.clone(),
                path => format!("{path}/{}", it.logical_id),
            };
            let status = it.status.as_str();
            if !status.ends_with("_COMPLETE") {
                unsettled.get_or_insert(message!("`{path}` is in `{status}`", path, status));
            }
            let (type_name, physical_id) = (it.settled.type_name, it.settled.physical_id);
            placed.push(Placed { path, type_name, physical_id });
        }
    }
    Ok((placed, unsettled))
}
