//! The people in the room, as an operator sees them.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use chatroom::access::SanctionKind;
use chatroom::admin::User;
use chatroom::room::{Member, Seq};
use jiff::Timestamp;

use super::RoomThread;
use crate::client_connection::ClientConnection;

/// What is known of a connection; where it is lost, what was known.
pub(super) struct Seen {
    pub(super) address: SocketAddr,
    dialect: &'static str,
    bytes_in: u64,
    bytes_out: u64,
}

impl Seen {
    pub(super) fn of(client: &ClientConnection) -> Seen {
        Seen {
            address: client.source.address(),
            dialect: client.dialect().as_str(),
            bytes_in: client.traffic.bytes_in.load(Relaxed),
            bytes_out: client.traffic.bytes_out.load(Relaxed),
        }
    }
}

impl RoomThread {
    pub(super) fn users(&self) -> Vec<User> {
        let (next, now) = (self.window.last().next(), Timestamp::now());
        self.room.roster().iter().map(|member| self.describe(member, next, now)).collect()
    }

    fn describe(&self, member: &Member, next: Seq, now: Timestamp) -> User {
        let client = self.clients.get(&member.session);
        let present = client.map(|client| Seen::of(client));
        let seen = present.as_ref().or_else(|| self.detached.get(&member.session));
        let sanctions = &self.access.sanctions;
        let taken_along = self.aliases.sanction(sanctions, SanctionKind::Mute, member.session, now);
        let away = member.detached_since.map(|away| now.duration_since(away).as_secs());
        User {
            name: member.name.to_string(),
            address: seen.map(|seen| seen.address.to_string()).unwrap_or_default(),
            // Only the place of who speaks JSON is held.
            dialect: seen.map_or("json", |seen| seen.dialect).to_owned(),
            since: member.since,
            away_seconds: away.map(|seconds| seconds.max(0).unsigned_abs()),
            // To find these out takes longer, and needs nothing that only the room has.
            operator: false,
            // A mute that the session has taken along, the name and the address do not show.
            muted: taken_along.is_some(),
            idle_seconds: client.map_or(0, |client| client.traffic.idle().as_secs()),
            bytes_in: seen.map_or(0, |seen| seen.bytes_in),
            bytes_out: seen.map_or(0, |seen| seen.bytes_out),
            behind: client.map_or(0, |client| client.behind(next)),
        }
    }
}
