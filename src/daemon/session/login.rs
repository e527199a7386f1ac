//! Coming in: a name, and the password if it needs one; and what one may do then.

use std::time::Duration;

use chatroom::access::{Credential, ModerationAction, Requirement};
use chatroom::clean::{self, word};
use chatroom::handover::Stage;
use chatroom::names::{MAX_BYTES, Name, NameProblem};
use chatroom::permission::{self, Denial, Permission, Role};
use chatroom::room::Refusal;
use chatroom::secret::Secret;
use chatroom::wire::Answer;
use chatroom::wire::json::Resume;
use tracing::info;

use super::reader::Reader;
use crate::access::By;
use crate::moderation;
use crate::moderation::targets::Moderated;
use crate::room_thread::{Joined, RoomRequest};

impl Reader<'_> {
    /// Asks the room to let this person in, and tells them if it does not.
    pub(super) async fn join(
        &mut self,
        name: &str,
        resume: Option<Resume>,
        password: Option<Secret>,
    ) {
        match self.try_join(name, resume, password).await {
            Ok(Joined { name, resumed, .. }) => {
                let watchers = &self.connection.shared.watchers;
                super::told::joined(&name, resumed, self.client(), watchers);
                self.client().traffic.touch();
                self.silence = super::reader::silence_seconds(self.shared());
                (self.stage, self.name) = (Stage::Joined, Some(name));
            }
            Err(Refusal::PasswordNeeded { name }) if !self.is_private() => {
                self.is_name_refused = true;
                self.refuse(Refusal::PasswordInsecure { name }, None);
            }
            Err(Refusal::PasswordNeeded { name })
                if self.client().dialect().has_login_dialogue() =>
            {
                let message =
                    format!("The name {name} needs a password. Type it, then press enter!");
                self.client().answer(&Answer::Info { message, id: None });
                (self.stage, self.name) = (Stage::Password, Some(Name::from_store(&name)));
            }
            Err(refusal) => {
                self.is_name_refused = true;
                self.refuse(refusal, None);
            }
        }
    }

    async fn try_join(
        &self,
        name: &str,
        resume: Option<Resume>,
        password: Option<Secret>,
    ) -> Result<Joined, Refusal> {
        let (connection_limits, config) =
            (&self.shared().connections.connection_limits, self.shared().config());
        let source = &self.client().source;
        let (name, problem) = match Name::new(name) {
            Ok(name) => (name, None),
            Err(problem) => (self.old_name(name, resume.is_some(), problem)?, Some(problem)),
        };
        // With text, the password comes after the name, which was counted.
        if self.stage != Stage::Password {
            connection_limits.join(source, &config.limits)?;
        }
        let credential = match password {
            Some(password) => Box::pin(self.verify_password(&name, password)).await?,
            None => Credential::None,
        };
        let has_proved = credential != Credential::None;
        let client = self.client().clone();
        let join = |reply| RoomRequest::Join { client, name, problem, resume, credential, reply };
        let joined = self.shared().room.ask(join).await.unwrap_or(Err(Refusal::ShuttingDown));
        if let Ok(joined) = &joined {
            if joined.was_detached {
                // Whoever comes back to a place that is held does not count: a connection may be bad.
                connection_limits.forgive_join(source, &config.limits);
            }
            if has_proved {
                connection_limits.forgive_password(source, &config.limits);
            }
        }
        joined
    }

    /// A name that the rules no longer allow. An account of that name keeps it, and a session that is
    /// resumed may have it.
    ///
    /// # Errors
    /// The problem, for everybody else.
    fn old_name(&self, name: &str, resumes: bool, problem: NameProblem) -> Result<Name, Refusal> {
        let name = name.trim();
        let was_one = name.len() <= MAX_BYTES && clean::line(name) == name;
        let may_be_theirs =
            || resumes || self.shared().access.access_state().account(name).is_some();
        match was_one && may_be_theirs() {
            true => Ok(Name::from_store(name)),
            false => Err(problem.into()),
        }
    }

    /// Verifies the password that a name needs. Returns [`Credential::None`] if it needs none.
    ///
    /// # Errors
    /// It is not, or it cannot be looked at now.
    async fn verify_password(&self, name: &Name, password: Secret) -> Result<Credential, Refusal> {
        let (access, config) = (&self.shared().access, self.shared().config());
        let access_state = access.access_state();
        let credential = match access_state.requirement(name.as_str(), config.access.mode) {
            Requirement::Nothing => return Ok(Credential::None),
            Requirement::RoomPassword => access_state.room_hash.clone().map(Credential::Room),
            Requirement::AccountPassword => {
                let account = access_state.account(name.as_str());
                account.map(|account| Credential::Account(account.hash.clone()))
            }
        };
        if !self.is_private() {
            return Err(Refusal::PasswordInsecure { name: name.to_string() });
        }
        let (connection_limits, source) =
            (&self.shared().connections.connection_limits, &self.client().source);
        // Counted before it is known, so that many at once do not get through. It stays counted
        // until they are in: looking at a right one costs as much, and a banned name has one, too.
        connection_limits.try_password(source, &config.limits)?;
        let hash = match &credential {
            Some(Credential::Room(hash) | Credential::Account(hash)) => Some(hash.clone()),
            Some(Credential::None) | None => None,
        };
        match (access.passwords.is_right(hash, password).await, credential) {
            (Ok(true), Some(credential)) => return Ok(credential),
            (Ok(_), _) => {}
            (Err(refusal), _) => {
                connection_limits.forgive_password(source, &config.limits);
                return Err(refusal);
            }
        }
        let address = source.ip();
        info!(
            event = "wrong-password",
            name = name.as_str(),
            address = address.to_string(),
            "wrong password given for {} from {address}",
            word(name.as_str())
        );
        Err(Refusal::WrongPassword)
    }

    /// Whether nobody on the way can read what is sent.
    fn is_private(&self) -> bool {
        !self.connection.transport.is_plain() || self.client().source.is_this_machine()
    }

    /// Whether this person may ask for that, as far as it depends on what this connection knows.
    /// Whether they are muted, only the room knows for sure.
    pub(super) fn permit(&self, permission: Permission) -> Result<(), Denial> {
        let is_operator =
            |name: &Name| self.shared().access.access_state().is_operator(name.as_str());
        let role = match self.stage {
            Stage::New | Stage::Naming | Stage::Password => Role::NotJoined,
            Stage::Over => Role::Leaving,
            Stage::Joined if permission == Permission::Moderate => match &self.name {
                Some(name) if is_operator(name) => Role::Operator,
                _ => Role::Joined,
            },
            Stage::Joined => Role::Joined,
        };
        permission::check(role, permission)
    }

    /// Tells the person that they may not.
    pub(super) fn deny(&self, denial: Denial, id: Option<String>) {
        let refusal = match denial {
            Denial::Silence => return,
            Denial::NotJoined => Refusal::NotJoined,
            Denial::AlreadyJoined => Refusal::AlreadyJoined,
            Denial::Muted | Denial::NotAnOperator => Refusal::NotPermitted,
        };
        self.refuse(refusal, id);
    }

    /// Does what an operator wants who is in the room.
    pub(super) async fn moderate(&mut self, action: ModerationAction, id: Option<String>) {
        let Some(name) = self.name.clone() else { return };
        // Everybody is shown some of it, as what is said.
        self.apply_rate_limit().await;
        // Operators may be muted, too, and everything in its order.
        let session = self.client().session();
        let may = |reply| RoomRequest::May { session, permission: Permission::Moderate, reply };
        let may = self.shared().room.ask(may).await.unwrap_or(Err(Refusal::ShuttingDown));
        let done = match may {
            Ok(()) => {
                let (by, shared) = (By::Account(name.to_string()), self.connection.shared.clone());
                // In a task of its own: what was begun is done to its end, and noted, also where
                // this connection ends meanwhile.
                let done =
                    tokio::spawn(async move { moderation::moderate(&shared, by, action).await });
                done.await.unwrap_or(Err(Refusal::ShuttingDown))
            }
            Err(refusal) => Err(refusal),
        };
        match done {
            Ok(Moderated { said: message, affected }) => {
                let affected = affected.map(|affected| affected.people);
                self.client().answer(&Answer::Moderated { message, affected, id });
            }
            Err(refusal) => self.refuse(refusal, id),
        }
    }

    /// How long there is to give a name, and a password if it needs one.
    pub(super) fn naming_time(&self) -> Duration {
        self.shared().config().timeouts.name
    }
}
