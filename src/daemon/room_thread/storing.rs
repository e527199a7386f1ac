//! Storing a batch, showing it, and what happens if it cannot be stored.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use chatroom::room::{Departure, Record, RecordKind, Refusal, Seq, SessionId};
use chatroom::wire::{Answer, Batch};
use jiff::Timestamp;
use tracing::{error, info};

use super::{Effect, RoomRequest, RoomThread};
use crate::store::StoreFailure;

/// After so long it is tried again to store what could not be stored.
pub(super) const TRY_AGAIN: Duration = Duration::from_secs(1);

impl RoomThread {
    /// Stores what was accepted and shows it. If it cannot be stored, it is as if it had not been
    /// asked for, and who asked is told.
    pub(super) fn store_and_publish(&mut self, now: Timestamp) {
        let extras = std::mem::take(&mut self.extras);
        if self.room.batch().is_empty() && extras.is_empty() {
            return;
        }
        let stored = match &mut self.store {
            None => Ok(()),
            Some(_) if self.is_broken => Err(None),
            Some(store) => {
                let begun = Instant::now();
                let stored = store.commit(self.room.batch(), &extras, now);
                let stored = stored.map_err(|failure| Some(store.judge(failure)));
                self.counts.times.store.observe(begun.elapsed().as_secs_f64());
                stored
            }
        };
        match stored {
            Ok(()) => {
                self.accepted.clear();
                self.set_degraded(false);
                if !extras.redactions.is_empty() {
                    let mut targets = extras.redactions;
                    targets.sort_unstable();
                    self.window.redact(&targets);
                }
                self.publish();
                self.look_after_store(now);
            }
            Err(failure) => {
                self.take_back();
                match failure {
                    Some(failure @ StoreFailure::Fatal(_)) => self.give_up(&failure),
                    Some(failure) => self.degrade(&failure),
                    None => {}
                }
            }
        }
    }

    fn publish(&mut self) {
        let records = self.room.take_batch();
        if records.is_empty() {
            return;
        }
        let is_said = |record: &&Record| {
            matches!(record.kind, RecordKind::Message { .. } | RecordKind::Action { .. })
        };
        let said = records.iter().filter(is_said).count() as u64;
        self.counts.messages.fetch_add(said, Relaxed);
        let batch = Arc::new(Batch::new(self.window.room.clone(), records));
        self.window.publish(batch.clone());
        let begun = Instant::now();
        self.clients.values().for_each(|client| client.deliver(&self.window, &batch));
        self.delivering = begun.elapsed();
        self.counts.times.delivery.observe(self.delivering.as_secs_f64());
        self.delivered = batch.records().len();
        self.tell_people();
    }

    /// Tells who watches how many people are here.
    pub(super) fn tell_people(&self) {
        let people = self.room.roster().len();
        self.people.send_if_modified(|known| std::mem::replace(known, people) != people);
    }

    fn look_after_store(&mut self, now: Timestamp) {
        let Some(store) = &mut self.store else { return };
        match store.look_after(self.window.last(), now) {
            Ok(()) => self.counts.oldest.store(store.oldest().0, Relaxed),
            Err(failure) => match store.judge(failure) {
                StoreFailure::Passing(_) => {}
                failure => self.give_up(&failure),
            },
        }
    }

    /// Takes back a batch that could not be stored.
    fn take_back(&mut self) {
        let left = self.room.batch().iter().filter_map(departure_of).collect::<Vec<_>>();
        self.room.roll_back();
        // Whoever is gone is gone; that is said as soon as it can be stored.
        self.deferred.extend(left);
        let last = self.room.position().seq;
        let mut effects: Vec<Effect> = std::mem::take(&mut self.effects)
            .into_iter()
            .filter_map(|effect| self.take_back_effect(effect, last))
            .collect();
        for (session, id) in self.accepted.drain(..) {
            if let Some(client) = self.clients.get(&session).cloned() {
                let answer = Answer::Refused { refusal: Refusal::StorageFull, id };
                effects.push(Effect::Answer { client, after: last, answer });
            }
        }
        self.effects = effects;
    }

    /// What remains of an effect when the batch is not stored.
    fn take_back_effect(&mut self, effect: Effect, last: Seq) -> Option<Effect> {
        Some(match effect {
            // Nothing has to be stored to go on with a session.
            effect @ Effect::Admit { .. } if self.is_admitted(&effect) => effect,
            Effect::Admit { client, reply, .. } => {
                self.clients.remove(&client.session());
                self.tokens.remove(client.session());
                client.adopt(client.own_session);
                Effect::ReplyJoin(reply, Refusal::StorageFull)
            }
            Effect::Answer { client, answer: Answer::Direct(direct), .. } if !direct.own => {
                client.release_reserved(direct.text.len());
                return None;
            }
            Effect::Answer { client, answer: Answer::Direct(direct), .. } => {
                let answer = Answer::Refused { refusal: Refusal::StorageFull, id: direct.id };
                Effect::Answer { client, after: last, answer }
            }
            Effect::Answer { client, after, answer } => {
                Effect::Answer { client, after: after.min(last), answer }
            }
            Effect::ShowPeople { client, after, people } => {
                Effect::ShowPeople { client, after: after.min(last), people }
            }
            Effect::Close { client, after, reason } => {
                Effect::Close { client, after: after.min(last), reason }
            }
            Effect::Rename { .. } => return None,
            Effect::Reply(reply, Ok(())) => Effect::Reply(reply, Err(Refusal::StorageFull)),
            Effect::ReplyRedaction(reply, Ok(done)) if !done.redacted.is_empty() => {
                Effect::ReplyRedaction(reply, Err(Refusal::StorageFull))
            }
            other => other,
        })
    }

    fn is_admitted(&self, effect: &Effect) -> bool {
        let Effect::Admit { client, .. } = effect else { return false };
        self.room.roster().by_session(client.session()).is_some()
    }

    pub(super) fn degrade(&mut self, failure: &StoreFailure) {
        if !self.counts.is_degraded.load(Relaxed) {
            error!(event = "degraded", "refusing messages, which cannot be stored: {failure}");
        }
        self.set_degraded(true);
        self.submit_later(TRY_AGAIN, RoomRequest::TryAgain);
    }

    pub(super) fn set_degraded(&mut self, is_degraded: bool) {
        if self.counts.is_degraded.swap(is_degraded, Relaxed) != is_degraded {
            if !is_degraded {
                info!(event = "recovered", "storing messages again");
            }
            // Who shows the number of people shows this, too.
            self.people.send_modify(|_| {});
        }
    }

    /// Nothing that is stored from now on could be relied on.
    pub(super) fn give_up(&mut self, failure: &StoreFailure) {
        self.is_broken = true;
        error!(event = "store-failed", "the history failed: {failure}");
        (self.on_failure)(failure.to_string());
    }
}

fn departure_of(record: &Record) -> Option<(SessionId, Departure)> {
    match (&record.kind, &record.author) {
        (RecordKind::Left { how, .. }, Some(author)) => Some((author.session, how.clone())),
        _ => None,
    }
}
