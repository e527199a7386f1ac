//! Failed attempts to join: their number, the pauses between them, and the messages to the user.

use std::time::Duration;

/// The pauses before the second, third ... attempt to connect, in seconds; the last one repeats.
const PAUSES: &[u64] = &[1, 2, 4, 8, 16, 30, 60];

/// The attempts since the client was started or last joined.
#[derive(Debug)]
pub(super) struct Attempts {
    /// Give up after this many failures in a row; 0 is never.
    limit: u32,
    failed: u32,
    /// Whether a server has ever answered at the address.
    was_reached: bool,
    /// The cause that the user was told of when the pauses reached their maximum.
    told: Option<String>,
    /// The unknown text that the server has sent on this connection: probably why it closes it.
    last_words: Option<String>,
}

impl Attempts {
    pub(super) fn new(limit: u32) -> Attempts {
        Attempts { limit, failed: 0, was_reached: false, told: None, last_words: None }
    }

    /// A server has answered.
    pub(super) fn reached(&mut self) {
        self.was_reached = true;
        self.last_words = None;
    }

    pub(super) fn joined(&mut self) {
        self.failed = 0;
        self.told = None;
    }

    /// The connection of a client that had joined is lost.
    pub(super) fn lost(&mut self) {
        self.failed = 0;
    }

    pub(super) fn set_last_words(&mut self, line: String) {
        self.last_words = Some(line);
    }

    pub(super) fn have_failed(&self) -> bool {
        self.failed > 0
    }

    /// Counts a failed attempt. Returns the client's last sentence if it gives up, which it never does
    /// if it `is_persistent`.
    pub(super) fn fail(&mut self, is_persistent: bool) -> Option<String> {
        self.failed = self.failed.saturating_add(1);
        if is_persistent || self.limit == 0 || self.failed < self.limit {
            return None;
        }
        let attempts = match self.failed {
            1 => "1 attempt".to_owned(),
            attempts => format!("{attempts} attempts"),
        };
        Some(format!("Gave up after {attempts}.{}", self.hint()))
    }

    /// Notes that the room is unreachable while the user is asked for a name. Returns the message
    /// to the user.
    pub(super) fn fail_early(&mut self, cause: &str) -> String {
        self.failed = 1;
        format!("{cause}{} Enter a name to try again.", self.hint())
    }

    fn hint(&self) -> &'static str {
        if self.was_reached { "" } else { " Is chatroomd running there?" }
    }

    /// The reason why the client has not joined, in the words of the server if it sent any.
    pub(super) fn cause(&mut self, address: &str, why: &str) -> String {
        let last_words = self.last_words.take();
        let why = last_words.as_deref().unwrap_or(why).trim_end_matches('.');
        format!("Cannot join the room at {address}: {why}.")
    }

    /// Returns the pause before the next attempt, and the message to the user about it. If the
    /// attempts go on for hours, the user is not told about each.
    pub(super) fn pause(&mut self, cause: &str) -> (Duration, Option<String>) {
        let step = (self.failed as usize).saturating_sub(1).min(PAUSES.len() - 1);
        let seconds = PAUSES[step];
        let is_last = step == PAUSES.len() - 1;
        let is_known = self.told.as_deref() == Some(cause);
        self.told = is_last.then(|| cause.to_owned());
        let sentence = match (is_last, is_known) {
            (true, true) => None,
            (true, false) => Some(format!("{cause} Trying again about every {seconds} s.")),
            (false, _) => Some(format!("{cause} Trying again in {seconds} s.")),
        };
        (Duration::from_secs(seconds), sentence)
    }
}
