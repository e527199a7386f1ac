//! The audit of operators' actions. An entry is stored before its action, or together with it.

use std::fmt;

use chatroom::access::ModerationAction;
use chatroom::admin::{Affected, AuditEntry};
use chatroom::clean;
use chatroom::room::Refusal;
use jiff::Timestamp;
use tracing::{error, info};

use crate::users::{self, Users};

/// The operator who does something.
#[derive(Debug, Clone)]
pub enum Actor {
    /// A user of `chatctl`, as the kernel reports it.
    Administrator { uid: u32, pid: i32 },
    /// An operator in the room.
    Account(String),
}

/// The prefix of the stored form of an operator in the room.
const BY_ACCOUNT: &str = "account ";

impl Actor {
    /// The actor, for the log: "administrator root (uid 0)", or the name of an operator in the room.
    pub fn named(&self) -> String {
        match self {
            Actor::Administrator { uid, .. } => format!("administrator {}", users::shown(*uid)),
            Actor::Account(name) => clean::word(name).into_owned(),
        }
    }

    /// Whether this actor can undo an action of another one, who is stored as `by`. Operators in
    /// the room cannot undo actions of `chatctl`.
    pub fn may_undo(&self, by: &str) -> bool {
        matches!(self, Actor::Administrator { .. }) || by.starts_with(BY_ACCOUNT)
    }
}

/// The form in which an actor is stored.
impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Actor::Administrator { uid, pid } => write!(f, "uid {uid}, process {pid}"),
            Actor::Account(name) => write!(f, "{BY_ACCOUNT}{name}"),
        }
    }
}

/// An action of an operator, for the audit and the log.
#[derive(Debug, Clone)]
pub struct AuditEvent {
    /// The word for the action.
    pub what: &'static str,
    pub target: String,
    /// The log line that follows the actor, as "banned bo for 1 h: spam". None if the request is
    /// logged elsewhere.
    pub done: Option<String>,
}

impl AuditEvent {
    /// A moderation action, with the number of users that it affects.
    pub fn affecting(action: &ModerationAction, affected: &Affected) -> AuditEvent {
        let remark = format!(" ({})", affected.people());
        let (target, done) = (action.target_with(&remark), action.done_with(&remark));
        AuditEvent { what: action.as_str(), target, done: Some(done) }
    }

    pub(super) fn entry(&self, by: &Actor) -> AuditEntry {
        AuditEntry {
            time: Timestamp::now(),
            by: by.to_string(),
            what: self.what.to_owned(),
            target: clean::line(&self.target).into_owned(),
            uid: None,
        }
    }

    /// Logs that it was done.
    pub fn log(&self, by: &Actor) {
        let Some(done) = &self.done else { return };
        let (shown, _) = Users::read().resolve(&by.to_string());
        let target = clean::line(&self.target);
        info!(
            event = "moderation",
            by = shown,
            act = self.what,
            target = &*target,
            "{} {done}",
            by.named()
        );
    }
}

impl From<&ModerationAction> for AuditEvent {
    fn from(action: &ModerationAction) -> AuditEvent {
        let (target, done) = (action.target(), Some(action.done()));
        AuditEvent { what: action.as_str(), target, done }
    }
}

/// An entry of the audit that can be withdrawn.
pub struct AuditId(pub(super) i64);

/// Logs that an entry could not be stored, and returns the message for the operator.
pub(super) fn not_stored(failure: &rusqlite::Error) -> Refusal {
    error!(event = "store-failed", "cannot write to the audit: {failure}");
    Refusal::AuditUnwritable
}
