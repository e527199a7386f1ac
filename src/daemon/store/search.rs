//! Searches the history, however large it is, without delaying anything else.
//!
//! One thread with low priority runs all searches in turns of a few milliseconds. So a search delays
//! only other searches, each by one turn. There is one search per connection, whose reader waits for it,
//! and [`MAX_SEARCHES`] in all.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvError};
use std::time::{Duration, Instant};

use chatroom::names;
use chatroom::room::{Found, Record, RecordKind, Seq};
use rusqlite::{Connection, params};
use rustix::process::setpriority_process;

use super::query::{Query, Reply, Source, explain};
use super::rows;
use super::selection::{Matches, Selected, Selection};
use crate::window::Window;

/// The maximum number of searches at a time.
pub const MAX_SEARCHES: usize = 64;

/// The duration of a search's turn.
const SLICE: Duration = Duration::from_millis(5);

/// The number of bytes of records that are read between checks of the clock.
const BETWEEN_LOOKS: usize = 64 * 1024;

/// The nice value of the thread, if the service is permitted to set it.
const NICE: i32 = 10;

/// The number of record numbers that one statement covers, at first and at most.
const FIRST_RANGE: u64 = 256;
const MAX_RANGE: u64 = 64 * 1024;

/// The longest pattern for SQLite. It is compared at each position of a text, so the time grows with its
/// length.
const MAX_PATTERN: usize = 32;

/// Limits the number of searches.
#[derive(Default)]
pub struct SearchSlots(Arc<AtomicUsize>);

/// The permit of a search, given back when it is dropped.
pub struct SearchSlot(Arc<AtomicUsize>);

impl SearchSlots {
    /// Takes a slot, if one is free.
    pub fn take(&self) -> Option<SearchSlot> {
        let taken = self
            .0
            .fetch_update(Relaxed, Relaxed, |taken| (taken < MAX_SEARCHES).then_some(taken + 1));
        taken.is_ok().then(|| SearchSlot(self.0.clone()))
    }
}

impl Drop for SearchSlot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// A search in progress.
struct RunningSearch {
    scan: Box<Scan>,
    _slot: SearchSlot,
    reply: Reply,
}

/// Runs searches in turn, until no more can come.
pub fn answer_all(source: &Source, queries: &Receiver<Query>) {
    // This may not be permitted. Then the thread has normal priority.
    let _ = setpriority_process(None, NICE);
    let mut under_way = VecDeque::new();
    while let Ok(()) = accept_queries(&mut under_way, queries) {
        let Some(RunningSearch { mut scan, _slot, reply }) = under_way.pop_front() else {
            continue;
        };
        // The receiver may be gone.
        if reply.is_closed() {
            continue;
        }
        match scan.advance(source, Instant::now() + SLICE) {
            Ok(ControlFlow::Continue(())) => {
                under_way.push_back(RunningSearch { scan, _slot, reply });
            }
            Ok(ControlFlow::Break(())) => reply.give(Ok(scan.selected())),
            Err(error) => reply.give(Err(explain(&error))),
        }
    }
}

/// Accepts new searches. Waits for one if there is nothing else to do.
fn accept_queries(
    under_way: &mut VecDeque<RunningSearch>,
    queries: &Receiver<Query>,
) -> Result<(), RecvError> {
    let first = if under_way.is_empty() { Some(queries.recv()?) } else { None };
    for query in first.into_iter().chain(queries.try_iter()) {
        if let Query::Search(scan, _slot, reply) = query {
            under_way.push_back(RunningSearch { scan, _slot, reply });
        }
    }
    Ok(())
}

/// The progress of a selection of records.
pub struct Scan {
    selection: Selection,
    /// The name and the text to search for, folded for comparison.
    from: Option<String>,
    grep: Option<String>,
    /// A pattern with which SQLite skips most records that cannot match.
    pattern: Option<String>,
    /// The numbers that are still to be read: from `next` to before `end`.
    next: u64,
    end: u64,
    /// Whether `next` and `end` have been fitted to the stored records.
    is_fitted: bool,
    range: u64,
    found_so_far: Matches,
}

impl Scan {
    /// A scan at its start.
    pub fn new(selection: Selection) -> Scan {
        Scan {
            from: selection.from.as_deref().map(names::fold),
            grep: selection.grep.as_deref().map(str::to_lowercase),
            pattern: selection.grep.as_deref().and_then(like_pattern),
            next: selection.after.map_or(0, |after| after.0.saturating_add(1)),
            end: selection.before.map_or(i64::MAX as u64, |before| before.0),
            is_fitted: false,
            range: FIRST_RANGE,
            found_so_far: Matches::default(),
            selection,
        }
    }

    /// Scans a window at once. For selections that are close to where the scan starts.
    pub fn of_window(mut self, window: &Window) -> Selected {
        let _ = self.look_in_window(window, None);
        self.selected()
    }

    fn selected(self) -> Selected {
        self.found_so_far.in_order(&self.selection)
    }

    /// Continues until a time. Breaks at the end of the scan.
    fn advance(&mut self, source: &Source, until: Instant) -> rusqlite::Result<ControlFlow<()>> {
        match source {
            Source::Disk(db) => self.look_on_disk(db, until),
            Source::Window(window) => Ok(self.look_in_window(window, Some(until))),
        }
    }

    fn look_on_disk(
        &mut self,
        db: &Connection,
        until: Instant,
    ) -> rusqlite::Result<ControlFlow<()>> {
        if !std::mem::replace(&mut self.is_fitted, true) {
            let (first, last): (Option<i64>, Option<i64>) = db
                .prepare_cached(rows::ENDS)?
                .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
            self.next = self.next.max(first.unwrap_or(0).unsigned_abs());
            self.end = self.end.min(last.map_or(0, |last| last.unsigned_abs() + 1));
        }
        loop {
            let Some((from, end)) = self.take_range() else { return Ok(ControlFlow::Break(())) };
            let begun = Instant::now();
            if self.look_at_range(db, from, end)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            // So that a statement takes a fraction of the slice, however much it has to read.
            self.range = match begun.elapsed() {
                long if long > SLICE / 2 => (self.range / 2).max(1),
                short if short < SLICE / 8 => (self.range * 2).min(MAX_RANGE),
                _ => self.range,
            };
            if Instant::now() >= until {
                return Ok(ControlFlow::Continue(()));
            }
        }
    }

    /// The next range of numbers: from the first to before the second.
    fn take_range(&mut self) -> Option<(u64, u64)> {
        if self.next >= self.end {
            return None;
        }
        if self.selection.is_forward() {
            let from = self.next;
            self.next = self.end.min(from + self.range);
            Some((from, self.next))
        } else {
            let end = self.end;
            self.end = self.next.max(end.saturating_sub(self.range));
            Some((self.end, end))
        }
    }

    fn look_at_range(
        &mut self,
        db: &Connection,
        from: u64,
        end: u64,
    ) -> rusqlite::Result<ControlFlow<()>> {
        let mut statement =
            db.prepare_cached(match (self.selection.is_forward(), &self.pattern) {
                (true, None) => rows::SELECT_FROM,
                (false, None) => rows::SELECT_BACK,
                (true, Some(_)) => rows::SELECT_FROM_LIKE,
                (false, Some(_)) => rows::SELECT_BACK_LIKE,
            })?;
        let (from, end, all) = (from as i64, end as i64, -1);
        let mut found = match &self.pattern {
            None => statement.query(params![from, end, all])?,
            Some(pattern) => statement.query(params![from, end, all, pattern])?,
        };
        while let Some(row) = found.next()? {
            let record = rows::read(row)?;
            if self.matches(&record) && !self.found_so_far.add(&self.selection, record) {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn look_in_window(&mut self, window: &Window, until: Option<Instant>) -> ControlFlow<()> {
        if !std::mem::replace(&mut self.is_fitted, true) {
            self.end = self.end.min(window.extent().1.0);
        }
        let is_forward = self.selection.is_forward();
        let mut bytes = 0;
        while self.next < self.end {
            let at = if is_forward { self.next } else { self.end - 1 };
            let batch = match window.at(Seq(at)) {
                Found::Batch(batch) => batch,
                // Earlier records have left the window.
                Found::Missed(first) if is_forward => {
                    self.next = first.0;
                    continue;
                }
                Found::Missed(_) | Found::End => break,
            };
            let index = (at - batch.first().0) as usize;
            let (mut before, mut behind) =
                (batch.records()[..=index].iter().rev(), batch.records()[index..].iter());
            let records: &mut dyn Iterator<Item = &Record> =
                if is_forward { &mut behind } else { &mut before };
            for record in records {
                if record.seq.0 < self.next || record.seq.0 >= self.end {
                    return ControlFlow::Break(());
                }
                if self.matches(record) && !self.found_so_far.add(&self.selection, record.clone()) {
                    return ControlFlow::Break(());
                }
                match is_forward {
                    true => self.next = record.seq.0 + 1,
                    false => self.end = record.seq.0,
                }
                bytes += record.weight();
                if bytes >= BETWEEN_LOOKS {
                    bytes = 0;
                    if until.is_some_and(|until| Instant::now() >= until) {
                        return ControlFlow::Continue(());
                    }
                }
            }
        }
        ControlFlow::Break(())
    }

    /// Whether a record matches the selection, apart from its number.
    fn matches(&self, record: &Record) -> bool {
        let (name, text) = match &record.kind {
            RecordKind::Topic { text } | RecordKind::Notice { text } => (None, Some(text)),
            RecordKind::Message { name, text } | RecordKind::Action { name, text } => {
                (Some(name), Some(text))
            }
            RecordKind::Renamed { name, .. }
            | RecordKind::Joined { name }
            | RecordKind::Left { name, .. } => (Some(name), None),
            RecordKind::Redacted { .. } => (None, None),
        };
        let (from, grep) = (self.from.as_deref(), self.grep.as_deref());
        self.selection.since.is_none_or(|since| record.time >= since)
            && self.selection.until.is_none_or(|until| record.time <= until)
            && from.is_none_or(|from| name.is_some_and(|name| **name.folded() == *from))
            && grep.is_none_or(|grep| text.is_some_and(|text| text.to_lowercase().contains(grep)))
    }
}

/// A pattern with which SQLite skips most records that cannot match: the longest ASCII part of the text,
/// shortened if necessary, because SQLite ignores the case of ASCII only. `None` without such a part.
fn like_pattern(grep: &str) -> Option<String> {
    let longest = grep.split(|c: char| !c.is_ascii()).max_by_key(|part| part.len())?;
    let longest = &longest[..longest.len().min(MAX_PATTERN)];
    if longest.is_empty() {
        return None;
    }
    let escaped = longest.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    Some(format!("%{escaped}%"))
}

#[cfg(test)]
mod tests;
