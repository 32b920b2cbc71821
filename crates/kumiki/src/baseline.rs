//! The findings that an old project had when it began with `kumiki check`.
//!
//! The file is JSON Lines: a line that says what it is, then a line for each identity of findings,
//! sorted, so that it reads well as a difference. No line numbers are in it, and no wording.

use crate::args::Level;
use crate::output::Stop;
use kumiki_check::{Accepted, Identity, Suppressed};
use kumiki_source::{Diagnostic, Severity, Sources, Span, message};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use std::path::Path;

/// The version of the file that is written and read.
const VERSION: u32 = 1;

/// The first line.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Header {
    #[serde(rename = "kumiki-baseline")]
    version: u32,
}

/// Findings of one identity.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    file: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    path: String,
    rule: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    about: String,
    severity: Level,
    /// The environments that they are known in; none means all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    environments: Vec<String>,
    /// How many there are.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    count: u32,
}

fn one() -> u32 {
    1
}

fn is_one(count: &u32) -> bool {
    *count == 1
}

impl Entry {
    fn of(finding: &Diagnostic, sources: &Sources) -> Self {
        let Identity { file, path, rule, about } = Identity::of(finding, sources);
        let environments = finding.environments.clone();
        let severity = finding.severity.into();
        Self { file, path, rule, about, severity, environments, count: 1 }
    }

    fn identity(&self) -> Identity {
        let Self { file, path, rule, about, .. } = self.clone();
        Identity { file, path, rule, about }
    }
}

/// Writes what was found as the baseline, in place of the old one, at once or not at all.
///
/// # Errors
/// When the file cannot be written.
pub(crate) fn write(file: &Path, findings: &[Diagnostic], sources: &Sources) -> Result<(), Stop> {
    let mut counts: BTreeMap<Entry, u32> = BTreeMap::new();
    for finding in findings {
        *counts.entry(Entry::of(finding, sources)).or_default() += 1;
    }
    let entries = counts.into_iter().map(|(entry, count)| Entry { count, ..entry });
    let header = serde_json::to_string(&Header { version: VERSION });
    let lines = std::iter::once(header).chain(entries.map(|it| serde_json::to_string(&it)));
    let replace = || -> std::io::Result<()> {
        let mut text = lines.collect::<Result<Vec<_>, _>>()?.join("\n");
        text.push('\n');
        let mut beside = file.as_os_str().to_owned();
        beside.push(".new");
        std::fs::write(&beside, text)?;
        std::fs::rename(&beside, file)
    };
    replace().map_err(|error| {
        let file = file.display();
        Stop::new(message!("baseline `{file}` cannot be written: {error}", file, error))
    })
}

/// What a baseline leaves to be told.
pub(crate) struct Compared {
    /// New findings, and those of the baseline that are gone; known ones are accepted.
    pub(crate) found: Suppressed,
    /// How many findings it knows, and how many of its entries are gone; nothing when it cannot be
    /// read.
    pub(crate) counts: Option<(usize, usize)>,
}

/// Takes out the findings that a baseline knows.
///
/// `environments` are those that were checked, if not all; `least` is what was looked for, and
/// `whole` whether entries that match nothing are gone rather than not looked for.
///
/// # Errors
/// When the file cannot be read. One that is no baseline is a finding, and the only one.
pub(crate) fn compare(
    file: &Path,
    found: Suppressed,
    sources: &mut Sources,
    environments: &[String],
    least: Severity,
    whole: bool,
) -> Result<Compared, Stop> {
    let shown = file.display().to_string();
    let text = std::fs::read_to_string(file).map_err(|error| {
        Stop::new(message!("baseline `{file}` cannot be read: {error}", file = shown, error))
            .help(message!("write one with `--update-baseline`"))
    })?;
    let id = sources.add(shown, text);
    let span = |start: usize, end: usize| Span::new(id, start, end);
    let entries = match read(sources.get(id).text()) {
        Ok(entries) => entries.into_iter().map(|(at, it)| (span(at.start, at.end), it)),
        Err(Fault { at, message }) => {
            let help = message!("write the baseline anew with `--update-baseline`");
            let finding = Diagnostic::error("baseline", message).at(span(at, at)).help(help);
            let found = Suppressed { findings: vec![finding], ..Default::default() };
            return Ok(Compared { found, counts: None });
        }
    };
    let entries: Vec<(Span, Entry)> = entries.collect();
    let mut known = Counts::default();
    let mut at: HashMap<Identity, Span> = HashMap::new();
    for (span, entry) in &entries {
        known.add(entry.identity(), &entry.environments, entry.count);
        at.entry(entry.identity()).or_insert(*span);
    }
    // In a part of the environments, what holds in all of them holds in those that were checked.
    let places = |it: &Diagnostic| match it.environments.is_empty() {
        true => environments.to_vec(),
        false => it.environments.clone(),
    };
    let mut met = Counts::default();
    let identities: Vec<Identity> =
        found.findings.iter().map(|it| Identity::of(it, sources)).collect();
    for (finding, identity) in found.findings.iter().zip(&identities) {
        met.add(identity.clone(), &places(finding), 1);
    }
    let mut left = Suppressed { accepted: found.accepted, ..Default::default() };
    let (mut count_known, mut count_gone) = (0, 0);
    for (mut finding, identity) in found.findings.into_iter().zip(identities) {
        let environments = places(&finding);
        let more = known.each(&identity, &environments).zip(met.each(&identity, &environments));
        match more.into_iter().find(|(known, met)| known < met) {
            None => {
                let at = at.get(&identity).copied().unwrap_or(Span::file_start(id));
                left.accepted.push(Accepted { finding, reason: None, at });
                count_known += 1;
            }
            Some((known, met)) => {
                if known > 0 {
                    finding.help.push(message!("the baseline knows {known} of {met}", known, met));
                }
                left.findings.push(finding);
            }
        }
    }
    for (at, entry) in entries.iter().filter(|it| whole && Severity::from(it.1.severity) <= least) {
        let identity = entry.identity();
        let environments = &entry.environments;
        let fewer = known.each(&identity, environments).zip(met.each(&identity, environments));
        if fewer.into_iter().any(|(known, met)| met < known) {
            let Identity { file, rule, .. } = identity;
            let message = message!("a finding of `{rule}` in `{file}` is gone", rule, file);
            let help = message!("prune the baseline with `--update-baseline`");
            let finding = Diagnostic::new("dead-baseline-entry", Severity::Info, message);
            left.findings.push(finding.at(*at).help(help));
            count_gone += 1;
        }
    }
    Ok(Compared { found: left, counts: Some((count_known, count_gone)) })
}

/// How many findings of an identity there are in each environment, and in all.
#[derive(Default)]
struct Counts(HashMap<Identity, HashMap<String, u32>>);

/// The name under which what holds in all environments is counted.
const ALL: &str = "";

impl Counts {
    fn add(&mut self, identity: Identity, environments: &[String], count: u32) {
        let counts = self.0.entry(identity).or_default();
        if environments.is_empty() {
            *counts.entry(ALL.to_owned()).or_default() += count;
        }
        for it in environments {
            *counts.entry(it.clone()).or_default() += count;
        }
    }

    /// The counts in each of some environments, or in all at once.
    fn each(&self, identity: &Identity, environments: &[String]) -> impl Iterator<Item = u32> {
        let counts = self.0.get(identity);
        let of = |name: &str| counts.and_then(|it| it.get(name)).copied().unwrap_or_default();
        let all = of(ALL);
        let each: Vec<u32> = match environments {
            [] => vec![all],
            some => some.iter().map(|it| of(it) + all).collect(),
        };
        each.into_iter()
    }
}

/// Where a text is no baseline, and why.
struct Fault {
    at: usize,
    message: kumiki_source::Message,
}

fn read(text: &str) -> Result<Vec<(std::ops::Range<usize>, Entry)>, Fault> {
    let mut start = 0;
    let mut lines = text.split_inclusive('\n').map(|line| {
        let at = start;
        start += line.len();
        (at, line.trim_end())
    });
    let (at, first) = lines.next().unwrap_or((0, ""));
    let header: Header =
        serde_json::from_str(first).map_err(|error| Fault::of(at, first, &error))?;
    if header.version != VERSION {
        let (version, ours) = (header.version, VERSION);
        let message = message!("this baseline has version {version}, not {ours}", version, ours);
        return Err(Fault { at, message });
    }
    let entries = lines.filter(|(_, line)| !line.is_empty());
    let entry = |(at, line): (usize, &str)| match serde_json::from_str(line) {
        Ok(entry) => Ok((at..at + line.len(), entry)),
        Err(error) => Err(Fault::of(at, line, &error)),
    };
    entries.map(entry).collect()
}

impl Fault {
    fn of(line_start: usize, line: &str, error: &serde_json::Error) -> Self {
        // serde_json counts columns in bytes from 1.
        let mut column = error.column().saturating_sub(1).min(line.len());
        while !line.is_char_boundary(column) {
            column -= 1;
        }
        let reason = error.to_string();
        let reason = reason.rsplit_once(" at line ").map_or(&*reason, |it| it.0);
        let message = message!("this is no baseline: {reason}", reason);
        Self { at: line_start + column, message }
    }
}
