//! `kumiki explain`: the manual page of a rule.

use crate::Exit;
use crate::args::Explain as Args;
use crate::language::Language;
use crate::output::{Output, Stop, Style};
use kumiki_check::Manual;
use kumiki_source::{closest, message};
use serde::Serialize;

pub(crate) fn run(args: &Args, output: &Output) -> Result<Exit, Stop> {
    #[derive(Serialize)]
    struct Entry {
        name: &'static str,
        severity: &'static str,
        page: String,
    }
    let entry = |it: &Manual| Entry {
        name: it.name,
        severity: it.severity.as_str(),
        page: page(&it.page, output.language),
    };
    let Some(name) = &args.rule else {
        if output.json {
            #[derive(Serialize)]
            struct Content {
                rules: Vec<Entry>,
            }
            let rules = Manual::ours().iter().map(entry).collect();
            output.document("explain", Content { rules });
        } else {
            let width = Manual::ours().iter().map(|it| it.name.len()).max().unwrap_or_default();
            for it in Manual::ours() {
                let name = output.paint(Style::Bold, &format!("{:width$}", it.name));
                output.line(&format!("{name}  {}", it.severity.as_str()));
            }
        }
        return Ok(Exit::Done);
    };
    match Manual::of(name) {
        Some(it) if output.json => output.document("explain", entry(&it)),
        Some(it) => output.line(entry(&it).page.trim_end()),
        None => {
            let stop = Stop::new(message!("there is no rule `{name}`", name));
            return Err(match closest(name, Manual::names()) {
                Some(near) => stop.help(message!("did you mean `{near}`?", near)),
                None => stop.help(message!("`kumiki explain` lists the rules")),
            });
        }
    }
    Ok(Exit::Done)
}

/// A page in one language. Paragraphs before the examples come in both; what has no words, such as
/// a link, and the examples are for everybody.
pub(crate) fn page(page: &str, language: Language) -> String {
    let (head, examples) = match page.find("\n## ") {
        Some(at) => page.split_at(at),
        None => (page, ""),
    };
    let fits = |block: &&str| match (is_japanese(block), language) {
        _ if block.starts_with("<!--") => false,
        (true, Language::En) => false,
        (false, Language::Ja) => block.starts_with(['#', '<']) || block.starts_with("Source"),
        _ => true,
    };
    let blocks: Vec<&str> = head.split("\n\n").map(str::trim).filter(fits).collect();
    let mut text = format!("{}\n{examples}", blocks.join("\n\n"));
    let words = [
        ("\n## Fails\n", message!("Fails")),
        ("\n## Passes\n", message!("Passes")),
        ("\nSource: ", message!("Source")),
        ("\nSources: ", message!("Source")),
    ];
    for (english, word) in words.iter().filter(|it| language.translation(&it.1.template).is_some())
    {
        let word = language.text(word);
        let written = english.trim_matches(['\n', '#', ' ', ':']);
        text = text.replace(*english, &english.replace(written, &word));
    }
    text
}

/// Whether a paragraph has kana or kanji.
fn is_japanese(text: &str) -> bool {
    text.chars().any(|it| matches!(it, '\u{3040}'..='\u{30ff}' | '\u{4e00}'..='\u{9fff}'))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every page says something in both languages, and no more than its own.
    #[test]
    fn pages_are_in_one_language() {
        for it in Manual::ours() {
            let prose = |language| {
                let text = page(&it.page, language);
                let head = text.split("\n## ").next().unwrap_or_default().to_owned();
                let paragraphs = head.split("\n\n").filter(|it| !it.starts_with(['#', '<']));
                let paragraphs =
                    paragraphs.filter(|it| !it.starts_with("Source") && !it.starts_with("出典"));
                paragraphs.map(str::to_owned).collect::<Vec<_>>()
            };
            let (english, japanese) = (prose(Language::En), prose(Language::Ja));
            assert!(
                !english.is_empty() && !english.iter().any(|it| is_japanese(it)),
                "{}",
                it.name
            );
            assert!(
                !japanese.is_empty() && japanese.iter().all(|it| is_japanese(it)),
                "{}",
                it.name
            );
        }
    }
}
