//! The command line of chatctl.

use std::path::PathBuf;
use std::time::Duration;

use chatroom::admin::Request;
use chatroom::config::{Level, parse_duration};
use clap::{Parser, Subcommand};

/// Looks after a running chatroomd.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 done, 1 refused, 2 wrong usage, 4 no such user, 69 chatroomd is \
                  not running,\n75 it did not answer in time, 77 not permitted, 78 wrong \
                  configuration."
)]
pub struct Args {
    /// The admin socket [default: /run/chatroomd/admin.sock, or the one in the user's runtime folder]
    #[arg(long, global = true, env = "CHATROOMD_SOCKET", value_name = "FILE")]
    pub socket: Option<PathBuf>,
    /// How long to wait for an answer
    #[arg(long, global = true, default_value = "5 s", value_parser = duration, value_name = "TIME")]
    pub timeout: Duration,
    /// Print one JSON object instead of text
    #[arg(long, global = true)]
    pub json: bool,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Who is here
    Users,
    /// How the daemon is
    Status,
    /// Whether the daemon and all of its parts answer, and how fast
    Ping,
    /// Announce something to everybody
    Say {
        /// What to announce
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
    },
    /// Remove somebody from the room
    Kick {
        /// Whom
        name: String,
        /// Why; everybody is told
        #[arg(value_name = "REASON")]
        reason: Vec<String>,
    },
    /// Read the configuration again; a wrong one changes nothing
    Reload,
    /// End the daemon; everybody is told
    Shutdown {
        /// How long from now, as in "5 min"
        #[arg(long = "in", value_parser = duration, value_name = "TIME")]
        after: Option<Duration>,
        /// What to tell everybody
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
        /// Call off a shutdown that was set for later
        #[arg(long, conflicts_with_all = ["after", "message"])]
        cancel: bool,
        /// Do not ask whether this is meant
        #[arg(long, short)]
        yes: bool,
    },
    /// Show or change how much is logged
    LogLevel {
        /// error, warn, info, debug or trace
        level: Option<Level>,
    },
}

impl Command {
    /// What to ask of the daemon.
    pub fn request(&self) -> Request {
        match self {
            Command::Users => Request::Users,
            Command::Status => Request::Status,
            Command::Ping => Request::Ping,
            Command::Say { text } => Request::Say { text: text.join(" ") },
            Command::Kick { name, reason } => {
                let reason = Some(reason.join(" ")).filter(|reason| !reason.is_empty());
                Request::Kick { name: name.clone(), reason }
            }
            Command::Reload => Request::Reload,
            Command::Shutdown { cancel: true, .. } => Request::CancelShutdown,
            Command::Shutdown { after, message, .. } => Request::Shutdown {
                after: after.unwrap_or_default().as_secs(),
                message: message.clone(),
            },
            Command::LogLevel { level } => Request::LogLevel { level: *level },
        }
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    // A number without a unit is what people type first; seconds are meant.
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds
        .or_else(|| parse_duration(text))
        .ok_or_else(|| "it is a time such as \"30 s\" or \"5 min\"".to_owned())
}
