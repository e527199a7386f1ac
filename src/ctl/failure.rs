//! What can go wrong, what to do then, and the exit status for it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;
use std::{error, fmt};

use chatroom::admin::RefusalCode;
use chatroom::clean;
use serde_json::{Value, json};

use crate::program::{EXIT_OUTPUT, cannot_print, cause};

/// Why a command was not carried out. The numbers follow sysexits.h from 64 on.
#[derive(Debug)]
pub enum Failure {
    /// There is no socket, or nobody listens to it.
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
    /// The answer is none that this version knows.
    Misunderstood(String),
    Io(io::Error),
    /// The output cannot be written.
    Output(io::Error),
    /// A file of this side cannot be written.
    File(String, io::Error),
    /// What was given will not do.
    Usage(String),
    /// A part was done, as this says, before something went wrong.
    Partly {
        cause: Box<Failure>,
        done: String,
    },
    /// Ctrl-C, or SIGTERM.
    Interrupted,
    /// The person said no.
    Declined,
    /// It goes far, as this says, and nobody can be asked whether it is meant.
    Unconfirmed(String),
}

impl Failure {
    pub fn exit_status(&self) -> u8 {
        match self {
            Failure::Partly { cause, .. } => cause.exit_status(),
            Failure::Refused { code: RefusalCode::NoSuchUser, .. } => 4,
            Failure::Refused { code: RefusalCode::Configuration, .. } => 78,
            // Nothing is overwritten.
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

    /// The stable word for it in JSON.
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

    /// One object, for programs.
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
                "chatroomd is not running: nobody answers at {}.\n\
                 Start it with `systemctl start chatroomd`. If it runs elsewhere, say where its \
                 socket is with --socket.",
                socket.display()
            ),
            Failure::NotPermitted(socket) => write!(
                f,
                "not permitted to talk to chatroomd at {}.\n\
                 Join the group `chatroom` (`sudo usermod -aG chatroom $USER`, then log in \
                 again), or use sudo.",
                socket.display()
            ),
            Failure::Ended => f.write_str(
                "chatroomd has closed the connection: it has ended, or starts again.\n\
                 Look at `systemctl status chatroomd`, and try again when it runs.",
            ),
            Failure::NoAnswer { socket, within } => write!(
                f,
                "chatroomd at {} did not answer within {} s.\n\
                 Try again with a longer --timeout, or look at `systemctl status chatroomd`.",
                socket.display(),
                within.as_secs_f32()
            ),
            Failure::Refused { message, .. } => {
                let lines: Vec<_> = message.lines().map(clean::line).collect();
                f.write_str(&lines.join("\n"))
            }
            Failure::Misunderstood(problem) => write!(
                f,
                "the answer of chatroomd is not understood ({problem}).\n\
                 Are chatctl and chatroomd of the same version? Restart chatroomd after an upgrade."
            ),
            Failure::Io(error) => write!(f, "talking to chatroomd failed: {}", cause(error)),
            Failure::Output(error) => f.write_str(&cannot_print(error)),
            Failure::File(file, error) => write!(f, "cannot write {file}: {}", cause(error)),
            Failure::Usage(problem) => f.write_str(problem),
            Failure::Partly { cause, done } => write!(f, "{cause}\n{done}"),
            Failure::Interrupted => f.write_str("interrupted."),
            Failure::Declined => f.write_str("nothing was done."),
            Failure::Unconfirmed(hit) => {
                write!(f, "nothing was done. {hit}\nIf that is what you want, add --yes.")
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
