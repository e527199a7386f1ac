//! Coming, losing the connection, coming back, and going.

use std::sync::Arc;

use chatroom::access::Credential;
use chatroom::clean::word;
use chatroom::names::{Name, NameProblem};
use chatroom::room::{
    Admission, EndReason, NewRecord, Position, Refusal, ResumePoint, Seq, SessionId,
};
use chatroom::wire::json::Resume;
use chatroom::wire::{Answer, Welcome};
use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::{error, info};

use super::describing::Seen;
use super::{Effect, Joined, RoomRequest, RoomThread, tokens};
use crate::client_connection::ClientConnection;
use crate::connections::banned;

/// What somebody is let in with.
pub(super) struct PendingAdmission {
    pub(super) admission: Admission,
    token: Option<String>,
    /// Whether a session is taken up again.
    resumed: bool,
    /// Whether it was detached, and nobody else had its place.
    was_detached: bool,
    /// Up to where they have seen the room before.
    resume: Option<Resume>,
}

impl PendingAdmission {
    /// How this person has come in.
    pub(super) fn joined(&self) -> Joined {
        let PendingAdmission { resumed, was_detached, .. } = *self;
        Joined { name: self.admission.name.clone(), resumed, was_detached }
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
        // Whose name is kept out, or whose account has changed, is not here any more.
        let taken_over = match banned(&self.access, client.source.ip(), now) {
            None => known.and_then(|session| self.take_over(session, EndReason::TakenOver)),
            Some(_) => None,
        };
        let was_detached = detached.is_some() && taken_over.is_some();
        let admitted = match (known, taken_over) {
            (Some(session), Some(admission)) => Ok((session, admission)),
            _ => self.come_in(&client, name, known, credential, now),
        };
        let (session, admission) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return self.effects.push(Effect::ReplyJoin(reply, refusal)),
        };
        client.adopt(session);
        self.clients.insert(session, client.clone());
        self.note_network(session, client.source.ip(), now);
        let known = known.filter(|known| *known == session);
        let token = match (known, resume.as_ref()) {
            (Some(_), Some(resume)) => {
                self.tokens.add(tokens::hash(&resume.token), session);
                Some(resume.token.clone())
            }
            _ => self.new_token(&client, session),
        };
        // A position of a session that is not known may be one in another log. In an epoch of
        // which the end was lost, though, the session may have been lost with it.
        let is_older = |resume: &Resume| resume.epoch < self.epochs.current();
        let resume = resume.filter(|resume| known.is_some() || is_older(resume));
        let entry =
            PendingAdmission { admission, token, resumed: known.is_some(), was_detached, resume };
        self.effects.push(Effect::Admit { client, entry, reply });
    }

    /// Lets somebody in by their name: to a place that is free, or that is their own.
    fn come_in(
        &mut self,
        client: &Arc<ClientConnection>,
        (name, problem): (&Name, Option<NameProblem>),
        known: Option<SessionId>,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<(SessionId, Admission), Refusal> {
        // An account from before the rules became stricter keeps its name.
        if let Some(problem) = problem
            && self.access.account(name.as_str()).is_none()
        {
            return Err(problem.into());
        }
        self.may_join(name, credential, Some(client.source.ip()), now)?;
        // Whoever is here under a name with an account has given its password, and so has this one.
        let own = match credential {
            Credential::Account(_) => self.room.roster().by_name(name.as_str()),
            Credential::None | Credential::Room(_) => None,
        };
        if let Some(session) = own.map(|member| member.session)
            && let Some(admission) = self.take_over(session, EndReason::Replaced)
        {
            // Its token is with whoever was here before.
            self.tokens.remove(session);
            return Ok((session, admission));
        }
        let session = known.unwrap_or(client.own_session);
        if known.is_some() {
            self.recall(session, name, now)?;
        }
        let admission = match credential {
            Credential::Account(_) => {
                self.room.join_with_account(session, name, known.is_some(), now)?
            }
            Credential::None | Credential::Room(_) => {
                self.room.join(session, name, known.is_some(), now)?
            }
        };
        Ok((session, admission))
    }

    /// Welcomes somebody, once their joining is stored and shown.
    pub(super) fn admit(&self, client: &ClientConnection, entry: PendingAdmission) {
        let PendingAdmission { admission, token, resumed, resume, .. } = entry;
        // A list of who is here is of this moment, and made once for all who came in this batch.
        // A person with text gets no list, but sees who came right after.
        let (people, position) = match client.dialect().lists_users_at_join() {
            true => (self.room.roster().names(), self.room.position()),
            false => ([].into(), admission.position.min(self.room.position())),
        };
        let ResumePoint { cursor, lost } = self.resume_point(resume.as_ref(), position);
        let welcome = Welcome {
            room: self.window.room.clone(),
            topic: match &self.access.topic {
                Some(topic) => topic.clone(),
                None => self.config.room.topic.clone(),
            },
            name: admission.name,
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

    /// The session of a token, whether its person is here or was.
    fn known_session(&self, token: &str) -> Option<SessionId> {
        let hash = tokens::hash(token);
        self.tokens.session_of(&hash).or_else(|| {
            let found = self.store.as_ref()?.session_of(&hash);
            found.unwrap_or_else(|failure| {
                error!(event = "store-failed", "cannot look a session up: {failure}");
                None
            })
        })
    }

    /// Lets a session that is still here go on over another connection, if it is.
    fn take_over(&mut self, session: SessionId, reason: EndReason) -> Option<Admission> {
        let admission = self.room.resume(session)?;
        self.detached.remove(&session);
        if let Some(ghost) = self.clients.remove(&session) {
            let after = self.room.position().seq;
            ghost.stop_after(after);
            self.effects.push(Effect::Close { client: ghost, after, reason });
        }
        Some(admission)
    }

    fn new_token(&mut self, client: &ClientConnection, session: SessionId) -> Option<String> {
        if !client.dialect().can_resume() {
            return None;
        }
        match tokens::generate() {
            Ok(token) => {
                let hash = tokens::hash(&token);
                self.tokens.add(hash, session);
                self.extras.tokens.push((session, hash));
                Some(token)
            }
            Err(error) => {
                error!(
                    event = "no-token",
                    "cannot make a token, for want of random numbers: {error}"
                );
                None
            }
        }
    }

    /// Where a connection begins: where it has been before, else a little before its joining.
    fn resume_point(&self, resume: Option<&Resume>, joined: Position) -> ResumePoint {
        let seen = resume.map(|resume| Position { epoch: resume.epoch, seq: Seq(resume.seq) });
        let resumed = seen.and_then(|seen| self.epochs.resume_point(seen, joined.seq));
        resumed.unwrap_or_else(|| {
            let replay = self.config.history.replay as u64;
            let oldest = match &self.store {
                Some(store) => store.oldest(),
                None => self.window.extent().0,
            };
            // The own joining is the newest record; so many before it are shown with it.
            let cursor = match replay {
                0 => joined.seq.next(),
                replay => Seq(joined.seq.0.saturating_sub(replay)).max(oldest),
            };
            ResumePoint { cursor, lost: None }
        })
    }

    /// A connection ends. Whether its person is gone depends on how.
    pub(super) fn end(&mut self, client: Arc<ClientConnection>, reason: EndReason, now: Timestamp) {
        let session = client.session();
        let is_current =
            self.clients.get(&session).is_some_and(|current| Arc::ptr_eq(current, &client));
        // The others are told already that the server ends; who was here comes back to it.
        if !is_current || reason == EndReason::ShuttingDown || reason == EndReason::Failed {
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
            self.clients.remove(&session);
            self.detached.insert(session, Seen::of(&client));
            let after = self.room.position().seq;
            client.stop_after(after);
            self.effects.push(Effect::Close { client, after, reason });
            self.expire_later(session, now);
        } else {
            self.leave(session, reason, now);
        }
    }

    /// Has the place of a person who is away given up after the configured time.
    pub(super) fn expire_later(&self, session: SessionId, away: Timestamp) {
        self.submit_later(self.config.timeouts.hold, RoomRequest::Expire { session, away });
    }

    /// Gives up the place of a person, if they are still away.
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
        self.detached.remove(&session);
        if let Some(client) = self.clients.remove(&session) {
            // Before anything is published: who leaves does not see it.
            client.stop_after(after);
            self.effects.push(Effect::Close { client, after, reason });
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
}
