//! Records and counts as text, for all views: the text dialect, `chatctl`, the terminal client and
//! `systemctl status`.

use std::fmt;

use crate::room::{Departure, RecordKind};

/// A record as text.
#[derive(Debug, PartialEq, Eq)]
pub enum RecordText<'a> {
    /// A message or an action: the words before its text, and the text.
    Speech { before: [&'a str; 3], text: &'a str },
    /// A sentence about anything else.
    Event(String),
}

impl fmt::Display for RecordText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecordText::Speech { before: [mark, name, gap], text } => {
                write!(f, "{mark}{name}{gap}{text}")
            }
            RecordText::Event(sentence) => f.write_str(sentence),
        }
    }
}

/// The text of a record.
pub fn record_text(kind: &RecordKind) -> RecordText<'_> {
    RecordText::Event(match kind {
        RecordKind::Message { name, text } => {
            return RecordText::Speech { before: ["", name.as_str(), ": "], text };
        }
        RecordKind::Action { name, text } => {
            return RecordText::Speech { before: ["* ", name.as_str(), " "], text };
        }
        RecordKind::Joined { name } => format!("{name} joined the chat!"),
        RecordKind::Left { name, how: Departure::Quit } => format!("{name} has quit."),
        RecordKind::Left { name, how: Departure::Lost } => format!("{name} has disconnected."),
        RecordKind::Left { name, how: Departure::Removed { reason: None } } => {
            format!("{name} was removed by the operator.")
        }
        RecordKind::Left { name, how: Departure::Removed { reason: Some(reason) } } => {
            format!("{name} was removed by the operator: {reason}")
        }
        RecordKind::Notice { text } => format!("SERVER: {text}"),
        RecordKind::Topic { text } if text.is_empty() => "The room has no topic now.".to_owned(),
        RecordKind::Topic { text } => format!("Topic: {text}"),
        RecordKind::Renamed { name, to } => format!("{name} is now called {to}."),
        RecordKind::Redacted { targets } => match targets.len() {
            1 => "A message was removed by the operator.".to_owned(),
            count => format!("{count} messages were removed by the operator."),
        },
    })
}

/// The topic of the room, for a user who asks for it.
pub fn topic_sentence(topic: &str) -> String {
    match topic {
        "" => "The room has no topic.".to_owned(),
        topic => format!("Topic: {topic}"),
    }
}

/// The number of users in the room, as part of a sentence.
pub fn people_here(count: usize) -> String {
    match count {
        0 => "nobody is here".to_owned(),
        1 => "1 person is here".to_owned(),
        count => format!("{count} people are here"),
    }
}
