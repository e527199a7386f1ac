//! Keeping order: who may come in, who may speak, and what happens when that changes.

use std::net::IpAddr;
use std::sync::Arc;

use chatroom::access::{Registry, Requirement, SanctionKind, Term};
use chatroom::names::Name;
use chatroom::permission::{self, Denial, Doing, Standing};
use chatroom::room::{Draft, EndReason, Member, Refusal, SessionId};
use chatroom::wire::Answer;
use jiff::{SignedDuration, Timestamp};

use super::RoomThread;

impl RoomThread {
    /// Whether somebody from this address may come in under this name.
    pub(super) fn may_join(
        &self,
        name: &Name,
        has_proved: bool,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let requirement = self.access.requirement(name.as_str(), self.config.access.mode);
        if requirement != Requirement::Nothing && !has_proved {
            return Err(Refusal::PasswordNeeded { name: name.to_string() });
        }
        if self.access.account(name.as_str()).is_some_and(|account| account.is_locked) {
            return Err(Refusal::AccountLocked(name.to_string()));
        }
        if let Some(account) = self.access.account_that_looks_like(name.as_str()) {
            return Err(Refusal::LooksLike(Name::from_store(&account.name)));
        }
        match self.access.sanction(SanctionKind::Ban, Some(name.as_str()), address, now) {
            Some(ban) => Err(Refusal::Banned(ban.term.clone())),
            None => Ok(()),
        }
    }

    /// Whether a person may say something now.
    pub(super) fn may(
        &mut self,
        session: SessionId,
        doing: Doing,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let member = self.room.roster().by_session(session).ok_or(Refusal::NotJoined)?;
        let mute = self.sanction_of(SanctionKind::Mute, member, now).cloned();
        let standing = match &mute {
            Some(_) => Standing::Muted,
            // Who just says something need not be known for an operator.
            None if doing != Doing::Moderate && self.access.slow.is_zero() => Standing::Joined,
            None if self.access.is_operator(member.name.as_str()) => Standing::Operator,
            None => Standing::Joined,
        };
        permission::check(standing, doing).map_err(|denial| match (denial, mute) {
            (Denial::Muted, Some(term)) => Refusal::Muted(term),
            (Denial::AlreadyJoined, _) => Refusal::AlreadyJoined,
            (Denial::NotJoined | Denial::Silence, _) => Refusal::NotJoined,
            _ => Refusal::NotPermitted,
        })?;
        if doing == Doing::Speak && standing == Standing::Joined {
            self.keep_slow(session, now)?;
        }
        Ok(())
    }

    /// Slow mode: each says one thing in so much time.
    fn keep_slow(&mut self, session: SessionId, now: Timestamp) -> Result<(), Refusal> {
        if self.access.slow.is_zero() {
            return Ok(());
        }
        let slow = SignedDuration::try_from(self.access.slow).unwrap_or(SignedDuration::MAX);
        let next = self.last_said.get(&session).and_then(|said| said.checked_add(slow).ok());
        match next.map(|next| next.duration_since(now)).filter(|wait| wait.is_positive()) {
            Some(wait) => {
                let seconds = wait.as_secs_f64().ceil() as u64;
                Err(Refusal::SlowMode { seconds })
            }
            None => {
                self.last_said.insert(session, now);
                Ok(())
            }
        }
    }

    fn sanction_of(&self, kind: SanctionKind, member: &Member, now: Timestamp) -> Option<&Term> {
        let address = self.outlets.get(&member.session).map(|outlet| outlet.peer.ip());
        let sanction = self.access.sanction(kind, Some(member.name.as_str()), address, now)?;
        Some(&sanction.term)
    }

    /// From now on this is in force. Who may not be here any more goes, who may not speak any more,
    /// or may again, is told.
    pub(super) fn put_in_force(&mut self, registry: Arc<Registry>, now: Timestamp) {
        // Two that were made at the same time may come in the other order.
        if registry.version < self.access.version {
            return;
        }
        let mutes = |room: &RoomThread| {
            let members = room.room.roster().iter();
            let muted = members.filter_map(|member| {
                let term = room.sanction_of(SanctionKind::Mute, member, now)?;
                Some((member.session, term.clone()))
            });
            muted.collect::<Vec<_>>()
        };
        let before = mutes(self);
        if registry.slow != self.access.slow {
            self.last_said.clear();
        }
        self.access = registry;
        let after = mutes(self);
        for (session, term) in &after {
            if !before.iter().any(|known| known == &(*session, term.clone())) {
                self.tell(*session, format!("You are muted{term}"));
            }
        }
        for (session, _) in before {
            if !after.iter().any(|(other, _)| *other == session) {
                self.tell(session, "You are no longer muted.".to_owned());
            }
        }
        let leaving: Vec<_> = self
            .room
            .roster()
            .iter()
            .filter_map(|member| {
                let ban = self.sanction_of(SanctionKind::Ban, member, now)?;
                Some((member.session, ban.clone()))
            })
            .collect();
        for (session, term) in leaving {
            self.leave(session, EndReason::Banned(term.into()), now);
        }
    }

    pub(super) fn rename(&mut self, name: &str, to: &Name, now: Timestamp) -> Result<(), Refusal> {
        let Some(member) = self.room.roster().by_name(name) else {
            return Err(Refusal::NoSuchUser(name.to_owned()));
        };
        let session = member.session;
        self.apply(Draft::Rename { session, to: to.clone() }, now)?;
        self.extras.renames.push((session, to.to_string()));
        Ok(())
    }

    fn tell(&mut self, session: SessionId, message: String) {
        self.answer(session, Answer::Info { message, id: None });
    }
}
