//! Bans, mutes and slow mode stay with a session, whatever becomes of its name and its address; and a
//! token is worth something only for who has lost their connection.

use serde_json::{Value, json};

use crate::ctl::{check_done, run};
use crate::daemon::Daemon;
use crate::harness::Person;

const HELD: &str = "[timeouts]\nhold = \"1 min\"\n";

#[track_caller]
fn ctl(daemon: &Daemon, args: &[&str]) -> String {
    check_done(&run(&daemon.socket(), args))
}

fn hello(name: &str, welcome: &Value) -> String {
    let resume =
        json!({"token": welcome["token"], "epoch": welcome["epoch"], "seq": welcome["seq"]});
    json!({"type": "hello", "protocol": 1, "name": name, "resume": resume}).to_string()
}

/// Joins from an address, and gives the welcome.
#[track_caller]
fn join_from(daemon: &Daemon, address: [u8; 4], name: &str) -> (Person, Value) {
    let mut person = Person::connect_from(address, daemon.address);
    person.line();
    person.say(&json!({"type": "hello", "protocol": 1, "name": name}).to_string());
    let welcome = person.event("welcome");
    (person, welcome)
}

/// Comes back with a token, and gives the answer.
#[track_caller]
fn come_back(daemon: &Daemon, name: &str, welcome: &Value) -> (Person, Value) {
    let mut person = Person::connect(daemon);
    person.say(&hello(name, welcome));
    let answer = person.any_event();
    (person, answer)
}

#[track_caller]
fn quit(mut person: Person) {
    person.say(r#"{"type":"quit"}"#);
    while person.line().is_some() {}
}

/// The outcome of a message to the room and of one to a single user.
#[track_caller]
fn check_speech(person: &mut Person, expect: &str) {
    for request in [
        json!({"type": "say", "text": "hello", "id": "a"}),
        json!({"type": "say", "text": "waves", "action": true, "id": "b"}),
        json!({"type": "direct", "to": "ann", "text": "psst", "id": "c"}),
    ] {
        person.say(&request.to_string());
        let answer = loop {
            let event = person.any_event();
            if event["id"] == request["id"] {
                break event;
            }
        };
        let outcome = answer["code"].as_str().unwrap_or("sent");
        assert_eq!(outcome, expect, "{request}: {answer}");
    }
}

#[test]
fn only_who_was_detached_is_forgiven_a_joining() {
    let limits = "[limits]\njoins_per_minute = 4\nloopback = true\n";
    let daemon = Daemon::with(&format!("{limits}{HELD}"));
    let (jay, welcome) = Person::json(&daemon, "jay");
    // Attached elsewhere: that counts.
    let (mut jay, again) = {
        let (again, answer) = come_back(&daemon, "jay", &welcome);
        drop(jay);
        (again, answer)
    };
    assert_eq!(again["resumed"], true);
    for _ in 0..6 {
        jay.reset();
        daemon.until("detached", |daemon| daemon.users()[0].away_seconds.is_some());
        let answer;
        (jay, answer) = come_back(&daemon, "jay", &welcome);
        assert_eq!(answer["resumed"], true, "{answer}");
    }
    // Has quit: that counts.
    quit(jay);
    let (jay, answer) = come_back(&daemon, "jay", &welcome);
    assert_eq!(answer["resumed"], true, "{answer}");
    quit(jay);
    let (jay, answer) = come_back(&daemon, "other", &welcome);
    assert_eq!(answer["type"], "welcome", "{answer}");
    quit(jay);
    let (_, answer) = come_back(&daemon, "jay", &welcome);
    assert_eq!(answer["code"], "too-often", "{answer}");
}

#[test]
fn a_mute_comes_back_with_the_token_whatever_the_name_and_over_a_restart() {
    let mut daemon = Daemon::with(HELD);
    let _ann = Person::text(&daemon, "ann");
    let (mut bo, welcome) = Person::json(&daemon, "bo");
    ctl(&daemon, &["mute", "bo"]);
    check_speech(&mut bo, "muted");
    quit(bo);
    let (mut zed, answer) = come_back(&daemon, "zed", &welcome);
    assert_eq!((&answer["name"], &answer["resumed"]), (&json!("zed"), &json!(true)));
    check_speech(&mut zed, "muted");
    quit(zed);
    daemon.kill_and_start_again();
    let _ann = Person::text(&daemon, "ann");
    let (mut yves, answer) = come_back(&daemon, "yves", &welcome);
    assert_eq!(answer["resumed"], true);
    check_speech(&mut yves, "muted");
    ctl(&daemon, &["unmute", "bo"]);
    check_speech(&mut yves, "sent");
}

#[test]
fn a_mute_stays_with_who_is_renamed_and_does_not_hit_who_has_the_name_next() {
    let daemon = Daemon::with(HELD);
    let _ann = Person::text(&daemon, "ann");
    let (mut bo, welcome) = Person::json(&daemon, "bo");
    ctl(&daemon, &["mute", "bo"]);
    ctl(&daemon, &["rename", "bo", "zed"]);
    check_speech(&mut bo, "muted");
    let is_muted = |name: &str| daemon.users().iter().any(|it| it.name == name && it.muted);
    assert!(is_muted("zed") && !is_muted("ann"), "and an operator sees it");
    bo.reset();
    let (mut zed, answer) = come_back(&daemon, "zed", &welcome);
    assert_eq!(answer["name"], "zed");
    check_speech(&mut zed, "muted");
    ctl(&daemon, &["unmute", "bo"]);
    check_speech(&mut zed, "sent");
    // Another user has that name by now.
    let (mut other, _) = Person::json(&daemon, "bo");
    ctl(&daemon, &["mute", "bo"]);
    check_speech(&mut other, "muted");
    let say = json!({"type": "say", "text": "still here", "id": "d"});
    zed.say(&say.to_string());
    while zed.any_event()["id"] != "d" {}
}

#[test]
fn the_token_of_a_banned_session_lets_nobody_in() {
    let daemon = Daemon::with(HELD);
    let (_bo, welcome) = Person::json(&daemon, "bo");
    ctl(&daemon, &["ban", "bo"]);
    for name in ["bo", "zed"] {
        let (_, answer) = come_back(&daemon, name, &welcome);
        assert_eq!(answer["code"], "banned", "{name}: {answer}");
    }
    // Banned when it had left already.
    let (cy, of_cy) = Person::json(&daemon, "cy");
    quit(cy);
    ctl(&daemon, &["ban", "cy"]);
    let (_, answer) = come_back(&daemon, "zed", &of_cy);
    assert_eq!(answer["code"], "banned", "{answer}");
    ctl(&daemon, &["unban", "cy"]);
    let (_zed, answer) = come_back(&daemon, "zed", &of_cy);
    assert_eq!(answer["resumed"], true, "{answer}");
}

#[test]
fn a_sanction_on_an_address_follows_the_session() {
    let daemon = Daemon::with(HELD);
    let _ann = Person::text(&daemon, "ann");
    let address = [127, 0, 0, 2];
    // Muted while it was there; and before it came there.
    let (bo, of_bo) = join_from(&daemon, address, "bo");
    ctl(&daemon, &["mute", "127.0.0.2"]);
    let (cy, of_cy) = join_from(&daemon, address, "cy");
    for (person, welcome, name) in [(bo, &of_bo, "bo"), (cy, &of_cy, "cy")] {
        person.reset();
        let (mut back, answer) = come_back(&daemon, name, welcome);
        assert_eq!(answer["resumed"], true, "{answer}");
        check_speech(&mut back, "muted");
        quit(back);
        let (mut back, _) = come_back(&daemon, &format!("not-{name}"), welcome);
        check_speech(&mut back, "muted");
        quit(back);
    }
    // Banned while it was there, and while it was detached.
    let (dan, of_dan) = join_from(&daemon, address, "dan");
    let (eve, of_eve) = join_from(&daemon, address, "eve");
    eve.reset();
    daemon.until("eve is detached", |daemon| {
        daemon.users().iter().any(|user| user.name == "eve" && user.away_seconds.is_some())
    });
    ctl(&daemon, &["ban", "127.0.0.2"]);
    drop(dan);
    for (welcome, name) in [(&of_dan, "dan"), (&of_eve, "eve"), (&of_eve, "zed")] {
        let mut back = Person::connect_from([127, 0, 1, 1], daemon.address);
        back.line();
        back.say(&hello(name, welcome));
        let answer = back.any_event();
        assert_eq!(answer["code"], "banned", "{name}: {answer}");
    }
}

#[test]
fn a_kicked_user_can_come_back_under_the_same_name() {
    let daemon = Daemon::with(HELD);
    let (_bo, welcome) = Person::json(&daemon, "bo");
    ctl(&daemon, &["kick", "bo"]);
    let (_bo, answer) = come_back(&daemon, "bo", &welcome);
    assert_eq!((&answer["name"], &answer["resumed"]), (&json!("bo"), &json!(true)), "{answer}");
}

#[test]
fn a_token_cannot_be_used_under_ever_new_names() {
    let daemon = Daemon::with(HELD);
    let (person, welcome) = Person::json(&daemon, "name-0");
    quit(person);
    let mut resumed = Vec::new();
    for n in 1..20 {
        let (person, answer) = come_back(&daemon, &format!("name-{n}"), &welcome);
        resumed.push(answer["resumed"] == true);
        quit(person);
    }
    assert!(resumed[0] && !resumed[18], "{resumed:?}");
    let (_person, answer) = come_back(&daemon, "name-0", &welcome);
    assert_eq!(answer["resumed"], true, "under a name that it has had");
}

#[test]
fn slow_mode_counts_whatever_the_name_and_however_it_is_said() {
    let daemon = Daemon::with(HELD);
    let _ann = Person::text(&daemon, "ann");
    let (mut bo, welcome) = Person::json(&daemon, "bo");
    ctl(&daemon, &["slow", "1h"]);
    let first = json!({"type": "direct", "to": "ann", "text": "psst", "id": "first"});
    bo.say(&first.to_string());
    while bo.any_event()["id"] != "first" {}
    check_speech(&mut bo, "slow-mode");
    ctl(&daemon, &["rename", "bo", "zed"]);
    check_speech(&mut bo, "slow-mode");
    quit(bo);
    let (mut back, _) = come_back(&daemon, "yves", &welcome);
    check_speech(&mut back, "slow-mode");
}
