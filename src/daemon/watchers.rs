//! Operators who watch what happens: what they are told beside the records, and how many there are.
//!
//! Whoever has something to tell never waits for a watcher: what one does not take in time it
//! misses, and is told so.

use std::time::Duration;

use chatroom::admin::Watched;
use tokio::sync::{Semaphore, SemaphorePermit, broadcast, watch};
use tokio::time::timeout;

/// So many may watch at a time. They do not count as operators who ask for something.
pub const MAX_WATCHERS: u32 = 16;

/// So many events of connections wait for a slow watcher.
const MAX_WAITING: usize = 1024;

/// How long watchers may take to take in the end.
const FAREWELL: Duration = Duration::from_millis(500);

/// What watchers and those who tell them something share.
pub struct Watchers {
    places: Semaphore,
    events: broadcast::Sender<Watched>,
    /// Whether the daemon ends, and if so whether another process goes on.
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

/// One who watches.
pub struct Watcher<'w> {
    _place: SemaphorePermit<'w>,
    pub events: broadcast::Receiver<Watched>,
    pub ending: watch::Receiver<Option<bool>>,
}

impl Watchers {
    /// A place for one more, if there is one.
    pub fn admit(&self) -> Option<Watcher<'_>> {
        let place = self.places.try_acquire().ok()?;
        let (events, ending) = (self.events.subscribe(), self.ending.subscribe());
        Some(Watcher { _place: place, events, ending })
    }

    /// Tells those who watch, if somebody does.
    pub fn tell(&self, event: impl FnOnce() -> Watched) {
        if self.events.receiver_count() > 0 {
            // The last of them may have gone meanwhile.
            let _ = self.events.send(event());
        }
    }

    /// Tells all that this is the end, and gives them a moment to take that in.
    pub async fn end(&self, handed_over: bool) {
        self.ending.send_replace(Some(handed_over));
        // Those who do not take it in notice that the connection ends.
        let _ = timeout(FAREWELL, self.places.acquire_many(MAX_WATCHERS)).await;
    }
}
