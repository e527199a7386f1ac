//! The time for which the next batch gathers.

use std::time::Duration;

/// In a busy room, the next batch gathers for this multiple of the time that the last one took to
/// deliver, up to a bound that users do not notice. After a large batch, waiting would gain
/// nothing.
const FACTOR: u32 = 2;
const MAX_PAUSE: Duration = Duration::from_millis(8);
const LARGE_BATCH: usize = 32;

/// The size of the last batch, and the time that its delivery took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gathering {
    pub records: usize,
    pub delivery: Duration,
}

impl Gathering {
    /// The time to wait while requests are already waiting. Delivering them one by one would cost
    /// every member more.
    pub fn pause(self) -> Option<Duration> {
        (self.records < LARGE_BATCH).then(|| (self.delivery * FACTOR).min(MAX_PAUSE))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gathers_only_where_it_pays() {
        let pause = |records, millis| {
            Gathering { records, delivery: Duration::from_millis(millis) }.pause()
        };
        assert_eq!(pause(1, 3), Some(Duration::from_millis(6)));
        assert_eq!(pause(31, 100), Some(MAX_PAUSE));
        assert_eq!(pause(32, 3), None);
    }
}
