//! The members, as an operator sees them.

use chatroom::access::SanctionKind;
use chatroom::admin::User;
use chatroom::room::{Member, Seq};
use jiff::Timestamp;

use super::RoomThread;
use super::clients::Seen;

impl RoomThread {
    pub(super) fn users(&self) -> Vec<User> {
        let (next, now) = (self.window.last().next(), Timestamp::now());
        self.room.roster().iter().map(|member| self.describe(member, next, now)).collect()
    }

    fn describe(&self, member: &Member, next: Seq, now: Timestamp) -> User {
        let client = self.clients.get(member.session);
        let present = client.map(|client| Seen::of(client));
        let seen = present.as_ref().or_else(|| self.clients.lost(member.session));
        let (sanctions, kind) = (&self.access.sanctions, SanctionKind::Mute);
        let carried = self.aliases.carried_sanction(sanctions, kind, member.session, now);
        let away = member.detached_since.map(|away| now.duration_since(away).as_secs());
        User {
            name: member.name.to_string(),
            address: seen.map(|seen| seen.address.to_string()).unwrap_or_default(),
            // Only JSON clients can be detached.
            dialect: seen.map_or("json", |seen| seen.dialect).to_owned(),
            since: member.since,
            away_seconds: away.map(|seconds| seconds.max(0).unsigned_abs()),
            // Filled in elsewhere, because looking it up takes longer and does not need the room.
            operator: false,
            // Other mutes are filled in elsewhere, too, by name and address.
            muted: carried.is_some(),
            idle_seconds: client.map_or(0, |client| client.traffic.idle().as_secs()),
            bytes_in: seen.map_or(0, |seen| seen.bytes_in),
            bytes_out: seen.map_or(0, |seen| seen.bytes_out),
            behind: client.map_or(0, |client| client.behind(next)),
        }
    }
}
