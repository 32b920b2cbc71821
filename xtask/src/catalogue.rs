//! The Japanese catalogue against the sentences of the code.

use crate::root;
use crate::sentences::{Sentence, gaps, help, messages};
use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

const CATALOGUE: &str = "crates/kumiki/locales/ja.toml";

/// Sentences by the file that they stand in.
type Sentences = BTreeMap<String, Vec<Sentence>>;

/// English sentence, Japanese sentence.
type Catalogue = BTreeMap<String, String>;

/// `cargo xtask messages`: what is missing, ready to be filled in.
pub(crate) fn print_missing() -> Result<(), String> {
    let (sentences, catalogue) = (read_sentences()?, read_catalogue()?);
    print!("{}", missing(&sentences, &catalogue));
    for fault in faults(&sentences, &catalogue) {
        eprintln!("{fault}");
    }
    Ok(())
}

/// Sentences without a translation, as the lines that the catalogue lacks.
fn missing(sentences: &Sentences, catalogue: &Catalogue) -> String {
    let mut out = String::new();
    let mut seen = HashSet::new();
    for (file, sentences) in sentences {
        let mut title = format!("\n# {file}\n");
        for sentence in sentences {
            let template = &sentence.template;
            if catalogue.contains_key(template) || !seen.insert(template) {
                continue;
            }
            out.push_str(&std::mem::take(&mut title));
            out.push_str(&format!("{} = ''\n", quoted(template)));
        }
    }
    out
}

/// A TOML key; in single quotes, where nothing is escaped, if that is possible.
fn quoted(text: &str) -> String {
    if !text.contains('\'') && !text.contains(char::is_control) {
        return format!("'{text}'");
    }
    let mut out = String::from("\"");
    for it in text.chars() {
        match it {
            '"' | '\\' => out.extend(['\\', it]),
            '\n' => out.push_str("\\n"),
            it if it.is_control() => out.push_str(&format!("\\u{:04X}", u32::from(it))),
            it => out.push(it),
        }
    }
    out.push('"');
    out
}

/// What is wrong with the sentences that have a translation, and with translations.
fn faults(sentences: &Sentences, catalogue: &Catalogue) -> Vec<String> {
    let mut faults = Vec::new();
    let mut used = HashSet::new();
    for (file, sentences) in sentences {
        for Sentence { template, arguments, line } in sentences {
            let english = gaps(template);
            used.insert(template.as_str());
            for gap in english.difference(arguments) {
                faults.push(format!("{file}:{line}: nothing fills `{{{gap}}}` of \"{template}\""));
            }
            for argument in arguments.difference(&english) {
                faults.push(format!("{file}:{line}: \"{template}\" has no gap for `{argument}`"));
            }
            if let Some(japanese) = catalogue.get(template)
                && gaps(japanese) != english
            {
                faults.push(format!(
                    "{file}:{line}: the gaps of the translation differ: \"{template}\" = \"{japanese}\""
                ));
            }
        }
    }
    for (english, japanese) in catalogue {
        if japanese.is_empty() {
            faults.push(format!("{CATALOGUE}: an empty translation: \"{english}\""));
        }
        if !used.contains(english.as_str()) {
            faults.push(format!("{CATALOGUE}: no sentence of the code is \"{english}\""));
        }
    }
    faults
}

fn read_catalogue() -> Result<Catalogue, String> {
    let path = root().join(CATALOGUE);
    match fs::read_to_string(&path) {
        Ok(text) => toml::from_str(&text).map_err(|error| format!("{CATALOGUE}: {error}")),
        Err(error) => Err(format!("{CATALOGUE}: {error}")),
    }
}

/// The sentences of every crate; tests in files of their own are passed over.
fn read_sentences() -> Result<Sentences, String> {
    let root = root();
    let mut sentences = Sentences::new();
    for folder in entries(&root.join("crates"))? {
        for file in rust_files(&folder.join("src"))? {
            let name = file.strip_prefix(&root).unwrap_or(&file).display().to_string();
            let text = fs::read_to_string(&file).map_err(|error| format!("{name}: {error}"))?;
            let found = messages(&text).and_then(|mut it| {
                it.extend(help(&text)?);
                Ok(it)
            });
            sentences.insert(name.clone(), found.map_err(|error| format!("{name}: {error}"))?);
        }
    }
    Ok(sentences)
}

fn rust_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in entries(folder)? {
        let stem = path.file_stem().unwrap_or_default();
        if stem == "tests" {
            continue;
        }
        if path.is_dir() {
            files.extend(rust_files(&path)?);
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
    Ok(files)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    let read = fs::read_dir(folder).map_err(failed)?;
    let mut paths =
        read.map(|it| it.map(|it| it.path())).collect::<Result<Vec<_>, _>>().map_err(failed)?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sentence_is_translated() {
        let (sentences, catalogue) = (read_sentences().unwrap(), read_catalogue().unwrap());
        let missing = missing(&sentences, &catalogue);
        assert!(missing.is_empty(), "fill these into {CATALOGUE}:\n{missing}");
    }

    #[test]
    fn translations_fit_their_sentences() {
        let (sentences, catalogue) = (read_sentences().unwrap(), read_catalogue().unwrap());
        let faults = faults(&sentences, &catalogue);
        assert!(faults.is_empty(), "{}", faults.join("\n"));
    }

    fn example() -> Sentences {
        let source = r#"fn f() {
            message!("no file `{path}`", path);
            message!("it's \"{what}\"", what);
            message!("no file `{path}`", path);
        }"#;
        BTreeMap::from([("a.rs".to_owned(), messages(source).unwrap())])
    }

    fn catalogue(entries: &[(&str, &str)]) -> Catalogue {
        entries.iter().map(|(english, it)| ((*english).to_owned(), (*it).to_owned())).collect()
    }

    #[test]
    fn missing_sentences_are_toml() {
        let printed = missing(&example(), &catalogue(&[]));
        assert_eq!(printed, "\n# a.rs\n'no file `{path}`' = ''\n\"it's \\\"{what}\\\"\" = ''\n");
        let read: Catalogue = toml::from_str(&printed).unwrap();
        assert!(missing(&example(), &read).is_empty());
    }

    #[test]
    fn what_does_not_fit_is_found() {
        let whole = [
            ("no file `{path}`", "ファイル `{path}` がありません"),
            ("it's \"{what}\"", "「{what}」です"),
        ];
        let cases: [(&[(&str, &str)], &str); 4] = [
            (&[], ""),
            (&[("no file `{path}`", "ファイルがありません")], "the gaps of the translation differ"),
            (&[("no file `{path}`", "")], "an empty translation"),
            (&[("gone", "ない")], "no sentence of the code"),
        ];
        for (changes, expected) in cases {
            let mut catalogue = catalogue(&whole);
            catalogue.extend(self::catalogue(changes));
            let faults = faults(&example(), &catalogue);
            match expected {
                "" => assert_eq!(faults, [""; 0]),
                expected => assert!(faults.iter().any(|it| it.contains(expected)), "{faults:?}"),
            }
        }
    }

    #[test]
    fn gaps_and_arguments_agree() {
        let source = r#"fn f() { message!("a {gap}", other = 1) }"#;
        let sentences = BTreeMap::from([("a.rs".to_owned(), messages(source).unwrap())]);
        assert_eq!(
            faults(&sentences, &catalogue(&[])),
            [
                "a.rs:1: nothing fills `{gap}` of \"a {gap}\"",
                "a.rs:1: \"a {gap}\" has no gap for `other`",
            ]
        );
    }
}
