//! Text for people, kept apart from its language.

use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// A sentence with named gaps: `` "stack `{stack}` has no output `{output}`" `` and what fills
/// them.
///
/// The English text is the key under which the binary finds the Japanese one, so code reads as
/// the user will, and a sentence without a translation still comes out right. Made by
/// [`message!`](crate::message).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Message {
    /// The English sentence; `{name}` marks a gap.
    pub template: Cow<'static, str>,
    /// The gaps by name.
    pub arguments: Vec<(Cow<'static, str>, String)>,
}

impl Message {
    /// A sentence from elsewhere, such as one of AWS's rules, that has no gaps and no translation.
    pub fn verbatim(text: impl Into<String>) -> Self {
        Self { template: Cow::Borrowed("{text}"), arguments: vec![("text".into(), text.into())] }
    }

    /// The sentence with its gaps filled, following `template`, which may be a translation.
    ///
    /// A gap that nothing fills stays as written: an argument's own braces are never read again.
    pub fn fill(&self, template: &str) -> String {
        let mut out = String::with_capacity(template.len() + 16);
        let mut rest = template;
        while let Some(open) = rest.find('{') {
            out.push_str(&rest[..open]);
            let after = &rest[open + 1..];
            let argument = after.find('}').and_then(|close| {
                let name = &after[..close];
                let found = self.arguments.iter().find(|(it, _)| *it == name)?;
                Some((found.1.as_str(), &after[close + 1..]))
            });
            match argument {
                Some((value, tail)) => {
                    out.push_str(value);
                    rest = tail;
                }
                None => {
                    out.push('{');
                    rest = after;
                }
            }
        }
        out.push_str(rest);
        out
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.fill(&self.template))
    }
}

/// Makes a [`Message`](crate::Message): ``message!("no file `{path}`", path = path.display())``.
///
/// A gap without a value is taken from a variable of the same name.
#[macro_export]
macro_rules! message {
    ($template:literal $(, $name:ident $(= $value:expr)?)* $(,)?) => {
        $crate::Message {
            template: ::std::borrow::Cow::Borrowed($template),
            arguments: vec![$((::std::borrow::Cow::Borrowed(stringify!($name)), $crate::message!(@value $name $(= $value)?))),*],
        }
    };
    (@value $name:ident = $value:expr) => { ($value).to_string() };
    (@value $name:ident) => { ($name).to_string() };
}

#[cfg(test)]
mod tests {
    #[test]
    fn gaps_are_filled_once() {
        let name = "{other}";
        let message = message!("`{name}` is {what}, not {missing} {", name, what = 3);
        assert_eq!(message.to_string(), "`{other}` is 3, not {missing} {");
        assert_eq!(message.fill("{what}: 「{name}」"), "3: 「{other}」");
    }
}
