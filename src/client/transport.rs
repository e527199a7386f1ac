//! The types that all ways to connect share: protection, connections and errors.

use std::io;

use chatroom::fingerprint::Fingerprint;
use tokio::io::{AsyncRead, AsyncWrite};

/// The protection of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    None,
    Tls {
        /// The certificate that the server must have, if the user has named one.
        expected: Option<Fingerprint>,
    },
}

/// The bytes of a connection.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection on which the server has spoken.
pub struct Connected {
    pub stream: Box<dyn Stream>,
    /// The bytes that the server has sent so far.
    pub first: Vec<u8>,
    /// A note for the user about the identity of the server, if there is something new.
    pub news: Option<String>,
}

/// The reason why there is no connection.
pub enum ConnectError {
    /// The next attempt may succeed.
    Transient(String),
    /// The server is not the expected one, or that cannot be found out.
    Untrusted(String),
    /// The server uses TLS and should not, or the reverse; or it is not a chat server.
    WrongProtocol(String),
}

/// An error of the system in words that tell a user more.
pub fn explain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing is listening there".to_owned(),
        io::ErrorKind::ConnectionReset => "the connection was reset".to_owned(),
        io::ErrorKind::TimedOut => "the network does not answer".to_owned(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "the network cannot reach it".to_owned()
        }
        _ => match error.to_string().split_once(" (os error") {
            Some((sentence, _)) => sentence.to_lowercase(),
            None => error.to_string(),
        },
    }
}
