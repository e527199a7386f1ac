//! What one process tells the next of its connections: the format of it.
//!
//! It is JSON behind a header. Whoever changes the meaning of anything in it gives it another
//! [`FORMAT`]; a process that finds another one than its own lets the connections go.

use std::fmt;
use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::room::{Seq, SessionId};
use crate::wire::greeting::Telnet;
use crate::wire::{Dialect, Frame, Framer};

/// The version of the format.
pub const FORMAT: u32 = 1;

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing was said yet; the first line decides the dialect.
    New,
    /// No name was accepted yet.
    Naming,
    /// A name was given that needs a password.
    Password,
    Joined,
    /// The end is on its way; nothing more is listened to.
    Over,
}

/// Everything that is handed over, but for the sockets.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedState {
    /// How many connections were accepted so far.
    pub accepted: u64,
    /// What the room is, where that is not stored.
    pub room: Option<SavedRoom>,
    /// In the order of their sockets.
    pub connections: Vec<SavedConnection>,
}

/// A room that has no history.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedRoom {
    pub epoch: u32,
    /// The last record.
    pub seq: Seq,
    pub members: Vec<SavedMember>,
}

/// Somebody who is in such a room.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedMember {
    pub session: SessionId,
    pub name: String,
    pub since: Timestamp,
    /// The hash of their token, if they have one.
    pub token: Option<[u8; 32]>,
    /// What they were called before, and until when.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<(String, Timestamp)>,
}

/// A connection between two lines of its input.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedConnection {
    /// What the session is called unless it has taken up another one.
    pub connection: SessionId,
    /// What a proxy has said of it, if it comes from one. Version 0.1 knew no proxies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxied: Option<Proxied>,
    pub input: SavedInput,
    pub output: SavedOutput,
}

/// What a trusted proxy has said of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proxied {
    /// Nothing yet: the rest of its header is to come. What has come is in [`SavedInput::opening`].
    Awaited,
    /// That it speaks for itself, or for a client that it does not know.
    Unnamed,
    /// The address of the client.
    Client(SocketAddr),
}

/// How far its input has come.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedInput {
    pub stage: Stage,
    /// Under which they are in the room, or want to be.
    pub name: Option<String>,
    /// The unfinished line.
    pub framer: Framer,
    /// What has come of the first line while it is not known what the other side speaks; none once it
    /// is. Version 0.1 did not keep it.
    #[serde(default)]
    #[serde(rename = "opening")]
    pub first_line: Option<Vec<u8>>,
    /// The unfinished command of a telnet client.
    #[serde(default)]
    pub telnet: Telnet,
    /// Lines that have come and are not looked at yet.
    pub frames: Vec<Frame>,
    /// For how many seconds nothing may come.
    pub silence: u32,
}

/// How far its output has come.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedOutput {
    pub session: SessionId,
    pub dialect: Dialect,
    /// Whether the place is held when the connection is lost. Version 0.1 did not ask.
    #[serde(default = "yes")]
    pub holds: bool,
    /// The next record to show.
    pub cursor: Option<Seq>,
    pub replay_until: Option<Seq>,
    /// What is missing of something of which the beginning is written.
    pub tail: Vec<u8>,
    /// Answers that wait: after which record, whether in a write of their own, and what.
    pub outbox: Vec<(Seq, bool, Vec<u8>)>,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

fn yes() -> bool {
    true
}

/// What comes before the rest, so that it can be read whatever that is.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    version: String,
}

/// Why nothing can be taken up.
#[derive(Debug)]
pub enum Unreadable {
    /// It is damaged; in the words of the parser.
    Damaged(String),
    /// Another version has written it in another format.
    OtherFormat { version: String, format: u32 },
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unreadable::Damaged(problem) => write!(f, "it is damaged: {problem}"),
            Unreadable::OtherFormat { version, format } => write!(
                f,
                "chatroomd {version} has written it in format {format}, and this one has {FORMAT}"
            ),
        }
    }
}

impl std::error::Error for Unreadable {}

impl SavedState {
    /// The bytes of it.
    ///
    /// # Errors
    /// None is known: everything in it can be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let header = Header { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned() };
        let mut bytes = serde_json::to_vec(&header)?;
        bytes.push(b'\n');
        serde_json::to_writer(&mut bytes, self)?;
        Ok(bytes)
    }

    /// Reads what another process has written.
    ///
    /// # Errors
    /// It is of another format, or damaged.
    pub fn decode(bytes: &[u8]) -> Result<SavedState, Unreadable> {
        let damaged = |error: serde_json::Error| Unreadable::Damaged(error.to_string());
        let end = bytes.iter().position(|&byte| byte == b'\n');
        let end = end.ok_or_else(|| Unreadable::Damaged("it has no header".to_owned()))?;
        let header: Header = serde_json::from_slice(&bytes[..end]).map_err(damaged)?;
        let Header { format, version } = header;
        if format != FORMAT {
            return Err(Unreadable::OtherFormat { version, format });
        }
        serde_json::from_slice(&bytes[end..]).map_err(damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_build_has_written_in_this_format_is_read() {
        let saved = SavedState::decode(include_bytes!("../fuzz/corpus/handover/room")).unwrap();
        let stages: Vec<Stage> = saved.connections.iter().map(|it| it.input.stage).collect();
        assert_eq!(stages, [Stage::Joined, Stage::Password]);
        // Version 0.1 has not asked whether a place is to be held.
        assert!(saved.connections.iter().all(|it| it.output.holds));
        assert_eq!(saved.room.unwrap().members[1].name, "bo");
        assert_eq!(
            saved.connections[0].output.outbox,
            [(Seq(17), true, b"{}\n".to_vec()), (Seq(17), false, Vec::new())]
        );
    }

    #[test]
    fn another_format_is_told() {
        let saved = SavedState { accepted: 7, room: None, connections: Vec::new() };
        let bytes = saved.encode().unwrap();
        assert_eq!(SavedState::decode(&bytes).unwrap(), saved);
        let other = b"{\"format\":99,\"version\":\"9.1.0\"}\nwhatever";
        let problem = SavedState::decode(other).unwrap_err().to_string();
        assert_eq!(problem, "chatroomd 9.1.0 has written it in format 99, and this one has 1");
        let problem = SavedState::decode(&bytes[..bytes.len() - 1]).unwrap_err().to_string();
        assert!(problem.starts_with("it is damaged: EOF"), "{problem}");
    }
}
