//! JSON lines, for `chatroom-client` and bots: one object a line, tagged by `type`.
//!
//! [`JsonRequest`] is what a client says, [`Event`] what the server says. Both sides use these types,
//! so that a round trip cannot differ. Unknown fields are ignored.

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

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum JsonRequest {
    Hello {
        protocol: u32,
        name: String,
        /// Takes up a session again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        resume: Option<Resume>,
        /// That of the account, or of the room.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        password: Option<Secret>,
        /// Whether the place is to be held when the connection is lost. Not so for who keeps the token
        /// nowhere but in memory.
        #[serde(default = "yes", skip_serializing_if = "Clone::clone")]
        hold: bool,
    },
    Say {
        text: String,
        /// Whether it is something that the person does (`* ann waves`) and not says.
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
    /// What was said before a record, or after one; without either, the last.
    History {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        before: Option<u64>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        after: Option<u64>,
        /// 1 to 200.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        limit: Option<usize>,
        /// Only what has this in its text, without regard to case.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        search: Option<String>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    /// What an operator does.
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
    /// The row of the table of commands that it belongs to.
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

    /// The id that the client gave it.
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

/// Where a client goes on: its session, and the last record that it has seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resume {
    pub token: String,
    pub epoch: u32,
    pub seq: u64,
}

/// What the server says.
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
    /// The text of these records was taken away.
    Redacted {
        #[serde(flatten)]
        stamp: Stamp<'a>,
        targets: Vec<u64>,
    },
    /// What the room is about from now on.
    Topic {
        #[serde(flatten)]
        stamp: Stamp<'a>,
        text: Cow<'a, str>,
    },
    /// The operator has given somebody another name.
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
        /// Records, each as it is sent otherwise.
        records: Vec<Event<'a>>,
        /// Whether there is more in that direction.
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
        /// The first and the last record that were missed.
        from: u64,
        to: u64,
    },
    Refused {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
        code: Cow<'a, str>,
        message: Cow<'a, str>,
        /// After how many seconds it makes sense to ask again, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
    Pong {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
    },
    /// Something for this one alone to know; with the id of the request that it answers, if it does.
    Info {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
        message: Cow<'a, str>,
        /// How many people it affected, if an operator did something to somebody.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        affected: Option<usize>,
    },
    Closing {
        code: Cow<'a, str>,
        message: Cow<'a, str>,
        /// After how many seconds it makes sense to come back, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after_seconds: Option<u64>,
    },
    /// Something that a newer server says; a client passes over it.
    #[serde(other)]
    Unknown,
}

/// What one is told who has joined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Welcome<'a> {
    pub protocol: u32,
    pub name: Cow<'a, str>,
    pub room: Cow<'a, str>,
    pub topic: Cow<'a, str>,
    pub epoch: u32,
    pub seq: u64,
    /// The first record that follows. What is not after `seq` happened before.
    pub next: u64,
    pub users: Vec<Cow<'a, str>>,
    /// The secret with which to take up this session again.
    #[serde(default)]
    pub token: Cow<'a, str>,
    /// Whether that is what happened.
    #[serde(default)]
    pub resumed: bool,
    /// Records that the client has seen and that are no more: first and last, in the epoch of
    /// the position that it came with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<(u64, u64)>,
    pub limits: Limits,
}

/// What every record carries: its room, its place and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp<'a> {
    pub room: Cow<'a, str>,
    pub epoch: u32,
    pub seq: u64,
    /// UTC, as in RFC 3339, with milliseconds.
    pub time: Cow<'a, str>,
    /// Whether it happened before one (re)joined.
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
    /// Only in the copy that goes to the session that said it: it is stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<Cow<'a, str>>,
}

/// What a client should know to be well-behaved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// The most bytes of a message.
    pub message_bytes: usize,
    /// After so many seconds without a line from the client it is taken for gone; 0 is never.
    pub silence_seconds: u64,
}

#[cfg(test)]
mod tests;
