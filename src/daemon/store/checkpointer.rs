//! Maintains the write-ahead log, so that storing a message never waits for a checkpoint.
//!
//! A thread copies the log into the database and empties it. It never waits for another process. If one
//! is in the way, it tries again every second.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::Connection;
use rusqlite::hooks::Wal;
use tracing::{info, warn};

use super::files::is_being_read;
use super::{StoreFailure, mark};

/// The number of pages of 4 KiB by which the log grows between two copies (8 MiB). If the room is
/// quiet, a log of this size is also emptied.
const COPY_EVERY: u32 = 2048;

/// A log of this size (64 MiB) is emptied as soon as almost all of it is copied.
const LARGE: u32 = 16_384;
const ALMOST_ALL: u32 = 512;

/// If the log grows to this size (256 MiB), the room waits until it is copied, unless a reader is in the
/// way.
const TOO_LARGE: u32 = 65_536;

/// The time between two rounds while something is left to do.
const AGAIN: Duration = Duration::from_secs(1);

/// For how many rounds a reader has to be in the way before that is logged.
const BLOCKED_ROUNDS: u32 = 2;

/// The maximum time for which the last checkpoint waits for readers.
const LAST_TIME: Duration = Duration::from_millis(200);

/// The state of the write-ahead log, shared by the writer and the thread. Sizes are in pages.
#[derive(Default)]
pub struct Log {
    written: AtomicU32,
    copied: AtomicU32,
    /// The log has been restarted and contains no mark yet; see [`mark`].
    needs_mark: AtomicBool,
    /// The log has to be emptied, however small it is.
    is_to_be_emptied: AtomicBool,
    /// Another process keeps the log from being emptied.
    is_blocked: AtomicBool,
    /// Locked while something writes.
    writing: Mutex<()>,
}

impl Log {
    /// Waits until nothing else in this process writes.
    pub fn begin_writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the next transaction has to put a mark into the log.
    pub fn needs_mark(&self) -> bool {
        self.needs_mark.load(Relaxed)
    }

    /// Sets whether the next transaction has to put a mark into the log.
    pub fn set_needs_mark(&self, needs_mark: bool) {
        self.needs_mark.store(needs_mark, Relaxed);
    }

    /// Whether another process keeps the log from being emptied.
    pub fn is_blocked(&self) -> bool {
        self.is_blocked.load(Relaxed)
    }

    /// Notes the size of the log after a transaction.
    fn note_written(&self, pages: u32) {
        let before = self.written.swap(pages, Relaxed);
        if pages <= before {
            // SQLite has restarted the log, because all of it was copied.
            self.copied.store(0, Relaxed);
            self.set_needs_mark(true);
        }
    }
}

/// Wakes the thread.
pub struct Checkpointer {
    pub log: Arc<Log>,
    /// The size of the log when the thread was last told to copy it.
    told_at: u32,
    wake: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl Checkpointer {
    /// Starts the thread, for the log that `writer` writes. `on_failure` is called if the disk fails.
    ///
    /// # Errors
    /// The file cannot be opened, or the thread cannot be started.
    pub fn start(
        path: &Path,
        writer: &mut Connection,
        on_failure: impl Fn(StoreFailure) + Send + 'static,
    ) -> anyhow::Result<Checkpointer> {
        let db = Connection::open(path)?;
        db.busy_timeout(Duration::ZERO)?;
        db.pragma_update(None, "synchronous", "FULL")?;
        db.pragma_update(None, "secure_delete", "ON")?;
        db.pragma_update(None, "wal_autocheckpoint", 0)?;
        let log = Arc::new(Log::default());
        let (wake, woken) = sync_channel(1);
        let mut rounds = CheckpointLoop { db, log: log.clone(), seen: 0, blocked: 0 };
        let thread = thread::Builder::new().name("checkpointer".to_owned()).spawn(move || {
            if let Err(failure) = rounds.run(&woken) {
                on_failure(failure);
            }
        })?;
        let of_hook = log.clone();
        writer.wal_hook(Some(move |_: &mut Wal, written: i32| {
            of_hook.note_written(written.unsigned_abs());
            Ok(())
        }))?;
        Ok(Checkpointer { log, told_at: 0, wake, thread })
    }

    /// Wakes the thread if there is something to copy.
    pub fn look_after(&mut self) {
        let written = self.log.written.load(Relaxed);
        if written < self.told_at {
            // The log has been restarted.
            self.told_at = 0;
        }
        if written - self.told_at >= COPY_EVERY {
            self.told_at = written;
            self.wake();
        }
    }

    /// Has the log emptied as soon as possible, because it contains text that was redacted.
    pub fn empty_soon(&self) {
        self.log.is_to_be_emptied.store(true, Relaxed);
        self.wake();
    }

    fn wake(&self) {
        // If the channel is full, the thread is about to run anyway.
        let _ = self.wake.try_send(());
    }

    /// Ends the thread, then copies all of the log and empties it, with the connection of the writer.
    /// Waits only for a bounded time for readers.
    ///
    /// # Errors
    /// The disk failed.
    pub fn empty_last(self, db: &Connection) -> Result<(), StoreFailure> {
        // The checkpoint needs the thread to have ended. Then only another process can be in the way.
        drop(self.wake);
        let _ = self.thread.join();
        db.busy_timeout(LAST_TIME)?;
        checkpoint(db, "TRUNCATE").map(drop)
    }
}

/// The loop of the thread.
struct CheckpointLoop {
    db: Connection,
    log: Arc<Log>,
    /// The size of the log in the previous round.
    seen: u32,
    /// For how many rounds a reader of another process has been in the way.
    blocked: u32,
}

impl CheckpointLoop {
    /// Runs until the writer is dropped.
    fn run(&mut self, woken: &Receiver<()>) -> Result<(), StoreFailure> {
        let mut is_done = true;
        loop {
            let waited = match is_done {
                true => woken.recv().map_err(|_| RecvTimeoutError::Disconnected),
                false => woken.recv_timeout(AGAIN),
            };
            match waited {
                Ok(()) | Err(RecvTimeoutError::Timeout) => is_done = self.round()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }

    /// Copies as much as possible, and empties the log if it is time. Returns whether nothing is
    /// left to do.
    fn round(&mut self) -> Result<bool, StoreFailure> {
        let log = self.log.clone();
        let is_asked = log.is_to_be_emptied.load(Relaxed);
        let mut is_free = self.copy()?;
        if is_free && log.written.load(Relaxed) >= TOO_LARGE {
            // The log grows faster than it is copied.
            let _writing = log.begin_writing();
            is_free = self.copy()?;
        }
        let written = log.written.load(Relaxed);
        let is_quiet = written == self.seen;
        self.seen = written;
        let left = written.saturating_sub(log.copied.load(Relaxed));
        let is_time = is_asked || written >= LARGE || (written >= COPY_EVERY && is_quiet);
        if is_free && is_time && left < ALMOST_ALL {
            is_free = self.empty()?;
            if is_free && is_asked {
                log.is_to_be_emptied.store(false, Relaxed);
            }
        }
        self.note_blocked(!is_free);
        let written = log.written.load(Relaxed);
        Ok(written < COPY_EVERY && !log.is_to_be_emptied.load(Relaxed))
    }

    /// Copies the part of the log that no reader needs. Returns false if a reader was in the way.
    fn copy(&self) -> Result<bool, StoreFailure> {
        let Checkpoint { is_busy, written, copied } = checkpoint(&self.db, "PASSIVE")?;
        self.log.copied.store(copied, Relaxed);
        Ok(!is_busy && copied >= written)
    }

    /// Empties the log, while the writer waits for a moment. Returns false if a reader, or another
    /// process that writes, was in the way.
    fn empty(&self) -> Result<bool, StoreFailure> {
        let log = &self.log;
        let _writing = log.begin_writing();
        if checkpoint(&self.db, "RESTART")?.is_busy {
            return Ok(false);
        }
        // All of the log is in the database, which gets a mark that no earlier copy has.
        match mark::renew(&self.db).map_err(StoreFailure::from) {
            Ok(()) => {}
            Err(StoreFailure::Passing(_)) => return Ok(false),
            Err(failure) => return Err(failure),
        }
        log.written.store(0, Relaxed);
        log.copied.store(0, Relaxed);
        let is_empty = !checkpoint(&self.db, "TRUNCATE")?.is_busy;
        // If a reader has come in the meantime, the new log begins with that mark, and the database
        // may still have the previous one.
        log.set_needs_mark(is_empty);
        Ok(is_empty)
    }

    /// Notes whether the log could not be copied or emptied, and logs it if that lasts and another process
    /// is the reader.
    fn note_blocked(&mut self, is_blocked: bool) {
        self.blocked = if is_blocked && !is_being_read() { self.blocked + 1 } else { 0 };
        let is_blocked = self.blocked >= BLOCKED_ROUNDS;
        if self.log.is_blocked.swap(is_blocked, Relaxed) == is_blocked {
            return;
        }
        match is_blocked {
            true => warn!(
                event = "log-held",
                "another process is reading the history and keeps its write-ahead log from shrinking"
            ),
            false => info!(event = "log-released", "the write-ahead log can shrink again"),
        }
    }
}

/// Copies all of a log into the database, if nothing is in the way. Returns whether it succeeded.
///
/// # Errors
/// The disk failed.
pub(super) fn copy_all(db: &Connection) -> Result<bool, StoreFailure> {
    Ok(!checkpoint(db, "RESTART")?.is_busy)
}

/// The result of a checkpoint.
struct Checkpoint {
    /// Something was in the way.
    is_busy: bool,
    written: u32,
    copied: u32,
}

fn checkpoint(db: &Connection, mode: &str) -> Result<Checkpoint, StoreFailure> {
    let outcome = db.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| {
        let pages = |column| row.get::<_, i64>(column).map(|it| u32::try_from(it).unwrap_or(0));
        Ok(Checkpoint { is_busy: row.get(0)?, written: pages(1)?, copied: pages(2)? })
    });
    match outcome {
        Ok(outcome) => Ok(outcome),
        Err(error) => match StoreFailure::from(error) {
            // The rest is copied the next time.
            StoreFailure::Passing(_) => Ok(Checkpoint { is_busy: true, written: 0, copied: 0 }),
            failure => Err(failure),
        },
    }
}
