//! Counters by name.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The number of events by name.
#[derive(Default)]
pub struct CounterMap(Mutex<BTreeMap<&'static str, u64>>);

impl CounterMap {
    /// Counts an event.
    pub fn count(&self, kind: &'static str) {
        *self.counts().entry(kind).or_default() += 1;
    }

    /// All counters.
    pub fn all(&self) -> BTreeMap<String, u64> {
        self.counts().iter().map(|(&kind, &count)| (kind.to_owned(), count)).collect()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
