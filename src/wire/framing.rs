//! From the bytes of a connection to its lines.

use std::collections::VecDeque;

/// How the bytes of a connection are cut into pieces that mean something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Nothing was received yet that would tell.
    Undecided,
    /// Each line is one, whether it ends with `\n` or `\r\n`.
    Lines,
    /// The older script client sends no line ends: what is received together is one.
    Pieces,
}

/// One line or piece, without its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    Line(Vec<u8>),
    /// It was longer than the limit. Its bytes are gone, what comes after it is not.
    TooLong,
}

/// Cuts a stream of bytes into frames. It holds no more than the limit of an unfinished line, and
/// no memory at all when there is none.
#[derive(Debug)]
pub struct Framer {
    framing: Framing,
    limit: usize,
    /// The unfinished line.
    rest: Vec<u8>,
    /// Whether the unfinished line is too long and its rest is to be dropped.
    overlong: bool,
    ready: VecDeque<Frame>,
}

impl Framer {
    /// A framer for lines of at most `limit` bytes.
    pub fn new(limit: usize) -> Framer {
        Framer {
            framing: Framing::Undecided,
            limit,
            rest: Vec::new(),
            overlong: false,
            ready: VecDeque::new(),
        }
    }

    /// How this connection is framed, as far as is known.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// Changes how long a line may be, from the next byte on.
    pub fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Whether something has come, but no line end yet, so that time has to tell what it is.
    pub fn is_waiting_for_decision(&self) -> bool {
        // A JSON object is never a piece: the older script client does not speak it.
        self.framing == Framing::Undecided && !self.rest.is_empty() && self.rest[0] != b'{'
    }

    /// The first input stood alone without a line end: this is a connection of pieces, and what
    /// there is, is the first.
    pub fn decide_for_pieces(&mut self) {
        if self.is_waiting_for_decision() {
            self.framing = Framing::Pieces;
            self.end_frame();
        }
    }

    /// Takes in what was received together.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut bytes = bytes;
        while let Some(end) = bytes.iter().position(|&byte| byte == b'\n') {
            self.framing = Framing::Lines;
            self.extend(&bytes[..end]);
            self.end_frame();
            bytes = &bytes[end + 1..];
        }
        if bytes.is_empty() {
            return;
        }
        self.extend(bytes);
        if self.framing == Framing::Pieces {
            self.end_frame();
        }
    }

    /// The next whole line or piece.
    pub fn next_frame(&mut self) -> Option<Frame> {
        let frame = self.ready.pop_front();
        if self.ready.is_empty() {
            self.ready = VecDeque::new();
        }
        frame
    }

    fn extend(&mut self, bytes: &[u8]) {
        // One byte more for a `\r` that is not part of the line.
        if self.overlong || self.rest.len() + bytes.len() > self.limit + 1 {
            self.overlong = true;
            self.rest = Vec::new();
        } else {
            self.rest.extend_from_slice(bytes);
        }
    }

    fn end_frame(&mut self) {
        let mut line = std::mem::take(&mut self.rest);
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        let overlong = std::mem::take(&mut self.overlong) || line.len() > self.limit;
        self.ready.push_back(if overlong { Frame::TooLong } else { Frame::Line(line) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(input: &[&[u8]], expect: &[Option<&str>]) {
        let mut framer = Framer::new(10);
        input.iter().for_each(|bytes| framer.push(bytes));
        check_frames(&mut framer, expect);
    }

    #[track_caller]
    fn check_frames(framer: &mut Framer, expect: &[Option<&str>]) {
        let mut frames = Vec::new();
        while let Some(frame) = framer.next_frame() {
            frames.push(match frame {
                Frame::Line(line) => Some(String::from_utf8(line).unwrap()),
                Frame::TooLong => None,
            });
        }
        assert_eq!(frames.iter().map(|frame| frame.as_deref()).collect::<Vec<_>>(), expect);
    }

    #[test]
    fn lines_however_the_bytes_arrive() {
        check(&[b"one\ntwo\r\nthr", b"ee\n"], &[Some("one"), Some("two"), Some("three")]);
        check(&[b"o", b"n", b"e", b"\r", b"\n", b"\n"], &[Some("one"), Some("")]);
        check(&[b"unfinished"], &[]);
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
        framer.push(b"one\ntwo\n");
        while framer.next_frame().is_some() {}
        assert_eq!((framer.rest.capacity(), framer.ready.capacity()), (0, 0));
    }

    #[test]
    fn pieces_until_the_first_line_end() {
        let mut framer = Framer::new(10);
        assert!(!framer.is_waiting_for_decision());
        framer.push(b"ann");
        assert!(framer.is_waiting_for_decision());
        framer.decide_for_pieces();
        framer.push(b"&");
        framer.push(b"hello");
        check_frames(&mut framer, &[Some("ann"), Some("&"), Some("hello")]);
        framer.push(b"now a\nline");
        framer.push(b"s\n");
        check_frames(&mut framer, &[Some("now a"), Some("lines")]);
        assert_eq!(framer.framing(), Framing::Lines);
    }

    #[test]
    fn json_and_lines_are_never_pieces() {
        let mut framer = Framer::new(10);
        framer.push(b"{\"ty");
        framer.decide_for_pieces();
        assert_eq!(framer.framing(), Framing::Undecided);
        let mut framer = Framer::new(10);
        framer.push(b"ann\nhel");
        framer.decide_for_pieces();
        assert_eq!(framer.framing(), Framing::Lines);
    }
}
