//! What does not work at present and is tried again: the service goes on without it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

/// All present faults, each under the name of the part that has it.
pub struct Faults {
    all: Mutex<BTreeMap<String, String>>,
    changed: watch::Sender<()>,
    /// Wakes everything that pauses before its next attempt.
    retry: Notify,
}

impl Faults {
    /// None yet.
    pub fn new() -> Faults {
        Faults { all: Mutex::default(), changed: watch::channel(()).0, retry: Notify::new() }
    }

    /// Notes a fault. Gives whether that is news.
    pub fn set(&self, part: &str, problem: &str) -> bool {
        let before = self.lock().insert(part.to_owned(), problem.to_owned());
        let is_news = before.as_deref() != Some(problem);
        if is_news {
            self.changed.send_replace(());
        }
        is_news
    }

    /// Notes that a part works. Gives whether it did not before.
    pub fn clear(&self, part: &str) -> bool {
        let was_there = self.lock().remove(part).is_some();
        if was_there {
            self.changed.send_replace(());
        }
        was_there
    }

    /// All of them, each with the name of its part.
    pub fn by_part(&self) -> BTreeMap<String, String> {
        self.lock().clone()
    }

    /// All of them, a sentence each.
    pub fn all(&self) -> Vec<String> {
        self.lock().values().cloned().collect()
    }

    /// Notices when they change.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Has everything that pauses try again now.
    pub fn retry_now(&self) {
        self.retry.notify_waiters();
    }

    /// Waits before the next attempt: this long, or until [`Faults::retry_now`].
    pub async fn pause(&self, pause: Duration) {
        // Whether it was woken or the time is over does not matter.
        let _ = timeout(pause, self.retry.notified()).await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_news_is_news() {
        let faults = Faults::new();
        let mut changes = faults.watch();
        assert!(faults.set("port", "the address is not there"));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert!(!faults.set("port", "the address is not there"));
        assert!(!faults.clear("another port"));
        assert!(!changes.has_changed().unwrap());
        assert!(faults.set("port", "the address is in use"));
        assert_eq!(faults.all(), ["the address is in use"]);
        assert!(faults.clear("port") && faults.all().is_empty());
        assert!(changes.has_changed().unwrap());
    }
}
