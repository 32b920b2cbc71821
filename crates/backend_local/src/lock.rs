//! One writer at a time.

use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Who holds the lock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The process.
    pub pid: u32,
    /// Its command line.
    pub command: String,
    /// Since when: milliseconds since 1970, UTC.
    pub since: u64,
}

/// The lock, held until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

/// Why the lock was not taken.
#[derive(Debug)]
pub(crate) enum NotLocked {
    /// Another process holds it.
    Held(Option<Holder>),
    /// The system refuses.
    Failed(std::io::Error),
}

impl Lock {
    /// Takes the lock, or says who has it.
    pub(crate) fn take(path: &Path, command: &str, now: u64) -> Result<Self, NotLocked> {
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(NotLocked::Failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                // The holder may be writing it just now.
                let _ = file.read_to_string(&mut text);
                return Err(NotLocked::Held(serde_json::from_str(&text).ok()));
            }
            Err(TryLockError::Error(error)) => return Err(NotLocked::Failed(error)),
        }
        let holder = Holder { pid: std::process::id(), command: command.to_owned(), since: now };
        let text = serde_json::to_string(&holder).unwrap_or_default();
        file.set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(text.as_bytes()))
            .map_err(NotLocked::Failed)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing it would do as well.
        let _ = self.file.set_len(0);
        let _ = self.file.unlock();
    }
}
