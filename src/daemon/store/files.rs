//! The files of a history: the lock of the folder, readers, and copies.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rusqlite::backup::Backup;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::{BUSY_TIME, mark};
use crate::private;
use crate::transient::Transient;

/// Locked by the daemon that uses the folder.
const LOCK: &str = "lock";

/// The number of potentially long reads that are in progress in this process.
static READING: AtomicUsize = AtomicUsize::new(0);

/// Counts as a read in progress until it is dropped.
pub(super) struct Reading(());

impl Reading {
    pub(super) fn begin() -> Reading {
        READING.fetch_add(1, Relaxed);
        Reading(())
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        READING.fetch_sub(1, Relaxed);
    }
}

/// Whether this process is reading a history.
pub(super) fn is_being_read() -> bool {
    READING.load(Relaxed) > 0
}

/// Locks a state folder for this process, until the file is dropped.
///
/// # Errors
/// Another daemon uses it, or it cannot be written.
pub(super) fn lock(folder: &Path) -> anyhow::Result<File> {
    let shown = folder.display();
    let lock = private::open(&folder.join(LOCK))
        .with_context(|| format!("cannot write to the state folder {shown}"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        // It may be the previous process, which is about to end.
        Err(TryLockError::WouldBlock) => Err(anyhow!(Transient(format!(
            "another chatroomd uses the state folder {shown}. Stop it, or give this one its own \
             [paths] state"
        )))),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock the state folder {shown}"))
        }
    }
}

/// Opens a read-only connection.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY_TIME)?;
    Ok(db)
}

/// Copies a history with SQLite's backup interface: a snapshot.
///
/// # Errors
/// It cannot be read, or the copy cannot be written.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let _reading = Reading::begin();
    let source = open_reader(from)?;
    drop(private::open(to)?);
    let mut copy = Connection::open(to)?;
    // In one step: a copy in several steps restarts whenever something is written in the meantime.
    Backup::new(&source, &mut copy)?.step(-1)?;
    // If the copy replaces the original, the records since are lost. So a new epoch has to begin, as
    // after a power cut.
    copy.execute("UPDATE meta SET running = 1, power = 0", [])?;
    // A copy may be given away, and must not show the sanctioned addresses of users.
    copy.pragma_update(None, "secure_delete", "ON")?;
    copy.execute("DELETE FROM aliases WHERE alias LIKE 'address:%'", [])?;
    mark::set_apart(&copy)?;
    // The copy is a single file, without companions.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

/// The result of [`check`].
pub enum Integrity {
    Whole,
    /// The time was not sufficient.
    Unfinished,
    Damaged(String),
}

/// Checks whether a history is damaged, within a time limit.
///
/// # Errors
/// It cannot be read, which does not mean that it is damaged.
pub fn check(path: &Path, time: Duration) -> rusqlite::Result<Integrity> {
    let _reading = Reading::begin();
    let outcome = open_reader(path).and_then(|mut db| {
        let begun = Instant::now();
        db.progress_handler(10_000, Some(move || begun.elapsed() > time))?;
        db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0))
    });
    match outcome {
        Ok(outcome) if outcome == "ok" => Ok(Integrity::Whole),
        Ok(problem) => Ok(Integrity::Damaged(problem)),
        Err(error) => match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Ok(Integrity::Unfinished),
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Ok(Integrity::Damaged(error.to_string()))
            }
            _ => Err(error),
        },
    }
}

/// The size of the files of a history, and of the write-ahead log among them, in bytes.
pub fn size(path: &Path) -> (u64, u64) {
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let log = length(&beside(path, "-wal"));
    (length(path) + log, log)
}

/// The companion file of a database whose name has this ending.
pub(super) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
