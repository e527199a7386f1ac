use serde_json::{Value, json};

use super::*;
use crate::room::{Departure, RecordKind};
use crate::wire::{Dialect, text};

const TIME: &str = "2026-11-22T21:04:05.000Z";

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn time() -> Timestamp {
    TIME.parse().unwrap()
}

fn message(text: &str) -> Record {
    let kind = RecordKind::Message { name: name("ann"), text: text.to_owned() };
    Record { epoch: 1, seq: Seq(7), time: time(), kind, author: None }
}

/// Checks the text and the JSON form of an answer; null means that the answer has no JSON form.
#[track_caller]
fn check(answer: &Answer, text: &[&str], json: &Value) {
    let said = |dialect: Dialect| String::from_utf8(dialect.encode_answer(answer)).unwrap();
    assert_eq!(
        said(Dialect::Text),
        text.iter().map(|line| format!("{line}\n")).collect::<String>()
    );
    let written = said(Dialect::Json);
    let read = serde_json::from_str(&written).unwrap_or(Value::Null);
    assert_eq!(&read, json, "{written:?}");
    assert!(written.is_empty() || written.ends_with('\n'), "{written:?}");
}

#[test]
fn what_only_people_are_told() {
    let how = "Type your name (at least 2 characters long), then press enter!";
    let prompt = |greeting: &str| Answer::Prompt { greeting: greeting.to_owned() };
    check(&prompt(""), &[&format!("[SERVER]: {how}")], &Value::Null);
    check(&prompt("Hello."), &[&format!("[SERVER]: Hello. {how}")], &Value::Null);
    assert!(text::is_prompt(how) && text::is_prompt(&format!("Hello. {how}")));
    assert!(!text::is_prompt("The room is full. Try again later."));
    check(&Answer::StartOfReplay, &["[SERVER]: Earlier messages:"], &Value::Null);
    assert_eq!(Dialect::Text.encode_answer(&Answer::KeepAlive), b"&");
    assert_eq!(Dialect::Json.encode_answer(&Answer::KeepAlive), b"");
    assert_eq!([Dialect::Text, Dialect::Json].map(Dialect::as_str), ["text", "json"]);
    let help = String::from_utf8(Dialect::Text.encode_answer(&Answer::Help)).unwrap();
    assert!(help.lines().count() > 5 && help.lines().all(|line| line.starts_with("[SERVER]: ")));
}

#[test]
fn who_joins_is_welcome() {
    let mut welcome = Welcome {
        room: "lobby".to_owned(),
        topic: String::new(),
        name: name("ann"),
        people: [name("ann"), name("bo")].into(),
        position: Position { epoch: 2, seq: Seq(7) },
        next: Seq(5),
        message_bytes: 4096,
        token: Some("t".to_owned()),
        resumed: true,
        lost: Some((Seq(1), Seq(2))),
        silence_seconds: 60,
    };
    let json = |topic: &str| {
        json!({
            "type": "welcome", "protocol": 1, "room": "lobby", "topic": topic, "name": "ann",
            "users": ["ann", "bo"], "epoch": 2, "seq": 7, "next": 5, "token": "t", "resumed": true,
            "lost": [1, 2], "limits": { "message_bytes": 4096, "silence_seconds": 60 },
        })
    };
    let first = "[SERVER]: Welcome ann! To leave chat write !quit.";
    check(&Answer::Welcome(welcome.clone()), &[first], &json(""));
    welcome.topic = "Tea".to_owned();
    check(&Answer::Welcome(welcome), &[first, "[SERVER]: Topic: Tea"], &json("Tea"));
}

#[test]
fn what_somebody_asked_for() {
    let info = Answer::Info { message: "Done.".to_owned(), id: Some("7".to_owned()) };
    check(&info, &["[SERVER]: Done."], &json!({ "type": "info", "id": "7", "message": "Done." }));
    let who = |people: &[&str]| {
        let people: Vec<Name> = people.iter().map(|one| name(one)).collect();
        Answer::Who { room: "lobby".to_owned(), people: people.into() }
    };
    let users = |users: &[&str]| json!({ "type": "who", "room": "lobby", "users": users });
    check(&who(&["ann"]), &["[SERVER]: 1 person is here: ann"], &users(&["ann"]));
    let two = ["ann", "bo"];
    check(&who(&two), &["[SERVER]: 2 people are here: ann, bo"], &users(&two));
    let refusal = Refusal::Empty;
    let (code, message) = (refusal.code(), refusal.to_string());
    let refused = Answer::Refused { refusal, id: Some("8".to_owned()) };
    let said = json!({ "type": "refused", "id": "8", "code": code, "message": message });
    check(&refused, &[&format!("[SERVER]: {message}")], &said);
    check(&Answer::Pong { id: Some("9".to_owned()) }, &[], &json!({ "type": "pong", "id": "9" }));
}

#[test]
fn a_private_message_comes_to_the_one_and_is_acknowledged_to_the_other() {
    let direct = |own| {
        let (from, to, text) = (name("ann"), name("bo"), "psst".to_owned());
        let (room, id) = ("lobby".to_owned(), Some("3".to_owned()));
        Answer::Direct(Direct { room, time: time(), from, to, text, own, id })
    };
    let mut said = json!({
        "type": "direct", "room": "lobby", "time": TIME, "from": "ann", "to": "bo", "text": "psst",
    });
    check(&direct(false), &["[private] ann: psst"], &said);
    said["id"] = "3".into();
    check(&direct(true), &[], &said);
}

#[test]
fn what_was_missed_and_what_was_said_before() {
    let gap = Answer::Gap { room: "lobby".to_owned(), epoch: 1, from: Seq(5), to: Seq(9) };
    let said = json!({ "type": "gap", "room": "lobby", "epoch": 1, "from": 5, "to": 9 });
    check(&gap, &["[SERVER]: Your connection was too slow: you missed 5 lines."], &said);
    let stamped = json!({
        "type": "message", "room": "lobby", "epoch": 1, "seq": 7, "time": TIME, "replayed": true,
        "name": "ann", "text": "tea",
    });
    for (is_search, records, end) in [
        (false, vec![message("tea")], "End of earlier messages."),
        (true, vec![message("tea")], "This is the last match; there are earlier ones."),
        (false, vec![], "There are no earlier messages."),
        (true, vec![], "No stored message contains that."),
    ] {
        let room = "lobby".to_owned();
        let (zone, more, count) = (TimeZone::UTC, true, records.len());
        let history = Answer::History(History { room, id: None, is_search, records, more, zone });
        let line = "[2026-11-22 21:04] ann: tea".to_owned();
        let lines = [line, format!("[SERVER]: {end}")];
        let lines: Vec<&str> = lines[1 - count..].iter().map(String::as_str).collect();
        let records = vec![stamped.clone(); count];
        let said = json!({ "type": "history", "room": "lobby", "records": records, "more": true });
        check(&history, &lines, &said);
    }
    let repeated = Answer::Repeated { room: "lobby".to_owned(), record: Box::new(message("tea")) };
    check(&repeated, &[], &stamped);
}

#[test]
fn the_last_thing_that_is_said() {
    let closing = |reason| Answer::Closing { reason };
    let often = "Your address connects too often. Try again in 7 s.";
    let said = json!({
        "type": "closing", "code": "too-often", "message": often, "retry_after_seconds": 7,
    });
    check(&closing(EndReason::TooOften { seconds: 7 }), &[&format!("[SERVER]: {often}")], &said);
    let said = json!({ "type": "closing", "code": "quit", "message": "Goodbye." });
    check(&closing(EndReason::Quit), &[], &said);
}

#[test]
fn what_happens_is_a_line_for_people() {
    let (ann, bo) = (name("ann"), name("bo"));
    let removed = |reason: Option<&str>| Departure::Removed { reason: reason.map(str::to_owned) };
    let left = |how| RecordKind::Left { name: name("ann"), how };
    let topic = |text: &str| RecordKind::Topic { text: text.to_owned() };
    let redacted = |count| RecordKind::Redacted { targets: vec![Seq(1); count] };
    for (kind, line) in [
        (RecordKind::Action { name: ann.clone(), text: "waves".to_owned() }, "* ann waves"),
        (RecordKind::Joined { name: ann.clone() }, "[SERVER]: ann joined the chat!"),
        (left(Departure::Quit), "[SERVER]: ann has quit."),
        (left(Departure::Lost), "[SERVER]: ann has disconnected."),
        (left(removed(None)), "[SERVER]: ann was removed by the operator."),
        (left(removed(Some("spam"))), "[SERVER]: ann was removed by the operator: spam"),
        (RecordKind::Notice { text: "Soon.".to_owned() }, "[SERVER]: Soon."),
        (topic("Tea"), "[SERVER]: Topic: Tea"),
        (topic(""), "[SERVER]: The room has no topic now."),
        (RecordKind::Renamed { name: ann, to: Box::new(bo) }, "[SERVER]: ann is now called bo."),
        (redacted(1), "[SERVER]: A message was removed by the operator."),
        (redacted(3), "[SERVER]: 3 messages were removed by the operator."),
    ] {
        let mut out = Vec::new();
        text::encode_record(&Record { kind, ..message("") }, &mut out);
        assert_eq!(String::from_utf8(out).unwrap(), format!("{line}\n"));
    }
}
