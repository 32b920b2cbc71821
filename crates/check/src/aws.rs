//! AWS's own rules for single templates, from the `cloudformation-validate` crates.

use crate::resolved::Resolved;
use cloudformation_validate::{
    CompositeEngine, CompositeEngineConfig, DetailLevel, PseudoParameterOverrides, SchemaValidator,
    Severity as AwsSeverity, SourceSpan, ValidateConfig, validate_bytes_with_path,
};
use kumiki_project::{Inputs, Library, Stack, Tree, partition};
use kumiki_source::{Diagnostic, FileId, Hop, Message, Severity, Source, Span, message};
use kumiki_template::Template;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashSet};

/// AWS's rules could not be run.
#[derive(Clone, Debug, thiserror::Error)]
#[error("AWS's rules cannot be run: {0}")]
pub struct AwsError(String);

/// AWS's rules, compiled.
///
/// Making this takes a third of a second, whatever is checked afterwards; begin it on a thread of
/// its own while the tree is linked.
pub struct Aws {
    engine: CompositeEngine,
    schemas: SchemaValidator,
}

/// What AWS's rules found, by what they were asked: worth keeping, for the same question has the
/// same answer.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Answers(BTreeMap<Key, Vec<Diagnostic>>);

/// The digest of a question, with the text of the template in place of its identity.
type Key = [u8; 32];

/// A template, the values that reach it, and the account and Region.
struct Question<'t> {
    template: &'t Template,
    values: BTreeMap<String, String>,
    inputs: &'t Inputs,
    /// The template with its values; as it is written without.
    resolved: Option<Resolved>,
    /// The environments that ask.
    environments: Vec<&'t str>,
}

impl<'t> Question<'t> {
    fn text(&self, library: &'t Library) -> &str {
        match &self.resolved {
            Some(it) => &it.text,
            None => library.sources.get(self.template.file).text(),
        }
    }

    /// The digest of all that decides the answer. Each part is preceded by its length, so that no
    /// two run together.
    fn key(&self, library: &Library) -> Key {
        let mut digest = Sha256::new();
        let values = self.values.iter().flat_map(|(name, value)| [&**name, &**value]);
        let given = [self.text(library), &self.inputs.account, &self.inputs.region];
        for part in given.into_iter().chain(values) {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    fn asked_by(&mut self, environment: &'t str) {
        if !self.environments.contains(&environment) {
            self.environments.push(environment);
        }
    }

    /// An answer about a text as findings in the template.
    fn place(&self, answer: &[Diagnostic]) -> impl Iterator<Item = Diagnostic> {
        answer.iter().filter_map(move |finding| {
            let mut finding = finding.clone();
            let span = finding.span?;
            let (mut start, mut end) = (span.start as usize, span.end as usize);
            if let Some(resolved) = &self.resolved {
                if ABOUT_WRITING.contains(&&*finding.rule) {
                    return None;
                }
                let hops = resolved.hops(start, end).iter();
                finding.hops.extend(hops.map(|span| Hop { span: *span, label: None }));
                (start, end) = resolved.old(start, end);
            }
            finding.span = Some(Span::new(self.template.file, start, end));
            if finding.rule == "I3011" && has_policies(self.template, start) {
                return None;
            }
            let named = self.environments.iter().filter(|it| !it.is_empty());
            finding.environments = named.map(|it| (*it).to_owned()).collect();
            Some(finding)
        })
    }
}

/// Findings of AWS's rules that say what one of ours says better, with every hop, by its name.
const SAID_BETTER: &[(&str, &[&str])] = &[
    ("E1010", &["unknown-attribute", "undefined-reference", "malformed-function"]),
    ("E1011", &["missing-mapping"]),
    ("E1012", &["undefined-reference"]),
    ("E1019", &["undefined-reference"]),
    ("E1020", &["undefined-reference"]),
    ("E2012", &["parameter-value"]),
    ("E2015", &["parameter-value"]),
    ("E3004", &["cycle"]),
    ("E3005", &["undefined-reference"]),
    ("E3502", &["fifo-mismatch"]),
    ("E8002", &["undefined-reference"]),
    ("F0001", &["malformed-template"]),
    ("F0005", &["malformed-template"]),
];

/// Findings that one of ours on the same line says better, with every hop.
const SAID_HERE: &[(&str, &[&str])] = &[
    ("E1017", &["malformed-function"]),
    ("E1021", &["malformed-function"]),
    ("E1022", &["malformed-function"]),
    ("E1033", &["malformed-function"]),
    ("E3027", &["schedule-refused"]),
    ("E8003", &["malformed-function"]),
    ("E8004", &["malformed-function"]),
    ("F3031", &["name-with-illegal-characters", "value-of-another-kind"]),
    ("F3033", &["name-of-wrong-length"]),
];

/// Rules about how a template is written: they are asked about the text as it is, not about the
/// values that its functions come to.
const ABOUT_WRITING: &[&str] = &[
    "I1022", "I3042", "W1001", "W1011", "W1019", "W1020", "W1054", "W2001", "W2501", "W2509",
    "W3010", "W7001", "W8001", "W8003", "W9002", "W9003", "W9010", "W9013",
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
    ("W2503", "mutually exclusive"),
    // Relative template URLs are rewritten when Kumiki packages, and followed when it checks.
    ("W3002", "package"),
];

impl Aws {
    /// Compiles the rules.
    ///
    /// # Errors
    /// When the rules that AWS ships do not compile, which would be a fault of this build.
    pub fn new() -> Result<Self, AwsError> {
        let schemas = SchemaValidator::default();
        let config = CompositeEngineConfig::default();
        let engine = CompositeEngine::new_with_schema_validator(config, &schemas)
            .map_err(|error| AwsError(error.to_string()))?;
        Ok(Self { engine, schemas })
    }

    /// Checks every template of several trees with the values that reach it, but for those that one
    /// of `ours` found wrong where they are written: they would be found again wherever they go.
    ///
    /// The rules see a template as it is written once, and with its values in the place of functions
    /// once for each set of values: many of them pass over what is no literal. They see nothing when
    /// the answer is among `answers`, which afterwards hold the answers of these trees and no others.
    /// `compiled` is asked for the rules where they are needed.
    ///
    /// # Errors
    /// When the rules themselves fail; what they find is not an error.
    pub fn check_trees<'a>(
        library: &Library,
        trees: &[(&Tree, &Inputs)],
        ours: &[Diagnostic],
        answers: &mut Answers,
        compiled: impl FnOnce() -> Result<&'a Self, AwsError>,
    ) -> Result<Vec<Diagnostic>, AwsError> {
        let mut aside: HashSet<Span> = ours
            .iter()
            .filter(|it| matches!(&*it.rule, "parameter-value" | "placeholder-left"))
            .filter_map(|it| it.span)
            .collect();
        // Where no values are given, a default may be one that is meant to be replaced.
        for (tree, inputs) in trees {
            if !inputs.are_given() {
                let root = library.template(tree.root().template);
                let defaults = root.parameters.iter().filter_map(|it| it.default.as_ref());
                aside.extend(defaults.map(|it| it.span));
            }
        }
        // What CloudFormation refuses as a whole is not looked at in detail: the rules take longer
        // than a user waits for templates of thousands of resources.
        let mut refused: BTreeMap<FileId, Diagnostic> = BTreeMap::new();
        let mut questions: BTreeMap<Key, Question<'_>> = BTreeMap::new();
        let mut as_written: BTreeMap<FileId, Question<'_>> = BTreeMap::new();
        let stacks: Vec<(&Stack, &Inputs)> = trees
            .iter()
            .flat_map(|&(tree, inputs)| tree.stacks.iter().map(move |it| (it, inputs)))
            .collect();
        let asked: Vec<Result<(Key, Question<'_>), Box<Diagnostic>>> = stacks
            .par_iter()
            .map(|(stack, inputs)| {
                let template = library.template(stack.template);
                let source = library.sources.get(template.file);
                if let Some(diagnostic) = beyond_limits(template, source) {
                    return Err(Box::new(diagnostic));
                }
                let question = Question {
                    template,
                    values: known_parameters(stack, &aside),
                    inputs,
                    resolved: Resolved::of(stack, template, source, &aside),
                    environments: vec![&inputs.environment],
                };
                Ok((question.key(library), question))
            })
            .collect();
        for asked in asked {
            let (key, question) = match asked {
                Ok(it) => it,
                Err(diagnostic) => {
                    refused.extend(diagnostic.span.map(|it| (it.file, *diagnostic)));
                    continue;
                }
            };
            let environment = question.environments[0];
            if question.resolved.is_some() {
                let written =
                    as_written.entry(question.template.file).or_insert_with(|| Question {
                        values: question.values.clone(),
                        resolved: None,
                        environments: Vec::new(),
                        ..question
                    });
                written.asked_by(environment);
            }
            questions.entry(key).or_insert(question).asked_by(environment);
        }
        for question in as_written.into_values() {
            let environments = question.environments.clone();
            let question = questions.entry(question.key(library)).or_insert(question);
            question.environments = environments;
        }
        let before = std::mem::take(&mut answers.0);
        let (known, open): (Vec<_>, Vec<_>) =
            questions.iter().partition(|(key, _)| before.contains_key(*key));
        if !open.is_empty() {
            let aws = compiled()?;
            let found: Result<Vec<(Key, Vec<Diagnostic>)>, AwsError> = open
                .into_par_iter()
                .map(|(key, it)| {
                    let file = it.template.file;
                    let path = library.sources.get(file).path();
                    let answer = aws.ask(it.text(library), path, file, &it.values, it.inputs)?;
                    Ok((*key, answer))
                })
                .collect();
            answers.0.extend(found?);
        }
        answers.0.extend(known.into_iter().map(|(key, _)| (*key, before[key].clone())));

        let (resolved, written): (Vec<_>, Vec<_>) =
            questions.iter().partition(|(_, it)| it.resolved.is_some());
        let mut findings: Vec<Diagnostic> = resolved
            .into_iter()
            .flat_map(|(key, question)| question.place(&answers.0[key]))
            .collect();
        let place = |it: &Diagnostic| (it.rule.clone(), it.span.map(|it| (it.file, it.start)));
        let seen: HashSet<_> = findings.iter().map(place).collect();
        let written =
            written.into_iter().flat_map(|(key, question)| question.place(&answers.0[key]));
        findings.extend(written.filter(|it| !seen.contains(&place(it))));
        findings.extend(refused.into_values());
        Ok(findings)
    }

    /// Asks the rules about a text.
    fn ask(
        &self,
        text: &str,
        path: &str,
        file: FileId,
        parameters: &BTreeMap<String, String>,
        inputs: &Inputs,
    ) -> Result<Vec<Diagnostic>, AwsError> {
        let parameters = parameters.iter().map(|(name, value)| (name.clone(), value.clone()));
        let config = ValidateConfig {
            detail_level: DetailLevel::Detailed,
            severity_level: AwsSeverity::Info,
            parameter_overrides: parameters.collect(),
            pseudo_parameter_overrides: PseudoParameterOverrides {
                account_id: Some(inputs.account.clone()),
                partition: Some(partition(&inputs.region).to_owned()),
                region: Some(inputs.region.clone()),
                ..Default::default()
            },
            ..Default::default()
        };
        let (bytes, path) = (text.as_bytes(), path.to_owned());
        let report = validate_bytes_with_path(&self.engine, &self.schemas, bytes, config, path)
            .map_err(|error| AwsError(error.to_string()))?;
        let source = Source::new("", text);
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
                Some(location) => span(&source, file, &location),
                None => Span::file_start(file),
            });
            finding.help.extend(it.suggested_fix.map(Message::verbatim));
            finding.url = it.documentation_url;
            findings.push(finding);
        }
        Ok(findings)
    }

    /// Leaves out what one of our findings in the same file, or on the same line, says better.
    pub fn without_repetitions(
        library: &Library,
        findings: Vec<Diagnostic>,
        ours: &[Diagnostic],
    ) -> Vec<Diagnostic> {
        // The letter tells how severe a finding is, the number which rule it is.
        let better = |table: &'static [(&str, &'static [&'static str])], rule: &str| {
            let number = rule.get(1..).map(str::to_owned);
            table.iter().find(|(id, _)| id.get(1..) == number.as_deref()).map(|it| it.1)
        };
        let line = |it: Span| (it.file, library.sources.get(it.file).line_column(it.start).line);
        let mut files: HashSet<(&str, FileId)> = HashSet::new();
        let mut lines: HashSet<(&str, (FileId, usize))> = HashSet::new();
        for it in ours {
            let Some(span) = it.span else { continue };
            files.insert((&it.rule, span.file));
            lines.insert((&it.rule, line(span)));
        }
        let said = |it: &Diagnostic| {
            let Some(span) = it.span else { return false };
            let here =
                |names: &[&str]| names.iter().any(|name| lines.contains(&(*name, line(span))));
            let there = |names: &[&str]| names.iter().any(|it| files.contains(&(*it, span.file)));
            better(SAID_BETTER, &it.rule).is_some_and(there)
                || better(SAID_HERE, &it.rule).is_some_and(here)
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

/// Whether the resource at a place says what becomes of it. AWS's rules do not see that of a resource
/// that a condition leaves out.
fn has_policies(template: &Template, at: usize) -> bool {
    template.resources.iter().any(|it| {
        it.span.range().contains(&at)
            && it.deletion_policy.is_some()
            && it.update_replace_policy.is_some()
    })
}

/// The parameters of a stack that are known, as text. Secrets stay out.
fn known_parameters(stack: &Stack, aside: &HashSet<Span>) -> BTreeMap<String, String> {
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
        .filter(|it| !it.no_echo && !it.value.origin.span.is_some_and(|it| aside.contains(&it)))
        .filter_map(|it| Some((it.name.to_string(), text(&it.value)?)))
        .collect()
}

/// AWS's lines and columns (both from 1, columns in characters) as bytes.
fn span(source: &Source, file: FileId, at: &SourceSpan) -> Span {
    let offset = |line: u32, column: u32| source.offset(line as usize, column as usize);
    let start = offset(at.start_line, at.start_column);
    let end = offset(at.end_line, at.end_column);
    Span::new(file, start, end.max(start))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]

    use super::*;
    use crate::rules::tests::{Memory, inputs};

    const STACK: &str = "
Parameters: { Days: { Type: Number } }
Resources: { Log: { Type: AWS::Logs::LogGroup, Properties: { RetentionInDays: !Ref Days } } }
";

    /// How many retentions outside the list are found, or `None` if AWS's rules had to be asked.
    fn ask(days: u8, answers: &mut Answers, aws: Result<&Aws, AwsError>) -> Option<usize> {
        let parameters = format!("{{\"Parameters\":{{\"Days\":\"{days}\"}}}}");
        let files = [("stack.yaml", STACK), ("parameters.json", &parameters)];
        let files = files.map(|(path, text)| (path.to_owned(), text.to_owned()));
        let files = Memory::new(files.into());
        let mut library = Library::default();
        library.load("stack.yaml", &files);
        let inputs = inputs(&mut library, &files).remove(0);
        let tree = Tree::evaluate(&library, library.find("stack.yaml").unwrap(), &inputs);
        let found = Aws::check_trees(&library, &[(&tree, &inputs)], &[], answers, || aws).ok()?;
        Some(found.iter().filter(|it| it.rule == "W3030").count())
    }

    #[test]
    fn a_question_is_asked_once() {
        let aws = Aws::new().unwrap();
        let none = || Err(AwsError("not needed".to_owned()));
        let mut answers = Answers::default();
        assert_eq!(ask(6, &mut answers, none()), None);
        assert_eq!(ask(6, &mut answers, Ok(&aws)), Some(1));
        assert_eq!(ask(6, &mut answers, none()), Some(1));
        // Another value is another question, and the answers of other trees are forgotten.
        assert_eq!(ask(5, &mut answers, none()), None);
        assert_eq!(ask(5, &mut answers, Ok(&aws)), Some(0));
        assert_eq!(ask(6, &mut answers, none()), None);
    }
}
