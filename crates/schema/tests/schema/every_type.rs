//! What must hold of every resource type in the data.

use std::collections::HashSet;

use kumiki_schema::{Kind, Property, ResourceType};

use crate::the;

#[test]
fn decodes_and_is_found_by_its_name() {
    let mut count = 0;
    for name in kumiki_schema::type_names() {
        assert_eq!(the(name).name(), name);
        count += 1;
    }
    assert_eq!(count, 1899);
    assert!(kumiki_schema::type_names().is_sorted());
}

/// AWS's data has no exception today: list one here should it ever get some.
const EXCEPTIONS: &[(&str, &str)] = &[];

#[test]
fn every_stated_path_names_a_property() {
    let mut astray = Vec::new();
    for resource_type in every_type() {
        let paths = resource_type
            .create_only()
            .chain(resource_type.conditional_create_only())
            .chain(resource_type.read_only())
            .chain(resource_type.write_only())
            .chain(resource_type.primary_identifier())
            .chain(resource_type.tagging().map(|it| it.path));
        for path in paths {
            let segments: Vec<&str> = path.segments().collect();
            if resource_type.property(&segments).is_none() {
                astray.push((resource_type.name(), path.as_str()));
            }
        }
    }
    assert_eq!(astray, EXCEPTIONS);
}

#[test]
fn every_listed_attribute_is_accepted() {
    for resource_type in every_type() {
        assert!(resource_type.attributes().is_sorted_by_key(|it| it.name));
        for attribute in resource_type.attributes() {
            let name = resource_type.name();
            assert_eq!(resource_type.attribute(attribute.name), Some(attribute.kind), "{name}");
        }
    }
}

#[test]
fn every_declared_property_is_reached_by_its_path() {
    for resource_type in every_type() {
        let mut seen = HashSet::new();
        let mut path = Vec::new();
        walk(resource_type, resource_type.root(), &mut path, &mut seen);
    }
}

/// Walks down until a definition repeats: its content has been seen.
fn walk(
    resource_type: &'static ResourceType,
    property: Property,
    path: &mut Vec<&'static str>,
    seen: &mut HashSet<String>,
) {
    let found = resource_type.property(path).expect("its parent declares it");
    assert_eq!(found.kind(), property.kind(), "{} {path:?}", resource_type.name());
    assert!(property.properties().is_sorted_by_key(Property::name));
    if property.properties().len() > 0 {
        assert_eq!(property.kind(), Kind::Object, "{} {path:?}", resource_type.name());
    }

    let content: Vec<_> = property.properties().map(Property::name).collect();
    let fingerprint = format!("{:?} {content:?} {:?}", property.kind(), property.item());
    if path.len() > 2 && !seen.insert(fingerprint) {
        return;
    }
    for child in property.properties().chain(property.item()) {
        path.push(child.name());
        walk(resource_type, child, path, seen);
        path.pop();
    }
}

fn every_type() -> impl Iterator<Item = &'static ResourceType> {
    kumiki_schema::type_names().map(the)
}
