//! `kumiki.toml`: the roots, environments and scenarios of a project.

use kumiki_source::{Diagnostic, FileId, Span, message};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use toml::Spanned;

/// A project's configuration.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// The roots by name: templates that are deployed by themselves.
    #[serde(default)]
    pub roots: BTreeMap<String, RootConfig>,
    /// The environments by name.
    #[serde(default)]
    pub environments: BTreeMap<String, EnvironmentConfig>,
    /// The root that commands mean when none is named.
    pub default_root: Option<String>,
    /// Sets of parameter values that are checked besides those of the files, such as the gates of
    /// a first creation: scenario, then parameter, then value.
    #[serde(default)]
    pub scenarios: BTreeMap<String, BTreeMap<String, String>>,
    /// Files of AWS CloudFormation Guard rules, or folders of them, that every check evaluates.
    #[serde(default)]
    pub guard: Vec<String>,
    /// What the `TemplateURL`s of nested stacks mean: the beginning of a URL as it is written, with
    /// `${Name}` where a parameter stands, and the folder that has the rest of it.
    #[serde(default)]
    pub template_urls: BTreeMap<String, String>,
    /// What a rehearsal takes to be there besides what the stacks make.
    #[serde(default)]
    pub rehearsal: RehearsalConfig,
    /// How roots are deployed to AWS.
    #[serde(default)]
    pub aws: AwsConfig,
    /// The steps of deploying everything, in their order; the roots in the order of their needs
    /// where there are none.
    #[serde(default)]
    pub deploy_all: Vec<DeployStep>,
    /// Findings that are accepted, each with its reason. One that accepts nothing is a finding.
    #[serde(default)]
    pub suppressions: Vec<Suppression>,
}

/// A finding that is accepted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Suppression {
    /// The rule.
    pub rule: Spanned<String>,
    /// The file that it is accepted in.
    pub file: String,
    /// The resource, parameter or output; without one, the whole file.
    pub name: Option<String>,
    /// Why.
    pub reason: String,
}

/// A template that is deployed by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RootConfig {
    /// Its name.
    #[serde(skip)]
    pub name: String,
    /// The template, from the folder of `kumiki.toml`.
    pub template: Spanned<String>,
    /// The stack's name; `${Name}` is the value of a parameter.
    pub stack_name: String,
    /// The Region that it is deployed to.
    pub region: String,
    /// The parameter file of an environment; `{environment}` is its name.
    pub parameters: Spanned<String>,
    /// Roots whose outputs it reads: each with the parameter that says whether it does. Deploying
    /// this root deploys them first where they do not exist.
    #[serde(default)]
    pub needs: BTreeMap<String, String>,
    /// The scenarios that its first deployment goes through, one change set each. Once it exists,
    /// it is deployed with the last.
    #[serde(default)]
    pub first_run: Vec<String>,
    /// The file of the stack policy that the root gets once it was executed.
    pub stack_policy: Option<String>,
    /// Tags of the root, which every resource inherits; `${Name}` is the value of a parameter.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// An environment.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EnvironmentConfig {
    /// The account, 12 digits; a made-up one is used for rehearsals when there is none.
    pub account: Option<String>,
    /// Whether destroying it needs the stack's name, and provisional values are errors.
    #[serde(default)]
    pub protected: bool,
    /// Whether executing a plan needs the digest of what was reviewed.
    #[serde(default)]
    pub approval: bool,
    /// Whether somebody else than the one who executes it has to approve a plan: in a file, or as
    /// the CI's protected environment asks for it. A rehearsal needs nobody.
    #[serde(default)]
    pub second_person: bool,
    /// Whether roots are protected from deletion once they were executed.
    #[serde(default)]
    pub termination_protection: bool,
}

/// What a rehearsal takes to be there besides what the stacks make.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RehearsalConfig {
    /// Identifiers, names and ARNs of resources that no stack of the project makes.
    #[serde(default)]
    pub exists: BTreeSet<String>,
    /// Whether the images of containers are in the account's repositories. Otherwise they are, but
    /// for a repository that the same operation makes: nobody can have pushed one in between.
    pub images: Option<bool>,
    /// Whether services write into the buckets that they are given for their logs, which then
    /// cannot be deleted.
    #[serde(default)]
    pub logs_written: bool,
    /// Values of the Parameter Store by name.
    #[serde(default)]
    pub ssm: BTreeMap<String, String>,
    /// Values of Secrets Manager by name or ARN.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
}

/// A step of deploying everything. It has a root or a command.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DeployStep {
    /// The root that is deployed.
    pub root: Option<String>,
    /// The stage of its first run that this step is; it is done once the root is further.
    pub stage: Option<String>,
    /// What is run instead, on AWS only: a command of `kumiki` such as `smoke`, or a program by its
    /// path from the folder of `kumiki.toml`, which begins with `./`. Either gets the environment.
    pub run: Option<String>,
    /// A parameter of the default root that says with `true` that the step is taken.
    pub when: Option<String>,
    /// Whether it runs beside the step before it, with which it shares nothing.
    #[serde(default)]
    pub beside: bool,
}

/// How roots are deployed to AWS. In these texts `${Name}` is the value of a parameter of the root,
/// and `${AccountId}` the account.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AwsConfig {
    /// The bucket that packaged templates, plans and the audit log are put into.
    pub artifact_bucket: Option<String>,
    /// The root that makes the bucket and the service role, so it is deployed without them at
    /// first. The bucket is in its Region.
    pub bootstrap_root: Option<String>,
    /// The name of the role that CloudFormation acts with; the caller's rights otherwise.
    pub service_role: Option<String>,
}

/// Fills `${Name}` with the values that `value` knows; the name of the first that it does not.
///
/// # Errors
/// The name of a gap without a value.
pub fn fill(text: &str, value: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let Some((name, after)) = after.split_once('}') else { return Err(after.to_owned()) };
        filled.push_str(&value(name).ok_or_else(|| name.to_owned())?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Reads `kumiki.toml`.
///
/// # Errors
/// A diagnostic at the place where the text stops being a configuration.
pub fn parse_config(file: FileId, text: &str) -> Result<Config, Box<Diagnostic>> {
    let config: Result<Config, _> = toml::from_str(text);
    let mut config = config.map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        let reason = error.message().to_owned();
        Box::new(
            Diagnostic::error(
                "configuration",
                message!("this configuration cannot be read: {reason}", reason),
            )
            .at(Span::new(file, span.start, span.end)),
        )
    })?;
    for (name, root) in &mut config.roots {
        root.name.clone_from(name);
    }
    Ok(config)
}
