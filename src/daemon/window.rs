//! The window on the log that all connections read from.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chatroom::room::{Found, Log, Position, Seq};
use chatroom::wire::Batch;
use jiff::tz::TimeZone;
use tokio::sync::{Notify, watch};

/// The newest batches, shared. The lock is only held to look one up, never while it is written.
pub struct Window {
    pub room: String,
    pub epoch: u32,
    /// The time zone of times in text.
    pub zone: TimeZone,
    /// Told when there is something to write: a batch here, an answer wherever there is one.
    pub written: Notify,
    /// Told when there is a batch more, if somebody watches.
    published: watch::Sender<()>,
    log: RwLock<Log<Batch>>,
}

impl Window {
    /// An empty window of about `limit` bytes behind the record `last`.
    pub fn new(room: String, last: Position, limit: usize) -> Window {
        let log = RwLock::new(Log::new(last.seq.next(), limit));
        let (zone, written) = (TimeZone::system(), Notify::new());
        let published = watch::Sender::new(());
        Window { room, epoch: last.epoch, zone, written, published, log }
    }

    /// Shows a batch to everybody who asks from now on.
    pub fn publish(&self, batch: Arc<Batch>) {
        let (count, weight) = (batch.records().len(), batch.weight());
        self.write().push(batch, count, weight);
        self.written.notify_one();
        // Without anybody who watches this does nothing.
        let _ = self.published.send(());
    }

    /// A way to wait until there is a batch more.
    pub fn published(&self) -> watch::Receiver<()> {
        self.published.subscribe()
    }

    /// Takes the text of some records away.
    pub fn redact(&self, targets: &[Seq]) {
        self.write().replace(|batch| batch.redacted(targets));
    }

    /// Changes how many bytes the window may take.
    pub fn set_limit(&self, limit: usize) {
        self.write().set_limit(limit);
    }

    /// What stands at `cursor`.
    pub fn at(&self, cursor: Seq) -> Found<Batch> {
        self.read().at(cursor)
    }

    /// What stands at `cursor`, if that is in the newest batch.
    pub fn newest_at(&self, cursor: Seq) -> Found<Batch> {
        let log = self.read();
        match log.at(cursor) {
            Found::Batch(batch) if batch.end() != log.next() => Found::End,
            found => found,
        }
    }

    /// The first number in the window, the next one that there will be, and the bytes between.
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
