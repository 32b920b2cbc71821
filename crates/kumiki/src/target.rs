//! Where a command works: on the embedded engine, or on AWS.

use crate::args::{Global, Place, Target};
use crate::output::Stop;
use crate::project::{Deployment, Project};
use kumiki_backend_aws::{AwsBackend, Caller, Session, Settings};
use kumiki_backend_local::{LocalBackend, Options};
use kumiki_engine::{Backend, Clock};
use kumiki_project::partition;
use kumiki_source::message;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The stacks of a root for reading.
///
/// # Errors
/// When they cannot be read.
pub(crate) fn reader(
    project: &Project,
    deployment: &Deployment,
    global: &Global,
) -> Result<Box<dyn Backend>, Stop> {
    Ok(match global.target {
        Place::Local => Box::new(local_reader(&project.state_folder())?),
        Place::Aws => aws(project, deployment, global)?,
    })
}

/// The stacks of a root for changing. On the embedded engine, `options` says what it takes to be
/// there, and what fails on purpose.
///
/// # Errors
/// When they cannot be changed, such as when another process does.
pub(crate) fn writer(
    project: &Project,
    deployment: &Deployment,
    global: &Global,
    options: Options,
) -> Result<Box<dyn Backend>, Stop> {
    Ok(match global.target {
        Place::Local => Box::new(local(&project.state_folder(), options)?),
        Place::Aws => aws(project, deployment, global)?,
    })
}

fn local_reader(folder: &Path) -> Result<LocalBackend, Stop> {
    LocalBackend::open_read_only(folder, Box::new(Wall)).map_err(|error| Stop::new(error.message()))
}

/// The embedded engine, with its lock.
///
/// # Errors
/// When another process has it, or its state cannot be used.
pub(crate) fn local(folder: &Path, options: Options) -> Result<LocalBackend, Stop> {
    let command: Vec<String> = std::env::args().collect();
    LocalBackend::open(folder, Box::new(Wall), &command.join(" "), options)
        .map_err(|error| Stop::new(error.message()))
}

/// Who deploys to AWS; nobody where nothing is deployed there. It is asked once.
///
/// # Errors
/// When there are no credentials, or AWS does not know them.
pub(crate) fn caller<'g>(
    project: &Project,
    global: &'g Global,
) -> Result<Option<&'g Caller>, Stop> {
    if global.target == Place::Local || global.caller.get().is_some() {
        return Ok(global.caller.get());
    }
    // Any Region knows who asks; a root's is one that the account uses.
    let Some(region) = project.config.roots.values().next().map(|it| &it.region) else {
        return Ok(None);
    };
    let caller = session(region, global)?.caller();
    let caller = caller.map_err(|it| {
        Stop::new(it.message()).help(message!(
            "sign in first, or name a profile: `aws sts get-caller-identity` shows who asks"
        ))
    })?;
    Ok(Some(global.caller.get_or_init(|| caller)))
}

/// CloudFormation in the account that is meant.
fn aws(
    project: &Project,
    deployment: &Deployment,
    global: &Global,
) -> Result<Box<dyn Backend>, Stop> {
    let (inputs, config) = (&deployment.inputs, &project.config.aws);
    let (account, region) = (&inputs.account, &inputs.region);
    let filled = |text: &Option<String>| {
        let text = text.as_deref().map(|it| it.replace("${AccountId}", account));
        text.map(|it| project.filled(&it, &deployment.config, inputs)).transpose()
    };
    let bootstrap = config.bootstrap_root.as_ref();
    let home = bootstrap.and_then(|it| project.config.roots.get(it));
    let partition = partition(region);
    let place = kumiki_backend_aws::Place {
        stack_name: inputs.stack_name.clone(),
        account: account.clone(),
        region: region.clone(),
        bucket: filled(&config.artifact_bucket)?,
        bucket_region: home.map_or(region, |it| &it.region).clone(),
        service_role: filled(&config.service_role)?
            .map(|it| format!("arn:{partition}:iam::{account}:role/{it}")),
        bootstraps: bootstrap == Some(&deployment.config.name),
        environment: inputs.environment.clone(),
        root: deployment.config.name.clone(),
    };
    Ok(Box::new(AwsBackend::new(session(region, global)?, place)))
}

/// A connection to a Region of AWS.
///
/// # Errors
/// When the system refuses it.
pub(crate) fn session(region: &str, global: &Global) -> Result<Session, Stop> {
    let bundle = std::env::var_os("AWS_CA_BUNDLE").filter(|it| !it.is_empty());
    let ca_bundle = bundle.map(|path| {
        let name = Path::new(&path).display();
        std::fs::read(&path).map_err(|error| {
            Stop::new(message!(
                "`{name}`, which `AWS_CA_BUNDLE` names, cannot be read: {error}",
                name,
                error
            ))
        })
    });
    let settings = Settings {
        region: region.to_owned(),
        profile: global.profile.clone(),
        endpoint_url: global.endpoint_url.clone(),
        ca_bundle: ca_bundle.transpose()?,
        attempts: std::env::var("AWS_MAX_ATTEMPTS").ok().and_then(|it| it.parse().ok()),
    };
    Session::open(&settings)
        .map_err(|error| Stop::new(message!("AWS cannot be asked: {error}", error)))
}

/// A target as it is written on a command line.
pub(crate) fn words(target: &Target, global: &Global) -> String {
    let root = target.root.as_ref().map(|it| format!(" --root {it}")).unwrap_or_default();
    let scenario = target.scenario.as_ref().map(|it| format!(" --scenario {it}"));
    let place = match global.target {
        Place::Local => "",
        Place::Aws => " --target aws",
    };
    format!("{}{root}{}{place}", target.environment, scenario.unwrap_or_default())
}

/// Refuses an option that only the embedded engine knows.
///
/// # Errors
/// When it is given together with AWS.
pub(crate) fn local_only(option: &str, given: bool, global: &Global) -> Result<(), Stop> {
    if given && global.target == Place::Aws {
        return Err(Stop::new(message!("`{option}` is for rehearsals only", option))
            .help(message!("leave it out, or leave out `--target aws`")));
    }
    Ok(())
}

/// The time of day.
pub(crate) struct Wall;

impl Clock for Wall {
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }
}
