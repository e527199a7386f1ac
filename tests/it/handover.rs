//! One process hands its connections over to the next. The test is the manager between them.

use std::os::fd::OwnedFd;

use chatroom::admin::{Reply, Request};
use serde_json::json;

use crate::daemon::Daemon;
use crate::harness::Person;

/// Has the daemon end as for a restart, and gives what it has left.
#[track_caller]
fn hand_over(daemon: &mut Daemon) -> Vec<(String, OwnedFd)> {
    assert_eq!(daemon.ask(&Request::HandOver), Reply::Done);
    let stored = daemon.until_stored();
    assert!(daemon.until_ended().success(), "{}", daemon.log());
    stored
}

#[track_caller]
fn restart(daemon: &mut Daemon) {
    let stored = hand_over(daemon);
    daemon.start_again_with(stored);
}

fn check_everything_goes_on(config: &str) {
    let mut daemon = Daemon::with(config);
    let mut ann = Person::text(&daemon, "ann");
    let (mut jay, _) = Person::json(&daemon, "jay");
    ann.expect("[SERVER]: jay joined the chat!");
    // Half a line, half an object, and somebody who has not given a name.
    ann.send(b"good ev");
    jay.send(br#"{"type":"say","id":"1","te"#);
    let mut newcomer = Person::connect(&daemon);
    for _ in 0..3 {
        restart(&mut daemon);
    }
    ann.say("ening");
    let heard = jay.event("message");
    assert_eq!((&heard["name"], &heard["text"]), (&json!("ann"), &json!("good evening")));
    jay.say(r#"xt":"and to you"}"#);
    ann.expect("jay: and to you");
    let stored = jay.event("message");
    assert_eq!((&stored["id"], &stored["seq"]), (&json!("1"), &json!(heard["seq"].as_u64().unwrap() + 1)));
    newcomer.say("bob");
    newcomer.lines_until("[SERVER]: Welcome bob! To leave chat write !quit.");
    ann.expect("[SERVER]: bob joined the chat!");
    // Nobody was told anything, and who ends is gone.
    jay.say(r#"{"type":"quit"}"#);
    ann.expect("[SERVER]: jay has quit.");
    jay.event("closing");
    jay.expect_end();
}

#[test]
fn lines_halves_of_lines_and_names_go_on() {
    check_everything_goes_on("");
}

#[test]
fn without_a_history_they_go_on_as_well() {
    check_everything_goes_on("[history]\nenabled = false\n");
}
