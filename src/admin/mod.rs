//! What `chatctl` and `chatroomd` say to each other over the admin socket, and where that is.
//!
//! One request is one line of JSON, and so is its reply. A connection may carry several.

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

/// The longest request, in bytes with its line end.
pub const MAX_REQUEST_BYTES: usize = 64 * 1024;

/// So many records are redacted with one request at the most, so that the room never waits for it.
pub const MAX_REDACTED: usize = 256;

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum AdminRequest {
    /// Answered after a round trip through everything that serves the chat.
    Ping,
    Users,
    Status,
    /// What the daemon measures of itself, as OpenMetrics text.
    Metrics,
    /// Looks at the whole installation.
    Examine,
    Say {
        text: String,
    },
    /// What operators do.
    Moderate {
        #[serde(flatten)]
        action: ModerationAction,
    },
    /// Whom a ban or a mute of this target would hit.
    Affected {
        target: String,
    },
    /// The bans and mutes that are in force.
    Bans,
    /// The last things that operators did.
    Audit {
        limit: usize,
    },
    Account {
        #[serde(flatten)]
        what: AccountRequest,
    },
    /// What was said before.
    History {
        /// Only what comes after this record; then the first ones are given, else the last.
        after: Option<u64>,
        /// Only what comes before this record.
        #[serde(default)]
        before: Option<u64>,
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        from: Option<String>,
        grep: Option<String>,
        limit: usize,
        /// Waits, for some seconds, until there is something.
        wait: bool,
    },
    /// Tells of what happens from now on, or from after a record on, until the connection is closed:
    /// after the answer a line each, a record or a [`Watched`].
    Watch {
        after: Option<u64>,
        /// In which epoch that is.
        epoch: Option<u32>,
    },
    /// The numbers of what a user has said, of a bounded part of the history.
    MessagesBy {
        name: String,
        since: Option<Timestamp>,
        /// Only what comes after this record.
        after: u64,
    },
    /// Takes the text of records away, [`MAX_REDACTED`] at a time.
    Redact {
        targets: Vec<u64>,
    },
    /// The answer is followed by so many bytes of a database file.
    Backup,
    Reload,
    Shutdown {
        /// Seconds from now.
        after: u64,
        message: Option<String>,
    },
    /// Takes back a shutdown that was set for later.
    CancelShutdown,
    /// Gives all connections to the manager for the process that it is about to start.
    HandOver,
    LogLevel {
        /// None only asks for the present one.
        level: Option<Level>,
    },
}

impl AdminRequest {
    /// The newest `limit` records, whatever they are.
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

    /// The word for it in the log.
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

    /// What is asked for, as the log tells it: "kick bo: too loud".
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

    /// Whom or what it is about, for the log.
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

/// Numbers of records, as "7" or "3 records, 7 to 12".
pub fn summary(targets: &[u64]) -> String {
    match targets {
        [] => String::new(),
        [target] => target.to_string(),
        [first, .., last] => format!("{} records, {first} to {last}", targets.len()),
    }
}

/// What is done with accounts.
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
    /// Makes somebody an operator in the room, or takes that away.
    Operator {
        name: String,
        on: bool,
    },
}

impl AccountRequest {
    /// The words for it in the log and the audit.
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

    /// What was done to the account of that name, as the log tells it.
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

    /// Whose account.
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
