//! The protocol between `chatctl` and `chatroomd` on the admin socket, and the path of that socket.
//!
//! Each request is one line of JSON, and so is each reply. A connection can carry several requests.

mod affected;
mod auditing;
mod finding;
mod places;
mod reload;
mod reply;
mod watch;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::ModerationAction;
use crate::clean::{line, word};
use crate::config::Level;
use crate::secret::Secret;

pub use affected::Affected;
pub use auditing::Auditing;
pub use finding::{Finding, Verdict};
pub use places::{
    SOCKET_NAME, fallback_runtime_folder, runtime_folder, socket_candidates, state_folder,
};
pub use reload::{CertificateInForce, PasswordInForce, Reloaded, in_force, waits};
pub use reply::{
    AccountInfo, AuditEntry, Ban, Limited, MessagesBy, Redaction, RefusalCode, Reply, Status, User,
};
pub use watch::Watched;

/// The maximum length of a request in bytes, including the line end.
pub const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// The maximum number of records that one request can redact, so that the room never waits for it.
pub const MAX_REDACTED: usize = 256;

/// A request of an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum AdminRequest {
    /// Is answered after a round trip through every thread that serves the chat.
    Ping,
    Users,
    Status,
    /// Returns the daemon's metrics as OpenMetrics text.
    Metrics,
    /// Checks the whole installation.
    Examine,
    Say {
        text: String,
    },
    /// Carries out a moderation action.
    Moderate {
        #[serde(flatten)]
        action: ModerationAction,
    },
    /// Returns the users that a ban or a mute of this target would affect.
    Affected {
        target: String,
    },
    /// Lists the bans and mutes in force.
    Bans,
    /// Lists the latest actions of operators.
    Audit {
        limit: usize,
    },
    Account {
        #[serde(flatten)]
        what: AccountRequest,
    },
    /// Returns records of the history.
    History {
        /// Only records after this one, the earliest first; otherwise, the latest records are
        /// returned.
        after: Option<u64>,
        /// Only records before this one.
        #[serde(default)]
        before: Option<u64>,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        from: Option<String>,
        grep: Option<String>,
        limit: usize,
        /// Whether to wait some seconds for a record if there is none.
        wait: bool,
    },
    /// Follows the room from now on, or from after a record on, until the connection is closed. The
    /// answer is followed by one line for each event: a record or a [`Watched`].
    Watch {
        after: Option<u64>,
        /// The epoch of that record.
        epoch: Option<u32>,
    },
    /// Returns the numbers of the messages of a user in a bounded part of the history.
    MessagesBy {
        name: String,
        since: Option<Timestamp>,
        /// Only messages after this record.
        after: u64,
    },
    /// Removes the text of records, at most [`MAX_REDACTED`] at a time.
    Redact {
        targets: Vec<u64>,
    },
    /// Returns a backup: the answer states a length, and that many bytes of a database file follow.
    Backup,
    Reload,
    Shutdown {
        /// The delay in seconds.
        after: u64,
        message: Option<String>,
    },
    /// Cancels a scheduled shutdown.
    CancelShutdown,
    /// Passes all connections to the service manager for the process that it is about to start.
    HandOver,
    LogLevel {
        /// The new level. None only returns the current one.
        level: Option<Level>,
    },
}

impl AdminRequest {
    /// Requests the newest `limit` records of any kind.
    pub fn newest(limit: usize) -> AdminRequest {
        AdminRequest::History {
            after: None,
            before: None,
            since: None,
            until: None,
            from: None,
            grep: None,
            limit,
            wait: false,
        }
    }

    /// The name of the request in the log.
    pub fn command(&self) -> &'static str {
        match self {
            AdminRequest::Ping => "ping",
            AdminRequest::Users => "users",
            AdminRequest::Status => "status",
            AdminRequest::Metrics => "metrics",
            AdminRequest::Examine => "doctor",
            AdminRequest::Say { .. } => "say",
            AdminRequest::Moderate { action } => action.as_str(),
            AdminRequest::Affected { .. } => "affected",
            AdminRequest::Bans => "bans",
            AdminRequest::Audit { .. } => "audit",
            AdminRequest::Account { what } => what.as_str(),
            AdminRequest::History { .. } => "history",
            AdminRequest::Watch { .. } => "watch",
            AdminRequest::MessagesBy { .. } => "messages-by",
            AdminRequest::Redact { .. } => "redact",
            AdminRequest::Backup => "backup",
            AdminRequest::Reload => "reload",
            AdminRequest::Shutdown { .. } => "shutdown",
            AdminRequest::CancelShutdown => "cancel-shutdown",
            AdminRequest::HandOver => "hand-over",
            AdminRequest::LogLevel { .. } => "log-level",
        }
    }

    /// The request as it appears in the log: "kick bo: too loud".
    pub fn asked(&self) -> String {
        let command = self.command();
        match self {
            AdminRequest::Moderate { action } => action.asked(),
            AdminRequest::Say { text } => format!("say: {}", line(text)),
            AdminRequest::Shutdown { after, message } => {
                let when = if *after == 0 { String::new() } else { format!(" in {after} s") };
                let message = message.as_ref().map(|message| format!(": {}", line(message)));
                format!("shutdown{when}{}", message.unwrap_or_default())
            }
            AdminRequest::Redact { targets } if !targets.is_empty() => {
                format!("redact {}", summary(targets))
            }
            AdminRequest::LogLevel { level: Some(level) } => format!("log-level {level}"),
            AdminRequest::Account { what } => match what.name() {
                Some(name) => format!("{command} {}", word(name)),
                None => command.to_owned(),
            },
            _ => command.to_owned(),
        }
    }

    /// The target of the request, for the log.
    pub fn target(&self) -> Option<String> {
        match self {
            AdminRequest::Moderate { action } => Some(action.target()),
            AdminRequest::Account { what } => what.name().map(str::to_owned),
            AdminRequest::Say { text } => Some(text.clone()),
            AdminRequest::MessagesBy { name, .. } => Some(name.clone()),
            AdminRequest::Affected { target } => Some(target.clone()),
            AdminRequest::Redact { targets } => {
                let targets: Vec<String> = targets.iter().map(u64::to_string).collect();
                Some(targets.join(" "))
            }
            AdminRequest::LogLevel { level: Some(level) } => Some(level.to_string()),
            AdminRequest::Shutdown { after, .. } => Some(format!("in {after} s")),
            _ => None,
        }
    }
}

/// Summarizes record numbers as "7" or "3 records, 7 to 12".
pub fn summary(targets: &[u64]) -> String {
    match targets {
        [] => String::new(),
        [target] => target.to_string(),
        [first, .., last] => format!("{} records, {first} to {last}", targets.len()),
    }
}

/// An action on an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum AccountRequest {
    List,
    Add {
        name: String,
        password: Secret,
        operator: bool,
    },
    Remove {
        name: String,
    },
    Password {
        name: String,
        password: Secret,
    },
    Lock {
        name: String,
    },
    Unlock {
        name: String,
    },
    /// Grants or revokes the operator role in the room.
    Operator {
        name: String,
        on: bool,
    },
}

impl AccountRequest {
    /// The name of the action in the log and the audit.
    pub fn as_str(&self) -> &'static str {
        match self {
            AccountRequest::List => "account list",
            AccountRequest::Add { operator: false, .. } => "account add",
            AccountRequest::Add { operator: true, .. } => "account add operator",
            AccountRequest::Remove { .. } => "account remove",
            AccountRequest::Password { .. } => "account password",
            AccountRequest::Lock { .. } => "account lock",
            AccountRequest::Unlock { .. } => "account unlock",
            AccountRequest::Operator { on: true, .. } => "account operator",
            AccountRequest::Operator { on: false, .. } => "account no operator",
        }
    }

    /// The log message for this action on the account `name`.
    pub fn done(&self, name: &str) -> String {
        let name = word(name);
        match self {
            AccountRequest::List => "listed the accounts".to_owned(),
            AccountRequest::Add { operator: false, .. } => format!("added the account {name}"),
            AccountRequest::Add { operator: true, .. } => {
                format!("added the account {name} as an operator")
            }
            AccountRequest::Remove { .. } => format!("removed the account {name}"),
            AccountRequest::Password { .. } => format!("changed the password of {name}"),
            AccountRequest::Lock { .. } => format!("locked the account {name}"),
            AccountRequest::Unlock { .. } => format!("unlocked the account {name}"),
            AccountRequest::Operator { on: true, .. } => format!("made {name} an operator"),
            AccountRequest::Operator { on: false, .. } => {
                format!("took the operator's rights from {name}")
            }
        }
    }

    /// The name of the account.
    pub fn name(&self) -> Option<&str> {
        match self {
            AccountRequest::List => None,
            AccountRequest::Add { name, .. }
            | AccountRequest::Remove { name }
            | AccountRequest::Password { name, .. }
            | AccountRequest::Lock { name }
            | AccountRequest::Unlock { name }
            | AccountRequest::Operator { name, .. } => Some(name),
        }
    }
}

#[cfg(test)]
mod tests;
