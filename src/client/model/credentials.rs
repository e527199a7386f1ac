//! The name, and the password that goes with it.

use chatroom::secret::Secret;
use chatroom::wire::PROTOCOL;
use chatroom::wire::json::{JsonRequest, Resume};

#[derive(Debug, Default)]
pub(super) struct Credentials {
    name: Option<String>,
    password: Option<Secret>,
    /// Whether the password goes with the next `hello`. It does so only if the server asks for it,
    /// since verifying a password is expensive.
    sends_password: bool,
}

impl Credentials {
    /// No name yet, and the password for the first one.
    pub(super) fn new(password: Option<Secret>) -> Credentials {
        Credentials { password, ..Credentials::default() }
    }

    pub(super) fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    pub(super) fn sends_password(&self) -> bool {
        self.sends_password
    }

    /// The user has chosen a name. Another name does not get the password of the one before.
    pub(super) fn choose(&mut self, name: &str) {
        if self.name.replace(name.to_owned()).is_some_and(|before| before != name) {
            (self.password, self.sends_password) = (None, false);
        }
    }

    /// The server has given the user this name.
    pub(super) fn rename(&mut self, name: &str) {
        self.name = Some(name.to_owned());
    }

    /// The user has given the password.
    pub(super) fn set_password(&mut self, password: Secret) {
        (self.password, self.sends_password) = (Some(password), true);
    }

    /// The password is wrong.
    pub(super) fn drop_password(&mut self) {
        self.password = None;
    }

    /// Has the password sent with the next `hello`. Returns whether there is one that was not sent.
    pub(super) fn offer_password(&mut self) -> bool {
        let can = self.password.is_some() && !self.sends_password;
        self.sends_password |= can;
        can
    }

    /// Has the password sent only if the server asks again.
    pub(super) fn withhold_password(&mut self) {
        self.sends_password = false;
    }

    /// The request to join, once there is a name.
    pub(super) fn hello(&self, resume: Option<Resume>, hold: bool) -> Option<JsonRequest> {
        let name = self.name.clone()?;
        let password = self.password.clone().filter(|_| self.sends_password);
        Some(JsonRequest::Hello { protocol: PROTOCOL, name, resume, password, hold })
    }
}
