//! Parts of the service that do not work at the moment. Each is retried, and the rest continues to
//! work.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::timeout;

use crate::sockets::ListenerKind;

/// A part of the service that can have a fault.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    AdminSocket,
    Configuration,
    Listener(ListenerKind, SocketAddr),
    Metrics,
    RoomPassword,
    Start,
}

/// All present faults, each with a sentence for operators.
pub struct Faults {
    all: Mutex<BTreeMap<Part, String>>,
    changed: watch::Sender<()>,
    /// Wakes everything that pauses before its next attempt.
    retry: Notify,
}

impl Faults {
    pub fn new() -> Faults {
        Faults { all: Mutex::default(), changed: watch::channel(()).0, retry: Notify::new() }
    }

    /// Notes a fault. Returns whether that is news.
    pub fn set(&self, part: Part, problem: &str) -> bool {
        let before = self.lock().insert(part, problem.to_owned());
        let is_news = before.as_deref() != Some(problem);
        if is_news {
            self.changed.send_replace(());
        }
        is_news
    }

    /// Notes that a part works. Returns whether it did not before.
    pub fn clear(&self, part: &Part) -> bool {
        let was_there = self.lock().remove(part).is_some();
        if was_there {
            self.changed.send_replace(());
        }
        was_there
    }

    /// All faults, by part.
    pub fn by_part(&self) -> BTreeMap<Part, String> {
        self.lock().clone()
    }

    /// The sentences of all faults.
    pub fn all(&self) -> Vec<String> {
        self.lock().values().cloned().collect()
    }

    /// Notifies of changes.
    pub fn watch(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }

    /// Ends all pauses.
    pub fn retry_now(&self) {
        self.retry.notify_waiters();
    }

    /// Waits before the next attempt: this long, or until [`Faults::retry_now`].
    pub async fn pause(&self, pause: Duration) {
        let _ = timeout(pause, self.retry.notified()).await;
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Part, String>> {
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
        assert!(faults.set(Part::Metrics, "the address is not there"));
        assert!(changes.has_changed().unwrap());
        changes.mark_unchanged();
        assert!(!faults.set(Part::Metrics, "the address is not there"));
        assert!(!faults.clear(&Part::AdminSocket));
        assert!(!changes.has_changed().unwrap());
        assert!(faults.set(Part::Metrics, "the address is in use"));
        assert_eq!(faults.all(), ["the address is in use"]);
        assert!(faults.clear(&Part::Metrics) && faults.all().is_empty());
        assert!(changes.has_changed().unwrap());
    }
}
