//! Rules of AWS CloudFormation Guard over stacks as they will be: conditions applied and values in
//! place, for each environment and scenario.
//!
//! A clause that asks something of a value that only a deployment knows neither holds nor fails:
//! it is reported as `guard-unknown`, with what it waits for. Finds no rules by itself: the texts
//! of the rule files are among the sources already.

mod document;
mod evaluate;
mod rules;
mod unsettled;

use self::document::{Document, Place};
use self::evaluate::{Failure, Outcome, Verdict, evaluate};
use self::unsettled::Unsettled;
use cloudformation_guard_lang::errors::Error;
use cloudformation_guard_lang::exprs::RulesFile;
use kumiki_project::{Inputs, Library, Tree};
use kumiki_source::{Diagnostic, FileId, Message, Severity, Source, Span, message};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// What the rules of some files find in some trees.
pub fn check_guard(
    library: &Library,
    trees: &[(&Tree, &Inputs)],
    files: &[FileId],
) -> Vec<Diagnostic> {
    let mut findings = Vec::new();
    let mut rule_files = Vec::new();
    for file in files {
        let source = library.sources.get(*file);
        match rules::parse(*file, source) {
            Ok(None) => {}
            Ok(Some(rules)) => rule_files.push(RuleFile { file: *file, source, rules }),
            Err(diagnostic) => findings.push(*diagnostic),
        }
    }
    if rule_files.is_empty() {
        return findings;
    }
    for (tree, inputs) in trees {
        let first = findings.len();
        let unsettled = Unsettled::of(library, tree);
        for stack in tree.stacks.iter().filter(|it| !it.resources.is_empty()) {
            let document = Document::new(library, stack, inputs, &unsettled);
            rule_files.iter().for_each(|it| it.check(&document, &mut findings));
        }
        if !inputs.environment.is_empty() {
            for finding in &mut findings[first..] {
                finding.environments = vec![inputs.environment.clone()];
            }
        }
    }
    findings
}

/// A rule file that was read.
struct RuleFile<'l> {
    file: FileId,
    source: &'l Source,
    rules: RulesFile<'l>,
}

impl RuleFile<'_> {
    fn check(&self, document: &Document, findings: &mut Vec<Diagnostic>) {
        for rule in &self.rules.guard_rules {
            let name = rule.rule_name.as_str();
            // Guard's evaluator takes some values for impossible and stops the thread.
            let evaluated =
                catch_unwind(AssertUnwindSafe(|| evaluate(&self.rules, rule, document)));
            match evaluated {
                Ok(Ok(outcome)) => self.report(name, &outcome, document, findings),
                Ok(Err(error)) => findings.push(self.not_evaluated(name, Some(&error))),
                Err(_) => findings.push(self.not_evaluated(name, None)),
            }
        }
    }

    fn report(
        &self,
        rule: &str,
        outcome: &Outcome,
        document: &Document,
        findings: &mut Vec<Diagnostic>,
    ) {
        if outcome.verdict < Verdict::Unknown {
            return;
        }
        for failure in &outcome.failures {
            let message = self.message(failure);
            let place = document.place(&failure.value).unwrap_or_else(|| document.at(0));
            let finding = Diagnostic::error(rule.to_owned(), message).at(place.span);
            let mut finding = with_hops(finding, place);
            let clause = self.clause(failure.clause);
            finding.hops.push(kumiki_source::Hop {
                span: clause,
                label: Some(message!("the clause that fails")),
            });
            findings.push(finding);
        }
        for place in outcome.waits.iter().map(|it| document.at(*it)) {
            let Some((unknown, _)) = &place.unknown else { continue };
            let source = unknown.describe();
            let message = message!(
                "whether Guard rule `{rule}` holds depends on {source}, which only a deployment knows",
                rule,
                source
            );
            let finding = Diagnostic::new("guard-unknown", Severity::Info, message).at(place.span);
            findings.push(with_hops(finding, place));
        }
    }

    /// The rule's own message, or the clause.
    fn message(&self, failure: &Failure) -> Message {
        let own = failure.message.as_deref().unwrap_or_default();
        let own = own.split_whitespace().collect::<Vec<_>>().join(" ");
        if !own.is_empty() {
            return Message::verbatim(own);
        }
        let clause = self.clause(failure.clause);
        let clause = self.source.text().get(clause.range()).unwrap_or_default();
        match &failure.missing {
            Some(missing) => {
                message!("there is no `{missing}` here, which `{clause}` asks for", missing, clause)
            }
            None => message!("`{clause}` does not hold here", clause),
        }
    }

    /// A clause as it is written, as far as it stands on one line.
    fn clause(&self, (line, column): (u32, u32)) -> Span {
        let start = self.source.offset(line as usize, column as usize);
        let rest = self.source.text()[start..].lines().next().unwrap_or_default();
        let rest = rest.split("<<").next().unwrap_or_default();
        let rest = rest.split(" #").next().unwrap_or_default();
        let rest = rest.trim_end_matches([' ', '\t', '{', '}']);
        Span::new(self.file, start, start + rest.len())
    }

    fn not_evaluated(&self, rule: &str, error: Option<&Error>) -> Diagnostic {
        let at = rules::find_name(self.source.text(), rule);
        let at = at.map_or((0, 0), |it| (it, it + rule.len()));
        let diagnostic = Diagnostic::error(
            "guard-not-evaluated",
            message!("Guard rule `{rule}` cannot be evaluated", rule),
        )
        .at(Span::new(self.file, at.0, at.1));
        // Other errors quote values, which may be secrets.
        match error {
            Some(
                Error::MissingValue(reason)
                | Error::MissingVariable(reason)
                | Error::IncompatibleError(reason)
                | Error::IllegalArguments(reason)
                | Error::ParseError(reason),
            ) => diagnostic.help(Message::verbatim(reason.clone())),
            _ => diagnostic,
        }
    }
}

/// The places that a value came through, without the one that the finding points at.
fn with_hops(mut finding: Diagnostic, place: &Place) -> Diagnostic {
    let hops = place.origin.hops().into_iter().filter(|it| Some(it.span) != finding.span);
    finding.hops = hops.collect();
    finding
}

#[cfg(test)]
mod tests;
