//! What a rule is.

use kumiki_project::Tree;
use kumiki_source::{Diagnostic, Message, Severity, Span};

/// A rule over a whole tree.
pub struct Rule {
    /// Its name, which names the problem and not the cure.
    pub name: &'static str,
    /// What its findings mean on AWS.
    pub severity: Severity,
    /// The manual page, whose examples are its test.
    pub page: &'static str,
    pub(crate) check: fn(&mut Cx<'_>),
}

/// A rule at work.
pub(crate) struct Cx<'t> {
    pub(crate) tree: &'t Tree,
    pub(crate) findings: Vec<Diagnostic>,
    rule: &'static Rule,
}

impl<'t> Cx<'t> {
    pub(crate) fn new(tree: &'t Tree, rule: &'static Rule) -> Self {
        Self { tree, findings: Vec::new(), rule }
    }

    /// Reports a finding; the result can be given hops and help.
    pub(crate) fn report(&mut self, span: Span, message: Message) -> &mut Diagnostic {
        let finding = Diagnostic::new(self.rule.name, self.rule.severity, message).at(span);
        self.findings.push(finding);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }
}
