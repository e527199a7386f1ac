//! Taking the text of records away.

use chatroom::admin::Redaction;
use chatroom::room::{NewRecord, REDACTED, Record, Refusal, Seq};
use jiff::Timestamp;
use tracing::error;

use super::RoomThread;
use crate::store::StoreFailure;

impl RoomThread {
    /// Redacts those of the targets that can be redacted, and says what became of each.
    pub(super) fn redact(
        &mut self,
        mut targets: Vec<Seq>,
        now: Timestamp,
    ) -> Result<Redaction, Refusal> {
        targets.sort_unstable();
        targets.dedup();
        let mut done = Redaction {
            oldest: self.oldest().0,
            newest: self.room.position().seq.0,
            ..Redaction::default()
        };
        for target in targets {
            let record = self.look_up(target).map_err(|failure| {
                error!(event = "store-failed", "a record cannot be looked up: {failure}");
                Refusal::StorageFull
            })?;
            let list = match record.as_ref().map(Record::text) {
                None => &mut done.missing,
                Some(None) => &mut done.without_text,
                Some(Some(REDACTED)) => &mut done.already,
                Some(Some(_)) => &mut done.redacted,
            };
            list.push(target.0);
        }
        if !done.redacted.is_empty() {
            let targets: Vec<Seq> = done.redacted.iter().copied().map(Seq).collect();
            self.apply(NewRecord::Redaction { targets: targets.clone() }, now)?;
            self.extras.redactions.extend(targets);
        }
        Ok(done)
    }

    /// The oldest record that there is.
    fn oldest(&self) -> Seq {
        self.store.as_ref().map_or_else(|| self.window.extent().0, |store| store.oldest())
    }

    /// A record, wherever it is. Unlike [`RoomThread::find_record`] this tells a failure from a
    /// record that is not there.
    fn look_up(&self, seq: Seq) -> Result<Option<Record>, StoreFailure> {
        match (self.find_record(seq), &self.store) {
            (None, Some(store)) => store.record(seq),
            (found, _) => Ok(found),
        }
    }
}
