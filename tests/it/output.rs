//! The output of the programs: none of it is lost silently.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::client::client;
use crate::ctl::{chatctl, check_done, run};
use crate::daemon::{Daemon, until_ended};
use crate::harness::Person;

const SAID: &str = "cannot write the output: No space left on device";

/// A device that is always full.
fn full() -> Stdio {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// A pipe that nobody reads.
fn unread() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

fn chatroomd(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatroomd"));
    command.args(args).stdin(Stdio::null());
    command
}

/// Runs it without what it prints.
fn into(command: &mut Command, stdout: Stdio) -> Output {
    command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).output().unwrap()
}

/// Checks that a full device is an error, and that a reader who is gone is none.
#[track_caller]
fn check_both(program: &str, status: i32, mut command: impl FnMut() -> Command) {
    let output = into(&mut command(), full());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(74), "{:?}: {said}", command());
    assert_eq!(said, format!("{program}: {SAID}\n"), "{:?}", command());
    let output = into(&mut command(), unread());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), said.as_ref()), (Some(status), ""), "{:?}", command());
}

#[test]
fn chatctl_fails_where_its_output_cannot_be_written() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    ann.say("hello");
    daemon.until("she is heard", |daemon| daemon.status().messages == 1);
    let commands: &[&[&str]] = &[
        &["users"],
        &["status"],
        &["metrics"],
        &["ping"],
        &["bans"],
        &["audit"],
        &["account", "list"],
        &["history"],
        &["log-level"],
        &["reload"],
        &["topic", "Tea"],
        &["mute", "bo"],
        &["unmute", "bo"],
    ];
    for command in commands {
        let more: &[&str] = if command[0] == "unmute" { &["--help"] } else { &["--json"] };
        // Each is done all the same, so that the second time it has to be undone.
        if command[0] != "unmute" {
            check_both("chatctl", 0, || chatctl(&daemon.socket(), command));
        }
        check_both("chatctl", 0, || chatctl(&daemon.socket(), &[command, more].concat()));
    }
    for json in [&[][..], &["--json"]] {
        let follow = [&["history", "--follow"], json].concat();
        check_both("chatctl", 0, || chatctl(&daemon.socket(), &follow));
    }
    // Nothing has to run for these.
    for args in [&["--help"][..], &["--version"], &["help", "ban"], &["completions", "bash"]] {
        check_both("chatctl", 0, || chatctl(Path::new("/nonexistent"), args));
    }
}

#[test]
fn following_fails_when_the_output_device_fills_up() {
    let daemon = Daemon::start();
    let mut ann = Person::text(&daemon, "ann");
    // Nothing is printed at first.
    let mut command = chatctl(&daemon.socket(), &["history", "--follow", "--from", "bo"]);
    let mut following = command.stdout(full()).stderr(Stdio::piped()).spawn().unwrap();
    let mut bo = Person::text(&daemon, "bo");
    ann.expect("[SERVER]: bo joined the chat!");
    bo.say("hello");
    assert_eq!(until_ended(&mut following).code(), Some(74));
    let output = following.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stderr), format!("chatctl: {SAID}\n"));
}

#[test]
fn the_doctors_verdict_is_lost_with_its_output_but_not_with_its_reader() {
    let daemon = Daemon::start();
    let verdict = run(&daemon.socket(), &["doctor"]).status.code().unwrap();
    for json in [&[][..], &["--json"]] {
        check_both("chatctl", verdict, || chatctl(&daemon.socket(), &[&["doctor"], json].concat()));
    }
}

#[test]
fn a_backup_that_does_not_fit_says_so() {
    let daemon = Daemon::start();
    let folder = tempfile::tempdir().unwrap();
    // One block is what fits.
    let mut shell = Command::new("sh");
    let program = env!("CARGO_BIN_EXE_chatctl");
    let copy = folder.path().join("copy");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 1; exec \"$@\"", "sh", program, "--socket"]);
    let output = shell.arg(daemon.socket()).arg("backup").arg(&copy).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(74), "{said}");
    assert_eq!(said, format!("chatctl: cannot write {}: File too large\n", copy.display()));
    assert!(!copy.exists());
}

#[test]
fn chatroomd_fails_where_its_output_cannot_be_written() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("chatroomd.toml");
    let text =
        format!("[tls]\ncertificate = \"{0}/c\"\nkey = \"{0}/k\"\n", folder.path().display());
    std::fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    for args in [&["--help"][..], &["--version"], &["--config", config, "--check-config"]] {
        check_both("chatroomd", 0, || chatroomd(args));
    }
    let mut make = chatroomd(&["--config", config, "--make-certificate", "localhost"]);
    let output = into(make.env("STATE_DIRECTORY", folder.path()), full());
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), said.as_ref()), (Some(74), &*format!("chatroomd: {SAID}\n")));
}

#[test]
fn chatroomd_serves_without_an_output_and_says_that_it_has_none() {
    let daemon = Daemon::customised("", |command| _ = command.stdout(full()));
    daemon.until_logged(SAID);
    let daemon = Daemon::customised("", |command| {
        command.stdout(unread()).stderr(unread());
    });
    check_done(&run(&daemon.socket(), &["ping"]));
}

#[test]
fn the_client_fails_where_its_output_cannot_be_written() {
    for args in [&["--help"][..], &["--version"]] {
        check_both("chatroom-client", 0, || client(args));
    }
    let daemon = Daemon::start();
    let address = daemon.address.to_string();
    for plain in [&[][..], &["--plain"]] {
        let mut ann = Person::text(&daemon, "ann");
        let mut command = client(&[&["--name", "bo", &address], plain].concat());
        command.stdin(Stdio::piped()).stdout(full()).stderr(Stdio::piped());
        let mut bo = command.spawn().unwrap();
        ann.expect("[SERVER]: bo joined the chat!");
        ann.say("hello");
        ann.expect("[SERVER]: bo has quit.");
        assert_eq!(until_ended(&mut bo).code(), Some(74));
        let said = String::from_utf8(bo.wait_with_output().unwrap().stderr).unwrap();
        assert!(said.ends_with(&format!("chatroom-client: {SAID}\n")), "{said}");
        ann.say("!quit");
        ann.expect_end();
    }
}

#[test]
fn a_standard_error_that_is_full_or_closed_changes_no_exit_status() {
    let daemon = Daemon::start();
    let folder = tempfile::tempdir().unwrap();
    let wrong = folder.path().join("wrong.toml");
    std::fs::write(&wrong, "[nonsense]\n").unwrap();
    let wrong = wrong.to_str().unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nowhere = ["--name", "bo", "--attempts", "1", &nobody.to_string()];
    let here = ["--name", "bo", &daemon.address.to_string()];
    for stderr in [full, unread] {
        let check = |mut command: Command, status| {
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr());
            assert_eq!(command.status().unwrap().code(), Some(status), "{command:?}");
        };
        check(chatctl(Path::new("/nonexistent"), &["users"]), 69);
        check(chatctl(Path::new("/nonexistent"), &["nonsense"]), 2);
        check(chatroomd(&["--config", wrong]), 78);
        check(chatroomd(&["--config", wrong, "--check-config"]), 78);
        check(chatroomd(&["--nonsense"]), 2);
        check(client(&nowhere), 69);
        check(client(&here), 0);
        check(client(&["--nonsense"]), 2);
        check(client(&[]), 2);
    }
}

#[test]
fn lines_of_the_log_that_cannot_be_written_are_counted() {
    let daemon = Daemon::customised("", |command| _ = command.stderr(full()));
    for name in ["ann", "bo", "cy"] {
        let before = daemon.status().log_lines_dropped;
        let _person = Person::text(&daemon, name);
        daemon.until("it is counted", |daemon| daemon.status().log_lines_dropped > before);
    }
}

#[test]
fn an_empty_variable_counts_as_unset() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path();
    let config = home.join("chatroomd.toml");
    let text =
        format!("[listen]\nchat = \"127.0.0.1:0\"\n[paths]\nruntime = \"{}\"\n", home.display());
    std::fs::write(&config, text).unwrap();
    let mut command = chatroomd(&["--config", config.to_str().unwrap()]);
    empty(&mut command, home).stdout(Stdio::piped()).stderr(log(home));
    let mut child = command.spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let said = std::fs::read_to_string(home.join("log")).unwrap();
    assert!(line.starts_with("The room \"lobby\" is open on "), "it is said how to join: {said}");
    let address = line.trim_end().trim_end_matches('.').rsplit(' ').next().unwrap();
    let state = home.join(".local/state/chatroomd");
    assert!(state.join("history.sqlite").exists(), "the state is in the home: {said}");
    // There is no default socket of that daemon, so that the one it says has to be named.
    check_done(&run(&home.join("admin.sock"), &["ping"]));
    let mut chatctl = Command::new(env!("CARGO_BIN_EXE_chatctl"));
    let unset = chatctl.args(["--timeout", "1 s", "ping"]).env_remove("CHATROOMD_SOCKET").output();
    let mut chatctl = Command::new(env!("CARGO_BIN_EXE_chatctl"));
    chatctl.args(["--timeout", "1 s", "ping"]).env("CHATROOMD_SOCKET", "");
    let is_empty = chatctl.output().unwrap();
    assert_eq!(is_empty.status.code(), unset.unwrap().status.code());
    assert_ne!(is_empty.status.code(), Some(2), "it is no mistake");
    // The client reads what is preferred below the home.
    std::fs::create_dir_all(home.join(".config/chatroom")).unwrap();
    let preferred = format!("name = \"bo\"\naddress = \"{address}\"\n");
    std::fs::write(home.join(".config/chatroom/client.toml"), preferred).unwrap();
    let mut client = client(&[]);
    let output = empty(&mut client, home).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
    assert!(until_ended(&mut child).success());
    let said = std::fs::read_to_string(home.join("log")).unwrap();
    assert!(!said.contains("WARN") && !said.contains("ERROR"), "{said}");
}

/// Every variable that the programs read is there, and empty but for the home.
fn empty<'a>(command: &'a mut Command, home: &Path) -> &'a mut Command {
    let all = [
        "CHATROOMD_SOCKET",
        "COLORTERM",
        "CREDENTIALS_DIRECTORY",
        "JOURNAL_STREAM",
        "LISTEN_FDNAMES",
        "LISTEN_FDS",
        "LISTEN_PID",
        "NOTIFY_SOCKET",
        "NO_COLOR",
        "RUNTIME_DIRECTORY",
        "STATE_DIRECTORY",
        "TERM",
        "USER",
        "WATCHDOG_PID",
        "WATCHDOG_USEC",
        "XDG_CONFIG_HOME",
        "XDG_RUNTIME_DIR",
        "XDG_STATE_HOME",
    ];
    for name in all {
        command.env(name, "");
    }
    command.env("HOME", home)
}

fn log(home: &Path) -> File {
    File::options().create(true).append(true).open(home.join("log")).unwrap()
}
