//! The window: the newest batches of the log, which all connections read.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chatroom::room::{Found, Log, Position, Seq};
use chatroom::wire::Batch;
use jiff::tz::TimeZone;
use tokio::sync::{Notify, watch};

/// The newest batches, shared. The lock is held only to look up a batch, never while it is written
/// to a socket.
pub struct Window {
    pub room: String,
    pub epoch: u32,
    /// The time zone of times in text.
    pub zone: TimeZone,
    /// Notified when there is something to write: a batch or an answer.
    pub written: Notify,
    /// Notified of each new batch, for watchers.
    published: watch::Sender<()>,
    log: RwLock<Log<Batch>>,
}

impl Window {
    /// An empty window of about `limit` bytes, which continues after the record `last`.
    pub fn new(room: String, last: Position, limit: usize) -> Window {
        let log = RwLock::new(Log::new(last.seq.next(), limit));
        let (zone, written) = (TimeZone::system(), Notify::new());
        let published = watch::Sender::new(());
        Window { room, epoch: last.epoch, zone, written, published, log }
    }

    /// Appends a batch.
    pub fn publish(&self, batch: Arc<Batch>) {
        let (count, weight) = (batch.records().len(), batch.weight());
        self.write().push(batch, count, weight);
        self.written.notify_one();
        // Fails if there are no watchers, which does not matter.
        let _ = self.published.send(());
    }

    /// A receiver that is notified of each new batch.
    pub fn published(&self) -> watch::Receiver<()> {
        self.published.subscribe()
    }

    /// Redacts records.
    pub fn redact(&self, targets: &[Seq]) {
        self.write().replace(|batch| batch.redacted(targets));
    }

    /// Sets the size of the window in bytes.
    pub fn set_limit(&self, limit: usize) {
        self.write().set_limit(limit);
    }

    /// The batch at `cursor`.
    pub fn at(&self, cursor: Seq) -> Found<Batch> {
        self.read().at(cursor)
    }

    /// The batch at `cursor`, if that is the newest batch.
    pub fn newest_at(&self, cursor: Seq) -> Found<Batch> {
        let log = self.read();
        match log.at(cursor) {
            Found::Batch(batch) if batch.end() != log.next() => Found::End,
            found => found,
        }
    }

    /// The first number in the window, the next number that will be used, and the size in bytes.
    pub fn extent(&self) -> (Seq, Seq, usize) {
        let log = self.read();
        (log.first(), log.next(), log.bytes())
    }

    /// The newest record.
    pub fn last(&self) -> Seq {
        self.read().next().previous()
    }

    fn read(&self) -> RwLockReadGuard<'_, Log<Batch>> {
        self.log.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Log<Batch>> {
        self.log.write().unwrap_or_else(PoisonError::into_inner)
    }
}
