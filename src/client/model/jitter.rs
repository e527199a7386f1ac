//! Spreads clients over time, so that not all of them come back in the same moment.

use std::time::Duration;

/// A stream of random durations that differs between clients.
#[derive(Debug)]
pub(super) struct Jitter(u32);

impl Jitter {
    /// The same tag gives the same stream.
    pub(super) fn new(tag: &str) -> Jitter {
        let seed = |sum: u32, byte| sum.wrapping_mul(31).wrapping_add(u32::from(byte));
        Jitter(tag.bytes().fold(1, seed))
    }

    /// A duration between zero and `most`.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        // The generator of Numerical Recipes; its upper bits are the most random.
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        most * (self.0 >> 16) / (u32::MAX >> 16)
    }
}
