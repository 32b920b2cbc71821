//! Each rule's page is its test: the examples under `## Fails` mark the lines that the rule finds
//! with `# error: name` (or `warning`, `info`), and those under `## Passes` have none.
//!
//! A code block names its file after its language. Files of the first example stay in place for
//! the later ones unless they are written again. The root is `stack.yaml`, in a protected
//! environment `prod` of ap-northeast-1, on the day of a `<!-- today: … -->` in the page; `parameters.json` is its parameter file, if there is one. JSON has
//! no comments, so its marks are taken away before it is read.

use crate::{RULES, Subject, Usages, check_tree};
use kumiki_project::{FileError, Files, Inputs, Library, Tree, parse_parameter_file};
use std::collections::{BTreeMap, BTreeSet};

/// Files by name, without the marks that JSON does not take.
pub(crate) struct Memory(BTreeMap<String, String>);

impl Memory {
    pub(crate) fn new(files: BTreeMap<String, String>) -> Self {
        let plain = |(name, text): (String, String)| match name.ends_with(".json") {
            true => {
                let lines = text.lines().map(|it| it.split(" # ").next().unwrap_or_default());
                (name, lines.collect::<Vec<_>>().join("\n"))
            }
            false => (name, text),
        };
        Self(files.into_iter().map(plain).collect())
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }
}

/// The examples of a page: for each `##` section, its files by name.
pub(crate) fn examples(page: &str) -> Vec<(String, BTreeMap<String, String>)> {
    let mut examples: Vec<(String, BTreeMap<String, String>)> = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in page.lines() {
        match &mut open {
            None => {
                if let Some(title) = line.strip_prefix("## ") {
                    let files = examples.last().map(|it| it.1.clone()).unwrap_or_default();
                    examples.push((title.to_owned(), files));
                } else if let Some(name) = ["```yaml ", "```json ", "```guard "]
                    .iter()
                    .find_map(|it| line.strip_prefix(it))
                {
                    open = Some((name.to_owned(), String::new()));
                }
            }
            Some((name, text)) if line == "```" => {
                let files = &mut examples.last_mut().expect("a block under a title").1;
                files.insert(std::mem::take(name), std::mem::take(text));
                open = None;
            }
            Some((_, text)) => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    examples
}

pub(crate) fn inputs(library: &mut Library, files: &Memory) -> Inputs {
    let mut inputs = Inputs {
        environment: "prod".to_owned(),
        region: "ap-northeast-1".to_owned(),
        account: "123456789012".to_owned(),
        stack_name: "example".to_owned(),
        parameters: Vec::new(),
        parameter_file: None,
        tags: Vec::new(),
    };
    if let Ok(file) = library.read("parameters.json", files) {
        let read = parse_parameter_file(file, library.sources.get(file).text());
        assert_eq!(read.diagnostics, []);
        inputs.parameters = read.parameters;
        inputs.parameter_file = Some(file);
    }
    inputs
}

/// What the marks in the files say is found, sorted.
pub(crate) fn marks(files: &BTreeMap<String, String>) -> Vec<String> {
    let mut marks = Vec::new();
    for (name, text) in files {
        for (index, line) in text.lines().enumerate() {
            for severity in ["error", "warning", "info"] {
                if let Some((_, found)) = line.split_once(&format!("# {severity}: ")) {
                    marks.push(format!("{name}:{} {severity} {found}", index + 1));
                }
            }
        }
    }
    marks.sort();
    marks
}

#[test]
fn pages_are_true() {
    for rule in RULES {
        let mut failing = 0;
        let marked = |it: &'static str| it.strip_prefix("<!-- today: ")?.strip_suffix(" -->");
        let today = rule.page.lines().find_map(marked);
        for (title, files) in examples(rule.page) {
            let expected = marks(&files);
            let files = Memory::new(files);
            let mut library = Library::default();
            library.load("stack.yaml", &files);
            let root = library.find("stack.yaml").expect("an example with stack.yaml");
            let inputs = inputs(&mut library, &files);
            let tree = Tree::evaluate(&library, root, &inputs);
            let subject = Subject {
                library: &library,
                tree: &tree,
                usages: &Usages::of(&library),
                inputs: &inputs,
                protected: true,
                elsewhere: &BTreeSet::new(),
                today,
            };
            let mut found: Vec<String> = check_tree(subject)
                .iter()
                .chain(&library.diagnostics)
                .map(|it| {
                    let at = library.sources.locate(it.span.expect("a place"));
                    let line = at.rsplit_once(':').map_or(&*at, |it| it.0);
                    format!("{line} {} {}", it.severity.as_str(), it.rule)
                })
                .collect();
            found.sort();
            assert_eq!(found, expected, "{}: {title}", rule.name);
            failing += expected.iter().filter(|it| it.ends_with(rule.name)).count();
        }
        assert!(failing > 0, "the page of {} shows nothing that fails", rule.name);
    }
}

/// A template by itself is judged for whatever values and stacks there will be.
#[test]
fn what_a_template_alone_does_not_tell_is_no_error() {
    const ALONE: &str = "
Parameters: { Name: { Type: String } }
Resources: { Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: !Ref Name } } }
Outputs: { Import: { Value: !ImportValue vpc } }
";
    let exporting = ALONE.replace("!ImportValue vpc", "!ImportValue vpc, Export: { Name: topic }");
    let given = r#"{ "Name": "a" }"#;
    let cases = [
        (ALONE, "", None, vec!["info import-without-exporter"]),
        (&exporting, "", None, vec!["warning import-without-exporter"]),
        (ALONE, "", Some(given), vec!["info import-without-exporter"]),
        (ALONE, "", Some("{}"), vec!["error missing-parameter", "info import-without-exporter"]),
        (ALONE, "prod", Some(given), vec!["error import-without-exporter"]),
    ];
    for (text, environment, parameters, expected) in cases {
        let mut files = BTreeMap::from([("stack.yaml".to_owned(), text.to_owned())]);
        files.extend(parameters.map(|it| ("parameters.json".to_owned(), it.to_owned())));
        let files = Memory(files);
        let mut library = Library::default();
        library.load("stack.yaml", &files);
        let root = library.find("stack.yaml").expect("a template");
        let inputs = Inputs { environment: environment.to_owned(), ..inputs(&mut library, &files) };
        let tree = Tree::evaluate(&library, root, &inputs);
        let subject = Subject {
            library: &library,
            tree: &tree,
            usages: &Usages::of(&library),
            inputs: &inputs,
            protected: false,
            elsewhere: &BTreeSet::new(),
            today: None,
        };
        let found = check_tree(subject);
        let mut found: Vec<String> =
            found.iter().map(|it| format!("{} {}", it.severity.as_str(), it.rule)).collect();
        found.sort();
        assert_eq!(found, expected, "{text} {parameters:?}");
    }
}

#[test]
fn names_are_sorted_and_unique() {
    let names: Vec<&str> = RULES.iter().map(|it| it.name).collect();
    assert!(names.is_sorted_by(|a, b| a < b), "{names:?}");
}
