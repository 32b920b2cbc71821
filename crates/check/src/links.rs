//! Which resource of a tree a value names.
//!
//! Only a plain `Ref`, `Fn::GetAtt` or a string of nothing but one `${…}` names a resource, through
//! any number of parameters, outputs and exports. What is cut out of an ARN or joined to something
//! is made of the resource and is not its name.

use crate::rule::Cx;
use kumiki_project::{Resource, ResourceRef, Stack, Tree, Unknown, Value};
use kumiki_source::{Sources, Span};
use std::collections::HashMap;
use std::rc::Rc;

/// A resource by its positions: of the stack in the tree, of the resource in the stack.
pub(crate) type Place = (usize, usize);

/// A resource that surely is created, with its place and stack.
pub(crate) type Certain<'t> = (Place, &'t Stack, &'t Resource);

/// The resources of a tree by what refers to them: made once for all rules.
#[derive(Clone)]
pub(crate) struct Links<'t> {
    tree: &'t Tree,
    sources: &'t Sources,
    index: Rc<Index<'t>>,
}

/// Where everything is.
struct Index<'t> {
    stacks: HashMap<&'t str, usize>,
    /// Whether each stack is surely created.
    created: Vec<bool>,
    /// The resources of each type that there are or may be.
    types: HashMap<&'t str, Vec<Place>>,
    /// The position of each resource in its stack.
    positions: HashMap<(usize, &'t str), usize>,
}

/// What a value that names a resource says.
#[derive(Clone, Copy)]
pub(crate) struct Reference<'v> {
    /// The resource.
    pub(crate) resource: &'v ResourceRef,
    /// The attribute, or nothing for `Ref`.
    pub(crate) attribute: Option<&'v str>,
}

impl<'t> Links<'t> {
    /// The links of the tree that a rule looks at.
    pub(crate) fn new(cx: &Cx<'t>) -> Self {
        cx.links.clone()
    }

    /// Finds everything in a tree.
    pub(crate) fn of(tree: &'t Tree, sources: &'t Sources) -> Self {
        let mut index = Index {
            stacks: HashMap::with_capacity(tree.stacks.len()),
            created: Vec::with_capacity(tree.stacks.len()),
            types: HashMap::new(),
            positions: HashMap::new(),
        };
        for (stack, it) in tree.stacks.iter().enumerate() {
            index.stacks.insert(&it.path, stack);
            // Parents come before their children.
            index.created.push(it.parent.is_none_or(|(parent, resource)| {
                index.created[parent] && tree.stacks[parent].resources[resource].condition.is_true()
            }));
            for (position, resource) in it.resources.iter().enumerate() {
                index.positions.insert((stack, &resource.logical_id), position);
                if !resource.condition.is_false() {
                    index.types.entry(&resource.type_name).or_default().push((stack, position));
                }
            }
        }
        Self { tree, sources, index: Rc::new(index) }
    }

    /// Every resource that surely is created.
    pub(crate) fn all(&self) -> impl Iterator<Item = Certain<'t>> + use<'t, '_> {
        let tree = self.tree;
        tree.stacks.iter().enumerate().filter(|(index, _)| self.index.created[*index]).flat_map(
            |(index, stack)| {
                stack
                    .resources
                    .iter()
                    .enumerate()
                    .filter(|(_, it)| it.condition.is_true())
                    .map(move |(position, resource)| ((index, position), stack, resource))
            },
        )
    }

    /// Every resource of a type that there is or may be.
    pub(crate) fn possible(&self, type_name: &str) -> impl Iterator<Item = Certain<'t>> + use<'t> {
        let tree = self.tree;
        let places = self.index.types.get(type_name).cloned().unwrap_or_default();
        places.into_iter().map(move |(stack, position)| {
            let it = &tree.stacks[stack];
            ((stack, position), it, &it.resources[position])
        })
    }

    /// Every resource of a type that surely is created.
    pub(crate) fn certain<'a>(
        &'a self,
        type_name: &str,
    ) -> impl Iterator<Item = Certain<'t>> + use<'t, 'a> {
        self.possible(type_name).filter(|(place, _, it)| self.is_certain(*place, it))
    }

    fn is_certain(&self, (stack, _): Place, resource: &Resource) -> bool {
        self.index.created[stack] && resource.condition.is_true()
    }

    /// Whether every resource of a type that there may be is also surely created.
    pub(crate) fn all_certain(&self, type_name: &str) -> bool {
        self.possible(type_name).all(|(place, _, it)| self.is_certain(place, it))
    }

    /// Whether every nested stack of the tree was followed, so that nothing of it is unseen.
    pub(crate) fn whole(&self) -> bool {
        self.tree.stacks.iter().all(|stack| {
            stack.resources.iter().all(|it| {
                it.condition.is_false()
                    || it.child.is_some()
                    || &*it.type_name != "AWS::CloudFormation::Stack"
            })
        })
    }

    /// The place of a resource.
    pub(crate) fn place(&self, reference: &ResourceRef) -> Option<Place> {
        let stack = *self.index.stacks.get(&*reference.stack)?;
        let position = *self.index.positions.get(&(stack, &*reference.logical_id))?;
        Some((stack, position))
    }

    /// The resource at a place.
    pub(crate) fn at(&self, place: Place) -> &'t Resource {
        &self.tree.stacks[place.0].resources[place.1]
    }

    /// The name of the resource at a place, unlike any other of the tree.
    pub(crate) fn name(&self, place: Place) -> ResourceRef {
        kumiki_project::resource_name(&self.tree.stacks[place.0], self.at(place))
    }

    /// What a value says of a resource, if it names one and nothing else.
    pub(crate) fn reference<'v>(&self, value: &'v Value) -> Option<Reference<'v>> {
        let reference = match &**value.as_unknown()? {
            Unknown::PhysicalId(resource) => Reference { resource, attribute: None },
            Unknown::Attribute(resource, name) => Reference { resource, attribute: Some(name) },
            _ => return None,
        };
        value.origin.span.is_some_and(|it| self.is_reference(it)).then_some(reference)
    }

    /// Whether what is written at a place is a reference and nothing else.
    pub(crate) fn is_reference(&self, span: Span) -> bool {
        self.sources.slice(span).is_some_and(plain)
    }

    /// The resource of a type that a value names: by reference, or by one of these names.
    pub(crate) fn named(
        &self,
        value: &Value,
        type_name: &str,
        names: &HashMap<&'t str, Place>,
    ) -> Option<Place> {
        if let Some(text) = value.as_text() {
            return names.get(text).copied();
        }
        let reference = self.reference(value)?;
        (&*reference.resource.type_name == type_name)
            .then(|| self.place(reference.resource))
            .flatten()
    }

    /// The resources of a type by the name that a property gives them.
    pub(crate) fn names(&self, type_name: &str, property: &str) -> HashMap<&'t str, Place> {
        self.certain(type_name)
            .filter_map(|(place, _, it)| Some((it.property(property)?.as_text()?, place)))
            .collect()
    }

    /// What a value surely is: values with the same identity are the same.
    pub(crate) fn identity<'v>(&self, value: &'v Value) -> Option<Identity<'v>> {
        if let Some(text) = value.as_text() {
            return Some(Identity::Text(text));
        }
        let Reference { resource, attribute } = self.reference(value)?;
        Some(match attribute.filter(|it| !is_id(resource, it)) {
            Some(attribute) => Identity::Attribute(resource, attribute),
            None => Identity::Resource(resource),
        })
    }
}

/// What a value surely is.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Identity<'v> {
    /// A text.
    Text(&'v str),
    /// What `Ref` gives of a resource.
    Resource(&'v ResourceRef),
    /// Another attribute of a resource.
    Attribute(&'v ResourceRef, &'v str),
}

/// Whether an attribute is another name for what `Ref` gives.
fn is_id(resource: &ResourceRef, attribute: &str) -> bool {
    matches!(
        (&*resource.type_name, attribute),
        ("AWS::EC2::VPC", "VpcId")
            | ("AWS::EC2::Subnet", "SubnetId")
            | ("AWS::EC2::InternetGateway", "InternetGatewayId")
            | ("AWS::EC2::RouteTable", "RouteTableId")
            | ("AWS::EC2::TransitGateway", "Id")
            | ("AWS::ElasticLoadBalancingV2::TargetGroup", "TargetGroupArn")
            | ("AWS::ElasticLoadBalancingV2::LoadBalancer", "LoadBalancerArn")
            | ("AWS::SNS::Topic", "TopicArn")
            | ("AWS::KMS::Key", "KeyId")
    )
}

/// Whether a text is a reference and nothing else.
fn plain(text: &str) -> bool {
    let text = text.trim_start_matches(['{', '"', '\'', ' ', '\n']);
    if ["!Ref", "!GetAtt", "Ref", "Fn::GetAtt"].iter().any(|it| text.starts_with(it)) {
        return true;
    }
    let Some(inner) = text.strip_prefix("!Sub").or_else(|| text.strip_prefix("Fn::Sub")) else {
        return false;
    };
    let quotes = ['"', '\'', ' ', '\n', ':', '}', '|', '>', '-'];
    let inner = inner.trim_start_matches(quotes).trim_end_matches(quotes);
    // The closing brace was trimmed with the quotes.
    inner
        .strip_prefix("${")
        .is_some_and(|it| it.chars().all(|it| it.is_ascii_alphanumeric() || it == '.' || it == ':'))
}

#[cfg(test)]
mod tests {
    use super::plain;

    #[test]
    fn only_references_name_resources() {
        for text in [
            "!Ref A",
            "!GetAtt A.Arn",
            "Ref: A",
            "{ \"Ref\": \"A\" }",
            "Fn::GetAtt: [A, Arn]",
            "!Sub \"${A.Arn}\"",
            "!Sub '${A}'",
            "{ \"Fn::Sub\": \"${A}\" }",
        ] {
            assert!(plain(text), "{text}");
        }
        for text in [
            "!Sub \"${A.Arn}/*\"",
            "!Sub \"x-${A}\"",
            "!Sub \"${A}${B}\"",
            "!Join [\"\", [!Ref A]]",
            "!Select [5, !Split [\":\", !Ref A]]",
            "!Sub [\"${X}\", { X: !Ref A }]",
        ] {
            assert!(!plain(text), "{text}");
        }
    }
}
