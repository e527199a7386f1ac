//! The room over a change of the process: its people, and their connections.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use chatroom::handover::{SavedMember, SavedRoom};
use chatroom::room::{Departure, EndReason, Member};
use jiff::Timestamp;

use super::{Effect, RestoredAs, RoomThread};
use crate::client_connection::ClientConnection;

impl RoomThread {
    /// Puts those back who were here. Who goes on is here; who can come back is away and has time to,
    /// the others have not.
    pub(super) fn restore(&mut self, members: Vec<(Member, RestoredAs)>) {
        let now = Timestamp::now();
        let hold = !self.config.timeouts.hold.is_zero();
        for (member, restored_as) in members {
            let session = member.session;
            let aliases = self.stored_aliases(session);
            self.aliases.recall(session, aliases);
            let may_stay = self.may_stay(&member, now);
            let away = (restored_as != RestoredAs::GoesOn).then_some(now);
            if self.room.restore(Member { detached_since: away, ..member }).is_err() {
                continue;
            }
            match restored_as {
                RestoredAs::GoesOn if may_stay => {}
                RestoredAs::CanComeBack if may_stay && hold => self.expire_later(session, now),
                _ => self.deferred.push((session, Departure::Lost)),
            }
        }
        if let Some(store) = &self.store {
            self.counts.oldest.store(store.oldest().0, Relaxed);
        }
    }

    /// Goes on with a connection of somebody who is here.
    pub(super) fn resume_client(&mut self, client: Arc<ClientConnection>) {
        let session = client.session();
        match self.room.resume(session) {
            Some(_) => drop(self.clients.insert(session, client)),
            // Whoever may not be here any more; or the history was lost with the process.
            None => {
                let (after, reason) = (self.room.position().seq, EndReason::ShuttingDown);
                self.effects.push(Effect::Close { client, after, reason });
            }
        }
    }

    /// What the room is, where that is not stored.
    pub(super) fn save(&self) -> Option<SavedRoom> {
        if self.store.is_some() {
            return None;
        }
        let members = self.room.roster().iter().map(|member| SavedMember {
            session: member.session,
            name: member.name.to_string(),
            since: member.since,
            token: self.tokens.hash_of(member.session),
            aliases: self.saved_aliases(member.session),
        });
        let position = self.room.position();
        let members = members.collect();
        Some(SavedRoom { epoch: position.epoch, seq: position.seq, members })
    }
}
