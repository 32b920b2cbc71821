//! One resource type: its properties and what a change of them means.

use crate::path::{Position, PropertyPath};
use crate::property::Property;
use crate::record::{Kind, Record, TagShape};

/// A resource type, as its resource provider schema describes it.
///
/// Reached by [`resource_type`](crate::resource_type()); lives as long as the program.
#[derive(Debug)]
pub struct ResourceType {
    name: &'static str,
    record: Record<'static>,
    attributes: Vec<Attribute>,
}

/// Something `Fn::GetAtt` returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Attribute {
    /// What to write after the logical ID, as in `Endpoint.Address`.
    pub name: &'static str,
    /// What comes back. Placed in a string, every kind becomes a string.
    pub kind: Kind,
}

/// Whether an update replaces the resource, in the words of a change set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Replacement {
    /// `False`: the resource stays.
    Never,
    /// `Conditional`: it depends on the values, or on the rest of the change.
    Conditional,
    /// `True`: a new resource takes its place.
    Always,
}

/// Which comes first when a resource is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReplacementOrder {
    /// The new resource is created, then the old one deleted. What CloudFormation does unless a
    /// schema says otherwise; it is why a resource with a fixed name cannot be replaced.
    CreateThenDelete,
    /// The old resource is deleted, then the new one created.
    DeleteThenCreate,
}

/// Where a resource type takes its tags.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Tagging {
    /// The property that holds them.
    pub path: PropertyPath,
    /// How they are written there.
    pub shape: TagShape,
}

impl ResourceType {
    pub(crate) fn decode(name: &'static str, bytes: &'static [u8]) -> Self {
        let record: Record<'static> =
            postcard::from_bytes(bytes).expect("the build script wrote this record");
        let attributes =
            record.attributes.iter().map(|&(name, kind)| Attribute { name, kind }).collect();
        Self { name, record, attributes }
    }

    /// The name of the type, as in `AWS::RDS::DBInstance`.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The top-level properties, sorted by name. Those that the service sets are among them: see
    /// [`is_read_only`](Self::is_read_only).
    pub fn properties(&'static self) -> impl ExactSizeIterator<Item = Property> + Clone {
        self.root().properties()
    }

    /// The resource's `Properties` as one object.
    pub fn root(&'static self) -> Property {
        Property::root(&self.record.nodes)
    }

    /// The property at a path, whose segments are keys, and indexes or `*` for items of lists.
    /// Inside what the schema does not describe, as a policy document, everything is of
    /// [`Kind::Any`]; `None` says that the schema excludes the path.
    pub fn property<S: AsRef<str>>(&'static self, path: &[S]) -> Option<Property> {
        path.iter().try_fold(self.root(), |property, segment| property.child(segment.as_ref()))
    }

    /// Whether top-level properties beyond the declared ones are accepted: custom resources only.
    pub fn additional_properties(&'static self) -> bool {
        self.root().additional_properties()
    }

    /// The top-level properties that a resource of this type must have.
    ///
    /// From `required` of the schema. Properties required only together with others are not in it.
    pub fn required(&'static self) -> impl Iterator<Item = &'static str> + Clone {
        self.properties().filter(|property| property.required()).map(Property::name)
    }

    /// The top-level property nearest to a name, for "did you mean"; `None` if none is near.
    pub fn closest_property(&'static self, name: &str) -> Option<&'static str> {
        self.root().closest_property(name)
    }

    /// The properties that the service sets and a template may not: `readOnlyProperties`.
    pub fn read_only(&self) -> impl ExactSizeIterator<Item = PropertyPath> + Clone {
        paths(&self.record.read_only)
    }

    /// The properties whose change replaces the resource: `createOnlyProperties`.
    pub fn create_only(&self) -> impl ExactSizeIterator<Item = PropertyPath> + Clone {
        paths(&self.record.create_only)
    }

    /// The properties whose change may replace the resource: `conditionalCreateOnlyProperties`.
    pub fn conditional_create_only(&self) -> impl ExactSizeIterator<Item = PropertyPath> + Clone {
        paths(&self.record.conditional_create_only)
    }

    /// The properties that the service never gives back, as passwords: `writeOnlyProperties`.
    /// Drift of these cannot be seen.
    pub fn write_only(&self) -> impl ExactSizeIterator<Item = PropertyPath> + Clone {
        paths(&self.record.write_only)
    }

    /// The properties that together identify a resource: `primaryIdentifier`, in the schema's
    /// order.
    ///
    /// For most types with a single one, `Ref` returns its value. Older types with several keep
    /// their own custom: `Ref` of an `AWS::ECS::Service` is its ARN alone, of an `AWS::EC2::EIP`
    /// its address.
    pub fn primary_identifier(&self) -> impl ExactSizeIterator<Item = PropertyPath> + Clone {
        paths(&self.record.primary_identifier)
    }

    /// What kind of value `Ref` returns. A string for every type, by `ref_types.json`.
    pub fn ref_kind(&self) -> Kind {
        Kind::String
    }

    /// The attributes `Fn::GetAtt` accepts, sorted by name, as far as they can be listed. For
    /// nested stacks and custom resources, whose attributes the template's author defines, ask
    /// [`attribute`](Self::attribute).
    ///
    /// From `getatt_attributes.json`: the read-only properties, and for some older types more.
    pub fn attributes(&self) -> &[Attribute] {
        &self.attributes
    }

    /// What `Fn::GetAtt` returns for an attribute, or `None` if it does not accept the name.
    ///
    /// Accepts what [`attributes`](Self::attributes) lists; a value inside an attribute that is an
    /// object, as `Endpoint.Address` of `Endpoint`; `Outputs.<name>` of nested stacks, provisioned
    /// products and serverless applications; and any name for a custom resource.
    pub fn attribute(&'static self, name: &str) -> Option<Kind> {
        if let Ok(index) = self.attributes.binary_search_by(|it| it.name.cmp(name)) {
            return Some(self.attributes[index].kind);
        }
        if name.split('.').any(str::is_empty) {
            return None;
        }
        match self.name {
            "AWS::CloudFormation::CustomResource" => return Some(Kind::Any),
            "AWS::CloudFormation::Stack"
            | "AWS::ServiceCatalog::CloudFormationProvisionedProduct"
            | "AWS::Serverless::Application" => {
                let output = name.strip_prefix("Outputs.")?;
                return (!output.contains('.')).then_some(Kind::String);
            }
            _ => {}
        }
        let inside_an_attribute = name.match_indices('.').any(|(dot, _)| {
            self.attributes.binary_search_by(|it| it.name.cmp(&name[..dot])).is_ok()
        });
        if !inside_an_attribute {
            return None;
        }
        let mut property = self.root();
        for segment in name.split('.') {
            // `Fn::GetAtt` cannot reach into a list.
            if property.kind() == Kind::Array {
                return None;
            }
            property = property.child(segment)?;
        }
        Some(property.kind())
    }

    /// The listed attribute nearest to a name, for "did you mean"; `None` if none is near.
    pub fn closest_attribute(&'static self, name: &str) -> Option<&'static str> {
        crate::nearest::nearest(name, self.attributes.iter().map(|attribute| attribute.name))
    }

    /// Whether the service sets the property at a path, so that a template may not.
    pub fn is_read_only<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.read_only().any(|stated| stated.position_of(path) == Position::Within)
    }

    /// Whether the service never gives back the property at a path.
    pub fn is_write_only<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.write_only().any(|stated| stated.position_of(path) == Position::Within)
    }

    /// Whether a change of the property at a path replaces the resource.
    ///
    /// `Always` at or inside a create-only property, `Conditional` at or inside a conditional one.
    /// A change reported above one (of an object that holds it) is `Conditional`: the part that
    /// matters may be what changed. Give the deepest path that is known to differ.
    pub fn replacement<S: AsRef<str>>(&self, path: &[S]) -> Replacement {
        self.replacement_cause(path).map_or(Replacement::Never, |(replacement, _)| replacement)
    }

    /// As [`replacement`](Self::replacement), with the property of the schema that is the cause;
    /// `None` if the resource stays.
    pub fn replacement_cause<S: AsRef<str>>(
        &self,
        path: &[S],
    ) -> Option<(Replacement, PropertyPath)> {
        let always = self.create_only().map(|stated| (Replacement::Always, stated));
        let conditional =
            self.conditional_create_only().map(|stated| (Replacement::Conditional, stated));
        always
            .chain(conditional)
            .filter_map(|(replacement, stated)| match stated.position_of(path) {
                Position::Within => Some((replacement, stated)),
                Position::Above => Some((Replacement::Conditional, stated)),
                Position::Apart => None,
            })
            // The first of the strongest.
            .reduce(|best, next| if next.0 > best.0 { next } else { best })
    }

    /// Which comes first when a resource of this type is replaced: `replacementStrategy`.
    pub fn replacement_order(&self) -> ReplacementOrder {
        if self.record.deletes_before_creating {
            ReplacementOrder::DeleteThenCreate
        } else {
            ReplacementOrder::CreateThenDelete
        }
    }

    /// Whether losing a resource of this type loses data.
    ///
    /// From `stateful_resource_types.json`, AWS's list of 29 types; it has databases, buckets,
    /// keys, secrets, queues, log groups and nested stacks, not container registries.
    pub fn stateful(&self) -> bool {
        self.record.stateful
    }

    /// Where the type takes its tags; `None` if it takes none.
    ///
    /// By the names and shapes of properties: the data has no `tagging` section.
    pub fn tagging(&self) -> Option<Tagging> {
        let (path, shape) = self.record.tags?;
        Some(Tagging { path: PropertyPath::new(path), shape })
    }
}

fn paths(paths: &[&'static str]) -> impl ExactSizeIterator<Item = PropertyPath> + Clone {
    paths.iter().map(|path| PropertyPath::new(path))
}
