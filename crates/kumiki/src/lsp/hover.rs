//! What stands under the cursor: its type, its value in each environment and scenario with the
//! hops that it took, and what the schema says of a property. Parameters with `NoEcho` are never
//! shown, nor what is made of them.

use super::names::{Role, Symbol, SymbolKind, covers};
use super::secrets;
use super::snapshot::{Sample, Snapshot};
use crate::language::Language;
use kumiki_project::{Kind, Origin, Truth, Unknown, Value};
use kumiki_schema::{Property, Replacement};
use kumiki_source::{FileId, Message, Span, message};
use kumiki_template::{Entry, Expr, ExprKind, ResourceDecl, Template};
use std::fmt::Write;

/// How much of a value is shown, in characters.
const SHOWN: usize = 200;

/// How many values that a property admits are shown.
const ADMITTED: usize = 12;

/// What is written about a place, as Markdown.
pub(super) fn hover(
    snapshot: &Snapshot,
    file: FileId,
    offset: u32,
    language: Language,
    link: &dyn Fn(Span) -> String,
) -> Option<(Span, String)> {
    let page = Page { snapshot, language, link };
    let template = snapshot.template(file);
    let declared = |it: &Symbol| declaration(snapshot, it).is_some();
    if let Some(it) = snapshot.names().at(file, offset).into_iter().find(|it| declared(&it.symbol))
    {
        return Some((it.span, page.symbol(&it.symbol, it.role)));
    }
    match spot(template?, offset)? {
        Spot::Type(resource) => Some((resource.type_name.span, page.resource_type(resource))),
        Spot::Property(resource, path, entry) => {
            let text = page.property(template?, resource, &path, entry)?;
            Some((entry.key.span, text))
        }
        Spot::Call(resource, expr) => {
            Some((expr.span, page.values(page.evaluated(template?, resource, expr))?))
        }
    }
}

/// The place where a symbol is declared.
pub(super) fn declaration(snapshot: &Snapshot, symbol: &Symbol) -> Option<Span> {
    let mut places = snapshot.names().places(symbol);
    places.find(|it| it.role == Role::Declaration).map(|it| it.span)
}

/// What stands at an offset of a template, names aside.
enum Spot<'t> {
    /// The type of a resource.
    Type(&'t ResourceDecl),
    /// A property of a resource, or a literal value of it, with the path below `Properties`.
    Property(&'t ResourceDecl, Vec<&'t str>, &'t Entry),
    /// A function, and the resource that it stands in.
    Call(Option<&'t ResourceDecl>, &'t Expr),
}

fn spot(template: &Template, offset: u32) -> Option<Spot<'_>> {
    let resource = template.resources.iter().find(|it| covers(it.span, offset));
    if let Some(resource) = resource {
        if covers(resource.type_name.span, offset) {
            return Some(Spot::Type(resource));
        }
        let mut found = None;
        if let Some(properties) = &resource.properties {
            innermost(properties, offset, &mut Vec::new(), &mut found);
        }
        match found {
            Some(Inner::Entry(path, entry)) => return Some(Spot::Property(resource, path, entry)),
            Some(Inner::Call(expr)) => return Some(Spot::Call(Some(resource), expr)),
            None => {}
        }
    }
    let outputs = template.outputs.iter().flat_map(|it| [Some(&it.value), it.export.as_ref()]);
    let conditions = template.conditions.iter().map(|(_, it)| Some(it));
    let policies = resource.into_iter().flat_map(|it| {
        [&it.metadata, &it.creation_policy, &it.update_policy, &it.deletion_policy]
            .map(Option::as_ref)
    });
    let mut found = None;
    for expr in outputs.chain(conditions).chain(policies).flatten() {
        innermost(expr, offset, &mut Vec::new(), &mut found);
    }
    match found {
        Some(Inner::Call(expr)) => Some(Spot::Call(resource, expr)),
        _ => None,
    }
}

enum Inner<'e> {
    Entry(Vec<&'e str>, &'e Entry),
    Call(&'e Expr),
}

/// The innermost function or entry of a map around an offset, with the keys down to it.
fn innermost<'e>(
    expr: &'e Expr,
    offset: u32,
    path: &mut Vec<&'e str>,
    found: &mut Option<Inner<'e>>,
) {
    if !covers(expr.span, offset) {
        return;
    }
    match &expr.kind {
        ExprKind::Map(entries) => {
            for entry in entries {
                if !covers(entry.key.span.to(entry.value.span), offset) {
                    continue;
                }
                path.push(&entry.key.text);
                *found = Some(Inner::Entry(path.clone(), entry));
                innermost(&entry.value, offset, path, found);
                path.pop();
            }
        }
        ExprKind::List(items) => {
            path.push("*");
            items.iter().for_each(|it| innermost(it, offset, path, found));
            path.pop();
        }
        ExprKind::Call(call) => {
            *found = Some(Inner::Call(expr));
            call.arguments(&mut |it| innermost(it, offset, path, found));
        }
        _ => {}
    }
}

/// A value in one environment, scenario and stack.
struct Shown<'s> {
    environment: &'s str,
    scenario: Option<&'s str>,
    stack: &'s str,
    text: String,
    origin: Origin,
}

struct Page<'s> {
    snapshot: &'s Snapshot,
    language: Language,
    link: &'s dyn Fn(Span) -> String,
}

impl<'s> Page<'s> {
    fn say(&self, message: &Message) -> String {
        self.language.text(message)
    }

    fn symbol(&self, symbol: &Symbol, role: Role) -> String {
        let name = &symbol.name;
        let Some(template) = self.snapshot.template(symbol.file) else { return String::new() };
        let (title, values) = match symbol.kind {
            SymbolKind::Parameter => {
                let declared = template.parameters.get(name);
                let type_name = declared.map(|it| &*it.type_name.text).unwrap_or_default();
                (
                    message!("parameter `{name}`: `{type_name}`", name, type_name),
                    self.parameters(symbol),
                )
            }
            SymbolKind::Output => {
                let title = match role {
                    Role::Import => {
                        let path = self.snapshot.library().sources.get(symbol.file).path();
                        message!("output `{name}` of `{path}`, imported", name, path)
                    }
                    _ => message!("output `{name}`", name),
                };
                (title, self.outputs(symbol))
            }
            SymbolKind::Condition => {
                (message!("condition `{name}`", name), self.conditions(template, name))
            }
            SymbolKind::Mapping => (message!("mapping `{name}`", name), Vec::new()),
            SymbolKind::Rule => (message!("rule `{name}`", name), Vec::new()),
            SymbolKind::Resource => {
                let Some(resource) = template.resources.get(name) else { return String::new() };
                let condition = resource.condition.as_ref();
                let created = condition.map(|it| self.conditions(template, &it.text));
                let title = message!(
                    "resource `{name}`: `{type_name}`",
                    name,
                    type_name = resource.type_name.text
                );
                let mut text = self.say(&title);
                if let (Some(name), Some(values)) =
                    (condition, created.and_then(|it| self.values(it)))
                {
                    let title = message!("only if condition `{name}` holds", name = name.text);
                    let _ = write!(text, "\n\n{}\n\n{values}", self.say(&title));
                }
                return text + "\n\n" + &self.resource_type(resource);
            }
        };
        let title = self.say(&title);
        match self.values(values) {
            Some(values) => format!("{title}\n\n{values}"),
            None => title,
        }
    }

    /// One value for each stack that is made of a template, in every environment and scenario.
    fn each(
        &self,
        file: FileId,
        value: &dyn Fn(Sample<'s>, usize) -> Option<(String, Origin)>,
    ) -> Vec<Shown<'s>> {
        let mut found = Vec::new();
        for sample in self.snapshot.samples() {
            for stack in sample.stacks_of(file) {
                let Some((text, origin)) = value(sample, stack) else { continue };
                found.push(Shown {
                    environment: &sample.job.inputs.environment,
                    scenario: sample.job.scenario.as_deref(),
                    stack: &sample.tree.stacks[stack].path,
                    text,
                    origin,
                });
            }
        }
        found
    }

    fn parameters(&self, symbol: &Symbol) -> Vec<Shown<'s>> {
        self.each(symbol.file, &|sample, stack| {
            let value = sample.tree.stacks[stack].parameter(&symbol.name)?;
            // What nobody passes is reported where it is missing; here it is only not there.
            if matches!(&value.kind, Kind::Unknown(it) if **it == Unknown::Invalid) {
                return Some((self.say(&message!("no value")), Origin::default()));
            }
            let hidden = secrets::in_parameter(sample, stack, &symbol.name);
            Some((self.value(value, hidden), value.origin.clone()))
        })
    }

    fn outputs(&self, symbol: &Symbol) -> Vec<Shown<'s>> {
        self.each(symbol.file, &|sample, stack| {
            let value = &sample.tree.stacks[stack].output(&symbol.name)?.value;
            let declared = sample.template(stack).outputs.get(&symbol.name)?;
            let hidden = secrets::in_expression(sample, stack, &declared.value);
            Some((self.value(value, hidden), value.origin.clone()))
        })
    }

    fn conditions(&self, template: &Template, name: &str) -> Vec<Shown<'s>> {
        let Some(index) = template.conditions.index_of(name) else { return Vec::new() };
        self.each(template.file, &|sample, stack| {
            let text = match &sample.tree.stacks[stack].conditions[index] {
                Truth::True => self.say(&message!("holds")),
                Truth::False => self.say(&message!("does not hold")),
                Truth::Unknown(it) => self.unknown(it),
            };
            Some((text, Origin::default()))
        })
    }

    fn evaluated(
        &self,
        template: &Template,
        resource: Option<&ResourceDecl>,
        expr: &Expr,
    ) -> Vec<Shown<'s>> {
        self.each(template.file, &|sample, stack| {
            // What a condition leaves out has no values, and may refer to what is left out too.
            let made = resource.and_then(|it| sample.tree.stacks[stack].resource(&it.name.text));
            if made.is_some_and(|it| it.condition.is_false()) {
                return Some((self.say(&message!("not there")), Origin::default()));
            }
            let value = sample.evaluate(stack, expr);
            let hidden = secrets::in_expression(sample, stack, expr);
            Some((self.value(&value, hidden), value.origin))
        })
    }

    /// A value in a few words.
    fn value(&self, value: &Value, hidden: bool) -> String {
        if let Kind::Unknown(it) = &value.kind {
            return self.unknown(it);
        }
        if hidden {
            return code("****");
        }
        if value.is_absent() {
            return self.say(&message!("not there"));
        }
        if let Some(text) = value.as_text() {
            return code(text);
        }
        // What is not known yet stands in its place, in the words of its own kind.
        let json = value.to_json(&|it| Some(format!("<{}>", self.unknown_parts(it)).into()));
        code(&json.map(|it| it.to_string()).unwrap_or_default())
    }

    fn unknown(&self, unknown: &Unknown) -> String {
        match unknown {
            Unknown::Invalid => self.say(&unknown.describe()),
            _ => {
                let what = self.unknown_parts(unknown);
                self.say(&message!("known after deployment: {what}", what))
            }
        }
    }

    fn unknown_parts(&self, unknown: &Unknown) -> String {
        let mut parts = Vec::new();
        unknown.each(&mut |it| parts.push(self.say(&it.describe())));
        parts.join(", ")
    }

    /// One line for each value that differs, with the environments that have it and its hops.
    fn values(&self, all: Vec<Shown<'s>>) -> Option<String> {
        let mut texts: Vec<&str> = Vec::new();
        for it in &all {
            if !texts.contains(&&*it.text) {
                texts.push(&it.text);
            }
        }
        let lines: Vec<String> = texts
            .into_iter()
            .map(|text| {
                let same: Vec<&Shown<'_>> = all.iter().filter(|it| it.text == text).collect();
                let labels = self.labels(&same, &all);
                let mut line = match labels.as_str() {
                    "" => format!("- {text}"),
                    _ => format!("- {labels}: {text}"),
                };
                let hops = same.first().map(|it| it.origin.hops()).unwrap_or_default();
                let hops: Vec<String> = hops.iter().map(|it| (self.link)(it.span)).collect();
                if !hops.is_empty() {
                    let _ = write!(line, " ({})", hops.join(" → "));
                }
                line
            })
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    }

    /// Whose value it is: `dev, stg`; with the stack where those of one template differ, and with
    /// the scenario where those of one environment do.
    fn labels(&self, same: &[&Shown<'_>], all: &[Shown<'_>]) -> String {
        let mut labels: Vec<String> = Vec::new();
        for it in same {
            // Whether all that share something with this one have this value too.
            let whole = |of: &dyn Fn(&Shown<'_>) -> bool| {
                let of = |other: &&Shown<'_>| other.environment == it.environment && of(other);
                all.iter().filter(of).count() == same.iter().copied().filter(of).count()
            };
            let scenario = match it.scenario {
                Some(name) => name.to_owned(),
                None => self.say(&message!("parameter file")),
            };
            let parts = if whole(&|_| true) {
                vec![]
            } else if whole(&|other| other.stack == it.stack) {
                vec![it.stack]
            } else if whole(&|other| other.scenario == it.scenario) {
                vec![&*scenario]
            } else {
                vec![&*scenario, it.stack]
            };
            let parts: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
            let label = match (it.environment, parts.join(", ")) {
                ("", parts) => parts,
                (environment, parts) if parts.is_empty() => environment.to_owned(),
                (environment, parts) => format!("{environment} ({parts})"),
            };
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
        labels.join(", ")
    }

    fn resource_type(&self, resource: &ResourceDecl) -> String {
        let name = &resource.type_name.text;
        let mut lines = Vec::new();
        if let Some(schema) = kumiki_schema::resource_type(name) {
            let required: Vec<String> = schema.required().map(code).collect();
            if !required.is_empty() {
                let names = required.join(", ");
                lines.push(self.say(&message!("required properties: {names}", names)));
            }
            if schema.stateful() {
                lines.push(self.say(&message!("holds data that is lost when it is replaced")));
            }
        }
        lines.extend(reference_page(name).map(|it| format!("[{name}]({it})")));
        lines.join("\n\n")
    }

    fn property(
        &self,
        template: &Template,
        resource: &ResourceDecl,
        path: &[&str],
        entry: &Entry,
    ) -> Option<String> {
        let type_name = &resource.type_name.text;
        let schema = kumiki_schema::resource_type(type_name);
        let property = schema.and_then(|it| it.property(path));
        let mut lines = Vec::new();
        if let (Some(schema), Some(property)) = (schema, property) {
            let name = path.join(".").replace(".*", "[]");
            let kind = kind(property);
            let mut title = format!("{}: {kind}", code(&name));
            if property.required() {
                let _ = write!(title, ", {}", self.say(&message!("required")));
            }
            lines.push(title);
            match schema.replacement(path) {
                Replacement::Always => {
                    lines.push(self.say(&message!("a change replaces the resource")));
                }
                Replacement::Conditional => {
                    lines.push(self.say(&message!("a change may replace the resource")));
                }
                Replacement::Never => {}
            }
            let admitted = property.allowed_values();
            if !admitted.is_empty() {
                let shown = admitted.iter().take(ADMITTED).map(|it| code(it));
                let more = (admitted.len() > ADMITTED).then(|| "…".to_owned());
                let values = shown.chain(more).collect::<Vec<_>>().join(", ");
                lines.push(self.say(&message!("one of {values}", values)));
            }
        }
        // What is written out need not be repeated.
        if matches!(entry.value.kind, ExprKind::Call(_)) {
            lines.extend(self.values(self.evaluated(template, Some(resource), &entry.value)));
        }
        if let (Some(page), Some(top), Some(_)) =
            (reference_page(type_name), path.first(), property)
        {
            let anchor = type_name.trim_start_matches("AWS::").replace("::", "-");
            let anchor = format!("{anchor}-{top}").to_lowercase();
            lines.push(format!("[{type_name} {top}]({page}#cfn-{anchor})"));
        }
        (!lines.is_empty()).then(|| lines.join("\n\n"))
    }
}

/// A type of the schema in the words of AWS's pages.
fn kind(property: Property) -> String {
    use kumiki_schema::Kind;
    match property.kind() {
        Kind::Array => match property.item() {
            Some(item) => format!("List<{}>", kind(item)),
            None => "List".to_owned(),
        },
        other => format!("{other:?}"),
    }
}

/// The page of a resource type in AWS's reference; none for types that are not AWS's.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html>
fn reference_page(type_name: &str) -> Option<String> {
    let mut parts = type_name.strip_prefix("AWS::")?.split("::");
    let (service, resource) = (parts.next()?, parts.next()?);
    let page = format!("aws-resource-{service}-{resource}.html").to_lowercase();
    let folder = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference";
    Some(format!("{folder}/{page}"))
}

/// Text as Markdown's code: on one line, and cut where it is long.
fn code(text: &str) -> String {
    let mut shown: String =
        text.chars().take(SHOWN).map(|it| if it.is_control() { ' ' } else { it }).collect();
    if text.chars().count() > SHOWN {
        shown.push('…');
    }
    // A fence is longer than any run of backticks inside it.
    let longest = shown.split(|it| it != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if longest > 0 || shown.is_empty() { " " } else { "" };
    format!("{fence}{pad}{shown}{pad}{fence}")
}
