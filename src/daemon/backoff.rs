//! Growing pauses between attempts.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);

/// The longest pause of a running daemon that waits for something.
const MAX_WHILE_RUNNING: Duration = Duration::from_secs(10);

/// Pauses that double up to a limit.
pub struct Backoff {
    next: Duration,
    max: Duration,
}

impl Backoff {
    /// Pauses of 1 s, 2 s, 4 s, and so on up to `max`.
    pub fn up_to(max: Duration) -> Backoff {
        Backoff { next: FIRST, max }
    }

    /// Pauses for a running daemon that waits for something.
    pub fn while_running() -> Backoff {
        Backoff::up_to(MAX_WHILE_RUNNING)
    }

    /// The pause before the next attempt.
    pub fn next(&mut self) -> Duration {
        let pause = self.next.min(self.max);
        self.next = pause * 2;
        pause
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit() {
        let mut backoff = Backoff::up_to(Duration::from_secs(5));
        let pauses = [(); 5].map(|()| backoff.next().as_secs());
        assert_eq!(pauses, [1, 2, 4, 5, 5]);
    }
}
