//! The state of a client connection: the records it has been shown, the output still to be written,
//! and how far it is on the way to its end.

use std::io;
use std::sync::Arc;
use std::task::Waker;

use chatroom::names::Name;
use chatroom::room::{EndReason, Seq, SessionId};
use chatroom::wire::{Answer, Batch, Dialect, PeopleList};

use super::assembly;
use super::outbox::{Outbox, OutboxEntry};
use super::waiting::InFlight;
use crate::window::Window;

#[derive(Debug)]
pub(super) struct State {
    pub(super) session: SessionId,
    pub(super) dialect: Dialect,
    /// Whether the client wants its place to be kept when this connection is lost.
    pub(super) keeps_place: bool,
    /// The name in the room; none before joining.
    pub(super) name: Option<Name>,
    /// The position of the connection in the log; none before joining.
    pub(super) place: Option<Place>,
    pub(super) lifecycle: Lifecycle,
    /// Whether the connection's task is to stop between two lines, so that the connection can be
    /// handed over. The end of the connection can overlap with that at any point of its lifecycle;
    /// then it is not handed over.
    pub(super) is_freezing: bool,
    pub(super) outbox: Outbox,
    /// The unwritten rest of a record or an answer of which the beginning is written.
    pub(super) tail: Vec<u8>,
    /// Whether the socket is full, so that the connection's task waits for it.
    pub(super) is_blocked: bool,
    pub(super) in_flight: InFlight,
    /// The number of records that were written.
    pub(super) delivered: u64,
    /// Whether the connection's task was told that there may be something to write.
    pub(super) is_woken: bool,
    /// The waker of the connection's task, while it waits.
    pub(super) waker: Option<Waker>,
}

/// The position of a connection in the log.
#[derive(Debug)]
pub(super) struct Place {
    /// The next record to show.
    pub(super) cursor: Seq,
    /// The last record that is marked as replayed.
    pub(super) replay_until: Option<Seq>,
    /// Records from before the window, for a cursor that is older than the window.
    pub(super) backfilled: Option<Arc<Batch>>,
}

/// How far a connection is on the way to its end. It only ever moves to a later variant.
#[derive(Debug)]
pub(super) enum Lifecycle {
    Open,
    /// The session has left the room or lost this connection. No record after `last` is shown; the
    /// reason for the end follows.
    Leaving {
        last: Seq,
    },
    /// The reason is the last answer, after the record `last`. When it is written, the connection
    /// ends.
    Ending {
        last: Seq,
        reason: EndReason,
    },
    /// The connection ends at once, because writing has no purpose any more.
    Abandoned {
        reason: EndReason,
    },
}

impl Lifecycle {
    /// The last record that is shown, if the end is near.
    pub(super) fn last(&self) -> Option<Seq> {
        match self {
            Lifecycle::Leaving { last } | Lifecycle::Ending { last, .. } => Some(*last),
            Lifecycle::Open | Lifecycle::Abandoned { .. } => None,
        }
    }

    /// The reason why the connection is to end, if it is.
    pub(super) fn reason(&self) -> Option<&EndReason> {
        match self {
            Lifecycle::Ending { reason, .. } | Lifecycle::Abandoned { reason } => Some(reason),
            Lifecycle::Open | Lifecycle::Leaving { .. } => None,
        }
    }

    /// Shows no record after `last`.
    pub(super) fn leave(&mut self, last: Seq) {
        match self {
            Lifecycle::Open => *self = Lifecycle::Leaving { last },
            Lifecycle::Ending { last: earlier, .. } => *earlier = last.min(*earlier),
            Lifecycle::Leaving { .. } | Lifecycle::Abandoned { .. } => {}
        }
    }

    /// Ends after the record `last`. Of several reasons the first counts. Returns whether this is
    /// the first.
    pub(super) fn end(&mut self, last: Seq, reason: EndReason) -> bool {
        let is_first = self.reason().is_none();
        if is_first {
            let last = self.last().map_or(last, |earlier| earlier.min(last));
            *self = Lifecycle::Ending { last, reason };
        }
        is_first
    }

    /// Ends without another word.
    pub(super) fn abandon(&mut self, reason: EndReason) {
        let reason = self.reason().cloned().unwrap_or(reason);
        *self = Lifecycle::Abandoned { reason };
    }
}

/// The result of one step of writing.
pub(super) enum Written {
    Some,
    Nothing,
    /// The next records, from the first number up to but excluding the second, are not in the
    /// window.
    Behind(Seq, Seq),
}

impl State {
    /// The state of a connection that has not joined.
    pub(super) fn new(session: SessionId) -> State {
        State {
            session,
            dialect: Dialect::INITIAL,
            keeps_place: true,
            name: None,
            place: None,
            lifecycle: Lifecycle::Open,
            is_freezing: false,
            outbox: Outbox::default(),
            tail: Vec::new(),
            is_blocked: false,
            in_flight: InFlight::default(),
            delivered: 0,
            is_woken: false,
            waker: None,
        }
    }

    /// The next record to show; none before joining.
    pub(super) fn cursor(&self) -> Option<Seq> {
        self.place.as_ref().map(|place| place.cursor)
    }

    /// Shows the record `cursor` next.
    pub(super) fn move_to(&mut self, cursor: Seq) {
        if let Some(place) = &mut self.place {
            place.cursor = cursor;
        }
    }

    /// The last record that was shown.
    pub(super) fn shown(&self) -> Seq {
        self.cursor().map_or(Seq(0), Seq::previous)
    }

    /// Adds an answer after the record `after`.
    pub(super) fn push(&mut self, after: Seq, answer: &Answer) {
        self.outbox.push(match PeopleList::of(self.dialect, answer) {
            Some(list) => OutboxEntry::people(after, list),
            None => {
                let alone = matches!(answer, Answer::KeepAlive);
                OutboxEntry::bytes(after, alone, self.dialect.encode_answer(answer))
            }
        });
    }

    /// Whether this process reads no more input of the connection.
    pub(super) fn is_stopping(&self) -> bool {
        self.lifecycle.reason().is_some() || self.is_freezing
    }

    /// Whether writing has no purpose any more.
    pub(super) fn is_abandoned(&self) -> bool {
        matches!(self.lifecycle, Lifecycle::Abandoned { .. })
    }

    /// Writes the tail or the next piece.
    pub(super) fn write_next(
        &mut self,
        window: &Window,
        write: &mut dyn FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<Written> {
        if self.is_abandoned() {
            return Ok(Written::Nothing);
        }
        if self.tail.is_empty() {
            return assembly::write_piece(self, window, write);
        }
        let written = write(&self.tail)?;
        self.tail.drain(..written);
        if self.tail.is_empty() {
            self.tail = Vec::new();
        }
        Ok(Written::Some)
    }

    /// The reason for the end of a connection that breaks now: if it was ending already, the first
    /// reason.
    pub(super) fn broken(&self, error: &io::Error) -> EndReason {
        let first = self.lifecycle.reason().cloned();
        first.unwrap_or_else(|| EndReason::Broken(error.to_string()))
    }
}
