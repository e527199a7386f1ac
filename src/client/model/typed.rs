//! Handles the input, which a user types or a pipe brings.

use std::time::Duration;

use chatroom::secret::Secret;
use chatroom::wire::json::JsonRequest;
use chatroom::wire::topic_sentence;

use super::command::{Command, help};
use super::session::Change;
use super::{Exit, Model, Output, Phase, Show};

/// The id of requests to search. The answer to `/history` does not have it.
pub(super) const SEARCH_ID: &str = "search";

const NOT_CONNECTED: &str = "Not connected at the moment.";

impl Model {
    pub(super) fn typed(&mut self, line: &str, now: Duration) {
        match self.phase {
            Phase::Naming { connected } => return self.named(line, connected),
            Phase::Password { .. } => {
                return self.password_given(Secret::new(line.to_owned()), now);
            }
            _ => {}
        }
        match Command::parse(line, self.settings.interactive) {
            Command::Nothing => {}
            Command::Quit => self.leave(now),
            Command::Help => help().iter().for_each(|line| self.outputs.status(line)),
            Command::Mistake(sentence) => self.outputs.status(&sentence),
            Command::Who => self.ask(JsonRequest::Who, now),
            Command::History(lines) => self.ask_history(Some(lines), None, now),
            Command::Search(text) => self.ask_history(None, Some(text), now),
            Command::Topic => self.outputs.status(&topic_sentence(&self.topic)),
            Command::Moderate(action) => {
                self.ask(JsonRequest::Moderate { action, id: None }, now);
            }
            Command::Say { text, action } => {
                self.say(|id| JsonRequest::Say { text, action, id: Some(id) }, now);
            }
            Command::Direct { to, text } => {
                self.say(|id| JsonRequest::Direct { to, text, id: Some(id) }, now);
            }
        }
    }

    /// Sends a request that only makes sense now.
    fn ask(&mut self, request: JsonRequest, now: Duration) {
        match self.phase {
            Phase::Joined => self.send(request, now),
            _ => self.outputs.status(NOT_CONNECTED),
        }
    }

    /// Requests the last lines, or the last that contain a text.
    fn ask_history(&mut self, limit: Option<usize>, search: Option<String>, now: Duration) {
        let id = search.is_some().then(|| SEARCH_ID.to_owned());
        self.ask(JsonRequest::History { before: None, after: None, limit, search, id }, now);
    }

    /// Requests older messages, unless they are on their way or there are none.
    pub(super) fn request_older(&mut self, now: Duration) {
        if self.phase == Phase::Joined
            && let Some(request) = self.older.request()
        {
            self.send(request, now);
        }
    }

    pub(super) fn ask_name(&mut self, connected: bool) {
        self.phase = Phase::Naming { connected };
        let default = self.settings.default_name.clone();
        self.outputs.show(Show::AskName { default });
    }

    fn named(&mut self, line: &str, connected: bool) {
        let name = match (line.trim(), &self.settings.default_name) {
            ("!quit" | "/quit", _) => return self.exit_left(),
            ("", Some(default)) => default.clone(),
            ("", None) => return self.ask_name(connected),
            (name, _) => name.to_owned(),
        };
        self.begin(&name, connected);
    }

    /// Sends a line, now or later, until it is acknowledged.
    pub(super) fn say(&mut self, request: impl FnOnce(String) -> JsonRequest, now: Duration) {
        let line = self.pending.number(request);
        if self.pending.is_too_long(&line) {
            return self.tell_too_long();
        }
        line.shown().into_iter().for_each(|show| self.outputs.show(show));
        if self.phase == Phase::Joined && !self.catch_up.is_running() {
            self.send(line.request.clone(), now);
        } else if self.settings.interactive && self.phase != Phase::Joined {
            self.outputs.status("(not connected; the line is kept and sent later)");
        }
        self.pending.push(line);
        self.session.note(Change::Typed);
    }

    /// Sends everything again that is not acknowledged, in its order.
    pub(super) fn send_pending(&mut self, now: Duration) {
        for id in self.pending.remove_too_long() {
            self.outputs.show(Show::NotStored { id });
            self.tell_too_long();
        }
        self.pending.requests().into_iter().for_each(|request| self.send(request, now));
    }

    fn tell_too_long(&mut self) {
        self.any_refused = true;
        self.outputs.status(&self.pending.too_long_sentence());
    }

    /// The server has stored or refused a line.
    pub(super) fn acknowledged(&mut self, id: &str, now: Duration) {
        self.pending.acknowledge(id);
        self.session.note(Change::Seen);
        self.leave_if_done(now);
    }

    pub(super) fn input_ended(&mut self, now: Duration) {
        self.end_of_input = true;
        if matches!(self.phase, Phase::Naming { .. } | Phase::Password { .. }) {
            return self.exit_left();
        }
        if self.settings.interactive && !self.pending.is_empty() {
            self.outputs.status("Waiting until everything is sent. Press Ctrl-C to leave at once.");
        }
        self.leave_if_done(now);
    }

    /// The password that was given is wrong.
    pub(super) fn password_wrong(&mut self, message: &str) {
        self.any_refused = true;
        self.credentials.drop_password();
        self.outputs.status(message);
        self.request_password(None);
    }

    /// The name needs a password.
    pub(super) fn password_needed(&mut self, message: &str) {
        self.request_password(Some(message));
    }

    /// Gives the password that is known, asks the user for it, or ends. `message` says that the name
    /// needs a password, unless the user knows.
    fn request_password(&mut self, message: Option<&str>) {
        let name = self.credentials.name().unwrap_or_default().to_owned();
        if !self.settings.is_private {
            self.outputs.status(&format!(
                "The name {name} needs a password, and anyone on the way to the server could read it. \
                 Connect with --tls."
            ));
            return self.give_up();
        }
        if self.credentials.offer_password() {
            return self.greet();
        }
        if self.settings.interactive {
            self.phase = Phase::Password { connected: true };
            return self.outputs.show(Show::AskPassword { name });
        }
        if let Some(message) = message {
            self.outputs.status(&format!("{message} Give it with --password-file."));
        }
        self.give_up();
    }

    /// The user has given a password. One without a password chooses another name.
    pub(super) fn password_given(&mut self, password: Secret, now: Duration) {
        let Phase::Password { connected } = self.phase else { return };
        if password.expose().is_empty() {
            return self.ask_name(connected);
        }
        self.liveness.heard(now);
        self.credentials.set_password(password);
        self.begin_session(connected);
    }

    fn give_up(&mut self) {
        self.tell_unsent();
        self.outputs.push(Output::Disconnect);
        self.exit(Exit::Refused);
    }
}
