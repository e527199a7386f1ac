//! From the bytes of a connection to its lines.

use std::borrow::Cow;
use std::cell::RefCell;
use std::io;
use std::time::Duration;

use chatroom::wire::greeting::{Foreign, PAUSE, Telnet, Verdict, judge};
use chatroom::wire::{Frame, Framer, Framing};
use tokio::time::Instant;
use zeroize::Zeroize;

use crate::transport::Transport;

/// The number of bytes that are read at a time.
pub(super) const READ_BYTES: usize = 16 * 1024;

thread_local! {
    /// Reading never waits, so one buffer per thread is enough, and an idle connection has none.
    static BUFFER: RefCell<Box<[u8; READ_BYTES]>> = RefCell::new(Box::new([0; READ_BYTES]));
}

/// The input of a connection that has not become lines yet.
pub(super) struct Input {
    /// The part of the first line received so far, until it is known whether the dialect is allowed
    /// on this port.
    pub(super) first_line: Option<Vec<u8>>,
    pub(super) telnet: Telnet,
    pub(super) framer: Framer,
    /// The time at which the last bytes arrived.
    pub(super) heard: Instant,
}

impl Input {
    /// The input of a new connection, whose lines have at most `max_line_bytes` bytes.
    pub(super) fn new(max_line_bytes: usize) -> Input {
        Input {
            first_line: Some(Vec::new()),
            telnet: Telnet::Text,
            framer: Framer::new(max_line_bytes),
            heard: Instant::now(),
        }
    }

    /// Reads at most `max` bytes, and adds the lines that are complete to `frames`. Returns how many
    /// bytes were read; none are the end. If they are `secret`, they do not stay in memory.
    ///
    /// # Errors
    /// [`io::ErrorKind::WouldBlock`] if nothing has come; else the connection is broken.
    pub(super) fn read(
        &mut self,
        transport: &Transport,
        max: usize,
        secret: bool,
        frames: &mut Vec<Frame>,
    ) -> io::Result<(usize, Result<(), Foreign>)> {
        BUFFER.with_borrow_mut(|buffer| {
            let count = transport.try_read(&mut buffer[..max])?;
            self.heard = Instant::now();
            let outcome = self.take_in(&buffer[..count], frames);
            if secret {
                buffer[..count].zeroize();
            }
            Ok((count, outcome))
        })
    }

    /// Takes in data that was received together. Nothing becomes a line until it is known that the
    /// first line is in a dialect of this port.
    ///
    /// # Errors
    /// The data is in another protocol.
    fn take_in(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Foreign> {
        let Some(mut first_line) = self.first_line.take() else {
            self.push(bytes, frames);
            return Ok(());
        };
        first_line.extend_from_slice(bytes);
        match judge(&first_line) {
            Verdict::Wait(..) => self.first_line = Some(first_line),
            Verdict::Foreign(foreign) => return Err(foreign),
            Verdict::Ours => self.push_first_line(first_line, frames),
        }
        Ok(())
    }

    /// Decides the protocol of the first input, because nothing more has arrived for a while.
    ///
    /// # Errors
    /// It is another protocol.
    pub(super) fn decide(&mut self, frames: &mut Vec<Frame>) -> Result<(), Foreign> {
        if let Some(first_line) = self.first_line.take() {
            if let Verdict::Wait(_, Some(foreign)) = judge(&first_line) {
                return Err(foreign);
            }
            self.push_first_line(first_line, frames);
        }
        frames.extend(self.framer.decide_for_pieces());
        Ok(())
    }

    /// The time of the decision, if nothing more arrives until then.
    pub(super) fn decision_time(&self) -> Option<Instant> {
        Some(self.heard + self.until_decision()?)
    }

    fn until_decision(&self) -> Option<Duration> {
        match &self.first_line {
            Some(first_line) if first_line.is_empty() => None,
            Some(first_line) => match judge(first_line) {
                Verdict::Wait(pause, _) => Some(pause),
                Verdict::Ours | Verdict::Foreign(_) => None,
            },
            None => self.framer.is_waiting_for_decision().then_some(PAUSE),
        }
    }

    /// Takes the next line for the first one, unless a part of it has come.
    pub(super) fn expect_first_line(&mut self) {
        if !self.framer.has_rest() {
            self.first_line = Some(Vec::new());
        }
    }

    /// Whether the connection sends pieces instead of lines, as the old script client does.
    pub(super) fn has_pieces(&self) -> bool {
        self.framer.framing() == Framing::Pieces
    }

    fn push_first_line(&mut self, mut first_line: Vec<u8>, frames: &mut Vec<Frame>) {
        self.push(&first_line, frames);
        first_line.zeroize();
    }

    fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) {
        let text = self.telnet.strip(bytes);
        self.framer.push(&text, frames);
        if let Cow::Owned(mut text) = text {
            text.zeroize();
        }
    }
}
