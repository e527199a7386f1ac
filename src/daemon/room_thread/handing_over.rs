//! The room over a change of the process: its people, and their connections.

use std::sync::Arc;

use chatroom::room::EndReason;

use super::{Effect, RoomThread};
use crate::handover::{PackedMember, PackedRoom};
use crate::outlet::Outlet;

impl RoomThread {
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
        });
        let position = self.room.position();
        let members = members.collect();
        Some(PackedRoom { epoch: position.epoch, seq: position.seq, members })
    }
}
