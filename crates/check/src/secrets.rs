//! Which keys the secrets of a tree have in their JSON.
//!
//! The value of a secret is mostly not known, but its keys stand in the template.

use crate::declared;
use crate::links::{Links, Place};
use crate::rule::Cx;
use kumiki_project::{Resource, Value};
use kumiki_source::FileId;
use kumiki_template::{Call, Entry, Expr, ExprKind, Format, Limits, SubPart, parse_document};
use std::collections::HashMap;

const SECRET: &str = "AWS::SecretsManager::Secret";

/// What is known of a secret's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A JSON object with these keys and no others.
    Keys(Vec<String>),
    /// A text that is no JSON.
    Text,
}

/// What a tree says about its secrets.
pub(crate) struct Secrets {
    contents: HashMap<Place, Content>,
}

/// The keys of what RDS writes into a master user's secret.
///
/// <https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-secrets-manager.html>
pub(crate) const MASTER_KEYS: &[&str] = &["username", "password"];

/// The keys that an attachment to a database adds.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secrettargetattachment.html>
const ATTACHED_KEYS: &[&str] =
    &["dbClusterIdentifier", "dbInstanceIdentifier", "dbname", "engine", "host", "port"];

impl Secrets {
    pub(crate) fn of(cx: &Cx<'_>, links: &Links<'_>) -> Self {
        let mut contents: HashMap<Place, Content> = links
            .certain(SECRET)
            .filter_map(|(place, stack, resource)| {
                let declaration = cx.declaration(stack, resource);
                let content = content(resource, &|path| declared::property(declaration, path))?;
                Some((place, content))
            })
            .collect();
        for (_, attachment) in cx.resources("AWS::SecretsManager::SecretTargetAttachment") {
            let secret = attachment.property("SecretId");
            match secret.and_then(|it| links.reference(it)).and_then(|it| links.place(it.resource)) {
                Some(place) => {
                    if let Some(Content::Keys(keys)) = contents.get_mut(&place) {
                        keys.extend(ATTACHED_KEYS.iter().map(|it| (*it).to_owned()));
                    }
                }
                // It may be attached to any of them.
                None => contents.clear(),
            }
        }
        Self { contents }
    }

    /// What is known of the secret at a place.
    pub(crate) fn content(&self, place: Place) -> Option<&Content> {
        self.contents.get(&place)
    }
}

/// The content that the properties of a secret make.
fn content<'t>(resource: &Resource, written: &dyn Fn(&str) -> Option<&'t Expr>) -> Option<Content> {
    if let Some(value) = resource.property("SecretString") {
        return json_keys(&text(value, written("SecretString"))?).or(Some(Content::Text));
    }
    let generated = resource.property("GenerateSecretString")?;
    // A map that is not known may have a template.
    generated.as_map()?;
    let Some(template) = generated.get("SecretStringTemplate") else {
        return generated.get("GenerateStringKey").is_none().then_some(Content::Text);
    };
    let path = "GenerateSecretString.SecretStringTemplate";
    let Content::Keys(mut keys) = json_keys(&text(template, written(path))?)? else { return None };
    keys.push(generated.get("GenerateStringKey")?.as_text()?.to_owned());
    Some(Content::Keys(keys))
}

/// The text of a value, with `0` for each part that only a deployment makes.
fn text(value: &Value, written: Option<&Expr>) -> Option<String> {
    if let Some(text) = value.as_text() {
        return Some(text.to_owned());
    }
    // A value that came from elsewhere is not what is written here.
    let ExprKind::Call(call) = &written.filter(|it| value.origin.span == Some(it.span))?.kind else {
        return None;
    };
    match &**call {
        Call::Sub { parts, .. } => Some(
            parts
                .iter()
                .map(|it| match it {
                    SubPart::Text(text) => &**text,
                    SubPart::Reference(_) => "0",
                })
                .collect(),
        ),
        Call::Join { separator, items } => {
            let separator = separator.as_text()?;
            let items: Vec<&str> =
                items.as_list()?.iter().map(|it| it.as_text().unwrap_or("0")).collect();
            Some(items.join(separator))
        }
        // The keys of an object stay whatever its values are.
        Call::ToJsonString(object) => {
            let keys: Vec<String> =
                object.as_map()?.iter().map(|Entry { key, .. }| format!("{:?}:0", key.text)).collect();
            Some(format!("{{{}}}", keys.join(",")))
        }
        _ => None,
    }
}

/// The keys of a JSON object; text that is no JSON at all; nothing for JSON of another kind.
fn json_keys(text: &str) -> Option<Content> {
    // The text is a part of another one, and nothing is reported in it.
    let file: FileId = kumiki_source::Sources::default().add("secret", "");
    let document = parse_document(file, text, Format::Json, Limits::default());
    if !document.diagnostics.is_empty() {
        return None;
    }
    let keys = document.root?.as_map()?.iter().map(|(key, _)| key.text.to_string()).collect();
    Some(Content::Keys(keys))
}

#[cfg(test)]
mod tests {
    use super::{Content, json_keys};

    #[test]
    fn keys_are_read() {
        let keys = |text| json_keys(text);
        let expected = Content::Keys(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(keys("{\"a\": 1, \"b\": {\"c\": 2}}"), Some(expected));
        assert_eq!(keys("a plain secret"), None);
        assert_eq!(keys("[1]"), None);
        assert_eq!(keys("{\"a\": "), None);
    }
}
