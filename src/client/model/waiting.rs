//! Being told to wait: the server is there and well, and lets one in a little later. That is no
//! failure, and does not count as an attempt.

use std::time::Duration;

use super::{Model, Output, Phase};

/// No server makes a client wait longer than this at a time, in seconds.
const MAX_WAIT: u64 = 300;

/// The waits where the server does not say how long, in seconds; the last one repeats.
const WAITS: &[u64] = &[2, 4, 8, 16, 30];

/// A pipe gives up after it was made to wait for so long in all: another one may be on its way.
const PATIENCE_OF_PIPE: Duration = Duration::from_secs(300);

/// For so many seconds the connection is kept meanwhile, within the time that a server gives to join.
const STAYS: u64 = 20;

/// What one is told to wait for is said again after so long.
const SAY_AGAIN: Duration = Duration::from_secs(30);

impl Model {
    /// Whether a server that says so lets one in later.
    pub(super) fn means_wait(code: &str) -> bool {
        matches!(
            code,
            "too-often" | "busy" | "storage-full" | "shutting-down" | "full" | "crowded" | "failed"
        )
    }

    /// Waits as the server says, which may be known to take so many seconds. Where the connection
    /// `stays`, it is asked again on it.
    pub(super) fn told_to_wait(
        &mut self,
        message: &str,
        seconds: Option<u64>,
        stays: bool,
        now: Duration,
    ) {
        let since = *self.waiting_since.get_or_insert(now);
        if !self.settings.interactive && now.saturating_sub(since) >= PATIENCE_OF_PIPE {
            let what = self.why_not_joined(message);
            let minutes = PATIENCE_OF_PIPE.as_secs() / 60;
            return self.give_up_joining(&what, &format!("Gave up after waiting {minutes} min."));
        }
        let usual = WAITS[(self.waits as usize).min(WAITS.len() - 1)];
        let seconds = seconds.unwrap_or(usual).min(MAX_WAIT);
        self.waits = self.waits.saturating_add(1);
        let wait = Duration::from_secs(seconds);
        let wait = wait + self.up_to((wait / 2).max(Duration::from_secs(1)));
        let stays = stays && seconds <= STAYS;
        self.tell_wait(message, wait, now);
        self.phase = Phase::Pausing { until: now + wait, connected: stays };
        if !stays {
            self.outputs.push(Output::Disconnect);
        }
    }

    fn tell_wait(&mut self, message: &str, wait: Duration, now: Duration) {
        // How long it is differs each time, and is no news.
        let reason = message.split_once(". ").map_or(message, |(reason, _)| reason);
        let reason = reason.trim_end_matches('.');
        if let Some((told, at)) = &self.told_wait
            && told == reason
            && now.saturating_sub(*at) < SAY_AGAIN
        {
            return;
        }
        self.told_wait = Some((reason.to_owned(), now));
        let seconds = wait.as_secs_f64().ceil();
        self.status(&format!("The server asks to wait: {reason}. Trying again in {seconds} s."));
    }

    /// The server has said how long to wait.
    pub(super) fn not_before(&mut self, seconds: Option<u64>, now: Duration) {
        if let (Some(seconds), Phase::Pausing { until, .. }) = (seconds, &mut self.phase) {
            *until = (*until).max(now + Duration::from_secs(seconds.min(MAX_WAIT)));
        }
    }
}
