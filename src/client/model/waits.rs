//! Waiting at the request of the server, which is reachable and lets the client in a little later.
//! This is no failure and does not count as an attempt.

use std::time::Duration;

use super::jitter::Jitter;

/// The longest time that a server can make a client wait at once, in seconds.
const MAX_WAIT: u64 = 300;

/// The waits where the server does not say how long, in seconds; the last one repeats.
const WAITS: &[u64] = &[2, 4, 8, 16, 30];

/// A pipe gives up after it has waited for this long in all: another one may be on its way.
const PATIENCE_OF_PIPE: Duration = Duration::from_secs(300);

/// The connection is kept during shorter waits, in seconds: within the time that a server gives to
/// join.
const STAYS: u64 = 20;

/// The same reason is shown again after this long.
const SAY_AGAIN: Duration = Duration::from_secs(30);

/// The waits since the client was started or last joined.
#[derive(Debug, Default)]
pub(super) struct Waits {
    since: Option<Duration>,
    count: u32,
    /// The reason that was shown, and when.
    told: Option<(String, Duration)>,
}

/// A wait, with random time added.
pub(super) struct Wait {
    pub(super) duration: Duration,
    /// Whether it is short enough to keep the connection.
    pub(super) is_short: bool,
}

/// Whether a server that gives this code lets the client in later.
pub(super) fn means_wait(code: &str) -> bool {
    matches!(
        code,
        "too-often" | "busy" | "storage-full" | "shutting-down" | "full" | "crowded" | "failed"
    )
}

/// The earliest time to come back to a server that asks for a pause of this many seconds.
pub(super) fn not_before(seconds: u64, now: Duration) -> Duration {
    now + Duration::from_secs(seconds.min(MAX_WAIT))
}

impl Waits {
    pub(super) fn have_been(&self) -> bool {
        self.count > 0
    }

    /// The last sentence of a pipe that has waited for too long.
    pub(super) fn give_up(&mut self, now: Duration) -> Option<String> {
        let since = *self.since.get_or_insert(now);
        let minutes = PATIENCE_OF_PIPE.as_secs() / 60;
        (now.saturating_sub(since) >= PATIENCE_OF_PIPE)
            .then(|| format!("Gave up after waiting {minutes} min."))
    }

    /// Begins a wait, of the number of seconds that the server has given, if any.
    pub(super) fn begin(
        &mut self,
        seconds: Option<u64>,
        jitter: &mut Jitter,
        now: Duration,
    ) -> Wait {
        self.since.get_or_insert(now);
        let usual = WAITS[(self.count as usize).min(WAITS.len() - 1)];
        let seconds = seconds.unwrap_or(usual).min(MAX_WAIT);
        self.count = self.count.saturating_add(1);
        let wait = Duration::from_secs(seconds);
        let duration = wait + jitter.up_to((wait / 2).max(Duration::from_secs(1)));
        Wait { duration, is_short: seconds <= STAYS }
    }

    /// The sentence about a wait, unless the user knows it.
    pub(super) fn sentence(
        &mut self,
        message: &str,
        wait: Duration,
        now: Duration,
    ) -> Option<String> {
        // The rest of the message says how long to wait. That differs each time, and is no news.
        let reason = message.split_once(". ").map_or(message, |(reason, _)| reason);
        let reason = reason.trim_end_matches('.');
        if let Some((told, at)) = &self.told
            && told == reason
            && now.saturating_sub(*at) < SAY_AGAIN
        {
            return None;
        }
        self.told = Some((reason.to_owned(), now));
        let seconds = wait.as_secs_f64().ceil();
        Some(format!("The server asks you to wait: {reason}. Trying again in {seconds} s."))
    }
}
