//! A stack as Guard reads it: its template after evaluation, every value with the place that it
//! came from.

use super::unsettled::Unsettled;
use cloudformation_guard_lang::path_value::{Location, MapValue, Path, PathAwareValue as Guarded};
use kumiki_project::{Inputs, Kind, Library, Nothing, Origin, Scope, Stack, Unknown, Value};
use kumiki_schema::{Kind as Wanted, Property, resource_type};
use kumiki_source::Span;
use kumiki_template::{Name, OutputDecl, ParameterDecl, ResourceDecl};
use std::rc::Rc;
use std::sync::Arc;

/// Stands for a value that is not known. Nothing in a template is equal to it: a text with this
/// character is refused.
const UNKNOWN: &str = "\u{fffd}";

/// A stack's template with its values.
pub(super) struct Document {
    /// What Guard's queries begin at.
    pub(super) root: Rc<Guarded>,
    places: Vec<Place>,
}

/// Where a value of a document comes from.
pub(super) struct Place {
    /// Where to point: at the key of a map or a list, at any other value itself.
    pub(super) span: Span,
    /// Where the value was written, and the places that it came through.
    pub(super) origin: Origin,
    /// What it waits for.
    pub(super) unknown: Option<(Arc<Unknown>, Certainty)>,
}

/// What is certain of a value that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Certainty {
    /// It is there, and not empty: an identifier or an attribute of a resource.
    NotEmpty,
    /// It is there.
    There,
    /// Nothing: a condition that is not known decides.
    Nothing,
}

impl Document {
    pub(super) fn new(
        library: &Library,
        stack: &Stack,
        inputs: &Inputs,
        unsettled: &Unsettled,
    ) -> Self {
        let template = library.template(stack.template);
        let parameters = stack.parameters.iter().map(|it| it.value.clone()).collect();
        // For what the tree does not hold, such as metadata.
        let scope = Scope::alone(template, stack.path.clone(), inputs, parameters, &Nothing);
        let mut builder = Builder { unsettled, places: Vec::new() };
        let start = Span::file_start(template.file);
        let root = builder.place(start, Origin::at(start));
        let mut sections = Vec::new();
        if let Some(text) = &template.description {
            sections.push(builder.name("Description", text));
        }
        if !template.transforms.is_empty() {
            sections.push(builder.names("Transform", start, &template.transforms));
        }
        let parameters = template.parameters.iter().map(|it| builder.parameter(it)).collect();
        sections.push(builder.map("Parameters", start, parameters));
        let resources = template.resources.iter().zip(&stack.resources);
        let resources = resources
            .filter(|(_, it)| !it.condition.is_false())
            .map(|(decl, it)| builder.resource(decl, &it.properties, &scope))
            .collect();
        sections.push(builder.map("Resources", start, resources));
        let outputs = template.outputs.iter().filter_map(|decl| {
            let output = stack.output(&decl.name.text)?;
            Some(builder.output(decl, &output.value, output.export.as_ref()))
        });
        let outputs = outputs.collect();
        sections.push(builder.map("Outputs", start, outputs));
        let root = Rc::new(map(root, sections));
        Self { root, places: builder.places }
    }

    /// Where a value comes from; nothing where a rule made it.
    pub(super) fn place(&self, value: &Guarded) -> Option<&Place> {
        self.places.get(index(value)?)
    }

    /// The identity of a value that is not known, and what is certain of it.
    pub(super) fn unknown(&self, value: &Guarded) -> Option<(usize, Certainty)> {
        // A function's result may keep the place of what it was made of.
        let Guarded::String((_, text)) = value else { return None };
        let index = index(value).filter(|_| text == UNKNOWN)?;
        let (_, certainty) = self.places.get(index)?.unknown.as_ref()?;
        Some((index, *certainty))
    }

    /// The place with this identity.
    pub(super) fn at(&self, index: usize) -> &Place {
        &self.places[index]
    }
}

/// Guard keeps a line with each value. We keep the position of its place there, from 1: literals of
/// rules have 0.
fn path(index: usize) -> Path {
    Path(String::new(), Location { line: index + 1, col: 0 })
}

fn index(value: &Guarded) -> Option<usize> {
    value.self_path().1.line.checked_sub(1)
}

/// A member of a map: its name and value.
type Member = (String, Guarded);

fn map(index: usize, members: Vec<Member>) -> Guarded {
    let key = |(name, value): &Member| Guarded::String((value.self_path().clone(), name.clone()));
    let keys = members.iter().map(key).collect();
    Guarded::Map((path(index), MapValue { keys, values: members.into_iter().collect() }))
}

struct Builder<'d> {
    unsettled: &'d Unsettled,
    places: Vec<Place>,
}

impl Builder<'_> {
    fn place(&mut self, span: Span, origin: Origin) -> usize {
        self.places.push(Place { span, origin, unknown: None });
        self.places.len() - 1
    }

    fn map(&mut self, name: &str, span: Span, members: Vec<Member>) -> Member {
        let index = self.place(span, Origin::at(span));
        (name.to_owned(), map(index, members))
    }

    fn name(&mut self, key: &str, name: &Name) -> Member {
        let index = self.place(name.span, Origin::at(name.span));
        (key.to_owned(), Guarded::String((path(index), name.text.to_string())))
    }

    fn names(&mut self, key: &str, span: Span, names: &[Name]) -> Member {
        let index = self.place(span, Origin::at(span));
        let items = names.iter().map(|it| self.name("", it).1).collect();
        (key.to_owned(), Guarded::List((path(index), items)))
    }

    fn parameter(&mut self, decl: &ParameterDecl) -> Member {
        let mut members = vec![self.name("Type", &decl.type_name)];
        let texts = [
            ("Default", &decl.default),
            ("AllowedPattern", &decl.allowed_pattern),
            ("MinLength", &decl.min_length),
            ("MaxLength", &decl.max_length),
            ("MinValue", &decl.min_value),
            ("MaxValue", &decl.max_value),
        ];
        for (key, text) in texts {
            members.extend(text.as_ref().map(|it| self.name(key, it)));
        }
        let span = decl.name.span;
        if !decl.allowed_values.is_empty() {
            members.push(self.names("AllowedValues", span, &decl.allowed_values));
        }
        if decl.no_echo {
            let index = self.place(span, Origin::at(span));
            members.push(("NoEcho".to_owned(), Guarded::Bool((path(index), true))));
        }
        self.map(&decl.name.text, span, members)
    }

    fn resource(&mut self, decl: &ResourceDecl, properties: &Value, scope: &Scope<'_>) -> Member {
        let span = decl.name.span;
        let mut members = vec![self.name("Type", &decl.type_name)];
        if !properties.is_absent() {
            let wanted = resource_type(&decl.type_name.text).map(|it| it.root());
            members.push(("Properties".to_owned(), self.value(properties, Some(span), wanted)));
        }
        members.extend(decl.condition.as_ref().map(|it| self.name("Condition", it)));
        match decl.depends_on.as_slice() {
            [] => {}
            [one] => members.push(self.name("DependsOn", one)),
            several => members.push(self.names("DependsOn", span, several)),
        }
        let attributes = [
            ("CreationPolicy", &decl.creation_policy),
            ("DeletionPolicy", &decl.deletion_policy),
            ("Metadata", &decl.metadata),
            ("UpdatePolicy", &decl.update_policy),
            ("UpdateReplacePolicy", &decl.update_replace_policy),
        ];
        for (key, expr) in attributes {
            let Some(expr) = expr else { continue };
            let value = scope.evaluate(expr);
            if !value.is_absent() {
                members.push((key.to_owned(), self.value(&value, None, None)));
            }
        }
        self.map(&decl.name.text, span, members)
    }

    fn output(&mut self, decl: &OutputDecl, value: &Value, export: Option<&Value>) -> Member {
        let span = decl.name.span;
        let mut members = vec![("Value".to_owned(), self.value(value, Some(span), None))];
        members.extend(decl.description.as_ref().map(|it| self.name("Description", it)));
        if let Some(export) = export {
            let name = ("Name".to_owned(), self.value(export, Some(span), None));
            members.push(self.map("Export", span, vec![name]));
        }
        self.map(&decl.name.text, span, members)
    }

    /// A value, at the key `at`, of which the schema says what it wants to be.
    fn value(&mut self, value: &Value, at: Option<Span>, wanted: Option<Property>) -> Guarded {
        let nearest = value.origin.nearest();
        let span = match &value.kind {
            Kind::List(_) | Kind::Map(_) => at.or(nearest),
            _ => nearest.or(at),
        };
        let span = span.unwrap_or_else(|| self.places[0].span);
        let origin = match at {
            // What is at the key needs no second look.
            Some(at) if at == span => Origin::at(span),
            _ => value.origin.clone(),
        };
        let index = self.place(span, origin);
        let path = path(index);
        match &value.kind {
            Kind::Null | Kind::Absent => Guarded::Null(path),
            Kind::Bool(it) => Guarded::Bool((path, *it)),
            Kind::Number(text) => number(text, &path),
            Kind::String(text) => {
                // CloudFormation takes `true` and `443` as strings too.
                let typed = match wanted.map(Property::kind) {
                    Some(Wanted::Boolean) => {
                        value.as_bool().map(|it| Guarded::Bool((path.clone(), it)))
                    }
                    Some(Wanted::Integer | Wanted::Number) => Some(number(text, &path)),
                    _ => None,
                };
                typed.unwrap_or_else(|| Guarded::String((path, text.to_string())))
            }
            Kind::List(items) => {
                let wanted = wanted.and_then(Property::item);
                let read: Vec<Guarded> =
                    items.iter().map(|it| self.value(it, None, wanted)).collect();
                // One item more or less, and each has another position: nothing is certain of it.
                let unsettled = items.iter().find_map(|it| {
                    let unknown = it.as_unknown()?;
                    (self.unsettled.certainty(it) == Certainty::Nothing).then_some(unknown)
                });
                match unsettled {
                    Some(unknown) => self.unknown(index, unknown, Certainty::There),
                    None => Guarded::List((path, read)),
                }
            }
            Kind::Map(fields) => {
                let members = fields.iter().filter(|it| !it.value.is_absent()).map(|it| {
                    let wanted = wanted.and_then(|wanted| wanted.child(&it.name));
                    (it.name.to_string(), self.value(&it.value, it.span, wanted))
                });
                let members = members.collect();
                map(index, members)
            }
            Kind::Unknown(unknown) => self.unknown(index, unknown, self.unsettled.certainty(value)),
        }
    }

    fn unknown(&mut self, index: usize, unknown: &Arc<Unknown>, certainty: Certainty) -> Guarded {
        self.places[index].unknown = Some((unknown.clone(), certainty));
        Guarded::String((path(index), UNKNOWN.to_owned()))
    }
}

fn number(text: &str, path: &Path) -> Guarded {
    if let Ok(it) = text.parse::<i64>() {
        return Guarded::Int((path.clone(), it));
    }
    match text.parse::<f64>() {
        Ok(it) if it.is_finite() => Guarded::Float((path.clone(), it)),
        _ => Guarded::String((path.clone(), text.to_owned())),
    }
}
