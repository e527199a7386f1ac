//! The command line of chatroomd.

use std::path::PathBuf;

use clap::Parser;

/// Serve a chat room over TCP and TLS
///
/// Without --config, it reads /etc/chatroomd.toml; if that does not exist, it serves on
/// 127.0.0.1:53000. SIGTERM and SIGINT stop it gracefully, SIGHUP reloads the configuration.
#[derive(Parser)]
#[command(
    name = "chatroomd",
    version,
    after_help = "Users join with chatroom-client or nc; chatctl administers the service.\n\n\
                  Exit status: 0 success, 1 failure, 2 usage error, 74 the output could\n\
                  not be written, 78 invalid configuration.\n\n\
                  Examples:\n  \
                  chatroomd --config ./chatroomd.toml\n  \
                  chatroomd --check-config\n  \
                  chatroomd --make-certificate chat.example"
)]
pub struct Args {
    /// Read the configuration from this file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Check the configuration and the files that the service opens with it, print what is wrong, and
    /// exit
    #[arg(long)]
    pub check_config: bool,
    /// Make a key and a self-signed certificate for these names of this machine (default: its host
    /// name and localhost), where the configuration expects them
    #[arg(long, value_name = "NAME", num_args = 0.., conflicts_with = "check_config")]
    pub make_certificate: Option<Vec<String>>,
    /// Replace an existing certificate and key
    #[arg(long, requires = "make_certificate")]
    pub force: bool,
    /// Replace the history with a backup; the daemon must be stopped, and the old history is kept aside
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check_config", "make_certificate"])]
    pub restore: Option<PathBuf>,
    /// Save what can be read of a damaged history to a new file, which --restore accepts
    #[arg(long, value_names = ["DAMAGED", "NEW"], num_args = 2,
          conflicts_with_all = ["check_config", "make_certificate", "restore"])]
    pub salvage: Option<Vec<PathBuf>>,
}

impl Args {
    /// Whether the command does something and exits, instead of serving a room.
    pub fn is_by_hand(&self) -> bool {
        self.check_config
            || self.make_certificate.is_some()
            || self.restore.is_some()
            || self.salvage.is_some()
    }
}
