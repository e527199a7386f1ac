//! The arguments of bans and mutes, and the commands for accounts.

use std::time::Duration;

use clap::Subcommand;

use super::values::term;

/// Against whom, for how long, and why.
#[derive(clap::Args)]
pub struct Sanction {
    /// Name (and its account), address as 10.0.0.7, or network as 10.0.0.0/8
    pub target: String,
    /// End it after this time, as in "10 min" or "2 days"; without it, it is permanent
    #[arg(long = "for", value_parser = term, value_name = "TIME")]
    pub time: Option<Duration>,
    /// Reason, which the user is told
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Do not ask before a wide network, many people, an operator or your own address
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Subcommand)]
pub enum Account {
    /// List all accounts
    List,
    /// Give a name a password, asked for or read from the input
    #[command(after_help = "Examples:\n  chatctl account add ann --operator")]
    Add {
        /// Name of the account
        name: String,
        /// Let the user moderate in the room, too
        #[arg(long)]
        operator: bool,
    },
    /// Remove an account and free its name
    #[command(after_help = "Examples:\n  chatctl account remove ann")]
    Remove {
        /// Name of the account
        name: String,
    },
    /// Set another password, asked for or read from the input
    #[command(after_help = "Examples:\n  chatctl account password ann")]
    Password {
        /// Name of the account
        name: String,
    },
    /// Keep the owner of an account out
    #[command(after_help = "Examples:\n  chatctl account lock ann")]
    Lock {
        /// Name of the account
        name: String,
    },
    /// Let the owner of an account in again
    #[command(after_help = "Examples:\n  chatctl account unlock ann")]
    Unlock {
        /// Name of the account
        name: String,
    },
    /// Let a user moderate in the room
    #[command(after_help = "Examples:\n  \
                            chatctl account operator ann\n  \
                            chatctl account operator ann --off")]
    Operator {
        /// Name of the account
        name: String,
        /// Take that back
        #[arg(long)]
        off: bool,
    },
}
