//! Redacting records: taking their text away.

use chatroom::admin::Redaction;
use chatroom::room::{Found, NewRecord, REDACTED, Record, Refusal, Room, Seq};
use jiff::Timestamp;
use tracing::error;

use super::storage::Storage;
use crate::store::StoreFailure;
use crate::window::Window;

/// Redacts those of the targets that have a text, and reports on each.
///
/// # Errors
/// A record cannot be looked up, so nothing is redacted.
pub fn redact(
    mut targets: Vec<Seq>,
    room: &mut Room,
    window: &Window,
    storage: &mut Storage,
    now: Timestamp,
) -> Result<Redaction, Refusal> {
    targets.sort_unstable();
    targets.dedup();
    let mut done = Redaction {
        oldest: storage.oldest().unwrap_or_else(|| window.extent().0).0,
        newest: room.position().seq.0,
        ..Redaction::default()
    };
    for target in targets {
        let record = find_record(target, room, window, storage).map_err(|failure| {
            error!(event = "store-failed", "cannot look up a record: {failure}");
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
        room.apply(NewRecord::Redaction { targets: targets.clone() }, now, |_, _| None)?;
        storage.extras.redactions.extend(targets);
    }
    Ok(done)
}

/// A record, wherever it is: in the batch, in the window or in the store.
///
/// # Errors
/// It cannot be looked up.
pub fn find_record(
    seq: Seq,
    room: &Room,
    window: &Window,
    storage: &Storage,
) -> Result<Option<Record>, StoreFailure> {
    let is_it = |record: &&Record| record.seq == seq;
    if let Some(record) = room.batch().iter().find(is_it) {
        return Ok(Some(record.clone()));
    }
    match window.at(seq) {
        Found::Batch(batch) => match batch.records().iter().find(is_it) {
            Some(record) => Ok(Some(record.clone())),
            None => storage.record(seq),
        },
        Found::End | Found::Missed(_) => storage.record(seq),
    }
}
