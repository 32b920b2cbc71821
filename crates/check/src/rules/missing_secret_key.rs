use crate::links::{Links, Place};
use crate::rule::{Cx, Rule};
use crate::secrets::{Content, GAP, SECRET, contents, with_gaps};
use kumiki_project::{Kind, Unknown, Value};
use kumiki_source::{Hop, Severity, Span, closest, message};
use kumiki_template::Expr;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

pub(crate) static RULE: Rule = Rule {
    name: "missing-secret-key",
    severity: Severity::Error,
    page: include_str!("missing_secret_key.md"),
    check,
};

/// What RDS writes into the secret of a master user.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html>
const MASTER: &[&str] = &["username", "password"];

const DYNAMIC: &str = "{{resolve:secretsmanager:";

/// A key of a secret that a value asks for.
struct Asked<'t> {
    value: &'t Value,
    secret: Secret,
    key: String,
}

enum Secret {
    /// One of the tree.
    Here(Place),
    /// The one that RDS keeps for the master user of a database.
    Master(Place),
}

fn check(cx: &mut Cx<'_>) {
    let links = Links::new(cx);
    let contents = contents(cx, &links);
    let written = written(cx);
    let names = links.names(SECRET, "Name");
    let mut asked = Vec::new();
    for (_, _, resource) in links.all() {
        // Only the secrets of containers have the short form.
        if &*resource.type_name == "AWS::ECS::TaskDefinition" {
            let containers = resource.property("ContainerDefinitions").and_then(Value::as_list);
            for container in containers.unwrap_or_default() {
                let options = container.get("LogConfiguration");
                let options = options.and_then(|it| it.get("SecretOptions"));
                let lists = [container.get("Secrets"), options];
                for secret in lists.into_iter().flatten().filter_map(Value::as_list).flatten() {
                    let Some(value) = secret.get("ValueFrom") else { continue };
                    let Some(text) = text(&written, value) else { continue };
                    let Some(rest) = text.strip_prefix(GAP) else { continue };
                    let Some(key) = rest.strip_prefix(':') else { continue };
                    let key = key.split(':').next().unwrap_or_default();
                    if let Some(secret) = source(&links, value) {
                        asked.push(Asked { value, secret, key: key.to_owned() });
                    }
                }
            }
        }
        dynamic(&resource.properties, &mut |value, unknown| {
            let text = match &**unknown {
                Unknown::Dynamic(text) => text.to_string(),
                _ => match text(&written, value) {
                    Some(text) => text,
                    None => return,
                },
            };
            for reference in text.split(DYNAMIC).skip(1) {
                let Some((reference, _)) = reference.split_once("}}") else { continue };
                let Some((id, rest)) = reference.split_once(":SecretString:") else { continue };
                let key = rest.split(':').next().unwrap_or_default().to_owned();
                let secret = match id {
                    GAP => source(&links, value),
                    id => names.get(id).copied().map(Secret::Here),
                };
                if let Some(secret) = secret {
                    asked.push(Asked { value, secret, key });
                }
            }
        });
    }
    for Asked { value, secret, key } in asked {
        if key.is_empty() || key.contains(GAP) {
            continue;
        }
        let master: Vec<String> = MASTER.iter().map(|it| (*it).to_owned()).collect();
        let (place, keys) = match secret {
            Secret::Master(place) => (place, Some(&master)),
            Secret::Here(place) => match contents.get(&place) {
                Some(Content::Keys(keys)) => (place, Some(keys)),
                Some(Content::Text) => (place, None),
                None => continue,
            },
        };
        if keys.is_some_and(|it| it.contains(&key)) {
            continue;
        }
        let resource = links.at(place);
        let name = &resource.logical_id;
        let near = keys.and_then(|it| closest(&key, it.iter().map(|it| &**it)));
        let finding = match keys {
            Some(_) => {
                cx.report_value(value, message!("secret `{name}` has no key `{key}`", name, key))
            }
            None => cx.report_value(
                value,
                message!(
                    "secret `{name}` is a text without keys, and `{key}` is asked for",
                    name,
                    key
                ),
            ),
        };
        // A value that is written out may be a beginning that somebody replaces.
        if resource.property("SecretString").is_some() {
            finding.severity = Severity::Warning;
        }
        finding.hops.push(Hop { span: resource.span, label: Some(message!("the secret")) });
        finding.help.push(match (near, keys) {
            (Some(near), _) => message!("did you mean `{near}`?", near),
            (None, Some(keys)) => {
                let keys = keys.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
                message!("its keys are {keys}", keys)
            }
            (None, None) => message!("ask for the whole secret, or make it a JSON object"),
        });
    }
}

/// Calls `visit` with every value that may be a dynamic reference to a secret.
fn dynamic<'v>(value: &'v Value, visit: &mut dyn FnMut(&'v Value, &'v Arc<Unknown>)) {
    match &value.kind {
        Kind::Unknown(unknown) => visit(value, unknown),
        Kind::List(items) => items.iter().for_each(|it| dynamic(it, visit)),
        Kind::Map(fields) => fields.iter().for_each(|it| dynamic(&it.value, visit)),
        _ => {}
    }
}

/// The functions of all templates that put a text together, by place.
fn written<'t>(cx: &Cx<'t>) -> HashMap<Span, &'t Expr> {
    let mut written = HashMap::new();
    let mut seen = HashSet::new();
    for stack in cx.tree.stacks.iter().filter(|it| seen.insert(it.template)) {
        for resource in &cx.library.template(stack.template).resources {
            let Some(properties) = &resource.properties else { continue };
            properties.walk(&mut |it| {
                if matches!(it.kind, kumiki_template::ExprKind::Call(_)) {
                    written.insert(it.span, it);
                }
            });
        }
    }
    written
}

/// The text of a value, with gaps.
fn text(written: &HashMap<Span, &Expr>, value: &Value) -> Option<String> {
    with_gaps(written.get(&value.origin.nearest()?)?)
}

/// The secret that is the only thing in a value that only a deployment makes.
fn source(links: &Links<'_>, value: &Value) -> Option<Secret> {
    let (resource, attribute) = match &**value.as_unknown()? {
        Unknown::PhysicalId(resource) => (resource, None),
        Unknown::Attribute(resource, name) => (resource, Some(&**name)),
        _ => return None,
    };
    let place = links.place(resource)?;
    match (&*resource.type_name, attribute) {
        (SECRET, None | Some("Id")) => Some(Secret::Here(place)),
        ("AWS::RDS::DBInstance" | "AWS::RDS::DBCluster", Some("MasterUserSecret.SecretArn")) => {
            Some(Secret::Master(place))
        }
        _ => None,
    }
}
