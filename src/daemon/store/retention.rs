//! How much of the history is kept. A few of the oldest records go at a time, so that it never
//! pauses the room.

use std::time::Duration;

use chatroom::room::Seq;
use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::recovery::forget_old_sessions;
use super::{Store, StoreFailure};

/// So many old records go with a batch at the most.
pub(super) const MAX_REMOVED: u64 = 256;

/// After so many batches it is looked whether there are too many records, or too long a log.
pub(super) const LOOK_AFTER_EVERY: u32 = 16;

/// How often a few old sessions are forgotten, of what is kept for days.
const FORGET_EVERY: Duration = Duration::from_secs(60);

impl Store {
    /// Now and then, after a batch: lets go of a few of the oldest records if there are more than
    /// are to be kept, and looks after the write-ahead log.
    ///
    /// # Errors
    /// As for [`Store::commit`].
    pub fn look_after(&mut self, last: Seq, now: Timestamp) -> Result<(), StoreFailure> {
        self.batches += 1;
        if self.batches < LOOK_AFTER_EVERY {
            return Ok(());
        }
        self.batches = 0;
        self.checkpointer.look_after();
        let log = self.log();
        let _writing = log.begin_writing();
        if now >= self.forget_at {
            let (sessions, directs) = forget_old_sessions(&self.db, now)?;
            self.amounts.forgotten(sessions, directs);
            self.forget_at = now.saturating_add(FORGET_EVERY).unwrap_or(Timestamp::MAX);
        }
        // The newest always stays: from it the numbers go on.
        if let Some(end) = self.end_of_surplus(now)?.map(|end| end.min(last)) {
            self.db.prepare_cached("DELETE FROM records WHERE seq < ?")?.execute([end.0 as i64])?;
            self.oldest = end;
        }
        Ok(())
    }

    /// Before which record everything may go, of the few oldest.
    fn end_of_surplus(&mut self, now: Timestamp) -> Result<Option<Seq>, StoreFailure> {
        let most = Seq(self.oldest.0 + MAX_REMOVED);
        if self.keep_bytes > 0 && self.history_bytes()? > self.keep_bytes {
            return Ok(Some(most));
        }
        if self.keep_for.is_zero() {
            return Ok(None);
        }
        let until = now.as_millisecond() - i64::try_from(self.keep_for.as_millis()).unwrap_or(0);
        let fresh: Option<i64> = self
            .db
            .prepare_cached("SELECT seq FROM records WHERE seq < ? AND time >= ? ORDER BY seq")?
            .query_row(params![most.0 as i64, until], |row| row.get(0))
            .optional()?;
        let has_any: Option<i64> = self
            .db
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

    /// What the records take. What a person can make beside them takes nothing away from them.
    pub(super) fn history_bytes(&mut self) -> Result<u64, StoreFailure> {
        let other = self.amounts.bytes(&self.db)?;
        Ok(self.used_bytes()?.saturating_sub(other))
    }

    pub(super) fn used_bytes(&self) -> Result<u64, StoreFailure> {
        let number = |pragma: &str| -> Result<u64, StoreFailure> {
            let number: i64 = self.db.pragma_query_value(None, pragma, |row| row.get(0))?;
            Ok(number.unsigned_abs())
        };
        let pages = number("page_count")?.saturating_sub(number("freelist_count")?);
        Ok(pages * number("page_size")?)
    }
}
