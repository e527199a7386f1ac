//! Reasons why a request was refused, for the user who made it.

use std::fmt;

use crate::access::Term;
use crate::names::{Name, NameProblem};

/// The reason why a request was refused. `Display` is a sentence for the user, [`Refusal::code`] a
/// stable word for programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// The word cannot be a name.
    BadName(NameProblem),
    NameTaken(Name),
    /// The name is confusable with another one.
    LooksLike(Name),
    /// The session is not in the room (yet, or any more).
    NotJoined,
    AlreadyJoined,
    /// A message of more than this number of bytes.
    TooLong {
        limit: usize,
    },
    /// A message without visible characters.
    Empty,
    NotUtf8,
    NoSuchUser(String),
    /// The receiver is connected but does not read.
    Busy(Name),
    /// The request is malformed; the text says how.
    BadRequest(String),
    /// The protocol has no request of this type.
    UnknownType(String),
    /// The client speaks another version of the protocol.
    Protocol {
        version: u32,
    },
    ShuttingDown,
    /// The receiver is detached.
    Detached(Name),
    /// The message cannot be stored at the moment.
    StorageFull,
    /// An operator's action cannot be written to the audit, so it is not carried out.
    AuditUnwritable,
    /// The user is not an operator.
    NotPermitted,
    /// The target is an operator, against whom only `chatctl` can act.
    AgainstOperator(String),
    /// Operators in the room cannot undo actions of `chatctl`.
    OnlyChatctl,
    /// It would affect more than an operator in the room may; the text says how much.
    TooFar(String),
    /// The name or the address is banned.
    Banned(Term),
    Muted(Term),
    /// Slow mode: the user can send the next message after this number of seconds.
    SlowMode {
        seconds: u64,
    },
    /// There is no such ban or mute.
    NoSuchSanction(String),
    NoSuchAccount(String),
    /// A password is needed for the name.
    PasswordNeeded {
        name: String,
    },
    /// The password is wrong; in a room for accounts, perhaps the name is.
    WrongPassword,
    /// The password would be sent unencrypted.
    PasswordInsecure {
        name: String,
    },
    /// Too many wrong passwords came from the address; it can try again after this number of
    /// seconds.
    PasswordsTooOften {
        seconds: u64,
    },
    /// Too many passwords are waiting to be verified.
    PasswordsBusy,
    AccountLocked(String),
    /// Too many searches are in progress.
    SearchesBusy,
    /// A search of more than this number of bytes.
    SearchTooLong {
        limit: usize,
    },
    /// The history cannot be read; the log says why.
    HistoryUnreadable,
    /// Users from the address join too often; they can join again after this number of seconds.
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
    /// The seconds after which it makes sense to ask again, if they are known.
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
                write!(f, "{name} is not receiving messages at the moment. Try again in a while.")
            }
            Refusal::BadRequest(problem) => f.write_str(problem),
            Refusal::UnknownType(name) => {
                write!(f, "There is no request of type \"{name}\".")
            }
            Refusal::Protocol { version } => {
                write!(f, "This server speaks version {version} of the protocol.")
            }
            Refusal::Detached(name) => {
                write!(f, "{name} has lost the connection. Try again in a while.")
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
                "The name {name} needs a password, which would be sent unencrypted. Connect with TLS, \
                 or choose another name."
            ),
            Refusal::PasswordsTooOften { seconds } => write!(
                f,
                "There were too many wrong passwords from your address. Try again in {seconds} s."
            ),
            Refusal::PasswordsBusy => {
                f.write_str("Too many logins are in progress. Try again in a moment.")
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
