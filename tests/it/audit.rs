//! The audit: every action of an operator is in it, and nothing is done that cannot be written there.

use serde_json::Value;

use crate::ctl::{chatctl, check_done, check_fails, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::{add_account, with_password};

/// The audit, as pairs of action and target.
fn audit(daemon: &Daemon) -> Vec<(String, String)> {
    let shown = check_done(&run(&daemon.socket(), &["--json", "audit"]));
    let audit: Value = serde_json::from_str(&shown).unwrap();
    let word = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    let entries = audit["audit"].as_array().unwrap().iter();
    entries.map(|entry| (word(entry, "what"), word(entry, "target"))).collect()
}

/// Says something, and returns the number of its record.
fn say(daemon: &Daemon, person: &mut Person) -> String {
    person.say("hello");
    daemon.until("stored", |daemon| daemon.status().messages == 1);
    daemon.status().seq.to_string()
}

/// From now on nothing can be written to the audit.
fn break_audit(daemon: &Daemon) {
    let access = rusqlite::Connection::open(daemon.folder.path().join("access.sqlite")).unwrap();
    let trigger = "CREATE TRIGGER broken BEFORE INSERT ON audit BEGIN SELECT RAISE(FAIL, 'x'); END";
    access.execute_batch(trigger).unwrap();
}

#[test]
fn every_action_of_an_operator_is_in_the_audit() {
    let daemon = Daemon::start();
    let socket = daemon.socket();
    let mut bo = Person::text(&daemon, "bo");
    let seq = say(&daemon, &mut bo);
    let backup = daemon.folder.path().join("copy");
    let expect = [
        (&["say", "tea"][..], ("say", "tea")),
        (&["topic", "cake"], ("topic", "cake")),
        (&["slow", "5s"], ("slow", "5 s")),
        (&["mute", "bo"], ("mute", "bo (1 person)")),
        (&["unmute", "bo"], ("unmute", "bo (1 person)")),
        (&["rename", "bo", "cy"], ("rename", "bo to cy")),
        (&["kick", "cy", "loud"], ("kick", "cy (1 person): loud")),
        (&["ban", "cy"], ("ban", "cy (0 people)")),
        (&["unban", "cy"], ("unban", "cy (0 people)")),
        (&["redact", &seq], ("redact", &seq)),
        (&["backup", backup.to_str().unwrap()], ("backup", "")),
        (&["reload"], ("reload", "")),
        (&["log-level", "debug"], ("log-level", "debug")),
        (&["shutdown", "--in", "5min"], ("shutdown", "in 300 s")),
        (&["shutdown", "--cancel"], ("cancel-shutdown", "")),
    ];
    for (args, _) in expect {
        let output = chatctl(&socket, args).output().unwrap();
        assert!(output.status.success(), "{args:?}: {output:?}");
    }
    let expect = expect.map(|(_, (what, target))| (what.to_owned(), target.to_owned()));
    assert_eq!(audit(&daemon), expect);
    // What was refused, and what changes nothing, is not.
    check_fails(&run(&socket, &["kick", "nobody"]), 4, &[]);
    check_fails(&run(&socket, &["rename", "nobody", "cy"]), 4, &[]);
    run(&socket, &["redact", &seq]);
    run(&socket, &["status"]);
    assert_eq!(audit(&daemon), expect);
}

#[test]
fn nothing_takes_effect_that_cannot_be_written_to_the_audit() {
    let daemon = Daemon::start();
    let socket = daemon.socket();
    add_account(&daemon, &["--operator", "olga"]);
    let mut bo = Person::text(&daemon, "bo");
    let seq = say(&daemon, &mut bo);
    let mut olga = with_password(&daemon, "olga");
    bo.expect("[SERVER]: olga joined the chat!");
    break_audit(&daemon);
    let (before, history) = (audit(&daemon), daemon.status().seq);
    let backup = daemon.folder.path().join("copy");
    let says = ["Nothing was done: the server cannot write it to the audit. Its log says why."];
    for args in [
        &["say", "tea"][..],
        &["topic", "cake"],
        &["slow", "5s"],
        &["mute", "bo"],
        &["ban", "bo"],
        &["rename", "bo", "cy"],
        &["kick", "bo"],
        &["redact", &seq],
        &["backup", backup.to_str().unwrap()],
        &["account", "lock", "olga"],
        &["account", "remove", "olga"],
    ] {
        let output = run(&socket, args);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(says[0]), "{args:?}: {output:?}");
    }
    for line in ["!topic cake", "!mute bo", "!ban bo", "!kick bo"] {
        olga.say(line);
        olga.expect(&format!("[SERVER]: {}", says[0]));
    }
    // The history is as before, and the next thing that bo sees is a message.
    assert_eq!(daemon.status().seq, history);
    assert_eq!((daemon.status().topic, daemon.status().slow_seconds), (String::new(), 0));
    olga.say("still here");
    bo.expect("olga: still here");
    assert!(!backup.exists());
    // What mends the daemon or stops it works nevertheless.
    check_done(&run(&socket, &["log-level", "debug"]));
    check_done(&run(&socket, &["reload"]));
    assert_eq!(audit(&daemon), before);
    assert!(daemon.log().contains("cannot write to the audit"));
}
