//! What every reader of text survives, whatever the text: no panic, no overflow, and an answer in
//! bounded time, with places that lie in the text.
//!
//! Each target takes any text. The tests of this crate feed them with `corpus/` and what mutation
//! makes of it; `libfuzzer/` feeds them for as long as one likes, guided by coverage.

use kumiki_check::{Deployments, Subject, Usages, check_guard, check_tree, merge};
use kumiki_project::{
    FileError, Files, Inputs, Library, Tree, fill, parse_config, parse_parameter_file,
};
use kumiki_source::{Diagnostic, Sources};
use kumiki_template::parse_template;
use std::collections::{BTreeMap, BTreeSet};

/// A target: its name, which is that of its folder in `corpus`, and what it does with a text.
pub type Target = (&'static str, fn(&str));

/// Every target.
pub const TARGETS: &[Target] = &[
    ("config", config),
    ("guard", guard),
    ("parameters", parameters),
    ("request", request),
    ("sub", sub),
    ("template", template),
    ("tree", tree),
];

/// `kumiki.toml`, and the gaps in its values.
pub fn config(text: &str) {
    let mut sources = Sources::default();
    let file = sources.add("kumiki.toml", text);
    if let Err(diagnostic) = parse_config(file, text) {
        in_place(&sources, &[*diagnostic]);
    }
    let _ = fill(text, &|name| (name.len() % 2 == 0).then(|| name.to_owned()));
}

/// A Guard rule file, over a tree in which some values are not known.
pub fn guard(text: &str) {
    let mut library = Library::default();
    library.load("stack.yaml", &Memory::of(include_str!("guarded.yaml")));
    let file = library.sources.add("any.guard", text);
    let Some(root) = library.find("stack.yaml") else { return };
    let inputs = inputs();
    let tree = Tree::evaluate(&library, root, &inputs);
    in_place(&library.sources, &check_guard(&library, &[(&tree, &inputs)], &[file]));
}

/// A parameter file.
pub fn parameters(text: &str) {
    let mut sources = Sources::default();
    let file = sources.add("parameters.json", text);
    in_place(&sources, &parse_parameter_file(file, text).diagnostics);
}

/// A request of one of AWS's clients, as it is written out.
pub fn request(text: &str) {
    kumiki_serve::read(text);
}

/// The string of an `Fn::Sub`, in JSON, which can hold any.
pub fn sub(text: &str) {
    let mut string = String::from('"');
    for it in text.chars() {
        match it {
            '"' | '\\' => string.extend(['\\', it]),
            ' '.. => string.push(it),
            it => string.push_str(&format!("\\u{:04x}", it as u32)),
        }
    }
    string.push('"');
    tree(&format!(
        r#"{{"Parameters": {{"P": {{"Type": "String", "Default": "p"}}}},
            "Resources": {{"T": {{"Type": "AWS::SNS::Topic", "Properties": {{
                "TopicName": {{"Fn::Sub": {string}}},
                "DisplayName": {{"Fn::Sub": [{string}, {{"V": {{"Ref": "P"}}}}]}}}}}}}}}}"#
    ));
}

/// A template by itself.
pub fn template(text: &str) {
    let mut sources = Sources::default();
    let file = sources.add("template", text);
    let (template, diagnostics) = parse_template(file, text);
    assert!(
        template.is_some() || !diagnostics.is_empty(),
        "nothing was read, and nothing is wrong"
    );
    in_place(&sources, &diagnostics);
}

/// A tree of templates, evaluated and checked by every rule. Lines of `===` divide the text: the
/// parameter file of the root comes first if there are several parts, then the root, then `1.yaml`,
/// `2.yaml` and so on.
pub fn tree(text: &str) {
    let mut library = Library::default();
    let files = Memory::of(text);
    library.load("stack.yaml", &files);
    let Some(root) = library.find("stack.yaml") else { return };
    let mut inputs = inputs();
    if let Ok(file) = library.read("parameters.json", &files) {
        let read = parse_parameter_file(file, library.sources.get(file).text());
        inputs.parameters = read.parameters;
        inputs.parameter_file = Some(file);
    }
    let tree = Tree::evaluate(&library, root, &inputs);
    let mut findings = check_tree(Subject {
        library: &library,
        tree: &tree,
        usages: &Usages::of(&library),
        inputs: &inputs,
        protected: true,
        elsewhere: &BTreeSet::new(),
        deployments: &Deployments::new(&library, &[(&tree, &inputs)]),
        today: Some("2026-11-24"),
    });
    findings.extend(library.diagnostics.iter().cloned());
    in_place(&library.sources, &merge(findings, &["dev".to_owned()]));
}

fn inputs() -> Inputs {
    Inputs {
        environment: "dev".to_owned(),
        region: "ap-northeast-1".to_owned(),
        account: "123456789012".to_owned(),
        stack_name: "example".to_owned(),
        parameters: Vec::new(),
        parameter_file: None,
        tags: Vec::new(),
    }
}

/// Every place lies in its text, on character boundaries, and every sentence can be said.
fn in_place(sources: &Sources, diagnostics: &[Diagnostic]) {
    for it in diagnostics {
        for span in it.span.iter().chain(it.hops.iter().map(|hop| &hop.span)) {
            assert!(sources.slice(*span).is_some(), "{} is not in its text: {span:?}", it.rule);
        }
        let _ = it.message.to_string();
    }
}

/// The parts of a text as files.
struct Memory(BTreeMap<String, String>);

impl Memory {
    fn of(text: &str) -> Self {
        let mut parts: Vec<&str> = text.split("\n===\n").collect();
        let mut files = BTreeMap::new();
        if parts.len() > 1 {
            files.insert("parameters.json".to_owned(), parts.remove(0).to_owned());
        }
        for (index, part) in parts.into_iter().enumerate() {
            let name = if index == 0 { "stack.yaml".to_owned() } else { format!("{index}.yaml") };
            files.insert(name, part.to_owned());
        }
        Self(files)
    }
}

impl Files for Memory {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        self.0.get(path).map(|it| it.clone().into_bytes()).ok_or(FileError::NotFound)
    }

    fn list(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}
