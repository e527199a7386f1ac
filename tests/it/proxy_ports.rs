//! Headers of the PROXY protocol on every kind of port, and over the life of the daemon.

use std::io::Write;
use std::net::SocketAddr;

use chatroom::access::ModerationAction;
use chatroom::admin::{AdminRequest, Reply};
use rustix::process::Signal;
use tempfile::TempDir;

use crate::daemon::{Daemon, command, with_descriptors};
use crate::harness::Person;
use crate::proxy::{behind_proxies, check_seen, config, through, v1, v2};
use crate::tls;

/// A daemon behind proxies that speaks TLS, and where.
fn over_tls() -> (Daemon, SocketAddr) {
    let folder = TempDir::new().unwrap();
    tls::make_certificate(&folder);
    let config = format!("tls = \"127.0.0.1:0\"\n{}", config("", ""));
    let daemon = Daemon::in_folder(folder, &config, |_| {});
    let address = daemon.status().listen[1].strip_suffix(" (TLS)").unwrap().parse().unwrap();
    (daemon, address)
}

#[test]
fn a_header_comes_before_tls() {
    let (daemon, address) = over_tls();
    for header in [v1("192.0.2.7:1"), v2("192.0.2.7:1")] {
        let mut ann = Person::secure(&daemon, address);
        ann.stream.write_all(&header).unwrap();
        ann.join_as("ann");
        assert_eq!(daemon.users()[0].address, "192.0.2.7:1");
        ann.say("!quit");
        while ann.line().is_some() {}
        daemon.until_empty();
    }
    // In one piece with the first bytes of TLS.
    let mut bo = Person::secure(&daemon, address);
    let mut together = v2("192.0.2.8:2");
    bo.tls.as_mut().unwrap().write_tls(&mut together).unwrap();
    bo.stream.write_all(&together).unwrap();
    bo.join_as("bo");
    check_seen(&daemon, "bo", "192.0.2.8:2");
}

#[test]
fn on_the_port_for_tls_a_missing_header_is_told_as_far_as_it_can_be() {
    let (daemon, address) = over_tls();
    let mut over_tls = Person::secure(&daemon, address);
    let told = over_tls.line().unwrap();
    assert!(told.contains("the connection began with something else"), "{told}");
    let mut plain = Person::connect_to(address);
    plain.say("ann");
    let told = plain.line().unwrap();
    assert!(told.contains("the connection began with something else"), "{told}");
    plain.expect_end();
    // Behind a header, plain text is what it always is there.
    let mut plain = Person::connect_to(address);
    plain.send(&v1("192.0.2.7:1"));
    plain.say("ann");
    plain.expect("[SERVER]: This port speaks TLS only. Connect with TLS: chatroom-client --tls.");
    plain.expect_end();
}

#[test]
fn a_client_turned_away_behind_a_proxy_is_told_over_tls() {
    let (daemon, address) = over_tls();
    assert!(matches!(
        daemon.ask(&AdminRequest::Moderate {
            action: ModerationAction::Ban {
                target: "192.0.2.7".to_owned(),
                seconds: None,
                reason: None
            }
        }),
        Reply::Moderated { .. }
    ));
    let mut eve = Person::secure(&daemon, address);
    eve.stream.write_all(&v1("192.0.2.7:1")).unwrap();
    let told = eve.line().unwrap();
    assert!(told.starts_with("[SERVER]: You are banned"), "{told}");
}

#[test]
fn a_reload_counts_for_connections_from_then_on() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let file = daemon.folder.path().join("chatroomd.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let with = text.replacen("[listen]\n", "[listen]\nproxy_protocol = [\"127.0.0.1\"]\n", 1);
    std::fs::write(&file, with).unwrap();
    let Reply::Reloaded(reloaded) = daemon.ask(&AdminRequest::Reload) else { panic!("no reload") };
    let changed: Vec<_> = reloaded.changed.iter().map(|it| (&*it.option, &*it.new)).collect();
    assert_eq!(changed, [("[listen] proxy_protocol", "[\"127.0.0.1\"]")]);
    assert_eq!(reloaded.needs_restart, []);
    let mut bo = through(&daemon, &v1("192.0.2.7:1"));
    bo.join_as("bo");
    check_seen(&daemon, "bo", "192.0.2.7:1");
    ann.expect("[SERVER]: bo joined the chat!");
    let mut direct = Person::connect_to(daemon.address);
    direct.say("cy");
    assert!(direct.line().unwrap().contains("the connection began with something else"));
    std::fs::write(&file, text).unwrap();
    assert!(matches!(daemon.ask(&AdminRequest::Reload), Reply::Reloaded(_)));
    Person::connect(&daemon);
    bo.say("still here");
    ann.expect("bo: still here");
    check_seen(&daemon, "bo", "192.0.2.7:1");
}

#[test]
fn ports_that_systemd_has_opened_take_headers_too() {
    let mut daemon = behind_proxies("", "");
    daemon.signal(Signal::TERM);
    daemon.until_ended();
    let socket = std::net::TcpListener::bind(daemon.address).unwrap();
    let command = command(&daemon.folder, &format!("[listen]\n{}", config("", "")));
    let passed = vec![("chat".to_owned(), socket.into())];
    daemon.child = with_descriptors(&daemon.folder, &command, passed).spawn().unwrap();
    daemon.until_notified("READY=1");
    let mut ann = through(&daemon, &v2("192.0.2.7:1"));
    ann.join_as("ann");
    check_seen(&daemon, "ann", "192.0.2.7:1");
}

#[test]
fn the_end_is_not_put_off_by_who_sends_no_header() {
    let mut daemon = behind_proxies("", "");
    let mut silent = through(&daemon, b"PROXY TCP4");
    daemon.until("a connection", |daemon| daemon.status().connections == 1);
    daemon.signal(Signal::TERM);
    silent.expect("[SERVER]: server is shutting down");
    silent.expect_end();
    assert!(daemon.until_ended().success());
}
