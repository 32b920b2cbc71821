//! State that outlives processes, and keeps them apart.

use crate::folder::Folder;
use crate::project::*;
use kumiki_backend_local::{LocalBackend, OpenError, Options};
use kumiki_engine::{Backend, Stopped};
use rusqlite::Connection;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

const TEXT: &str = "Resources:
  Vpc: { Type: AWS::EC2::VPC, Properties: { CidrBlock: 10.0.0.0/16 } }
  A: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.0.0/24 } }
  B: { Type: AWS::EC2::Subnet, Properties: { VpcId: !Ref Vpc, CidrBlock: 10.0.1.0/24 } }
  Topic: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Ref A } }
  Last: { Type: AWS::SNS::Topic, DependsOn: [B, Topic] }
Outputs:
  Topic: { Value: !Ref Topic, Export: { Name: topic } }
";

fn refused(folder: &Folder) -> OpenError {
    let clock = Box::new(Stopped(0));
    LocalBackend::open(&folder.state(), clock, "second", Options::default()).unwrap_err()
}

/// Everything in the state file, as text.
fn dump(folder: &Folder) -> String {
    let connection = Connection::open(folder.state().join("state.db")).unwrap();
    let tables = [
        "stacks",
        "resources",
        "exports",
        "imports",
        "change_sets",
        "operations",
        "texts",
        "events",
        "world",
        "answers",
    ];
    let mut text = String::new();
    for table in tables {
        let mut statement = connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            text.push_str(table);
            for column in 0..columns {
                let value: rusqlite::types::Value = row.get(column).unwrap();
                text.push_str(&format!(" {value:?}"));
            }
            text.push('\n');
        }
    }
    text
}

/// A process of its own that brings the project up, and waits after each event until it is told
/// to go on. Run by the tests below.
#[test]
#[ignore = "started by other tests"]
#[expect(clippy::disallowed_methods, reason = "a process of its own, told what to do by its test")]
fn child() {
    let Ok(path) = std::env::var("KUMIKI_TEST_FOLDER") else { return };
    let clock = Box::new(Stopped(1_795_478_399_000));
    let folder = std::path::Path::new(&path);
    let mut backend =
        LocalBackend::open(folder, clock, "kumiki up dev", Options::default()).unwrap();
    let app = inputs("app", &[]);
    let library = library(TEXT);
    let plan = planned(&backend, &library, &app);
    let root = library.find("stack.yaml").unwrap();
    let request = kumiki_engine::ChangeSetRequest {
        library: &library,
        root,
        inputs: &app,
        plan: &plan,
        name: None,
        options: &Default::default(),
    };
    let id = backend.create_change_set(&request).unwrap().id;
    let mut input = std::io::stdin().lock();
    let mut output = std::io::stderr().lock();
    backend
        .execute_change_set(&id, &Default::default(), &[], &mut |_| {
            output.write_all(b"event\n").unwrap();
            output.flush().unwrap();
            input.read_exact(&mut [0]).unwrap();
        })
        .unwrap();
}

/// Starts such a process and lets it come to the given event.
fn start(folder: &Folder, events: usize) -> Child {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "durable::child", "--ignored", "--nocapture"])
        .env("KUMIKI_TEST_FOLDER", folder.state())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    for event in 0..events {
        assert_eq!(lines.next().unwrap().unwrap(), "event");
        if event + 1 < events {
            child.stdin.as_mut().unwrap().write_all(b".").unwrap();
        }
    }
    child
}

fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_second_process_hears_who_is_at_work() {
    let folder = Folder::new();
    let child = start(&folder, 3);
    match refused(&folder) {
        OpenError::Busy { holder: Some(holder) } => {
            assert_eq!((holder.pid, holder.command.as_str()), (child.id(), "kumiki up dev"));
        }
        other => panic!("{other}"),
    }
    let text = refused(&folder).to_string();
    assert!(text.contains("since 2026-11-23T23:59:59Z"), "{text}");
    // Reading is possible meanwhile.
    let reader = LocalBackend::open_read_only(&folder.state(), Box::new(Stopped(0))).unwrap();
    assert_eq!(reader.stacks().unwrap()[0].status.as_str(), "CREATE_IN_PROGRESS");
    assert!(reader.events("app", ACCOUNT, REGION, 0).unwrap().len() >= 3);
    kill(child);
    // A lock that was left is free.
    assert!(open(&folder, &[]).unfinished().unwrap().is_some());
}

#[test]
fn a_killed_process_loses_nothing() {
    let whole = Folder::new();
    let mut backend = open(&whole, &[]);
    let (outcome, events) = up(&mut backend, &library(TEXT), &inputs("app", &[])).unwrap();
    assert!(outcome.succeeded);
    drop(backend);
    let expected = dump(&whole);
    for at in 1..events.len() {
        let folder = Folder::new();
        kill(start(&folder, at));
        let mut backend = open(&folder, &[]);
        backend.resume(&[], &mut |_| {}).unwrap();
        assert!(up(&mut backend, &library(TEXT), &inputs("app", &[])).is_none());
        drop(backend);
        assert_eq!(dump(&folder), expected, "killed at event {at}");
    }
}

#[test]
fn what_is_not_ours_is_left_alone() {
    let newer = |path: &std::path::Path| {
        let connection = Connection::open(path).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
    };
    let foreign = |path: &std::path::Path| {
        std::fs::remove_file(path).unwrap();
        Connection::open(path).unwrap().execute_batch("CREATE TABLE x (y)").unwrap();
    };
    let garbage = |path: &std::path::Path| {
        std::fs::write(path, "not a database at all, but long enough to be looked at").unwrap();
    };
    let truncated = |path: &std::path::Path| {
        let bytes = std::fs::read(path).unwrap();
        std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
    };
    type Damage<'d> = &'d dyn Fn(&std::path::Path);
    let cases: [(Damage<'_>, &str); 4] = [
        (&newer, "was written by a newer Kumiki (state version 99)"),
        (&foreign, "another program's database"),
        (&garbage, "is damaged"),
        (&truncated, "is damaged"),
    ];
    for (damage, expected) in cases {
        let folder = Folder::new();
        let mut backend = open(&folder, &[]);
        up(&mut backend, &library(TEXT), &inputs("app", &[])).unwrap();
        drop(backend);
        let path = folder.state().join("state.db");
        damage(&path);
        let before = std::fs::read(&path).unwrap();
        let error = refused(&folder).to_string();
        assert!(error.contains(expected), "{error}");
        assert_eq!(std::fs::read(&path).unwrap(), before, "{expected}");
    }
}

#[test]
fn reading_needs_no_state() {
    let folder = Folder::new();
    let reader = LocalBackend::open_read_only(&folder.state(), Box::new(Stopped(0))).unwrap();
    assert!(reader.stacks().unwrap().is_empty());
    assert!(!folder.state().exists());
}

#[test]
fn the_folder_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    drop(open(&folder, &[]));
    let mode = std::fs::metadata(folder.state()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let error = LocalBackend::open(
        &folder.path().join("no/such/folder"),
        Box::new(Stopped(0)),
        "x",
        Options::default(),
    );
    assert!(matches!(error, Err(OpenError::Io { .. })));
}

#[test]
fn nothing_is_written_when_nothing_changes() {
    let folder = Folder::new();
    let mut backend = open(&folder, &[]);
    up(&mut backend, &library(TEXT), &inputs("app", &[])).unwrap();
    drop(backend);
    let before = dump(&folder);
    let mut backend = open(&folder, &[]);
    assert!(backend.resume(&[], &mut |_| {}).unwrap().is_none());
    assert!(up(&mut backend, &library(TEXT), &inputs("app", &[])).is_none());
    drop(backend);
    assert_eq!(dump(&folder), before);
}
