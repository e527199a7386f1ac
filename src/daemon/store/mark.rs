//! Whether a database and the write-ahead log beside it belong together.
//!
//! SQLite replays a log into whatever database it lies beside, so that a copy which was put in the
//! place of `history.sqlite` after a crash would be mixed with what was said later. So a random mark
//! is in the row of `meta`, with the one before it:
//!
//! - Whenever all of the log is in the database, and it is emptied, the database gets a new mark.
//! - The first transaction in a new log puts another one into it, and notes the one before.
//!
//! Looked at without its log, a database has either of the two marks that the log knows, whatever of
//! the log was copied into it. One with any other mark is another database, or a copy of before.
//! (A copy that was made while this log was written has the second one, and together with the log it
//! is whole.) Where a mark is missing nothing can be told, and nothing is: version 0.1 had none.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::files::{beside, open_reader};

/// Gives the database a new mark. All of the log has to be in the database: only the marks of the
/// moment and of before are known.
pub(super) fn renew(db: &Connection) -> rusqlite::Result<()> {
    let renew = "UPDATE meta SET mark_before = mark, mark = random() | 1";
    db.prepare_cached(renew)?.execute([]).map(drop)
}

/// Gives a copy a mark of its own, so that no log belongs to it.
pub(super) fn set_apart(db: &Connection) -> rusqlite::Result<()> {
    db.execute("UPDATE meta SET mark = random() | 1, mark_before = random() | 1", []).map(drop)
}

/// Whether the log beside a database is that of another one.
pub(super) fn has_stray_log(database: &Path) -> bool {
    let log = beside(database, "-wal");
    if fs::metadata(log).map_or(0, |found| found.len()) == 0 {
        return false;
    }
    let with_log = open_reader(database).and_then(|db| marks(&db));
    let alone = open_alone(database).and_then(|db| marks(&db));
    match (with_log, alone) {
        (Ok((0, _)), _) => false,
        (Ok((mark, before)), Ok((found, _))) => found != mark && found != before,
        // Killed while the log was copied into it, a database is whole only together with the log.
        (Ok(_), Err(error)) if is_damage(&error) => false,
        // The tables are only in the log.
        (Ok((_, before)), Err(_)) => before != 0,
        (Err(error), Ok(_)) if is_damage(&error) => is_whole_alone(database),
        (Err(_), _) => false,
    }
}

fn marks(db: &Connection) -> rusqlite::Result<(i64, i64)> {
    db.query_row("SELECT mark, mark_before FROM meta", [], |row| Ok((row.get(0)?, row.get(1)?)))
}

fn is_damage(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    matches!(code, Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

fn is_whole_alone(database: &Path) -> bool {
    let outcome = open_alone(database)
        .and_then(|db| db.query_row("PRAGMA quick_check(1)", [], |row| row.get::<_, String>(0)));
    outcome.is_ok_and(|outcome| outcome == "ok")
}

/// Opens a database as it is without its log, to read. Nothing is made beside it.
pub(super) fn open_alone(database: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(as_uri(database), flags)
}

fn as_uri(path: &Path) -> PathBuf {
    let path = path.to_string_lossy();
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    // Without an empty authority two slashes at the beginning would be one.
    let root = if path.starts_with('/') { "//" } else { "" };
    format!("file:{root}{path}?immutable=1").into()
}
