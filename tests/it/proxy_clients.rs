//! Clients behind a proxy are who they are: limits, bans, passwords, upgrades and resuming go by their own
//! addresses.

use chatroom::access::ModerationAction;
use chatroom::admin::{AdminRequest, Reply};
use serde_json::json;

use crate::ctl::{check_done, run};
use crate::daemon::Daemon;
use crate::handover::hand_over;
use crate::harness::{PROMPT, Person};
use crate::moderation::add_account;
use crate::proxy::{behind_proxies, check_seen, local, through, v1, v2};

#[track_caller]
fn ban(daemon: &Daemon, target: &str) {
    let act = ModerationAction::Ban { target: target.to_owned(), seconds: None, reason: None };
    assert!(matches!(daemon.ask(&AdminRequest::Moderate { action: act }), Reply::Moderated { .. }));
}

#[track_caller]
fn check_banned(daemon: &Daemon, header: &[u8]) {
    let mut eve = through(daemon, header);
    let told = eve.line().unwrap();
    assert!(told.starts_with("[SERVER]: You are banned"), "{told}");
    eve.expect_end();
}

#[test]
fn a_ban_hits_a_client_and_nobody_else_behind_the_proxy() {
    let daemon = behind_proxies("", "");
    let mut ann = through(&daemon, &v1("192.0.2.1:1"));
    ann.join_as("ann");
    let mut eve = through(&daemon, &v2("192.0.2.66:1"));
    eve.join_as("eve");
    ann.expect("[SERVER]: eve joined the chat!");
    let mut lurker = through(&daemon, &v1("192.0.2.66:2"));
    lurker.expect(PROMPT);
    ban(&daemon, "192.0.2.66");
    for person in [&mut eve, &mut lurker] {
        let told = person.line().unwrap();
        assert!(told.starts_with("[SERVER]: You are banned"), "{told}");
        person.expect_end();
    }
    let gone = ann.line().unwrap();
    assert!(gone.starts_with("[SERVER]: eve was removed"), "{gone}");
    check_banned(&daemon, &v1("192.0.2.66:3"));
    check_banned(&daemon, &v2("192.0.2.66:4"));
    check_banned(&daemon, &v2("[::ffff:192.0.2.66]:5"));
    ann.say("!who");
    ann.expect("[SERVER]: 1 person is here: ann");
    assert_eq!(daemon.status().ended.get("banned"), Some(&5));
    through(&daemon, &v1("192.0.2.2:1")).join_as("bo");
}

#[test]
fn a_ban_of_a_proxy_is_none_of_its_clients() {
    let daemon = behind_proxies("", "");
    let mut ann = through(&daemon, &v1("192.0.2.1:1"));
    ann.join_as("ann");
    // Of this one it is not known yet.
    let mut bo = through(&daemon, b"PROXY TCP4 ");
    daemon.until("two", |daemon| daemon.status().connections == 2);
    let mut unnamed = through(&daemon, b"PROXY UNKNOWN\r\n");
    unnamed.join_as("unnamed");
    ban(&daemon, "127.0.0.1");
    let told = unnamed.line().unwrap();
    assert!(told.starts_with("[SERVER]: You are banned"), "{told}");
    check_banned(&daemon, &local());
    bo.send(b"192.0.2.2 10.0.0.1 1 2\r\n");
    bo.join_as("bo");
    through(&daemon, &v1("192.0.2.3:1")).join_as("cy");
    ann.lines_until("[SERVER]: cy joined the chat!");
}

#[test]
fn a_mute_goes_by_the_address_of_the_client() {
    let daemon = behind_proxies("", "");
    let mut ann = through(&daemon, &v1("192.0.2.1:1"));
    ann.join_as("ann");
    let mut eve = through(&daemon, &v1("192.0.2.66:1"));
    eve.join_as("eve");
    let act =
        ModerationAction::Mute { target: "192.0.2.66".to_owned(), seconds: None, reason: None };
    assert!(matches!(daemon.ask(&AdminRequest::Moderate { action: act }), Reply::Moderated { .. }));
    let muted = |name: &str| daemon.users().iter().any(|user| user.name == name && user.muted);
    daemon.until("muted", |_| muted("eve"));
    assert!(!muted("ann"));
}

#[test]
fn limits_count_clients_and_not_their_proxy() {
    let limits = "[limits]\nconnections_per_address = 2\nloopback = true\n";
    let daemon = behind_proxies("", limits);
    let mut people: Vec<Person> = Vec::new();
    for number in 1..=6 {
        for port in [1, 2] {
            let mut person = through(&daemon, &v1(&format!("192.0.2.{number}:{port}")));
            person.expect(PROMPT);
            people.push(person);
        }
    }
    let crowded = "[SERVER]: There are too many connections from your address. Close one first.";
    let check_crowded = |header: &[u8]| {
        let mut third = through(&daemon, header);
        third.expect(crowded);
        third.expect_end();
    };
    check_crowded(&v1("192.0.2.1:3"));
    // Those that were turned away make no room when they close.
    daemon.until("twelve", |daemon| daemon.status().connections == 12);
    check_crowded(&v1("192.0.2.1:3"));
    check_crowded(&v2("192.0.2.6:3"));
    // A /64 of IPv6 counts as one address.
    for client in ["[2001:db8::1]:1", "[2001:db8::2]:1"] {
        let mut person = through(&daemon, &v2(client));
        person.expect(PROMPT);
        people.push(person);
    }
    check_crowded(&v2("[2001:db8::3]:1"));
    // Neither those that say nothing yet count for the proxy, nor those that it does not name.
    for header in [&b""[..], b"", b"", b"PROXY UNKNOWN\r\n", b"PROXY UNKNOWN\r\n", &local()] {
        people.push(through(&daemon, header));
    }
    people.iter_mut().rev().take(3).for_each(|person| person.expect(PROMPT));
    assert_eq!(daemon.status().ended.get("crowded"), Some(&4));
    // A client that has left makes room; those that were turned away took none.
    drop(people.remove(0));
    daemon.until("closed", |daemon| daemon.status().ended.get("closed") == Some(&1));
    through(&daemon, &v1("192.0.2.1:4")).expect(PROMPT);
}

#[test]
fn rate_limits_apply_to_the_client_behind_a_proxy() {
    let limits = "[limits]\nnew_connections_per_minute = 3\njoins_per_minute = 2\n";
    let daemon = behind_proxies("", limits);
    for _ in 0..2 {
        let mut ann = through(&daemon, &v1("192.0.2.1:1"));
        ann.join_as("ann");
        ann.say("!quit");
        ann.expect_end();
    }
    let mut ann = through(&daemon, &v1("192.0.2.1:1"));
    ann.expect(PROMPT);
    ann.say("ann");
    let told = ann.line().unwrap();
    assert!(told.starts_with("[SERVER]: Your address joins too often."), "{told}");
    let told = through(&daemon, &v1("192.0.2.1:1")).line().unwrap();
    assert!(told.starts_with("[SERVER]: Your address connects too often."), "{told}");
    let limited = daemon.status().limited;
    assert!(limited.iter().all(|one| one.address == "192.0.2.1"), "{limited:?}");
    assert_eq!(limited.len(), 2);
    // The others, and the proxy itself, may go on.
    through(&daemon, &v1("192.0.2.2:1")).join_as("bo");
    for _ in 0..6 {
        through(&daemon, &local()).expect(PROMPT);
    }
}

#[test]
fn connections_that_send_no_header_count_for_the_whole() {
    let daemon = behind_proxies("", "[limits]\nconnections = 2\n");
    let waiting = [through(&daemon, b""), through(&daemon, b"PROXY ")];
    daemon.until("two", |daemon| daemon.status().connections == 2);
    let mut third = through(&daemon, &v1("192.0.2.1:1"));
    third.expect("[SERVER]: The room is full. Try again later.");
    third.expect_end();
    drop(waiting);
    daemon.until_empty();
    through(&daemon, &v1("192.0.2.1:1")).join_as("ann");
}

#[test]
fn a_password_is_taken_from_this_machine_only_if_the_client_is_here() {
    let daemon = behind_proxies("", "");
    add_account(&daemon, &["ann"]);
    for header in [&v1("192.0.2.1:1")[..], &v2("[2001:db8::1]:1"), b"PROXY UNKNOWN\r\n", &local()] {
        let mut ann = through(&daemon, header);
        ann.expect(PROMPT);
        ann.say("ann");
        let told = ann.line().unwrap();
        assert!(told.contains("TLS"), "{told}");
    }
    let mut ann = through(&daemon, &v1("127.0.0.9:1"));
    ann.expect(PROMPT);
    ann.say("ann");
    ann.expect("[SERVER]: The name ann needs a password. Type it, then press enter!");
}

#[test]
fn an_upgrade_keeps_the_addresses_and_what_has_come_of_a_header() {
    let mut daemon = behind_proxies("", "[limits]\nconnections_per_address = 1\n");
    let mut ann = through(&daemon, &v1("192.0.2.1:1"));
    ann.join_as("ann");
    let mut eve = through(&daemon, &v2("192.0.2.66:1"));
    eve.join_as("eve");
    ann.expect("[SERVER]: eve joined the chat!");
    let mut unnamed = through(&daemon, &local());
    unnamed.join_as("unnamed");
    ann.expect("[SERVER]: unnamed joined the chat!");
    let header = v2("192.0.2.3:1");
    let mut slow = through(&daemon, &header[..7]);
    let mut silent = through(&daemon, b"");
    daemon.until("five", |daemon| daemon.status().connections == 5);
    for part in [&header[7..14], &header[14..20]] {
        let stored = hand_over(&mut daemon);
        daemon.start_again_with(stored);
        slow.send(part);
    }
    let stored = hand_over(&mut daemon);
    daemon.start_again_with(stored);
    assert_eq!(daemon.status().connections, 5);
    check_seen(&daemon, "ann", "192.0.2.1:1");
    check_seen(&daemon, "eve", "192.0.2.66:1");
    slow.send(&header[20..]);
    slow.join_as("slow");
    check_seen(&daemon, "slow", "192.0.2.3:1");
    silent.send(&v1("192.0.2.4:1"));
    silent.join_as("silent");
    ann.lines_until("[SERVER]: silent joined the chat!");
    // The counters hold, and a ban applies to the right client.
    through(&daemon, &v1("192.0.2.1:2"))
        .expect("[SERVER]: There are too many connections from your address. Close one first.");
    through(&daemon, &local()).expect(PROMPT);
    ban(&daemon, "192.0.2.66");
    eve.lines_until_starting("[SERVER]: You are banned");
    eve.expect_end();
    ann.say("!quit");
    ann.lines_until_starting("[SERVER]: eve was removed");
    ann.expect_end();
    drop((ann, eve));
    daemon.until("three", |daemon| daemon.status().connections == 3);
    through(&daemon, &v1("192.0.2.1:3")).expect(PROMPT);
}

#[test]
fn a_client_that_resumes_from_another_address_is_shown_there() {
    let daemon = behind_proxies("hold = \"1 min\"\n", "");
    let mut jay = through(&daemon, &v1("192.0.2.1:1"));
    jay.expect(PROMPT);
    jay.say(r#"{"type":"hello","protocol":1,"name":"jay"}"#);
    let welcome = jay.event("welcome");
    jay.reset();
    let is_away = |daemon: &Daemon| daemon.users().iter().any(|user| user.away_seconds.is_some());
    daemon.until("away", is_away);
    assert_eq!(daemon.users()[0].address, "192.0.2.1:1");
    let mut jay = through(&daemon, &v2("198.51.100.1:2"));
    jay.expect(PROMPT);
    let resume = json!({"token": welcome["token"], "epoch": 1, "seq": welcome["seq"]});
    let hello = json!({"type": "hello", "protocol": 1, "name": "jay", "resume": resume});
    jay.say(&hello.to_string());
    assert_eq!(jay.event("welcome")["resumed"], true);
    assert_eq!(daemon.users()[0].address, "198.51.100.1:2");
    daemon.until_logged("jay came back from 198.51.100.1:2");
    // A ban of the address of before follows the session, as it does without a proxy.
    let shown = check_done(&run(&daemon.socket(), &["users"]));
    assert!(shown.contains("198.51.100.1"), "{shown}");
}
