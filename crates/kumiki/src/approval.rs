//! Who agreed to a plan, and how: an approval is bound to the digest of what was reviewed.
//!
//! A file of approval is no signature: whoever can write it can make one. What keeps others from
//! executing are the rights of the account; what was agreed stands in the audit log.

use crate::args::{Approve as Args, Consent, Global, Place};
use crate::audit::{ci, now, whoever};
use crate::command::plan;
use crate::output::{Output, Stop};
use crate::review::SHORT_DIGEST;
use crate::{Exit, saved, target};
use kumiki_plan::Plan;
use kumiki_project::EnvironmentConfig;
use kumiki_source::message;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

/// The version of the format of files of approval.
const VERSION: u32 = 1;

/// That a plan may be executed, and on whose word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Approval {
    how: &'static str,
    /// Who, where it was somebody else than the one who executes.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<String>,
}

/// A second person's approval, as it is kept in a file.
#[derive(Debug, Serialize, Deserialize)]
struct Approved {
    #[serde(rename = "kumiki-approval")]
    version: u32,
    /// The digest of the plan.
    plan: String,
    environment: String,
    stack: String,
    account: String,
    region: String,
    by: String,
    at: String,
}

/// Whether the plan may be executed; nothing when the answer is no. Where an approval is demanded,
/// it is bound to the digest of what was reviewed: another plan has another digest.
///
/// # Errors
/// When what is given is no approval of this plan, or nobody is there to ask.
pub(crate) fn approve(
    consent: &Consent,
    saved: bool,
    environment: &EnvironmentConfig,
    plan: &Plan,
    global: &Global,
    output: &Output,
) -> Result<Option<Approval>, Stop> {
    let given = |how| Some(Approval { how, by: None, at: None });
    let short = &plan.digest[..SHORT_DIGEST];
    // Nothing can be lost by a rehearsal, so one person may rehearse alone.
    let second = environment.second_person && global.target == Place::Aws;
    if let Some(file) = &consent.approval {
        return other_person(file, plan, second, global).map(Some);
    }
    if second {
        // The protected environment of the CI has asked somebody before it began.
        if let (Some(run), Some(digest)) = (ci(), &consent.approve) {
            matches(digest, plan)?;
            return Ok(Some(Approval { how: "ci", by: Some(run), at: None }));
        }
        return Err(Stop::new(message!("this environment needs a second person's approval")).help(
            message!(
                "save the plan, have it approved by `kumiki approve FILE`, and pass `--approval FILE`"
            ),
        ));
    }
    match &consent.approve {
        Some(digest) => {
            matches(digest, plan)?;
            return Ok(given("digest"));
        }
        None if environment.approval && consent.yes => {
            return Err(Stop::new(message!(
                "`--yes` is not enough: this environment needs an approval"
            ))
            .help(message!("review the plan, then pass its digest: `--approve {short}`", short)));
        }
        None if !environment.approval && consent.yes => return Ok(given("yes")),
        // A plan that was saved was reviewed, and is given by name.
        None if !environment.approval && saved => return Ok(given("saved-plan")),
        None => {}
    }
    let answer = if environment.approval {
        let question = message!("Execute these changes? Type the plan's digest, `{short}`:", short);
        output.ask(&question, short)?
    } else {
        output.ask(&message!("Execute these changes? Type `yes`:"), "yes")?
    };
    Ok(given("asked").filter(|_| answer))
}

/// Whether somebody typed the digest of a plan.
fn matches(digest: &str, plan: &Plan) -> Result<(), Stop> {
    if digest.len() >= SHORT_DIGEST && plan.digest.starts_with(digest) {
        return Ok(());
    }
    let short = &plan.digest[..SHORT_DIGEST];
    Err(Stop::new(message!("`{digest}` is not the digest of this plan", digest))
        .help(message!("review the plan again: its digest is `{short}`", short)))
}

/// The approval in a file.
fn other_person(file: &Path, plan: &Plan, second: bool, global: &Global) -> Result<Approval, Stop> {
    let name = file.display();
    let text = fs::read_to_string(file).map_err(|error| {
        Stop::new(message!("approval `{name}` cannot be read: {error}", name, error))
    })?;
    let approved: Approved = serde_json::from_str(&text).map_err(|error| {
        Stop::new(message!("`{name}` is no approval: {error}", name, error))
            .help(message!("`kumiki approve FILE` makes one of a saved plan"))
    })?;
    let Approved { version, plan: digest, environment, stack, account, region, by, at } = approved;
    let refused = |why| Err(Stop::new(why).help(message!("nothing was changed")));
    if version != VERSION {
        return refused(message!("`{name}` has version {version} of the format", name, version));
    }
    let meant = [&environment, &stack, &account, &region];
    if digest != plan.digest
        || meant != [&plan.environment, &plan.stack_name, &plan.account, &plan.region]
    {
        let (short, now) = (digest.get(..SHORT_DIGEST), &plan.digest[..SHORT_DIGEST]);
        let short = short.unwrap_or(&digest);
        return refused(message!(
            "`{name}` approves another plan: {short} for stack `{stack}`, and this one is {now}",
            name,
            short,
            stack,
            now
        ));
    }
    if second && by == whoever(global) {
        return refused(message!("{by} approved this plan, and cannot execute it too", by));
    }
    Ok(Approval { how: "file", by: Some(by), at: Some(at) })
}

/// `kumiki approve`: a second person agrees to a saved plan.
pub(crate) fn run(args: &Args, global: &Global, output: &Output) -> Result<Exit, Stop> {
    let saved = saved::read(&args.plan)?;
    let [environment, account, region, stack] = saved.root().clone();
    let short = &saved.digest[..SHORT_DIGEST];
    if let Some(project) = plan::locate_any(global) {
        target::caller(&project, global)?;
    }
    output.say(&message!(
        "plan {short} for stack `{stack}` in {region}, account {account}",
        short,
        stack,
        region,
        account
    ));
    for (mark, resource) in saved.changes() {
        output.line(&format!("{mark:>3} {resource}"));
    }
    let agreed = match &args.digest {
        Some(digest) if digest.len() >= SHORT_DIGEST && saved.digest.starts_with(&**digest) => true,
        Some(digest) => {
            return Err(Stop::new(message!("`{digest}` is not the digest of this plan", digest))
                .help(message!("review the plan again: its digest is `{short}`", short)));
        }
        None => output.ask(
            &message!("Approve these changes? Type the plan's digest, `{short}`:", short),
            short,
        )?,
    };
    if !agreed {
        output.say(&message!("nothing was approved"));
        return Ok(Exit::CouldNotRun);
    }
    let approved = Approved {
        version: VERSION,
        plan: saved.digest.clone(),
        environment,
        stack,
        account,
        region,
        by: whoever(global),
        at: now(),
    };
    let text = serde_json::to_string_pretty(&approved).unwrap_or_default() + "\n";
    let file = args.out.clone().unwrap_or_else(|| args.plan.with_extension("approval.json"));
    saved::replace(&file, &text).map_err(|error| {
        let file = file.display();
        Stop::new(message!("approval `{file}` cannot be written: {error}", file, error))
    })?;
    let (by, file) = (&approved.by, file.display().to_string());
    if output.json {
        #[derive(Serialize)]
        struct Content<'c> {
            approval: &'c str,
            by: &'c str,
        }
        output.document("approve", Content { approval: &file, by });
    } else {
        output.say(&message!("approved by {by}: `kumiki up --approval {file}`", by, file));
    }
    Ok(Exit::Done)
}
