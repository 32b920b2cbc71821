//! KMS keys of a tree: what is encrypted with which, and what their policies admit.

use crate::links::{Links, Place};
use kumiki_project::{Resource, Value};
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
