//! The talk: what was said and what happened, as far back as it is kept.

use std::collections::{BTreeSet, VecDeque};

use chatroom::names;
use chatroom::room::Departure;
use jiff::Timestamp;

use super::wrap::harmless_name;

/// So many entries are kept; the oldest go first.
const MOST: usize = 10_000;

/// The same in bytes of text, should messages be long.
const MAX_BYTES: usize = 16 << 20;

/// What comes after so many bytes of names stands on its own.
const MAX_TRAFFIC_BYTES: usize = 1 << 20;

/// So many names of those who came or went are shown; others are counted.
const NAMED: usize = 3;

/// One thing that is shown.
#[derive(Debug)]
pub struct TalkEntry {
    /// Counts up, and goes on when old entries go.
    pub number: u64,
    pub time: Timestamp,
    /// Whether it was before one came.
    pub earlier: bool,
    pub what: What,
}

#[derive(Debug)]
pub enum What {
    Said(Said),
    /// Who came and who went, one after the other without a word between.
    Traffic {
        joined: Names,
        left: Names,
        /// What became of the last who went.
        how: String,
    },
    /// Something of the room.
    Room(String),
    /// Something of the client itself.
    Status(String),
}

impl What {
    fn bytes(&self) -> usize {
        match self {
            What::Said(said) => said.name.len() + said.text.len(),
            What::Traffic { joined, left, .. } => joined.bytes + left.bytes,
            What::Room(text) | What::Status(text) => text.len(),
        }
    }
}

#[derive(Debug)]
pub struct Said {
    pub name: String,
    pub text: String,
    pub action: bool,
    /// Only between two people; and to whom, if one said it oneself.
    pub private: bool,
    pub to: Option<String>,
    /// Whether one is meant oneself.
    pub mention: bool,
    pub state: State,
}

/// Whether what one has said has arrived.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    Stored,
    /// On its way under this id, since that time.
    Waiting(String, Timestamp),
    Refused,
}

/// The first few names, and how many there are. Who comes twice counts once.
#[derive(Debug, Default)]
pub struct Names {
    named: Vec<String>,
    /// All of them, folded.
    seen: BTreeSet<String>,
    /// The text in them.
    bytes: usize,
}

impl Names {
    fn add(&mut self, name: &str) {
        let name = harmless_name(name);
        let folded = names::fold(&name);
        let bytes = folded.len();
        if self.seen.insert(folded) {
            self.bytes += bytes;
            if self.named.len() < NAMED {
                self.named.push(name);
            }
        }
    }

    /// As in "ann, bo and 3 others". None if there are none.
    pub fn sentence(&self) -> Option<String> {
        let names: Vec<&str> = self.named.iter().map(String::as_str).collect();
        Some(match (&names[..], self.count()) {
            ([], _) => return None,
            ([one], _) => (*one).to_owned(),
            ([first @ .., last], count) if count == names.len() => {
                format!("{} and {last}", first.join(", "))
            }
            (_, count) => {
                let named = names[..NAMED - 1].join(", ");
                format!("{named} and {} others", count - (NAMED - 1))
            }
        })
    }

    pub fn count(&self) -> usize {
        self.seen.len()
    }
}

/// All of it, oldest first.
#[derive(Debug)]
pub struct Talk {
    entries: VecDeque<TalkEntry>,
    /// The text in them.
    bytes: usize,
    next: u64,
    /// Where one has stopped reading: before the entry of this number.
    pub mark: Option<u64>,
}

/// There is room for what is older before the first number.
const FIRST: u64 = 1 << 40;

impl Default for Talk {
    fn default() -> Talk {
        Talk { entries: VecDeque::new(), bytes: 0, next: FIRST, mark: None }
    }
}

impl Talk {
    /// Puts what is older above all others. What is too much is left out; it can be had again.
    pub fn prepend(&mut self, older: Talk) {
        for mut entry in older.entries.into_iter().rev() {
            let bytes = self.bytes + entry.what.bytes();
            if self.entries.len() >= 2 * MOST || bytes > MAX_BYTES {
                return;
            }
            self.bytes = bytes;
            entry.number = self.entries.front().map_or(self.next, |first| first.number) - 1;
            self.entries.push_front(entry);
        }
    }

    pub fn push(&mut self, time: Timestamp, earlier: bool, what: What) {
        self.bytes += what.bytes();
        while self.entries.len() >= MOST || self.bytes > MAX_BYTES {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.what.bytes();
        }
        self.entries.push_back(TalkEntry { number: self.next, time, earlier, what });
        self.next += 1;
    }

    /// Somebody came.
    pub fn joined(&mut self, time: Timestamp, earlier: bool, name: &str) {
        self.traffic(time, earlier, |joined, _, _| joined.add(name));
    }

    /// Somebody went.
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
        change: impl FnOnce(&mut Names, &mut Names, &mut String),
    ) {
        let last = self.entries.back_mut().filter(|last| last.earlier == is_earlier);
        if let Some(TalkEntry { time, what, .. }) = last {
            let before = what.bytes();
            if let What::Traffic { joined, left, how } = what
                && before < MAX_TRAFFIC_BYTES
            {
                *time = at;
                change(joined, left, how);
                self.bytes += what.bytes() - before;
                return;
            }
        }
        let (mut joined, mut left, mut how) = (Names::default(), Names::default(), String::new());
        change(&mut joined, &mut left, &mut how);
        self.push(at, is_earlier, What::Traffic { joined, left, how });
    }

    /// What is known now of something that one has said. What is stored takes the place that it has
    /// for everybody: behind all that was said until now.
    pub fn settle(&mut self, id: &str, time: Option<Timestamp>, state: State) {
        let is_waiting = |entry: &TalkEntry| match &entry.what {
            What::Said(said) => matches!(&said.state, State::Waiting(waiting, _) if waiting == id),
            _ => false,
        };
        // It is one of the last, so that this does not look at all of them.
        let Some(at) = self.entries.iter().rposition(is_waiting) else { return };
        let is_stored = state == State::Stored;
        let entry = &mut self.entries[at];
        entry.time = time.unwrap_or(entry.time);
        if let What::Said(said) = &mut entry.what {
            said.state = state;
        }
        let is_of_room = |entry: &TalkEntry| match &entry.what {
            What::Said(said) => said.state == State::Stored,
            What::Traffic { .. } | What::Room(_) => true,
            What::Status(_) => false,
        };
        let last = self.entries.iter().rposition(is_of_room);
        if let Some(last) = last.filter(|&last| is_stored && last > at) {
            self.move_down(at, last);
        }
    }

    /// Moves an entry to the place of a later one. The numbers stay with the places.
    fn move_down(&mut self, from: usize, to: usize) {
        let first = self.entries[from].number;
        self.entries.make_contiguous()[from..=to].rotate_left(1);
        for (entry, number) in self.entries.range_mut(from..=to).zip(first..) {
            entry.number = number;
        }
        // What was below a mark stays there.
        let moved = first..=first + (to - from) as u64;
        self.mark = self.mark.map(|mark| mark - u64::from(mark > first && moved.contains(&mark)));
    }

    /// Since when the oldest of what one has said waits, if something does.
    pub fn waiting_since(&self) -> Option<Timestamp> {
        self.entries.iter().rev().take(200).filter_map(since).min()
    }

    /// Whether the last of it is this, of the client itself.
    pub fn ends_with(&self, text: &str) -> bool {
        let last = self.entries.back().map(|entry| &entry.what);
        matches!(last, Some(What::Status(last)) if last == text)
    }

    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes = 0;
        self.mark = None;
    }

    /// Marks the end as the place where one has stopped reading.
    pub fn mark_end(&mut self) {
        if self.mark.is_none() || self.mark == Some(self.next) {
            self.mark = Some(self.next);
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// From the oldest, which is 0.
    pub fn get(&self, index: usize) -> Option<&TalkEntry> {
        self.entries.get(index)
    }

    /// The index of an entry, or of the one that took its place.
    pub fn index_of(&self, number: u64) -> usize {
        let first = self.entries.front().map_or(self.next, |entry| entry.number);
        number.saturating_sub(first) as usize
    }

    /// How many messages there are from an index on, and in how many of them one is meant.
    pub fn messages_from(&self, index: usize) -> (usize, usize) {
        let said = self.entries.range(index.min(self.entries.len())..).filter_map(|entry| {
            match &entry.what {
                What::Said(said) => Some(said),
                _ => None,
            }
        });
        said.fold((0, 0), |(all, mine), said| {
            let is_mine = said.mention || (said.private && said.to.is_none());
            (all + 1, mine + usize::from(is_mine))
        })
    }
}

fn since(entry: &TalkEntry) -> Option<Timestamp> {
    match &entry.what {
        What::Said(Said { state: State::Waiting(_, since), .. }) => Some(*since),
        _ => None,
    }
}
