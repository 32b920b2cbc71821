//! What an expression of a template comes to.

use kumiki_source::{Hop, Message, Span, message};
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

/// A value and where it came from.
#[derive(Clone, Debug)]
pub struct Value {
    /// What it is.
    pub kind: Kind,
    /// Where it was written and which places it travelled through.
    pub origin: Origin,
}

/// The kinds of value.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Nothing was written: an empty key or `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number in the text that it was written in.
    Number(Arc<str>),
    /// A string.
    String(Arc<str>),
    /// A list, without its absent items.
    List(Vec<Value>),
    /// A map. Absent fields stay, so that a reader can say where they went.
    Map(Vec<Field>),
    /// Only a deployment can tell.
    Unknown(Arc<Unknown>),
    /// A condition is false, or `AWS::NoValue`.
    Absent,
}

/// A text that stands for a value that the account has and does not tell. It is equal to itself, and
/// nothing else is known of it: where more is asked, what holds one is as good as unknown.
pub fn stand_in(what: &str) -> String {
    format!("{STAND_IN}{what}⟩")
}

/// Whether a text is or holds such a value.
pub fn holds_stand_in(text: &str) -> bool {
    text.contains(STAND_IN)
}

/// No name that AWS takes has it.
const STAND_IN: char = '⟨';

/// A field of a map.
#[derive(Clone, Debug)]
pub struct Field {
    /// The name.
    pub name: Arc<str>,
    /// Where the name is written.
    pub span: Option<Span>,
    /// The value.
    pub value: Value,
}

/// What a value waits for.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unknown {
    /// `Ref` of a resource: its physical identifier.
    PhysicalId(ResourceRef),
    /// `Fn::GetAtt` of a resource.
    Attribute(ResourceRef, Arc<str>),
    /// An import that no template of the tree exports.
    Import(Arc<str>),
    /// `Fn::GetStackOutput`: another stack's output, and its Region if another.
    StackOutput {
        /// The other stack's name.
        stack: Arc<str>,
        /// The name of its output.
        output: Arc<str>,
        /// Its Region, if it is not this one.
        region: Option<Arc<str>>,
    },
    /// A dynamic reference, `{{resolve:…}}`, as it is written.
    Dynamic(Arc<str>),
    /// A macro's result.
    Transform(Arc<str>),
    /// A parameter without a value, or one that AWS resolves at deployment.
    Parameter(Arc<str>),
    /// A pseudo parameter such as `AWS::StackId`.
    Pseudo(Arc<str>),
    /// The zones of a Region, whose order differs between accounts.
    Zones(Arc<str>),
    /// What only the account can tell, such as `Fn::RefAll`.
    Account(Arc<str>),
    /// An error that was reported where it happened.
    Invalid,
    /// Made of several others, none of which is.
    Several(Vec<Arc<Unknown>>),
}

/// A resource of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceRef {
    /// The path of its stack: empty for the root, `A/B` for a nested stack's nested stack.
    pub stack: Arc<str>,
    /// Its logical ID.
    pub logical_id: Arc<str>,
    /// Its type.
    pub type_name: Arc<str>,
}

impl fmt::Display for ResourceRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stack.is_empty() {
            write!(f, "{}", self.logical_id)
        } else {
            write!(f, "{}/{}", self.stack, self.logical_id)
        }
    }
}

/// Where a value was written, and the places that it travelled through since.
#[derive(Clone, Debug, Default)]
pub struct Origin {
    /// The place where it was written, if it stands in a text at all.
    pub span: Option<Span>,
    /// The latest place that it travelled through.
    pub via: Option<Arc<Via>>,
}

/// A place that a value travelled through.
#[derive(Debug)]
pub struct Via {
    /// The place.
    pub span: Span,
    /// The one before.
    pub before: Option<Arc<Via>>,
}

impl Origin {
    /// Written here.
    pub fn at(span: Span) -> Self {
        Self { span: Some(span), via: None }
    }

    /// The same value, seen from one place further.
    pub fn through(&self, span: Span) -> Self {
        if self.span.is_none() && self.via.is_none() {
            return Self::at(span);
        }
        if self.span == Some(span) {
            return self.clone();
        }
        Self { span: self.span, via: Some(Arc::new(Via { span, before: self.via.clone() })) }
    }

    /// The place nearest to where the value is used.
    pub fn nearest(&self) -> Option<Span> {
        self.via.as_ref().map(|via| via.span).or(self.span)
    }

    /// Every place from where the value was written to where it is used, at most one a line.
    pub fn hops(&self) -> Vec<Hop> {
        let mut hops = Vec::new();
        let mut via = self.via.as_deref();
        while let Some(place) = via {
            hops.push(Hop { span: place.span, label: None });
            via = place.before.as_deref();
        }
        hops.extend(self.span.map(|span| Hop { span, label: None }));
        hops.reverse();
        hops
    }
}

impl Value {
    /// A string that stands in no text.
    pub fn text(text: impl Into<Arc<str>>) -> Self {
        Self { kind: Kind::String(text.into()), origin: Origin::default() }
    }

    /// An unknown value seen at a place.
    pub fn unknown(unknown: Unknown, span: Span) -> Self {
        Self { kind: Kind::Unknown(Arc::new(unknown)), origin: Origin::at(span) }
    }

    /// The text of a known scalar, whatever its type, as CloudFormation would pass it on.
    pub fn as_text(&self) -> Option<&str> {
        match &self.kind {
            Kind::String(text) | Kind::Number(text) => Some(text),
            Kind::Bool(true) => Some("true"),
            Kind::Bool(false) => Some("false"),
            _ => None,
        }
    }

    /// A known truth value, written as one or as text.
    pub fn as_bool(&self) -> Option<bool> {
        match self.as_text()? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// A known whole number, written as one or as text.
    pub fn as_integer(&self) -> Option<i64> {
        self.as_text()?.parse().ok()
    }

    /// The items of a known list.
    pub fn as_list(&self) -> Option<&[Value]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => None,
        }
    }

    /// The fields of a known map, absent ones included.
    pub fn as_map(&self) -> Option<&[Field]> {
        match &self.kind {
            Kind::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The value of a field, unless it is absent.
    pub fn get(&self, name: &str) -> Option<&Value> {
        let field = self.as_map()?.iter().find(|it| &*it.name == name)?;
        (!field.value.is_absent()).then_some(&field.value)
    }

    /// The value at a path of fields and list positions, `a.0.b`, unless it is absent.
    pub fn at(&self, path: &str) -> Option<&Value> {
        path.split('.').try_fold(self, |value, part| match (&value.kind, part.parse::<usize>()) {
            (Kind::List(items), Ok(index)) => items.get(index),
            _ => value.get(part),
        })
    }

    /// What the value waits for, if it does.
    pub fn as_unknown(&self) -> Option<&Arc<Unknown>> {
        match &self.kind {
            Kind::Unknown(unknown) => Some(unknown),
            _ => None,
        }
    }

    /// Whether nothing is there.
    pub fn is_absent(&self) -> bool {
        matches!(self.kind, Kind::Absent)
    }

    /// Whether every part of the value is known.
    pub fn is_known(&self) -> bool {
        match &self.kind {
            Kind::Unknown(_) => false,
            Kind::List(items) => items.iter().all(Value::is_known),
            Kind::Map(fields) => fields.iter().all(|it| it.value.is_known()),
            _ => true,
        }
    }

    /// How many values it is made of.
    pub(crate) fn weight(&self) -> usize {
        1 + match &self.kind {
            Kind::List(items) => items.iter().map(Value::weight).sum(),
            Kind::Map(fields) => fields.iter().map(|it| it.value.weight()).sum(),
            _ => 0,
        }
    }

    /// Calls `visit` with everything that any part of the value waits for.
    pub fn unknowns(&self, visit: &mut dyn FnMut(&Arc<Unknown>)) {
        match &self.kind {
            Kind::Unknown(unknown) => visit(unknown),
            Kind::List(items) => items.iter().for_each(|it| it.unknowns(visit)),
            Kind::Map(fields) => fields.iter().for_each(|it| it.value.unknowns(visit)),
            _ => {}
        }
    }

    /// The value as JSON, the form in which CloudFormation hands it to a resource provider:
    /// absent fields are left out, numbers and truth values keep their type.
    ///
    /// `unknown` makes the JSON of what is not known; returning `None` makes the whole `None`.
    pub fn to_json(
        &self,
        unknown: &dyn Fn(&Arc<Unknown>) -> Option<serde_json::Value>,
    ) -> Option<serde_json::Value> {
        use serde_json::Value as Json;
        Some(match &self.kind {
            Kind::Null | Kind::Absent => Json::Null,
            Kind::Bool(it) => Json::Bool(*it),
            Kind::Number(text) => match text.parse::<i64>() {
                Ok(number) => Json::from(number),
                Err(_) => text
                    .parse::<f64>()
                    .ok()
                    .and_then(serde_json::Number::from_f64)
                    .map_or_else(|| Json::String(text.to_string()), Json::Number),
            },
            Kind::String(text) => Json::String(text.to_string()),
            Kind::List(items) => {
                Json::Array(items.iter().map(|it| it.to_json(unknown)).collect::<Option<_>>()?)
            }
            Kind::Map(fields) => {
                let mut map = serde_json::Map::new();
                for field in fields.iter().filter(|it| !it.value.is_absent()) {
                    map.insert(field.name.to_string(), field.value.to_json(unknown)?);
                }
                Json::Object(map)
            }
            Kind::Unknown(it) => return unknown(it),
        })
    }

    /// The value of a JSON document, standing in no text.
    pub fn from_json(json: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        let kind = match json {
            Json::Null => Kind::Null,
            Json::Bool(it) => Kind::Bool(*it),
            Json::Number(number) => Kind::Number(number.to_string().into()),
            Json::String(text) => Kind::String(text.as_str().into()),
            Json::Array(items) => Kind::List(items.iter().map(Self::from_json).collect()),
            Json::Object(map) => Kind::Map(
                map.iter()
                    .map(|(name, json)| Field {
                        name: name.as_str().into(),
                        span: None,
                        value: Self::from_json(json),
                    })
                    .collect(),
            ),
        };
        Self { kind, origin: Origin::default() }
    }
}

impl Unknown {
    /// One unknown for several: itself when there is but one. What several wait for stands once,
    /// and flat, so that what is made of each other again and again does not multiply.
    pub fn several(parts: Vec<Arc<Unknown>>) -> Arc<Unknown> {
        const MOST: usize = 1000;
        let mut seen = HashSet::new();
        let mut singles = Vec::new();
        for part in parts {
            match &*part {
                Self::Several(inner) => {
                    singles.extend(inner.iter().filter(|it| seen.insert((*it).clone())).cloned());
                }
                _ if seen.insert(part.clone()) => singles.push(part),
                _ => {}
            }
        }
        singles.truncate(MOST);
        match singles.len() {
            1 => singles.remove(0),
            _ => Arc::new(Self::Several(singles)),
        }
    }

    /// Calls `visit` with each single thing that is waited for.
    pub fn each(&self, visit: &mut dyn FnMut(&Unknown)) {
        match self {
            Self::Several(parts) => parts.iter().for_each(|it| it.each(visit)),
            single => visit(single),
        }
    }

    /// What is waited for, in a few words.
    pub fn describe(&self) -> Message {
        match self {
            Self::PhysicalId(resource) => {
                message!("the identifier of `{resource}`", resource)
            }
            Self::Attribute(resource, name) => {
                message!("`{name}` of `{resource}`", name, resource)
            }
            Self::Import(name) => message!("the import `{name}`", name),
            Self::StackOutput { stack, output, .. } => {
                message!("output `{output}` of stack `{stack}`", output, stack)
            }
            Self::Dynamic(text) => message!("the dynamic reference `{text}`", text),
            Self::Transform(name) => message!("the result of macro `{name}`", name),
            Self::Parameter(name) => message!("the parameter `{name}`", name),
            Self::Pseudo(name) => message!("`{name}`", name),
            Self::Zones(region) => message!("the zones of `{region}`", region),
            Self::Account(function) => message!("`{function}`, which asks the account", function),
            Self::Invalid => message!("a value that has an error"),
            Self::Several(parts) => {
                let parts: Vec<String> = parts.iter().map(|it| it.describe().to_string()).collect();
                Message::verbatim(parts.join(", "))
            }
        }
    }
}
