//! Encodes records and answers.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::{Event, Limits, Speech, Stamp, Welcome};
use crate::names::Name;
use crate::room::{Departure, Record, RecordKind};
use crate::wire::{Answer, PROTOCOL};

/// A time as the protocol writes it: UTC with milliseconds.
pub fn format_time(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Appends a record as one line, with the id that its author gave it if the author is to see it.
pub fn encode_record(
    room: &str,
    record: &Record,
    id: Option<&str>,
    replayed: bool,
    out: &mut Vec<u8>,
) {
    push_line(&record_event(room, record, id, replayed), out);
}

/// A record as an event.
pub fn record_event<'a>(
    room: &'a str,
    record: &'a Record,
    id: Option<&'a str>,
    replayed: bool,
) -> Event<'a> {
    let stamp = Stamp {
        room: room.into(),
        epoch: record.epoch,
        seq: record.seq.0,
        time: format_time(record.time).into(),
        replayed,
    };
    let id = id.map(Cow::from);
    match &record.kind {
        RecordKind::Message { name, text } => {
            Event::Message(Speech { stamp, name: borrow(name), text: text.into(), id })
        }
        RecordKind::Action { name, text } => {
            Event::Action(Speech { stamp, name: borrow(name), text: text.into(), id })
        }
        RecordKind::Joined { name } => Event::Joined { stamp, name: borrow(name) },
        RecordKind::Left { name, how } => {
            let (how, reason) = match how {
                Departure::Quit => ("quit", None),
                Departure::Lost => ("lost", None),
                Departure::Removed { reason } => ("removed", reason.as_deref()),
            };
            let reason = reason.map(Cow::from);
            Event::Left { stamp, name: borrow(name), how: how.into(), reason }
        }
        RecordKind::Topic { text } => Event::Topic { stamp, text: text.into() },
        RecordKind::Renamed { name, to } => {
            Event::Renamed { stamp, name: borrow(name), to: borrow(to) }
        }
        RecordKind::Notice { text } => Event::Notice { stamp, text: text.into() },
        RecordKind::Redacted { targets } => {
            Event::Redacted { stamp, targets: targets.iter().map(|seq| seq.0).collect() }
        }
    }
}

/// Appends an answer as one line. Answers that are only for human readers have no JSON form.
pub fn encode_answer(answer: &Answer, out: &mut Vec<u8>) {
    let event = match answer {
        Answer::Prompt { .. } | Answer::KeepAlive | Answer::Help | Answer::StartOfReplay => return,
        Answer::History(history) => Event::History {
            room: (&history.room).into(),
            id: history.id.as_deref().map(Cow::from),
            records: history
                .records
                .iter()
                .map(|record| record_event(&history.room, record, None, true))
                .collect(),
            more: history.more,
        },
        Answer::Repeated { room, record } => {
            let id = record.author.as_ref().and_then(|author| author.id.as_deref());
            record_event(room, record, id, true)
        }
        Answer::Welcome(welcome) => Event::Welcome(Welcome {
            protocol: PROTOCOL,
            name: borrow(&welcome.name),
            room: (&welcome.room).into(),
            topic: (&welcome.topic).into(),
            epoch: welcome.position.epoch,
            seq: welcome.position.seq.0,
            next: welcome.next.0,
            users: welcome.people.iter().map(borrow).collect(),
            token: welcome.token.as_deref().unwrap_or_default().into(),
            resumed: welcome.resumed,
            lost: welcome.lost.map(|(from, to)| (from.0, to.0)),
            limits: Limits {
                message_bytes: welcome.message_bytes,
                silence_seconds: welcome.silence_seconds,
            },
        }),
        Answer::Who { room, people } => {
            Event::Who { room: room.into(), users: people.iter().map(borrow).collect() }
        }
        Answer::Refused { refusal, id } => Event::Refused {
            id: id.as_deref().map(Cow::from),
            code: refusal.code().into(),
            message: refusal.to_string().into(),
            retry_after_seconds: refusal.retry_after(),
        },
        Answer::Direct(direct) => Event::Direct {
            room: (&direct.room).into(),
            time: format_time(direct.time).into(),
            from: borrow(&direct.from),
            to: borrow(&direct.to),
            text: (&direct.text).into(),
            id: direct.id.as_deref().filter(|_| direct.own).map(Cow::from),
        },
        Answer::Gap { room, epoch, from, to } => {
            Event::Gap { room: room.into(), epoch: *epoch, from: from.0, to: to.0 }
        }
        Answer::Pong { id } => Event::Pong { id: id.as_deref().map(Cow::from) },
        Answer::Info { message, id } => Event::Info {
            id: id.as_deref().map(Cow::from),
            message: message.into(),
            affected: None,
        },
        Answer::Moderated { message, affected, id } => Event::Info {
            id: id.as_deref().map(Cow::from),
            message: message.into(),
            affected: *affected,
        },
        Answer::Closing { reason } => Event::Closing {
            code: reason.closing_code().into(),
            message: reason.to_string().into(),
            retry_after_seconds: reason.retry_after(),
        },
    };
    push_line(&event, out);
}

/// The users are inserted after this into an answer with an empty list. Inside a string, its
/// quotation marks would be escaped.
const USERS: &[u8] = b"\"users\":[";

/// Cuts an answer with an empty list of users in two, where the users belong.
pub fn around_users(mut answer: Vec<u8>) -> Option<(Vec<u8>, Vec<u8>)> {
    let end = answer.windows(USERS.len()).position(|it| it == USERS)? + USERS.len();
    let behind = answer.split_off(end);
    Some((answer, behind))
}

/// Appends a value as one line of JSON.
pub fn push_line<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    match serde_json::to_writer(&mut *out, value) {
        Ok(()) => out.push(b'\n'),
        // Writing to memory does not fail, and neither does serializing these types.
        Err(_) => out.truncate(start),
    }
}

/// Appends a text as a JSON string.
pub fn push_string(text: &str, out: &mut Vec<u8>) {
    push_line(text, out);
    // If nothing could be written, there is no line end either.
    if out.last() == Some(&b'\n') {
        out.pop();
    }
}

fn borrow(name: &Name) -> Cow<'_, str> {
    Cow::Borrowed(name.as_str())
}
