//! The whole table of permissions, asked over real sockets in both formats.

use chatroom::permission::{self, Denial, Doing, Standing};
use serde_json::{Value, json};

use crate::ctl::{check_done, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::{PASSWORD, add_account, with_password};

/// What is asked in text, in JSON, and how the answer is known.
fn requests(doing: Doing) -> (&'static str, Value) {
    match doing {
        Doing::KeepAlive => ("&", json!({"type": "ping", "id": "x"})),
        Doing::Quit => ("!quit", json!({"type": "quit"})),
        Doing::Join => ("somebody", json!({"type": "hello", "protocol": 1, "name": "somebody"})),
        Doing::Help => ("!help", Value::Null),
        Doing::Look => ("!who", json!({"type": "who"})),
        Doing::History => ("!history 1", json!({"type": "history", "limit": 1, "id": "x"})),
        Doing::Speak => ("hello", json!({"type": "say", "text": "hello", "id": "x"})),
        Doing::Direct => {
            ("!msg ann psst", json!({"type": "direct", "to": "ann", "text": "psst", "id": "x"}))
        }
        Doing::Moderate => (
            "!unban nobody",
            json!({"type": "moderate", "act": "unban", "target": "nobody", "id": "x"}),
        ),
    }
}

/// The code of a denial in JSON, and the beginning of its sentence.
fn words(denial: Denial) -> (&'static str, &'static str) {
    match denial {
        Denial::NotJoined => ("not-joined", "You are not in the room."),
        Denial::AlreadyJoined => ("already-joined", "You are in the room already."),
        Denial::Muted => ("muted", "That was not sent: you are muted"),
        Denial::NotAnOperator => ("not-permitted", "Only operators may do that."),
        Denial::Silence => ("", ""),
    }
}

const DOINGS: [Doing; 9] = [
    Doing::KeepAlive,
    Doing::Join,
    Doing::Help,
    Doing::Look,
    Doing::History,
    Doing::Speak,
    Doing::Direct,
    Doing::Moderate,
    Doing::Quit,
];

const STANDINGS: [Standing; 5] =
    [Standing::NotJoined, Standing::Joined, Standing::Muted, Standing::Operator, Standing::Leaving];

/// Somebody who stands so, in JSON.
fn person(daemon: &Daemon, standing: Standing) -> Person {
    let name = if standing == Standing::Operator { "olga" } else { "bo" };
    let mut person = Person::connect(daemon);
    if standing == Standing::NotJoined {
        return person;
    }
    let hello = json!({"type": "hello", "protocol": 1, "name": name, "password": PASSWORD});
    person.say(&hello.to_string());
    person.event("welcome");
    if standing == Standing::Muted {
        check_done(&run(&daemon.socket(), &["mute", name]));
        person.event("info");
    }
    person
}

fn tidy_up(daemon: &Daemon, standing: Standing) {
    if standing == Standing::Muted {
        check_done(&run(&daemon.socket(), &["unmute", "bo"]));
    }
    daemon.until("gone", |daemon| daemon.users().len() == 1);
}

#[test]
fn the_table_holds_in_json() {
    let daemon = Daemon::start();
    add_account(&daemon, &["--operator", "olga"]);
    let _ann = Person::text(&daemon, "ann");
    for standing in STANDINGS {
        for doing in DOINGS {
            let (_, request) = requests(doing);
            if request.is_null() {
                continue;
            }
            let mut person = person(&daemon, standing);
            if standing == Standing::Leaving {
                // Together with what makes it leave.
                person.send(format!("{}\n{request}\n", json!({"type": "quit"})).as_bytes());
                assert_eq!(person.any_event()["type"], "closing", "{doing:?}");
                person.expect_end();
                tidy_up(&daemon, standing);
                continue;
            }
            person.say(&request.to_string());
            let answer = loop {
                let event = person.any_event();
                // What happens to be going on is no answer.
                if !matches!(event["type"].as_str(), Some("joined" | "left" | "notice")) {
                    break event;
                }
            };
            let what = format!("{standing:?} {doing:?}: {answer}");
            match permission::check(standing, doing) {
                Err(denial) => assert_eq!(answer["code"], words(denial).0, "{what}"),
                // It was looked for, and there is none.
                Ok(()) if doing == Doing::Moderate => {
                    assert_eq!(answer["code"], "no-such-ban", "{what}");
                }
                Ok(()) => assert_ne!(answer["type"], "refused", "{what}"),
            }
            drop(person);
            tidy_up(&daemon, standing);
        }
    }
}

#[test]
fn the_table_holds_in_text() {
    let daemon = Daemon::start();
    add_account(&daemon, &["--operator", "olga"]);
    let mut ann = Person::text(&daemon, "ann");
    for standing in [Standing::Joined, Standing::Muted, Standing::Operator] {
        for doing in DOINGS {
            let mut person = match standing {
                Standing::Operator => with_password(&daemon, "olga"),
                _ => Person::text(&daemon, "bo"),
            };
            if standing == Standing::Muted {
                check_done(&run(&daemon.socket(), &["mute", "bo"]));
                person.expect("[SERVER]: You are muted.");
            }
            let (request, _) = requests(doing);
            // In text, whoever is in the room says it if it is no command.
            let doing = if doing == Doing::Join { Doing::Speak } else { doing };
            person.say(request);
            let what = format!("{standing:?} {doing:?}");
            match (permission::check(standing, doing), doing) {
                (Err(denial), _) => {
                    let line = person.line().unwrap();
                    let begin = format!("[SERVER]: {}", words(denial).1);
                    assert!(line.starts_with(&begin), "{what}: {line}");
                }
                (Ok(()), Doing::KeepAlive) => assert_eq!(person.piece().unwrap(), b"&", "{what}"),
                (Ok(()), Doing::Quit) => person.expect_end(),
                (Ok(()), Doing::Speak) => drop(ann.lines_until(&format!(
                    "{}: {request}",
                    if standing == Standing::Operator { "olga" } else { "bo" }
                ))),
                (Ok(()), Doing::Direct) => {
                    let name = if standing == Standing::Operator { "olga" } else { "bo" };
                    ann.lines_until(&format!("[private] {name}: psst"));
                }
                (Ok(()), Doing::Moderate) => person
                    .expect("[SERVER]: No ban or mute matches nobody. `chatctl bans` lists them."),
                (Ok(()), Doing::History) => {
                    person.lines_until("[SERVER]: That was said before.");
                }
                (Ok(()), _) => {
                    let line = person.line().unwrap();
                    assert!(!line.contains("Only") && !line.contains("not sent"), "{what}: {line}");
                }
            }
            drop(person);
            tidy_up(&daemon, standing);
        }
    }
}
