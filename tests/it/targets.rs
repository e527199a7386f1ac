//! Whom a ban or a mute is against: what is refused, what is asked first, and what is reported.

use std::process::Output;

use serde_json::{Value, json};

use crate::ctl::{chatctl, check_done, check_fails, run};
use crate::daemon::{Daemon, until_ended};
use crate::harness::{PROMPT, Person};
use crate::moderation::{PASSWORD, add_account, with_password};
use crate::screen::Screen;

#[track_caller]
fn ctl(daemon: &Daemon, args: &[&str]) -> String {
    check_done(&run(&daemon.socket(), args))
}

#[track_caller]
fn ctl_json(daemon: &Daemon, args: &[&str]) -> Value {
    serde_json::from_str(&ctl(daemon, &[&["--json"], args].concat())).unwrap()
}

fn bans(daemon: &Daemon) -> Value {
    ctl_json(daemon, &["bans"])
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

/// The operator of the room who speaks JSON.
fn json_operator(daemon: &Daemon) -> Person {
    add_account(daemon, &["--operator", "otto"]);
    let mut otto = Person::connect(daemon);
    let hello = json!({ "type": "hello", "protocol": 1, "name": "otto", "password": PASSWORD });
    otto.say(&hello.to_string());
    assert_eq!(otto.event("welcome")["name"], "otto");
    otto
}

fn moderate(act: &Value) -> String {
    let mut request = json!({ "type": "moderate", "id": "7" });
    request.as_object_mut().unwrap().extend(act.as_object().unwrap().clone());
    request.to_string()
}

/// Words that are neither a name nor an address, and what would be right.
const NO_TARGETS: &[(&str, &str)] = &[
    ("10.0.0.*", "10.0.0.0/24"),
    ("127.0.0", "127.0.0.0/24"),
    ("127.0.0.0/33", "between 0 and 32"),
    ("300.1.1.1", "between 0 and 255"),
    ("10.0.0.1-10.0.0.9", "10.0.0.0/28"),
    ("fe80::/200", "between 0 and 128"),
    ("::ffff:1.2.3.4/200", "between 0 and 128"),
    ("10.0.0.1/", "10.0.0.1 for the address"),
    ("1.2.3.4:53000", "Leave the port out: 1.2.3.4."),
    ("10.0.0.5/8", "10.0.0.0/8 for the network, or 10.0.0.5 for the address"),
    ("010.0.0.1", "without leading zeros: 10.0.0.1"),
    ("[::1]", "Write the address alone: ::1."),
    ("fe80::1%eth0", "Leave the zone out: fe80::1."),
    ("nick!user@host", "Masks are not supported"),
    ("nick!*@*", "Masks are not supported"),
    ("*@host", "Masks are not supported"),
    ("*", "Masks are not supported"),
    ("@ann", "does not begin with"),
    ("two words", "is one word"),
];

#[test]
fn an_empty_target_is_called_empty() {
    let daemon = Daemon::start();
    for word in ["", " ", "\u{3000}"] {
        let says = ["An empty word is not a name, an address or a network."];
        for command in ["ban", "mute", "unban", "unmute"] {
            check_fails(&run(&daemon.socket(), &[command, word]), 1, &says);
        }
    }
    assert_eq!(bans(&daemon), json!({ "bans": [] }));
}

#[test]
fn an_invalid_target_is_refused_everywhere() {
    let daemon = Daemon::start();
    add_account(&daemon, &["--operator", "olga"]);
    let mut olga = with_password(&daemon, "olga");
    let mut otto = json_operator(&daemon);
    olga.expect("[SERVER]: otto joined the chat!");
    for (word, advice) in NO_TARGETS {
        let says = [word, "is not a name, an address or a network.", advice];
        for command in ["ban", "mute", "unban", "unmute"] {
            check_fails(&run(&daemon.socket(), &[command, "--", word]), 1, &says);
            otto.say(&moderate(&json!({ "act": command, "target": word })));
            let refused = otto.event("refused");
            assert_eq!((&refused["code"], &refused["id"]), (&json!("bad-request"), &json!("7")));
            let message = refused["message"].as_str().unwrap();
            assert!(says.iter().all(|part| message.contains(part)), "{message}");
        }
        if !word.contains(' ') {
            for command in ["!ban", "!mute", "!unban", "!unmute"] {
                olga.say(&format!("{command} {word}"));
                let line = olga.line().unwrap();
                assert!(says.iter().all(|part| line.contains(part)), "{line}");
            }
        }
    }
    assert_eq!(bans(&daemon), json!({ "bans": [] }));
    assert_eq!(ctl_json(&daemon, &["audit"])["audit"].as_array().unwrap().len(), 2, "accounts");
}

#[test]
fn an_address_is_refused_where_a_name_is_needed() {
    let daemon = Daemon::start();
    add_account(&daemon, &["--operator", "olga"]);
    let mut olga = with_password(&daemon, "olga");
    for (word, says) in [
        (
            "10.0.0.*",
            "10.0.0.* is not a name: it looks like an address or a mask. Give a name here.",
        ),
        ("127.0.0", "127.0.0 is not a name"),
        ("10.0.0.5/8", "10.0.0.5/8 is not a name"),
        ("10.0.0.7", "10.0.0.7 is an address. Give a name here."),
    ] {
        for args in [
            &["kick", word][..],
            &["rename", word, "robert"],
            &["history", "--from", word],
            &["redact", "--user", word, "--since", "1 h"],
            &["account", "remove", word],
            &["account", "lock", word],
            &["account", "operator", word],
        ] {
            check_fails(&run(&daemon.socket(), args), 1, &[says]);
        }
        olga.say(&format!("!kick {word}"));
        olga.expect(&format!("[SERVER]: {}", full(word)));
        let mut person = Person::connect(&daemon);
        person.say(word);
        let line = person.line().unwrap();
        assert!(line.contains("does not look like an address. Begin it with a letter."), "{line}");
    }
    // A name that nobody has is a name.
    check_fails(&run(&daemon.socket(), &["kick", "nobody"]), 4, &["nobody"]);
    let said = ctl(&daemon, &["redact", "--user", "nobody", "--since", "1 h"]);
    assert_eq!(said, "No stored message of nobody since then.\n");
}

fn full(word: &str) -> String {
    match word {
        "10.0.0.7" => "10.0.0.7 is an address. Give a name here.".to_owned(),
        word => {
            format!("{word} is not a name: it looks like an address or a mask. Give a name here.")
        }
    }
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
    for (time, says) in [
        ("soon", "a time is a number with its unit"),
        ("-5 min", "a time is a number with its unit"),
        ("1 month", "give a number of days"),
        ("99999999999999999999 s", "too long"),
        ("200000 days", "at most 100 years"),
        ("0s", "at least 1 s"),
        ("0.5s", "at least 1 s"),
    ] {
        let time = format!("--for={time}");
        check_fails(&run(&daemon.socket(), &["ban", "bo", &time]), 2, &[says]);
    }
    for line in ["!ban bo 10", "!mute bo 10", "!ban bo 10 minuten", "!ban bo for 10", "!ban bo -1h"]
    {
        olga.say(line);
        let line = olga.line().unwrap();
        assert!(line.contains("Nothing was done: write a time with its unit"), "{line}");
    }
    for (line, says) in [("!ban bo 0s", "at least 1 s"), ("!ban bo 200000 days", "100 years")] {
        olga.say(line);
        let line = olga.line().unwrap();
        assert!(line.contains(says), "{line}");
    }
    assert_eq!(bans(&daemon), json!({ "bans": [] }));
    for (command, said) in [
        ("!mute bo 5 min", "5 min"),
        ("!mute bo 5m30s", "330 s"),
        ("!mute bo 1.5h", "90 min"),
        ("!mute bo --for 2 HOURS", "2 h"),
    ] {
        olga.say(command);
        olga.expect(&format!("[SERVER]: Muted bo for {said}: nobody of that name is here."));
    }
}

#[test]
fn the_effect_of_a_ban_is_reported_and_audited() {
    let daemon = Daemon::start();
    let mut there = people(&daemon, 9, 2);
    let mut nameless = Person::connect_from([127, 9, 0, 7], daemon.address);
    nameless.lines_until(PROMPT);
    let _here = people(&daemon, 8, 3);
    let said = ctl(&daemon, &["mute", "127.9.0.0/16", "--for", "2 h"]);
    assert_eq!(said, "Muted 127.9.0.0/16 for 2 h: 2 people are muted.\n");
    let said = ctl(&daemon, &["unmute", "127.9.0.0/16"]);
    assert_eq!(said, "127.9.0.0/16 is no longer muted. Affected here: 2 people.\n");
    let said = ctl_json(&daemon, &["ban", "127.9.0.0/16", "--for", "2 h", "--reason", "spam"]);
    let expect = "Banned 127.9.0.0/16 for 2 h: 2 people were removed, and 1 connection was closed that \
                  had no name yet. Reason: spam";
    assert_eq!(said["notes"][0], expect);
    assert_eq!((&said["affected"]["people"], &said["affected"]["of"]), (&json!(2), &json!(5)));
    for person in &mut there {
        person.lines_until_starting("[SERVER]: You are banned until ");
        person.expect_end();
    }
    for (args, said) in [
        (&["ban", "nobody"][..], "Banned nobody permanently: nobody of that name is here.\n"),
        (&["ban", "127.9.0.1"], "Banned 127.9.0.1 permanently: nobody is connected from there.\n"),
        (
            &["unban", "127.9.0.1"],
            "127.9.0.1 is no longer banned. It is still covered by the ban of 127.9.0.0/16.\n",
        ),
        (&["unban", "nobody"], "nobody is no longer banned. Nobody here is affected.\n"),
        (&["kick", "p8x1", "too", "loud"], "Removed p8x1 (1 person).\n"),
    ] {
        assert_eq!(ctl(&daemon, args), said);
    }
    for (args, people) in [
        (&["mute", "p8x2"][..], 1),
        (&["unmute", "p8x2"], 1),
        (&["mute", "nobody"], 0),
        (&["unmute", "nobody"], 0),
        (&["kick", "p8x2"], 1),
    ] {
        assert_eq!(ctl_json(&daemon, args)["affected"]["people"], people, "{args:?}");
    }
    let audit = ctl_json(&daemon, &["audit"]);
    let audit = audit["audit"].as_array().unwrap().iter();
    let about: Vec<_> = audit.map(|entry| entry["target"].as_str().unwrap()).collect();
    let expect = [
        "127.9.0.0/16 for 2 h (2 people)",
        "127.9.0.0/16 (2 people)",
        "127.9.0.0/16 for 2 h (2 people): spam",
        "nobody (0 people)",
        "127.9.0.1 (0 people)",
        "127.9.0.1 (0 people)",
        "nobody (0 people)",
        "p8x1 (1 person): too loud",
        "p8x2 (1 person)",
        "p8x2 (1 person)",
        "nobody (0 people)",
        "nobody (0 people)",
        "p8x2 (1 person)",
    ];
    assert_eq!(about, expect);
}

#[test]
fn in_the_room_it_is_said_how_many_are_affected() {
    let daemon = Daemon::start();
    let mut otto = json_operator(&daemon);
    let _there = people(&daemon, 9, 2);
    for (act, people, message) in [
        (
            json!({ "act": "mute", "target": "p9x1" }),
            1,
            "Muted p9x1 permanently: 1 person is muted.",
        ),
        (
            json!({ "act": "unmute", "target": "p9x1" }),
            1,
            "p9x1 is no longer muted. Affected here: 1 person.",
        ),
        (json!({ "act": "kick", "name": "p9x1" }), 1, "Removed p9x1 (1 person)."),
        (
            json!({ "act": "ban", "target": "127.9.0.2", "seconds": 60 }),
            1,
            "Banned 127.9.0.2 for 1 min: 1 person was removed.",
        ),
        (
            json!({ "act": "ban", "target": "nobody", "reason": "spam" }),
            0,
            "Banned nobody permanently: nobody of that name is here. Reason: spam",
        ),
        (
            json!({ "act": "unban", "target": "nobody" }),
            0,
            "nobody is no longer banned. Nobody here is affected.",
        ),
    ] {
        otto.say(&moderate(&act));
        let info = otto.event("info");
        assert_eq!((&info["id"], &info["message"]), (&json!("7"), &json!(message)));
        assert_eq!(info["affected"], people, "{act}");
    }
    for seconds in [json!(0), json!("10"), json!(-5), json!(1.5), json!(u64::MAX)] {
        otto.say(&moderate(&json!({ "act": "ban", "target": "bo", "seconds": seconds })));
        assert_eq!(otto.event("refused")["code"], "bad-request", "{seconds}");
    }
    assert_eq!(bans(&daemon)["bans"].as_array().unwrap().len(), 1);
}

#[test]
fn a_permanent_ban_is_shown_as_permanent() {
    let daemon = Daemon::start();
    ctl(&daemon, &["ban", "bo"]);
    ctl(&daemon, &["mute", "cy", "--for", "2 days"]);
    let table = ctl(&daemon, &["bans"]);
    let line = table.lines().find(|line| line.contains("bo")).unwrap();
    assert!(line.contains("permanent"), "{table}");
    assert_eq!(table.matches("permanent").count(), 1, "{table}");
    let bans = bans(&daemon);
    let of = |target: &str| {
        bans["bans"].as_array().unwrap().iter().find(|ban| ban["target"] == target).unwrap()["until"]
            .clone()
    };
    assert_eq!(of("bo"), Value::Null);
    assert!(of("cy").is_string());
}

#[track_caller]
fn check_unconfirmed(output: &Output, says: &str) {
    check_fails(output, 2, &["nothing was done.", says, "add --yes"]);
}

#[test]
fn a_far_reaching_ban_has_to_be_confirmed() {
    let daemon = Daemon::start();
    let _there = people(&daemon, 9, 3);
    let socket = daemon.socket();
    for (args, says) in [
        (["ban", "0.0.0.0/0"], "0.0.0.0/0 affects all 3 people here. It is a wide network."),
        (["mute", "::/0"], "::/0 affects nobody who is here now. It is a wide network."),
        (["ban", "10.0.0.0/15"], "10.0.0.0/15 affects nobody"),
        (["ban", "2001:db8::/31"], "2001:db8::/31 affects nobody"),
        (["ban", "127.9.0.0/16"], "127.9.0.0/16 affects all 3 people here."),
    ] {
        check_unconfirmed(&run(&socket, &args), says);
    }
    add_account(&daemon, &["--operator", "olga"]);
    for command in ["ban", "mute"] {
        check_unconfirmed(
            &run(&socket, &[command, "OLGA"]),
            "nobody who is here now. olga is an operator",
        );
    }
    let mut olga = with_password(&daemon, "olga");
    check_unconfirmed(
        &run(&socket, &["ban", "127.0.0.1"]),
        "1 of 4 people here. olga is an operator",
    );
    // A name that looks like hers affects her.
    check_unconfirmed(&run(&socket, &["mute", "0lga"]), "1 of 4 people here. olga is an operator");
    let error = run(&socket, &["--json", "ban", "0.0.0.0/0"]);
    let error: Value = serde_json::from_slice(&error.stdout).unwrap();
    assert_eq!(error["error"]["code"], "unconfirmed");
    assert_eq!(error["error"]["exit_status"], 2);
    assert_eq!(bans(&daemon), json!({ "bans": [] }));
    assert_eq!(daemon.users().len(), 4);
    // Part of those who are here, and names of people who are no operators, are not asked about.
    ctl(&daemon, &["mute", "127.9.0.1"]);
    ctl(&daemon, &["mute", "p9x2"]);
    ctl(&daemon, &["ban", "10.1.0.0/16"]);
    ctl(&daemon, &["ban", "olga", "--yes"]);
    olga.lines_until("[SERVER]: You are banned.");
    let said = ctl(&daemon, &["ban", "0.0.0.0/0", "-y"]);
    assert_eq!(said, "Banned 0.0.0.0/0 permanently: 3 people were removed.\n");
}

#[test]
fn a_ban_of_the_address_of_ones_own_session_has_to_be_confirmed() {
    const CONNECTION: &str = "192.0.2.7 5000 192.0.2.1 22";
    let daemon = Daemon::start();
    let socket = daemon.socket();
    for (target, is_own) in
        [("192.0.2.7", true), ("192.0.2.0/24", true), ("192.0.2.8", false), ("bo", false)]
    {
        let mut ban = chatctl(&socket, &["ban", target]);
        let output = ban.env("SSH_CONNECTION", CONNECTION).output().unwrap();
        match is_own {
            true => check_unconfirmed(&output, "connected to this machine from 192.0.2.7"),
            false => assert!(output.status.success(), "{output:?}"),
        }
    }
    // `sudo` takes the variable away; the shell before it has it still.
    let shell = "env -u SSH_CONNECTION \"$0\" --socket \"$1\" ban 192.0.2.7; exit $?";
    let mut sudo = std::process::Command::new("sh");
    sudo.args(["-c", shell, env!("CARGO_BIN_EXE_chatctl")]).arg(&socket);
    let output = sudo.env("SSH_CONNECTION", CONNECTION).output().unwrap();
    check_unconfirmed(&output, "connected to this machine from 192.0.2.7");
}

#[test]
fn at_a_terminal_it_is_asked() {
    let daemon = Daemon::start();
    let _there = people(&daemon, 9, 3);
    for (answer, status, left) in [("n\n", 1, 3), ("\n", 1, 3), ("y\n", 0, 0)] {
        let mut screen = Screen::of(&mut chatctl(&daemon.socket(), &["ban", "0.0.0.0/0"]));
        screen.until_shown(
            "0.0.0.0/0 affects all 3 people here. It is a wide network. Continue? [y/N]",
        );
        screen.type_in(answer);
        assert_eq!(until_ended(&mut screen.child).code(), Some(status));
        assert_eq!(daemon.users().len(), left);
    }
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
        "[SERVER]: Nothing was done: 127.7.0.1 affects 10 of 11 people here. Only chatctl can do that.",
    );
    for network in ["0.0.0.0/0", "::/0", "10.1.0.0/16", "10.0.0.0/31"] {
        for command in ["!ban", "!mute"] {
            olga.say(&format!("{command} {network}"));
            let line = olga.line().unwrap();
            assert!(
                line.ends_with("Only chatctl can do that to them.")
                    || line.ends_with(" is a network. Only chatctl can do that."),
                "{line}"
            );
        }
    }
    check_unconfirmed(
        &run(&daemon.socket(), &["ban", "127.7.0.1"]),
        "127.7.0.1 affects 10 of 11 people here",
    );
    assert_eq!(daemon.users().len(), 11);
    assert_eq!(bans(&daemon), json!({ "bans": [] }));
}
