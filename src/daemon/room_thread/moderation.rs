//! The permissions of members according to the access state, and the consequences of changing it.

use std::sync::Arc;

use chatroom::access::{AccessState, Change, Sanction, SanctionKind, Target, Term};
use chatroom::admin::Affected;
use chatroom::names::Name;
use chatroom::permission::{self, Permission, Role};
use chatroom::room::{EndReason, Member, NewRecord, Refusal, SessionId};
use chatroom::wire::Answer;
use jiff::Timestamp;

use super::RoomThread;
use super::aliases::Alias;
use super::effects::Effect;

/// The message to members whose account has changed.
const ACCOUNT_CHANGED: &str = "the account of that name was changed; come back with its password";

impl RoomThread {
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

    /// Checks slow mode for a member.
    fn check_slow(&self, member: &Member, now: Timestamp) -> Result<(), Refusal> {
        let former = self.aliases.names(member.session);
        self.slow_mode.check(self.access.slow, &member.name, former, now)
    }

    /// Notes for slow mode that a member has said something.
    pub(super) fn note_said(&mut self, session: SessionId, now: Timestamp) {
        let slow = self.access.slow;
        if slow.is_zero() {
            return;
        }
        if let Some(member) = self.room.roster().by_session(session) {
            self.slow_mode.note(slow, &member.name, self.room.roster().len(), now);
        }
    }

    fn sanction_of(&self, kind: SanctionKind, member: &Member, now: Timestamp) -> Option<&Term> {
        let address = self.clients.address(member.session);
        let sanction = self.aliases.sanction(&self.access.sanctions, kind, member, address, now)?;
        Some(&sanction.term)
    }

    /// Whether a member may stay in the room, as far as their name and session tell.
    pub(super) fn may_stay(&self, member: &Member, now: Timestamp) -> bool {
        self.access.may_stay(member.name.as_str(), member.since)
            && self.sanction_of(SanctionKind::Ban, member, now).is_none()
    }

    /// Replaces the access state; `change` lists the differences. Members who are no longer allowed
    /// in the room are removed. Members whose permission to speak has changed are told.
    pub(super) fn set_access_state(
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
                let alias = Alias { target: target.clone(), until: *made };
                self.aliases.record(session, alias, &mut self.storage.extras);
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
            Change::SetSlow(_) => self.slow_mode.clear(),
            _ => {}
        }
    }

    /// The members whom a sanction against this target affects.
    fn hit_by(&self, target: &Target) -> Vec<SessionId> {
        match target {
            Target::Name(name) => {
                let members = self.room.roster().by_skeleton(&name.name).into_iter();
                members.map(|member| member.session).collect()
            }
            Target::Network(_) => self.clients.in_network(target),
        }
    }

    /// The members whom a sanction would affect, and how many of them are connected.
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
        let is_connected = |session: &&SessionId| self.clients.get(**session).is_some();
        let connected = hit.iter().filter(is_connected).count();
        (affected, connected)
    }

    /// Applies a sanction of this kind to a member, after one was added or removed.
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

    /// Removes the members under this name or a confusable one: they have not given the password that
    /// the account now has.
    fn renew(&mut self, name: &str, now: Timestamp) {
        let members = self.room.roster().by_skeleton(name).into_iter();
        let sessions: Vec<_> = members.map(|member| member.session).collect();
        for session in sessions {
            let reason = Some(ACCOUNT_CHANGED.to_owned());
            self.leave(session, EndReason::Removed { reason }, now);
        }
    }

    pub(super) fn kick(
        &mut self,
        name: &str,
        reason: Option<String>,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let Some(member) = self.room.roster().by_name(name) else {
            return Err(Refusal::NoSuchUser(name.to_owned()));
        };
        let session = member.session;
        let reason = reason.map(|reason| chatroom::clean::line(&reason).trim().to_owned());
        let reason = reason.filter(|reason| !reason.is_empty());
        self.leave(session, EndReason::Removed { reason }, now);
        Ok(())
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
        self.aliases.record(session, before, &mut self.storage.extras);
        self.storage.extras.renames.push((session, to.to_string()));
        if let Some(client) = self.clients.get(session).cloned() {
            self.effects.push(Effect::Rename { client, to: to.clone() });
        }
        Ok(())
    }

    fn tell(&mut self, session: SessionId, message: String) {
        self.answer(session, Answer::Info { message, id: None });
    }
}
