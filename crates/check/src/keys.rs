//! KMS keys of a tree: what is encrypted with which, and what their policies admit.

use crate::links::{Links, Place};
use crate::policies::Policy;
use crate::rule::{Cx, listed};
use kumiki_project::{Resource, Value};
use kumiki_source::{Diagnostic, Hop, Message, message};
use std::collections::HashMap;

/// The keys of a tree, by reference and by alias.
pub(crate) struct Keys<'l, 't> {
    links: &'l Links<'t>,
    aliases: HashMap<&'t str, &'t Value>,
}

impl<'l, 't> Keys<'l, 't> {
    pub(crate) fn new(links: &'l Links<'t>) -> Self {
        let aliases = links.certain("AWS::KMS::Alias").filter_map(|(_, _, it)| {
            Some((it.property("AliasName")?.as_text()?, it.property("TargetKeyId")?))
        });
        Self { links, aliases: aliases.collect() }
    }

    /// The key that a value names: by identifier, ARN or alias.
    pub(crate) fn find(&self, value: &Value) -> Option<&'t Resource> {
        let place = match value.as_text() {
            Some(text) => self.key(self.aliases.get(text)?)?,
            None => self.key(value)?,
        };
        Some(self.links.at(place))
    }

    fn key(&self, value: &Value) -> Option<Place> {
        let reference = self.links.reference(value)?;
        match &*reference.resource.type_name {
            "AWS::KMS::Key" => self.links.place(reference.resource),
            "AWS::KMS::Alias" => {
                let alias = self.links.at(self.links.place(reference.resource)?);
                let target = self.links.reference(alias.property("TargetKeyId")?)?;
                (&*target.resource.type_name == "AWS::KMS::Key")
                    .then(|| self.links.place(target.resource))
                    .flatten()
            }
            _ => None,
        }
    }
}

/// Reports that a key does not let a service in, if it does not: `words` make the sentence of the
/// key's name and the actions that are missing.
pub(crate) fn report_refusal<'c>(
    cx: &'c mut Cx<'_>,
    at: &Value,
    key: &Resource,
    service: &str,
    words: impl FnOnce(&str, &str) -> Message,
) -> Option<&'c mut Diagnostic> {
    let missing = missing(key, service);
    if missing.is_empty() {
        return None;
    }
    let finding = cx.report_value(at, words(&key.logical_id, &listed(&missing)));
    let policy = key.property("KeyPolicy").and_then(|it| it.origin.nearest());
    let span = policy.unwrap_or(key.span);
    finding.hops.push(Hop { span, label: Some(message!("the key's policy")) });
    finding.help.push(message!("nothing is delivered; add the service to the key policy"));
    Some(finding)
}

/// Of the actions that writing to something encrypted takes, those that a key does not allow a
/// service.
///
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html>
fn missing(key: &Resource, service: &str) -> Vec<&'static str> {
    // Without a policy the key has the default one, which admits no service.
    let policy = key.property("KeyPolicy").map(Policy::read);
    let refused = |action: &&str| {
        policy.as_ref().is_none_or(|it| it.whole && it.may_allow(service, action).next().is_none())
    };
    ["kms:GenerateDataKey", "kms:Decrypt"].into_iter().filter(refused).collect()
}
