//! The people in the room, as an operator sees them.

use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;

use chatroom::access::SanctionKind;
use chatroom::admin::User;
use chatroom::room::{Member, Seq};
use jiff::Timestamp;

use super::RoomThread;
use crate::outlet::Outlet;

/// What is known of a connection; where it is lost, what was known.
pub(super) struct Seen {
    pub(super) address: SocketAddr,
    dialect: &'static str,
    bytes_in: u64,
    bytes_out: u64,
}

impl Seen {
    pub(super) fn of(outlet: &Outlet) -> Seen {
        Seen {
            address: outlet.source.address(),
            dialect: outlet.dialect().as_str(),
            bytes_in: outlet.traffic.bytes_in.load(Relaxed),
            bytes_out: outlet.traffic.bytes_out.load(Relaxed),
        }
    }
}

impl RoomThread {
    pub(super) fn users(&self) -> Vec<User> {
        let (next, now) = (self.window.last().next(), Timestamp::now());
        self.room.roster().iter().map(|member| self.describe(member, next, now)).collect()
    }

    fn describe(&self, member: &Member, next: Seq, now: Timestamp) -> User {
        let outlet = self.outlets.get(&member.session);
        let present = outlet.map(|outlet| Seen::of(outlet));
        let seen = present.as_ref().or_else(|| self.detached.get(&member.session));
        let sanctions = &self.access.sanctions;
        let taken_along = self.aliases.sanction(sanctions, SanctionKind::Mute, member.session, now);
        let away = member.away.map(|away| now.duration_since(away).as_secs());
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
            idle_seconds: outlet.map_or(0, |outlet| outlet.traffic.idle().as_secs()),
            bytes_in: seen.map_or(0, |seen| seen.bytes_in),
            bytes_out: seen.map_or(0, |seen| seen.bytes_out),
            behind: outlet.map_or(0, |outlet| outlet.behind(next)),
        }
    }
}
