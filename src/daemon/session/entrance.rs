//! Coming in: a name, and the password if it needs one; and what one may do then.

use std::time::Duration;

use chatroom::access::{Act, Proof, Requirement};
use chatroom::clean::{self, word};
use chatroom::handover::Stage;
use chatroom::names::{MOST_BYTES, Name, NameProblem};
use chatroom::permission::{self, Denial, Doing, Standing};
use chatroom::room::Refusal;
use chatroom::secret::Secret;
use chatroom::wire::json::Resume;
use chatroom::wire::{Answer, Dialect};
use tracing::info;

use super::reader::Reader;
use crate::access::By;
use crate::access::moderation;
use crate::access::targets::Moderated;
use crate::room_thread::{Joined, Submission};

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
                super::told::joined(&name, resumed, self.outlet(), watchers);
                self.outlet().traffic.touch();
                self.silence = super::reader::silence_seconds(self.shared());
                (self.stage, self.name) = (Stage::Joined, Some(name));
            }
            Err(Refusal::PasswordNeeded { name }) if !self.is_private() => {
                self.is_name_refused = true;
                self.refuse(Refusal::PasswordInsecure { name }, None);
            }
            Err(Refusal::PasswordNeeded { name }) if self.outlet().dialect() == Dialect::Text => {
                let message =
                    format!("The name {name} needs a password. Type it, then press enter!");
                self.outlet().answer(&Answer::Info { message, id: None });
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
        let (guard, config) = (&self.shared().connections.guard, self.shared().config());
        let source = &self.outlet().source;
        let (name, problem) = match Name::new(name) {
            Ok(name) => (name, None),
            Err(problem) => (self.old_name(name, resume.is_some(), problem)?, Some(problem)),
        };
        // With text, the password comes after the name, which was counted.
        if self.stage != Stage::Password {
            guard.join(source, &config.limits)?;
        }
        let proof = match password {
            Some(password) => Box::pin(self.prove(&name, password)).await?,
            None => Proof::None,
        };
        let has_proved = proof != Proof::None;
        let outlet = self.outlet().clone();
        let join = |reply| Submission::Join { outlet, name, problem, resume, proof, reply };
        let joined = self.shared().room.ask(join).await.unwrap_or(Err(Refusal::ShuttingDown));
        if let Ok(joined) = &joined {
            if joined.was_detached {
                // Whoever comes back to a place that is held does not count: a connection may be bad.
                guard.forgive_join(source, &config.limits);
            }
            if has_proved {
                guard.forgive_password(source, &config.limits);
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
        let was_one = name.len() <= MOST_BYTES && clean::line(name) == name;
        let may_be_theirs = || resumes || self.shared().access.registry().account(name).is_some();
        match was_one && may_be_theirs() {
            true => Ok(Name::from_store(name)),
            false => Err(problem.into()),
        }
    }

    /// Looks whether this is the password that the name needs. Gives no proof if it needs none.
    ///
    /// # Errors
    /// It is not, or it cannot be looked at now.
    async fn prove(&self, name: &Name, password: Secret) -> Result<Proof, Refusal> {
        let (access, config) = (&self.shared().access, self.shared().config());
        let registry = access.registry();
        let proof = match registry.requirement(name.as_str(), config.access.mode) {
            Requirement::Nothing => return Ok(Proof::None),
            Requirement::RoomPassword => registry.room_hash.clone().map(Proof::Room),
            Requirement::AccountPassword => {
                let account = registry.account(name.as_str());
                account.map(|account| Proof::Account(account.hash.clone()))
            }
        };
        if !self.is_private() {
            return Err(Refusal::PasswordInsecure { name: name.to_string() });
        }
        let (guard, source) = (&self.shared().connections.guard, &self.outlet().source);
        // Counted before it is known, so that many at once do not get through. It stays counted
        // until they are in: looking at a right one costs as much, and a banned name has one, too.
        guard.try_password(source, &config.limits)?;
        let hash = match &proof {
            Some(Proof::Room(hash) | Proof::Account(hash)) => Some(hash.clone()),
            Some(Proof::None) | None => None,
        };
        match (access.passwords.is_right(hash, password).await, proof) {
            (Ok(true), Some(proof)) => return Ok(proof),
            (Ok(_), _) => {}
            (Err(refusal), _) => {
                guard.forgive_password(source, &config.limits);
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
        !self.connection.transport.is_plain() || self.outlet().source.is_this_machine()
    }

    /// Whether this person may ask for that, as far as it depends on what this connection knows.
    /// Whether they are muted, only the room knows for sure.
    pub(super) fn permit(&self, doing: Doing) -> Result<(), Denial> {
        let is_operator = |name: &Name| self.shared().access.registry().is_operator(name.as_str());
        let standing = match self.stage {
            Stage::New | Stage::Naming | Stage::Password => Standing::NotJoined,
            Stage::Over => Standing::Leaving,
            Stage::Joined if doing == Doing::Moderate => match &self.name {
                Some(name) if is_operator(name) => Standing::Operator,
                _ => Standing::Joined,
            },
            Stage::Joined => Standing::Joined,
        };
        permission::check(standing, doing)
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
    pub(super) async fn moderate(&mut self, act: Act, id: Option<String>) {
        let Some(name) = self.name.clone() else { return };
        // Everybody is shown some of it, as what is said.
        self.keep_pace().await;
        // Operators may be muted, too, and everything in its order.
        let session = self.outlet().session();
        let may = |reply| Submission::May { session, doing: Doing::Moderate, reply };
        let may = self.shared().room.ask(may).await.unwrap_or(Err(Refusal::ShuttingDown));
        let done = match may {
            Ok(()) => {
                let (by, shared) = (By::Account(name.to_string()), self.connection.shared.clone());
                // In a task of its own: what was begun is done to its end, and noted, also where
                // this connection ends meanwhile.
                let done =
                    tokio::spawn(async move { moderation::moderate(&shared, by, act).await });
                done.await.unwrap_or(Err(Refusal::ShuttingDown))
            }
            Err(refusal) => Err(refusal),
        };
        match done {
            Ok(Moderated { said: message, affected }) => {
                let affected = affected.map(|affected| affected.people);
                self.outlet().answer(&Answer::Moderated { message, affected, id });
            }
            Err(refusal) => self.refuse(refusal, id),
        }
    }

    /// How long there is to give a name, and a password if it needs one.
    pub(super) fn naming_time(&self) -> Duration {
        self.shared().config().timeouts.name
    }
}
