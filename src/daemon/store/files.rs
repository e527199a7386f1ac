//! The files of a history: who holds the folder, who may read, and copies.

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

/// Held by the daemon that uses the folder.
const LOCK: &str = "lock";

/// How often this process is reading a history at present, where that may take long.
static READING: AtomicUsize = AtomicUsize::new(0);

/// Something in this process reads a history, until this is dropped.
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

/// Whether something in this process is reading a history.
pub(super) fn is_being_read() -> bool {
    READING.load(Relaxed) > 0
}

/// Takes a state folder for this process, until the file is dropped.
///
/// # Errors
/// Another daemon has it, or nothing can be written there.
pub(super) fn lock(folder: &Path) -> anyhow::Result<File> {
    let shown = folder.display();
    let lock = private::open(&folder.join(LOCK))
        .with_context(|| format!("cannot write in the state folder {shown}"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        // It may be the process before, which is about to end.
        Err(TryLockError::WouldBlock) => Err(anyhow!(Transient(format!(
            "another chatroomd uses the state folder {shown}. Stop it, or give this one its own \
             [paths] state"
        )))),
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock the state folder {shown}"))
        }
    }
}

/// A connection that can only read.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(BUSY_TIME)?;
    Ok(db)
}

/// Copies a history, all of it as it is at one moment, over SQLite's backup interface.
///
/// # Errors
/// It cannot be read, or the copy cannot be written.
pub fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let _reading = Reading::begin();
    let source = open_reader(from)?;
    drop(private::open(to)?);
    let mut copy = Connection::open(to)?;
    // In one step: in several, it would begin again whenever something is said meanwhile.
    Backup::new(&source, &mut copy)?.step(-1)?;
    // Where it takes the place of the original, what was said since is lost: a new epoch has to
    // begin, as if the power had been cut.
    copy.execute("UPDATE meta SET running = 1, power = 0", [])?;
    // A copy can be given away, and is nobody's business who was sanctioned where.
    copy.pragma_update(None, "secure_delete", "ON")?;
    copy.execute("DELETE FROM aliases WHERE alias LIKE 'address:%'", [])?;
    mark::set_apart(&copy)?;
    // The copy is one file, with nothing beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

/// What looking through a history has shown.
pub enum Integrity {
    Whole,
    /// There was not time enough.
    Unfinished,
    Damaged(String),
}

/// Looks through a history, for so long at the most.
///
/// # Errors
/// It cannot be looked through, which says nothing of what is in it.
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

/// The size of the files of a history, and that of its write-ahead log among them, in bytes.
pub fn size(path: &Path) -> (u64, u64) {
    let length = |path: &Path| fs::metadata(path).map_or(0, |found| found.len());
    let log = length(&beside(path, "-wal"));
    (length(path) + log, log)
}

/// The companion of a database with this at the end of its name.
pub(super) fn beside(database: &Path, ending: &str) -> PathBuf {
    let mut name = database.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
