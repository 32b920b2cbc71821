//! `kumiki teardown`: every root of an environment that nobody depends on, deleted.

use crate::Exit;
use crate::args::{Destroy, Global, Target, Teardown as Args};
use crate::command::destroy;
use crate::output::{Output, Stop};
use crate::project::{Project, Trouble};
use kumiki_source::message;

pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let (project, trouble) = Project::open(global)?;
    let stop = |trouble: Trouble| match trouble {
        Trouble::Stop(stop) => stop,
        Trouble::Finding(it) => Stop::new(it.message.clone()),
    };
    if let Some(trouble) = trouble {
        return Err(stop(Trouble::Finding(Box::new(trouble))));
    }
    let environment = &args.environment;
    let settings = project.environment(environment).map_err(stop)?;
    if settings.protected || settings.approval || settings.termination_protection {
        return Err(Stop::new(message!(
            "environment `{environment}` is protected: its roots are deleted one by one",
            environment
        ))
        .help(message!("`kumiki destroy {environment} --root NAME` deletes one", environment)));
    }
    if args.confirm.as_deref() != Some(environment) {
        return Err(Stop::new(message!(
            "everything in `{environment}` would be deleted",
            environment
        ))
        .help(message!("type its name: `--confirm {environment}`", environment)));
    }
    let mut exit = Exit::Done;
    for root in order(&project, args.include_bootstrap) {
        let destroy = Destroy {
            target: Target { environment: environment.clone(), root: Some(root), scenario: None },
            yes: true,
            confirm: None,
            retain: Vec::new(),
        };
        let done = destroy::run(&destroy, global, output)?;
        if done != Exit::Done {
            exit = done;
            break;
        }
    }
    Ok(exit)
}

/// The roots in the order of deletion: what reads a root's exports or outputs goes before it, and
/// the root that everything is deployed with goes last.
fn order(project: &Project, include_bootstrap: bool) -> Vec<String> {
    let config = &project.config;
    let bootstrap = config.aws.bootstrap_root.as_deref();
    let names = config.roots.keys().filter(|it| Some(it.as_str()) != bootstrap);
    let default = config.default_root.as_deref();
    let needed = |name: &String| config.roots.values().any(|it| it.needs.contains_key(name));
    let rank = |name: &String| match () {
        // What is needed goes after what needs it; what nothing says anything of stands on top.
        () if needed(name) => 2,
        () if Some(name.as_str()) == default => 1,
        () => 0,
    };
    let mut names: Vec<String> = names.cloned().collect();
    names.sort_by_key(rank);
    names.extend(bootstrap.filter(|_| include_bootstrap).map(str::to_owned));
    names
}
