//! JSON lines.

use chatroom::wire::json::MAX_ID_BYTES;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::harness::Person;

#[track_caller]
fn check_refused(person: &mut Person, line: &str, code: &str) -> Value {
    person.say(line);
    let refused = person.event("refused");
    assert_eq!(refused["code"], code, "{refused}");
    refused
}

#[test]
fn joining_gives_who_is_here_and_the_position() {
    let daemon = Daemon::start();
    let (mut ann, first) = Person::json(&daemon, "ann");
    assert_eq!((&first["epoch"], &first["seq"]), (&json!(1), &json!(1)));
    assert_eq!(first["users"], json!(["ann"]));
    assert_eq!(first["limits"]["message_bytes"], 4096);
    let (_bo, second) = Person::json(&daemon, "bo");
    assert_eq!(second["users"], json!(["ann", "bo"]));
    assert_eq!(second["room"], "lobby");
    let joined = ann.event("joined");
    assert_eq!(joined["seq"], second["seq"], "the position is that of the own joining");
    assert_eq!((&joined["room"], &joined["epoch"]), (&json!("lobby"), &json!(1)));
}

#[test]
fn a_hello_can_be_mended() {
    let daemon = Daemon::start();
    let (_ann, _) = Person::json(&daemon, "ann");
    let mut bo = Person::connect(&daemon);
    check_refused(&mut bo, r#"{"type":"say","id":"x","text":"hi"}"#, "not-joined");
    check_refused(&mut bo, r#"{"type":"hello","protocol":9,"name":"bo"}"#, "protocol-version");
    check_refused(&mut bo, r#"{"type":"hello","protocol":1,"name":"b"}"#, "name-too-short");
    check_refused(&mut bo, r#"{"type":"hello","protocol":1,"name":"b o"}"#, "name-not-allowed");
    check_refused(&mut bo, r#"{"type":"hello","protocol":1,"name":"ANN"}"#, "name-taken");
    bo.say(r#"{"type":"hello","protocol":1,"name":"bo","colour":"red"}"#);
    bo.event("welcome");
    check_refused(&mut bo, r#"{"type":"hello","protocol":1,"name":"cy"}"#, "already-joined");
}

#[test]
fn wrong_requests_are_refused_and_the_connection_lives() {
    let daemon = Daemon::start();
    let (mut ann, _) = Person::json(&daemon, "ann");
    check_refused(&mut ann, "{\"type\":\"say\"", "bad-request");
    check_refused(&mut ann, "hello", "bad-request");
    check_refused(&mut ann, r#"{"type":"say"}"#, "bad-request");
    let refused = check_refused(&mut ann, r#"{"type":"fly","id":"7"}"#, "unknown-type");
    assert_eq!(refused["id"], "7");
    check_refused(&mut ann, r#"{"type":"direct","to":"bo","text":"hi"}"#, "no-such-user");
    check_refused(&mut ann, r#"{"type":"say","text":" "}"#, "empty");
    let id = "i".repeat(MAX_ID_BYTES + 1);
    check_refused(&mut ann, &format!(r#"{{"type":"say","text":"x","id":"{id}"}}"#), "bad-request");
    ann.send(b"{\"type\":\"say\",\"text\":\"\xff\"}\n");
    assert_eq!(ann.event("refused")["code"], "not-utf8");
    ann.say(r#"{"type":"ping","id":"p"}"#);
    assert_eq!(ann.event("pong")["id"], "p");
    ann.say(r#"{"type":"who"}"#);
    assert_eq!(ann.event("who")["users"], json!(["ann"]));
}

#[test]
fn quitting_is_answered_and_announced() {
    let daemon = Daemon::start();
    let (mut ann, _) = Person::json(&daemon, "ann");
    let (mut bo, _) = Person::json(&daemon, "bo");
    bo.say(r#"{"type":"quit"}"#);
    assert_eq!(bo.event("closing")["code"], "quit");
    bo.expect_end();
    assert_eq!(ann.event("left")["how"], "quit");
}

#[test]
fn a_silent_client_is_taken_for_gone_and_one_that_pings_is_not() {
    let daemon = Daemon::with("[timeouts]\nsilence = \"3 s\"\n");
    let (mut watcher, _) = Person::json(&daemon, "watcher");
    let (mut silent, _) = Person::json(&daemon, "silent");
    let text = Person::text(&daemon, "text");
    let closing = loop {
        // Pinging as often as the server answers keeps this one alive.
        watcher.say(r#"{"type":"ping"}"#);
        let event = watcher.any_event();
        if event["type"] == "left" {
            break silent.event("closing");
        }
    };
    assert_eq!(closing["code"], "silent");
    silent.expect_end();
    let names: Vec<String> = daemon.users().into_iter().map(|user| user.name).collect();
    assert_eq!(names, ["text", "watcher"], "nobody has to type to stay");
    drop(text);
}

#[test]
fn a_position_is_one_place_in_one_log() {
    let daemon = Daemon::start();
    let (mut ann, welcome) = Person::json(&daemon, "ann");
    let mut seq = welcome["seq"].as_u64().unwrap();
    for n in 0..50 {
        ann.say(&format!(r#"{{"type":"say","id":"{n}","text":"{n}"}}"#));
    }
    for n in 0..50 {
        let message = ann.event("message");
        seq += 1;
        assert_eq!((&message["seq"], &message["id"]), (&json!(seq), &json!(n.to_string())));
        let time = message["time"].as_str().unwrap();
        assert!(time.len() == 24 && time.ends_with('Z'), "{time}");
    }
}
