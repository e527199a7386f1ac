//! The state of a client connection: what was shown, and what is still to be written.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::task::Waker;

use chatroom::room::{EndReason, Seq, SessionId};
use chatroom::wire::{Answer, Batch, Dialect, PeopleList};

use super::{OUTBOX, OUTBOX_BYTES, assembly};
use crate::window::Window;

#[derive(Debug)]
pub(super) struct State {
    pub(super) session: SessionId,
    pub(super) dialect: Dialect,
    /// Whether the place of the session is held when this connection is lost.
    pub(super) keeps_place: bool,
    /// The next record to show; none before joining.
    pub(super) cursor: Option<Seq>,
    /// The last record that is marked as having happened before.
    pub(super) replay_until: Option<Seq>,
    /// Records from before the window, for a cursor that is behind it.
    pub(super) backfilled: Option<Arc<Batch>>,
    /// What is missing of something of which the beginning is written.
    pub(super) tail: Vec<u8>,
    pub(super) outbox: VecDeque<OutboxEntry>,
    /// The bytes in the outbox.
    pub(super) outbox_bytes: usize,
    /// Answers that are about to come without having been asked for by this connection, and their
    /// bytes.
    pub(super) reserved: usize,
    pub(super) reserved_bytes: usize,
    /// The last record that is shown on this connection, if its end is near.
    pub(super) last: Option<Seq>,
    /// Whether the socket has taken no more, so that the connection's task waits for it.
    pub(super) is_blocked: bool,
    /// Whether it is of no use to write any more.
    pub(super) is_abandoned: bool,
    pub(super) ending: Option<Ending>,
    /// Whether the connection is to be handed over to another process.
    pub(super) is_freezing: bool,
    /// How many requests are on their way to the room, and about how many bytes their answers will
    /// have.
    pub(super) in_flight: u8,
    pub(super) in_flight_bytes: usize,
    /// Whether the task waits for them to become fewer.
    pub(super) waits_to_ask: bool,
    /// How many records were written.
    pub(super) delivered: u64,
    /// Whether the task was told that there may be something to write.
    pub(super) is_woken: bool,
    /// The connection's task, while it waits.
    pub(super) waker: Option<Waker>,
}

/// What a step of writing has done.
pub(super) enum Written {
    Some,
    Nothing,
    /// What comes next is not in the window, from the one number to before the other.
    Behind(Seq, Seq),
}

/// An answer that waits.
#[derive(Debug)]
pub(super) struct OutboxEntry {
    /// The record after which it belongs.
    pub(super) after: Seq,
    /// Whether it has to go out in a write of its own.
    pub(super) alone: bool,
    pub(super) content: Content,
    /// About how many bytes of it are still to be written.
    pub(super) weight: usize,
}

#[derive(Debug)]
pub(super) enum Content {
    Bytes(Vec<u8>),
    /// What is long is encoded only when it can be written.
    People(Box<PeopleList>),
}

#[derive(Debug)]
pub(super) struct Ending {
    /// The last record that is still shown.
    pub(super) after: Seq,
    pub(super) reason: EndReason,
}

impl State {
    pub(super) fn push(&mut self, after: Seq, answer: &Answer) {
        let entry = match PeopleList::of(self.dialect, answer) {
            Some(list) => OutboxEntry::people(after, list),
            None => {
                let alone = matches!(answer, Answer::KeepAlive);
                OutboxEntry::bytes(after, alone, self.dialect.encode_answer(answer))
            }
        };
        self.push_outbox(entry);
    }

    pub(super) fn push_outbox(&mut self, entry: OutboxEntry) {
        if entry.weight > 0 {
            self.outbox_bytes += entry.weight;
            self.outbox.push_back(entry);
        }
    }

    /// Notes that so much of the list that is the first answer was encoded and is written, or in the
    /// tail.
    pub(super) fn pass_people(&mut self, next: usize) {
        if let Some(entry) = self.outbox.front_mut()
            && let Content::People(list) = &mut entry.content
        {
            list.go_on_at(next);
            let left = list.bytes_left();
            self.outbox_bytes = self.outbox_bytes - entry.weight + left;
            entry.weight = left;
        }
    }

    pub(super) fn pop(&mut self) {
        if let Some(entry) = self.outbox.pop_front() {
            self.outbox_bytes -= entry.weight;
        }
    }

    pub(super) fn has_space(&self) -> bool {
        self.outbox.len() + self.reserved < OUTBOX
            && self.outbox_bytes + self.reserved_bytes < OUTBOX_BYTES
    }

    /// Whether something waits that takes long to encode, which is nothing for the room to do.
    pub(super) fn has_people(&self) -> bool {
        self.outbox.iter().any(|entry| matches!(entry.content, Content::People(_)))
    }

    /// A reservation of so many bytes is fulfilled or given back.
    pub(super) fn settle(&mut self, bytes: usize) {
        self.reserved = self.reserved.saturating_sub(1);
        self.reserved_bytes = self.reserved_bytes.saturating_sub(bytes);
    }

    /// Whether this process listens no more to what comes.
    pub(super) fn is_stopping(&self) -> bool {
        self.ending.is_some() || self.is_freezing
    }

    /// Writes the tail or the next piece.
    pub(super) fn write_next(
        &mut self,
        window: &Window,
        write: &mut dyn FnMut(&[u8]) -> io::Result<usize>,
    ) -> io::Result<Written> {
        if self.is_abandoned {
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

    pub(super) fn broken(&self, error: &io::Error) -> EndReason {
        match &self.ending {
            // What is broken while it ends, ended for the first reason.
            Some(ending) => ending.reason.clone(),
            None => EndReason::Broken(error.to_string()),
        }
    }
}

impl OutboxEntry {
    pub(super) fn bytes(after: Seq, alone: bool, bytes: Vec<u8>) -> OutboxEntry {
        OutboxEntry { after, alone, weight: bytes.len(), content: Content::Bytes(bytes) }
    }

    fn people(after: Seq, list: PeopleList) -> OutboxEntry {
        let weight = list.bytes_left();
        OutboxEntry { after, alone: false, weight, content: Content::People(Box::new(list)) }
    }

    /// All that is left of it.
    pub(super) fn into_bytes(self) -> Vec<u8> {
        match self.content {
            Content::Bytes(bytes) => bytes,
            Content::People(list) => {
                let mut bytes = Vec::new();
                list.append(usize::MAX, &mut bytes);
                bytes
            }
        }
    }

    /// Whether everything that belongs before it has been shown.
    pub(super) fn is_due(&self, cursor: Option<Seq>) -> bool {
        cursor.is_none_or(|cursor| self.after < cursor)
    }
}
