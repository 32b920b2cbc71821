//! Each rule's page is its test: the examples under `## Fails` mark the lines that the rule finds
//! with `# error: name` (or `warning`, `info`), and those under `## Passes` have none.
//!
//! A code block names its file after its language. Files of the first example stay in place for
//! the later ones unless they are written again. The root is `stack.yaml`, in a protected
//! environment `prod` of ap-northeast-1, on the day of a `<!-- today: … -->` in the page;
//! `parameters.json` is its parameter file, if there is one. With `dev.json` and `prod.json` there
//! are two environments of one account. JSON has no comments, so its marks are taken away before it
//! is read.

use crate::{Deployments, RULES, Subject, Usages, check_tree, merge};
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

/// The inputs of each environment: those that have a parameter file, or `prod` alone.
pub(crate) fn inputs(library: &mut Library, files: &Memory) -> Vec<Inputs> {
    let mut environments =
        vec![("dev", "dev.json", "exampledev"), ("prod", "prod.json", "exampleprod")];
    environments.retain(|(_, file, _)| files.0.contains_key(*file));
    if environments.is_empty() {
        environments.push(("prod", "parameters.json", "example"));
    }
    let inputs = environments.into_iter().map(|(environment, file, stack_name)| {
        let mut inputs = Inputs {
            environment: environment.to_owned(),
            region: "ap-northeast-1".to_owned(),
            account: "123456789012".to_owned(),
            stack_name: stack_name.to_owned(),
            parameters: Vec::new(),
            parameter_file: None,
            tags: Vec::new(),
        };
        if let Ok(file) = library.read(file, files) {
            let read = parse_parameter_file(file, library.sources.get(file).text());
            assert_eq!(read.diagnostics, []);
            inputs.parameters = read.parameters;
            inputs.parameter_file = Some(file);
        }
        inputs
    });
    inputs.collect()
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
    let mut untrue = Vec::new();
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
            let trees: Vec<Tree> =
                inputs.iter().map(|it| Tree::evaluate(&library, root, it)).collect();
            let trees: Vec<(&Tree, &Inputs)> = trees.iter().zip(&inputs).collect();
            let deployments = Deployments::new(&library, &trees);
            let (usages, elsewhere) = (Usages::of(&library), BTreeSet::new());
            let mut findings = library.diagnostics.clone();
            for &(tree, inputs) in &trees {
                findings.extend(check_tree(Subject {
                    library: &library,
                    tree,
                    usages: &usages,
                    inputs,
                    protected: true,
                    elsewhere: &elsewhere,
                    deployments: &deployments,
                    today,
                }));
            }
            let mut found: Vec<String> = merge(findings, &[])
                .iter()
                .map(|it| {
                    let at = library.sources.locate(it.span.expect("a place"));
                    let line = at.rsplit_once(':').map_or(&*at, |it| it.0);
                    format!("{line} {} {}", it.severity.as_str(), it.rule)
                })
                .collect();
            found.sort();
            if found != expected {
                let name = rule.name;
                untrue.push(format!(
                    "{name}: {title}\n  found    {found:?}\n  expected {expected:?}"
                ));
            }
            failing += expected.iter().filter(|it| it.ends_with(rule.name)).count();
        }
        assert!(failing > 0, "the page of {} shows nothing that fails", rule.name);
    }
    assert!(untrue.is_empty(), "{}", untrue.join("\n"));
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
        let inputs = inputs(&mut library, &files).remove(0);
        let inputs = Inputs { environment: environment.to_owned(), ..inputs };
        let tree = Tree::evaluate(&library, root, &inputs);
        let subject = Subject {
            library: &library,
            tree: &tree,
            usages: &Usages::of(&library),
            inputs: &inputs,
            protected: false,
            elsewhere: &BTreeSet::new(),
            deployments: &Deployments::new(&library, &[(&tree, &inputs)]),
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
