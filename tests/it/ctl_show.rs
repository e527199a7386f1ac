//! The output of chatctl: at a terminal, to programs, and on failure.

use std::fs::File;
use std::io::Read;
use std::os::unix::net::UnixListener;
use std::process::{Command, Output};

use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;
use tempfile::TempDir;
use unicode_width::UnicodeWidthStr;

use crate::client::pseudo_terminal;
use crate::ctl::{chatctl, check_done, run};
use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::add_account;

/// The output of a command at a terminal of so many columns.
fn at_terminal(columns: u16, mut command: Command) -> Vec<String> {
    let (mut screen, open) = pseudo_terminal();
    let inside = open();
    let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(&inside, size).unwrap();
    let mut child = command.env_remove("COLUMNS").stdout(open()).spawn().unwrap();
    // Once the program has ended, no process has the terminal open, and reading fails.
    drop((inside, command));
    let shown = read_all(&mut screen);
    assert!(child.wait().unwrap().success());
    shown.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect()
}

fn read_all(screen: &mut File) -> String {
    let (mut bytes, mut piece) = (Vec::new(), [0; 4096]);
    while let Ok(count @ 1..) = screen.read(&mut piece) {
        bytes.extend_from_slice(&piece[..count]);
    }
    String::from_utf8(bytes).unwrap()
}

#[track_caller]
fn json(output: &Output) -> Value {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn tables_fit_the_terminal_and_are_whole_elsewhere() {
    let daemon = Daemon::start();
    let socket = daemon.socket();
    let (long, wide) = ("w".repeat(32), "日本語".repeat(10));
    let _people = [Person::text(&daemon, &long), Person::text(&daemon, &wide)];
    let reason = "for saying the same thing again and again, which nobody wanted to read at all";
    for target in [&long, &wide, "2001:db8:1111:2222:3333:4444:5555:0/112"] {
        check_done(&run(&socket, &["mute", target, "--reason", reason, "--for", "20 days"]));
    }
    add_account(&daemon, &["ann", "--operator"]);
    add_account(&daemon, &[&"x".repeat(32)]);
    for command in ["users", "bans", "audit", "account list", "status"] {
        let args: Vec<&str> = command.split(' ').collect();
        for columns in [40, 80, 132] {
            if (command, columns) == ("status", 40) {
                // A path is not broken.
                continue;
            }
            let rows = at_terminal(columns, chatctl(&socket, &args));
            assert!(rows.len() > 2, "{command}: {rows:?}");
            for row in &rows {
                assert!(row.width() <= columns.into(), "{command} at {columns}: {rows:#?}");
            }
        }
    }
    let rows = at_terminal(80, chatctl(&socket, &["users"]));
    assert!(rows[1].contains('…') && rows[1].contains("127.0.0.1:"), "{rows:#?}");
    // Elsewhere nothing is cut, unless the environment gives a width.
    assert!(check_done(&run(&socket, &["users"])).contains(&long));
    assert!(check_done(&run(&socket, &["bans"])).contains(reason));
    let narrow = chatctl(&socket, &["users"]).env("COLUMNS", "60").output().unwrap();
    assert!(check_done(&narrow).lines().all(|row| row.width() <= 60));
}

#[test]
fn users_shows_who_is_an_operator_muted_or_detached() {
    let daemon = Daemon::with("[timeouts]\nhold = \"60 s\"\n");
    let socket = daemon.socket();
    let (jay, _) = Person::json(&daemon, "jay");
    let address = jay.stream.local_addr().unwrap().to_string();
    let _ann = Person::text(&daemon, "ann");
    check_done(&run(&socket, &["mute", "ann"]));
    drop(jay);
    daemon.until("jay is away", |daemon| {
        daemon.users().iter().any(|user| user.away_seconds.is_some())
    });
    let table = check_done(&run(&socket, &["users", "--sort", "name"]));
    let row = |name: &str| table.lines().find(|line| line.starts_with(name)).unwrap();
    assert!(row("ann").contains("muted"), "{table}");
    assert!(row("jay").contains("detached") && row("jay").contains(&address), "{table}");
    let users = json(&run(&socket, &["--json", "users", "--sort", "since"]));
    let (first, second) = (&users["users"][0], &users["users"][1]);
    assert_eq!((&first["name"], &first["address"]), (&"jay".into(), &address.into()));
    assert_eq!((&second["muted"], &second["operator"]), (&true.into(), &false.into()));
}

#[test]
fn the_topic_and_slow_mode_can_be_shown() {
    let daemon = Daemon::with("[room]\ntopic = \"Tea\"\n");
    let socket = daemon.socket();
    assert_eq!(check_done(&run(&socket, &["topic"])), "Tea\n");
    assert_eq!(check_done(&run(&socket, &["slow"])), "off\n");
    check_done(&run(&socket, &["topic", "Tea", "at\x1b[2J five"]));
    check_done(&run(&socket, &["slow", "90 s"]));
    assert_eq!(check_done(&run(&socket, &["topic"])), "Tea at[2J five\n");
    assert_eq!(check_done(&run(&socket, &["slow"])), "one message in 1 min 30 s from each user\n");
    assert_eq!(json(&run(&socket, &["topic", "--json"]))["topic"], "Tea at[2J five");
    assert_eq!(json(&run(&socket, &["slow", "--json"]))["slow_seconds"], 90);
    let status = check_done(&run(&socket, &["status"]));
    assert!(status.contains("Tea at[2J five") && status.contains("1 min 30 s"), "{status}");
    check_done(&run(&socket, &["topic", "--clear"]));
    assert_eq!(check_done(&run(&socket, &["topic"])), "Tea\n");
    // Showing is no act.
    assert_eq!(json(&run(&socket, &["--json", "audit"]))["audit"].as_array().unwrap().len(), 3);
}

#[test]
fn history_shows_sentences_and_no_json() {
    let daemon = Daemon::start();
    let socket = daemon.socket();
    let mut ann = Person::text(&daemon, "ann");
    ann.say("tea?");
    // The answer comes after the message is in the history, and so before bo's join is.
    ann.say("!who");
    ann.expect("[SERVER]: 1 person is here: ann");
    let mut bo = Person::text(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    bo.say("!me nods");
    ann.expect("* bo nods");
    for args in [
        &["topic", "Tea at five"][..],
        &["rename", "bo", "robert"],
        &["redact", "2"],
        &["say", "closing soon"],
        &["kick", "robert", "too loud"],
    ] {
        check_done(&run(&socket, args));
    }
    let shown = check_done(&run(&socket, &["history"]));
    let said: Vec<&str> = shown.lines().map(|line| line.splitn(3, "  ").last().unwrap()).collect();
    let said: Vec<&str> = said.iter().map(|line| line.rsplit("  ").next().unwrap()).collect();
    let expect = [
        "-- ann joined the chat!",
        "ann: (removed by the operator)",
        "-- bo joined the chat!",
        "* bo nods",
        "-- Topic: Tea at five",
        "-- bo is now called robert.",
        "-- A message was removed by the operator (2)",
        "-- SERVER: closing soon",
        "-- robert was removed by the operator: too loud",
    ];
    assert_eq!(said, expect, "{shown}");
}

#[test]
fn metrics_are_samples_for_programs() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    ann.say("tea?");
    ann.say("!who");
    ann.expect("[SERVER]: 1 person is here: ann");
    let metrics = json(&run(&daemon.socket(), &["metrics", "--json"]));
    let samples = metrics["metrics"].as_array().unwrap();
    let sample = |name: &str| {
        let found = samples.iter().find(|sample| sample["name"] == name);
        found.unwrap_or_else(|| panic!("{name} is not in {metrics}"))
    };
    let messages = sample("chatroom_messages_total");
    assert_eq!((&messages["value"], &messages["type"]), (&1.into(), &"counter".into()));
    assert_eq!(messages["help"], "Messages and actions");
    assert_eq!(sample("chatroom_people")["value"], 1);
    assert_eq!(sample("chatroom_build_info")["labels"]["room"], "lobby");
    let bucket = sample("chatroom_store_seconds_bucket");
    assert!(bucket["labels"]["le"].is_string() && bucket["value"].is_u64(), "{bucket}");
    assert_eq!(bucket["unit"], "seconds");
    assert!(samples.iter().all(|sample| sample["value"].is_number()), "{metrics}");
    // The same as Prometheus gets, one for each line.
    let text = check_done(&run(&daemon.socket(), &["metrics"]));
    assert_eq!(samples.len(), text.lines().filter(|line| !line.starts_with('#')).count());
}

#[test]
fn every_failure_is_json_for_programs() {
    let daemon = Daemon::start();
    let folder = TempDir::new().unwrap();
    let (nobody, hangs) = (folder.path().join("none.sock"), folder.path().join("hangs.sock"));
    let _hangs = UnixListener::bind(&hangs).unwrap();
    let taken = folder.path().join("taken");
    File::create(&taken).unwrap();
    let config = daemon.folder.path().join("chatroomd.toml");
    std::fs::write(config, "[nonsense]\n").unwrap();
    for (socket, args, code, status) in [
        (&daemon.socket(), &["kick", "nobody"][..], "no-such-user", 4),
        (&daemon.socket(), &["unban", "eve"], "no-such-user", 4),
        (&daemon.socket(), &["shutdown", "--cancel"], "failed", 1),
        (&daemon.socket(), &["ban", "x"], "bad-request", 1),
        (&daemon.socket(), &["backup", taken.to_str().unwrap()], "file", 1),
        (&daemon.socket(), &["reload"], "configuration", 78),
        (&daemon.socket(), &["log-level", "loud"], "usage", 2),
        (&daemon.socket(), &["frobnicate"], "usage", 2),
        (&daemon.socket(), &["kick"], "usage", 2),
        (&nobody, &["users"], "not-running", 69),
        (&hangs, &["--timeout", "200 ms", "users"], "no-answer", 75),
    ] {
        let output = run(socket, &[&["--json"], args].concat());
        assert_eq!(output.status.code(), Some(status), "{args:?}");
        let error = &json(&output)["error"];
        assert_eq!((&error["code"], &error["exit_status"]), (&code.into(), &status.into()));
        assert!(error["message"].as_str().is_some_and(|it| it.len() > 10), "{error}");
    }
    // A requested end is no failure.
    assert!(check_done(&run(&nobody, &["--json", "--help"])).starts_with("Administer"));
}

#[test]
fn programs_say_their_own_names() {
    for (program, name) in [
        (env!("CARGO_BIN_EXE_chatroomd"), "chatroomd"),
        (env!("CARGO_BIN_EXE_chatctl"), "chatctl"),
        (env!("CARGO_BIN_EXE_chatroom-client"), "chatroom-client"),
    ] {
        let run = |option: &str| Command::new(program).arg(option).output().unwrap();
        let version = String::from_utf8(run("--version").stdout).unwrap();
        assert_eq!(version, format!("{name} {}\n", env!("CARGO_PKG_VERSION")));
        let help = String::from_utf8(run("--help").stdout).unwrap();
        assert!(help.contains(&format!("Usage: {name} ")), "{help}");
        let examples = help.split_once("Examples:\n").unwrap().1;
        assert!(examples.lines().all(|line| line.contains(name)), "{help}");
        let usage = run("--nonsense");
        assert_eq!(usage.status.code(), Some(2));
        assert!(String::from_utf8(usage.stderr).unwrap().contains(&format!("Usage: {name} ")));
    }
}
