//! Compiles AWS's resource provider schemas into the data this crate embeds.
//!
//! Input is the `cloudformation-validate-data-source` crate, output two files in `OUT_DIR`:
//! `schemas.bin`, one postcard record per resource type laid end to end, and `index.rs`, the sorted
//! list of type names with the offset of each record and the Regions that offer the type. Nothing
//! is kept that the library does not serve: no patterns, no ranges, no descriptions.

#![allow(clippy::print_stdout, reason = "a build script speaks to Cargo on standard output")]
#![allow(
    clippy::disallowed_methods,
    reason = "a build script reads the environment and writes files"
)]

mod corrections;
mod nodes;
#[path = "../src/record.rs"]
mod record;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;
use std::{env, fs};

use corrections::{CORRECTIONS, Fact};
use data_source::compiled_schema::CompiledSchema;
use data_source::embedded;
use data_source::types::{GetattData, StatefulResourceTypes};
use record::{Kind, Node, Record, TagShape};

fn main() {
    println!("cargo::rerun-if-changed=build");
    println!("cargo::rerun-if-changed=src/record.rs");

    let mut schemas: BTreeMap<String, CompiledSchema> = parse(&embedded::COMPILED_SCHEMAS_BYTES);
    let attributes: GetattData = parse(&embedded::GETATT_ATTRIBUTES_BYTES);
    let stateful: StatefulResourceTypes = parse(&embedded::STATEFUL_RESOURCE_TYPES_BYTES);
    let availability: RegionResourceTypes = parse(&embedded::REGION_RESOURCE_TYPES_BYTES);

    correct(&mut schemas);
    let regions = regions_with_data(&availability);

    let mut blob = Vec::new();
    let mut index = String::new();
    writeln!(index, "pub(crate) static TYPES: [Entry; {}] = [", schemas.len()).expect("a string");
    for (name, schema) in &schemas {
        let record = compile(name, schema, &attributes, &stateful);
        let offered = regions
            .iter()
            .enumerate()
            .filter(|(_, region)| availability.region_resource_types[**region].contains_key(name))
            .fold(0_u64, |set, (bit, _)| set | 1 << bit);
        let start = blob.len();
        writeln!(index, "    Entry {{ name: {name:?}, start: {start}, regions: {offered:#x} }},")
            .expect("a string");
        blob.extend(postcard::to_allocvec(&record).expect("records hold only plain data"));
    }
    writeln!(index, "];").expect("a string");
    writeln!(index, "pub(crate) static REGIONS: [&str; {}] = {regions:?};", regions.len())
        .expect("a string");

    let out = env::var("OUT_DIR").expect("Cargo sets it");
    let out = Path::new(&out);
    fs::write(out.join("schemas.bin"), blob).expect("OUT_DIR is writable");
    fs::write(out.join("index.rs"), index).expect("OUT_DIR is writable");

    let (source, version) = embedded::RESOURCE_SCHEMA_VERSION
        .split_once('@')
        .expect("the schema version reads `repository@time`");
    println!("cargo::rustc-env=KUMIKI_SCHEMA_SOURCE={source}");
    println!("cargo::rustc-env=KUMIKI_SCHEMA_VERSION={version}");
}

#[derive(serde::Deserialize)]
struct RegionResourceTypes {
    region_resource_types: BTreeMap<String, HashMap<String, bool>>,
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> T {
    serde_json::from_slice(bytes)
        .expect("the data of cloudformation-validate-data-source has the shape it had at 1.14")
}

fn correct(schemas: &mut BTreeMap<String, CompiledSchema>) {
    for correction in CORRECTIONS {
        let name = correction.resource_type;
        let schema = schemas.get_mut(name).unwrap_or_else(|| panic!("no resource type {name}"));
        match correction.fact {
            Fact::CreateOnly(property) => {
                assert!(schema.properties.contains_key(property), "{name} has no {property}");
                let paths = &mut schema.create_only_properties;
                assert!(
                    !paths.iter().any(|path| path == property),
                    "{name} {property} is create-only by now: delete the correction"
                );
                paths.push(property.to_owned());
                schema.conditional_create_only_properties.retain(|path| path != property);
            }
            Fact::UpdatesInPlace(property) => {
                let paths = &mut schema.conditional_create_only_properties;
                assert!(
                    paths.iter().any(|path| path == property),
                    "{name} {property} updates in place by now: delete the correction"
                );
                paths.retain(|path| path != property);
            }
            Fact::AcceptsUndeclaredProperties => {
                assert!(
                    schema.additional_properties == Some(false),
                    "{name} accepts undeclared properties by now: delete the correction"
                );
                schema.additional_properties = Some(true);
            }
        }
    }
}

/// The Regions whose list of types was really read. Where AWS has no list (isolated partitions),
/// its data repeats that of us-east-1, and repeating it would be a guess.
fn regions_with_data(availability: &RegionResourceTypes) -> Vec<&str> {
    const TEMPLATE: &str = "us-east-1";
    let all = &availability.region_resource_types;
    let regions: Vec<&str> = all
        .iter()
        .filter(|(region, types)| *region == TEMPLATE || **types != all[TEMPLATE])
        .map(|(region, _)| region.as_str())
        .collect();
    assert!(regions.len() <= 64, "the Regions of a type are a 64-bit set");
    regions
}

fn compile<'a>(
    name: &'a str,
    schema: &'a CompiledSchema,
    attributes: &'a GetattData,
    stateful: &StatefulResourceTypes,
) -> Record<'a> {
    let nodes = nodes::compile(name, schema);
    Record {
        attributes: compile_attributes(name, &nodes, attributes),
        tags: find_tags(name, &nodes),
        read_only: paths(&schema.read_only_properties),
        create_only: paths(&schema.create_only_properties),
        conditional_create_only: paths(&schema.conditional_create_only_properties),
        write_only: paths(&schema.write_only_properties),
        primary_identifier: schema.primary_identifier.iter().map(String::as_str).collect(),
        stateful: stateful.stateful_resource_types.contains(name),
        deletes_before_creating: schema.replacement_strategy.as_deref()
            == Some("delete_then_create"),
        nodes,
    }
}

fn paths(paths: &[String]) -> Vec<&str> {
    let mut paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

/// What `Fn::GetAtt` accepts, with what it returns. Attributes inside array items are left out:
/// `Fn::GetAtt` has no way to write them.
fn compile_attributes<'a>(
    name: &str,
    nodes: &[Node<'_>],
    attributes: &'a GetattData,
) -> Vec<(&'a str, Kind)> {
    let types = attributes.getatt_attribute_types.get(name);
    let mut result: Vec<(&str, Kind)> = attributes
        .getatt_attributes
        .get(name)
        .into_iter()
        .flatten()
        .map(String::as_str)
        .filter(|attribute| !attribute.split('.').any(|segment| segment == "*"))
        .map(|attribute| {
            // The table of attribute types is one word per attribute and holds AWS's corrections
            // of what `Fn::GetAtt` returns; the property tree tells objects apart.
            let stated = types.and_then(|types| types.get(attribute)).map(String::as_str);
            let declared = nodes::at(nodes, attribute).map(|node| node.kind);
            let kind = match (stated, declared) {
                (Some("string"), _) => Kind::String,
                (Some("integer"), _) => Kind::Integer,
                (Some("number"), _) => Kind::Number,
                (Some("boolean"), _) => Kind::Boolean,
                (Some("array"), _) => Kind::Array,
                (_, Some(kind)) => kind,
                (Some(_), None) => Kind::Json,
                (None, None) => Kind::String,
            };
            (attribute, kind)
        })
        .collect();
    result.sort_unstable_by_key(|(attribute, _)| *attribute);
    result.dedup_by_key(|(attribute, _)| *attribute);
    result
}

/// Where a type takes its tags. The compiled schemas carry no `tagging` section, so this goes by
/// names and shapes: `Tags`, or `<the type's own name>Tags`, or `ResourceTags`, holding a list of
/// keys and values or a map; and EC2's `TagSpecifications`.
fn find_tags<'a>(name: &str, nodes: &[Node<'a>]) -> Option<(&'a str, TagShape)> {
    // Here the tags select other resources, or go to resources made later.
    const NOT_ITS_OWN: &[&str] = &[
        "AWS::DataZone::Project",
        "AWS::ECR::RepositoryCreationTemplate",
        "AWS::Inspector::ResourceGroup",
    ];
    if NOT_ITS_OWN.contains(&name) {
        return None;
    }

    let resource = name.rsplit("::").next().unwrap_or(name);
    let own = |field: &&record::Field<'_>| {
        field.name.strip_suffix("Tags").is_some_and(|it| !it.is_empty() && resource.ends_with(it))
    };
    let named = |wanted: &'static str| move |field: &&record::Field<'_>| field.name == wanted;
    let fields = &nodes[0].fields;
    let candidates = fields
        .iter()
        .filter(named("Tags"))
        .chain(fields.iter().filter(own))
        .chain(fields.iter().filter(named("ResourceTags")));
    for field in candidates {
        if let Some(shape) = tag_shape(nodes, field.node) {
            return Some((field.name, shape));
        }
    }
    // Two types hang their tags one level lower.
    ["TagSpecifications.*.Tags", "Tags.Items"].into_iter().find_map(|path| {
        let node = nodes::index(nodes, path)?;
        Some((path, tag_shape(nodes, node)?))
    })
}

fn tag_shape(nodes: &[Node<'_>], node: u32) -> Option<TagShape> {
    let node = &nodes[node as usize];
    match node.kind {
        Kind::Array => {
            let item = &nodes[node.item? as usize];
            let keys: HashSet<&str> = item.fields.iter().map(|field| field.name).collect();
            (keys.contains("Key") && keys.contains("Value")).then_some(TagShape::List)
        }
        Kind::Map | Kind::Json => Some(TagShape::Map),
        _ => None,
    }
}
