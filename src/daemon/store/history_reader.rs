//! Reading what was said before: from the disk, or, without a store, from the window in memory.
//!
//! Three threads read: one feeds readers that are behind, one gives pages of what was said before,
//! and one searches ([`super::search`]), which can take long and must hold up neither. The first two
//! answer one question after the other, and each is small. What was found is encoded there, too: the
//! thread that serves everybody only passes it on.

use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::{io, thread};

use chatroom::admin::MessagesBy;
use chatroom::names;
use chatroom::room::{Found, REDACTED, Record, RecordKind, Seq};
use chatroom::wire::text;
use jiff::Timestamp;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;
use tracing::error;

use super::files::Reading;
use super::search::{self, Place, Places, Scan};
use super::{open_reader, rows};
use crate::window::Window;

/// So many records, and about so many bytes of them, are read at a time for a reader that is behind.
const FED_AT_A_TIME: u64 = 256;
const MAX_FED_BYTES: usize = 64 * 1024;

/// The most bytes of a page of what was said before: what is asked for again and again, and not
/// read, is kept for each who asks.
pub const MAX_PAGE_BYTES: usize = 128 * 1024;

/// The longest text that can be searched for.
pub const MAX_SEARCH_BYTES: usize = 512;

/// So many records are looked through for one answer about the messages of a user.
const LOOKED_THROUGH_AT_A_TIME: u64 = 20_000;

/// Which records are asked for.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only what comes after this record; then the first of them are given.
    pub after: Option<Seq>,
    /// Only what comes before this record; then the last of them are given.
    pub before: Option<Seq>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only what the person of this name did.
    pub from: Option<String>,
    /// Only what has this in its text, without regard to case.
    pub grep: Option<String>,
    pub limit: usize,
    /// About how many bytes of records there may be, the first record aside; 0 is no limit.
    pub max_bytes: usize,
}

/// Some records, in the order of their numbers, and whether there are more.
pub type Selected = (Vec<Record>, bool);

/// Why nothing can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unread {
    /// Too many searches are under way.
    Busy,
    /// The text to look for is longer than [`MAX_SEARCH_BYTES`].
    TooLong,
    /// The store failed, as the log says in more detail.
    Failed(String),
}

/// The way to what was said before.
pub struct HistoryReader {
    /// None where nothing is stored.
    feed: Option<Sender<Query>>,
    pages: Sender<Query>,
    search: Sender<Query>,
    places: Places,
}

/// Where to look.
pub enum Source {
    Disk(Connection),
    Window(Arc<Window>),
}

/// A question to one of the threads.
pub enum Query {
    /// The records from a number on, up to before another one.
    From(Seq, Seq, oneshot::Sender<Result<Vec<Record>, String>>),
    Select(Selection, Reply),
    /// The messages that the user of this (folded) name has sent since then, after a record.
    MessagesBy(String, Option<Timestamp>, Seq, oneshot::Sender<Result<MessagesBy, String>>),
    /// The same, a piece at a time, between others.
    Search(Box<Scan>, Place, Reply),
}

/// What is done with what was selected, on the thread that has read it.
pub struct Reply {
    give: Box<dyn FnOnce(Result<Selected, String>) + Send>,
    /// Dropped when nobody waits for it any more.
    waits: Weak<()>,
}

impl Reply {
    /// A reply that is made of what was selected, and the way on which it comes.
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

    /// Whether nobody waits for it any more.
    pub fn is_closed(&self) -> bool {
        self.waits.strong_count() == 0
    }
}

impl HistoryReader {
    /// The past in a store.
    ///
    /// # Errors
    /// The file cannot be opened, or the system has no thread to give.
    pub fn on_disk(path: &Path) -> anyhow::Result<HistoryReader> {
        let start = |name: &str| -> anyhow::Result<Sender<Query>> {
            Ok(start_reader(name, Source::Disk(open_reader(path)?))?)
        };
        let (feed, pages) = (Some(start("feed")?), start("pages")?);
        Ok(HistoryReader::with(feed, pages, Source::Disk(open_reader(path)?))?)
    }

    /// The past where nothing is stored: what is in the window.
    ///
    /// # Errors
    /// The system has no thread to give.
    pub fn in_memory(window: Arc<Window>) -> io::Result<HistoryReader> {
        let pages = start_reader("pages", Source::Window(window.clone()))?;
        HistoryReader::with(None, pages, Source::Window(window))
    }

    fn with(
        feed: Option<Sender<Query>>,
        pages: Sender<Query>,
        source: Source,
    ) -> io::Result<HistoryReader> {
        let (search, queries) = channel();
        spawn("search", move || search::answer_all(&source, &queries))?;
        Ok(HistoryReader { feed, pages, search, places: Places::default() })
    }

    /// The next records for a reader that is behind the window. None where there are none: without
    /// a store, what has left the window is gone.
    pub async fn feed(&self, from: Seq, end: Seq) -> Result<Vec<Record>, String> {
        let Some(feed) = &self.feed else { return Ok(Vec::new()) };
        let (reply, answer) = oneshot::channel();
        feed.send(Query::From(from, end, reply)).map_err(|_| GONE.to_owned())?;
        answer.await.map_err(|_| GONE.to_owned())?
    }

    /// Selects records, and makes something of them, off the thread that serves everybody.
    ///
    /// # Errors
    /// Why not.
    pub async fn select<T: Send + 'static>(
        &self,
        selection: Selection,
        make: impl FnOnce(Selected) -> T + Send + 'static,
    ) -> Result<T, Unread> {
        if selection.grep.as_ref().is_some_and(|grep| grep.len() > MAX_SEARCH_BYTES) {
            return Err(Unread::TooLong);
        }
        let (reply, answer) = Reply::new(make);
        let (thread, query) = if selection.is_long() {
            let place = self.places.take().ok_or(Unread::Busy)?;
            (&self.search, Query::Search(Box::new(Scan::new(selection)), place, reply))
        } else {
            (&self.pages, Query::Select(selection, reply))
        };
        let made = match thread.send(query) {
            Ok(()) => answer.await.unwrap_or_else(|| Err(GONE.to_owned())),
            Err(_) => Err(GONE.to_owned()),
        };
        made.map_err(|problem| {
            error!(event = "store-failed", "{problem}");
            Unread::Failed(problem)
        })
    }
}

impl HistoryReader {
    /// The numbers of the messages of a user, from a bounded part of the history.
    ///
    /// # Errors
    /// A sentence on why the store cannot be read.
    pub async fn messages_by(
        &self,
        name: String,
        since: Option<Timestamp>,
        after: Seq,
    ) -> Result<MessagesBy, String> {
        let (reply, answer) = oneshot::channel();
        let query = Query::MessagesBy(names::fold(&name), since, after, reply);
        self.pages.send(query).map_err(|_| GONE.to_owned())?;
        answer.await.map_err(|_| GONE.to_owned())?
    }
}

const GONE: &str = "the history cannot be read any more; restart chatroomd";

fn start_reader(name: &str, source: Source) -> io::Result<Sender<Query>> {
    let (sender, queries) = channel();
    spawn(name, move || answer_all(&source, &queries))?;
    Ok(sender)
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

fn answer_all(source: &Source, queries: &Receiver<Query>) {
    while let Ok(query) = queries.recv() {
        let _reading = Reading::begin();
        // Whoever asked may be gone meanwhile.
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
            // A page begins at its end, so that no more than it is looked at.
            (Query::Select(selection, reply), Source::Window(window)) => {
                reply.give(Ok(Scan::new(selection).of_window(window)));
            }
            // What left the window is gone, and searches have a thread of their own.
            (Query::From(..), Source::Window(_)) | (Query::Search(..), _) => {}
        }
    }
}

/// What an operator is told of a failure of the store.
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
    let mut picked = Picked::default();
    let mut found = statement.query(params![from, end, -1])?;
    while let Some(row) = found.next()? {
        if !picked.add(selection, rows::read(row)?) {
            break;
        }
    }
    Ok(picked.in_order(selection))
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

/// Notes a record if it is a message of the user of this folded name.
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

/// What was picked so far.
#[derive(Debug, Default)]
pub(super) struct Picked {
    records: Vec<Record>,
    bytes: usize,
    more: bool,
}

impl Picked {
    /// Adds a record that is wanted. Gives false if there is enough.
    pub(super) fn add(&mut self, selection: &Selection, record: Record) -> bool {
        let bytes = self.bytes + record.weight();
        let is_too_much = selection.max_bytes != 0 && bytes > selection.max_bytes;
        self.more =
            self.records.len() >= selection.limit || (is_too_much && !self.records.is_empty());
        if !self.more {
            self.bytes = bytes;
            self.records.push(record);
        }
        !self.more
    }

    /// All of it, in the order of the numbers, and whether there is more.
    pub(super) fn in_order(self, selection: &Selection) -> Selected {
        let mut records = self.records;
        if !selection.is_forward() {
            records.reverse();
        }
        (records, self.more)
    }
}

impl Selection {
    /// Whether the first records are wanted, and not the last.
    pub(super) fn is_forward(&self) -> bool {
        self.after.is_some() && self.before.is_none()
    }

    /// Whether many records may have to be looked at to find what is asked for.
    fn is_long(&self) -> bool {
        self.limit > text::MAX_HISTORY
            || self.from.is_some()
            || self.grep.is_some()
            || self.since.is_some()
            || self.until.is_some()
    }
}
