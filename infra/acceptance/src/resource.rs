//! A resource of a view, and its properties as JSON and as text.

use kumiki_project::Value;
use serde_json::Value as Json;

/// A resource of a tree, or the lack of one: then it has a name, and nothing else.
#[derive(Clone, Debug)]
pub struct Resource<'w> {
    /// The path of its stack and its logical ID: `VpcStack/VPC`.
    pub name: String,
    pub(crate) found: Option<(&'w kumiki_project::Stack, &'w kumiki_project::Resource)>,
}

impl<'w> Resource<'w> {
    /// Whether it is created.
    pub fn exists(&self) -> bool {
        self.found.is_some()
    }

    /// Its type, empty when it is not there.
    pub fn type_name(&self) -> &'w str {
        self.found.map_or("", |(_, it)| &*it.type_name)
    }

    /// The path of its stack.
    pub fn stack(&self) -> &'w str {
        self.found.map_or("", |(it, _)| &*it.path)
    }

    /// Its logical ID.
    pub fn logical_id(&self) -> &'w str {
        self.found.map_or("", |(_, it)| &*it.logical_id)
    }

    /// The resource in the tree.
    pub fn node(&self) -> Option<&'w kumiki_project::Resource> {
        self.found.map(|(_, it)| it)
    }

    /// Its identifier as other resources refer to it: `<VpcStack/VPC>`.
    pub fn id(&self) -> String {
        format!("<{}>", self.name)
    }

    /// An attribute of it as other resources refer to it: `<VpcStack/VPC.CidrBlock>`.
    pub fn attribute(&self, name: &str) -> String {
        format!("<{}.{name}>", self.name)
    }

    /// Whether it has something at a path such as `Tags.0.Key`.
    pub fn has(&self, path: &str) -> bool {
        self.value(path).is_some()
    }

    /// The value at a path, with its origin.
    pub fn value(&self, path: &str) -> Option<&'w Value> {
        self.found.and_then(|(_, it)| it.property(path))
    }

    /// The property at a path as JSON; `null` when it is absent.
    pub fn at(&self, path: &str) -> Json {
        self.value(path).map_or(Json::Null, json)
    }

    /// All properties as JSON.
    pub fn properties(&self) -> Json {
        self.found.map_or(Json::Null, |(_, it)| json(&it.properties))
    }

    /// The items of a list, none when it is absent.
    pub fn list(&self, path: &str) -> Vec<Json> {
        match self.at(path) {
            Json::Array(items) => items,
            _ => Vec::new(),
        }
    }

    /// The items of a list as texts.
    pub fn texts(&self, path: &str) -> Vec<String> {
        self.list(path).iter().map(text).collect()
    }

    /// The property at a path as text, `nothing` when it is absent.
    pub fn text(&self, path: &str) -> String {
        text(&self.at(path))
    }

    /// The property at a path as a whole number.
    pub fn number(&self, path: &str) -> Option<i64> {
        self.text(path).parse().ok()
    }

    /// The value of one of its tags, as it is written on the resource.
    pub fn tag(&self, key: &str) -> Option<String> {
        match self.at("Tags") {
            Json::Array(tags) => {
                let tag = tags.iter().find(|it| it["Key"] == key)?;
                Some(text(&tag["Value"]))
            }
            Json::Object(tags) => tags.get(key).map(text),
            _ => None,
        }
    }
}

fn json(value: &Value) -> Json {
    value
        .to_json(&|it| Some(Json::String(format!("unknown: {}", it.describe()))))
        .unwrap_or_default()
}

/// Scalars without quotes, lists and maps as compact JSON.
pub fn text(json: &Json) -> String {
    match json {
        Json::Null => "nothing".to_owned(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// One or many, as policies write them: always as texts in a list.
pub fn many(json: &Json) -> Vec<String> {
    match json {
        Json::Null => Vec::new(),
        Json::Array(items) => items.iter().map(text).collect(),
        one => vec![text(one)],
    }
}
