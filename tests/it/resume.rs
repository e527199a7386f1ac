//! Coming back.

use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::harness::Person;

const HOLD: &str = "[timeouts]\nhold = \"1 min\"\n";

/// Comes back with a token and a position, and gives the welcome too.
#[track_caller]
fn resume(daemon: &Daemon, name: &str, token: &Value, seq: u64) -> (Person, Value) {
    let mut person = Person::connect(daemon);
    let resume = json!({ "token": token, "epoch": 1, "seq": seq });
    let hello = json!({ "type": "hello", "protocol": 1, "name": name, "resume": resume });
    person.say(&hello.to_string());
    let welcome = person.event("welcome");
    (person, welcome)
}

#[track_caller]
fn say(person: &mut Person, id: &str, text: &str) -> Value {
    person.say(&json!({ "type": "say", "id": id, "text": text }).to_string());
    let event = person.event("message");
    assert_eq!(event["id"], id);
    event
}

/// A daemon that holds places, in which ann talks with text and bo with JSON.
#[track_caller]
fn ann_and_bo() -> (Daemon, Person, Person, Value) {
    let daemon = Daemon::with(HOLD);
    let mut ann = Person::text(&daemon, "ann");
    let (bo, welcome) = Person::json(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    (daemon, ann, bo, welcome)
}

#[test]
fn a_resumed_session_misses_nothing_and_the_room_sees_no_change() {
    let (daemon, mut ann, mut bo, welcome) = ann_and_bo();
    let seen = say(&mut bo, "1", "before")["seq"].as_u64().unwrap();
    ann.expect("bo: before");
    bo.reset();
    daemon.until("away", |daemon| daemon.users()[1].away_seconds.is_some());
    ann.say("while bo was away");
    ann.say("!msg bo psst");
    ann.expect("[SERVER]: bo has lost the connection. Try again in a while.");
    let mut other = Person::connect(&daemon);
    other.say("BO");
    other.expect("[SERVER]: The name BO is taken. Choose another name.");

    let (mut bo, welcome) = resume(&daemon, "bo", &welcome["token"], seen);
    assert_eq!((&welcome["resumed"], &welcome["next"]), (&json!(true), &json!(seen + 1)));
    let missed = bo.event("message");
    let expect = (json!("while bo was away"), json!(true), json!(seen + 1));
    assert_eq!((missed["text"].clone(), missed["replayed"].clone(), missed["seq"].clone()), expect);
    say(&mut bo, "2", "after");
    // The next that ann sees: there was no leaving and no joining.
    ann.expect("bo: after");
}

#[test]
fn a_session_is_taken_over_from_a_connection_that_is_still_there() {
    let daemon = Daemon::with(HOLD);
    let (mut watcher, _) = Person::json(&daemon, "watcher");
    let (mut ghost, welcome) = Person::json(&daemon, "bo");
    watcher.event("joined");
    let seq = welcome["seq"].as_u64().unwrap();
    let (mut bo, again) = resume(&daemon, "bo", &welcome["token"], seq);
    assert_eq!((&again["resumed"], &again["token"]), (&json!(true), &welcome["token"]));
    assert_eq!(ghost.event("closing")["code"], "taken-over");
    ghost.expect_end();
    say(&mut bo, "1", "here I am");
    assert_eq!(watcher.any_event()["text"], "here I am");
    daemon.until("one connection less", |daemon| daemon.status().connections == 2);
    assert_eq!(daemon.users().len(), 2);
}

#[test]
fn a_message_sent_twice_with_one_id_appears_once() {
    let (daemon, mut ann, mut bo, welcome) = ann_and_bo();
    let first = say(&mut bo, "x", "once");
    let again = say(&mut bo, "x", "once");
    assert_eq!((&first["seq"], &first["text"]), (&again["seq"], &again["text"]));
    bo.say(r#"{"type":"direct","to":"ann","text":"psst","id":"d"}"#);
    bo.say(r#"{"type":"direct","to":"ann","text":"psst","id":"d"}"#);
    assert_eq!(
        (bo.event("direct")["id"].clone(), bo.event("direct")["id"].clone()),
        (json!("d"), json!("d"))
    );
    let seen = first["seq"].as_u64().unwrap();
    bo.reset();
    let (mut bo, _) = resume(&daemon, "bo", &welcome["token"], seen);
    assert_eq!(say(&mut bo, "x", "once")["seq"], first["seq"]);
    say(&mut bo, "y", "the end");
    ann.expect("bo: once");
    ann.expect("[private] bo: psst");
    ann.expect("bo: the end");
}

#[test]
fn after_the_time_it_is_announced_and_a_later_return_misses_nothing() {
    let daemon = Daemon::with("[timeouts]\nhold = \"1 s\"\n");
    let mut ann = Person::text(&daemon, "ann");
    let (mut bo, welcome) = Person::json(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    let seen = say(&mut bo, "1", "before")["seq"].as_u64().unwrap();
    ann.expect("bo: before");
    bo.reset();
    ann.expect("[SERVER]: bo has disconnected.");
    ann.say("while bo was gone");
    let (mut bo, again) = resume(&daemon, "bo", &welcome["token"], seen);
    assert_eq!(again["next"], json!(seen + 1));
    assert_eq!(bo.event("left")["replayed"], true);
    assert_eq!(bo.event("message")["text"], "while bo was gone");
    assert_eq!(say(&mut bo, "1", "before")["seq"], json!(seen), "its ids are still known");
    ann.expect("[SERVER]: bo joined the chat!");
}

#[test]
fn tokens_and_ids_survive_a_killed_daemon() {
    let mut daemon = Daemon::with(HOLD);
    let (mut ann, ann_welcome) = Person::json(&daemon, "ann");
    let (mut bo, bo_welcome) = Person::json(&daemon, "bo");
    let said = say(&mut bo, "1", "before")["seq"].as_u64().unwrap();
    assert_eq!(ann.event("message")["seq"], json!(said));
    let text = Person::text(&daemon, "text");
    daemon.kill_and_start_again();
    drop((ann, bo, text));
    let (mut ann, again) = resume(&daemon, "ann", &ann_welcome["token"], said);
    assert_eq!(again["resumed"], true);
    assert_eq!(again["users"], json!(["ann", "bo"]), "who can come back is still here");
    let (mut bo, _) = resume(&daemon, "bo", &bo_welcome["token"], said);
    assert_eq!(say(&mut bo, "1", "before")["seq"], json!(said));
    say(&mut bo, "2", "after");
    let mut seen = Vec::new();
    while seen.last() != Some(&json!("after")) {
        let event = ann.any_event();
        seen.push(event.get("text").unwrap_or(&event["type"]).clone());
    }
    // The text person came, and was gone with the daemon; bo never left.
    assert_eq!(seen, ["joined", "left", "after"]);
}

#[test]
fn an_unknown_token_is_a_new_beginning() {
    let daemon = Daemon::with(HOLD);
    let (mut ann, _) = Person::json(&daemon, "ann");
    let (_bo, welcome) = resume(&daemon, "bo", &json!("no such token"), 1);
    assert_eq!((&welcome["resumed"], &welcome["next"]), (&json!(false), &json!(3)));
    assert_eq!(ann.event("joined")["name"], "bo");
}
