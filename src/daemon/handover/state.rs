//! What one process tells the next of its connections: the format of it.
//!
//! It is JSON in a file in memory. Whoever changes the meaning of anything in it gives it another
//! [`FORMAT`]; a process that finds another one than its own lets the connections go.

use std::fs::File;
use std::io::{Read, Seek, Write};

use anyhow::{Context, bail};
use chatroom::room::{Seq, SessionId};
use chatroom::wire::{Dialect, Frame, Framer};
use jiff::Timestamp;
use rustix::fs::{MemfdFlags, memfd_create};
use serde::{Deserialize, Serialize};

use crate::session::Stage;

/// The version of the format.
const FORMAT: u32 = 1;

/// Everything that is handed over, but for the sockets.
#[derive(Debug, Serialize, Deserialize)]
pub struct Packed {
    /// How many connections were accepted so far.
    pub accepted: u64,
    /// What the room is, where that is not stored.
    pub room: Option<PackedRoom>,
    /// In the order of their sockets.
    pub connections: Vec<PackedConnection>,
}

/// A room that has no history.
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedRoom {
    pub epoch: u32,
    /// The last record.
    pub seq: Seq,
    pub members: Vec<PackedMember>,
}

/// Somebody who is in such a room.
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedMember {
    pub session: SessionId,
    pub name: String,
    pub since: Timestamp,
    /// The hash of their token, if they have one.
    pub token: Option<[u8; 32]>,
}

/// A connection between two lines of its input.
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedConnection {
    /// What the session is called unless it has taken up another one.
    pub connection: SessionId,
    pub input: PackedInput,
    pub output: PackedOutput,
}

/// How far its input has come.
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedInput {
    pub stage: Stage,
    /// Under which they are in the room, or want to be.
    pub name: Option<String>,
    /// The unfinished line.
    pub framer: Framer,
    /// Lines that have come and are not looked at yet.
    pub frames: Vec<Frame>,
    /// For how many seconds nothing may come.
    pub silence: u32,
}

/// How far its output has come.
#[derive(Debug, Serialize, Deserialize)]
pub struct PackedOutput {
    pub session: SessionId,
    pub dialect: Dialect,
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

/// What comes before the rest, so that it can be read whatever that is.
#[derive(Serialize, Deserialize)]
struct Header {
    format: u32,
    version: String,
}

impl Packed {
    /// Writes it to a file in memory.
    ///
    /// # Errors
    /// There is no memory for that.
    pub fn write(&self) -> anyhow::Result<File> {
        let mut file = File::from(memfd_create("chatroomd", MemfdFlags::CLOEXEC)?);
        let header = Header { format: FORMAT, version: env!("CARGO_PKG_VERSION").to_owned() };
        let mut bytes = serde_json::to_vec(&header)?;
        bytes.push(b'\n');
        serde_json::to_writer(&mut bytes, self)?;
        file.write_all(&bytes)?;
        Ok(file)
    }

    /// Reads what another process has written.
    ///
    /// # Errors
    /// It is of another format, or damaged.
    pub fn read(file: &mut File) -> anyhow::Result<Packed> {
        file.rewind()?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        let end = bytes.iter().position(|&byte| byte == b'\n').context("it has no header")?;
        let header: Header = serde_json::from_slice(&bytes[..end])?;
        if header.format != FORMAT {
            let Header { format, version } = header;
            bail!(
                "chatroomd {version} has written it in format {format}, and this one has {FORMAT}"
            );
        }
        Ok(serde_json::from_slice(&bytes[end..])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_format_is_told() {
        let packed = Packed { accepted: 7, room: None, connections: Vec::new() };
        let mut file = packed.write().unwrap();
        assert_eq!(Packed::read(&mut file).unwrap().accepted, 7);
        assert_eq!(Packed::read(&mut file).unwrap().accepted, 7, "it can be read again");
        file.set_len(0).unwrap();
        file.rewind().unwrap();
        file.write_all(b"{\"format\":99,\"version\":\"9.1.0\"}\nwhatever").unwrap();
        let problem = Packed::read(&mut file).unwrap_err().to_string();
        assert_eq!(problem, "chatroomd 9.1.0 has written it in format 99, and this one has 1");
    }
}
