//! The command line of chatctl.

use std::path::PathBuf;
use std::time::Duration;

use chatroom::config::{Level, parse_duration};
use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// Looks after a running chatroomd.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 done, 1 refused, 2 wrong usage, 4 no such user, ban,\n\
                  account or record, 69 chatroomd is not running, 74 the output or a file could\n\
                  not be written (the daemon did what was asked), 75 it did not answer in time,\n\
                  77 not permitted, 78 wrong configuration."
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
    /// What the daemon measures of itself, as OpenMetrics text for Prometheus
    Metrics,
    /// Look at the whole installation: what is wrong, and how to mend it
    Doctor,
    /// Whether the daemon and all of its parts answer, and how fast
    Ping,
    /// Announce something to everybody
    Say {
        /// What to announce
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
    },
    /// Remove somebody from the room, who may come back
    Kick {
        /// Whom
        name: String,
        /// Why; everybody is told
        #[arg(value_name = "REASON")]
        reason: Vec<String>,
    },
    /// Keep somebody out
    Ban(Sanction),
    /// Let somebody in again
    Unban {
        /// What the ban is against: a name, an address or a network
        target: String,
    },
    /// Let somebody listen only
    Mute(Sanction),
    /// Let somebody speak again
    Unmute {
        /// What the mute is against: a name, an address or a network
        target: String,
    },
    /// The bans and mutes that are in force
    Bans,
    /// Say what the room is about; with --clear, what the configuration says
    Topic {
        #[arg(required_unless_present = "clear", value_name = "TEXT")]
        text: Vec<String>,
        /// Go back to the configured one
        #[arg(long, conflicts_with = "text")]
        clear: bool,
    },
    /// Give somebody another name
    Rename {
        name: String,
        #[arg(value_name = "NEW NAME")]
        to: String,
    },
    /// Slow mode: one message in so much time from each, or "off"
    Slow {
        #[arg(value_parser = slow, value_name = "TIME|off")]
        time: Duration,
    },
    /// Names that have a password
    Account {
        #[command(subcommand)]
        what: Account,
    },
    /// What operators did, with chatctl and in the room
    Audit {
        /// The last so many
        #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
        lines: usize,
    },
    /// What was said
    History {
        /// Only since then: "2 h" ago, a date, or a date and a time
        #[arg(long, value_parser = time, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Only until then
        #[arg(long, value_parser = time, value_name = "TIME")]
        until: Option<Timestamp>,
        /// Only what this person did
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
        /// Only what has this in its text, without regard to case
        #[arg(long, value_name = "TEXT")]
        grep: Option<String>,
        /// The last so many lines
        #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
        lines: usize,
        /// Go on with what is said from now on
        #[arg(long, short)]
        follow: bool,
    },
    /// Take the text of messages away, from everywhere it is kept
    Redact {
        /// The numbers of the messages, as `chatctl history` shows them
        #[arg(required_unless_present = "user", value_name = "SEQ")]
        targets: Vec<u64>,
        /// All that this person has said
        #[arg(long, requires = "since", conflicts_with = "targets", value_name = "NAME")]
        user: Option<String>,
        /// ... since then
        #[arg(long, value_parser = time, value_name = "TIME")]
        since: Option<Timestamp>,
    },
    /// Copy the history into a new file, while the room goes on
    Backup { file: PathBuf },
    /// Read the configuration again, and say what is in force then; a wrong one changes nothing
    Reload {
        /// Print nothing but problems; the journal has the rest
        #[arg(short, long)]
        quiet: bool,
    },
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
    /// Print what makes Tab complete commands and options, to put where the shell looks for it
    Completions {
        #[arg(value_name = "SHELL")]
        shell: Shell,
    },
    /// Keep everybody connected, if systemd is restarting the unit (for its ExecStop=)
    #[command(hide = true)]
    HandOver { unit: String },
    /// Show or change how much is logged
    LogLevel {
        /// error, warn, info, debug or trace
        level: Option<Level>,
    },
}

/// Against whom, for how long, and why.
#[derive(clap::Args)]
pub struct Sanction {
    /// A name (which is that of the account, too), an address as 10.0.0.7, or a network as 10.0.0.0/8
    pub target: String,
    /// For how long, as in "10 min" or "2 days"; without it until it is taken back
    #[arg(long = "for", value_parser = duration, value_name = "TIME")]
    pub time: Option<Duration>,
    /// Why; the person is told
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(Subcommand)]
pub enum Account {
    /// Everybody who has one
    List,
    /// Give a name a password; it is asked for, or read from the input
    Add {
        name: String,
        /// May moderate in the room, too
        #[arg(long)]
        operator: bool,
    },
    /// Free a name
    Remove { name: String },
    /// Set another password
    Password { name: String },
    /// Keep somebody out whose account it is
    Lock { name: String },
    /// Let them in again
    Unlock { name: String },
    /// Let somebody moderate in the room
    Operator {
        name: String,
        /// Take that back
        #[arg(long)]
        off: bool,
    },
}

/// A moment: a time ago, or a date and perhaps a time of day here, or a full timestamp.
fn time(text: &str) -> Result<Timestamp, String> {
    let ago = || parse_duration(text).and_then(|ago| Timestamp::now().checked_sub(ago).ok());
    let here = || {
        let here: DateTime = text.parse().ok()?;
        here.to_zoned(TimeZone::system()).ok().map(|time| time.timestamp())
    };
    let expected = "it is a time ago as in \"2 h\", or a moment as in \"2026-11-22 21:04\"";
    text.parse().ok().or_else(ago).or_else(here).ok_or_else(|| expected.to_owned())
}

fn slow(text: &str) -> Result<Duration, String> {
    if text == "off" { Ok(Duration::ZERO) } else { duration(text) }
}

fn duration(text: &str) -> Result<Duration, String> {
    // A number without a unit is what people type first; seconds are meant.
    let seconds = text.parse().ok().map(Duration::from_secs);
    seconds
        .or_else(|| parse_duration(text))
        .ok_or_else(|| "it is a time such as \"30 s\" or \"5 min\"".to_owned())
}

/// The command line without what is not for people, for Tab to complete.
pub fn for_people() -> clap::Command {
    let all = Args::command();
    let commands = all.get_subcommands().filter(|command| !command.is_hide_set());
    clap::Command::new("chatctl")
        .bin_name("chatctl")
        .version(env!("CARGO_PKG_VERSION"))
        .about(all.get_about().cloned().unwrap_or_default())
        .after_help(all.get_after_help().cloned().unwrap_or_default())
        .args(all.get_arguments().cloned())
        .subcommands(commands.cloned())
}
