//! What is meant for one connection alone, in either dialect.

use jiff::Timestamp;

use super::{Dialect, json, text};
use crate::names::Name;
use crate::room::{EndReason, Position, Refusal, Seq};

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
    /// How a command is written.
    Usage(&'static str),
    Who {
        room: String,
        people: Vec<Name>,
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
    pub people: Vec<Name>,
    /// The last record that `people` is the outcome of.
    pub position: Position,
    /// The most bytes of a message; 0 is no limit.
    pub message_bytes: usize,
    /// After so many seconds without a line a JSON client is taken for gone; 0 is never.
    pub silence_seconds: u64,
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

/// The bytes of an answer. Some answers have none in one of the dialects.
pub fn encode_answer(dialect: Dialect, answer: &Answer) -> Vec<u8> {
    let mut out = Vec::new();
    match dialect {
        Dialect::Text => text::encode_answer(answer, &mut out),
        Dialect::Json => json::encode_answer(answer, &mut out),
    }
    out
}
