//! The fields of a request in the Query protocol: `Parameters.member.1.ParameterKey=…`.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>

use kumiki_engine::identity::{fingerprint, hex};
use std::collections::BTreeMap;
use std::ops::Bound;

/// More fields than any client sends.
const MAX_FIELDS: usize = 20_000;

/// The fields of a request by name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form(BTreeMap<String, String>);

impl Form {
    /// Reads a form. What is not UTF-8 becomes replacement characters; of a field that is there
    /// twice, the last counts.
    pub(crate) fn parse(body: &[u8]) -> Self {
        let fields = form_urlencoded::parse(body).take(MAX_FIELDS);
        Self(fields.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// A field that is not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|it| !it.is_empty())
    }

    /// A field, be it empty.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// What tells equal requests from others.
    pub(crate) fn fingerprint(&self) -> String {
        let parts: Vec<&str> = self.0.iter().flat_map(|(name, it)| [&**name, &**it]).collect();
        hex(&fingerprint(&parts), 64)
    }

    /// A field that is `true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.choice(name) == Some(true)
    }

    /// A field that is `true` or `false`.
    pub(crate) fn choice(&self, name: &str) -> Option<bool> {
        match self.get(name)?.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Whether a list is there, be it an empty one, which is sent as a field without a value.
    pub(crate) fn has_list(&self, name: &str) -> bool {
        self.0.contains_key(name) || self.beginning(&format!("{name}.member.")).next().is_some()
    }

    /// The texts of a list.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        let member = |number: usize| self.0.get(&format!("{name}.member.{number}"));
        (1..).map_while(member).map(String::as_str).collect()
    }

    /// The structures of a list.
    pub(crate) fn structures(&self, name: &str) -> Vec<Form> {
        let member = |number: usize| {
            let start = format!("{name}.member.{number}.");
            let fields = self.beginning(&start);
            let fields: BTreeMap<String, String> = fields
                .map(|(name, value)| (name[start.len()..].to_owned(), value.clone()))
                .collect();
            (!fields.is_empty()).then_some(Form(fields))
        };
        (1..).map_while(member).collect()
    }

    /// The pairs of a map.
    pub(crate) fn entries(&self, name: &str) -> BTreeMap<String, String> {
        let entry = |number: usize| {
            let key = self.0.get(&format!("{name}.entry.{number}.key"))?;
            let value = self.0.get(&format!("{name}.entry.{number}.value"))?;
            Some((key.clone(), value.clone()))
        };
        (1..).map_while(entry).collect()
    }

    fn beginning(&self, start: &str) -> impl Iterator<Item = (&String, &String)> {
        let from = (Bound::Included(start.to_owned()), Bound::Unbounded);
        self.0.range(from).take_while({
            let start = start.to_owned();
            move |(name, _)| name.starts_with(&start)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_maps_are_read() {
        let form = Form::parse(
            b"Action=CreateStack&Tags.member.1.Key=a&Tags.member.1.Value=%E3%81%82+b\
              &Tags.member.2.Key=c&Capabilities.member.1=CAPABILITY_IAM&NotificationARNs=\
              &Tags.member.10.Key=far&Flag=true&Empty=&Map.entry.1.key=k&Map.entry.1.value=v",
        );
        assert_eq!(form.get("Action"), Some("CreateStack"));
        assert_eq!(form.get("Empty"), None);
        let tags = form.structures("Tags");
        assert_eq!(tags.len(), 2, "a gap ends a list");
        assert_eq!(tags[0].get("Value"), Some("あ b"));
        assert_eq!(form.texts("Capabilities"), ["CAPABILITY_IAM"]);
        assert!(form.has_list("NotificationARNs") && form.has_list("Tags") && !form.has_list("X"));
        assert!(form.flag("Flag") && !form.flag("Empty"));
        assert_eq!(form.entries("Map").get("k").map(String::as_str), Some("v"));
    }
}
