//! Whom a ban or a mute is against: what is refused, what is asked first, and what is reported.

use std::process::Output;

use serde_json::{Value, json};

use crate::ctl::{check_done, check_fails, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::{add_account, with_password};

#[track_caller]
fn ctl(daemon: &Daemon, args: &[&str]) -> String {
    check_done(&run(&daemon.socket(), args))
}

fn bans(daemon: &Daemon) -> Value {
    serde_json::from_str(&ctl(daemon, &["--json", "bans"])).unwrap()
}

/// People that come from addresses of this machine, each from its own.
fn people(daemon: &Daemon, network: u8, count: u8) -> Vec<Person> {
    let join = |last| {
        let mut person = Person::connect_from([127, network, 0, last], daemon.address);
        person.say(&format!("p{network}x{last}"));
        person.lines_until_starting("[SERVER]: Welcome");
        person
    };
    (1..=count).map(join).collect()
}

#[test]
fn what_is_neither_a_name_nor_an_address_is_refused_everywhere() {
    let daemon = Daemon::start();
    add_account(&daemon, &["--operator", "olga"]);
    let mut olga = with_password(&daemon, "olga");
    for (word, advice) in [
        ("10.0.0.*", "10.0.0.0/24"),
        ("127.0.0", "127.0.0.0/24"),
        ("127.0.0.0/33", "from 0 to 32"),
        ("300.1.1.1", "from 0 to 255"),
        ("10.0.0.1-10.0.0.9", "10.0.0.0/28"),
        ("::1/129", "from 0 to 128"),
        ("1.2.3.4:5", "Leave the port away"),
        ("[::1]", "Write the address alone"),
        ("fe80::1%eth0", "Leave the zone away"),
        ("nick!user@host", "Masks are not understood"),
        ("*", "Masks are not understood"),
        ("two words", "is no name"),
    ] {
        let says = [word, "is no name, address or network.", advice];
        for command in ["ban", "mute", "unban", "unmute"] {
            check_fails(&run(&daemon.socket(), &[command, "--", word]), 1, &says);
        }
        if !word.contains(' ') {
            for command in ["!ban", "!mute", "!unban"] {
                olga.say(&format!("{command} {word}"));
                let line = olga.line().unwrap();
                assert!(says.iter().all(|part| line.contains(part)), "{line}");
            }
        }
        // Nobody can be called what looks like an address; in a name there may be a `!`.
        if !word.starts_with("nick") {
            let mut person = Person::connect(&daemon);
            person.say(word);
            let line = person.line().unwrap();
            assert!(!line.contains("Welcome"), "{line}");
        }
    }
    let says = ["10.0.0.* is no name", "10.0.0.0/24"];
    check_fails(&run(&daemon.socket(), &["history", "--from", "10.0.0.*"]), 1, &says);
    assert_eq!(bans(&daemon), json!({ "bans": [] }));
}

#[test]
fn a_time_has_a_unit_everywhere() {
    let daemon = Daemon::start();
    add_account(&daemon, &["--operator", "olga"]);
    let mut olga = with_password(&daemon, "olga");
    for args in [
        &["ban", "bo", "--for", "10"][..],
        &["mute", "bo", "--for", "10"],
        &["slow", "10"],
        &["shutdown", "--in", "10", "--yes"],
        &["--timeout", "10", "ping"],
    ] {
        check_fails(&run(&daemon.socket(), args), 2, &["10 has no unit", "10 min"]);
    }
    for line in ["!ban bo 10", "!mute bo 10", "!ban bo 10 minuten", "!ban bo for 10"] {
        olga.say(line);
        let line = olga.line().unwrap();
        assert!(line.contains("Nothing was done: write a time with its unit"), "{line}");
    }
    assert_eq!(bans(&daemon), json!({ "bans": [] }));
}

#[test]
fn what_a_ban_has_done_is_said_and_noted() {
    let daemon = Daemon::start();
    let mut there = people(&daemon, 9, 2);
    let mut nameless = Person::connect_from([127, 9, 0, 7], daemon.address);
    nameless.lines_until(crate::harness::PROMPT);
    let _here = people(&daemon, 8, 3);
    let said = ctl(&daemon, &["mute", "127.9.0.0/16", "--for", "2 h"]);
    assert_eq!(said, "Muted 127.9.0.0/16 for 2 h: 2 people are muted.\n");
    let said = ctl(&daemon, &["--json", "ban", "127.9.0.0/16", "--for", "2 h", "--reason", "spam"]);
    let said: Value = serde_json::from_str(&said).unwrap();
    let expect = "Banned 127.9.0.0/16 for 2 h: 2 people were disconnected, and 1 connection without a \
                  name closed. Reason: spam";
    assert_eq!(said["notes"][0], expect);
    assert_eq!((&said["affected"]["people"], &said["affected"]["of"]), (&json!(2), &json!(5)));
    for person in &mut there {
        person.lines_until_starting("[SERVER]: You are banned until ");
        person.expect_end();
    }
    let said = ctl(&daemon, &["ban", "nobody"]);
    assert_eq!(said, "Banned nobody permanently: nobody of that name is here.\n");
    let said = ctl(&daemon, &["ban", "10.0.0.7"]);
    assert_eq!(said, "Banned 10.0.0.7 permanently: nobody is connected from there.\n");
    let audit: Value = serde_json::from_str(&ctl(&daemon, &["--json", "audit"])).unwrap();
    let about: Vec<_> =
        audit["audit"].as_array().unwrap().iter().map(|entry| &entry["target"]).collect();
    let expect = [
        "127.9.0.0/16 for 2 h (2 people)",
        "127.9.0.0/16 for 2 h (2 people): spam",
        "nobody (0 people)",
        "10.0.0.7 (0 people)",
    ];
    assert_eq!(about, expect);
    assert!(ctl(&daemon, &["bans"]).contains("permanent"));
}

#[track_caller]
fn check_unconfirmed(output: &Output, says: &str) {
    check_fails(output, 1, &["nothing was done", says, "--yes"]);
}

#[test]
fn a_far_reaching_ban_has_to_be_confirmed() {
    let daemon = Daemon::start();
    let _there = people(&daemon, 9, 3);
    let socket = daemon.socket();
    check_unconfirmed(&run(&socket, &["ban", "0.0.0.0/0"]), "0.0.0.0/0 hits all 3 people");
    check_unconfirmed(&run(&socket, &["mute", "::/0"]), "::/0 hits nobody who is here now");
    check_unconfirmed(&run(&socket, &["ban", "10.0.0.0/8"]), "10.0.0.0/8 hits nobody");
    check_unconfirmed(&run(&socket, &["ban", "127.9.0.0/16"]), "hits all 3 people who are here");
    add_account(&daemon, &["--operator", "olga"]);
    let mut olga = with_password(&daemon, "olga");
    check_unconfirmed(&run(&socket, &["ban", "127.0.0.1"]), "among them as an operator olga");
    let mut own = crate::ctl::chatctl(&socket, &["ban", "192.0.2.7"]);
    let own = own.env("SSH_CONNECTION", "192.0.2.7 5000 192.0.2.1 22").output().unwrap();
    check_unconfirmed(&own, "You are connected to this machine from there");
    assert_eq!(bans(&daemon), json!({ "bans": [] }));
    assert_eq!(daemon.users().len(), 4);
    // A part of those who are here, and names, are not asked about.
    ctl(&daemon, &["mute", "127.9.0.1"]);
    ctl(&daemon, &["ban", "olga"]);
    olga.lines_until("[SERVER]: You are banned.");
    let said = ctl(&daemon, &["ban", "0.0.0.0/0", "--yes"]);
    assert_eq!(said, "Banned 0.0.0.0/0 permanently: 3 people were disconnected.\n");
}

#[test]
fn an_operator_in_the_room_does_not_ban_many_at_a_time() {
    let daemon = Daemon::start();
    add_account(&daemon, &["--operator", "olga"]);
    let mut olga = with_password(&daemon, "olga");
    let mut class: Vec<Person> = Vec::new();
    for n in 0..10 {
        let mut person = Person::connect_from([127, 7, 0, 1], daemon.address);
        person.say(&format!("pupil{n}"));
        person.lines_until_starting("[SERVER]: Welcome");
        class.push(person);
    }
    olga.say("!ban 127.7.0.1");
    olga.lines_until(
        "[SERVER]: Nothing was done: 127.7.0.1 hits 10 of 11 people here. Only chatctl can do that.",
    );
    check_unconfirmed(&run(&daemon.socket(), &["ban", "127.7.0.1"]), "hits 10 of 11 people here");
    assert_eq!(daemon.users().len(), 11);
}
