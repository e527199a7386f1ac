//! Storing a batch and showing it, or rolling it back.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use chatroom::room::{Departure, Record, RecordKind, Refusal, SessionId};
use chatroom::wire::Batch;
use jiff::Timestamp;
use tracing::{error, info};

use super::effects::Effect;
use super::gathering::Gathering;
use super::storage::NotStored;
use super::{RoomRequest, RoomThread};
use crate::store::StoreFailure;

/// The pause before storing is tried again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

impl RoomThread {
    /// Stores the batch and shows it. If it cannot be stored, it is rolled back, and all clients
    /// with requests in it are told.
    pub(super) fn store_and_publish(&mut self, now: Timestamp) {
        if self.room.batch().is_empty() && self.storage.extras.is_empty() {
            return;
        }
        match self.storage.commit(self.room.batch(), now) {
            Ok(extras) => {
                self.effects.confirm_speech();
                self.set_degraded(false);
                if !extras.redactions.is_empty() {
                    let mut targets = extras.redactions;
                    targets.sort_unstable();
                    self.window.redact(&targets);
                }
                self.publish();
                self.storage.maintain(self.window.last(), now);
            }
            Err(not_stored) => {
                self.roll_back();
                if let NotStored::Passing(failure) = not_stored {
                    self.degrade(&failure);
                }
            }
        }
    }

    fn publish(&mut self) {
        let records = self.room.take_batch();
        if records.is_empty() {
            return;
        }
        let is_speech = |record: &&Record| {
            matches!(record.kind, RecordKind::Message { .. } | RecordKind::Action { .. })
        };
        let messages = records.iter().filter(is_speech).count() as u64;
        self.counts.messages.fetch_add(messages, Relaxed);
        let batch = Arc::new(Batch::new(self.window.room.clone(), records));
        self.window.publish(batch.clone());
        let begun = Instant::now();
        self.clients.deliver(&self.window, &batch);
        let delivery = begun.elapsed();
        self.counts.times.delivery.observe(delivery.as_secs_f64());
        self.gathering = Gathering { records: batch.records().len(), delivery };
        let people = self.room.roster().len();
        self.people.send_if_modified(|known| std::mem::replace(known, people) != people);
    }

    /// Rolls back a batch that could not be stored.
    fn roll_back(&mut self) {
        let left = self.room.batch().iter().filter_map(departure_of).collect::<Vec<_>>();
        self.room.roll_back();
        // A departure cannot be refused: it is recorded as soon as it can be stored.
        self.deferred.extend(left);
        let last = self.room.position().seq;
        for effect in self.effects.take() {
            let remaining = match &effect {
                Effect::Admit { client, .. } => {
                    let session = client.session();
                    // Resuming a session needs nothing to be stored.
                    if self.room.roster().by_session(session).is_some() {
                        Some(effect)
                    } else {
                        self.clients.remove(session);
                        self.tokens.remove(session);
                        effect.rolled_back(last)
                    }
                }
                _ => effect.rolled_back(last),
            };
            remaining.into_iter().for_each(|effect| self.effects.push(effect));
        }
        for (session, id) in self.effects.take_speech() {
            if let Some(client) = self.clients.get(session).cloned() {
                self.effects.push(Effect::refuse(client, last, Refusal::StorageFull, id));
            }
        }
    }

    /// Tries to store again, after storing has failed.
    pub(super) fn try_again(&mut self) {
        // A batch that waits tries by itself.
        if !self.room.batch().is_empty() || !self.counts.is_degraded.load(Relaxed) {
            return;
        }
        match self.storage.probe() {
            Some(true) => self.set_degraded(false),
            Some(false) => self.timer.submit_after(RETRY_AFTER, RoomRequest::TryAgain),
            None => {}
        }
    }

    /// Messages are refused until storing works again.
    pub(super) fn degrade(&mut self, failure: &StoreFailure) {
        if !self.counts.is_degraded.load(Relaxed) {
            error!(event = "degraded", "refusing messages, which cannot be stored: {failure}");
        }
        self.set_degraded(true);
        self.timer.submit_after(RETRY_AFTER, RoomRequest::TryAgain);
    }

    fn set_degraded(&mut self, is_degraded: bool) {
        if self.counts.is_degraded.swap(is_degraded, Relaxed) != is_degraded {
            if !is_degraded {
                info!(event = "recovered", "storing messages again");
            }
            // Everything that shows the number of members also shows this.
            self.people.send_modify(|_| {});
        }
    }
}

fn departure_of(record: &Record) -> Option<(SessionId, Departure)> {
    match (&record.kind, &record.author) {
        (RecordKind::Left { how, .. }, Some(author)) => Some((author.session, how.clone())),
        _ => None,
    }
}
