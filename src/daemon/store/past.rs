//! Reading what was said before: from the disk, or, without a store, from the window in memory.
//!
//! Three threads read, each over its own connection: one feeds readers that are behind, one gives
//! pages of what was said before, and one searches, which can take long and must hold up neither.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::{io, thread};

use chatroom::admin::MessagesBy;
use chatroom::names;
use chatroom::room::{Found, REDACTED, Record, RecordKind, Seq};
use jiff::Timestamp;
use rusqlite::{Connection, params};
use tokio::sync::oneshot;

use super::{open_reader, rows};
use crate::window::Window;

/// So many records are read at a time for a reader that is behind.
const FED_AT_A_TIME: u64 = 256;

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
}

/// Some records, in the order of their numbers, and whether there are more.
pub type Selected = (Vec<Record>, bool);

/// The way to what was said before.
pub enum Past {
    Disk { feed: Sender<Query>, pages: Sender<Query>, search: Sender<Query> },
    Memory(Arc<Window>),
}

/// A question to one of the threads.
pub enum Query {
    /// The records from a number on, up to before another one.
    From(Seq, Seq, oneshot::Sender<Result<Vec<Record>, String>>),
    Select(Selection, oneshot::Sender<Result<Selected, String>>),
    /// The messages that the user of this (folded) name has sent since then, after a record.
    MessagesBy(String, Option<Timestamp>, Seq, oneshot::Sender<Result<MessagesBy, String>>),
}

impl Past {
    /// The past in a store.
    ///
    /// # Errors
    /// The file cannot be opened, or the system has no thread to give.
    pub fn on_disk(path: &Path) -> anyhow::Result<Past> {
        let start = |name: &str| -> anyhow::Result<Sender<Query>> {
            let db = open_reader(path)?;
            let (sender, queries) = channel();
            spawn(name, move || answer_all(&db, &queries))?;
            Ok(sender)
        };
        Ok(Past::Disk { feed: start("feed")?, pages: start("pages")?, search: start("search")? })
    }

    /// The next records for a reader that is behind the window. None where there are none: without
    /// a store, what has left the window is gone.
    pub async fn feed(&self, from: Seq, end: Seq) -> Result<Vec<Record>, String> {
        let Past::Disk { feed, .. } = self else { return Ok(Vec::new()) };
        ask(feed, |reply| Query::From(from, end, reply)).await
    }

    /// Selects records.
    ///
    /// # Errors
    /// A sentence on why the store cannot be read.
    pub async fn select(&self, selection: Selection) -> Result<Selected, String> {
        match self {
            Past::Disk { pages, search, .. } => {
                let thread = if selection.is_selective() { search } else { pages };
                ask(thread, |reply| Query::Select(selection, reply)).await
            }
            Past::Memory(window) => Ok(selection.pick(|visit| visit_window(window, visit))),
        }
    }
}

impl Past {
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
        let name = names::fold(&name);
        match self {
            Past::Disk { search, .. } => {
                ask(search, |reply| Query::MessagesBy(name, since, after, reply)).await
            }
            Past::Memory(window) => {
                let mut found = MessagesBy::default();
                visit_window(window, &mut |record| {
                    note_message(&mut found, record, &name, since);
                    record.seq > after
                });
                found.targets.retain(|seq| *seq > after.0);
                found.targets.reverse();
                Ok(found)
            }
        }
    }
}

async fn ask<T>(
    thread: &Sender<Query>,
    query: impl FnOnce(oneshot::Sender<Result<T, String>>) -> Query,
) -> Result<T, String> {
    let (reply, answer) = oneshot::channel();
    let gone = "the history cannot be read any more; restart chatroomd";
    thread.send(query(reply)).map_err(|_| gone.to_owned())?;
    answer.await.map_err(|_| gone.to_owned())?
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    thread::Builder::new().name(name.to_owned()).spawn(run).map(drop)
}

fn answer_all(db: &Connection, queries: &Receiver<Query>) {
    let explain = |error: rusqlite::Error| format!("the history cannot be read: {error}");
    while let Ok(query) = queries.recv() {
        // Who asked may have gone meanwhile.
        match query {
            Query::From(from, end, reply) => {
                drop(reply.send(read_from(db, from, end).map_err(explain)));
            }
            Query::MessagesBy(name, since, after, reply) => {
                let found = messages_by(db, &name, since, after);
                drop(reply.send(found.map_err(explain)));
            }
            Query::Select(selection, reply) => {
                drop(reply.send(select(db, &selection).map_err(explain)));
            }
        }
    }
}

fn read_from(db: &Connection, from: Seq, end: Seq) -> rusqlite::Result<Vec<Record>> {
    let mut select = db.prepare_cached(rows::SELECT_FROM)?;
    let limit = FED_AT_A_TIME as i64;
    select.query_map([from.0 as i64, end.0 as i64, limit], rows::read)?.collect()
}

fn select(db: &Connection, selection: &Selection) -> rusqlite::Result<Selected> {
    let forward = selection.is_forward();
    let from = selection.after.map_or(0, |seq| seq.0 as i64 + 1);
    let end = selection.before.map_or(i64::MAX, |seq| seq.0 as i64);
    let mut failure = None;
    let like = selection.grep.as_deref().and_then(like_pattern);
    let mut statement = db.prepare_cached(match (forward, &like) {
        (true, None) => rows::SELECT_FROM,
        (false, None) => rows::SELECT_BACK,
        (true, Some(_)) => rows::SELECT_FROM_LIKE,
        (false, Some(_)) => rows::SELECT_BACK_LIKE,
    })?;
    let all = -1;
    let mut found = match like {
        None => statement.query(params![from, end, all])?,
        Some(like) => statement.query(params![from, end, all, like])?,
    };
    let selected = selection.pick(|visit| {
        loop {
            match found.next().and_then(|row| row.map(rows::read).transpose()) {
                Ok(Some(record)) if visit(&record) => {}
                Ok(_) => return,
                Err(error) => {
                    failure = Some(error);
                    return;
                }
            }
        }
    });
    failure.map_or(Ok(selected), Err)
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

/// A pattern that lets SQLite pass over most of what cannot match: the longest part of the text in
/// letters whose case SQLite knows. None where there is no such part.
fn like_pattern(grep: &str) -> Option<String> {
    let longest = grep.split(|c: char| !c.is_ascii()).max_by_key(|part| part.len())?;
    if longest.is_empty() {
        return None;
    }
    let escaped = longest.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Some(format!("%{escaped}%"))
}

impl Selection {
    /// Whether the first records are wanted, and not the last.
    fn is_forward(&self) -> bool {
        self.after.is_some() && self.before.is_none()
    }

    /// Whether records may have to be passed over to find what is asked for.
    fn is_selective(&self) -> bool {
        self.from.is_some() || self.grep.is_some() || self.since.is_some() || self.until.is_some()
    }

    /// Picks what is asked for. `visit_all` shows records in the order in which they are wanted,
    /// as long as it is told to go on.
    fn pick(&self, visit_all: impl FnOnce(&mut dyn FnMut(&Record) -> bool)) -> Selected {
        let from = self.from.as_deref().map(names::fold);
        let grep = self.grep.as_deref().map(str::to_lowercase);
        let (mut picked, mut more) = (Vec::new(), false);
        visit_all(&mut |record| {
            if self.matches(record, from.as_deref(), grep.as_deref()) {
                more = picked.len() >= self.limit;
                if !more {
                    picked.push(record.clone());
                }
            }
            !more
        });
        if !self.is_forward() {
            picked.reverse();
        }
        (picked, more)
    }

    fn matches(&self, record: &Record, from: Option<&str>, grep: Option<&str>) -> bool {
        let (name, text) = match &record.kind {
            RecordKind::Topic { text } => (None, Some(text)),
            RecordKind::Renamed { name, .. } => (Some(name), None),
            RecordKind::Message { name, text } | RecordKind::Action { name, text } => {
                (Some(name), Some(text))
            }
            RecordKind::Joined { name } | RecordKind::Left { name, .. } => (Some(name), None),
            RecordKind::Notice { text } => (None, Some(text)),
            RecordKind::Redacted { .. } => (None, None),
        };
        self.after.is_none_or(|after| record.seq > after)
            && self.before.is_none_or(|before| record.seq < before)
            && self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time <= until)
            && from.is_none_or(|from| name.is_some_and(|name| **name.folded() == *from))
            && grep.is_none_or(|grep| text.is_some_and(|text| text.to_lowercase().contains(grep)))
    }
}

/// Shows the records of the window, the newest first.
fn visit_window(window: &Window, visit: &mut dyn FnMut(&Record) -> bool) {
    let (first, mut end, _) = window.extent();
    while end > first {
        let Found::Batch(batch) = window.at(end.previous()) else { return };
        if !batch.records().iter().rev().all(&mut *visit) {
            return;
        }
        end = batch.first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqlite_looks_for_the_longest_part_in_ascii() {
        assert_eq!(like_pattern("tea").as_deref(), Some("%tea%"));
        assert_eq!(like_pattern("caf\u{e9} au lait").as_deref(), Some("% au lait%"));
        assert_eq!(like_pattern("100%_\\").as_deref(), Some("%100\\%\\_\\\\%"));
        assert_eq!(like_pattern("\u{e9}"), None);
    }
}
