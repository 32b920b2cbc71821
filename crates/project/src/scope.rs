//! The one evaluator: expressions of one stack, with its parameters, conditions and mappings.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html>

use crate::inputs::{Inputs, partition};
use crate::value::{Field, Kind, Origin, ResourceRef, Unknown, Value, holds_stand_in};
use base64::prelude::{BASE64_STANDARD, Engine as _};
use ipnet::Ipv4Net;
use kumiki_source::{Diagnostic, Span, message};
use kumiki_template::{Call, Entry, Expr, ExprKind, Name, Reference, SubPart, Template};
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What deployments have made known. Every answer may be `None`: not known yet.
pub trait Cloud {
    /// `Ref` of a resource.
    fn physical_id(&self, resource: &ResourceRef) -> Option<Value>;
    /// `Fn::GetAtt` of a resource.
    fn attribute(&self, resource: &ResourceRef, name: &str) -> Option<Value>;
    /// An export that no template of this tree makes.
    fn import(&self, name: &str) -> Option<Value>;
    /// An output of a stack outside this tree.
    fn stack_output(&self, stack: &str, output: &str, region: &str) -> Option<Value>;
    /// The zones of a Region, as `Fn::GetAZs` lists them in the account.
    fn zones(&self, region: &str) -> Option<Vec<String>>;
    /// A value of the Parameter Store, in the root's account and Region.
    fn ssm_parameter(&self, _name: &str) -> Option<String> {
        None
    }
    /// `AWS::StackId` of the stack at a path of this tree.
    fn stack_id(&self, path: &str) -> Option<String>;
    /// `AWS::StackName` of a nested stack, which CloudFormation makes up.
    fn stack_name(&self, path: &str) -> Option<String>;
}

/// No deployment: everything that a deployment makes is unknown.
#[derive(Clone, Copy, Debug, Default)]
pub struct Nothing;

impl Cloud for Nothing {
    fn physical_id(&self, _: &ResourceRef) -> Option<Value> {
        None
    }
    fn attribute(&self, _: &ResourceRef, _: &str) -> Option<Value> {
        None
    }
    fn import(&self, _: &str) -> Option<Value> {
        None
    }
    fn stack_output(&self, _: &str, _: &str, _: &str) -> Option<Value> {
        None
    }
    fn zones(&self, _: &str) -> Option<Vec<String>> {
        None
    }
    fn stack_id(&self, _: &str) -> Option<String> {
        None
    }
    fn stack_name(&self, _: &str) -> Option<String> {
        None
    }
}

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not hold.
    False,
    /// Only a deployment can tell.
    Unknown(Arc<Unknown>),
}

impl Truth {
    fn invalid() -> Self {
        Self::Unknown(Arc::new(Unknown::Invalid))
    }

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            unknown => unknown,
        }
    }

    /// Whether it certainly does not hold.
    pub fn is_false(&self) -> bool {
        *self == Self::False
    }

    /// Whether it certainly holds.
    pub fn is_true(&self) -> bool {
        *self == Self::True
    }
}

impl From<bool> for Truth {
    fn from(it: bool) -> Self {
        if it { Self::True } else { Self::False }
    }
}

/// One stack's expressions and what they can refer to.
pub struct Scope<'a> {
    /// The template.
    pub template: &'a Template,
    /// The path of the stack in its tree; empty for the root.
    pub path: Arc<str>,
    /// What the root was given.
    pub inputs: &'a Inputs,
    /// The values of the template's parameters, by position.
    pub parameters: Vec<Value>,
    /// The truth of the template's conditions, by position.
    pub conditions: Vec<Truth>,
    cloud: &'a dyn Cloud,
    tree: &'a dyn Links,
    diagnostics: RefCell<Vec<Diagnostic>>,
    reported: RefCell<HashSet<Span>>,
}

/// What the tree itself knows: outputs of nested stacks and exports.
pub(crate) trait Links {
    /// An output of the nested stack that a resource of this stack is.
    fn output(&self, resource: &ResourceRef, output: &str) -> OutputLookup;
    /// An export of this tree, noting that `span` of the stack at `path` imports it.
    fn import(&self, path: &Arc<str>, name: &Arc<str>, span: Span) -> Option<Value>;
    /// Takes so much of what a tree may grow by; whether there was enough.
    fn grow(&self, bytes: usize) -> bool;
}

/// The longest text that a function makes. A whole template has no more.
const MAX_TEXT: usize = 1 << 20;

/// What an item of a list takes, in bytes.
pub(crate) const ITEM: usize = 128;

/// What a tree says of a nested stack's output.
pub(crate) enum OutputLookup {
    /// The stack has it.
    Found(Value),
    /// The stack has others, the nearest of which is this.
    Missing(Option<String>),
    /// The stack's template was not followed.
    NotFollowed,
}

struct NoLinks;

impl Links for NoLinks {
    fn output(&self, _: &ResourceRef, _: &str) -> OutputLookup {
        OutputLookup::NotFollowed
    }
    fn import(&self, _: &Arc<str>, _: &Arc<str>, _: Span) -> Option<Value> {
        None
    }
    // What is deployed was evaluated in its tree before.
    fn grow(&self, _: usize) -> bool {
        true
    }
}

impl<'a> Scope<'a> {
    /// A stack by itself, as a deployment sees it: whatever other stacks make comes from `cloud`.
    pub fn alone(
        template: &'a Template,
        path: Arc<str>,
        inputs: &'a Inputs,
        parameters: Vec<Value>,
        cloud: &'a dyn Cloud,
    ) -> Self {
        Self::new(template, path, inputs, parameters, cloud, &NoLinks)
    }

    /// A scope whose conditions are evaluated.
    pub(crate) fn new(
        template: &'a Template,
        path: Arc<str>,
        inputs: &'a Inputs,
        parameters: Vec<Value>,
        cloud: &'a dyn Cloud,
        tree: &'a dyn Links,
    ) -> Self {
        let mut scope = Self {
            template,
            path,
            inputs,
            parameters,
            conditions: Vec::new(),
            cloud,
            tree,
            diagnostics: RefCell::default(),
            reported: RefCell::default(),
        };
        let mut truths: Vec<Option<Truth>> = vec![None; template.conditions.len()];
        for index in scope.conditions_in_order() {
            let truth = scope.truth_with(&template.conditions[index].1, &mut |name| {
                match template.conditions.index_of(&name.text) {
                    // Nothing yet where conditions refer to themselves, which was reported.
                    Some(other) => truths[other].clone().unwrap_or_else(Truth::invalid),
                    None => scope.undefined_condition(name),
                }
            });
            truths[index] = Some(truth);
        }
        scope.conditions = truths.into_iter().map(|it| it.unwrap_or_else(Truth::invalid)).collect();
        scope
    }

    /// The positions of the conditions, each after those that it refers to. Without recursion: a
    /// chain may be as long as the template.
    fn conditions_in_order(&self) -> Vec<usize> {
        let conditions = &self.template.conditions;
        let needs = |index: usize| {
            let mut needs = Vec::new();
            conditions[index].1.walk(&mut |it| {
                if let ExprKind::Call(call) = &it.kind
                    && let Call::Condition(name) = &**call
                {
                    needs.extend(conditions.index_of(&name.text));
                }
            });
            needs
        };
        #[derive(Clone, Copy, PartialEq)]
        enum State {
            Untouched,
            Open,
            Done,
        }
        let mut states = vec![State::Untouched; conditions.len()];
        let mut order = Vec::with_capacity(conditions.len());
        for start in 0..conditions.len() {
            if states[start] != State::Untouched {
                continue;
            }
            states[start] = State::Open;
            let mut path = vec![(start, needs(start))];
            while let Some((index, open)) = path.last_mut() {
                let Some(next) = open.pop() else {
                    states[*index] = State::Done;
                    order.push(*index);
                    path.pop();
                    continue;
                };
                match states[next] {
                    State::Done => {}
                    State::Untouched => {
                        states[next] = State::Open;
                        path.push((next, needs(next)));
                    }
                    State::Open => {
                        let name = &conditions[next].0;
                        let text = &name.text;
                        self.report(
                            Diagnostic::error(
                                "cycle",
                                message!("condition `{text}` refers to itself", text),
                            )
                            .at(name.span),
                        );
                    }
                }
            }
        }
        order
    }

    /// The findings that evaluation made so far.
    pub fn take_diagnostics(&self) -> Vec<Diagnostic> {
        self.diagnostics.take()
    }

    /// Reports something once per place.
    fn report(&self, diagnostic: Diagnostic) {
        if diagnostic.span.is_none_or(|span| self.reported.borrow_mut().insert(span)) {
            self.diagnostics.borrow_mut().push(diagnostic);
        }
    }

    fn invalid(&self, span: Span) -> Value {
        Value::unknown(Unknown::Invalid, span)
    }

    /// A text that a function makes at `span` of so many bytes, unless that is too many: texts that
    /// are made of each other double with each step.
    fn text(&self, bytes: usize, span: Span, make: impl FnOnce() -> Kind) -> Kind {
        if bytes <= MAX_TEXT && self.tree.grow(bytes) {
            return make();
        }
        self.report(
            Diagnostic::error(
                "too-large",
                message!("this makes a value of more than {limit} bytes", limit = MAX_TEXT),
            )
            .at(span),
        );
        Kind::Unknown(Arc::new(Unknown::Invalid))
    }

    /// The value of a parameter or output where it is used.
    fn copy(&self, value: &Value, span: Span) -> Value {
        let weight = value.weight();
        let kind = match weight {
            1 => value.kind.clone(),
            _ => self.text(weight.saturating_mul(ITEM), span, || value.kind.clone()),
        };
        Value { kind, origin: value.origin.through(span) }
    }

    fn resource_ref(&self, index: usize) -> ResourceRef {
        let resource = &self.template.resources[index];
        ResourceRef {
            stack: self.path.clone(),
            logical_id: resource.name.text.clone(),
            type_name: resource.type_name.text.clone(),
        }
    }

    /// The truth of a condition by name; an undefined one is reported.
    pub fn condition(&self, name: &Name) -> Truth {
        match self.template.conditions.index_of(&name.text) {
            // Empty only while the conditions themselves are being evaluated.
            Some(index) if index < self.conditions.len() => self.conditions[index].clone(),
            _ => self.undefined_condition(name),
        }
    }

    fn undefined_condition(&self, name: &Name) -> Truth {
        let text = &name.text;
        if self.template.maker.is_some() {
            return Truth::invalid();
        }
        self.report(
            Diagnostic::error(
                "undefined-reference",
                message!("there is no condition `{text}`", text),
            )
            .at(name.span)
            .help(message!("define it in the `Conditions` section")),
        );
        Truth::invalid()
    }

    /// The truth of a condition function.
    pub fn truth(&self, expr: &Expr) -> Truth {
        self.truth_with(expr, &mut |name| self.condition(name))
    }

    fn truth_with(&self, expr: &Expr, named: &mut dyn FnMut(&Name) -> Truth) -> Truth {
        let ExprKind::Call(call) = &expr.kind else {
            return self.as_truth(&self.evaluate(expr), expr.span);
        };
        match &**call {
            Call::Condition(name) => named(name),
            Call::Not(inner) => self.truth_with(inner, named).not(),
            Call::And(items) => {
                let truths: Vec<Truth> =
                    items.iter().map(|it| self.truth_with(it, named)).collect();
                combine(truths, Truth::False, Truth::True)
            }
            Call::Or(items) => {
                let truths: Vec<Truth> =
                    items.iter().map(|it| self.truth_with(it, named)).collect();
                combine(truths, Truth::True, Truth::False)
            }
            Call::Equals(one, two) => equal(&self.evaluate(one), &self.evaluate(two)),
            Call::Contains(list, item) => member(&self.evaluate(list), &self.evaluate(item)),
            Call::EachMemberEquals(list, item) => {
                let item = self.evaluate(item);
                self.each(&self.evaluate(list), &mut |it| equal(it, &item))
            }
            Call::EachMemberIn(list, other) => {
                let other = self.evaluate(other);
                self.each(&self.evaluate(list), &mut |it| member(&other, it))
            }
            _ => self.as_truth(&self.evaluate(expr), expr.span),
        }
    }

    fn each(&self, list: &Value, test: &mut dyn FnMut(&Value) -> Truth) -> Truth {
        match &list.kind {
            Kind::List(items) => {
                combine(items.iter().map(test).collect(), Truth::False, Truth::True)
            }
            Kind::Unknown(it) => Truth::Unknown(it.clone()),
            _ => test(list),
        }
    }

    fn as_truth(&self, value: &Value, span: Span) -> Truth {
        match (&value.kind, value.as_bool()) {
            (Kind::Unknown(it), _) => Truth::Unknown(it.clone()),
            (_, Some(it)) => it.into(),
            _ => {
                self.report(
                    Diagnostic::error("malformed-function", message!("this is not a condition"))
                        .at(span)
                        .help(message!("compare it with `Fn::Equals`")),
                );
                Truth::Unknown(Arc::new(Unknown::Invalid))
            }
        }
    }

    /// The value of an expression.
    pub fn evaluate(&self, expr: &Expr) -> Value {
        let kind = match &expr.kind {
            ExprKind::Null => Kind::Null,
            ExprKind::Bool(it) => Kind::Bool(*it),
            ExprKind::Number(text) => Kind::Number(text.clone()),
            ExprKind::String(text) if text.contains("{{resolve:") => {
                Kind::Unknown(Arc::new(Unknown::Dynamic(text.clone())))
            }
            ExprKind::String(text) => Kind::String(text.clone()),
            ExprKind::List(items) => Kind::List(
                items.iter().map(|it| self.evaluate(it)).filter(|it| !it.is_absent()).collect(),
            ),
            ExprKind::Map(entries) => Kind::Map(self.fields(entries)),
            ExprKind::Call(call) => return self.call(call, expr.span),
        };
        Value { kind, origin: Origin::at(expr.span) }
    }

    fn fields(&self, entries: &[Entry]) -> Vec<Field> {
        entries
            .iter()
            .map(|entry| Field {
                name: entry.key.text.clone(),
                span: Some(entry.key.span),
                value: self.evaluate(&entry.value),
            })
            .collect()
    }

    fn call(&self, call: &Call, span: Span) -> Value {
        match call {
            Call::Ref(name) => self.reference(name, span),
            Call::GetAtt { resource, attribute } => {
                let attribute = self.evaluate(attribute);
                match (attribute.as_text(), attribute.as_unknown()) {
                    (Some(text), _) => self.attribute(resource, text, span),
                    (None, Some(unknown)) => {
                        Value { kind: Kind::Unknown(unknown.clone()), origin: Origin::at(span) }
                    }
                    _ => self.misfit(span, "Fn::GetAtt", "the name of an attribute"),
                }
            }
            Call::Sub { parts, variables } => self.sub(parts, variables, span),
            Call::Join { separator, items } => self.join(separator, items, span),
            Call::Select { index, items } => self.select(index, items, span),
            Call::Split { separator, text } => {
                let (separator, text) = (self.evaluate(separator), self.evaluate(text));
                match (separator.as_text(), text.as_text()) {
                    (Some(separator), Some(it)) if !separator.is_empty() && !holds_stand_in(it) => {
                        let origin = text.origin.through(span);
                        let count = it.matches(separator).count() + 1;
                        let kind = self.text(count.saturating_mul(ITEM), span, || {
                            let items = it.split(separator).map(|it| Value {
                                kind: Kind::String(it.into()),
                                origin: origin.clone(),
                            });
                            Kind::List(items.collect())
                        });
                        Value { kind, origin }
                    }
                    _ => self.waiting(&[&separator, &text], span, "Fn::Split", "two strings"),
                }
            }
            Call::FindInMap { map, first, second, default } => {
                self.find_in_map(map, first, second, default.as_ref(), span)
            }
            Call::If { condition, then, otherwise } => match self.condition(condition) {
                Truth::True => self.evaluate(then),
                Truth::False => self.evaluate(otherwise),
                Truth::Unknown(it) => Value { kind: Kind::Unknown(it), origin: Origin::at(span) },
            },
            Call::ImportValue(name) => self.import(name, span),
            Call::GetStackOutput { stack, output, region } => {
                self.stack_output(stack, output, region.as_ref(), span)
            }
            Call::Base64(text) => {
                let text = self.evaluate(text);
                match text.as_text() {
                    Some(it) => Value {
                        kind: self.text(it.len() / 3 * 4 + 4, span, || {
                            Kind::String(BASE64_STANDARD.encode(it).into())
                        }),
                        origin: text.origin.through(span),
                    },
                    None => self.waiting(&[&text], span, "Fn::Base64", "a string"),
                }
            }
            Call::Cidr { block, count, bits } => self.cidr(block, count, bits.as_ref(), span),
            Call::GetAZs(region) => {
                let region = self.evaluate(region);
                let name = match region.as_text() {
                    Some("") => self.inputs.region.clone(),
                    Some(name) => name.to_owned(),
                    None => return self.waiting(&[&region], span, "Fn::GetAZs", "a Region"),
                };
                match self.cloud.zones(&name) {
                    Some(zones) => {
                        let items = zones.into_iter().map(Value::text).collect();
                        Value { kind: Kind::List(items), origin: Origin::at(span) }
                    }
                    None => Value::unknown(Unknown::Zones(name.into()), span),
                }
            }
            Call::Length(items) => {
                let items = self.evaluate(items);
                match items.as_list() {
                    Some(it) => Value {
                        kind: Kind::Number(it.len().to_string().into()),
                        origin: items.origin.through(span),
                    },
                    None => self.waiting(&[&items], span, "Fn::Length", "a list"),
                }
            }
            Call::ToJsonString(value) => {
                let value = self.evaluate(value);
                match value.to_json(&|_| None).map(|it| it.to_string()) {
                    Some(json) => Value {
                        kind: self.text(json.len(), span, || Kind::String(json.into())),
                        origin: Origin::at(span),
                    },
                    None => self.waiting(&[&value], span, "Fn::ToJsonString", "a value"),
                }
            }
            Call::Transform { name, .. } => {
                Value::unknown(Unknown::Transform(name.text.clone()), span)
            }
            Call::AccountValue(name) => Value::unknown(Unknown::Account(name.text.clone()), span),
            Call::Condition(_)
            | Call::Equals(..)
            | Call::And(_)
            | Call::Or(_)
            | Call::Not(_)
            | Call::Contains(..)
            | Call::EachMemberEquals(..)
            | Call::EachMemberIn(..) => {
                let expr = Expr { span, kind: ExprKind::Call(Box::new(call.clone())) };
                let kind = match self.truth(&expr) {
                    Truth::True => Kind::Bool(true),
                    Truth::False => Kind::Bool(false),
                    Truth::Unknown(it) => Kind::Unknown(it),
                };
                Value { kind, origin: Origin::at(span) }
            }
        }
    }

    /// An unknown value if any of `values` is unknown; else an error about what was expected.
    fn waiting(&self, values: &[&Value], span: Span, function: &str, expected: &str) -> Value {
        let mut parts = Vec::new();
        for value in values {
            value.unknowns(&mut |it| parts.push(it.clone()));
        }
        if values.iter().any(|it| it.as_text().is_some_and(holds_stand_in)) {
            parts.push(Arc::new(Unknown::Account(function.into())));
        }
        if parts.is_empty() {
            return self.misfit(span, function, expected);
        }
        Value { kind: Kind::Unknown(Unknown::several(parts)), origin: Origin::at(span) }
    }

    fn misfit(&self, span: Span, function: &str, expected: &str) -> Value {
        self.report(
            Diagnostic::error(
                "malformed-function",
                message!("`{function}` takes {expected}", function, expected),
            )
            .at(span),
        );
        self.invalid(span)
    }

    fn reference(&self, name: &Name, span: Span) -> Value {
        if let Some(value) = self.pseudo(&name.text, span) {
            return value;
        }
        if let Some(index) = self.template.parameters.index_of(&name.text) {
            return self.copy(&self.parameters[index], span);
        }
        if let Some(index) = self.template.resources.index_of(&name.text) {
            if let Some(value) = self.not_created(index, span) {
                return value;
            }
            let resource = self.resource_ref(index);
            return match self.cloud.physical_id(&resource) {
                Some(value) => Value { kind: value.kind, origin: Origin::at(span) },
                None => Value::unknown(Unknown::PhysicalId(resource), span),
            };
        }
        self.undefined(name)
    }

    /// An error when a condition keeps the resource from being created, as on AWS: "Unresolved
    /// resource dependencies".
    fn not_created(&self, index: usize, span: Span) -> Option<Value> {
        let resource = &self.template.resources[index];
        let condition = resource.condition.as_ref()?;
        if !self.condition(condition).is_false() {
            return None;
        }
        let (name, condition_name) = (&resource.name.text, &condition.text);
        self.report(
            Diagnostic::error(
                "reference-to-absent",
                message!(
                    "`{name}` is not created, because condition `{condition_name}` does not hold",
                    name,
                    condition_name
                ),
            )
            .at(span)
            .hop(condition.span, message!("the condition"))
            .help(message!("guard the reference with `Fn::If` and the same condition")),
        );
        Some(self.invalid(span))
    }

    fn undefined(&self, name: &Name) -> Value {
        let text = &name.text;
        if let Some(maker) = self.template.maker_of(text) {
            return Value::unknown(Unknown::Transform(maker.clone()), name.span);
        }
        let mut diagnostic = Diagnostic::error(
            "undefined-reference",
            message!("`{text}` is no parameter and no resource of this template", text),
        )
        .at(name.span);
        let names = self.template.parameters.names().chain(self.template.resources.names());
        if let Some(near) = kumiki_source::closest(text, names) {
            diagnostic = diagnostic.help(message!("did you mean `{near}`?", near));
        }
        self.report(diagnostic);
        self.invalid(name.span)
    }

    /// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html>
    fn pseudo(&self, name: &str, span: Span) -> Option<Value> {
        let partition = partition(&self.inputs.region);
        let text = match name {
            "AWS::Region" => Some(self.inputs.region.clone()),
            "AWS::AccountId" => Some(self.inputs.account.clone()),
            "AWS::Partition" => Some(partition.to_owned()),
            "AWS::URLSuffix" => {
                let suffix =
                    if partition == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
                Some(suffix.to_owned())
            }
            "AWS::StackName" if self.path.is_empty() => Some(self.inputs.stack_name.clone()),
            "AWS::StackName" => self.cloud.stack_name(&self.path),
            "AWS::StackId" => self.cloud.stack_id(&self.path),
            "AWS::NoValue" => return Some(Value { kind: Kind::Absent, origin: Origin::at(span) }),
            "AWS::NotificationARNs" => {
                return Some(Value { kind: Kind::List(Vec::new()), origin: Origin::at(span) });
            }
            _ => return None,
        };
        Some(match text {
            Some(text) => Value { kind: Kind::String(text.into()), origin: Origin::at(span) },
            None => Value::unknown(Unknown::Pseudo(name.into()), span),
        })
    }

    fn attribute(&self, name: &Name, attribute: &str, span: Span) -> Value {
        let Some(index) = self.template.resources.index_of(&name.text) else {
            return self.undefined(name);
        };
        if let Some(value) = self.not_created(index, span) {
            return value;
        }
        let resource = self.resource_ref(index);
        if &*resource.type_name == "AWS::CloudFormation::Stack"
            && let Some(output) = attribute.strip_prefix("Outputs.")
        {
            match self.tree.output(&resource, output) {
                OutputLookup::Found(value) => return self.copy(&value, span),
                OutputLookup::Missing(near) => {
                    let stack = &resource.logical_id;
                    let mut diagnostic = Diagnostic::error(
                        "missing-output",
                        message!("nested stack `{stack}` has no output `{output}`", stack, output),
                    )
                    .at(span);
                    if let Some(near) = near {
                        diagnostic = diagnostic.help(message!("did you mean `{near}`?", near));
                    }
                    self.report(diagnostic);
                    return self.invalid(span);
                }
                OutputLookup::NotFollowed => {}
            }
        }
        if self.template.maker.is_none()
            && let Some(schema) = kumiki_schema::resource_type(&resource.type_name)
            && schema.attribute(attribute).is_none()
        {
            let type_name = &resource.type_name;
            self.report(
                Diagnostic::error(
                    "unknown-attribute",
                    message!("`{type_name}` has no attribute `{attribute}`", type_name, attribute),
                )
                .at(span),
            );
            return self.invalid(span);
        }
        match self.cloud.attribute(&resource, attribute) {
            Some(value) => Value { kind: value.kind, origin: value.origin.through(span) },
            None => Value::unknown(Unknown::Attribute(resource, attribute.into()), span),
        }
    }

    fn sub(&self, parts: &[SubPart], variables: &[Entry], span: Span) -> Value {
        // Each once, however often it is inserted: there may be variables in their values too.
        let variables: HashMap<&str, Value> =
            variables.iter().map(|it| (&*it.key.text, self.evaluate(&it.value))).collect();
        let mut text = String::new();
        let mut unknowns = Vec::new();
        let mut origin = Origin::at(span);
        for part in parts {
            let reference = match part {
                SubPart::Text(piece) => {
                    text.push_str(piece);
                    continue;
                }
                SubPart::Reference(reference) => reference,
            };
            let own;
            let value = match variables.get(&*reference.written()) {
                Some(value) => value,
                None => {
                    own = self.referred(reference);
                    &own
                }
            };
            match value.as_text() {
                Some(piece) if text.len() + piece.len() > MAX_TEXT => {
                    let kind = self.text(text.len() + piece.len(), span, || Kind::Null);
                    return Value { kind, origin };
                }
                Some(piece) => {
                    text.push_str(piece);
                    // The hops of a composed string are those of the first value in it.
                    if origin.via.is_none()
                        && value.origin.span.is_some_and(|it| it.file != span.file)
                    {
                        origin = value.origin.through(span);
                    }
                }
                None if value.as_unknown().is_some() => {
                    value.unknowns(&mut |it| unknowns.push(it.clone()));
                }
                None => {
                    let name = &reference.name.text;
                    self.report(
                        Diagnostic::error(
                            "malformed-function",
                            message!(
                                "`{name}` is not a string, so `Fn::Sub` cannot insert it",
                                name
                            ),
                        )
                        .at(reference.name.span),
                    );
                    unknowns.push(Arc::new(Unknown::Invalid));
                }
            }
        }
        let kind = if !unknowns.is_empty() {
            Kind::Unknown(Unknown::several(unknowns))
        } else if text.contains("{{resolve:") {
            Kind::Unknown(Arc::new(Unknown::Dynamic(text.into())))
        } else {
            self.text(text.len(), span, || Kind::String(text.into()))
        };
        Value { kind, origin }
    }

    fn referred(&self, reference: &Reference) -> Value {
        let name = &reference.name;
        match &reference.attribute {
            Some(attribute) => self.attribute(name, attribute, name.span),
            None => self.reference(name, name.span),
        }
    }

    fn join(&self, separator: &Expr, items: &Expr, span: Span) -> Value {
        let (separator, items) = (self.evaluate(separator), self.evaluate(items));
        let texts = items
            .as_list()
            .and_then(|it| it.iter().map(Value::as_text).collect::<Option<Vec<&str>>>());
        match (separator.as_text(), texts) {
            (Some(separator), Some(texts)) => {
                let between = separator.len().saturating_mul(texts.len().saturating_sub(1));
                let bytes = texts.iter().fold(between, |all, it| all.saturating_add(it.len()));
                let kind = self.text(bytes, span, || Kind::String(texts.join(separator).into()));
                Value { kind, origin: Origin::at(span) }
            }
            _ => self.waiting(
                &[&separator, &items],
                span,
                "Fn::Join",
                "a separator and a list of strings",
            ),
        }
    }

    fn select(&self, index: &Expr, items: &Expr, span: Span) -> Value {
        let (index, items) = (self.evaluate(index), self.evaluate(items));
        let position = index.as_text().and_then(|it| it.parse::<usize>().ok());
        match (position, items.as_list()) {
            (Some(position), Some(list)) => match list.get(position) {
                Some(item) => Value { kind: item.kind.clone(), origin: item.origin.through(span) },
                None => {
                    let count = list.len();
                    self.report(
                        Diagnostic::error(
                            "select-out-of-range",
                            message!(
                                "there is no item {position} in a list of {count}",
                                position,
                                count
                            ),
                        )
                        .at(span),
                    );
                    self.invalid(span)
                }
            },
            _ => self.waiting(&[&index, &items], span, "Fn::Select", "a position and a list"),
        }
    }

    fn find_in_map(
        &self,
        map: &Expr,
        first: &Expr,
        second: &Expr,
        default: Option<&Expr>,
        span: Span,
    ) -> Value {
        let values = [self.evaluate(map), self.evaluate(first), self.evaluate(second)];
        let [Some(map), Some(first), Some(second)] = values.each_ref().map(Value::as_text) else {
            let [map, first, second] = &values;
            return self.waiting(&[map, first, second], span, "Fn::FindInMap", "three names");
        };
        let mapping = self.template.mappings.get(map);
        let inner = mapping.and_then(|it| it.entries.iter().find(|(key, _)| &*key.text == first));
        let found = inner.and_then(|(_, it)| it.iter().find(|(key, _)| &*key.text == second));
        if let Some((_, expr)) = found {
            let value = self.evaluate(expr);
            return Value { kind: value.kind, origin: value.origin.through(span) };
        }
        if let Some(default) = default {
            return self.evaluate(default);
        }
        if let Some(maker) = &self.template.maker {
            return Value::unknown(Unknown::Transform(maker.clone()), span);
        }
        let message = match (mapping, inner) {
            (None, _) => message!("there is no mapping `{map}`", map),
            (_, None) => message!("mapping `{map}` has no key `{first}`", map, first),
            _ => message!(
                "mapping `{map}` has no key `{second}` under `{first}`",
                map,
                first,
                second
            ),
        };
        let mut diagnostic = Diagnostic::error("missing-mapping", message).at(span);
        diagnostic.hops = values[1].origin.hops();
        if let Some(mapping) = mapping {
            diagnostic = diagnostic.hop(mapping.name.span, message!("the mapping"));
        }
        self.report(diagnostic);
        self.invalid(span)
    }

    fn import(&self, name: &Expr, span: Span) -> Value {
        let name = self.evaluate(name);
        let Some(text) = name.as_text() else {
            return self.waiting(&[&name], span, "Fn::ImportValue", "the name of an export");
        };
        let text: Arc<str> = text.into();
        let value = self.tree.import(&self.path, &text, span).or_else(|| self.cloud.import(&text));
        match value {
            Some(value) => Value { kind: value.kind, origin: value.origin.through(span) },
            None => Value::unknown(Unknown::Import(text), span),
        }
    }

    fn stack_output(
        &self,
        stack: &Expr,
        output: &Expr,
        region: Option<&Expr>,
        span: Span,
    ) -> Value {
        let (stack, output) = (self.evaluate(stack), self.evaluate(output));
        let region = region.map(|it| self.evaluate(it));
        let region_text = match &region {
            Some(it) => it.as_text(),
            None => Some(&*self.inputs.region),
        };
        let (Some(stack_text), Some(output_text), Some(region_text)) =
            (stack.as_text(), output.as_text(), region_text)
        else {
            let mut values = vec![&stack, &output];
            values.extend(&region);
            return self.waiting(&values, span, "Fn::GetStackOutput", "names");
        };
        match self.cloud.stack_output(stack_text, output_text, region_text) {
            Some(value) => Value { kind: value.kind, origin: Origin::at(span) },
            None => Value::unknown(
                Unknown::StackOutput {
                    stack: stack_text.into(),
                    output: output_text.into(),
                    region: (region_text != self.inputs.region).then(|| region_text.into()),
                },
                span,
            ),
        }
    }

    /// `Fn::Cidr`: the first `count` blocks of `32 - bits` inside `block`.
    fn cidr(&self, block: &Expr, count: &Expr, bits: Option<&Expr>, span: Span) -> Value {
        let (block, count) = (self.evaluate(block), self.evaluate(count));
        let bits = bits.map(|it| self.evaluate(it));
        let expected = "a CIDR block, a count of 1 to 256 and host bits";
        let network = block.as_text().filter(|it| !holds_stand_in(it));
        let network = network.map(str::parse::<Ipv4Net>);
        let bits_number = match &bits {
            Some(it) => it.as_integer(),
            None => Some(8),
        };
        let (Some(network), Some(number), Some(host_bits)) =
            (network, count.as_integer(), bits_number)
        else {
            let mut values = vec![&block, &count];
            values.extend(&bits);
            return self.waiting(&values, span, "Fn::Cidr", expected);
        };
        let (Ok(network), Ok(prefix @ 0..=32)) = (network, u8::try_from(32 - host_bits)) else {
            return self.misfit(span, "Fn::Cidr", expected);
        };
        let blocks = network.subnets(prefix).map(|it| it.take(256).collect::<Vec<_>>());
        let wanted = usize::try_from(number).unwrap_or(0);
        match blocks {
            Ok(blocks) if (1..=256).contains(&wanted) && wanted <= blocks.len() => {
                let items = blocks[..wanted].iter().map(|it| Value {
                    kind: Kind::String(it.to_string().into()),
                    origin: block.origin.through(span),
                });
                Value { kind: Kind::List(items.collect()), origin: block.origin.through(span) }
            }
            _ => {
                self.report(
                    Diagnostic::error(
                        "malformed-function",
                        message!(
                            "`{block}` has no {wanted} blocks with {host_bits} host bits",
                            block = network,
                            wanted,
                            host_bits
                        ),
                    )
                    .at(span),
                );
                self.invalid(span)
            }
        }
    }
}

/// `decisive` if any is that, `neutral` if all are that, else unknown.
fn combine(truths: Vec<Truth>, decisive: Truth, neutral: Truth) -> Truth {
    if truths.contains(&decisive) {
        return decisive;
    }
    let unknowns: Vec<Arc<Unknown>> = truths
        .into_iter()
        .filter_map(|it| match it {
            Truth::Unknown(unknown) => Some(unknown),
            _ => None,
        })
        .collect();
    if unknowns.is_empty() { neutral } else { Truth::Unknown(Unknown::several(unknowns)) }
}

/// Equality as `Fn::Equals` has it: of text, whatever the type, and of lists item by item.
fn equal(one: &Value, two: &Value) -> Truth {
    if let (Some(one), Some(two)) = (one.as_text(), two.as_text()) {
        return (one == two).into();
    }
    if let (Some(one), Some(two)) = (one.as_list(), two.as_list()) {
        if one.len() != two.len() {
            return Truth::False;
        }
        let truths = one.iter().zip(two).map(|(one, two)| equal(one, two)).collect();
        return combine(truths, Truth::False, Truth::True);
    }
    let mut unknowns = Vec::new();
    one.unknowns(&mut |it| unknowns.push(it.clone()));
    two.unknowns(&mut |it| unknowns.push(it.clone()));
    if unknowns.is_empty() { Truth::False } else { Truth::Unknown(Unknown::several(unknowns)) }
}

fn member(list: &Value, item: &Value) -> Truth {
    match &list.kind {
        Kind::List(items) => {
            combine(items.iter().map(|it| equal(it, item)).collect(), Truth::True, Truth::False)
        }
        Kind::Unknown(it) => Truth::Unknown(it.clone()),
        _ => equal(list, item),
    }
}
