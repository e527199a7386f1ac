//! Taking the text of messages away.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, JoinHandle};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::harness::Person;
use crate::history::{after, chatctl, done};

#[track_caller]
fn refused(output: &Output, status: i32, says: &str) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(said.contains(says), "{said}");
}

#[test]
fn a_text_can_be_taken_away() {
    let (daemon, mut ann) = after(3, "[history]\nreplay = 20\n");
    let said = done(&chatctl(&daemon, &["redact", "3"]));
    assert_eq!(said, "Redacted message 3.\n");
    assert_eq!(ann.event("redacted")["targets"], json!([3]));
    let (mut bo, _) = Person::json(&daemon, "bo");
    let texts: Vec<Value> = (0..3).map(|_| bo.event("message")["text"].clone()).collect();
    assert_eq!(texts, ["line 1", "(removed by the operator)", "line 3"]);
    assert!(!done(&chatctl(&daemon, &["history"])).contains("line 2"));

    let of_ann = ["redact", "--user", "ann", "--since", "1 h"];
    let said = done(&chatctl(&daemon, &of_ann));
    assert_eq!(said, "Redacted 2 messages.\n1 message was redacted before.\n");
    let rest = done(&chatctl(&daemon, &["history"]));
    assert!(!rest.contains("line 1") && !rest.contains("line 3"), "{rest}");
    assert_eq!(done(&chatctl(&daemon, &of_ann)), "3 messages were redacted before.\n");
    let nobody = chatctl(&daemon, &["redact", "--user", "cy", "--since", "1 h"]);
    assert_eq!(done(&nobody), "No stored message of cy since then.\n");
}

#[test]
fn redacting_what_cannot_be_redacted_is_refused() {
    for history in ["[history]\n", "[history]\nenabled = false\n"] {
        let (daemon, mut ann) = after(3, history);
        let newest = daemon.status().seq;
        refused(&chatctl(&daemon, &["redact", "9999"]), 4, "There is no record 9999");
        refused(&chatctl(&daemon, &["redact", "0"]), 4, "the history goes from 1 to 4");
        refused(&chatctl(&daemon, &["redact", "1"]), 1, "Record 1 has no text to redact");
        refused(&chatctl(&daemon, &["redact", "18446744073709551615"]), 4, "There is no record");
        assert_eq!(daemon.status().seq, newest, "nobody was told anything");
        // The possible part is done, and the rest is named.
        let output = chatctl(&daemon, &["redact", "2", "1", "9999", "2"]);
        refused(&output, 4, "There is no record 9999");
        refused(&output, 4, "Record 1 has no text to redact");
        refused(&output, 4, "Message 2 was redacted.");
        assert_eq!(ann.event("redacted")["targets"], json!([2]));
        let again = done(&chatctl(&daemon, &["redact", "2"]));
        assert_eq!(again, "Message 2 was redacted before.\n");
        let json = done(&chatctl(&daemon, &["redact", "2", "3", "--json"]));
        let json: Value = serde_json::from_str(&json).unwrap();
        let json = &json["redacted"];
        assert_eq!((&json["redacted"], &json["already"]), (&json!([3]), &json!([2])));
        assert_eq!(ann.event("redacted")["targets"], json!([3]));
    }
}

/// All messages of one user, however many, between those of others.
#[test]
fn all_that_somebody_said_is_redacted_while_others_talk() {
    const LINES: usize = 12_500;
    let (daemon, ann) = after(LINES, "[limits]\nwindow = \"256 KiB\"\n");
    drop(ann);
    let (is_over, said) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| {
        let mut bo = Person::json(&daemon, "bo").0;
        let (is_over, said) = (&is_over, &said);
        scope.spawn(move || {
            while !is_over.load(Relaxed) {
                let id = said.load(Relaxed).to_string();
                bo.say(&json!({ "type": "say", "id": id, "text": "meanwhile" }).to_string());
                while bo.event("message")["id"] != *id {}
                said.fetch_add(1, Relaxed);
            }
        });
        daemon.until("bo talks", |_| said.load(Relaxed) > 0);
        let output = chatctl(&daemon, &["redact", "--user", "ann", "--since", "1 h"]);
        is_over.store(true, Relaxed);
        assert_eq!(done(&output), format!("Redacted {LINES} messages.\n"));
    });
    let of_ann = chatctl(&daemon, &["history", "--from", "ann", "--json", "-n", "20000"]);
    let of_ann: Value = serde_json::from_str(&done(&of_ann)).unwrap();
    let texts = of_ann["history"].as_array().unwrap();
    let is_redacted = |it: &&Value| it["text"] == "(removed by the operator)";
    assert_eq!(texts.iter().filter(is_redacted).count(), LINES);
    let count = "SELECT count(*) FROM records WHERE kind = 6";
    let steps: i64 = daemon.database().query_row(count, [], |row| row.get(0)).unwrap();
    assert!(steps >= LINES as i64 / 256, "{steps} steps");
    assert!(said.load(Relaxed) > 1, "bo was heard between");
}

#[test]
fn history_shows_as_many_lines_as_asked_for() {
    let (daemon, _ann) = after(2500, "");
    let lines = |n: &str| {
        let shown = done(&chatctl(&daemon, &["history", "-n", n]));
        shown.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines("0").len(), 0);
    assert_eq!(lines("1").len(), 1);
    assert_eq!(lines("2001").len(), 2001);
    let all = lines("20000");
    assert_eq!(all.len(), 2501);
    assert!(all[0].ends_with("ann joined the chat!") && all[2500].ends_with("ann: line 2500"));
    let of_grep = done(&chatctl(&daemon, &["history", "--grep", "LINE 1", "-n", "1105"]));
    assert_eq!(of_grep.lines().count(), 1105, "over several answers, too");
    let json = done(&chatctl(&daemon, &["history", "-n", "1500", "--json"]));
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["history"].as_array().map(Vec::len), Some(1500));
    assert_eq!(json["more"], true);
}

#[test]
fn a_redaction_that_is_broken_off_says_what_is_left() {
    let (mut daemon, _ann) = after(600, "");
    let socket = daemon.folder.path().join("between.sock");
    let ended = between(&daemon, &socket, 3);
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
    command.arg("--socket").arg(&socket).args(["redact", "--user", "ann", "--since", "1 h"]);
    let output = command.output().unwrap();
    ended.join().unwrap();
    refused(&output, 69, "256 of 600 messages are redacted, 344 are left.");
    let rest = done(&chatctl(&daemon, &["redact", "--user", "ann", "--since", "1 h"]));
    assert_eq!(rest, "Redacted 344 messages.\n256 messages were redacted before.\n");
    daemon.signal(Signal::TERM);
    assert!(daemon.until_ended().success());
}

/// A socket over which so many requests get to the daemon, and then the connection is closed: the
/// last one is not passed on.
fn between(daemon: &Daemon, socket: &Path, requests: usize) -> JoinHandle<()> {
    let listener = UnixListener::bind(socket).unwrap();
    let mut daemon = UnixStream::connect(daemon.socket()).unwrap();
    thread::spawn(move || {
        let (mut ctl, _) = listener.accept().unwrap();
        let mut asked = BufReader::new(ctl.try_clone().unwrap());
        let mut answered = BufReader::new(daemon.try_clone().unwrap());
        for request in 1.. {
            let mut line = String::new();
            asked.read_line(&mut line).unwrap();
            if request == requests {
                return;
            }
            daemon.write_all(line.as_bytes()).unwrap();
            line.clear();
            answered.read_line(&mut line).unwrap();
            ctl.write_all(line.as_bytes()).unwrap();
        }
    })
}
