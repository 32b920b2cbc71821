//! From the nested, cross-referenced properties of one schema to a flat list of shared nodes.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use data_source::compiled_schema::{CompiledSchema, PropSchema, PropType};

use crate::record::{Field, Kind, Node};

/// Compiles the properties of a resource type. The first node is its `Properties` object.
pub(crate) fn compile<'a>(name: &str, schema: &'a CompiledSchema) -> Vec<Node<'a>> {
    let mut builder = Builder {
        name,
        schema,
        nodes: vec![Node::default()],
        shared: HashMap::new(),
        definitions: HashMap::new(),
    };
    let mut shape = Shape::default();
    shape.kinds.insert("object");
    shape.open = schema.additional_properties != Some(false);
    shape.declare(&schema.properties);
    shape.require(&schema.required);
    for branch in schema.all_of.iter().chain(&schema.any_of).chain(&schema.one_of) {
        builder.add_branch(&mut shape, branch);
    }
    let root = builder.node(&shape);
    builder.nodes[0] = root;
    builder.nodes
}

/// The node at a path written with dots.
pub(crate) fn at<'n, 'a>(nodes: &'n [Node<'a>], path: &str) -> Option<&'n Node<'a>> {
    index(nodes, path).map(|index| &nodes[index as usize])
}

/// The number of the node at a path written with dots.
pub(crate) fn index(nodes: &[Node<'_>], path: &str) -> Option<u32> {
    path.split('.').try_fold(0, |index, segment| {
        let node = &nodes[index as usize];
        match node.fields.iter().find(|field| field.name == segment) {
            Some(field) => Some(field.node),
            None => node.item.filter(|_| segment == "*"),
        }
    })
}

struct Builder<'a, 'n> {
    name: &'n str,
    schema: &'a CompiledSchema,
    nodes: Vec<Node<'a>>,
    shared: HashMap<Node<'a>, u32>,
    definitions: HashMap<&'a str, u32>,
}

/// What a property schema and its `allOf`, `anyOf` and `oneOf` branches say together.
#[derive(Default)]
struct Shape<'a> {
    kinds: BTreeSet<&'a str>,
    /// A key may be declared by several branches; the first declaration that states a type wins.
    fields: BTreeMap<&'a str, &'a PropSchema>,
    required: BTreeSet<&'a str>,
    item: Option<&'a PropSchema>,
    open: bool,
    allowed: Vec<&'a str>,
    allowed_ignores_case: bool,
    /// What the keywords other than `type` give away, for the few properties without a `type`.
    implied: Option<Kind>,
}

impl<'a> Shape<'a> {
    fn declare(&mut self, properties: &'a BTreeMap<String, PropSchema>) {
        for (name, property) in properties {
            assert!(!name.contains('.') && name != "*", "paths are written with dots");
            let declared = self.fields.entry(name).or_insert(property);
            if !says_something(declared) {
                *declared = property;
            }
        }
    }

    fn require(&mut self, names: &'a [String]) {
        self.required.extend(names.iter().map(String::as_str));
    }

    fn kind(&self) -> Kind {
        let kinds: Vec<&str> = self.kinds.iter().copied().filter(|kind| *kind != "null").collect();
        let declares_object = !self.fields.is_empty() || kinds == ["object"];
        match kinds[..] {
            ["string"] => Kind::String,
            ["integer"] => Kind::Integer,
            ["number"] | ["integer", "number"] => Kind::Number,
            ["boolean"] => Kind::Boolean,
            ["array"] => Kind::Array,
            // A document may be written as an object or as a string holding its JSON.
            [] | ["object"] | ["object", "string"] if declares_object || !kinds.is_empty() => {
                if !self.fields.is_empty() {
                    Kind::Object
                } else if self.item.is_some() {
                    Kind::Map
                } else if kinds == ["object"] && !self.open {
                    Kind::Object
                } else {
                    Kind::Json
                }
            }
            [] if self.item.is_some() => Kind::Map,
            [] => self.implied.unwrap_or_default(),
            _ => Kind::Any,
        }
    }
}

/// Whether a property schema tells what its values are, beyond that they exist.
fn says_something(property: &PropSchema) -> bool {
    property.ref_name.is_some()
        || property.prop_type.is_some()
        || !property.properties.is_empty()
        || property.items.is_some()
        || !property.all_of.is_empty()
        || !property.any_of.is_empty()
        || !property.one_of.is_empty()
}

impl<'a> Builder<'a, '_> {
    /// The number of the node for a property schema, adding it if no node says the same.
    fn add(&mut self, property: &'a PropSchema) -> u32 {
        let Some(definition) = property.ref_name.as_deref() else {
            return self.add_inline(property);
        };
        if let Some(&index) = self.definitions.get(definition) {
            return index;
        }
        let Some((name, property)) = self.schema.definitions.get_key_value(definition) else {
            // AWS's validator takes a reference to nothing as "anything" too.
            return self.share(Node::default());
        };
        if property.ref_name.is_some() || is_leaf(property) {
            let index = self.add(property);
            self.definitions.insert(name, index);
            return index;
        }
        // The number is taken before the content is known: the definition may hold itself.
        let index = self.next();
        self.nodes.push(Node::default());
        self.definitions.insert(name, index);
        let shape = self.shape(property);
        let node = self.node(&shape);
        self.nodes[index as usize] = node;
        index
    }

    fn add_inline(&mut self, property: &'a PropSchema) -> u32 {
        let shape = self.shape(property);
        let node = self.node(&shape);
        self.share(node)
    }

    fn share(&mut self, node: Node<'a>) -> u32 {
        let next = self.next();
        *self.shared.entry(node).or_insert_with_key(|node| {
            self.nodes.push(node.clone());
            next
        })
    }

    fn next(&self) -> u32 {
        u32::try_from(self.nodes.len())
            .unwrap_or_else(|_| panic!("{} has over four billion nodes", self.name))
    }

    fn node(&mut self, shape: &Shape<'a>) -> Node<'a> {
        let kind = shape.kind();
        let mut node = Node {
            kind,
            allowed: shape.allowed.clone(),
            allowed_ignores_case: shape.allowed_ignores_case,
            ..Node::default()
        };
        // A value that is an object or something else is not described further.
        if kind == Kind::Object {
            node.open = shape.open || shape.item.is_some();
            for (name, property) in &shape.fields {
                let required = shape.required.contains(name);
                node.fields.push(Field { name, node: self.add(property), required });
            }
        }
        if matches!(kind, Kind::Object | Kind::Map | Kind::Array) {
            node.item = shape.item.map(|item| self.add(item));
        }
        node
    }

    fn shape(&self, property: &'a PropSchema) -> Shape<'a> {
        let mut shape =
            Shape { open: property.additional_properties != Some(false), ..Shape::default() };
        shape.require(&property.required);
        self.merge(&mut shape, property, 0);
        (shape.allowed, shape.allowed_ignores_case) = self.allowed(property);
        shape.implied = if property.format.as_deref() == Some("json") {
            Some(Kind::Json)
        } else if property.format.is_some()
            || property.pattern.is_some()
            || !shape.allowed.is_empty()
        {
            Some(Kind::String)
        } else {
            None
        };
        shape
    }

    fn add_branch(&self, shape: &mut Shape<'a>, branch: &'a PropSchema) {
        self.merge(shape, branch, 1);
    }

    fn merge(&self, shape: &mut Shape<'a>, property: &'a PropSchema, depth: usize) {
        // Far beyond what the data nests; a reference cycle through branches ends here.
        if depth > 16 {
            return;
        }
        if let Some(definition) = &property.ref_name {
            if let Some(property) = self.schema.definitions.get(definition) {
                self.merge(shape, property, depth + 1);
            }
            return;
        }
        match &property.prop_type {
            Some(PropType::Single(kind)) => {
                shape.kinds.insert(kind);
            }
            Some(PropType::Multi(kinds)) => shape.kinds.extend(kinds.iter().map(String::as_str)),
            None => {}
        }
        shape.declare(&property.properties);
        shape.item = shape
            .item
            .or(property.items.as_deref())
            .or_else(|| property.pattern_properties.values().next());
        for branch in property.all_of.iter().chain(&property.any_of).chain(&property.one_of) {
            self.merge(shape, branch, depth + 1);
        }
    }

    /// The values a string may take, where the schema lists all of them: its own list, or the union
    /// of its alternatives if every alternative is a list.
    fn allowed(&self, property: &'a PropSchema) -> (Vec<&'a str>, bool) {
        let strings = |values: &'a [serde_json::Value]| -> Vec<&'a str> {
            values.iter().filter_map(serde_json::Value::as_str).collect()
        };
        if !property.enum_values.is_empty() {
            return (strings(&property.enum_values), false);
        }
        if !property.enum_case_insensitive.is_empty() {
            return (strings(&property.enum_case_insensitive), true);
        }
        for alternatives in [&property.any_of, &property.one_of] {
            let lists: Vec<Vec<&str>> = alternatives
                .iter()
                .map(|alternative| {
                    let alternative = match &alternative.ref_name {
                        Some(definition) => self.schema.definitions.get(definition),
                        None => Some(alternative),
                    };
                    alternative.map_or_else(Vec::new, |it| strings(&it.enum_values))
                })
                .collect();
            if !lists.is_empty() && lists.iter().all(|list| !list.is_empty()) {
                let union: BTreeSet<&str> = lists.into_iter().flatten().collect();
                return (union.into_iter().collect(), false);
            }
        }
        (Vec::new(), false)
    }
}

/// Whether a definition holds no other property, so that it cannot hold itself.
fn is_leaf(property: &PropSchema) -> bool {
    property.properties.is_empty()
        && property.pattern_properties.is_empty()
        && property.items.is_none()
        && property.all_of.is_empty()
        && property.any_of.is_empty()
        && property.one_of.is_empty()
}
