//! The tables, and how older versions are migrated.

use anyhow::bail;
use rusqlite::Connection;

use super::BUSY_TIME;

/// The steps from each version of the schema to the next. The version is the number of steps that a
/// database has had (`PRAGMA user_version`). A released step is never changed.
const STEPS: &[&str] = &[
    "
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
    ",
    // To forget old sessions now and then, while the room is open.
    "CREATE INDEX sessions_by_seen ON sessions (seen);",
    // Former names of sessions, and until when they count.
    "CREATE TABLE aliases (
        session INTEGER NOT NULL,
        alias TEXT NOT NULL,
        until INTEGER NOT NULL,
        PRIMARY KEY (session, alias)
    ) WITHOUT ROWID;",
    // Ids of direct messages in their order, so that the oldest can be removed. Marks, to tell whether
    // a log belongs to the database.
    "
    CREATE TABLE ids_of_directs (n INTEGER PRIMARY KEY, session INTEGER NOT NULL, id TEXT NOT NULL);
    INSERT INTO ids_of_directs (session, id) SELECT session, id FROM
        (SELECT session, id FROM directs ORDER BY session DESC LIMIT 20000) ORDER BY session;
    DROP TABLE directs;
    ALTER TABLE ids_of_directs RENAME TO directs;
    CREATE UNIQUE INDEX directs_by_id ON directs (session, id);
    ALTER TABLE meta ADD COLUMN mark INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE meta ADD COLUMN mark_before INTEGER NOT NULL DEFAULT 0;
    ",
];

/// Sets the database up for this version. Returns whether it is new.
///
/// # Errors
/// It is damaged, is not a history, or was made by a newer version.
pub fn prepare(db: &mut Connection) -> anyhow::Result<bool> {
    prepare_with(db, STEPS)
}

/// Migrates a copy of a history.
///
/// # Errors
/// It was made by a newer version.
pub fn migrate_history(db: &mut Connection) -> anyhow::Result<()> {
    migrate(db, STEPS).map(drop)
}

fn prepare_with(db: &mut Connection, steps: &[&str]) -> anyhow::Result<bool> {
    db.busy_timeout(BUSY_TIME)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // Deleted data must not stay in free pages.
    db.pragma_update(None, "secure_delete", "ON")?;
    let is_new = migrate(db, steps)?;
    // The checkpointer runs checkpoints.
    db.pragma_update(None, "wal_autocheckpoint", 0)?;
    Ok(is_new)
}

/// Runs the steps that a database has not had yet. Returns whether it had none.
///
/// # Errors
/// It is damaged, is not such a database, or was made by a newer version.
pub fn migrate(db: &mut Connection, steps: &[&str]) -> anyhow::Result<bool> {
    db.busy_timeout(BUSY_TIME)?;
    let found: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let found = usize::try_from(found)?;
    if found > steps.len() {
        bail!(
            "it was made by a newer chatroomd (version {found} of the tables, this one knows {})",
            steps.len()
        );
    }
    let transaction = db.transaction()?;
    for (version, step) in steps.iter().enumerate().skip(found) {
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", (version + 1) as i64)?;
    }
    transaction.commit()?;
    Ok(found == 0)
}

/// A database of an older version.
#[cfg(test)]
pub fn open_older(path: &std::path::Path, version: usize) -> Connection {
    let mut db = Connection::open(path).unwrap();
    prepare_with(&mut db, &STEPS[..version]).unwrap();
    db
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_an_older_version_becomes_one_of_this_with_all_that_is_in_it() {
        for version in 1..STEPS.len() {
            let folder = tempfile::TempDir::new().unwrap();
            let mut db = Connection::open(folder.path().join("db")).unwrap();
            assert!(prepare_with(&mut db, &STEPS[..version]).unwrap());
            let insert = "INSERT INTO records (seq, epoch, time, kind, name, text) \
                          VALUES (7, 1, 0, 1, 'ann', 'good evening')";
            db.execute(insert, []).unwrap();
            assert!(!prepare(&mut db).unwrap(), "it is not new");
            let text: String = db
                .query_row("SELECT text FROM records WHERE seq = 7", [], |row| row.get(0))
                .unwrap();
            assert_eq!(text, "good evening");
            assert_eq!(tables(&db), tables(&fresh()));
            // A second start has nothing to do.
            assert!(!prepare(&mut db).unwrap());
        }
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let mut db = fresh();
        let before = tables(&db);
        let steps = [STEPS, &["CREATE TABLE extra (a);", "CREATE TABLE records (twice);"]].concat();
        assert!(prepare_with(&mut db, &steps).is_err());
        assert_eq!(tables(&db), before);
        assert!(!prepare(&mut db).unwrap(), "the version before goes on with it");
    }

    fn fresh() -> Connection {
        let mut db = Connection::open_in_memory().unwrap();
        prepare(&mut db).unwrap();
        db
    }

    /// All tables and indexes, as they were made.
    fn tables(db: &Connection) -> Vec<(String, Option<String>)> {
        let mut select = db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").unwrap();
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        rows.collect::<Result<_, _>>().unwrap()
    }
}
