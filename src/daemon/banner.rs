//! The text that a start at a terminal prints: how to join.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use tracing::warn;

use crate::program::{self, cannot_print, cause, variable_os};
use crate::sockets::ListenerKind;

/// Prints how to join, unless the output goes to the journal.
pub fn print(room: &str, listen: &[(ListenerKind, SocketAddr)]) {
    let Some(&(kind, address)) = listen.first() else { return };
    if variable_os("JOURNAL_STREAM").is_some() {
        return;
    }
    let text = describe(room, kind, address, &|program| command(program));
    // The room is open anyway.
    if let Err(error) = program::print(&text) {
        warn!(event = "output-failed", error = cause(&error), "{}", cannot_print(&error));
    }
}

fn describe(
    room: &str,
    kind: ListenerKind,
    address: SocketAddr,
    command: &dyn Fn(&str) -> String,
) -> String {
    let mut address = address;
    // A port on all addresses is reached through the loopback address.
    if address.ip().is_unspecified() {
        address.set_ip(match address {
            SocketAddr::V4(_) => [127, 0, 0, 1].into(),
            SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        });
    }
    let client = command("chatroom-client");
    let client = match (kind, address.to_string().as_str()) {
        (ListenerKind::Plain, "127.0.0.1:53000") => client,
        (ListenerKind::Plain, other) => format!("{client} {other}"),
        (ListenerKind::Tls, other) => format!("{client} --tls {other}"),
    };
    let without = match kind {
        ListenerKind::Plain => format!("nc {} {}", address.ip(), address.port()),
        ListenerKind::Tls => format!("openssl s_client -quiet -connect {address}"),
    };
    let ctl = command("chatctl");
    format!(
        "The room \"{room}\" is open on {address}.\n\
         To join, type in another terminal:  {client}\n\
         or, without chatroom-client:        {without}\n\
         To administer it:                   {ctl} --help\n\
         To stop it:                         Ctrl-C\n"
    )
}

/// The command for a program that is installed with this one: its name if the shell finds it,
/// otherwise its path.
fn command(program: &str) -> String {
    let path = variable_os("PATH").unwrap_or_default();
    let is_found = std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let beside = || -> Option<PathBuf> {
        let sibling = std::env::current_exe().ok()?.with_file_name(program);
        let here = std::env::current_dir().ok()?;
        let shown = sibling.strip_prefix(here).map_or(sibling.clone(), Path::to_owned);
        sibling.is_file().then_some(shown)
    };
    match (is_found, beside()) {
        (false, Some(path)) => path.display().to_string(),
        // `cargo run` may have built the daemon alone.
        (false, None) => format!("cargo run --release --bin {program}"),
        (true, _) => program.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_to_type() {
        let text =
            describe("den", ListenerKind::Plain, "0.0.0.0:7000".parse().unwrap(), &str::to_owned);
        assert!(text.contains("chatroom-client 127.0.0.1:7000\n"), "{text}");
        assert!(text.contains("nc 127.0.0.1 7000\n"), "{text}");
        let text = describe(
            "den",
            ListenerKind::Plain,
            "127.0.0.1:53000".parse().unwrap(),
            &str::to_owned,
        );
        assert!(text.contains("  chatroom-client\n"), "{text}");
    }
}
