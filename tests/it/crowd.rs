//! Many people behind one address, and those who are told to wait.

use std::process::{Child, Stdio};

use crate::client::{client, pipe_to};
use crate::daemon::{Daemon, until_ended};
use crate::harness::Person;
use crate::screen::Screen;
use crate::tls;

/// Starts a client that has one line to say, and gives up after one attempt.
fn start(number: usize, address: &str) -> Child {
    let name = format!("pupil{number}");
    client(&["--name", &name, "--attempts", "1", address])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Says something as this client, and gives what it has said of itself.
#[track_caller]
fn finish(mut child: Child) -> String {
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"here\n").unwrap();
    let status = until_ended(&mut child);
    let said = String::from_utf8(child.wait_with_output().unwrap().stderr).unwrap();
    assert_eq!(status.code(), Some(0), "{said}");
    said
}

#[test]
fn a_class_behind_one_address_is_let_in_at_once() {
    const PUPILS: usize = 60;
    let daemon = Daemon::with("[limits]\nloopback = true\n");
    let address = daemon.address.to_string();
    let pupils: Vec<Child> = (0..PUPILS).map(|number| start(number, &address)).collect();
    daemon.until("all are here", |daemon| daemon.users().len() == PUPILS);
    for pupil in pupils {
        let said = finish(pupil);
        assert!(!said.contains("wait"), "{said}");
    }
    assert_eq!(daemon.status().messages, PUPILS as u64);
}

#[test]
fn a_client_that_joins_too_often_waits_as_told_and_gets_in() {
    let daemon = Daemon::with("[limits]\njoins_per_minute = 60\nloopback = true\n");
    for number in 0..60 {
        let mut before = Person::text(&daemon, &format!("before{number}"));
        before.say("!quit");
        before.expect_end();
    }
    let address = daemon.address.to_string();
    let late: Vec<Child> = (0..3).map(|number| start(number, &address)).collect();
    let said: Vec<String> = late.into_iter().map(finish).collect();
    let waits = "The server asks you to wait: Your address joins too often. Trying again in ";
    assert!(said.iter().any(|said| said.contains(waits)), "{said:?}");
    assert!(said.iter().all(|said| !said.contains("Cannot join")), "{said:?}");
}

#[test]
fn a_client_that_connects_too_often_waits_as_told_with_and_without_tls() {
    // One every five seconds: a busy machine may take a while to connect.
    let limits = "[limits]\nnew_connections_per_minute = 12\nloopback = true\n";
    let folder = tempfile::TempDir::new().unwrap();
    tls::make_certificate(&folder);
    let daemon = Daemon::in_folder(folder, &format!("{}{limits}", tls::TLS), |_| {});
    let secure = daemon.status().listen[1].strip_suffix(" (TLS)").unwrap().to_owned();
    let state = tempfile::TempDir::new().unwrap();
    let plain = daemon.address.to_string();
    for args in [&[&*plain][..], &["--tls", &secure]] {
        // As many as may come at once.
        loop {
            let mut before = Person::connect_to(daemon.address);
            if before.line().is_some_and(|line| line.contains("connects too often")) {
                break;
            }
        }
        let mut client = client(&[&["--name", "late", "--attempts", "1"], args].concat());
        let output = pipe_to("here\n", client.env("XDG_STATE_HOME", state.path()));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(0), "{said}");
        let waits =
            "The server asks you to wait: Your address connects too often. Trying again in ";
        assert!(said.contains(waits), "{said}");
    }
}

#[test]
fn a_full_room_is_waited_for_and_said_to_be_so() {
    let daemon = Daemon::with("[limits]\nconnections = 1\n");
    let ann = Person::text(&daemon, "ann");
    let address = daemon.address.to_string();
    let mut screen = Screen::of(&mut client(&["--name", "bo", "--attempts", "1", &address]));
    screen.until_shown("The server asks you to wait: The room is full. Trying again in ");
    drop(ann);
    screen.until_shown("You are bo in the room lobby");
    screen.type_in("/quit\r");
    screen.check_ended(0);
}
