//! The difference between the properties that a resource has and those that it should have.

use crate::secret::same;
use crate::steps::{Cause, ChangeSource, Detail, Recreation};
use kumiki_project::{Kind, Unknown, Value};
use kumiki_schema::ResourceType;
use kumiki_source::Message;
use serde_json::Value as Json;

/// The properties as a provider receives them, or nothing when something in them is not known.
///
/// A dynamic reference stays as it is written: only the service itself resolves it, and its value
/// must not reach any state.
pub fn desired_json(properties: &Value) -> Option<Json> {
    let json = properties.to_json(&|unknown| match &**unknown {
        Unknown::Dynamic(text) => Some(Json::String(text.to_string())),
        _ => None,
    })?;
    Some(if json.is_null() { Json::Object(serde_json::Map::new()) } else { json })
}

/// Every property of `after` that differs from `before`, deepest first that names it exactly.
pub fn diff(schema: Option<&ResourceType>, before: &Json, after: &Value) -> Vec<Detail> {
    let mut details = Vec::new();
    compare(schema, &mut Vec::new(), Some(before), Some(after), &mut details);
    details
}

fn compare(
    schema: Option<&ResourceType>,
    path: &mut Vec<String>,
    before: Option<&Json>,
    after: Option<&Value>,
    details: &mut Vec<Detail>,
) {
    let after = after.filter(|it| !matches!(it.kind, Kind::Absent | Kind::Null));
    let before = before.filter(|it| !it.is_null());
    match (before, after) {
        (None, None) => {}
        (Some(Json::Object(old)), Some(Value { kind: Kind::Map(fields), .. })) => {
            for field in fields {
                path.push(field.name.to_string());
                compare(schema, path, old.get(&*field.name), Some(&field.value), details);
                path.pop();
            }
            for (name, value) in old {
                if !fields.iter().any(|it| *it.name == **name) {
                    path.push(name.clone());
                    compare(schema, path, Some(value), None, details);
                    path.pop();
                }
            }
        }
        // At the root there are properties even where none are written.
        (Some(Json::Object(old)), None) if path.is_empty() => {
            for (name, value) in old {
                path.push(name.clone());
                compare(schema, path, Some(value), None, details);
                path.pop();
            }
        }
        (Some(Json::Array(old)), Some(Value { kind: Kind::List(items), .. })) => {
            for index in 0..old.len().max(items.len()) {
                path.push(index.to_string());
                compare(schema, path, old.get(index), items.get(index), details);
                path.pop();
            }
        }
        (Some(old), Some(new)) => {
            let equal = match (scalar(old), new.as_text()) {
                (Some(old), Some(new)) => same(&old, new),
                _ => match &new.kind {
                    Kind::Unknown(unknown) => settled(unknown, old),
                    _ => false,
                },
            };
            if !equal {
                details.push(detail(schema, path, Some(old), Some(new)));
            }
        }
        (old, new) => details.push(detail(schema, path, old, new)),
    }
}

/// A scalar as text: providers read `"80"` and `80` alike, so they are no difference.
fn scalar(json: &Json) -> Option<String> {
    match json {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(it) => Some(it.to_string()),
        _ => None,
    }
}

/// Whether an unknown value certainly stays what it is: nothing that is waited for changes.
fn settled(unknown: &Unknown, before: &Json) -> bool {
    if let Unknown::Dynamic(text) = unknown {
        return before.as_str() == Some(text);
    }
    let mut settled = true;
    unknown.each(&mut |it| {
        settled &= !matches!(
            it,
            Unknown::PhysicalId(_)
                | Unknown::Attribute(..)
                | Unknown::StackOutput { .. }
                | Unknown::Dynamic(_)
        );
    });
    settled
}

fn detail(
    schema: Option<&ResourceType>,
    path: &[String],
    before: Option<&Json>,
    after: Option<&Value>,
) -> Detail {
    let segments: Vec<&str> = path.iter().map(String::as_str).collect();
    let recreation = schema.map_or(Recreation::Never, |it| it.replacement(&segments).into());
    let mut waits_for = None;
    let mut upstream = None;
    let mut source = ChangeSource::DirectModification;
    if let Some(after) = after {
        after.unknowns(&mut |unknown| {
            waits_for.get_or_insert_with(|| unknown.describe());
            unknown.each(&mut |it| {
                let found = match it {
                    Unknown::PhysicalId(resource) => {
                        (ChangeSource::ResourceReference, resource.to_string())
                    }
                    Unknown::Attribute(resource, attribute) => {
                        (ChangeSource::ResourceAttribute, format!("{resource}.{attribute}"))
                    }
                    _ => return,
                };
                if upstream.is_none() {
                    source = found.0;
                    upstream = Some(found.1);
                }
            });
        });
    }
    let waits_for: Option<Message> = waits_for;
    Detail {
        path: path.join("."),
        recreation,
        before: before.cloned(),
        after: after.and_then(desired_json),
        waits_for,
        change_source: source,
        causing_entity: upstream.clone(),
        cause: upstream.map_or(Cause::Direct, Cause::Upstream),
    }
}
