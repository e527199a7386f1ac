//! Coming, losing the connection, coming back, and going.

use std::sync::Arc;

use chatroom::access::Proof;
use chatroom::clean::word;
use chatroom::names::{Name, NameProblem};
use chatroom::room::{Admission, Draft, EndReason, GoingOn, Position, Refusal, Seq, SessionId};
use chatroom::wire::json::Resume;
use chatroom::wire::{Answer, Dialect, Welcome};
use jiff::Timestamp;
use tokio::sync::oneshot;
use tracing::{error, info};

use super::describing::Seen;
use super::{Effect, Joined, RoomThread, Submission, tokens};
use crate::connections::banned;
use crate::outlet::Outlet;

/// What somebody is let in with.
pub(super) struct Entry {
    pub(super) admission: Admission,
    token: Option<String>,
    /// Whether a session is taken up again.
    resumed: bool,
    /// Whether it was detached, and nobody else had its place.
    was_detached: bool,
    /// Up to where they have seen the room before.
    resume: Option<Resume>,
}

impl Entry {
    /// How this person has come in.
    pub(super) fn joined(&self) -> Joined {
        let Entry { resumed, was_detached, .. } = *self;
        Joined { name: self.admission.name.clone(), resumed, was_detached }
    }
}

impl RoomThread {
    pub(super) fn join(
        &mut self,
        outlet: Arc<Outlet>,
        name: (&Name, Option<NameProblem>),
        resume: Option<Resume>,
        proof: &Proof,
        reply: oneshot::Sender<Result<Joined, Refusal>>,
        now: Timestamp,
    ) {
        let known = resume.as_ref().and_then(|resume| self.known_session(&resume.token));
        let known = known.filter(|session| self.may_be_called(*session, name.0));
        let detached = known.and_then(|session| self.room.roster().by_session(session)?.away);
        // Whose name is kept out, or whose account has changed, is not here any more.
        let taken_over = match banned(&self.access, outlet.source.ip(), now) {
            None => known.and_then(|session| self.take_over(session, EndReason::TakenOver)),
            Some(_) => None,
        };
        let was_detached = detached.is_some() && taken_over.is_some();
        let admitted = match (known, taken_over) {
            (Some(session), Some(admission)) => Ok((session, admission)),
            _ => self.come_in(&outlet, name, known, proof, now),
        };
        let (session, admission) = match admitted {
            Ok(admitted) => admitted,
            Err(refusal) => return self.effects.push(Effect::ReplyJoin(reply, refusal)),
        };
        outlet.adopt(session);
        self.outlets.insert(session, outlet.clone());
        self.note_network(session, outlet.source.ip(), now);
        let known = known.filter(|known| *known == session);
        let token = match (known, resume.as_ref()) {
            (Some(_), Some(resume)) => {
                self.tokens.add(tokens::hash(&resume.token), session);
                Some(resume.token.clone())
            }
            _ => self.new_token(&outlet, session),
        };
        // A position of a session that is not known may be one in another log. In an epoch of
        // which the end was lost, though, the session may have been lost with it.
        let is_older = |resume: &Resume| resume.epoch < self.epochs.current();
        let resume = resume.filter(|resume| known.is_some() || is_older(resume));
        let entry = Entry { admission, token, resumed: known.is_some(), was_detached, resume };
        self.effects.push(Effect::Admit { outlet, entry, reply });
    }

    /// Lets somebody in by their name: to a place that is free, or that is their own.
    fn come_in(
        &mut self,
        outlet: &Arc<Outlet>,
        (name, problem): (&Name, Option<NameProblem>),
        known: Option<SessionId>,
        proof: &Proof,
        now: Timestamp,
    ) -> Result<(SessionId, Admission), Refusal> {
        // An account from before the rules became stricter keeps its name.
        if let Some(problem) = problem
            && self.access.account(name.as_str()).is_none()
        {
            return Err(problem.into());
        }
        self.may_join(name, proof, Some(outlet.source.ip()), now)?;
        // Whoever is here under a name with an account has given its password, and so has this one.
        let own = match proof {
            Proof::Account(_) => self.room.roster().by_name(name.as_str()),
            Proof::None | Proof::Room(_) => None,
        };
        if let Some(session) = own.map(|member| member.session)
            && let Some(admission) = self.take_over(session, EndReason::Replaced)
        {
            // Its token is with whoever was here before.
            self.tokens.remove(session);
            return Ok((session, admission));
        }
        let session = known.unwrap_or(outlet.connection);
        if known.is_some() {
            self.recall(session, name, now)?;
        }
        let admission = match proof {
            Proof::Account(_) => {
                self.room.join_with_account(session, name, known.is_some(), now)?
            }
            Proof::None | Proof::Room(_) => self.room.join(session, name, known.is_some(), now)?,
        };
        Ok((session, admission))
    }

    /// Welcomes somebody, once their joining is stored and shown.
    pub(super) fn admit(&self, outlet: &Outlet, entry: Entry) {
        let Entry { admission, token, resumed, resume, .. } = entry;
        // A list of who is here is of this moment, and made once for all who came in this batch.
        // A person with text gets no list, but sees who came right after.
        let (people, position) = match outlet.dialect() {
            Dialect::Json => (self.room.roster().names(), self.room.position()),
            Dialect::Text => ([].into(), admission.position.min(self.room.position())),
        };
        let GoingOn { cursor, lost } = self.going_on(resume.as_ref(), position);
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
        outlet.admit(&Answer::Welcome(welcome), cursor, position.seq);
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
        if let Some(ghost) = self.outlets.remove(&session) {
            let after = self.room.position().seq;
            ghost.stop_after(after);
            self.effects.push(Effect::Close { outlet: ghost, after, reason });
        }
        Some(admission)
    }

    fn new_token(&mut self, outlet: &Outlet, session: SessionId) -> Option<String> {
        if outlet.dialect() != Dialect::Json {
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
    fn going_on(&self, resume: Option<&Resume>, joined: Position) -> GoingOn {
        let seen = resume.map(|resume| Position { epoch: resume.epoch, seq: Seq(resume.seq) });
        let resumed = seen.and_then(|seen| self.epochs.going_on(seen, joined.seq));
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
            GoingOn { cursor, lost: None }
        })
    }

    /// A connection ends. Whether its person is gone depends on how.
    pub(super) fn end(&mut self, outlet: Arc<Outlet>, reason: EndReason, now: Timestamp) {
        let session = outlet.session();
        let is_current =
            self.outlets.get(&session).is_some_and(|current| Arc::ptr_eq(current, &outlet));
        // The others are told already that the server ends; who was here comes back to it.
        if !is_current || reason == EndReason::ShuttingDown || reason == EndReason::Failed {
            return;
        }
        let hold = self.config.timeouts.hold;
        let can_come_back = outlet.holds()
            && !hold.is_zero()
            && !matches!(
                reason,
                EndReason::Quit | EndReason::Removed { .. } | EndReason::Banned(_)
            );
        if can_come_back && self.room.hold(session, now) {
            self.outlets.remove(&session);
            self.detached.insert(session, Seen::of(&outlet));
            let after = self.room.position().seq;
            outlet.stop_after(after);
            self.effects.push(Effect::Close { outlet, after, reason });
            self.expire_later(session, now);
        } else {
            self.leave(session, reason, now);
        }
    }

    /// Has the place of a person who is away given up after the configured time.
    pub(super) fn expire_later(&self, session: SessionId, away: Timestamp) {
        self.submit_later(self.config.timeouts.hold, Submission::Expire { session, away });
    }

    /// Gives up the place of a person, if they are still away.
    pub(super) fn expire(&mut self, session: SessionId, away: Timestamp, now: Timestamp) {
        let member = self.room.roster().by_session(session);
        if let Some(member) = member.filter(|member| member.away == Some(away)) {
            let name = member.name.as_str();
            info!(event = "expired", name, "{} did not come back in time and left", word(name));
            self.leave(session, EndReason::Closed, now);
        }
    }

    pub(super) fn leave(&mut self, session: SessionId, reason: EndReason, now: Timestamp) {
        let draft = Draft::Leave { session, how: reason.departure() };
        let after = self.room.position().seq;
        self.note_leaving(session);
        if self.room.apply(draft, now, |_, _| None).is_err() {
            return;
        }
        self.tokens.remove(session);
        self.detached.remove(&session);
        if let Some(outlet) = self.outlets.remove(&session) {
            // Before anything is published: who leaves does not see it.
            outlet.stop_after(after);
            self.effects.push(Effect::Close { outlet, after, reason });
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
