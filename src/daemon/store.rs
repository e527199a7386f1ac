//! The history on disk: SQLite in the state folder.
//!
//! The room thread owns the one writer ([`Store`]); a batch is one transaction. Reading what fell
//! out of memory is done elsewhere, over a connection of its own ([`history_reader`]).

mod aside;
mod checkpointer;
mod extras;
mod failure;
mod files;
pub mod history_reader;
mod mark;
mod recovery;
pub mod restore;
mod retention;
mod rows;
pub mod salvage;
mod schema;
mod search;

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use chatroom::config::{Durability, History};
use chatroom::room::{Epochs, Member, Position, Record, RecordKind, Seq, SessionId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};
use tracing::{error, warn};

use aside::set_aside;
use checkpointer::Checkpointer;
pub use checkpointer::Log;
use extras::Amounts;
pub use failure::StoreFailure;
pub use files::{Checked, check, copy, size};
use files::{beside, lock, open_reader};
use recovery::{Run, read_members, read_oldest};
pub use schema::migrate;

use crate::{folders, private};

/// The name of the database in the state folder.
const DATABASE: &str = "history.sqlite";

/// How long a statement waits for another connection's lock, where nobody waits for it.
const BUSY_TIME: Duration = Duration::from_secs(5);

/// How long the writer waits for another process that writes, while all is well. It serves the room:
/// once it could not store something, it does not wait at all until it can.
const WRITER_TIME: Duration = Duration::from_millis(100);

/// How long a history is looked through before it is used.
const START_CHECK_TIME: Duration = Duration::from_millis(200);

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
    checkpointer: Checkpointer,
    amounts: Amounts,
    /// Whether another process that writes is waited for.
    is_patient: bool,
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
        restore::check_none_was_broken_off(&path)?;
        drop(private::open(&path)?);
        let is_exchanged = mark::has_stray_log(&path) && set_log_aside(&path)?;
        let mut db =
            Connection::open(&path).with_context(|| format!("cannot open the history {shown}"))?;
        let is_new = schema::prepare(&mut db).with_context(|| {
            format!(
                "the history {shown} cannot be used. To go on without it, move it and its \
                 companions ({DATABASE}-wal, {DATABASE}-shm) away; a backup that chatctl made can \
                 take its place"
            )
        })?;
        check_whole(&path)?;
        if is_new {
            // So that the new file itself is found after a power cut.
            File::open(folder).and_then(|folder| folder.sync_all())?;
        }
        db.busy_timeout(Duration::ZERO)?;
        let is_copied = match checkpointer::copy_all(&db).map_err(|failure| failure.judged(folder))
        {
            Ok(is_copied) => is_copied,
            Err(StoreFailure::Passing(_)) => false,
            Err(StoreFailure::Fatal(error)) => return Err(error.into()),
        };
        db.busy_timeout(WRITER_TIME)?;
        let run = Run::read(&db, history.durability, is_exchanged)?;
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
        let checkpointer = Checkpointer::start(&path, &mut db, on_failure)?;
        checkpointer.log.set_needs_mark(is_copied);
        let store = Store {
            oldest: read_oldest(&db)?.unwrap_or(run.last.seq.next()),
            checkpointer,
            amounts: Amounts::read(&db)?,
            is_patient: true,
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
        let log = self.log();
        let writing = log.begin_writing();
        let outcome = self.write(records, extras, now);
        drop(writing);
        self.set_patient(outcome.is_ok());
        outcome?;
        if !extras.redactions.is_empty() {
            // What was taken away is not to stay in the write-ahead log either.
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
                store_member(&transaction, record, now)?;
            }
        }
        let changes = self.amounts.store(&transaction, extras, now)?;
        transaction.commit()?;
        self.unnoted = None;
        if needs_mark {
            // Also where this has begun the log anew: then the mark is in the new one.
            self.checkpointer.log.set_needs_mark(false);
        }
        self.amounts.apply(&changes);
        Ok(())
    }

    /// Whether another process that writes is waited for, for a moment.
    fn set_patient(&mut self, is_patient: bool) {
        if self.is_patient != is_patient {
            let time = if is_patient { WRITER_TIME } else { Duration::ZERO };
            // It only sets a number.
            let _ = self.db.busy_timeout(time);
            self.is_patient = is_patient;
        }
    }

    /// The write-ahead log.
    pub fn log(&self) -> Arc<Log> {
        self.checkpointer.log.clone()
    }

    /// Looks whether something can be stored.
    ///
    /// # Errors
    /// Why not.
    pub fn probe(&mut self) -> Result<(), StoreFailure> {
        let log = self.log();
        let _writing = log.begin_writing();
        if let Some(run) = &self.unnoted {
            note(&mut self.db, run)?;
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
        self.checkpointer.empty_last(&self.db)?;
        self.db.close().map_err(|(_, error)| error.into())
    }
}

/// Notes in a transaction that a run has begun.
fn note(db: &mut Connection, run: &Run) -> Result<(), StoreFailure> {
    let transaction = db.transaction()?;
    run.note(&transaction)?;
    Ok(transaction.commit()?)
}

/// Moves a log aside that is not that of the database beside it. Gives true.
fn set_log_aside(path: &Path) -> anyhow::Result<bool> {
    let shown = path.display();
    let files = ["-wal", "-shm"].map(|ending| beside(path, ending));
    let folder = set_aside(&files, Timestamp::now())
        .with_context(|| format!("cannot move the write-ahead log beside {shown} aside"))?;
    let folder = folder.unwrap_or_default().display().to_string();
    warn!(
        event = "history-exchanged",
        folder,
        "{shown} was exchanged: the write-ahead log beside it belonged to another one, and is now in \
         {folder}. A new epoch begins. `chatroomd --restore FILE` puts a backup in its place"
    );
    Ok(true)
}

/// Looks through a history before it is used; where that takes long, the rest is looked through while
/// it is used.
///
/// # Errors
/// It is damaged; the sentence says what to do.
fn check_whole(path: &Path) -> anyhow::Result<()> {
    let shown = path.display().to_string();
    match check(path, START_CHECK_TIME) {
        // What cannot be looked through now may be used all the same: the disk may be full.
        Ok(Checked::Whole) | Err(_) => Ok(()),
        Ok(Checked::Unfinished) => {
            let path = path.to_owned();
            let check_all = move || {
                if let Ok(Checked::Damaged(problem)) = check(&path, Duration::MAX) {
                    error!(
                        event = "history-damaged",
                        problem,
                        "the history {shown} is damaged: {problem}. docs/history.md says how to save \
                         what can be read"
                    );
                }
            };
            thread::Builder::new().name("check".to_owned()).spawn(check_all)?;
            Ok(())
        }
        Ok(Checked::Damaged(problem)) => bail!(
            "the history {shown} is damaged: {problem}. `chatroomd --restore FILE` puts a backup in \
             its place, `chatroomd --salvage {shown} FILE` saves what can be read into a new one. To \
             go on without it, move it and its companions ({DATABASE}-wal, {DATABASE}-shm) away"
        ),
    }
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
