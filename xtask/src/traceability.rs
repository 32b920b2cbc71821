//! Every requirement of the report: the place that meets it, and the check that proves it.
//!
//! `docs/traceability.toml` is the table, and the pages beside it are made of it by
//! `cargo xtask traceability`. The tests hold the table against the house: a place that it names
//! exists, a check that it names runs, and a requirement without a check has no tick.

use crate::root;
use serde::Deserialize;
use std::fs;

const TABLE: &str = "docs/traceability.toml";

/// The folder that places are counted from, unless they begin with `/`.
const PROJECT: &str = "infra/service";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    section: Vec<Section>,
}

/// A part of the checklist.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Section {
    /// What its identifiers begin with.
    prefix: String,
    title: Words,
    requirement: Vec<Requirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Requirement {
    id: String,
    /// The requirement in a few words.
    en: String,
    ja: String,
    outcome: Outcome,
    /// Decisions `C-nn`, and ADRs, that change or refuse it.
    #[serde(default)]
    decisions: Vec<String>,
    /// Files from [`PROJECT`], each with a name in it behind `#` if there is one.
    #[serde(default)]
    places: Vec<String>,
    /// Checks: `fact:…`, `rule:…`, `oracle:…` or `test:FILE#FUNCTION`.
    #[serde(default)]
    proofs: Vec<String>,
    /// What a reader has to know besides.
    note: Option<Words>,
    /// Why the checks do not prove it yet.
    open: Option<Words>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Outcome {
    Met,
    Differently,
    Refused,
}

/// Words for people.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    en: String,
    ja: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Language {
    English,
    Japanese,
}

impl Language {
    const ALL: [Self; 2] = [Self::English, Self::Japanese];

    /// The file of the page.
    fn page(self) -> &'static str {
        self.choose("docs/traceability.md", "docs/traceability.ja.md")
    }

    fn choose<'t>(self, english: &'t str, japanese: &'t str) -> &'t str {
        match self {
            Self::English => english,
            Self::Japanese => japanese,
        }
    }

    fn of(self, words: &Words) -> &str {
        self.choose(&words.en, &words.ja)
    }
}

impl Requirement {
    /// Whether checks prove all of it.
    fn proven(&self) -> bool {
        !self.proofs.is_empty() && self.open.is_none()
    }

    fn status(&self, language: Language) -> String {
        let decisions: Vec<String> = self.decisions.iter().map(|it| linked_decision(it)).collect();
        let because = match decisions.is_empty() {
            true => String::new(),
            false => format!(" ({})", decisions.join(", ")),
        };
        let (mark, word) = match (self.outcome, self.proven()) {
            (Outcome::Refused, _) => ("✗", language.choose("refused", "採らない")),
            (Outcome::Met, true) => ("✓", language.choose("met", "満たす")),
            (Outcome::Differently, true) => {
                ("✓", language.choose("met differently", "別の形で満たす"))
            }
            (Outcome::Met, false) => ("○", language.choose("not proven yet", "未証明")),
            (Outcome::Differently, false) => {
                ("○", language.choose("differently, not proven yet", "別の形、未証明"))
            }
        };
        format!("{mark} {word}{because}")
    }
}

/// `cargo xtask traceability`: writes the pages.
pub(crate) fn write_pages() -> Result<(), String> {
    let table = read_table()?;
    for language in Language::ALL {
        let path = language.page();
        fs::write(root().join(path), page(&table, language))
            .map_err(|error| format!("{path}: {error}"))?;
    }
    Ok(())
}

fn read_table() -> Result<Table, String> {
    let text =
        fs::read_to_string(root().join(TABLE)).map_err(|error| format!("{TABLE}: {error}"))?;
    toml::from_str(&text).map_err(|error| format!("{TABLE}: {error}"))
}

/// A page for people.
fn page(table: &Table, language: Language) -> String {
    let requirements: Vec<&Requirement> =
        table.section.iter().flat_map(|it| &it.requirement).collect();
    let count = |keep: &dyn Fn(&Requirement) -> bool| {
        requirements.iter().filter(|it| keep(it)).count().to_string()
    };
    let total = count(&|_| true);
    let met = count(&|it| it.outcome == Outcome::Met && it.proven());
    let differently = count(&|it| it.outcome == Outcome::Differently && it.proven());
    let refused = count(&|it| it.outcome == Outcome::Refused);
    let open = count(&|it| it.outcome != Outcome::Refused && !it.proven());
    let mut out = match language {
        Language::English => format!(
            "\
<!-- Made of traceability.toml by `cargo xtask traceability`; change that file. -->

# What the report asks for, and what proves it

[日本語](traceability.ja.md)

The report's checklist has {total} requirements. {met} are met and {differently} are met differently, each
proven by a check that runs with every change; {refused} are refused by a decision; {open} are not proven
yet, and the table says why. What no check proves has no tick.

Decisions `C-nn` are those of the specification. Places are files under `infra/service`, with the name in
them: a resource, an output, a parameter. Checks are acceptance facts over the evaluated tree of every
environment ([infra/acceptance](../infra/acceptance)), rules of `kumiki check`, independent tools, and
tests.
"
        ),
        Language::Japanese => format!(
            "\
<!-- traceability.toml から `cargo xtask traceability` が作る。直すのはそちら。 -->

# 報告書の要求と、その証拠

[English](traceability.md)

報告書のチェックリストには {total} 項目の要求がある。{met} 項目を満たし、{differently} 項目を別の形で満たす。どちらも、変更の
たびに走る検査が証明する。決定により採らないものが {refused} 項目、まだ証明できていないものが {open} 項目あり、
理由を表に書く。検査のないものに印は付けない。

決定 `C-nn` は仕様書のもの。場所は `infra/service` の下のファイルと、その中の名前 (リソース、出力、パラメータ)。
検査は、全環境の評価済みの木に対する受け入れ条件 ([infra/acceptance](../infra/acceptance))、`kumiki check` の規則、
独立した道具、テストである。
"
        ),
    };
    let heads = language.choose(
        "| Id | Requirement | Outcome | Where | Proof |",
        "| ID | 要求 | 結果 | 場所 | 証拠 |",
    );
    for section in &table.section {
        let title = language.of(&section.title);
        out.push_str(&format!(
            "\n## {}: {title}\n\n{heads}\n|---|---|---|---|---|\n",
            section.prefix
        ));
        for it in &section.requirement {
            let words = language.choose(&it.en, &it.ja);
            let places = linked_places(&it.places);
            let mut proofs: Vec<String> = it.proofs.iter().map(|it| linked_proof(it)).collect();
            let words_of = |it: &Option<Words>| it.as_ref().map(|it| language.of(it).to_owned());
            proofs.extend(words_of(&it.note).into_iter().chain(words_of(&it.open)));
            let cells = [&it.id, words, &it.status(language), &places, &proofs.join("; ")];
            let cells = cells.map(|it| it.replace('|', "\\|"));
            out.push_str(&format!("| {} |\n", cells.join(" | ")));
        }
    }
    out
}

/// The path of a place from the root of the repository, and the name in it.
fn split_place(place: &str) -> (String, Option<&str>) {
    let (file, name) = match place.split_once('#') {
        Some((file, name)) => (file, Some(name)),
        None => (place, None),
    };
    match file.strip_prefix('/') {
        Some(path) => (path.to_owned(), name),
        None => (format!("{PROJECT}/{file}"), name),
    }
}

/// The target of a link from a page to a file.
fn target(path: &str) -> String {
    path.strip_prefix("docs/").map_or_else(|| format!("../{path}"), str::to_owned)
}

/// Links to files, each with the names in it that follow each other.
fn linked_places(places: &[String]) -> String {
    let mut cell = String::new();
    let mut before = String::new();
    for place in places {
        let (path, name) = split_place(place);
        if !cell.is_empty() {
            cell.push_str(", ");
        }
        if path != before {
            let shown = path.strip_prefix(PROJECT).map_or(&*path, |it| it.trim_start_matches('/'));
            cell.push_str(&format!("[{shown}]({})", target(&path)));
        }
        if let Some(name) = name {
            let space = if path == before { "" } else { " " };
            cell.push_str(&format!("{space}`{name}`"));
        }
        before = path;
    }
    cell
}

fn linked_decision(decision: &str) -> String {
    match decision.strip_prefix('/') {
        Some(path) => {
            let name = path.rsplit('/').next().unwrap_or(path);
            let number: String = name.chars().take_while(char::is_ascii_digit).collect();
            format!("[ADR {}]({})", number.trim_start_matches('0'), target(path))
        }
        None => decision.to_owned(),
    }
}

fn linked_proof(proof: &str) -> String {
    match proof.split_once(':') {
        Some(("rule", name)) => {
            let file = format!("crates/check/src/rules/{}.md", name.replace('-', "_"));
            format!("[{name}]({})", target(&file))
        }
        Some(("test", place)) => {
            let (path, name) = place.split_once('#').unwrap_or((place, ""));
            format!("[{}]({})", name.replace('_', " "), target(path))
        }
        Some((_, name)) => name.to_owned(),
        None => proof.to_owned(),
    }
}

#[cfg(test)]
mod tests;
