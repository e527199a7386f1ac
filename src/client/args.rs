//! The command line of chatroom-client.

use std::path::PathBuf;

use chatroom::config::DEFAULT_PORT;
use chatroom::fingerprint::Fingerprint;
use clap::Parser;

/// Chat from the terminal
///
/// If the input is a pipe, the client sends each of its lines as a message, waits until all of them are
/// stored, and exits.
#[derive(Parser)]
#[command(
    name = "chatroom-client",
    version,
    after_help = "Type /help to list the commands and keys; /quit, Ctrl-D or Ctrl-C to leave.\n\n\
                  ~/.config/chatroom/client.toml can set address, tls, fingerprint, name, attempts,\n\
                  bell, plain, links = false, and notify = \"osc9\" or \"osc777\".\n\n\
                  Exit status: 0 left after sending everything; 1 the server refused the name or a\n\
                  line, or removed you; 2 wrong usage; 69 the server could not be reached; 74 the\n\
                  output could not be written; 78 client.toml is invalid.\n\n\
                  Examples:\n  \
                  chatroom-client chat.example --name ann\n  \
                  chatroom-client --tls chat.example\n  \
                  echo done | chatroom-client --name deploy"
)]
pub struct Args {
    /// Connect to this server [default: 127.0.0.1:53000, with --tls 127.0.0.1:53001]
    #[arg(value_name = "HOST[:PORT]", value_parser = checked_address)]
    pub address: Option<String>,
    /// Join under this name instead of asking for one
    #[arg(long, short, value_name = "NAME")]
    pub name: Option<String>,
    /// Read the password of the account or the room from this file instead of asking for it
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Encrypt with TLS. The server needs a certificate that the system trusts, or the same one that it
    /// showed the first time
    #[arg(long)]
    pub tls: bool,
    /// Encrypt with TLS, and accept only this certificate: sha256: and 64 hexadecimal digits
    #[arg(long, value_name = "FINGERPRINT")]
    pub fingerprint: Option<Fingerprint>,
    /// Give up after N failed attempts to join in a row; 0 means never [default: 5]. Waiting because the
    /// server asks to does not count. A client that has joined at a terminal never gives up
    #[arg(long, value_name = "N")]
    pub attempts: Option<u32>,
    /// Save the session and unsent lines in this file, to continue after a kill. By default they are
    /// saved in $XDG_STATE_HOME/chatroom; in a pipe, only the session is
    #[arg(long, value_name = "FILE", conflicts_with = "no_session")]
    pub session: Option<PathBuf>,
    /// Save nothing: start afresh each time, and free the name as soon as the connection is lost
    #[arg(long)]
    pub no_session: bool,
    /// Print messages line by line instead of using the whole screen
    #[arg(long)]
    pub plain: bool,
    /// Do not ring the bell when you are mentioned
    #[arg(long)]
    pub no_bell: bool,
}

/// Checks that [`address`] can complete an address.
pub fn checked_address(text: &str) -> Result<String, String> {
    address(text, DEFAULT_PORT).map(|_| text.to_owned())
}

/// Completes an address with the default port.
pub fn address(text: &str, port: u16) -> Result<String, String> {
    let expected = || "expected a host, or a host and a port, as in example.org:53000".to_owned();
    if text.is_empty() || text.contains(char::is_whitespace) {
        return Err(expected());
    }
    let is_bare_v6 = text.parse::<std::net::Ipv6Addr>().is_ok();
    if is_bare_v6 {
        return Ok(format!("[{text}]:{port}"));
    }
    match text.rsplit_once(':') {
        Some((_, rest)) if rest.ends_with(']') => Ok(format!("{text}:{port}")),
        Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok() => {
            Ok(text.to_owned())
        }
        Some(_) => Err(expected()),
        None => Ok(format!("{text}:{port}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_completed() {
        let complete = |text| address(text, DEFAULT_PORT).ok();
        assert_eq!(complete("chat.example"), Some("chat.example:53000".to_owned()));
        assert_eq!(complete("chat.example:7"), Some("chat.example:7".to_owned()));
        assert_eq!(complete("::1"), Some("[::1]:53000".to_owned()));
        assert_eq!(complete("[::1]"), Some("[::1]:53000".to_owned()));
        assert_eq!(complete("[::1]:7"), Some("[::1]:7".to_owned()));
        assert_eq!(complete("chat.example:chat"), None);
        assert_eq!(complete(":7"), None);
    }
}
