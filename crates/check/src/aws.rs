//! AWS's own rules for single templates, from the `cloudformation-validate` crates.

use cloudformation_validate::{
    CompositeEngine, CompositeEngineConfig, DetailLevel, PseudoParameterOverrides, SchemaValidator,
    Severity as AwsSeverity, SourceSpan, ValidateConfig, validate_bytes_with_path,
};
use kumiki_project::{Inputs, Library, Stack, Tree, partition};
use kumiki_source::{Diagnostic, FileId, Message, Severity, Source, Span, message};
use kumiki_template::Template;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

/// AWS's rules could not be run.
#[derive(Debug, thiserror::Error)]
#[error("AWS's rules cannot be run: {0}")]
pub struct AwsError(String);

/// AWS's rules, compiled.
///
/// Making this takes a third of a second, whatever is checked afterwards; begin it on a thread of
/// its own while the tree is linked.
pub struct Aws {
    engine: CompositeEngine,
    schemas: SchemaValidator,
    least: AwsSeverity,
}

/// A template, the values that reach it, and the account and Region.
type Question = (FileId, BTreeMap<String, String>, String, String);

/// Findings of AWS's rules that say what one of ours says better, with every hop, by its name.
const SAID_BETTER: &[(&str, &[&str])] = &[
    ("E1010", &["unknown-attribute", "undefined-reference", "malformed-function"]),
    ("E1011", &["missing-mapping"]),
    ("E1012", &["undefined-reference"]),
    ("E1019", &["undefined-reference"]),
    ("E1020", &["undefined-reference"]),
    ("E2015", &["parameter-value"]),
    ("E3004", &["cycle"]),
    ("E3005", &["undefined-reference"]),
    ("E8002", &["undefined-reference"]),
];

/// Findings of AWS's rules that are not so, by identifier and a part of the message, each with the
/// reason.
const NOT_SO: &[(&str, &str)] = &[
    // The rule is given one environment's values, and finds the other branches unreachable.
    ("W1028", "is not reachable"),
    // A dependency on a resource that a condition leaves out has no effect on AWS.
    // https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-dependson.html
    ("E3005", "will not exist when condition"),
    ("W2502", "which is conditional"),
    // Whether a reference meets a resource that is not there is known once values are: our own
    // `reference-to-absent` says where it does.
    ("W1001", "target may not exist"),
    // Relative template URLs are rewritten when Kumiki packages, and followed when it checks.
    ("W3002", "package"),
];

impl Aws {
    /// Compiles the rules; what they find below `least` is not told.
    ///
    /// # Errors
    /// When the rules that AWS ships do not compile, which would be a fault of this build.
    pub fn new(least: Severity) -> Result<Self, AwsError> {
        let engine = CompositeEngine::new(CompositeEngineConfig::default())
            .map_err(|error| AwsError(error.to_string()))?;
        let least = match least {
            Severity::Error => AwsSeverity::Error,
            Severity::Warning => AwsSeverity::Warn,
            Severity::Info => AwsSeverity::Info,
        };
        Ok(Self { engine, schemas: SchemaValidator::default(), least })
    }

    /// Checks every template of several trees with the values that reach it, but for those that one
    /// of `ours` found wrong where they are written: they would be found again wherever they go.
    ///
    /// A template that equal values reach is checked once, and as many are checked at a time as
    /// there are processors.
    ///
    /// # Errors
    /// When the rules themselves fail; what they find is not an error.
    pub fn check_trees(
        &self,
        library: &Library,
        trees: &[(Tree, &Inputs)],
        ours: &[Diagnostic],
    ) -> Result<Vec<Diagnostic>, AwsError> {
        let wrong: HashSet<Span> = ours
            .iter()
            .filter(|it| matches!(&*it.rule, "parameter-value" | "placeholder-left"))
            .filter_map(|it| it.span)
            .collect();
        // What CloudFormation refuses as a whole is not looked at in detail: the rules take longer
        // than a user waits for templates of thousands of resources.
        let mut refused: BTreeMap<FileId, Diagnostic> = BTreeMap::new();
        // Each question with the environments that ask it.
        let mut asked: BTreeMap<Question, Vec<&str>> = BTreeMap::new();
        let mut inputs_of: HashMap<(&str, &str), &Inputs> = HashMap::new();
        for (tree, inputs) in trees {
            inputs_of.insert((&inputs.account, &inputs.region), inputs);
            for stack in &tree.stacks {
                let template = library.template(stack.template);
                let file = template.file;
                if let Some(diagnostic) = beyond_limits(template, library.sources.get(file)) {
                    refused.insert(file, diagnostic);
                    continue;
                }
                let values = known_parameters(stack, &wrong);
                let question = (file, values, inputs.account.clone(), inputs.region.clone());
                let environments = asked.entry(question).or_default();
                if !environments.contains(&&*inputs.environment) {
                    environments.push(&inputs.environment);
                }
            }
        }
        let asked: Vec<(Question, Vec<&str>)> = asked.into_iter().collect();
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let next = AtomicUsize::new(0);
        let work = || {
            let mut findings = Vec::new();
            while let Some((question, environments)) =
                asked.get(next.fetch_add(1, Ordering::Relaxed))
            {
                let (file, values, account, region) = question;
                let inputs = inputs_of[&(account.as_str(), region.as_str())];
                let found =
                    self.check(library.sources.get(*file), *file, values.clone(), inputs)?;
                findings.extend(found.into_iter().map(|mut it| {
                    let named = environments.iter().filter(|it| !it.is_empty());
                    it.environments = named.map(|it| (*it).to_owned()).collect();
                    it
                }));
            }
            Ok(findings)
        };
        let results: Vec<Result<Vec<Diagnostic>, AwsError>> = std::thread::scope(|scope| {
            let handles: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
            let ended = || Err(AwsError("they ended unexpectedly".to_owned()));
            handles.into_iter().map(|it| it.join().unwrap_or_else(|_| ended())).collect()
        });
        let mut findings: Vec<Diagnostic> = refused.into_values().collect();
        for result in results {
            findings.extend(result?);
        }
        Ok(findings)
    }

    /// Checks one template.
    ///
    /// # Errors
    /// When the rules themselves fail.
    pub fn check(
        &self,
        source: &Source,
        file: FileId,
        parameters: BTreeMap<String, String>,
        inputs: &Inputs,
    ) -> Result<Vec<Diagnostic>, AwsError> {
        let config = ValidateConfig {
            detail_level: DetailLevel::Detailed,
            severity_level: self.least,
            parameter_overrides: HashMap::from_iter(parameters),
            pseudo_parameter_overrides: PseudoParameterOverrides {
                account_id: Some(inputs.account.clone()),
                partition: Some(partition(&inputs.region).to_owned()),
                region: Some(inputs.region.clone()),
                ..Default::default()
            },
            ..Default::default()
        };
        let report = validate_bytes_with_path(
            &self.engine,
            &self.schemas,
            source.text().as_bytes(),
            config,
            source.path().to_owned(),
        )
        .map_err(|error| AwsError(error.to_string()))?;
        let mut findings = Vec::new();
        for it in report.diagnostics {
            if NOT_SO.iter().any(|(id, part)| it.rule_id == *id && it.message.contains(part)) {
                continue;
            }
            let severity = match it.severity {
                AwsSeverity::Fatal | AwsSeverity::Error => Severity::Error,
                AwsSeverity::Warn => Severity::Warning,
                AwsSeverity::Info => Severity::Info,
                AwsSeverity::Debug => continue,
            };
            let mut finding = Diagnostic::new(it.rule_id, severity, Message::verbatim(it.message));
            finding.span = Some(match it.location {
                Some(location) => span(source, file, &location),
                None => Span::file_start(file),
            });
            finding.help.extend(it.suggested_fix.map(Message::verbatim));
            finding.url = it.documentation_url;
            findings.push(finding);
        }
        Ok(findings)
    }

    /// Leaves out what one of our findings in the same file says better.
    pub fn without_repetitions(findings: Vec<Diagnostic>, ours: &[Diagnostic]) -> Vec<Diagnostic> {
        let said = |it: &Diagnostic| {
            // The letter tells how severe a finding is, the number which rule it is.
            let number = it.rule.get(1..);
            let Some((_, names)) = SAID_BETTER.iter().find(|(id, _)| id.get(1..) == number) else {
                return false;
            };
            ours.iter().any(|our| {
                names.contains(&&*our.rule)
                    && our.span.zip(it.span).is_some_and(|(our, it)| our.file == it.file)
            })
        };
        findings.into_iter().filter(|it| !said(it)).collect()
    }
}

/// What CloudFormation's limits say about a whole template.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
fn beyond_limits(template: &Template, source: &Source) -> Option<Diagnostic> {
    const RESOURCES: usize = 500;
    const BYTES: usize = 1_048_576;
    let (resources, bytes) = (template.resources.len(), source.text().len());
    let message = if resources > RESOURCES {
        message!(
            "the template has {resources} resources, and {RESOURCES} is the most",
            resources,
            RESOURCES
        )
    } else if bytes > BYTES {
        message!("the template has {bytes} bytes, and {BYTES} is the most", bytes, BYTES)
    } else {
        return None;
    };
    Some(
        Diagnostic::error("template-too-large", message)
            .at(Span::file_start(template.file))
            .help(message!("divide it into nested stacks")),
    )
}

/// The parameters of a stack that are known, as text. Secrets stay out.
fn known_parameters(stack: &Stack, wrong: &HashSet<Span>) -> BTreeMap<String, String> {
    let text = |value: &kumiki_project::Value| match value.as_list() {
        Some(items) => {
            let items: Option<Vec<&str>> = items.iter().map(|it| it.as_text()).collect();
            items.map(|it| it.join(","))
        }
        None => value.as_text().map(str::to_owned),
    };
    stack
        .parameters
        .iter()
        .filter(|it| !it.no_echo && !it.value.origin.span.is_some_and(|it| wrong.contains(&it)))
        .filter_map(|it| Some((it.name.to_string(), text(&it.value)?)))
        .collect()
}

/// AWS's lines and columns (both from 1, columns in characters) as bytes.
fn span(source: &Source, file: FileId, at: &SourceSpan) -> Span {
    let offset = |line: u32, column: u32| {
        let text = source.text();
        let start = match line {
            0 | 1 => 0,
            line => match text.match_indices('\n').nth(line as usize - 2) {
                Some((at, _)) => at + 1,
                None => return text.len(),
            },
        };
        let rest = text[start..].lines().next().unwrap_or_default();
        let column = column.saturating_sub(1) as usize;
        start + rest.char_indices().nth(column).map_or(rest.len(), |(at, _)| at)
    };
    let start = offset(at.start_line, at.start_column);
    let end = offset(at.end_line, at.end_column);
    Span::new(file, start, end.max(start))
}
