//! What the crate says of resource types, held against AWS's documentation.

mod attributes;
mod every_type;
mod properties;
mod replacement;
mod types;

use kumiki_schema::ResourceType;

fn the(name: &str) -> &'static ResourceType {
    kumiki_schema::resource_type(name).unwrap_or_else(|| panic!("no resource type {name}"))
}

fn path(dotted: &str) -> Vec<&str> {
    dotted.split('.').collect()
}
