//! What every rule means, by name: our pages, what evaluation finds by itself, and AWS's own rules.

use crate::RULES;
use cloudformation_validate::Severity as AwsSeverity;
use cloudformation_validate::rules::{RULE_REGISTRY, RuleDefinition, lookup_rule};
use kumiki_source::Severity;
use std::borrow::Cow;
use std::sync::LazyLock;

/// A rule, explained.
#[derive(Clone, Debug)]
pub struct Manual {
    /// Its name, or AWS's identifier.
    pub name: &'static str,
    /// What its findings mean on AWS.
    pub severity: Severity,
    /// The page, in Markdown: paragraphs in English, then in Japanese, then sources and examples.
    pub page: Cow<'static, str>,
}

/// Our rules, and what evaluation and the commands find without one, by name.
static OURS: LazyLock<Vec<Manual>> = LazyLock::new(|| {
    let rules = RULES.iter().map(|it| Manual {
        name: it.name,
        severity: it.severity,
        page: it.page.into(),
    });
    let sections = include_str!("findings.md").split("\n# ").skip(1);
    let finding = |section: &'static str| {
        let (title, text) = section.split_once('\n')?;
        let (name, severity) = title.split_once(": ")?;
        let severity = match severity {
            "error" => Severity::Error,
            "warning" => Severity::Warning,
            _ => Severity::Info,
        };
        let page = format!("# {name}\n\n{}\n", text.trim()).into();
        Some(Manual { name, severity, page })
    };
    let mut all: Vec<Manual> = rules.chain(sections.filter_map(finding)).collect();
    all.sort_by_key(|it| it.name);
    all
});

impl Manual {
    /// The manual of a rule, ours or AWS's.
    pub fn of(name: &str) -> Option<Self> {
        match OURS.binary_search_by_key(&name, |it| it.name) {
            Ok(index) => Some(OURS[index].clone()),
            Err(_) => lookup_rule(name).filter(|it| is_aws(it.id)).map(aws),
        }
    }

    /// All of ours, by name.
    pub fn ours() -> &'static [Self] {
        &OURS
    }

    /// The names of all rules, AWS's among them.
    pub fn names() -> impl Iterator<Item = &'static str> {
        let aws = RULE_REGISTRY.iter().map(|it| it.id).filter(|it| is_aws(it));
        OURS.iter().map(|it| it.name).chain(aws)
    }
}

/// Whether a name has the shape of AWS's identifiers: `E3012`.
pub fn is_aws(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|it| b"FEWI".contains(&it))
        && name.len() == 5
        && bytes.all(|it| it.is_ascii_digit())
}

fn aws(rule: &'static RuleDefinition) -> Manual {
    let severity = match rule.severity() {
        AwsSeverity::Fatal | AwsSeverity::Error => Severity::Error,
        AwsSeverity::Warn => Severity::Warning,
        AwsSeverity::Info | AwsSeverity::Debug => Severity::Info,
    };
    let RuleDefinition { id, description, category, .. } = rule;
    let page = format!(
        "# {id}\n\n{description}. One of AWS's own rules for single templates ({category}), from \
         `cloudformation-validate`.\n\n\
         「{description}」。AWS のルールです (単一テンプレート用、分類: {category})。\
         `cloudformation-validate` が検査します。\n\n\
         <https://github.com/aws-cloudformation/cloudformation-validate>\n"
    );
    Manual { name: id, severity, page: page.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_one_manual() {
        let ours = Manual::ours();
        assert!(ours.is_sorted_by(|a, b| a.name < b.name), "{ours:?}");
        for it in ours {
            assert!(it.page.starts_with(&format!("# {}\n\n", it.name)), "{}", it.name);
        }
        for name in Manual::names() {
            assert!(Manual::of(name).is_some(), "{name}");
        }
        assert_eq!(Manual::of("F3002").map(|it| it.severity), Some(Severity::Error));
        assert!(Manual::of("E0000").is_none() && Manual::of("").is_none());
    }
}
