//! Answers that wait to be written to one connection.

use std::collections::VecDeque;

use chatroom::room::Seq;
use chatroom::wire::PeopleList;

/// The numbers of answers, and of their bytes, that can wait before no more requests of the
/// connection are taken.
pub(super) const MAX_ANSWERS: usize = 64;
pub(super) const MAX_BYTES: usize = 64 * 1024;

/// The answers for one connection that are not written yet, in the order in which they are shown.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    entries: VecDeque<OutboxEntry>,
    /// The bytes of the entries.
    pub(super) bytes: usize,
    /// Space kept for answers that this connection did not ask for, and their bytes.
    reserved: usize,
    pub(super) reserved_bytes: usize,
}

/// An answer that waits.
#[derive(Debug)]
pub(super) struct OutboxEntry {
    /// The record after which it is shown.
    pub(super) after: Seq,
    /// Whether it has to go out in a write of its own.
    pub(super) alone: bool,
    pub(super) content: Content,
    /// The approximate number of its bytes that are still to be written.
    weight: usize,
}

#[derive(Debug)]
pub(super) enum Content {
    Bytes(Vec<u8>),
    /// A long list, which is encoded only when it can be written.
    People(Box<PeopleList>),
}

impl Outbox {
    /// Adds an answer, unless it has no bytes.
    pub(super) fn push(&mut self, entry: OutboxEntry) {
        if entry.weight > 0 {
            self.bytes += entry.weight;
            self.entries.push_back(entry);
        }
    }

    /// Adds an answer before all others.
    pub(super) fn push_front(&mut self, entry: OutboxEntry) {
        self.bytes += entry.weight;
        self.entries.push_front(entry);
    }

    /// Removes the first answer.
    pub(super) fn pop(&mut self) {
        if let Some(entry) = self.entries.pop_front() {
            self.bytes -= entry.weight;
        }
    }

    /// Notes that the list of users that is the first answer is encoded up to the user `next`.
    pub(super) fn pass_people(&mut self, next: usize) {
        if let Some(entry) = self.entries.front_mut()
            && let Content::People(list) = &mut entry.content
        {
            list.continue_at(next);
            let left = list.bytes_left();
            self.bytes = self.bytes - entry.weight + left;
            entry.weight = left;
        }
    }

    pub(super) fn get(&self, index: usize) -> Option<&OutboxEntry> {
        self.entries.get(index)
    }

    /// Frees the memory of an empty outbox.
    pub(super) fn shrink(&mut self) {
        if self.entries.is_empty() {
            self.entries = VecDeque::new();
        }
    }

    /// Takes all answers out.
    pub(super) fn take(&mut self) -> VecDeque<OutboxEntry> {
        self.bytes = 0;
        std::mem::take(&mut self.entries)
    }

    pub(super) fn has_space(&self) -> bool {
        self.entries.len() + self.reserved < MAX_ANSWERS
            && self.bytes + self.reserved_bytes < MAX_BYTES
    }

    /// Whether a list waits that takes long to encode, which the room thread must not do.
    pub(super) fn has_people(&self) -> bool {
        self.entries.iter().any(|entry| matches!(entry.content, Content::People(_)))
    }

    /// Reserves space for an answer of about this number of bytes, if there is any.
    pub(super) fn reserve(&mut self, bytes: usize) -> bool {
        let has_space = self.has_space();
        if has_space {
            self.reserved += 1;
            self.reserved_bytes += bytes;
        }
        has_space
    }

    /// Releases the space that was reserved for an answer of this number of bytes.
    pub(super) fn release(&mut self, bytes: usize) {
        self.reserved = self.reserved.saturating_sub(1);
        self.reserved_bytes = self.reserved_bytes.saturating_sub(bytes);
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }
}

impl OutboxEntry {
    pub(super) fn bytes(after: Seq, alone: bool, bytes: Vec<u8>) -> OutboxEntry {
        OutboxEntry { after, alone, weight: bytes.len(), content: Content::Bytes(bytes) }
    }

    pub(super) fn people(after: Seq, list: PeopleList) -> OutboxEntry {
        let weight = list.bytes_left();
        OutboxEntry { after, alone: false, weight, content: Content::People(Box::new(list)) }
    }

    /// All bytes that are left of it.
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

    /// Whether everything that comes before it has been shown.
    pub(super) fn is_due(&self, cursor: Option<Seq>) -> bool {
        cursor.is_none_or(|cursor| self.after < cursor)
    }
}
