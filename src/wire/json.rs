//! JSON lines, for `chatroom-client` and bots: one object a line, tagged by `type`.
//!
//! [`Request`] is what a client says, [`Event`] what the server says. Both sides use these types,
//! so that a round trip cannot differ. Unknown fields are ignored.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Answer, PROTOCOL};
use crate::names::Name;
use crate::room::{Departure, Record, RecordKind, Refusal};

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

/// The most bytes of an id that a client makes.
pub const MOST_ID_BYTES: usize = 64;

/// The names of the requests, to tell an unknown type from a wrong field.
const REQUEST_TYPES: &[&str] = &["hello", "say", "direct", "who", "ping", "quit"];

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

/// Reads a request.
///
/// # Errors
/// Why it is none, with its id where it has one.
pub fn parse_request(line: &str) -> Result<Request, (Refusal, Option<String>)> {
    match serde_json::from_str::<Request>(line) {
        Ok(Request::Say { id: Some(id), .. } | Request::Direct { id: Some(id), .. })
            if id.len() > MOST_ID_BYTES =>
        {
            let problem = format!("An id has at most {MOST_ID_BYTES} bytes.");
            Err((Refusal::BadRequest(problem), None))
        }
        Ok(request) => Ok(request),
        Err(error) => Err(explain(line, &error)),
    }
}

/// Finds out, off the usual path, what is wrong with a request.
fn explain(line: &str, error: &serde_json::Error) -> (Refusal, Option<String>) {
    let value: serde_json::Value = match serde_json::from_str(line) {
        Ok(value) => value,
        Err(error) => {
            let place = error.column();
            let problem = format!("That is not valid JSON (see character {place}).");
            return (Refusal::BadRequest(problem), None);
        }
    };
    let id = value.get("id").and_then(|id| id.as_str()).filter(|id| id.len() <= MOST_ID_BYTES);
    let refusal = match value.get("type").and_then(|kind| kind.as_str()) {
        _ if !value.is_object() => {
            Refusal::BadRequest("A request is one JSON object on a line.".to_owned())
        }
        None => Refusal::BadRequest("A request has a \"type\", which is a string.".to_owned()),
        Some(kind) if !REQUEST_TYPES.contains(&kind) => Refusal::UnknownType(kind.to_owned()),
        Some(kind) => {
            let problem = error.to_string().replace('`', "\"");
            Refusal::BadRequest(format!("That \"{kind}\" is not understood: {problem}."))
        }
    };
    (refusal, id.map(str::to_owned))
}

/// A time as the protocol writes it: UTC with milliseconds.
pub fn format_time(time: Timestamp) -> String {
    format!("{time:.3}")
}

/// Appends a record as one line, with the id that its author gave it where that is to be seen.
pub fn encode_record(room: &str, record: &Record, id: Option<&str>, out: &mut Vec<u8>) {
    let stamp = Stamp {
        room: room.into(),
        epoch: record.epoch,
        seq: record.seq.0,
        time: format_time(record.time).into(),
    };
    let id = id.map(Cow::from);
    let event = match &record.kind {
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
        RecordKind::Notice { text } => Event::Notice { stamp, text: text.into() },
    };
    push_line(&event, out);
}

/// Appends an answer as one line. The prompt is for people only.
pub fn encode_answer(answer: &Answer, out: &mut Vec<u8>) {
    let event = match answer {
        Answer::Prompt { .. } | Answer::KeepAlive | Answer::Help | Answer::Usage(_) => return,
        Answer::Welcome(welcome) => Event::Welcome {
            protocol: PROTOCOL,
            name: borrow(&welcome.name),
            room: (&welcome.room).into(),
            topic: (&welcome.topic).into(),
            epoch: welcome.position.epoch,
            seq: welcome.position.seq.0,
            users: welcome.people.iter().map(borrow).collect(),
            limits: Limits {
                message_bytes: welcome.message_bytes,
                silence_seconds: welcome.silence_seconds,
            },
        },
        Answer::Who { room, people } => {
            Event::Who { room: room.into(), users: people.iter().map(borrow).collect() }
        }
        Answer::Refused { refusal, id } => Event::Refused {
            id: id.as_deref().map(Cow::from),
            code: refusal.code().into(),
            message: refusal.to_string().into(),
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
        Answer::Closing { reason } => {
            Event::Closing { code: reason.code().into(), message: reason.to_string().into() }
        }
    };
    push_line(&event, out);
}

/// Anything as one line of JSON.
pub fn push_line<T: Serialize>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    match serde_json::to_writer(&mut *out, value) {
        Ok(()) => out.push(b'\n'),
        // Writing to memory does not fail, and the types here have no other way to.
        Err(_) => out.truncate(start),
    }
}

fn borrow(name: &Name) -> Cow<'_, str> {
    Cow::Borrowed(name.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_refused(line: &str, code: &str, expect: &str, id: Option<&str>) {
        let (refusal, found) = parse_request(line).unwrap_err();
        assert_eq!((refusal.code(), found.as_deref()), (code, id), "{refusal}");
        assert!(refusal.to_string().contains(expect), "{refusal}");
    }

    #[test]
    fn requests_are_read_and_unknown_fields_ignored() {
        let line = r#"{"type":"say","id":"1","text":"hi","colour":"red"}"#;
        let say = Request::Say { text: "hi".into(), action: false, id: Some("1".into()) };
        assert_eq!(parse_request(line), Ok(say));
        assert_eq!(parse_request(r#"{"type":"who"}"#), Ok(Request::Who));
    }

    #[test]
    fn what_is_wrong_is_said() {
        check_refused("{\"type\":", "bad-request", "not valid JSON", None);
        check_refused("[1]", "bad-request", "one JSON object", None);
        check_refused("{\"id\":\"7\"}", "bad-request", "\"type\"", Some("7"));
        check_refused(r#"{"type":"dance","id":"7"}"#, "unknown-type", "\"dance\"", Some("7"));
        check_refused(r#"{"type":"say","id":"7"}"#, "bad-request", "field \"text\"", Some("7"));
        check_refused(r#"{"type":"say","text":5}"#, "bad-request", "expected a string", None);
        let long = format!(r#"{{"type":"say","text":"x","id":"{}"}}"#, "i".repeat(65));
        check_refused(&long, "bad-request", "64 bytes", None);
    }

    #[test]
    fn a_record_comes_back_as_it_was_sent() {
        let record = Record {
            epoch: 2,
            seq: crate::room::Seq(7),
            time: "2026-11-22T21:04:05.123456Z".parse().unwrap(),
            kind: RecordKind::Message { name: Name::new("ann").unwrap(), text: "\"hi\"".into() },
            author: None,
        };
        let mut out = Vec::new();
        encode_record("lobby", &record, Some("i1"), &mut out);
        assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 1);
        let Ok(Event::Message(speech)) = serde_json::from_slice(&out) else { panic!("{out:?}") };
        assert_eq!(speech.stamp.time, "2026-11-22T21:04:05.123Z");
        assert_eq!((speech.stamp.epoch, speech.stamp.seq), (2, 7));
        assert_eq!((speech.text.as_ref(), speech.id.as_deref()), ("\"hi\"", Some("i1")));
    }

    #[test]
    fn an_event_of_a_newer_server_is_passed_over() {
        let event: Event<'_> = serde_json::from_str(r#"{"type":"sparkle","n":1}"#).unwrap();
        assert_eq!(event, Event::Unknown);
    }
}
