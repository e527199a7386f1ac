//! The selection of the records that a request asks for, and collecting them.

use chatroom::room::{Record, Seq};
use chatroom::wire::text;
use jiff::Timestamp;

/// The records that are requested.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// Only records after this one. Then the first matching records are selected.
    pub after: Option<Seq>,
    /// Only records before this one. Then the last matching records are selected.
    pub before: Option<Seq>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
    /// Only records of the user with this name.
    pub from: Option<String>,
    /// Only records whose text contains this, regardless of case.
    pub grep: Option<String>,
    pub limit: usize,
    /// The approximate size limit of the records, in bytes, which does not apply to the first one. 0 is no
    /// limit.
    pub max_bytes: usize,
}

/// The selected records in the order of their numbers, and whether there are more.
pub type Selected = (Vec<Record>, bool);

impl Selection {
    /// Whether the first matching records are selected, and not the last.
    pub(super) fn is_forward(&self) -> bool {
        self.after.is_some() && self.before.is_none()
    }

    /// Whether many records may have to be read to find the matching ones.
    pub(super) fn is_long(&self) -> bool {
        self.limit > text::MAX_HISTORY
            || self.from.is_some()
            || self.grep.is_some()
            || self.since.is_some()
            || self.until.is_some()
    }
}

/// The records that a search has found so far.
#[derive(Debug, Default)]
pub(super) struct Matches {
    records: Vec<Record>,
    bytes: usize,
    more: bool,
}

impl Matches {
    /// Adds a record. Returns false if it did not fit, and the search is complete.
    pub(super) fn add(&mut self, selection: &Selection, record: Record) -> bool {
        let bytes = self.bytes + record.weight();
        let is_too_much = selection.max_bytes != 0 && bytes > selection.max_bytes;
        self.more =
            self.records.len() >= selection.limit || (is_too_much && !self.records.is_empty());
        if !self.more {
            self.bytes = bytes;
            self.records.push(record);
        }
        !self.more
    }

    /// The records in the order of their numbers, and whether there are more.
    pub(super) fn in_order(self, selection: &Selection) -> Selected {
        let mut records = self.records;
        if !selection.is_forward() {
            records.reverse();
        }
        (records, self.more)
    }
}
