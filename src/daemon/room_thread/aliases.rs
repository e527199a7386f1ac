//! Earlier identities of a session: names it had, and networks against which it was sanctioned.
//!
//! A ban or a mute stays with a session, whatever becomes of its name and its address: it holds if it
//! was made while the session had the name, or was in the network. So a session cannot leave it
//! behind by being renamed, nor by coming back with its token under another name or from elsewhere.

use std::collections::HashMap;
use std::net::IpAddr;

use chatroom::access::{Sanction, SanctionKind, Sanctions, Target};
use chatroom::names::{Name, fold};
use chatroom::room::{Refusal, SessionId};
use jiff::Timestamp;
use tracing::error;

use super::RoomThread;
use crate::store::StoredAlias;

/// So many are remembered of a session. One with more cannot come back under yet another name.
pub const MAX_ALIASES: usize = 16;

/// The end of the last name of a session that has left: it has had no other one since.
pub const OPEN: Timestamp = Timestamp::constant(253_000_000_000, 0);

/// What a session was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub target: Target,
    /// Until when it was that.
    pub until: Timestamp,
}

/// What the sessions were that are here.
#[derive(Debug, Default)]
pub struct Aliases {
    by_session: HashMap<SessionId, Vec<Alias>>,
}

impl Aliases {
    /// What a session was before.
    pub fn of(&self, session: SessionId) -> &[Alias] {
        self.by_session.get(&session).map_or(&[], Vec::as_slice)
    }

    /// Notes what a session was.
    pub fn note(&mut self, session: SessionId, alias: Alias) {
        let known = self.by_session.entry(session).or_default();
        match known.iter().position(|known| known.is_of(&alias.target)) {
            Some(place) => known[place].until = alias.until,
            None if known.len() < MAX_ALIASES => known.push(alias),
            None => {}
        }
    }

    /// Notes what is stored of a session that comes back.
    pub fn recall(&mut self, session: SessionId, stored: Vec<Alias>) {
        stored.into_iter().for_each(|alias| self.note(session, alias));
    }

    /// The session is here no more.
    pub fn forget(&mut self, session: SessionId) {
        self.by_session.remove(&session);
    }

    /// The sanction of a kind that a session has taken with it.
    pub fn sanction<'s>(
        &self,
        sanctions: &'s Sanctions,
        kind: SanctionKind,
        session: SessionId,
        now: Timestamp,
    ) -> Option<&'s Sanction> {
        let taken = |alias: &Alias| {
            let sanction = sanctions.get(kind, &alias.target, now);
            // Milliseconds are what is stored.
            let until = alias.until.as_millisecond();
            sanction.filter(|sanction| sanction.made.as_millisecond() <= until)
        };
        self.of(session).iter().find_map(taken)
    }

    /// The folded names that a session had.
    pub fn names(&self, session: SessionId) -> impl Iterator<Item = String> {
        self.of(session).iter().filter_map(|alias| match &alias.target {
            Target::Name(name) => Some(fold(&name.name)),
            Target::Network(_) => None,
        })
    }
}

impl Alias {
    /// A name that a session had until then.
    pub fn name(name: &str, until: Timestamp) -> Alias {
        Alias { target: Target::from_store(name), until }
    }

    /// Whether it is this: the same name, however it is written, or the same network.
    fn is_of(&self, target: &Target) -> bool {
        match (&self.target, target) {
            (Target::Name(own), Target::Name(other)) => own.skeleton == other.skeleton,
            (own, other) => own == other,
        }
    }

    /// What is stored of it.
    pub fn to_store(&self) -> String {
        match &self.target {
            Target::Name(name) => format!("name:{}", name.name),
            network => format!("address:{network}"),
        }
    }

    /// What was stored of it, if it can be understood.
    pub fn from_store(stored: &str, until: Timestamp) -> Option<Alias> {
        let (kind, word) = stored.split_once(':')?;
        matches!(kind, "name" | "address")
            .then(|| Alias { target: Target::from_store(word), until })
    }
}

/// What was stored, as far as it can be understood.
pub fn from_store(stored: &[StoredAlias]) -> Vec<Alias> {
    stored.iter().filter_map(|(alias, until)| Alias::from_store(alias, *until)).collect()
}

impl RoomThread {
    /// Whether a session may come in under this name: it has had it, or not too many others.
    pub(super) fn may_be_called(&self, session: SessionId, name: &Name) -> bool {
        let is_here = self.room.roster().by_session(session).is_some();
        let aliases = self.stored_aliases(session);
        let target = Target::from_store(name.as_str());
        is_here || aliases.len() < MAX_ALIASES || aliases.iter().any(|it| it.is_of(&target))
    }

    /// Remembers who a session was that comes back from where it had left.
    ///
    /// # Errors
    /// It is banned.
    pub(super) fn recall(
        &mut self,
        session: SessionId,
        name: &Name,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let aliases = self.stored_aliases(session);
        self.aliases.recall(session, aliases.clone());
        let sanctions = &self.access.sanctions;
        if let Some(ban) = self.aliases.sanction(sanctions, SanctionKind::Ban, session, now) {
            let term = ban.term.clone();
            self.aliases.forget(session);
            return Err(Refusal::Banned(term));
        }
        // Under another name, it has its last one no more.
        let own = Target::from_store(name.as_str());
        for alias in aliases.into_iter().filter(|it| it.until == OPEN && !it.is_of(&own)) {
            self.note_alias(session, Alias { until: now, ..alias });
        }
        Ok(())
    }

    /// What is stored of who a session was.
    pub(super) fn stored_aliases(&self, session: SessionId) -> Vec<Alias> {
        let stored = self.store.as_ref().map(|store| store.aliases_of(session));
        match stored.unwrap_or_else(|| Ok(Vec::new())) {
            Ok(stored) => from_store(&stored),
            Err(failure) => {
                error!(event = "store-failed", "a session cannot be looked up: {failure}");
                Vec::new()
            }
        }
    }

    /// What a session was, for another process.
    pub(super) fn saved_aliases(&self, session: SessionId) -> Vec<StoredAlias> {
        let aliases = self.aliases.of(session).iter();
        aliases.map(|alias| (alias.to_store(), alias.until)).collect()
    }

    /// Notes what a session was, here and in the store.
    pub(super) fn note_alias(&mut self, session: SessionId, alias: Alias) {
        self.extras.aliases.push((session, alias.to_store(), alias.until));
        self.aliases.note(session, alias);
    }

    /// Notes who it was that leaves, if it can come back with a token.
    pub(super) fn note_leaving(&mut self, session: SessionId) {
        if self.store.is_some()
            && self.tokens.hash_of(session).is_some()
            && let Some(member) = self.room.roster().by_session(session)
        {
            let alias = Alias::name(member.name.as_str(), OPEN);
            self.extras.aliases.push((session, alias.to_store(), alias.until));
        }
        self.aliases.forget(session);
    }

    /// Notes that a session is in a network that may not speak: it takes that with it.
    pub(super) fn note_network(&mut self, session: SessionId, address: IpAddr, now: Timestamp) {
        let sanctions = &self.access.sanctions;
        if let Some(mute) = sanctions.against(SanctionKind::Mute, None, Some(address), now) {
            let target = mute.target.clone();
            self.note_alias(session, Alias { target, until: now });
        }
    }
}

#[cfg(test)]
mod tests {
    use chatroom::access::{AccessState, Change, Term};

    use super::*;

    const ME: SessionId = SessionId(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn muted(target: &str, made: i64, until: Option<i64>) -> AccessState {
        let (kind, target) = (SanctionKind::Mute, Target::from_store(target));
        let term = Term { until: until.map(at), reason: None };
        let mut access_state = AccessState::default();
        let sanction = Sanction { kind, target, term, made: at(made), by: "uid 0".to_owned() };
        access_state.apply(Change::PutSanction(sanction));
        access_state
    }

    #[track_caller]
    fn check(alias: Alias, access_state: &AccessState, is_muted: bool) {
        let mut aliases = Aliases::default();
        aliases.recall(ME, vec![alias]);
        let found = |kind| aliases.sanction(&access_state.sanctions, kind, ME, at(50)).is_some();
        assert_eq!((found(SanctionKind::Mute), found(SanctionKind::Ban)), (is_muted, false));
    }

    #[test]
    fn a_sanction_stays_that_was_made_while_the_session_was_that() {
        check(Alias::name("Bo", at(9)), &muted("bo", 9, None), true);
        check(Alias::name("Bo", at(8)), &muted("bo", 9, None), false);
        check(Alias::name("Bo", at(9)), &muted("bo", 9, Some(50)), false);
        check(Alias::name("cy", at(9)), &muted("bo", 9, None), false);
        let network = |until| Alias { target: Target::from_store("10.0.0.0/8"), until };
        check(network(at(9)), &muted("10.0.0.0/8", 9, None), true);
        check(network(at(9)), &muted("10.0.0.7", 9, None), false);
    }

    #[test]
    fn what_is_stored_is_understood_again() {
        for target in ["bo", "10.0.0.7", "10.0.0.0/8", "2001:db8::/32"].map(Target::from_store) {
            let alias = Alias { target, until: at(7) };
            assert_eq!(Alias::from_store(&alias.to_store(), at(7)), Some(alias));
        }
        assert_eq!(Alias::from_store("nonsense", at(7)), None);
    }

    #[test]
    fn so_many_are_remembered_and_the_first_of_them() {
        let mut aliases = Aliases::default();
        for n in 0..=MAX_ALIASES {
            aliases.note(ME, Alias::name(&format!("name-{n}"), at(1)));
        }
        aliases.note(ME, Alias::name("NAME-0", at(2)));
        assert_eq!(aliases.of(ME).len(), MAX_ALIASES);
        assert_eq!(aliases.of(ME)[0].until, at(2));
        aliases.forget(ME);
        assert!(aliases.of(ME).is_empty());
    }
}
