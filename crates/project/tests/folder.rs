//! Which files of a folder are templates, and which of these are roots.

use kumiki_project::{FileError, Files, Library};

struct Folder<'f>(&'f [(&'f str, &'f str)]);

impl Files for Folder<'_> {
    fn read(&self, path: &str) -> Result<Vec<u8>, FileError> {
        let file = self.0.iter().find(|(it, _)| *it == path).ok_or(FileError::NotFound)?;
        Ok(file.1.into())
    }

    fn list(&self) -> Vec<String> {
        self.0.iter().map(|(path, _)| (*path).to_owned()).collect()
    }
}

const TOPIC: &str = "Resources: { Topic: { Type: AWS::SNS::Topic } }";

fn nesting(url: &str) -> String {
    format!(
        "Resources: {{ Child: {{ Type: AWS::CloudFormation::Stack, Properties: {{ TemplateURL: '{url}' }} }} }}"
    )
}

fn roots(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
    let mut library = Library::default();
    let roots = library.load_folder(&Folder(files));
    let findings = library.diagnostics.iter().map(|it| {
        let at = it.span.map_or_else(String::new, |it| library.sources.locate(it));
        format!("{at} {}", it.rule)
    });
    (roots.iter().map(|it| it.to_string()).collect(), findings.collect())
}

#[test]
fn what_is_no_template_is_left_alone() {
    let files = [
        ("chart/values.yaml", "resources: { limits: { cpu: 1 } }"),
        ("docker-compose.yml", "services: {}"),
        ("inventory.json", r#"{ "Resources": ["a"] }"#),
        ("nested-key.json", r#"{ "x": { "Resources": {} } }"#),
        ("broken.yaml", "a: [\nb: Resources"),
        ("parameters/dev.json", r#"{ "Parameters": { "Name": "Resources" } }"#),
        ("empty.yaml", ""),
        ("topic.json", r#"{ "Resources": { "Topic": { "Type": "AWS::SNS::Topic" } } }"#),
        ("topic.yaml", TOPIC),
    ];
    assert_eq!(roots(&files), (vec!["topic.json".to_owned(), "topic.yaml".to_owned()], Vec::new()));
}

#[test]
fn a_broken_template_is_one() {
    let files = [
        ("a.yaml", "AWSTemplateFormatVersion: 2010-09-09\nResources:\n\tTopic: {}\n"),
        ("b.yaml", "Resources:\n  Topic:\n Type: AWS::SNS::Topic\n"),
        ("c.json", r#"{ "AWSTemplateFormatVersion": "2010-09-09", }"#),
        ("d.json", r#"{ "AWSTemplateFormatVersion": "2010-09-09" }"#),
    ];
    let (roots, findings) = roots(&files);
    assert_eq!(roots, ["a.yaml", "b.yaml", "c.json", "d.json"]);
    assert_eq!(
        findings,
        [
            "a.yaml:3:2 syntax",
            "b.yaml:3:2 syntax",
            "c.json:1:45 syntax",
            "d.json:1:1 malformed-template"
        ]
    );
}

#[test]
fn what_another_template_nests_is_no_root() {
    let (vpc, parent) =
        (nesting("../shared/vpc.yaml"), nesting("https://b.s3.amazonaws.com/x/app/stack.yaml"));
    let files = [
        ("app/stack.yaml", &*vpc),
        ("other.yaml", TOPIC),
        ("parent.yaml", &parent),
        ("shared/vpc.yaml", TOPIC),
    ];
    assert_eq!(roots(&files).0, ["other.yaml", "parent.yaml"]);
}

#[test]
fn no_template_is_lost_where_templates_nest_each_other() {
    let (a, b, own) = (nesting("b.yaml"), nesting("a.yaml"), nesting("own.yaml"));
    let files = [("a.yaml", &*a), ("b.yaml", &b), ("own.yaml", &own)];
    assert_eq!(roots(&files).0, ["own.yaml", "a.yaml"]);
}

#[test]
fn what_is_written_as_before_is_not_parsed_again() {
    let cycle = "Resources: { A: { Type: AWS::SNS::Topic, DependsOn: A } }";
    let other = TOPIC.replace("Topic:", "Other:");
    let before = [("a.yaml", TOPIC), ("b.yaml", TOPIC), ("c.yaml", cycle)];
    let load = |files: &[(&str, &str)], mut library: Library| {
        library.load_folder(&Folder(files));
        library
    };
    let old = load(&before, Library::default());
    let kept = |files: &[(&str, &str)]| {
        let new = load(files, Library::after(old.read_well()));
        let fresh = load(files, Library::default());
        assert_eq!(new.diagnostics, fresh.diagnostics);
        assert_eq!(new.templates().count(), fresh.templates().count());
        let same = |path: &str| Some(std::ptr::eq(template(&new, path)?, template(&old, path)?));
        ["a.yaml", "b.yaml", "c.yaml"].map(same)
    };
    // What is wrong with a text is told again.
    assert_eq!(kept(&before), [Some(true), Some(true), Some(false)]);
    let edited = [("a.yaml", TOPIC), ("b.yaml", &other), ("c.yaml", cycle)];
    assert_eq!(kept(&edited), [Some(true), Some(false), Some(false)]);
    // The place of a text among the others is part of its spans.
    assert_eq!(kept(&[("b.yaml", TOPIC)]), [None, Some(false), None]);
}

fn template<'l>(library: &'l Library, path: &str) -> Option<&'l kumiki_template::Template> {
    library.find(path).map(|it| library.template(it))
}
