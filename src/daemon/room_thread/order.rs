//! Keeping order: who may come in, who may speak, and what happens when that changes.

use std::net::IpAddr;
use std::sync::Arc;

use chatroom::access::{AccessState, Change, Credential, Sanction, SanctionKind, Target, Term};
use chatroom::admin::Affected;
use chatroom::names::Name;
use chatroom::permission::{self, Permission, Role};
use chatroom::room::{EndReason, Member, NewRecord, Refusal, SessionId};
use chatroom::wire::Answer;
use jiff::{SignedDuration, Timestamp};

use super::aliases::Alias;
use super::{Effect, RoomThread};

/// What somebody is told whose account has changed.
const ACCOUNT_CHANGED: &str = "the account of that name was changed; come back with its password";

/// Of so many who are gone it is remembered when they have said something.
const FEW: usize = 256;

impl RoomThread {
    /// Whether somebody from this address may come in under this name.
    pub(super) fn may_join(
        &self,
        name: &Name,
        credential: &Credential,
        address: Option<IpAddr>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if !self.access.is_enough(credential, name.as_str(), self.config.access.mode) {
            return Err(Refusal::PasswordNeeded { name: name.to_string() });
        }
        if self.access.account(name.as_str()).is_some_and(|account| account.is_locked) {
            return Err(Refusal::AccountLocked(name.to_string()));
        }
        if let Some(account) = self.access.confusable_account(name.as_str()) {
            return Err(Refusal::LooksLike(Name::from_store(&account.name)));
        }
        match self.access.sanctions.against(SanctionKind::Ban, Some(name.as_str()), address, now) {
            Some(ban) => Err(Refusal::Banned(ban.term.clone())),
            None => Ok(()),
        }
    }

    /// Checks a permission of a session, with everything that was applied before.
    pub(super) fn may(
        &self,
        session: SessionId,
        permission: Permission,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let member = self.room.roster().by_session(session).ok_or(Refusal::NotJoined)?;
        let mute = self.sanction_of(SanctionKind::Mute, member, now).cloned();
        // Looked up only where it makes a difference: this is on the path of every message.
        let is_operator = || {
            (permission == Permission::Moderate || !self.access.slow.is_zero())
                && self.access.is_operator(member.name.as_str())
        };
        let role = Role::of_member(mute.is_some(), is_operator);
        permission::check(role, permission)
            .map_err(|denial| denial.refusal(mute).unwrap_or(Refusal::NotJoined))?;
        // Slow mode includes direct messages: otherwise a user would send more of them instead.
        match permission.is_speech() && role == Role::Joined {
            true => self.check_slow(member, now),
            false => Ok(()),
        }
    }

    /// Slow mode: each says one thing in so much time, whatever they were called meanwhile.
    fn check_slow(&self, member: &Member, now: Timestamp) -> Result<(), Refusal> {
        let slow = SignedDuration::try_from(self.access.slow).unwrap_or(SignedDuration::MAX);
        let before = self.aliases.names(member.session);
        let before = before.filter_map(|name| self.last_said.get(name.as_str()));
        let said = before.chain(self.last_said.get(member.name.folded())).max();
        let next = said.and_then(|said| said.checked_add(slow).ok());
        match next.map(|next| next.duration_since(now)).filter(|wait| wait.is_positive()) {
            Some(wait) => Err(Refusal::SlowMode { seconds: wait.as_secs_f64().ceil() as u64 }),
            None => Ok(()),
        }
    }

    /// Somebody has said something, which counts in slow mode. It counts for the name, and not for
    /// the session, which anybody can have anew.
    pub(super) fn note_said(&mut self, session: SessionId, now: Timestamp) {
        let slow = self.access.slow;
        if slow.is_zero() {
            return;
        }
        if self.last_said.len() > self.room.roster().len() + FEW {
            self.last_said.retain(|_, said| now.duration_since(*said).unsigned_abs() < slow);
        }
        if let Some(member) = self.room.roster().by_session(session) {
            self.last_said.insert(member.name.folded().clone(), now);
        }
    }

    fn sanction_of(&self, kind: SanctionKind, member: &Member, now: Timestamp) -> Option<&Term> {
        let address = self.clients.get(&member.session).map(|client| client.source.ip());
        let sanctions = &self.access.sanctions;
        let sanction = sanctions
            .against(kind, Some(member.name.as_str()), address, now)
            .or_else(|| self.aliases.sanction(sanctions, kind, member.session, now))?;
        Some(&sanction.term)
    }

    /// Whether somebody who was here may go on being here, as far as their name tells.
    pub(super) fn may_stay(&self, member: &Member, now: Timestamp) -> bool {
        let name = member.name.as_str();
        self.access.may_stay(name, member.since)
            && self.sanction_of(SanctionKind::Ban, member, now).is_none()
    }

    /// From now on this is in force. Who may not be here any more because of the change goes, who
    /// may not speak any more, or may again, is told.
    pub(super) fn put_in_force(
        &mut self,
        access_state: Arc<AccessState>,
        change: &Change,
        now: Timestamp,
    ) {
        self.access = access_state;
        if let Change::PutSanction(Sanction { target: target @ Target::Network(_), made, .. }) =
            change
        {
            for session in self.hit_by(target) {
                self.note_alias(session, Alias { target: target.clone(), until: *made });
            }
        }
        match change {
            Change::PutSanction(Sanction { kind, target, .. })
            | Change::RemoveSanction(kind, target) => {
                for session in self.hit_by(target) {
                    self.apply_sanctions(session, *kind, now);
                }
            }
            Change::PutAccount { account, renews: true } => self.renew(&account.name, now),
            Change::RemoveAccount(name) => self.renew(name, now),
            Change::SetSlow(_) => self.last_said.clear(),
            _ => {}
        }
    }

    /// Whom a sanction is against, of those who are here.
    fn hit_by(&self, target: &Target) -> Vec<SessionId> {
        match target {
            Target::Name(name) => {
                let members = self.room.roster().by_skeleton(&name.name).into_iter();
                members.map(|member| member.session).collect()
            }
            Target::Network(_) => {
                let clients = self.clients.iter();
                let hit = clients.filter(|(_, it)| target.matches(None, Some(it.source.ip())));
                let hit = hit.map(|(&session, _)| session);
                // The place of a detached session is where its connection was.
                let detached = self.detached.iter();
                let lost = detached.filter(|(_, it)| target.matches(None, Some(it.address.ip())));
                hit.chain(lost.map(|(&session, _)| session)).collect()
            }
        }
    }

    /// Whom a sanction would hit, and how many of them are connected.
    pub(super) fn affected(&self, target: &Target) -> (Affected, usize) {
        let is_network = matches!(target, Target::Network(_));
        let roster = self.room.roster();
        let hit = self.hit_by(target);
        let members: Vec<_> =
            hit.iter().filter_map(|session| roster.by_session(*session)).collect();
        let operators = members.iter().map(|member| member.name.as_str());
        let operators = operators.filter(|name| self.access.is_operator(name));
        let affected = Affected {
            target: target.to_string(),
            is_network,
            is_wide: target.is_wide(),
            people: members.len(),
            of: roster.len(),
            nameless: 0,
            operators: operators.map(str::to_owned).collect(),
        };
        let connected = hit.iter().filter(|session| self.clients.contains_key(session)).count();
        (affected, connected)
    }

    /// Does what follows for this person from a sanction of this kind that has come or gone.
    fn apply_sanctions(&mut self, session: SessionId, kind: SanctionKind, now: Timestamp) {
        let Some(member) = self.room.roster().by_session(session) else { return };
        match (kind, self.sanction_of(kind, member, now).cloned()) {
            (SanctionKind::Ban, Some(term)) => {
                self.leave(session, EndReason::Banned(term.into()), now);
            }
            (SanctionKind::Ban, None) => {}
            (SanctionKind::Mute, Some(term)) => self.tell(session, format!("You are muted{term}")),
            (SanctionKind::Mute, None) => {
                self.tell(session, "You are no longer muted.".to_owned());
            }
        }
    }

    /// Whoever is here under this name, or one that looks like it, has proved something that holds
    /// no more, or nothing.
    fn renew(&mut self, name: &str, now: Timestamp) {
        let members = self.room.roster().by_skeleton(name).into_iter();
        let sessions: Vec<_> = members.map(|member| member.session).collect();
        for session in sessions {
            let reason = Some(ACCOUNT_CHANGED.to_owned());
            self.leave(session, EndReason::Removed { reason }, now);
        }
    }

    pub(super) fn rename(&mut self, name: &str, to: &Name, now: Timestamp) -> Result<(), Refusal> {
        let Some(member) = self.room.roster().by_name(name) else {
            return Err(Refusal::NoSuchUser(name.to_owned()));
        };
        let session = member.session;
        if let Some(account) = self.access.account_with_skeleton_of(to.as_str()) {
            return Err(Refusal::LooksLike(Name::from_store(&account.name)));
        }
        if let Some(ban) =
            self.access.sanctions.against(SanctionKind::Ban, Some(to.as_str()), None, now)
        {
            return Err(Refusal::Banned(ban.term.clone()));
        }
        let before = Alias::name(member.name.as_str(), now);
        self.apply(NewRecord::Rename { session, to: to.clone() }, now)?;
        self.note_alias(session, before);
        self.extras.renames.push((session, to.to_string()));
        if let Some(client) = self.clients.get(&session).cloned() {
            self.effects.push(Effect::Rename { client, to: to.clone() });
        }
        Ok(())
    }

    fn tell(&mut self, session: SessionId, message: String) {
        self.answer(session, Answer::Info { message, id: None });
    }
}
