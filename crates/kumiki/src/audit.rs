//! The audit log: who had what executed when, on whose word, and what became of it.
//!
//! One JSON object a line, two for each execution: before it begins and after its end, so an
//! execution whose end nobody saw is known too. On AWS each is put into the artifact bucket as well.
//! Nothing secret is in it: plans are named by their digests.

use crate::args::{Global, Place};
use crate::change_set::How;
use crate::command::plan::Prepared;
use crate::output::Stop;
use crate::project::Project;
use crate::target::Wall;
use chrono::{DateTime, SecondsFormat};
use kumiki_engine::{Backend, ChangeSetRecord, Clock, ExecuteError, Outcome};
use kumiki_plan::Plan;
use kumiki_source::message;
use serde::Serialize;
use std::env;
use std::fs::{self, OpenOptions};
use std::io::Write;

/// The version of the lines. It changes when a field changes its meaning or goes away.
const VERSION: u32 = 1;

/// An execution, as it is recorded.
#[derive(Serialize)]
pub(crate) struct Record {
    version: u32,
    at: String,
    event: &'static str,
    by: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    ci: Option<String>,
    target: &'static str,
    environment: String,
    root: String,
    stack: String,
    account: String,
    region: String,
    /// The digest of the plan.
    plan: String,
    change_set: String,
    approval: serde_json::Value,
    /// What was allowed by name.
    allowed: Vec<String>,
    /// How it ended: the root's status, or why that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cause: Option<String>,
}

impl Record {
    /// An execution that is about to begin.
    pub(crate) fn begin(
        prepared: &Prepared,
        plan: &Plan,
        change_set: &ChangeSetRecord,
        how: &How<'_>,
        global: &Global,
    ) -> Self {
        Self {
            version: VERSION,
            at: now(),
            event: "begin",
            by: whoever(global),
            ci: ci(),
            target: match global.target {
                Place::Local => "local",
                Place::Aws => "aws",
            },
            environment: plan.environment.clone(),
            root: prepared.deployment.config.name.clone(),
            stack: plan.stack_name.clone(),
            account: plan.account.clone(),
            region: plan.region.clone(),
            plan: plan.digest.clone(),
            change_set: change_set.id.clone(),
            approval: serde_json::to_value(how.approval).unwrap_or_default(),
            allowed: how.allow.to_vec(),
            outcome: None,
            cause: None,
        }
    }

    /// It ended.
    pub(crate) fn end(&mut self, executed: &Result<Outcome, ExecuteError>) {
        self.at = now();
        self.event = "end";
        match executed {
            Ok(outcome) => {
                self.outcome = Some(outcome.status.to_string());
                self.cause = outcome
                    .cause
                    .as_ref()
                    .map(|it| format!("{}/{}: {}", it.stack_name, it.logical_id, it.reason));
            }
            Err(error) => self.outcome = Some(error.message().to_string()),
        }
    }

    /// Writes it down.
    ///
    /// # Errors
    /// When it cannot be.
    pub(crate) fn write(&self, project: &Project, backend: &mut dyn Backend) -> Result<(), Stop> {
        let text = serde_json::to_string(self).unwrap_or_default();
        let folder = project.state_folder().join("audit");
        let file = folder.join(format!("{}.jsonl", self.environment));
        let append = || -> std::io::Result<()> {
            fs::create_dir_all(&folder)?;
            let mut open = OpenOptions::new().create(true).append(true).open(&file)?;
            // One write: lines of two processes do not mix.
            open.write_all(format!("{text}\n").as_bytes())?;
            // A rehearsal can be repeated; what was done to an account cannot.
            if self.target == "aws" { open.sync_all() } else { Ok(()) }
        };
        append().map_err(|error| {
            let file = file.display();
            Stop::new(message!("the audit log `{file}` cannot be written: {error}", file, error))
        })?;
        let name = self.change_set.rsplit('/').nth(1).unwrap_or(&self.change_set);
        let (environment, event, at) = (&self.environment, self.event, self.at.replace(':', ""));
        let key = format!("audit/{environment}/{at}-{name}-{event}.json");
        backend.keep(&key, &text).map_err(|it| Stop::new(it.message()))
    }
}

/// Who runs this: as AWS knows them, else as the system does.
pub(crate) fn whoever(global: &Global) -> String {
    if let Some(caller) = global.caller.get() {
        return caller.arn.clone();
    }
    let names = ["USER", "LOGNAME", "USERNAME"].iter();
    let name = names.filter_map(|it| env::var(it).ok()).find(|it| !it.is_empty());
    name.unwrap_or_else(|| "unknown".to_owned())
}

/// The run of the CI that this is part of, if it is.
///
/// <https://docs.github.com/en/actions/reference/workflows-and-actions/variables>
pub(crate) fn ci() -> Option<String> {
    let value = |name: &str| env::var(name).ok().filter(|it| !it.is_empty());
    let repository = value("GITHUB_ACTIONS").and_then(|_| value("GITHUB_REPOSITORY"))?;
    let run = value("GITHUB_RUN_ID").unwrap_or_default();
    let actor = value("GITHUB_ACTOR").unwrap_or_default();
    Some(format!("{repository}/actions/runs/{run} ({actor})"))
}

/// The time of day as RFC 3339 in UTC.
pub(crate) fn now() -> String {
    let time = i64::try_from(Wall.now()).ok().and_then(DateTime::from_timestamp_millis);
    time.map(|it| it.to_rfc3339_opts(SecondsFormat::Millis, true)).unwrap_or_default()
}
