//! Saves the readable part of a damaged history to a new one.
//!
//! SQLite gives up at a broken link between pages. This reads each page of the database and of the
//! write-ahead log by itself. Every row that looks like a record counts as one. The format is that
//! of https://sqlite.org/fileformat2.html.

mod pages;

use std::fs;
use std::path::Path;

use anyhow::{Context, bail};
use rusqlite::{Connection, params};

use super::files::beside;
use super::mark::set_apart;
use super::rows::kind;
use super::schema;
use crate::private;
use pages::{Pages, Value};

/// The result of a salvage.
#[derive(Debug, PartialEq, Eq)]
pub struct Salvage {
    pub records: u64,
    /// The numbers of the first and the last record.
    pub extent: Option<(u64, u64)>,
    /// The number of records between them that are missing.
    pub missing: u64,
}

/// Saves the records of a history to a new file.
///
/// # Errors
/// The file cannot be read, contains no record, or the new file cannot be written.
pub fn salvage(damaged: &Path, new: &Path) -> anyhow::Result<Salvage> {
    let shown = damaged.display();
    if new.symlink_metadata().is_ok() {
        bail!("{} exists already, and is not overwritten", new.display());
    }
    let database = fs::read(damaged).with_context(|| format!("cannot read {shown}"))?;
    let log = fs::read(beside(damaged, "-wal")).unwrap_or_default();
    let salvage = save(&database, &log, new)
        .with_context(|| format!("cannot save the records of {shown} as {}", new.display()));
    match salvage {
        Ok(salvage) if salvage.records > 0 => Ok(salvage),
        other => {
            let _ = fs::remove_file(new);
            other.and_then(|_| bail!("{shown} contains no readable record"))
        }
    }
}

fn save(database: &[u8], log: &[u8], new: &Path) -> anyhow::Result<Salvage> {
    drop(private::open(new)?);
    let mut db = Connection::open(new)?;
    schema::migrate_history(&mut db)?;
    let transaction = db.transaction()?;
    let by_id = take_index(&transaction)?;
    for pages in [Pages::of_database(database), Pages::of_log(log, database)] {
        // The log is newer than the database.
        let mut insert = transaction.prepare(
            "INSERT OR REPLACE INTO records (seq, epoch, time, kind, session, client_id, name, text)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?;
        let mut outcome = Ok(0);
        pages.visit_rows(|seq, row| {
            if is_record(seq, row) && outcome.is_ok() {
                let [_, epoch, time, kind, session, id, name, text] = row else { return };
                outcome = insert.execute(params![seq, epoch, time, kind, session, id, name, text]);
            }
        });
        outcome?;
    }
    // Of records with the same id, all but the first lose the id.
    transaction.execute(
        "UPDATE records SET client_id = NULL WHERE client_id IS NOT NULL AND seq NOT IN
         (SELECT min(seq) FROM records GROUP BY session, client_id)",
        [],
    )?;
    transaction.execute_batch(&by_id)?;
    transaction.execute_batch(
        "DELETE FROM epochs;
         INSERT INTO epochs (epoch, first) SELECT epoch, min(seq) FROM records GROUP BY epoch;
         UPDATE epochs SET first = 1 WHERE epoch = (SELECT min(epoch) FROM epochs);",
    )?;
    // The last records may be missing, so a new epoch has to begin.
    transaction.execute("UPDATE meta SET running = 1, power = 0", [])?;
    set_apart(&transaction)?;
    let (records, first, last): (i64, Option<i64>, Option<i64>) =
        transaction.query_row("SELECT count(*), min(seq), max(seq) FROM records", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })?;
    transaction.commit()?;
    db.close().map_err(|(_, error)| error)?;
    let extent = first.zip(last).map(|(first, last)| (first.unsigned_abs(), last.unsigned_abs()));
    let (records, numbers) =
        (records.unsigned_abs(), extent.map_or(0, |(first, last)| last - first + 1));
    Ok(Salvage { records, extent, missing: numbers.saturating_sub(records) })
}

/// Removes the unique index of ids, and returns the statement that creates it.
fn take_index(db: &Connection) -> rusqlite::Result<String> {
    let select = "SELECT sql FROM sqlite_schema WHERE name = 'records_by_id'";
    let index = db.query_row(select, [], |row| row.get(0))?;
    db.execute("DROP INDEX records_by_id", [])?;
    Ok(index)
}

/// Whether a row looks like one of the table `records`, with the columns number (which SQLite stores as
/// NULL), epoch, time, kind, session, id, name and text.
fn is_record(seq: i64, row: &[Value]) -> bool {
    let [Value::Null, epoch, time, kind, session, id, name, text] = row else { return false };
    let is_text = |value: &Value| matches!(value, Value::Null | Value::Text(_));
    seq > 0
        && matches!(epoch, Value::Integer(1..=0xffff_ffff))
        && matches!(time, Value::Integer(1..))
        && matches!(kind, Value::Integer(kind) if kind::ALL.contains(kind))
        && matches!(session, Value::Null | Value::Integer(_))
        && [id, name, text].into_iter().all(is_text)
}
