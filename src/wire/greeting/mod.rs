//! The first bytes of a connection: whether it speaks what this port does. Nothing that begins as
//! something else becomes a person by what comes later.

mod foreign;
mod telnet;

use std::time::Duration;

pub use foreign::Foreign;
pub use telnet::{Telnet, strip_telnet};

/// No name is longer, nor does a request of the text format come before there is one.
pub const MAX_FIRST_LINE: usize = 4 * 1024;

/// How long the first input may stand alone without a line end before it is taken for a piece of
/// the older script client, which sends none.
pub const PAUSE: Duration = Duration::from_millis(200);

/// The same for what may be the beginning of something else.
const LONG_PAUSE: Duration = Duration::from_secs(2);

/// What a header of the PROXY protocol, version 2, begins with.
pub const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// What PostgreSQL's clients say first, behind the length: that they want the protocol 3.0, TLS,
/// something cancelled, or GSSAPI.
const POSTGRES: [[u8; 4]; 4] =
    [[0, 3, 0, 0], [4, 0xd2, 0x16, 0x2f], [4, 0xd2, 0x16, 0x2e], [4, 0xd2, 0x16, 0x30]];

/// What the first bytes show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// More has to come. When nothing does for so long, this is what it is: something foreign, or
    /// else a piece of the older script client.
    Wait(Duration, Option<Foreign>),
    /// It may be a person, or a client of ours.
    Ours,
    Foreign(Foreign),
}

/// What all that a connection has sent so far shows, up to the end of its first line.
pub fn judge(bytes: &[u8]) -> Verdict {
    if let Some(verdict) = judge_raw(bytes) {
        return verdict;
    }
    let text = Telnet::default().strip(bytes);
    let text = lead(&text);
    match text.first() {
        None if bytes.len() > MAX_FIRST_LINE => return Verdict::Foreign(Foreign::TooLong),
        None => return Verdict::Wait(PAUSE, None),
        Some(b'{') => return Verdict::Ours,
        Some(_) => {}
    }
    let end = text.iter().position(|&byte| is_line_end(byte));
    let line = &text[..end.unwrap_or(text.len())];
    if line.iter().any(|&byte| is_binary(byte)) {
        return Verdict::Foreign(Foreign::Binary);
    }
    let line = String::from_utf8_lossy(line);
    match end {
        Some(end) if end > MAX_FIRST_LINE => {
            Verdict::Foreign(Foreign::of_line(&line).unwrap_or(Foreign::TooLong))
        }
        Some(_) => Foreign::of_line(&line).map_or(Verdict::Ours, Verdict::Foreign),
        None if text.len() > MAX_FIRST_LINE => {
            Verdict::Foreign(Foreign::of_beginning(&line).unwrap_or(Foreign::TooLong))
        }
        None if foreign::may_become_foreign(&line) => {
            Verdict::Wait(LONG_PAUSE, Foreign::of_line(&line).or(Foreign::of_beginning(&line)))
        }
        None => Verdict::Wait(PAUSE, Foreign::of_line(&line)),
    }
}

/// What is seen before anything is taken away.
fn judge_raw(bytes: &[u8]) -> Option<Verdict> {
    if bytes.starts_with(PROXY_V2) {
        return Some(Verdict::Foreign(Foreign::Proxy));
    }
    if PROXY_V2.starts_with(bytes) {
        return Some(Verdict::Wait(PAUSE, None));
    }
    let is_letter = |byte: u8| (b' '..=b'~').contains(&byte);
    let wait = Some(Verdict::Wait(PAUSE, None));
    match *bytes {
        // A handshake record of TLS (RFC 8446, section 5.1).
        [0x16, ..] => Some(Verdict::Foreign(Foreign::Tls)),
        [0xFE, 0xFF, ..] | [0xFF, 0xFE, _, 0, ..] => Some(Verdict::Foreign(Foreign::Utf16)),
        [0xFE] | [0xFF, 0xFE] | [0xFF, 0xFE, _] => wait,
        [one, 0, other, 0, ..] | [0, one, 0, other, ..] if is_letter(one) && is_letter(other) => {
            Some(Verdict::Foreign(Foreign::Utf16))
        }
        [one, 0] | [one, 0, _] | [0, one] | [0, one, 0] if is_letter(one) => wait,
        // It may be JSON, or the first half of a brace in UTF-16.
        [0 | b'{'] => wait,
        [0, 0, _, _, a, b, c, d, ..] => {
            Some(Verdict::Foreign(match POSTGRES.contains(&[a, b, c, d]) {
                true => Foreign::Postgres,
                false => Foreign::Binary,
            }))
        }
        [0, 0, ..] => Some(Verdict::Wait(PAUSE, Some(Foreign::Binary))),
        _ => None,
    }
}

/// What comes behind all that a reader of text passes over: a byte order mark, white space, empty
/// lines.
pub(super) fn lead(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    loop {
        let before = rest.len();
        rest = rest.trim_ascii_start();
        rest = rest.strip_prefix("\u{feff}".as_bytes()).unwrap_or(rest);
        rest = rest.strip_prefix(b"\0").unwrap_or(rest);
        // A mark of which the end is still to come.
        if matches!(rest, [0xEF] | [0xEF, 0xBB]) {
            return &[];
        }
        if rest.len() == before {
            return rest;
        }
    }
}

/// Whether a byte ends a line. Telnet has NUL behind a carriage return, and some programs have it
/// behind all that they send.
pub fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | 0)
}

/// Whether a byte stands in no line of text. What a terminal sends when a key is pressed may.
fn is_binary(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\r' | 0x08 | 0x1B)
}

/// A line before there is a name, where a byte order mark and white space mean nothing.
pub fn without_blanks(line: &str) -> &str {
    line.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace())
}

#[cfg(test)]
mod tests;
