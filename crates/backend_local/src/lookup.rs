//! Parameters of the Parameter Store and secrets, as dynamic references ask for them.
//!
//! Values are handed to the checks of one request and never recorded: what is kept of a resource
//! has its references as they are written.
//!
//! <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/dynamic-references.html>

use crate::behaviour::{Content, Cx, content, stands_for_another};
use crate::shape::text_at;
use crate::world::World;
use kumiki_engine::identity::{fingerprint, hex};
use kumiki_project::RehearsalConfig;
use serde_json::Value as Json;

const OPEN: &str = "{{resolve:";

/// What a name leads to.
pub(crate) enum Found {
    /// A value.
    Value(String),
    /// A value that only AWS knows, with another in its place.
    MadeUp(String),
    /// It may exist, outside of what is rehearsed.
    Unknown,
}

/// The Parameter Store of an account and Region.
pub(crate) struct ParameterStore<'s> {
    pub(crate) world: &'s World,
    pub(crate) rehearsal: &'s RehearsalConfig,
    pub(crate) account: &'s str,
    pub(crate) region: &'s str,
}

impl<'s> ParameterStore<'s> {
    pub(crate) fn of(cx: &Cx<'s>) -> Self {
        let Cx { request, world, rehearsal } = *cx;
        Self { world, rehearsal, account: request.account, region: request.region }
    }

    /// The parameter of this name or ARN, if there is one.
    pub(crate) fn get(&self, name: &str) -> Option<Found> {
        if let Some(value) = self.rehearsal.ssm.get(name) {
            return Some(Found::Value(value.clone()));
        }
        if self.rehearsal.exists.contains(name) || stands_for_another(name) {
            return Some(Found::Unknown);
        }
        if let Some(arn) = name.strip_prefix("arn:") {
            // `arn:aws:ssm:REGION:ACCOUNT:parameter/name`, whether or not the name begins with `/`.
            let mut parts = arn.splitn(5, ':').skip(2);
            let own = parts.next() == Some(self.region) && parts.next() == Some(self.account);
            let name = parts.next().and_then(|it| it.strip_prefix("parameter"));
            return match (own, name) {
                (true, Some(name)) => {
                    self.get(name).or_else(|| self.get(name.trim_start_matches('/')))
                }
                _ => Some(Found::Unknown),
            };
        }
        if let Some(there) = self.world.get(self.account, self.region, "AWS::SSM::Parameter", name)
        {
            let value = text_at(&there.properties, "Value").unwrap_or_default();
            return Some(match stands_for_another(&value) {
                true => Found::Unknown,
                false => Found::Value(value),
            });
        }
        name.starts_with("/aws/service/").then(|| {
            let made_up = hex(&fingerprint(&["public parameter", self.region, name]), 17);
            let image = name.contains("ami") || name.contains("image_id");
            Found::MadeUp(if image { format!("ami-{made_up}") } else { made_up })
        })
    }
}

/// Properties with what their dynamic references lead to.
pub(crate) struct Resolved {
    /// With everything, for the checks of the service.
    pub(crate) all: Json,
    /// With what is no secret, for names and identifiers.
    pub(crate) plain: Json,
    /// The references that were given a value that only AWS knows.
    pub(crate) made_up: Vec<String>,
}

/// Looks up the dynamic references in the properties of a resource, if there are any.
///
/// # Errors
/// The reason why one leads nowhere, in CloudFormation's words.
pub(crate) fn resolve(cx: &Cx<'_>) -> Result<Option<Resolved>, String> {
    let properties = cx.request.properties;
    if !contains(properties) {
        return Ok(None);
    }
    let mut made_up = Vec::new();
    let plain = walk(properties, &mut |text| fill(cx, text, false, &mut made_up))?;
    let all = walk(&plain, &mut |text| fill(cx, text, true, &mut Vec::new()))?;
    Ok(Some(Resolved { all, plain, made_up }))
}

fn contains(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains(OPEN),
        Json::Array(items) => items.iter().any(contains),
        Json::Object(map) => map.values().any(contains),
        _ => false,
    }
}

fn walk(json: &Json, fill: &mut dyn FnMut(&str) -> Result<String, String>) -> Result<Json, String> {
    Ok(match json {
        Json::String(text) if text.contains(OPEN) => Json::String(fill(text)?),
        Json::Array(items) => {
            Json::Array(items.iter().map(|it| walk(it, fill)).collect::<Result<_, _>>()?)
        }
        Json::Object(map) => {
            let entries = map.iter().map(|(name, it)| Ok((name.clone(), walk(it, fill)?)));
            Json::Object(entries.collect::<Result<_, String>>()?)
        }
        other => other.clone(),
    })
}

/// A text with its references filled; those that are secret only if they are asked for.
fn fill(
    cx: &Cx<'_>,
    text: &str,
    secrets: bool,
    made_up: &mut Vec<String>,
) -> Result<String, String> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let Some((reference, after)) = after.split_once("}}") else { break };
        filled.push_str(before);
        rest = after;
        let (service, name) = reference.split_once(':').unwrap_or((reference, ""));
        let value = match service {
            "ssm" => match ParameterStore::of(cx).get(without_version(name)) {
                Some(Found::Value(value)) => Some(value),
                Some(Found::MadeUp(value)) => {
                    made_up.push(name.to_owned());
                    Some(value)
                }
                Some(Found::Unknown) => None,
                None => return Err(format!("Parameters: [{name}] cannot be found.")),
            },
            "ssm-secure" if secrets => match ParameterStore::of(cx).get(without_version(name)) {
                Some(Found::Value(value)) => Some(value),
                Some(_) => None,
                None => return Err(format!("Parameters: [{name}] cannot be found.")),
            },
            "secretsmanager" if secrets => secret(cx, name)?,
            _ => None,
        };
        match value {
            Some(value) => filled.push_str(&value),
            None => filled.push_str(&format!("{OPEN}{reference}}}}}")),
        }
    }
    filled.push_str(rest);
    Ok(filled)
}

/// `name` for `name:3`. Only the newest version of a parameter is rehearsed.
fn without_version(name: &str) -> &str {
    match name.rsplit_once(':') {
        Some((name, version)) if version.bytes().all(|it| it.is_ascii_digit()) => name,
        _ => name,
    }
}

/// `secret-id:SecretString:json-key:version-stage:version-id`, where the ID may be an ARN.
fn secret(cx: &Cx<'_>, reference: &str) -> Result<Option<String>, String> {
    let (id, rest) = reference.split_once(":SecretString").unwrap_or((reference, ""));
    let key = rest.trim_start_matches(':').split(':').next().unwrap_or_default();
    let no_key =
        || Err("Could not find a value associated with JSONKey in SecretString".to_owned());
    let no_json = || Err("Could not parse SecretString JSON".to_owned());
    let made_up = || Ok(Some(hex(&fingerprint(&["secret value", id, key]), 32)));
    match (content(cx, id)?, key) {
        (None, _) => Ok(None),
        (Some(Content::Value(value)), "") => Ok(Some(value)),
        (Some(Content::Value(value)), key) => match serde_json::from_str::<Json>(&value) {
            Ok(json) if json.is_object() => match text_at(&json, key) {
                Some(value) => Ok(Some(value)),
                None => no_key(),
            },
            _ => no_json(),
        },
        (Some(Content::MadeUp(_)), "") => made_up(),
        (Some(Content::MadeUp(None)), _) => no_json(),
        (Some(Content::MadeUp(Some(keys))), key) => match keys.iter().any(|it| it == key) {
            true => made_up(),
            false => no_key(),
        },
    }
}
