//! The command line of chatroomd.

use std::path::PathBuf;

use clap::Parser;

/// Serves a chat room over TCP.
///
/// Without --config it reads /etc/chatroomd.toml if that exists, and else serves on
/// 127.0.0.1:53000. SIGTERM and SIGINT end it gracefully, SIGHUP reads the configuration again.
#[derive(Parser)]
#[command(
    version,
    after_help = "Exit status: 0 ended as told, 1 cannot start, 2 wrong usage, 74 the \
                  output could not be\nwritten, 78 wrong configuration.\n\nPeople join with chatroom-client or nc; chatctl looks after it."
)]
pub struct Args {
    /// Read the configuration from this file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Only check the configuration, and say what is wrong with it
    #[arg(long)]
    pub check_config: bool,
    /// Make a key and a self-signed certificate for these names of this machine (its host name and
    /// localhost without any), where the configuration expects them
    #[arg(long, value_name = "NAME", num_args = 0.., conflicts_with = "check_config")]
    pub make_certificate: Option<Vec<String>>,
}
