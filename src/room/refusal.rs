//! Why a request was not carried out, for the person who made it.

use std::fmt;

use crate::names::{Name, NameProblem};

/// Why something was not accepted. `Display` is a sentence for a person, [`Refusal::code`] a stable
/// word for a program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// What was given cannot be a name.
    BadName(NameProblem),
    NameTaken(Name),
    /// A person would take the name for that of somebody else.
    LooksLike(Name),
    /// The session is not in the room (yet, or any more).
    NotJoined,
    AlreadyJoined,
    /// A message of more than so many bytes.
    TooLong {
        limit: usize,
    },
    /// A message in which nothing can be seen.
    Empty,
    NotUtf8,
    NoSuchUser(String),
    /// The person is here but does not take in what was sent to them before.
    Busy(Name),
    /// The request is not of the form that the protocol asks for; the text says what is wrong.
    BadRequest(String),
    /// The protocol has no request of this type.
    UnknownType(String),
    /// The client speaks another version of the protocol.
    Protocol {
        version: u32,
    },
    ShuttingDown,
    /// The connection of the person is lost; their place is held for them.
    Away(Name),
    /// What was said cannot be stored at present.
    StorageFull,
    /// Somebody from the address joins too often; they may again after so many seconds.
    JoinsTooOften {
        seconds: u64,
    },
}

impl Refusal {
    /// The stable word for it in the JSON protocol.
    pub fn code(&self) -> &'static str {
        match self {
            Refusal::BadName(NameProblem::TooShort) => "name-too-short",
            Refusal::BadName(NameProblem::TooLong) => "name-too-long",
            Refusal::BadName(_) => "name-not-allowed",
            Refusal::NameTaken(_) => "name-taken",
            Refusal::LooksLike(_) => "name-looks-like",
            Refusal::NotJoined => "not-joined",
            Refusal::AlreadyJoined => "already-joined",
            Refusal::TooLong { .. } => "too-long",
            Refusal::Empty => "empty",
            Refusal::NotUtf8 => "not-utf8",
            Refusal::NoSuchUser(_) => "no-such-user",
            Refusal::Busy(_) => "busy",
            Refusal::BadRequest(_) => "bad-request",
            Refusal::UnknownType(_) => "unknown-type",
            Refusal::Protocol { .. } => "protocol-version",
            Refusal::ShuttingDown => "shutting-down",
            Refusal::Away(_) => "away",
            Refusal::StorageFull => "storage-full",
            Refusal::JoinsTooOften { .. } => "too-often",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::BadName(problem) => write!(f, "{problem} Choose another name."),
            Refusal::NameTaken(name) => {
                write!(f, "The name {name} is taken. Choose another name.")
            }
            Refusal::LooksLike(name) => {
                write!(f, "That name looks like {name}, which is taken. Choose another name.")
            }
            Refusal::NotJoined => f.write_str("You are not in the room. Join it first."),
            Refusal::AlreadyJoined => f.write_str("You are in the room already."),
            Refusal::TooLong { limit } => {
                write!(f, "That message was not sent: it is longer than {limit} bytes.")
            }
            Refusal::Empty => {
                f.write_str("That message was not sent: there is nothing in it that can be seen.")
            }
            Refusal::NotUtf8 => {
                f.write_str("That was not accepted: it is not UTF-8. Set your terminal to UTF-8.")
            }
            Refusal::NoSuchUser(name) => write!(f, "Nobody here is called {name}."),
            Refusal::Busy(name) => {
                write!(f, "{name} does not take in messages just now. Try again in a while.")
            }
            Refusal::BadRequest(problem) => f.write_str(problem),
            Refusal::UnknownType(name) => {
                write!(f, "There is no request of type \"{name}\".")
            }
            Refusal::Protocol { version } => {
                write!(f, "This server speaks version {version} of the protocol.")
            }
            Refusal::Away(name) => {
                write!(f, "The connection of {name} is lost just now. Try again in a while.")
            }
            Refusal::StorageFull => f.write_str(
                "That was not accepted: the server has no space left to store it. Try again later.",
            ),
            Refusal::JoinsTooOften { seconds } => {
                write!(f, "Your address joins too often. Try again in {seconds} s.")
            }
            Refusal::ShuttingDown => f.write_str("The server is shutting down."),
        }
    }
}

impl From<NameProblem> for Refusal {
    fn from(problem: NameProblem) -> Refusal {
        Refusal::BadName(problem)
    }
}
