//! The command line of chatroomd.

use std::path::PathBuf;

use clap::Parser;

/// Serve a chat room over TCP and TLS
///
/// Without --config it reads /etc/chatroomd.toml if that exists, and else serves on
/// 127.0.0.1:53000. SIGTERM and SIGINT stop it gracefully, SIGHUP reloads the configuration.
#[derive(Parser)]
#[command(
    name = "chatroomd",
    version,
    after_help = "People join with chatroom-client or nc; chatctl administers it.\n\n\
                  Exit status: 0 ended as told, 1 cannot start, 2 wrong usage, 74 the output\n\
                  could not be written, 78 wrong configuration.\n\n\
                  Examples:\n  \
                  chatroomd --config ./chatroomd.toml\n  \
                  chatroomd --check-config\n  \
                  chatroomd --make-certificate chat.example"
)]
pub struct Args {
    /// Read the configuration from this file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Check the configuration and the files that the service opens with it, say what is wrong, and
    /// exit
    #[arg(long)]
    pub check_config: bool,
    /// Make a key and a self-signed certificate for these names of this machine (its host name and
    /// localhost without any), where the configuration expects them
    #[arg(long, value_name = "NAME", num_args = 0.., conflicts_with = "check_config")]
    pub make_certificate: Option<Vec<String>>,
    /// Replace a certificate and a key that exist
    #[arg(long, requires = "make_certificate")]
    pub force: bool,
    /// Put a backup in the place of the history, which is moved aside; the daemon must be stopped
    #[arg(long, value_name = "FILE", conflicts_with_all = ["check_config", "make_certificate"])]
    pub restore: Option<PathBuf>,
    /// Save what can be read of a damaged history into a new file, which can then be restored
    #[arg(long, value_names = ["DAMAGED", "NEW"], num_args = 2,
          conflicts_with_all = ["check_config", "make_certificate", "restore"])]
    pub salvage: Option<Vec<PathBuf>>,
}

impl Args {
    /// Whether something is to be done for somebody at a terminal, and no room to be served.
    pub fn is_by_hand(&self) -> bool {
        self.check_config
            || self.make_certificate.is_some()
            || self.restore.is_some()
            || self.salvage.is_some()
    }
}
