//! Documents come in pairs, English and Japanese, of the same shape; and their links lead somewhere.

use crate::root;
use std::fs;
use std::path::{Path, PathBuf};

/// The Markdown files of a folder and, for `docs`, of those below it.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![root().join("docs")];
    let top = fs::read_dir(root()).unwrap().map(|it| it.unwrap().path());
    found.extend(top.filter(|it| it.extension().is_some_and(|it| it == "md")));
    while let Some(folder) = open.pop() {
        for path in fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()) {
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The outline of a text, which a translation shares: headings, list items, rows and code blocks.
fn outline(text: &str) -> Vec<&str> {
    let mut code = false;
    let marks = text.lines().filter_map(|line| {
        if line.starts_with("```") {
            code = !code;
            return Some("```");
        }
        let first = line.split(' ').next().unwrap_or_default();
        let numbered = first.ends_with('.') && first.starts_with(|it: char| it.is_ascii_digit());
        match first {
            _ if code => None,
            "#" | "##" | "###" | "-" | "|" | "<!--" => Some(first),
            _ if numbered => Some(first),
            _ => None,
        }
    });
    marks.collect()
}

/// The targets of links to files: `](path)`, without what follows a `#`.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|it| it.split_once(')'));
    let paths = targets.map(|(target, _)| target.split('#').next().unwrap_or_default());
    paths.filter(|it| !it.is_empty() && !it.contains("://"))
}

#[test]
fn documents_come_in_pairs() {
    let documents = documents();
    assert!(documents.len() > 4, "{documents:?}");
    for path in &documents {
        let name = path.to_string_lossy();
        let twin = match name.strip_suffix(".ja.md") {
            Some(stem) => format!("{stem}.md"),
            None => format!("{}.ja.md", name.trim_end_matches(".md")),
        };
        let text = fs::read_to_string(path).unwrap();
        let other = fs::read_to_string(&twin).unwrap_or_else(|error| panic!("{twin}: {error}"));
        assert_eq!(outline(&text), outline(&other), "{name} and {twin} differ in their outline");
    }
}

#[test]
fn links_lead_somewhere() {
    for path in documents() {
        let text = fs::read_to_string(&path).unwrap();
        let folder = path.parent().unwrap_or(Path::new(""));
        for link in links(&text) {
            assert!(folder.join(link).exists(), "{}: no {link}", path.display());
        }
    }
}

#[test]
fn an_outline_is_the_same_in_every_language() {
    let text = "# A\n\nb\n- c\n  d\n\n1. e\n\n| f | g |\n|---|---|\n```sh\n# no heading\n```\n";
    assert_eq!(outline(text), ["#", "-", "1.", "|", "```", "```"]);
    let links: Vec<_> = links("[a](b.md#c) [d](https://e) [f](#g)").collect();
    assert_eq!(links, ["b.md"]);
}
