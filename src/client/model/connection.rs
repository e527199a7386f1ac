//! Connecting, losing the connection, and coming back.

use std::time::Duration;

use chatroom::wire::PROTOCOL;
use chatroom::wire::json::JsonRequest;

use super::{ANSWER_TIME, Exit, Keeps, Model, Output, Phase};

/// The pauses before the second, third ... attempt to connect, in seconds; the last one repeats.
const PAUSES: &[u64] = &[1, 2, 4, 8, 16, 30, 60];

impl Model {
    pub(super) fn connected(&mut self, now: Duration) {
        self.was_reached = true;
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
            // A place that nobody can come back to is in the way of others.
            let hold = self.keeps() != Keeps::Nothing;
            let hello = JsonRequest::Hello { protocol: PROTOCOL, name, resume, password, hold };
            self.outputs.push(Output::Send(hello));
        }
    }

    pub(super) fn disconnected(&mut self, why: &str, now: Duration) {
        self.gives_password &= matches!(self.phase, Phase::Pausing { .. });
        match &mut self.phase {
            Phase::Leaving { .. } => return self.exit_left(),
            Phase::Over => return,
            // It comes back with a new connection, at the same time.
            Phase::Pausing { connected, .. } => {
                if std::mem::take(connected) {
                    self.outputs.push(Output::Disconnect);
                }
                return;
            }
            Phase::Naming { connected } => {
                // Whoever thinks about a name for long connects again with it.
                if !std::mem::take(connected) {
                    self.cannot_join(why);
                }
                return self.outputs.push(Output::Disconnect);
            }
            // What is typed at the question is a password, however long that takes.
            Phase::Password { connected } => {
                *connected = false;
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

    /// The server speaks TLS, or does not, against what was asked for. That changes by itself only
    /// where the server was there before.
    pub(super) fn misdirected(&mut self, why: &str, now: Duration) {
        if self.is_persistent() {
            return self.attempt_failed(why, now);
        }
        self.status(&format!("Not joined: {}.", why.trim_end_matches('.')));
        self.tell_unsent();
        self.exit(Exit::Unreachable);
    }

    /// Nobody has given a name yet, and the room does not seem to be there.
    fn cannot_join(&mut self, why: &str) {
        self.failed_attempts = 1;
        let what = self.why_not_joined(why);
        let guess = if self.was_reached { "" } else { " Does chatroomd run there?" };
        self.status(&format!("{what}{guess} With a name it is tried again."));
    }

    pub(super) fn why_not_joined(&mut self, why: &str) -> String {
        let last_words = self.last_words.take();
        let why = last_words.as_deref().unwrap_or(why).trim_end_matches('.');
        format!("Cannot join at {}: {why}.", self.settings.address)
    }

    /// Whether it comes back however long that takes: a person has been there and waits.
    pub(super) fn is_persistent(&self) -> bool {
        self.was_joined && self.settings.interactive
    }

    /// Counts a failed attempt; pauses before the next one, or gives up.
    pub(super) fn attempt_failed(&mut self, why: &str, now: Duration) {
        self.failed_attempts = self.failed_attempts.saturating_add(1);
        let what = self.why_not_joined(why);
        let most = self.settings.attempts;
        if !self.is_persistent() && most != 0 && self.failed_attempts >= most {
            let tried = match self.failed_attempts {
                1 => "1 attempt".to_owned(),
                attempts => format!("{attempts} attempts"),
            };
            let guess = if self.was_reached { "" } else { " Does chatroomd run there?" };
            return self.give_up_joining(&what, &format!("Gave up after {tried}.{guess}"));
        }
        self.pause(&what, now);
    }

    /// Ends without having joined. The last words are about the last cause.
    pub(super) fn give_up_joining(&mut self, what: &str, last: &str) {
        self.status(what);
        self.tell_unsent();
        self.status(last);
        self.exit(Exit::Unreachable);
    }

    pub(super) fn pause(&mut self, what: &str, now: Duration) {
        let step = (self.failed_attempts as usize).saturating_sub(1).min(PAUSES.len() - 1);
        let pause = Duration::from_secs(PAUSES[step]);
        self.tell_pause(what, step, pause);
        let spread = pause / 2;
        self.phase = Phase::Pausing { until: now + pause + self.up_to(spread), connected: false };
        self.outputs.push(Output::Disconnect);
    }

    /// Says that it is tried again. Where that goes on for hours, not each time.
    fn tell_pause(&mut self, what: &str, step: usize, pause: Duration) {
        let is_last = step == PAUSES.len() - 1;
        let is_known = self.told_pause.as_deref() == Some(what);
        self.told_pause = is_last.then(|| what.to_owned());
        match (is_last, is_known) {
            (true, true) => {}
            (true, false) => {
                self.status(&format!("{what} Trying again about every {} s.", pause.as_secs()));
            }
            (false, _) => self.status(&format!("{what} Trying again in {} s.", pause.as_secs())),
        }
    }

    /// Asks whether the server is there, and how long it takes to say so.
    pub(super) fn ping(&mut self, now: Duration) {
        self.pinged = Some(now);
        self.send(JsonRequest::Ping { id: None }, now);
    }

    /// Something between nothing and `most`, another each time and in each client, so that not
    /// everybody comes back in the same moment.
    pub(super) fn up_to(&mut self, most: Duration) -> Duration {
        // Numerical Recipes' generator; its upper bits are as good as it gets.
        self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        most * (self.chance >> 16) / (u32::MAX >> 16)
    }

    pub(super) fn time_passed(&mut self, now: Duration) {
        match (self.phase, self.silence) {
            (Phase::Pausing { until, connected }, _) if now >= until => {
                if connected {
                    self.heard = now;
                    return self.greet();
                }
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
