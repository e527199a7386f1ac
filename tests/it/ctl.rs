//! chatctl.

use std::fs::{self, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::daemon::Daemon;
use crate::harness::Person;
use crate::moderation::add_account;

pub fn chatctl(socket: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatctl"));
    command.arg("--socket").arg(socket).args(args);
    command
}

pub fn run(socket: &Path, args: &[&str]) -> Output {
    chatctl(socket, args).output().unwrap()
}

/// Checks the exit status and what is said on standard error.
#[track_caller]
pub fn check_fails(output: &Output, status: i32, says: &[&str]) {
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{said}");
    assert!(output.stdout.is_empty());
    says.iter().for_each(|part| assert!(said.contains(part), "{said:?} lacks {part:?}"));
}

#[track_caller]
pub fn check_done(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty());
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_daemon_that_is_not_there_is_69() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("admin.sock");
    let says = ["chatroomd is not running", "systemctl start chatroomd"];
    check_fails(&run(&socket, &["users"]), 69, &says);
    drop(UnixListener::bind(&socket).unwrap());
    check_fails(&run(&socket, &["users"]), 69, &says);
    let mut without = Command::new(env!("CARGO_BIN_EXE_chatctl"));
    without.arg("users").env_remove("CHATROOMD_SOCKET").env("XDG_RUNTIME_DIR", folder.path());
    // Where a chatroomd runs already, as the service or for this user, that one would be found.
    let uid = rustix::process::getuid().as_raw();
    let of_user = format!("/tmp/chatroomd-{uid}/admin.sock");
    if !["/run/chatroomd/admin.sock", &of_user].iter().any(|socket| Path::new(socket).exists()) {
        check_fails(&without.output().unwrap(), 69, &says);
    }
}

#[test]
fn a_daemon_that_hangs_is_75() {
    let folder = TempDir::new().unwrap();
    let socket = folder.path().join("admin.sock");
    let hangs = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None).unwrap();
    hangs.bind(&socket2::SockAddr::unix(&socket).unwrap()).unwrap();
    hangs.listen(8).unwrap();
    let output = run(&socket, &["--timeout", "200 ms", "ping"]);
    check_fails(&output, 75, &["did not answer within 0.2 s", "systemctl status chatroomd"]);
    // Its queue is full: not even connecting works.
    let full: Vec<_> = (0..100)
        .map_while(|_| {
            let socket2 = socket2::Socket::new(socket2::Domain::UNIX, socket2::Type::STREAM, None);
            let stream = socket2.unwrap();
            stream.set_nonblocking(true).unwrap();
            stream.connect(&socket2::SockAddr::unix(&socket).unwrap()).ok().map(|()| stream)
        })
        .collect();
    assert!(full.len() < 100, "the queue has an end");
    check_fails(&run(&socket, &["ping"]), 75, &["did not answer"]);
}

#[test]
fn a_daemon_that_one_may_not_talk_to_is_77() {
    let daemon = Daemon::start();
    if !rustix::process::getuid().is_root() {
        // An ordinary user cannot become another one, but can lock itself out.
        fs::set_permissions(daemon.socket(), Permissions::from_mode(0o000)).unwrap();
        let says = ["not permitted", "group `chatroom`"];
        return check_fails(&run(&daemon.socket(), &["users"]), 77, &says);
    }
    // "nobody" can look up the socket, but is not in its group.
    fs::set_permissions(daemon.folder.path(), Permissions::from_mode(0o755)).unwrap();
    let program = daemon.folder.path().join("chatctl");
    fs::copy(env!("CARGO_BIN_EXE_chatctl"), &program).unwrap();
    let mut command = Command::new(program);
    command.arg("--socket").arg(daemon.socket()).arg("users").uid(65534).gid(65534);
    let says = ["not permitted", "group `chatroom`"];
    check_fails(&command.output().unwrap(), 77, &says);
}

#[test]
fn users_are_listed_for_people_and_for_programs() {
    let daemon = Daemon::start();
    let socket = daemon.socket();
    assert_eq!(check_done(&run(&socket, &["users"])), "The room is empty.\n");
    let _ann = Person::text(&daemon, "ann");
    let (_jay, _) = Person::json(&daemon, "jay");
    let table = check_done(&run(&socket, &["users"]));
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3);
    let heads: Vec<&str> = lines[0].split_whitespace().collect();
    assert_eq!(heads, ["NAME", "ADDRESS", "SINCE", "IDLE", "DIALECT", "STATE", "IN", "OUT"]);
    assert!(lines[1].starts_with("ann   127.0.0.1:") && lines[1].contains("  text  "), "{table}");
    let json: Value =
        serde_json::from_str(&check_done(&run(&socket, &["users", "--json"]))).unwrap();
    assert_eq!(json["users"][1]["name"], "jay");
    assert_eq!(json["users"][1]["dialect"], "json");
    assert_eq!(json["users"][0]["bytes_in"], 4);
}

#[test]
fn status_and_ping() {
    let daemon = Daemon::with("[room]\nname = \"den\"\n");
    let mut ann = Person::text(&daemon, "ann");
    ann.say("hello");
    ann.say("!who");
    ann.expect("[SERVER]: 1 person is here: ann");
    let status = check_done(&run(&daemon.socket(), &["status"]));
    let row = |name: &str, value: &str| {
        let found = status.lines().any(|line| line.starts_with(name) && line.contains(value));
        assert!(found, "{name} {value} is not in\n{status}");
    };
    row("room", "den");
    row("people", "1");
    row("messages", "1");
    row("listening", &daemon.address.to_string());
    let json: Value =
        serde_json::from_str(&check_done(&run(&daemon.socket(), &["status", "--json"]))).unwrap();
    assert_eq!((&json["status"]["people"], &json["status"]["seq"]), (&1.into(), &2.into()));
    assert!(check_done(&run(&daemon.socket(), &["ping"])).contains("answered in"));
    let ping: Value =
        serde_json::from_str(&check_done(&run(&daemon.socket(), &["ping", "--json"]))).unwrap();
    assert!(ping["ping"]["milliseconds"].as_f64().unwrap() > 0.0);
}

#[test]
fn saying_and_kicking() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    let (mut jay, _) = Person::json(&daemon, "jay");
    ann.expect("[SERVER]: jay joined the chat!");
    check_done(&run(&daemon.socket(), &["say", "back", "in five\x1b minutes"]));
    ann.expect("[SERVER]: back in five minutes");
    assert_eq!(jay.event("notice")["text"], "back in five minutes");
    check_fails(&run(&daemon.socket(), &["kick", "nobody"]), 4, &["Nobody here is called nobody."]);
    assert_eq!(
        check_done(&run(&daemon.socket(), &["kick", "JAY", "too", "loud"])),
        "Removed JAY (1 person).\n"
    );
    let closing = jay.event("closing");
    assert_eq!(closing["code"], "removed");
    assert!(closing["message"].as_str().unwrap().ends_with("by the operator: too loud"));
    jay.expect_end();
    ann.expect("[SERVER]: jay was removed by the operator: too loud");
    check_done(&run(&daemon.socket(), &["kick", "ann"]));
    ann.expect("[SERVER]: You were removed from the room by the operator.");
    ann.expect_end();
    daemon.until("who did it is logged", |daemon| {
        let log = daemon.log();
        log.contains("command=\"kick\"")
            && log.contains("uid=")
            && log.contains("target=\"JAY: too loud\"")
    });
}

#[test]
fn reloading_and_the_log_level() {
    let daemon = Daemon::start();
    let socket = daemon.socket();
    assert_eq!(check_done(&run(&socket, &["log-level"])), "info\n");
    assert_eq!(check_done(&run(&socket, &["log-level", "debug"])), "debug\n");
    check_done(&run(&socket, &["reload"]));
    assert_eq!(check_done(&run(&socket, &["log-level"])), "info\n");
    fs::write(daemon.folder.path().join("chatroomd.toml"), "[nonsense]\n").unwrap();
    check_fails(&run(&socket, &["reload"]), 78, &["line 1: unknown section [nonsense]"]);
    check_fails(&run(&socket, &["log-level", "loud"]), 2, &["error, warn, info"]);
}

#[test]
fn a_shutdown_can_be_announced_called_off_and_carried_out() {
    let mut daemon = Daemon::start();
    let socket = daemon.socket();
    let mut ann = Person::text(&daemon, "ann");
    let args = ["shutdown", "--in", "90 s", "--message", "new kernel"];
    check_done(&run(&socket, &args));
    ann.expect("[SERVER]: The server will shut down in 1 min 30 s: new kernel");
    assert!(daemon.status().shutdown_in_seconds.is_some());
    check_done(&run(&socket, &["shutdown", "--cancel"]));
    ann.expect("[SERVER]: The shutdown was cancelled.");
    check_fails(&run(&socket, &["shutdown", "--cancel"]), 1, &["no shutdown was asked for"]);
    let output = run(&socket, &["shutdown", "--message", "good night"]);
    assert_eq!(check_done(&output), "chatroomd has stopped.\n");
    ann.expect("[SERVER]: good night");
    ann.expect("[SERVER]: server is shutting down");
    ann.expect_end();
    assert!(daemon.until_ended().success());
}

#[test]
fn a_request_that_changes_nothing_says_so() {
    let daemon = Daemon::start();
    let say = |args: &[&str]| check_done(&run(&daemon.socket(), args));
    add_account(&daemon, &["ann"]);
    assert_eq!(say(&["account", "unlock", "ann"]), "ann is not locked. Nothing was changed.\n");
    assert_eq!(say(&["account", "lock", "ann"]), "ann is locked.\n");
    assert_eq!(say(&["account", "lock", "ann"]), "ann is locked already. Nothing was changed.\n");
    let off = say(&["account", "operator", "ann", "--off"]);
    assert_eq!(off, "ann is no operator. Nothing was changed.\n");
    assert_eq!(say(&["account", "operator", "ann"]), "ann is an operator now.\n");
    let again = say(&["account", "operator", "ann"]);
    assert_eq!(again, "ann is an operator already. Nothing was changed.\n");
    let mut jay = Person::text(&daemon, "jay");
    assert_eq!(say(&["slow", "off"]), "Slow mode is off already.\n");
    assert_eq!(say(&["topic", "--clear"]), "The topic is the configured one already.\n");
    assert_eq!(say(&["topic", "Tea"]), "The topic is set.\n");
    jay.expect("[SERVER]: Topic: Tea");
    assert_eq!(say(&["topic", "Tea"]), "That is the topic already. Nothing was changed.\n");
    let cleared = say(&["topic", "--clear"]);
    assert_eq!(cleared, "There is no topic any more: none is configured.\n");
    check_fails(&run(&daemon.socket(), &["slow", "500 ms"]), 2, &["at least one second"]);
}

#[test]
fn a_password_that_is_the_same_is_not_said_to_be_another() {
    let daemon = Daemon::start();
    add_account(&daemon, &["ann"]);
    let set = |password: &str| {
        let mut command = chatctl(&daemon.socket(), &["account", "password", "ann"]);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        writeln!(child.stdin.take().unwrap(), "{password}").unwrap();
        check_done(&child.wait_with_output().unwrap())
    };
    assert_eq!(set("another one"), "ann has another password now.\n");
    let same = "ann has that password already. Nothing was changed.\n";
    assert_eq!(set("another one"), same);
}
