//! The text dialect, for users of `nc` and for the old script client.

mod parse;

use std::borrow::Cow;

use jiff::tz::TimeZone;

use super::record_text::people_here;
use super::{Answer, Direct, RecordText, record_text};
use crate::clean;
use crate::commands;
use crate::names::Name;
use crate::room::{EndReason, Record, RecordKind};

pub use parse::{MAX_HISTORY, Mistake, TextRequest, USUAL_HISTORY, parse, parse_command};

/// The end of the prompt with which the server opens a connection. The operator's greeting, if
/// there is one, precedes it.
const PROMPT: &str = "Type your name (at least 2 characters long), then press enter!";

/// Whether a line of the server is the prompt. It is meant for human readers: a JSON client ignores
/// it.
pub fn is_prompt(line: &str) -> bool {
    line.ends_with(PROMPT)
}

/// Begins every line of the server itself.
const SERVER: &str = "[SERVER]: ";

/// Appends a record as one line.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    match (record_text(&record.kind), &record.kind) {
        (RecordText::Speech { before, text }, _) => push_line(out, &before, text),
        // The beginning of the line already says that this is the server.
        (_, RecordKind::Notice { text }) => server_line(out, text),
        (RecordText::Event(sentence), _) => server_line(out, &sentence),
    }
}

/// Appends an earlier record as one line, with its time in a time zone.
pub fn encode_replayed(record: &Record, zone: &TimeZone, out: &mut Vec<u8>) {
    let time = record.time.to_zoned(zone.clone()).strftime("[%Y-%m-%d %H:%M] ").to_string();
    out.extend_from_slice(time.as_bytes());
    encode_record(record, out);
}

/// Appends an answer as lines.
pub fn encode_answer(answer: &Answer, out: &mut Vec<u8>) {
    match answer {
        Answer::Prompt { greeting } => {
            server_line(out, format!("{greeting} {PROMPT}").trim_start());
        }
        Answer::Welcome(welcome) => {
            let name = &welcome.name;
            server_line(out, &format!("Welcome {name}! To leave chat write !quit."));
            if !welcome.topic.is_empty() {
                server_line(out, &format!("Topic: {}", welcome.topic));
            }
        }
        // Exactly one byte, because the old script client compares the received data with it.
        Answer::KeepAlive => out.push(b'&'),
        Answer::Help => help(out),
        Answer::Info { message, .. } | Answer::Moderated { message, .. } => {
            server_line(out, message);
        }
        Answer::Who { people, .. } => {
            let names: Vec<&str> = people.iter().map(Name::as_str).collect();
            let people = people_here(names.len());
            push_line(out, &[SERVER, &people, ": "], &names.join(", "));
        }
        Answer::Refused { refusal, .. } => server_line(out, &refusal.to_string()),
        // The user's terminal has already shown the message.
        Answer::Direct(Direct { own: true, .. }) => {}
        Answer::Direct(Direct { from, text, .. }) => {
            push_line(out, &["[private] ", from.as_str(), ": "], text);
        }
        Answer::Gap { from, to, .. } => {
            let missed = to.0 - from.0 + 1;
            server_line(out, &format!("Your connection was too slow: you missed {missed} lines."));
        }
        Answer::StartOfReplay => server_line(out, "Earlier messages:"),
        Answer::History(history) => {
            let records = &history.records;
            records.iter().for_each(|record| encode_replayed(record, &history.zone, out));
            server_line(
                out,
                end_of_history(records.len(), history.is_search, history.more).as_ref(),
            );
        }
        Answer::Repeated { .. } | Answer::Pong { .. } => {}
        // The user asked for these, or has seen another line about them.
        Answer::Closing { reason: EndReason::Quit | EndReason::Closed, .. } => {}
        Answer::Closing { reason: reason @ EndReason::Foreign("HTTP"), .. } => {
            let mut body = Vec::new();
            server_line(&mut body, &reason.to_string());
            out.extend_from_slice(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n");
            let length = body.len();
            let fields = format!(
                "Content-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\n\r\n"
            );
            out.extend_from_slice(fields.as_bytes());
            out.extend_from_slice(&body);
        }
        Answer::Closing { reason, .. } => server_line(out, &reason.to_string()),
    }
}

fn help(out: &mut Vec<u8>) {
    server_line(out, &format!("{} Commands:", commands::HELP_INTRO));
    for command in commands::for_all_users() {
        server_line(out, &format!("{} - {}", command.synopsis('!'), command.help));
    }
    server_line(out, &commands::operators_line());
}

/// The line below earlier records, or below the matches of a search.
pub fn end_of_history(count: usize, is_search: bool, more: bool) -> Cow<'static, str> {
    match (count, is_search) {
        (0, false) => "There are no earlier messages.".into(),
        (_, false) => "End of earlier messages.".into(),
        (0, true) => "No stored message contains that.".into(),
        (1, true) if more => "This is the last match; there are earlier ones.".into(),
        (count, true) if more => {
            format!("These are the last {count} matches; there are earlier ones.").into()
        }
        (_, true) => "End of matches.".into(),
    }
}

/// The text before the names in a list of this many users.
pub(super) fn before_users(count: usize) -> Vec<u8> {
    format!("{SERVER}{}: ", people_here(count)).into_bytes()
}

fn server_line(out: &mut Vec<u8>, text: &str) {
    push_line(out, &[SERVER], text);
}

/// Appends a line. White space in the text is squeezed, so that padding cannot move its end to the
/// beginning of a row of the terminal.
fn push_line(out: &mut Vec<u8>, before: &[&str], text: &str) {
    before.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    out.extend_from_slice(clean::squeezed(text).as_bytes());
    out.push(b'\n');
}
