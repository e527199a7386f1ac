//! Every way of speaking against every limit: none of them evades one.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::ctl::{check_done, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::{PASSWORD, add_account};

/// A way of speaking: its name, whether it is text, and what is sent for a text.
type Way = (&'static str, bool, fn(&str) -> String);

/// Every way in which a user can send a text.
const WAYS: [Way; 6] = [
    ("a message in text", true, |text| text.to_owned()),
    ("an action in text", true, |text| format!("!me {text}")),
    ("a direct message in text", true, |text| format!("!msg ann {text}")),
    ("a message in JSON", false, |text| {
        json!({"type": "say", "text": text, "id": "x"}).to_string()
    }),
    ("an action in JSON", false, |text| {
        json!({"type": "say", "text": text, "action": true, "id": "x"}).to_string()
    }),
    ("a direct message in JSON", false, |text| {
        json!({"type": "direct", "to": "ann", "text": text, "id": "x"}).to_string()
    }),
];

/// Further ways for operators.
const OF_OPERATORS: [Way; 4] = [
    ("a topic in text", true, |text| format!("!topic {text}")),
    ("a reason in text", true, |text| format!("!kick nobody {text}")),
    ("a topic in JSON", false, |text| {
        json!({"type": "moderate", "act": "topic", "text": text, "id": "x"}).to_string()
    }),
    ("a reason in JSON", false, |text| {
        json!({"type": "moderate", "act": "kick", "name": "nobody", "reason": text, "id": "x"})
            .to_string()
    }),
];

/// Joins in the format of a way.
fn join(daemon: &Daemon, name: &str, is_text: bool) -> Person {
    let mut person = Person::connect(daemon);
    if is_text {
        person.say(name);
        if name == "olga" {
            person.lines_until_starting("[SERVER]: The name olga needs a password.");
            person.say(PASSWORD);
        }
        person.lines_until_starting("[SERVER]: Welcome");
    } else {
        let hello = json!({"type": "hello", "protocol": 1, "name": name, "password": PASSWORD});
        person.say(&hello.to_string());
        person.event("welcome");
    }
    person
}

/// Checks that the next that is said to this person is a refusal.
#[track_caller]
fn check_refused(person: &mut Person, what: &str, code: &str, sentence: &str) {
    loop {
        let line = person.line().unwrap();
        if line.contains(sentence) && (line.starts_with('[') || line.contains(code)) {
            return;
        }
        // Other events of the room.
        let is_news =
            ["joined", "left", "has quit", "disconnected", "muted.", "Topic", "Slow mode:"];
        assert!(is_news.iter().any(|news| line.contains(news)), "{what}: {line}");
    }
}

#[test]
fn no_way_of_speaking_evades_a_limit() {
    let daemon = Daemon::with("[limits]\nmessage_bytes = 200\n");
    let _ann = Person::text(&daemon, "ann");
    let ctl = |args: &[&str]| drop(check_done(&run(&daemon.socket(), args)));
    for (way, is_text, request) in WAYS {
        let mut bo = join(&daemon, "bo", is_text);
        let mut check = |text: &str, limit: &str, code: &str, sentence: &str| {
            bo.say(&request(text));
            check_refused(&mut bo, &format!("{way}, {limit}"), code, sentence);
        };
        check(&"x".repeat(201), "too long", "too-long", "longer than 200 bytes");
        check("\u{200b}\u{200b}", "empty", "empty", "nothing in it that can be seen");
        ctl(&["mute", "bo"]);
        check("hello", "muted", "muted", "you are muted");
        ctl(&["unmute", "bo"]);
        ctl(&["slow", "1h"]);
        bo.say(&request("the only one"));
        let mut check = |text: &str| {
            bo.say(&request(text));
            check_refused(&mut bo, &format!("{way}, slow mode"), "slow-mode", "slow mode is on");
        };
        // In JSON the first one is acknowledged; that is no refusal.
        if is_text {
            check("another one");
        } else {
            bo.event_with("the only one");
            bo.say(&request("another one").replace("\"x\"", "\"y\""));
            check_refused(&mut bo, &format!("{way}, slow mode"), "slow-mode", "slow mode is on");
        }
        ctl(&["slow", "off"]);
        drop(bo);
        daemon.until("bo is gone", |daemon| daemon.users().len() == 1);
    }
}

#[test]
fn texts_of_operators_are_limited_too() {
    let daemon = Daemon::with("[limits]\nmessage_bytes = 200\n");
    add_account(&daemon, &["--operator", "olga"]);
    let ctl = |args: &[&str]| drop(check_done(&run(&daemon.socket(), args)));
    for (way, is_text, request) in OF_OPERATORS {
        let mut bo = join(&daemon, "bo", is_text);
        bo.say(&request("hello"));
        check_refused(&mut bo, way, "not-permitted", "Only operators may do that.");
        let mut olga = join(&daemon, "olga", is_text);
        olga.say(&request(&"x".repeat(201)));
        check_refused(&mut olga, way, "too-long", "longer than 200 bytes");
        ctl(&["mute", "--yes", "olga"]);
        olga.say(&request("hello"));
        check_refused(&mut olga, way, "not-permitted", "Only operators may do that.");
        ctl(&["unmute", "olga"]);
        drop((bo, olga));
        daemon.until("they are gone", |daemon| daemon.users().is_empty());
    }
}

#[test]
fn no_way_of_speaking_evades_the_rate() {
    let daemon = Daemon::with("[limits]\nmessages_per_second = 10\nburst = 2\nloopback = true\n");
    add_account(&daemon, &["--operator", "olga"]);
    let _ann = Person::text(&daemon, "ann");
    let ways = WAYS.into_iter().chain(OF_OPERATORS);
    for (number, (way, is_text, request)) in ways.enumerate() {
        let name = if number < WAYS.len() { "bo" } else { "olga" };
        let mut person = join(&daemon, name, is_text);
        let start = Instant::now();
        // The id is another each time, so that each is a message of its own.
        let requests: String = (0..8)
            .map(|n| request(&format!("{n}")).replace("\"x\"", &format!("\"x{n}\"")) + "\n")
            .collect();
        let end = if is_text { "!quit\n" } else { "{\"type\":\"quit\"}\n" };
        person.send((requests + end).as_bytes());
        while person.line().is_some() {}
        // Six beyond the burst, 100 ms each.
        let took = start.elapsed();
        assert!(took >= Duration::from_millis(550), "{way}: {took:?}");
        daemon.until("only ann is here", |daemon| daemon.users().len() == 1);
    }
}

impl Person {
    /// Reads on to an event with this text.
    #[track_caller]
    fn event_with(&mut self, text: &str) {
        while self.any_event()["text"] != text {}
    }
}
