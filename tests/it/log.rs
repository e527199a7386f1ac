//! The log: who did what, to be read without looking at fields.

use serde_json::json;

use crate::ctl::{check_done, check_fails, run};
use crate::daemon::Daemon;
use crate::handover::hand_over;
use crate::harness::Person;
use crate::moderation::{add_account, with_password};

/// Waits until a line of the log has this as its message.
#[track_caller]
fn until_logged(daemon: &Daemon, message: &str) {
    let message = format!("INFO {message} event=");
    daemon.until_logged(&message);
}

/// The system's name for the user who runs the tests.
fn operator() -> String {
    let output = std::process::Command::new("id").arg("--user").arg("--name").output().unwrap();
    let uid = rustix::process::getuid().as_raw();
    format!("administrator {} (uid {uid})", String::from_utf8(output.stdout).unwrap().trim())
}

#[test]
fn it_says_who_comes_and_goes() {
    let daemon = Daemon::with("[timeouts]\nhold = \"1 s\"\n");
    let mut ann = Person::text(&daemon, "ann");
    let ann_at = ann.stream.local_addr().unwrap();
    until_logged(&daemon, &format!("ann joined from {ann_at}"));
    let (jay, welcome) = Person::json(&daemon, "jay");
    let jay_at = jay.stream.local_addr().unwrap();
    until_logged(&daemon, &format!("jay joined from {jay_at}"));
    drop(jay);
    until_logged(&daemon, &format!("jay lost the connection from {jay_at} (closed)"));
    let mut jay = Person::connect(&daemon);
    let resume = json!({ "token": welcome["token"], "epoch": 1, "seq": welcome["seq"] });
    jay.say(
        &json!({ "type": "hello", "protocol": 1, "name": "jay", "resume": resume }).to_string(),
    );
    assert_eq!(jay.event("welcome")["resumed"], true);
    let jay_at = jay.stream.local_addr().unwrap();
    until_logged(&daemon, &format!("jay came back from {jay_at}"));
    assert_eq!(daemon.log().matches("jay joined from").count(), 1, "{}", daemon.log());
    drop(jay);
    until_logged(&daemon, "jay did not come back in time and left");
    ann.say("!quit");
    until_logged(&daemon, &format!("ann left (quit) from {ann_at}"));
    let nobody = Person::connect(&daemon);
    let nobody_at = nobody.stream.local_addr().unwrap();
    drop(nobody);
    let expect = format!("connection from {nobody_at} ended before joining (closed)");
    until_logged(&daemon, &expect);
}

#[test]
fn a_renamed_user_leaves_under_the_new_name() {
    let mut daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let ann_at = ann.stream.local_addr().unwrap();
    check_done(&run(&daemon.socket(), &["rename", "ann", "anna"]));
    // The next process knows the new name, too.
    let stored = hand_over(&mut daemon);
    daemon.start_again_with(stored);
    ann.say("!quit");
    until_logged(&daemon, &format!("anna left (quit) from {ann_at}"));
}

#[test]
fn it_says_what_operators_do_to_whom() {
    let daemon = Daemon::start();
    let (socket, operator) = (daemon.socket(), operator());
    let mut bo = Person::text(&daemon, "bo");
    check_done(&run(&socket, &["kick", "bo", "too", "loud"]));
    until_logged(&daemon, &format!("{operator}: kick bo: too loud"));
    until_logged(&daemon, &format!("{operator} kicked bo (1 person): too loud"));
    bo.lines_until("[SERVER]: You were removed from the room by the operator: too loud");
    add_account(&daemon, &["--operator", "olga"]);
    until_logged(&daemon, &format!("{operator} added the account olga as an operator"));
    let mut olga = with_password(&daemon, "olga");
    olga.say("!ban bo 1h spam");
    until_logged(&daemon, "olga banned bo for 1 h (0 people): spam");
    olga.say("!unban bo");
    until_logged(&daemon, "olga unbanned bo (0 people)");
    check_done(&run(&socket, &["say", "back at five"]));
    until_logged(&daemon, &format!("{operator}: say: back at five"));
    until_logged(&daemon, "announced: back at five");
    check_done(&run(&socket, &["log-level", "info"]));
    until_logged(&daemon, &format!("{operator}: log-level info"));
    check_fails(&run(&socket, &["kick", "nobody"]), 4, &[]);
    let refused = format!("{operator} was refused kick: Nobody here is called nobody.");
    until_logged(&daemon, &refused);
    let mut guess = Person::connect(&daemon);
    guess.say("olga");
    guess.lines_until_starting("[SERVER]: The name olga needs a password.");
    guess.say("not that one");
    until_logged(&daemon, "wrong password given for olga from 127.0.0.1");
}

#[test]
fn read_only_requests_are_logged_for_debugging() {
    let daemon = Daemon::start();
    let socket = daemon.socket();
    let looks = ["users", "status", "metrics", "ping", "bans", "audit", "history", "log-level"];
    let look = || {
        looks.iter().for_each(|look| drop(check_done(&run(&socket, &[look]))));
        check_done(&run(&socket, &["account", "list"]));
        run(&socket, &["doctor"]);
    };
    look();
    check_done(&run(&socket, &["say", "that was it"]));
    until_logged(&daemon, "announced: that was it");
    let before = daemon.log();
    assert_eq!(before.matches("event=\"admin").count(), 1, "only that: {before}");
    check_done(&run(&socket, &["log-level", "debug"]));
    look();
    for look in looks.iter().chain(&["account list", "doctor"]) {
        let line = format!("DEBUG {}: {look} event=\"admin-look\"", operator());
        daemon.until_logged(&line);
    }
}

/// The parts of a line outside quotation marks.
fn unquoted(line: &str) -> String {
    let (mut rest, mut quoted, mut chars) = (String::new(), false, line.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' if quoted => drop(chars.next()),
            '"' => quoted = !quoted,
            c if !quoted => rest.push(c),
            _ => {}
        }
    }
    rest
}

#[test]
fn nothing_that_is_written_passes_for_something_else() {
    let daemon = Daemon::start();
    let (socket, operator) = (daemon.socket(), operator());
    let _bo = Person::text(&daemon, "bo");
    let forged =
        "x\" event=\"joined\n2026-11-22T21:04:05Z  INFO eve joined from 6.6.6.6:6\x1b[31m\u{202e}";
    check_done(&run(&socket, &["say", forged]));
    check_done(&run(&socket, &["topic", forged]));
    check_done(&run(&socket, &["topic", "tea event=joined name=eve"]));
    check_done(&run(&socket, &["say", "tea event=\"joined\" name=\"eve\""]));
    check_done(&run(&socket, &["kick", "bo", forged]));
    check_fails(&run(&socket, &["mute", forged]), 1, &[]);
    check_fails(&run(&socket, &["kick", "nobody: x (uid 0)"]), 4, &[]);
    until_logged(&daemon, &format!("{operator}: kick \"nobody: x (uid 0)\""));
    let log = daemon.log();
    assert!(!log.lines().any(|line| line.starts_with("2026-11-22T21:04:05Z")), "{log}");
    assert!(!log.contains(|c| c != '\n' && chatroom::clean::is_unsafe(c)), "{log}");
    // Outside of quotation marks, each line has one event and no field twice.
    for line in log.lines() {
        let fields = unquoted(line);
        let count = |field: &str| fields.matches(field).count();
        assert!(count(" event=") <= 1 && count(" name=") <= 1, "{line}");
    }
    // A field cannot be ended by what is in it.
    assert!(log.contains("target=\"bo: x\\\" event=\\\"joined 2026-11-22T21:04:05Z"), "{log}");
}
