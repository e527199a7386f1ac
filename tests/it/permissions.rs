//! The whole table of permissions, asked over real sockets in both formats.

use chatroom::permission::{self, Denial, Permission, Role};
use serde_json::{Value, json};

use crate::ctl::{check_done, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::{PASSWORD, add_account, with_password};

/// The request in the text and the JSON protocol.
fn requests(permission: Permission) -> (&'static str, Value) {
    match permission {
        Permission::KeepAlive => ("&", json!({"type": "ping", "id": "x"})),
        Permission::Quit => ("!quit", json!({"type": "quit"})),
        Permission::Join => {
            ("somebody", json!({"type": "hello", "protocol": 1, "name": "somebody"}))
        }
        Permission::Help => ("!help", Value::Null),
        Permission::Look => ("!who", json!({"type": "who"})),
        Permission::History => ("!history 1", json!({"type": "history", "limit": 1, "id": "x"})),
        Permission::Speak => ("hello", json!({"type": "say", "text": "hello", "id": "x"})),
        Permission::Direct => {
            ("!msg ann psst", json!({"type": "direct", "to": "ann", "text": "psst", "id": "x"}))
        }
        Permission::Moderate => (
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

const PERMISSIONS: [Permission; 9] = [
    Permission::KeepAlive,
    Permission::Join,
    Permission::Help,
    Permission::Look,
    Permission::History,
    Permission::Speak,
    Permission::Direct,
    Permission::Moderate,
    Permission::Quit,
];

const ROLES: [Role; 5] =
    [Role::NotJoined, Role::Joined, Role::Muted, Role::Operator, Role::Leaving];

/// Somebody who stands so, in JSON.
fn person(daemon: &Daemon, role: Role) -> Person {
    let name = if role == Role::Operator { "olga" } else { "bo" };
    let mut person = Person::connect(daemon);
    if role == Role::NotJoined {
        return person;
    }
    let hello = json!({"type": "hello", "protocol": 1, "name": name, "password": PASSWORD});
    person.say(&hello.to_string());
    person.event("welcome");
    if role == Role::Muted {
        check_done(&run(&daemon.socket(), &["mute", name]));
        person.event("info");
    }
    person
}

fn tidy_up(daemon: &Daemon, role: Role) {
    if role == Role::Muted {
        check_done(&run(&daemon.socket(), &["unmute", "bo"]));
    }
    daemon.until("gone", |daemon| daemon.users().len() == 1);
}

#[test]
fn the_table_holds_in_json() {
    let daemon = Daemon::start();
    add_account(&daemon, &["--operator", "olga"]);
    let _ann = Person::text(&daemon, "ann");
    for role in ROLES {
        for permission in PERMISSIONS {
            let (_, request) = requests(permission);
            if request.is_null() {
                continue;
            }
            let mut person = person(&daemon, role);
            if role == Role::Leaving {
                // Together with what makes it leave.
                person.send(format!("{}\n{request}\n", json!({"type": "quit"})).as_bytes());
                assert_eq!(person.any_event()["type"], "closing", "{permission:?}");
                person.expect_end();
                tidy_up(&daemon, role);
                continue;
            }
            person.say(&request.to_string());
            let answer = loop {
                let event = person.any_event();
                // Events of the room are no answer.
                if !matches!(event["type"].as_str(), Some("joined" | "left" | "notice")) {
                    break event;
                }
            };
            let what = format!("{role:?} {permission:?}: {answer}");
            match permission::check(role, permission) {
                Err(denial) => assert_eq!(answer["code"], words(denial).0, "{what}"),
                // It was looked for, and there is none.
                Ok(()) if permission == Permission::Moderate => {
                    assert_eq!(answer["code"], "no-such-ban", "{what}");
                }
                Ok(()) => assert_ne!(answer["type"], "refused", "{what}"),
            }
            drop(person);
            tidy_up(&daemon, role);
        }
    }
}

#[test]
fn the_table_holds_in_text() {
    let daemon = Daemon::start();
    add_account(&daemon, &["--operator", "olga"]);
    let mut ann = Person::text(&daemon, "ann");
    for role in [Role::Joined, Role::Muted, Role::Operator] {
        for permission in PERMISSIONS {
            let mut person = match role {
                Role::Operator => with_password(&daemon, "olga"),
                _ => Person::text(&daemon, "bo"),
            };
            if role == Role::Muted {
                check_done(&run(&daemon.socket(), &["mute", "bo"]));
                person.expect("[SERVER]: You are muted.");
            }
            let (request, _) = requests(permission);
            // In text, whoever is in the room says it if it is no command.
            let permission =
                if permission == Permission::Join { Permission::Speak } else { permission };
            person.say(request);
            let what = format!("{role:?} {permission:?}");
            match (permission::check(role, permission), permission) {
                (Err(denial), _) => {
                    let line = person.line().unwrap();
                    let begin = format!("[SERVER]: {}", words(denial).1);
                    assert!(line.starts_with(&begin), "{what}: {line}");
                }
                (Ok(()), Permission::KeepAlive) => {
                    assert_eq!(person.piece().unwrap(), b"&", "{what}");
                }
                (Ok(()), Permission::Quit) => person.expect_end(),
                (Ok(()), Permission::Speak) => drop(ann.lines_until(&format!(
                    "{}: {request}",
                    if role == Role::Operator { "olga" } else { "bo" }
                ))),
                (Ok(()), Permission::Direct) => {
                    let name = if role == Role::Operator { "olga" } else { "bo" };
                    ann.lines_until(&format!("[private] {name}: psst"));
                }
                (Ok(()), Permission::Moderate) => person
                    .expect("[SERVER]: No ban or mute matches nobody. `chatctl bans` lists them."),
                (Ok(()), Permission::History) => {
                    person.lines_until("[SERVER]: End of earlier messages.");
                }
                (Ok(()), _) => {
                    let line = person.line().unwrap();
                    assert!(!line.contains("Only") && !line.contains("not sent"), "{what}: {line}");
                }
            }
            drop(person);
            tidy_up(&daemon, role);
        }
    }
}
