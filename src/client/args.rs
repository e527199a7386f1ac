//! The command line of chatroom-client.

use std::path::PathBuf;

use chatroom::config::DEFAULT_PORT;
use chatroom::fingerprint::Fingerprint;
use clap::Parser;

/// Talk in a chat room from the terminal
///
/// With its input or output in a pipe it says each line of its input, waits until all of them are
/// acknowledged, and ends.
#[derive(Parser)]
#[command(
    name = "chatroom-client",
    version,
    after_help = "Write !quit, /quit, Ctrl-D or Ctrl-C to leave, !help for the commands.\n\n\
                  ~/.config/chatroom/client.toml can set address, tls, fingerprint, name, attempts,\n\
                  bell, plain, links = false, and notify = \"osc9\" or \"osc777\".\n\n\
                  Exit status: 0 left, and everything was said; 1 the server refused the name or a\n\
                  line, or removed you; 2 wrong usage; 69 the server could not be reached; 74 the\n\
                  output could not be written; 78 client.toml is wrong.\n\n\
                  Examples:\n  \
                  chatroom-client chat.example --name ann\n  \
                  chatroom-client --tls chat.example\n  \
                  echo done | chatroom-client --name deploy"
)]
pub struct Args {
    /// Connect to this room [default: 127.0.0.1:53000, with --tls 127.0.0.1:53001]
    #[arg(value_name = "HOST[:PORT]", value_parser = checked_address)]
    pub address: Option<String>,
    /// Join under this name; without it you are asked
    #[arg(long, short, value_name = "NAME")]
    pub name: Option<String>,
    /// Read the password of the name or the room from this file; without it you are asked if needed
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,
    /// Encrypt, and make sure that the server is the same as before: either the system vouches for
    /// it, or it shows the certificate that it showed then
    #[arg(long)]
    pub tls: bool,
    /// Encrypt, and accept this certificate and no other: sha256: and 64 hexadecimal digits
    #[arg(long, value_name = "FINGERPRINT")]
    pub fingerprint: Option<Fingerprint>,
    /// Give up after N failed attempts in a row to join; 0 is never [default: 5]. Being told to wait
    /// does not count, and once joined at a terminal the client does not give up
    #[arg(long, value_name = "N")]
    pub attempts: Option<u32>,
    /// Keep what is needed to go on after a kill in this file: the session, and what is typed and
    /// not stored yet. Without this, that is in $XDG_STATE_HOME/chatroom; in a pipe, only the session
    #[arg(long, value_name = "FILE", conflicts_with = "no_session")]
    pub session: Option<PathBuf>,
    /// Keep nothing: begin anew each time, and free the name as soon as the connection is lost
    #[arg(long)]
    pub no_session: bool,
    /// Show line by line below what was there before, as in a pipe, instead of on the whole screen
    #[arg(long)]
    pub plain: bool,
    /// Do not ring the bell when your name is mentioned
    #[arg(long)]
    pub no_bell: bool,
}

/// An address that can be completed.
pub fn checked_address(text: &str) -> Result<String, String> {
    address(text, DEFAULT_PORT).map(|_| text.to_owned())
}

/// Completes an address with the usual port.
pub fn address(text: &str, port: u16) -> Result<String, String> {
    let expected = || "it is a host, or a host and a port, as in example.org:53000".to_owned();
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
