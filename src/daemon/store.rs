//! The history on disk: SQLite in the state folder.
//!
//! The room thread owns the one writer ([`Store`]); a batch is one transaction. Reading what fell
//! out of memory is done elsewhere, over a connection of its own ([`past`]).

mod failure;
mod files;
mod keeper;
mod opening;
pub mod past;
mod rows;
mod schema;
mod search;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use chatroom::config::{Durability, History};
use chatroom::room::{Epochs, Member, Position, Record, RecordKind, Seq, SessionId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use crate::folders;
pub use failure::StoreFailure;
pub use files::{check, copy, size};
use files::{lock, open_reader};
use keeper::Keeper;
use opening::{Run, forget_old_sessions, read_members, read_oldest};
pub use schema::migrate;

/// The name of the database in the state folder.
const DATABASE: &str = "history.sqlite";

/// So many old records go with a batch at the most, so that retention never pauses the room.
const MOST_REMOVED: u64 = 256;

/// After so many batches it is looked whether there are too many records, or too long a log.
const LOOK_AFTER_EVERY: u32 = 16;

/// How often a few old sessions are forgotten, of what is kept for days.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// How long a statement waits for another connection's lock, which is only held for moments.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// A token in the form in which it is stored: its SHA-256 hash.
pub type TokenHash = [u8; 32];

/// What a session was called before, or where it was sanctioned, as it is stored; and until when.
pub type StoredAlias = (String, Timestamp);

/// The writer of the history.
pub struct Store {
    db: Connection,
    path: PathBuf,
    keep_for: Duration,
    keep_bytes: u64,
    oldest: Seq,
    keeper: Keeper,
    batches: u32,
    /// When sessions are forgotten next.
    forget_at: Timestamp,
    /// This run, while there was no space yet to note that it has begun.
    unnoted: Option<Run>,
    /// Held until the process ends, however it does.
    _lock: File,
}

/// What was stored when the daemon ended.
pub struct Restored {
    pub store: Store,
    pub last: Position,
    pub epochs: Epochs,
    /// Who was here, and whether they can come back to their session.
    pub members: Vec<(Member, bool)>,
    /// How often a daemon was started on this store; sessions of each start differ in it.
    pub run: u64,
    /// Why nothing can be stored yet, if it can only be read.
    pub degraded: Option<StoreFailure>,
}

/// What is stored together with a batch of records.
#[derive(Default)]
pub struct Extras {
    /// Sessions that can be taken up again from now on, with this token and no other.
    pub tokens: Vec<(SessionId, TokenHash)>,
    /// Ids of direct messages, which are no records.
    pub directs: Vec<(SessionId, String)>,
    /// Records whose text is to be taken away.
    pub redactions: Vec<Seq>,
    /// Who has another name from now on.
    pub renames: Vec<(SessionId, String)>,
    /// What sessions were called before, or where they were sanctioned, and until when.
    pub aliases: Vec<(SessionId, String, Timestamp)>,
}

impl Extras {
    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
            && self.directs.is_empty()
            && self.redactions.is_empty()
            && self.aliases.is_empty()
    }
}

impl Store {
    /// Opens the history in a folder, or makes it.
    ///
    /// # Errors
    /// Another daemon uses it, or it cannot be read; the sentence says what to do.
    pub fn open(
        folder: &Path,
        history: &History,
        on_failure: impl Fn(StoreFailure) + Send + 'static,
    ) -> anyhow::Result<Restored> {
        folders::check_state(folder)?;
        let lock = lock(folder)?;
        let path = folder.join(DATABASE);
        let shown = path.display().to_string();
        let mut db =
            Connection::open(&path).with_context(|| format!("cannot open the history {shown}"))?;
        let is_new = schema::prepare(&mut db).with_context(|| {
            format!(
                "the history {shown} cannot be used. To go on without it, move it and its \
                 companions ({DATABASE}-wal, {DATABASE}-shm) away; a backup that chatctl made can \
                 take its place"
            )
        })?;
        if is_new {
            // So that the new file itself is found after a power cut.
            File::open(folder).and_then(|folder| folder.sync_all())?;
        }
        let run = Run::read(&db, history.durability)?;
        let unnoted = match note(&mut db, &run).map_err(|failure| failure.judged(folder)) {
            Ok(()) => None,
            // What is there can be read, and the room goes on as soon as there is space.
            Err(StoreFailure::Passing(cause)) => Some(cause),
            Err(StoreFailure::Fatal(error)) => return Err(error.into()),
        };
        if history.durability == Durability::Process {
            db.pragma_update(None, "synchronous", "NORMAL")?;
        }
        let members = read_members(&db)?;
        let store = Store {
            oldest: read_oldest(&db)?.unwrap_or(run.last.seq.next()),
            keeper: Keeper::start(&path, &mut db, on_failure)?,
            db,
            path,
            keep_for: history.keep_for,
            keep_bytes: history.keep_bytes as u64,
            batches: 0,
            forget_at: Timestamp::MIN,
            unnoted: None,
            _lock: lock,
        };
        let Run { last, ref epochs, number, .. } = run;
        let (epochs, degraded) = (epochs.clone(), unnoted.map(StoreFailure::Passing));
        let store = Store { unnoted: degraded.is_some().then_some(run), ..store };
        Ok(Restored { store, last, epochs, members, run: number, degraded })
    }

    /// Puts other limits in force.
    pub fn configure(&mut self, history: &History) {
        self.keep_for = history.keep_for;
        self.keep_bytes = history.keep_bytes as u64;
    }

    /// Judges a failure by what the system says of the folder.
    pub fn judge(&self, failure: StoreFailure) -> StoreFailure {
        failure.judged(self.path.parent().unwrap_or(&self.path))
    }

    /// The database file, for readers.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The oldest record that is kept.
    pub fn oldest(&self) -> Seq {
        self.oldest
    }

    /// Stores a batch. When this returns, it is as safe as the configured durability makes it.
    ///
    /// # Errors
    /// Nothing of it is stored; see [`StoreFailure`] for whether it can be tried again.
    pub fn commit(
        &mut self,
        records: &[Record],
        extras: &Extras,
        now: Timestamp,
    ) -> Result<(), StoreFailure> {
        let transaction = self.db.transaction()?;
        if let Some(run) = &self.unnoted {
            run.note(&transaction)?;
        }
        {
            let mut insert = transaction.prepare_cached(rows::INSERT)?;
            for record in records {
                rows::insert(&mut insert, record)?;
                store_member(&transaction, record, now)?;
            }
        }
        for (session, hash) in &extras.tokens {
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO sessions (id, token, seen) VALUES (?, ?, ?)",
                )?
                .execute(params![session.0 as i64, hash, now.as_millisecond()])?;
        }
        for (session, id) in &extras.directs {
            transaction
                .prepare_cached("INSERT OR IGNORE INTO directs (session, id) VALUES (?, ?)")?
                .execute(params![session.0 as i64, id])?;
        }
        for (session, name) in &extras.renames {
            transaction
                .prepare_cached("UPDATE members SET name = ? WHERE session = ?")?
                .execute(params![name, session.0 as i64])?;
        }
        for (session, alias, until) in &extras.aliases {
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO aliases (session, alias, until) VALUES (?, ?, ?)",
                )?
                .execute(params![session.0 as i64, alias, until.as_millisecond()])?;
        }
        for seq in &extras.redactions {
            transaction
                .prepare_cached(rows::REDACT)?
                .execute(params![chatroom::room::REDACTED, seq.0 as i64])?;
        }
        transaction.commit()?;
        self.unnoted = None;
        if !extras.redactions.is_empty() {
            // What was taken away is not to stay in the write-ahead log either.
            self.keeper.truncate(&self.db)?;
        }
        Ok(())
    }

    /// Looks whether something can be stored.
    ///
    /// # Errors
    /// Why not.
    pub fn probe(&mut self) -> Result<(), StoreFailure> {
        if let Some(run) = &self.unnoted {
            note(&mut self.db, run)?;
            self.unnoted = None;
        }
        self.db.execute("UPDATE meta SET running = 1", [])?;
        Ok(())
    }

    /// Now and then, after a batch: lets go of a few of the oldest records if there are more than
    /// are to be kept, and looks after the write-ahead log.
    ///
    /// # Errors
    /// As for [`Store::commit`].
    pub fn look_after(&mut self, last: Seq, now: Timestamp) -> Result<(), StoreFailure> {
        self.batches += 1;
        if self.batches < LOOK_AFTER_EVERY {
            return Ok(());
        }
        self.batches = 0;
        self.keeper.look_after(&self.db)?;
        if now >= self.forget_at {
            forget_old_sessions(&self.db, now)?;
            self.forget_at = now.saturating_add(FORGET_EVERY).unwrap_or(Timestamp::MAX);
        }
        // The newest always stays: from it the numbers go on.
        if let Some(end) = self.end_of_surplus(now)?.map(|end| end.min(last)) {
            self.db.prepare_cached("DELETE FROM records WHERE seq < ?")?.execute([end.0 as i64])?;
            self.oldest = end;
        }
        Ok(())
    }

    /// Before which record everything may go, of the few oldest.
    fn end_of_surplus(&self, now: Timestamp) -> Result<Option<Seq>, StoreFailure> {
        let most = Seq(self.oldest.0 + MOST_REMOVED);
        if self.keep_bytes > 0 && self.used_bytes()? > self.keep_bytes {
            return Ok(Some(most));
        }
        if self.keep_for.is_zero() {
            return Ok(None);
        }
        let until = now.as_millisecond() - i64::try_from(self.keep_for.as_millis()).unwrap_or(0);
        let fresh: Option<i64> = self
            .db
            .prepare_cached("SELECT seq FROM records WHERE seq < ? AND time >= ? ORDER BY seq")?
            .query_row(params![most.0 as i64, until], |row| row.get(0))
            .optional()?;
        let has_any: Option<i64> = self
            .db
            .prepare_cached("SELECT seq FROM records WHERE seq < ? ORDER BY seq LIMIT 1")?
            .query_row(params![most.0 as i64], |row| row.get(0))
            .optional()?;
        Ok(match (has_any, fresh) {
            (None, _) => None,
            (Some(first), Some(fresh)) if fresh <= first => None,
            (Some(_), Some(fresh)) => Some(Seq(fresh as u64)),
            (Some(_), None) => Some(most),
        })
    }

    fn used_bytes(&self) -> Result<u64, StoreFailure> {
        let number = |pragma: &str| -> Result<u64, StoreFailure> {
            let number: i64 = self.db.pragma_query_value(None, pragma, |row| row.get(0))?;
            Ok(number.unsigned_abs())
        };
        let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
        Ok(pages * number("page_size")?)
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

    /// What a session was called before, or where it was sanctioned, and until when.
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

    /// The record that a session has made with an id; 0 if that was no record.
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

    /// One record.
    ///
    /// # Errors
    /// The store cannot be read.
    pub fn record(&self, seq: Seq) -> Result<Option<Record>, StoreFailure> {
        let mut select = self.db.prepare_cached(rows::SELECT_ONE)?;
        Ok(select.query_row([seq.0 as i64], rows::read).optional()?)
    }

    /// Notes that the daemon ends as it should, with everything on disk.
    ///
    /// # Errors
    /// As for [`Store::commit`].
    pub fn close(self) -> Result<(), StoreFailure> {
        self.db.pragma_update(None, "synchronous", "FULL")?;
        self.db.execute("UPDATE meta SET running = 0", [])?;
        // What is left behind is one file that is whole in itself.
        self.keeper.truncate(&self.db)?;
        self.db.close().map_err(|(_, error)| error.into())
    }
}

/// Notes in a transaction that a run has begun.
fn note(db: &mut Connection, run: &Run) -> Result<(), StoreFailure> {
    let transaction = db.transaction()?;
    run.note(&transaction)?;
    Ok(transaction.commit()?)
}

/// Keeps the list of who is here, beside the log, in step with it.
fn store_member(db: &Connection, record: &Record, now: Timestamp) -> Result<(), rusqlite::Error> {
    let Some(author) = &record.author else { return Ok(()) };
    let session = author.session.0 as i64;
    match &record.kind {
        RecordKind::Joined { name } => {
            db.prepare_cached(
                "INSERT OR REPLACE INTO members (session, name, since) VALUES (?, ?, ?)",
            )?
            .execute(params![session, name.as_str(), record.time.as_millisecond()])?;
        }
        RecordKind::Left { .. } => {
            db.prepare_cached("DELETE FROM members WHERE session = ?")?.execute([session])?;
            let known = db
                .prepare_cached("UPDATE sessions SET seen = ? WHERE id = ?")?
                .execute(params![now.as_millisecond(), session])?;
            if known == 0 {
                // It cannot come back.
                db.prepare_cached("DELETE FROM aliases WHERE session = ?")?.execute([session])?;
            }
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests;
