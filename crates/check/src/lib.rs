//! Findings about a linked tree: our rules over the whole of it, and AWS's own rules over each
//! template with the values that reach it.
//!
//! What evaluation itself stumbles over (a parameter that is not passed, a mapping without the
//! key) is reported by `project` and only merged here. A rule of ours sees the tree of one
//! environment; [`merge`] makes one finding of those that several environments share.

mod aws;
mod databases;
mod declared;
mod deliveries;
mod deployments;
mod guard;
mod identity;
mod keys;
mod kinds;
mod links;
mod listeners;
mod log_groups;
mod manual;
mod merge;
mod metrics;
mod names;
mod ordering;
mod paths;
mod placeholders;
mod policies;
mod resolved;
mod rights;
mod rule;
mod rules;
mod secrets;
mod services;
mod subnets;
mod suppress;
mod usage;
mod volatile;
mod windows;

pub use aws::{Answers, Aws, AwsError};
pub use deployments::Deployments;
pub use guard::check_guard;
pub use identity::Identity;
pub use manual::{Manual, is_aws};
pub use merge::merge;
pub use rule::{Rule, Subject};
pub use rules::RULES;
pub use suppress::{Accepted, Suppressed, suppress};
pub use usage::Usages;

use kumiki_source::Diagnostic;
use links::Links;

/// Everything that our own rules and the evaluation find in one tree.
pub fn check_tree(subject: Subject<'_>) -> Vec<Diagnostic> {
    let mut findings = subject.tree.diagnostics.clone();
    let links = Links::of(subject.tree, &subject.library.sources);
    for rule in RULES {
        let mut cx = rule::Cx::new(subject, &links, rule);
        (rule.check)(&mut cx);
        findings.extend(cx.findings);
    }
    if !subject.inputs.environment.is_empty() {
        for finding in &mut findings {
            finding.environments = vec![subject.inputs.environment.clone()];
        }
    }
    findings
}
