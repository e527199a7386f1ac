//! Whether the server is still there, and how long it takes to answer.

use std::time::Duration;

/// The time within which a server has to answer a `hello`.
const ANSWER_TIME: Duration = Duration::from_secs(10);

/// A server that may be silent for longer is pinged this often nevertheless.
const MAX_SILENCE: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Debug, Default)]
pub(super) struct Liveness {
    /// After this long without a line, the other side counts as gone. The server says how long.
    limit: Option<Duration>,
    heard: Duration,
    spoke: Duration,
    /// The time of the ping that is not answered yet.
    pinged: Option<Duration>,
    round_trip: Option<Duration>,
}

/// The outcome of a check.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Check {
    Nothing,
    Ping,
    /// The server counts as gone; why.
    Gone(String),
}

impl Liveness {
    pub(super) fn connected(&mut self, now: Duration) {
        (self.heard, self.spoke) = (now, now);
    }

    /// A line came, or the time to answer begins.
    pub(super) fn heard(&mut self, now: Duration) {
        self.heard = now;
    }

    pub(super) fn spoke(&mut self, now: Duration) {
        self.spoke = now;
    }

    /// The client has joined; 0 means that silence is not limited.
    pub(super) fn joined(&mut self, silence_seconds: u64) {
        let limit = Duration::from_secs(silence_seconds).min(MAX_SILENCE);
        self.limit = Some(limit).filter(|limit| !limit.is_zero());
    }

    /// The time for which the server may hold the place of a lost connection before it notices the
    /// loss.
    pub(super) fn detection_time(&self) -> Duration {
        self.limit.unwrap_or_default() * 2
    }

    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    pub(super) fn pinged(&mut self, now: Duration) {
        self.pinged = Some(now);
    }

    pub(super) fn ponged(&mut self, now: Duration) {
        let sent = self.pinged.take();
        self.round_trip = sent.map(|sent| now.saturating_sub(sent)).or(self.round_trip);
    }

    /// The time at which the answer to `hello` is due.
    pub(super) fn answer_due(&self) -> Duration {
        self.heard + ANSWER_TIME
    }

    /// Whether the answer to `hello` is overdue.
    pub(super) fn check_answer(&self, now: Duration) -> Check {
        match now >= self.answer_due() {
            true => Check::Gone(format!("no answer within {} s", ANSWER_TIME.as_secs())),
            false => Check::Nothing,
        }
    }

    /// The time at which [`Liveness::check`] is to be called next.
    pub(super) fn next_check(&self) -> Option<Duration> {
        let limit = self.limit?;
        Some((self.heard + limit).min(self.spoke + limit / 3))
    }

    /// Checks the connection of a client that has joined.
    pub(super) fn check(&self, now: Duration) -> Check {
        match self.limit {
            Some(limit) if now >= self.heard + limit => {
                Check::Gone(format!("nothing was received for {} s", limit.as_secs()))
            }
            Some(limit) if now >= self.spoke + limit / 3 => Check::Ping,
            _ => Check::Nothing,
        }
    }
}
