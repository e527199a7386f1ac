//! The connections of `chatctl watch`, and the events that they are sent besides records.
//!
//! Senders of events never wait for a watcher. A watcher that reads too slowly misses events, and is
//! told so.

use std::time::Duration;

use chatroom::admin::Watched;
use tokio::sync::{Semaphore, SemaphorePermit, broadcast, watch};
use tokio::time::timeout;

/// The maximum number of watchers at a time. They do not count among the other connections to the
/// admin socket.
pub const MAX_WATCHERS: u32 = 16;

/// The number of events that wait for a slow watcher.
const MAX_WAITING: usize = 1024;

/// The time for watchers to read the last event.
const FAREWELL: Duration = Duration::from_millis(500);

/// The state that watchers share with the senders of events.
pub struct Watchers {
    places: Semaphore,
    events: broadcast::Sender<Watched>,
    /// Whether the daemon stops, and if so whether another process continues.
    ending: watch::Sender<Option<bool>>,
}

impl Default for Watchers {
    fn default() -> Watchers {
        Watchers {
            places: Semaphore::new(MAX_WATCHERS as usize),
            events: broadcast::Sender::new(MAX_WAITING),
            ending: watch::Sender::new(None),
        }
    }
}

/// A watcher, until it is dropped.
pub struct Watcher<'w> {
    _place: SemaphorePermit<'w>,
    pub events: broadcast::Receiver<Watched>,
    pub ending: watch::Receiver<Option<bool>>,
}

impl Watchers {
    /// Adds a watcher, if there are not too many.
    pub fn admit(&self) -> Option<Watcher<'_>> {
        let place = self.places.try_acquire().ok()?;
        let (events, ending) = (self.events.subscribe(), self.ending.subscribe());
        Some(Watcher { _place: place, events, ending })
    }

    /// Sends an event, if there are watchers.
    pub fn tell(&self, event: impl FnOnce() -> Watched) {
        if self.events.receiver_count() > 0 {
            // The last watcher may have gone in the meantime.
            let _ = self.events.send(event());
        }
    }

    /// Tells all watchers that the daemon stops, and gives them a moment to read that.
    pub async fn end(&self, handed_over: bool) {
        self.ending.send_replace(Some(handed_over));
        // The others notice that the connection ends.
        let _ = timeout(FAREWELL, self.places.acquire_many(MAX_WATCHERS)).await;
    }
}
