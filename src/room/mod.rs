//! The rules of the room. They know no wire format, no socket and no clock.
//!
//! [`Room::apply`] and [`Room::join`] are the only ways in which a record comes to be. What they
//! accept waits in a batch until the caller has stored it: then it takes it ([`Room::take_batch`])
//! and shows it. If it cannot be stored, [`Room::roll_back`] makes it as if it had not been asked.

mod end;
mod epochs;
mod log;
mod policy;
mod recent;
mod record;
mod refusal;
mod roster;

use jiff::Timestamp;

use crate::names::Name;

pub use end::{EndReason, FIRST_LINE_TOO_LONG, LINES_BEHIND, NO_PROXY, NO_TLS, NO_UTF16, TLS_ONLY};
pub use epochs::{Epochs, ResumePoint};
pub use log::{Found, Log};
pub use policy::Policy;
pub use recent::{Known, RecentIds};
pub use record::{Author, Departure, Position, REDACTED, Record, RecordKind, Seq, SessionId};
pub use refusal::Refusal;
pub use roster::{Member, Roster};

/// What somebody wants everybody to see, before the rules have looked at it.
#[derive(Debug)]
pub enum NewRecord {
    /// A message or an action of a person who is in the room.
    Speech { session: SessionId, action: bool, text: String, id: Option<String> },
    /// What the operator announces.
    Notice { text: String },
    /// A person goes.
    Leave { session: SessionId, how: Departure },
    /// The operator has taken the text of these records away.
    Redaction { targets: Vec<Seq> },
    /// An operator says what the room is about; an empty text is nothing.
    Topic { text: String },
    /// The operator gives a person another name.
    Rename { session: SessionId, to: Name },
}

/// What became of a draft.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is this record now.
    New(Seq),
    /// It was this record before: the same session has said something with the same id.
    Again(Seq),
}

/// Where a user has joined the room, or resumed.
#[derive(Debug)]
pub struct JoinPoint {
    pub name: Name,
    /// The record of their join, or the newest record if they have resumed.
    pub position: Position,
}

/// The room's state: who is here, and which number comes next.
#[derive(Debug)]
pub struct Room {
    epoch: u32,
    next: Seq,
    roster: Roster,
    policy: Policy,
    recent: RecentIds,
    batch: Vec<Record>,
    /// What the batch has changed, to take it back if it cannot be stored.
    undo: Vec<Undo>,
}

#[derive(Debug)]
enum Undo {
    Joined(SessionId),
    Left(Member),
    /// From this name.
    Renamed(SessionId, Name),
    Said(SessionId, String),
}

impl Room {
    /// An empty room whose first record will follow `last`.
    pub fn new(last: Position, policy: Policy) -> Room {
        Room {
            epoch: last.epoch,
            next: last.seq.next(),
            roster: Roster::default(),
            policy,
            recent: RecentIds::default(),
            batch: Vec::new(),
            undo: Vec::new(),
        }
    }

    /// Who is here.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The newest record, also one that is still in the batch.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.next.previous() }
    }

    /// Replaces the rules for what comes from now on.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Puts somebody back who was here when the room was stored.
    ///
    /// # Errors
    /// The name is taken, or the session is here.
    pub fn restore(&mut self, member: Member) -> Result<(), Refusal> {
        self.recent.note_unknown_past(member.session);
        self.roster.add_again(member)
    }

    /// Lets a person in, or says why not. A session `was_here` if it may have used ids before.
    ///
    /// # Errors
    /// The name is taken.
    pub fn join(
        &mut self,
        session: SessionId,
        name: &Name,
        was_here: bool,
        now: Timestamp,
    ) -> Result<JoinPoint, Refusal> {
        self.enter(session, name, was_here, now, Roster::add)
    }

    /// The same for a person whose account has this name: nobody's look keeps them out.
    ///
    /// # Errors
    /// The name is taken.
    pub fn join_with_account(
        &mut self,
        session: SessionId,
        name: &Name,
        was_here: bool,
        now: Timestamp,
    ) -> Result<JoinPoint, Refusal> {
        self.enter(session, name, was_here, now, Roster::add_again)
    }

    fn enter(
        &mut self,
        session: SessionId,
        name: &Name,
        was_here: bool,
        now: Timestamp,
        add: impl FnOnce(&mut Roster, Member) -> Result<(), Refusal>,
    ) -> Result<JoinPoint, Refusal> {
        let member = Member { session, name: name.clone(), since: now, detached_since: None };
        add(&mut self.roster, member)?;
        self.undo.push(Undo::Joined(session));
        if was_here {
            self.recent.note_unknown_past(session);
        }
        let author = Some(Author { session, id: None });
        self.append(RecordKind::Joined { name: name.clone() }, author, now);
        Ok(self.join_point(name.clone()))
    }

    /// Lets a person go on whose session is still here. Nobody else notices.
    pub fn resume(&mut self, session: SessionId) -> Option<JoinPoint> {
        let member = self.roster.by_session_mut(session)?;
        member.detached_since = None;
        let name = member.name.clone();
        Some(self.join_point(name))
    }

    /// Keeps the place of a person whose connection is lost. Gives false if they are not here.
    pub fn detach(&mut self, session: SessionId, now: Timestamp) -> bool {
        let member = self.roster.by_session_mut(session);
        member.map(|member| member.detached_since = Some(now)).is_some()
    }

    fn join_point(&self, name: Name) -> JoinPoint {
        JoinPoint { name, position: self.position() }
    }

    /// Makes a record out of a draft, or says why not. `stored` tells what only the store knows:
    /// whether a session has used an id, and for which record.
    ///
    /// # Errors
    /// The draft breaks a rule, or its session is not in the room.
    pub fn apply(
        &mut self,
        new_record: NewRecord,
        now: Timestamp,
        stored: impl FnOnce(SessionId, &str) -> Option<Seq>,
    ) -> Result<Accepted, Refusal> {
        let seq = match new_record {
            NewRecord::Speech { session, action, text, id } => {
                let name = self.member(session)?.name.clone();
                if let Some(seq) = self.said_before(session, id.as_deref(), stored) {
                    return Ok(Accepted::Again(seq));
                }
                let text = self.policy.check_text(&text)?;
                let kind = match action {
                    false => RecordKind::Message { name, text },
                    true => RecordKind::Action { name, text },
                };
                self.note_id(session, id.as_deref(), self.next);
                self.append(kind, Some(Author { session, id }), now)
            }
            NewRecord::Notice { text } => {
                let text = self.policy.check_text(&text)?;
                self.append(RecordKind::Notice { text }, None, now)
            }
            NewRecord::Leave { session, how } => {
                let member = self.roster.remove(session).ok_or(Refusal::NotJoined)?;
                let name = member.name.clone();
                self.undo.push(Undo::Left(member));
                let author = Some(Author { session, id: None });
                self.append(RecordKind::Left { name, how }, author, now)
            }
            NewRecord::Topic { text } => {
                let text = if text.is_empty() { text } else { self.policy.check_text(&text)? };
                self.append(RecordKind::Topic { text }, None, now)
            }
            NewRecord::Rename { session, to } => {
                let name = self.roster.rename(session, to.clone())?;
                self.undo.push(Undo::Renamed(session, name.clone()));
                self.append(RecordKind::Renamed { name, to: Box::new(to) }, None, now)
            }
            NewRecord::Redaction { targets } => {
                self.append(RecordKind::Redacted { targets }, None, now)
            }
        };
        Ok(Accepted::New(seq))
    }

    /// Checks a message that only `to` is to see. It is no record. Gives none if it was sent before.
    ///
    /// # Errors
    /// The text breaks a rule, the sender is not in the room, or nobody here is called `to`.
    pub fn direct(
        &mut self,
        session: SessionId,
        to: &str,
        text: &str,
    ) -> Result<(Member, Member, String), Refusal> {
        let from = self.member(session)?.clone();
        let text = self.policy.check_text(text)?;
        let to = self.roster.by_name(to).ok_or_else(|| Refusal::NoSuchUser(to.to_owned()))?;
        Ok((from, to.clone(), text))
    }

    /// The record that this session has made with this id; 0 for what is no record.
    pub fn said_before(
        &self,
        session: SessionId,
        id: Option<&str>,
        stored: impl FnOnce(SessionId, &str) -> Option<Seq>,
    ) -> Option<Seq> {
        let id = id?;
        match self.recent.look_up(session, id) {
            Known::Used(seq) => Some(seq),
            Known::Unused => None,
            Known::Unsure => stored(session, id),
        }
    }

    /// Notes that a session has used an id, for this record.
    pub fn note_id(&mut self, session: SessionId, id: Option<&str>, seq: Seq) {
        if let Some(id) = id {
            self.recent.note(session, id, seq);
            self.undo.push(Undo::Said(session, id.to_owned()));
        }
    }

    /// The records accepted since the last call, in their order.
    pub fn batch(&self) -> &[Record] {
        &self.batch
    }

    /// Takes the batch, which is stored now.
    pub fn take_batch(&mut self) -> Vec<Record> {
        for undo in self.undo.drain(..) {
            if let Undo::Left(member) = undo
                && self.roster.by_session(member.session).is_none()
            {
                self.recent.forget_session(member.session);
            }
        }
        std::mem::take(&mut self.batch)
    }

    /// Makes it as if nothing of the batch had been asked, because it cannot be stored.
    pub fn roll_back(&mut self) {
        if let Some(first) = self.batch.first() {
            self.next = first.seq;
        }
        self.batch.clear();
        let mut said = Vec::new();
        for undo in std::mem::take(&mut self.undo).into_iter().rev() {
            match undo {
                Undo::Joined(session) => drop(self.roster.remove(session)),
                // The name is free: who took it meanwhile has been taken out before.
                Undo::Left(member) => drop(self.roster.add_again(member)),
                Undo::Renamed(session, name) => {
                    let member = self.roster.remove(session);
                    member.map(|member| self.roster.add_again(Member { name, ..member }));
                }
                Undo::Said(session, id) => said.push((session, id)),
            }
        }
        self.recent.forget_ids(&said);
    }

    fn member(&self, session: SessionId) -> Result<&Member, Refusal> {
        self.roster.by_session(session).ok_or(Refusal::NotJoined)
    }

    fn append(&mut self, kind: RecordKind, author: Option<Author>, now: Timestamp) -> Seq {
        let seq = self.next;
        // Milliseconds are what is stored and shown; the rest would differ after a restart.
        let time = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        self.batch.push(Record { epoch: self.epoch, seq, time, kind, author });
        self.next = seq.next();
        seq
    }
}

#[cfg(test)]
mod tests;
