//! `make bench`: wall time and peak memory of the release binary on the project in
//! `infra/service`, and of cfn-lint on the same templates.
//!
//! Seconds depend on the machine; the ratios are what is worth reporting.

use crate::{root, target};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const RUNS: usize = 7;

/// `cargo xtask bench`.
pub(crate) fn run() -> Result<(), String> {
    let target = target();
    let kumiki = target.join("release/kumiki");
    // Rehearsals write their state beside kumiki.toml, so they run on a copy.
    let project = target.join("bench/service");
    let _ = fs::remove_dir_all(&project);
    copy(&root().join("infra/service"), &project)?;

    let command = |arguments: &[&str]| {
        let mut command = Command::new(&kumiki);
        command.args(arguments).args(["--language", "en", "--project"]).arg(&project);
        command
    };
    let state = project.join(".kumiki");
    let forget = || {
        let _ = fs::remove_dir_all(&state);
    };

    let check = measure(|| command(&["check", "--no-cache"]), || ())?;
    let recalled = measure(|| command(&["check"]), || ())?;
    let saved = watched(command(&["check", "--watch"]), &project.join("nested/compute/alb.yaml"))?;
    let up = measure(|| command(&["up", "dev", "--yes"]), forget)?;
    let again = measure(|| command(&["up", "dev", "--yes"]), || ())?;
    let plan = measure(|| command(&["plan", "dev"]), || ())?;
    let resources = rows(command(&["resources", "dev", "--json"]), "resources")?;
    let stacks = rows(command(&["status", "dev", "--json"]), "stacks")?;
    let templates = templates(&project)?;
    let lint = measure(
        || {
            let mut command = Command::new("cfn-lint");
            command.args(&templates).current_dir(&project);
            command
        },
        || (),
    );

    println!("Median of {RUNS} runs, one warm-up aside.\n");
    println!("| Command | Seconds | Peak memory | Exit |");
    println!("|---|---:|---:|---:|");
    println!("| `kumiki check --no-cache`, every environment and scenario | {check} |");
    println!("| `kumiki check`, nothing changed since the last | {recalled} |");
    println!("| `kumiki up dev --yes`, {stacks} stacks, {resources} resources | {up} |");
    println!("| the same again, no changes | {again} |");
    println!("| `kumiki plan dev`, no changes | {plan} |");
    match &lint {
        Ok(it) => println!("| `cfn-lint`, the same {} templates, once | {it} |", templates.len()),
        Err(reason) => println!("\ncfn-lint was not measured: {reason}"),
    }
    println!();
    println!("- {:.0} resources a second", resources as f64 / up.seconds());
    if let Ok(lint) = &lint {
        println!(
            "- `kumiki check` is {:.1} times as fast as cfn-lint, and {:.0} times where nothing changed",
            lint.seconds() / check.seconds(),
            lint.seconds() / recalled.seconds()
        );
    }
    println!("- `kumiki check --watch` answers {} ms after a template is saved", saved.as_millis());

    println!("\nProjects of nested templates, three environments each:\n");
    println!("| `kumiki check --no-cache` | Seconds | Peak memory | Exit |");
    println!("|---|---:|---:|---:|");
    let generated = target.join("bench/generated");
    for templates in [250, 500, 1000] {
        let _ = fs::remove_dir_all(&generated);
        let written = crate::generated::project(&generated, templates, 1);
        written.map_err(|error| format!("{}: {error}", generated.display()))?;
        let check = measure(
            || {
                let mut command = Command::new(&kumiki);
                command.args(["check", "--no-cache", "--project"]).arg(&generated);
                command
            },
            || (),
        )?;
        println!("| {templates} templates | {check} |");
    }
    deployments(&kumiki, &generated)
}

/// How time and memory grow with the number of stacks: created, updated, and planned.
fn deployments(kumiki: &Path, project: &Path) -> Result<(), String> {
    let command = |arguments: &[&str]| {
        let mut command = Command::new(kumiki);
        command.args(arguments).args(["--language", "en", "--project"]).arg(project);
        command
    };
    let failed = |error: std::io::Error| format!("{}: {error}", project.display());
    println!("\nA root of nested stacks with 40 resources each, once:\n");
    println!("| Stacks | Resources | `kumiki up dev --yes` | Seconds | Peak memory | Exit |");
    println!("|---:|---:|---|---:|---:|---:|");
    for templates in [125, 250, 500] {
        let _ = fs::remove_dir_all(project);
        crate::generated::project(project, templates, 8).map_err(failed)?;
        let created = once(command(&["up", "dev", "--yes"]))?;
        crate::generated::values(project, "dev", 14).map_err(failed)?;
        let updated = once(command(&["up", "dev", "--yes"]))?;
        let same = once(command(&["plan", "dev"]))?;
        let stacks = rows(command(&["status", "dev", "--json"]), "stacks")?;
        let resources = rows(command(&["resources", "dev", "--json"]), "resources")?;
        println!("| {stacks} | {resources} | creates all | {created} |");
        println!("| | | updates one of five | {updated} |");
        println!("| | | `kumiki plan dev`, no changes | {same} |");
    }
    Ok(())
}

/// How long after a file is saved its findings are there: the median of several times.
fn watched(mut command: Command, file: &Path) -> Result<Duration, String> {
    let name = command.get_program().display().to_string();
    let failed = |error: std::io::Error| format!("{name}: {error}");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().map_err(failed)?;
    let output = child.stdout.take().ok_or("no output")?;
    let mut lines = BufReader::new(output).lines();
    let text = fs::read_to_string(file).map_err(failed)?;
    let mut times = Vec::new();
    for run in 0..=RUNS {
        let saved = Instant::now();
        if run > 0 {
            // Saved at once, as most editors do.
            let next = file.with_extension("next");
            fs::write(&next, format!("{text}# {run}\n")).map_err(failed)?;
            fs::rename(&next, file).map_err(failed)?;
        }
        let answer = lines.by_ref().map_while(Result::ok).find(|it| it.starts_with("checked in "));
        answer.ok_or_else(|| format!("{name} --watch ended"))?;
        times.push(saved.elapsed());
    }
    let _ = child.kill();
    let _ = child.wait();
    times.remove(0);
    times.sort();
    Ok(times[RUNS / 2])
}

/// What a command took.
struct Measure {
    time: Duration,
    /// The most memory that it held at once, where the system tells.
    peak: Option<u64>,
    exit: Option<i32>,
}

impl Measure {
    fn seconds(&self) -> f64 {
        self.time.as_secs_f64()
    }
}

impl std::fmt::Display for Measure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let peak = self.peak.map_or("?".to_owned(), |it| format!("{} MiB", it >> 20));
        let exit = self.exit.map_or("?".to_owned(), |it| it.to_string());
        write!(f, "{:.2} | {peak} | {exit}", self.seconds())
    }
}

/// The median of several runs; `prepare` runs before each.
fn measure(command: impl Fn() -> Command, prepare: impl Fn()) -> Result<Measure, String> {
    let mut runs = Vec::new();
    for _ in 0..=RUNS {
        prepare();
        runs.push(once(command())?);
    }
    runs.remove(0);
    runs.sort_by_key(|it| it.time);
    let peak = runs.iter().filter_map(|it| it.peak).max();
    Ok(Measure { peak, ..runs.swap_remove(RUNS / 2) })
}

fn once(mut command: Command) -> Result<Measure, String> {
    let name = command.get_program().display().to_string();
    let started = Instant::now();
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| format!("{name}: {error}"))?;
    // The kernel keeps the high-water mark, and forgets it with the process: it is read as long
    // as there is one. The end is seen at most a millisecond late.
    let status = format!("/proc/{}/status", child.id());
    let mut peak = None;
    loop {
        peak = fs::read_to_string(&status).ok().as_deref().and_then(high_water_mark).max(peak);
        match child.try_wait() {
            Ok(Some(exit)) => {
                return Ok(Measure { time: started.elapsed(), peak, exit: exit.code() });
            }
            Ok(None) => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => return Err(format!("{name}: {error}")),
        }
    }
}

/// `VmHWM` of `/proc/PID/status`, in bytes.
fn high_water_mark(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|it| it.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

/// How many rows a list of a JSON document has.
fn rows(mut command: Command, list: &str) -> Result<usize, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let document: Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("the output of {command:?}: {error}"))?;
    let rows = document[list].as_array().filter(|it| !it.is_empty());
    rows.map(Vec::len).ok_or_else(|| format!("no {list} in the output of {command:?}"))
}

/// The templates that the root reaches, so that both programs read the same files.
fn templates(project: &Path) -> Result<BTreeSet<String>, String> {
    let mut found = BTreeSet::new();
    let mut queue = vec!["stack.yaml".to_owned()];
    while let Some(path) = queue.pop() {
        let file = project.join(&path);
        let text = fs::read_to_string(&file).map_err(|error| format!("{path}: {error}"))?;
        let folder = Path::new(&path).parent().unwrap_or(Path::new(""));
        let urls = text.lines().filter_map(|it| it.trim().strip_prefix("TemplateURL:"));
        queue.extend(urls.map(|it| folder.join(it.trim()).display().to_string()));
        found.insert(path);
    }
    Ok(found)
}

/// Copies a folder, the state of rehearsals aside.
fn copy(from: &Path, to: &Path) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", from.display());
    fs::create_dir_all(to).map_err(failed)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        if entry.file_name() == ".kumiki" {
            continue;
        }
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(failed)?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target).map_err(failed)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_high_water_mark_is_read() {
        let status = "Name:\tkumiki\nVmPeak:\t  99 kB\nVmHWM:\t   2048 kB\nVmRSS:\t 1 kB\n";
        assert_eq!(high_water_mark(status), Some(2 << 20));
        assert_eq!(high_water_mark("Name:\tgone\n"), None);
    }
}
