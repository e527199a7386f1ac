//! Copying the write-ahead log into the database, off the path on which messages are shown.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;

use super::{BUSY_TIME, StoreFailure};

/// When the write-ahead log has grown to this, in bytes, it is time to copy it.
const LARGE: u64 = 4 << 20;

/// When it has grown to this although it is copied, writing waits until it is copied and begun
/// anew: under constant load that never comes about by itself.
const TOO_LARGE: u64 = 64 << 20;

/// How long emptying the write-ahead log may wait for readers.
const TRUNCATE_TIME: Duration = Duration::from_millis(200);

/// A thread that copies when it is told to.
pub struct Keeper {
    wal: PathBuf,
    wake: SyncSender<()>,
}

impl Keeper {
    /// Starts the thread; `on_failure` is told when the disk fails under it.
    ///
    /// # Errors
    /// The file cannot be opened, or the system has no thread to give.
    pub fn start(
        path: &Path,
        on_failure: impl Fn(StoreFailure) + Send + 'static,
    ) -> anyhow::Result<Keeper> {
        let db = Connection::open(path)?;
        db.busy_timeout(BUSY_TIME)?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        let (wake, woken) = sync_channel(1);
        thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            while woken.recv().is_ok() {
                if let Err(failure) = checkpoint(&db, "PASSIVE") {
                    on_failure(failure);
                }
            }
        })?;
        Ok(Keeper { wal: path.with_extension("sqlite-wal"), wake })
    }

    /// Looks after the write-ahead log, over the connection of the writer where it cannot wait.
    ///
    /// # Errors
    /// The disk failed.
    pub fn look_after(&self, db: &Connection) -> Result<(), StoreFailure> {
        let size = fs::metadata(&self.wal).map_or(0, |found| found.len());
        if size > TOO_LARGE {
            return checkpoint(db, "RESTART");
        }
        if size > LARGE {
            // If it is at it already, so much the better.
            let _ = self.wake.try_send(());
        }
        Ok(())
    }

    /// Copies all of the write-ahead log, over the connection of the writer, and empties it. A
    /// reader that stays in the way for long is not waited for.
    ///
    /// # Errors
    /// The disk failed.
    pub fn truncate(&self, db: &Connection) -> Result<(), StoreFailure> {
        db.busy_timeout(TRUNCATE_TIME)?;
        let outcome = checkpoint(db, "TRUNCATE");
        db.busy_timeout(BUSY_TIME)?;
        outcome
    }
}

fn checkpoint(db: &Connection, mode: &str) -> Result<(), StoreFailure> {
    // Whether all of it could be copied does not matter; the next time brings more.
    match db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(())) {
        Ok(()) => Ok(()),
        Err(error) => match StoreFailure::from(error) {
            StoreFailure::Passing(_) => Ok(()),
            failure => Err(failure),
        },
    }
}
