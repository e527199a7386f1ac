//! The access state and the audit as rows. They are in a file of their own, because a copy of the
//! history can be given away, and this cannot.

mod keys;

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use chatroom::access::{AccessState, Account, Change, Sanction, SanctionKind, Target, Term};
use chatroom::admin::AuditEntry;
use chatroom::confusables::fold;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use crate::private;
use crate::store::migrate;

/// The name of the file in the state folder.
const FILE: &str = "access.sqlite";

/// The maximum number of entries of the audit that are kept.
const MAX_AUDITED: i64 = 100_000;

/// The schema: each step adds to the one before.
const STEPS: &[&str] = &[
    "
    CREATE TABLE accounts (
        look TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        hash TEXT NOT NULL,
        operator INTEGER NOT NULL,
        locked INTEGER NOT NULL,
        made INTEGER NOT NULL
    );
    CREATE TABLE sanctions (
        kind TEXT NOT NULL,
        look TEXT NOT NULL,
        target TEXT NOT NULL,
        until INTEGER,
        reason TEXT,
        made INTEGER NOT NULL,
        by TEXT NOT NULL,
        PRIMARY KEY (kind, look)
    );
    CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE audit (
        id INTEGER PRIMARY KEY,
        time INTEGER NOT NULL,
        by TEXT NOT NULL,
        what TEXT NOT NULL,
        target TEXT NOT NULL
    );
",
    "
    ALTER TABLE accounts ADD COLUMN renewed INTEGER NOT NULL DEFAULT 0;
",
];

/// The database.
pub struct Db(Connection);

impl Db {
    /// Opens the database and reads the access state.
    ///
    /// # Errors
    /// It is damaged, not a database of chatroomd, or cannot be opened.
    pub fn open(folder: Option<&Path>) -> anyhow::Result<(Db, AccessState)> {
        let (mut db, shown) = match folder {
            None => (Connection::open_in_memory()?, "in memory".to_owned()),
            Some(folder) => {
                let path = folder.join(FILE);
                let shown = path.display().to_string();
                // It contains password hashes, so no other user may read it.
                drop(private::open(&path)?);
                (Connection::open(&path)?, shown)
            }
        };
        let access_state = migrate(&mut db, STEPS).and_then(|_| {
            db.pragma_update(None, "synchronous", "FULL")?;
            db.pragma_update(None, "secure_delete", "ON")?;
            keys::renew(&mut db)?;
            Ok(read(&db)?)
        });
        let access_state = access_state.with_context(|| {
            format!(
                "{shown} cannot be used. If it is moved away, a new one without accounts and bans is made"
            )
        })?;
        Ok((Db(db), access_state))
    }

    /// Stores an entry of the audit, with the change that it is about if there is one. Returns the
    /// number of the entry.
    ///
    /// # Errors
    /// Nothing is stored.
    pub fn store(&mut self, change: Option<&Change>, entry: &AuditEntry) -> rusqlite::Result<i64> {
        let transaction = self.0.transaction()?;
        if let Some(change) = change {
            write(&transaction, change)?;
        }
        transaction.execute(
            "INSERT INTO audit (time, by, what, target) VALUES (?, ?, ?, ?)",
            params![entry.time.as_millisecond(), entry.by, entry.what, entry.target],
        )?;
        let last = transaction.last_insert_rowid();
        transaction.execute("DELETE FROM audit WHERE id <= ?", [last - MAX_AUDITED])?;
        let now = entry.time.as_millisecond();
        transaction.execute("DELETE FROM sanctions WHERE until <= ?", [now])?;
        transaction.commit()?;
        Ok(last)
    }

    /// Removes an entry of the audit.
    ///
    /// # Errors
    /// It is still there.
    pub fn withdraw(&mut self, id: i64) -> rusqlite::Result<()> {
        self.0.execute("DELETE FROM audit WHERE id = ?", [id]).map(drop)
    }

    /// The newest entries of the audit, the newest last.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn audit(&self, limit: usize) -> rusqlite::Result<Vec<AuditEntry>> {
        let mut select = self.0.prepare_cached(
            "SELECT time, by, what, target FROM \
             (SELECT * FROM audit ORDER BY id DESC LIMIT ?) ORDER BY id",
        )?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let entries = select.query_map([limit], |row| {
            Ok(AuditEntry {
                time: time(row, 0)?.unwrap_or(Timestamp::UNIX_EPOCH),
                by: row.get(1)?,
                what: row.get(2)?,
                target: row.get(3)?,
                uid: None,
            })
        })?;
        entries.collect()
    }
}

fn write(db: &Connection, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::PutAccount { account, .. } => db.execute(
            "INSERT OR REPLACE INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                fold(&account.name),
                account.name,
                account.hash,
                account.is_operator,
                account.is_locked,
                account.made.as_millisecond(),
                account.renewed.as_millisecond()
            ],
        )?,
        Change::RemoveAccount(name) => {
            db.execute("DELETE FROM accounts WHERE look = ?", [fold(name)])?
        }
        Change::PutSanction(sanction) => db.execute(
            "INSERT OR REPLACE INTO sanctions VALUES (?, ?, ?, ?, ?, ?, ?)",
            params![
                sanction.kind.as_str(),
                key(&sanction.target),
                sanction.target.to_string(),
                sanction.term.until.map(Timestamp::as_millisecond),
                sanction.term.reason,
                sanction.made.as_millisecond(),
                sanction.by
            ],
        )?,
        Change::RemoveSanction(kind, target) => db.execute(
            "DELETE FROM sanctions WHERE kind = ? AND look = ?",
            params![kind.as_str(), key(target)],
        )?,
        Change::SetTopic(Some(topic)) => {
            db.execute("INSERT OR REPLACE INTO settings VALUES ('topic', ?)", [topic])?
        }
        Change::SetTopic(None) => db.execute("DELETE FROM settings WHERE name = 'topic'", [])?,
        Change::SetSlow(slow) => db.execute(
            "INSERT OR REPLACE INTO settings VALUES ('slow', ?)",
            [slow.as_secs().to_string()],
        )?,
        Change::SetRoomHash(_) => 0,
    };
    Ok(())
}

/// The key of a target: the network itself, or the skeleton of the name.
fn key(target: &Target) -> String {
    match target {
        Target::Name(name) => name.skeleton.clone(),
        Target::Network(network) => network.to_string(),
    }
}

fn read(db: &Connection) -> rusqlite::Result<AccessState> {
    let mut access_state = AccessState::default();
    let mut put = |change: Change| access_state.apply(change);
    let mut accounts =
        db.prepare("SELECT name, hash, operator, locked, made, renewed FROM accounts")?;
    let accounts = accounts.query_map([], |row| {
        Ok(Account {
            name: row.get(0)?,
            hash: row.get(1)?,
            is_operator: row.get(2)?,
            is_locked: row.get(3)?,
            made: time(row, 4)?.unwrap_or(Timestamp::UNIX_EPOCH),
            renewed: time(row, 5)?.unwrap_or(Timestamp::UNIX_EPOCH),
        })
    })?;
    for account in accounts {
        put(Change::PutAccount { account: account?, renews: false });
    }
    let mut sanctions = db.prepare(
        "SELECT kind, target, until, reason, made, by FROM sanctions ORDER BY made, rowid",
    )?;
    let sanctions = sanctions.query_map([], |row| {
        let kind: String = row.get(0)?;
        let target: String = row.get(1)?;
        Ok(Sanction {
            kind: if kind == "mute" { SanctionKind::Mute } else { SanctionKind::Ban },
            target: Target::from_store(&target),
            term: Term { until: time(row, 2)?, reason: row.get(3)? },
            made: time(row, 4)?.unwrap_or(Timestamp::UNIX_EPOCH),
            by: row.get(5)?,
        })
    })?;
    for sanction in sanctions {
        put(Change::PutSanction(sanction?));
    }
    let mut settings = db.prepare("SELECT name, value FROM settings")?;
    let settings =
        settings.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    for setting in settings {
        match setting? {
            (name, topic) if name == "topic" => put(Change::SetTopic(Some(topic))),
            (name, slow) if name == "slow" => {
                put(Change::SetSlow(Duration::from_secs(slow.parse().unwrap_or(0))));
            }
            _ => {}
        }
    }
    access_state.expire(Timestamp::now());
    Ok(access_state)
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Timestamp>> {
    let milliseconds: Option<i64> = row.get(column)?;
    Ok(milliseconds.and_then(|it| Timestamp::from_millisecond(it).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_stored_is_in_force_again() {
        let folder = tempfile::TempDir::new().unwrap();
        let now = Timestamp::now();
        let entry = AuditEntry {
            time: now,
            by: "uid 0".to_owned(),
            uid: None,
            what: "ban".to_owned(),
            target: "eve".to_owned(),
        };
        let ban = |target: &str, until| {
            Change::PutSanction(Sanction {
                kind: SanctionKind::Ban,
                target: Target::from_store(target),
                term: Term { until, reason: Some("spam".to_owned()) },
                made: now,
                by: "uid 0".to_owned(),
            })
        };
        {
            let (mut db, _) = Db::open(Some(folder.path())).unwrap();
            for change in [
                ban("Eve", None),
                ban("EVE", Some(now + jiff::SignedDuration::from_hours(1))),
                ban("10.0.0.0/8", None),
                ban("10.0.0.7", None),
                Change::RemoveSanction(SanctionKind::Ban, Target::from_store("10.0.0.7")),
                Change::SetTopic(Some("Tea".to_owned())),
                Change::SetSlow(Duration::from_secs(5)),
            ] {
                db.store(Some(&change), &entry).unwrap();
            }
        }
        let (db, access_state) = Db::open(Some(folder.path())).unwrap();
        let shown: Vec<_> =
            access_state.sanctions.in_force(now).iter().map(|it| it.target.to_string()).collect();
        assert_eq!(shown, ["10.0.0.0/8", "EVE"]);
        assert_eq!(access_state.topic.as_deref(), Some("Tea"));
        assert_eq!(access_state.slow, Duration::from_secs(5));
        assert_eq!(db.audit(2).unwrap().len(), 2);
        assert_eq!(db.audit(100).unwrap().len(), 7);
    }
}
