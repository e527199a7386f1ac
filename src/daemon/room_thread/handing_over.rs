//! The room over a change of the process: its people, and their connections.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use chatroom::handover::{PackedMember, PackedRoom};
use chatroom::room::{Departure, EndReason, Member};
use jiff::Timestamp;

use super::{Effect, Prospect, RoomThread};
use crate::outlet::Outlet;

impl RoomThread {
    /// Puts those back who were here. Who goes on is here; who can come back is away and has time to,
    /// the others have not.
    pub(super) fn restore(&mut self, members: Vec<(Member, Prospect)>) {
        let now = Timestamp::now();
        let hold = !self.config.timeouts.hold.is_zero();
        for (member, prospect) in members {
            let session = member.session;
            let aliases = self.stored_aliases(session);
            self.aliases.recall(session, aliases);
            let may_stay = self.may_stay(&member, now);
            let away = (prospect != Prospect::GoesOn).then_some(now);
            if self.room.restore(Member { away, ..member }).is_err() {
                continue;
            }
            match prospect {
                Prospect::GoesOn if may_stay => {}
                Prospect::CanComeBack if may_stay && hold => self.expire_later(session, now),
                _ => self.deferred.push((session, Departure::Lost)),
            }
        }
        if let Some(store) = &self.store {
            self.counts.oldest.store(store.oldest().0, Relaxed);
        }
    }

    /// Goes on with a connection of somebody who is here.
    pub(super) fn take_up(&mut self, outlet: Arc<Outlet>) {
        let session = outlet.session();
        match self.room.resume(session) {
            Some(_) => drop(self.outlets.insert(session, outlet)),
            // Whoever may not be here any more; or the history was lost with the process.
            None => {
                let (after, reason) = (self.room.position().seq, EndReason::ShuttingDown);
                self.effects.push(Effect::Close { outlet, after, reason });
            }
        }
    }

    /// What the room is, where that is not stored.
    pub(super) fn pack(&self) -> Option<PackedRoom> {
        if self.store.is_some() {
            return None;
        }
        let members = self.room.roster().iter().map(|member| PackedMember {
            session: member.session,
            name: member.name.to_string(),
            since: member.since,
            token: self.tokens.hash_of(member.session),
            aliases: self.pack_aliases(member.session),
        });
        let position = self.room.position();
        let members = members.collect();
        Some(PackedRoom { epoch: position.epoch, seq: position.seq, members })
    }
}
