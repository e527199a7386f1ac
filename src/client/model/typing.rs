//! What a person types, or a pipe brings.

use std::time::Duration;

use chatroom::secret::Secret;
use chatroom::wire::json::JsonRequest;

use super::command::{Command, help};
use super::{Model, Phase};

impl Model {
    pub(super) fn typed(&mut self, line: &str, now: Duration) {
        if let Phase::Naming { connected } = self.phase {
            return self.named(line, connected);
        }
        if let Phase::Password { .. } = self.phase {
            return self.password_given(Secret::new(line.to_owned()), now);
        }
        match Command::parse(line, self.settings.interactive) {
            Command::Nothing => {}
            Command::Quit => self.leave(now),
            Command::Help => help().iter().for_each(|line| self.status(line)),
            Command::Mistake(sentence) => self.status(&sentence),
            Command::Who if self.phase == Phase::Joined => self.send(JsonRequest::Who, now),
            Command::Who => self.status("Not connected just now."),
            Command::History(lines) => self.ask_again(Some(lines), None, now),
            Command::Topic if self.topic.is_empty() => self.status("The room has no topic."),
            Command::Topic => self.status(&format!("Topic: {}", self.topic)),
            Command::Moderate(action) if self.phase == Phase::Joined => {
                self.send(JsonRequest::Moderate { action, id: None }, now);
            }
            Command::Moderate(_) => self.status("Not connected just now."),
            Command::Search(text) => self.ask_again(None, Some(text), now),
            Command::Say { text, action } => {
                self.say(|id| JsonRequest::Say { text, action, id: Some(id) }, now);
            }
            Command::Direct { to, text } => {
                self.say(|id| JsonRequest::Direct { to, text, id: Some(id) }, now);
            }
        }
    }

    fn named(&mut self, line: &str, connected: bool) {
        let name = match (line.trim(), &self.settings.default_name) {
            ("!quit" | "/quit", _) => return self.exit_left(),
            ("", Some(default)) => default.clone(),
            ("", None) => return self.ask_name(connected),
            (name, _) => name.to_owned(),
        };
        self.begin(name, connected);
    }

    pub(super) fn input_ended(&mut self, now: Duration) {
        self.end_of_input = true;
        if matches!(self.phase, Phase::Naming { .. } | Phase::Password { .. }) {
            return self.exit_left();
        }
        if self.settings.interactive && !self.pending.is_empty() {
            self.status("Waiting until everything is sent. Ctrl-C leaves at once.");
        }
        self.leave_if_done(now);
    }
}
