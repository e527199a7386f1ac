//! Headers of the PROXY protocol, from who may send them and from who may not.

use std::net::SocketAddr;
use std::time::Duration;

use crate::daemon::Daemon;
use crate::harness::{PROMPT, Person};

/// A daemon that trusts 127.0.0.1 and 127.0.0.3 as proxies, with more configuration.
pub fn behind_proxies(timeouts: &str, more: &str) -> Daemon {
    Daemon::with(&config(timeouts, more))
}

pub fn config(timeouts: &str, more: &str) -> String {
    format!(
        "proxy_protocol = [\"127.0.0.1\", \"127.0.0.3\"]\n[timeouts]\n{timeouts}[history]\n\
         replay = 0\n{more}"
    )
}

/// A header of version 1 for a client.
pub fn v1(client: &str) -> Vec<u8> {
    let client: SocketAddr = client.parse().unwrap();
    let (family, destination) =
        if client.is_ipv4() { ("TCP4", "10.0.0.1") } else { ("TCP6", "::1") };
    let (ip, port) = (client.ip(), client.port());
    format!("PROXY {family} {ip} {destination} {port} 53000\r\n").into_bytes()
}

/// A header of version 2 for a client, with these extensions.
fn v2_with(client: &str, extensions: &[u8]) -> Vec<u8> {
    let client: SocketAddr = client.parse().unwrap();
    let (family, mut rest) = match client.ip() {
        std::net::IpAddr::V4(ip) => (0x11, [ip.octets(), [10, 0, 0, 1]].concat()),
        std::net::IpAddr::V6(ip) => (0x21, [ip.octets(), [0; 16]].concat()),
    };
    rest.extend(client.port().to_be_bytes());
    rest.extend([0xcf, 0x08]);
    rest.extend(extensions);
    v2_raw(0x21, family, &rest)
}

pub fn v2(client: &str) -> Vec<u8> {
    v2_with(client, &[])
}

fn v2_raw(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [b"\r\n\r\n\0\r\nQUIT\n", &[command, family][..], &length, rest].concat()
}

/// The header of a proxy that speaks for itself, as for its health checks.
pub fn local() -> Vec<u8> {
    v2_raw(0x20, 0, &[])
}

/// Connects through a proxy that sends this header.
#[track_caller]
pub fn through(daemon: &Daemon, header: &[u8]) -> Person {
    let mut person = Person::connect_to(daemon.address);
    person.send(header);
    person
}

impl Person {
    /// Joins, from the prompt on.
    #[track_caller]
    pub fn join_as(&mut self, name: &str) {
        self.expect(PROMPT);
        self.say(name);
        self.expect(&format!("[SERVER]: Welcome {name}! To leave chat write !quit."));
    }
}

/// Checks that `chatctl users` shows a person at an address, and that the log does.
#[track_caller]
pub fn check_seen(daemon: &Daemon, name: &str, address: &str) {
    let users = daemon.users();
    let user = users.iter().find(|user| user.name == name).unwrap_or_else(|| panic!("{users:?}"));
    assert_eq!(user.address, address);
    let logged = format!("{name} joined from {address} event=");
    daemon.until_logged(&logged);
    daemon.until_logged(&format!("address=\"{address}\""));
}

#[test]
fn each_version_names_the_client() {
    let daemon = behind_proxies("", "");
    let extensions = [&[0x01, 0, 2, b'h', b'2', 0x20, 0, 5][..], &[1, 0, 0, 0, 0], &[0xea; 300]];
    let own = |header: Vec<u8>| (header, None);
    let named = |header: Vec<u8>, client| (header, Some(client));
    let all = [
        named(v1("192.0.2.7:40001"), "192.0.2.7:40001"),
        named(v1("[2001:db8::7]:40002"), "[2001:db8::7]:40002"),
        named(v2("192.0.2.7:40003"), "192.0.2.7:40003"),
        named(v2("[2001:db8::7]:40004"), "[2001:db8::7]:40004"),
        named(v2_with("192.0.2.7:40005", &extensions.concat()), "192.0.2.7:40005"),
        own(b"PROXY UNKNOWN\r\n".to_vec()),
        own(b"PROXY UNKNOWN ffff::1 anything 1 2\r\n".to_vec()),
        own(local()),
        own(v2_raw(0x20, 0x11, &[9; 12])),
        own(v2_raw(0x21, 0x00, &[9; 20])),
        own(v2_raw(0x21, 0x31, &[9; 216])),
    ];
    for (number, (header, client)) in all.iter().enumerate() {
        let name = format!("ann{number}");
        let mut ann = through(&daemon, header);
        ann.join_as(&name);
        let own = ann.stream.local_addr().unwrap().to_string();
        check_seen(&daemon, &name, client.unwrap_or(&own));
        ann.say("!quit");
        ann.expect_end();
    }
    assert_eq!(daemon.status().ended.get("quit"), Some(&(all.len() as u64)));
}

#[test]
fn a_header_arrives_in_pieces_or_with_all_that_follows() {
    let daemon = behind_proxies("", "");
    for (number, header) in [v1("192.0.2.7:1"), v2("[2001:db8::7]:1")].iter().enumerate() {
        let mut slow = Person::connect_to(daemon.address);
        for byte in header {
            slow.send(&[*byte]);
        }
        slow.join_as(&format!("slow{number}"));
        let mut quick = Person::connect_to(daemon.address);
        let hello = format!(r#"{{"type":"hello","protocol":1,"name":"quick{number}"}}"#);
        let ping = "{\"type\":\"ping\",\"id\":\"1\"}\n";
        quick.send(&[header, hello.as_bytes(), b"\n", ping.as_bytes()].concat());
        quick.expect(PROMPT);
        quick.event("welcome");
        assert_eq!(quick.event("pong")["id"], "1");
        let client = if header[0] == b'P' { "192.0.2.7:1" } else { "[2001:db8::7]:1" };
        check_seen(&daemon, &format!("slow{number}"), client);
        check_seen(&daemon, &format!("quick{number}"), client);
    }
}

#[test]
fn nothing_is_said_before_the_header() {
    let daemon = behind_proxies("", "");
    let mut ann = Person::connect_to(daemon.address);
    let header = v1("192.0.2.7:1");
    let (begin, end) = header.split_at(20);
    ann.send(begin);
    daemon.until("a connection", |daemon| daemon.status().connections == 1);
    ann.stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    assert!(ann.stream.peek(&mut [0]).is_err(), "the prompt came before the header");
    ann.stream.set_read_timeout(Some(crate::daemon::PATIENCE)).unwrap();
    ann.send(end);
    ann.join_as("ann");
}

#[test]
fn after_one_header_another_is_what_the_client_says() {
    let daemon = behind_proxies("", "");
    for second in [v1("198.51.100.9:9"), v2("198.51.100.9:9")] {
        let mut eve = through(&daemon, &[v1("192.0.2.7:1"), second, b"eve\n".to_vec()].concat());
        eve.expect(PROMPT);
        let told = eve.line().unwrap();
        assert!(told.contains("does not take headers of the PROXY protocol"), "{told}");
        eve.expect_end();
    }
    assert!(daemon.users().is_empty());
}

/// Checks that a connection from `from` that begins so is told why it is not served.
#[track_caller]
fn check_refused(daemon: &Daemon, from: [u8; 4], bytes: &[u8], says: &str) {
    let mut person = Person::connect_from(from, daemon.address);
    person.send(bytes);
    let mut told = person.line().unwrap();
    if told == PROMPT {
        told = person.line().unwrap();
    }
    assert!(told.contains(says), "{told:?} should contain {says:?}");
    assert_eq!(person.line(), None);
    assert!(daemon.users().is_empty(), "somebody has come of {bytes:?}");
}

#[test]
fn headers_are_taken_from_listed_addresses_only() {
    let daemon = behind_proxies("", "");
    let untrusted = "does not take headers of the PROXY protocol from your address";
    let with_name = |header: Vec<u8>| [header, b"evil\n".to_vec()].concat();
    for header in [v1("192.0.2.7:1"), v2("192.0.2.7:1"), local(), b"PROXY UNKNOWN\r\n".to_vec()] {
        check_refused(&daemon, [127, 0, 0, 2], &with_name(header), untrusted);
    }
    Person::connect_from([127, 0, 0, 2], daemon.address).join_as("direct");
    let mut second = Person::connect_from([127, 0, 0, 3], daemon.address);
    second.send(&v1("192.0.2.7:9"));
    second.join_as("behind");
    check_seen(&daemon, "behind", "192.0.2.7:9");
}

#[test]
fn a_missing_proxy_header_is_reported_to_client_and_operator() {
    let daemon = behind_proxies("", "");
    let all: [(&[u8], &str); 10] = [
        (b"evil\nhello\n", "the connection began with something else"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "the connection began with something else"),
        (b"{\"type\":\"hello\",\"protocol\":1,\"name\":\"evil\"}\n", "began with something else"),
        (b"\x16\x03\x01\x02\x00\x01", "the connection began with something else"),
        (b"\r\nevil\n", "the connection began with something else"),
        (b"PROXY TCP4 192.0.2.7 10.0.0.1 1 2\nevil\n", "does not end with CR LF"),
        (
            b"PROXY TCP4 192.0.2.300 10.0.0.1 1 2\r\nevil\n",
            "one of the addresses in the header is not valid",
        ),
        (
            b"PROXY TCP4 192.0.2.7 10.0.0.1 1 70000\r\nevil\n",
            "one of the ports in the header is not valid",
        ),
        (
            b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c123456789012evil\n",
            "the version or command in the header is unknown",
        ),
        (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff123456789012evil\n", "longer than 4096 bytes"),
    ];
    for (bytes, problem) in all {
        check_refused(&daemon, [127, 0, 0, 1], bytes, problem);
        let logged = format!("{problem}; [listen] proxy_protocol names it");
        daemon.until_logged(&logged);
    }
    check_refused(&daemon, [127, 0, 0, 1], &[b'P', b'R'].repeat(300), "something else");
    let endless = [b"PROXY UNKNOWN ".to_vec(), vec![b'x'; 20_000]].concat();
    check_refused(&daemon, [127, 0, 0, 1], &endless, "longer than 107 bytes");
    let half = through(&daemon, &v2("192.0.2.7:1")[..20]);
    half.end_input();
    daemon.until_logged("ended in the middle of the header");
    daemon.until("counted", |daemon| {
        daemon.status().ended.get("no-proxy-header") == Some(&(all.len() as u64 + 3))
    });
    through(&daemon, &v1("192.0.2.7:1")).join_as("ann");
}

#[test]
fn a_header_that_does_not_come_is_not_waited_for_any_longer_than_a_name() {
    let daemon = behind_proxies("name = \"1 s\"\n", "");
    for begun in [&b""[..], b"PROXY TC", &v2("192.0.2.7:1")[..27]] {
        let mut silent = through(&daemon, begun);
        let told = silent.line().unwrap();
        assert!(told.contains("the header was not complete in time"), "{told}");
        silent.expect_end();
    }
    // The header does not start the time for the name anew.
    let mut nameless = through(&daemon, &v1("192.0.2.7:1"));
    nameless.expect(PROMPT);
    nameless.expect("[SERVER]: No name was given in time. Connect again to join.");
}

#[test]
fn checks_of_a_proxy_do_not_fill_the_log() {
    let daemon = behind_proxies("", "");
    for header in [&b""[..], &local(), b"PROXY UNKNOWN\r\n"] {
        drop(through(&daemon, header));
    }
    // HAProxy resets what it has opened for a check.
    for header in [&b""[..], &local()] {
        through(&daemon, header).reset();
    }
    daemon.until("reset", |daemon| daemon.status().ended.get("broken") == Some(&2));
    drop(through(&daemon, &v1("192.0.2.7:1")));
    daemon.until("counted", |daemon| daemon.status().ended.get("closed") == Some(&4));
    let of_client = "connection from 192.0.2.7:1 ended before joining (closed)";
    daemon.until_logged(of_client);
    assert_eq!(daemon.log().matches("ended before joining").count(), 1, "{}", daemon.log());
}

/// Where the stream has a mark of urgent data in the middle of a header, less is read than was seen.
#[test]
fn urgent_data_does_not_split_a_header_from_what_follows() {
    let daemon = behind_proxies("", "");
    let mut ann = Person::connect_to(daemon.address);
    ann.send(b"PROXY TCP4 192.0.2.7 ");
    socket2::SockRef::from(&ann.stream).send_out_of_band(b"!").unwrap();
    ann.send(b"10.0.0.1 1 2\r\nann\n");
    ann.expect(PROMPT);
    ann.expect("[SERVER]: Welcome ann! To leave chat write !quit.");
}
