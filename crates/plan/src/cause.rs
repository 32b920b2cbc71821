//! Why a property changes: where its value comes from, through every hop, and what changed there.

use crate::secret::same;
use crate::steps::{Cause, ChangeSource, Detail};
use crate::{Current, planner};
use kumiki_project::{Library, Stack, Tree};
use kumiki_template::{Call, Expr, ExprKind, Name, SubPart, Template};
use std::collections::{HashMap, HashSet};

/// A place that a value comes from, inside one stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Source<'t> {
    /// A parameter of the stack, by position.
    Parameter(usize),
    /// `Ref` of a resource, by position.
    Resource(usize),
    /// An attribute of a resource, by position; without its name where it is computed.
    Attribute(usize, Option<&'t str>),
    /// What another stack exports, by the position of the export in the tree.
    Export(usize),
}

/// Where the values of a tree come from.
pub(crate) struct Lineage<'l> {
    library: &'l Library,
    tree: &'l Tree,
    /// The exports that functions import, by the place of the function.
    imports: HashMap<(&'l str, kumiki_source::Span), usize>,
    /// The root's parameters whose values are not what they were.
    changed: HashSet<&'l str>,
}

impl<'l> Lineage<'l> {
    pub(crate) fn new(library: &'l Library, tree: &'l Tree, current: &Current) -> Self {
        let exports: HashMap<&str, usize> =
            tree.exports.iter().enumerate().map(|(at, it)| (&*it.name, at)).collect();
        let imports = tree.imports.iter();
        let imports = imports
            .filter_map(|it| Some(((&*it.path, it.span), *exports.get(&*it.name)?)))
            .collect();
        let before = current.root();
        let changed = tree.root().parameters.iter().filter(|it| {
            let now = planner::text(&it.value);
            let recorded = before.and_then(|before| before.parameters.get(&*it.name));
            now.is_some_and(|now| recorded.is_none_or(|recorded| !same(recorded, &now)))
        });
        Self { library, tree, imports, changed: changed.map(|it| &*it.name).collect() }
    }

    pub(crate) fn template(&self, stack: &Stack) -> &'l Template {
        self.library.template(stack.template)
    }

    /// Says why a property of a resource changes. `moves` tells whether a resource, by its path,
    /// is new or changed itself.
    pub(crate) fn explain(
        &self,
        stack: usize,
        resource: usize,
        detail: &mut Detail,
        moves: &dyn Fn(&str) -> bool,
    ) {
        let of = &self.tree.stacks[stack];
        let template = self.template(of);
        let Some(properties) = &template.resources[resource].properties else { return };
        let Some(expr) = at(properties, &detail.path) else { return };
        for source in self.sources(stack, expr) {
            let Some(cause) = self.origin(stack, &source, detail.waits_for.is_some(), moves) else {
                continue;
            };
            let resource_name = |at: usize| &*of.resources[at].logical_id;
            (detail.change_source, detail.causing_entity) = match source {
                Source::Parameter(at) => {
                    let name = template.parameters[at].name.text.to_string();
                    (ChangeSource::ParameterReference, Some(name))
                }
                Source::Resource(at) => {
                    (ChangeSource::ResourceReference, Some(resource_name(at).to_owned()))
                }
                Source::Attribute(at, name) => {
                    let (resource, name) = (resource_name(at), name.unwrap_or_default());
                    (ChangeSource::ResourceAttribute, Some(format!("{resource}.{name}")))
                }
                // AWS resolves an import before it compares, and sees another value in the text.
                Source::Export(_) => (ChangeSource::DirectModification, None),
            };
            detail.cause = cause;
            return;
        }
    }

    /// The first cause behind a source, in the order in which things are written.
    fn origin(
        &self,
        stack: usize,
        source: &Source<'l>,
        unknown: bool,
        moves: &dyn Fn(&str) -> bool,
    ) -> Option<Cause> {
        let mut seen = HashSet::from([(stack, source.clone())]);
        let mut open = vec![(stack, source.clone())];
        while let Some((stack, source)) = open.pop() {
            let of = &self.tree.stacks[stack];
            let resource = |at: usize| planner::child_path(&of.path, &of.resources[at].logical_id);
            let next = match &source {
                Source::Parameter(at) if of.parent.is_none() => {
                    let name = &*of.parameters[*at].name;
                    // A value that is not known waits for a resource, not for a parameter.
                    if !unknown && self.changed.contains(name) {
                        return Some(Cause::Parameter(name.to_owned()));
                    }
                    continue;
                }
                Source::Resource(at) => {
                    let path = resource(*at);
                    if moves(&path) {
                        return Some(Cause::Upstream(path));
                    }
                    continue;
                }
                Source::Attribute(at, name) if self.output(of, *at, *name).is_none() => {
                    let path = resource(*at);
                    if moves(&path) {
                        return Some(Cause::Upstream(format!(
                            "{path}.{}",
                            name.unwrap_or_default()
                        )));
                    }
                    continue;
                }
                beyond => self.beyond(stack, beyond),
            };
            let Some((stack, expr)) = next else { continue };
            let mut more = self.sources(stack, expr);
            more.retain(|it| seen.insert((stack, it.clone())));
            open.extend(more.into_iter().rev().map(|it| (stack, it)));
        }
        None
    }

    /// The expression in another stack that a source stands for.
    fn beyond(&self, stack: usize, source: &Source<'l>) -> Option<(usize, &'l Expr)> {
        let of = &self.tree.stacks[stack];
        match source {
            Source::Parameter(at) => {
                let (parent, resource) = of.parent?;
                let decl = &self.template(&self.tree.stacks[parent]).resources[resource];
                let passed = decl.properties.as_ref()?.get("Parameters")?;
                Some((parent, passed.get(&of.parameters[*at].name)?))
            }
            Source::Attribute(at, name) => self.output(of, *at, *name),
            Source::Export(at) => {
                let export = &self.tree.exports[*at];
                let of = &self.tree.stacks[export.stack];
                let output = self.template(of).outputs.get(&of.outputs[export.output].name)?;
                Some((export.stack, &output.value))
            }
            Source::Resource(_) => None,
        }
    }

    /// The expression behind an output of a nested stack.
    fn output(&self, of: &Stack, at: usize, name: Option<&str>) -> Option<(usize, &'l Expr)> {
        let child = of.resources[at].child?;
        let output = name?.strip_prefix("Outputs.")?;
        let outputs = &self.template(&self.tree.stacks[child]).outputs;
        Some((child, &outputs.get(output)?.value))
    }

    /// What an expression of a stack refers to, conditions included, each once.
    pub(crate) fn sources(&self, stack: usize, expr: &'l Expr) -> Vec<Source<'l>> {
        let of = &self.tree.stacks[stack];
        let template = self.template(of);
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        let mut conditions: HashSet<usize> = HashSet::new();
        let mut open = vec![expr];
        while let Some(expr) = open.pop() {
            expr.walk(&mut |it| {
                let ExprKind::Call(call) = &it.kind else { return };
                let mut add = |source: Source<'l>| {
                    if seen.insert(source.clone()) {
                        found.push(source);
                    }
                };
                let mut condition = |name: &Name| {
                    if let Some(at) = template.conditions.index_of(&name.text)
                        && conditions.insert(at)
                    {
                        open.push(&template.conditions[at].1);
                    }
                };
                let named = |name: &str| {
                    let parameter = template.parameters.index_of(name).map(Source::Parameter);
                    parameter.or_else(|| template.resources.index_of(name).map(Source::Resource))
                };
                match &**call {
                    Call::Ref(name) => named(&name.text).into_iter().for_each(add),
                    Call::GetAtt { resource, attribute } => {
                        let at = template.resources.index_of(&resource.text);
                        at.map(|at| Source::Attribute(at, attribute.as_text()))
                            .into_iter()
                            .for_each(add);
                    }
                    Call::Sub { parts, variables } => {
                        for part in parts {
                            let SubPart::Reference(it) = part else { continue };
                            if variables.iter().any(|own| *own.key.text == *it.written()) {
                                continue;
                            }
                            let source = match &it.attribute {
                                None => named(&it.name.text),
                                Some(attribute) => template
                                    .resources
                                    .index_of(&it.name.text)
                                    .map(|at| Source::Attribute(at, Some(attribute))),
                            };
                            source.into_iter().for_each(&mut add);
                        }
                    }
                    Call::If { condition: name, .. } | Call::Condition(name) => condition(name),
                    Call::ImportValue(_) => {
                        let export = self.imports.get(&(&*of.path, it.span));
                        export.map(|at| Source::Export(*at)).into_iter().for_each(add);
                    }
                    _ => {}
                }
            });
        }
        found
    }
}

/// The expression at a path of properties: the deepest that can be told without evaluating. Nothing
/// where the text has none, as that of a property that goes away.
fn at<'e>(properties: &'e Expr, path: &str) -> Option<&'e Expr> {
    let mut expr = properties;
    for part in path.split('.') {
        expr = match &expr.kind {
            ExprKind::Map(_) => expr.get(part)?,
            ExprKind::List(items) => match part.parse::<usize>() {
                Ok(index) => items.get(index)?,
                Err(_) => expr,
            },
            _ => break,
        };
    }
    Some(expr)
}
