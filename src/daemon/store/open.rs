//! Opens the history, with everything that the room starts with.

use std::fs::File;
use std::path::Path;
use std::thread;
use std::time::Duration;

use anyhow::{Context, bail};
use chatroom::config::{Durability, History};
use chatroom::room::{Epochs, Member, Position};
use jiff::Timestamp;
use rusqlite::Connection;
use tracing::{error, warn};

use super::aside::set_aside;
use super::checkpointer::{self, Checkpointer};
use super::extras::Amounts;
use super::files::{Integrity, beside, check, lock};
use super::retention::Retention;
use super::run_start::RunStart;
use super::{DATABASE, Store, StoreFailure, WRITER_TIME, mark, members, restore, schema};
use crate::{folders, private};

/// The maximum time of the check of the history before it is used.
const START_CHECK_TIME: Duration = Duration::from_millis(200);

/// The state that was stored when the daemon ended.
pub struct Restored {
    pub store: Store,
    pub last: Position,
    pub epochs: Epochs,
    /// The members, and whether each can resume its session.
    pub members: Vec<(Member, bool)>,
    /// The number of starts of a daemon on this history. Ids of sessions contain this number.
    pub run: u64,
    /// The reason why nothing can be stored yet, if that is so.
    pub degraded: Option<StoreFailure>,
}

/// Opens the history in a folder, or creates it.
///
/// # Errors
/// Another daemon uses it, or it cannot be read. The sentence says what to do.
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
        // So that the new file exists after a power cut.
        File::open(folder).and_then(|folder| folder.sync_all())?;
    }
    db.busy_timeout(Duration::ZERO)?;
    let is_copied = match checkpointer::copy_all(&db).map_err(|failure| failure.judged(folder)) {
        Ok(is_copied) => is_copied,
        Err(StoreFailure::Passing(_)) => false,
        Err(StoreFailure::Fatal(error)) => return Err(error.into()),
    };
    db.busy_timeout(WRITER_TIME)?;
    let run = RunStart::read(&db, history.durability, is_exchanged)?;
    let unnoted = match run.commit(&mut db).map_err(|failure| failure.judged(folder)) {
        Ok(()) => None,
        // The history can be read, and the room continues as soon as there is space.
        Err(StoreFailure::Passing(cause)) => Some(cause),
        Err(StoreFailure::Fatal(error)) => return Err(error.into()),
    };
    if history.durability == Durability::Process {
        db.pragma_update(None, "synchronous", "NORMAL")?;
    }
    let members = members::read(&db)?;
    let checkpointer = Checkpointer::start(&path, &mut db, on_failure)?;
    checkpointer.log.set_needs_mark(is_copied);
    let (last, epochs, number) = (run.last, run.epochs.clone(), run.number);
    let degraded = unnoted.map(StoreFailure::Passing);
    let store = Store {
        retention: Retention::read(&db, history, last.seq.next())?,
        checkpointer,
        amounts: Amounts::read(&db)?,
        is_patient: true,
        db,
        path,
        batches: 0,
        unnoted: degraded.is_some().then_some(run),
        _lock: lock,
    };
    Ok(Restored { store, last, epochs, members, run: number, degraded })
}

/// Moves a log aside that does not belong to the database. Returns true.
fn set_log_aside(path: &Path) -> anyhow::Result<bool> {
    let shown = path.display();
    let files = ["-wal", "-shm"].map(|ending| beside(path, ending));
    let folder = set_aside(&files, Timestamp::now())
        .with_context(|| format!("cannot move the write-ahead log beside {shown} aside"))?;
    let folder = folder.unwrap_or_default().display().to_string();
    warn!(
        event = "history-exchanged",
        folder,
        "{shown} was replaced: the write-ahead log beside it belonged to another file, and is now in \
         {folder}. A new epoch begins. `chatroomd --restore FILE` puts a backup in its place"
    );
    Ok(true)
}

/// Checks a history before it is used. If that takes long, another check runs on a thread while the
/// history is used.
///
/// # Errors
/// The history is damaged. The sentence says what to do.
fn check_whole(path: &Path) -> anyhow::Result<()> {
    let shown = path.display().to_string();
    match check(path, START_CHECK_TIME) {
        // A history that cannot be checked now may still be usable: the disk may be full.
        Ok(Integrity::Whole) | Err(_) => Ok(()),
        Ok(Integrity::Unfinished) => {
            let path = path.to_owned();
            let check_all = move || {
                if let Ok(Integrity::Damaged(problem)) = check(&path, Duration::MAX) {
                    error!(
                        event = "history-damaged",
                        problem,
                        "the history {shown} is damaged: {problem}. docs/history.md shows how to \
                         save what can be read"
                    );
                }
            };
            thread::Builder::new().name("check".to_owned()).spawn(check_all)?;
            Ok(())
        }
        Ok(Integrity::Damaged(problem)) => bail!(
            "the history {shown} is damaged: {problem}. `chatroomd --restore FILE` puts a backup in \
             its place, `chatroomd --salvage {shown} FILE` saves what can be read into a new one. To \
             go on without it, move it and its companions ({DATABASE}-wal, {DATABASE}-shm) away"
        ),
    }
}
