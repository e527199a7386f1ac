//! The two wire formats of the chat port: bytes to requests, records and answers to bytes.
//!
//! docs/protocol.md describes both for people who write clients. Nothing here reads or writes.

mod answer;
mod batch;
mod framing;
pub mod greeting;
pub mod json;
mod people;
pub mod proxy;
mod sentence;
pub mod text;

pub use answer::{Answer, Direct, History, Welcome, encode_answer};
pub use batch::{Batch, Encoded};
pub use framing::{Frame, Framer, Framing};
pub use people::PeopleList;
pub use sentence::sentence;
use serde::{Deserialize, Serialize};

/// The version of the JSON protocol.
pub const PROTOCOL: u32 = 1;

/// What a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// Lines for people.
    Text,
    /// One JSON object a line, for programs.
    Json,
}

impl Dialect {
    /// The word for it in lists and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Dialect::Text => "text",
            Dialect::Json => "json",
        }
    }
}
