//! Answers: the messages of the server to a single connection, in any dialect.

use std::sync::Arc;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::names::Name;
use crate::room::{EndReason, Position, Record, Refusal, Seq};

/// Something that the server tells one connection.
#[derive(Debug, Clone)]
pub enum Answer {
    /// The first line, which asks for a name. JSON clients ignore it.
    Prompt {
        greeting: String,
    },
    Welcome(Welcome),
    KeepAlive,
    Help,
    /// Something for this user alone. It answers a request if it has the id of one.
    Info {
        message: String,
        id: Option<String>,
    },
    /// An action of an operator was carried out.
    Moderated {
        message: String,
        /// The number of users that the action affected, if it concerned users.
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
    /// Records that were no longer kept when the connection came to them, both ends included.
    Gap {
        room: String,
        epoch: u32,
        from: Seq,
        to: Seq,
    },
    /// Comes before the records that are replayed.
    StartOfReplay,
    History(History),
    /// A record again, because its author sent the same request a second time.
    Repeated {
        room: String,
        record: Box<Record>,
    },
    Pong {
        id: Option<String>,
    },
    /// The last line: why the connection ends.
    Closing {
        reason: EndReason,
    },
}

/// The answer to a user who has just joined.
#[derive(Debug, Clone)]
pub struct Welcome {
    pub room: String,
    pub topic: String,
    pub name: Name,
    pub people: Arc<[Name]>,
    /// The last record that `people` takes into account.
    pub position: Position,
    /// The first record that is shown: a replayed one, or the one after `position`.
    pub next: Seq,
    /// The maximum bytes of a message.
    pub message_bytes: usize,
    /// The secret with which the session can be resumed, for clients that can do that.
    pub token: Option<String>,
    /// Whether a session was resumed.
    pub resumed: bool,
    /// Records that the client has seen and that were lost.
    pub lost: Option<(Seq, Seq)>,
    /// The number of seconds without a line after which a client that has to send keep-alives
    /// counts as lost. 0 is never.
    pub silence_seconds: u64,
}

/// A page of stored records.
#[derive(Debug, Clone)]
pub struct History {
    pub room: String,
    pub id: Option<String>,
    /// Whether these are matches of a search, and not all records.
    pub is_search: bool,
    /// In the order of their numbers.
    pub records: Vec<Record>,
    /// Whether there are more records in the direction of the request.
    pub more: bool,
    /// The time zone of the times in lines for human readers.
    pub zone: TimeZone,
}

/// A message from one user to another.
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
