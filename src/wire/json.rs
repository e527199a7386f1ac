//! JSON lines, for `chatroom-client` and bots: one object a line, tagged by `type`.
//!
//! [`Request`] is what a client says, [`Event`] what the server says. Both sides use these types,
//! so that a round trip cannot differ. Unknown fields are ignored.

mod encode;
mod parse;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

pub use encode::{encode_answer, encode_record, format_time, push_line};
pub use parse::{MOST_ID_BYTES, parse_request};

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Request {
    Hello {
        protocol: u32,
        name: String,
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
    Ping {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
    },
    Quit,
}

/// What the server says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event<'a> {
    Welcome {
        protocol: u32,
        name: Cow<'a, str>,
        room: Cow<'a, str>,
        topic: Cow<'a, str>,
        epoch: u32,
        seq: u64,
        users: Vec<Cow<'a, str>>,
        limits: Limits,
    },
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
    },
    Pong {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<Cow<'a, str>>,
    },
    Closing {
        code: Cow<'a, str>,
        message: Cow<'a, str>,
    },
    /// Something that a newer server says; a client passes over it.
    #[serde(other)]
    Unknown,
}

/// What every record carries: its room, its place and its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp<'a> {
    pub room: Cow<'a, str>,
    pub epoch: u32,
    pub seq: u64,
    /// UTC, as in RFC 3339, with milliseconds.
    pub time: Cow<'a, str>,
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
    /// The most bytes of a message; 0 is no limit.
    pub message_bytes: usize,
    /// After so many seconds without a line from the client it is taken for gone; 0 is never.
    pub silence_seconds: u64,
}

#[cfg(test)]
mod tests;
