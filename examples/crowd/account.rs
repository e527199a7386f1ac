//! The counters.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// All that is known of the crowd.
#[derive(Default)]
pub struct Account {
    pub joined: usize,
    /// Since when pauses count.
    pub talking_since: Option<Instant>,
    /// Connections that ended without being asked to.
    pub lost: usize,
    /// Records that a client has not seen, or seen twice.
    pub skipped: u64,
    pub doubled: u64,
    /// Messages that are not acknowledged, and those of which the first client has seen a second.
    pub sent: usize,
    pub unacknowledged: HashSet<String>,
    pub seen: HashMap<String, u32>,
    /// The longest time for which a client has heard nothing.
    pub pause: Duration,
    /// Messages that those have heard who listen only, each counted for itself.
    pub heard_by_idlers: usize,
    pub arrived: usize,
    pub refused: usize,
    /// The longest time from connecting to the greeting.
    pub greeting: Duration,
    pub is_over: bool,
}

impl Account {
    /// Somebody has come, and was greeted or not.
    pub fn note_arrival(&mut self, was_greeted: bool, after: Duration) {
        self.arrived += 1;
        self.refused += usize::from(!was_greeted);
        self.greeting = self.greeting.max(after);
    }
}

/// Everybody writes into the same.
pub type Shared = Rc<RefCell<Account>>;
