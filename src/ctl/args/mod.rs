//! The command line of chatctl.

mod accounts;
mod help;
pub mod script;
#[cfg(test)]
mod tests;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use chatroom::config::Level;
use clap::{ArgAction, Parser, Subcommand};
use jiff::Timestamp;

pub use accounts::{Account, Sanction};
pub use help::{command, for_people};
pub use values::{Shell, SortKey};
use values::{duration, level, slow, time};

/// The heading of the options that every command accepts.
const GLOBAL: &str = "Global options";

/// Administer a running chatroomd
#[derive(Parser)]
#[command(
    name = "chatctl",
    version,
    disable_help_flag = true,
    after_help = "Exit status: 0 success, 1 refused, 2 wrong usage, 4 no such user, ban, account or\n\
                  record, 69 chatroomd is not running, 74 cannot write the output or a file (the\n\
                  daemon carried out the command), 75 no answer in time, 77 not permitted,\n\
                  78 invalid configuration.\n\n\
                  Examples:\n  \
                  chatctl users --sort idle\n  \
                  chatctl ban eve --for \"2 h\" --reason spam\n  \
                  chatctl history --grep tea --since \"2 h\""
)]
pub struct Args {
    /// Use this admin socket [default: /run/chatroomd/admin.sock, or the one in the user's runtime folder]
    #[arg(
        long,
        global = true,
        env = "CHATROOMD_SOCKET",
        hide_env_values = true,
        value_name = "FILE",
        help_heading = GLOBAL,
        display_order = 900
    )]
    pub socket: Option<PathBuf>,
    /// Wait this long for an answer
    #[arg(
        long,
        global = true,
        default_value = "5 s",
        value_parser = duration,
        value_name = "TIME",
        help_heading = GLOBAL,
        display_order = 901
    )]
    pub timeout: Duration,
    /// Print JSON instead of text, errors included
    #[arg(long, global = true, help_heading = GLOBAL, display_order = 902)]
    pub json: bool,
    /// Print help
    #[arg(
        long,
        short,
        global = true,
        action = ArgAction::Help,
        help_heading = GLOBAL,
        display_order = 903
    )]
    help: Option<bool>,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// List the users in the room
    #[command(after_help = "Examples:\n  \
                            chatctl users --sort idle\n  \
                            chatctl users --json")]
    Users {
        /// Sort by this column
        #[arg(long, value_enum, default_value_t = SortKey::Name, value_name = "COLUMN")]
        sort: SortKey,
    },
    /// Show messages, joins, leaves and connections live
    #[command(
        after_help = "Ctrl-C ends it. When the daemon restarts, it reconnects and misses nothing.\n\n\
                            Examples:\n  \
                            chatctl watch\n  \
                            chatctl watch --json"
    )]
    Watch,
    /// Search the history and show messages
    #[command(after_help = "Examples:\n  \
                            chatctl history --from ann --since \"2026-11-22 21:00\"\n  \
                            chatctl history --grep tea --since \"2 h\" -n 200\n  \
                            chatctl history --follow")]
    History {
        /// Show only records of this user
        #[arg(long, value_name = "NAME")]
        from: Option<String>,
        /// Show only records that contain this text, in any case
        #[arg(long, value_name = "TEXT")]
        grep: Option<String>,
        /// Show only records since then: "2 h" ago, a date, or a date and a time
        #[arg(long, value_parser = time, value_name = "TIME")]
        since: Option<Timestamp>,
        /// Show only records until then
        #[arg(long, value_parser = time, value_name = "TIME")]
        until: Option<Timestamp>,
        /// Show the last N records
        #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
        lines: usize,
        /// Keep running, and show new records as they come
        #[arg(long, short)]
        follow: bool,
    },
    /// Send an announcement to all users
    #[command(after_help = "Examples:\n  chatctl say back in five minutes")]
    Say {
        /// Text of the announcement
        #[arg(required = true, value_name = "TEXT")]
        text: Vec<String>,
    },
    /// Show, set or clear the topic of the room
    #[command(after_help = "Examples:\n  \
                            chatctl topic\n  \
                            chatctl topic Tea at five\n  \
                            chatctl topic --clear")]
    Topic {
        /// New topic; without it, show the current one
        #[arg(value_name = "TEXT")]
        text: Vec<String>,
        /// Restore the topic of the configuration
        #[arg(long, conflicts_with = "text")]
        clear: bool,
    },
    /// Show or set slow mode, the minimum time between messages
    #[command(after_help = "Examples:\n  \
                            chatctl slow\n  \
                            chatctl slow 10s\n  \
                            chatctl slow off")]
    Slow {
        /// Minimum time between two messages of a user, or "off"; without it, show the current setting
        #[arg(value_parser = slow, value_name = "TIME|off")]
        time: Option<Duration>,
    },
    /// Remove a user, who can join again
    #[command(after_help = "Examples:\n  chatctl kick ann too loud")]
    Kick {
        /// User to remove
        name: String,
        /// Reason, shown to all users
        #[arg(value_name = "REASON")]
        reason: Vec<String>,
    },
    /// Keep out a user, an address or a network
    #[command(
        after_help = "Asks before banning a wide network, ten or more users, an operator or your own \
                            address;\nif there is no terminal to ask at, --yes is needed.\n\n\
                            Examples:\n  \
                            chatctl ban eve --for \"2 h\" --reason spam\n  \
                            chatctl ban 10.1.0.0/16\n  \
                            chatctl ban 10.0.0.0/8 --yes"
    )]
    Ban(Sanction),
    /// Lift a ban
    #[command(after_help = "Examples:\n  chatctl unban eve")]
    Unban {
        /// Name, address or network that is banned
        target: String,
    },
    /// Let a user read but not speak
    #[command(after_help = "Examples:\n  chatctl mute bo --for \"10 min\"")]
    Mute(Sanction),
    /// Lift a mute
    #[command(after_help = "Examples:\n  chatctl unmute bo")]
    Unmute {
        /// Name, address or network that is muted
        target: String,
    },
    /// List the bans and mutes in force
    Bans,
    /// Give a user another name
    #[command(after_help = "Examples:\n  chatctl rename bo robert")]
    Rename {
        /// User to rename
        name: String,
        /// New name
        #[arg(value_name = "NEW NAME")]
        to: String,
    },
    /// Remove the text of messages from the history
    #[command(after_help = "Examples:\n  \
                            chatctl redact 42 43\n  \
                            chatctl redact --user eve --since \"2 h\"")]
    Redact {
        /// Numbers of the messages, as `chatctl history` shows them
        #[arg(required_unless_present = "user", value_name = "SEQ")]
        targets: Vec<u64>,
        /// Redact all messages of this user ...
        #[arg(long, requires = "since", conflicts_with = "targets", value_name = "NAME")]
        user: Option<String>,
        /// ... since this time
        #[arg(long, value_parser = time, value_name = "TIME")]
        since: Option<Timestamp>,
    },
    /// Manage accounts (names with a password)
    Account {
        #[command(subcommand)]
        what: Account,
    },
    /// Show the actions of operators, with chatctl and in the room
    #[command(after_help = "Examples:\n  chatctl audit -n 200")]
    Audit {
        /// Show the last N entries
        #[arg(short = 'n', long, default_value_t = 50, value_name = "N")]
        lines: usize,
    },
    /// Show daemon status
    Status,
    /// Check the installation, and suggest how to fix problems
    Doctor,
    /// Test that all parts of the daemon answer, and how fast
    Ping,
    /// Show metrics as OpenMetrics text for Prometheus
    Metrics,
    /// Show or set the log level
    #[command(after_help = "Examples:\n  chatctl log-level debug")]
    LogLevel {
        /// New level; without it, show the current one
        #[arg(value_parser = level())]
        level: Option<Level>,
    },
    /// Reload the configuration, and show what changed
    #[command(after_help = "Examples:\n  chatctl reload --json")]
    Reload {
        /// Print only problems; the journal has the rest
        #[arg(short, long)]
        quiet: bool,
    },
    /// Copy the history to a new file while the daemon runs
    #[command(after_help = "Examples:\n  chatctl backup chat.sqlite")]
    Backup {
        /// File to create
        file: PathBuf,
    },
    /// Notify all users and stop the daemon
    #[command(after_help = "Examples:\n  \
                            chatctl shutdown --in \"5 min\" --message \"a new kernel\"\n  \
                            chatctl shutdown --cancel")]
    Shutdown {
        /// Stop after this time, for example "5 min"
        #[arg(long = "in", value_parser = duration, value_name = "TIME")]
        after: Option<Duration>,
        /// Show this message to all users
        #[arg(long, value_name = "TEXT")]
        message: Option<String>,
        /// Cancel an announced shutdown
        #[arg(long, conflicts_with_all = ["after", "message"])]
        cancel: bool,
        /// Do not ask for confirmation
        #[arg(long, short)]
        yes: bool,
    },
    /// Print a completion script for a shell
    #[command(after_help = "Examples:\n  \
                            source <(chatctl completions bash)\n  \
                            chatctl completions fish > ~/.config/fish/completions/chatctl.fish")]
    Completions {
        /// Shell that runs the script
        #[arg(value_enum)]
        shell: Shell,
    },
    /// Keep all connections if systemd is restarting the unit (for its ExecStop=)
    #[command(hide = true)]
    HandOver { unit: String },
}
