//! The walk from a root through every nested stack.

use crate::inputs::{Given, Inputs};
use crate::library::{Child, Library, TemplateId};
use crate::parameter::{ParameterType, check_value};
use crate::scope::{Cloud, Links, OutputLookup, Scope, Truth};
use crate::value::{Field, Kind, Origin, ResourceRef, Unknown, Value};
use kumiki_source::{Diagnostic, Message, Severity, Span, message};
use kumiki_template::{Expr, Name, ParameterDecl, ResourceDecl, Template};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// Nesting deeper than anybody's. It stops templates that nest each other in ever new paths.
const MAX_DEPTH: usize = 32;

/// More stacks than any operation takes. Templates that nest another twice, which nests a third
/// twice, have thousands after a few steps.
const MAX_STACKS: usize = 5000;

/// What functions may make in one tree, in bytes.
const MAX_GROWTH: usize = 256 << 20;

/// A root and everything under it, with the values of one environment.
#[derive(Debug, Default)]
pub struct Tree {
    /// The stacks: the root first, every parent before its children.
    pub stacks: Vec<Stack>,
    /// The exports that the stacks make.
    pub exports: Vec<Export>,
    /// The imports that they use.
    pub imports: Vec<Import>,
    /// What is wrong with the links and values.
    pub diagnostics: Vec<Diagnostic>,
}

/// A stack of a tree.
#[derive(Debug)]
pub struct Stack {
    /// Logical IDs from the root to here, joined by `/`; empty for the root.
    pub path: Arc<str>,
    /// The template.
    pub template: TemplateId,
    /// The parent stack, and the position of the resource there that is this stack.
    pub parent: Option<(usize, usize)>,
    /// Its parameters, by position in the template.
    pub parameters: Vec<Parameter>,
    /// Its conditions, by position in the template.
    pub conditions: Vec<Truth>,
    /// Its resources, by position in the template.
    pub resources: Vec<Resource>,
    /// Its outputs, without those whose condition is false.
    pub outputs: Vec<Output>,
    /// Positions of its resources, each after everything that it depends on.
    pub sequence: Vec<usize>,
}

/// A parameter of a stack.
#[derive(Clone, Debug)]
pub struct Parameter {
    /// The name.
    pub name: Arc<str>,
    /// The value that `Ref` gives.
    pub value: Value,
    /// Whether the value must never be shown.
    pub no_echo: bool,
}

/// A resource of a stack.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The logical ID.
    pub logical_id: Arc<str>,
    /// The type.
    pub type_name: Arc<str>,
    /// Whether its condition holds.
    pub condition: Truth,
    /// Its properties: a map, or absent when there are none or it is not created.
    pub properties: Value,
    /// Its metadata, absent where there is none or it is not created.
    pub metadata: Value,
    /// The resources of the same stack that it waits for, by position, without those that are not
    /// created.
    pub dependencies: Vec<Edge>,
    /// What happens to it when it is removed.
    pub deletion_policy: Policy,
    /// What happens to the old one when it is replaced.
    pub update_replace_policy: Policy,
    /// The whole resource.
    pub span: Span,
    /// The stack that it is, when it is a nested stack that was followed.
    pub child: Option<usize>,
}

/// A dependency inside one stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edge {
    /// The other resource, by position.
    pub on: usize,
    /// The place that makes it.
    pub span: Span,
    /// Whether it is a `DependsOn`.
    pub explicit: bool,
}

/// What happens to a resource that goes away.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-attribute-deletionpolicy.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Policy {
    /// It is deleted.
    Delete,
    /// It stays.
    Retain,
    /// It stays, unless its own creation is rolled back.
    RetainExceptOnCreate,
    /// It is deleted after a snapshot of it is taken.
    Snapshot,
}

impl Policy {
    /// The word used in templates.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "Delete",
            Self::Retain => "Retain",
            Self::RetainExceptOnCreate => "RetainExceptOnCreate",
            Self::Snapshot => "Snapshot",
        }
    }

    /// The policy of this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Delete, Self::Retain, Self::RetainExceptOnCreate, Self::Snapshot]
            .into_iter()
            .find(|it| it.as_str() == name)
    }
}

/// An output of a stack.
#[derive(Clone, Debug)]
pub struct Output {
    /// The name.
    pub name: Arc<str>,
    /// The value.
    pub value: Value,
    /// The name under which it is exported.
    pub export: Option<Value>,
    /// Where the name is written.
    pub span: Span,
}

/// An export of a tree.
#[derive(Clone, Debug)]
pub struct Export {
    /// The name.
    pub name: Arc<str>,
    /// The stack that exports, by position.
    pub stack: usize,
    /// The output, by position among the stack's outputs.
    pub output: usize,
    /// Where the export's name is written.
    pub span: Span,
}

/// A use of `Fn::ImportValue`.
#[derive(Clone, Debug)]
pub struct Import {
    /// The name of the export.
    pub name: Arc<str>,
    /// The stack that imports, by path.
    pub path: Arc<str>,
    /// The function.
    pub span: Span,
    /// Whether the exporter came earlier in the walk.
    pub in_order: bool,
}

/// Sees each resource as soon as it is evaluated, before anything that depends on it; a nested
/// stack after all that is inside it.
pub type Visit<'v> = dyn FnMut(&Stack, &Resource) + 'v;

/// The reference to a resource of a stack.
pub fn resource_name(stack: &Stack, resource: &Resource) -> ResourceRef {
    ResourceRef {
        stack: stack.path.clone(),
        logical_id: resource.logical_id.clone(),
        type_name: resource.type_name.clone(),
    }
}

impl Tree {
    /// Evaluates a root, following nested stacks.
    pub fn evaluate(library: &Library, root: TemplateId, inputs: &Inputs) -> Tree {
        let nothing = crate::scope::Nothing;
        let first = Walker::run(library, root, inputs, &nothing, &mut |_, _| {}, HashMap::new());
        let exported: HashSet<&str> = first.exports.iter().map(|it| &*it.name).collect();
        let late = |it: &Import| !it.in_order && exported.contains(&*it.name);
        if !first.imports.iter().any(late) {
            return first;
        }
        // Some stack imports what a later one exports: that is reported by a rule, and the
        // values are still worth knowing.
        let known = first
            .exports
            .iter()
            .map(|it| {
                let value = first.stacks[it.stack].outputs[it.output].value.clone();
                (it.name.clone(), value)
            })
            .collect();
        Walker::run(library, root, inputs, &nothing, &mut |_, _| {}, known)
    }

    /// Evaluates a root with what deployments have made known, showing each resource to `visit`
    /// before anything that depends on it is evaluated.
    pub fn evaluate_with(
        library: &Library,
        root: TemplateId,
        inputs: &Inputs,
        cloud: &dyn Cloud,
        visit: &mut Visit<'_>,
    ) -> Tree {
        Walker::run(library, root, inputs, cloud, visit, HashMap::new())
    }

    /// The root stack.
    pub fn root(&self) -> &Stack {
        &self.stacks[0]
    }

    /// The stack at a path.
    pub fn stack(&self, path: &str) -> Option<(usize, &Stack)> {
        self.stacks.iter().enumerate().find(|(_, it)| &*it.path == path)
    }

    /// Every resource that is created, with its stack.
    pub fn resources(&self) -> impl Iterator<Item = (&Stack, &Resource)> {
        self.stacks.iter().flat_map(|stack| {
            stack
                .resources
                .iter()
                .filter(|it| !it.condition.is_false())
                .map(move |resource| (stack, resource))
        })
    }
}

impl Stack {
    /// The resource with this logical ID.
    pub fn resource(&self, logical_id: &str) -> Option<&Resource> {
        self.resources.iter().find(|it| &*it.logical_id == logical_id)
    }

    /// The value of a parameter.
    pub fn parameter(&self, name: &str) -> Option<&Value> {
        self.parameters.iter().find(|it| &*it.name == name).map(|it| &it.value)
    }

    /// The output of this name.
    pub fn output(&self, name: &str) -> Option<&Output> {
        self.outputs.iter().find(|it| &*it.name == name)
    }
}

impl Resource {
    /// The value of a property at a path such as `Tags.0.Key`, unless it is absent.
    pub fn property(&self, path: &str) -> Option<&Value> {
        self.properties.at(path)
    }
}

struct Walker<'w> {
    library: &'w Library,
    inputs: &'w Inputs,
    cloud: &'w dyn Cloud,
    known_exports: HashMap<Arc<str>, Value>,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    stacks: Vec<Option<Stack>>,
    /// Outputs of nested stacks by path; `None` for one that was not followed.
    outputs: HashMap<String, Option<HashMap<Arc<str>, Value>>>,
    exports: Vec<Export>,
    /// The value and the place of each export.
    exported: HashMap<Arc<str>, (Value, Span)>,
    imports: Vec<Import>,
    diagnostics: Vec<Diagnostic>,
    /// Where values are written that a parameter hides.
    secrets: HashSet<Span>,
    /// Where values are written that some parameter does not admit.
    misfits: HashSet<Span>,
    /// What functions made so far, in bytes.
    growth: usize,
    /// Whether there are too many stacks.
    overfull: bool,
}

impl Links for Walker<'_> {
    fn output(&self, resource: &ResourceRef, output: &str) -> OutputLookup {
        let state = self.state.borrow();
        match state.outputs.get(&child_path(&resource.stack, &resource.logical_id)) {
            Some(Some(outputs)) => match outputs.get(output) {
                Some(value) => OutputLookup::Found(value.clone()),
                None => OutputLookup::Missing(
                    kumiki_source::closest(output, outputs.keys().map(|it| &**it))
                        .map(str::to_owned),
                ),
            },
            _ => OutputLookup::NotFollowed,
        }
    }

    fn import(&self, path: &Arc<str>, name: &Arc<str>, span: Span) -> Option<Value> {
        let mut state = self.state.borrow_mut();
        let value = state.exported.get(name).map(|it| it.0.clone());
        state.imports.push(Import {
            name: name.clone(),
            path: path.clone(),
            span,
            in_order: value.is_some(),
        });
        value.or_else(|| self.known_exports.get(name).cloned())
    }

    fn grow(&self, bytes: usize) -> bool {
        let mut state = self.state.borrow_mut();
        let enough = state.growth.saturating_add(bytes) <= MAX_GROWTH;
        if enough {
            state.growth += bytes;
        }
        enough
    }
}

fn child_path(parent: &str, logical_id: &str) -> String {
    if parent.is_empty() { logical_id.to_owned() } else { format!("{parent}/{logical_id}") }
}

impl<'w> Walker<'w> {
    fn run(
        library: &'w Library,
        root: TemplateId,
        inputs: &'w Inputs,
        cloud: &'w dyn Cloud,
        visit: &mut Visit<'_>,
        known_exports: HashMap<Arc<str>, Value>,
    ) -> Tree {
        let walker = Walker { library, inputs, cloud, known_exports, state: RefCell::default() };
        let parameters = walker.root_parameters(library.template(root));
        walker.stack("".into(), root, None, parameters, &[root], visit);
        let state = walker.state.into_inner();
        let mut tree = Tree {
            stacks: state.stacks.into_iter().flatten().collect(),
            exports: state.exports,
            imports: state.imports,
            diagnostics: state.diagnostics,
        };
        if !inputs.environment.is_empty() {
            for it in &mut tree.diagnostics {
                it.environments = vec![inputs.environment.clone()];
            }
        }
        tree
    }

    fn report(&self, diagnostic: Diagnostic) {
        self.state.borrow_mut().diagnostics.push(diagnostic);
    }

    fn root_parameters(&self, template: &Template) -> Vec<Parameter> {
        for given in &self.inputs.parameters {
            if template.parameters.get(&given.name).is_some() {
                continue;
            }
            let name = &given.name;
            let mut diagnostic = Diagnostic::error(
                "unknown-parameter",
                message!("the template has no parameter `{name}`", name),
            );
            diagnostic.span = given.name_span;
            diagnostic = match kumiki_source::closest(name, template.parameters.names()) {
                Some(near) => diagnostic.help(message!("did you mean `{near}`?", near)),
                None => diagnostic
                    .help(message!("remove it, or declare it in the template's `Parameters`")),
            };
            self.report(diagnostic);
        }
        let given: HashMap<&str, &Given> =
            self.inputs.parameters.iter().rev().map(|it| (&*it.name, it)).collect();
        let parameters = template.parameters.iter();
        parameters
            .map(|decl| {
                let given = given.get(&*decl.name.text);
                let value = match (given, &decl.default) {
                    (Some(given), _) => {
                        let origin = Origin { span: given.value_span, via: None };
                        typed(decl, &given.value, origin)
                    }
                    (None, Some(default)) => typed(decl, &default.text, Origin::at(default.span)),
                    (None, None) if !self.inputs.are_given() => {
                        let name = decl.name.text.clone();
                        Value::unknown(Unknown::Parameter(name), decl.name.span)
                    }
                    (None, None) => {
                        let name = &decl.name.text;
                        let mut diagnostic = Diagnostic::error(
                            "missing-parameter",
                            message!("parameter `{name}` has no value", name),
                        )
                        .hop(decl.name.span, message!("declared here, without a default"))
                        .help(message!("add it to the parameter file"));
                        diagnostic.span = match self.inputs.parameter_file {
                            Some(file) => Some(Span::file_start(file)),
                            None => Some(decl.name.span),
                        };
                        self.report(diagnostic);
                        Value::unknown(Unknown::Invalid, decl.name.span)
                    }
                };
                self.checked(decl, value)
            })
            .collect()
    }

    /// Checks a value against its declaration.
    fn checked(&self, decl: &ParameterDecl, value: Value) -> Parameter {
        // What passed through a parameter that hides it is hidden wherever it goes.
        let secret = value.origin.span.is_some_and(|it| {
            let secrets = &mut self.state.borrow_mut().secrets;
            decl.no_echo && secrets.insert(it) || secrets.contains(&it)
        });
        for diagnostic in check_value(decl, &value, secret || decl.no_echo) {
            // A value that its first parameter does not admit is wrong once, not once a hop.
            let new = value.origin.span.is_none_or(|it| self.state.borrow_mut().misfits.insert(it));
            if new {
                self.report(match secret {
                    true => diagnostic,
                    false => with_hops(diagnostic, &value),
                });
            }
        }
        let value = stored(decl, value, &|name| self.cloud.ssm_parameter(name));
        Parameter { name: decl.name.text.clone(), value, no_echo: decl.no_echo }
    }

    /// Evaluates one stack and all below it; the position of the stack.
    fn stack(
        &self,
        path: Arc<str>,
        id: TemplateId,
        parent: Option<(usize, usize)>,
        parameters: Vec<Parameter>,
        ancestors: &[TemplateId],
        visit: &mut Visit<'_>,
    ) -> usize {
        let template = self.library.template(id);
        let position = {
            let mut state = self.state.borrow_mut();
            state.stacks.push(None);
            state.stacks.len() - 1
        };
        let order = self.library.order(id);
        let values = parameters.iter().map(|it| it.value.clone()).collect();
        let scope = Scope::new(template, path.clone(), self.inputs, values, self.cloud, self);
        self.rules(template, &scope);
        let mut stack = Stack {
            path: path.clone(),
            template: id,
            parent,
            parameters,
            conditions: scope.conditions.clone(),
            resources: template.resources.iter().map(|it| self.shell(it, &scope)).collect(),
            outputs: Vec::new(),
            sequence: order.sequence.clone(),
        };
        for index in 0..stack.resources.len() {
            stack.resources[index].dependencies = order.dependencies[index]
                .iter()
                .filter(|it| !stack.resources[it.on].condition.is_false())
                .map(|it| Edge { on: it.on, span: it.span, explicit: it.explicit })
                .collect();
        }
        for &index in &order.sequence {
            let decl = &template.resources[index];
            if stack.resources[index].condition.is_false() {
                continue;
            }
            if let Some(properties) = &decl.properties {
                stack.resources[index].properties = scope.evaluate(properties);
            }
            if let Some(metadata) = &decl.metadata {
                stack.resources[index].metadata = scope.evaluate(metadata);
            }
            if &*decl.type_name.text == STACK_TYPE {
                let at = (position, index);
                let properties = stack.resources[index].properties.clone();
                stack.resources[index].child =
                    self.nested(&path, template, decl, &properties, at, ancestors, visit);
            }
            visit(&stack, &stack.resources[index]);
        }
        self.outputs(&mut stack, position, template, &scope);
        let mut state = self.state.borrow_mut();
        state.diagnostics.extend(scope.take_diagnostics());
        state.stacks[position] = Some(stack);
        position
    }

    /// A resource before its properties are evaluated.
    fn shell(&self, decl: &ResourceDecl, scope: &Scope<'_>) -> Resource {
        let condition = decl.condition.as_ref().map_or(Truth::True, |it| scope.condition(it));
        // An instance outside a cluster leaves a snapshot unless told otherwise.
        let default = match &*decl.type_name.text {
            "AWS::RDS::DBCluster" => Policy::Snapshot,
            "AWS::RDS::DBInstance"
                if decl
                    .properties
                    .as_ref()
                    .and_then(|it| it.get("DBClusterIdentifier"))
                    .is_none() =>
            {
                Policy::Snapshot
            }
            _ => Policy::Delete,
        };
        for name in &decl.depends_on {
            if scope.template.resources.get(&name.text).is_none()
                && scope.template.maker_of(&name.text).is_none()
            {
                self.undefined_dependency(name, scope.template);
            }
        }
        Resource {
            logical_id: decl.name.text.clone(),
            type_name: decl.type_name.text.clone(),
            condition,
            properties: Value { kind: Kind::Absent, origin: Origin::at(decl.span) },
            metadata: Value { kind: Kind::Absent, origin: Origin::at(decl.span) },
            dependencies: Vec::new(),
            deletion_policy: self.policy(decl.deletion_policy.as_ref(), scope, default),
            update_replace_policy: self.policy(
                decl.update_replace_policy.as_ref(),
                scope,
                Policy::Delete,
            ),
            span: decl.span,
            child: None,
        }
    }

    fn undefined_dependency(&self, name: &Name, template: &Template) {
        let text = &name.text;
        let mut diagnostic = Diagnostic::error(
            "undefined-reference",
            message!("`DependsOn` names `{text}`, which is no resource of this template", text),
        )
        .at(name.span);
        if let Some(near) = kumiki_source::closest(text, template.resources.names()) {
            diagnostic = diagnostic.help(message!("did you mean `{near}`?", near));
        }
        self.report(diagnostic);
    }

    fn policy(&self, expr: Option<&Expr>, scope: &Scope<'_>, default: Policy) -> Policy {
        let Some(expr) = expr else { return default };
        let value = scope.evaluate(expr);
        match value.as_text().map(|it| (it, Policy::parse(it))) {
            Some((_, Some(policy))) => policy,
            Some((text, None)) => {
                self.report(
                    Diagnostic::error(
                        "malformed-template",
                        message!("there is no policy `{text}`", text),
                    )
                    .at(expr.span)
                    .help(message!("use `Delete`, `Retain`, `RetainExceptOnCreate` or `Snapshot`")),
                );
                default
            }
            None => default,
        }
    }

    fn rules(&self, template: &Template, scope: &Scope<'_>) {
        for rule in &template.rules {
            if let Some(condition) = &rule.condition
                && !scope.truth(condition).is_true()
            {
                continue;
            }
            for assertion in &rule.assertions {
                if !scope.truth(&assertion.assert).is_false() {
                    continue;
                }
                let name = &rule.name.text;
                let mut diagnostic =
                    Diagnostic::error("rule-failed", message!("rule `{name}` does not hold", name))
                        .at(assertion.assert.span);
                let mut seen: Vec<&str> = Vec::new();
                let parameters = [Some(&assertion.assert), rule.condition.as_ref()];
                for expr in parameters.into_iter().flatten() {
                    expr.walk(&mut |it| {
                        if let kumiki_template::ExprKind::Call(call) = &it.kind
                            && let kumiki_template::Call::Ref(parameter) = &**call
                            && let Some(index) = template.parameters.index_of(&parameter.text)
                            && let Some(span) = scope.parameters[index].origin.span
                            && !seen.contains(&&*parameter.text)
                        {
                            seen.push(&parameter.text);
                            let no_echo = template.parameters[index].no_echo;
                            let value = scope.parameters[index].as_text().unwrap_or("…");
                            let value = if no_echo { "****" } else { value };
                            let name = &parameter.text;
                            diagnostic.hops.push(kumiki_source::Hop {
                                span,
                                label: Some(message!("`{name}` is `{value}`", name, value)),
                            });
                        }
                    });
                }
                if let Some(text) = &assertion.description {
                    diagnostic =
                        diagnostic.help(kumiki_source::Message::verbatim(text.text.to_string()));
                }
                self.report(diagnostic);
            }
        }
    }

    /// Follows a nested stack; the position of its stack.
    #[expect(clippy::too_many_arguments, reason = "one caller; a struct would only rename them")]
    fn nested(
        &self,
        parent: &Arc<str>,
        template: &Template,
        decl: &ResourceDecl,
        properties: &Value,
        at: (usize, usize),
        ancestors: &[TemplateId],
        visit: &mut Visit<'_>,
    ) -> Option<usize> {
        let path: Arc<str> = child_path(parent, &decl.name.text).into();
        self.state.borrow_mut().outputs.insert(path.to_string(), None);
        // What a macro makes of the properties is not known, and so is their `TemplateURL`.
        let Some(url) =
            properties.get("TemplateURL").or(properties.as_unknown().map(|_| properties))
        else {
            self.report(
                Diagnostic::error("missing-child", message!("a nested stack needs `TemplateURL`"))
                    .at(decl.name.span),
            );
            return None;
        };
        let url_span = url.origin.nearest().unwrap_or(decl.name.span);
        let file = match self.library.follow(template, at.1) {
            Child::File(file) => file.clone(),
            child => {
                let (message, help) = not_followed(child, url.as_text());
                let diagnostic = Diagnostic::new("not-followed", Severity::Warning, message);
                self.report(diagnostic.at(url_span).help(help));
                return None;
            }
        };
        let Some(id) = self.library.find(&file) else {
            let diagnostic = Diagnostic::error(
                "missing-child",
                message!("nested template `{file}` cannot be used", file),
            )
            .at(url_span);
            self.report(match self.library.problem(&file) {
                Some(reason) => diagnostic.help(reason),
                None => diagnostic.help(message!("its own errors are reported in that file")),
            });
            return None;
        };
        if ancestors.contains(&id) || ancestors.len() > MAX_DEPTH {
            self.report(
                Diagnostic::error(
                    "template-cycle",
                    message!("template `{file}` nests itself", file),
                )
                .at(url_span),
            );
            return None;
        }
        if self.state.borrow().stacks.len() >= MAX_STACKS {
            if !std::mem::replace(&mut self.state.borrow_mut().overfull, true) {
                let count = MAX_STACKS;
                self.report(
                    Diagnostic::error(
                        "too-large",
                        message!("the tree has more than {count} stacks", count),
                    )
                    .at(url_span),
                );
            }
            return None;
        }
        let child = self.library.template(id);
        let parameters = self.child_parameters(decl, child, properties.get("Parameters"));
        let mut chain = ancestors.to_vec();
        chain.push(id);
        let position = self.stack(path.clone(), id, Some(at), parameters, &chain, visit);
        Some(position)
    }

    /// Matches what a parent passes with what a child declares.
    fn child_parameters(
        &self,
        decl: &ResourceDecl,
        child: &Template,
        passed: Option<&Value>,
    ) -> Vec<Parameter> {
        let fields: &[Field] = passed.and_then(Value::as_map).unwrap_or_default();
        let all_unknown = passed.is_some_and(|it| it.as_unknown().is_some());
        let stack = &decl.name.text;
        for field in fields {
            if child.parameters.get(&field.name).is_some() || field.value.is_absent() {
                continue;
            }
            let name = &field.name;
            let mut diagnostic = Diagnostic::error(
                "unknown-parameter",
                message!("nested stack `{stack}` has no parameter `{name}`", stack, name),
            );
            diagnostic.span = field.span.or(Some(decl.name.span));
            if let Some(near) = kumiki_source::closest(name, child.parameters.names()) {
                diagnostic = diagnostic.help(message!("did you mean `{near}`?", near));
            }
            self.report(diagnostic);
        }
        let fields: HashMap<&str, &Field> = fields.iter().map(|it| (&*it.name, it)).collect();
        let parameters = child.parameters.iter();
        parameters
            .map(|declared| {
                let name = &declared.name.text;
                let field = fields.get(&**name).filter(|it| !it.value.is_absent());
                let value = match (field, &declared.default) {
                    (Some(field), _) => self.pass(declared, &field.value),
                    (None, Some(default)) => {
                        typed(declared, &default.text, Origin::at(default.span))
                    }
                    (None, None) if all_unknown => {
                        Value::unknown(Unknown::Parameter(name.clone()), decl.name.span)
                    }
                    (None, None) => {
                        let at = passed.and_then(|it| it.origin.span).unwrap_or(decl.name.span);
                        self.report(
                            Diagnostic::error(
                                "missing-parameter",
                                message!(
                                    "nested stack `{stack}` is not given parameter `{name}`",
                                    stack,
                                    name
                                ),
                            )
                            .at(at)
                            .hop(declared.name.span, message!("declared here, without a default"))
                            .help(message!("pass it under `Parameters` of the nested stack")),
                        );
                        Value::unknown(Unknown::Invalid, at)
                    }
                };
                self.checked(declared, value)
            })
            .collect()
    }

    /// A value as a child's parameter receives it: as text.
    fn pass(&self, declared: &ParameterDecl, value: &Value) -> Value {
        if let Some(text) = value.as_text() {
            return typed(declared, &text.into(), value.origin.clone());
        }
        let mut value = value.clone();
        let kind = ParameterType::parse(&declared.type_name.text);
        if let (Kind::List(_) | Kind::Map(_), Some(kind)) = (&value.kind, kind) {
            // Even a list parameter of a nested stack takes one string: the property is a map of
            // strings.
            let name = &declared.name.text;
            let mut diagnostic = Diagnostic::error(
                "parameter-value",
                message!("parameter `{name}` is passed a list or a map, not a string", name),
            );
            diagnostic.span = value.origin.nearest();
            if kind.is_list() {
                diagnostic = diagnostic.help(message!("join the items: `!Join [',', …]`"));
            }
            self.report(diagnostic);
            value.kind = Kind::Unknown(Arc::new(Unknown::Invalid));
        }
        if matches!(value.kind, Kind::Null) {
            value.kind = Kind::String("".into());
        }
        value
    }

    fn outputs(&self, stack: &mut Stack, position: usize, template: &Template, scope: &Scope<'_>) {
        let mut values = HashMap::new();
        for decl in &template.outputs {
            if decl.condition.as_ref().is_some_and(|it| scope.condition(it).is_false()) {
                continue;
            }
            let value = scope.evaluate(&decl.value);
            let export = decl.export.as_ref().map(|it| scope.evaluate(it));
            values.insert(decl.name.text.clone(), value.clone());
            if let (Some(export), Some(expr)) = (&export, &decl.export)
                && let Some(name) = export.as_text()
            {
                self.export(name.into(), &value, position, stack.outputs.len(), expr.span);
            }
            stack.outputs.push(Output {
                name: decl.name.text.clone(),
                value,
                export,
                span: decl.name.span,
            });
        }
        if !stack.path.is_empty() {
            self.state.borrow_mut().outputs.insert(stack.path.to_string(), Some(values));
        }
    }

    fn export(&self, name: Arc<str>, value: &Value, stack: usize, output: usize, span: Span) {
        let mut state = self.state.borrow_mut();
        if let Some((_, first)) = state.exported.get(&name) {
            let diagnostic =
                Diagnostic::error("duplicate-export", message!("`{name}` is exported twice", name))
                    .at(span)
                    .hop(*first, message!("first here"))
                    .help(message!("export names are unique in an account and Region"));
            state.diagnostics.push(diagnostic);
            return;
        }
        state.exported.insert(name.clone(), (value.clone(), span));
        state.exports.push(Export { name, stack, output, span });
    }
}

/// Why a nested stack is not followed, and what to do about it.
fn not_followed(child: &Child, url: Option<&str>) -> (Message, Message) {
    let map = message!("say which file it is under `[template-urls]` of `kumiki.toml`");
    match (child, url) {
        (Child::Ambiguous(files), _) => {
            let files = files.join("`, `");
            (
                message!(
                    "this nested stack is not followed: `{files}` fit its URL equally well",
                    files
                ),
                map,
            )
        }
        (_, Some(shown)) => (
            message!("this nested stack is not followed: no local file is `{shown}`", shown),
            match shown.contains("://") {
                true => map,
                false => {
                    message!("write the path from this template's folder; packaging rewrites it")
                }
            },
        ),
        (_, None) => (
            message!("this nested stack is not followed: its URL is known only at deployment"),
            map,
        ),
    }
}

/// The values of a template's parameters, by position, when `passed` is handed to it by name;
/// what is not passed takes its default.
///
/// For a deployment of a tree that was found to have no errors: nothing is checked again.
pub fn parameter_values(template: &Template, passed: &dyn Fn(&str) -> Option<Value>) -> Vec<Value> {
    let parameters = template.parameters.iter();
    parameters
        .map(|decl| match (passed(&decl.name.text), &decl.default) {
            (Some(value), _) => match value.as_text() {
                Some(text) => typed(decl, &text.into(), value.origin.clone()),
                None => value,
            },
            (None, Some(default)) => typed(decl, &default.text, Origin::at(default.span)),
            (None, None) => {
                Value::unknown(Unknown::Parameter(decl.name.text.clone()), decl.name.span)
            }
        })
        .collect()
}

/// The value of a parameter whose type says that it is looked up in the Parameter Store, by the
/// name that `value` is; any other value as it is. What is not found is not known, however it is
/// named.
pub fn stored(decl: &ParameterDecl, value: Value, find: &dyn Fn(&str) -> Option<String>) -> Value {
    let Some(kind @ ParameterType::Ssm(_)) = ParameterType::parse(&decl.type_name.text) else {
        return value;
    };
    match value.as_text().map(find) {
        None => value,
        Some(Some(text)) => match kind.is_list() {
            true => ParameterType::CommaDelimitedList.value(&text.into(), value.origin),
            false => ParameterType::String.value(&text.into(), value.origin),
        },
        Some(None) => {
            let unknown = Arc::new(Unknown::Parameter(decl.name.text.clone()));
            Value { kind: Kind::Unknown(unknown), origin: value.origin }
        }
    }
}

fn typed(decl: &ParameterDecl, text: &Arc<str>, origin: Origin) -> Value {
    let kind = ParameterType::parse(&decl.type_name.text).unwrap_or(ParameterType::String);
    kind.value(text, origin)
}

fn with_hops(mut diagnostic: Diagnostic, value: &Value) -> Diagnostic {
    let mut hops = value.origin.hops();
    hops.retain(|it| Some(it.span) != diagnostic.span);
    hops.append(&mut diagnostic.hops);
    diagnostic.hops = hops;
    diagnostic
}
