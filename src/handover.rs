//! The format in which a process describes its connections to the next process.
//!
//! It is JSON after a header. Any change of the meaning requires a new [`FORMAT`]. A process that
//! reads a format other than its own closes the connections.

use std::fmt;
use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::room::{Seq, SessionId};
use crate::wire::greeting::Telnet;
use crate::wire::{Dialect, Frame, Framer};

/// The version of the format.
pub const FORMAT: u32 = 1;

/// The stage that a connection has reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing has been received yet. The first line decides the dialect.
    New,
    /// No name has been accepted yet.
    Naming,
    /// A name has been given that requires a password. The next line is the password.
    Password,
    Joined,
    /// The connection is ending. Nothing more is read.
    Over,
}

/// Everything that is handed over except the sockets.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedState {
    /// The number of connections accepted so far.
    pub accepted: u64,
    /// The room, if there is no history from which the next process can restore it.
    pub room: Option<SavedRoom>,
    /// The connections, in the order of their sockets.
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

/// A member of such a room.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedMember {
    pub session: SessionId,
    pub name: String,
    pub since: Timestamp,
    /// The hash of the user's token, if there is one.
    pub token: Option<[u8; 32]>,
    /// The user's former names, and the time until which each is remembered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<(String, Timestamp)>,
}

/// The state of a connection between two lines of its input.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedConnection {
    /// The session of the connection, unless it has resumed another one.
    pub connection: SessionId,
    /// The header of the proxy, if the connection comes from one. Version 0.1 had no proxies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxied: Option<Proxied>,
    pub input: SavedInput,
    pub output: SavedOutput,
}

/// The information in the header of a trusted proxy about a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proxied {
    /// The rest of the header is still to come. The part received so far is in
    /// [`SavedInput::first_line`].
    Awaited,
    /// The proxy speaks for itself, or for a client that it does not know.
    Unnamed,
    /// The address of the client.
    Client(SocketAddr),
}

/// The input state of a connection.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedInput {
    pub stage: Stage,
    /// The user's name in the room, or the name whose password is awaited.
    pub name: Option<String>,
    /// The unfinished line.
    pub framer: Framer,
    /// The part of the first line received so far, until it is known whether the dialect is allowed
    /// on this port. Version 0.1 did not save it.
    #[serde(default)]
    #[serde(rename = "opening")]
    pub first_line: Option<Vec<u8>>,
    /// The unfinished command of a telnet client.
    #[serde(default)]
    pub telnet: Telnet,
    /// Lines that were received but not yet handled.
    pub frames: Vec<Frame>,
    /// The number of seconds for which the client can be silent.
    pub silence: u32,
}

/// The output state of a connection.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedOutput {
    pub session: SessionId,
    pub dialect: Dialect,
    /// Whether the user's place is kept when the connection is lost. Version 0.1 did not save it.
    #[serde(default = "yes")]
    pub holds: bool,
    /// The next record to show.
    pub cursor: Option<Seq>,
    pub replay_until: Option<Seq>,
    /// The unwritten rest of a partially written record or answer.
    pub tail: Vec<u8>,
    /// Pending answers: the record after which each is shown, whether it needs a separate write,
    /// and its bytes.
    pub outbox: Vec<(Seq, bool, Vec<u8>)>,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

fn yes() -> bool {
    true
}

/// The header. It can be read regardless of the format of the rest.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    version: String,
}

/// The reason why the connections cannot be resumed.
#[derive(Debug)]
pub enum Unreadable {
    /// The description is damaged. The text is the parser's message.
    Damaged(String),
    /// Another version has written the description, in another format.
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
    /// Encodes the description.
    ///
    /// # Errors
    /// None is known, because all of its values can be written as JSON.
    pub fn encode(&self) -> Result<Vec<u8>, serde_json::Error> {
        let header = Header { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned() };
        let mut bytes = serde_json::to_vec(&header)?;
        bytes.push(b'\n');
        serde_json::to_writer(&mut bytes, self)?;
        Ok(bytes)
    }

    /// Decodes a description that another process has written.
    ///
    /// # Errors
    /// The description is damaged, or in another format.
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
        // Version 0.1 did not save whether a place is kept.
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
