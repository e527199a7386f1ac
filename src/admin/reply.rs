//! The replies of the daemon to `chatctl`.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Affected, Finding, Reloaded};
use crate::config::Level;

/// A reply of the daemon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Done,
    /// The request succeeded, with notes for the operator, one per line.
    DoneWith(Vec<String>),
    /// The configuration was reloaded.
    Reloaded(Box<Reloaded>),
    Users(Vec<User>),
    Status(Box<Status>),
    Metrics(String),
    Findings(Vec<Finding>),
    LogLevel(Level),
    /// The request succeeded; the result in a sentence.
    Said(String),
    /// The users that the target would affect.
    Affected(Affected),
    /// A ban or a mute is in force: its description in a sentence, and the users that it affected.
    Moderated {
        said: String,
        affected: Affected,
    },
    Bans(Vec<Ban>),
    Audit(Vec<AuditEntry>),
    Accounts(Vec<AccountInfo>),
    /// Records as in the JSON protocol, and whether there are more.
    History(Vec<serde_json::Value>, bool),
    /// A line for each event follows.
    Watching {
        room: String,
        epoch: u32,
        /// The last record that is not shown.
        seq: u64,
    },
    MessagesBy(MessagesBy),
    Redacted(Redaction),
    /// The number of bytes that follow.
    Backup(u64),
    /// The request was refused, and why.
    Refused {
        code: RefusalCode,
        message: String,
    },
}

impl Reply {
    /// Whether the request had an effect: false if it was refused, or if there was nothing to do.
    pub fn is_done(&self) -> bool {
        match self {
            Reply::Refused { .. } => false,
            Reply::Redacted(redaction) => !redaction.redacted.is_empty(),
            _ => true,
        }
    }
}

/// The messages of a user in a part of the history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagesBy {
    /// The numbers of the messages that still have their text.
    pub targets: Vec<u64>,
    /// The number of messages that were already redacted.
    pub already: u64,
    /// The last record of this part; none if the part extends to the end of the history.
    pub more_after: Option<u64>,
}

/// The result of redacting records.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// Records whose text was removed now.
    pub redacted: Vec<u64>,
    /// Records whose text was already removed.
    pub already: Vec<u64>,
    /// Records without text that could be removed: joins, leaves and the like.
    pub without_text: Vec<u64>,
    /// Records that do not exist, or no longer exist.
    pub missing: Vec<u64>,
    /// The oldest and the newest record of the history.
    pub oldest: u64,
    pub newest: u64,
}

/// A ban or a mute.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ban {
    /// `ban` or `mute`.
    pub kind: String,
    /// A name, an address or a network.
    pub target: String,
    /// The end of the sanction. None means permanent.
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
    pub since: Timestamp,
    /// The operator: the user and process as the system identifies them, or the account.
    pub by: String,
    /// The id of the system user, if the request came through `chatctl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

/// An entry of the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub time: Timestamp,
    /// The account, or the user and process as the system identifies them.
    pub by: String,
    /// The id of the system user, if the request came through `chatctl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
    pub what: String,
    pub target: String,
}

/// A user who has an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountInfo {
    pub name: String,
    pub operator: bool,
    pub locked: bool,
    pub since: Timestamp,
}

/// The reason why a request of an operator was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RefusalCode {
    NoSuchUser,
    /// The configuration file has problems.
    Configuration,
    /// The request itself is invalid.
    BadRequest,
    /// The request cannot be carried out at present.
    Failed,
}

/// A member of the room.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub name: String,
    /// The IP address and port, or the last ones if the connection is lost. Empty if unknown.
    pub address: String,
    /// `text` or `json`.
    pub dialect: String,
    pub since: Timestamp,
    /// The seconds since the connection was lost, if the user is detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away_seconds: Option<u64>,
    /// Whether the user can moderate in the room.
    #[serde(default)]
    pub operator: bool,
    /// Whether the user is muted.
    #[serde(default)]
    pub muted: bool,
    /// The seconds since the last line that was not a keep-alive.
    pub idle_seconds: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// The number of records of the room that are not yet written to this connection.
    pub behind: u64,
}

/// The status of the daemon.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub room: String,
    /// The topic of the room, empty if there is none.
    #[serde(default)]
    pub topic: String,
    /// The minimum number of seconds between two messages of one user. 0 is off.
    #[serde(default)]
    pub slow_seconds: u64,
    pub since: Timestamp,
    /// The addresses on which the daemon is actually listening.
    pub listen: Vec<String>,
    /// The configuration file; none if the daemon runs with its defaults.
    pub config: Option<PathBuf>,
    pub log_level: Level,
    /// The number of members.
    pub people: usize,
    /// The number of connections, with or without a name.
    pub connections: usize,
    /// The maximum number of connections. 0 is no limit.
    pub connections_limit: usize,
    /// The number of connections accepted since the start.
    pub accepted: u64,
    pub epoch: u32,
    /// The number of the newest record.
    pub seq: u64,
    /// The number of messages and actions since the start.
    pub messages: u64,
    /// Whether there is a history on disk, its oldest record and its size in bytes.
    pub history: bool,
    pub history_oldest: u64,
    pub history_bytes: u64,
    /// The size in bytes of the write-ahead log, which is part of the history.
    #[serde(default)]
    pub wal_bytes: u64,
    /// Whether another process that reads the history keeps the write-ahead log from shrinking.
    #[serde(default)]
    pub wal_held: bool,
    /// Whether messages are refused because they cannot be stored.
    pub degraded: bool,
    /// Failures that the daemon is currently retrying, each as a sentence.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Whether systemd has opened the ports.
    #[serde(default)]
    pub socket_activated: bool,
    /// The number of records in the window in memory, and their approximate size in bytes.
    pub window_records: u64,
    pub window_bytes: usize,
    pub window_limit: usize,
    /// The number of ended connections by reason.
    pub ended: std::collections::BTreeMap<String, u64>,
    /// The number of log lines that were dropped because the journal did not accept them.
    pub log_lines_dropped: u64,
    /// The seconds until the scheduled shutdown, if there is one.
    pub shutdown_in_seconds: Option<u64>,
    /// The number of times that a connection was slowed down because it sent too fast.
    pub slowed: u64,
    /// The addresses that are currently rate-limited.
    pub limited: Vec<Limited>,
}

/// An address that has reached a limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limited {
    /// An address, or an IPv6 network.
    pub address: String,
    /// The limit, as in `connects too often`.
    pub what: String,
    /// The seconds that the address has to wait.
    pub seconds: u64,
}
