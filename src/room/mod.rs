//! The rules of the room. They know no wire format, no socket and no clock.
//!
//! Records are made only by [`Room::apply`] and [`Room::join`]. They wait in a batch until the caller
//! has stored it; then the caller takes it ([`Room::take_batch`]) and shows it. If it cannot be stored,
//! [`Room::roll_back`] undoes it.

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

pub use end::{EndReason, FIRST_LINE_TOO_LONG, LINES_BEHIND, NO_PROXY, NO_TLS, NO_UTF16};
pub use epochs::{Epochs, ResumePoint};
pub use log::{Found, Log};
pub use policy::Policy;
pub use recent::{Known, RecentIds};
pub use record::{Author, Departure, Position, REDACTED, Record, RecordKind, Seq, SessionId};
pub use refusal::Refusal;
pub use roster::{Member, Roster};

/// A request for a record, before the rules are applied.
#[derive(Debug)]
pub enum NewRecord {
    /// A message or an action of a member.
    Speech { session: SessionId, action: bool, text: String, id: Option<String> },
    /// An announcement of the operator.
    Notice { text: String },
    /// A member leaves.
    Leave { session: SessionId, how: Departure },
    /// The operator has redacted these records.
    Redaction { targets: Vec<Seq> },
    /// An operator sets the topic; an empty text is none.
    Topic { text: String },
    /// The operator renames a member.
    Rename { session: SessionId, to: Name },
}

/// The record of an accepted request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// A new record.
    New(Seq),
    /// An earlier record: the session has sent a message with the same id before.
    Duplicate(Seq),
}

/// The position at which a user has joined the room, or resumed.
#[derive(Debug)]
pub struct JoinPoint {
    pub name: Name,
    /// The record of their join, or the newest record if they have resumed.
    pub position: Position,
}

/// The state of the room: its members, and the next number.
#[derive(Debug)]
pub struct Room {
    epoch: u32,
    next: Seq,
    roster: Roster,
    policy: Policy,
    recent: RecentIds,
    batch: Vec<Record>,
    /// The changes of the batch, so that it can be rolled back.
    undo: Vec<Undo>,
}

#[derive(Debug)]
enum Undo {
    Joined(SessionId),
    Left(Member),
    /// The former name.
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

    /// The members.
    pub fn roster(&self) -> &Roster {
        &self.roster
    }

    /// The position of the newest record, which may still be in the batch.
    pub fn position(&self) -> Position {
        Position { epoch: self.epoch, seq: self.next.previous() }
    }

    /// Replaces the rules for texts.
    pub fn set_policy(&mut self, policy: Policy) {
        self.policy = policy;
    }

    /// Restores a member of the room that was stored.
    ///
    /// # Errors
    /// The name is taken, or the session is here.
    pub fn restore(&mut self, member: Member) -> Result<(), Refusal> {
        self.recent.note_unknown_past(member.session);
        self.roster.add_again(member)
    }

    /// Lets a user join. `was_here` says whether the session may have used ids before.
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

    /// Lets the owner of the account with this name join, whether or not a member's name is confusable.
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

    /// Resumes a session that is still in the room. The other members do not notice.
    pub fn resume(&mut self, session: SessionId) -> Option<JoinPoint> {
        let member = self.roster.by_session_mut(session)?;
        member.detached_since = None;
        let name = member.name.clone();
        Some(self.join_point(name))
    }

    /// Marks a member as detached: their connection is lost. Returns false if there is no such member.
    pub fn detach(&mut self, session: SessionId, now: Timestamp) -> bool {
        let member = self.roster.by_session_mut(session);
        member.map(|member| member.detached_since = Some(now)).is_some()
    }

    fn join_point(&self, name: Name) -> JoinPoint {
        JoinPoint { name, position: self.position() }
    }

    /// Makes a record. `stored` looks up in the store for which record a session has used an id.
    ///
    /// # Errors
    /// The request breaks a rule, or its session is not in the room.
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
                    return Ok(Accepted::Duplicate(seq));
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

    /// Checks a direct message, which is not a record. Returns the sender, the receiver and the text.
    ///
    /// # Errors
    /// The text breaks a rule, the sender is not in the room, or no member is called `to`.
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

    /// The record that this session has made with this id; 0 for a direct message.
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

    /// Notes that a session has used an id for this record.
    pub fn note_id(&mut self, session: SessionId, id: Option<&str>, seq: Seq) {
        if let Some(id) = id {
            self.recent.note(session, id, seq);
            self.undo.push(Undo::Said(session, id.to_owned()));
        }
    }

    /// The records accepted since the last batch was taken, in their order.
    pub fn batch(&self) -> &[Record] {
        &self.batch
    }

    /// Takes the batch, after it was stored.
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

    /// Undoes the batch, because it cannot be stored.
    pub fn roll_back(&mut self) {
        if let Some(first) = self.batch.first() {
            self.next = first.seq;
        }
        self.batch.clear();
        let mut said = Vec::new();
        for undo in std::mem::take(&mut self.undo).into_iter().rev() {
            match undo {
                Undo::Joined(session) => drop(self.roster.remove(session)),
                // The name is free: a user who took it later has been removed already.
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
        // Rounded to what is stored and shown, so it is the same after a restart.
        let time = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        self.batch.push(Record { epoch: self.epoch, seq, time, kind, author });
        self.next = seq.next();
        seq
    }
}

#[cfg(test)]
mod tests;
