//! The tables, and how older ones become these.

use anyhow::bail;
use rusqlite::Connection;

use super::BUSY_TIME;

/// What each version of the schema adds to the one before; the number of a version is how many
/// steps it has had (`PRAGMA user_version`). A step that was released is never changed.
const STEPS: &[&str] = &["
    CREATE TABLE meta (
        running INTEGER NOT NULL,
        power INTEGER NOT NULL,
        runs INTEGER NOT NULL
    );
    INSERT INTO meta VALUES (0, 1, 0);
    CREATE TABLE epochs (epoch INTEGER PRIMARY KEY, first INTEGER NOT NULL);
    INSERT INTO epochs VALUES (1, 1);
    CREATE TABLE records (
        seq INTEGER PRIMARY KEY,
        epoch INTEGER NOT NULL,
        time INTEGER NOT NULL,
        kind INTEGER NOT NULL,
        session INTEGER,
        client_id TEXT,
        name TEXT,
        text TEXT
    );
    CREATE UNIQUE INDEX records_by_id ON records (session, client_id)
        WHERE client_id IS NOT NULL;
    CREATE TABLE members (session INTEGER PRIMARY KEY, name TEXT NOT NULL, since INTEGER NOT NULL);
    CREATE TABLE sessions (
        id INTEGER PRIMARY KEY,
        token BLOB NOT NULL UNIQUE,
        seen INTEGER NOT NULL
    );
    CREATE TABLE directs (session INTEGER NOT NULL, id TEXT NOT NULL, PRIMARY KEY (session, id))
        WITHOUT ROWID;
"];

/// Makes the database what this version needs. Gives whether it was made just now.
///
/// # Errors
/// It is damaged, none of ours, or made by a newer version.
pub fn prepare(db: &mut Connection) -> anyhow::Result<bool> {
    db.busy_timeout(BUSY_TIME)?;
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let found = usize::try_from(found)?;
    if found > STEPS.len() {
        bail!(
            "it was made by a newer chatroomd (version {found} of the tables, this one knows {})",
            STEPS.len()
        );
    }
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // What is taken away is not left in free pages.
    db.pragma_update(None, "secure_delete", "ON")?;
    let transaction = db.transaction()?;
    for (version, step) in STEPS.iter().enumerate().skip(found) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", (version + 1) as i64)?;
    }
    transaction.commit()?;
    // The keeper does that.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(found == 0)
}
