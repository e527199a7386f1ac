//! Checks of the ports from outside: whether clients can reach them, and whether they are free for a
//! start.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use chatroom::admin::Finding;

const AREA: &str = "ports";

/// The timeout of a connection to this machine.
const PATIENCE: Duration = Duration::from_secs(2);

const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
const RESERVED: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// The file of the package that reserves ports, and the ports.
const SHIPPED: &str = "/usr/lib/sysctl.d/50-chatroomd.conf";
const SHIPPED_PORTS: RangeInclusive<u16> = 53000..=53001;

/// Parses an address as the daemon shows it: the protocol may follow in parentheses.
pub(super) fn address(shown: &str) -> Option<SocketAddr> {
    shown.split(" (").next()?.parse().ok()
}

/// Checks whether clients on this machine can reach the addresses of the daemon.
pub(super) fn reach(listening: &[SocketAddr]) -> Vec<Finding> {
    let unreachable = |address: &SocketAddr| {
        let error = TcpStream::connect_timeout(&from_here(*address), PATIENCE).err()?;
        let what = format!("the daemon listens on {address}, but it cannot be reached: {error}");
        let advice = "PrivateNetwork=, IPAddressDeny= or a firewall may block it: see `systemctl cat \
                      chatroomd` and `nft list ruleset`.";
        Some(Finding::problem(AREA, what, advice))
    };
    listening.iter().filter_map(unreachable).collect()
}

/// The address to connect to: the loopback address instead of "all addresses".
fn from_here(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Checks whether a start could open these addresses. The daemon is not running.
pub(super) fn are_free(wanted: &[SocketAddr]) -> Vec<Finding> {
    let judge = |address: &SocketAddr| {
        let (why, advice) = match TcpListener::bind(address).err()?.kind() {
            io::ErrorKind::AddrInUse => (
                "another program uses it",
                format!("`ss -tanp 'sport = :{}'` shows which.", address.port()),
            ),
            io::ErrorKind::AddrNotAvailable => (
                "this machine does not have that address",
                "`ip address` lists its addresses.".to_owned(),
            ),
            // This user may not be allowed to open a port that the service can.
            _ => return None,
        };
        let what = format!("[listen] names {address}, but {why}");
        Some(Finding::problem(AREA, what, advice))
    };
    wanted.iter().filter_map(judge).collect()
}

/// Checks whether the system may use these ports for outgoing connections.
pub(super) fn reserved(ports: &[u16]) -> Option<Finding> {
    let range = fs::read_to_string(RANGE).ok()?;
    let reserved = fs::read_to_string(RESERVED).ok()?;
    judge_reserved(ports, &range, reserved.trim(), Path::new(SHIPPED).exists())
}

fn judge_reserved(ports: &[u16], range: &str, reserved: &str, is_shipped: bool) -> Option<Finding> {
    let mut ends = range.split_whitespace().filter_map(|end| end.parse::<u16>().ok());
    let range = ends.next()?..=ends.next()?;
    let mut open: Vec<u16> = ports
        .iter()
        .copied()
        .filter(|port| range.contains(port) && !contains(reserved, *port))
        .collect();
    open.sort_unstable();
    open.dedup();
    if open.is_empty() {
        return None;
    }
    let shown = open.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
    let what = format!(
        "{shown}: in the range of ports for outgoing connections ({}-{}) and not reserved, so another \
         program may be using it at a start",
        range.start(),
        range.end()
    );
    let is_usual = open.iter().all(|port| SHIPPED_PORTS.contains(port));
    let advice = match (is_usual, is_shipped) {
        (true, true) => format!(
            "`sysctl --system` applies {SHIPPED}. If that does not help, a later file in sysctl.d also sets \
             net.ipv4.ip_local_reserved_ports, and has to include these ports."
        ),
        (true, false) => {
            format!("Install packaging/chatroomd.sysctl as {SHIPPED}, then run `sysctl --system`.")
        }
        (false, _) => {
            let all = [reserved, &shown.replace(' ', "")];
            let all: Vec<&str> = all.into_iter().filter(|list| !list.is_empty()).collect();
            format!(
                "Put `net.ipv4.ip_local_reserved_ports = {}` into /etc/sysctl.d/60-chatroomd.conf, \
                 then run `sysctl --system`.",
                all.join(",")
            )
        }
    };
    Some(Finding::note(AREA, what, advice))
}

/// Whether a list such as `8080,9000-9100` contains a port.
fn contains(list: &str, port: u16) -> bool {
    list.split(',').any(|part| {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let end = |text: &str| text.trim().parse::<u16>();
        matches!((end(first), end(last)), (Ok(first), Ok(last)) if (first..=last).contains(&port))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(ports: &[u16], reserved: &str, is_shipped: bool) -> Option<String> {
        let found = judge_reserved(ports, "32768\t60999\n", reserved, is_shipped)?;
        Some(format!("{} {}", found.what, found.advice.unwrap()))
    }

    #[test]
    fn a_port_of_outgoing_connections_is_noted_with_what_reserves_it() {
        let said = advice(&[53001, 53000, 53000], "", true).unwrap();
        assert!(said.starts_with("53000, 53001: in the range"), "{said}");
        assert!(
            said.contains("32768-60999") && said.contains("sysctl.d/50-chatroomd.conf"),
            "{said}"
        );
        let said = advice(&[53000], "", false).unwrap();
        assert!(said.contains("Install packaging/chatroomd.sysctl"), "{said}");
        let said = advice(&[40000, 53000], "53000-53001", true).unwrap();
        assert!(said.starts_with("40000: "), "{said}");
        let line = "`net.ipv4.ip_local_reserved_ports = 53000-53001,40000` into /etc/sysctl.d/";
        assert!(said.contains(line), "{said}");
    }

    #[test]
    fn reserved_ports_and_those_out_of_the_range_are_fine() {
        assert_eq!(advice(&[53000, 53001], "8080,53000-53001", true), None);
        assert_eq!(advice(&[6667, 61000], "", true), None);
        assert_eq!(advice(&[53000], "53000", true), None);
        assert_eq!(judge_reserved(&[53000], "nonsense", "", true), None);
    }

    #[test]
    fn an_address_that_cannot_be_reached_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(reach(&[address]), []);
        assert!(are_free(&[address])[0].what.contains("another program uses it"));
        drop(listener);
        assert!(reach(&[address])[0].what.contains("cannot be reached"));
        assert_eq!(are_free(&[address]), []);
        let foreign = "203.0.113.1:5".parse().unwrap();
        assert!(are_free(&[foreign])[0].what.contains("does not have that address"));
    }

    #[test]
    fn all_addresses_are_reached_through_the_machines_own() {
        let shown = ["0.0.0.0:5", "[::]:5", "10.0.0.7:5"].map(|it| from_here(it.parse().unwrap()));
        assert_eq!(shown.map(|it| it.to_string()), ["127.0.0.1:5", "[::1]:5", "10.0.0.7:5"]);
        assert_eq!(address("[::]:53001 (TLS)"), "[::]:53001".parse().ok());
    }
}
