//! Decodes the lines of a server. Everything that the client decides, it decides by the codes of
//! events; this is the only module that recognises sentences of a server, where there is no code.

use chatroom::room::EndReason;
use chatroom::wire::Frame;
use chatroom::wire::json::Event;
use chatroom::wire::text::is_prompt;

use crate::model::Input;

/// The longest line that is accepted from a server, in bytes.
pub const MAX_LINE_BYTES: usize = 8 << 20;

/// Decodes a line. Broken lines are skipped, and so is the prompt, which is meant for human
/// readers.
pub fn decode(frame: &Frame) -> Option<Input> {
    let Frame::Line(line) = frame else { return None };
    if line.starts_with(b"{") {
        let event = serde_json::from_slice::<Event<'static>>(line).ok()?;
        return Some(Input::Event(with_retry_after(event)));
    }
    let line = String::from_utf8_lossy(line);
    let line = line.strip_prefix("[SERVER]: ")?;
    if is_prompt(line) {
        return None;
    }
    // A server that turns a connection away says so in text, before it knows the dialect.
    Some(match EndReason::of_text(line) {
        Some((code, retry_after_seconds)) => Input::Event(Event::Closing {
            code: code.into(),
            message: line.to_owned().into(),
            retry_after_seconds,
        }),
        None => Input::Text(line.to_owned()),
    })
}

/// Adds how long to wait to an event of a server of version 0.1, which says it only in the message.
fn with_retry_after(mut event: Event<'static>) -> Event<'static> {
    if let Event::Refused { code, message, retry_after_seconds, .. }
    | Event::Closing { code, message, retry_after_seconds } = &mut event
        && code == "too-often"
        && retry_after_seconds.is_none()
    {
        *retry_after_seconds = message
            .split_once("Try again in ")
            .and_then(|(_, rest)| rest.split_once(" s")?.0.parse().ok());
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(line: &str) -> Option<Input> {
        decode(&Frame::Line(line.as_bytes().to_vec()))
    }

    #[test]
    fn text_of_a_server_becomes_an_event_where_it_has_a_meaning() {
        let prompt = "[SERVER]: Hi! Type your name (at least 2 characters long), then press enter!";
        assert!(decoded(prompt).is_none());
        let Some(Input::Event(Event::Closing { code, message, retry_after_seconds })) =
            decoded("[SERVER]: Your address connects too often. Try again in 12 s.")
        else {
            panic!("it is not decoded");
        };
        assert_eq!((&*code, retry_after_seconds), ("too-often", Some(12)));
        assert_eq!(message, "Your address connects too often. Try again in 12 s.");
        let unknown = decoded("[SERVER]: The disk is full.");
        assert!(matches!(unknown, Some(Input::Text(line)) if line == "The disk is full."));
        assert!(decoded("220 ready").is_none() && decoded("{").is_none());
        assert!(decode(&Frame::TooLong).is_none());
    }
}
