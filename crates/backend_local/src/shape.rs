//! The shapes of identifiers and attributes, as AWS documents them: the readable table is in
//! [`shapes`](crate::shapes).
//!
//! A pattern is text with gaps: `{id}` the physical ID, `{name}` the name, `{hex17}`, `{uuid}`,
//! `{upper12}`, `{lower11}`, `{mixed6}` made up, `{p:Port}` a property, and `{account}`,
//! `{region}`, `{partition}`, `{home}` (a hash that an account has in a Region). `?Property ` in
//! front makes it hold only where that property is set and not false. A pattern that begins with
//! `[` or `{{"` is JSON.

use kumiki_engine::Request;
use kumiki_engine::identity::{CAPITALS, SMALL, fingerprint, hex, letters, uuid};
use kumiki_project::partition;
use kumiki_schema::{Kind, ResourceType};
use serde_json::{Map, Value as Json};

/// How CloudFormation makes up a name that a template does not give.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name {
    /// The property that gives it.
    pub(crate) property: &'static str,
    /// The longest that it can be.
    pub(crate) longest: usize,
    /// Whether it has small letters only.
    pub(crate) small: bool,
}

/// The shape of a type's identifier and attributes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) type_name: &'static str,
    pub(crate) name: Option<Name>,
    /// What `Ref` gives.
    pub(crate) id: &'static str,
    /// What `Fn::GetAtt` gives, where it is not a property of the same name.
    pub(crate) attributes: &'static [(&'static str, &'static str)],
}

const MIXED: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A property as text, if it is a scalar.
pub(crate) fn text_at(properties: &Json, path: &str) -> Option<String> {
    scalar(path.split('.').try_fold(properties, |value, part| value.get(part))?)
}

fn scalar(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(it) => Some(it.to_string()),
        _ => None,
    }
}

/// The scalars at a path of properties as texts; a list is followed into each of its items.
pub(crate) fn texts_at(properties: &Json, path: &str) -> Vec<String> {
    let mut found = vec![properties];
    for part in path.split('.') {
        found = found.into_iter().flat_map(items).filter_map(|it| it.get(part)).collect();
    }
    found.into_iter().flat_map(texts_in).collect()
}

/// A scalar, or the scalars of a list, as texts.
pub(crate) fn texts_in(value: &Json) -> Vec<String> {
    items(value).filter_map(scalar).collect()
}

/// The items of a list, or the value itself.
fn items(value: &Json) -> std::slice::Iter<'_, Json> {
    value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice).iter()
}

/// The name that CloudFormation makes up: `stack-LogicalId-XXXXXXXXXXXX`.
pub(crate) fn made_up_name(request: &Request<'_>, longest: usize, small: bool) -> String {
    let Request { stack_name, logical_id, seed, .. } = request;
    let suffix = letters(seed, 12, if small { SMALL } else { CAPITALS });
    let rest = longest.saturating_sub(13);
    // The logical ID says more than the end of a long stack name.
    let logical: String = logical_id.chars().take(24).collect();
    let stack: String = stack_name.chars().take(rest.saturating_sub(logical.len() + 1)).collect();
    let name = format!("{stack}-{logical}-{suffix}");
    if small { name.to_lowercase() } else { name }
}

/// The name of the resource: its own, or one made up.
fn name_of(name: Option<Name>, request: &Request<'_>) -> String {
    let Some(Name { property, longest, small }) = name else {
        return made_up_name(request, 128, false);
    };
    match text_at(request.properties, property) {
        Some(own) if small => own.to_lowercase(),
        Some(own) => own,
        None => made_up_name(request, longest, small),
    }
}

impl Shape {
    /// What `Ref` gives for a new resource.
    pub(crate) fn physical_id(&self, request: &Request<'_>) -> String {
        let name = name_of(self.name, request);
        fill(self.id, request, "", &name).unwrap_or(name)
    }

    /// The name of an existing resource, which was made up when it was created.
    fn attributes(&self, request: &Request<'_>, id: &str, into: &mut Map<String, Json>) {
        let name = name_of(self.name, request);
        for (attribute, pattern) in self.attributes {
            match fill(pattern, request, id, &name) {
                Some(text) if text.starts_with('[') || text.starts_with("{\"") => {
                    into.insert(
                        (*attribute).to_owned(),
                        serde_json::from_str(&text).unwrap_or_default(),
                    );
                }
                Some(text) => {
                    into.insert((*attribute).to_owned(), Json::String(text));
                }
                None => {
                    into.remove(*attribute);
                }
            }
        }
    }
}

/// A pattern with its gaps filled, or nothing when its condition does not hold.
fn fill(pattern: &str, request: &Request<'_>, id: &str, name: &str) -> Option<String> {
    let mut pattern = pattern;
    if let Some(rest) = pattern.strip_prefix('?') {
        let (property, then) = rest.split_once(' ')?;
        let value = text_at(request.properties, property);
        value.filter(|it| it != "false")?;
        pattern = then;
    }
    let mut text = String::with_capacity(pattern.len() + 32);
    let mut rest = pattern;
    while let Some(open) = rest.find('{') {
        text.push_str(&rest[..open]);
        let after = &rest[open + 1..];
        let Some(close) = after.find('}') else { break };
        match gap(&after[..close], request, id, name) {
            Some(value) => {
                text.push_str(&value);
                rest = &after[close + 1..];
            }
            None => {
                text.push('{');
                rest = after;
            }
        }
    }
    text.push_str(rest);
    Some(text)
}

fn gap(gap: &str, request: &Request<'_>, id: &str, name: &str) -> Option<String> {
    let seed = |purpose: &str| {
        let own = hex(&request.seed, 64);
        fingerprint(&[&own, purpose])
    };
    if let Some(path) = gap.strip_prefix("p:") {
        return Some(text_at(request.properties, path).unwrap_or_default());
    }
    Some(match gap {
        "id" => id.to_owned(),
        "name" => name.to_owned(),
        "account" => request.account.to_owned(),
        "region" => request.region.to_owned(),
        "partition" => partition(request.region).to_owned(),
        "uuid" => uuid(&seed("uuid")),
        "home" => {
            let home = fingerprint(&["home", request.account, request.region]);
            format!("c{}", letters(&home, 11, SMALL))
        }
        // The name at the end of an ARN, or the name itself.
        "cluster" => {
            let cluster = text_at(request.properties, "Cluster").unwrap_or_default();
            let name = cluster.rsplit('/').next().unwrap_or_default();
            if name.is_empty() { "default".to_owned() } else { name.to_owned() }
        }
        "group" => text_at(request.properties, "GroupName").unwrap_or_else(|| "default".to_owned()),
        "listener" => text_at(request.properties, "LoadBalancerArn").unwrap_or_default().replacen(
            ":loadbalancer/",
            ":listener/",
            1,
        ),
        // One more than that of the task definition that it takes the place of.
        "revision" => {
            let before = request.replaces.and_then(|it| it.rsplit(':').next()?.parse::<u32>().ok());
            (before.unwrap_or(0) + 1).to_string()
        }
        "internal" => match text_at(request.properties, "Scheme").as_deref() {
            Some("internal") => "internal-".to_owned(),
            _ => String::new(),
        },
        "waf-scope" => match text_at(request.properties, "Scope").as_deref() {
            Some("CLOUDFRONT") => "global".to_owned(),
            _ => "regional".to_owned(),
        },
        "db-port" => text_at(request.properties, "Port").unwrap_or_else(|| {
            let engine = text_at(request.properties, "Engine").unwrap_or_default();
            let port = match engine.split('-').next() {
                Some("mysql" | "mariadb") => "3306",
                Some("oracle") => "1521",
                Some("sqlserver") => "1433",
                Some("db2") => "50000",
                _ => "5432",
            };
            port.to_owned()
        }),
        _ => {
            let digits = gap.find(|it: char| it.is_ascii_digit())?;
            let (kind, length) = gap.split_at(digits);
            let length: usize = length.parse().ok()?;
            match kind {
                "hex" => hex(&seed("hex"), length.min(64)),
                "other-hex" => hex(&seed("other-hex"), length.min(64)),
                "upper" => letters(&seed("upper"), length, CAPITALS),
                "lower" => letters(&seed("lower"), length, SMALL),
                "mixed" => letters(&seed("mixed"), length, MIXED),
                "digits" => letters(&seed("digits"), length, b"0123456789"),
                _ => return None,
            }
        }
    })
}

/// What `Ref` gives for a type without a shape of its own, from its schema: the primary
/// identifier, made up where the template does not give it.
pub(crate) fn generic_id(schema: Option<&'static ResourceType>, request: &Request<'_>) -> String {
    let Some(schema) = schema else { return made_up_name(request, 128, false) };
    let parts: Vec<String> = schema
        .primary_identifier()
        .map(|path| {
            let own = text_at(request.properties, path.as_str());
            own.unwrap_or_else(|| made_up(path.as_str(), request, ""))
        })
        .collect();
    match parts.as_slice() {
        [] => made_up_name(request, 128, false),
        parts => parts.join("|"),
    }
}

/// A value for an attribute of this name that only the service knows.
fn made_up(attribute: &str, request: &Request<'_>, id: &str) -> String {
    let last = attribute.rsplit('.').next().unwrap_or(attribute);
    let mut parts = request.type_name.split("::").skip(1);
    let service = parts.next().unwrap_or("service").to_lowercase();
    let kind = parts.next().unwrap_or("resource").to_lowercase();
    let name = if id.is_empty() { made_up_name(request, 64, false) } else { id.to_owned() };
    let name = name.rsplit([':', '/']).next().unwrap_or(&name).to_owned();
    let lower = last.to_lowercase();
    let pattern = if lower.ends_with("arn") {
        format!("arn:{{partition}}:{service}:{{region}}:{{account}}:{kind}/{name}")
    } else if lower.ends_with("url") || lower.ends_with("uri") {
        format!("https://{service}.{{region}}.amazonaws.com/{name}")
    } else if lower.contains("dns")
        || lower.contains("domain")
        || lower.contains("endpoint")
        || lower.ends_with("address")
    {
        format!("{}-{{hex12}}.{service}.{{region}}.amazonaws.com", kind)
    } else if lower.ends_with("hostedzoneid") {
        "Z{upper13}".to_owned()
    } else if lower == "port" {
        "443".to_owned()
    } else if lower.ends_with("id") {
        if id.is_empty() || lower == "id" && id.contains('|') {
            format!("{kind}-{{hex17}}")
        } else if lower == "id" || lower == format!("{kind}id") {
            return id.to_owned();
        } else {
            "{uuid}".to_owned()
        }
    } else if lower.ends_with("time") || lower.ends_with("date") || lower.ends_with("timestamp") {
        // A rehearsal has no date of its own.
        "1970-01-01T00:00:00Z".to_owned()
    } else {
        name
    };
    fill(&pattern, request, id, "").unwrap_or_default()
}

/// What `Fn::GetAtt` gives: a property where there is one of that name, else what the shape says,
/// else something of the kind that the schema states.
pub(crate) fn attributes(
    shape: Option<&Shape>,
    schema: Option<&'static ResourceType>,
    request: &Request<'_>,
    id: &str,
) -> Map<String, Json> {
    let mut attributes = Map::new();
    let own = |name: &str| {
        name.split('.').try_fold(request.properties, |value, part| value.get(part)).cloned()
    };
    for attribute in schema.into_iter().flat_map(ResourceType::attributes) {
        let name = attribute.name;
        let path: Vec<&str> = name.split('.').collect();
        let identifier = schema.is_some_and(|it| {
            it.primary_identifier().len() == 1
                && it.primary_identifier().all(|path| path.as_str() == name)
        });
        let value = match own(name) {
            Some(value) => value,
            None if identifier && shape.is_none() => Json::String(id.to_owned()),
            // A property that was not given has no value that could be named.
            None if schema.is_some_and(|it| !it.is_read_only(&path)) => continue,
            None => match attribute.kind {
                Kind::Array => Json::Array(Vec::new()),
                Kind::Boolean => Json::Bool(false),
                Kind::Integer | Kind::Number => Json::from(0),
                Kind::Object | Kind::Map | Kind::Json => continue,
                Kind::String | Kind::Any => Json::String(made_up(name, request, id)),
            },
        };
        attributes.insert(name.to_owned(), value);
    }
    if let Some(shape) = shape {
        shape.attributes(request, id, &mut attributes);
    }
    attributes
}
