//! What the daemon replies to `chatctl`.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Affected, Finding, Reloaded};
use crate::config::Level;

/// What the daemon replies.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    Done,
    /// Done, with something that the operator should know, a line each.
    DoneWith(Vec<String>),
    /// The configuration was read again.
    Reloaded(Box<Reloaded>),
    Users(Vec<User>),
    Status(Box<Status>),
    Metrics(String),
    Findings(Vec<Finding>),
    LogLevel(Level),
    /// Done, and what it was in a sentence.
    Said(String),
    /// Whom it would hit.
    Affected(Affected),
    /// A ban or a mute is in force: it in a sentence, and whom it has hit.
    Moderated {
        said: String,
        affected: Affected,
    },
    Bans(Vec<Ban>),
    Audit(Vec<AuditEntry>),
    Accounts(Vec<AccountInfo>),
    /// Records as in the JSON protocol, and whether there are more.
    History(Vec<serde_json::Value>, bool),
    /// Lines follow.
    Watching {
        room: String,
        epoch: u32,
        /// The last record that is not shown.
        seq: u64,
    },
    MessagesBy(MessagesBy),
    Redacted(Redaction),
    /// So many bytes follow.
    Backup(u64),
    /// Not done, and why.
    Refused {
        code: RefusalCode,
        message: String,
    },
}

impl Reply {
    /// Whether something was done: not so if it was refused, or if there was nothing to do.
    pub fn is_done(&self) -> bool {
        match self {
            Reply::Refused { .. } => false,
            Reply::Redacted(redaction) => !redaction.redacted.is_empty(),
            _ => true,
        }
    }
}

/// What a user has said, in a part of the history.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagesBy {
    /// The numbers of the messages that have their text.
    pub targets: Vec<u64>,
    /// How many messages were redacted before.
    pub already: u64,
    /// Up to which record this part goes; none where it goes to the end.
    pub more_after: Option<u64>,
}

/// What became of records that were to be redacted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Redaction {
    /// Their text is gone now.
    pub redacted: Vec<u64>,
    /// Their text was gone before.
    pub already: Vec<u64>,
    /// They have no text that could be taken away: joins, leaves and the like.
    pub without_text: Vec<u64>,
    /// There are no such records (any more).
    pub missing: Vec<u64>,
    /// The oldest and the newest record that there is.
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
    /// None is until it is taken back.
    pub until: Option<Timestamp>,
    pub reason: Option<String>,
    pub since: Timestamp,
    /// Who has done it: the user and process as the system knows them, or the account.
    pub by: String,
    /// The number of that user, where it was done with `chatctl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub time: Timestamp,
    /// The account, or the user and process as the system knows them.
    pub by: String,
    /// The number of that user, where it was done with `chatctl`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uid: Option<u32>,
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
    /// IP address and port; where the connection is lost, the last one. Empty if that is not known.
    pub address: String,
    /// `text` or `json`.
    pub dialect: String,
    pub since: Timestamp,
    /// Seconds since the connection was lost, while the place is held; else none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub away_seconds: Option<u64>,
    /// Whether they may moderate in the room.
    #[serde(default)]
    pub operator: bool,
    /// Whether they may not speak.
    #[serde(default)]
    pub muted: bool,
    /// Seconds since the last line that was not a keep-alive.
    pub idle_seconds: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// How many records of the room are not yet written to this connection.
    pub behind: u64,
}

/// How the daemon is.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Status {
    pub version: String,
    pub pid: u32,
    pub room: String,
    /// The topic of the room, empty if there is none.
    #[serde(default)]
    pub topic: String,
    /// The least seconds between two messages of one user; 0 is off.
    #[serde(default)]
    pub slow_seconds: u64,
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
    /// The size of the write-ahead log, which is a part of the history, in bytes.
    #[serde(default)]
    pub wal_bytes: u64,
    /// Whether another process that reads the history keeps the write-ahead log from shrinking.
    #[serde(default)]
    pub wal_held: bool,
    /// Whether messages are refused because they cannot be stored.
    pub degraded: bool,
    /// What does not work at present and is tried again, a sentence each.
    #[serde(default)]
    pub faults: Vec<String>,
    /// Whether systemd has opened the ports.
    #[serde(default)]
    pub socket_activated: bool,
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
