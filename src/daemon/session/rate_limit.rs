//! Slows down a client that sends too fast: its input is read later, and none of it is discarded.

use std::time::Duration;

use chatroom::config::Limits;
use chatroom::throttle::{Bucket, Rate};

use super::input::READ_BYTES;
use crate::source::Source;

/// The number of bytes that are read at a time from a client that may have to wait.
const LIMITED_READ_BYTES: usize = 2048;

/// The message to a client that has to wait for the first time.
pub(super) const TOLD: &str =
    "You are sending too fast. Your messages are delayed a little; none is lost.";

/// The recent rate of a connection.
#[derive(Default)]
pub(super) struct RateLimit {
    sent: Bucket,
    /// Whether the client was told that it is slowed.
    is_told: bool,
}

/// A client has to wait before its message is taken.
pub(super) struct Slowed {
    rate: Rate,
    now: Duration,
    pub(super) wait: Duration,
    /// Whether the client does not know yet that it is slowed.
    pub(super) is_news: bool,
}

impl RateLimit {
    /// Counts a message, if it can be taken `now` at this rate.
    ///
    /// # Errors
    /// The client has to wait. Then [`RateLimit::take_slowed`] counts the message.
    pub(super) fn take(&mut self, rate: Rate, now: Duration) -> Result<(), Slowed> {
        match self.sent.take(rate, now) {
            Ok(()) => {
                // After a rest that is long enough for a whole burst, the client is told again.
                let rested = Rate { burst: 1, ..rate };
                self.is_told &= self.sent.check(rested, now + rate.every).is_err();
                Ok(())
            }
            Err(wait) => {
                let is_news = !std::mem::replace(&mut self.is_told, true);
                Err(Slowed { rate, now, wait, is_news })
            }
        }
    }

    /// Counts a message for which the client has waited.
    pub(super) fn take_slowed(&mut self, slowed: &Slowed) {
        let _ = self.sent.take(slowed.rate, slowed.now + slowed.wait);
    }
}

/// The rate at which a connection from this source can send, if it is limited.
pub(super) fn rate(limits: &Limits, source: &Source) -> Option<Rate> {
    let rate = Rate::per_second(limits.messages_per_second, limits.burst);
    rate.filter(|_| limits.loopback || !source.is_this_machine())
}

/// The number of bytes that are read at a time. They wait in memory as lines, which take more than
/// their bytes. Therefore, little is read if it may have to wait long.
pub(super) fn max_read_bytes(limits: &Limits, source: &Source) -> usize {
    rate(limits, source).map_or(READ_BYTES, |_| LIMITED_READ_BYTES)
}
