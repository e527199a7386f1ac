//! Giving a password where the server asks for one.

use std::time::Duration;

use chatroom::secret::Secret;

use super::{Exit, Model, Output, Phase, Show};

impl Model {
    /// The server wants the password of the name, or says that the one it got is wrong.
    pub(super) fn password_refused(&mut self, code: &str, message: &str) {
        let is_wrong = code == "password-wrong";
        if is_wrong {
            self.any_refused = true;
            self.password = None;
            self.status(message);
        }
        if !self.settings.is_private {
            let name = self.name.clone().unwrap_or_default();
            self.status(&format!(
                "The name {name} needs a password, and everybody on the way could read it. Connect \
                 with --tls."
            ));
            return self.give_up();
        }
        if self.password.is_some() && !self.gives_password {
            self.gives_password = true;
            return self.greet();
        }
        match (&self.name, self.settings.interactive) {
            (Some(name), true) => {
                let name = name.clone();
                self.phase = Phase::Password { connected: true };
                self.show(Show::AskPassword { name });
            }
            _ => {
                if !is_wrong {
                    self.status(&format!("{message} Give it with --password-file."));
                }
                self.give_up();
            }
        }
    }

    pub(super) fn password_given(&mut self, password: Secret, now: Duration) {
        let Phase::Password { connected } = self.phase else { return };
        if password.expose().is_empty() {
            // Whoever has none chooses another name.
            return self.ask_name(connected);
        }
        self.heard = now;
        (self.password, self.gives_password) = (Some(password), true);
        if connected {
            return self.greet();
        }
        self.phase = Phase::Connecting;
        self.outputs.push(Output::Connect);
    }

    fn give_up(&mut self) {
        self.tell_unsent();
        self.outputs.push(Output::Disconnect);
        self.exit(Exit::Refused);
    }
}
