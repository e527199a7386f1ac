//! The history on disk, as the room thread uses it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Instant;

use chatroom::config::History;
use chatroom::room::{Record, Seq, SessionId};
use jiff::Timestamp;
use tracing::error;

use super::aliases::{self, Alias};
use super::request::Counts;
use crate::store::{Extras, Store, StoreFailure, TokenHash};

/// The reason why a batch is not stored.
pub enum NotStored {
    /// It may succeed later.
    Passing(StoreFailure),
    /// The store has failed for good, and the daemon is about to end.
    Broken,
}

/// The store, if there is one, and the data that is stored with the next batch.
pub struct Storage {
    store: Option<Store>,
    /// Data that is stored with the next batch in addition to its records.
    pub extras: Extras,
    /// The store has failed for good: nothing stored from then on could be relied on.
    is_broken: bool,
    /// Told when that happens.
    on_failure: Box<dyn Fn(String) + Send>,
    counts: Arc<Counts>,
}

impl Storage {
    pub fn new(
        store: Option<Store>,
        on_failure: Box<dyn Fn(String) + Send>,
        counts: Arc<Counts>,
    ) -> Storage {
        if let Some(store) = &store {
            let _ = counts.log.set(store.log());
            counts.oldest.store(store.oldest().0, Relaxed);
        }
        Storage { store, extras: Extras::default(), is_broken: false, on_failure, counts }
    }

    /// Whether there is a history on disk.
    pub fn is_on(&self) -> bool {
        self.store.is_some()
    }

    /// The oldest record that is stored.
    pub fn oldest(&self) -> Option<Seq> {
        self.store.as_ref().map(Store::oldest)
    }

    pub fn configure(&mut self, history: &History) {
        if let Some(store) = &mut self.store {
            store.configure(history);
        }
    }

    /// Stores a batch with the extras, in one transaction. Returns the extras.
    ///
    /// # Errors
    /// Nothing of it is stored, and the extras are dropped.
    pub fn commit(&mut self, batch: &[Record], now: Timestamp) -> Result<Extras, NotStored> {
        let extras = std::mem::take(&mut self.extras);
        let Some(store) = &mut self.store else { return Ok(extras) };
        if self.is_broken {
            return Err(NotStored::Broken);
        }
        let begun = Instant::now();
        let stored = store.commit(batch, &extras, now).map_err(|failure| store.judge(failure));
        self.counts.times.store.observe(begun.elapsed().as_secs_f64());
        match stored {
            Ok(()) => Ok(extras),
            Err(failure @ StoreFailure::Passing(_)) => Err(NotStored::Passing(failure)),
            Err(failure @ StoreFailure::Fatal(_)) => {
                self.give_up(&failure);
                Err(NotStored::Broken)
            }
        }
    }

    /// Tries whether something can be stored again. None if there is no store, or it is broken.
    pub fn probe(&mut self) -> Option<bool> {
        let store = self.store.as_mut()?;
        match store.probe().map_err(|failure| store.judge(failure)) {
            Ok(()) => Some(true),
            Err(StoreFailure::Passing(_)) => Some(false),
            Err(failure) => {
                self.give_up(&failure);
                None
            }
        }
    }

    /// Removes data that is no longer kept, now that the log ends with `last`.
    pub fn maintain(&mut self, last: Seq, now: Timestamp) {
        let Some(store) = &mut self.store else { return };
        match store.look_after(last, now) {
            Ok(()) => self.counts.oldest.store(store.oldest().0, Relaxed),
            Err(failure) => match store.judge(failure) {
                StoreFailure::Passing(_) => {}
                failure => self.give_up(&failure),
            },
        }
    }

    fn give_up(&mut self, failure: &StoreFailure) {
        self.is_broken = true;
        error!(event = "store-failed", "the history failed: {failure}");
        (self.on_failure)(failure.to_string());
    }

    /// The record for which a session has used an id.
    pub fn seq_of(&self, session: SessionId, id: &str) -> Option<Seq> {
        self.store.as_ref()?.seq_of(session, id).ok()?
    }

    /// A record, if it is stored.
    ///
    /// # Errors
    /// It cannot be looked up.
    pub fn record(&self, seq: Seq) -> Result<Option<Record>, StoreFailure> {
        self.store.as_ref().map_or(Ok(None), |store| store.record(seq))
    }

    /// The session that a token belongs to.
    pub fn session_of(&self, token: &TokenHash) -> Option<SessionId> {
        self.store.as_ref()?.session_of(token).unwrap_or_else(|failure| {
            error!(event = "store-failed", "cannot look a session up: {failure}");
            None
        })
    }

    /// The former names of a session.
    pub fn aliases_of(&self, session: SessionId) -> Vec<Alias> {
        let Some(store) = &self.store else { return Vec::new() };
        match store.aliases_of(session) {
            Ok(stored) => aliases::from_store(&stored),
            Err(failure) => {
                error!(
                    event = "store-failed",
                    "cannot look up the aliases of a session: {failure}"
                );
                Vec::new()
            }
        }
    }

    pub fn close(self) {
        if let Some(store) = self.store.filter(|_| !self.is_broken)
            && let Err(failure) = store.close()
        {
            error!(event = "store-failed", "cannot close the history: {failure}");
        }
    }
}
