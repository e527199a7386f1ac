//! Every hostile string of hostile_strings.json, on every way through the daemon: what comes out
//! has nothing in it that acts on a terminal or deceives who reads it.

use std::io::Read;

use chatroom::access::ModerationAction;
use chatroom::admin::AdminRequest;
use chatroom::clean;
use serde_json::{Value, json};

use crate::client::pseudo_terminal;
use crate::ctl::{chatctl, check_done, run};
use crate::daemon::Daemon;
use crate::harness::Person;

fn strings() -> Vec<String> {
    serde_json::from_str(include_str!("hostile_strings.json")).unwrap()
}

#[track_caller]
fn check_harmless(what: &str, shown: &str) {
    for line in shown.lines() {
        // The tags of a flag are part of one emoji.
        let is_tag = |c: &char| ('\u{e0020}'..='\u{e007f}').contains(c);
        let is_harmful = |c: char| clean::is_unsafe(c) || clean::is_trick(c);
        assert!(!line.contains(|c| is_harmful(c) && !is_tag(&c)), "{what}: {line:?}");
        assert_eq!(clean::line(line), line, "{what}");
        let mut marks = 0;
        for c in line.chars().filter(|c| !is_tag(c)) {
            marks = if clean::is_mark(c) { marks + 1 } else { 0 };
            assert!(marks <= 8, "{what}: {line:?}");
        }
    }
}

/// The lines that a client receives until "that was it".
#[track_caller]
fn heard(person: &mut Person, speaker: &mut Person) -> Vec<String> {
    speaker.say("that was it");
    let mut lines = Vec::new();
    while let Some(line) = person.line() {
        if line.ends_with("that was it") || line.contains(r#""text":"that was it""#) {
            return lines;
        }
        lines.push(line);
    }
    panic!("the end came after {lines:?}");
}

#[test]
fn messages_are_harmless_in_both_dialects() {
    let daemon = Daemon::with("[limits]\nloopback = false\n");
    let mut ann = Person::text(&daemon, "ann");
    let (mut jay, _) = Person::json(&daemon, "jay");
    let mut bo = Person::text(&daemon, "bo");
    for text in strings() {
        // A person can only send what is one line, and not a command.
        if !text.contains(['\n', '&', '!', '{']) {
            bo.say(&text);
        }
        jay.say(&json!({"type": "say", "text": text}).to_string());
        jay.say(&json!({"type": "say", "text": text, "action": true}).to_string());
        jay.say(&json!({"type": "direct", "to": "ann", "text": text}).to_string());
        jay.say(&json!({"type": "direct", "to": text, "text": "x"}).to_string());
        jay.say(&json!({"type": text}).to_string());
        jay.say(&json!({"type": "who"}).to_string());
        // Behind the answer all of that has arrived.
        jay.event("who");
    }
    let lines = heard(&mut ann, &mut bo);
    assert!(lines.len() > strings().len());
    for line in &lines {
        check_harmless("text", line);
        assert_eq!(clean::squeezed(line), *line);
        let said_by = ["jay: ", "bo: ", "* jay ", "[private] jay: ", "[SERVER]: "];
        assert!(said_by.iter().any(|begin| line.starts_with(begin)), "{line:?}");
    }
    // The server's own lines are exactly these.
    let server: Vec<_> = lines.iter().filter(|line| line.starts_with("[SERVER]: ")).collect();
    assert_eq!(server, ["[SERVER]: jay joined the chat!", "[SERVER]: bo joined the chat!"]);
}

#[test]
fn decoded_json_is_harmless() {
    let daemon = Daemon::start();
    let (mut ann, _) = Person::json(&daemon, "ann");
    let (mut jay, _) = Person::json(&daemon, "jay");
    for text in strings() {
        jay.say(&json!({"type": "say", "text": text}).to_string());
    }
    jay.say(&json!({"type": "say", "text": "that was it"}).to_string());
    loop {
        let event = ann.any_event();
        let text = event["text"].as_str().unwrap_or_default();
        check_harmless("JSON", text);
        assert!(!text.contains('\n'));
        if text == "that was it" {
            return;
        }
    }
}

#[test]
fn a_name_is_harmless_or_refused() {
    let daemon = Daemon::start();
    let mut names = Vec::new();
    let people: Vec<Person> = strings()
        .iter()
        .filter_map(|name| {
            let mut person = Person::connect(&daemon);
            person.say(&json!({"type": "hello", "protocol": 1, "name": name}).to_string());
            let event = person.any_event();
            check_harmless("an answer", event["message"].as_str().unwrap_or_default());
            (event["type"] == "welcome").then(|| {
                names.push(event["name"].as_str().unwrap().to_owned());
                person
            })
        })
        .collect();
    names.iter().for_each(|name| check_harmless("a name", name));
    assert!(names.len() < 12, "{names:?}");
    // On a terminal, as an operator sees it.
    let (mut keyboard, open) = pseudo_terminal();
    let mut child = chatctl(&daemon.socket(), &["users"])
        .stdin(open())
        .stdout(open())
        .stderr(open())
        .spawn()
        .unwrap();
    assert!(child.wait().unwrap().success());
    let mut shown = vec![0; 64 * 1024];
    let count = keyboard.read(&mut shown).unwrap();
    let shown = String::from_utf8(shown[..count].to_vec()).unwrap().replace("\r\n", "\n");
    check_harmless("users", &shown);
    assert!(names.iter().all(|name| shown.contains(name.as_str())), "{shown}");
    drop(people);
}

#[test]
fn operator_actions_are_harmless_wherever_they_are_shown() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut bo = Person::text(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    for text in strings() {
        let (target, reason) = (text.clone(), Some(text.clone()));
        for request in [
            AdminRequest::Say { text: text.clone() },
            AdminRequest::Moderate { action: ModerationAction::Topic { text: text.clone() } },
            AdminRequest::Moderate {
                action: ModerationAction::Ban { target: "eve".to_owned(), seconds: None, reason },
            },
            AdminRequest::Moderate {
                action: ModerationAction::Mute { target, seconds: None, reason: None },
            },
            AdminRequest::Moderate {
                action: ModerationAction::Kick { name: text.clone(), reason: None },
            },
        ] {
            check_harmless("a reply", &format!("{:?}", daemon.ask(&request)).replace("\\n", "\n"));
        }
        let mut eve = Person::connect(&daemon);
        eve.say("eve");
        check_harmless("a refusal", &eve.line().unwrap());
    }
    heard(&mut ann, &mut bo).iter().for_each(|line| check_harmless("the room", line));
    for args in [&["bans"][..], &["audit", "-n", "1000"], &["history", "-n", "1000"], &["status"]] {
        check_harmless(args[0], &check_done(&run(&daemon.socket(), args)));
    }
    check_harmless("the log", &daemon.log());
    let status: Value =
        serde_json::from_str(&check_done(&run(&daemon.socket(), &["--json", "bans"]))).unwrap();
    for ban in status["bans"].as_array().unwrap() {
        check_harmless("JSON", ban["target"].as_str().unwrap());
        check_harmless("JSON", ban["reason"].as_str().unwrap_or_default());
    }
}
