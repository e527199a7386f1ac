//! Replaces the history with a backup.

use std::fs::{self, File};
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::aside::{set_aside, sync};
use super::files::{beside, lock};
use super::mark::{has_stray_log, open_alone, set_apart};
use super::{DATABASE, Integrity, check, open_reader, schema};
use crate::private;

/// The ending of the file name of a restored history, until it is in place.
const RESTORING: &str = "-restoring";

/// The result of a restore.
pub struct Restoration {
    /// The numbers of the first and the last record.
    pub records: Option<(u64, u64)>,
    /// The path to which the previous history was moved, if there was one.
    pub aside: Option<PathBuf>,
}

/// Replaces the history in a folder with a copy of a file. The previous history is moved aside.
///
/// # Errors
/// A daemon uses the folder, or the file is not an intact history. Then nothing is changed.
pub fn restore(folder: &Path, file: &Path, now: Timestamp) -> anyhow::Result<Restoration> {
    let lock = lock(folder)?;
    let database = folder.join(DATABASE);
    let shown = file.display();
    if fs::canonicalize(file).with_context(|| format!("cannot read {shown}"))?
        == fs::canonicalize(&database).unwrap_or_default()
    {
        bail!("{shown} is the history that is in use; name a backup of it");
    }
    let new = beside(&database, RESTORING);
    remove(&new)?;
    let records = copy(file, &new).inspect_err(|_| drop(remove(&new)))?;
    give_to_owner_of(folder, &[&new, &folder.join("lock")])?;
    File::open(&new)?.sync_all()?;
    let old = ["", "-wal", "-shm", "-journal"].map(|ending| beside(&database, ending));
    let aside = set_aside(&old, now)
        .with_context(|| format!("cannot move {} aside", database.display()))?;
    if let Some(aside) = &aside {
        give_to_owner_of(folder, &[aside])?;
    }
    fs::rename(&new, &database)?;
    sync(folder)?;
    drop(lock);
    Ok(Restoration { records, aside })
}

/// Copies an intact history, with the content of its write-ahead log. Returns its first and last record.
fn copy(file: &Path, new: &Path) -> anyhow::Result<Option<(u64, u64)>> {
    let shown = file.display();
    if has_stray_log(file) {
        bail!(
            "{shown}-wal belongs to another history. Move it away if {shown} is complete without it"
        );
    }
    let source = open(file).with_context(|| format!("cannot read {shown}"))?;
    drop(private::open(new)?);
    let mut db = Connection::open(new)?;
    Backup::new(&source, &mut db)
        .and_then(|backup| backup.step(-1))
        .with_context(|| format!("cannot copy {shown}"))?;
    let is_history = "SELECT count(*) = 4 FROM sqlite_schema \
                      WHERE type = 'table' AND name IN ('meta', 'epochs', 'records', 'members')";
    let is_history = db.query_row(is_history, [], |row| row.get(0));
    if !is_history.with_context(|| format!("{shown} is not a history of chatroomd"))? {
        bail!("{shown} is not a history of chatroomd");
    }
    db.pragma_update(None, "journal_mode", "DELETE")?;
    if let Integrity::Damaged(problem) = check(new, Duration::MAX)? {
        bail!(
            "{shown} is damaged: {problem}. `chatroomd --salvage {shown} NEW` saves what can be read \
             into a new file"
        );
    }
    schema::migrate_history(&mut db).with_context(|| format!("{shown} cannot be used"))?;
    // Clients may have seen numbers after its last, so a new epoch has to begin.
    db.execute("UPDATE meta SET running = 1, power = 0", [])?;
    set_apart(&db)?;
    let records = db.query_row("SELECT min(seq), max(seq) FROM records", [], |row| {
        Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?))
    })?;
    db.close().map_err(|(_, error)| error)?;
    Ok(match records {
        (Some(first), Some(last)) => Some((first.unsigned_abs(), last.unsigned_abs())),
        _ => None,
    })
}

/// Opens a history to read. If its log is empty, creates no files beside it, because the folder may not
/// be writable.
fn open(file: &Path) -> anyhow::Result<Connection> {
    File::open(file)?;
    let has_log = fs::metadata(beside(file, "-wal")).is_ok_and(|found| found.len() > 0);
    Ok(if has_log { open_reader(file)? } else { open_alone(file)? })
}

/// Gives files to the owner of the folder, if root creates them.
fn give_to_owner_of(folder: &Path, files: &[&Path]) -> anyhow::Result<()> {
    let owner = fs::metadata(folder)?;
    for file in files {
        let found = fs::metadata(file)?;
        if (found.uid(), found.gid()) != (owner.uid(), owner.gid()) {
            chown(file, Some(owner.uid()), Some(owner.gid()))
                .with_context(|| format!("cannot give {} to its owner", file.display()))?;
        }
    }
    Ok(())
}

fn remove(file: &Path) -> anyhow::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// Checks that no restore was interrupted after the previous history was moved aside. Otherwise an empty
/// history would be created.
///
/// # Errors
/// A restore was interrupted.
pub(super) fn check_none_was_broken_off(database: &Path) -> anyhow::Result<()> {
    if !database.exists() && beside(database, RESTORING).exists() {
        bail!(
            "a restore of {} was interrupted. Run `chatroomd --restore FILE` again",
            database.display()
        );
    }
    Ok(())
}
