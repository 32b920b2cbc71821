//! Findings that are recalled, and findings while files are edited, through the real binary.
//!
//! What is found anew is written anew: a check that leaves the kept file as it is has recalled it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::{BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const CONFIG: &str = r#"
[roots.main]
template = "stack.yaml"
stack-name = "main"
region = "ap-northeast-1"
parameters = "{environment}.json"

[environments.dev]
"#;
const STACK: &str = "\
Parameters:
  Name: { Type: String, MaxLength: 5 }
Resources:
  Topic: { Type: AWS::SNS::Topic, Properties: { TopicName: !Ref Name } }
  Child: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: child.yaml } }
";
const CHILD: &str = "Resources:\n  Topic: { Type: AWS::SNS::Topic }\n";

struct Project {
    folder: tempfile::TempDir,
}

impl Project {
    fn new() -> Self {
        let project = Self { folder: tempfile::tempdir().unwrap() };
        project.write("kumiki.toml", CONFIG);
        project.write("stack.yaml", STACK);
        project.write("child.yaml", CHILD);
        project.write("dev.json", r#"{ "Name": "short" }"#);
        project
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_kumiki"));
        command.args(["check", "--language", "en"]).args(arguments).arg(self.folder.path());
        command.stdin(Stdio::null());
        command
    }

    fn check(&self) -> String {
        text(&self.command(&[]).output().unwrap())
    }

    fn cache(&self) -> PathBuf {
        self.folder.path().join(".kumiki/cache")
    }

    /// Which file the kept findings are: another one after each time that they are written.
    fn written(&self) -> u64 {
        std::fs::metadata(self.kept("findings").remove(0)).unwrap().ino()
    }

    /// The kept files of one kind.
    fn kept(&self, kind: &str) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.cache()).into_iter().flatten();
        let paths = entries.map(|it| it.unwrap().path());
        paths.filter(|it| it.extension().is_some_and(|it| it == kind)).collect()
    }
}

fn text(output: &Output) -> String {
    String::from_utf8([output.stdout.as_slice(), &output.stderr].concat()).unwrap()
}

#[test]
fn findings_are_recalled_until_something_that_was_read_changes() {
    let project = Project::new();
    assert!(project.check().contains("errors: 0"));
    // An old answer under the name of the question is none: its notes do not fit the files.
    let kept = project.kept("findings").remove(0);
    let clean = std::fs::read(&kept).unwrap();
    project.write("dev.json", r#"{ "Name": "much too long" }"#);
    assert!(project.check().contains("error[parameter-value]"));
    std::fs::write(&kept, &clean).unwrap();
    assert!(project.check().contains("error[parameter-value]"));

    for (name, text, expected) in [
        ("dev.json", r#"{ "Name": "short" }"#.to_owned(), "errors: 0"),
        ("stack.yaml", STACK.replace("MaxLength: 5", "MaxLength: 4"), "error[parameter-value]"),
        ("stack.yaml", STACK.to_owned(), "errors: 0"),
        ("child.yaml", "Resources: [".to_owned(), "error[syntax]"),
        ("child.yaml", CHILD.to_owned(), "errors: 0"),
        ("kumiki.toml", CONFIG.replace("region", "regoin"), "error[configuration]"),
        ("kumiki.toml", CONFIG.to_owned(), "errors: 0"),
    ] {
        project.write(name, &text);
        let found = project.check();
        assert!(found.contains(expected), "{name}: {found}");
        let written = project.written();
        assert_eq!(project.check(), found);
        assert_eq!(project.written(), written, "{name}: nothing had changed");
    }
    // A file that was not there was read too.
    std::fs::remove_file(project.folder.path().join("child.yaml")).unwrap();
    assert!(project.check().contains("error[missing-child]"));
    project.write("child.yaml", CHILD);
    assert!(project.check().contains("errors: 0"));
}

#[test]
fn what_is_recalled_is_what_was_found() {
    let project = Project::new();
    project.write("dev.json", r#"{ "Name": "長すぎる名前です", "Other": "x" }"#);
    for format in ["text", "json", "sarif", "junit", "github"] {
        let run = |more: &[&str]| {
            let arguments = [&["--format", format, "--severity", "info"], more].concat();
            text(&project.command(&arguments).output().unwrap())
        };
        let anew = run(&["--no-cache"]);
        assert!(anew.contains("parameter-value"), "{anew}");
        assert_eq!(run(&[]), anew);
        assert_eq!(run(&[]), anew);
    }
}

#[test]
fn a_damaged_cache_is_no_cache() {
    let project = Project::new();
    project.write("dev.json", r#"{ "Name": "much too long" }"#);
    let expected = project.check();
    for kind in ["findings", "answers"] {
        for damage in [
            |_: &[u8]| Vec::new(),
            |it: &[u8]| it[..it.len() / 2].to_vec(),
            |it: &[u8]| it.iter().map(|byte| byte ^ 1).collect(),
            |it: &[u8]| [it, b"x"].concat(),
        ] {
            for path in project.kept(kind) {
                let bytes = damage(&std::fs::read(&path).unwrap());
                std::fs::write(&path, bytes).unwrap();
            }
            assert_eq!(project.check(), expected, "{kind}");
        }
    }
    std::fs::remove_dir_all(project.cache()).unwrap();
    assert_eq!(project.check(), expected);
    // Where nothing can be kept, nothing is.
    std::fs::remove_dir_all(project.folder.path().join(".kumiki")).unwrap();
    project.write(".kumiki", "a file");
    assert_eq!(project.check(), expected);
}

#[test]
fn checks_side_by_side_agree() {
    let project = Project::new();
    project.write("dev.json", r#"{ "Name": "much too long" }"#);
    let expected = text(&project.command(&["--no-cache"]).output().unwrap());
    let spawn = || project.command(&[]).stdout(Stdio::piped()).spawn().unwrap();
    let children: Vec<_> = std::iter::repeat_with(spawn).take(8).collect();
    for child in children {
        assert_eq!(text(&child.wait_with_output().unwrap()), expected);
    }
    assert_eq!(project.check(), expected);
    let left = std::fs::read_dir(project.cache()).unwrap().count();
    assert_eq!(left, 3, "the findings, the answers and .gitignore");
}

#[test]
fn the_cache_is_bounded() {
    let project = Project::new();
    project.check();
    for number in 0..200 {
        std::fs::write(project.cache().join(format!("{number:032x}.findings")), "old").unwrap();
    }
    project.write("child.yaml", &format!("{CHILD}# another text\n"));
    project.check();
    let kept = project.kept("findings").len() + project.kept("answers").len();
    assert!(kept <= 64, "{kept}");
    assert_eq!(project.kept("answers").len(), 1, "what was just written stays");
}

#[test]
fn templates_without_a_configuration_leave_nothing_behind() {
    let project = Project::new();
    std::fs::remove_file(project.folder.path().join("kumiki.toml")).unwrap();
    project.check();
    assert!(!project.folder.path().join(".kumiki").exists());
}

#[test]
fn a_saved_file_is_checked_again() {
    let project = Project::new();
    let mut child = project.command(&["--watch"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut answer = || {
        let mut text = String::new();
        for line in lines.by_ref() {
            let line = line.unwrap();
            text = text + &line + "\n";
            if line.starts_with("checked in ") {
                return text;
            }
        }
        panic!("the watch ended: {text}");
    };
    assert!(answer().contains("errors: 0"));
    for (name, text, expected) in [
        ("dev.json", r#"{ "Name": "much too long" }"#, "error[parameter-value]"),
        ("dev.json", r#"{ "Name": "short" }"#, "errors: 0"),
        ("child.yaml", "Resources: {", "error[syntax]"),
        ("child.yaml", CHILD, "errors: 0"),
        ("kumiki.toml", &CONFIG.replace("dev", "prod"), "error[configuration]"),
        ("prod.json", r#"{ "Name": "other" }"#, "errors: 0"),
    ] {
        // A new file appears whole, as an editor writes it: there is no half text to be seen.
        let fresh = project.folder.path().join("fresh");
        std::fs::write(&fresh, text).unwrap();
        std::fs::rename(&fresh, Path::new(project.folder.path()).join(name)).unwrap();
        let found = answer();
        assert!(found.contains(expected), "{name}: {found}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
