//! Records: the numbered events that all members see.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::names::Name;

/// The number of a record. The first is 1; each is one more than the one before.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The number after this one.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }

    /// The number before this one. Before the first is 0, which no record has.
    #[must_use]
    pub fn previous(self) -> Seq {
        Seq(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A place in the log. The epoch changes only where the end of the log was lost, so a number never
/// means two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub epoch: u32,
    pub seq: Seq,
}

impl Position {
    /// Before the first record of a new log.
    pub const START: Position = Position { epoch: 1, seq: Seq(0) };
}

/// Replaces the text of a redacted record.
pub const REDACTED: &str = "(removed by the operator)";

/// A user's stay in the room, over all the connections on which it is resumed. Never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub u64);

/// A numbered event that all members see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub epoch: u32,
    pub seq: Seq,
    pub time: Timestamp,
    pub kind: RecordKind,
    /// The session that made it, if one did.
    pub author: Option<Author>,
}

/// The session that made a record. It sees the record differently: a text session not at all, a JSON
/// session with the id that it chose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Author {
    pub session: SessionId,
    pub id: Option<String>,
}

/// The event that a record describes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordKind {
    Message {
        name: Name,
        text: String,
    },
    Action {
        name: Name,
        text: String,
    },
    Joined {
        name: Name,
    },
    Left {
        name: Name,
        how: Departure,
    },
    Notice {
        text: String,
    },
    /// The operator has redacted these records.
    Redacted {
        targets: Vec<Seq>,
    },
    /// The new topic.
    Topic {
        text: String,
    },
    /// The operator has renamed a member.
    Renamed {
        name: Name,
        /// Boxed, because it is rare and would make every record larger.
        to: Box<Name>,
    },
}

/// How a member left, as the others are told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Departure {
    /// They said so.
    Quit,
    /// The connection was lost.
    Lost,
    /// The operator removed them, and perhaps said why.
    Removed { reason: Option<String> },
}

impl Record {
    /// Replaces the text, if there is one, with [`REDACTED`].
    pub fn redact(&mut self) {
        if let RecordKind::Message { text, .. }
        | RecordKind::Action { text, .. }
        | RecordKind::Topic { text }
        | RecordKind::Notice { text } = &mut self.kind
        {
            REDACTED.clone_into(text);
        }
    }

    /// The text that [`Record::redact`] replaces. None for a join, a leave and the like.
    pub fn text(&self) -> Option<&str> {
        match &self.kind {
            RecordKind::Message { text, .. }
            | RecordKind::Action { text, .. }
            | RecordKind::Topic { text }
            | RecordKind::Notice { text } => Some(text),
            RecordKind::Joined { .. }
            | RecordKind::Left { .. }
            | RecordKind::Renamed { .. }
            | RecordKind::Redacted { .. } => None,
        }
    }

    /// The maximum number of bytes that this record takes in memory, together with its encoded
    /// forms.
    ///
    /// Names and text are counted four times: as they are, as text, and as JSON, where a character
    /// can take twice as much. The constant covers the record itself and the fixed parts of both
    /// forms.
    pub fn weight(&self) -> usize {
        let strings = match &self.kind {
            RecordKind::Message { name, text } | RecordKind::Action { name, text } => {
                name.as_str().len() + text.len()
            }
            RecordKind::Joined { name } => name.as_str().len(),
            RecordKind::Left { name, how } => {
                let reason = match how {
                    Departure::Removed { reason: Some(reason) } => reason.len(),
                    _ => 0,
                };
                name.as_str().len() + reason
            }
            RecordKind::Notice { text } | RecordKind::Topic { text } => text.len(),
            RecordKind::Renamed { name, to } => name.as_str().len() + to.as_str().len(),
            RecordKind::Redacted { targets } => 24 * targets.len(),
        };
        let id = self.author.as_ref().and_then(|author| author.id.as_ref()).map_or(0, String::len);
        400 + 4 * strings + id
    }
}
