//! Files on disk: companions of the history, other processes that use it, damage, modes.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use chatroom::admin::{AdminRequest, Reply};
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::daemon::{Daemon, PATIENCE};
use crate::harness::Person;
use crate::history::{after, chatctl, done};

/// Runs chatroomd as an operator would, on the daemon's folder.
fn by_hand(daemon: &Daemon, args: &[&str]) -> Output {
    let mut command = daemon.command_again();
    command.args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).output().unwrap()
}

#[track_caller]
fn refused(output: &Output, says: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    says.iter().for_each(|part| assert!(said.contains(part), "{said:?} lacks {part:?}"));
}

fn say(person: &mut Person, id: &str, text: &str) {
    person.say(&json!({ "type": "say", "id": id, "text": text }).to_string());
}

/// Long for a busy machine, and still shorter than any wait for a lock was.
const FAR_BELOW_A_WAIT: Duration = Duration::from_secs(3);

#[test]
fn a_process_that_reads_the_history_holds_nobody_up_and_is_named_in_the_status() {
    let daemon =
        Daemon::with("[limits]\nmessage_bytes = \"64 KiB\"\n[timeouts]\nsilence = \"1 h\"\n");
    let (mut ann, _) = Person::json(&daemon, "ann");
    let (mut bo, _) = Person::json(&daemon, "bo");
    say(&mut ann, "first", "hello");
    bo.event("message");
    let reader = daemon.database();
    reader.execute_batch("BEGIN; SELECT count(*) FROM records").unwrap();
    let text = "x".repeat(60_000);
    let (mut slowest, count) = (Duration::ZERO, 500);
    for n in 0..count {
        let (begun, id) = (Instant::now(), n.to_string());
        say(&mut ann, &id, &text);
        while bo.event("message")["text"] != *text {}
        while ann.event("message")["id"] != *id {}
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < FAR_BELOW_A_WAIT, "a message took {slowest:?}");
    daemon.until("the log is held", |daemon| daemon.status().wal_held);
    let status = daemon.status();
    assert!(status.wal_bytes > 16 << 20, "{}", status.wal_bytes);
    let shown = done(&chatctl(&daemon, &["status"]));
    assert!(shown.contains("kept from shrinking by another process"), "{shown}");
    let json: Value =
        serde_json::from_str(&done(&chatctl(&daemon, &["status", "--json"]))).unwrap();
    assert_eq!(json["status"]["wal_held"], true);
    let Reply::Metrics(metrics) = daemon.ask(&AdminRequest::Metrics) else { panic!("no metrics") };
    assert!(metrics.contains("chatroom_history_log_held 1"), "{metrics}");
    daemon.until_logged("keeps its write-ahead log from shrinking");
    // Text that is redacted meanwhile may stay in the log, and the reply says so.
    let redacted = done(&chatctl(&daemon, &["redact", &status.seq.to_string()]));
    assert!(redacted.contains("the old text stays in the write-ahead log"), "{redacted}");
    drop(reader);
    // Nobody says anything meanwhile.
    daemon.until("the log is small", |daemon| daemon.status().wal_bytes < 1 << 20);
    daemon.until("the log is free", |daemon| !daemon.status().wal_held);
    say(&mut ann, "last", "on it goes");
    while bo.event("message")["text"] != "on it goes" {}
}

#[test]
fn a_process_that_locks_the_history_does_not_hold_up_the_room() {
    let daemon = Daemon::start();
    let (mut ann, _) = Person::json(&daemon, "ann");
    let writer = daemon.database();
    writer.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    for n in 0..30 {
        say(&mut ann, &n.to_string(), "is this stored?");
        let refused = ann.event("refused");
        assert_eq!(
            (&refused["code"], &refused["id"]),
            (&"storage-full".into(), &n.to_string().into())
        );
    }
    assert!(begun.elapsed() < FAR_BELOW_A_WAIT, "{:?}", begun.elapsed());
    let log = daemon.log();
    assert!(log.contains("another process has locked the history"), "{log}");
    assert!(daemon.status().degraded);
    drop(writer);
    daemon.until("messages are taken again", |daemon| !daemon.status().degraded);
    say(&mut ann, "again", "now it is");
    while ann.event("message")["id"] != "again" {}
}

#[test]
fn direct_messages_take_nothing_away_from_the_history() {
    let (daemon, mut ann) = after(300, "[history]\nkeep_bytes = \"2 MiB\"\n");
    const COUNT: usize = 30_000;
    let mut writer = ann.second_hand();
    let writing = std::thread::spawn(move || {
        for n in 0..COUNT {
            let direct =
                json!({ "type": "direct", "to": "ann", "id": format!("{n:064}"), "text": "x" });
            writer.say(&direct.to_string());
        }
    });
    let last = format!("{:064}", COUNT - 1);
    while ann.event("direct")["id"] != *last {}
    writing.join().unwrap();
    let status = daemon.status();
    assert_eq!(status.history_oldest, 1, "the history stays");
    let lines = done(&chatctl(&daemon, &["history", "--from", "ann", "-n", "1000"]));
    assert!(lines.contains("ann: line 1\n") && lines.contains("ann: line 300\n"), "{lines}");
    let file = fs::metadata(daemon.folder.path().join("history.sqlite")).unwrap().len();
    assert!(file < 4 << 20, "{file}");
    // A message that was repeated lately is one message.
    ann.say(&json!({ "type": "direct", "to": "ann", "id": last, "text": "x" }).to_string());
    assert_eq!(ann.event("direct")["id"], *last);
}

#[test]
fn a_backup_that_was_copied_over_a_killed_history_is_not_mixed_with_its_log() {
    let (mut daemon, mut ann) = after(20, "[history]\nreplay = 100\n");
    let folder = daemon.folder.path().to_owned();
    let backup = folder.join("backup");
    done(&chatctl(&daemon, &["backup", backup.to_str().unwrap()]));
    say(&mut ann, "late", &"late ".repeat(700));
    while ann.event("message")["id"] != "late" {}
    drop(ann);
    daemon.signal(Signal::KILL);
    daemon.until_ended();
    assert!(fs::metadata(folder.join("history.sqlite-wal")).unwrap().len() > 0, "it was killed");
    fs::copy(&backup, folder.join("history.sqlite")).unwrap();
    daemon.start_again();
    let log = daemon.log();
    assert!(log.contains("history.sqlite was replaced"), "{log}");
    assert!(log.contains("set-aside-"), "{log}");
    assert_eq!(daemon.status().epoch, 2);
    let check: String =
        daemon.database().query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
    let lines = done(&chatctl(&daemon, &["history", "--from", "ann"]));
    assert!(lines.contains("ann: line 20") && !lines.contains("late"), "{lines}");
    // Started once more, there is nothing to be said about it.
    daemon.until_logged("was replaced");
    daemon.kill_and_start_again();
    assert_eq!(daemon.log().matches("was replaced").count(), 1);
}

#[test]
fn a_backup_is_restored_by_a_command() {
    let (mut daemon, mut ann) = after(20, "");
    let folder = daemon.folder.path().to_owned();
    let backup = folder.join("backup");
    let shown = backup.to_str().unwrap();
    done(&chatctl(&daemon, &["backup", shown]));
    say(&mut ann, "late", "late");
    while ann.event("message")["id"] != "late" {}
    drop(ann);
    refused(&by_hand(&daemon, &["--restore", shown]), &["another chatroomd uses the state folder"]);
    daemon.signal(Signal::KILL);
    daemon.until_ended();
    refused(&by_hand(&daemon, &["--restore", "/nowhere/backup"]), &["/nowhere/backup"]);
    fs::write(folder.join("none"), "nothing like it").unwrap();
    refused(&by_hand(&daemon, &["--restore", folder.join("none").to_str().unwrap()]), &["none"]);
    let access = folder.join("access.sqlite");
    refused(
        &by_hand(&daemon, &["--restore", access.to_str().unwrap()]),
        &["is not a history of chatroomd"],
    );
    let said = done(&by_hand(&daemon, &["--restore", shown]));
    assert!(
        said.contains("records 1 to 21") && said.contains("The previous history is in"),
        "{said}"
    );
    assert_eq!(mode(&folder.join("history.sqlite")), 0o600);
    daemon.start_again();
    assert!(!daemon.log().contains("was replaced"), "{}", daemon.log());
    assert_eq!((daemon.status().epoch, daemon.status().history_oldest), (2, 1));
    let lines = done(&chatctl(&daemon, &["history"]));
    assert!(lines.contains("ann: line 20") && !lines.contains("late"), "{lines}");
}

#[test]
fn readable_parts_of_a_damaged_history_are_salvaged_and_restored() {
    let (mut daemon, ann) = after(500, "");
    drop(ann);
    daemon.signal(Signal::TERM);
    assert!(daemon.until_ended().success());
    let folder = daemon.folder.path().to_owned();
    let file = folder.join("history.sqlite");
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2 / 4096 * 4096;
    bytes[middle..middle + 4096].fill(b'x');
    fs::write(&file, bytes).unwrap();
    let (shown, saved) = (file.to_str().unwrap(), folder.join("saved"));
    let saved = saved.to_str().unwrap();
    refused(&by_hand(&daemon, &[]), &["is damaged", "--restore", "--salvage", shown]);
    let said = done(&by_hand(&daemon, &["--salvage", shown, saved]));
    assert!(said.starts_with("Saved "), "{said}");
    refused(&by_hand(&daemon, &["--salvage", shown, saved]), &["is not overwritten"]);
    done(&by_hand(&daemon, &["--restore", saved]));
    daemon.start_again();
    let lines = done(&chatctl(&daemon, &["history", "-n", "1000", "--from", "ann"]));
    assert!(lines.lines().count() > 300, "{lines}");
    let (mut bo, _) = Person::json(&daemon, "bo");
    say(&mut bo, "on", "on it goes");
    while bo.event("message")["id"] != "on" {}
}

fn mode(file: &Path) -> u32 {
    fs::symlink_metadata(file).unwrap().permissions().mode() & 0o7777
}

/// Every file below a folder, with its mode.
fn all_modes(folder: &Path, found: &mut Vec<(String, u32)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        found.push((path.file_name().unwrap().to_string_lossy().into_owned(), mode(&path)));
        if path.is_dir() {
            all_modes(&path, found);
        }
    }
}

/// Runs a command with a umask.
fn with_umask(umask: &str, command: &Command) -> Command {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask \"$0\"; exec \"$@\"", umask]);
    shell.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

/// docs/security.md has the table of these.
fn expected(name: &str) -> u32 {
    match name {
        "admin.sock" => 0o660,
        "certificate.pem" => 0o644,
        "state" | "chatroom" | "sessions" => 0o700,
        _ => 0o600,
    }
}

#[test]
fn every_file_has_its_mode_whatever_the_umask_is() {
    for umask in ["000", "0777", "022"] {
        let folder = tempfile::TempDir::new().unwrap();
        let (state, home) = (folder.path().join("state"), folder.path().join("home"));
        let run = folder.path().join("run");
        fs::create_dir(&home).unwrap();
        fs::create_dir(&run).unwrap();
        let config = "[listen]\nchat = \"127.0.0.1:0\"\ntls = \"127.0.0.1:0\"\n";
        let mut command = crate::daemon::command(&folder, config);
        command.env("STATE_DIRECTORY", &state).env("RUNTIME_DIRECTORY", &run);
        command.env_remove("NOTIFY_SOCKET");
        let mut make = Command::new(command.get_program());
        make.args(command.get_args()).args(["--make-certificate", "localhost"]);
        make.env("STATE_DIRECTORY", &state).env("RUNTIME_DIRECTORY", &run);
        done(&with_umask(umask, &make).output().unwrap());
        let mut daemon = with_umask(umask, &command);
        let mut daemon = daemon.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let ctl = |args: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
            command.arg("--socket").arg(run.join("admin.sock")).args(args);
            with_umask(umask, &command).output().unwrap()
        };
        let start = Instant::now();
        while !ctl(&["ping"]).status.success() {
            assert!(start.elapsed() < PATIENCE, "it does not start with umask {umask}");
            std::thread::sleep(Duration::from_millis(20));
        }
        let backup = state.join("copy");
        done(&ctl(&["backup", backup.to_str().unwrap()]));
        done(&ctl(&["ban", "eve"]));
        let status: Value = serde_json::from_str(&done(&ctl(&["status", "--json"]))).unwrap();
        let address = |tls: bool| {
            let all = status["status"]["listen"].as_array().unwrap().iter();
            let mut all = all.map(|it| it.as_str().unwrap());
            let found = all.find(|it| it.contains("TLS") == tls).unwrap();
            found.split_whitespace().next().unwrap().to_owned()
        };
        for tls in [false, true] {
            let mut client = Command::new(env!("CARGO_BIN_EXE_chatroom-client"));
            client.args(["--name", "ann", &address(tls)]).args(tls.then_some("--tls"));
            client.env("HOME", &home).env_remove("XDG_STATE_HOME").env_remove("XDG_CONFIG_HOME");
            let mut client = with_umask(umask, &client);
            client.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
            let ended = client.output().unwrap();
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(ended.status.success(), "{said}");
        }
        let mut found = Vec::new();
        [&state, &run, &home].into_iter().for_each(|folder| all_modes(folder, &mut found));
        for needed in [
            "history.sqlite",
            "history.sqlite-wal",
            "history.sqlite-shm",
            "access.sqlite",
            "lock",
            "key.pem",
            "certificate.pem",
            "copy",
            "admin.sock",
        ] {
            assert!(found.iter().any(|(name, _)| name == needed), "{needed} is not in {found:?}");
        }
        assert_eq!(mode(&state), 0o700);
        let is_home = |name: &str| [".local", "share", ".config"].contains(&name);
        for (name, mode) in &found {
            let expected = if is_home(name) { 0o700 } else { expected(name) };
            assert_eq!(mode & 0o777, expected, "{name} with umask {umask}: {mode:o} {found:?}");
        }
        daemon.kill().unwrap();
        daemon.wait().unwrap();
    }
}
