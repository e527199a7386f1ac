//! The first bytes of who has come to the wrong port, and those of terminals that negotiate.

use zeroize::Zeroize;

/// Other protocols that are told by how they begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    Tls,
    Http,
    Ssh,
}

impl Foreign {
    /// What the first bytes of a connection show it to speak, if that is not ours.
    pub fn of_bytes(bytes: &[u8]) -> Option<Foreign> {
        // A handshake record of TLS (RFC 8446, section 5.1).
        bytes.starts_with(&[0x16, 0x03]).then_some(Foreign::Tls)
    }

    /// The same for its first line.
    pub fn of_line(line: &str) -> Option<Foreign> {
        // RFC 4253, section 4.2.
        if line.starts_with("SSH-2.0-") {
            return Some(Foreign::Ssh);
        }
        // A request line is a method, a target and a version (RFC 9112, section 3).
        let mut words = line.split(' ');
        let is_method =
            |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_uppercase());
        let is_http = words.next().is_some_and(is_method)
            && words.next().is_some()
            && words
                .next()
                .is_some_and(|version| version.starts_with("HTTP/") && version.contains('.'))
            && words.next().is_none();
        is_http.then_some(Foreign::Http)
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Foreign::Tls => "TLS",
            Foreign::Http => "HTTP",
            Foreign::Ssh => "SSH",
        }
    }
}

const IAC: u8 = 255;
const SUBNEGOTIATION: u8 = 250;
const END_OF_SUBNEGOTIATION: u8 = 240;

/// Takes out what a telnet client says to the terminal of the other side (RFC 854). No text has such
/// bytes in it: 255 does not occur in UTF-8.
pub fn strip_telnet(line: &mut Vec<u8>) {
    if !line.contains(&IAC) {
        return;
    }
    let mut text = Vec::with_capacity(line.len());
    let mut bytes = line.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != IAC {
            text.push(byte);
            continue;
        }
        match bytes.next() {
            Some(SUBNEGOTIATION) => {
                let mut last = 0;
                for byte in bytes.by_ref() {
                    if (last, byte) == (IAC, END_OF_SUBNEGOTIATION) {
                        break;
                    }
                    last = byte;
                }
            }
            // WILL, WON'T, DO and DON'T name an option.
            Some(251..=254) => drop(bytes.next()),
            _ => {}
        }
    }
    // It may be a password.
    line.zeroize();
    *line = text;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_are_told_by_how_they_begin() {
        assert_eq!(Foreign::of_bytes(b"\x16\x03\x01\x02\x00"), Some(Foreign::Tls));
        assert_eq!(Foreign::of_bytes(b"ann"), None);
        assert_eq!(Foreign::of_line("GET / HTTP/1.1"), Some(Foreign::Http));
        assert_eq!(Foreign::of_line("PRI * HTTP/2.0"), Some(Foreign::Http));
        assert_eq!(Foreign::of_line("SSH-2.0-OpenSSH_9.2p1"), Some(Foreign::Ssh));
        assert_eq!(Foreign::of_line("GET"), None);
        assert_eq!(Foreign::of_line("I like HTTP/2"), None);
        for line in ["", "GET  HTTP/1", "get / HTTP/1.1", "GET / HTTP/1.1 please", "GET / http/1.1"]
        {
            assert_eq!(Foreign::of_line(line), None, "{line}");
        }
        let names = [Foreign::Tls, Foreign::Http, Foreign::Ssh].map(Foreign::as_str);
        assert_eq!(names, ["TLS", "HTTP", "SSH"]);
    }

    #[track_caller]
    fn check(line: &[u8], expect: &[u8]) {
        let mut line = line.to_vec();
        strip_telnet(&mut line);
        assert_eq!(line, expect);
    }

    #[test]
    fn telnet_is_skipped() {
        check(b"ann", b"ann");
        check(b"\xff\xfb\x18\xff\xfd\x03ann", b"ann");
        check(b"\xff\xfa\x18\x00xterm\xff\xf0ann\xff\xf1", b"ann");
        check(b"ann\xff", b"ann");
        check(b"ann\xff\xfa\x18", b"ann");
    }
}
