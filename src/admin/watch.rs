//! The events of `chatctl watch` other than records, which are sent as in the JSON protocol.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::json::format_time;

/// A line for a watcher that is not a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Watched {
    /// A connection was accepted.
    Connected { time: String, address: String },
    /// The connection has joined under this name, or has resumed its session.
    Entered {
        time: String,
        address: String,
        name: String,
        /// `text` or `json`.
        dialect: String,
        resumed: bool,
    },
    /// The connection has ended. If it is `held`, its member is detached and can resume.
    Disconnected {
        time: String,
        address: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        reason: String,
        held: bool,
    },
    /// A connection was turned away.
    TurnedAway { time: String, address: String, reason: String },
    /// The watcher missed these records, or this number of connection events: it was too slow, or
    /// they are no longer stored.
    Missed {
        time: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        records: Option<(u64, u64)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connections: Option<u64>,
    },
    /// Nothing has happened; the daemon is still running.
    Alive,
    /// The daemon is ending. If it was `handed_over`, another process continues.
    Ending { handed_over: bool },
    /// An event of a newer daemon.
    #[serde(other)]
    Unknown,
}

impl Watched {
    /// Reports the first and the last of the records that were missed.
    pub fn missed_records(first: u64, last: u64, now: Timestamp) -> Watched {
        Watched::Missed { time: format_time(now), records: Some((first, last)), connections: None }
    }

    /// Reports the number of connection events that were missed.
    pub fn missed_connections(count: u64, now: Timestamp) -> Watched {
        Watched::Missed { time: format_time(now), records: None, connections: Some(count) }
    }
}
