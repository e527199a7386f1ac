//! The arguments of bans and mutes, and the subcommands of `chatctl account`.

use std::time::Duration;

use clap::Subcommand;

use super::values::term;

/// The arguments of a ban or a mute.
#[derive(clap::Args)]
pub struct Sanction {
    /// Name, address such as 10.0.0.7, or network such as 10.0.0.0/8
    pub target: String,
    /// End after this time, for example "10 min" or "2 days" [default: permanent]
    #[arg(long = "for", value_parser = term, value_name = "TIME")]
    pub time: Option<Duration>,
    /// Reason, shown to the user
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
    /// Do not ask for confirmation
    #[arg(long, short)]
    pub yes: bool,
}

#[derive(Subcommand)]
pub enum Account {
    /// List all accounts
    List,
    /// Create an account; the password is asked for, or read from input
    #[command(after_help = "Examples:\n  chatctl account add ann --operator")]
    Add {
        /// Name of the account
        name: String,
        /// Make the user an operator
        #[arg(long)]
        operator: bool,
    },
    /// Remove an account and free its name
    #[command(after_help = "Examples:\n  chatctl account remove ann")]
    Remove {
        /// Name of the account
        name: String,
    },
    /// Change a password, which is asked for or read from the input
    #[command(after_help = "Examples:\n  chatctl account password ann")]
    Password {
        /// Name of the account
        name: String,
    },
    /// Lock an account, so that its owner cannot join
    #[command(after_help = "Examples:\n  chatctl account lock ann")]
    Lock {
        /// Name of the account
        name: String,
    },
    /// Unlock an account
    #[command(after_help = "Examples:\n  chatctl account unlock ann")]
    Unlock {
        /// Name of the account
        name: String,
    },
    /// Make a user an operator, who can moderate in the room
    #[command(after_help = "Examples:\n  \
                            chatctl account operator ann\n  \
                            chatctl account operator ann --off")]
    Operator {
        /// Name of the account
        name: String,
        /// Make the user an ordinary user again
        #[arg(long)]
        off: bool,
    },
}
