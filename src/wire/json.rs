//! JSON lines, for `chatroom-client` and bots: one object per line, tagged by `type`.
//!
//! Clients send a [`JsonRequest`], and the server sends an [`Event`]. Both sides use these types,
//! so that they cannot disagree. Unknown fields are ignored.

mod decode;
mod encode;
mod parse;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::access::ModerationAction;
use crate::commands::CommandId;
use crate::secret::Secret;

pub(super) use encode::around_users;
pub use encode::{encode_answer, encode_record, format_time, push_line, push_string, record_event};
pub use parse::{MAX_ID_BYTES, parse_request};

/// A request of a client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum JsonRequest {
    Hello {
        protocol: u32,
        name: String,
        /// The session to resume.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
        /// The password of the account or of the room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<Secret>,
        /// Whether the server keeps the user's place when the connection is lost. A client that
        /// would not remember the token sets this to false.
        #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
        hold: bool,
    },
    Say {
        text: String,
        /// Whether the message is an action (`* ann waves`).
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        action: bool,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    Direct {
        to: String,
        text: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    Who,
    /// Requests the records before or after a given one, or the newest ones if neither is given.
    History {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
        /// A number from 1 to 200.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
        /// Only records that contain this text, ignoring case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        search: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// An action of an operator.
    Moderate {
        #[serde(flatten)]
        action: ModerationAction,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    Ping {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    Quit,
}

impl JsonRequest {
    /// The entry for this request in the table of commands.
    pub fn command(&self) -> CommandId {
        match self {
            JsonRequest::Hello { .. } => CommandId::Join,
            JsonRequest::Say { action: false, .. } => CommandId::Say,
            JsonRequest::Say { action: true, .. } => CommandId::Action,
            JsonRequest::Direct { .. } => CommandId::Direct,
            JsonRequest::Who => CommandId::Who,
            JsonRequest::History { search: None, .. } => CommandId::History,
            JsonRequest::History { search: Some(_), .. } => CommandId::Search,
            JsonRequest::Moderate { action, .. } => CommandId::from(action),
            JsonRequest::Ping { .. } => CommandId::KeepAlive,
            JsonRequest::Quit => CommandId::Quit,
        }
    }

    /// The id that the client has given to the request.
    pub fn id(&self) -> Option<&str> {
        match self {
            JsonRequest::Say { id, .. }
            | JsonRequest::Direct { id, .. }
            | JsonRequest::History { id, .. }
            | JsonRequest::Moderate { id, .. }
            | JsonRequest::Ping { id } => id.as_deref(),
            JsonRequest::Hello { .. } | JsonRequest::Who | JsonRequest::Quit => None,
        }
    }
}

fn yes() -> bool {
    true
}

/// The point at which a client resumes: its session, and the last record that it has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    pub token: String,
    pub epoch: u32,
    pub seq: u64,
}

/// A line that the server sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event<'a> {
    Welcome(Welcome<'a>),
    Message(Speech<'a>),
    Action(Speech<'a>),
    Joined {
        #[serde(flatten)]
        stamp: Stamp<'a>,
        name: Cow<'a, str>,
    },
    Left {
        #[serde(flatten)]
        stamp: Stamp<'a>,
        name: Cow<'a, str>,
        /// `quit`, `lost` or `removed`.
        how: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<Cow<'a, str>>,
    },
    Notice {
        #[serde(flatten)]
        stamp: Stamp<'a>,
        text: Cow<'a, str>,
    },
    /// The text of these records was removed.
    Redacted {
        #[serde(flatten)]
        stamp: Stamp<'a>,
        targets: Vec<u64>,
    },
    /// The room has a new topic.
    Topic {
        #[serde(flatten)]
        stamp: Stamp<'a>,
        text: Cow<'a, str>,
    },
    /// An operator has renamed a user.
    Renamed {
        #[serde(flatten)]
        stamp: Stamp<'a>,
        name: Cow<'a, str>,
        to: Cow<'a, str>,
    },
    History {
        room: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
        /// The records, each in the form in which it was first sent.
        records: Vec<Event<'a>>,
        /// Whether there are more records in that direction.
        more: bool,
    },
    Direct {
        room: Cow<'a, str>,
        time: Cow<'a, str>,
        from: Cow<'a, str>,
        to: Cow<'a, str>,
        text: Cow<'a, str>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
    },
    Who {
        room: Cow<'a, str>,
        users: Vec<Cow<'a, str>>,
    },
    Gap {
        room: Cow<'a, str>,
        epoch: u32,
        /// The first and the last of the records that were missed.
        from: u64,
        to: u64,
    },
    Refused {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
        code: Cow<'a, str>,
        message: Cow<'a, str>,
        /// The seconds after which to try again, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
    Pong {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
    },
    /// A message for this user alone, with the id of the request that it answers, if there is one.
    Info {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
        message: Cow<'a, str>,
        /// The number of users that an operator's action affected, if it concerned users.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        affected: Option<usize>,
    },
    Closing {
        code: Cow<'a, str>,
        message: Cow<'a, str>,
        /// The seconds after which to reconnect, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
    /// A type that only newer servers send. Clients ignore it.
    #[serde(other)]
    Unknown,
}

/// The first event for a user who has joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome<'a> {
    pub protocol: u32,
    pub name: Cow<'a, str>,
    pub room: Cow<'a, str>,
    pub topic: Cow<'a, str>,
    pub epoch: u32,
    pub seq: u64,
    /// The first record that follows. Records up to `seq` are replayed.
    pub next: u64,
    pub users: Vec<Cow<'a, str>>,
    /// The secret with which this session can be resumed.
    #[serde(default)]
    pub token: Cow<'a, str>,
    /// Whether a session was resumed.
    #[serde(default)]
    pub resumed: bool,
    /// The first and the last of the records that the client has seen and that were lost, in the
    /// epoch of the position that the client gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<(u64, u64)>,
    pub limits: Limits,
}

/// The fields that every record has: its room, its number and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp<'a> {
    pub room: Cow<'a, str>,
    pub epoch: u32,
    pub seq: u64,
    /// UTC, as in RFC 3339, with milliseconds.
    pub time: Cow<'a, str>,
    /// Whether the record is from before the user joined or resumed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replayed: bool,
}

/// A message or an action.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Speech<'a> {
    #[serde(flatten)]
    pub stamp: Stamp<'a>,
    pub name: Cow<'a, str>,
    pub text: Cow<'a, str>,
    /// The id of the request, only in the copy for the session that sent it. It confirms that the
    /// record is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
}

/// The limits that a client should observe.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The maximum size of a message in bytes.
    pub message_bytes: usize,
    /// The seconds without a line after which a client counts as lost. 0 is never.
    pub silence_seconds: u64,
}

#[cfg(test)]
mod tests;
