//! The form a resource type takes inside the embedded data.
//!
//! This file is compiled twice: by the build script, which writes records, and by the library,
//! which reads them. It therefore depends on nothing else in the crate.

use serde::{Deserialize, Serialize};

/// What kind of value a property holds or an attribute returns.
///
/// From the `type` keyword of the resource provider schema, followed through definitions and
/// through `allOf`, `anyOf` and `oneOf`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Kind {
    /// A string.
    String,
    /// A whole number. CloudFormation also accepts it as a string of digits.
    Integer,
    /// A number. CloudFormation also accepts it as a string of digits.
    Number,
    /// A boolean. CloudFormation also accepts the strings `true` and `false`.
    Boolean,
    /// An object whose keys the schema declares.
    Object,
    /// An object with keys of the user's choosing, all values being of one shape.
    Map,
    /// A list, all items being of one shape.
    Array,
    /// A free-form JSON document: an object the schema does not describe, as a policy document.
    Json,
    /// Anything: the schema states no type, or several that have nothing in common.
    #[default]
    Any,
}

/// How a resource type writes its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum TagShape {
    /// A list of objects with `Key` and `Value`.
    List,
    /// An object from key to value.
    Map,
}

/// One resource type. Paths are written with dots, `*` standing for any item: no property name in
/// the data holds a dot (the build script checks).
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Record<'a> {
    /// `nodes[0]` is the resource's `Properties` object. Nodes that say the same are shared, which
    /// is also what keeps recursive definitions finite.
    #[serde(borrow)]
    pub(crate) nodes: Vec<Node<'a>>,
    #[serde(borrow)]
    pub(crate) read_only: Vec<&'a str>,
    #[serde(borrow)]
    pub(crate) create_only: Vec<&'a str>,
    #[serde(borrow)]
    pub(crate) conditional_create_only: Vec<&'a str>,
    #[serde(borrow)]
    pub(crate) write_only: Vec<&'a str>,
    #[serde(borrow)]
    pub(crate) primary_identifier: Vec<&'a str>,
    /// Sorted by name.
    #[serde(borrow)]
    pub(crate) attributes: Vec<(&'a str, Kind)>,
    #[serde(borrow)]
    pub(crate) tags: Option<(&'a str, TagShape)>,
    pub(crate) stateful: bool,
    pub(crate) deletes_before_creating: bool,
}

/// The shape of one value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Node<'a> {
    pub(crate) kind: Kind,
    /// Declared keys of an object, sorted by name.
    #[serde(borrow)]
    pub(crate) fields: Vec<Field<'a>>,
    /// The node of an array's items, or of the values under keys that are not declared.
    pub(crate) item: Option<u32>,
    /// Whether keys beyond the declared ones are accepted.
    pub(crate) open: bool,
    #[serde(borrow)]
    pub(crate) allowed: Vec<&'a str>,
    pub(crate) allowed_ignores_case: bool,
}

/// One declared key of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Field<'a> {
    pub(crate) name: &'a str,
    pub(crate) node: u32,
    pub(crate) required: bool,
}
