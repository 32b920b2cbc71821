//! The table against the house.

use super::*;
use std::collections::{BTreeMap, BTreeSet};

/// The checklist of part 1 of the specification: 206 requirements.
const CHECKLIST: &[(&str, usize)] = &[
    ("S-NET", 20),
    ("S-DB", 28),
    ("S-CMP", 44),
    ("S-SEC", 14),
    ("S-AUTH", 8),
    ("S-FE", 10),
    ("S-MON", 14),
    ("S-BAT", 4),
    ("S-ROOT", 12),
    ("S-PAR", 25),
    ("S-SCR", 6),
    ("S-STD", 13),
    ("S-ADR", 8),
];

/// The decisions of part 2: `C-01` to this.
const DECISIONS: usize = 32;

/// What exists, as far as the table speaks of it.
#[derive(Clone, Default)]
struct House {
    /// The names in every file that exists.
    files: BTreeMap<String, BTreeSet<String>>,
    facts: BTreeSet<String>,
    rules: BTreeSet<String>,
    oracles: BTreeSet<String>,
    /// `FILE#FUNCTION`.
    tests: BTreeSet<String>,
}

impl House {
    /// Whether there is this file, with this name in it.
    fn has(&self, path: &str, name: Option<&str>) -> bool {
        self.files.get(path).is_some_and(|names| name.is_none_or(|it| names.contains(it)))
    }

    fn proves(&self, proof: &str) -> bool {
        match proof.split_once(':') {
            Some(("fact", id)) => self.facts.contains(id),
            Some(("rule", name)) => self.rules.contains(name),
            Some(("oracle", name)) => self.oracles.contains(name),
            Some(("test", test)) => self.tests.contains(test),
            _ => false,
        }
    }
}

/// Everything that is wrong with the table, as sentences.
fn faults(table: &Table, house: &House) -> Vec<String> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    for (prefix, count) in CHECKLIST {
        let section = table.section.iter().find(|it| it.prefix == *prefix);
        let rows = section.map_or(&[][..], |it| &it.requirement);
        for number in 1..=*count {
            let id = format!("{prefix}-{number:02}");
            if !rows.iter().any(|it| it.id == id) {
                faults.push(format!("the table lacks {id}"));
            }
            seen.insert(id);
        }
    }
    for row in table.section.iter().flat_map(|it| &it.requirement) {
        let id = &row.id;
        if !seen.remove(id) {
            faults.push(format!("{id} is not in the checklist, or stands here twice"));
        }
        for place in &row.places {
            let (path, name) = split_place(place);
            if !house.has(&path, name) {
                faults.push(format!("{id}: there is no place {place}"));
            }
        }
        for proof in row.proofs.iter().filter(|it| !house.proves(it)) {
            faults.push(format!("{id}: there is no check {proof}"));
        }
        match (row.outcome, row.decisions.first()) {
            (Outcome::Met, Some(it)) => faults.push(format!("{id}: met, and yet changed by {it}")),
            (Outcome::Differently | Outcome::Refused, None) => {
                faults.push(format!("{id}: no decision says why it is changed or refused"));
            }
            _ => {}
        }
        for decision in row.decisions.iter().filter(|it| !decided(it, house)) {
            faults.push(format!("{id}: there is no decision {decision}"));
        }
        if row.outcome != Outcome::Refused {
            if row.places.is_empty() && row.open.is_none() {
                faults.push(format!("{id}: it says nowhere where"));
            }
            if row.proofs.is_empty() && row.open.is_none() {
                faults.push(format!("{id}: no check proves it, and nothing says why"));
            }
        }
        let remarks = row.note.iter().chain(&row.open).flat_map(|it| [&it.en, &it.ja]);
        if [&row.en, &row.ja].into_iter().chain(remarks).any(|it| it.trim().is_empty()) {
            faults.push(format!("{id}: words are missing"));
        }
    }
    faults
}

/// What exists of what the table names.
fn look(table: &Table) -> House {
    let mut house = House {
        facts: service_acceptance::facts().map(|it| it.id.to_owned()).collect(),
        rules: kumiki_check::RULES.iter().map(|it| it.name.to_owned()).collect(),
        oracles: oracles(),
        ..House::default()
    };
    let world = service_acceptance::World::real();
    let rows = || table.section.iter().flat_map(|it| &it.requirement);
    for place in rows().flat_map(|it| it.places.iter().chain(&it.decisions)) {
        let (path, _) = split_place(place);
        let Ok(text) = fs::read_to_string(root().join(&path)) else { continue };
        let mut names = names_of_parameters(&text);
        let template = path.strip_prefix(PROJECT).and_then(|it| world.template(&it[1..]));
        if let Some(it) = template {
            let inner = it.parameters.names().chain(it.mappings.names());
            let inner = inner.chain(it.conditions.names()).chain(it.rules.names());
            let inner = inner.chain(it.resources.names()).chain(it.outputs.names());
            names.extend(inner.map(str::to_owned));
        }
        house.files.insert(path, names);
    }
    for test in rows().flat_map(|it| &it.proofs).filter_map(|it| it.strip_prefix("test:")) {
        let path = test.split('#').next().unwrap_or_default();
        let Ok(text) = fs::read_to_string(root().join(path)) else { continue };
        house.tests.extend(tests_of(&text).into_iter().map(|it| format!("{path}#{it}")));
    }
    house
}

/// The keys of a parameter file, none of other texts.
fn names_of_parameters(text: &str) -> BTreeSet<String> {
    let items: Vec<serde_json::Value> = serde_json::from_str(text).unwrap_or_default();
    items.iter().filter_map(|it| it["ParameterKey"].as_str()).map(str::to_owned).collect()
}

/// The functions of a file that are tests, those of its inner modules too.
fn tests_of(text: &str) -> Vec<String> {
    fn collect(items: &[syn::Item], found: &mut Vec<String>) {
        for item in items {
            match item {
                syn::Item::Fn(it) if it.attrs.iter().any(|it| it.path().is_ident("test")) => {
                    found.push(it.sig.ident.to_string());
                }
                syn::Item::Mod(it) => {
                    collect(it.content.as_ref().map_or(&[], |(_, items)| items), found);
                }
                _ => {}
            }
        }
    }
    let mut found = Vec::new();
    collect(&syn::parse_file(text).map(|it| it.items).unwrap_or_default(), &mut found);
    found
}

/// The independent tools that `make oracles` runs, if CI does that.
fn oracles() -> BTreeSet<String> {
    let read = |path| fs::read_to_string(root().join(path)).unwrap_or_default();
    if !read(".ci/run").lines().any(|it| it == "make oracles") {
        return BTreeSet::new();
    }
    let makefile = read("Makefile");
    let recipe = makefile.split("\noracles:").nth(1).unwrap_or_default();
    let recipe = recipe.split("\n\n").next().unwrap_or_default();
    let tools = ["cfn-lint", "checkov"].into_iter();
    tools.filter(|it| recipe.contains(&format!("/{it}'"))).map(str::to_owned).collect()
}

#[test]
fn the_table_holds_against_the_house() {
    let table = read_table().unwrap();
    let faults = faults(&table, &look(&table));
    assert!(faults.is_empty(), "{TABLE}:\n{}", faults.join("\n"));
}

#[test]
fn the_pages_are_made_of_the_table() {
    let table = read_table().unwrap();
    let read = |path: &str| fs::read_to_string(root().join(path)).unwrap_or_default();
    assert_eq!(stale(&table, read), [""; 0], "run `cargo xtask traceability`");
}

#[test]
fn a_stale_page_is_found() {
    let table = table(ROW);
    let fresh = |path: &str| {
        let language = Language::ALL.into_iter().find(|it| it.page() == path).unwrap();
        page(&table, language)
    };
    assert_eq!(stale(&table, fresh), [""; 0]);
    let edited = |path: &str| match path {
        "docs/traceability.ja.md" => fresh(path).replace("| 証拠 |", "| 根拠 |"),
        _ => fresh(path),
    };
    assert_eq!(stale(&table, edited), ["docs/traceability.ja.md"]);
}

/// The pages whose text is not what the table makes.
fn stale(table: &Table, read: impl Fn(&str) -> String) -> Vec<&'static str> {
    let stale = Language::ALL.into_iter().filter(|it| read(it.page()) != page(table, *it));
    stale.map(Language::page).collect()
}

#[test]
fn names_and_tests_are_read() {
    let text = r#"[{"ParameterKey": "VpcCidr", "ParameterValue": "10.0.0.0/16"}]"#;
    assert_eq!(names_of_parameters(text), BTreeSet::from(["VpcCidr".to_owned()]));
    assert_eq!(names_of_parameters("# A page\n"), BTreeSet::new());
    let text = "#[test]\nfn a() {}\nfn b() {}\nmod tests { #[test] fn c() {} }\n";
    assert_eq!(tests_of(text), ["a", "c"]);
}

/// Whether a decision of the specification, or an ADR, exists.
fn decided(decision: &str, house: &House) -> bool {
    match decision.strip_prefix('/') {
        Some(path) => path.starts_with("docs/adr/") && house.has(path, None),
        None => {
            let number = decision.strip_prefix("C-").filter(|it| it.len() == 2);
            number.and_then(|it| it.parse().ok()).is_some_and(|it| (1..=DECISIONS).contains(&it))
        }
    }
}

/// A small table; `row` is in place of the row of `S-NET-02`.
fn table(row: &str) -> Table {
    let mut text = String::new();
    for (prefix, count) in CHECKLIST {
        text.push_str(&format!(
            "[[section]]\nprefix = '{prefix}'\ntitle = {{ en = 'Layer', ja = '層' }}\n"
        ));
        for number in 1..=*count {
            let id = format!("{prefix}-{number:02}");
            text.push_str("[[section.requirement]]\n");
            text.push_str(&match &*id {
                "S-NET-02" => row.to_owned(),
                _ => format!(
                    "id = '{id}'\nen = 'A'\nja = 'ア'\noutcome = 'met'\nplaces = ['a.yaml']\nproofs = ['fact:A-1']\n"
                ),
            });
        }
    }
    toml::from_str(&text).expect("a table")
}

const ROW: &str = "id = 'S-NET-02'\nen = 'A'\nja = 'ア'\noutcome = 'differently'\ndecisions = ['C-07']\n\
                   places = ['a.yaml#Vpc', '/docs/adr/0001-a.md']\n\
                   proofs = ['fact:A-1', 'rule:some-rule', 'oracle:cfn-lint', 'test:a.rs#it_stands']\n";

fn house() -> House {
    let set = |names: &[&str]| names.iter().map(|it| (*it).to_owned()).collect::<BTreeSet<_>>();
    House {
        files: BTreeMap::from([
            ("infra/service/a.yaml".to_owned(), set(&["Vpc"])),
            ("docs/adr/0001-a.md".to_owned(), set(&[])),
        ]),
        facts: set(&["A-1"]),
        rules: set(&["some-rule"]),
        oracles: set(&["cfn-lint"]),
        tests: set(&["a.rs#it_stands"]),
    }
}

#[test]
fn a_whole_table_has_no_faults() {
    assert_eq!(CHECKLIST.iter().map(|it| it.1).sum::<usize>(), 206);
    assert_eq!(faults(&table(ROW), &house()), [""; 0]);
}

#[test]
fn a_planted_fault_is_found() {
    let cases = [
        // Identifiers.
        (("S-NET-02", "S-NET-03"), "the table lacks S-NET-02"),
        (("S-NET-02", "S-NET-03"), "S-NET-03 is not in the checklist, or stands here twice"),
        (("S-NET-02", "S-NET-21"), "S-NET-21 is not in the checklist, or stands here twice"),
        (("S-NET-02", "S-DB-02"), "S-DB-02 is not in the checklist, or stands here twice"),
        // Places.
        (("a.yaml#Vpc", "b.yaml"), "S-NET-02: there is no place b.yaml"),
        (("a.yaml#Vpc", "a.yaml#Subnet"), "S-NET-02: there is no place a.yaml#Subnet"),
        (("'a.yaml#Vpc', '/docs/adr/0001-a.md'", ""), "S-NET-02: it says nowhere where"),
        // Checks.
        (("fact:A-1", "fact:A-2"), "S-NET-02: there is no check fact:A-2"),
        (("rule:some-rule", "rule:other"), "S-NET-02: there is no check rule:other"),
        (("oracle:cfn-lint", "oracle:guard"), "S-NET-02: there is no check oracle:guard"),
        (("#it_stands", "#it_falls"), "S-NET-02: there is no check test:a.rs#it_falls"),
        (("fact:A-1", "A-1"), "S-NET-02: there is no check A-1"),
        // Decisions.
        (("decisions = ['C-07']", ""), "S-NET-02: no decision says why it is changed or refused"),
        (("C-07", "C-33"), "S-NET-02: there is no decision C-33"),
        (("C-07", "C-00"), "S-NET-02: there is no decision C-00"),
        (("C-07", "/docs/adr/0002-b.md"), "S-NET-02: there is no decision /docs/adr/0002-b.md"),
        (("differently", "met"), "S-NET-02: met, and yet changed by C-07"),
        (("'ア'", "' '"), "S-NET-02: words are missing"),
    ];
    for ((from, to), expected) in cases {
        assert!(ROW.contains(from), "{from}");
        let found = faults(&table(&ROW.replace(from, to)), &house());
        assert!(found.iter().any(|it| it == expected), "{expected}: {found:?}");
    }
    let mute =
        ROW.lines().filter(|it| !it.starts_with("proofs")).collect::<Vec<_>>().join("\n") + "\n";
    assert_eq!(
        faults(&table(&mute), &house()),
        ["S-NET-02: no check proves it, and nothing says why"]
    );
}

#[test]
fn nothing_is_ticked_without_a_check() {
    let open = "open = { en = 'after a deployment', ja = 'デプロイの後' }\n";
    let cases = [
        (ROW.to_owned(), "| ✓ met differently (C-07) |", "| ✓ 別の形で満たす (C-07) |"),
        (format!("{ROW}{open}"), "| ○ differently, not proven yet (C-07) |", "デプロイの後 |"),
        (ROW.replace("differently", "refused"), "| ✗ refused (C-07) |", "| ✗ 採らない (C-07) |"),
    ];
    for (row, english, japanese) in cases {
        let table = table(&row);
        assert_eq!(faults(&table, &house()), [""; 0]);
        let row = |language| {
            let page = page(&table, language);
            page.lines().find(|it| it.starts_with("| S-NET-02")).expect("a row").to_owned()
        };
        assert!(row(Language::English).contains(english), "{}", row(Language::English));
        assert!(row(Language::Japanese).contains(japanese), "{}", row(Language::Japanese));
    }
}

#[test]
fn a_row_shows_where_and_why() {
    let page = page(&table(ROW), Language::English);
    let row = page.lines().find(|it| it.starts_with("| S-NET-02")).expect("a row");
    assert_eq!(
        row,
        "| S-NET-02 | A | ✓ met differently (C-07) \
         | [a.yaml](../infra/service/a.yaml) `Vpc`, [docs/adr/0001-a.md](adr/0001-a.md) \
         | A-1; [some-rule](../crates/check/src/rules/some_rule.md); cfn-lint; [it stands](../a.rs) |"
    );
    assert_eq!(linked_decision("/docs/adr/0012-tls.md"), "[ADR 12](adr/0012-tls.md)");
}
