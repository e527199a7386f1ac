//! The text format, for people with `nc` and for the older script client.

use std::borrow::Cow;

use jiff::tz::TimeZone;

use super::sentence::sentence;
use super::{Answer, Direct};
use crate::access::{ModerationAction, parse_time};
use crate::clean;
use crate::names::Name;
use crate::room::{EndReason, Record, RecordKind};

/// What a line of a person in the room asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextRequest<'a> {
    KeepAlive,
    Quit,
    Help,
    Who,
    Action(&'a str),
    /// So many of the last lines.
    History(usize),
    /// The last lines with this in them.
    Search(&'a str),
    Direct {
        to: &'a str,
        text: &'a str,
    },
    /// What the room is about.
    Topic,
    /// What an operator does.
    Moderate(Box<ModerationAction>),
    /// A command that lacks something; the sentence says how it is written.
    Incomplete(&'static str),
    Say(&'a str),
}

/// Begins what the server says.
const SERVER: &str = "[SERVER]: ";

const ME_USAGE: &str = "Write !me and what you do, as in: !me waves";
const MSG_USAGE: &str = "Write !msg, a name and a text, as in: !msg ann hello";

const HISTORY_USAGE: &str = "Write !history and how many lines, 1 to 200, as in: !history 50";

const SEARCH_USAGE: &str = "Write !search and what to look for, as in: !search tea";

/// For who knows other chats, where commands begin otherwise.
const SLASH_USAGE: &str = "Commands begin with ! here, as in !who. That was not sent to anybody.";

/// So many lines are given when it is not said how many.
pub const USUAL_HISTORY: usize = 20;

/// The most lines that can be asked for at a time.
pub const MAX_HISTORY: usize = 200;

const KICK_USAGE: &str = "Write !kick, a name and perhaps why, as in: !kick bo too loud";

const BAN_USAGE: &str = "Write !ban or !mute, a name or an address, and perhaps for how long and why, \
                         as in: !ban bo 10min too loud";

const TIME_USAGE: &str = "Nothing was done: write a time with its unit, as in !ban bo 10 min too \
                          loud. A reason cannot begin with a number.";

const UNBAN_USAGE: &str = "Write !unban or !unmute and a name or an address, as in: !unban bo";

const HELP: &[&str] = &[
    "Whatever you type is sent to everybody. These lines are commands:",
    "!who - who is here",
    "!msg NAME TEXT - send a text to one person only",
    "!me TEXT - say what you do",
    "!history N - the last N lines again",
    "!search TEXT - the last lines with TEXT in them",
    "!topic - what the room is about",
    "!quit - leave",
    "For operators: !topic TEXT, !kick NAME [WHY], !ban and !mute NAME [TIME] [WHY], !unban, !unmute",
];

/// Reads a line. An unknown `!word` is an ordinary message.
pub fn parse(line: &str) -> TextRequest<'_> {
    let line = line.trim_end();
    match line.split_once(' ').map_or((line, ""), |(word, rest)| (word, rest.trim_start())) {
        ("&", "") => TextRequest::KeepAlive,
        ("!quit", "") => TextRequest::Quit,
        ("!help", "") => TextRequest::Help,
        ("!who", "") => TextRequest::Who,
        ("!me", "") => TextRequest::Incomplete(ME_USAGE),
        ("!me", text) => TextRequest::Action(text),
        ("!history", "") => TextRequest::History(USUAL_HISTORY),
        ("!history", number) => match number.parse() {
            Ok(number @ 1..=MAX_HISTORY) => TextRequest::History(number),
            _ => TextRequest::Incomplete(HISTORY_USAGE),
        },
        ("!search", "") => TextRequest::Incomplete(SEARCH_USAGE),
        ("!search", text) => TextRequest::Search(text),
        ("!topic", "") => TextRequest::Topic,
        ("!topic", text) => moderate(ModerationAction::Topic { text: text.to_owned() }),
        ("!kick", "") => TextRequest::Incomplete(KICK_USAGE),
        ("!kick", rest) => {
            let (name, reason) = first_word(rest);
            moderate(ModerationAction::Kick { name, reason })
        }
        ("!ban" | "!mute", "") => TextRequest::Incomplete(BAN_USAGE),
        ("!ban", rest) => match sanction(rest) {
            Some((target, seconds, reason)) => {
                moderate(ModerationAction::Ban { target, seconds, reason })
            }
            None => TextRequest::Incomplete(TIME_USAGE),
        },
        ("!mute", rest) => match sanction(rest) {
            Some((target, seconds, reason)) => {
                moderate(ModerationAction::Mute { target, seconds, reason })
            }
            None => TextRequest::Incomplete(TIME_USAGE),
        },
        ("!unban" | "!unmute", "") => TextRequest::Incomplete(UNBAN_USAGE),
        ("!unban", target) => moderate(ModerationAction::Unban { target: target.to_owned() }),
        ("!unmute", target) => moderate(ModerationAction::Unmute { target: target.to_owned() }),
        ("!msg", rest) => match rest.split_once(' ') {
            // There is no white space at the end of the line, so this is not empty.
            Some((to, text)) => TextRequest::Direct { to, text: text.trim_start() },
            None => TextRequest::Incomplete(MSG_USAGE),
        },
        (
            "/quit" | "/help" | "/who" | "/me" | "/msg" | "/history" | "/search" | "/topic"
            | "/kick" | "/ban" | "/unban" | "/mute" | "/unmute",
            _,
        ) => TextRequest::Incomplete(SLASH_USAGE),
        _ => TextRequest::Say(line),
    }
}

fn moderate(action: ModerationAction) -> TextRequest<'static> {
    TextRequest::Moderate(Box::new(action))
}

/// The first word, and what is behind it if there is something.
fn first_word(text: &str) -> (String, Option<String>) {
    let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
    (word.to_owned(), Some(rest.trim().to_owned()).filter(|rest| !rest.is_empty()))
}

/// A target, for how many seconds, and why. None if what stands in the place of the time is none: it
/// must not pass for a reason, or the sanction would be for ever.
fn sanction(text: &str) -> Option<(String, Option<u64>, Option<String>)> {
    let (target, rest) = first_word(text);
    let Some(rest) = rest else { return Some((target, None, None)) };
    let named = ["--for ", "--for=", "for "].iter().find_map(|word| rest.strip_prefix(word));
    let time = match named.map(str::trim_start) {
        Some(time) if rest.starts_with("--") || begins_like_time(time) => time,
        _ if rest.starts_with("--") => return None,
        _ if begins_like_time(&rest) => &rest,
        _ => return Some((target, None, Some(rest))),
    };
    let seconds = |time: &str| parse_time(time).ok().map(|time| time.as_secs());
    let (first, behind) = first_word(time);
    let (second, last) = behind.as_deref().map(first_word).unwrap_or_default();
    // A time may be two words: "5 min", "1h 30min".
    let (seconds, reason) = match (seconds(&format!("{first} {second}")), seconds(&first)) {
        (Some(time), _) if !second.is_empty() => (time, last),
        (_, Some(time)) => (time, behind),
        _ => return None,
    };
    let is_reason = reason.as_ref().is_none_or(|reason| !begins_like_time(reason));
    is_reason.then_some((target, Some(seconds), reason))
}

/// Whether somebody who writes this means a time: `10`, `-5 min`, `½ h`, `.5h`, `PT10M`.
fn begins_like_time(text: &str) -> bool {
    let number = text.trim_start_matches(['+', '-', '.', ',']);
    let iso = text.strip_prefix(['P', 'p']).map(|it| it.strip_prefix(['T', 't']).unwrap_or(it));
    [Some(number), iso].into_iter().flatten().any(|it| it.starts_with(char::is_numeric))
}

/// Appends a record as one line.
pub fn encode_record(record: &Record, out: &mut Vec<u8>) {
    match &record.kind {
        RecordKind::Message { name, text } => push_line(out, &[name.as_str(), ": "], text),
        RecordKind::Action { name, text } => push_line(out, &["* ", name.as_str(), " "], text),
        kind => server_line(out, &sentence(kind)),
    }
}

/// Appends a record as one line of what was said before, with its time in a time zone.
pub fn encode_replayed(record: &Record, zone: &TimeZone, out: &mut Vec<u8>) {
    let time = record.time.to_zoned(zone.clone()).strftime("[%Y-%m-%d %H:%M] ").to_string();
    out.extend_from_slice(time.as_bytes());
    encode_record(record, out);
}

/// Appends an answer as lines.
pub fn encode_answer(answer: &Answer, out: &mut Vec<u8>) {
    match answer {
        Answer::Prompt { greeting } => server_line(
            out,
            format!("{greeting} Type your name (at least 2 characters long), then press enter!")
                .trim_start(),
        ),
        Answer::Welcome(welcome) => {
            let name = &welcome.name;
            server_line(out, &format!("Welcome {name}! To leave chat write !quit."));
            if !welcome.topic.is_empty() {
                server_line(out, &format!("Topic: {}", welcome.topic));
            }
        }
        // Exactly one byte: the older script client compares what it receives with it.
        Answer::KeepAlive => out.push(b'&'),
        Answer::Help => HELP.iter().for_each(|line| server_line(out, line)),
        Answer::Usage(usage) => server_line(out, usage),
        Answer::Info { message, .. } | Answer::Moderated { message, .. } => {
            server_line(out, message);
        }
        Answer::Who { people, .. } => {
            let names: Vec<&str> = people.iter().map(Name::as_str).collect();
            push_line(out, &[&who_begins(names.len())], &names.join(", "));
        }
        Answer::Refused { refusal, .. } => server_line(out, &refusal.to_string()),
        // A text client shows what it sent by itself.
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
        // In text these have been said already, or are what the person asked for.
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

/// The sentence below what was said before, or below what of it was found.
pub fn end_of_history(count: usize, is_search: bool, more: bool) -> Cow<'static, str> {
    match (count, is_search) {
        (0, false) => "Nothing was said before.".into(),
        (_, false) => "That was said before.".into(),
        (0, true) => "Nobody has said that, as far as it is kept.".into(),
        (1, true) if more => "That is the last match; there are more before it.".into(),
        (count, true) if more => {
            format!("Those are the last {count} matches; there are more before them.").into()
        }
        (_, true) => "That was found.".into(),
    }
}

/// What stands before the names of the people who are here.
pub(super) fn who_begins(count: usize) -> String {
    match count {
        1 => format!("{SERVER}1 person is here: "),
        count => format!("{SERVER}{count} people are here: "),
    }
}

fn server_line(out: &mut Vec<u8>, text: &str) {
    push_line(out, &[SERVER], text);
}

/// Appends a line: what the server puts before a text, and the text, which cannot push its end to
/// where a row of a terminal begins.
fn push_line(out: &mut Vec<u8>, before: &[&str], text: &str) {
    before.iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
    out.extend_from_slice(clean::squeezed(text).as_bytes());
    out.push(b'\n');
}

#[cfg(test)]
mod tests;
