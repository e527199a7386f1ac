//! What is meant for one connection alone, in either dialect.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::names::Name;
use crate::room::{EndReason, Position, Record, Refusal, Seq};

/// Something that the server tells one connection.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The first line: what to do. JSON clients read past it.
    Prompt {
        greeting: String,
    },
    Welcome(Welcome),
    KeepAlive,
    Help,
    /// Something for this person alone to know; an answer if it has the id of what was asked.
    Info {
        message: String,
        id: Option<String>,
    },
    /// Something was done that an operator asked for.
    Moderated {
        message: String,
        /// How many people it affected, if it was against somebody, or for them.
        affected: Option<usize>,
        id: Option<String>,
    },
    Who {
        room: String,
        people: Arc<[Name]>,
    },
    Refused {
        refusal: Refusal,
        id: Option<String>,
    },
    Direct(Direct),
    /// Records that the connection was too slow for, both ends included.
    Gap {
        room: String,
        epoch: u32,
        from: Seq,
        to: Seq,
    },
    /// Before the records that are shown although they came before joining.
    StartOfReplay,
    History(History),
    /// A record again, to who made it and asked for it a second time.
    Repeated {
        room: String,
        record: Box<Record>,
    },
    Pong {
        id: Option<String>,
    },
    /// The last thing that is said.
    Closing {
        reason: EndReason,
    },
}

/// What somebody is told who has just joined.
#[derive(Debug, Clone)]
pub struct Welcome {
    pub room: String,
    pub topic: String,
    pub name: Name,
    pub people: Arc<[Name]>,
    /// The last record that `people` is the outcome of.
    pub position: Position,
    /// The first record that is shown: one of before, or the one after `position`.
    pub next: Seq,
    /// The most bytes of a message.
    pub message_bytes: usize,
    /// The secret with which the session can be taken up again, for JSON clients.
    pub token: Option<String>,
    /// Whether a session was taken up again.
    pub resumed: bool,
    /// Records that the client has seen and that are no more.
    pub lost: Option<(Seq, Seq)>,
    /// After so many seconds without a line a JSON client is taken for gone; 0 is never.
    pub silence_seconds: u64,
}

/// A part of what was said before.
#[derive(Debug, Clone)]
pub struct History {
    pub room: String,
    pub id: Option<String>,
    /// Whether it is what was found, and not all that was said.
    pub is_search: bool,
    /// In the order of their numbers.
    pub records: Vec<Record>,
    /// Whether there is more in the direction in which was asked.
    pub more: bool,
    /// The time zone of times in text.
    pub zone: TimeZone,
}

/// A message from one person to one other.
#[derive(Debug, Clone)]
pub struct Direct {
    pub room: String,
    pub time: Timestamp,
    pub from: Name,
    pub to: Name,
    pub text: String,
    /// Whether this copy goes back to its sender, as the acknowledgement.
    pub own: bool,
    pub id: Option<String>,
}

#[cfg(test)]
mod tests;
