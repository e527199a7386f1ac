//! Connecting, losing the connection, and coming back.

use std::time::Duration;

use chatroom::wire::PROTOCOL;
use chatroom::wire::json::Request;

use super::{ANSWER_TIME, Exit, Model, Output, Phase};

/// The pauses before the second, third ... attempt to connect, in seconds; the last one repeats.
const PAUSES: &[u64] = &[1, 2, 4, 8, 16, 30];

/// No server makes a client wait longer than this many seconds.
const LONGEST_WAIT: u64 = 300;

impl Model {
    pub(super) fn connected(&mut self, now: Duration) {
        self.last_words = None;
        self.heard = now;
        self.spoke = now;
        match &mut self.phase {
            Phase::Naming { connected } | Phase::Recalling { connected } => *connected = true,
            _ => self.greet(),
        }
    }

    pub(super) fn greet(&mut self) {
        if let Some(name) = self.name.clone() {
            self.phase = Phase::Greeting;
            let resume = self.resume.clone();
            let password = self.password.clone().filter(|_| self.gives_password);
            let hello = Request::Hello { protocol: PROTOCOL, name, resume, password };
            self.outputs.push(Output::Send(hello));
        }
    }

    pub(super) fn disconnected(&mut self, why: &str, now: Duration) {
        self.gives_password = false;
        match self.phase {
            Phase::Leaving { .. } => return self.exit_left(),
            Phase::Over | Phase::Pausing { .. } => return,
            Phase::Naming { connected } => {
                // Whoever thinks about a name for long connects again with it.
                self.phase = Phase::Naming { connected: false };
                if !connected {
                    self.cannot_join(why);
                }
                return self.outputs.push(Output::Disconnect);
            }
            // What is typed at the question is a password, however long that takes.
            Phase::Password { .. } => {
                self.phase = Phase::Password { connected: false };
                return self.outputs.push(Output::Disconnect);
            }
            _ => {}
        }
        if self.phase == Phase::Joined {
            self.lost_at = Some(now);
            self.catching_up = None;
            self.failed_attempts = 0;
            self.pause(&format!("The connection is gone: {why}."), now);
        } else {
            self.attempt_failed(why, now);
        }
    }

    /// Trying again would not help: somebody has to decide.
    pub(super) fn untrusted(&mut self, why: &str) {
        let address = &self.settings.address;
        self.status(&format!("Not joined at {address}. {}.", why.trim_end_matches('.')));
        self.tell_unsent();
        self.exit(Exit::Refused);
    }

    /// Nobody has given a name yet, and the room does not seem to be there.
    fn cannot_join(&mut self, why: &str) {
        self.failed_attempts = 1;
        let what = self.why_not_joined(why);
        self.status(&format!("{what} Does chatroomd run there? With a name it is tried again."));
    }

    fn why_not_joined(&mut self, why: &str) -> String {
        let last_words = self.last_words.take();
        let why = last_words.as_deref().unwrap_or(why).trim_end_matches('.');
        format!("Cannot join at {}: {why}.", self.settings.address)
    }

    /// Counts a failed attempt; pauses before the next one, or gives up.
    pub(super) fn attempt_failed(&mut self, why: &str, now: Duration) {
        self.failed_attempts += 1;
        let what = self.why_not_joined(why);
        if self.settings.attempts != 0 && self.failed_attempts >= self.settings.attempts {
            self.status(&what);
            self.tell_unsent();
            let tried = self.failed_attempts;
            self.status(&format!("Gave up after {tried} attempts. Does chatroomd run there?"));
            return self.exit(Exit::Unreachable);
        }
        self.pause(&what, now);
    }

    pub(super) fn pause(&mut self, what: &str, now: Duration) {
        let step = (self.failed_attempts as usize).saturating_sub(1).min(PAUSES.len() - 1);
        let pause = Duration::from_secs(PAUSES[step]);
        self.status(&format!("{what} Trying again in {} s.", pause.as_secs()));
        self.phase = Phase::Pausing { until: now + self.spread(pause) };
        self.outputs.push(Output::Disconnect);
    }

    /// The server has said how long to wait.
    pub(super) fn not_before(&mut self, seconds: Option<u64>, now: Duration) {
        if let (Some(seconds), Phase::Pausing { until }) = (seconds, &mut self.phase) {
            *until = (*until).max(now + Duration::from_secs(seconds.min(LONGEST_WAIT)));
        }
    }

    /// Asks whether the server is there, and how long it takes to say so.
    pub(super) fn ping(&mut self, now: Duration) {
        self.pinged = Some(now);
        self.send(Request::Ping { id: None }, now);
    }

    /// Up to a tenth longer, so that not everybody comes back in the same moment.
    pub(super) fn spread(&self, pause: Duration) -> Duration {
        let sum =
            self.settings.tag.bytes().fold(0u32, |sum, byte| sum * 31 % 997 + u32::from(byte));
        pause + pause / 10 * (sum % 100) / 100
    }

    pub(super) fn time_passed(&mut self, now: Duration) {
        match (self.phase, self.silence) {
            (Phase::Pausing { until }, _) if now >= until => {
                self.phase = Phase::Connecting;
                self.outputs.push(Output::Connect);
            }
            (Phase::Leaving { until }, _) if now >= until => self.exit_left(),
            (Phase::Greeting, _) if now >= self.heard + ANSWER_TIME => {
                let seconds = ANSWER_TIME.as_secs();
                self.disconnected(&format!("no answer within {seconds} s"), now);
            }
            (Phase::Joined, Some(silence)) if now >= self.heard + silence => {
                let seconds = silence.as_secs();
                self.disconnected(&format!("nothing was heard for {seconds} s"), now);
            }
            (Phase::Joined, Some(silence)) if now >= self.spoke + silence / 3 => {
                self.ping(now);
            }
            _ => {}
        }
    }
}
