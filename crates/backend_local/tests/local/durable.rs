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

/// Everything that can be asked for, or the first thing that cannot be read.
fn everything(folder: &Folder) -> Result<String, String> {
    let clock = Box::new(Stopped(1_795_478_399_000));
    let mut it = LocalBackend::open(&folder.state(), clock, "kumiki test", Options::default())
        .map_err(|it| it.to_string())?;
    let read = |it: &mut LocalBackend| -> Result<String, kumiki_engine::StoreError> {
        let stacks = it.stacks()?;
        let mut text = format!("{stacks:?}");
        for stack in &stacks {
            text += &format!("{:?}", it.resources(&stack.stack_id)?);
        }
        text += &format!("{:?}", it.exports(ACCOUNT, REGION)?);
        text += &format!("{:?}", it.imports(ACCOUNT, REGION)?);
        text += &format!("{:?}", it.events("app", ACCOUNT, REGION, 0)?);
        text += &format!("{:?}", it.unfinished()?);
        for change_set in it.change_sets("app", ACCOUNT, REGION)? {
            text += &format!("{change_set:?} {:?}", it.change_set_plan(&change_set.id)?);
        }
        text += &format!("{:?}", it.things()?.collect::<Vec<_>>());
        Ok(text)
    };
    read(&mut it).map_err(|it| it.message().to_string())
}

/// A state with stacks that export and import.
fn created(folder: &Folder) {
    let mut backend = open(folder, &[]);
    assert!(up(&mut backend, &library(TEXT), &inputs("app", &[])).unwrap().0.succeeded);
    let user = "Resources:
  It: { Type: AWS::SNS::Topic, Properties: { DisplayName: !ImportValue topic } }
";
    assert!(up(&mut backend, &library(user), &inputs("user", &[])).unwrap().0.succeeded);
}

#[test]
fn damage_anywhere_is_found_or_does_no_harm() {
    let folder = Folder::new();
    created(&folder);
    let path = folder.state().join("state.db");
    let whole = std::fs::read(&path).unwrap();
    let expected = everything(&folder).unwrap();
    let mut found = 0;
    let mut look = |bytes: &[u8], what: &str| {
        for leftover in ["state.db-wal", "state.db-shm"] {
            let _ = std::fs::remove_file(folder.state().join(leftover));
        }
        std::fs::write(&path, bytes).unwrap();
        match everything(&folder) {
            Ok(text) => assert_eq!(text, expected, "{what}"),
            Err(message) => {
                found += 1;
                assert!(message.contains("damaged"), "{what}: {message}");
            }
        }
    };
    for part in 0..40 {
        let at = whole.len() * part / 40;
        look(&whole[..at], &format!("cut at {at}"));
    }
    // A prime, so that every place in a page is met.
    for at in (0..whole.len()).step_by(263) {
        let mut bytes = whole.clone();
        bytes[at] ^= 1;
        look(&bytes, &format!("byte {at} altered"));
    }
    assert!(found > 100, "{found}");
}

#[test]
fn a_state_of_the_first_version_is_brought_forward() {
    let folder = Folder::new();
    created(&folder);
    let expected = everything(&folder).unwrap();
    let connection = Connection::open(folder.state().join("state.db")).unwrap();
    connection.execute_batch("ALTER TABLE imports DROP COLUMN record").unwrap();
    for table in ["stacks", "resources", "exports", "change_sets", "operations", "events", "world"]
    {
        // Without the digest, which is a line of nine characters.
        let strip = format!("UPDATE {table} SET record = substr(record, 1, length(record) - 9)");
        connection.execute_batch(&strip).unwrap();
    }
    connection.pragma_update(None, "user_version", 1).unwrap();
    drop(connection);
    // Who only reads leaves it as it is.
    let reader = LocalBackend::open_read_only(&folder.state(), Box::new(Stopped(0))).unwrap();
    assert_eq!(reader.imports(ACCOUNT, REGION).unwrap().len(), 1);
    drop(reader);
    let version = |folder: &Folder| -> i64 {
        let connection = Connection::open(folder.state().join("state.db")).unwrap();
        connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
    };
    assert_eq!(version(&folder), 1);
    assert_eq!(everything(&folder).unwrap(), expected);
    assert_eq!(version(&folder), 2);
    let mut backend = open(&folder, &[]);
    assert!(up(&mut backend, &library(TEXT), &inputs("app", &[])).is_none());
}

/// Files may not grow beyond a size, as on a disk that is full; whatever is refused then, the next
/// process ends where an undisturbed one would have ended.
#[test]
fn a_full_disk_loses_nothing() {
    let whole = Folder::new();
    let mut backend = open(&whole, &[]);
    assert!(up(&mut backend, &library(TEXT), &inputs("app", &[])).unwrap().0.succeeded);
    drop(backend);
    let expected = dump(&whole);
    let (mut failed, mut continued) = (0, 0);
    for blocks in (8..600).step_by(48) {
        let folder = Folder::new();
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut child = Command::new("sh")
            .args(["-c", &script])
            .arg(std::env::current_exe().unwrap())
            .args(["durable::child", "--exact", "--ignored", "--nocapture"])
            .env("KUMIKI_TEST_FOLDER", folder.state())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It may end before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(&[0; 1000]);
        let mut text = String::new();
        child.stderr.take().unwrap().read_to_string(&mut text).unwrap();
        if !child.wait().unwrap().success() {
            failed += 1;
            assert!(text.contains("disk"), "{blocks}: {text}");
        }
        let mut backend = open(&folder, &[]);
        continued += usize::from(backend.resume(&[], &mut |_| {}).unwrap().is_some());
        if up(&mut backend, &library(TEXT), &inputs("app", &[])).is_none() {
            drop(backend);
            assert_eq!(dump(&folder), expected, "{blocks} blocks");
        }
    }
    assert!(failed > 2 && continued > 0, "{failed} failed, {continued} continued");
}

#[test]
fn a_clock_that_goes_back_does_not_turn_events_around() {
    let folder = Folder::new();
    created(&folder);
    let before = open(&folder, &[]).events("app", ACCOUNT, REGION, 0).unwrap();
    let clock = Box::new(Stopped(1_000));
    let mut backend =
        LocalBackend::open(&folder.state(), clock, "kumiki test", Options::default()).unwrap();
    assert_eq!(backend.clock_behind(), Some(1_795_478_399_000 - 1_000));
    let other = TEXT.replace("10.0.1.0/24", "10.0.2.0/24");
    assert!(up(&mut backend, &library(&other), &inputs("app", &[])).unwrap().0.succeeded);
    let after = backend.events("app", ACCOUNT, REGION, 0).unwrap();
    assert!(after.len() > before.len() && after.is_sorted_by_key(|it| (it.time, it.sequence)));
    drop(backend);
    assert_eq!(open(&folder, &[]).clock_behind(), None);
}
