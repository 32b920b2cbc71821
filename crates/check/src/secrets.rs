//! Which keys the secrets of a tree have in their JSON, and who asks for which.
//!
//! The value of a secret is mostly not known, but its keys stand in the template.

use crate::declared;
use crate::links::{Links, Place};
use crate::rule::Cx;
use kumiki_project::{Resource, Value};
use kumiki_source::{FileId, Sources};
use kumiki_template::{
    Call, Expr, ExprKind, Format, Limits, Node, SubPart, Value as Written, parse_document,
};
use std::collections::HashMap;

pub(crate) const SECRET: &str = "AWS::SecretsManager::Secret";

/// Stands for what only a deployment makes, in a text that is put together. It is a number, so that
/// JSON stays JSON wherever it stands, and one that nobody writes.
pub(crate) const GAP: &str = "73105930157";

/// The keys that an attachment to a database adds.
///
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-secretsmanager-secrettargetattachment.html>
const ATTACHED: &[&str] =
    &["dbClusterIdentifier", "dbInstanceIdentifier", "dbname", "engine", "host", "port"];

/// What is known of a secret's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// A JSON object with these keys and no others.
    Keys(Vec<String>),
    /// A text that is no JSON object.
    Text,
}

/// What is known of the value of each secret of a tree.
pub(crate) fn contents(cx: &Cx<'_>, links: &Links<'_>) -> HashMap<Place, Content> {
    let mut contents: HashMap<Place, Content> = links
        .certain(SECRET)
        .filter_map(|(place, stack, resource)| {
            let declaration = cx.declaration(stack, resource);
            let content = content(resource, &|path| declared::property(declaration, path))?;
            Some((place, content))
        })
        .collect();
    for (_, attachment) in cx.resources("AWS::SecretsManager::SecretTargetAttachment") {
        let secret = attachment.property("SecretId").and_then(|it| links.reference(it));
        match secret.and_then(|it| links.place(it.resource)) {
            Some(place) => {
                if let Some(Content::Keys(keys)) = contents.get_mut(&place) {
                    keys.extend(ATTACHED.iter().map(|it| (*it).to_owned()));
                }
            }
            // It may be attached to any of them.
            None => contents.clear(),
        }
    }
    contents
}

/// The content that the properties of a secret make.
fn content<'t>(resource: &Resource, written: &dyn Fn(&str) -> Option<&'t Expr>) -> Option<Content> {
    if let Some(value) = resource.property("SecretString") {
        let Some(text) = value.as_text() else {
            return keys(&put_together(value, written("SecretString")?)?).map(Content::Keys);
        };
        return match keys(text) {
            Some(keys) => Some(Content::Keys(keys)),
            None if text.trim_start().starts_with('{') => None,
            None => Some(Content::Text),
        };
    }
    let generated = resource.property("GenerateSecretString")?;
    generated.as_map()?;
    let Some(template) = generated.get("SecretStringTemplate") else {
        return generated.get("GenerateStringKey").is_none().then_some(Content::Text);
    };
    let text = match template.as_text() {
        Some(text) => text.to_owned(),
        None => put_together(template, written("GenerateSecretString.SecretStringTemplate")?)?,
    };
    let mut keys = keys(&text)?;
    keys.push(generated.get("GenerateStringKey")?.as_text()?.to_owned());
    Some(Content::Keys(keys))
}

/// The text of a value as it is put together in `within`, if it is put together there.
fn put_together(value: &Value, within: &Expr) -> Option<String> {
    let place = value.origin.nearest()?;
    let mut text = None;
    within.walk(&mut |it| {
        if it.span == place {
            text = with_gaps(it);
        }
    });
    text
}

/// The text that a function puts together, with a [`GAP`] for each reference.
pub(crate) fn with_gaps(expr: &Expr) -> Option<String> {
    let ExprKind::Call(call) = &expr.kind else { return None };
    match &**call {
        Call::Sub { parts, .. } => Some(
            parts
                .iter()
                .map(|it| match it {
                    SubPart::Text(text) => &**text,
                    SubPart::Reference(_) => GAP,
                })
                .collect(),
        ),
        Call::Join { separator, items } => {
            let separator = separator.as_text()?;
            let items: Vec<&str> =
                items.as_list()?.iter().map(|it| it.as_text().unwrap_or(GAP)).collect();
            Some(items.join(separator))
        }
        _ => None,
    }
}

/// The keys of a JSON object; nothing for any other text.
fn keys(text: &str) -> Option<Vec<String>> {
    // The text is part of another one, and nothing is reported in it.
    let file: FileId = Sources::default().add("secret", "");
    let document = parse_document(file, text, Format::Json, Limits::default());
    if !document.diagnostics.is_empty() {
        return None;
    }
    let root = document.root?;
    let entries = root.as_map()?;
    // A gap that is not the whole of a value, or is in a key, may hold further keys.
    let clear = |node: &Node| match &node.value {
        Written::Scalar { text, plain: true } => !text.contains(GAP) || &**text == GAP,
        _ => true,
    };
    entries
        .iter()
        .map(|(key, node)| (clear(node) && !key.text.contains(GAP)).then(|| key.text.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{GAP, keys};

    #[test]
    fn keys_are_read() {
        let expected = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(keys("{\"a\": 1, \"b\": {\"c\": 2}}"), Some(expected.clone()));
        let gaps = format!("{{\"a\": {GAP}, \"b\": \"x{GAP}\"}}");
        assert_eq!(keys(&gaps), Some(expected));
        assert_eq!(keys(&format!("{{\"a\": 1{GAP}}}")), None);
        assert_eq!(keys(&format!("{{\"{GAP}\": 1}}")), None);
        for text in ["a plain secret", "[1]", "{\"a\": ", ""] {
            assert_eq!(keys(text), None, "{text}");
        }
    }
}
