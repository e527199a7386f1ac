//! Keeping order: by chatctl, and in the room by operators.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::ctl::{chatctl, check_done, check_fails, run};
use crate::daemon::Daemon;
use crate::harness::Person;

pub const PASSWORD: &str = "correct horse";

/// Runs chatctl and gives what it prints.
#[track_caller]
fn ctl(daemon: &Daemon, args: &[&str]) -> String {
    check_done(&run(&daemon.socket(), args))
}

/// Makes an account with [`PASSWORD`].
#[track_caller]
pub fn add_account(daemon: &Daemon, args: &[&str]) {
    let args = [&["account", "add"], args].concat();
    let mut chatctl = chatctl(&daemon.socket(), &args);
    let mut child = chatctl.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(format!("{PASSWORD}\n").as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
}

/// Joins with text under a name that has an account.
#[track_caller]
pub fn with_password(daemon: &Daemon, name: &str) -> Person {
    let mut person = Person::connect(daemon);
    person.say(name);
    person
        .expect(&format!("[SERVER]: The name {name} needs a password. Type it, then press enter!"));
    person.say(PASSWORD);
    person.expect(&format!("[SERVER]: Welcome {name}! To leave chat write !quit."));
    person
}

#[test]
fn a_ban_holds_over_a_restart_and_ends_when_it_is_lifted() {
    let mut daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let mut eve = Person::text(&daemon, "Eve");
    ann.expect("[SERVER]: Eve joined the chat!");
    // In the middle of a line, which nobody sees.
    eve.send(b"and another th");
    let said = ctl(&daemon, &["ban", "EVE", "--reason", "spam"]);
    assert_eq!(said, "Banned EVE permanently: 1 person was removed. Reason: spam\n");
    eve.expect("[SERVER]: You are banned: spam");
    eve.expect_end();
    ann.expect("[SERVER]: Eve was removed by the operator: spam");
    let check_banned = |daemon: &Daemon| {
        let mut eve = Person::connect(daemon);
        eve.say("eve");
        eve.expect("[SERVER]: That name is banned: spam");
        eve.say("eve2");
        eve.expect("[SERVER]: Welcome eve2! To leave chat write !quit.");
    };
    check_banned(&daemon);
    let bans: Value = serde_json::from_str(&ctl(&daemon, &["--json", "bans"])).unwrap();
    assert_eq!(bans["bans"][0]["target"], "EVE");
    assert_eq!(bans["bans"][0]["reason"], "spam");
    daemon.kill_and_start_again();
    check_banned(&daemon);
    assert_eq!(
        ctl(&daemon, &["unban", "eve"]),
        "eve is no longer banned. Nobody here is affected.\n"
    );
    let says = ["No ban or mute matches eve. `chatctl bans` lists them."];
    check_fails(&run(&daemon.socket(), &["unban", "eve"]), 4, &says);
    Person::text(&daemon, "eve");
    let audit: Value = serde_json::from_str(&ctl(&daemon, &["--json", "audit"])).unwrap();
    let acts: Vec<_> = audit["audit"].as_array().unwrap().iter().map(|act| &act["what"]).collect();
    assert_eq!(acts, ["ban", "unban"]);
    for done in [&audit["audit"][0], &bans["bans"][0]] {
        assert_eq!(done["uid"], rustix::process::getuid().as_raw());
        let by = done["by"].as_str().unwrap();
        assert!(by.starts_with(&format!("{}, process ", user())), "{by}");
    }
}

/// The system's name for the user who runs the tests.
fn user() -> String {
    let name = Command::new("id").arg("-un").output().unwrap();
    String::from_utf8(name.stdout).unwrap().trim().to_owned()
}

#[test]
fn an_address_that_is_banned_is_closed_wherever_it_stands() {
    let daemon = Daemon::start();
    let from = |last| Person::connect_from([127, 0, 0, last], daemon.address);
    let mut joined = from(7);
    joined.say("eve");
    joined.lines_until("[SERVER]: Welcome eve! To leave chat write !quit.");
    let mut nameless = from(7);
    nameless.lines_until(crate::harness::PROMPT);
    let mut other = from(9);
    other.say("bo");
    joined.lines_until("[SERVER]: bo joined the chat!");
    ctl(&daemon, &["ban", "127.0.0.7", "--for", "1 h"]);
    for person in [&mut joined, &mut nameless] {
        let line = person.line().unwrap();
        assert!(line.starts_with("[SERVER]: You are banned until "), "{line}");
        assert!(line.ends_with(" UTC."), "{line}");
        person.expect_end();
    }
    let line = from(7).line().unwrap();
    assert!(line.starts_with("[SERVER]: You are banned until "), "{line}");
    other.lines_until("[SERVER]: eve was removed by the operator.");
    // Nobody at chatctl is locked out, whatever is banned.
    ctl(&daemon, &["ban", "--yes", "0.0.0.0/0"]);
    other.lines_until("[SERVER]: You are banned.");
    ctl(&daemon, &["unban", "0.0.0.0/0"]);
    ctl(&daemon, &["unban", "127.0.0.7"]);
    Person::text(&daemon, "eve");
}

#[test]
fn a_muted_user_can_still_read() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let (mut jay, _) = Person::json(&daemon, "jay");
    ann.expect("[SERVER]: jay joined the chat!");
    ctl(&daemon, &["mute", "jay", "--reason", "too loud"]);
    assert_eq!(jay.event("info")["message"], "You are muted: too loud");
    for request in [
        r#"{"type":"say","id":"1","text":"x"}"#,
        r#"{"type":"direct","to":"ann","id":"1","text":"x"}"#,
    ] {
        jay.say(request);
        let refused = jay.event("refused");
        assert_eq!((&refused["code"], &refused["id"]), (&json!("muted"), &json!("1")));
        assert_eq!(refused["message"], "That was not sent: you are muted: too loud");
    }
    ann.say("hello");
    assert_eq!(jay.event("message")["text"], "hello");
    ctl(&daemon, &["unmute", "jay"]);
    assert_eq!(jay.event("info")["message"], "You are no longer muted.");
    jay.say(r#"{"type":"say","text":"sorry"}"#);
    ann.expect("jay: sorry");
}

#[test]
fn a_topic_a_new_name_and_slow_mode() {
    let mut daemon = Daemon::with("[room]\ntopic = \"Welcome\"\n[history]\nreplay = 0\n");
    let mut ann = Person::text(&daemon, "ann");
    ann.expect("[SERVER]: Topic: Welcome");
    let (mut jay, _) = Person::json(&daemon, "jay");
    ann.expect("[SERVER]: jay joined the chat!");
    ctl(&daemon, &["topic", "Tea", "at", "five"]);
    ann.expect("[SERVER]: Topic: Tea at five");
    assert_eq!(jay.event("topic")["text"], "Tea at five");
    ann.say("!topic");
    ann.expect("[SERVER]: Topic: Tea at five");
    ctl(&daemon, &["rename", "JAY", "kay"]);
    ann.expect("[SERVER]: jay is now called kay.");
    let renamed = jay.event("renamed");
    assert_eq!((&renamed["name"], &renamed["to"]), (&json!("jay"), &json!("kay")));
    jay.say(r#"{"type":"say","text":"is that me?"}"#);
    ann.expect("kay: is that me?");
    let taken = run(&daemon.socket(), &["rename", "kay", "Ann"]);
    check_fails(&taken, 1, &["The name Ann is taken."]);
    ctl(&daemon, &["slow", "1 h"]);
    ann.expect("[SERVER]: Slow mode: one message in 3600 s from each.");
    // Refused messages do not count. Coming back under the same name does not help.
    ann.say("\u{200b}");
    ann.expect("[SERVER]: That message was not sent: there is nothing in it that can be seen.");
    ann.say("one");
    ann.say("!quit");
    ann.expect_end();
    let mut ann = Person::text(&daemon, "ANN");
    ann.expect("[SERVER]: Topic: Tea at five");
    ann.say("two");
    let refused = "[SERVER]: That was not sent: slow mode is on. Wait ";
    assert!(ann.line().unwrap().starts_with(refused));
    ctl(&daemon, &["slow", "off"]);
    ann.expect("[SERVER]: Slow mode is off.");
    ann.say("three");
    while jay.event("message")["text"] != "three" {}
    daemon.kill_and_start_again();
    let mut bo = Person::text(&daemon, "bo");
    bo.expect("[SERVER]: Topic: Tea at five");
    ctl(&daemon, &["topic", "--clear"]);
    bo.lines_until("[SERVER]: Topic: Welcome");
}

#[test]
fn an_operator_moderates_in_the_room_and_nobody_else() {
    let daemon = Daemon::start();
    let mut bo = Person::text(&daemon, "bo");
    for command in ["!kick ann", "!ban ann", "!unban ann", "!mute ann", "!unmute ann", "!topic Tea"]
    {
        bo.say(command);
        bo.expect("[SERVER]: Only operators may do that.");
    }
    add_account(&daemon, &["--operator", "olga"]);
    add_account(&daemon, &["--operator", "otto"]);
    let mut olga = with_password(&daemon, "olga");
    bo.expect("[SERVER]: olga joined the chat!");
    olga.say("!mute bo 10min too loud");
    let line = olga.line().unwrap();
    assert!(line == "[SERVER]: Muted bo for 10 min: 1 person is muted. Reason: too loud", "{line}");
    let line = bo.line().unwrap();
    assert!(line.starts_with("[SERVER]: You are muted until "), "{line}");
    olga.say("!unmute bo");
    olga.expect("[SERVER]: bo is no longer muted. Affected here: 1 person.");
    olga.say("!topic Tea");
    olga.lines_until("[SERVER]: The topic is set.");
    olga.say("!kick otto");
    olga.expect("[SERVER]: otto is an operator. Only chatctl can do that to them.");
    // A name that looks like his, and an address from which she herself comes.
    olga.say("!ban 0tto");
    olga.expect("[SERVER]: otto is an operator. Only chatctl can do that to them.");
    olga.say("!ban 127.0.0.0/8");
    olga.expect("[SERVER]: olga is an operator. Only chatctl can do that to them.");
    olga.say("!ban 10.0.0.0/8");
    olga.expect("[SERVER]: Nothing was done: 10.0.0.0/8 is a network. Only chatctl can do that.");
    olga.say("!ban bo 0s");
    olga.expect(
        "[SERVER]: A ban or mute lasts at least 1 s. Leave the time out to make it permanent.",
    );
    // Nor does she undo what chatctl has done, or make less of it.
    ctl(&daemon, &["ban", "eve"]);
    ctl(&daemon, &["mute", "bo"]);
    for command in ["!unban eve", "!ban eve 1s", "!unmute bo", "!mute bo 1s"] {
        olga.say(command);
        olga.expect("[SERVER]: Only chatctl can do that.");
    }
    ctl(&daemon, &["unmute", "bo"]);
    let taken = run(&daemon.socket(), &["rename", "bo", "0lga"]);
    check_fails(&taken, 1, &["That name looks like olga, which is taken."]);
    olga.say("!ban bo");
    olga.lines_until("[SERVER]: Banned bo permanently: 1 person was removed.");
    bo.lines_until("[SERVER]: You are banned.");
    olga.say("!unban bo");
    olga.expect("[SERVER]: bo is no longer banned. Nobody here is affected.");
    // Losing the role takes effect at once, and chatctl can act against operators, too.
    ctl(&daemon, &["mute", "--yes", "olga"]);
    olga.expect("[SERVER]: You are muted.");
    olga.say("!unmute olga");
    olga.expect("[SERVER]: Only operators may do that.");
    ctl(&daemon, &["unmute", "olga"]);
    ctl(&daemon, &["account", "operator", "--off", "olga"]);
    olga.expect("[SERVER]: You are no longer muted.");
    olga.say("!topic Coffee");
    olga.expect("[SERVER]: Only operators may do that.");
    let audit = ctl(&daemon, &["audit"]);
    assert!(
        audit.contains("account olga") && audit.contains("bo for 10 min (1 person): too loud"),
        "{audit}"
    );
}
