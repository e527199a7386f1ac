//! The history on disk: SQLite in the state folder.
//!
//! The room thread owns the only writer ([`Store`]). A batch is one transaction. Records that have left
//! the window are read on other threads, with connections of their own ([`history_reader`]).

mod aside;
mod checkpointer;
mod extras;
mod failure;
mod files;
pub mod history_reader;
mod mark;
mod members;
mod open;
mod query;
pub mod restore;
mod retention;
mod rows;
mod run_start;
pub mod salvage;
mod schema;
mod search;
mod selection;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chatroom::config::History;
use chatroom::room::{Record, Seq, SessionId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use checkpointer::Checkpointer;
pub use checkpointer::Log;
use extras::Amounts;
pub use extras::Extras;
pub use failure::StoreFailure;
use files::open_reader;
pub use files::{Integrity, check, copy, size};
pub use open::open;
use retention::Retention;
use run_start::RunStart;
pub use schema::migrate;

/// The name of the database in the state folder.
const DATABASE: &str = "history.sqlite";

/// The time for which a statement waits for the lock of another connection, if nothing waits for
/// the statement.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// The time for which the writer waits for another process that writes. After a failure it does not
/// wait at all until it has succeeded again, because the room waits for it.
const WRITER_TIME: Duration = Duration::from_millis(100);

/// The number of batches after which the store checks for surplus records and checks the
/// write-ahead log.
const LOOK_AFTER_EVERY: u32 = 16;

/// The stored form of a token: its SHA-256 hash.
pub type TokenHash = [u8; 32];

/// The stored form of a former name of a session, or of a sanctioned network in which it was, and until
/// when it counts.
pub type StoredAlias = (String, Timestamp);

/// The writer of the history.
pub struct Store {
    db: Connection,
    path: PathBuf,
    retention: Retention,
    checkpointer: Checkpointer,
    amounts: Amounts,
    /// Whether the writer waits for another process that writes.
    is_patient: bool,
    /// Batches since the last check for surplus records.
    batches: u32,
    /// The start of this run, while there has been no space to note it.
    unnoted: Option<RunStart>,
    /// Locked until the process ends.
    _lock: File,
}

impl Store {
    /// Replaces the limits of the history.
    pub fn configure(&mut self, history: &History) {
        self.retention.configure(history);
    }

    /// As [`StoreFailure::judged`], for the folder of this store.
    pub fn judge(&self, failure: StoreFailure) -> StoreFailure {
        failure.judged(self.path.parent().unwrap_or(&self.path))
    }

    /// The database file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The oldest record that is kept.
    pub fn oldest(&self) -> Seq {
        self.retention.oldest
    }

    /// Stores a batch, with the configured durability.
    ///
    /// # Errors
    /// Nothing is stored. [`StoreFailure`] tells whether to try again.
    pub fn commit(
        &mut self,
        records: &[Record],
        extras: &Extras,
        now: Timestamp,
    ) -> Result<(), StoreFailure> {
        let log = self.log();
        let writing = log.begin_writing();
        let outcome = self.write(records, extras, now);
        drop(writing);
        self.set_patient(outcome.is_ok());
        outcome?;
        if !extras.redactions.is_empty() {
            // Redacted text must not stay in the write-ahead log either.
            self.checkpointer.empty_soon();
        }
        Ok(())
    }

    fn write(
        &mut self,
        records: &[Record],
        extras: &Extras,
        now: Timestamp,
    ) -> Result<(), StoreFailure> {
        let transaction = self.db.transaction()?;
        if let Some(run) = &self.unnoted {
            run.note(&transaction)?;
        }
        let needs_mark = self.checkpointer.log.needs_mark();
        if needs_mark {
            mark::renew(&transaction)?;
        }
        {
            let mut insert = transaction.prepare_cached(rows::INSERT)?;
            for record in records {
                rows::insert(&mut insert, record)?;
                members::update(&transaction, record, now)?;
            }
        }
        let changes = self.amounts.store(&transaction, extras, now)?;
        transaction.commit()?;
        self.unnoted = None;
        if needs_mark {
            // Even if this transaction has restarted the log, the mark is in it.
            self.checkpointer.log.set_needs_mark(false);
        }
        self.amounts.apply(&changes);
        Ok(())
    }

    /// Maintains the store from time to time, after a batch: removes surplus records, and maintains
    /// the write-ahead log.
    ///
    /// # Errors
    /// As for [`Store::commit`].
    pub fn look_after(&mut self, last: Seq, now: Timestamp) -> Result<(), StoreFailure> {
        self.batches += 1;
        if self.batches < LOOK_AFTER_EVERY {
            return Ok(());
        }
        self.batches = 0;
        self.checkpointer.look_after();
        let log = self.log();
        let _writing = log.begin_writing();
        self.retention.apply(&self.db, &mut self.amounts, last, now)
    }

    /// Sets whether the writer waits for another process that writes, for a moment.
    fn set_patient(&mut self, is_patient: bool) {
        if self.is_patient != is_patient {
            let time = if is_patient { WRITER_TIME } else { Duration::ZERO };
            // This cannot fail: it only sets a number.
            let _ = self.db.busy_timeout(time);
            self.is_patient = is_patient;
        }
    }

    /// The write-ahead log.
    pub fn log(&self) -> Arc<Log> {
        self.checkpointer.log.clone()
    }

    /// Checks that something can be stored.
    ///
    /// # Errors
    /// As for [`Store::commit`].
    pub fn probe(&mut self) -> Result<(), StoreFailure> {
        let log = self.log();
        let _writing = log.begin_writing();
        if let Some(run) = &self.unnoted {
            run.commit(&mut self.db)?;
            self.unnoted = None;
        }
        self.db.execute("UPDATE meta SET running = 1", [])?;
        Ok(())
    }

    /// The session that a token belongs to.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn session_of(&self, token: &TokenHash) -> Result<Option<SessionId>, StoreFailure> {
        let id: Option<i64> = self
            .db
            .prepare_cached("SELECT id FROM sessions WHERE token = ?")?
            .query_row([token], |row| row.get(0))
            .optional()?;
        Ok(id.map(|id| SessionId(id as u64)))
    }

    /// The former names of a session and the sanctioned networks in which it was, and until when they
    /// count.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn aliases_of(&self, session: SessionId) -> Result<Vec<StoredAlias>, StoreFailure> {
        let mut select =
            self.db.prepare_cached("SELECT alias, until FROM aliases WHERE session = ?")?;
        let aliases = select.query_map([session.0 as i64], |row| {
            let until = Timestamp::from_millisecond(row.get(1)?).unwrap_or(Timestamp::MAX);
            Ok((row.get(0)?, until))
        })?;
        Ok(aliases.collect::<Result<_, _>>()?)
    }

    /// The record that a session has made with an id, or 0 if the id belongs to a direct message.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn seq_of(&self, session: SessionId, id: &str) -> Result<Option<Seq>, StoreFailure> {
        let seq: Option<i64> = self
            .db
            .prepare_cached(
                "SELECT seq FROM records WHERE session = ?1 AND client_id = ?2
                 UNION ALL SELECT 0 FROM directs WHERE session = ?1 AND id = ?2 LIMIT 1",
            )?
            .query_row(params![session.0 as i64, id], |row| row.get(0))
            .optional()?;
        Ok(seq.map(|seq| Seq(seq as u64)))
    }

    /// The record with a number.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn record(&self, seq: Seq) -> Result<Option<Record>, StoreFailure> {
        let mut select = self.db.prepare_cached(rows::SELECT_ONE)?;
        Ok(select.query_row([seq.0 as i64], rows::read).optional()?)
    }

    /// Closes the history cleanly, with everything on disk.
    ///
    /// # Errors
    /// As for [`Store::commit`].
    pub fn close(self) -> Result<(), StoreFailure> {
        self.db.pragma_update(None, "synchronous", "FULL")?;
        self.db.execute("UPDATE meta SET running = 0", [])?;
        // Leaves a single, complete file.
        self.checkpointer.empty_last(&self.db)?;
        self.db.close().map_err(|(_, error)| error.into())
    }
}

#[cfg(test)]
mod tests;
