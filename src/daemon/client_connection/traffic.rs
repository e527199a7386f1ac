//! Counts the bytes of a connection, and notes when its user was active.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// The amount of data received and sent over a connection.
pub struct Traffic {
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
    /// The time at which the connection was accepted.
    pub start: Instant,
    /// The time of the user's last activity, in milliseconds after `start`.
    active: AtomicU64,
}

impl Traffic {
    /// The traffic of a connection that was just accepted.
    pub(super) fn new() -> Traffic {
        Traffic {
            bytes_in: AtomicU64::new(0),
            bytes_out: AtomicU64::new(0),
            start: Instant::now(),
            active: AtomicU64::new(0),
        }
    }

    /// Notes that the user did something.
    pub fn touch(&self) {
        self.active.store(self.start.elapsed().as_millis() as u64, Relaxed);
    }

    /// For how long the user has done nothing.
    pub fn idle(&self) -> Duration {
        self.start.elapsed().saturating_sub(Duration::from_millis(self.active.load(Relaxed)))
    }
}
