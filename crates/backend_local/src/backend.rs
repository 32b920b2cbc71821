//! The embedded backend as a whole.

use crate::database::{Unusable, in_memory, last_time, open, open_read_only};
use crate::faults::Fault;
use crate::lock::{Holder, Lock, NotLocked};
use crate::provider::LocalProvider;
use crate::store::SqliteStore;
use crate::world::{Thing, World};
use kumiki_engine::{
    Backend, ChangeSetRecord, ChangeSetRequest, Clock, CreateChangeSetError, DriftRecord, Engine,
    Event, ExecuteError, ExecuteOptions, ExportRecord, ImportRecord, Observe, OperationRecord,
    Outcome, ResourceRecord, StackError, StackRecord, StateStore, StoreError,
};
use kumiki_plan::Current;
use kumiki_project::{Given, RehearsalConfig};
use kumiki_source::{Message, message};
use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// How the backend behaves.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What fails on purpose.
    pub faults: Vec<Fault>,
    /// What is there besides what the stacks make.
    pub rehearsal: RehearsalConfig,
}

/// The embedded backend.
pub struct LocalBackend {
    engine: Engine<SqliteStore, LocalProvider, Forward>,
    _lock: Option<Lock>,
}

impl fmt::Debug for LocalBackend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalBackend").finish_non_exhaustive()
    }
}

/// A clock that does not go back behind what is recorded: the order of events is that of their times.
struct Forward {
    clock: Box<dyn Clock>,
    recorded: u64,
}

impl Clock for Forward {
    fn now(&self) -> u64 {
        self.clock.now().max(self.recorded)
    }
}

/// Why the state cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process is at work.
    Busy {
        /// Who, if it could be read.
        holder: Option<Holder>,
    },
    /// A newer version of this program wrote the state.
    Newer {
        /// The state file.
        path: PathBuf,
        /// Its version.
        version: i64,
    },
    /// The state file is damaged.
    Damaged {
        /// The state file.
        path: PathBuf,
        /// In what way.
        what: String,
    },
    /// The folder or a file in it cannot be used.
    Io {
        /// The folder or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database cannot be used.
    Database {
        /// The state file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpenError {
    /// The error in words.
    pub fn message(&self) -> Message {
        match self {
            Self::Busy { holder: Some(Holder { pid, command, since }) } => message!(
                "`{command}` is at work: process {pid}, since {since}",
                command,
                pid,
                since = utc(*since)
            ),
            Self::Busy { holder: None } => message!("another process is at work"),
            Self::Newer { path, version } => message!(
                "`{path}` was written by a newer Kumiki (state version {version}); nothing was changed",
                path = path.display(),
                version
            ),
            Self::Damaged { path, what } => message!(
                "`{path}` is damaged ({what}); nothing was changed",
                path = path.display(),
                what
            ),
            Self::Io { path, source } => {
                message!("`{path}` cannot be used: {source}", path = path.display(), source)
            }
            Self::Database { path, source } => {
                message!("`{path}` cannot be used: {source}", path = path.display(), source)
            }
        }
    }
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message().fmt(f)
    }
}

/// A time as RFC 3339 in UTC, to the second.
fn utc(milliseconds: u64) -> String {
    let time = i64::try_from(milliseconds).ok().and_then(chrono::DateTime::from_timestamp_millis);
    time.map(|it| it.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)).unwrap_or_default()
}

impl LocalBackend {
    /// Opens the state in `folder` for writing, creating both, and locks it until the backend is
    /// dropped or the process ends. `command` is shown to others who find it locked.
    ///
    /// # Errors
    /// When another process has the lock, or the state cannot be used; nothing was changed.
    pub fn open(
        folder: &Path,
        clock: Box<dyn Clock>,
        command: &str,
        options: Options,
    ) -> Result<Self, OpenError> {
        create(folder)?;
        let at = folder.join("lock");
        let lock = match Lock::take(&at, command, clock.now()) {
            Ok(lock) => lock,
            Err(NotLocked::Held(holder)) => return Err(OpenError::Busy { holder }),
            Err(NotLocked::Failed(source)) => return Err(OpenError::Io { path: at, source }),
        };
        let path = folder.join("state.db");
        let connection = open(&path).map_err(|error| unusable(path.clone(), error))?;
        Self::over(connection, clock, options, Some(lock)).map_err(|error| unusable(path, error))
    }

    /// Opens the state in `folder` for reading only, also while another process is at work.
    /// Without a state there are no stacks.
    ///
    /// # Errors
    /// When the state cannot be used.
    pub fn open_read_only(folder: &Path, clock: Box<dyn Clock>) -> Result<Self, OpenError> {
        let path = folder.join("state.db");
        open_read_only(&path)
            .and_then(|it| Self::over(it, clock, Options::default(), None))
            .map_err(|error| unusable(path, error))
    }

    /// A backend whose state is gone with it.
    ///
    /// # Errors
    /// When the database cannot be used.
    pub fn in_memory(clock: Box<dyn Clock>, options: Options) -> Result<Self, OpenError> {
        in_memory()
            .and_then(|it| Self::over(it, clock, options, None))
            .map_err(|error| unusable(PathBuf::new(), error))
    }

    /// From now on, this is what fails on purpose.
    pub fn set_faults(&mut self, faults: Vec<Fault>) {
        self.engine.provider.options.faults = faults;
    }

    /// Everything in the world: its account, Region, type and physical ID, and itself.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub fn things(&mut self) -> Result<impl Iterator<Item = ([&str; 4], &Thing)>, StoreError> {
        let world = &mut self.engine.provider.world;
        world.load()?;
        Ok(world.things())
    }

    /// The records themselves, for those who tell more of them than a [`Backend`] does.
    pub fn records(&self) -> &dyn StateStore {
        &self.engine.store
    }

    /// Alters the properties of a resource behind the engine's back, or deletes the resource where
    /// there is nothing to alter them with. Whether there was one.
    ///
    /// # Errors
    /// When the state cannot be used.
    pub fn tamper(
        &mut self,
        stack: &StackRecord,
        resource: &ResourceRecord,
        alter: Option<&dyn Fn(&mut serde_json::Value)>,
    ) -> Result<bool, StoreError> {
        let settled = &resource.settled;
        let place = (stack.account.as_str(), stack.region.as_str());
        self.engine.provider.tamper(place, &settled.type_name, &settled.physical_id, |mut thing| {
            alter?(&mut thing.properties);
            Some(thing)
        })
    }

    fn over(
        connection: rusqlite::Connection,
        clock: Box<dyn Clock>,
        options: Options,
        lock: Option<Lock>,
    ) -> Result<Self, Unusable> {
        // Large: one commit may hold thousands of records.
        connection.set_prepared_statement_cache_capacity(64);
        let recorded = last_time(&connection)?;
        let connection = Arc::new(Mutex::new(connection));
        let store = SqliteStore::new(connection.clone());
        let provider = LocalProvider::new(World::new(connection), options);
        let clock = Forward { clock, recorded };
        Ok(Self { engine: Engine { store, provider, clock }, _lock: lock })
    }
}

fn create(folder: &Path) -> Result<(), OpenError> {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(folder) {
        Err(source) if source.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => {
            Err(OpenError::Io { path: folder.to_owned(), source })
        }
        _ => Ok(()),
    }
}

fn unusable(path: PathBuf, error: Unusable) -> OpenError {
    match error {
        Unusable::Newer(version) => OpenError::Newer { path, version },
        Unusable::Damaged(what) => OpenError::Damaged { path, what },
        Unusable::Failed(error) => OpenError::Database { path, source: Box::new(error) },
    }
}

impl Backend for LocalBackend {
    fn clock_behind(&self) -> Option<u64> {
        let Forward { clock, recorded } = &self.engine.clock;
        recorded.checked_sub(clock.now()).filter(|it| *it > 0)
    }

    fn current(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
    ) -> Result<Current, StoreError> {
        self.engine.current(stack_name, account, region)
    }

    fn create_change_set(
        &mut self,
        request: &ChangeSetRequest<'_>,
    ) -> Result<ChangeSetRecord, CreateChangeSetError> {
        self.engine.create_change_set(request)
    }

    fn execute_change_set(
        &mut self,
        id: &str,
        options: &ExecuteOptions,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, ExecuteError> {
        self.engine.execute_change_set(id, options, given, observe)
    }

    fn change_set_plan(&self, id: &str) -> Result<Option<serde_json::Value>, StoreError> {
        self.engine.change_set_plan(id)
    }

    fn recorded_text(&self, digest: &str) -> Result<Option<String>, StoreError> {
        self.engine.recorded_text(digest)
    }

    fn delete_change_set(&mut self, id: &str) -> Result<(), ExecuteError> {
        self.engine.delete_change_set(id)
    }

    fn unfinished(&self) -> Result<Option<OperationRecord>, StoreError> {
        self.engine.unfinished()
    }

    fn resume(
        &mut self,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Option<Outcome>, ExecuteError> {
        self.engine.resume(given, observe)
    }

    fn delete_stack(
        &mut self,
        stack_id: &str,
        retain: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.engine.delete_stack(stack_id, retain, observe)
    }

    fn rollback_stack(
        &mut self,
        stack_id: &str,
        retain_except_on_create: bool,
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.engine.rollback_stack(stack_id, retain_except_on_create, observe)
    }

    fn continue_rollback(
        &mut self,
        stack_id: &str,
        skip: &[String],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.engine.continue_rollback(stack_id, skip, observe)
    }

    fn cancel_update(
        &mut self,
        stack_id: &str,
        given: &[Given],
        observe: &mut Observe<'_>,
    ) -> Result<Outcome, StackError> {
        self.engine.cancel_update(stack_id, given, observe)
    }

    fn set_stack_policy(&mut self, stack_id: &str, policy: &str) -> Result<(), StackError> {
        self.engine.set_stack_policy(stack_id, policy)
    }

    fn set_termination_protection(
        &mut self,
        stack_id: &str,
        protected: bool,
    ) -> Result<(), StackError> {
        self.engine.set_termination_protection(stack_id, protected)
    }

    fn detect_drift(&mut self, stack_id: &str) -> Result<DriftRecord, StackError> {
        self.engine.detect_drift(stack_id)
    }

    fn template(&self, stack_id: &str) -> Result<Option<String>, StoreError> {
        self.engine.template(stack_id)
    }

    fn events(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
        after: u64,
    ) -> Result<Vec<Event>, StoreError> {
        self.engine.events(stack_name, account, region, after)
    }

    fn stacks(&self) -> Result<Vec<StackRecord>, StoreError> {
        self.engine.stacks()
    }

    fn resources(&self, stack_id: &str) -> Result<Vec<ResourceRecord>, StoreError> {
        self.engine.resources(stack_id)
    }

    fn exports(&self, account: &str, region: &str) -> Result<Vec<ExportRecord>, StoreError> {
        self.engine.exports(account, region)
    }

    fn imports(&self, account: &str, region: &str) -> Result<Vec<ImportRecord>, StoreError> {
        self.engine.imports(account, region)
    }

    fn change_sets(
        &self,
        stack_name: &str,
        account: &str,
        region: &str,
    ) -> Result<Vec<ChangeSetRecord>, StoreError> {
        self.engine.change_sets(stack_name, account, region)
    }
}

#[cfg(test)]
mod tests {
    use super::utc;

    #[test]
    fn times_are_read_by_people() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(1_795_478_399_000), "2026-11-23T23:59:59Z");
        assert_eq!(utc(1_709_164_800_000), "2024-02-29T00:00:00Z");
    }
}
