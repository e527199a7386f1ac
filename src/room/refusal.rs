//! Why a request was not carried out, for the person who made it.

use std::fmt;

use crate::access::Term;
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
    Detached(Name),
    /// What was said cannot be stored at present.
    StorageFull,
    /// An operator's action cannot be written to the audit, so it is not carried out.
    AuditUnwritable,
    /// Only operators may do that.
    NotPermitted,
    /// It is against an operator, which only `chatctl` can be.
    AgainstOperator(String),
    /// It was done with `chatctl`, or goes further than what operators in the room may do.
    OnlyChatctl,
    /// It would reach further than an operator in the room may; the text says how far.
    TooFar(String),
    /// The name, or the address, is kept out.
    Banned(Term),
    Muted(Term),
    /// Slow mode: the next message may come after so many seconds.
    SlowMode {
        seconds: u64,
    },
    /// There is no ban or mute against this.
    NoSuchSanction(String),
    NoSuchAccount(String),
    /// A password is needed for the name.
    PasswordNeeded {
        name: String,
    },
    /// The password, or in a room for accounts perhaps the name.
    WrongPassword,
    /// A password would go over the network for everybody to read.
    PasswordInsecure {
        name: String,
    },
    /// Too many wrong passwords came from the address; it may try again after so many seconds.
    PasswordsTooOften {
        seconds: u64,
    },
    /// More people give passwords than can be looked at.
    PasswordsBusy,
    AccountLocked(String),
    /// Many searches are under way.
    SearchesBusy,
    /// A text to look for of more than so many bytes.
    SearchTooLong {
        limit: usize,
    },
    /// What was said before cannot be read; the log says why.
    HistoryUnreadable,
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
            Refusal::TooLong { .. } | Refusal::SearchTooLong { .. } => "too-long",
            Refusal::HistoryUnreadable => "history-unreadable",
            Refusal::Empty => "empty",
            Refusal::NotUtf8 => "not-utf8",
            Refusal::NoSuchUser(_) => "no-such-user",
            Refusal::Busy(_) | Refusal::SearchesBusy => "busy",
            Refusal::BadRequest(_) => "bad-request",
            Refusal::UnknownType(_) => "unknown-type",
            Refusal::Protocol { .. } => "protocol-version",
            Refusal::ShuttingDown => "shutting-down",
            Refusal::Detached(_) => "away",
            Refusal::StorageFull | Refusal::AuditUnwritable => "storage-full",
            Refusal::JoinsTooOften { .. } | Refusal::PasswordsTooOften { .. } => "too-often",
            Refusal::NotPermitted
            | Refusal::OnlyChatctl
            | Refusal::TooFar(_)
            | Refusal::AgainstOperator(_) => "not-permitted",
            Refusal::Banned(_) => "banned",
            Refusal::Muted(_) => "muted",
            Refusal::SlowMode { .. } => "slow-mode",
            Refusal::NoSuchSanction(_) => "no-such-ban",
            Refusal::NoSuchAccount(_) => "no-such-account",
            Refusal::PasswordNeeded { .. } => "password-needed",
            Refusal::WrongPassword => "password-wrong",
            Refusal::PasswordInsecure { .. } => "password-insecure",
            Refusal::PasswordsBusy => "busy",
            Refusal::AccountLocked(_) => "account-locked",
        }
    }
}

impl Refusal {
    /// After how many seconds it makes sense to ask again, if that is known.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Refusal::JoinsTooOften { seconds }
            | Refusal::PasswordsTooOften { seconds }
            | Refusal::SlowMode { seconds } => Some(*seconds),
            _ => None,
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
            Refusal::NoSuchUser(name) => {
                write!(f, "Nobody here is called {}.", crate::clean::line(name))
            }
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
            Refusal::Detached(name) => {
                write!(f, "The connection of {name} is lost just now. Try again in a while.")
            }
            Refusal::StorageFull => f.write_str(
                "That was not accepted: the server has no space left to store it. Try again later.",
            ),
            Refusal::AuditUnwritable => f.write_str(
                "Nothing was done: the server cannot write it to the audit. Its log says why.",
            ),
            Refusal::NotPermitted => f.write_str("Only operators may do that."),
            Refusal::OnlyChatctl => f.write_str("Only chatctl can do that."),
            Refusal::TooFar(reach) => {
                write!(f, "Nothing was done: {reach} Only chatctl can do that.")
            }
            Refusal::AgainstOperator(name) => {
                write!(f, "{name} is an operator. Only chatctl can do that to them.")
            }
            Refusal::Banned(term) => write!(f, "That name is banned{term}"),
            Refusal::Muted(term) => write!(f, "That was not sent: you are muted{term}"),
            Refusal::SlowMode { seconds } => {
                write!(f, "That was not sent: slow mode is on. Wait {seconds} s.")
            }
            Refusal::NoSuchSanction(target) => {
                write!(f, "No ban or mute matches {target}. `chatctl bans` lists them.")
            }
            Refusal::NoSuchAccount(name) => write!(f, "Nobody has an account called {name}."),
            Refusal::PasswordNeeded { name } => write!(f, "The name {name} needs a password."),
            Refusal::WrongPassword => f.write_str("The name or the password is wrong."),
            Refusal::PasswordInsecure { name } => write!(
                f,
                "The name {name} needs a password, and everybody on the way could read it. Connect \
                 with TLS, or choose another name."
            ),
            Refusal::PasswordsTooOften { seconds } => write!(
                f,
                "There were too many wrong passwords from your address. Try again in {seconds} s."
            ),
            Refusal::PasswordsBusy => {
                f.write_str("Too many people give passwords just now. Try again in a few seconds.")
            }
            Refusal::AccountLocked(name) => {
                write!(f, "The account {name} is locked. Ask an operator.")
            }
            Refusal::JoinsTooOften { seconds } => {
                write!(f, "Your address joins too often. Try again in {seconds} s.")
            }
            Refusal::SearchesBusy => {
                f.write_str("Too many searches are in progress. Try again in a moment.")
            }
            Refusal::SearchTooLong { limit } => {
                write!(f, "A search can be at most {limit} bytes long. Search for a part of that.")
            }
            Refusal::HistoryUnreadable => {
                f.write_str("The history cannot be read at the moment. Tell the operator.")
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
