//! Findings that a project accepts, in `kumiki.toml` or beside what they are about:
//!
//! ```yaml
//! Metadata: { Kumiki: { suppress: [{ rule: wildcard-resource, reason: … }] } }
//! ```
//!
//! on a resource, or at the top of a template for all of it. What a project already tells cfn-lint
//! to ignore (`Metadata: { cfn-lint: { config: { ignore_checks: [E3012] } } }`) holds for AWS's
//! rules, which carry cfn-lint's numbers.
//!
//! <https://github.com/aws-cloudformation/cfn-lint#metadata>

use crate::identity::name_places;
use crate::manual::{Manual, is_aws};
use kumiki_project::{Library, Suppression};
use kumiki_source::{Diagnostic, FileId, Span, closest, message};
use kumiki_template::{Expr, Template};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// A finding that is accepted.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Accepted {
    /// The finding.
    pub finding: Diagnostic,
    /// Why; cfn-lint's own way gives no reason.
    pub reason: Option<String>,
    /// Where it is accepted.
    pub at: Span,
}

/// Findings after those that are accepted were taken out.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Suppressed {
    /// What remains, with findings about the suppressions themselves.
    pub findings: Vec<Diagnostic>,
    /// What is accepted.
    pub accepted: Vec<Accepted>,
}

/// A suppression, wherever it is written.
struct Entry<'p> {
    /// The rule; of cfn-lint's at the top of a template, the beginning of its number.
    rule: &'p str,
    /// The file that it holds for.
    path: &'p str,
    /// The resource, parameter, output or other member; without one, the whole file.
    member: Option<&'p str>,
    reason: Option<&'p str>,
    at: Span,
    for_cfn_lint: bool,
    used: bool,
}

/// Names the places of findings, takes out those that are accepted, and reports what accepts
/// nothing, has no reason or cannot be read.
///
/// `config` is the project's configuration and its suppressions.
pub fn suppress(
    mut findings: Vec<Diagnostic>,
    config: Option<(FileId, &[Suppression])>,
    library: &Library,
) -> Suppressed {
    name_places(&mut findings, library);
    let mut found = Suppressed::default();
    let mut entries = Vec::new();
    if let Some((file, suppressions)) = config {
        entries.extend(suppressions.iter().map(|it| Entry {
            rule: it.rule.get_ref(),
            path: &it.file,
            member: it.name.as_deref(),
            reason: Some(&it.reason),
            at: Span::new(file, it.rule.span().start, it.rule.span().end),
            for_cfn_lint: false,
            used: false,
        }));
    }
    let mut about = Vec::new();
    for (_, template) in library.templates() {
        of_template(template, library, &mut entries, &mut about);
    }
    let mut by_path: HashMap<&str, Vec<usize>> = HashMap::new();
    for (index, entry) in entries.iter().enumerate() {
        by_path.entry(entry.path).or_default().push(index);
    }
    for finding in findings {
        let path = finding.span.map_or("", |span| library.sources.get(span.file).path());
        let mut by = None;
        for &index in by_path.get(path).into_iter().flatten() {
            if entries[index].accepts(&finding) {
                entries[index].used = true;
                by = by.or(Some(index));
            }
        }
        match by.map(|index| &entries[index]) {
            Some(Entry { reason, at, .. }) => found.accepted.push(Accepted {
                finding,
                reason: reason.map(str::to_owned),
                at: *at,
            }),
            None => found.findings.push(finding),
        }
    }
    for entry in entries.iter().filter(|it| !it.for_cfn_lint) {
        let rule = entry.rule;
        if entry.reason.is_none_or(|it| it.trim().is_empty()) {
            let message = message!("the suppression of `{rule}` gives no reason", rule);
            about.push(Diagnostic::error("suppression-without-reason", message).at(entry.at));
        }
        if !entry.used {
            about.extend(entry.dead());
        }
    }
    name_places(&mut about, library);
    found.findings.extend(about);
    found
}

impl<'p> Entry<'p> {
    fn accepts(&self, finding: &Diagnostic) -> bool {
        let named = match self.for_cfn_lint {
            false => finding.rule == self.rule,
            // AWS calls an error of cfn-lint fatal where CloudFormation itself refuses.
            true => {
                let number = finding.rule.strip_prefix('F');
                let rule = number.map_or(finding.rule.to_string(), |it| format!("E{it}"));
                is_aws(&finding.rule)
                    && (rule == self.rule || self.member.is_none() && rule.starts_with(self.rule))
            }
        };
        // `Resources.Bucket.Properties`: the member is the second name.
        named && (self.member.is_none() || self.member == finding.path.split('.').nth(1))
    }

    /// That it accepts nothing, unless it may be about a Guard rule: whether its file was given is not
    /// known here.
    fn dead(&self) -> Option<Diagnostic> {
        let (rule, file) = (self.rule, self.path);
        let finding = Diagnostic::warning(
            "dead-suppression",
            message!("there is no finding of `{rule}` in `{file}` to accept", rule, file),
        );
        let known = Manual::of(rule).is_some();
        let near = closest(rule, Manual::names()).filter(|_| !known);
        let guard = rule.chars().all(|it| it.is_alphanumeric() || it == '_');
        if !known && near.is_none() && guard {
            return None;
        }
        let help = match near {
            Some(near) => message!("did you mean `{near}`?", near),
            None => message!("remove the suppression"),
        };
        Some(finding.at(self.at).help(help))
    }
}

/// Reads the suppressions in the metadata of a template and its resources.
fn of_template<'p>(
    template: &'p Template,
    library: &'p Library,
    entries: &mut Vec<Entry<'p>>,
    about: &mut Vec<Diagnostic>,
) {
    let path = library.sources.get(template.file).path();
    let whole = template.metadata.iter().map(|it| (None, it));
    let resources = template.resources.iter();
    let resources = resources.filter_map(|it| Some((Some(&*it.name.text), it.metadata.as_ref()?)));
    for (member, metadata) in whole.chain(resources) {
        if let Some(kumiki) = metadata.get("Kumiki") {
            match of_metadata(kumiki) {
                Ok(read) => entries.extend(read.into_iter().map(|Written { rule, reason, at }| {
                    Entry { rule, path, member, reason, at, for_cfn_lint: false, used: false }
                })),
                Err(at) => about.push(
                    Diagnostic::error(
                        "malformed-suppression",
                        message!("this is no list of suppressions"),
                    )
                    .at(at)
                    .help(message!("write `suppress: [{ rule: NAME, reason: TEXT }]`")),
                ),
            }
        }
        let ignored = metadata.get("cfn-lint").and_then(|it| it.get("config"));
        let ignored = ignored.and_then(|it| it.get("ignore_checks")).and_then(Expr::as_list);
        for it in ignored.unwrap_or_default() {
            entries.extend(it.as_text().map(|rule| Entry {
                rule,
                path,
                member,
                reason: None,
                at: it.span,
                for_cfn_lint: true,
                used: false,
            }));
        }
    }
}

/// A suppression as metadata has it.
struct Written<'p> {
    rule: &'p str,
    reason: Option<&'p str>,
    at: Span,
}

/// The suppressions under `Kumiki`, or the place where it is something else.
fn of_metadata(kumiki: &Expr) -> Result<Vec<Written<'_>>, Span> {
    let mut read = Vec::new();
    for section in kumiki.as_map().ok_or(kumiki.span)? {
        if &*section.key.text != "suppress" {
            return Err(section.key.span);
        }
        for item in section.value.as_list().ok_or(section.value.span)? {
            let (mut rule, mut reason) = (None, None);
            for entry in item.as_map().ok_or(item.span)? {
                let text = entry.value.as_text().ok_or(entry.value.span);
                match &*entry.key.text {
                    "rule" => rule = Some((text?, entry.value.span)),
                    "reason" => reason = Some(text?),
                    _ => return Err(entry.key.span),
                }
            }
            let (rule, at) = rule.ok_or(item.span)?;
            read.push(Written { rule, reason, at });
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kumiki_project::{FileError, Files, parse_config};
    use std::borrow::Cow;

    struct One(&'static str);

    impl Files for One {
        fn read(&self, _: &str) -> Result<Vec<u8>, FileError> {
            Ok(self.0.as_bytes().to_vec())
        }
    }

    /// Checks a template in which a comment `# found: RULE` is a finding of that line; the result is
    /// what remains and what is accepted.
    fn outcome(text: &'static str, config: &str) -> (Vec<String>, Vec<String>) {
        let mut library = Library::default();
        library.load("a.yaml", &One(text));
        assert_eq!(library.diagnostics, []);
        let template = library.template(library.find("a.yaml").unwrap()).file;
        let file = library.sources.add("kumiki.toml", config);
        let suppressions = parse_config(file, config).unwrap().suppressions;
        let mut at = 0;
        let mut findings = Vec::new();
        for line in text.split_inclusive('\n') {
            if let Some((before, rule)) = line.trim_end().split_once("# found: ") {
                let start = at + before.len() - before.trim_start().len();
                let rule = Cow::Owned(rule.to_owned());
                let span = Span::new(template, start, start + 1);
                findings.push(Diagnostic::warning(rule, message!("x")).at(span));
            }
            at += line.len();
        }
        let config = Some((file, &*suppressions));
        let outcome = suppress(findings, config, &library);
        let told = |it: &Diagnostic| {
            let place = library.sources.locate(it.span.unwrap());
            let help = it.help.first().map(|it| format!(" ({it})"));
            format!("{place} {}{}", it.rule, help.unwrap_or_default())
        };
        let accepted = |it: &Accepted| {
            let reason = it.reason.as_deref().unwrap_or("-");
            format!("{}: {reason}", told(&it.finding))
        };
        (
            outcome.findings.iter().map(told).collect(),
            outcome.accepted.iter().map(accepted).collect(),
        )
    }

    #[test]
    fn what_kumiki_toml_accepts() {
        let (kept, accepted) = outcome(
            "Resources:\n  A: # found: W2512\n    Type: AWS::SNS::Topic\n  \
             B: # found: W2512\n    Type: AWS::SNS::Topic\n",
            r#"
            [[suppressions]]
            rule = "W2512"
            file = "a.yaml"
            name = "A"
            reason = "intended"
            [[suppressions]]
            rule = "W2001"
            file = "a.yaml"
            reason = " "
            [[suppressions]]
            rule = "buckets_are_encrypted"
            file = "a.yaml"
            reason = "a Guard rule, whose file may not be given"
            "#,
        );
        assert_eq!(
            kept,
            [
                "a.yaml:4:3 W2512",
                "kumiki.toml:8:20 suppression-without-reason",
                "kumiki.toml:8:20 dead-suppression (remove the suppression)",
            ]
        );
        assert_eq!(accepted, ["a.yaml:2:3 W2512: intended"]);
    }

    #[test]
    fn what_a_template_accepts() {
        let (kept, accepted) = outcome(
            "\
Metadata: { Kumiki: { suppress: [{ rule: unused-output, reason: 全体 }] } }
Resources:
  A:
    Type: AWS::SNS::Topic # found: wildcard-resource
    Metadata:
      Kumiki:
        suppress:
          - rule: wildcard-resource
            reason: intended
          - { rule: wildcard-resourse, reason: a slip of the hand }
          - { rule: open-to-world }
    Properties:
      TopicName: x # found: open-to-world
  B:
    Type: AWS::SNS::Topic # found: wildcard-resource
    Metadata: { Kumiki: { suppress: { rule: x } } }
  C:
    Type: AWS::SNS::Topic
    Metadata: { Kumiki: { ignore: [] } }
Outputs:
  O: { Value: 1 } # found: unused-output
",
            "",
        );
        assert_eq!(
            kept,
            [
                "a.yaml:15:5 wildcard-resource",
                "a.yaml:16:37 malformed-suppression (write `suppress: [{ rule: NAME, reason: TEXT }]`)",
                "a.yaml:19:27 malformed-suppression (write `suppress: [{ rule: NAME, reason: TEXT }]`)",
                "a.yaml:10:21 dead-suppression (did you mean `wildcard-resource`?)",
                "a.yaml:11:21 suppression-without-reason",
            ]
        );
        assert_eq!(
            accepted,
            [
                "a.yaml:4:5 wildcard-resource: intended",
                "a.yaml:13:7 open-to-world: -",
                "a.yaml:21:3 unused-output: 全体",
            ]
        );
    }

    /// A number at a resource, the beginning of one at the top, never a rule of ours.
    #[test]
    fn what_cfn_lint_is_told_to_ignore() {
        let (kept, accepted) = outcome(
            "\
Metadata: { cfn-lint: { config: { ignore_checks: [W2] } } }
Resources:
  A:
    Type: AWS::SNS::Topic # found: F3002
    Metadata: { cfn-lint: { config: { ignore_checks: [E3002, E30, unused-output] } } }
    Properties:
      TopicName: x # found: W2001
      DisplayName: x # found: E3012
      KmsMasterKeyId: x # found: unused-output
  B:
    Type: AWS::SNS::Topic # found: F3002
",
            "",
        );
        let left = ["a.yaml:8:7 E3012", "a.yaml:9:7 unused-output", "a.yaml:11:5 F3002"];
        assert_eq!(kept, left);
        assert_eq!(accepted, ["a.yaml:4:5 F3002: -", "a.yaml:7:7 W2001: -"]);
    }
}
