//! Retention of the history. A few of the oldest records are removed at a time, so that this never
//! pauses the room.

use std::time::Duration;

use chatroom::config::History;
use chatroom::room::Seq;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::StoreFailure;
use super::extras::Amounts;

/// The maximum number of records that are removed at a time.
pub(super) const MAX_REMOVED: u64 = 256;

/// The interval at which old sessions are forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(60);

/// The time for which a session can be resumed after its user has gone, in milliseconds: 30 days.
const SESSION_TIME: i64 = 30 * 86_400_000;

/// The limits of the history, and how far it has been trimmed to them.
pub(super) struct Retention {
    keep_for: Duration,
    keep_bytes: u64,
    /// The oldest record that is kept.
    pub oldest: Seq,
    /// The time at which sessions are forgotten next.
    forget_at: Timestamp,
}

impl Retention {
    /// For a history whose next record is `next`.
    pub(super) fn read(
        db: &Connection,
        history: &History,
        next: Seq,
    ) -> rusqlite::Result<Retention> {
        let oldest: Option<i64> =
            db.query_row("SELECT min(seq) FROM records", [], |row| row.get(0))?;
        let oldest = oldest.map_or(next, |seq| Seq(seq as u64));
        let mut retention = Retention {
            keep_for: Duration::ZERO,
            keep_bytes: 0,
            oldest,
            forget_at: Timestamp::MIN,
        };
        retention.configure(history);
        Ok(retention)
    }

    /// Replaces the limits.
    pub(super) fn configure(&mut self, history: &History) {
        self.keep_for = history.keep_for;
        self.keep_bytes = history.keep_bytes as u64;
    }

    /// Removes a few of the oldest records if there are more than are to be kept, and sometimes a few
    /// old sessions. The record `last` always stays, because the numbers continue from it.
    pub(super) fn apply(
        &mut self,
        db: &Connection,
        amounts: &mut Amounts,
        last: Seq,
        now: Timestamp,
    ) -> Result<(), StoreFailure> {
        if now >= self.forget_at {
            let (sessions, directs) = forget_old_sessions(db, now)?;
            amounts.forgotten(sessions, directs);
            self.forget_at = now.saturating_add(FORGET_EVERY).unwrap_or(Timestamp::MAX);
        }
        if let Some(end) = self.end_of_surplus(db, amounts, now)?.map(|end| end.min(last)) {
            db.prepare_cached("DELETE FROM records WHERE seq < ?")?.execute([end.0 as i64])?;
            self.oldest = end;
        }
        Ok(())
    }

    /// The record before which everything can be removed now, if anything can.
    fn end_of_surplus(
        &self,
        db: &Connection,
        amounts: &mut Amounts,
        now: Timestamp,
    ) -> Result<Option<Seq>, StoreFailure> {
        let most = Seq(self.oldest.0 + MAX_REMOVED);
        if self.keep_bytes > 0 && history_bytes(db, amounts)? > self.keep_bytes {
            return Ok(Some(most));
        }
        if self.keep_for.is_zero() {
            return Ok(None);
        }
        let until = now.as_millisecond() - i64::try_from(self.keep_for.as_millis()).unwrap_or(0);
        let fresh: Option<i64> = db
            .prepare_cached("SELECT seq FROM records WHERE seq < ? AND time >= ? ORDER BY seq")?
            .query_row(params![most.0 as i64, until], |row| row.get(0))
            .optional()?;
        let has_any: Option<i64> = db
            .prepare_cached("SELECT seq FROM records WHERE seq < ? ORDER BY seq LIMIT 1")?
            .query_row(params![most.0 as i64], |row| row.get(0))
            .optional()?;
        Ok(match (has_any, fresh) {
            (None, _) => None,
            (Some(first), Some(fresh)) if fresh <= first => None,
            (Some(_), Some(fresh)) => Some(Seq(fresh as u64)),
            (Some(_), None) => Some(most),
        })
    }
}

/// The size of the records, without the data stored beside them.
pub(super) fn history_bytes(db: &Connection, amounts: &mut Amounts) -> rusqlite::Result<u64> {
    let other = amounts.bytes(db)?;
    Ok(used_bytes(db)?.saturating_sub(other))
}

/// The size of everything in the database.
pub(super) fn used_bytes(db: &Connection) -> rusqlite::Result<u64> {
    let number = |pragma: &str| {
        db.pragma_query_value(None, pragma, |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    };
    let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
    Ok(pages * number("page_size")?)
}

/// Forgets a few of the sessions that have not been used for a long time, and the ids of their direct
/// messages. Returns how many of each.
fn forget_old_sessions(db: &Connection, now: Timestamp) -> rusqlite::Result<(usize, usize)> {
    let old = "SELECT id FROM sessions WHERE seen < ?1 \
               AND id NOT IN (SELECT session FROM members) ORDER BY seen LIMIT 256";
    let until = now.as_millisecond() - SESSION_TIME;
    // All three select the same sessions, because only the last changes the table `sessions`.
    let delete_from = |table: &str, column: &str| {
        db.prepare_cached(&format!("DELETE FROM {table} WHERE {column} IN ({old})"))?
            .execute([until])
    };
    let directs = delete_from("directs", "session")?;
    delete_from("aliases", "session")?;
    let sessions = delete_from("sessions", "id")?;
    Ok((sessions, directs))
}
