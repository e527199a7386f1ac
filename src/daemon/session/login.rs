//! Lets a user in: with a name, and with a password if the name requires one. Afterwards, checks
//! the user's permissions.

use chatroom::access::{Credential, Requirement};
use chatroom::clean::{self, word};
use chatroom::names::{MAX_BYTES, Name, NameProblem};
use chatroom::permission::{self, Denial, Permission, Role};
use chatroom::room::Refusal;
use chatroom::secret::Secret;
use chatroom::wire::json::Resume;
use tracing::info;

use super::phase::Phase;
use super::reader::silence_seconds;
use super::requests::Requests;
use super::told;
use crate::room_thread::{Joined, RoomRequest};

/// Joins the room with a name, and resumes a session if there is one to resume. Tells the user if that
/// fails.
pub(super) async fn join(
    requests: &mut Requests<'_>,
    name: &str,
    resume: Option<Resume>,
    password: Option<Secret>,
) {
    let joined = try_join(requests, name, resume, password, true).await;
    conclude(requests, joined);
}

/// Joins the room with a name that was given before, and its password.
pub(super) async fn give_password(requests: &mut Requests<'_>, name: &Name, password: Secret) {
    // The attempt was counted when the name was given.
    let joined = try_join(requests, name.as_str(), None, Some(password), false).await;
    conclude(requests, joined);
}

fn conclude(requests: &mut Requests<'_>, joined: Result<Joined, Refusal>) {
    match joined {
        Ok(Joined { name, resumed, .. }) => {
            told::joined(&name, resumed, requests.client(), &requests.shared().watchers);
            requests.client().traffic.touch();
            requests.phase = Phase::Joined { silence: silence_seconds(requests.shared()) };
        }
        Err(Refusal::PasswordNeeded { name }) if !is_private(requests) => {
            requests.is_name_refused = true;
            requests.refuse(Refusal::PasswordInsecure { name }, None);
        }
        Err(Refusal::PasswordNeeded { name })
            if requests.client().dialect().has_login_dialogue() =>
        {
            requests
                .inform(format!("The name {name} needs a password. Type it, then press enter!"));
            requests.phase = Phase::Password(Name::from_store(&name));
        }
        Err(refusal) => {
            requests.is_name_refused = true;
            requests.refuse(refusal, None);
        }
    }
}

async fn try_join(
    requests: &Requests<'_>,
    name: &str,
    resume: Option<Resume>,
    password: Option<Secret>,
    counts: bool,
) -> Result<Joined, Refusal> {
    let (config, source) = (requests.shared().config(), &requests.client().source);
    let connection_limits = &requests.shared().connections.connection_limits;
    let (name, problem) = match Name::new(name) {
        Ok(name) => (name, None),
        Err(problem) => (old_name(requests, name, resume.is_some(), problem)?, Some(problem)),
    };
    if counts {
        connection_limits.join(source, &config.limits)?;
    }
    let credential = match password {
        Some(password) => Box::pin(verify_password(requests, &name, password)).await?,
        None => Credential::None,
    };
    let has_proved = credential != Credential::None;
    let client = requests.client().clone();
    let join = |reply| RoomRequest::Join { client, name, problem, resume, credential, reply };
    let joined = requests.shared().room.ask(join).await.unwrap_or(Err(Refusal::ShuttingDown))?;
    if joined.was_detached {
        // Coming back to a place that was kept does not count: the network may be bad.
        connection_limits.forgive_join(source, &config.limits);
    }
    if has_proved {
        connection_limits.forgive_password(source, &config.limits);
    }
    Ok(joined)
}

/// A name that the rules no longer allow. An account of that name keeps it, and so does a session that
/// is resumed.
///
/// # Errors
/// The problem, in all other cases.
fn old_name(
    requests: &Requests<'_>,
    name: &str,
    resumes: bool,
    problem: NameProblem,
) -> Result<Name, Refusal> {
    let name = name.trim();
    let was_allowed = name.len() <= MAX_BYTES && clean::line(name) == name;
    let can_be_theirs =
        || resumes || requests.shared().access.access_state().account(name).is_some();
    match was_allowed && can_be_theirs() {
        true => Ok(Name::from_store(name)),
        false => Err(problem.into()),
    }
}

/// Verifies the password that a name needs. Returns [`Credential::None`] if it needs none.
///
/// # Errors
/// The password is wrong, or cannot be verified now.
async fn verify_password(
    requests: &Requests<'_>,
    name: &Name,
    password: Secret,
) -> Result<Credential, Refusal> {
    let (access, config) = (&requests.shared().access, requests.shared().config());
    let access_state = access.access_state();
    let credential = match access_state.requirement(name.as_str(), config.access.mode) {
        Requirement::Nothing => return Ok(Credential::None),
        Requirement::RoomPassword => access_state.room_hash.clone().map(Credential::Room),
        Requirement::AccountPassword => {
            let account = access_state.account(name.as_str());
            account.map(|account| Credential::Account(account.hash.clone()))
        }
    };
    if !is_private(requests) {
        return Err(Refusal::PasswordInsecure { name: name.to_string() });
    }
    let source = &requests.client().source;
    let connection_limits = &requests.shared().connections.connection_limits;
    // Counted before the outcome is known, so that many attempts at once do not get through. It stays
    // counted until the user is in: verifying a right password costs as much, and the user of a
    // banned name has one, too.
    connection_limits.try_password(source, &config.limits)?;
    let hash = match &credential {
        Some(Credential::Room(hash) | Credential::Account(hash)) => Some(hash.clone()),
        Some(Credential::None) | None => None,
    };
    match (access.passwords.is_right(hash, password).await, credential) {
        (Ok(true), Some(credential)) => Ok(credential),
        (Ok(_), _) => {
            note_wrong_password(requests, name);
            Err(Refusal::WrongPassword)
        }
        (Err(refusal), _) => {
            connection_limits.forgive_password(source, &config.limits);
            Err(refusal)
        }
    }
}

fn note_wrong_password(requests: &Requests<'_>, name: &Name) {
    let (name, address) = (name.as_str(), requests.client().source.ip().to_string());
    let shown = word(name);
    info!(
        event = "wrong-password",
        name, address, "wrong password given for {shown} from {address}"
    );
}

/// Whether the connection is safe from eavesdropping.
fn is_private(requests: &Requests<'_>) -> bool {
    !requests.connection.transport.is_plain() || requests.client().source.is_this_machine()
}

impl Requests<'_> {
    /// Checks a permission as far as this connection knows the user's role. Only the room knows
    /// whether they are muted, and checks again.
    pub(super) fn permit(&self, permission: Permission) -> Result<(), Denial> {
        let is_operator = || {
            // Other permissions do not depend on it, and looking it up takes a while.
            permission == Permission::Moderate
                && self.client().name().is_some_and(|name| {
                    self.shared().access.access_state().is_operator(name.as_str())
                })
        };
        let role = match self.phase {
            Phase::New | Phase::Naming | Phase::Password(_) => Role::NotJoined,
            Phase::Joined { .. } => Role::of_member(false, is_operator),
            Phase::Over => Role::Leaving,
        };
        permission::check(role, permission)
    }

    /// Tells the user that a permission was denied.
    pub(super) fn deny(&self, denial: Denial, id: Option<String>) {
        if let Some(refusal) = denial.refusal(None) {
            self.refuse(refusal, id);
        }
    }
}
