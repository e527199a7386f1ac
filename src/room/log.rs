//! The newest part of the log: the window that is kept in memory.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Seq;

/// A window on the end of the log, bounded in bytes. It holds batches of consecutive records, in
/// whatever form `B` the caller keeps them.
#[derive(Debug)]
pub struct Log<B> {
    batches: VecDeque<WindowBatch<B>>,
    /// The number that the next record will have.
    next: Seq,
    bytes: usize,
    limit: usize,
}

#[derive(Debug)]
struct WindowBatch<B> {
    first: Seq,
    bytes: usize,
    batch: Arc<B>,
}

/// The result of reading at a cursor.
#[derive(Debug, PartialEq, Eq)]
pub enum Found<B> {
    /// The batch in which the record is.
    Batch(Arc<B>),
    /// The cursor has seen everything.
    End,
    /// The record is no longer in the window; this is the first one that is.
    Missed(Seq),
}

impl<B> Log<B> {
    /// An empty window of about `limit` bytes, whose first record will be `next`.
    pub fn new(next: Seq, limit: usize) -> Log<B> {
        Log { batches: VecDeque::new(), next, bytes: 0, limit }
    }

    /// Appends a batch of `count` records that takes `bytes` of memory, and drops the oldest batches
    /// until the window is within its limit. The newest batch always stays.
    pub fn push(&mut self, batch: Arc<B>, count: usize, bytes: usize) {
        self.batches.push_back(WindowBatch { first: self.next, bytes, batch });
        self.next = Seq(self.next.0 + count as u64);
        self.bytes += bytes;
        self.shrink();
    }

    /// Replaces the batches for which `change` returns another one.
    pub fn replace(&mut self, change: impl Fn(&B) -> Option<B>) {
        for entry in &mut self.batches {
            if let Some(batch) = change(&entry.batch) {
                entry.batch = Arc::new(batch);
            }
        }
    }

    /// Changes how many bytes the window may take.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
        self.shrink();
    }

    /// Reads at `cursor`, the next record that its reader has not seen.
    pub fn at(&self, cursor: Seq) -> Found<B> {
        if cursor >= self.next {
            return Found::End;
        }
        match self.batches.partition_point(|entry| entry.first <= cursor).checked_sub(1) {
            Some(index) => Found::Batch(self.batches[index].batch.clone()),
            None => Found::Missed(self.first()),
        }
    }

    /// The first record in the window; if the window is empty, the next one that will be made.
    pub fn first(&self) -> Seq {
        self.batches.front().map_or(self.next, |entry| entry.first)
    }

    /// The number that the next record will have.
    pub fn next(&self) -> Seq {
        self.next
    }

    /// The number of bytes that the window takes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    fn shrink(&mut self) {
        while self.bytes > self.limit && self.batches.len() > 1 {
            if let Some(entry) = self.batches.pop_front() {
                self.bytes -= entry.bytes;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_finds_its_batch() {
        let mut log = Log::new(Seq(1), 1000);
        assert_eq!(log.at(Seq(1)), Found::End);
        log.push(Arc::new("one"), 1, 10);
        log.push(Arc::new("two to four"), 3, 10);
        assert_eq!(log.at(Seq(1)), Found::Batch(Arc::new("one")));
        assert_eq!(log.at(Seq(2)), Found::Batch(Arc::new("two to four")));
        assert_eq!(log.at(Seq(4)), Found::Batch(Arc::new("two to four")));
        assert_eq!(log.at(Seq(5)), Found::End);
    }

    #[test]
    fn a_batch_is_put_in_the_place_of_another() {
        let mut log = Log::new(Seq(1), 1000);
        log.push(Arc::new("one"), 1, 10);
        log.push(Arc::new("two"), 1, 10);
        log.replace(|batch| (*batch == "one").then_some("redacted"));
        assert_eq!(log.at(Seq(1)), Found::Batch(Arc::new("redacted")));
        assert_eq!(log.at(Seq(2)), Found::Batch(Arc::new("two")));
    }

    #[test]
    fn the_window_keeps_its_limit_and_says_what_was_missed() {
        let mut log = Log::new(Seq(1), 25);
        for n in 0..10 {
            log.push(Arc::new(n), 2, 10);
        }
        assert_eq!((log.bytes(), log.first(), log.next()), (20, Seq(17), Seq(21)));
        log.set_limit(20);
        assert_eq!(log.bytes(), 20, "the limit itself is not beyond it");
        assert_eq!(log.at(Seq(3)), Found::Missed(Seq(17)));
        assert_eq!(log.at(Seq(17)), Found::Batch(Arc::new(8)));
        log.set_limit(0);
        assert_eq!(log.at(Seq(17)), Found::Missed(Seq(19)), "the newest batch stays");
    }
}
