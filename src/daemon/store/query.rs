//! The queries to the threads that read, and the answers to the small ones.

use std::sync::mpsc::Receiver;
use std::sync::{Arc, Weak};

use chatroom::admin::MessagesBy;
use chatroom::room::{Found, REDACTED, Record, RecordKind, Seq};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::files::Reading;
use super::rows;
use super::search::{Scan, SearchSlot};
use super::selection::{Matches, Selected, Selection};
use crate::window::Window;

/// The number of records, and their approximate number of bytes, that are read at a time for a
/// connection that is behind.
const FED_AT_A_TIME: u64 = 256;
const MAX_FED_BYTES: usize = 64 * 1024;

/// The number of records that are read for one answer about the messages of a user.
const LOOKED_THROUGH_AT_A_TIME: u64 = 20_000;

/// The place from which records are read.
pub enum Source {
    Disk(Connection),
    Window(Arc<Window>),
}

/// A query to one of the threads.
pub enum Query {
    /// The records from the first number to before the second.
    From(Seq, Seq, oneshot::Sender<Result<Vec<Record>, String>>),
    Select(Selection, Reply),
    /// The messages that the user with this folded name has sent since a time, after a record.
    MessagesBy(String, Option<Timestamp>, Seq, oneshot::Sender<Result<MessagesBy, String>>),
    /// As `Select`, in steps, for the thread that searches.
    Search(Box<Scan>, SearchSlot, Reply),
}

/// Converts selected records on the thread that has read them, and sends the result.
pub struct Reply {
    give: Box<dyn FnOnce(Result<Selected, String>) + Send>,
    /// Dropped when nothing waits for the reply any more.
    waits: Weak<()>,
}

impl Reply {
    /// A reply that `make` converts, and the future that receives it.
    pub fn new<T: Send + 'static>(
        make: impl FnOnce(Selected) -> T + Send + 'static,
    ) -> (Reply, impl Future<Output = Option<Result<T, String>>>) {
        let (reply, answer) = oneshot::channel();
        let waits = Arc::new(());
        let of = Arc::downgrade(&waits);
        let give = Box::new(move |selected: Result<Selected, String>| {
            drop(reply.send(selected.map(make)));
        });
        let answer = async move {
            let answer = answer.await.ok();
            drop(waits);
            answer
        };
        (Reply { give, waits: of }, answer)
    }

    pub fn give(self, selected: Result<Selected, String>) {
        (self.give)(selected);
    }

    /// Whether nothing waits for the reply any more.
    pub fn is_closed(&self) -> bool {
        self.waits.strong_count() == 0
    }
}

pub fn answer_all(source: &Source, queries: &Receiver<Query>) {
    while let Ok(query) = queries.recv() {
        let _reading = Reading::begin();
        // The receiver may be gone.
        match (query, source) {
            (Query::From(from, end, reply), Source::Disk(db)) => {
                drop(reply.send(read_from(db, from, end).map_err(|error| explain(&error))));
            }
            (Query::Select(_, reply), _) if reply.is_closed() => {}
            (Query::Select(selection, reply), Source::Disk(db)) => {
                reply.give(select(db, &selection).map_err(|error| explain(&error)));
            }
            (Query::MessagesBy(name, since, after, reply), source) => {
                let found = match source {
                    Source::Disk(db) => messages_by(db, &name, since, after),
                    Source::Window(window) => Ok(messages_in(window, &name, since, after)),
                };
                drop(reply.send(found.map_err(|error| explain(&error))));
            }
            // A page is read from its end, so nothing more than the page is read.
            (Query::Select(selection, reply), Source::Window(window)) => {
                reply.give(Ok(Scan::new(selection).of_window(window)));
            }
            // Records that have left the window are gone, and searches have a thread of their own.
            (Query::From(..), Source::Window(_)) | (Query::Search(..), _) => {}
        }
    }
}

/// The sentence about a failure of the store.
pub(super) fn explain(error: &rusqlite::Error) -> String {
    format!("the history cannot be read: {error}")
}

fn read_from(db: &Connection, from: Seq, end: Seq) -> rusqlite::Result<Vec<Record>> {
    let mut select = db.prepare_cached(rows::SELECT_FROM)?;
    let limit = FED_AT_A_TIME as i64;
    let mut found = select.query([from.0 as i64, end.0 as i64, limit])?;
    let (mut records, mut bytes) = (Vec::new(), 0);
    while bytes < MAX_FED_BYTES
        && let Some(row) = found.next()?
    {
        let record = rows::read(row)?;
        bytes += record.weight();
        records.push(record);
    }
    Ok(records)
}

fn select(db: &Connection, selection: &Selection) -> rusqlite::Result<Selected> {
    let from = selection.after.map_or(0, |seq| seq.0 as i64 + 1);
    let end = selection.before.map_or(i64::MAX, |seq| seq.0 as i64);
    let mut statement = db.prepare_cached(match selection.is_forward() {
        true => rows::SELECT_FROM,
        false => rows::SELECT_BACK,
    })?;
    let mut matches = Matches::default();
    let mut found = statement.query(params![from, end, -1])?;
    while let Some(row) = found.next()? {
        if !matches.add(selection, rows::read(row)?) {
            break;
        }
    }
    Ok(matches.in_order(selection))
}

fn messages_by(
    db: &Connection,
    name: &str,
    since: Option<Timestamp>,
    after: Seq,
) -> rusqlite::Result<MessagesBy> {
    let mut select = db.prepare_cached(rows::SELECT_FROM)?;
    let limit = LOOKED_THROUGH_AT_A_TIME as i64;
    let mut rows = select.query(params![after.0 as i64 + 1, i64::MAX, limit])?;
    let (mut found, mut count, mut last) = (MessagesBy::default(), 0, after);
    while let Some(row) = rows.next()? {
        let record = rows::read(row)?;
        note_message(&mut found, &record, name, since);
        (count, last) = (count + 1, record.seq);
    }
    found.more_after = (count == LOOKED_THROUGH_AT_A_TIME).then_some(last.0);
    Ok(found)
}

/// Notes a record if it is a message of the user with this folded name.
fn note_message(found: &mut MessagesBy, record: &Record, name: &str, since: Option<Timestamp>) {
    let (RecordKind::Message { name: author, text } | RecordKind::Action { name: author, text }) =
        &record.kind
    else {
        return;
    };
    if **author.folded() != *name || since.is_some_and(|since| record.time < since) {
        return;
    }
    match text.as_str() {
        REDACTED => found.already += 1,
        _ => found.targets.push(record.seq.0),
    }
}

fn messages_in(window: &Window, name: &str, since: Option<Timestamp>, after: Seq) -> MessagesBy {
    let mut found = MessagesBy::default();
    let (first, mut end, _) = window.extent();
    while end > first
        && end.previous() > after
        && let Found::Batch(batch) = window.at(end.previous())
    {
        let wanted = batch.records().iter().rev().filter(|record| record.seq > after);
        wanted.for_each(|record| note_message(&mut found, record, name, since));
        end = batch.first();
    }
    found.targets.reverse();
    found
}
