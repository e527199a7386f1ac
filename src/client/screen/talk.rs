//! The talk: messages and what else happened, as far back as they are kept.

use std::collections::VecDeque;

use chatroom::room::Departure;
use jiff::Timestamp;

use super::name_list::NameList;
use super::wrap::harmless_name;

/// The number of entries that are kept; the oldest are dropped first.
const MOST: usize = 10_000;

/// The number of bytes of text that are kept.
const MAX_BYTES: usize = 16 << 20;

/// The maximum number of bytes of names in one entry.
const MAX_TRAFFIC_BYTES: usize = 1 << 20;

/// One thing that is shown.
#[derive(Debug)]
pub struct TalkEntry {
    /// Counts up. The numbers of dropped entries are not used again.
    pub number: u64,
    pub time: Timestamp,
    /// Whether it is from before the user joined.
    pub earlier: bool,
    pub kind: EntryKind,
}

#[derive(Debug)]
pub enum EntryKind {
    Message(Message),
    /// Joins and leaves with no message between them.
    Traffic {
        joined: NameList,
        left: NameList,
        /// How the last user left.
        how: String,
    },
    /// Something else that happened in the room.
    Room(String),
    /// A sentence of the client itself.
    Status(String),
}

impl EntryKind {
    fn bytes(&self) -> usize {
        match self {
            EntryKind::Message(message) => message.name.len() + message.text.len(),
            EntryKind::Traffic { joined, left, .. } => joined.bytes + left.bytes,
            EntryKind::Room(text) | EntryKind::Status(text) => text.len(),
        }
    }
}

#[derive(Debug)]
pub struct Message {
    pub name: String,
    pub text: String,
    pub action: bool,
    /// Whether it is a direct message; and to whom, if the user has sent it.
    pub private: bool,
    pub to: Option<String>,
    /// Whether it mentions the user.
    pub mention: bool,
    pub delivery: Delivery,
}

/// Whether a message of the user has arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum Delivery {
    Stored,
    /// On its way, under this id and since that time.
    Pending(String, Timestamp),
    Refused,
}

/// All entries, oldest first.
#[derive(Debug)]
pub struct Talk {
    entries: VecDeque<TalkEntry>,
    /// The text in them.
    bytes: usize,
    next: u64,
    /// The position at which the user has stopped reading: before the entry with this number.
    pub mark: Option<u64>,
}

/// The number of the first entry, which leaves room for older ones.
const FIRST: u64 = 1 << 40;

impl Default for Talk {
    fn default() -> Talk {
        Talk { entries: VecDeque::new(), bytes: 0, next: FIRST, mark: None }
    }
}

impl Talk {
    /// Puts older entries above all others, as far as there is room. The rest can be loaded again.
    pub fn prepend(&mut self, older: Talk) {
        for mut entry in older.entries.into_iter().rev() {
            let bytes = self.bytes + entry.kind.bytes();
            if self.entries.len() >= 2 * MOST || bytes > MAX_BYTES {
                return;
            }
            self.bytes = bytes;
            entry.number = self.entries.front().map_or(self.next, |first| first.number) - 1;
            self.entries.push_front(entry);
        }
    }

    pub fn push(&mut self, time: Timestamp, earlier: bool, kind: EntryKind) {
        self.bytes += kind.bytes();
        while self.entries.len() >= MOST || self.bytes > MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.kind.bytes();
        }
        self.entries.push_back(TalkEntry { number: self.next, time, earlier, kind });
        self.next += 1;
    }

    /// A user has joined.
    pub fn joined(&mut self, time: Timestamp, earlier: bool, name: &str) {
        self.traffic(time, earlier, |joined, _, _| joined.add(name));
    }

    /// A user has left.
    pub fn left(&mut self, time: Timestamp, earlier: bool, name: &str, how: &Departure) {
        let words = match how {
            Departure::Quit => "left".to_owned(),
            Departure::Lost => "lost the connection".to_owned(),
            Departure::Removed { reason: None } => "was removed by the operator".to_owned(),
            Departure::Removed { reason: Some(reason) } => {
                harmless_name(&format!("was removed by the operator: {reason}"))
            }
        };
        self.traffic(time, earlier, |_, left, how| {
            left.add(name);
            *how = words;
        });
    }

    fn traffic(
        &mut self,
        at: Timestamp,
        is_earlier: bool,
        change: impl FnOnce(&mut NameList, &mut NameList, &mut String),
    ) {
        let last = self.entries.back_mut().filter(|last| last.earlier == is_earlier);
        if let Some(TalkEntry { time, kind, .. }) = last {
            let before = kind.bytes();
            if let EntryKind::Traffic { joined, left, how } = kind
                && before < MAX_TRAFFIC_BYTES
            {
                *time = at;
                change(joined, left, how);
                self.bytes += kind.bytes() - before;
                return;
            }
        }
        let (mut joined, mut left, mut how) =
            (NameList::default(), NameList::default(), String::new());
        change(&mut joined, &mut left, &mut how);
        self.push(at, is_earlier, EntryKind::Traffic { joined, left, how });
    }

    /// Notes the outcome of a message of the user. A stored message moves to the place that it has
    /// for all members: below everything that was stored before it.
    pub fn settle(&mut self, id: &str, time: Option<Timestamp>, delivery: Delivery) {
        let is_waiting = |entry: &TalkEntry| match &entry.kind {
            EntryKind::Message(message) => {
                matches!(&message.delivery, Delivery::Pending(waiting, _) if waiting == id)
            }
            _ => false,
        };
        // It is one of the last entries, so this does not search all of them.
        let Some(at) = self.entries.iter().rposition(is_waiting) else { return };
        let is_stored = delivery == Delivery::Stored;
        let entry = &mut self.entries[at];
        entry.time = time.unwrap_or(entry.time);
        if let EntryKind::Message(message) = &mut entry.kind {
            message.delivery = delivery;
        }
        let is_of_room = |entry: &TalkEntry| match &entry.kind {
            EntryKind::Message(message) => message.delivery == Delivery::Stored,
            EntryKind::Traffic { .. } | EntryKind::Room(_) => true,
            EntryKind::Status(_) => false,
        };
        let last = self.entries.iter().rposition(is_of_room);
        if let Some(last) = last.filter(|&last| is_stored && last > at) {
            self.move_down(at, last);
        }
    }

    /// Moves an entry to the place of a later one. The numbers stay in order.
    fn move_down(&mut self, from: usize, to: usize) {
        let first = self.entries[from].number;
        self.entries.make_contiguous()[from..=to].rotate_left(1);
        for (entry, number) in self.entries.range_mut(from..=to).zip(first..) {
            entry.number = number;
        }
        // Entries below the mark stay below it.
        let moved = first..=first + (to - from) as u64;
        self.mark = self.mark.map(|mark| mark - u64::from(mark > first && moved.contains(&mark)));
    }

    /// Since when the oldest pending message waits, if there is one.
    pub fn waiting_since(&self) -> Option<Timestamp> {
        self.entries.iter().rev().take(200).filter_map(since).min()
    }

    /// Whether the last entry is this sentence of the client itself.
    pub fn ends_with(&self, text: &str) -> bool {
        let last = self.entries.back().map(|entry| &entry.kind);
        matches!(last, Some(EntryKind::Status(last)) if last == text)
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
        self.mark = None;
    }

    /// Marks the end as the place where the user has stopped reading.
    pub fn mark_end(&mut self) {
        if self.mark.is_none() || self.mark == Some(self.next) {
            self.mark = Some(self.next);
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// An entry by its index; the oldest has the index 0.
    pub fn get(&self, index: usize) -> Option<&TalkEntry> {
        self.entries.get(index)
    }

    /// The index of the entry with a number.
    pub fn index_of(&self, number: u64) -> usize {
        let first = self.entries.front().map_or(self.next, |entry| entry.number);
        number.saturating_sub(first) as usize
    }

    /// The number of messages from an index on, and how many of them are for the user.
    pub fn messages_from(&self, index: usize) -> (usize, usize) {
        let messages = self.entries.range(index.min(self.entries.len())..).filter_map(|entry| {
            match &entry.kind {
                EntryKind::Message(message) => Some(message),
                _ => None,
            }
        });
        messages.fold((0, 0), |(all, mine), message| {
            let is_mine = message.mention || (message.private && message.to.is_none());
            (all + 1, mine + usize::from(is_mine))
        })
    }
}

fn since(entry: &TalkEntry) -> Option<Timestamp> {
    match &entry.kind {
        EntryKind::Message(Message { delivery: Delivery::Pending(_, since), .. }) => Some(*since),
        _ => None,
    }
}
