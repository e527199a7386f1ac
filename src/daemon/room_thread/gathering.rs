//! How long the next batch gathers.

use std::time::Duration;

/// In a busy room the next batch gathers for so many times as long as the last one took to deliver,
/// up to a bound that a user does not notice. After a large batch nothing more is gained.
const FACTOR: u32 = 2;
const MAX_PAUSE: Duration = Duration::from_millis(8);
const LARGE_BATCH: usize = 32;

/// What the last batch took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gathering {
    pub records: usize,
    pub delivery: Duration,
}

impl Gathering {
    /// How long to wait while requests are waiting already. Delivering them one by one would cost
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
