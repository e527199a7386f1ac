//! Data that is stored in addition to records: tokens of sessions and ids of direct messages. It
//! has separate limits and does not count as history.

use std::collections::HashMap;

use chatroom::room::{Seq, SessionId};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

use super::{TokenHash, rows};

/// The number of ids of direct messages that are kept for each session. There can be a few more for
/// a while.
pub(super) const MAX_DIRECTS_OF_SESSION: u32 = 512;

/// The number of ids of direct messages that are kept in all.
const MAX_DIRECTS: u64 = 20_000;

/// The number of sessions that can be resumed, including those of present users.
const MAX_SESSIONS: u64 = 100_000;

/// The number of entries, in addition to those that a batch adds, that are removed with it while
/// there are too many.
const MORE: u64 = 64;

/// The maximum size of an entry, in its table and indexes together, approximately.
const ENTRY_BYTES: u64 = 512;

/// The number of bytes of new entries, or of calls of [`Amounts::bytes`], after which the size is
/// measured again.
const MEASURE_AFTER_BYTES: u64 = 256 << 10;
const MEASURE_AFTER_LOOKS: u32 = 256;

/// The tables that do not count as history, and their indexes.
const TABLES: [&str; 7] = [
    "directs",
    "directs_by_id",
    "sessions",
    "sqlite_autoindex_sessions_1",
    "sessions_by_seen",
    "members",
    "aliases",
];

/// Additional data that is stored together with a batch of records.
#[derive(Default)]
pub struct Extras {
    /// Tokens with which sessions can be resumed. A new token replaces the old one.
    pub tokens: Vec<(SessionId, TokenHash)>,
    /// Ids of direct messages, which are not records.
    pub directs: Vec<(SessionId, String)>,
    /// Records whose text is to be replaced.
    pub redactions: Vec<Seq>,
    /// New names of members.
    pub renames: Vec<(SessionId, String)>,
    /// Former names of sessions, and sanctioned networks in which they were, each until a time.
    pub aliases: Vec<(SessionId, String, Timestamp)>,
}

impl Extras {
    /// Whether there is nothing to store.
    pub fn is_empty(&self) -> bool {
        let Extras { tokens, directs, redactions, renames, aliases } = self;
        tokens.is_empty()
            && directs.is_empty()
            && redactions.is_empty()
            && renames.is_empty()
            && aliases.is_empty()
    }
}

/// The number of entries, and their size.
pub(super) struct Amounts {
    directs: u64,
    sessions: u64,
    /// The number of direct messages that each session has sent since its old ones were last
    /// removed.
    by_session: HashMap<SessionId, u32>,
    /// The size of the tables when it was last measured.
    measured: u64,
    /// The most that they can have grown since.
    grown: u64,
    looks: u32,
    max_directs: u64,
    max_sessions: u64,
}

/// The changes that a transaction makes to the amounts once it is committed.
#[derive(Default)]
pub(super) struct Changes {
    directs_in: u64,
    directs_out: u64,
    sessions_in: u64,
    sessions_out: u64,
}

impl Amounts {
    pub(super) fn read(db: &Connection) -> rusqlite::Result<Amounts> {
        let count = |table: &str| {
            db.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get::<_, i64>(0))
        };
        Ok(Amounts {
            directs: count("directs")?.unsigned_abs(),
            sessions: count("sessions")?.unsigned_abs(),
            by_session: HashMap::new(),
            measured: measure(db)?,
            grown: 0,
            looks: 0,
            max_directs: MAX_DIRECTS,
            max_sessions: MAX_SESSIONS,
        })
    }

    /// Stores the extras of a batch, and removes surplus entries.
    pub(super) fn store(
        &mut self,
        transaction: &Transaction<'_>,
        extras: &Extras,
        now: Timestamp,
    ) -> rusqlite::Result<Changes> {
        let mut changes = Changes::default();
        for (session, hash) in &extras.tokens {
            // The session may have another token already.
            let row = params![session.0 as i64, hash, now.as_millisecond()];
            let update = "UPDATE sessions SET token = ?2, seen = ?3 WHERE id = ?1";
            if transaction.prepare_cached(update)?.execute(row)? == 0 {
                let insert = "INSERT INTO sessions (id, token, seen) VALUES (?, ?, ?)";
                transaction.prepare_cached(insert)?.execute(row)?;
                changes.sessions_in += 1;
            }
        }
        for (session, id) in &extras.directs {
            let inserted = transaction
                .prepare_cached("INSERT OR IGNORE INTO directs (session, id) VALUES (?, ?)")?
                .execute(params![session.0 as i64, id])?;
            changes.directs_in += inserted as u64;
            let count = self.by_session.entry(*session).or_default();
            *count += 1;
            if *count >= MAX_DIRECTS_OF_SESSION {
                *count = 0;
                changes.directs_out += forget_directs_of(transaction, *session)?;
            }
        }
        changes.directs_out += forget(
            transaction,
            "DELETE FROM directs WHERE n IN (SELECT n FROM directs ORDER BY n LIMIT ?)",
            surplus(self.directs + changes.directs_in - changes.directs_out, self.max_directs),
            changes.directs_in,
        )?;
        changes.sessions_out += forget(
            transaction,
            "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions
             WHERE id NOT IN (SELECT session FROM members) ORDER BY seen LIMIT ?)",
            surplus(self.sessions + changes.sessions_in, self.max_sessions),
            changes.sessions_in,
        )?;
        if changes.sessions_out > 0 {
            transaction
                .prepare_cached(
                    "DELETE FROM aliases WHERE session NOT IN (SELECT id FROM sessions)
                     AND session NOT IN (SELECT session FROM members)",
                )?
                .execute([])?;
        }
        for (session, alias, until) in &extras.aliases {
            transaction
                .prepare_cached(
                    "INSERT OR REPLACE INTO aliases (session, alias, until) VALUES (?, ?, ?)",
                )?
                .execute(params![session.0 as i64, alias, until.as_millisecond()])?;
        }
        for (session, name) in &extras.renames {
            transaction
                .prepare_cached("UPDATE members SET name = ? WHERE session = ?")?
                .execute(params![name, session.0 as i64])?;
        }
        for seq in &extras.redactions {
            rows::redact(transaction, *seq)?;
        }
        Ok(changes)
    }

    /// Applies changes after the commit.
    pub(super) fn apply(&mut self, changes: &Changes) {
        self.directs = (self.directs + changes.directs_in).saturating_sub(changes.directs_out);
        self.sessions = (self.sessions + changes.sessions_in).saturating_sub(changes.sessions_out);
        self.grown += (changes.directs_in + changes.sessions_in) * ENTRY_BYTES;
        if self.by_session.len() as u64 > self.max_sessions {
            // Sessions whose counter restarts keep a few more ids than they should.
            self.by_session.clear();
        }
    }

    /// Notes that sessions and direct messages were removed elsewhere.
    pub(super) fn forgotten(&mut self, sessions: usize, directs: usize) {
        self.sessions = self.sessions.saturating_sub(sessions as u64);
        self.directs = self.directs.saturating_sub(directs as u64);
    }

    /// An upper bound of the size of the tables, which is close to the real size.
    pub(super) fn bytes(&mut self, db: &Connection) -> rusqlite::Result<u64> {
        self.looks += 1;
        if self.grown > MEASURE_AFTER_BYTES || self.looks > MEASURE_AFTER_LOOKS {
            self.measured = measure(db)?;
            (self.grown, self.looks) = (0, 0);
        }
        Ok(self.measured + self.grown)
    }

    #[cfg(test)]
    pub(super) fn set_most(&mut self, directs: u64, sessions: u64) {
        (self.max_directs, self.max_sessions) = (directs, sessions);
    }
}

fn surplus(count: u64, most: u64) -> u64 {
    count.saturating_sub(most)
}

/// Removes some of the surplus: a bounded number at a time, and all of it after a while.
fn forget(
    transaction: &Transaction<'_>,
    delete: &str,
    surplus: u64,
    came: u64,
) -> rusqlite::Result<u64> {
    if surplus == 0 {
        return Ok(0);
    }
    let count = surplus.min(2 * came + MORE) as i64;
    Ok(transaction.prepare_cached(delete)?.execute([count])? as u64)
}

/// Removes the older direct messages of a session.
fn forget_directs_of(transaction: &Transaction<'_>, session: SessionId) -> rusqlite::Result<u64> {
    let delete = "DELETE FROM directs WHERE session = ?1 AND n <= \
                  (SELECT n FROM directs WHERE session = ?1 ORDER BY n DESC LIMIT 1 OFFSET ?2)";
    let params = params![session.0 as i64, MAX_DIRECTS_OF_SESSION];
    Ok(transaction.prepare_cached(delete)?.execute(params)? as u64)
}

/// The size of the tables in bytes. Reads only their own pages.
fn measure(db: &Connection) -> rusqlite::Result<u64> {
    let mut select =
        db.prepare_cached("SELECT pgsize FROM dbstat WHERE name = ? AND aggregate = TRUE")?;
    let mut bytes = 0;
    for table in TABLES {
        let mut found = select.query([table])?;
        if let Some(row) = found.next()? {
            bytes += row.get::<_, i64>(0)?.unsigned_abs();
        }
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extras_with_anything_to_store_are_not_empty() {
        let (session, seq) = (SessionId(1), Seq(1));
        let empty = Extras::default;
        assert!(empty().is_empty());
        assert!(!Extras { tokens: vec![(session, [0; 32])], ..empty() }.is_empty());
        assert!(!Extras { directs: vec![(session, String::new())], ..empty() }.is_empty());
        assert!(!Extras { redactions: vec![seq], ..empty() }.is_empty());
        assert!(!Extras { renames: vec![(session, "ann".to_owned())], ..empty() }.is_empty());
        let aliases = vec![(session, "ann".to_owned(), Timestamp::MAX)];
        assert!(!Extras { aliases, ..empty() }.is_empty());
    }
}
