//! The ports, seen from outside: whether they can be reached, and whether they are always free for a
//! start.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use chatroom::admin::Finding;

const AREA: &str = "ports";

/// How long a connection to this machine may take.
const PATIENCE: Duration = Duration::from_secs(2);

const RANGE: &str = "/proc/sys/net/ipv4/ip_local_port_range";
const RESERVED: &str = "/proc/sys/net/ipv4/ip_local_reserved_ports";

/// What the package ships, and what it reserves.
const SHIPPED: &str = "/usr/lib/sysctl.d/50-chatroomd.conf";
const SHIPPED_PORTS: RangeInclusive<u16> = 53000..=53001;

/// An address as the daemon shows it, without what is spoken there.
pub(super) fn address(shown: &str) -> Option<SocketAddr> {
    shown.split(" (").next()?.parse().ok()
}

/// Whether clients on this machine get through to where the daemon listens.
pub(super) fn reach(listening: &[SocketAddr]) -> Vec<Finding> {
    let unreachable = |address: &SocketAddr| {
        let error = TcpStream::connect_timeout(&from_here(*address), PATIENCE).err()?;
        let what = format!("the daemon listens on {address}, but nobody gets there: {error}");
        let advice = "Do PrivateNetwork=, IPAddressDeny= or a firewall keep clients away? `systemctl \
                      cat chatroomd` and `nft list ruleset` show them.";
        Some(Finding::problem(AREA, what, advice))
    };
    listening.iter().filter_map(unreachable).collect()
}

/// From here, "all addresses" is reached through this machine's own.
fn from_here(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// Whether a start could open these addresses, which nobody of ours has open.
pub(super) fn are_free(wanted: &[SocketAddr]) -> Vec<Finding> {
    let judge = |address: &SocketAddr| {
        let (why, advice) = match TcpListener::bind(address).err()?.kind() {
            io::ErrorKind::AddrInUse => (
                "another program has it",
                format!("`ss -tanp 'sport = :{}'` shows which.", address.port()),
            ),
            io::ErrorKind::AddrNotAvailable => (
                "this machine does not have that address",
                "`ip address` shows its own.".to_owned(),
            ),
            // Low ports are for root, and the service is not.
            _ => return None,
        };
        let what = format!("[listen] names {address}, and {why}");
        Some(Finding::problem(AREA, what, advice))
    };
    wanted.iter().filter_map(judge).collect()
}

/// Whether the system may give these ports to outgoing connections.
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
        "{shown}: in the range from which Linux takes the ports of outgoing connections ({}-{}), and \
         not reserved, so that a start can find it taken",
        range.start(),
        range.end()
    );
    let is_usual = open.iter().all(|port| SHIPPED_PORTS.contains(port));
    let advice = match (is_usual, is_shipped) {
        (true, true) => format!(
            "`sysctl --system` applies {SHIPPED}. If that does not help, a later file in sysctl.d sets \
             net.ipv4.ip_local_reserved_ports, too, and has to name these."
        ),
        (true, false) => {
            format!("Install packaging/chatroomd.sysctl as {SHIPPED}, then `sysctl --system`.")
        }
        (false, _) => {
            let all = [reserved, &shown.replace(' ', "")];
            let all: Vec<&str> = all.into_iter().filter(|list| !list.is_empty()).collect();
            format!(
                "Put `net.ipv4.ip_local_reserved_ports = {}` into /etc/sysctl.d/60-chatroomd.conf, \
                 then `sysctl --system`.",
                all.join(",")
            )
        }
    };
    Some(Finding::note(AREA, what, advice))
}

/// Whether a list as `8080,9000-9100` contains a port.
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
    fn where_nobody_gets_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        assert_eq!(reach(&[address]), []);
        assert!(are_free(&[address])[0].what.contains("another program has it"));
        drop(listener);
        assert!(reach(&[address])[0].what.contains("nobody gets there"));
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
