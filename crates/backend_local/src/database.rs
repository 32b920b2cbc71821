//! The file that holds the state, and its versions.

use kumiki_engine::identity::fingerprint;
use kumiki_engine::{Event, StoreError};
use rusqlite::{Connection, OpenFlags, OptionalExtension};
use std::ops::Range;
use std::path::Path;
use std::time::Duration;

/// `KMKI`: tells a state file of ours from any other database.
const APPLICATION: i64 = 0x4b4d_4b49;

/// What takes a state file from one version to the next. Never change one that was released;
/// append.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE stacks (stack_id TEXT PRIMARY KEY, root_id TEXT NOT NULL, record TEXT NOT NULL)
        WITHOUT ROWID;
    CREATE INDEX stacks_by_root ON stacks (root_id);
    CREATE TABLE resources (
        stack_id TEXT NOT NULL, logical_id TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (stack_id, logical_id)) WITHOUT ROWID;
    CREATE TABLE exports (
        account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (account, region, name)) WITHOUT ROWID;
    CREATE TABLE imports (
        account TEXT NOT NULL, region TEXT NOT NULL, name TEXT NOT NULL,
        stack_name TEXT NOT NULL, stack_id TEXT NOT NULL,
        PRIMARY KEY (account, region, name, stack_name, stack_id)) WITHOUT ROWID;
    CREATE TABLE change_sets (
        position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL);
    CREATE TABLE operations (
        position INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, record TEXT NOT NULL);
    CREATE TABLE texts (digest TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE events (
        sequence INTEGER PRIMARY KEY, root_id TEXT NOT NULL, record TEXT NOT NULL);
    CREATE INDEX events_by_root ON events (root_id, sequence);
    CREATE TABLE world (
        account TEXT NOT NULL, region TEXT NOT NULL, type_name TEXT NOT NULL,
        physical_id TEXT NOT NULL, record TEXT NOT NULL,
        PRIMARY KEY (account, region, type_name, physical_id)) WITHOUT ROWID;
    CREATE TABLE answers (token TEXT PRIMARY KEY, record TEXT NOT NULL) WITHOUT ROWID;
",
    "
    ALTER TABLE imports ADD COLUMN record TEXT NOT NULL DEFAULT '';
    UPDATE imports SET record = json_object('account', account, 'region', region, 'name', name,
                                            'stack_name', stack_name, 'stack_id', stack_id);
",
];

/// Why a state file cannot be used.
#[derive(Debug)]
pub(crate) enum Unusable {
    /// A newer program wrote it.
    Newer(i64),
    /// It is damaged, or no state file.
    Damaged(String),
    /// The system refuses.
    Failed(rusqlite::Error),
}

impl From<rusqlite::Error> for Unusable {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match error.sqlite_error_code() {
            Some(DatabaseCorrupt | NotADatabase) => Self::Damaged(error.to_string()),
            _ => Self::Failed(error),
        }
    }
}

/// Opens the state file for writing, creating it or bringing it to the newest version.
pub(crate) fn open(path: &Path) -> Result<Connection, Unusable> {
    if !path.exists() {
        begin(path)?;
    }
    let mut connection = Connection::open(path)?;
    prepare(&connection)?;
    // Nothing is written before the file is known to be ours and whole.
    let version = version(&connection)?;
    let check: String = connection.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if check != "ok" {
        return Err(Unusable::Damaged(check));
    }
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    migrate(&mut connection, version..MIGRATIONS.len())?;
    Ok(connection)
}

/// Makes an empty state file. It gets its name once it is whole: what has the name and is empty has
/// lost what it had.
fn begin(path: &Path) -> Result<(), Unusable> {
    let new = path.with_extension("new");
    let failed = |error: std::io::Error| {
        Unusable::Failed(rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
    };
    if new.exists() {
        std::fs::remove_file(&new).map_err(failed)?;
    }
    migrate(&mut Connection::open(&new)?, 0..MIGRATIONS.len())?;
    std::fs::rename(&new, path).map_err(failed)
}

/// An empty state that is gone with its connection.
pub(crate) fn in_memory() -> Result<Connection, Unusable> {
    let mut connection = Connection::open_in_memory()?;
    migrate(&mut connection, 0..MIGRATIONS.len())?;
    Ok(connection)
}

/// Opens the state file for reading, while another process may write; without a file there is an
/// empty state.
pub(crate) fn open_read_only(path: &Path) -> Result<Connection, Unusable> {
    if !path.exists() {
        return in_memory();
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    prepare(&connection)?;
    match version(&connection)? {
        found if found < MIGRATIONS.len() => brought_forward(path, found),
        _ => Ok(connection),
    }
}

/// A copy in memory, of the newest version, of a state file that is not to be changed.
fn brought_forward(path: &Path, found: usize) -> Result<Connection, Unusable> {
    let mut copy = Connection::open_in_memory()?;
    migrate(&mut copy, 0..found)?;
    copy.execute("ATTACH ?1 AS old", [path.to_string_lossy()])?;
    let tables: Vec<String> = copy
        .prepare("SELECT name FROM main.sqlite_master WHERE type = 'table'")?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for table in tables {
        copy.execute_batch(&format!("INSERT INTO main.{table} SELECT * FROM old.{table}"))?;
    }
    copy.execute_batch("DETACH old")?;
    migrate(&mut copy, found..MIGRATIONS.len())?;
    Ok(copy)
}

fn prepare(connection: &Connection) -> Result<(), Unusable> {
    connection.busy_timeout(Duration::from_secs(10))?;
    Ok(())
}

fn version(connection: &Connection) -> Result<usize, Unusable> {
    let pragma = |name: &str| -> Result<i64, rusqlite::Error> {
        connection.pragma_query_value(None, name, |row| row.get(0))
    };
    let found = pragma("user_version")?;
    let tables: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))?;
    if tables > 0 && pragma("application_id")? != APPLICATION {
        return Err(Unusable::Damaged("it is another program's database".into()));
    }
    match usize::try_from(found) {
        Ok(0) => Err(Unusable::Damaged("it is empty".into())),
        Ok(found) if found <= MIGRATIONS.len() => Ok(found),
        Ok(_) => Err(Unusable::Newer(found)),
        Err(_) => Err(Unusable::Damaged(format!("its version is {found}"))),
    }
}

fn migrate(connection: &mut Connection, steps: Range<usize>) -> Result<(), Unusable> {
    for (index, migration) in MIGRATIONS.iter().enumerate().take(steps.end).skip(steps.start) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "application_id", APPLICATION)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// When the last event was recorded, 0 when there is none.
pub(crate) fn last_time(connection: &Connection) -> Result<u64, Unusable> {
    let query = "SELECT root_id, record FROM events ORDER BY sequence DESC LIMIT 1";
    let last = connection
        .query_row(query, [], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)));
    let Some((root_id, record)) = last.optional()? else { return Ok(0) };
    let event = unseal(&[&root_id], &record)
        .and_then(|it| serde_json::from_str::<Event>(it).map_err(unreadable));
    event.map(|it| it.time).map_err(|error| Unusable::Damaged(error.to_string()))
}

/// A record as it is kept: its JSON, and on a line of its own a digest of that and of its key. SQLite
/// notices damage of its own structure only.
pub(crate) fn seal(key: &[&str], json: String) -> String {
    let digest = short_digest(key, &json);
    format!("{json}\n{digest:08x}")
}

/// The JSON of a record that is kept under a key.
pub(crate) fn unseal<'t>(key: &[&str], record: &'t str) -> Result<&'t str, StoreError> {
    // Those of version 1 have no digest.
    let Some((json, digest)) = record.rsplit_once('\n') else { return Ok(record) };
    match u32::from_str_radix(digest, 16) == Ok(short_digest(key, json)) {
        true => Ok(json),
        false => Err(StoreError::Damaged(format!("the record of {} was altered", key.join(" ")))),
    }
}

fn short_digest(key: &[&str], json: &str) -> u32 {
    let parts: Vec<&str> = key.iter().copied().chain([json]).collect();
    let [a, b, c, d, ..] = fingerprint(&parts);
    u32::from_be_bytes([a, b, c, d])
}

/// A database's error as the engine knows it.
pub(crate) fn failed(error: rusqlite::Error) -> StoreError {
    match Unusable::from(error) {
        Unusable::Damaged(what) => StoreError::Damaged(what),
        Unusable::Newer(version) => StoreError::Damaged(format!("version {version}")),
        Unusable::Failed(error) => StoreError::Failed(Box::new(error)),
    }
}

/// A record's error as the engine knows it.
pub(crate) fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Damaged(error.to_string())
}
