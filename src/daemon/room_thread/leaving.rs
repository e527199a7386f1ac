//! Losing the connection, and leaving.

use std::sync::Arc;

use chatroom::clean::word;
use chatroom::room::{EndReason, NewRecord, SessionId};
use jiff::Timestamp;
use tracing::info;

use super::effects::Effect;
use super::{RoomRequest, RoomThread, aliases};
use crate::client_connection::ClientConnection;

impl RoomThread {
    /// A connection ends. The reason decides whether the user leaves or is detached.
    pub(super) fn end(&mut self, client: Arc<ClientConnection>, reason: EndReason, now: Timestamp) {
        let session = client.session();
        // When the server ends, all clients are told, and reconnect to it.
        if !self.clients.is_current(&client)
            || reason == EndReason::ShuttingDown
            || reason == EndReason::Failed
        {
            return;
        }
        let hold = self.config.timeouts.hold;
        let can_come_back = client.keeps_place()
            && !hold.is_zero()
            && !matches!(
                reason,
                EndReason::Quit | EndReason::Removed { .. } | EndReason::Banned(_)
            );
        if can_come_back && self.room.detach(session, now) {
            self.clients.detach(session);
            let after = self.room.position().seq;
            client.stop_after(after);
            self.effects.push(Effect::Close { client, after, reason });
            self.expire_later(session, now);
        } else {
            self.leave(session, reason, now);
        }
    }

    /// Ends a session after the configured time, unless it is resumed.
    pub(super) fn expire_later(&self, session: SessionId, away: Timestamp) {
        let hold = self.config.timeouts.hold;
        self.timer.submit_after(hold, RoomRequest::Expire { session, away });
    }

    /// Ends a session that has been detached since `away`, unless it was resumed.
    pub(super) fn expire(&mut self, session: SessionId, away: Timestamp, now: Timestamp) {
        let member = self.room.roster().by_session(session);
        if let Some(member) = member.filter(|member| member.detached_since == Some(away)) {
            let name = member.name.as_str();
            info!(event = "expired", name, "{} did not come back in time and left", word(name));
            self.leave(session, EndReason::Closed, now);
        }
    }

    pub(super) fn leave(&mut self, session: SessionId, reason: EndReason, now: Timestamp) {
        let new_record = NewRecord::Leave { session, how: reason.departure() };
        let after = self.room.position().seq;
        self.note_leaving(session);
        if self.room.apply(new_record, now, |_, _| None).is_err() {
            return;
        }
        self.tokens.remove(session);
        if let Some(client) = self.clients.remove(session) {
            // Before anything is published, so the client does not see its own leave.
            client.stop_after(after);
            self.effects.push(Effect::Close { client, after, reason });
        }
    }

    /// Notes the last name of a session that leaves, if the session can be resumed with a token.
    pub(super) fn note_leaving(&mut self, session: SessionId) {
        if self.storage.is_on()
            && self.tokens.hash_of(session).is_some()
            && let Some(member) = self.room.roster().by_session(session)
        {
            let (alias, until) = aliases::last_name(&member.name);
            self.storage.extras.aliases.push((session, alias, until));
        }
        self.aliases.forget(session);
    }
}
