//! Which resource types there are, and where.

use std::sync::OnceLock;

use crate::nearest::nearest;
use crate::resource_type::ResourceType;

/// One line of the index the build script writes. Sorted by name; a record ends where the next
/// begins.
pub(crate) struct Entry {
    name: &'static str,
    start: usize,
    /// Bit `n` is set if the Region at `REGIONS[n]` offers the type.
    regions: u64,
}

include!(concat!(env!("OUT_DIR"), "/index.rs"));

static RECORDS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/schemas.bin"));

static DECODED: [OnceLock<Box<ResourceType>>; TYPES.len()] =
    [const { OnceLock::new() }; TYPES.len()];

const CUSTOM_RESOURCE: &str = "AWS::CloudFormation::CustomResource";

/// The resource type of this name, as in `AWS::RDS::DBInstance`. `Custom::Anything` is the type
/// `AWS::CloudFormation::CustomResource`. Names are compared exactly, as CloudFormation does.
///
/// The first call for a type decodes it, in some microseconds; later calls only look it up.
pub fn resource_type(name: &str) -> Option<&'static ResourceType> {
    let name = if is_custom(name) { CUSTOM_RESOURCE } else { name };
    let index = position(name)?;
    Some(DECODED[index].get_or_init(|| {
        let entry = &TYPES[index];
        let end = TYPES.get(index + 1).map_or(RECORDS.len(), |next| next.start);
        Box::new(ResourceType::decode(entry.name, &RECORDS[entry.start..end]))
    }))
}

/// The names of all resource types in the data, sorted.
pub fn type_names() -> impl ExactSizeIterator<Item = &'static str> + Clone {
    TYPES.iter().map(|entry| entry.name)
}

/// The type name nearest to a name, for "did you mean"; `None` if none is near. The nearest to a
/// name that exists is that name.
pub fn suggest(name: &str) -> Option<&'static str> {
    nearest(name, type_names())
}

/// Whether a Region offers a resource type, by the list AWS publishes for each Region.
///
/// `None` where the data cannot tell: an unknown type or Region, a Region for which AWS publishes
/// no list (isolated partitions), and a type in no Region's list (serverless types).
pub fn available(name: &str, region: &str) -> Option<bool> {
    let name = if is_custom(name) { CUSTOM_RESOURCE } else { name };
    let offered = TYPES[position(name)?].regions;
    let bit = REGIONS.iter().position(|known| *known == region)?;
    (offered != 0).then_some(offered & 1 << bit != 0)
}

/// The Regions for which AWS publishes a list of types, sorted.
pub fn regions() -> &'static [&'static str] {
    &REGIONS
}

/// Who defines a resource type, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// The data has its schema.
    Schema,
    /// The name of a custom resource. [`resource_type`] serves the schema of
    /// `AWS::CloudFormation::CustomResource`.
    Custom,
    /// The name of a module, which CloudFormation expands before anything is created.
    Module,
    /// The name of a type that an account registers or activates.
    ThirdParty,
    /// A name in AWS's namespaces that the data does not have (misspelt, or newer than
    /// [`SCHEMA_VERSION`](crate::SCHEMA_VERSION)), or not a type name at all.
    Unknown,
}

/// Tells who defines a resource type. Only names in AWS's own namespaces can be known to be wrong.
pub fn origin(name: &str) -> Origin {
    if name == CUSTOM_RESOURCE || is_custom(name) {
        return Origin::Custom;
    }
    if position(name).is_some() {
        return Origin::Schema;
    }
    let segments: Vec<&str> = name.split("::").collect();
    let well_formed = segments.iter().all(|segment| {
        !segment.is_empty() && segment.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    match segments[..] {
        [_, _, _, "MODULE"] if well_formed => Origin::Module,
        ["AWS" | "Alexa" | "AMZN" | "Amazon", ..] => Origin::Unknown,
        [_, _, _] if well_formed => Origin::ThirdParty,
        _ => Origin::Unknown,
    }
}

fn is_custom(name: &str) -> bool {
    name.strip_prefix("Custom::").is_some_and(|rest| !rest.is_empty())
}

fn position(name: &str) -> Option<usize> {
    TYPES.binary_search_by(|entry| entry.name.cmp(name)).ok()
}
