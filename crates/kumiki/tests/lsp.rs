//! Sessions with the language server, as an editor holds them: the real binary, framed messages
//! over its standard input and output.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// How long an editor waits for a server that is at work: far longer than it takes.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads messages as long as there are any.
fn receive(output: ChildStdout, messages: &Sender<Json>) {
    let mut output = BufReader::new(output);
    let mut length = 0;
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        match line.trim().strip_prefix("Content-Length: ") {
            Some(it) => length = it.parse().unwrap(),
            None => {
                assert_eq!(line, "\r\n");
                let mut bytes = vec![0; length];
                output.read_exact(&mut bytes).unwrap();
                // A test that failed reads no more.
                let _ = messages.send(serde_json::from_slice(&bytes).unwrap());
            }
        }
        line.clear();
    }
}

/// An editor.
struct Editor {
    server: Child,
    input: Option<ChildStdin>,
    messages: Receiver<Json>,
    last: i64,
    /// The findings that the server last told of, by file: rule, line, column.
    findings: BTreeMap<String, Vec<String>>,
    folder: PathBuf,
}

impl Editor {
    /// Starts a server, without a word.
    fn start(folder: &Path) -> Self {
        let mut server = Command::new(env!("CARGO_BIN_EXE_kumiki"))
            .arg("lsp")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = server.stdin.take();
        let output = server.stdout.take().unwrap();
        let (sender, messages) = channel();
        std::thread::spawn(move || receive(output, &sender));
        let (findings, folder) = (BTreeMap::new(), folder.to_path_buf());
        Self { server, input, messages, last: 0, findings, folder }
    }

    /// Starts a server and opens a folder in it.
    fn open(folder: &Path, more: Json) -> Self {
        let mut editor = Self::start(folder);
        let root = editor.uri("");
        let mut parameters = json!({
            "processId": null,
            "rootUri": root,
            "capabilities": {},
            "workspaceFolders": [{ "uri": root, "name": "folder" }],
        });
        for (key, value) in more.as_object().unwrap() {
            parameters[key] = value.clone();
        }
        editor.request("initialize", parameters).unwrap();
        editor.notify("initialized", json!({}));
        editor
    }

    fn uri(&self, name: &str) -> String {
        let folder = self.folder.display().to_string();
        format!("file://{folder}/{name}").trim_end_matches('/').to_owned()
    }

    fn write(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().unwrap();
        input.write_all(bytes).unwrap();
        input.flush().unwrap();
    }

    fn send(&mut self, message: &Json) {
        let text = message.to_string();
        self.write(format!("Content-Length: {}\r\n\r\n{text}", text.len()).as_bytes());
    }

    fn notify(&mut self, method: &str, params: Json) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    fn ask(&mut self, method: &str, params: Json) -> i64 {
        self.last += 1;
        let id = self.last;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// A request and its result, or its error.
    fn request(&mut self, method: &str, params: Json) -> Result<Json, Json> {
        let id = self.ask(method, params);
        self.answer(&json!(id))
    }

    /// Reads on until the answer to a request.
    fn answer(&mut self, id: &Json) -> Result<Json, Json> {
        loop {
            let mut message = self.read().expect("the server ended");
            if message["id"] == *id && message.get("method").is_none() {
                return match message.get("error") {
                    Some(error) => Err(error.clone()),
                    None => Ok(message["result"].take()),
                };
            }
        }
    }

    /// One message, after taking note of findings; nothing when the server has ended.
    fn read(&mut self) -> Option<Json> {
        let message = match self.messages.recv_timeout(PATIENCE) {
            Ok(message) => message,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {
                panic!("the server says nothing; the findings are {:?}", self.findings)
            }
        };
        assert_eq!(message["jsonrpc"], "2.0");
        if message["method"] == "textDocument/publishDiagnostics" {
            self.note(&message["params"]);
        }
        Some(message)
    }

    fn note(&mut self, published: &Json) {
        let uri = published["uri"].as_str().unwrap();
        let name = uri.strip_prefix(&self.uri("")).unwrap().trim_start_matches('/').to_owned();
        let found = published["diagnostics"].as_array().unwrap().iter().map(|it| {
            let start = &it["range"]["start"];
            format!("{}:{} {}", start["line"], start["character"], it["code"].as_str().unwrap())
        });
        let found: Vec<String> = found.collect();
        if found.is_empty() {
            self.findings.remove(&name);
        } else {
            self.findings.insert(name, found);
        }
    }

    /// Reads on until the findings are as expected.
    fn until(&mut self, expected: &[(&str, &[&str])]) {
        let expected: BTreeMap<String, Vec<String>> = expected
            .iter()
            .map(|(name, found)| {
                ((*name).to_owned(), found.iter().map(|it| (*it).to_owned()).collect())
            })
            .collect();
        while self.findings != expected {
            assert!(self.read().is_some(), "the server ended at {:?}", self.findings);
        }
    }

    fn show(&mut self, name: &str, text: &str) {
        let document = json!({
            "uri": self.uri(name), "languageId": "yaml", "version": 1, "text": text,
        });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    fn change(&mut self, name: &str, text: &str) {
        let document = json!({ "uri": self.uri(name), "version": 2 });
        self.notify(
            "textDocument/didChange",
            json!({ "textDocument": document, "contentChanges": [{ "text": text }] }),
        );
    }

    /// A position in a file, as the parameters of a request.
    fn at(&self, name: &str, line: u32, character: u32) -> Json {
        json!({
            "textDocument": { "uri": self.uri(name) },
            "position": { "line": line, "character": character },
        })
    }

    fn end(&mut self) -> ExitStatus {
        self.input = None;
        while self.read().is_some() {}
        self.server.wait().unwrap()
    }

    fn goodbye(mut self) {
        assert_eq!(self.request("shutdown", Json::Null), Ok(Json::Null));
        self.notify("exit", Json::Null);
        assert_eq!(self.end().code(), Some(0));
    }
}

fn range(line: u32, start: u32, end: u32) -> Json {
    json!({
        "start": { "line": line, "character": start },
        "end": { "line": line, "character": end },
    })
}

/// A folder with files.
fn project(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

const CONFIGURATION: &str = r#"
[roots.app]
template = "stack.yaml"
stack-name = "app"
region = "ap-northeast-1"
parameters = "parameters/{environment}.json"
[environments.dev]
[environments.prod]
"#;
const DEV: &str = r#"{"Parameters": {"Name": "開発-topic"}}"#;
const PROD: &str = r#"{"Parameters": {"Name": "本番-topic"}}"#;
const PARENT: &str = "\
Parameters:
  Name: { Type: String }
Resources:
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: nested/child.yaml
      Parameters:
        Label: !Sub \"日本🗾${Name}\"
";
const CHILD: &str = "\
Parameters:
  Label: { Type: String }
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      KmsMasterKeyId: alias/aws/sns
      DisplayName: !Ref Label
";

fn nested() -> tempfile::TempDir {
    project(&[
        ("kumiki.toml", CONFIGURATION),
        ("parameters/dev.json", DEV),
        ("parameters/prod.json", PROD),
        ("stack.yaml", PARENT),
        ("nested/child.yaml", CHILD),
    ])
}

#[test]
fn findings_come_with_a_mistake_and_go_with_it() {
    let folder = nested();
    let mut editor = Editor::open(folder.path(), json!({}));
    editor.show("nested/child.yaml", CHILD);
    // The mistake stands in the editor only, and shows in a file that is not open too.
    editor.change("nested/child.yaml", &CHILD.replace("Label: { Type", "Lable: { Type"));
    let child: &[&str] = &["7:24 undefined-reference", "1:2 W2001"];
    let parent: &[&str] = &["8:8 unknown-parameter", "8:8 missing-parameter"];
    editor.until(&[("nested/child.yaml", child), ("stack.yaml", parent)]);
    editor.change("nested/child.yaml", CHILD);
    editor.until(&[]);
    // AWS's rules follow ours.
    editor.change("nested/child.yaml", &CHILD.replace("DisplayName", "DisplayNames"));
    editor.until(&[("nested/child.yaml", &["7:6 F3002"])]);
    // What is closed is what the disk has.
    let document = json!({ "textDocument": { "uri": editor.uri("nested/child.yaml") } });
    editor.notify("textDocument/didClose", document);
    editor.until(&[]);
    // A change on the disk.
    std::fs::write(folder.path().join("nested/child.yaml"), "Resources: [").unwrap();
    editor.notify("workspace/didChangeWatchedFiles", json!({ "changes": [] }));
    editor
        .until(&[("nested/child.yaml", &["0:11 syntax"]), ("stack.yaml", &["6:19 missing-child"])]);
    editor.goodbye();
}

#[test]
fn positions_are_in_the_units_that_the_client_counts() {
    let folder = nested();
    // `${Name}` after two characters of three bytes and one of four, or two units of UTF-16.
    let cases = [
        (json!({}), "utf-16", 25),
        (json!({ "general": { "positionEncodings": ["utf-32", "utf-8"] } }), "utf-8", 31),
        (json!({ "general": { "positionEncodings": ["utf-32"] } }), "utf-16", 25),
    ];
    for (capabilities, encoding, column) in cases {
        let mut editor = Editor::start(folder.path());
        let root = editor.uri("");
        let parameters = json!({ "rootUri": root, "capabilities": capabilities });
        let result = editor.request("initialize", parameters).unwrap();
        assert_eq!(result["capabilities"]["positionEncoding"], encoding);
        editor.notify("initialized", json!({}));
        let at = editor.at("stack.yaml", 8, column + 2);
        let hover = editor.request("textDocument/hover", at.clone()).unwrap();
        assert_eq!(hover["range"], range(8, column + 2, column + 6), "{encoding}");
        let text = hover["contents"]["value"].as_str().unwrap();
        assert!(text.contains("- dev: `開発-topic`"), "{text}");
        let definition = editor.request("textDocument/definition", at).unwrap();
        let expected = json!([{ "uri": editor.uri("stack.yaml"), "range": range(1, 2, 6) }]);
        assert_eq!(definition, expected);
        editor.goodbye();
    }
}

#[test]
fn one_goes_from_the_property_to_the_parameter_file() {
    let folder = nested();
    let mut editor = Editor::open(folder.path(), json!({ "locale": "ja" }));
    let steps = [
        (("nested/child.yaml", 7, 24), vec![("nested/child.yaml", 1, 2, 7)]),
        (("nested/child.yaml", 1, 3), vec![("stack.yaml", 8, 8, 13)]),
        (("stack.yaml", 8, 9), vec![("nested/child.yaml", 1, 2, 7)]),
        (("stack.yaml", 6, 25), vec![("nested/child.yaml", 0, 0, 0)]),
        (
            ("stack.yaml", 1, 3),
            vec![("parameters/dev.json", 0, 17, 21), ("parameters/prod.json", 0, 17, 21)],
        ),
    ];
    for ((file, line, column), expected) in steps {
        let at = editor.at(file, line, column);
        let found = editor.request("textDocument/definition", at).unwrap();
        let expected: Vec<Json> = expected
            .into_iter()
            .map(|(file, line, start, end)| {
                json!({ "uri": editor.uri(file), "range": range(line, start, end) })
            })
            .collect();
        assert_eq!(found, json!(expected), "{file}:{line}:{column}");
    }
    let at = editor.at("nested/child.yaml", 4, 15);
    let hover = editor.request("textDocument/hover", at).unwrap();
    let text = hover["contents"]["value"].as_str().unwrap();
    assert!(text.contains("aws-resource-sns-topic.html"), "{text}");
    let at = editor.at("nested/child.yaml", 1, 3);
    let hover = editor.request("textDocument/hover", at).unwrap();
    let text = hover["contents"]["value"].as_str().unwrap();
    assert!(text.starts_with("パラメータ `Label`"), "{text}");
    assert!(text.contains("- prod: `日本🗾本番-topic`"), "{text}");
    editor.goodbye();
}

#[test]
fn a_name_changes_in_every_file_at_once() {
    let folder = nested();
    let edit = json!({ "documentChanges": true, "changeAnnotationSupport": {} });
    let workspace = json!({ "workspace": { "workspaceEdit": edit } });
    let mut editor = Editor::open(folder.path(), json!({ "capabilities": workspace }));
    editor.show("stack.yaml", PARENT);
    let at = editor.at("stack.yaml", 1, 3);
    let prepared = editor.request("textDocument/prepareRename", at.clone()).unwrap();
    assert_eq!(prepared, json!({ "range": range(1, 2, 6), "placeholder": "Name" }));
    let mut rename = at;
    rename["newName"] = json!("Title");
    let edit = editor.request("textDocument/rename", rename.clone()).unwrap();
    let mut changed: Vec<(String, Json, usize)> = edit["documentChanges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| {
            let uri = it["textDocument"]["uri"].as_str().unwrap();
            let name = uri.rsplit('/').next().unwrap().to_owned();
            let count = it["edits"].as_array().unwrap().len();
            (name, it["textDocument"]["version"].clone(), count)
        })
        .collect();
    changed.sort_by(|a, b| a.0.cmp(&b.0));
    let expected =
        [("dev.json", Json::Null, 1), ("prod.json", Json::Null, 1), ("stack.yaml", json!(1), 2)];
    assert_eq!(changed, expected.map(|(name, version, count)| (name.to_owned(), version, count)));
    // Not a name; and a resource, which has to be confirmed.
    rename["newName"] = json!("not a name");
    let refused = editor.request("textDocument/rename", rename).unwrap_err();
    assert_eq!(refused["code"], -32803);
    let mut rename = editor.at("nested/child.yaml", 3, 3);
    rename["newName"] = json!("Other");
    let edit = editor.request("textDocument/rename", rename).unwrap();
    assert_eq!(edit["changeAnnotations"]["replacement"]["needsConfirmation"], true);
    editor.goodbye();

    let mut simple = Editor::open(folder.path(), json!({}));
    let at = simple.at("nested/child.yaml", 3, 3);
    let refused = simple.request("textDocument/prepareRename", at).unwrap_err();
    assert_eq!(
        refused["message"],
        "where it exists, CloudFormation deletes `Topic` and creates another"
    );
    simple.goodbye();
}

#[test]
fn a_template_needs_no_project() {
    let folder = project(&[]);
    let mut editor = Editor::open(folder.path(), json!({}));
    editor.show("compose.yaml", "services: { Resources: {} }\n");
    // Nobody gave the parameter a value, and nobody asked for one.
    editor.show("child.yaml", &CHILD.replace("!Ref Label", "!Ref Lable"));
    editor.until(&[("child.yaml", &["7:24 undefined-reference", "1:2 W2001"])]);
    let document = json!({ "textDocument": { "uri": editor.uri("child.yaml") } });
    let symbols = editor.request("textDocument/documentSymbol", document.clone()).unwrap();
    let names: Vec<&str> =
        symbols.as_array().unwrap().iter().map(|it| it["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["Parameters", "Resources"]);
    let at = editor.at("child.yaml", 7, 24);
    let offered = editor.request("textDocument/completion", at).unwrap();
    assert_eq!(offered[0]["label"], "Label");
    editor.notify("textDocument/didClose", document);
    editor.until(&[]);
    editor.goodbye();
}

#[test]
fn a_project_that_cannot_be_read_says_why() {
    let folder = nested();
    let mut editor = Editor::open(folder.path(), json!({}));
    let missing = format!("guard = [\"rules.guard\"]\n{CONFIGURATION}");
    editor.show("kumiki.toml", &missing);
    editor.until(&[("kumiki.toml", &["0:0 configuration"])]);
    editor.change("kumiki.toml", &CONFIGURATION.replace("region", "regoin"));
    editor.until(&[("kumiki.toml", &["4:0 configuration"])]);
    editor.change("kumiki.toml", CONFIGURATION);
    editor.until(&[]);
    editor.goodbye();
}

#[test]
fn what_makes_no_sense_is_refused_and_survived() {
    let folder = nested();
    let mut editor = Editor::start(folder.path());
    let code = |result: Result<Json, Json>| result.unwrap_err()["code"].as_i64().unwrap();
    assert_eq!(code(editor.request("textDocument/hover", json!({}))), -32002);
    editor.notify("textDocument/didOpen", json!({ "textDocument": 1 }));
    editor.request("initialize", json!({ "capabilities": {}, "rootUri": null })).unwrap();
    assert_eq!(code(editor.request("initialize", json!({ "capabilities": {} }))), -32600);
    assert_eq!(code(editor.request("no/such/method", Json::Null)), -32601);
    assert_eq!(code(editor.request("textDocument/hover", json!([1, 2]))), -32602);
    for garbage in ["Content-Length: 3\r\n\r\n{]}", "hello\r\n", "Content-Length: 9e9\r\n\r\n"] {
        editor.write(garbage.as_bytes());
        assert_eq!(code(editor.answer(&Json::Null)), -32700, "{garbage}");
    }
    editor.notify("textDocument/didOpen", json!({ "textDocument": 1 }));
    editor.notify("no/such/notification", json!({}));
    // Texts of every kind, at places of every kind.
    let texts =
        ["", "{", "!", "\u{0}", "Resources: &a {b: *a}", "AWSTemplateFormatVersion:\n\t- 日本"];
    for text in texts {
        editor.show("broken.yaml", &format!("# AWSTemplateFormatVersion\n{text}"));
        for (line, column) in [(0, 0), (1, 3), (9, 9), (u32::MAX, u32::MAX)] {
            let at = editor.at("broken.yaml", line, column);
            for method in ["hover", "definition", "documentHighlight", "completion"] {
                editor.request(&format!("textDocument/{method}"), at.clone()).unwrap();
            }
        }
    }
    // What is taken back before its turn is not begun; whether that is so, nobody can know.
    let id = editor.last + 1;
    editor.notify("$/cancelRequest", json!({ "id": id }));
    let at = editor.at("stack.yaml", 1, 3);
    editor.ask("textDocument/hover", at);
    let answer = editor.answer(&json!(id));
    assert!(answer.is_ok() || code(answer) == -32800);
    editor.request("shutdown", Json::Null).unwrap();
    assert_eq!(code(editor.request("textDocument/hover", json!({}))), -32600);
    editor.notify("exit", Json::Null);
    assert_eq!(editor.end().code(), Some(0));
}

#[test]
fn an_end_without_goodbye_is_a_failure() {
    let folder = nested();
    let mut gone = Editor::open(folder.path(), json!({}));
    assert_eq!(gone.end().code(), Some(1));
    let mut rude = Editor::open(folder.path(), json!({}));
    rude.notify("exit", Json::Null);
    assert_eq!(rude.end().code(), Some(1));
}
