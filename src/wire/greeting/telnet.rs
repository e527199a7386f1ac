//! Removes the commands of telnet clients (RFC 854) from text.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

const IAC: u8 = 255;
const SUBNEGOTIATION: u8 = 250;
const END_OF_SUBNEGOTIATION: u8 = 240;

/// The lowest command, end of file (RFC 1184).
const FIRST_COMMAND: u8 = 236;

/// The maximum length of a subnegotiation. The server requests none, so anything longer is not one.
const MAX_SUBNEGOTIATION: u16 = 256;

/// The progress of a command. Text does not contain the byte that begins one: 255 does not occur in
/// UTF-8. But any bytes can follow it, including line ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Telnet {
    #[default]
    Text,
    Command,
    Option,
    /// This number of bytes of a subnegotiation has arrived.
    Subnegotiation(u16),
    CommandInside(u16),
}

impl Telnet {
    /// The text in bytes that were received together.
    pub fn strip<'b>(&mut self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        if *self == Telnet::Text && !bytes.contains(&IAC) {
            return Cow::Borrowed(bytes);
        }
        let mut text = Vec::with_capacity(bytes.len());
        for &byte in bytes {
            *self = match (*self, byte) {
                (Telnet::Text, IAC) => Telnet::Command,
                (Telnet::Text, _) => {
                    text.push(byte);
                    Telnet::Text
                }
                (Telnet::Command, SUBNEGOTIATION) => Telnet::Subnegotiation(0),
                // WILL, WON'T, DO and DON'T name an option.
                (Telnet::Command, 251..=254) => Telnet::Option,
                // This is not a command, but text that is not UTF-8.
                (Telnet::Command, 0..FIRST_COMMAND) => {
                    text.extend([IAC, byte]);
                    Telnet::Text
                }
                (Telnet::Command | Telnet::Option, _) => Telnet::Text,
                (Telnet::Subnegotiation(MAX_SUBNEGOTIATION), _) => Telnet::Text,
                (Telnet::Subnegotiation(count), IAC) => Telnet::CommandInside(count + 1),
                (Telnet::CommandInside(_), END_OF_SUBNEGOTIATION) => Telnet::Text,
                (Telnet::Subnegotiation(count) | Telnet::CommandInside(count), _) => {
                    Telnet::Subnegotiation((count + 1).min(MAX_SUBNEGOTIATION))
                }
            };
        }
        Cow::Owned(text)
    }
}

/// Removes the commands from a whole line.
pub fn strip_telnet(line: &mut Vec<u8>) {
    if let Cow::Owned(text) = Telnet::default().strip(line) {
        // It can be a password.
        line.zeroize();
        *line = text;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expect: &[u8]) {
        let mut line = bytes.to_vec();
        strip_telnet(&mut line);
        assert_eq!(line, expect);
        let mut telnet = Telnet::default();
        let one_by_one: Vec<u8> =
            bytes.chunks(1).flat_map(|byte| telnet.strip(byte).into_owned()).collect();
        assert_eq!(one_by_one, expect, "byte by byte");
    }

    #[test]
    fn telnet_is_skipped() {
        check(b"ann", b"ann");
        check(b"\xff\xfb\x18\xff\xfd\x03ann", b"ann");
        check(b"\xff\xfa\x18\x00xterm\xff\xf0ann\xff\xf1", b"ann");
        check(b"ann\xff", b"ann");
        check(b"ann\xff\xfa\x18", b"ann");
        // A window of 80 columns and 10 lines has a NUL and a line feed in it.
        check(b"\xff\xfa\x1f\x00\x50\x00\x0a\xff\xf0ann\n", b"ann\n");
        check(b"a\xff\xffnn", b"ann");
        check(b"a\xffnn", b"a\xffnn");
    }

    #[test]
    fn a_subnegotiation_without_an_end_does_not_swallow_everything() {
        let mut bytes = b"\xff\xfa".to_vec();
        bytes.extend([b'x'; 1000]);
        let mut telnet = Telnet::default();
        let text = telnet.strip(&bytes).into_owned();
        assert!((700..800).contains(&text.len()), "{}", text.len());
        assert_eq!(telnet, Telnet::Text);
    }
}
