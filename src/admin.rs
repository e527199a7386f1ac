//! What `chatctl` and `chatroomd` say to each other over the admin socket, and where that is.
//!
//! One request is one line of JSON, and so is its reply. A connection may carry several.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::Act;
use crate::config::Level;
use crate::secret::Secret;
use crate::xdg::state_home;

/// The name of the admin socket in the runtime folder.
pub const SOCKET_NAME: &str = "admin.sock";

/// The runtime folder of the service, and of root.
const SYSTEM_RUNTIME: &str = "/run/chatroomd";

/// The longest request, in bytes with its line end.
pub const MOST_REQUEST_BYTES: usize = 64 * 1024;

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "kebab-case")]
pub enum Request {
    /// Answered after a round trip through everything that serves the chat.
    Ping,
    Users,
    Status,
    Say {
        text: String,
    },
    /// What operators do.
    Moderate {
        #[serde(flatten)]
        act: Act,
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
        since: Option<Timestamp>,
        until: Option<Timestamp>,
        from: Option<String>,
        grep: Option<String>,
        limit: usize,
        /// Waits, for some seconds, until there is something.
        wait: bool,
    },
    /// Takes the text of records away.
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
    LogLevel {
        /// None only asks for the present one.
        level: Option<Level>,
    },
}

impl Request {
    /// The word for it in the log.
    pub fn command(&self) -> &'static str {
        match self {
            Request::Ping => "ping",
            Request::Users => "users",
            Request::Status => "status",
            Request::Say { .. } => "say",
            Request::Moderate { act } => act.as_str(),
            Request::Bans => "bans",
            Request::Audit { .. } => "audit",
            Request::Account { what } => what.as_str(),
            Request::History { .. } => "history",
            Request::Redact { .. } => "redact",
            Request::Backup => "backup",
            Request::Reload => "reload",
            Request::Shutdown { .. } => "shutdown",
            Request::CancelShutdown => "cancel-shutdown",
            Request::LogLevel { .. } => "log-level",
        }
    }

    /// Whom or what it is about, for the log.
    pub fn target(&self) -> Option<String> {
        match self {
            Request::Moderate { act } => Some(act.target()),
            Request::Account { what } => what.name().map(str::to_owned),
            Request::Say { text } => Some(text.clone()),
            Request::Redact { targets } => {
                let targets: Vec<String> = targets.iter().map(u64::to_string).collect();
                Some(targets.join(" "))
            }
            Request::LogLevel { level: Some(level) } => Some(level.to_string()),
            Request::Shutdown { after, .. } => Some(format!("in {after} s")),
            _ => None,
        }
    }
}

/// What the daemon replies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Done,
    /// Done, with something that the operator should know, a line each.
    DoneWith(Vec<String>),
    Users(Vec<User>),
    Status(Box<Status>),
    LogLevel(Level),
    /// Done, and what it was in a sentence.
    Said(String),
    Bans(Vec<Ban>),
    Audit(Vec<AuditEntry>),
    Accounts(Vec<AccountInfo>),
    /// Records as in the JSON protocol, and whether there are more.
    History(Vec<serde_json::Value>, bool),
    /// So many bytes follow.
    Backup(u64),
    /// Not done, and why.
    Refused {
        code: RefusalCode,
        message: String,
    },
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

/// A ban or a mute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// `ban` or `mute`.
    pub kind: String,
    /// A name, an address or a network.
    pub target: String,
    /// None is until it is taken back.
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
    pub since: Timestamp,
    /// Who has done it.
    pub by: String,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub time: Timestamp,
    /// The account, or the user and process as the system knows them.
    pub by: String,
    pub what: String,
    pub target: String,
}

/// Somebody who has an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    pub name: String,
    pub operator: bool,
    pub locked: bool,
    pub since: Timestamp,
}

/// Why a request of an operator was not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    NoSuchUser,
    /// The configuration file has problems.
    Configuration,
    /// The request itself is wrong.
    BadRequest,
    /// It cannot be done now.
    Failed,
}

/// A person in the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    /// IP address and port.
    pub address: String,
    /// `text` or `json`.
    pub dialect: String,
    pub since: Timestamp,
    /// Seconds since the connection was lost, while the place is held; else none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away_seconds: Option<u64>,
    /// Seconds since the last line that was not a keep-alive.
    pub idle_seconds: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// How many records of the room are not yet written to this connection.
    pub behind: u64,
}

/// How the daemon is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub room: String,
    pub since: Timestamp,
    /// The addresses on which it really listens.
    pub listen: Vec<String>,
    /// The configuration file; none where it runs on its defaults.
    pub config: Option<PathBuf>,
    pub log_level: Level,
    /// Who has given a name.
    pub people: usize,
    /// Who is connected, with or without a name.
    pub connections: usize,
    /// The most connections that there may be; 0 is no limit.
    pub connections_limit: usize,
    /// Connections accepted since the start.
    pub accepted: u64,
    pub epoch: u32,
    /// The number of the newest record.
    pub seq: u64,
    /// Messages and actions since the start.
    pub messages: u64,
    /// Whether there is a history on disk, the oldest record in it and its size in bytes.
    pub history: bool,
    pub history_oldest: u64,
    pub history_bytes: u64,
    /// Whether messages are refused because they cannot be stored.
    pub degraded: bool,
    /// How many records the window in memory holds, and about how many bytes they take.
    pub window_records: u64,
    pub window_bytes: usize,
    pub window_limit: usize,
    /// Ended connections, counted by the reason.
    pub ended: std::collections::BTreeMap<String, u64>,
    /// Lines of the log that were dropped because the journal did not take them.
    pub log_lines_dropped: u64,
    /// Seconds until the shutdown that was asked for, if one was.
    pub shutdown_in_seconds: Option<u64>,
    /// How often a connection was slowed that sent too fast.
    pub slowed: u64,
    /// The addresses that have to wait at present.
    pub limited: Vec<Limited>,
}

/// An address that has met a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    /// An address, or an IPv6 network.
    pub address: String,
    /// The limit, as in `connects too often`.
    pub what: String,
    /// How long it has to wait.
    pub seconds: u64,
}

/// Where `chatctl` looks for the socket when it is not told: for each place that it could be, the
/// likeliest first. `env` looks up an environment variable.
pub fn socket_candidates(env: impl Fn(&str) -> Option<String>) -> Vec<PathBuf> {
    let mut places = vec![Path::new(SYSTEM_RUNTIME).join(SOCKET_NAME)];
    places.extend(user_runtime_folder(&env).map(|folder| folder.join(SOCKET_NAME)));
    places
}

/// The folder for the admin socket: systemd's, else the configured one, else the user's.
///
/// Where there is none at all (no session, no systemd, not root), it is a folder in `/tmp` that is
/// named after the user, which the caller has to make private.
pub fn runtime_folder(
    env: impl Fn(&str) -> Option<String>,
    configured: Option<&Path>,
    uid: u32,
) -> PathBuf {
    first_of_list(&env, "RUNTIME_DIRECTORY")
        .or_else(|| configured.map(Path::to_owned))
        .or_else(|| user_runtime_folder(&env))
        .unwrap_or_else(|| match uid {
            0 => PathBuf::from(SYSTEM_RUNTIME),
            _ => fallback_runtime_folder(uid),
        })
}

/// The folder for what is kept over a restart: systemd's, else the configured one, else the user's.
pub fn state_folder(
    env: impl Fn(&str) -> Option<String>,
    configured: Option<&Path>,
) -> Option<PathBuf> {
    first_of_list(&env, "STATE_DIRECTORY")
        .or_else(|| configured.map(Path::to_owned))
        .or_else(|| state_home(&env).map(|base| base.join("chatroomd")))
}

/// systemd separates several folders by colons; the first is ours.
fn first_of_list(env: impl Fn(&str) -> Option<String>, name: &str) -> Option<PathBuf> {
    let list = env(name)?;
    list.split(':').next().filter(|first| !first.is_empty()).map(PathBuf::from)
}

/// The folder in `/tmp` that stands in for a runtime folder.
pub fn fallback_runtime_folder(uid: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/chatroomd-{uid}"))
}

fn user_runtime_folder(env: &impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let base = env("XDG_RUNTIME_DIR").filter(|base| base.starts_with('/'))?;
    Some(Path::new(&base).join("chatroomd"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<String> {
        move |key| pairs.iter().find(|(name, _)| *name == key).map(|(_, value)| value.to_string())
    }

    #[test]
    fn the_daemon_and_chatctl_agree_on_the_place() {
        let session = env(&[("XDG_RUNTIME_DIR", "/run/user/7")]);
        let folder = runtime_folder(&session, None, 7);
        assert!(socket_candidates(&session).contains(&folder.join(SOCKET_NAME)));
        let bare = env(&[]);
        let folder = runtime_folder(&bare, None, 0);
        assert!(socket_candidates(&bare).contains(&folder.join(SOCKET_NAME)));
    }

    #[test]
    fn systemd_comes_before_the_configuration() {
        let service = env(&[("RUNTIME_DIRECTORY", "/run/chatroomd:/run/other")]);
        let configured = Some(Path::new("/somewhere"));
        assert_eq!(runtime_folder(&service, configured, 5), Path::new("/run/chatroomd"));
        assert_eq!(runtime_folder(env(&[]), configured, 5), Path::new("/somewhere"));
        assert_eq!(runtime_folder(env(&[]), None, 5), Path::new("/tmp/chatroomd-5"));
    }
}
