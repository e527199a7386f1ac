//! Handing the room over to the next process: its members and their connections.

use std::sync::Arc;

use chatroom::handover::{SavedMember, SavedRoom};
use chatroom::room::{Departure, EndReason, Member};
use jiff::Timestamp;

use super::effects::Effect;
use super::{RestoredAs, RoomThread};
use crate::client_connection::ClientConnection;

impl RoomThread {
    /// Restores the members of the previous process. Those whose connection was not handed over are
    /// detached; if they cannot resume, they leave.
    pub(super) fn restore(&mut self, members: Vec<(Member, RestoredAs)>) {
        let now = Timestamp::now();
        let hold = !self.config.timeouts.hold.is_zero();
        for (member, restored_as) in members {
            let session = member.session;
            self.aliases.restore(session, self.storage.aliases_of(session));
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
    }

    /// Takes over a member's connection from the previous process.
    pub(super) fn resume_client(&mut self, client: Arc<ClientConnection>) {
        let session = client.session();
        match self.room.resume(session) {
            Some(_) => self.clients.connect(session, client),
            // The member may no longer be here, or the history was lost with the process.
            None => {
                let (after, reason) = (self.room.position().seq, EndReason::ShuttingDown);
                self.effects.push(Effect::Close { client, after, reason });
            }
        }
    }

    /// The state of the room for the next process, if it is not stored.
    pub(super) fn save(&self) -> Option<SavedRoom> {
        if self.storage.is_on() {
            return None;
        }
        let members = self.room.roster().iter().map(|member| SavedMember {
            session: member.session,
            name: member.name.to_string(),
            since: member.since,
            token: self.tokens.hash_of(member.session),
            aliases: self.aliases.to_store(member.session),
        });
        let position = self.room.position();
        let members = members.collect();
        Some(SavedRoom { epoch: position.epoch, seq: position.seq, members })
    }
}
