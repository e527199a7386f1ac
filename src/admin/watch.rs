//! What a watcher is told beside the records, which are sent as in the JSON protocol.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::wire::json::format_time;

/// A line for a watcher that is no record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Watched {
    /// A connection was let in.
    Connected { time: String, address: String },
    /// It has joined under this name, or come back to its place.
    Entered {
        time: String,
        address: String,
        name: String,
        /// `text` or `json`.
        dialect: String,
        resumed: bool,
    },
    /// It has ended. Where it is `held`, its place is kept.
    Disconnected {
        time: String,
        address: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        name: Option<String>,
        reason: String,
        held: bool,
    },
    /// A connection was not let in.
    TurnedAway { time: String, address: String, reason: String },
    /// What this watcher was too slow for, or what is no longer kept: these records, or so many
    /// events of connections.
    Missed {
        time: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        records: Option<(u64, u64)>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        connections: Option<u64>,
    },
    /// Nothing has happened; the daemon is still there.
    Alive,
    /// The daemon ends. Where it was `handed_over`, another process goes on.
    Ending { handed_over: bool },
    /// Something of a newer daemon.
    #[serde(other)]
    Unknown,
}

impl Watched {
    /// These records were missed, the first and the last of them.
    pub fn missed_records(first: u64, last: u64, now: Timestamp) -> Watched {
        Watched::Missed { time: format_time(now), records: Some((first, last)), connections: None }
    }

    /// So many events of connections were missed.
    pub fn missed_connections(count: u64, now: Timestamp) -> Watched {
        Watched::Missed { time: format_time(now), records: None, connections: Some(count) }
    }
}
