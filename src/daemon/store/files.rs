//! The files of a history: who holds the folder, who may read, and copies.

use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use rusqlite::backup::Backup;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::BUSY_TIME;
use crate::folders;
use crate::transient::Transient;

/// How long looking through a history may take. An operator waits for it.
const CHECK_TIME: Duration = Duration::from_secs(2);

/// Held by the daemon that uses the folder.
const LOCK: &str = "lock";

/// Takes a state folder for this process, until the file is dropped.
///
/// # Errors
/// Another daemon has it, or nothing can be written there.
pub(super) fn lock(folder: &Path) -> anyhow::Result<File> {
    let shown = folder.display();
    let lock = folders::open_private(&folder.join(LOCK))
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
    let source = open_reader(from)?;
    let mut copy = Connection::open(to)?;
    // In one step: in several, it would begin again whenever something is said meanwhile.
    Backup::new(&source, &mut copy)?.step(-1)?;
    // Where it takes the place of the original, what was said since is lost: a new epoch has to
    // begin, as if the power had been cut.
    copy.execute("UPDATE meta SET running = 1, power = 0", [])?;
    // A copy can be given away, and is nobody's business who was sanctioned where.
    copy.pragma_update(None, "secure_delete", "ON")?;
    copy.execute("DELETE FROM aliases WHERE alias LIKE 'address:%'", [])?;
    // The copy is one file, with nothing beside it.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    Ok(())
}

/// Looks through a history, for a few seconds at the most. Gives whether it came to the end.
///
/// # Errors
/// What is wrong with it.
pub fn check(path: &Path) -> Result<bool, String> {
    let mut db = open_reader(path).map_err(|error| error.to_string())?;
    let begun = Instant::now();
    db.progress_handler(10_000, Some(move || begun.elapsed() > CHECK_TIME))
        .map_err(|error| error.to_string())?;
    match db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)) {
        Ok(outcome) if outcome == "ok" => Ok(true),
        Ok(problem) => Err(problem),
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::OperationInterrupted) => {
            Ok(false)
        }
        Err(error) => Err(error.to_string()),
    }
}

/// The size of the files of a history, in bytes.
pub fn size(path: &Path) -> u64 {
    let wal = path.with_extension("sqlite-wal");
    [path, &wal].iter().filter_map(|path| fs::metadata(path).ok()).map(|found| found.len()).sum()
}
