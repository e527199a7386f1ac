//! Aliases of a session: names that it had, and networks in which it was sanctioned.
//!
//! A ban or a mute follows the session: it applies if it was made while the session had the name, or
//! was in the network. So a session cannot escape it by being renamed, or by resuming under another
//! name or from elsewhere.

use std::collections::HashMap;
use std::net::IpAddr;

use chatroom::access::{Sanction, SanctionKind, Sanctions, Target};
use chatroom::names::{Name, fold};
use chatroom::room::{Member, Refusal, SessionId};
use jiff::Timestamp;

use crate::store::{Extras, StoredAlias};

/// The maximum number of aliases that are remembered for a session. A session that has this many
/// cannot be resumed under yet another name.
pub const MAX_ALIASES: usize = 16;

/// The end of the last name of a session that has left: it has had no other one since.
pub const OPEN: Timestamp = Timestamp::constant(253_000_000_000, 0);

/// A name that a session had, or a network in which it was sanctioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub target: Target,
    pub until: Timestamp,
}

/// The aliases of the members' sessions.
#[derive(Debug, Default)]
pub struct Aliases {
    by_session: HashMap<SessionId, Vec<Alias>>,
}

impl Aliases {
    /// The aliases of a session.
    pub fn of(&self, session: SessionId) -> &[Alias] {
        self.by_session.get(&session).map_or(&[], Vec::as_slice)
    }

    /// Notes an alias, both here and in the data that is stored with the batch.
    pub fn record(&mut self, session: SessionId, alias: Alias, extras: &mut Extras) {
        extras.aliases.push((session, alias.to_store(), alias.until));
        self.note(session, alias);
    }

    fn note(&mut self, session: SessionId, alias: Alias) {
        let known = self.by_session.entry(session).or_default();
        match known.iter().position(|known| known.is_of(&alias.target)) {
            Some(place) => known[place].until = alias.until,
            None if known.len() < MAX_ALIASES => known.push(alias),
            None => {}
        }
    }

    /// Notes the aliases that are stored for a session.
    pub fn restore(&mut self, session: SessionId, stored: Vec<Alias>) {
        stored.into_iter().for_each(|alias| self.note(session, alias));
    }

    /// Notes the aliases that are stored for a session that joins again under a name.
    ///
    /// # Errors
    /// It is banned.
    pub fn rejoin(
        &mut self,
        session: SessionId,
        name: &Name,
        stored: Vec<Alias>,
        sanctions: &Sanctions,
        extras: &mut Extras,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        self.restore(session, stored.clone());
        if let Some(ban) = self.carried_sanction(sanctions, SanctionKind::Ban, session, now) {
            let term = ban.term.clone();
            self.forget(session);
            return Err(Refusal::Banned(term));
        }
        // If the name is another one, the session no longer has its last one.
        let own = Target::from_store(name.as_str());
        for alias in stored.into_iter().filter(|it| it.until == OPEN && !it.is_of(&own)) {
            self.record(session, Alias { until: now, ..alias }, extras);
        }
        Ok(())
    }

    /// Notes the network of a session if members in it are muted, so that it stays muted elsewhere.
    pub fn note_network(
        &mut self,
        session: SessionId,
        address: IpAddr,
        sanctions: &Sanctions,
        extras: &mut Extras,
        now: Timestamp,
    ) {
        if let Some(mute) = sanctions.against(SanctionKind::Mute, None, Some(address), now) {
            self.record(session, Alias { target: mute.target.clone(), until: now }, extras);
        }
    }

    /// The aliases of a session in their stored form.
    pub fn to_store(&self, session: SessionId) -> Vec<StoredAlias> {
        self.of(session).iter().map(|alias| (alias.to_store(), alias.until)).collect()
    }

    /// Forgets a session that has left.
    pub fn forget(&mut self, session: SessionId) {
        self.by_session.remove(&session);
    }

    /// The sanction of a kind against a member: against their name or address, or one that their
    /// session carries from a former one.
    pub fn sanction<'s>(
        &self,
        sanctions: &'s Sanctions,
        kind: SanctionKind,
        member: &Member,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<&'s Sanction> {
        sanctions
            .against(kind, Some(member.name.as_str()), address, now)
            .or_else(|| self.carried_sanction(sanctions, kind, member.session, now))
    }

    /// The sanction of a kind that a session carries from a former name or network.
    pub fn carried_sanction<'s>(
        &self,
        sanctions: &'s Sanctions,
        kind: SanctionKind,
        session: SessionId,
        now: Timestamp,
    ) -> Option<&'s Sanction> {
        let carried = |alias: &Alias| {
            let sanction = sanctions.get(kind, &alias.target, now);
            // Compared in milliseconds, because that is how they are stored.
            let until = alias.until.as_millisecond();
            sanction.filter(|sanction| sanction.made.as_millisecond() <= until)
        };
        self.of(session).iter().find_map(carried)
    }

    /// The former names of a session, folded.
    pub fn names(&self, session: SessionId) -> impl Iterator<Item = String> {
        self.of(session).iter().filter_map(|alias| match &alias.target {
            Target::Name(name) => Some(fold(&name.name)),
            Target::Network(_) => None,
        })
    }
}

impl Alias {
    /// A name that a session had until a time.
    pub fn name(name: &str, until: Timestamp) -> Alias {
        Alias { target: Target::from_store(name), until }
    }

    /// Whether this is the alias of a target: the same name, however it is written, or the same network.
    fn is_of(&self, target: &Target) -> bool {
        match (&self.target, target) {
            (Target::Name(own), Target::Name(other)) => own.skeleton == other.skeleton,
            (own, other) => own == other,
        }
    }

    /// The form in which an alias is stored.
    fn to_store(&self) -> String {
        match &self.target {
            Target::Name(name) => format!("name:{}", name.name),
            network => format!("address:{network}"),
        }
    }

    /// Reads the form in which an alias is stored.
    fn from_store(stored: &str, until: Timestamp) -> Option<Alias> {
        let (kind, word) = stored.split_once(':')?;
        matches!(kind, "name" | "address")
            .then(|| Alias { target: Target::from_store(word), until })
    }
}

/// Whether a session with these aliases may be called so: it was before, or it has few other names.
pub fn allow(aliases: &[Alias], name: &Name) -> bool {
    let target = Target::from_store(name.as_str());
    aliases.len() < MAX_ALIASES || aliases.iter().any(|it| it.is_of(&target))
}

/// The stored form of the last name of a session that leaves and can be resumed.
pub fn last_name(name: &Name) -> StoredAlias {
    (Alias::name(name.as_str(), OPEN).to_store(), OPEN)
}

/// Reads stored aliases, without those that cannot be read.
pub fn from_store(stored: &[StoredAlias]) -> Vec<Alias> {
    stored.iter().filter_map(|(alias, until)| Alias::from_store(alias, *until)).collect()
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
        aliases.restore(ME, vec![alias]);
        let found =
            |kind| aliases.carried_sanction(&access_state.sanctions, kind, ME, at(50)).is_some();
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
