//! Copying the write-ahead log into the database, off the path on which messages are shown.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;

use super::{BUSY_TIME, StoreFailure};

/// Whenever the write-ahead log has grown by so many pages of 4 KiB, it is copied: 8 MiB.
const COPY_EVERY: u32 = 2048;

/// When it has grown to this, it is to be begun anew: 64 MiB. Under constant load that never comes
/// about by itself. It happens on the path on which messages are stored, and so at a moment when
/// almost all is copied.
const LARGE: u32 = 16_384;
const ALMOST_ALL: u32 = 512;

/// When it has grown to this nevertheless, writing waits until it is copied: 256 MiB.
const TOO_LARGE: u32 = 65_536;

/// How long emptying the write-ahead log may wait for readers.
const TRUNCATE_TIME: Duration = Duration::from_millis(200);

/// A thread that copies when it is told to.
pub struct Keeper {
    pages: Arc<Pages>,
    /// How large the write-ahead log was when the thread was told to copy it.
    told_at: u32,
    wake: SyncSender<()>,
}

/// The size of the write-ahead log, and how much of it is copied, in pages.
#[derive(Default)]
struct Pages {
    written: AtomicU32,
    copied: AtomicU32,
}

impl Keeper {
    /// Starts the thread, for a log that `writer` writes; `on_failure` is told when the disk fails
    /// under it.
    ///
    /// # Errors
    /// The file cannot be opened, or the system has no thread to give.
    pub fn start(
        path: &Path,
        writer: &mut Connection,
        on_failure: impl Fn(StoreFailure) + Send + 'static,
    ) -> anyhow::Result<Keeper> {
        let db = Connection::open(path)?;
        db.busy_timeout(BUSY_TIME)?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        let pages = Arc::new(Pages::default());
        let (wake, woken) = sync_channel(1);
        let of_thread = pages.clone();
        thread::Builder::new().name("keeper".to_owned()).spawn(move || {
            while woken.recv().is_ok() {
                match checkpoint(&db, "PASSIVE") {
                    Ok(copied) => of_thread.copied.store(copied, Relaxed),
                    Err(failure) => on_failure(failure),
                }
            }
        })?;
        let of_hook = pages.clone();
        writer.wal_hook(Some(move |_: &mut Wal, written: i32| {
            of_hook.written.store(written.unsigned_abs(), Relaxed);
            Ok(())
        }))?;
        Ok(Keeper { pages, told_at: 0, wake })
    }

    /// Looks after the write-ahead log, over the connection of the writer where it cannot wait.
    ///
    /// # Errors
    /// The disk failed.
    pub fn look_after(&mut self, writer: &Connection) -> Result<(), StoreFailure> {
        let written = self.pages.written.load(Relaxed);
        if written < self.told_at {
            // It was begun anew.
            self.told_at = 0;
            self.pages.copied.store(0, Relaxed);
        }
        let left = written.saturating_sub(self.pages.copied.load(Relaxed));
        if written >= TOO_LARGE || (written >= LARGE && left < ALMOST_ALL) {
            checkpoint(writer, "RESTART")?;
            return Ok(());
        }
        // Once it is large the moment at which almost all is copied has to come.
        if written - self.told_at >= COPY_EVERY || (written >= LARGE && left >= ALMOST_ALL) {
            self.told_at = written;
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
        outcome.map(drop)
    }
}

/// Gives how many pages of the write-ahead log are copied.
fn checkpoint(db: &Connection, mode: &str) -> Result<u32, StoreFailure> {
    // Whether all of it could be copied does not matter; the next time brings more.
    match db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get::<_, i32>(2)) {
        Ok(copied) => Ok(u32::try_from(copied).unwrap_or(0)),
        Err(error) => match StoreFailure::from(error) {
            StoreFailure::Passing(_) => Ok(0),
            failure => Err(failure),
        },
    }
}
