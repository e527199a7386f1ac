//! Failures: the message with the next step, the exit status, and the code in JSON.

use std::io;
use std::path::PathBuf;
use std::time::Duration;
use std::{error, fmt};

use chatroom::admin::RefusalCode;
use chatroom::clean;
use serde_json::{Value, json};

use crate::program::{EXIT_OUTPUT, cannot_print, cause};

/// The reason why a command failed. Exit statuses from 64 on follow sysexits.h.
#[derive(Debug)]
pub enum Failure {
    /// There is no socket, or no process listens on it.
    NotRunning(PathBuf),
    NotPermitted(PathBuf),
    /// The daemon has closed the connection.
    Ended,
    NoAnswer {
        socket: PathBuf,
        within: Duration,
    },
    Refused {
        code: RefusalCode,
        message: String,
    },
    /// This version does not know the reply.
    Misunderstood(String),
    Io(io::Error),
    /// Standard output cannot be written.
    Output(io::Error),
    /// A local file cannot be written.
    File(String, io::Error),
    /// The arguments or the input are invalid.
    Usage(String),
    /// Part of the command was carried out before the failure; `done` says which.
    Partly {
        cause: Box<Failure>,
        done: String,
    },
    /// By Ctrl-C or SIGTERM.
    Interrupted,
    /// The user answered no.
    Declined,
    /// The command needs confirmation, for this reason, and there is no terminal to ask at.
    Unconfirmed(String),
}

impl Failure {
    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Partly { cause, .. } => cause.exit_status(),
            Failure::Refused { code: RefusalCode::NoSuchUser, .. } => 4,
            Failure::Refused { code: RefusalCode::Configuration, .. } => 78,
            // An existing file is not overwritten.
            Failure::File(_, error) if error.kind() == io::ErrorKind::AlreadyExists => 1,
            Failure::Refused { .. }
            | Failure::Misunderstood(_)
            | Failure::Io(_)
            | Failure::Interrupted
            | Failure::Declined => 1,
            Failure::Usage(_) | Failure::Unconfirmed(_) => 2,
            Failure::NotRunning(_) | Failure::Ended => 69,
            Failure::Output(_) | Failure::File(..) => EXIT_OUTPUT,
            Failure::NoAnswer { .. } => 75,
            Failure::NotPermitted(_) => 77,
        }
    }

    /// The code in JSON, which stays the same across versions.
    fn code(&self) -> Value {
        let word = match self {
            Failure::NotRunning(_) => "not-running",
            Failure::NotPermitted(_) => "not-permitted",
            Failure::Ended => "ended",
            Failure::NoAnswer { .. } => "no-answer",
            Failure::Refused { code, .. } => return json!(code),
            Failure::Misunderstood(_) => "misunderstood",
            Failure::Io(_) => "io",
            Failure::Output(_) => "output",
            Failure::File(..) => "file",
            Failure::Partly { cause, .. } => return cause.code(),
            Failure::Interrupted => "interrupted",
            Failure::Usage(_) => "usage",
            Failure::Declined => "declined",
            Failure::Unconfirmed(_) => "unconfirmed",
        };
        json!(word)
    }

    /// The failure as one JSON object.
    pub fn as_json(&self) -> Value {
        let (code, message, status) = (self.code(), self.to_string(), self.exit_status());
        json!({ "error": { "code": code, "message": message, "exit_status": status } })
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::NotRunning(socket) => write!(
                f,
                "chatroomd is not running: no answer at {}.\n\
                 Start it with `systemctl start chatroomd`. If its socket is elsewhere, name it \
                 with --socket.",
                socket.display()
            ),
            Failure::NotPermitted(socket) => write!(
                f,
                "not permitted to connect to chatroomd at {}.\n\
                 Join the group `chatroom` (`sudo usermod -aG chatroom $USER`, then log in \
                 again), or use sudo.",
                socket.display()
            ),
            Failure::Ended => f.write_str(
                "chatroomd closed the connection: it has stopped or is restarting.\n\
                 Check `systemctl status chatroomd`, and try again when it is running.",
            ),
            Failure::NoAnswer { socket, within } => write!(
                f,
                "chatroomd at {} did not answer within {} s.\n\
                 Try again with a longer --timeout, or check `systemctl status chatroomd`.",
                socket.display(),
                within.as_secs_f32()
            ),
            Failure::Refused { message, .. } => {
                let lines: Vec<_> = message.lines().map(clean::line).collect();
                f.write_str(&lines.join("\n"))
            }
            Failure::Misunderstood(problem) => write!(
                f,
                "cannot understand the reply of chatroomd ({problem}).\n\
                 chatctl and chatroomd must have the same version: restart chatroomd after an upgrade."
            ),
            Failure::Io(error) => {
                write!(f, "communication with chatroomd failed: {}", cause(error))
            }
            Failure::Output(error) => f.write_str(&cannot_print(error)),
            Failure::File(file, error) => write!(f, "cannot write {file}: {}", cause(error)),
            Failure::Usage(problem) => f.write_str(problem),
            Failure::Partly { cause, done } => write!(f, "{cause}\n{done}"),
            Failure::Interrupted => f.write_str("interrupted."),
            Failure::Declined => f.write_str("cancelled; nothing was done."),
            Failure::Unconfirmed(hit) => {
                write!(f, "nothing was done. {hit}\nTo do it anyway, add --yes.")
            }
        }
    }
}

impl error::Error for Failure {}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        Failure::Io(error)
    }
}
