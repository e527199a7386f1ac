//! Connecting, losing the connection, and coming back.

use std::time::Duration;

use chatroom::wire::json::JsonRequest;

use super::liveness::Check;
use super::{Exit, Model, Output, Persistence, Phase};

impl Model {
    pub(super) fn connected(&mut self, now: Duration) {
        self.attempts.reached();
        self.liveness.connected(now);
        match &mut self.phase {
            Phase::Naming { connected } | Phase::Loading { connected } => *connected = true,
            _ => self.greet(),
        }
    }

    /// Asks to join, or to resume the session.
    pub(super) fn greet(&mut self) {
        // The server does not hold a place if the session cannot be resumed.
        let hold = self.session.persistence() != Persistence::Nothing;
        if let Some(hello) = self.credentials.hello(self.session.resume(), hold) {
            self.phase = Phase::Greeting;
            self.outputs.send(hello);
        }
    }

    pub(super) fn disconnected(&mut self, why: &str, now: Duration) {
        if !matches!(self.phase, Phase::Pausing { .. }) {
            self.credentials.withhold_password();
        }
        match &mut self.phase {
            Phase::Leaving { .. } => self.exit_left(),
            Phase::Over => {}
            // It tries again over a new connection, at the same time.
            Phase::Pausing { connected, .. } => {
                if std::mem::take(connected) {
                    self.outputs.push(Output::Disconnect);
                }
            }
            // If the server closed the connection because the user took long to choose a name, the
            // client connects again with the name.
            Phase::Naming { connected } => {
                if !std::mem::take(connected) {
                    let cause = self.attempts.cause(&self.settings.address, why);
                    let sentence = self.attempts.fail_early(&cause);
                    self.outputs.status(&sentence);
                }
                self.outputs.push(Output::Disconnect);
            }
            // The question stays: otherwise a password that is being typed would become a message.
            Phase::Password { connected } => {
                *connected = false;
                self.outputs.push(Output::Disconnect);
            }
            Phase::Joined => {
                self.catch_up.lost(now);
                self.attempts.lost();
                self.pause(&format!("Connection lost: {why}."), now);
            }
            Phase::Loading { .. } | Phase::Connecting | Phase::Greeting => {
                self.attempt_failed(why, now);
            }
        }
    }

    /// The server is not trusted. Trying again would not help: the user has to decide.
    pub(super) fn untrusted(&mut self, why: &str) {
        let address = &self.settings.address;
        let sentence = format!("Refused to join at {address}. {}.", why.trim_end_matches('.'));
        self.outputs.status(&sentence);
        self.end(Exit::Refused);
    }

    /// The server does not speak the protocol that was asked for: usually TLS, or no TLS. This passes
    /// only if the right server was there before.
    pub(super) fn wrong_protocol(&mut self, why: &str, now: Duration) {
        if self.is_persistent() {
            return self.attempt_failed(why, now);
        }
        self.outputs.status(&format!("Not joined: {}.", why.trim_end_matches('.')));
        self.end(Exit::Unreachable);
    }

    /// Whether the client tries for as long as it takes: the user was in the room and waits.
    fn is_persistent(&self) -> bool {
        self.was_joined && self.settings.interactive
    }

    /// Counts a failed attempt; pauses before the next one, or gives up.
    pub(super) fn attempt_failed(&mut self, why: &str, now: Duration) {
        let cause = self.attempts.cause(&self.settings.address, why);
        match self.attempts.fail(self.is_persistent()) {
            Some(last) => self.give_up_joining(&cause, &last),
            None => self.pause(&cause, now),
        }
    }

    /// Ends without having joined. The last sentences are about the last cause.
    fn give_up_joining(&mut self, cause: &str, last: &str) {
        self.outputs.status(cause);
        self.tell_unsent();
        self.outputs.status(last);
        self.exit(Exit::Unreachable);
    }

    /// Closes the connection and pauses before the next attempt.
    pub(super) fn pause(&mut self, cause: &str, now: Duration) {
        let (pause, sentence) = self.attempts.pause(cause);
        if let Some(sentence) = sentence {
            self.outputs.status(&sentence);
        }
        let until = now + pause + self.jitter.up_to(pause / 2);
        self.phase = Phase::Pausing { until, connected: false };
        self.outputs.push(Output::Disconnect);
    }

    /// Waits because the server says so, for the number of seconds that it gives, if any. If the
    /// connection `stays` open, the client asks again on it.
    pub(super) fn told_to_wait(
        &mut self,
        message: &str,
        seconds: Option<u64>,
        stays: bool,
        now: Duration,
    ) {
        if !self.settings.interactive
            && let Some(last) = self.waits.give_up(now)
        {
            let cause = self.attempts.cause(&self.settings.address, message);
            return self.give_up_joining(&cause, &last);
        }
        let wait = self.waits.begin(seconds, &mut self.jitter, now);
        if let Some(sentence) = self.waits.sentence(message, wait.duration, now) {
            self.outputs.status(&sentence);
        }
        let connected = stays && wait.is_short;
        self.phase = Phase::Pausing { until: now + wait.duration, connected };
        if !connected {
            self.outputs.push(Output::Disconnect);
        }
    }

    pub(super) fn time_passed(&mut self, now: Duration) {
        match self.phase {
            Phase::Pausing { until, connected: true } if now >= until => {
                self.liveness.heard(now);
                self.greet();
            }
            Phase::Pausing { until, connected: false } if now >= until => {
                self.phase = Phase::Connecting;
                self.outputs.push(Output::Connect);
            }
            Phase::Leaving { until } if now >= until => self.exit_left(),
            Phase::Greeting => self.act_on(self.liveness.check_answer(now), now),
            Phase::Joined => self.act_on(self.liveness.check(now), now),
            _ => {}
        }
    }

    fn act_on(&mut self, check: Check, now: Duration) {
        match check {
            Check::Nothing => {}
            Check::Ping => {
                self.liveness.pinged(now);
                self.send(JsonRequest::Ping { id: None }, now);
            }
            Check::Gone(why) => self.disconnected(&why, now),
        }
    }
}
