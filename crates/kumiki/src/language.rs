//! The user's language.
//!
//! Code carries English sentences; `locales/ja.toml` has the Japanese one for each, keyed by the
//! English. A test in `xtask` finds sentences without a translation and translations that no
//! sentence uses.

use clap::ValueEnum;
use kumiki_source::Message;
use std::collections::HashMap;
use std::sync::LazyLock;

/// A language that messages come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Language {
    En,
    Ja,
}

static JAPANESE: LazyLock<HashMap<String, String>> = LazyLock::new(|| {
    // A test reads the same text; a broken catalogue leaves English, not a broken program.
    toml::from_str(include_str!("../locales/ja.toml")).unwrap_or_default()
});

impl Language {
    /// The language that the locale names, as POSIX has it: `LC_ALL`, `LC_MESSAGES`, `LANG`.
    pub(crate) fn of_environment() -> Self {
        let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
            .into_iter()
            .filter_map(|it| std::env::var(it).ok())
            .find(|it| !it.is_empty())
            .unwrap_or_default();
        Self::of_locale(&locale)
    }

    /// The language of a locale, `ja_JP.UTF-8` or `ja-JP`.
    pub(crate) fn of_locale(locale: &str) -> Self {
        if locale.starts_with("ja") { Self::Ja } else { Self::En }
    }

    /// A sentence of the code in this language, if it is not the code's own.
    pub(crate) fn translation(self, english: &str) -> Option<&'static str> {
        match self {
            Self::En => None,
            Self::Ja => JAPANESE.get(english).map(String::as_str),
        }
    }

    /// A message in this language. What fills a gap may be a sentence of the code itself.
    pub(crate) fn text(self, message: &Message) -> String {
        let Some(template) = self.translation(&message.template) else {
            return message.to_string();
        };
        let translated = |value: &String| self.translation(value).map(str::to_owned);
        let mut message = message.clone();
        for (_, value) in &mut message.arguments {
            *value = translated(value).unwrap_or_else(|| std::mem::take(value));
        }
        message.fill(template)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_catalogue_is_read() {
        let read: Result<HashMap<String, String>, _> =
            toml::from_str(include_str!("../locales/ja.toml"));
        assert!(read.is_ok_and(|it| !it.is_empty()));
    }
}
