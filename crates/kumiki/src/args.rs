//! The command line.

use crate::language::Language;
use crate::pace::Speed;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use kumiki_backend_aws::Caller;
use kumiki_source::Severity;
use serde::{Deserialize, Serialize};
use std::cell::OnceCell;
use std::path::PathBuf;

/// Checks, plans, rehearses and deploys trees of CloudFormation stacks
#[derive(Debug, Parser)]
#[command(name = "kumiki", version, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Global {
    /// Folder of the project; found by walking up to a kumiki.toml otherwise
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) project: Option<PathBuf>,
    /// Print JSON for machines
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Where to: the embedded engine, or AWS
    #[arg(long, global = true, value_enum, default_value = "local")]
    pub(crate) target: Place,
    /// The profile of AWS's shared configuration files
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Another endpoint than AWS's own, such as an emulator's
    #[arg(long, global = true, value_name = "URL")]
    pub(crate) endpoint_url: Option<String>,
    // Who the credentials are, once AWS was asked.
    #[arg(skip)]
    pub(crate) caller: OnceCell<Caller>,
    /// Language of messages; taken from LC_ALL, LC_MESSAGES or LANG otherwise
    #[arg(long, global = true, value_enum)]
    pub(crate) language: Option<Language>,
    /// When to colour
    #[arg(long, global = true, value_enum, default_value = "auto")]
    pub(crate) color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

/// Where stacks are deployed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Place {
    Local,
    Aws,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Check every template with every environment's values
    Check(Check),
    /// Explain a rule
    Explain(Explain),
    /// Print what a shell needs to complete commands and options
    Completions(Completions),
    /// Show what would change
    Plan(Plan),
    /// Plan, review and execute
    Up(Up),
    /// Make, review, execute and delete change sets in separate steps
    #[command(subcommand, name = "changeset")]
    ChangeSet(ChangeSet),
    /// Take existing resources into a root, as its template has them by now
    Import(Import),
    /// Deploy every root of an environment, in the order of the project
    DeployAll(DeployAll),
    /// Approve a saved plan, as the second person
    Approve(Approve),
    /// Delete an environment's stacks
    Destroy(Destroy),
    /// Say what leads out of the state that an environment's stacks are in
    Recover(Show),
    /// Take back what a failed, interrupted or half rolled back operation did
    Rollback(Rollback),
    /// Protect an environment's stacks from deletion, or no longer
    Protect(Protect),
    /// Set the stack policy of a root, or of a stack under it
    StackPolicy(StackPolicy),
    /// Ask the account whether it has what a deployment needs
    Preflight(Preflight),
    /// Set what templates cannot say, once the stacks are there
    PostDeploy(PostDeploy),
    /// Ask the account whether what was deployed works
    Smoke(Smoke),
    /// Delete every root of an environment for development
    Teardown(Teardown),
    /// Compare the resources that exist with the templates
    Drift(Show),
    /// Alter or delete a resource of the embedded engine behind the stack's back
    Tamper(Tamper),
    /// Show the stacks of an environment
    Status(Show),
    /// Show the events of the stacks
    Events(Show),
    /// Show the outputs of the root stack
    Outputs(Show),
    /// Show the exports of the stacks
    Exports(Show),
    /// Show the resources of the stacks
    Resources(Show),
    /// Print the IAM policies that deploying an environment takes
    Permissions(Permissions),
    /// Show how well the embedded engine rehearses each type
    Fidelity(Fidelity),
    /// Serve AWS's own clients: the embedded engine as an endpoint of CloudFormation, S3 and STS
    Serve(Serve),
    /// Serve an editor: findings, values under the cursor, definitions, names
    Lsp,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Check {
    /// Templates, or the folder of a project or of templates; the project here otherwise
    #[arg(value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// Check only this environment; may be repeated
    #[arg(long = "env", value_name = "ENV")]
    pub(crate) environments: Vec<String>,
    /// Check only this root
    #[arg(long, value_name = "NAME")]
    pub(crate) root: Option<String>,
    /// A parameter file for the template given as PATH
    #[arg(long, value_name = "FILE", requires = "paths")]
    pub(crate) parameters: Option<PathBuf>,
    /// The Region for the template given as PATH
    #[arg(long, value_name = "REGION", default_value = "ap-northeast-1")]
    pub(crate) region: String,
    /// Check with the AWS CloudFormation Guard rules of this file, or below this folder; may be repeated
    #[arg(long, value_name = "FILE")]
    pub(crate) guard: Vec<PathBuf>,
    /// Show findings of this severity and above
    #[arg(long, value_enum, default_value = "warning")]
    pub(crate) severity: Level,
    /// Fail on warnings too
    #[arg(long)]
    pub(crate) strict: bool,
    /// Check again whenever a file is saved
    #[arg(long)]
    pub(crate) watch: bool,
    /// Check everything anew, and keep nothing
    #[arg(long)]
    pub(crate) no_cache: bool,
    /// The format of the findings
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) format: Format,
    /// Tell only findings that this file does not know
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Option<PathBuf>,
    /// Write the baseline anew with what is found now
    #[arg(long, requires = "baseline", conflicts_with_all = ["environments", "root", "watch"])]
    pub(crate) update_baseline: bool,
    /// Report accepted findings too, with their reasons
    #[arg(long)]
    pub(crate) accepted: bool,
}

impl From<OnFailure> for kumiki_engine::OnFailure {
    fn from(it: OnFailure) -> Self {
        match it {
            OnFailure::Rollback => Self::Rollback,
            OnFailure::DoNothing => Self::DoNothing,
            OnFailure::Delete => Self::Delete,
        }
    }
}

impl From<Severity> for Level {
    fn from(it: Severity) -> Self {
        match it {
            Severity::Error => Self::Error,
            Severity::Warning => Self::Warning,
            Severity::Info => Self::Info,
        }
    }
}

impl From<Level> for Severity {
    fn from(it: Level) -> Self {
        match it {
            Level::Error => Self::Error,
            Level::Warning => Self::Warning,
            Level::Info => Self::Info,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    Text,
    Json,
    Sarif,
    Junit,
    Github,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Error,
    Warning,
    Info,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Explain {
    /// The rule; without one, the rules are listed
    pub(crate) rule: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_enum)]
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Fidelity {
    /// The type; every type of the provider schemas otherwise, or of the project given by --project
    #[arg(value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Target {
    /// The environment
    pub(crate) environment: String,
    /// The root; the project's default otherwise
    #[arg(long, value_name = "NAME")]
    pub(crate) root: Option<String>,
    /// The scenario; where the root has a first run, its stages otherwise
    #[arg(long, value_name = "NAME")]
    pub(crate) scenario: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Plan {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Exit with 0 for no changes, 2 for changes and 1 for an error
    #[arg(long)]
    pub(crate) detailed_exitcode: bool,
    /// Save the plan, without secrets, for `kumiki up --plan FILE`; of a first run, its next stage
    #[arg(long, value_name = "FILE", conflicts_with = "against")]
    pub(crate) out: Option<PathBuf>,
    /// Compare with the stacks as they are (live), with the change set that was executed last (last), or with a saved plan (FILE)
    #[arg(long, value_name = "FILE|live|last", default_value = "live")]
    pub(crate) against: String,
}

#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Up {
    #[command(flatten)]
    pub(crate) target: Target,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Execute the saved plan and nothing else: it is refused if anything changed since. Where no approval is demanded, nothing is asked
    #[arg(long, value_name = "FILE", conflicts_with = "scenario")]
    pub(crate) plan: Option<PathBuf>,
    /// Allow what a guard stops, by the name that the plan gives: STACK/LogicalId; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) allow: Vec<String>,
    /// Make an operation of the embedded engine fail: STACK/LogicalId:create[:reason], or take longer: :throttle, :slow[:factor]; may be repeated
    #[arg(long, value_name = "FAULT")]
    pub(crate) fail: Vec<String>,
    /// Make any operation of the embedded engine fail as the dice fall for a seed, one of a hundred: SEED[:PERCENT]
    #[arg(long, value_name = "SEED")]
    pub(crate) fail_random: Option<String>,
    /// How fast to rehearse: fast, real, or how many times as fast as AWS
    #[arg(long, value_name = "SPEED", default_value = "fast")]
    pub(crate) speed: Speed,
    /// Refuse types that the embedded engine checks against their schemas only
    #[arg(long)]
    pub(crate) strict: bool,
    /// What becomes of the stack when the execution fails
    #[arg(long, value_enum, default_value = "rollback")]
    pub(crate) on_failure: OnFailure,
}

/// That a plan may be executed.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Consent {
    /// Execute without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// The digest of the plan that was reviewed, at least 12 characters of it
    #[arg(long, value_name = "DIGEST")]
    pub(crate) approve: Option<String>,
    /// A second person's approval, as `kumiki approve` writes it
    #[arg(long, value_name = "FILE", conflicts_with = "approve")]
    pub(crate) approval: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Import {
    #[command(flatten)]
    pub(crate) target: Target,
    /// A resource of the root's template and what identifies it: LogicalId:Property=Value, several properties by commas
    #[arg(value_name = "RESOURCE", required = true)]
    pub(crate) resources: Vec<String>,
    #[command(flatten)]
    pub(crate) consent: Consent,
}

#[derive(Debug, clap::Args)]
pub(crate) struct DeployAll {
    /// The environment
    pub(crate) environment: String,
    /// Execute without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// Only say which steps would be taken
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Approve {
    /// The saved plan
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
    /// The digest of the plan that was reviewed, at least 12 characters of it; asked for otherwise
    #[arg(long, value_name = "DIGEST")]
    pub(crate) digest: Option<String>,
    /// Where the approval is written; beside the plan otherwise
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChangeSet {
    /// Make a change set of the plan of now, to be reviewed
    Create(CreateChangeSet),
    /// Show a change set beside the plan
    Describe(NamedChangeSet),
    /// Execute a change set that was reviewed
    Execute(ExecuteChangeSet),
    /// Delete a change set that was not executed
    Delete(NamedChangeSet),
    /// List the change sets of a root
    List(Show),
}

#[derive(Debug, clap::Args)]
pub(crate) struct CreateChangeSet {
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, clap::Args)]
pub(crate) struct NamedChangeSet {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The name of the change set; the last one that can be executed otherwise
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ExecuteChangeSet {
    #[command(flatten)]
    pub(crate) change_set: NamedChangeSet,
    #[command(flatten)]
    pub(crate) consent: Consent,
    /// Allow what a guard stops, by the name that the plan gives: STACK/LogicalId; may be repeated
    #[arg(long, value_name = "NAME")]
    pub(crate) allow: Vec<String>,
    /// What becomes of the stack when the execution fails
    #[arg(long, value_enum, default_value = "rollback")]
    pub(crate) on_failure: OnFailure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnFailure {
    /// Take back what was done
    Rollback,
    /// Leave everything as it is, to take it up again
    DoNothing,
    /// Delete a stack that could not be created
    Delete,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Destroy {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Delete an unprotected environment without asking
    #[arg(long)]
    pub(crate) yes: bool,
    /// The stack's name, typed out: the only way for a protected environment
    #[arg(long, value_name = "STACK")]
    pub(crate) confirm: Option<String>,
    /// Leave a resource that could not be deleted in the account: STACK/LogicalId; may be repeated
    #[arg(long, value_name = "RESOURCE")]
    pub(crate) retain: Vec<String>,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Preflight {
    /// The environment
    pub(crate) environment: String,
    /// Check only for this root
    #[arg(long, value_name = "NAME")]
    pub(crate) root: Option<String>,
    /// Fail on what nobody can tell, too
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct PostDeploy {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Restart a protected environment's database if it waits for that to take its parameters
    #[arg(long)]
    pub(crate) allow_reboot: bool,
    /// Fail on what nobody can tell, too
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Smoke {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Run a task inside the network, too, which looks from there
    #[arg(long)]
    pub(crate) probe: bool,
    /// Fail on what nobody can tell, too
    #[arg(long)]
    pub(crate) strict: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Teardown {
    /// The environment
    pub(crate) environment: String,
    /// The environment's name, typed out
    #[arg(long, value_name = "ENV")]
    pub(crate) confirm: Option<String>,
    /// Delete the root that every other is deployed with, too
    #[arg(long)]
    pub(crate) include_bootstrap: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Rollback {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Leave a resource that cannot go back as it is: STACK/LogicalId; may be repeated
    #[arg(long, value_name = "RESOURCE")]
    pub(crate) skip: Vec<String>,
    /// Delete new resources that are to be retained, too
    #[arg(long)]
    pub(crate) retain_except_on_create: bool,
    /// Roll back without asking
    #[arg(long)]
    pub(crate) yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Protect {
    #[command(flatten)]
    pub(crate) target: Target,
    /// Whether the stacks are protected
    #[arg(value_enum)]
    pub(crate) protection: Switch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Switch {
    On,
    Off,
}

#[derive(Debug, clap::Args)]
pub(crate) struct StackPolicy {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The file of the policy, JSON
    pub(crate) file: PathBuf,
    /// The stack, by its path from the root
    #[arg(long, value_name = "STACK", default_value = "")]
    pub(crate) stack: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Tamper {
    #[command(flatten)]
    pub(crate) target: Target,
    /// The resource: STACK/LogicalId
    pub(crate) resource: String,
    /// A property and the value that it gets, as JSON: Tags.0.Value="x"
    #[arg(value_name = "PROPERTY=JSON", required_unless_present = "delete")]
    pub(crate) property: Option<String>,
    /// Delete the resource
    #[arg(long, conflicts_with = "property")]
    pub(crate) delete: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Show {
    #[command(flatten)]
    pub(crate) target: Target,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Permissions {
    /// The environment
    pub(crate) environment: String,
    /// Only this root; every root otherwise
    #[arg(long, value_name = "NAME")]
    pub(crate) root: Option<String>,
    /// Whose policies: of who plans, of who applies, or of CloudFormation itself
    #[arg(long = "for", value_enum, value_name = "WHO")]
    pub(crate) grantee: Grantee,
}

/// Who is granted something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Grantee {
    Plan,
    Apply,
    ServiceRole,
}

impl std::fmt::Display for Grantee {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Plan => "plan",
            Self::Apply => "apply",
            Self::ServiceRole => "service-role",
        })
    }
}

#[derive(Debug, clap::Args)]
pub(crate) struct Serve {
    /// The port on 127.0.0.1; 0 for any
    #[arg(long, value_name = "PORT", default_value_t = 4570)]
    pub(crate) port: u16,
    /// Folder of the state; that of the project otherwise
    #[arg(long, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Make an operation of the embedded engine fail: STACK/LogicalId:create[:reason], or take longer: :throttle, :slow[:factor]; may be repeated
    #[arg(long, value_name = "FAULT")]
    pub(crate) fail: Vec<String>,
}

impl Args {
    /// Parses the command line, with help in the user's language.
    pub(crate) fn parse_translated() -> Result<Self, clap::Error> {
        // The language decides the text of `--help`, so it is looked for before clap runs.
        let mut arguments = std::env::args().skip(1);
        let mut asked = None;
        while let Some(it) = arguments.next() {
            let value = match it.strip_prefix("--language") {
                Some("") => arguments.next(),
                Some(rest) => rest.strip_prefix('=').map(str::to_owned),
                None => None,
            };
            asked = value.and_then(|it| Language::from_str(&it, true).ok()).or(asked);
        }
        let language = asked.unwrap_or_else(Language::of_environment);
        let matches = Self::translated(language).try_get_matches()?;
        Self::from_arg_matches(&matches)
    }

    /// The command line, with help in a language.
    pub(crate) fn translated(language: Language) -> clap::Command {
        translate(Self::command(), language)
    }
}

/// Puts the help of a command and all below it into the user's language.
fn translate(command: clap::Command, language: Language) -> clap::Command {
    let translated = |text: Option<&clap::builder::StyledStr>| {
        text.and_then(|it| language.translation(&it.to_string())).map(str::to_owned)
    };
    let about = translated(command.get_about());
    let mut command = command.mut_args(|arg| match translated(arg.get_help()) {
        Some(help) => arg.help(help),
        None => arg,
    });
    if let Some(about) = about {
        command = command.about(about);
    }
    command.mut_subcommands(|it| translate(it, language))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Args::command().debug_assert();
    }

    /// Every help text has a translation: a new option without one fails here.
    #[test]
    fn help_is_translated() {
        fn texts(command: &clap::Command, found: &mut Vec<String>) {
            found.extend(command.get_about().map(ToString::to_string));
            let own = command
                .get_arguments()
                .filter(|it| it.get_id() != "help" && it.get_id() != "version");
            found.extend(own.filter_map(|it| it.get_help().map(ToString::to_string)));
            command.get_subcommands().for_each(|it| texts(it, found));
        }
        let mut found = Vec::new();
        texts(&Args::command(), &mut found);
        let missing: Vec<&String> =
            found.iter().filter(|it| Language::Ja.translation(it).is_none()).collect();
        assert!(missing.is_empty(), "{missing:#?}");
    }
}
