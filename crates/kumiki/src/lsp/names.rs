//! Every name of a project and every place that writes it, across files: what "go to definition",
//! "find references" and "rename" stand on.
//!
//! The texts say who names whom; the trees are asked only where a name is computed: exports,
//! imports and the stacks that `Fn::GetStackOutput` reads.

use super::snapshot::{Sample, Snapshot};
use kumiki_project::{Child, Library};
use kumiki_source::{FileId, Span};
use kumiki_template::{Call, Entry, Expr, ExprKind, Name, Reference, SubPart, Template};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use toml::Spanned;

/// What a name is the name of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum SymbolKind {
    Parameter,
    Mapping,
    Condition,
    Rule,
    Resource,
    Output,
}

/// Something that a template declares.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Symbol {
    /// The template.
    pub(super) file: FileId,
    pub(super) kind: SymbolKind,
    pub(super) name: Arc<str>,
}

/// What a place does with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Role {
    /// The template declares it here.
    Declaration,
    /// Its value is used, or it is merely listed.
    Use,
    /// A parent, a parameter file or a scenario gives the parameter its value.
    Passed,
    /// The output is exported under the name that stands here.
    Export,
    /// What the output exports is imported here.
    Import,
}

/// A place that concerns a symbol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Occurrence {
    pub(super) span: Span,
    pub(super) symbol: Symbol,
    pub(super) role: Role,
    /// Whether the span is exactly the name, so that it can be written over.
    pub(super) spelled: bool,
}

/// The names of a project.
#[derive(Debug)]
pub(super) struct Names {
    /// By place.
    occurrences: Vec<Occurrence>,
    by_symbol: HashMap<Symbol, Vec<usize>>,
    /// Places that name a file, and the files.
    links: Vec<(Span, FileId)>,
}

impl Names {
    /// Finds the names in the texts and trees of a snapshot.
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let library = snapshot.library();
        let mut collector = Collector {
            library,
            files: library.sources.iter().map(|(file, it)| (it.path(), file)).collect(),
            occurrences: Vec::new(),
            links: Vec::new(),
            stack_outputs: Vec::new(),
        };
        for (_, template) in library.templates() {
            collector.template(template);
        }
        let samples: Vec<Sample<'_>> = snapshot.samples().collect();
        samples.iter().for_each(|it| collector.parameter_file(*it));
        collector.exports(&samples);
        samples.iter().for_each(|it| collector.stack_outputs(*it, &samples));
        if let Some(file) = snapshot.linked.project.config_file {
            collector.configuration(file);
        }
        let Collector { mut occurrences, mut links, .. } = collector;
        // Several environments tell of the same places.
        occurrences.sort();
        occurrences.dedup();
        links.sort();
        links.dedup();
        let mut by_symbol: HashMap<Symbol, Vec<usize>> = HashMap::new();
        for (index, it) in occurrences.iter().enumerate() {
            by_symbol.entry(it.symbol.clone()).or_default().push(index);
        }
        Self { occurrences, by_symbol, links }
    }

    /// What the innermost place around an offset concerns: several symbols where several roots
    /// read one parameter file.
    pub(super) fn at(&self, file: FileId, offset: u32) -> Vec<&Occurrence> {
        let around =
            self.occurrences.iter().filter(|it| it.span.file == file && covers(it.span, offset));
        let mut found: Vec<&Occurrence> = around.collect();
        let innermost = found.iter().map(|it| it.span.end - it.span.start).min();
        found.retain(|it| Some(it.span.end - it.span.start) == innermost);
        found
    }

    /// Every place that concerns a symbol.
    pub(super) fn places(&self, symbol: &Symbol) -> impl Iterator<Item = &Occurrence> {
        self.by_symbol.get(symbol).into_iter().flatten().map(|it| &self.occurrences[*it])
    }

    /// The file that is named at an offset.
    pub(super) fn link(&self, file: FileId, offset: u32) -> Option<(Span, FileId)> {
        let mut links = self.links.iter();
        links.find(|(span, _)| span.file == file && covers(*span, offset)).copied()
    }
}

/// Whether an offset lies in a span or at its end, where the cursor stands after a word.
pub(super) fn covers(span: Span, offset: u32) -> bool {
    span.start <= offset && offset <= span.end
}

struct Collector<'l> {
    library: &'l Library,
    files: HashMap<&'l str, FileId>,
    occurrences: Vec<Occurrence>,
    links: Vec<(Span, FileId)>,
    /// The template, the stack's name and the output's name of each `Fn::GetStackOutput`.
    stack_outputs: Vec<(FileId, &'l Expr, &'l Expr)>,
}

impl<'l> Collector<'l> {
    fn add(&mut self, span: Span, symbol: Symbol, role: Role) {
        let text = self.library.sources.slice(span).unwrap_or_default();
        // The name of an output comes last in what reads it: `Child.Outputs.Name`.
        let word = word(text, &symbol.name, symbol.kind == SymbolKind::Output);
        let spelled = word.map(|at| {
            let start = span.start as usize + at;
            Span::new(span.file, start, start + symbol.name.len())
        });
        self.occurrences.push(Occurrence {
            span: spelled.unwrap_or(span),
            symbol,
            role,
            spelled: spelled.is_some(),
        });
    }

    fn declare(&mut self, kind: SymbolKind, name: &Name) {
        self.name(name.span.file, kind, name, Role::Declaration);
    }

    /// A place that writes the name of what `file` declares.
    fn name(&mut self, file: FileId, kind: SymbolKind, name: &Name, role: Role) {
        self.add(name.span, Symbol { file, kind, name: name.text.clone() }, role);
    }

    fn template(&mut self, template: &'l Template) {
        let file = template.file;
        template.parameters.iter().for_each(|it| self.declare(SymbolKind::Parameter, &it.name));
        template.mappings.iter().for_each(|it| self.declare(SymbolKind::Mapping, &it.name));
        for (name, condition) in &template.conditions {
            self.declare(SymbolKind::Condition, name);
            self.expression(template, condition);
        }
        for rule in &template.rules {
            self.declare(SymbolKind::Rule, &rule.name);
            let assertions = rule.assertions.iter().map(|it| &it.assert);
            rule.condition.iter().chain(assertions).for_each(|it| self.expression(template, it));
        }
        for (index, resource) in template.resources.iter().enumerate() {
            self.declare(SymbolKind::Resource, &resource.name);
            if let Some(name) = &resource.condition {
                self.name(file, SymbolKind::Condition, name, Role::Use);
            }
            for name in &resource.depends_on {
                self.name(file, SymbolKind::Resource, name, Role::Use);
            }
            for value in [
                &resource.properties,
                &resource.metadata,
                &resource.creation_policy,
                &resource.update_policy,
                &resource.deletion_policy,
                &resource.update_replace_policy,
            ] {
                value.iter().for_each(|it| self.expression(template, it));
            }
            self.nested(template, index);
        }
        for output in &template.outputs {
            self.declare(SymbolKind::Output, &output.name);
            if let Some(name) = &output.condition {
                self.name(file, SymbolKind::Condition, name, Role::Use);
            }
            let values = std::iter::once(&output.value).chain(&output.export);
            values.for_each(|it| self.expression(template, it));
        }
        self.interface(template);
    }

    /// The order and the labels of parameters in the console.
    ///
    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-interface.html>
    fn interface(&mut self, template: &Template) {
        let metadata = template.metadata.as_ref();
        let Some(interface) = metadata.and_then(|it| it.get("AWS::CloudFormation::Interface"))
        else {
            return;
        };
        let groups = interface.get("ParameterGroups").and_then(Expr::as_list).unwrap_or_default();
        let listed = groups.iter().filter_map(|it| it.get("Parameters")?.as_list()).flatten();
        let listed = listed.filter_map(|it| Some((it.as_text()?.into(), it.span)));
        let labels = interface.get("ParameterLabels").and_then(Expr::as_map).unwrap_or_default();
        let labels = labels.iter().map(|it| (it.key.text.clone(), it.key.span));
        for (text, span) in listed.chain(labels) {
            let name = Name { text, span };
            self.name(template.file, SymbolKind::Parameter, &name, Role::Use);
        }
    }

    /// What a nested stack names: its template, and the parameters that it is given.
    fn nested(&mut self, template: &'l Template, index: usize) {
        let Some((path, child)) = child(self.library, template, index) else { return };
        let properties = template.resources[index].properties.as_ref();
        if let Some(url) = properties.and_then(|it| it.get("TemplateURL"))
            && let Some(file) = self.files.get(path)
        {
            self.links.push((url.span, *file));
        }
        let (Some(child), Some(passed)) = (child, properties.and_then(|it| it.get("Parameters")))
        else {
            return;
        };
        entries(passed, &mut |it| {
            self.name(child.file, SymbolKind::Parameter, &it.key, Role::Passed);
        });
    }

    fn expression(&mut self, template: &'l Template, expr: &'l Expr) {
        let file = template.file;
        expr.walk(&mut |it| {
            let ExprKind::Call(call) = &it.kind else { return };
            match &**call {
                Call::Ref(name) => self.reference(template, name),
                Call::GetAtt { resource, attribute } => {
                    self.name(file, SymbolKind::Resource, resource, Role::Use);
                    if let Some(text) = attribute.as_text() {
                        self.output(template, &resource.text, text, attribute.span);
                    }
                }
                Call::Sub { parts, variables } => {
                    for part in parts {
                        if let SubPart::Reference(reference) = part {
                            self.sub(template, reference, variables);
                        }
                    }
                }
                Call::FindInMap { map, .. } => {
                    if let Some(text) = map.as_text() {
                        let name = Name { text: text.into(), span: map.span };
                        self.name(file, SymbolKind::Mapping, &name, Role::Use);
                    }
                }
                Call::If { condition: name, .. } | Call::Condition(name) => {
                    self.name(file, SymbolKind::Condition, name, Role::Use);
                }
                Call::GetStackOutput { stack, output, .. } => {
                    self.stack_outputs.push((file, stack, output));
                }
                _ => {}
            }
        });
    }

    fn reference(&mut self, template: &Template, name: &Name) {
        let kind = if template.parameters.get(&name.text).is_some() {
            SymbolKind::Parameter
        } else {
            SymbolKind::Resource
        };
        self.name(template.file, kind, name, Role::Use);
    }

    fn sub(&mut self, template: &Template, reference: &Reference, variables: &[Entry]) {
        let Reference { name, attribute } = reference;
        let variable = |it: &Entry| match attribute {
            Some(attribute) => *it.key.text == *format!("{}.{attribute}", name.text),
            None => it.key.text == name.text,
        };
        if variables.iter().any(variable) {
            return;
        }
        // Escapes may hide where the reference is written.
        if !self.library.sources.slice(name.span).is_some_and(|it| it.starts_with("${")) {
            return;
        }
        self.reference(template, name);
        if let Some(attribute) = attribute {
            self.output(template, &name.text, attribute, name.span);
        }
    }

    /// `Outputs.Name` of a nested stack of a template.
    fn output(&mut self, template: &Template, stack: &str, attribute: &str, span: Span) {
        let Some(name) = attribute.strip_prefix("Outputs.") else { return };
        let index = template.resources.index_of(stack);
        if let Some((_, Some(child))) = index.and_then(|it| child(self.library, template, it)) {
            let name = Name { text: name.into(), span };
            self.name(child.file, SymbolKind::Output, &name, Role::Use);
        }
    }

    fn parameter_file(&mut self, sample: Sample<'_>) {
        for it in &sample.job.inputs.parameters {
            if let Some(span) = it.name_span {
                let name = Name { text: it.name.clone(), span };
                self.name(sample.root(), SymbolKind::Parameter, &name, Role::Passed);
            }
        }
    }

    /// Exports with their imports, by the names that they come to.
    fn exports(&mut self, samples: &[Sample<'_>]) {
        let mut exported: HashMap<(&str, &str, &str), Symbol> = HashMap::new();
        let mut found = Vec::new();
        for sample in samples {
            for it in &sample.tree.exports {
                let stack = &sample.tree.stacks[it.stack];
                let symbol = Symbol {
                    file: sample.template(it.stack).file,
                    kind: SymbolKind::Output,
                    name: stack.outputs[it.output].name.clone(),
                };
                found.push((it.span, symbol.clone(), Role::Export));
                exported.insert(sample.exporting(&it.name), symbol);
            }
        }
        for sample in samples {
            for it in &sample.tree.imports {
                if let Some(symbol) = exported.get(&sample.exporting(&it.name)) {
                    found.push((it.span, symbol.clone(), Role::Import));
                }
            }
        }
        let occurrence = |(span, symbol, role)| Occurrence { span, symbol, role, spelled: false };
        self.occurrences.extend(found.into_iter().map(occurrence));
    }

    /// Outputs of other roots, by the names that their stacks come to.
    fn stack_outputs(&mut self, sample: Sample<'_>, samples: &[Sample<'_>]) {
        let mut found = Vec::new();
        for stack in 0..sample.tree.stacks.len() {
            let file = sample.template(stack).file;
            let read = self.stack_outputs.iter().filter(|(it, ..)| *it == file);
            for (_, stack_name, output) in read {
                let value = sample.evaluate(stack, stack_name);
                let (Some(stack_name), Some(name)) = (value.as_text(), output.as_text()) else {
                    continue;
                };
                let wanted = |it: &&Sample<'_>| {
                    it.job.inputs.stack_name == stack_name
                        && it.job.inputs.environment == sample.job.inputs.environment
                };
                if let Some(root) = samples.iter().find(wanted) {
                    found.push((root.root(), Name { text: name.into(), span: output.span }));
                }
            }
        }
        for (file, name) in found {
            self.name(file, SymbolKind::Output, &name, Role::Use);
        }
    }

    /// The names that `kumiki.toml` writes: templates, parameters, and what suppressions accept.
    fn configuration(&mut self, file: FileId) {
        let text = self.library.sources.get(file).text();
        let Ok(Configuration { roots, scenarios, suppressions }) = toml::from_str(text) else {
            return;
        };
        let at = |it: std::ops::Range<usize>| Span::new(file, it.start, it.end);
        for root in roots.values() {
            let path = root.template.get_ref().as_str();
            let Some(template) = self.files.get(path).copied() else { continue };
            self.links.push((at(root.template.span()), template));
            for it in root.needs.values() {
                let name = Name { text: it.get_ref().as_str().into(), span: at(it.span()) };
                self.name(template, SymbolKind::Parameter, &name, Role::Use);
            }
            for it in std::iter::once(&root.stack_name).chain(root.tags.values()) {
                let filled = it.span();
                for (open, _) in text[filled.clone()].match_indices("${") {
                    let start = filled.start + open + 2;
                    let length = text[start..filled.end].find('}').unwrap_or_default();
                    let span = Span::new(file, start, start + length);
                    let name = Name { text: text[span.range()].into(), span };
                    self.name(template, SymbolKind::Parameter, &name, Role::Use);
                }
            }
            // A scenario is for every root that has its parameters.
            let declared = self.library.find(path).map(|it| self.library.template(it));
            for key in scenarios.values().flat_map(BTreeMap::keys) {
                if declared.is_some_and(|it| it.parameters.get(key.get_ref()).is_some()) {
                    let name = Name { text: key.get_ref().as_str().into(), span: at(key.span()) };
                    self.name(template, SymbolKind::Parameter, &name, Role::Passed);
                }
            }
        }
        for it in &suppressions {
            let (Some(name), Some(template)) = (&it.name, self.library.find(&it.file)) else {
                continue;
            };
            let template = self.library.template(template);
            let name = Name { text: name.get_ref().as_str().into(), span: at(name.span()) };
            for (kind, declared) in [
                (SymbolKind::Parameter, template.parameters.get(&name.text).is_some()),
                (SymbolKind::Resource, template.resources.get(&name.text).is_some()),
                (SymbolKind::Output, template.outputs.get(&name.text).is_some()),
            ] {
                if declared {
                    self.name(template.file, kind, &name, Role::Use);
                }
            }
        }
    }
}

/// The names in `kumiki.toml`, with their places.
#[derive(Deserialize)]
struct Configuration {
    #[serde(default)]
    roots: BTreeMap<String, Root>,
    #[serde(default)]
    scenarios: BTreeMap<String, BTreeMap<Spanned<String>, String>>,
    #[serde(default)]
    suppressions: Vec<Suppression>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Root {
    template: Spanned<String>,
    stack_name: Spanned<String>,
    #[serde(default)]
    needs: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    tags: BTreeMap<String, Spanned<String>>,
}

#[derive(Deserialize)]
struct Suppression {
    file: String,
    name: Option<Spanned<String>>,
}

/// The file that a nested stack leads to, and its template if it could be read.
pub(super) fn child<'l>(
    library: &'l Library,
    template: &Template,
    index: usize,
) -> Option<(&'l str, Option<&'l Template>)> {
    let Child::File(path) = library.follow(template, index) else { return None };
    Some((path, library.find(path).map(|it| library.template(it))))
}

/// Calls `visit` with the entries of a map, whichever branch of an `Fn::If` they stand in.
pub(super) fn entries<'e>(expr: &'e Expr, visit: &mut dyn FnMut(&'e Entry)) {
    match &expr.kind {
        ExprKind::Map(found) => found.iter().for_each(visit),
        ExprKind::Call(call) => {
            if let Call::If { then, otherwise, .. } = &**call {
                entries(then, visit);
                entries(otherwise, visit);
            }
        }
        _ => {}
    }
}

/// Where a name stands in a text as a word of its own: the first such place, or the last.
fn word(text: &str, name: &str, last: bool) -> Option<usize> {
    if name.is_empty() {
        return None;
    }
    let part = |it: Option<char>| it.is_some_and(char::is_alphanumeric);
    let alone = |at: &usize| {
        !part(text[..*at].chars().next_back()) && !part(text[at + name.len()..].chars().next())
    };
    let mut places = text.match_indices(name).map(|(at, _)| at).filter(alone);
    if last { places.last() } else { places.next() }
}
