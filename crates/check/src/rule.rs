//! What a rule is, and what it can ask.

use crate::deployments::Deployments;
use crate::links::Links;
use crate::usage::Usages;
use kumiki_project::{Inputs, Library, Resource, Stack, Tree, Value};
use kumiki_source::{Diagnostic, Message, Severity, Span};
use kumiki_template::{ResourceDecl, Template};
use std::collections::BTreeSet;
use std::sync::Arc;

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

/// One root with the values of one environment and scenario: what rules look at.
#[derive(Clone, Copy)]
pub struct Subject<'t> {
    /// The texts and templates.
    pub library: &'t Library,
    /// The tree.
    pub tree: &'t Tree,
    /// What the templates of the library use.
    pub usages: &'t Usages<'t>,
    /// What the root was given.
    pub inputs: &'t Inputs,
    /// Whether the environment is protected: nothing provisional belongs there.
    pub protected: bool,
    /// The names that other roots of the project export in the same account and Region.
    pub elsewhere: &'t BTreeSet<Arc<str>>,
    /// The roots of the project in all environments.
    pub deployments: &'t Deployments,
    /// Today, as `2026-11-24`; nothing where no rule should look at the date.
    pub today: Option<&'t str>,
}

/// A rule at work.
pub(crate) struct Cx<'t> {
    pub(crate) library: &'t Library,
    pub(crate) tree: &'t Tree,
    pub(crate) usages: &'t Usages<'t>,
    pub(crate) inputs: &'t Inputs,
    pub(crate) protected: bool,
    pub(crate) elsewhere: &'t BTreeSet<Arc<str>>,
    pub(crate) deployments: &'t Deployments,
    pub(crate) today: Option<&'t str>,
    pub(crate) findings: Vec<Diagnostic>,
    pub(crate) links: Links<'t>,
    rule: &'static Rule,
}

impl<'t> Cx<'t> {
    pub(crate) fn new(subject: Subject<'t>, links: &Links<'t>, rule: &'static Rule) -> Self {
        let Subject { library, tree, usages, inputs, protected, elsewhere, deployments, today } =
            subject;
        let (links, findings) = (links.clone(), Vec::new());
        Self {
            library,
            tree,
            usages,
            inputs,
            protected,
            elsewhere,
            deployments,
            today,
            findings,
            links,
            rule,
        }
    }

    /// Every resource of a type that is, or may be, created, with its stack.
    pub(crate) fn resources(
        &self,
        type_name: &'static str,
    ) -> impl Iterator<Item = (&'t Stack, &'t Resource)> + use<'t> {
        self.links.possible(type_name).map(|(_, stack, resource)| (stack, resource))
    }

    /// The template of a stack.
    pub(crate) fn template(&self, stack: &Stack) -> &'t Template {
        self.library.template(stack.template)
    }

    /// A resource as it is written.
    pub(crate) fn declaration(&self, stack: &Stack, resource: &Resource) -> &'t ResourceDecl {
        let template = self.template(stack);
        // Resources of a tree are those of its template, one for one.
        let index = template.resources.index_of(&resource.logical_id).unwrap_or_default();
        &template.resources[index]
    }

    /// Reports a finding at a place; the result can be given hops and help.
    pub(crate) fn report(&mut self, span: Span, message: Message) -> &mut Diagnostic {
        let finding = Diagnostic::new(self.rule.name, self.rule.severity, message).at(span);
        self.findings.push(finding);
        let last = self.findings.len() - 1;
        &mut self.findings[last]
    }

    /// Reports a finding about a value where it is used, with the places that it came through.
    pub(crate) fn report_value(&mut self, value: &Value, message: Message) -> &mut Diagnostic {
        let span = value.origin.nearest().unwrap_or_else(|| {
            let root = self.library.template(self.tree.root().template);
            Span::file_start(root.file)
        });
        let hops = value.origin.hops();
        let finding = self.report(span, message);
        finding.hops.extend(hops.into_iter().filter(|it| it.span != span));
        finding
    }
}

/// Names in a sentence.
pub(crate) fn listed(names: &[&str]) -> String {
    names.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ")
}
