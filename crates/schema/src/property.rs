//! One property of a resource type, and the way down from it.

use std::fmt;

use crate::nearest::nearest;
use crate::record::{Field, Kind, Node};

/// A property of a resource type, or a value inside one: a key of an object, an item of a list.
///
/// From `properties` and `definitions` of the resource provider schema. Small and `Copy`; walking
/// down allocates nothing. A definition that holds itself can be walked without end.
#[derive(Clone, Copy)]
pub struct Property {
    name: &'static str,
    required: bool,
    node: &'static Node<'static>,
    nodes: &'static [Node<'static>],
}

/// What lies inside a value the schema does not describe.
static ANYTHING: Node<'static> = Node {
    kind: Kind::Any,
    fields: Vec::new(),
    item: None,
    open: true,
    allowed: Vec::new(),
    allowed_ignores_case: false,
};

impl Property {
    pub(crate) fn root(nodes: &'static [Node<'static>]) -> Self {
        Self { name: "Properties", required: false, node: &nodes[0], nodes }
    }

    /// The name of the key, or `*` for an item of a list or a value of a map.
    pub fn name(self) -> &'static str {
        self.name
    }

    /// What kind of value it holds.
    pub fn kind(self) -> Kind {
        self.node.kind
    }

    /// Whether the object it belongs to must have it. Says nothing of properties required only
    /// together with others.
    pub fn required(self) -> bool {
        self.required
    }

    /// The values a string may take, if the schema lists all of them; empty otherwise. Lists that
    /// differ by Region, as instance types, are not in the schema.
    pub fn allowed_values(self) -> &'static [&'static str] {
        &self.node.allowed
    }

    /// Whether [`allowed_values`](Self::allowed_values) are compared without regard to case.
    pub fn allowed_values_ignore_case(self) -> bool {
        self.node.allowed_ignores_case
    }

    /// The keys the schema declares, sorted by name. Empty for anything but an object.
    pub fn properties(self) -> impl ExactSizeIterator<Item = Property> + Clone {
        self.node.fields.iter().map(move |field| self.field(field))
    }

    /// Whether keys beyond [`properties`](Self::properties) are accepted.
    pub fn additional_properties(self) -> bool {
        match self.node.kind {
            Kind::Object => self.node.open,
            Kind::Map | Kind::Json | Kind::Any => true,
            _ => false,
        }
    }

    /// The items of a list, or the values of a map. `None` for anything else, and for a list whose
    /// items the schema does not describe.
    pub fn item(self) -> Option<Property> {
        let index = self.node.item?;
        Some(Property { name: "*", required: false, node: self.node_at(index), nodes: self.nodes })
    }

    /// The value under one segment of a path: the key of an object or map, or an index or `*` for
    /// a list. Inside what the schema does not describe, everything is of [`Kind::Any`]; `None`
    /// says that the schema excludes the segment.
    pub fn child(self, segment: &str) -> Option<Property> {
        match self.node.kind {
            Kind::Array => {
                let index = segment == "*"
                    || !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_digit());
                index.then(|| self.item().unwrap_or(self.anything()))
            }
            Kind::Object => {
                let fields = &self.node.fields;
                match fields.binary_search_by(|field| field.name.cmp(segment)) {
                    Ok(index) => Some(self.field(&fields[index])),
                    Err(_) if self.node.open => Some(self.item().unwrap_or(self.anything())),
                    Err(_) => None,
                }
            }
            Kind::Map | Kind::Json | Kind::Any => Some(self.item().unwrap_or(self.anything())),
            Kind::String | Kind::Integer | Kind::Number | Kind::Boolean => None,
        }
    }

    /// The declared key nearest to a name, for "did you mean"; `None` if none is near.
    pub fn closest_property(self, name: &str) -> Option<&'static str> {
        nearest(name, self.node.fields.iter().map(|field| field.name))
    }

    fn field(self, field: &'static Field<'static>) -> Property {
        Property {
            name: field.name,
            required: field.required,
            node: self.node_at(field.node),
            nodes: self.nodes,
        }
    }

    fn node_at(self, index: u32) -> &'static Node<'static> {
        &self.nodes[index as usize]
    }

    fn anything(self) -> Property {
        Property { name: "*", required: false, node: &ANYTHING, nodes: self.nodes }
    }
}

impl fmt::Debug for Property {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Property")
            .field("name", &self.name)
            .field("kind", &self.kind())
            .field("required", &self.required)
            .finish_non_exhaustive()
    }
}
