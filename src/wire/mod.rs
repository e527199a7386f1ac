//! The protocols of the chat port: from bytes to requests, and from records and answers to bytes.
//!
//! docs/protocol.md describes them for authors of clients. Nothing here reads or writes a socket.

mod answer;
mod batch;
mod dialect;
mod framing;
pub mod greeting;
pub mod json;
mod people;
pub mod proxy;
mod record_text;
pub mod text;

pub use answer::{Answer, Direct, History, Welcome};
pub use batch::{Batch, Encoded};
pub use dialect::Dialect;
pub use framing::{Frame, Framer, Framing};
pub use people::PeopleList;
pub use record_text::{RecordText, people_here, record_text, topic_sentence};

/// The version of the JSON protocol.
pub const PROTOCOL: u32 = 1;
