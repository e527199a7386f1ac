//! The stored history.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::Ordering::Relaxed;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::daemon::Daemon;
use crate::harness::{PROMPT, Person};

pub fn chatctl(daemon: &Daemon, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
    command.arg("--socket").arg(daemon.socket()).args(args).output().unwrap()
}

#[track_caller]
pub fn done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// A daemon in which ann has said `lines` lines, and ann.
pub fn after(lines: usize, config: &str) -> (Daemon, Person) {
    let daemon = Daemon::with(config);
    let (mut ann, _) = Person::json(&daemon, "ann");
    for n in 1..=lines {
        ann.say(
            &json!({ "type": "say", "id": n.to_string(), "text": format!("line {n}") }).to_string(),
        );
    }
    for _ in 0..lines {
        while ann.event("message").get("replayed").is_some() {}
    }
    (daemon, ann)
}

#[test]
fn joining_shows_the_newest_messages() {
    let (daemon, mut ann) = after(30, "[history]\nreplay = 3\n");
    let mut bo = Person::connect_to(daemon.address);
    bo.expect(PROMPT);
    bo.say("bo");
    bo.expect("[SERVER]: Welcome bo! To leave chat write !quit.");
    bo.expect("[SERVER]: Earlier messages:");
    for n in 28..=30 {
        let line = bo.line().unwrap();
        let (time, said) = line.split_once("] ").unwrap();
        assert_eq!((time.len(), said), ("[2026-11-22 21:04".len(), &*format!("ann: line {n}")));
    }
    // Messages from now on have no time in front.
    ann.say(r#"{"type":"say","text":"line 31"}"#);
    bo.expect("ann: line 31");

    let (mut jay, welcome) = Person::json(&daemon, "jay");
    assert_eq!(welcome["next"].as_u64().unwrap() + 3, welcome["seq"].as_u64().unwrap());
    for text in ["line 30", "line 31"] {
        let message = jay.event("message");
        assert_eq!((&message["text"], &message["replayed"]), (&text.into(), &true.into()));
    }
    bo.say("now");
    let message = jay.event("message");
    assert_eq!((&message["text"], message.get("replayed")), (&"now".into(), None));
}

#[test]
fn history_is_shown_on_request() {
    let (daemon, mut ann) = after(30, "");
    let mut bo = Person::text(&daemon, "bo");
    bo.say("!history 3");
    // The last three records: two lines, and bo's own joining.
    let lines = bo.lines_until("[SERVER]: End of earlier messages.");
    assert_eq!(lines.len(), 4);
    assert!(lines[0].ends_with("ann: line 29") && lines[2].ends_with("bo joined the chat!"));

    ann.say(r#"{"type":"history","before":12,"limit":5,"id":"h"}"#);
    let history = ann.event("history");
    assert_eq!((&history["id"], &history["more"]), (&"h".into(), &true.into()));
    let seqs = |history: &Value| -> Vec<u64> {
        let records = history["records"].as_array().unwrap();
        records.iter().map(|record| record["seq"].as_u64().unwrap()).collect()
    };
    assert_eq!(seqs(&history), [7, 8, 9, 10, 11]);
    ann.say(r#"{"type":"history","after":29,"limit":200}"#);
    let history = ann.event("history");
    assert_eq!((seqs(&history), &history["more"]), (vec![30, 31, 32], &false.into()));
}

#[test]
fn messages_are_found_by_author() {
    let (daemon, mut ann) = after(30, "");
    let mut bo = Person::text(&daemon, "bo");
    bo.say("!search LINE 2");
    let lines = bo.lines_until("[SERVER]: End of matches.");
    assert_eq!(lines.len(), 12, "2, 20 to 29, and the end: {lines:?}");
    assert!(lines[0].ends_with("ann: line 2") && lines[10].ends_with("ann: line 29"));
    bo.say("!search nothing of this");
    bo.expect("[SERVER]: No stored message contains that.");
    bo.say("!search");
    bo.expect(
        "[SERVER]: Usage: !search TEXT - show the last lines that contain TEXT, as in: !search tea",
    );
    ann.say(r#"{"type":"history","search":"LINE 1","limit":2,"id":"s"}"#);
    let found = ann.event("history");
    assert_eq!((&found["id"], &found["more"]), (&"s".into(), &true.into()));
    assert_eq!(found["records"][0]["text"], "line 18");
    assert_eq!(found["records"].as_array().map(Vec::len), Some(2));
}

#[test]
fn without_a_disk_it_remembers_what_is_in_memory() {
    let (daemon, mut ann) = after(30, "[history]\nenabled = false\nreplay = 2\n");
    assert!(!daemon.folder.path().join("history.sqlite").exists());
    ann.say(r#"{"type":"history","limit":2}"#);
    let history = ann.event("history");
    assert_eq!(history["records"][1]["text"], "line 30");
    let (mut bo, _) = Person::json(&daemon, "bo");
    assert_eq!(bo.event("message")["text"], "line 29");
    assert_eq!(bo.event("message")["text"], "line 30");
    assert_eq!(chatctl(&daemon, &["backup", "/nowhere"]).status.code(), Some(1));
}

#[test]
fn chatctl_finds_what_was_said() {
    let (daemon, _ann) = after(30, "");
    let mut bo = Person::text(&daemon, "bo");
    bo.say("Tea is ready\u{1F375}");
    bo.say("!who");
    bo.line();
    let all = done(&chatctl(&daemon, &["history"]));
    assert_eq!(all.lines().count(), 33);
    assert!(all.lines().last().unwrap().ends_with("  bo: Tea is ready\u{1F375}"), "{all}");
    assert_eq!(done(&chatctl(&daemon, &["history", "-n", "2"])).lines().count(), 2);
    let found = done(&chatctl(&daemon, &["history", "--grep", "tea IS"]));
    assert_eq!(found.lines().count(), 1, "{found}");
    let from = done(&chatctl(&daemon, &["history", "--from", "BO", "--json"]));
    let from: Value = serde_json::from_str(&from).unwrap();
    assert_eq!(from["history"].as_array().unwrap().len(), 2, "joined, and said something");
    let recent = done(&chatctl(&daemon, &["history", "--since", "1 h", "--until", "30 min"]));
    assert_eq!(recent, "");
    assert_eq!(chatctl(&daemon, &["history", "--since", "yesterday-ish"]).status.code(), Some(2));
}

#[test]
fn shown_messages_survive_a_kill() {
    let (mut daemon, ann) = after(5, "[history]\nreplay = 10\n");
    drop(ann);
    daemon.kill_and_start_again();
    let (mut bo, _) = Person::json(&daemon, "bo");
    for n in 1..=5 {
        let message = bo.event("message");
        assert_eq!(
            (&message["text"], &message["seq"]),
            (&json!(format!("line {n}")), &json!(n + 1))
        );
    }
    assert_eq!(bo.event("left")["name"], "ann", "whoever was here is gone");
}

#[test]
fn a_reader_far_behind_is_fed_from_the_disk() {
    let config = "[limits]\nwindow = \"256 KiB\"\n";
    let daemon = Daemon::with(config);
    let mut slow = Person::text(&daemon, "slow");
    let mut talker = Person::text(&daemon, "talker");
    slow.expect("[SERVER]: talker joined the chat!");
    let text = "x".repeat(1000);
    let mut said = 0;
    while daemon.users().iter().find(|user| user.name == "slow").unwrap().behind < 2000 {
        (said..said + 500).for_each(|n| talker.say(&format!("{n} {text}")));
        said += 500;
    }
    assert!(daemon.status().window_records < 1024, "most of it is no longer in memory");
    (0..said).for_each(|n| slow.expect(&format!("talker: {n} {text}")));
    talker.say("and on");
    slow.expect("talker: and on");
}

#[test]
fn a_backup_is_a_history() {
    let (daemon, _ann) = after(100, "");
    let file = daemon.folder.path().join("copy");
    let file = file.to_str().unwrap();
    assert!(done(&chatctl(&daemon, &["backup", file])).starts_with("Wrote "));
    let copy = rusqlite::Connection::open(file).unwrap();
    let count: i64 = copy.query_row("SELECT count(*) FROM records", [], |row| row.get(0)).unwrap();
    assert_eq!(count, 101);
    let check: String = copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let again = chatctl(&daemon, &["backup", file]);
    assert_eq!(again.status.code(), Some(1), "nothing is overwritten");
    assert!(String::from_utf8_lossy(&again.stderr).contains("cannot write"));
}

#[test]
fn a_backup_under_load_is_whole_and_holds_nobody_up() {
    let (daemon, _ann) = after(1, "");
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let is_over = &is_over;
    std::thread::scope(|scope| {
        for name in ["bo", "cy", "di"] {
            let mut person = Person::json(&daemon, name).0;
            scope.spawn(move || {
                for id in 0.. {
                    if is_over.load(Relaxed) {
                        return;
                    }
                    let id = format!("{id}");
                    person.say(&format!(r#"{{"type":"say","id":"{id}","text":"{id}"}}"#));
                    while person.event("message")["id"] != *id {}
                }
            });
        }
        for number in 0..5 {
            let said = daemon.status().messages;
            daemon.until("more is said", |daemon| daemon.status().messages > said + 50);
            let file = daemon.folder.path().join(format!("copy{number}"));
            done(&chatctl(&daemon, &["backup", file.to_str().unwrap()]));
            let copy = rusqlite::Connection::open(file).unwrap();
            let check: String =
                copy.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
            assert_eq!(check, "ok");
            let (first, last, count): (i64, i64, i64) = copy
                .query_row("SELECT min(seq), max(seq), count(*) FROM records", [], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .unwrap();
            assert_eq!((first, last), (1, count), "nothing is missing between");
            assert!(count as u64 > said, "what was acknowledged before is in it");
        }
        is_over.store(true, Relaxed);
    });
}

#[test]
fn a_second_daemon_on_the_same_history_is_refused() {
    let daemon = Daemon::start();
    let other = tempfile::TempDir::new().unwrap();
    let mut command = daemon.command_again();
    let output = command.env("RUNTIME_DIRECTORY", other.path()).env_remove("NOTIFY_SOCKET");
    // It is the address that it would notice first.
    fs::write(daemon.folder.path().join("chatroomd.toml"), "[listen]\nchat = \"127.0.0.1:0\"\n")
        .unwrap();
    let output = output.stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("another chatroomd uses the state folder"), "{said}");
}

#[test]
fn a_damaged_history_is_said_to_be_so() {
    let (mut daemon, ann) = after(100, "");
    drop(ann);
    daemon.signal(Signal::TERM);
    assert!(daemon.until_ended().success());
    let file = daemon.folder.path().join("history.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    bytes[..4096].fill(b'x');
    fs::write(&file, bytes).unwrap();
    let output = daemon.command_again().stderr(Stdio::piped()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    let name = file.file_name().and_then(|name| Path::new(name).to_str()).unwrap();
    assert!(said.contains(name) && said.contains("To go on without it, move it"), "{said}");
}

#[test]
fn history_is_followed_until_the_daemon_ends() {
    let (mut daemon, mut ann) = after(2, "[history]\nreplay = 0\n");
    for arguments in [&["--from", "ann"][..], &["--grep", "line", "--json"][..]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
        command.arg("--socket").arg(daemon.socket()).args(["history", "--follow", "-n", "1"]);
        let mut following =
            command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        let last = line();
        ann.say(&json!({ "type": "say", "text": "a line more" }).to_string());
        let followed = line();
        assert!(last.contains("line") && followed.contains("a line more"), "{last}\n{followed}");
        assert_eq!(arguments.contains(&"--json"), followed.starts_with('{'), "{followed}");
        if arguments.contains(&"--json") {
            daemon.signal(Signal::TERM);
            daemon.until_ended();
            let error: Value = serde_json::from_str(&line()).unwrap();
            let said = error["error"]["message"].as_str().unwrap();
            assert!(said.contains("it has stopped or is restarting"), "{said}");
            assert_eq!(error["error"]["code"], "ended");
            let ended = following.wait_with_output().unwrap();
            assert_eq!((ended.status.code(), ended.stderr.len()), (Some(69), 0));
        } else {
            // The reader has seen enough.
            drop(lines);
            ann.say(&json!({ "type": "say", "text": "nobody reads this line" }).to_string());
            assert_eq!(following.wait().unwrap().code(), Some(0));
        }
    }
}
