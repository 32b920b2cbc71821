//! Each file of `cases/` is a project in one text, with what is expected of it.
//!
//! `=== name` begins a file of the project. `parameters.json`, if there is one, is the parameter
//! file; `template-urls` has a beginning of URLs and its folder in each line. `=== expected` holds
//! the findings, the parameters, properties, outputs and exports that the tree should have.
//! `KUMIKI_BLESS=1` writes what the tree has instead; read the difference.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]
#![allow(clippy::disallowed_methods, reason = "the cases are files")]

use kumiki_project::{
    FileError, Files, Inputs, Kind, Library, Tree, Truth, Value, parse_parameter_file,
};
use kumiki_source::{Diagnostic, Sources};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

struct Case {
    path: PathBuf,
    files: BTreeMap<String, String>,
    expected: String,
}

impl Files for Case {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.files.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }

    fn list(&self) -> Vec<String> {
        self.files.keys().cloned().collect()
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        let mut files = BTreeMap::new();
        for part in text.split("=== ").skip(1) {
            let (name, content) = part.split_once('\n').unwrap();
            files.insert(name.to_owned(), content.to_owned());
        }
        let expected = files.remove("expected").unwrap_or_default();
        Case { path, files, expected }
    };
    paths.into_iter().map(read).collect()
}

fn actual(case: &Case) -> String {
    let mut library = Library::default();
    let urls = case.files.get("template-urls").map(|it| it.lines()).into_iter().flatten();
    let urls = urls.filter_map(|it| it.split_once(" = "));
    library.template_urls = urls.map(|(url, folder)| (url.into(), folder.into())).collect();
    library.load("stack.yaml", case);
    let mut findings = Vec::new();
    let mut inputs = Inputs {
        environment: String::new(),
        region: "ap-northeast-1".to_owned(),
        account: "123456789012".to_owned(),
        stack_name: "facility-dev".to_owned(),
        parameters: Vec::new(),
        parameter_file: None,
        tags: Vec::new(),
    };
    if case.files.contains_key("parameters.json") {
        let file = library.read("parameters.json", case).unwrap();
        let read = parse_parameter_file(file, library.sources.get(file).text());
        inputs.parameter_file = Some(file);
        inputs.parameters = read.parameters;
        findings.extend(read.diagnostics);
    }
    let mut out = String::new();
    let tree = library.find("stack.yaml").map(|root| Tree::evaluate(&library, root, &inputs));
    findings.extend(library.diagnostics.iter().cloned());
    findings.extend(tree.iter().flat_map(|it| it.diagnostics.iter().cloned()));
    for finding in &findings {
        show_finding(&mut out, finding, &library.sources);
    }
    for stack in tree.iter().flat_map(|it| &it.stacks) {
        writeln!(out, "stack /{}", stack.path).unwrap();
        for it in &stack.parameters {
            show(&mut out, &format!("  parameter {}", it.name), &it.value);
        }
        for &index in &stack.sequence {
            let it = &stack.resources[index];
            let condition = match &it.condition {
                Truth::True => "",
                Truth::False => " not created",
                Truth::Unknown(_) => " created?",
            };
            let policies = [it.deletion_policy, it.update_replace_policy].map(|it| it.as_str());
            let policies = match policies {
                ["Delete", "Delete"] => String::new(),
                [delete, replace] => format!(" {delete}/{replace}"),
            };
            writeln!(out, "  {} {}{condition}{policies}", it.logical_id, it.type_name).unwrap();
            for field in it.properties.as_map().unwrap_or_default() {
                show(&mut out, &format!("    {}", field.name), &field.value);
            }
        }
        for it in &stack.outputs {
            show(&mut out, &format!("  output {}", it.name), &it.value);
        }
    }
    for it in tree.iter().flat_map(|it| &it.exports) {
        writeln!(out, "export {}", it.name).unwrap();
    }
    for it in tree.iter().flat_map(|it| &it.imports) {
        let late = if it.in_order { "" } else { " (not in order)" };
        writeln!(out, "import {} by /{}{late}", it.name, it.path).unwrap();
    }
    out
}

fn show_finding(out: &mut String, finding: &Diagnostic, sources: &Sources) {
    let at = finding.span.map(|it| sources.locate(it)).unwrap_or_default();
    let severity = finding.severity.as_str();
    writeln!(out, "{at} {severity} {}: {}", finding.rule, finding.message).unwrap();
    for hop in &finding.hops {
        let label = hop.label.as_ref().map(|it| format!(" {it}")).unwrap_or_default();
        writeln!(out, "  at {}{label}", sources.locate(hop.span)).unwrap();
    }
    for help in &finding.help {
        writeln!(out, "  help: {help}").unwrap();
    }
}

fn show(out: &mut String, name: &str, value: &Value) {
    writeln!(out, "{name}: {}", text(value)).unwrap();
}

fn text(value: &Value) -> String {
    match &value.kind {
        Kind::Null => "null".to_owned(),
        Kind::Bool(it) => it.to_string(),
        Kind::Number(it) => it.to_string(),
        Kind::String(it) => format!("{it:?}"),
        Kind::List(items) => {
            format!("[{}]", items.iter().map(text).collect::<Vec<_>>().join(", "))
        }
        Kind::Map(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|it| format!("{}: {}", it.name, text(&it.value))).collect();
            format!("{{{}}}", fields.join(", "))
        }
        Kind::Unknown(unknown) => format!("UNKNOWN {}", unknown.describe()),
        Kind::Absent => "ABSENT".to_owned(),
    }
}

#[test]
fn trees_are_as_expected() {
    let bless = std::env::var_os("KUMIKI_BLESS").is_some();
    let mut wrong = Vec::new();
    for case in cases() {
        let actual = actual(&case);
        if actual == case.expected {
            continue;
        }
        if bless {
            let text = std::fs::read_to_string(&case.path).unwrap();
            let (before, _) = text.split_once("=== expected\n").unwrap_or((&text, ""));
            std::fs::write(&case.path, format!("{before}=== expected\n{actual}")).unwrap();
        } else {
            wrong.push(format!(
                "{}\n--- expected\n{}--- actual\n{actual}",
                case.path.display(),
                case.expected
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
