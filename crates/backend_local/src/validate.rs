//! What a resource provider's schema says about properties, in the registry's words.

use kumiki_schema::{Kind, Property, ResourceType};
use serde_json::Value as Json;

/// What is wrong with the properties of a resource, in the words of a stack event.
pub(crate) fn problems(schema: &'static ResourceType, properties: &Json) -> Option<String> {
    let mut found = Vec::new();
    check(schema, schema.root(), properties, &mut Vec::new(), &mut found);
    (!found.is_empty()).then(|| found.join("\n"))
}

fn check(
    schema: &'static ResourceType,
    property: Property,
    value: &Json,
    path: &mut Vec<String>,
    found: &mut Vec<String>,
) {
    let at = |path: &[String]| match path {
        [] => "#".to_owned(),
        path => format!("#/{}", path.join("/")),
    };
    // Scalars of any type are converted; a list is not a map.
    let expected = match (property.kind(), value) {
        (Kind::Array, Json::Array(_))
        | (Kind::Object | Kind::Map, Json::Object(_))
        | (Kind::Json | Kind::Any, _)
        | (
            Kind::String | Kind::Boolean | Kind::Integer | Kind::Number,
            Json::String(_) | Json::Bool(_) | Json::Number(_),
        )
        | (_, Json::Null) => None,
        (Kind::Array, _) => Some("JSONArray"),
        (Kind::Object | Kind::Map, _) => Some("JSONObject"),
        (Kind::String, _) => Some("String"),
        (Kind::Boolean, _) => Some("Boolean"),
        (Kind::Integer | Kind::Number, _) => Some("Number"),
    };
    if let Some(expected) = expected {
        let what = match value {
            Json::Array(_) => "JSONArray",
            Json::Object(_) => "JSONObject",
            Json::Bool(_) => "Boolean",
            Json::Number(_) => "Number",
            _ => "String",
        };
        found.push(format!("{}: expected type: {expected}, found: {what}", at(path)));
        return;
    }
    match value {
        Json::Object(map) => {
            for required in property.properties().filter(|it| it.required()) {
                if map.get(required.name()).is_none_or(Json::is_null) {
                    let name = required.name();
                    found.push(format!("{}: required key [{name}] not found", at(path)));
                }
            }
            for (name, value) in map {
                path.push(name.clone());
                if schema.is_read_only(path) {
                    path.pop();
                    found.push(format!(
                        "{}: extraneous key [{name}] is not permitted: it is read-only",
                        at(path)
                    ));
                    continue;
                }
                match property.child(name) {
                    Some(inner) => {
                        check(schema, inner, value, path, found);
                        path.pop();
                    }
                    None => {
                        path.pop();
                        found.push(format!(
                            "{}: extraneous key [{name}] is not permitted",
                            at(path)
                        ));
                    }
                }
            }
        }
        Json::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                path.push(index.to_string());
                if let Some(item) = property.child(&path[path.len() - 1]) {
                    check(schema, item, value, path, found);
                }
                path.pop();
            }
        }
        Json::String(text) => {
            let allowed = property.allowed_values();
            let same = |it: &&str| {
                **it == **text
                    || property.allowed_values_ignore_case() && it.eq_ignore_ascii_case(text)
            };
            let dynamic = text.contains("{{resolve:") || text.starts_with("kumiki:secret:");
            if !allowed.is_empty() && !dynamic && !allowed.iter().any(same) {
                found.push(format!("{}: #: {text} is not a valid enum value", at(path)));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn problems_are_named_as_the_registry_names_them() {
        let cases = [
            ("AWS::SNS::Topic", json!({"DisplayName": "x"}), None),
            ("AWS::SNS::Topic", json!({"Nope": 1}), Some("extraneous key [Nope] is not permitted")),
            ("AWS::SNS::Topic", json!({"TopicArn": "arn"}), Some("read-only")),
            (
                "AWS::SNS::Topic",
                json!({"Tags": "x"}),
                Some("#/Tags: expected type: JSONArray, found: String"),
            ),
            ("AWS::EC2::Subnet", json!({}), Some("#: required key [VpcId] not found")),
            (
                "AWS::S3::Bucket",
                json!({"VersioningConfiguration": {"Status": "On"}}),
                Some("On is not a valid enum value"),
            ),
            (
                "AWS::S3::Bucket",
                json!({"BucketEncryption": {}}),
                Some("#/BucketEncryption: required key"),
            ),
            (
                "AWS::EC2::VPC",
                json!({"EnableDnsSupport": "true", "CidrBlock": "10.0.0.0/16"}),
                None,
            ),
        ];
        for (type_name, properties, expected) in cases {
            let schema = kumiki_schema::resource_type(type_name).unwrap();
            let found = problems(schema, &properties);
            match expected {
                None => assert_eq!(found, None, "{properties}"),
                Some(expected) => {
                    let found = found.unwrap_or_default();
                    assert!(found.contains(expected), "{properties}: {found}");
                }
            }
        }
    }
}
