//! The addresses from which the user of this program is connected with SSH.

use std::fs;
use std::net::IpAddr;

use crate::program;

const VARIABLE: &str = "SSH_CONNECTION";

/// The number of ancestors that are examined. A shell in a terminal multiplexer has about a dozen.
const MAX_ANCESTORS: usize = 32;

/// The addresses of the SSH clients of this process and its ancestors. `sudo` does not pass on the
/// variable, so the environment of the ancestors counts, too.
pub fn addresses() -> Vec<IpAddr> {
    let own = program::variable(VARIABLE).as_deref().and_then(client);
    let mut addresses: Vec<IpAddr> = own.into_iter().collect();
    let mut pid = parent("self");
    for _ in 0..MAX_ANCESTORS {
        let Some(ancestor) = pid.filter(|&pid| pid > 1) else { break };
        // Only root can read the environment of another user's process.
        let environment = fs::read(format!("/proc/{ancestor}/environ")).unwrap_or_default();
        addresses.extend(of_environment(&environment));
        pid = parent(&ancestor.to_string());
    }
    addresses
}

/// The client address in `192.0.2.7 5000 192.0.2.1 22`. It may have a zone.
fn client(connection: &str) -> Option<IpAddr> {
    connection.split([' ', '%']).next()?.parse().ok()
}

fn of_environment(environment: &[u8]) -> Option<IpAddr> {
    let variables = environment.split(|&byte| byte == 0).filter_map(|it| str::from_utf8(it).ok());
    let mut values = variables.filter_map(|it| it.strip_prefix(VARIABLE)?.strip_prefix('='));
    client(values.next()?)
}

/// The id of the parent process.
fn parent(pid: &str) -> Option<u32> {
    of_status(&fs::read_to_string(format!("/proc/{pid}/status")).ok()?)
}

fn of_status(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_client_is_the_first_address() {
        let client = |text: &str| client(text).map(|address| address.to_string());
        assert_eq!(client("192.0.2.7 5000 192.0.2.1 22").as_deref(), Some("192.0.2.7"));
        assert_eq!(client("fe80::1%eth0 5000 fe80::2%eth0 22").as_deref(), Some("fe80::1"));
        assert_eq!(client("UNKNOWN 65535 UNKNOWN 65535"), None);
    }

    #[test]
    fn the_environment_of_a_process_is_understood() {
        let environment = b"HOME=/root\0SSH_CONNECTIONS=::9 1 ::2 3\0SSH_CONNECTION=::1 1 ::2 3\0";
        assert_eq!(of_environment(environment), "::1".parse().ok());
        assert_eq!(of_environment(b"HOME=/\0\xff=1\0"), None);
    }

    #[test]
    fn the_parent_of_a_process_is_found() {
        assert_eq!(of_status("Name:\tPPid: 7\nPPid:\t42\nUid:\t0\n"), Some(42));
        assert_eq!(parent("self"), Some(std::os::unix::process::parent_id()));
    }
}
