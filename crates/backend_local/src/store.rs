//! The engine's records in the state file.

use crate::database::{failed, seal, unreadable, unseal};
use kumiki_engine::{
    Change, ChangeSetRecord, Event, ExportRecord, ImportRecord, OperationRecord, ResourceRecord,
    StackRecord, StateStore, StoreError, identity,
};
use rusqlite::{Connection, OptionalExtension, Params, params};
use serde::de::DeserializeOwned;
use std::sync::{Arc, Mutex, MutexGuard};

/// The connection that records and world share.
pub(crate) type Shared = Arc<Mutex<Connection>>;

/// The engine's records in the state file.
#[derive(Debug)]
pub struct SqliteStore {
    connection: Shared,
}

/// A process that panicked while it held the connection has left a transaction that was rolled
/// back: the connection is as good as before.
pub(crate) fn locked(connection: &Shared) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl SqliteStore {
    pub(crate) fn new(connection: Shared) -> Self {
        Self { connection }
    }

    /// Records, each after the columns of its key.
    fn records<T: DeserializeOwned>(
        &self,
        query: &str,
        parameters: impl Params,
    ) -> Result<Vec<T>, StoreError> {
        let connection = locked(&self.connection);
        let mut statement = connection.prepare_cached(query).map_err(failed)?;
        let columns = statement.column_count();
        let mut rows = statement.query(parameters).map_err(failed)?;
        let mut records = Vec::new();
        while let Some(row) = rows.next().map_err(failed)? {
            let text = |column: usize| {
                let text = row.get_ref(column).map_err(failed)?;
                text.as_str().map_err(|it| StoreError::Damaged(it.to_string()))
            };
            let key = (0..columns - 1).map(text).collect::<Result<Vec<_>, _>>()?;
            let json = unseal(&key, text(columns - 1)?)?;
            records.push(serde_json::from_str(json).map_err(unreadable)?);
        }
        Ok(records)
    }
}

impl StateStore for SqliteStore {
    fn stacks(&self) -> Result<Vec<StackRecord>, StoreError> {
        self.records("SELECT stack_id, record FROM stacks ORDER BY stack_id", [])
    }

    fn tree(&self, root_id: &str) -> Result<Vec<StackRecord>, StoreError> {
        let query = "SELECT stack_id, record FROM stacks WHERE root_id = ?1 ORDER BY stack_id";
        self.records(query, [root_id])
    }

    fn resources(&self, stack_id: &str) -> Result<Vec<ResourceRecord>, StoreError> {
        let query = "SELECT stack_id, logical_id, record FROM resources WHERE stack_id = ?1
                     ORDER BY logical_id";
        self.records(query, [stack_id])
    }

    fn exports(&self, account: &str, region: &str) -> Result<Vec<ExportRecord>, StoreError> {
        let query = "SELECT account, region, name, record FROM exports
                     WHERE account = ?1 AND region = ?2 ORDER BY name";
        self.records(query, [account, region])
    }

    fn imports(&self, account: &str, region: &str) -> Result<Vec<ImportRecord>, StoreError> {
        let query = "
            SELECT account, region, name, stack_name, stack_id, record
            FROM imports WHERE account = ?1 AND region = ?2
            ORDER BY name, stack_name, stack_id";
        self.records(query, [account, region])
    }

    fn change_sets(&self) -> Result<Vec<ChangeSetRecord>, StoreError> {
        self.records("SELECT id, record FROM change_sets ORDER BY position", [])
    }

    fn change_set(&self, id: &str) -> Result<Option<ChangeSetRecord>, StoreError> {
        Ok(self.records("SELECT id, record FROM change_sets WHERE id = ?1", [id])?.pop())
    }

    fn operation(&self, id: &str) -> Result<Option<OperationRecord>, StoreError> {
        Ok(self.records("SELECT id, record FROM operations WHERE id = ?1", [id])?.pop())
    }

    fn last_operation(&self) -> Result<Option<OperationRecord>, StoreError> {
        let query = "SELECT id, record FROM operations ORDER BY position DESC LIMIT 1";
        Ok(self.records(query, [])?.pop())
    }

    fn text(&self, digest: &str) -> Result<Option<String>, StoreError> {
        let connection = locked(&self.connection);
        let query = "SELECT text FROM texts WHERE digest = ?1";
        let text = connection.query_row(query, [digest], |row| row.get::<_, String>(0));
        match text.optional().map_err(failed)? {
            Some(text) if identity::digest(&text) != digest => {
                Err(StoreError::Damaged(format!("the text {digest} was altered")))
            }
            text => Ok(text),
        }
    }

    fn events(&self, root_id: Option<&str>, after: u64) -> Result<Vec<Event>, StoreError> {
        let after = i64::try_from(after).unwrap_or(i64::MAX);
        match root_id {
            Some(root_id) => self.records(
                "SELECT root_id, record FROM events WHERE root_id = ?1 AND sequence > ?2 ORDER BY sequence",
                params![root_id, after],
            ),
            None => self.records(
                "SELECT root_id, record FROM events WHERE sequence > ?1 ORDER BY sequence",
                [after],
            ),
        }
    }

    fn last_sequence(&self) -> Result<u64, StoreError> {
        let connection = locked(&self.connection);
        let last: Option<i64> = connection
            .query_row("SELECT max(sequence) FROM events", [], |row| row.get(0))
            .map_err(failed)?;
        Ok(last.and_then(|it| u64::try_from(it).ok()).unwrap_or(0))
    }

    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let mut connection = locked(&self.connection);
        let transaction = connection.transaction().map_err(failed)?;
        for change in changes {
            apply(&transaction, *change)?;
        }
        transaction.commit().map_err(failed)
    }
}

fn sealed<T: serde::Serialize>(key: &[&str], record: &T) -> Result<String, StoreError> {
    Ok(seal(key, serde_json::to_string(record).map_err(unreadable)?))
}

fn apply(to: &Connection, change: Change<'_>) -> Result<(), StoreError> {
    let run = |query: &str, parameters: &[&dyn rusqlite::ToSql]| {
        let mut statement = to.prepare_cached(query).map_err(failed)?;
        statement.execute(parameters).map_err(failed).map(|_| ())
    };
    match change {
        Change::Stack(it) => run(
            "INSERT OR REPLACE INTO stacks VALUES (?1, ?2, ?3)",
            &[&it.stack_id, &it.root_id, &sealed(&[&it.stack_id], it)?],
        ),
        Change::Resource(stack_id, it) => run(
            "INSERT OR REPLACE INTO resources VALUES (?1, ?2, ?3)",
            &[&stack_id, &it.logical_id, &sealed(&[stack_id, &it.logical_id], it)?],
        ),
        Change::NoResources(stack_id) => {
            run("DELETE FROM resources WHERE stack_id = ?1", &[&stack_id])
        }
        Change::Export(it) => run(
            "INSERT OR REPLACE INTO exports VALUES (?1, ?2, ?3, ?4)",
            &[
                &it.account,
                &it.region,
                &it.name,
                &sealed(&[&it.account, &it.region, &it.name], it)?,
            ],
        ),
        Change::NoExport(it) => run(
            "DELETE FROM exports WHERE account = ?1 AND region = ?2 AND name = ?3",
            &[&it.account, &it.region, &it.name],
        ),
        Change::Import(it) => run(
            "INSERT OR REPLACE INTO imports VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &[
                &it.account,
                &it.region,
                &it.name,
                &it.stack_name,
                &it.stack_id,
                &sealed(&[&it.account, &it.region, &it.name, &it.stack_name, &it.stack_id], it)?,
            ],
        ),
        Change::NoImport(it) => run(
            "DELETE FROM imports WHERE account = ?1 AND region = ?2 AND name = ?3
             AND stack_name = ?4 AND stack_id = ?5",
            &[&it.account, &it.region, &it.name, &it.stack_name, &it.stack_id],
        ),
        Change::ChangeSet(it) => run(
            "INSERT INTO change_sets (id, record) VALUES (?1, ?2)
             ON CONFLICT (id) DO UPDATE SET record = excluded.record",
            &[&it.id, &sealed(&[&it.id], it)?],
        ),
        Change::Operation(it) => run(
            "INSERT INTO operations (id, record) VALUES (?1, ?2)
             ON CONFLICT (id) DO UPDATE SET record = excluded.record",
            &[&it.id, &sealed(&[&it.id], it)?],
        ),
        Change::Text(digest, text) => {
            run("INSERT OR IGNORE INTO texts VALUES (?1, ?2)", &[&digest, &text])
        }
        Change::Event(it) => {
            let sequence = i64::try_from(it.sequence).unwrap_or(i64::MAX);
            run(
                "INSERT OR REPLACE INTO events VALUES (?1, ?2, ?3)",
                &[&sequence, &it.root_id, &sealed(&[&it.root_id], it)?],
            )
        }
    }
}
