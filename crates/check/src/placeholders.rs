//! Values that somebody still has to write: `<account>`, `CHANGE_ME`, `example.com`.

/// Words that nobody means, in any case and with `-` or `_` between their parts.
const WORDS: &[&str] = &["changeme", "replaceme", "fillmein"];

/// Whole values that say that there is none yet.
const NOTES: &[&str] = &["todo", "tbd", "fixme"];

/// The part of a parameter's value that stands for another.
pub(crate) fn placeholder(text: &str) -> Option<String> {
    if let Some(start) = text.find('<')
        && let Some(end) = text[start..].find('>')
        && end > 1
    {
        return Some(text[start..=start + end].to_owned());
    }
    if NOTES.iter().any(|it| it.eq_ignore_ascii_case(text)) {
        return Some(text.to_owned());
    }
    word(text).or_else(|| example(text))
}

/// A word such as `CHANGE_ME` in a text, as it is written there.
pub(crate) fn word(text: &str) -> Option<String> {
    // Every word has these letters, and most texts do not.
    if !text.as_bytes().windows(2).any(|it| it.eq_ignore_ascii_case(b"me")) {
        return None;
    }
    let letters: Vec<(usize, char)> = text
        .char_indices()
        .filter(|(_, it)| !matches!(it, '-' | '_'))
        .map(|(at, it)| (at, it.to_ascii_lowercase()))
        .collect();
    let plain: String = letters.iter().map(|it| it.1).collect();
    WORDS.iter().find_map(|word| {
        let start = plain[..plain.find(word)?].chars().count();
        let (first, last) = (letters.get(start)?.0, letters.get(start + word.len() - 1)?.0);
        let inside = text[..first].chars().next_back().is_some_and(char::is_alphabetic)
            || text[last + 1..].chars().next().is_some_and(char::is_lowercase);
        (!inside).then(|| text[first..=last].to_owned())
    })
}

/// A name that is reserved for examples in a text: `mail@example.com`, `api.example.jp`.
///
/// <https://www.rfc-editor.org/rfc/rfc2606>
fn example(text: &str) -> Option<String> {
    const NAME: &str = "example.";
    let lower = text.to_ascii_lowercase();
    let start = lower.match_indices(NAME).map(|it| it.0).find(|at| {
        let before = lower[..*at].chars().next_back();
        let after = lower[at + NAME.len()..].chars().next();
        !before.is_some_and(|it| it.is_ascii_alphanumeric())
            && after.is_some_and(|it| it.is_ascii_alphanumeric())
    })?;
    let end = lower[start..]
        .find(|it: char| !(it.is_ascii_alphanumeric() || it == '.' || it == '-'))
        .map_or(lower.len(), |it| start + it);
    Some(text[start..end].to_owned())
}

#[cfg(test)]
mod tests {
    use super::{example, placeholder, word};

    #[test]
    fn placeholders_are_recognised() {
        let cases = [
            ("<team>", Some("<team>")),
            ("arn:aws:iam::<account>:role/x", Some("<account>")),
            ("changeme@city.lg.jp", Some("changeme")),
            ("CHANGE_ME_API_KEY", Some("CHANGE_ME")),
            ("ops@example.com", Some("example.com")),
            ("https://api.example.jp/v1", Some("example.jp")),
            ("ops@myexample.com", None),
            ("a < b", None),
            ("<>", None),
            ("facility", None),
            ("役所", None),
        ];
        for (text, expected) in cases {
            assert_eq!(placeholder(text).as_deref(), expected, "{text}");
        }
        assert_eq!(word("exchangement"), None);
        assert_eq!(example("for example, this"), None);
    }
}
