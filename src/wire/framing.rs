//! Cuts the bytes of a connection into lines.

use serde::{Deserialize, Serialize};

use super::greeting::{is_line_end, lead};

/// The way in which the bytes of a connection are split into frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Framing {
    /// Nothing was received yet that decides.
    Undecided,
    /// A frame is a line. It ends with `\n`, `\r\n`, or NUL, which telnet sends.
    Lines,
    /// The old script client sends no line ends. Data that is received together is a frame.
    Pieces,
}

/// One line or piece, without its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Frame {
    Line(Vec<u8>),
    /// The line was longer than the limit. Only its own bytes are dropped.
    TooLong,
}

/// Cuts a stream of bytes into frames. It holds at most the limit of an unfinished line, and no memory if
/// there is none.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Framer {
    framing: Framing,
    limit: usize,
    /// The unfinished line.
    rest: Vec<u8>,
    /// Whether the unfinished line is too long, so that its rest is dropped.
    overlong: bool,
}

impl Framer {
    /// A framer for lines of at most `limit` bytes.
    pub fn new(limit: usize) -> Framer {
        Framer { framing: Framing::Undecided, limit, rest: Vec::new(), overlong: false }
    }

    /// The framing of this connection, as far as it is decided.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Changes the maximum length of a line, from the next byte on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether something has come without a line end, so that a pause has to decide the framing.
    pub fn is_waiting_for_decision(&self) -> bool {
        // A JSON object is never a piece, because the old script client does not send JSON.
        let first = lead(&self.rest).first();
        self.framing == Framing::Undecided && first.is_some_and(|&first| first != b'{')
    }

    /// Decides that the connection sends pieces, because its first input has no line end and nothing
    /// followed. Returns the first piece.
    pub fn decide_for_pieces(&mut self) -> Option<Frame> {
        let is_piece = self.is_waiting_for_decision();
        if is_piece {
            self.framing = Framing::Pieces;
        }
        is_piece.then(|| self.end_frame())
    }

    /// Takes in data that was received together, and adds the complete lines or pieces to `frames`.
    pub fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) {
        let mut bytes = bytes;
        while let Some(end) = bytes.iter().position(|&byte| is_line_end(byte)) {
            let is_nul = bytes[end] == 0;
            // A script that sends pieces can put NUL after each.
            if !is_nul || self.framing == Framing::Undecided {
                self.framing = Framing::Lines;
            }
            self.extend(&bytes[..end]);
            // One NUL, or several, can follow another line end.
            if !is_nul || self.has_rest() {
                frames.push(self.end_frame());
            }
            bytes = &bytes[end + 1..];
        }
        if bytes.is_empty() {
            return;
        }
        self.extend(bytes);
        if self.framing == Framing::Pieces {
            frames.push(self.end_frame());
        }
    }

    /// Whether there is an unfinished line.
    pub fn has_rest(&self) -> bool {
        self.overlong || !self.rest.is_empty()
    }

    fn extend(&mut self, bytes: &[u8]) {
        // One byte more, for a `\r` that is not part of the line.
        if self.overlong || self.rest.len() + bytes.len() > self.limit.saturating_add(1) {
            self.overlong = true;
            self.rest = Vec::new();
        } else {
            self.rest.extend_from_slice(bytes);
        }
    }

    fn end_frame(&mut self) -> Frame {
        let mut line = std::mem::take(&mut self.rest);
        while line.last() == Some(&b'\r') {
            line.pop();
        }
        let overlong = std::mem::take(&mut self.overlong) || line.len() > self.limit;
        if overlong { Frame::TooLong } else { Frame::Line(line) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &[&[u8]], expect: &[Option<&str>]) {
        let (mut framer, mut frames) = (Framer::new(10), Vec::new());
        input.iter().for_each(|bytes| framer.push(bytes, &mut frames));
        check_frames(frames, expect);
    }

    #[track_caller]
    fn check_frames(frames: Vec<Frame>, expect: &[Option<&str>]) {
        let frames = frames.into_iter().map(|frame| match frame {
            Frame::Line(line) => Some(String::from_utf8(line).unwrap()),
            Frame::TooLong => None,
        });
        let frames: Vec<_> = frames.collect();
        assert_eq!(frames.iter().map(|frame| frame.as_deref()).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn lines_however_the_bytes_arrive() {
        check(&[b"one\ntwo\r\nthr", b"ee\n"], &[Some("one"), Some("two"), Some("three")]);
        check(&[b"o", b"n", b"e", b"\r", b"\n", b"\n"], &[Some("one"), Some("")]);
        check(&[b"unfinished"], &[]);
        check(&[b"one\r\0two\0", b"three\r", b"\0"], &[Some("one"), Some("two"), Some("three")]);
        check(&[b"one\r\n\0\0two\r\r\n\0\n"], &[Some("one"), Some("two"), Some("")]);
    }

    #[test]
    fn a_line_may_be_as_long_as_the_limit_that_is_set() {
        let (mut framer, mut frames) = (Framer::new(2), Vec::new());
        framer.push(b"one\n", &mut frames);
        framer.set_limit(3);
        framer.push(b"two\r\nfour\nsix\n", &mut frames);
        check_frames(frames, &[None, Some("two"), None, Some("six")]);
    }

    #[test]
    fn a_line_that_is_too_long_takes_no_memory() {
        let (mut framer, mut frames) = (Framer::new(10), Vec::new());
        for _ in 0..5 {
            framer.push(b"123456", &mut frames);
            assert!(framer.rest.len() <= 6 && framer.rest.capacity() < 64);
        }
        framer.push(b"\n", &mut frames);
        framer.push(&[b'x'; 100], &mut frames);
        assert_eq!(framer.rest.capacity(), 0);
        framer.push(b"\n", &mut frames);
        check_frames(frames, &[None, None]);
    }

    #[test]
    fn an_overlong_line_costs_only_itself() {
        check(&[b"0123456789\r\nnext\n"], &[Some("0123456789"), Some("next")]);
        check(&[b"0123456789A\nnext\n"], &[None, Some("next")]);
        check(&[b"0123456789", b"ABCDEF", &[b'x'; 100_000], b"\nnext\n"], &[None, Some("next")]);
    }

    #[test]
    fn an_idle_framer_owns_no_memory() {
        let mut framer = Framer::new(10);
        framer.push(b"one\ntw", &mut Vec::new());
        framer.push(b"o\n", &mut Vec::new());
        assert_eq!(framer.rest.capacity(), 0);
    }

    #[test]
    fn pieces_until_the_first_line_end() {
        let (mut framer, mut frames) = (Framer::new(10), Vec::new());
        assert!(!framer.is_waiting_for_decision());
        framer.push(b"ann", &mut frames);
        assert!(framer.is_waiting_for_decision());
        frames.extend(framer.decide_for_pieces());
        framer.push(b"&", &mut frames);
        framer.push(b"hello", &mut frames);
        framer.push(b"bye\0\0", &mut frames);
        let pieces = [Some("ann"), Some("&"), Some("hello"), Some("bye")];
        check_frames(std::mem::take(&mut frames), &pieces);
        framer.push(b"now a\nline", &mut frames);
        framer.push(b"s\n", &mut frames);
        check_frames(std::mem::take(&mut frames), &[Some("now a"), Some("lines")]);
        assert_eq!(framer.framing(), Framing::Lines);
    }

    #[test]
    fn json_and_lines_are_never_pieces() {
        let (mut framer, mut frames) = (Framer::new(10), Vec::new());
        framer.push(b"{\"ty", &mut Vec::new());
        frames.extend(framer.decide_for_pieces());
        assert_eq!(framer.framing(), Framing::Undecided);
        framer = Framer::new(10);
        framer.push("\u{feff} {".as_bytes(), &mut Vec::new());
        assert!(!framer.is_waiting_for_decision());
        let (mut framer, mut frames) = (Framer::new(10), Vec::new());
        framer.push(b"ann\nhel", &mut frames);
        frames.extend(framer.decide_for_pieces());
        assert_eq!(framer.framing(), Framing::Lines);
    }
}
