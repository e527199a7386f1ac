//! The rules of the room. They know no wire format, no socket and no clock.
//!
//! [`Room::apply`] and [`Room::join`] are the only ways in which a record comes to be. What they
//! accept waits in a batch until the caller takes it ([`Room::take_batch`]), stores it, and only
//! then shows it.

mod end;
mod log;
mod policy;
mod record;
mod refusal;
mod roster;

use jiff::Timestamp;

use crate::names::Name;

pub use end::EndReason;
pub use log::{Found, Log};
pub use policy::Policy;
pub use record::{Author, Departure, Position, Record, RecordKind, Seq, SessionId};
pub use refusal::Refusal;
pub use roster::{Member, Roster};

/// What somebody wants everybody to see, before the rules have looked at it.
#[derive(Debug)]
pub enum Draft {
    /// A message or an action of a person who is in the room.
    Speech { session: SessionId, action: bool, text: String, id: Option<String> },
    /// What the operator announces.
    Notice { text: String },
    /// A person goes.
    Leave { session: SessionId, how: Departure },
}

/// What somebody who joined is told: all of it is true at the same moment, so that no join and no
/// leave is lost between the roster and the first record that is shown.
#[derive(Debug)]
pub struct Admission {
    /// Who is here, the new person included, in the order of their names.
    pub people: Vec<Name>,
    /// The last record that is part of `people`; what comes after it is shown.
    pub position: Position,
}

/// The room's state: who is here, and which number comes next.
#[derive(Debug)]
pub struct Room {
    epoch: u32,
    next: Seq,
    roster: Roster,
    policy: Policy,
    batch: Vec<Record>,
}

impl Room {
    /// An empty room whose first record will follow `last`.
    pub fn new(last: Position, policy: Policy) -> Room {
        Room {
            epoch: last.epoch,
            next: last.seq.next(),
            roster: Roster::default(),
            policy,
            batch: Vec::new(),
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

    /// Lets a person in, or says why not.
    ///
    /// # Errors
    /// The name is taken.
    pub fn join(
        &mut self,
        session: SessionId,
        name: &Name,
        now: Timestamp,
    ) -> Result<Admission, Refusal> {
        self.roster.add(Member { session, name: name.clone(), since: now })?;
        self.append(RecordKind::Joined { name: name.clone() }, None, now);
        Ok(Admission { people: self.roster.names(), position: self.position() })
    }

    /// Makes a record out of a draft and gives its number, or says why not.
    ///
    /// # Errors
    /// The draft breaks a rule, or its session is not in the room.
    pub fn apply(&mut self, draft: Draft, now: Timestamp) -> Result<Seq, Refusal> {
        match draft {
            Draft::Speech { session, action, text, id } => {
                let name = self.member(session)?.name.clone();
                let text = self.policy.check_text(&text)?;
                let kind = match action {
                    false => RecordKind::Message { name, text },
                    true => RecordKind::Action { name, text },
                };
                Ok(self.append(kind, Some(Author { session, id }), now))
            }
            Draft::Notice { text } => {
                let text = self.policy.check_text(&text)?;
                Ok(self.append(RecordKind::Notice { text }, None, now))
            }
            Draft::Leave { session, how } => {
                let name = self.roster.remove(session).ok_or(Refusal::NotJoined)?.name;
                Ok(self.append(RecordKind::Left { name, how }, None, now))
            }
        }
    }

    /// Checks a message that only `to` is to see. It is no record.
    ///
    /// # Errors
    /// The text breaks a rule, the sender is not in the room, or nobody here is called `to`.
    pub fn direct(
        &self,
        session: SessionId,
        to: &str,
        text: &str,
    ) -> Result<(&Member, &Member, String), Refusal> {
        let from = self.member(session)?;
        let text = self.policy.check_text(text)?;
        let to = self.roster.by_name(to).ok_or_else(|| Refusal::NoSuchUser(to.to_owned()))?;
        Ok((from, to, text))
    }

    /// The records accepted since the last call, in their order.
    pub fn take_batch(&mut self) -> Vec<Record> {
        std::mem::take(&mut self.batch)
    }

    fn member(&self, session: SessionId) -> Result<&Member, Refusal> {
        self.roster.by_session(session).ok_or(Refusal::NotJoined)
    }

    fn append(&mut self, kind: RecordKind, author: Option<Author>, time: Timestamp) -> Seq {
        let seq = self.next;
        self.batch.push(Record { epoch: self.epoch, seq, time, kind, author });
        self.next = seq.next();
        seq
    }
}

#[cfg(test)]
mod tests;
