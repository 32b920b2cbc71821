//! What the roots of a project are in its environments, side by side.
//!
//! A rule looks at one tree. What it has to know of the others is gathered here, once for all of
//! them: which parameters their files have, and which names they take.

use crate::links::Links;
use crate::names::{NameRule, Unique};
use crate::placeholders::placeholder;
use kumiki_project::{Inputs, Library, REHEARSAL_ACCOUNT, TemplateId, Tree, Value};
use kumiki_source::{FileId, Span};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Every root of a project in every environment.
#[derive(Debug, Default)]
pub struct Deployments {
    /// Of each root and Region: the parameters that some file has, and where each has them.
    parameters: HashMap<(TemplateId, String), BTreeMap<Arc<str>, Vec<Span>>>,
    /// The stacks that have a name, and where each gives it.
    names: HashMap<NameKey, Vec<Taken>>,
}

/// A stack, and the place where it gives something a name.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    pub(crate) stack: Deployed,
    pub(crate) span: Option<Span>,
}

/// A root stack: where it is, and what it is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Deployed {
    pub(crate) account: Account,
    pub(crate) region: String,
    pub(crate) name: String,
}

/// An account, as far as it is known: an environment has one of its own unless it says which.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Account {
    /// By number.
    Known(String),
    /// That of an environment.
    Of(String),
}

/// A physical name: the type, the name as it is compared, and where it is unique.
type NameKey = (&'static str, String, Option<Account>, Option<String>);

impl Deployments {
    /// Gathers what trees have, each with what its root was given.
    pub fn new(library: &Library, trees: &[(&Tree, &Inputs)]) -> Self {
        let mut deployments = Self::default();
        for &(tree, inputs) in trees {
            let files = deployments.parameters.entry(root(tree, inputs)).or_default();
            for given in &inputs.parameters {
                let Some(span) = given.name_span else { continue };
                let places = files.entry(given.name.clone()).or_default();
                if !places.iter().any(|it| it.file == span.file) {
                    places.push(span);
                }
            }
            // Templates without a configuration need not meet: they may be of several projects.
            if inputs.environment.is_empty() {
                continue;
            }
            let stack = Deployed::of(inputs);
            for (key, value) in names(&Links::of(tree, &library.sources), inputs) {
                let taken = deployments.names.entry(key).or_default();
                if !taken.iter().any(|it| it.stack == stack) {
                    taken.push(Taken { stack: stack.clone(), span: value.origin.nearest() });
                }
            }
        }
        deployments
    }

    /// The parameters of files of a root that one of its files lacks, with a place that has each.
    pub(crate) fn missing(
        &self,
        tree: &Tree,
        inputs: &Inputs,
        file: FileId,
    ) -> impl Iterator<Item = (&Arc<str>, Span)> {
        let parameters = self.parameters.get(&root(tree, inputs)).into_iter().flatten();
        parameters
            .filter(move |(_, places)| places.iter().all(|it| it.file != file))
            .filter_map(|(name, places)| Some((name, *places.first()?)))
    }

    /// Who had a name before a stack: the first of the stacks with it, unless that is this one.
    pub(crate) fn before(&self, key: &NameKey, stack: &Deployed) -> Option<&Taken> {
        self.names.get(key)?.first().filter(|it| it.stack != *stack)
    }
}

impl Deployed {
    pub(crate) fn of(inputs: &Inputs) -> Self {
        let account = match &*inputs.account {
            REHEARSAL_ACCOUNT => Account::Of(inputs.environment.clone()),
            account => Account::Known(account.to_owned()),
        };
        Self { account, region: inputs.region.clone(), name: inputs.stack_name.clone() }
    }
}

fn root(tree: &Tree, inputs: &Inputs) -> (TemplateId, String) {
    (tree.root().template, inputs.region.clone())
}

/// The physical names that a tree surely gives and that nobody else may have.
pub(crate) fn names<'t>(links: &Links<'t>, inputs: &Inputs) -> Vec<(NameKey, &'t Value)> {
    let Deployed { account, region, .. } = Deployed::of(inputs);
    links
        .all()
        .filter_map(|(_, _, resource)| {
            let rule = NameRule::of(&resource.type_name)?;
            let value = resource.property(rule.property)?;
            let name = value.as_text().filter(|it| rule.is_name(it))?;
            // Two names that are still to be written are not the same.
            if placeholder(name).is_some() {
                return None;
            }
            let (account, region) = match (&rule.unique, &account) {
                (Unique::No | Unique::Among(_), _) => return None,
                (Unique::Everywhere, Account::Known(_)) => (None, None),
                (Unique::Everywhere | Unique::Account, account) => (Some(account.clone()), None),
                (Unique::Region, account) => (Some(account.clone()), Some(region.clone())),
            };
            Some(((rule.type_name, rule.folded(name), account, region), value))
        })
        .collect()
}
