//! Inspects the first bytes of a connection: whether they are in a dialect of this port. A
//! connection that begins with another protocol does not become a user by its later input.

mod foreign;
mod telnet;

use std::time::Duration;

pub use foreign::Foreign;
pub use telnet::{Telnet, strip_telnet};

/// The longest first line. No name is longer, and other requests of the text protocol come after it.
pub const MAX_FIRST_LINE: usize = 4 * 1024;

/// The time for which the first input can stay without a line end before it counts as a piece of
/// the old script client, which sends no line ends.
pub const PAUSE: Duration = Duration::from_millis(200);

/// The same for input that can be the beginning of another protocol.
const LONG_PAUSE: Duration = Duration::from_secs(2);

/// The beginning of a header of the PROXY protocol, version 2.
pub const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// The first bytes that PostgreSQL clients send after the length: a request for protocol 3.0, for
/// TLS, to cancel a query, or for GSSAPI.
const POSTGRES: [[u8; 4]; 4] =
    [[0, 3, 0, 0], [4, 0xd2, 0x16, 0x2f], [4, 0xd2, 0x16, 0x2e], [4, 0xd2, 0x16, 0x30]];

/// The result of judging the first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// More input is needed. If none arrives for this time, it is this protocol, or otherwise a
    /// piece of the old script client.
    Wait(Duration, Option<Foreign>),
    /// It is in a dialect of this port, or can be.
    Ours,
    Foreign(Foreign),
}

/// Judges everything that a connection has sent so far, up to the end of its first line.
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

/// Judges the bytes as they came, with telnet commands and blanks.
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
        // It can be JSON, or the first half of a brace in UTF-16.
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

/// Returns `bytes` without everything that is meaningless at the beginning of text: a byte order
/// mark, white space, empty lines.
pub(super) fn lead(bytes: &[u8]) -> &[u8] {
    let mut rest = bytes;
    loop {
        let before = rest.len();
        rest = rest.trim_ascii_start();
        rest = rest.strip_prefix("\u{feff}".as_bytes()).unwrap_or(rest);
        rest = rest.strip_prefix(b"\0").unwrap_or(rest);
        // A mark whose end is still to come.
        if matches!(rest, [0xEF] | [0xEF, 0xBB]) {
            return &[];
        }
        if rest.len() == before {
            return rest;
        }
    }
}

/// Whether a byte ends a line. Telnet sends NUL after a carriage return, and some programs after
/// everything.
pub fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\n' | 0)
}

/// Whether a byte is in no line of text. Bytes that a terminal sends for keys can be.
fn is_binary(byte: u8) -> bool {
    byte < b' ' && !matches!(byte, b'\t' | b'\r' | 0x08 | 0x1B)
}

/// A line without its byte order mark and leading white space, which mean nothing before there is a name.
pub fn without_blanks(line: &str) -> &str {
    line.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace())
}

#[cfg(test)]
mod tests;
