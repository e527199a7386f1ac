//! Reaching a server: by a name with several addresses, with TLS or without.

use std::io::Read;
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::client::{client, pipe_to};
use crate::daemon::Daemon;
use crate::faults::cannot_run;
use crate::harness::Person;
use crate::screen::Screen;
use crate::tls;

/// A listener that accepts no connection.
struct Bad {
    listener: Socket,
    _in_the_way: Vec<TcpStream>,
}

impl Bad {
    fn listen(address: SocketAddr, backlog: i32) -> Bad {
        let listener = Socket::new(Domain::for_address(address), Type::STREAM, None).unwrap();
        listener.set_reuse_address(true).unwrap();
        listener.bind(&address.into()).unwrap();
        listener.listen(backlog).unwrap();
        Bad { listener, _in_the_way: Vec::new() }
    }

    /// Packets to it are dropped: its queue is full.
    fn swallowing(address: SocketAddr) -> Bad {
        let mut bad = Bad::listen(address, 0);
        let wait = Duration::from_millis(300);
        while let Ok(stream) = TcpStream::connect_timeout(&address, wait) {
            bad._in_the_way.push(stream);
            assert!(bad._in_the_way.len() < 1000, "its queue is never full");
        }
        bad
    }

    /// The system accepts, and no program answers.
    fn silent(address: SocketAddr) -> Bad {
        Bad::listen(address, 16)
    }

    /// It takes in a connection, and closes it.
    fn closing(address: SocketAddr) -> Bad {
        let bad = Bad::listen(address, 16);
        let listener = TcpListener::from(bad.listener.try_clone().unwrap());
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                drop(stream);
            }
        });
        bad
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        // The accepting thread ends.
        let _ = self.listener.shutdown(std::net::Shutdown::Both);
    }
}

/// Has a command find these addresses for the name `chat.test`. None where that cannot be.
fn resolving(command: &Command, hosts: &Path) -> Option<Command> {
    let unshare = |arguments: &[&str]| {
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "--map-root-user"]).args(arguments);
        unshare
    };
    if !unshare(&["true"]).status().is_ok_and(|status| status.success()) {
        cannot_run("a name with several addresses", "it needs a mount namespace");
        return None;
    }
    let script = "mount --bind \"$0\" /etc/hosts && exec \"$@\"";
    let mut inside = unshare(&["sh", "-c", script]);
    inside.arg(hosts).arg(command.get_program()).args(command.get_args());
    for (key, value) in command.get_envs() {
        value.map(|value| inside.env(key, value));
    }
    Some(inside)
}

/// A daemon, a broken server at the same port of another address, and a client for a name with both.
fn reached(bad: IpAddr, listen: fn(SocketAddr) -> Bad, check: impl Fn(Command, &Daemon)) {
    let daemon = Daemon::start();
    let port = daemon.address.port();
    let _bad = listen((bad, port).into());
    let folder = tempfile::tempdir().unwrap();
    let hosts = folder.path().join("hosts");
    std::fs::write(&hosts, format!("{bad} chat.test\n127.0.0.1 chat.test\n")).unwrap();
    let address = format!("chat.test:{port}");
    // The first attempt has to succeed.
    let client = client(&["--name", "bo", "--attempts", "1", &address]);
    if let Some(client) = resolving(&client, &hosts) {
        check(client, &daemon);
    }
}

#[track_caller]
fn check_pipe(bad: IpAddr, listen: fn(SocketAddr) -> Bad) {
    reached(bad, listen, |mut client, daemon| {
        let output = pipe_to("hello\n", &mut client);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert_eq!(daemon.status().messages, 1);
    });
}

const V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::LOCALHOST);
const V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 2));

#[test]
fn a_first_address_that_swallows_packets_is_not_waited_for() {
    check_pipe(V6, Bad::swallowing);
    check_pipe(V4, Bad::swallowing);
}

#[test]
fn a_first_address_that_says_nothing_is_not_the_last() {
    check_pipe(V6, Bad::silent);
    check_pipe(V4, Bad::closing);
}

#[test]
fn the_screen_reaches_the_second_address_too() {
    reached(V6, Bad::swallowing, |mut client, _| {
        let mut screen = Screen::of(&mut client);
        screen.until_shown("You are bo in the room lobby");
        screen.type_in("/quit\r");
        screen.check_ended(0);
    });
}

#[test]
fn without_tls_on_the_port_for_it_one_is_told() {
    let (_daemon, address) = tls::daemon();
    let mut client = client(&["--name", "bo", &address.to_string()]);
    let output = pipe_to("hello\n", &mut client);
    assert_eq!(output.status.code(), Some(69), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    let expect = format!("Not joined: {address} speaks TLS. Connect with --tls.");
    assert!(said.contains(&expect) && !said.contains("Trying again"), "{said}");

    let mut nc = Person::connect_to(address);
    nc.say("bo");
    nc.expect("[SERVER]: This port speaks TLS only. Connect with TLS: chatroom-client --tls.");
    nc.expect_end();
    let mut browser = Person::connect_to(address);
    browser.say("GET / HTTP/1.1\r");
    browser.expect("[SERVER]: This port speaks TLS only. Connect with TLS: chatroom-client --tls.");
    let mut bot = Person::connect_to(address);
    bot.say(r#"{"type":"ping"}"#);
    assert_eq!(bot.event("closing")["code"], "tls-required");
    bot.expect_end();
}

#[test]
fn an_older_server_that_only_sends_an_alert_is_told_apart_too() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0; 5];
        stream.read_exact(&mut first).unwrap();
        std::io::Write::write_all(&mut stream, b"\x15\x03\x03\x00\x02\x02\x46").unwrap();
        first
    });
    let output = pipe_to("hello\n", &mut client(&["--name", "bo", &address]));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("speaks TLS. Connect with --tls."), "{said}");
    let first = server.join().unwrap();
    assert!(!first.starts_with(b"\x16"), "it has not tried TLS by itself");
}

#[test]
fn with_tls_on_the_plain_port_one_is_told_in_whole_words() {
    let daemon = Daemon::start();
    let address = daemon.address;
    let mut screen = Screen::of(&mut client(&["--tls", "--name", "bo", &address.to_string()]));
    screen.until("the end", |screen| screen.contents().contains("usually 53001"));
    let rows: Vec<String> = screen.emulator.screen().rows(0, 90).collect();
    let first = rows.iter().position(|row| row.starts_with("Not joined")).unwrap();
    assert_eq!(
        format!("{} {}", rows[first], rows[first + 1]),
        format!(
            "Not joined: {address} does not speak TLS. Connect without --tls, or to the server's \
             port for TLS, which is usually 53001."
        )
    );
    screen.check_ended(69);
}
