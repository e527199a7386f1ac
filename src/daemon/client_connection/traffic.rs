//! Counting what goes over a connection.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// What has gone over a connection.
pub struct Traffic {
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    /// When the connection was accepted.
    pub start: Instant,
    /// When the person did something, in milliseconds after `start`.
    active: AtomicU64,
}

impl Traffic {
    /// Nothing yet.
    pub(super) fn new() -> Traffic {
        Traffic {
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            start: Instant::now(),
            active: AtomicU64::new(0),
        }
    }

    /// Notes that the person did something.
    pub fn touch(&self) {
        self.active.store(self.start.elapsed().as_millis() as u64, Relaxed);
    }

    /// How long the person has done nothing.
    pub fn idle(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(self.active.load(Relaxed)))
    }
}
