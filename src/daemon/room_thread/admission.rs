//! Joining, losing the connection, resuming, and leaving.

use std::net::IpAddr;
use std::sync::Arc;

use chatroom::access::{AccessState, Credential, Mode, SanctionKind};
use chatroom::names::{Name, NameProblem};
use chatroom::room::{EndReason, JoinPoint, Position, Refusal, ResumePoint, Seq, SessionId};
use chatroom::wire::json::Resume;
use chatroom::wire::{Answer, Welcome};
use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::error;

use super::effects::Effect;
use super::{Joined, RoomThread, aliases, tokens};
use crate::client_connection::ClientConnection;
use crate::connections::banned;

/// A user who has joined, until they are welcomed.
pub struct PendingWelcome {
    join_point: JoinPoint,
    token: Option<String>,
    /// Whether a session is resumed.
    resumed: bool,
    /// Whether that session was detached.
    was_detached: bool,
    /// The position up to which the client has seen the room.
    resume: Option<Resume>,
}

impl PendingWelcome {
    /// Describes how the user has joined.
    pub fn joined(&self) -> Joined {
        let PendingWelcome { resumed, was_detached, .. } = *self;
        Joined { name: self.join_point.name.clone(), resumed, was_detached }
    }
}

/// Checks whether a user from this address may join under this name.
///
/// # Errors
/// They may not.
fn may_join(
    access_state: &AccessState,
    mode: Mode,
    name: &Name,
    credential: &Credential,
    address: IpAddr,
    now: Timestamp,
) -> Result<(), Refusal> {
    if !access_state.is_enough(credential, name.as_str(), mode) {
        return Err(Refusal::PasswordNeeded { name: name.to_string() });
    }
    if access_state.account(name.as_str()).is_some_and(|account| account.is_locked) {
        return Err(Refusal::AccountLocked(name.to_string()));
    }
    if let Some(account) = access_state.confusable_account(name.as_str()) {
        return Err(Refusal::LooksLike(Name::from_store(&account.name)));
    }
    let (kind, name) = (SanctionKind::Ban, Some(name.as_str()));
    match access_state.sanctions.against(kind, name, Some(address), now) {
        Some(ban) => Err(Refusal::Banned(ban.term.clone())),
        None => Ok(()),
    }
}

impl RoomThread {
    pub(super) fn join(
        &mut self,
        client: Arc<ClientConnection>,
        name: (&Name, Option<NameProblem>),
        resume: Option<Resume>,
        credential: &Credential,
        reply: oneshot::Sender<Result<Joined, Refusal>>,
        now: Timestamp,
    ) {
        let known = resume.as_ref().and_then(|resume| self.known_session(&resume.token));
        let known = known.filter(|session| self.may_be_called(*session, name.0));
        let detached =
            known.and_then(|session| self.room.roster().by_session(session)?.detached_since);
        // Members whose name is banned or whose account has changed have been removed already.
        let taken_over = match banned(&self.access, client.source.ip(), now) {
            None => known.and_then(|session| self.take_over(session, EndReason::TakenOver)),
            Some(_) => None,
        };
        let was_detached = detached.is_some() && taken_over.is_some();
        let admitted = match (known, taken_over) {
            (Some(session), Some(join_point)) => Ok((session, join_point)),
            _ => self.enter(&client, name, known, credential, now),
        };
        let (session, join_point) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return self.effects.push(Effect::ReplyJoin(reply, refusal)),
        };
        client.adopt(session);
        self.clients.connect(session, client.clone());
        let (address, sanctions) = (client.source.ip(), &self.access.sanctions);
        self.aliases.note_network(session, address, sanctions, &mut self.storage.extras, now);
        let known = known.filter(|known| *known == session);
        let token = match (known, resume.as_ref()) {
            (Some(_), Some(resume)) => {
                self.tokens.add(tokens::hash(&resume.token), session);
                Some(resume.token.clone())
            }
            _ => self.new_token(&client, session),
        };
        // The position of an unknown session may belong to another log. But if it is in an epoch whose
        // end was lost, the session may have been lost with it.
        let is_older = |resume: &Resume| resume.epoch < self.epochs.current();
        let resume = resume.filter(|resume| known.is_some() || is_older(resume));
        let resumed = known.is_some();
        let pending = PendingWelcome { join_point, token, resumed, was_detached, resume };
        self.effects.push(Effect::Admit { client, pending, reply });
    }

    /// Whether a session may be resumed under this name.
    fn may_be_called(&self, session: SessionId, name: &Name) -> bool {
        self.room.roster().by_session(session).is_some()
            || aliases::allow(&self.storage.aliases_of(session), name)
    }

    /// Lets a user join under a name that is free, or that is their own.
    fn enter(
        &mut self,
        client: &Arc<ClientConnection>,
        (name, problem): (&Name, Option<NameProblem>),
        known: Option<SessionId>,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<(SessionId, JoinPoint), Refusal> {
        // An account from before the rules became stricter keeps its name.
        if let Some(problem) = problem
            && self.access.account(name.as_str()).is_none()
        {
            return Err(problem.into());
        }
        let (mode, address) = (self.config.access.mode, client.source.ip());
        may_join(&self.access, mode, name, credential, address, now)?;
        // A member whose name has an account has given its password, and so has this user.
        let own = match credential {
            Credential::Account(_) => self.room.roster().by_name(name.as_str()),
            Credential::None | Credential::Room(_) => None,
        };
        if let Some(session) = own.map(|member| member.session)
            && let Some(join_point) = self.take_over(session, EndReason::Replaced)
        {
            // The replaced client has its token.
            self.tokens.remove(session);
            return Ok((session, join_point));
        }
        let session = known.unwrap_or(client.own_session);
        if known.is_some() {
            let stored = self.storage.aliases_of(session);
            let (sanctions, extras) = (&self.access.sanctions, &mut self.storage.extras);
            self.aliases.rejoin(session, name, stored, sanctions, extras, now)?;
        }
        let join_point = match credential {
            Credential::Account(_) => {
                self.room.join_with_account(session, name, known.is_some(), now)?
            }
            Credential::None | Credential::Room(_) => {
                self.room.join(session, name, known.is_some(), now)?
            }
        };
        Ok((session, join_point))
    }

    /// Welcomes a user, once their joining is stored and shown.
    pub(super) fn welcome(&self, client: &ClientConnection, pending: PendingWelcome) {
        let PendingWelcome { join_point, token, resumed, resume, .. } = pending;
        // The list of members is of this moment, and made once for all who join in one batch. Text
        // clients get no list, but see the joins that follow their own.
        let (people, position) = match client.dialect().lists_users_at_join() {
            true => (self.room.roster().names(), self.room.position()),
            false => ([].into(), join_point.position.min(self.room.position())),
        };
        let ResumePoint { cursor, lost } = self.resume_point(resume.as_ref(), position);
        let welcome = Welcome {
            room: self.window.room.clone(),
            topic: match &self.access.topic {
                Some(topic) => topic.clone(),
                None => self.config.room.topic.clone(),
            },
            name: join_point.name,
            people,
            position,
            message_bytes: self.config.limits.message_bytes,
            token,
            resumed,
            lost,
            next: cursor,
            silence_seconds: self.config.timeouts.silence.as_secs(),
        };
        client.admit(welcome.name.clone(), &Answer::Welcome(welcome), cursor, position.seq);
    }

    /// The session of a token, whether it is in the room or has left.
    fn known_session(&self, token: &str) -> Option<SessionId> {
        let hash = tokens::hash(token);
        self.tokens.session_of(&hash).or_else(|| self.storage.session_of(&hash))
    }

    /// Takes a session over from its connection, if it is still in the room.
    fn take_over(&mut self, session: SessionId, reason: EndReason) -> Option<JoinPoint> {
        let join_point = self.room.resume(session)?;
        if let Some(ghost) = self.clients.remove(session) {
            let after = self.room.position().seq;
            ghost.stop_after(after);
            self.effects.push(Effect::Close { client: ghost, after, reason });
        }
        Some(join_point)
    }

    fn new_token(&mut self, client: &ClientConnection, session: SessionId) -> Option<String> {
        if !client.dialect().can_resume() {
            return None;
        }
        match tokens::generate() {
            Ok(token) => {
                let hash = tokens::hash(&token);
                self.tokens.add(hash, session);
                self.storage.extras.tokens.push((session, hash));
                Some(token)
            }
            Err(error) => {
                error!(event = "no-token", "cannot make a token without random numbers: {error}");
                None
            }
        }
    }

    /// The cursor of a new connection: where its client has been before, otherwise a little before its
    /// join.
    fn resume_point(&self, resume: Option<&Resume>, joined: Position) -> ResumePoint {
        let seen = resume.map(|resume| Position { epoch: resume.epoch, seq: Seq(resume.seq) });
        let resumed = seen.and_then(|seen| self.epochs.resume_point(seen, joined.seq));
        resumed.unwrap_or_else(|| {
            let replay = self.config.history.replay as u64;
            let oldest = self.storage.oldest().unwrap_or_else(|| self.window.extent().0);
            // The user's own join is the newest record, and counts.
            let cursor = match replay {
                0 => joined.seq.next(),
                replay => Seq(joined.seq.0.saturating_sub(replay)).max(oldest),
            };
            ResumePoint { cursor, lost: None }
        })
    }
}
