//! `cargo xtask fixtures`: `kumiki check` beside cfn-lint on the templates that cfn-lint is tested
//! with.
//!
//! They are in its source distribution, which pip fetches by its digest and which is kept among the
//! tools; nothing of them is part of this repository. What the two say differently stands with its
//! reason in `xtask/fixtures/disagreements.toml`, and anything else, or a line there that nothing
//! needs, is a failure.

use crate::{root, target};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const RELEASE: &str = "cfn_lint-1.58.0";
const REQUIREMENT: &str = "xtask/fixtures/cfn-lint.txt";
const TABLE: &str = "xtask/fixtures/disagreements.toml";

/// The templates inside the source distribution, and the Region that its tests assume.
const TEMPLATES: &str = "test/fixtures/templates";
const RESULTS: &str = "test/fixtures/results";
const REGION: &str = "us-east-1";

/// `cargo xtask fixtures`.
pub(crate) fn run() -> Result<(), String> {
    let table = root().join(TABLE);
    let text = fs::read_to_string(&table).map_err(|error| format!("{TABLE}: {error}"))?;
    let table: Table = toml::from_str(&text).map_err(|error| format!("{TABLE}: {error}"))?;
    let absolute = |it: PathBuf| std::path::absolute(&it).unwrap_or(it);
    let target = absolute(target());
    let tools = std::env::var_os("KUMIKI_TOOLS").map(PathBuf::from);
    let tools = absolute(tools.unwrap_or_else(|| target.join("tools")));

    let release = obtain(&tools)?;
    let folder = release.join(TEMPLATES);
    let templates = templates(&folder)?;
    let build = ["build", "--locked", "--ignore-rust-version", "--workspace", "--bin", "kumiki"];
    output(Command::new("cargo").args(build), &[0])?;
    // Each leaves a core to the other.
    let (ours, theirs) = std::thread::scope(|scope| {
        let theirs = scope.spawn(|| cfn_lint(&tools, &folder, &templates));
        let ours = kumiki(&target.join("debug/kumiki"), &folder, &templates);
        (ours, theirs.join().unwrap_or_else(|_| Err("cfn-lint was not waited for".to_owned())))
    });
    let ((ours, took), mut theirs) = (ours?, theirs?);
    expected(&release.join(RESULTS), &mut theirs)?;

    let report = compare(&table, &templates, &ours, &theirs);
    println!("{}", report.text);
    println!("kumiki check took {:.1} s for {} files.", took.as_secs_f64(), templates.len());
    match report.problems.as_slice() {
        [] => Ok(()),
        problems => Err(format!(
            "{} disagreements that {TABLE} does not say:\n{}",
            problems.len(),
            problems.join("\n")
        )),
    }
}

/// The folder of the source distribution.
fn obtain(tools: &Path) -> Result<PathBuf, String> {
    let release = tools.join(RELEASE);
    if release.join(TEMPLATES).is_dir() {
        return Ok(release);
    }
    let pip = tools.join("python/bin/pip");
    if !pip.is_file() {
        return Err(format!("{} is not there: `make python` makes it", pip.display()));
    }
    // A folder that is there is whole: it gets its name last.
    let part = tools.join(format!("{RELEASE}.part"));
    let _ = fs::remove_dir_all(&part);
    fs::create_dir_all(&part).map_err(|error| format!("{}: {error}", part.display()))?;
    let requirement = root().join(REQUIREMENT);
    let download =
        ["download", "--quiet", "--require-hashes", "--no-deps", "--no-binary", "cfn-lint"];
    output(
        Command::new(pip)
            .args(download)
            .arg("--dest")
            .arg(&part)
            .arg("--requirement")
            .arg(requirement),
        &[0],
    )?;
    let archive = part.join(format!("{RELEASE}.tar.gz"));
    output(Command::new("tar").arg("-xzf").arg(archive).arg("-C").arg(&part), &[0])?;
    fs::rename(part.join(RELEASE), &release)
        .map_err(|error| format!("{}: {error}", release.display()))?;
    let _ = fs::remove_dir_all(&part);
    Ok(release)
}

/// The files that may be templates, by their path in the folder.
fn templates(folder: &Path) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    let mut open = vec![String::new()];
    while let Some(path) = open.pop() {
        let failed = |error: std::io::Error| format!("{path}: {error}");
        for entry in fs::read_dir(folder.join(&path)).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let name = name.to_string_lossy();
            let inner = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
            if entry.file_type().map_err(failed)?.is_dir() {
                open.push(inner);
            } else if [".yaml", ".yml", ".json", ".template"].iter().any(|it| name.ends_with(it)) {
                found.insert(inner);
            }
        }
    }
    Ok(found)
}

/// What a program prints, if it ends with one of these codes.
fn output(command: &mut Command, codes: &[i32]) -> Result<Vec<u8>, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(|error| format!("{name}: {error}"))?;
    match output.status.code() {
        Some(code) if codes.contains(&code) => Ok(output.stdout),
        _ => Err(format!("{name}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr))),
    }
}

/// What `kumiki check` finds: errors and warnings.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
struct Ours {
    file: String,
    line: usize,
    rule: String,
    severity: String,
    message: String,
}

impl Ours {
    fn is_error(&self) -> bool {
        self.severity == "error"
    }
}

fn kumiki(
    binary: &Path,
    folder: &Path,
    templates: &BTreeSet<String>,
) -> Result<(Vec<Ours>, Duration), String> {
    #[derive(Deserialize)]
    struct Document {
        findings: Vec<Ours>,
    }
    let started = Instant::now();
    let mut command = Command::new(binary);
    command.args(["check", "--no-cache", "--region", REGION, "--severity", "warning"]);
    command.args(["--format", "json", "--language", "en", "--"]);
    let json = output(command.args(templates).current_dir(folder), &[0, 1])?;
    let document: Document = serde_json::from_slice(&json)
        .map_err(|error| format!("the findings of kumiki: {error}"))?;
    Ok((document.findings, started.elapsed()))
}

/// The errors that cfn-lint finds: of each template, the identifiers of the rules.
type Theirs = BTreeMap<String, BTreeSet<String>>;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Match {
    filename: String,
    rule: MatchRule,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MatchRule {
    id: String,
}

fn cfn_lint(tools: &Path, folder: &Path, templates: &BTreeSet<String>) -> Result<Theirs, String> {
    let mut command = Command::new(tools.join("python/bin/cfn-lint"));
    command.args(["--format", "json", "--regions", REGION, "--non-zero-exit-code", "none", "--"]);
    let json = output(command.args(templates).current_dir(folder), &[0])?;
    let mut theirs = Theirs::new();
    matches("the findings of cfn-lint", &json, &mut theirs)?;
    Ok(theirs)
}

/// What cfn-lint's own tests expect, with settings of their own.
fn expected(folder: &Path, theirs: &mut Theirs) -> Result<(), String> {
    for name in templates(folder)? {
        let json = fs::read(folder.join(&name)).map_err(|error| format!("{name}: {error}"))?;
        matches(&name, &json, theirs)?;
    }
    Ok(())
}

fn matches(name: &str, json: &[u8], theirs: &mut Theirs) -> Result<(), String> {
    let found: Vec<Match> =
        serde_json::from_slice(json).map_err(|error| format!("{name}: {error}"))?;
    for Match { filename, rule } in found {
        if rule.id.starts_with('E') {
            let file = filename.trim_start_matches(TEMPLATES).trim_start_matches('/');
            theirs.entry(file.to_owned()).or_default().insert(rule.id);
        }
    }
    Ok(())
}

/// What the two say differently, and why.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// By the identifier of a rule of cfn-lint, the rules of ours that say the same. AWS's rules of
    /// the same number need no line.
    classes: BTreeMap<String, Vec<String>>,
    /// Errors of ours in templates that cfn-lint has nothing against.
    found: Vec<Disagreement>,
    /// Errors of cfn-lint that are none of ours.
    missed: Vec<Disagreement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Disagreement {
    /// The rule: of ours where we found it, of cfn-lint's where we missed it.
    rule: String,
    files: BTreeSet<String>,
    reason: String,
}

struct Report {
    text: String,
    problems: Vec<String>,
}

/// Whether the template is one of those that cfn-lint's tests call bad.
fn is_bad(file: &str) -> bool {
    file.starts_with("bad/")
}

fn compare(table: &Table, templates: &BTreeSet<String>, ours: &[Ours], theirs: &Theirs) -> Report {
    let mut problems = Vec::new();
    // Lines of the table that something needed.
    let mut needed_classes: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut needed_found: BTreeSet<(&str, &str)> = BTreeSet::new();
    let mut needed_missed: BTreeSet<(&str, &str)> = BTreeSet::new();

    let mut of_file: BTreeMap<&str, Vec<&Ours>> = BTreeMap::new();
    ours.iter().for_each(|it| of_file.entry(&it.file).or_default().push(it));
    let nothing = BTreeSet::new();
    // The letter tells how severe a finding is, the number which rule it is: but for a warning,
    // whose number may be that of another rule.
    let same = |class: &str, it: &Ours| {
        let number = it.rule.get(1..).filter(|it| it.parse::<u16>().is_ok());
        it.is_error() && number.is_some() && number == class.get(1..)
    };

    let mut declared = 0;
    for (file, errors) in of_file.iter().filter(|(file, _)| !is_bad(file)) {
        let said = theirs.get(*file).unwrap_or(&nothing);
        for error in errors.iter().filter(|it| it.is_error()) {
            let listed = said
                .iter()
                .find(|it| table.classes.get(*it).is_some_and(|rules| rules.contains(&error.rule)));
            if let Some(class) = listed {
                needed_classes.insert((class, &error.rule));
                continue;
            }
            if said.iter().any(|it| same(it, error)) {
                continue;
            }
            match table.found.iter().find(|it| it.rule == error.rule && it.files.contains(*file)) {
                Some(it) => {
                    needed_found.insert((&it.rule, file));
                    declared += 1;
                }
                None => problems.push(format!(
                    "found: {file}:{} {}: {}",
                    error.line, error.rule, error.message
                )),
            }
        }
    }
    let alarms = problems.len();

    // By class: templates where both find it, all templates, and those that are declared.
    let mut rows: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
    for (file, classes) in theirs {
        let found = of_file.get(&**file).map(Vec::as_slice).unwrap_or_default();
        for class in classes {
            let row = rows.entry(class).or_default();
            row[1] += 1;
            let listed = table.classes.get(class).map(Vec::as_slice).unwrap_or_default();
            let by_name: Vec<_> = found.iter().filter(|it| listed.contains(&it.rule)).collect();
            needed_classes.extend(by_name.iter().map(|it| (&**class, &*it.rule)));
            if !by_name.is_empty() || found.iter().any(|it| same(class, it)) {
                row[0] += 1;
                continue;
            }
            match table.missed.iter().find(|it| it.rule == *class && it.files.contains(file)) {
                Some(it) => {
                    needed_missed.insert((&it.rule, file));
                    row[2] += 1;
                }
                None => problems.push(format!("missed: {file} {class}")),
            }
        }
    }

    let classes = table.classes.iter().flat_map(|(class, it)| it.iter().map(move |it| (class, it)));
    for (class, rule) in classes.filter(|it| !needed_classes.contains(&(it.0, it.1))) {
        problems.push(format!("dead: classes {class} {rule}"));
    }
    let lists = [("found", &table.found, &needed_found), ("missed", &table.missed, &needed_missed)];
    for (name, list, needed) in lists {
        for it in list {
            if it.reason.trim().is_empty() {
                problems.push(format!("without a reason: {name} {}", it.rule));
            }
            for file in it.files.iter().filter(|file| !needed.contains(&(&*it.rule, &***file))) {
                problems.push(format!("dead: {name} {} {file}", it.rule));
            }
        }
    }

    let good = templates.iter().filter(|it| !is_bad(it)).count();
    let mut text = format!(
        "{good} templates that are not bad: {alarms} false alarms, {declared} declared findings\n\n"
    );
    text.push_str("| Class of cfn-lint | Templates | Found | Declared |\n|---|---:|---:|---:|\n");
    let mut sum = [0; 3];
    for (class, row @ [found, total, missed]) in &rows {
        text.push_str(&format!("| {class} | {total} | {found} | {missed} |\n"));
        sum.iter_mut().zip(row).for_each(|(sum, it)| *sum += it);
    }
    let [found, total, missed] = sum;
    text.push_str(&format!("| {} classes | {total} | {found} | {missed} |\n", rows.len()));
    Report { text, problems }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DECLARED: &str = r#"
        [classes]
        E3004 = ["cycle"]
        [[found]]
        rule = "admin-policy"
        files = ["good/a.yaml"]
        reason = "cfn-lint has no such rule"
        [[missed]]
        rule = "E9999"
        files = ["bad/a.yaml"]
        reason = "no rule of ours"
    "#;

    fn problems(table: &str, ours: &[(&str, &str)], theirs: &[(&str, &str)]) -> Vec<String> {
        let ours: Vec<Ours> = ours
            .iter()
            .map(|(file, rule)| Ours {
                file: (*file).to_owned(),
                line: 3,
                rule: (*rule).to_owned(),
                severity: "error".to_owned(),
                message: "m".to_owned(),
            })
            .collect();
        let mut said = Theirs::new();
        for (file, class) in theirs {
            said.entry((*file).to_owned()).or_default().insert((*class).to_owned());
        }
        let templates = ["good/a.yaml", "bad/a.yaml"].map(str::to_owned).into();
        compare(&toml::from_str(table).unwrap(), &templates, &ours, &said).problems
    }

    /// What agrees, or is declared.
    const OURS: [(&str, &str); 4] = [
        ("good/a.yaml", "admin-policy"),
        ("good/a.yaml", "cycle"),
        ("bad/a.yaml", "F3012"),
        ("bad/a.yaml", "admin-policy"),
    ];
    const THEIRS: [(&str, &str); 3] =
        [("good/a.yaml", "E3004"), ("bad/a.yaml", "E3012"), ("bad/a.yaml", "E9999")];

    #[test]
    fn agreement_and_what_is_declared_pass() {
        assert_eq!(problems(DECLARED, &OURS, &THEIRS), [""; 0]);
    }

    #[test]
    fn planted_disagreements_are_found() {
        let more = [OURS.as_slice(), &[("good/a.yaml", "E3012")]].concat();
        assert_eq!(problems(DECLARED, &more, &THEIRS), ["found: good/a.yaml:3 E3012: m"]);
        let more = [THEIRS.as_slice(), &[("bad/a.yaml", "E1010")]].concat();
        assert_eq!(problems(DECLARED, &OURS, &more), ["missed: bad/a.yaml E1010"]);
        // A rule of ours that only looks like a number is none of AWS's.
        let more = [OURS.as_slice(), &[("good/a.yaml", "xE3004")]].concat();
        assert_eq!(problems(DECLARED, &more, &THEIRS), ["found: good/a.yaml:3 xE3004: m"]);
    }

    #[test]
    fn dead_lines_are_found() {
        assert_eq!(
            problems(DECLARED, &[], &[]),
            [
                "dead: classes E3004 cycle",
                "dead: found admin-policy good/a.yaml",
                "dead: missed E9999 bad/a.yaml"
            ]
        );
        let mute = DECLARED.replace("no rule of ours", " ");
        assert_eq!(problems(&mute, &OURS, &THEIRS), ["without a reason: missed E9999"]);
    }
}
