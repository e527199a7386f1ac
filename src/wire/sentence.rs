//! Records and counts in words, for everything that shows them as text: the text dialect, `chatctl`,
//! `systemctl status`.

use crate::room::{Departure, RecordKind};

/// What happened, in a line: what somebody said or does, else a sentence.
pub fn sentence(kind: &RecordKind) -> String {
    match kind {
        RecordKind::Message { name, text } => format!("{name}: {text}"),
        RecordKind::Action { name, text } => format!("* {name} {text}"),
        RecordKind::Joined { name } => format!("{name} joined the chat!"),
        RecordKind::Left { name, how: Departure::Quit } => format!("{name} has quit."),
        RecordKind::Left { name, how: Departure::Lost } => format!("{name} has disconnected."),
        RecordKind::Left { name, how: Departure::Removed { reason: None } } => {
            format!("{name} was removed by the operator.")
        }
        RecordKind::Left { name, how: Departure::Removed { reason: Some(reason) } } => {
            format!("{name} was removed by the operator: {reason}")
        }
        RecordKind::Notice { text } => text.clone(),
        RecordKind::Topic { text } if text.is_empty() => "The room has no topic now.".to_owned(),
        RecordKind::Topic { text } => format!("Topic: {text}"),
        RecordKind::Renamed { name, to } => format!("{name} is now called {to}."),
        RecordKind::Redacted { targets } => match targets.len() {
            1 => "A message was removed by the operator.".to_owned(),
            count => format!("{count} messages were removed by the operator."),
        },
    }
}

/// How many people are in the room, as part of a sentence.
pub fn people_here(count: usize) -> String {
    match count {
        0 => "nobody is here".to_owned(),
        1 => "1 person is here".to_owned(),
        count => format!("{count} people are here"),
    }
}
