//! Answers as XML.

use kumiki_engine::conceal;
use quick_xml::Writer;
use quick_xml::events::{BytesEnd, BytesStart, BytesText, Event};
use std::borrow::Cow;

/// What an element holds.
#[derive(Clone, Debug)]
pub(crate) enum Node {
    /// A text.
    Text(String),
    /// Elements, in this order.
    Fields(Fields),
    /// The items of a list of the Query protocol, each in a `member`.
    List(Vec<Node>),
}

/// Elements with their names.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(Vec<(Cow<'static, str>, Node)>);

impl Fields {
    /// And one more.
    pub(crate) fn with(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Node>,
    ) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// And one more, if there is one.
    pub(crate) fn maybe(self, name: &'static str, value: Option<impl Into<Node>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// And others after them.
    pub(crate) fn and(mut self, others: Fields) -> Self {
        self.0.extend(others.0);
        self
    }

    /// And a list.
    pub(crate) fn list<T: Into<Node>>(
        self,
        name: &'static str,
        items: impl IntoIterator<Item = T>,
    ) -> Self {
        self.with(name, Node::List(items.into_iter().map(Into::into).collect()))
    }
}

impl From<&str> for Node {
    fn from(it: &str) -> Self {
        Self::Text(it.to_owned())
    }
}

impl From<String> for Node {
    fn from(it: String) -> Self {
        Self::Text(it)
    }
}

impl From<&String> for Node {
    fn from(it: &String) -> Self {
        Self::Text(it.clone())
    }
}

impl From<bool> for Node {
    fn from(it: bool) -> Self {
        Self::Text(it.to_string())
    }
}

impl From<usize> for Node {
    fn from(it: usize) -> Self {
        Self::Text(it.to_string())
    }
}

impl From<Fields> for Node {
    fn from(it: Fields) -> Self {
        Self::Fields(it)
    }
}

/// A document.
pub(crate) fn document(root: &str, namespace: &str, fields: Fields) -> String {
    let mut writer = Writer::new(Vec::new());
    let mut start = BytesStart::new(root);
    if !namespace.is_empty() {
        start.push_attribute(("xmlns", namespace));
    }
    // Writing to memory does not fail.
    let _ = writer.write_event(Event::Start(start));
    write(&mut writer, &Node::Fields(fields));
    let _ = writer.write_event(Event::End(BytesEnd::new(root)));
    let head = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    format!("{head}{}", String::from_utf8_lossy(&writer.into_inner()))
}

fn write(writer: &mut Writer<Vec<u8>>, node: &Node) {
    let mut element = |name: &str, node: &Node| {
        let _ = writer.write_event(Event::Start(BytesStart::new(name)));
        write(writer, node);
        let _ = writer.write_event(Event::End(BytesEnd::new(name)));
    };
    match node {
        Node::Fields(Fields(fields)) => fields.iter().for_each(|(name, it)| element(name, it)),
        Node::List(items) => items.iter().for_each(|it| element("member", it)),
        Node::Text(text) => {
            let text: String =
                conceal(text).chars().map(|it| if is_xml(it) { it } else { '\u{fffd}' }).collect();
            let _ = writer.write_event(Event::Text(BytesText::new(&text)));
        }
    }
}

/// Whether XML 1.0 can hold a character. A carriage return would be read as a line feed.
///
/// <https://www.w3.org/TR/xml/#charsets>
fn is_xml(it: char) -> bool {
    matches!(it, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_well_formed_whatever_they_hold() {
        let fields = Fields::default()
            .with("Name", "a<b>&\u{0}\u{b}日本")
            .maybe("Nothing", None::<&str>)
            .list("Items", ["x", "y"])
            .with("Masked", "x-kumiki:secret:00ff:aabb-y");
        let text = document("R", "http://n/", fields);
        assert_eq!(
            text.lines().last(),
            Some(
                "<R xmlns=\"http://n/\"><Name>a&lt;b&gt;&amp;\u{fffd}\u{fffd}日本</Name>\
                 <Items><member>x</member><member>y</member></Items><Masked>x-****-y</Masked></R>"
            )
        );
    }
}
