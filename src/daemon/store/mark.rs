//! Detects whether a database and the write-ahead log beside it belong together.
//!
//! SQLite replays a log into whatever database it lies beside, so a copy that replaces `history.sqlite`
//! after a crash would be mixed with newer records. Therefore the table `meta` has a random mark, and
//! the previous mark:
//!
//! - When the log is emptied, because all of it is in the database, the database gets a new mark.
//! - The first transaction in a new log writes another mark into it, with the previous one.
//!
//! Without its log, a database has one of the two marks in the log, however much of the log was copied
//! into it. A database with another mark is a different one, or an older copy. (A copy that was made
//! while this log was written has the second mark, and is complete together with the log.) If a mark is
//! missing, as in version 0.1, the two count as belonging together.

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::files::{beside, open_reader};

/// Gives the database a new mark. All of the log has to be in the database, because the database stores
/// only the current and the previous mark.
pub(super) fn renew(db: &Connection) -> rusqlite::Result<()> {
    let renew = "UPDATE meta SET mark_before = mark, mark = random() | 1";
    db.prepare_cached(renew)?.execute([]).map(drop)
}

/// Gives a copy marks of its own, so that no log belongs to it.
pub(super) fn set_apart(db: &Connection) -> rusqlite::Result<()> {
    db.execute("UPDATE meta SET mark = random() | 1, mark_before = random() | 1", []).map(drop)
}

/// Whether the log beside a database belongs to another database.
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
        // If the daemon was killed during a checkpoint, the database is intact only with its log.
        (Ok(_), Err(error)) if is_damage(&error) => false,
        // The tables may exist only in the log.
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

/// Opens a database read-only, without its log. Creates no files beside it.
pub(super) fn open_alone(database: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_URI;
    Connection::open_with_flags(as_uri(database), flags)
}

fn as_uri(path: &Path) -> PathBuf {
    let path = path.to_string_lossy();
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    // An empty authority keeps SQLite from merging slashes at the beginning.
    let root = if path.starts_with('/') { "//" } else { "" };
    format!("file:{root}{path}?immutable=1").into()
}
