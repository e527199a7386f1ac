//! The first line: whether it is for us, and in which dialect.

use std::borrow::Cow;
use std::time::Duration;

use chatroom::handover::Stage;
use chatroom::names::NameProblem;
use chatroom::room::{EndReason, LINES_BEHIND, Refusal};
use chatroom::wire::greeting::{Foreign, PAUSE, Verdict, judge};
use chatroom::wire::{Dialect, Frame};
use zeroize::Zeroize;

use super::reader::Reader;

impl Reader<'_> {
    /// Takes in what has come. Until it is known that the first line is for us, nothing is made of it.
    pub(super) fn take_in(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) {
        let Some(mut first_line) = self.first_line.take() else { return self.push(bytes, frames) };
        first_line.extend_from_slice(bytes);
        match judge(&first_line) {
            Verdict::Wait(..) => self.first_line = Some(first_line),
            Verdict::Foreign(foreign) => self.end(EndReason::Foreign(foreign.as_str())),
            Verdict::Ours => self.push_first_line(first_line, frames),
        }
    }

    /// Nothing more has come for a while, which shows what the first input is.
    pub(super) fn decide(&mut self, frames: &mut Vec<Frame>) {
        let Some(first_line) = self.first_line.take() else {
            return frames.extend(self.framer.decide_for_pieces());
        };
        if let Verdict::Wait(_, Some(foreign)) = judge(&first_line) {
            return self.end(EndReason::Foreign(foreign.as_str()));
        }
        self.push_first_line(first_line, frames);
        frames.extend(self.framer.decide_for_pieces());
    }

    /// How long nothing may come before that.
    pub(super) fn until_decision(&self) -> Option<Duration> {
        match &self.first_line {
            Some(first_line) if first_line.is_empty() => None,
            Some(first_line) => match judge(first_line) {
                Verdict::Wait(pause, _) => Some(pause),
                Verdict::Ours | Verdict::Foreign(_) => None,
            },
            None => self.framer.is_waiting_for_decision().then_some(PAUSE),
        }
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

    /// Whether a line that comes before there is a name is to be looked at as one, or as JSON. The
    /// first decides the dialect. If it is not, this was told.
    pub(super) fn is_ours(&mut self, line: &str) -> bool {
        if !self.client().dialect().has_login_dialogue() {
            return true;
        }
        if let Some(foreign) = Foreign::of_line(line) {
            self.end(EndReason::Foreign(foreign.as_str()));
            return false;
        }
        if self.stage == Stage::New && line.is_empty() {
            // An empty line decides nothing.
            if !self.framer.has_rest() {
                self.first_line = Some(Vec::new());
            }
            self.refuse(Refusal::BadName(NameProblem::TooShort), None);
            return false;
        }
        if self.stage == Stage::New {
            self.stage = Stage::Naming;
            self.client().set_dialect(Dialect::of_first_line(line, self.framer.framing()));
        }
        true
    }

    /// Ends the connection where lines came together with a name that was refused: whoever sent them
    /// cannot have read that, and they were not meant as another name.
    pub(super) fn check_lines_behind(&mut self, behind: &[Frame]) {
        let says_something = |frame: &Frame| match frame {
            Frame::Line(line) => !line.trim_ascii().is_empty(),
            Frame::TooLong => true,
        };
        let is_before_joining = matches!(self.stage, Stage::New | Stage::Naming | Stage::Password);
        if is_before_joining
            && self.client().dialect().has_login_dialogue()
            && (self.framer.has_rest() || behind.iter().any(says_something))
        {
            self.end(EndReason::Foreign(LINES_BEHIND));
        }
    }
}
